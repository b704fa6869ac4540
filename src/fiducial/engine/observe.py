"""Observe: put each planned trial to each subject, journal every call, let the judges read each finished unit.

A worker takes one unit for one subject at a time, in plan order; nothing is held in memory but the units in flight.
Each call is looked up in the journal first, so a resumed run asks for nothing that had arrived, and a dialogue goes on
at its last finished turn.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from fiducial.engine.budget import Ledger
from fiducial.kernel.digest import seed31
from fiducial.kernel.errors import BudgetSpent, SubjectError, place_of
from fiducial.kernel.records import Completion, Judgement, Message, Response, Served, Status, Trial, Usage
from fiducial.kernel.roles import Benchmark, Case, Environment, Exchange, Judge, Subject, Tool, Turn
from fiducial.store.journal import Call, Journal, call_key
from fiducial.store.run import Spool
from fiducial.store.stages import Release
from fiducial.subjects._pace import Pace

MAX_TURNS = 64
"""Turns after which a dialogue is ended, whatever its environment wants."""

COLLECT = (7_000, 10, 10)
"""Thresholds of the collector while observing: ten times Python's own for young objects."""

YIELD_EVERY = 32
"""Units after which a worker lets others run, even where no call ever waits."""


class Progress(Protocol):
    """Hears how many trials there are to come, of each finished unit, each early decision, and what else is worth a line."""

    def begin(self, total: int, ledger: Ledger) -> None: ...

    def decided(self, claim: str, outcome: str) -> None: ...

    def unit(self, subject: str, responses: Sequence[Response], judgements: Sequence[Judgement]) -> None: ...

    def note(self, sentence: str) -> None: ...


class Gatekeeper(Protocol):
    """Says which units need no asking any more, and hears of each finished one (see `stopping`)."""

    def released(self, trial: Trial, place: int) -> bool: ...

    def finished(self, number: int, place: int, case: Case, judgements: Sequence[Judgement]) -> None: ...

    def why(self, trial: Trial, place: int) -> str: ...


class AnswerCache(Protocol):
    """Answers of earlier runs, by what was asked (see `store.cache`)."""

    def find(self, subject: Subject, turn: Turn, replicate: int) -> Completion | None: ...

    def keep(self, subject: Subject, turn: Turn, replicate: int, completion: Completion) -> None: ...


@dataclass(slots=True)
class Line:
    """The way every call takes: journal, budget, cache, subject, journal. Without a journal nothing is kept."""

    journal: Journal | None
    ledger: Ledger
    cache: AnswerCache | None = None
    prices: dict[str, Mapping[str, float] | None] = field(default_factory=dict)

    async def ask(self, subject: Subject, of: str, number: int, turn: Turn, replicate: int = 0) -> Completion:
        """The completion of one turn: from the journal, else from the cache, else from the subject.

        Raises `BudgetSpent`. A subject's failure is a completion of status `fault`.
        """
        by = subject.id
        key = call_key(by, of, number)
        found = self.journal.find(key) if self.journal is not None else None
        prices = self._prices(subject, by)
        if found is not None:
            self.ledger.enter(found.usage, prices)
            return found
        cached = self.cache.find(subject, turn, replicate) if self.cache is not None else None
        if cached is not None:
            self._write(Call(by=by, of=of, turn=number, completion=cached, ask=turn.ask), key)
            return cached
        self.ledger.reserve(sum(len(message.text) for message in turn.messages) if self.ledger.tokens is not None else 0)
        usage = Usage()
        try:
            completion = await _complete(subject, turn)
            usage = completion.usage
        finally:
            self.ledger.settle(usage, prices)
        self._write(Call(by=by, of=of, turn=number, completion=completion, ask=turn.ask), key)
        if self.cache is not None:
            self.cache.keep(subject, turn, replicate, completion)
        return completion

    def _write(self, call: Call, key: str) -> None:
        if self.journal is not None:
            self.journal.append(call, key)

    def _prices(self, subject: Subject, by: str) -> Mapping[str, float] | None:
        if by not in self.prices:
            self.prices[by] = subject.describe().get("prices")
        return self.prices[by]


