"""Compare: what changed between two measurements of the same trials, and what newly broke, item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from fiducial.engine.estimate import Source, against, table, unit_names, units
from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Estimate, Record
from fiducial.kernel.roles import Quantity
from fiducial.stats.table import Table

Verdict = Literal["regressed", "within margin", "improved", "undecided", "not measured"]

MARGIN = 0.10
"""Change that a comparison shrugs off unless told otherwise: the rule of thumb of 10 points."""


class Change(Record, frozen=True, kw_only=True):
    """A quantity's paired change from the first to the second, with an interval of its own.

    `regressed`: worse with confidence over all quantities, and not shown to stay within the margin. `within margin`: shown to
    worsen by less than the margin. `improved`: better with confidence over all quantities. `not measured`: there is no number, for
    the `reason` given. Else `undecided`, with a `reason` where the interval does not tell it.
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


@dataclass(frozen=True)
class Pair:
    """A quantity on both sides."""

    entry: Quantity
    before: Table
    after: Table

    @cached_property
    def number(self) -> Estimate:
        """The paired difference at the level of the tables. Raises `NotEstimable`."""
        return against(self.after, self.before, "difference")

    def change(self, level: float) -> Estimate:
        """The paired difference with a two-sided interval at another level."""
        return against(replace(self.after, level=level), replace(self.before, level=level), "difference")

    def worsening(self, number: Estimate) -> tuple[float, float]:
        """The interval of a change in the quantity's bad direction."""
        low, high = self.entry.range
        return (number.low, number.high) if self.entry.adverse > (low + high) / 2 else (-number.high, -number.low)


def changes(before: Side, after: Side, level: float, margin: float = MARGIN) -> list[Change]:
    """The change of every quantity that both sides have, with a two-sided interval at `level`.

    That any quantity is called `regressed` without being worse has a probability of (1 - level)/2 at most, over all quantities
    together; the same holds for `improved`. `within margin` is at its own bound: whoever acts on all of them being so needs
    no correction (Berger 1982).
    """
    found: dict[str, Change] = {}
    pairs: dict[str, Pair] = {}
    for name, pair in _pairs(before, after, level):
        if isinstance(pair, Pair):
            pairs[name] = pair
        # Takes its place in the order; a change that can be estimated follows.
        found[name] = Change(quantity=name, verdict="not measured", reason="" if name in pairs else str(pair))
    worse = step_down(pairs, level, lambda pair, number: pair.worsening(number)[0] > 0)
    better = step_down(pairs, level, lambda pair, number: pair.worsening(number)[1] < 0)
    for name, pair in pairs.items():
        low, high = pair.worsening(pair.number)
        verdict = "improved" if name in better else "within margin" if high <= margin else "regressed" if name in worse else "undecided"
        alone = f"worse by itself, not among {len(pairs)} quantities (Holm)" if verdict == "undecided" and low > 0 else ""
        means = (float(np.nanmean(pair.before.value)), float(np.nanmean(pair.after.value)))
        found[name] = Change(quantity=name, verdict=verdict, estimate=pair.number, before=means[0], after=means[1], reason=alone)
    return list(found.values())


def _pairs(before: Side, after: Side, level: float) -> Iterator[tuple[str, Pair | NotEstimable]]:
    """The tables of each quantity by its name, or why there are none."""
    for label, benchmark in after.source.benchmarks.items():
        if label not in before.source.benchmarks:
            continue
        old_units, new_units = units(before.source, label, before.subject), units(after.source, label, after.subject)
        for name, entry in benchmark.quantities.items():
            try:
                old = table(before.source, label, name, old_units, level=level)
                pair = Pair(entry, old, table(after.source, label, name, new_units, level=level))
                _ = pair.number
            except NotEstimable as error:
                yield f"{label}.{name}", error
                continue
            yield f"{label}.{name}", pair


def step_down(pairs: Mapping[str, Pair], level: float, sure: Callable[[Pair, Estimate], bool]) -> set[str]:
    """The quantities of which something is sure with an error of (1 - level)/2 over all of them together (Holm 1979).

    This is `stats.multiplicity.holm` on intervals in place of p-values; `level` is that of the tables. The error is divided among
    those that are left; where that makes some sure, the others divide it among fewer. `sure` reads one end of an interval, which
    is the wider the higher its level.
    """
    left = {name for name, pair in pairs.items() if sure(pair, pair.number)}
    found: set[str] = set()
    while left:
        share = 1 - (1 - level) / (len(pairs) - len(found))
        now = {name for name in left if sure(pairs[name], pairs[name].change(share))}
        if not now:
            break
        found, left = found | now, left - now
    return found


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
