"""Decide: each claim `holds`, is `violated`, or stays `undecided`, with the estimate it rests on and the reason.

A claim at confidence c is decided by the two-sided interval at level 2c - 1: each of its ends errs with at most 1 - c.
Units without a value enter adversely to the decision that is tested: `holds` must survive the missing at their worst,
`violated` the missing at their best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import msgspec
import numpy as np
from numpy.typing import NDArray

from fiducial.engine.admission import Standing, changed, measured
from fiducial.engine.estimate import Source, Units, against, annotated, estimate, people, planned, second_of, table, units
from fiducial.engine.spec import Specification
from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Claim, Decision, Estimate, Outcome
from fiducial.kernel.roles import Quantity
from fiducial.stats.judge_variance import between_judges
from fiducial.stats.table import Table

Settled = tuple[Estimate | None, Outcome, str]
"""The number a decision rests on, the outcome, the reason."""


@dataclass(frozen=True)
class Reading:
    """What one judge makes of a claim: the number, the same with all the missing against it and for it, how the judge stands."""

    shown: Estimate
    worst: Estimate
    best: Estimate
    standing: Standing


@dataclass(frozen=True)
class Baseline:
    """What relative claims are measured against: a subject of this run, or of another with the same plan."""

    source: Source
    subject: str


@dataclass(frozen=True)
class Decider:
    """Decides the claims of a specification for the candidates of a run."""

    spec: Specification
    source: Source
    cycle: int
    expires: str | None = None
    baseline: Baseline | None = None

    def decide(self, subject: str) -> list[Decision]:
        """Every claim on each of its slices, for one subject; a claim about a benchmark that was filtered away is left out."""
        there = planned(self.source)
        claims = [claim for claim in self.spec.as_claims() if claim.quantity.partition(".")[0] in there]
        return [self._one(claim, where, subject) for claim in claims for where in self._slices(claim, subject)]

    def _one(self, claim: Claim, where: str, subject: str) -> Decision:
        label, _, quantity = claim.quantity.partition(".")
        entry = self.source.benchmarks[label].quantities[quantity]
        number: Estimate | None = None
        judged = False
        try:
            of = units(self.source, label, subject)
            rows = table(self.source, label, quantity, of, level=claim.level, where=where)
            judged = not bool(rows.missing.all())
            first = self._read(claim, entry, of, rows, self._before(claim, where))
            number, outcome, reason = self._by_two(claim, entry, of, first, where)
        except NotEstimable as error:
            outcome, reason = "undecided", str(error)
        system = f"{self.spec.system.name}@{self.spec.system.version}"
        return Decision(
            claim=claim, system=system, subject=subject, slice=where, outcome=outcome, estimate=number, reason=reason,
            cycle=self.cycle, expires=self.expires, judged=judged,
        )  # fmt: skip

    def _before(self, claim: Claim, where: str, entry: Quantity | None = None) -> Table | None:
        """The baseline's table for a relative claim."""
        if claim.scale == "absolute":
            return None
        if self.baseline is None:
            raise NotEstimable("it is relative to a baseline, and the run has none (--baseline SUBJECT or RUN)")
        label, _, quantity = claim.quantity.partition(".")
        of = units(self.baseline.source, label, self.baseline.subject)
        return table(self.baseline.source, label, quantity, of, level=claim.level, where=where, entry=entry)

    def _read(self, claim: Claim, entry: Quantity, of: Units, rows: Table, before: Table | None) -> Reading:
        """What the readings of one judge come to."""
        label = claim.quantity.partition(".")[0]
        low_end, high_end = entry.range
        truth = people(self.source, entry, of, rows)
        theirs_truth = self._people_before(entry, before)

        def number(fill: float | None) -> tuple[Estimate, Standing]:
            mine = rows if fill is None else rows.filled(fill)
            if before is None:
                return measured(self.source.audits, label, entry, mine, estimate(entry, mine), truth)
            theirs = before if fill is None else before.filled(low_end if fill == high_end else high_end)
            plain = against(mine, theirs, claim.scale)
            return changed(self.source.audits, label, entry, (mine, theirs), plain, (truth, theirs_truth))

        shown, standing = number(None)
        shown = annotated(self.source, of, shown)
        if standing.state == "failed" or not shown.missing:
            return Reading(shown, shown, shown, standing)
        ends = (high_end, low_end) if claim.side == "at_most" else (low_end, high_end)
        return Reading(shown, number(ends[0])[0], number(ends[1])[0], standing)

    def _people_before(self, entry: Quantity, before: Table | None) -> NDArray[np.float64] | None:
        """People's labels of the baseline's rows."""
        if before is None or self.baseline is None:
            return None
        of = units(self.baseline.source, before.target.benchmark, self.baseline.subject)
        return people(self.baseline.source, entry, of, before)

    def _by_two(self, claim: Claim, entry: Quantity, of: Units, first: Reading, where: str) -> Settled:
        """The decision where model judges need each other: two independent ones must agree, or one must be said to be enough.

        What changes with the judge widens the interval: both must decide alike, and so must their mean with the variance between them.
        """
        label, _, name = claim.quantity.partition(".")
        rule, judges = self.source.audits.rule, self.source.judges[label]
        number, outcome, reason = _settled(claim, first)
        model = self.source.audits.models.get(judges.get(entry.judge) or "")
        if rule is None or model is None or first.standing.state == "labelled":
            return number, outcome, reason
        other = judges.get(second_of(entry.judge))
        if other is None:
            why = rule.one_judge.get(claim.id)
            if why is None:
                return number, "undecided", "it rests on one model judge; name a second (benchmarks.NAME.second) or say why one is enough"
            return number, outcome, f"{reason}; one model judge: {why}"
        if self.source.audits.models.get(other) == model:
            return number, "undecided", f"its two judges ask the same model, {model}"
        beside = replace(entry, judge=second_of(entry.judge))
        rows = table(self.source, label, name, of, level=claim.level, where=where, entry=beside)
        second = self._read(claim, beside, of, rows, self._before(claim, where, beside))
        _, theirs, why = _settled(claim, second)
        both = _between(first, second, rows.range if claim.scale == "absolute" else (-inf, inf))
        if theirs != outcome:
            return both.shown, "undecided", f"its two judges differ: {outcome} ({reason}) against {theirs} ({why})"
        shown, joint, over = _settled(claim, both)
        if joint != outcome:
            return shown, "undecided", f"each judge alone says {outcome}, but with the variance between them {over}"
        return shown, outcome, f"{over}, over two judges; {reason}; by the second judge: {why}"

    def _slices(self, claim: Claim, subject: str) -> Sequence[str]:
        if not claim.slices:
            return ("",)
        label = claim.quantity.partition(".")[0]
        found: list[str] = []
        for text in claim.slices:
            if "=" in text:
                found.append(text)
            else:
                column = units(self.source, label, subject).factors.get(text)
                found.extend(f"{text}={level}" for level in sorted(set(column)) if level) if column is not None else found.append(text)
        return found