@dataclass(slots=True)
class Journalled:
    """A judge's own subject whose calls are journalled like any other's."""

    subject: Subject
    line: Line | None = None

    @property
    def id(self) -> str:
        return self.subject.id

    async def complete(self, turn: Turn) -> Completion:
        if self.line is None:
            return await self.subject.complete(turn)
        completion = await self.line.ask(self.subject, f"judge:{turn.ask}", 0, turn)
        if completion.fault is not None:
            kind, _, detail = completion.fault.partition(": ")
            raise SubjectError(kind, detail)
        return completion

    async def close(self) -> None:
        await self.subject.close()

    def describe(self) -> Mapping[str, object]:
        return self.subject.describe()


@dataclass(frozen=True, slots=True)
class Panel:
    """Who reads: the benchmarks by label, and the judges of each in fixed order."""

    benchmarks: Mapping[str, Benchmark]
    judges: Mapping[str, Sequence[Judge]]


@dataclass(slots=True)
class Observation:
    """What to observe with; `stop()` and `halt()` ask to end early. `gates` are those of all endpoints that are asked."""

    subjects: Sequence[Subject]
    panel: Panel
    environments: Callable[[str], Environment]
    line: Line
    responses: Spool[Response]
    judgements: Spool[Judgement]
    concurrency: int = 64
    progress: Progress | None = None
    gatekeeper: Gatekeeper | None = None
    released: Spool[Release] | None = None
    gates: Collection[Pace] = ()
    reason: str | None = None
    asked_units: int = 0

    def stop(self, reason: str) -> None:
        """End after the units in flight; `reason` is kept."""
        self.reason = self.reason or reason

    def halt(self, reason: str) -> None:
        """End after the calls in flight: a unit that waits for its turn at an endpoint is left for a later resume."""
        self.stop(reason)
        for gate in self.gates:
            gate.close(reason)


async def observe(what: Observation, trials: Iterable[Trial]) -> None:
    """Ask, journal, judge and spool all trials. Ends early when `what.stop` was called or the budget is spent."""
    work = units_of(trials, len(what.subjects))
    workers = [asyncio.create_task(_work(what, work)) for _ in range(what.concurrency)]
    try:
        with _rare_collections():
            await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for unreachable cycles a tenth as often, and not among what was there before.

    What a trial leaves behind goes by its reference counts; looking for cycles among it takes a tenth of a run's time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


Unit = tuple[int, int, list[tuple[int, Trial]]]
"""Number of the unit, number of the subject, its trials with their place in the plan."""


def units_of(trials: Iterable[Trial], subjects: int) -> Iterator[Unit]:
    """The units of a plan in its order, once for each subject."""
    grouped = itertools.groupby(enumerate(trials), key=lambda pair: pair[1].unit)
    for number, (_, members) in enumerate(grouped):
        together = list(members)
        for subject in range(subjects):
            yield number, subject, together


async def _work(what: Observation, work: Iterator[Unit]) -> None:
    for done, (number, place, members) in enumerate(work, start=1):
        if what.reason is not None:
            return
        if let_go(what, place, members):
            continue
        first, subject = members[0][1], what.subjects[place]
        exchanges: list[Exchange] = []
        try:
            for _, trial in members:
                exchanges.append(Exchange(trial, await respond(what.line, what.environments, subject, trial)))
            case = Case(first.unit, subject.id, tuple(exchanges))
            judgements = await read(what.panel, case)
        except BudgetSpent as spent:
            what.stop(str(spent))
            return
        enter(what, (number, place, members), case, judgements)
        if done % YIELD_EVERY == 0:
            await asyncio.sleep(0)


def let_go(what: Observation, place: int, members: Sequence[tuple[int, Trial]]) -> bool:
    """Whether a unit need not be asked any more; that is put on record. To be called in plan order."""
    first = members[0][1]
    if what.gatekeeper is None or not what.gatekeeper.released(first, place):
        return False
    if what.released is not None:
        by = what.gatekeeper.why(first, place)
        for ordinal, trial in members:
            what.released.add((ordinal, place), Release(trial=trial.key, subject=what.subjects[place].id, by=by))
    return True


def enter(what: Observation, unit: Unit, case: Case, judgements: Sequence[Judgement]) -> None:
    """Put a unit that was answered and read on record."""
    number, place, members = unit
    for (ordinal, _), exchange in zip(members, case.exchanges, strict=True):
        what.responses.add((ordinal, place), exchange.response)
    for n, judgement in enumerate(judgements):
        what.judgements.add((number, place, n), judgement)
    what.asked_units += 1
    if what.gatekeeper is not None:
        what.gatekeeper.finished(number, place, case, judgements)
    if what.progress is not None:
        what.progress.unit(case.subject, [e.response for e in case.exchanges], judgements)


