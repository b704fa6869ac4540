"""Admission: whether a judge's numbers may carry a claim, and its own errors in them.

Without ``[judges.admission]`` nothing is admitted and every number of a judge that can err is *unaudited*. With it, a judge needs a card
of its own digest that has, for the aspect, language and domain at hand, what the table demands. A threshold is held against
the end of the interval that speaks against the judge; what was never tested is not met. Judges that read facts are exempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
from numpy.random import Generator

from fiducial.engine.labelled import by_people, change_by_people, joined
from fiducial.engine.seeds import generator
from fiducial.engine.spec import Admission
from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Estimate
from fiducial.kernel.roles import Quantity
from fiducial.stats.judge_error import Calibration, corrected_rate
from fiducial.stats.proportions import rate
from fiducial.stats.table import Floats, Table
from fiducial.store.cards import Errors, JudgeCard

LANGUAGE = "language"
ENGLISH = "en"

State = Literal["exact", "labelled", "unaudited", "admitted", "accepted", "failed"]

UNUSED = "people's labels were not used"
"""How the flag begins of a number that people's labels did not correct."""

UNAUDITED = "unaudited judge: its own error is not in the interval"


@dataclass(frozen=True)
class Standing:
    """How a judge stands for one quantity; `errors` by language where a card has them."""

    state: State
    reason: str = ""
    errors: Mapping[str, Errors] = field(default_factory=dict)

    @property
    def flag(self) -> str | None:
        """What a reader of an uncorrected number must know."""
        return {
            "exact": None,
            "labelled": None,
            "unaudited": UNAUDITED,
            "admitted": "judge admitted, but its own error is not in the interval",
            "accepted": f"judge accepted by the specification, not admitted ({self.reason}): its own error is not in the interval",
            "failed": f"judge not admitted ({self.reason}): its own error is not in the interval",
        }[self.state]


@dataclass(frozen=True)
class Audits:
    """What is demanded of judges and what is known of them.

    `rule` is ``[judges.admission]``; `cards` are by judge id; `models` maps a judge's id to the model it asks, where it asks one;
    `exact` are the ids of judges that read facts; `domains` maps a benchmark to the domain that cards call it.
    """

    rule: Admission | None = None
    cards: Mapping[str, JudgeCard] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    exact: frozenset[str] = frozenset()
    domains: Mapping[str, str] = field(default_factory=dict)

    def standing(self, label: str, role: str, judge: str, aspect: str, languages: Sequence[str]) -> Standing:
        """How a judge stands in a benchmark, for an aspect, in the languages of the answers."""
        if judge in self.exact:
            return Standing("exact")
        if self.rule is None:
            return Standing("unaudited")
        domain = self.domains.get(label, label)
        card = self.cards.get(judge)
        found = {} if card is None else {one: card.of(aspect, one, domain) for one in languages}
        errors = {language: cell for language, cell in found.items() if cell is not None}
        against = list(self._against(card, found, aspect, domain))
        if not against:
            return Standing("admitted", errors=errors)
        accepted = {role, judge.partition("@")[0], judge} & set(self.rule.accept)
        return Standing("accepted" if accepted else "failed", "; ".join(against), errors)

    def _against(self, card: JudgeCard | None, found: Mapping[str, Errors | None], aspect: str, domain: str) -> Iterator[str]:
        rule = self.rule
        if rule is None:
            return
        if card is None:
            yield "no card for this judge's digest"
            return
        for language, cell in found.items():
            where = f"{aspect}, {language}, {domain}"
            if cell is None:
                yield f"its card has nothing on {where}"
                continue
            least = min(cell.positives, cell.negatives)
            if least < rule.cases:
                yield f"{where}: {least} labelled cases of the rarer class, {rule.cases} are demanded"
            for name, bound in (("sensitivity", rule.sensitivity), ("specificity", rule.specificity), ("kappa", rule.kappa)):
                number: Estimate | None = getattr(cell, name)
                if bound is not None and (number is None or number.low < bound):
                    yield f"{where}: {name} {_end('at least', number.low if number else None)}, {bound:g} is demanded"
        limits = (("position.bias", rule.position_bias), ("length.bias", rule.length_bias), (".excess", rule.artifact_flips))
        for name, most in limits:
            if most is not None:
                yield from _biases(card, name, most)
        if rule.capability is not None:
            limit = card.capability_limit
            if limit is None or rule.capability > limit:
                known = "its card does not say for how capable a subject it works" if limit is None else f"shown to work up to {limit:g}"
                yield f"the subject's capability {rule.capability:g} is out of its range: {known}"


def marked(audits: Audits, label: str, entry: Quantity, rows: Table, plain: Estimate) -> tuple[Estimate, Standing]:
    """An estimate as judged, marked with what a reader must know of its judge; and how the judge stands."""
    standing = audits.standing(label, entry.judge, rows.target.judge, entry.aspect, sorted(set(_spoken(rows).tolist())))
    flag = standing.flag
    return (msgspec.structs.replace(plain, flags=(*plain.flags, flag)) if flag else plain), standing


