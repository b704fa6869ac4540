"""Plan: from a specification and its benchmarks to a fixed, ordered sequence of trials.

The order is the one in which decisions read: clusters of each benchmark in random order, all units and cells of a
cluster adjacent, benchmarks interleaved in proportion. It depends on the seeds alone.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.random import Generator

from fiducial.engine.seeds import generator
from fiducial.kernel.errors import RecordError, UsageError
from fiducial.kernel.records import Cell, Item, Trial, levels
from fiducial.kernel.roles import Benchmark, Cycle

PROBED = 12
"""Items looked at to learn which levels a factor has."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A perturbation or attack with its options bound."""

    name: str
    vary: Callable[[Item, Trial, Generator], Iterable[Trial]]


@dataclass(frozen=True, slots=True)
class Part:
    """One benchmark's share of a plan. `label` is its table in the specification and its name in this run."""

    label: str
    benchmark: Benchmark
    cycle: Cycle
    factors: tuple[Factor, ...] = ()
    design: Literal["cross", "one_at_a_time", "draw"] = "cross"
    items: Sequence[Item] | None = None

    @property
    def id(self) -> str:
        """``label@version``: what trials of this part carry."""
        return f"{self.label}@{self.benchmark.version}"


@dataclass(frozen=True, slots=True)
class Options:
    """How much of the plan: `seed` orders and draws, `limit` items a benchmark, `repeat` replicates, `only` a filter."""

    seed: int = 0
    limit: int | None = None
    repeat: int = 1
    only: str | None = None


def trials(parts: Sequence[Part], options: Options) -> Iterator[Trial]:
    """All trials in plan order. Raises `UsageError` where a filter leaves nothing or an item breaks a rule."""
    queue: list[tuple[float, int, Iterator[Sequence[Item]], Part, int, int]] = []
    for number, part in enumerate(parts):
        if not wanted_label(options.only, part.label):
            continue
        count, groups = clusters(part, options)
        if count:
            heapq.heappush(queue, (0.5 / count, number, groups, part, 0, count))
    empty = True
    while queue:
        _, number, groups, part, done, total = heapq.heappop(queue)
        group = next(groups, None)
        if group is None:
            continue
        for item in group:
            for trial in of_item(part, item, options):
                empty = False
                yield trial
        heapq.heappush(queue, ((done + 1.5) / total, number, groups, part, done + 1, total))
    if empty:
        raise UsageError(f"plan: nothing is left to ask with --filter {options.only!r} and --limit {options.limit}")


def draw(part: Part, options: Options) -> Sequence[Item]:
    """The items of a part in this cycle: drawn by the cycle's seed, or read from a published file."""
    if part.items is not None:
        items = part.items
        if len(items) > part.cycle.count:
            chosen = generator(part.cycle.seed, "items", part.label).permutation(len(items))[: part.cycle.count]
            items = [items[n] for n in sorted(chosen)]
    else:
        items = part.benchmark.items(generator(part.cycle.seed, "items", part.label), part.cycle)
    return items[: options.limit] if options.limit is not None else items


def clusters(part: Part, options: Options) -> tuple[int, Iterator[Sequence[Item]]]:
    """How many clusters a part has, and the items of each in the random order of the plan.

    Items that are unpacked when they are looked at are so one cluster at a time: only their places are kept. Raises `UsageError`
    where two items have one id.
    """
    items = draw(part, options)
    seen: set[str] = set()
    code: dict[str, int] = {}
    codes = array("q")
    for item in items:
        if item.id in seen:
            raise UsageError(f"{part.label}: items: each id once, got {item.id!r} twice")
        seen.add(item.id)
        codes.append(code.setdefault(item.cluster, len(code)))
    mine = np.frombuffer(codes, dtype=np.int64) if codes else np.empty(0, dtype=np.int64)
    place = np.argsort(mine, kind="stable")  # items of one cluster in their own order
    start = np.searchsorted(mine[place], np.arange(len(code) + 1))
    order = np.array([code[name] for name in sorted(code)], dtype=np.int64)
    shuffled = order[generator(options.seed, "order", part.label).permutation(len(order))]
    return len(order), ([items[int(n)] for n in place[start[c] : start[c + 1]]] for c in shuffled)