async def respond(line: Line, environments: Callable[[str], Environment], subject: Subject, trial: Trial) -> Response:
    """The dialogue of one trial: the subject speaks, its environment answers, until one of them ends it."""
    replay = getattr(subject, "replay", None)  # a `Recording`; isinstance on a protocol would cost more than the call
    if replay is not None:
        recorded = replay(trial)
        if recorded is None:
            return Response(trial=trial.key, subject=subject.id, status="fault", fault="not recorded: the recording has none of this trial")
        return recorded
    environment = environments(trial.environment.name) if trial.environment is not None else None
    state = environment.open(trial.environment.args) if environment is not None and trial.environment is not None else None
    tools: tuple[Tool, ...] = ()
    if environment is not None:
        tools = getattr(state, "tools", environment.tools)
    key = trial.key
    seed = seed31(key)
    transcript: list[Message] = []
    calls: list[Completion] = []
    while len(calls) < MAX_TURNS:
        turn = Turn(
            messages=(*trial.messages, *transcript), tools=tools, decoding=trial.decoding, seed=seed, continuations=trial.continuations
        )
        completion = await line.ask(subject, key, len(calls), turn, trial.replicate)
        calls.append(completion)
        if completion.status != "fault":
            transcript.append(completion.message)
        if completion.status != "answered" or environment is None:
            break
        answer = await environment.reply(state, (*trial.messages, *transcript))
        if answer is None:
            break
        transcript.extend(answer)
    final = environment.close(state) if environment is not None else None
    return _response(trial, key, subject, transcript, calls, final)


def _response(
    trial: Trial, key: str, subject: Subject, transcript: Sequence[Message], calls: Sequence[Completion], final: object
) -> Response:  # fmt: skip
    last = calls[-1]
    status: Status = last.status
    if status == "answered" and not trial.continuations and not last.message.text.strip() and not last.message.tool_calls:
        status = "empty"
    return Response(
        trial=key,
        subject=subject.id,
        status=status,
        transcript=tuple(transcript),
        final_state=final,
        continuation_logprobs=last.continuation_logprobs,
        usage=_total([call.usage for call in calls]),
        calls=len(calls),
        cached=sum(call.served.from_cache for call in calls),
        model=last.served.model,
        fault=last.fault,
    )


def _total(usages: Sequence[Usage]) -> Usage:
    def add(values: Iterable[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if known else None

    if len(usages) == 1:
        return usages[0]
    return Usage(
        input=add(u.input for u in usages),
        output=add(u.output for u in usages),
        reasoning=add(u.reasoning for u in usages),
        cached=add(u.cached for u in usages),
    )


async def read(panel: Panel, case: Case) -> tuple[Judgement, ...]:
    """What the benchmark's judges say of a case; nothing where its statuses leave nothing to read."""
    label = case.exchanges[0].trial.benchmark.partition("@")[0]
    benchmark = panel.benchmarks[label]
    if any(benchmark.policy(e.response.status) != "judged" for e in case.exchanges):
        return ()
    found: list[Judgement] = []
    for judge in panel.judges[label]:
        found.extend(await _judge(judge, case))
    return tuple(found)


async def _judge(judge: Judge, case: Case) -> tuple[Judgement, ...]:
    try:
        return await judge.judge(case)
    except BudgetSpent:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary to a judge: whatever it raises is its fault, never the subject's
        text = f"{type(error).__name__}: {error}{place_of(error)}"
    return (Judgement(unit=case.unit, subject=case.subject, judge=judge.id, aspect="*", value=None, fault=text[:500]),)


async def _complete(subject: Subject, turn: Turn) -> Completion:
    started = time.time()
    try:
        return await subject.complete(turn)
    except BudgetSpent:
        raise
    except SubjectError as error:
        if turn.continuations and error.kind == "unsupported":
            return Completion(message=Message(role="assistant", text=""))  # it has no log-probabilities: that is no fault
        fault = str(error)
    except Exception as error:  # noqa: BLE001 - the boundary to a subject: whatever it raises is a fault, and data
        fault = f"{type(error).__name__}: {error}"
    served = Served(at=round(started, 3), seconds=round(time.time() - started, 4))
    return Completion(message=Message(role="assistant", text=""), status="fault", fault=fault[:500], served=served)
