"""A small run that is kept nowhere: trials put to a subject all at once, read by judges, and made into the table of a quantity.

For what is repeated hundreds of times, where only the numbers are wanted. Estimates come from the same estimators as those of a run
on disk; the order of trials, which sequential decisions read, plays no part.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fiducial.engine.observe import Line, Panel, read, respond
from fiducial.engine.stopping import unit_value
from fiducial.kernel.digest import short
from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Completion, Judgement, Target, Trial, levels
from fiducial.kernel.roles import Benchmark, Case, Environment, Exchange, Quantity, Subject, Turn, replaced
from fiducial.stats.table import Table

ANSWERS = 50_000
"""Answers that are remembered: some 50 MB."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A unit that was put and read."""

    case: Case
    judgements: tuple[Judgement, ...]

    @property
    def first(self) -> Trial:
        """Its first trial: item, cluster and cell are those of the unit."""
        return self.case.exchanges[0].trial


class Remembered:
    """Answers by subject and ask, the oldest forgotten first: for subjects whose answer depends on nothing else, the seed included."""

    def __init__(self, most: int = ANSWERS) -> None:
        self._most, self._answers = most, OrderedDict[str, Completion]()
        self.found = 0

    def find(self, subject: Subject, turn: Turn, replicate: int) -> Completion | None:
        key = _key(subject, turn)
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
            self.found += 1
        return answer

    def keep(self, subject: Subject, turn: Turn, replicate: int, completion: Completion) -> None:
        if completion.status == "fault":
            return
        self._answers[_key(subject, turn)] = completion
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)


def _key(subject: Subject, turn: Turn) -> str:
    return short([subject.id, turn.messages, turn.tools, turn.decoding, turn.continuations])


async def put(
    line: Line, environments: Callable[[str], Environment], subject: Subject, panel: Panel, trials: Iterable[Trial]
) -> list[Reading]:  # fmt: skip
    """Put all trials at the same time, so that a subject can answer them in batches, and read each unit."""
    asked = list(trials)
    responses = await asyncio.gather(*(respond(line, environments, subject, trial) for trial in asked))
    exchanges = (Exchange(trial, response) for trial, response in zip(asked, responses, strict=True))
    found = []
    for unit, members in itertools.groupby(exchanges, key=lambda exchange: exchange.trial.unit):
        case = Case(unit, subject.id, tuple(members))
        found.append(Reading(case, await read(panel, case)))
    return found


def rows(
    benchmark: Benchmark, entry: Quantity, judge: str, readings: Sequence[Reading], target: Target, *, level: float = 0.95
) -> Table:  # fmt: skip
    """The table of a quantity: a row a unit to which it applies, as `estimate.table` has it; `target.slice` selects by a factor's level.

    Units are named without their cell, so that tables of two levels pair. Each row weighs the same.
    Raises `NotEstimable` where no row is left.
    """
    factor, _, wanted = target.slice.partition("=")
    kept: list[tuple[float, str, str, str]] = []
    for reading in readings:
        first = reading.first
        if factor and first.level(factor) != wanted:
            continue
        applies, value = unit_value(benchmark, entry, judge, reading.case, reading.judgements)
        if applies:
            name = first.unit.replace(f"[{levels(first.cell)}]", "", 1)
            worst = max((e.response.status for e in reading.case.exchanges), key=lambda status: status != "answered")
            kept.append((np.nan if value is None else value, first.cluster, name, worst))
    if not kept:
        raise NotEstimable(f"{target.benchmark}.{target.quantity}{f' [{target.slice}]' if target.slice else ''}: it applies to no unit")
    value, cluster, unit, status = zip(*kept, strict=True)
    return Table(
        target=target, value=np.array(value), cluster=np.array(cluster), unit=np.array(unit), status=np.array(status), level=level,
        range=entry.range,
    )  # fmt: skip


def averaged(tables: Sequence[Table]) -> Table:
    """One table of several of the same units (levels): each unit's mean, missing where one of them is."""
    first, *others = tables
    values = {unit: [value] for unit, value in zip(first.unit.tolist(), first.value.tolist(), strict=True)}
    for table in others:
        for unit, value in zip(table.unit.tolist(), table.value.tolist(), strict=True):
            values.setdefault(unit, []).append(value)
    mean = [float(np.mean(found)) if len(found := values[unit]) == len(tables) else np.nan for unit in first.unit.tolist()]
    target = replaced(first.target, slice=",".join(table.target.slice for table in tables))
    return replace(first, target=target, value=np.array(mean))
