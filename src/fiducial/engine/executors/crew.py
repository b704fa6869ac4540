"""What a worker does: it takes frames of units, asks, journals and judges them, and gives their outcomes back.

A frame and its answer are JSON bytes, so that a worker may be a process, or an actor on another machine.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fiducial.engine.executors.desk import Ask
from fiducial.engine.observe import Line, Panel, Unit, read, respond
from fiducial.kernel.errors import BudgetSpent, UsageError
from fiducial.kernel.records import Judgement, Response, Trial
from fiducial.kernel.roles import Case, Environment, Exchange, Subject
from fiducial.store.journal import Journal
from fiducial.subjects._pace import Pace

STOP = b""
"""The frame that tells a worker to begin nothing new."""


class Task(msgspec.Struct, array_like=True, frozen=True):
    """A unit for one subject: number of the unit, number of the subject, its trials with their place in the plan."""

    number: int
    place: int
    members: list[tuple[int, Trial]]


class Outcome(msgspec.Struct, array_like=True, frozen=True):
    """What became of a task: its responses and judgements, or why it was not begun or ended."""

    responses: list[Response] = []
    judgements: list[Judgement] = []
    stopped: str | None = None


_encoder = msgspec.json.Encoder()
_tasks = msgspec.json.Decoder(list[Task])
_outcomes = msgspec.json.Decoder(list[Outcome])


def frame_of(units: Sequence[Unit]) -> bytes:
    """Units as a frame."""
    return _encoder.encode([Task(*unit) for unit in units])


def outcomes_of(answer: bytes) -> list[Outcome]:
    """The outcomes of a frame, in its order."""
    return _outcomes.decode(answer)


@dataclass(slots=True)
class Crew:
    """The subjects and judges of one worker, and the way its calls take."""

    subjects: Sequence[Subject]
    panel: Panel
    environments: Callable[[str], Environment]
    line: Line
    journal: Journal
    closing: Sequence[Callable[[], Awaitable[None]]] = ()
    gates: Collection[Pace] = ()
    concurrency: int = 32
    stopped: str | None = None
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.concurrency)

    async def work(self, frame: bytes) -> bytes:
        """Carry out a frame. `STOP` lets the calls in flight come to their end and refuses the rest."""
        if frame == STOP:
            self.stopped = self.stopped or "stopped"
            for gate in self.gates:
                gate.close(self.stopped)
            return _encoder.encode([])
        outcomes = await asyncio.gather(*(self._one(task) for task in _tasks.decode(frame)))
        return _encoder.encode(outcomes)

    async def _one(self, task: Task) -> Outcome:
        async with self._places:
            if self.stopped is not None:
                return Outcome(stopped=self.stopped)
            subject = self.subjects[task.place]
            try:
                exchanges = [Exchange(trial, await respond(self.line, self.environments, subject, trial)) for _, trial in task.members]
                judgements = await read(self.panel, Case(exchanges[0].trial.unit, subject.id, tuple(exchanges)))
            except BudgetSpent as spent:
                self.stopped = self.stopped or str(spent)
                return Outcome(stopped=str(spent))
            return Outcome([exchange.response for exchange in exchanges], list(judgements))

    async def close(self) -> None:
        """Make the journal durable and close all connections."""
        self.journal.close()
        for close in self.closing:
            await close()


Make = Callable[..., Crew]


def make_crew(entry: str, ask: Ask | None, arguments: dict[str, Any]) -> Crew:
    """The crew that the function ``module:name`` makes of arguments; `ask` is the way to the driver's desk."""
    module, colon, name = entry.partition(":")
    if not colon:
        raise UsageError(f"crew: a function as module:name, got {entry!r}")
    make: Make = getattr(importlib.import_module(module), name)
    return make(ask, **arguments)
