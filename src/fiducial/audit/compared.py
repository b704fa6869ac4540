"""Two revisions of one run beside each other: where the judges agree, how subjects rank, which claims change their decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Decision, Estimate, Judgement, Outcome, Record, Target
from fiducial.stats.agreement import cohen_kappa, percent_agreement

SHOWN = 50


class AspectAgreement(Record, frozen=True, kw_only=True):
    """How two readings of an aspect agree. `unknown`: readings of which one or both gave no value. `turned`: units, some of them."""

    aspect: str
    before: str
    after: str
    units: int
    unknown: int
    agreement: Estimate | None = None
    kappa: Estimate | None = None
    turned: tuple[str, ...] = ()


class RankChange(Record, frozen=True, kw_only=True):
    """Subjects from the highest value to the lowest, before and after."""

    quantity: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class DecisionChange(Record, frozen=True, kw_only=True):
    """A claim that is decided otherwise."""

    claim: str
    slice: str
    subject: str
    before: Outcome
    after: Outcome
    reason: str


class JudgeComparison(Record, frozen=True, kw_only=True):
    """All of it. `revisions` are the earlier and the later one, `made` says in words how each came about."""

    agreements: tuple[AspectAgreement, ...]
    ranks: tuple[RankChange, ...]
    decisions: tuple[DecisionChange, ...]
    revisions: tuple[int, int] = (1, 2)
    made: tuple[str, str] = ("", "")


Key = tuple[str, str, str, str | None, int]


def compared(before: Iterable[Judgement], after: Iterable[Judgement]) -> tuple[AspectAgreement, ...]:
    """Agreement of two sets of judgements about the same units, aspect by aspect and judge by judge."""
    old, new = _by_key(before), _by_key(after)
    groups: dict[tuple[str, str, str], list[tuple[str, float | None, float | None]]] = {}
    for key, reading in new.items():
        earlier = old.get(key)
        if earlier is not None:
            pairs = groups.setdefault((reading.aspect, earlier.judge, reading.judge), [])
            pairs.append((f"{reading.unit} {reading.subject}", earlier.value, reading.value))
    return tuple(_agreement(*names, pairs) for names, pairs in sorted(groups.items()))


def ranks(before: Sequence[Estimate], after: Sequence[Estimate]) -> tuple[RankChange, ...]:
    """Quantities by which subjects are ordered otherwise."""
    old, new = _orders(before), _orders(after)
    return tuple(
        RankChange(quantity=name, before=old[name], after=order) for name, order in new.items() if name in old and old[name] != order
    )


def decisions(before: Sequence[Decision], after: Sequence[Decision]) -> tuple[DecisionChange, ...]:
    """Claims that are decided otherwise."""
    old = {(d.claim.id, d.slice, d.subject): d for d in before}
    return tuple(
        DecisionChange(claim=d.claim.id, slice=d.slice, subject=d.subject, before=was.outcome, after=d.outcome, reason=d.reason)
        for d in after
        if (was := old.get((d.claim.id, d.slice, d.subject))) is not None and was.outcome != d.outcome
    )


def _agreement(aspect: str, before: str, after: str, pairs: Sequence[tuple[str, float | None, float | None]]) -> AspectAgreement:
    known = [(name, a, b) for name, a, b in pairs if a is not None and b is not None]
    ratings = np.array([[a, b] for _, a, b in known], dtype=float).reshape(-1, 2)
    sides = (ratings > 0.5).astype(float)
    of = Target(benchmark="judges", quantity=f"agreement.{aspect}", subject=after, baseline=before)
    found: list[Estimate | None] = []
    for measure in (percent_agreement, cohen_kappa):
        try:
            found.append(measure(sides, of=of))
        except NotEstimable:
            found.append(None)
    turned = [name for (name, _, _), (one, two) in zip(known, sides, strict=True) if one != two]
    return AspectAgreement(
        aspect=aspect, before=before, after=after, units=len(pairs), unknown=len(pairs) - len(known), agreement=found[0], kappa=found[1],
        turned=tuple(turned[:SHOWN]),
    )  # fmt: skip


def _by_key(judgements: Iterable[Judgement]) -> dict[Key, Judgement]:
    """Judgements by what they are about; where several judges read one aspect, by their order."""
    found: dict[Key, Judgement] = {}
    for judgement in judgements:
        number = 0
        while (key := (judgement.unit, judgement.subject, judgement.aspect, judgement.part, number)) in found:
            number += 1
        found[key] = judgement
    return found


def _orders(estimates: Sequence[Estimate]) -> Mapping[str, tuple[str, ...]]:
    values: dict[str, dict[str, float]] = {}
    for number in estimates:
        if not number.of.slice and number.of.baseline is None:
            values.setdefault(f"{number.of.benchmark.partition('@')[0]}.{number.of.quantity}", {}).setdefault(
                number.of.subject, number.value
            )
    return {name: tuple(sorted(row, key=lambda subject: (-row[subject], subject))) for name, row in values.items() if len(row) > 1}
