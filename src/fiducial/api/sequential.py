"""The sequential rule over a run: gates for its claims, fed while answers come in or from the sealed stages."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path

import msgspec

from fiducial.api.resolve import Resolved
from fiducial.engine import plan as planning
from fiducial.engine.decide import Baseline, Decider
from fiducial.engine.estimate import Source, table, unit_names, units
from fiducial.engine.observe import Progress
from fiducial.engine.plan import Options
from fiducial.engine.rejudge import every_unit
from fiducial.engine.stopping import Stop, Stopping, Value, Watch
from fiducial.kernel.errors import NotEstimable, StoreError
from fiducial.kernel.records import Claim, Decision, Judgement
from fiducial.stats.sequential import Gate
from fiducial.store.manifest import STOPPING
from fiducial.store.run import Run
from fiducial.store.shipping import Ship


@dataclass(frozen=True)
class Wanted:
    """A claim on a slice for a candidate that no gate can be opened for, and why."""

    claim: Claim
    where: str
    place: int
    reason: str


def stopping_of(
    run: Run, resolved: Resolved, options: Options, baseline: Baseline | None, decided: Callable[[Stop], None] | None = None
) -> tuple[Stopping, list[Wanted]]:
    """The gates of all claims of a run, unfed, and the claims that have none."""
    watches: list[Watch] = []
    without: list[Wanted] = []
    base = next((n for n, subject in enumerate(run.plan.subjects) if subject["role"] == "baseline"), None)
    levels = {part.label: planning.levels_of(part, options)[0] for part in resolved.parts}
    for place, subject in enumerate(run.plan.subjects):
        if subject["role"] != "candidate":
            continue
        for claim in resolved.spec.as_claims():
            if not planning.wanted_label(options.only, claim.quantity.partition(".")[0]):
                continue
            for where in _slices(claim, levels[claim.quantity.partition(".")[0]]):
                try:
                    watches.append(_watch(resolved, claim, where, place, base, baseline))
                except NotEstimable as error:
                    without.append(Wanted(claim, where, place, str(error)))
    mix = {label: entry.mix for label, entry in resolved.spec.benchmarks.items()}
    return Stopping(watches, [s["id"] for s in run.plan.subjects], resolved.benchmarks, mix, decided), without


def replayed(run: Run, revision: int, stopping: Stopping) -> None:
    """Feed the gates from the sealed stages, in plan order, as they were fed while answers came in."""
    judgements = _Stream(run.judgements(revision))
    for number, trials, cases in every_unit(run):
        for place, subject in enumerate(stopping.subjects):
            case = cases.get(subject)
            read = judgements.of(trials[0].unit, subject) if case is not None else []
            if not stopping.released(trials[0], place) and case is not None:
                stopping.finished(number, place, case, read)
    stopping.end()


def decisions(decider: Decider, stopping: Stopping, without: Sequence[Wanted]) -> list[Decision]:
    """What the gates came to, claim by claim for each candidate."""
    spec = decider.spec
    system = f"{spec.system.name}@{spec.system.version}"
    found: list[Decision] = []
    for watch in stopping.watches:
        baseline = stopping.subjects[watch.base] if watch.base is not None else decider.baseline.subject if decider.baseline else None
        number, judged = None, watch.units > 0
        try:
            number = watch.estimate(stopping.subjects[watch.place], baseline)
            reason = _reason(watch)
        except NotEstimable as error:
            reason = str(error)
        found.append(
            Decision(
                claim=watch.claim, system=system, subject=stopping.subjects[watch.place], slice=watch.where,
                outcome=watch.gate.outcome or "undecided", estimate=number, reason=reason, cycle=decider.cycle, expires=decider.expires,
                judged=judged, anytime=True,
            )
        )  # fmt: skip
    found.extend(
        Decision(
            claim=one.claim, system=system, subject=stopping.subjects[one.place], slice=one.where, outcome="undecided",
            reason=one.reason, cycle=decider.cycle, expires=decider.expires, judged=False, anytime=True,
        )
        for one in without
    )  # fmt: skip
    claims = [claim.id for claim in spec.claims]
    return sorted(found, key=lambda d: (stopping.subjects.index(d.subject), claims.index(d.claim.id)))


def restricted(source: Source, stopping: Stopping) -> Source:
    """The source without what arrived after the last decision that needed it, and marked as sequential."""
    horizons: dict[tuple[str, str], int] = {}
    for label in source.benchmarks:
        for place, subject in enumerate(stopping.subjects):
            last = stopping.horizon(label, place)
            if last is not None:
                horizons[label, subject] = last
    return replace(source, sequential=frozenset(watch.label for watch in stopping.watches), horizons=horizons)


def read_stops(run: Run) -> list[Stop]:
    """The decisions that were journalled while a run was observed; a torn last line was never acted upon."""
    path = run.path / STOPPING
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    try:
        return [msgspec.json.decode(line, type=Stop) for line in lines[:-1] if line]
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path}: is not a list of decisions: {error}") from error


class StopWriter:
    """Appends each new decision to stopping.jsonl before anything is released by it; `ship` takes the file away."""

    def __init__(self, run: Run, known: Sequence[Stop], progress: Progress | None = None, ship: Ship | None = None) -> None:
        self.path: Path = run.path / STOPPING
        self.progress, self.ship = progress, ship
        self.known = {(stop.claim, stop.slice, stop.subject) for stop in known}
        if self.path.exists():
            whole = b"".join(msgspec.json.encode(stop) + b"\n" for stop in known)
            self.path.write_bytes(whole)

    def __call__(self, stop: Stop) -> None:
        key = (stop.claim, stop.slice, stop.subject)
        if key in self.known:
            return
        self.known.add(key)
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(stop) + b"\n")
                file.flush()
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {error.strerror}") from error
        if self.ship is not None:
            self.ship(self.path)
        if self.progress is not None:
            self.progress.decided(stop.claim, stop.outcome)


class _Stream:
    """Judgements grouped by unit and subject, with one look ahead."""

    def __init__(self, source: Iterator[Judgement]) -> None:
        self._groups = itertools.groupby(source, key=lambda j: (j.unit, j.subject))
        self.ahead: tuple[str, str, list[Judgement]] | None = None
        self._pull()

    def _pull(self) -> None:
        found = next(self._groups, None)
        self.ahead = (*found[0], list(found[1])) if found is not None else None

    def of(self, unit: str, subject: str) -> list[Judgement]:
        """The judgements of a unit and subject, if they come next."""
        now = self.ahead
        if now is None or now[:2] != (unit, subject):
            return []
        self._pull()
        return now[2]


def _slices(claim: Claim, levels: Mapping[str, Sequence[str]]) -> list[str]:
    found: list[str] = []
    for text in claim.slices:
        found.extend([text] if "=" in text else [f"{text}={level}" for level in levels.get(text, ())])
    return found or [""]


def _watch(resolved: Resolved, claim: Claim, where: str, place: int, base: int | None, baseline: Baseline | None) -> Watch:
    label, _, quantity = claim.quantity.partition(".")
    entry = resolved.benchmarks[label].quantities[quantity]
    judge = resolved.judges[label].get(entry.judge)
    if judge is None:
        raise NotEstimable(f"{claim.quantity} needs the judge {entry.judge!r}, which the specification does not configure")
    if entry.estimator is not None:
        raise NotEstimable(f"{claim.quantity} has an estimator of its own, which a sequential rule cannot follow; use rule = 'fixed'")
    relative = claim.scale != "absolute"
    if relative and base is None and baseline is None:
        raise NotEstimable("it is relative to a baseline, and the run has none (--baseline SUBJECT or RUN)")
    gate = Gate.open(claim.side, claim.bound, 1 - claim.confidence, entry.range, scale=claim.scale, margin=claim.margin)
    values = _values(baseline, label, quantity) if relative and base is None and baseline is not None else None
    return Watch(
        claim=claim, where=where, place=place, label=label, quantity=quantity, entry=entry, judge=judge.id, gate=gate,
        base=base if relative else None, base_values=values,
    )  # fmt: skip


def _values(baseline: Baseline, label: str, quantity: str) -> dict[str, Value]:
    """The baseline's value of each unit of another run, by the unit's name."""
    of = units(baseline.source, label, baseline.subject)
    rows = table(baseline.source, label, quantity, of, level=0.9)
    names = dict(zip(of.unit.tolist(), unit_names(baseline.source, label), strict=True))
    return {names[unit]: None if isnan(value) else value for unit, value in zip(rows.unit.tolist(), rows.value.tolist(), strict=True)}


def _reason(watch: Watch) -> str:
    alpha = 1 - watch.claim.confidence
    if watch.gate.outcome is None:
        strongest = watch.gate.e_value
        return f"undecided after {watch.next} clusters: the evidence is {strongest:.3g}, {1 / alpha:.3g} decides"
    return f"decided after {watch.next} clusters: the evidence is {watch.gate.e_value:.3g}, {1 / alpha:.3g} decides"