def of_item(part: Part, item: Item, options: Options) -> Iterator[Trial]:
    """All trials of one item: its replicates and cells, unit by unit."""
    cells: dict[tuple[str, Cell, int], list[Trial]] = {}
    name, draws = part.id, part.benchmark.draws
    for replicate in range(options.repeat):
        rng = generator(options.seed, part.label, item.id, "trials") if draws else None
        for base in part.benchmark.trials(item, rng):
            varied: Iterable[Trial] = (base,)
            if part.factors:
                varied = _vary(part, item, msgspec.structs.replace(base, benchmark=name, replicate=replicate), options.seed)
            for trial in varied:
                if options.only and not _wanted_cell(options.only, trial.cell):
                    continue
                cells.setdefault((trial.unit, trial.cell, replicate), []).append(trial)
    for (unit, cell, replicate), members in cells.items():
        label = f"{part.label}/{unit}{f'[{levels(cell)}]' if cell else ''}#{replicate}"
        names = [trial.part for trial in members]
        if len(set(names)) != len(names):
            raise RecordError(f"Benchmark {part.label}, unit {unit}", "gives each part once", names)
        yield from (msgspec.structs.replace(trial, unit=label, benchmark=name, replicate=replicate) for trial in members)


def levels_of(part: Part, options: Options) -> tuple[dict[str, list[str]], list[str]]:
    """The levels by factor that this part varies, and those factors that every item meets at more than one level."""
    seen: dict[str, list[str]] = {}
    crossed: set[str] = set()
    plain = Options(seed=options.seed)
    for item in draw(part, Options(limit=PROBED)):
        mine: dict[str, set[str]] = {}
        for trial in of_item(part, item, plain):
            for factor, level in trial.cell:
                mine.setdefault(factor, set()).add(level)
                if level not in seen.setdefault(factor, []):
                    seen[factor].append(level)
        crossed |= {factor for factor, there in mine.items() if len(there) > 1}
    return seen, sorted(crossed)


def _vary(part: Part, item: Item, base: Trial, seed: int) -> Iterable[Trial]:
    def all_of(trial: Trial, factor: Factor) -> list[Trial]:
        try:
            made = list(factor.vary(item, trial, generator(seed, part.label, item.id, factor.name)))
        except RecordError as error:
            raise UsageError(f"{part.label}: {factor.name}: {error}") from None
        if not made:
            raise UsageError(f"{part.label}: {factor.name}: yields at least one trial an item, got none for {item.id}")
        return made

    if part.design == "one_at_a_time":
        plain = base
        for factor in part.factors:
            plain = all_of(plain, factor)[0]
        yield plain
        for varied in part.factors:
            front = [base]
            for factor in part.factors:
                made = [all_of(trial, factor) for trial in front]
                front = [t for levels_ in made for t in (levels_[1:] if factor is varied else levels_[:1])]
            yield from front
        return
    front = [base]
    for factor in part.factors:
        front = [made for trial in front for made in all_of(trial, factor)]
    if part.design == "draw":
        yield front[int(generator(seed, part.label, item.id, base.unit, "cell").integers(len(front)))]
        return
    yield from front


def wanted_label(only: str | None, label: str) -> bool:
    """Whether a filter such as ``sycophancy/language=de`` leaves a benchmark in the plan."""
    return only is None or only.partition("/")[0] in {"", label}


def _wanted_cell(only: str, cell: Cell) -> bool:
    conditions = [text for text in only.partition("/")[2].split(",") if text]
    have: Mapping[str, str] = dict(cell)
    for condition in conditions:
        factor, _, level = condition.partition("=")
        if have.get(factor) != level:
            return False
    return True