def _settled(claim: Claim, read: Reading) -> Settled:
    """A claim decided by the readings of one judge."""
    if read.standing.state == "failed":
        return read.shown, "undecided", f"its judge is not admitted: {read.standing.reason}"
    at_worst, at_best = (read.worst.high, read.best.low) if claim.side == "at_most" else (read.worst.low, read.best.high)
    outcome, reason = verdict(claim, read.shown.value, at_worst, at_best)
    if read.shown.missing:
        one = read.shown.missing == 1
        reason += f"; the {read.shown.missing} missing {'is' if one else 'are'} entered against the decision"
        reason += f" ({_without(claim, read.shown, outcome)} without {'it' if one else 'them'})"
    return read.shown, outcome, reason


def _without(claim: Claim, shown: Estimate, outcome: Outcome) -> str:
    """What decides, as it is without the missing: the bound of the interval shown, or both where nothing is decided."""
    if outcome == "undecided":
        return f"{_number(shown.low)} and {_number(shown.high)}"
    return _number(shown.high if (claim.side == "at_most") == (outcome == "holds") else shown.low)


def _between(first: Reading, second: Reading, limits: tuple[float, float]) -> Reading:
    """Two judges' readings as one, the variance between judges in its intervals."""
    shown = between_judges((first.shown, second.shown), limits)
    shown = msgspec.structs.replace(shown, extra=shown.extra | {"second_judge": second.shown.value})
    worst, best = (between_judges(pair, limits) for pair in ((first.worst, second.worst), (first.best, second.best)))
    failed = next((one.standing for one in (first, second) if one.standing.state == "failed"), first.standing)
    return Reading(shown, worst, best, failed)


def verdict(claim: Claim, value: float, at_worst: float, at_best: float) -> tuple[Outcome, str]:
    """The outcome of a claim from the two one-sided bounds that decide it.

    `at_worst` is the bound that must lie on the claim's side for it to hold, `at_best` the one that must lie beyond for
    it to be violated. With a margin, either decision may fall inside bound +- margin; the nearer one is then taken.
    """
    sign = 1.0 if claim.side == "at_most" else -1.0
    bound, margin = sign * claim.bound, claim.margin
    holds = sign * at_worst <= bound + margin
    violated = sign * at_best > bound - margin if margin else sign * at_best > bound
    percent = f"{100 * claim.confidence:g} %"
    side = claim.side.replace("_", " ")
    end, other, beyond = ("upper", "lower", "above") if claim.side == "at_most" else ("lower", "upper", "below")
    if holds and violated:
        holds = sign * value <= bound
        violated = not holds
    if holds:
        return "holds", f"the {percent} {end} bound {_number(at_worst)} meets {side} {_number(claim.bound)}"
    if violated:
        return (
            "violated",
            f"the {percent} {other} bound {_number(at_best)} lies {beyond} {_number(claim.bound)}",
        )
    return (
        "undecided",
        f"{percent} bounds {_number(min(at_worst, at_best))} and {_number(max(at_worst, at_best))} enclose {_number(claim.bound)}",
    )


def exit_code(decisions: Sequence[Decision]) -> int:
    """0 all hold, 1 a blocking claim is violated, 2 a claim has no judged unit or there is no claim, 3 one is undecided."""
    if any(d.outcome == "violated" and d.claim.severity == "block" for d in decisions):
        return 1
    if not decisions or any(not d.judged for d in decisions):
        return 2  # nothing holds where nothing was claimed
    return 3 if any(d.outcome == "undecided" for d in decisions) else 0


def _number(value: float) -> str:
    return "unbounded" if abs(value) == inf else f"{value:.4g}"