def measured(
    audits: Audits, label: str, entry: Quantity, rows: Table, plain: Estimate, truth: Floats | None = None
) -> tuple[Estimate, Standing]:
    """An estimate with its judge's errors carried in where they are known (else marked), and how the judge stands.

    `plain` is the estimate as judged, `truth` what people say of the rows of a random sample, NaN elsewhere. People's labels go first: they
    correct any number and ask nothing of the judge. By a card only shares of yes and no can be corrected, not contrasts, scores or
    changes. Rows that no judge read (adverse statuses, missing ones that were filled) keep their values. Raises `NotEstimable` where the
    card's errors are too great, or contradict what was seen.
    """
    known = rows.value[~rows.missing]
    number, standing = marked(audits, label, entry, rows, plain)
    if truth is not None and standing.state != "exact" and entry.estimator is None:
        try:
            return by_people(rows, truth, plain, _folds(plain)), Standing("labelled")
        except NotEstimable as error:
            number = unused(number, error)
    shares = entry.contrast is None and entry.estimator is None and entry.range == (0.0, 1.0) and bool(np.isin(known, (0.0, 1.0)).all())
    if standing.state != "admitted" or not shares or plain.of.scale != "absolute":
        return number, standing
    return _corrected(rows, _spoken(rows), standing.errors, plain), standing


def changed(
    audits: Audits, label: str, entry: Quantity, sides: tuple[Table, Table], plain: Estimate, truths: tuple[Floats | None, Floats | None]
) -> tuple[Estimate, Standing]:
    """A change from baseline to candidate, by people's labels of both where there are enough, else as judged and marked."""
    number, standing = marked(audits, label, entry, sides[0], plain)
    first, second = truths
    if first is None or second is None or standing.state == "exact":
        return number, standing
    try:
        return change_by_people(sides, (first, second), plain, _folds(plain)), Standing("labelled")
    except NotEstimable as error:
        return unused(number, error), standing


def unused(number: Estimate, why: NotEstimable) -> Estimate:
    """The number marked with why people's labels did not correct it."""
    return msgspec.structs.replace(number, flags=(*number.flags, f"{UNUSED}: {why}"))


def _folds(plain: Estimate) -> Generator:
    """The folds of a number are drawn by its name alone, so that the same run gives the same bytes."""
    return generator(0, "people", *(str(part) for part in msgspec.structs.astuple(plain.of)))


def _spoken(rows: Table) -> np.ndarray:
    """The language of each row; English where none is told."""
    column = rows.factors.get(LANGUAGE)
    return np.full(len(rows), ENGLISH) if column is None else np.array([str(one) or ENGLISH for one in column])


def _corrected(rows: Table, spoken: np.ndarray, errors: Mapping[str, Errors], plain: Estimate) -> Estimate:
    """Rates corrected language by language and joined as if they erred together, which is never too short."""
    judged = rows.status == "judged" if len(rows.status) == len(rows) else np.ones(len(rows), dtype=bool)
    parts: list[tuple[float, Estimate]] = []
    total = float(rows.weight[~rows.missing].sum())
    for language, cell in errors.items():
        here = (spoken == language) & judged & ~rows.missing
        if here.any():
            card = Calibration(cell.found, cell.positives, cell.cleared, cell.negatives)
            parts.append((float(rows.weight[here].sum()) / total, corrected_rate(rows.select(here), card)))
    rest = ~judged & ~rows.missing
    if rest.any():
        parts.append((float(rows.weight[rest].sum()) / total, rate(rows.select(rest))))
    value, low, high = joined(parts, rows, plain)
    first = parts[0][1]
    method = first.method if len(parts) == 1 else f"{first.method}, joined over {len(parts)} parts (languages, unread)"
    extra = {**plain.extra, "uncorrected": plain.value}
    if len(parts) == 1:
        extra |= {name: first.extra[name] for name in ("raw", "sensitivity", "specificity") if name in first.extra}
    bounds = first.bounds if len(parts) == 1 else None
    return msgspec.structs.replace(
        plain, value=value, low=low, high=high, method=f"corrected for the judge's errors: {method}", bounds=bounds,
        extra=extra,
    )  # fmt: skip


def _biases(card: JudgeCard, name: str, most: float) -> Iterator[str]:
    found = [finding for finding in card.findings if finding.name.endswith(name)]
    if not found:
        yield f"{name.strip('.')} was never tested"
    for finding in found:
        worst = max(abs(finding.estimate.low), abs(finding.estimate.high))
        if worst > most:
            yield f"{finding.name} may be {worst:.3g}, at most {most:g} is allowed"


def _end(side: str, bound: float | None) -> str:
    return "was not measured" if bound is None else f"is shown to be {side} {bound:.3g}"
