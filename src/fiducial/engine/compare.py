"""Compare: what changed between two measurements of the same trials, and what newly broke, item by item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fiducial.engine.estimate import Source, against, table, unit_names, units
from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Estimate, Record
from fiducial.kernel.roles import Quantity

Verdict = Literal["regressed", "within margin", "improved", "undecided"]

MARGIN = 0.10
"""Change that a comparison shrugs off unless told otherwise: the rule of thumb of 10 points."""


class Change(Record, frozen=True, kw_only=True):
    """A quantity's paired change from the first to the second; `worse` is the change in its bad direction.

    `regressed`: worse with confidence, and not shown to stay within the margin. `within margin`: shown to worsen by
    less than the margin. `improved`: better with confidence. Else `undecided`, with the `reason` where there is no number.
    """

    quantity: str
    verdict: Verdict
    estimate: Estimate | None = None
    before: float | None = None
    after: float | None = None
    reason: str = ""


class Flip(Record, frozen=True, kw_only=True):
    """A unit whose value crossed the middle (it newly broke, or was fixed), or that had a value and has none now (`lost`)."""

    quantity: str
    unit: str
    kind: Literal["broken", "fixed", "lost"]
    before: float
    after: float | None = None


@dataclass(frozen=True)
class Crossings:
    """What one quantity's units did from one side to the other. `compared` of them have a value on both sides."""

    flips: tuple[Flip, ...]
    compared: int


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    source: Source
    subject: str


def changes(before: Side, after: Side, level: float, margin: float = MARGIN) -> Iterator[Change]:
    """The change of every quantity that both sides have, with a two-sided interval at `level`."""
    for label, benchmark in after.source.benchmarks.items():
        if label not in before.source.benchmarks:
            continue
        old_units, new_units = units(before.source, label, before.subject), units(after.source, label, after.subject)
        for name, entry in benchmark.quantities.items():
            full = f"{label}.{name}"
            try:
                old = table(before.source, label, name, old_units, level=level)
                new = table(after.source, label, name, new_units, level=level)
                number = against(new, old, "difference")
            except NotEstimable as error:
                yield Change(quantity=full, verdict="undecided", reason=str(error))
                continue
            means = (float(np.nanmean(old.value)), float(np.nanmean(new.value)))
            yield Change(quantity=full, verdict=judge(number, entry, margin), estimate=number, before=means[0], after=means[1])


def judge(number: Estimate, entry: Quantity, margin: float) -> Verdict:
    """What a change amounts to, given which end of the quantity is adverse."""
    low, high = entry.range
    worse_low, worse_high = (number.low, number.high) if entry.adverse > (low + high) / 2 else (-number.high, -number.low)
    if worse_high < 0:
        return "improved"
    if worse_high <= margin:
        return "within margin"
    return "regressed" if worse_low > 0 else "undecided"


def crossings(before: Side, after: Side, label: str, name: str) -> Crossings:
    """Units that crossed the middle of the quantity's range or lost their value, in plan order; none where a side has no table."""
    entry = after.source.benchmarks[label].quantities[name]
    middle = sum(entry.range) / 2 if entry.contrast is None else 0.5
    try:
        old_units, new_units = units(before.source, label, before.subject), units(after.source, label, after.subject)
        old, new = (table(s.source, label, name, u, level=0.95) for s, u in ((before, old_units), (after, new_units)))
    except NotEstimable:
        return Crossings((), 0)
    names = dict(zip(new_units.unit.tolist(), unit_names(after.source, label), strict=True))
    was = dict(zip(old.unit.tolist(), old.value.tolist(), strict=True))
    sign = 1.0 if entry.adverse >= middle else -1.0
    found: list[Flip] = []
    compared = 0
    for unit, value in zip(new.unit.tolist(), new.value.tolist(), strict=True):
        earlier = was.get(unit)
        if earlier is None or np.isnan(earlier):
            continue
        if np.isnan(value):
            found.append(Flip(quantity=f"{label}.{name}", unit=names[unit], kind="lost", before=earlier))
            continue
        compared += 1
        broke, broken_before = sign * (value - middle) > 0, sign * (earlier - middle) > 0
        if broke != broken_before:
            found.append(
                Flip(quantity=f"{label}.{name}", unit=names[unit], kind="broken" if broke else "fixed", before=earlier, after=value)
            )
    return Crossings(tuple(found), compared)
