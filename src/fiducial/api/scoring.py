"""The runs of a calibration: fresh items drawn, put to a subject in this process, and the headline of each instrument kept.

A run is one drawing of items for one group of instruments that share it. Its scores are one line of ``scores.jsonl``; a line that is
there is never measured again, so a calibration that was interrupted goes on where it stopped. Each line carries the hash of all lines
before it; lines of older files do not, and may only stand before those that do.
"""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import msgspec

from fiducial.api import resolve
from fiducial.api.instruments import Calibrated, Diagnosed, Instrument
from fiducial.engine import plan as planning
from fiducial.engine.budget import Ledger
from fiducial.engine.decide import verdict
from fiducial.engine.estimate import estimate
from fiducial.engine.memory import Reading, Remembered, averaged, put, rows
from fiducial.engine.observe import Line, Panel
from fiducial.engine.plan import Options, Part
from fiducial.kernel.digest import bytes_digest, digest, seed31, short
from fiducial.kernel.errors import NotEstimable, StoreError
from fiducial.kernel.records import Estimate, Outcome, Record, Target
from fiducial.kernel.roles import Cycle, Subject
from fiducial.organisms.catalogue import Organism, Rate
from fiducial.stats.contrasts import paired
from fiducial.stats.table import Table

SCORES = "scores.jsonl"

AT_ONCE = 4
"""Runs in work at the same time: one that waits for its last dialogues leaves room for the next."""


class Told(Record, frozen=True, kw_only=True):
    """What an instrument said in one run: its headline, or why there is none.

    `least` and `most` are the one-sided bounds that its gate decides by, missing units entered against either decision.
    """

    estimate: Estimate | None = None
    least: float | None = None
    most: float | None = None
    why: str = ""

    def outcome(self, one: Instrument) -> Outcome | None:
        """What the default gate decides; `None` where there is nothing to decide by."""
        if self.estimate is None or self.least is None or self.most is None:
            return None
        ends = (self.most, self.least) if one.side == "at_most" else (self.least, self.most)
        return verdict(one.claim, self.estimate.value, *ends)[0]


class Score(Record, frozen=True, kw_only=True):
    """A line of ``scores.jsonl``. `key` is the digest of all that decides a run but its number.

    `draws` counts up where a group draws from its seed in another way: such runs differ in digits, not in distribution. `before` is the
    chained hash of all lines before, empty in files older than that.
    """

    key: str
    group: str
    subject: str
    run: int
    trials: int
    told: dict[str, Told]
    draws: int = 1
    before: str = ""


class Group(Protocol):
    """Instruments that are read from the same runs."""

    @property
    def name(self) -> str: ...

    @property
    def instruments(self) -> Sequence[Instrument | Diagnosed]: ...

    @property
    def draws(self) -> int: ...

    def mark(self, items: int) -> object:
        """What decides its scores besides subject and seed, as JSON values."""
        ...

    async def run(self, subject: Subject, line: Line, items: int, seed: int) -> tuple[int, dict[str, Told]]:
        """How many trials or texts one run put, and what each instrument said."""
        ...


@dataclass(frozen=True)
class Benched:
    """The instruments on one table of ``[benchmarks]``."""

    part: Part
    panel: Panel
    judges: Mapping[str, str | None]
    instruments: tuple[Instrument, ...]
    anchors: float
    asked: tuple[str, ...] = ()
    draws: int = 1

    @property
    def name(self) -> str:
        return self.part.label

    def mark(self, items: int) -> object:
        sample = [item.texts for item in planning.draw(self._drawn(items, 0), Options())][:20]
        readings = [one.reading for one in self.instruments]
        return [self.part.id, items, self.anchors, self.asked, readings, dict(self.judges), digest(sample)]

    def _drawn(self, items: int, seed: int) -> Part:
        return replace(self.part, cycle=Cycle(seed=seed, count=items, anchors=self.anchors))

    async def run(self, subject: Subject, line: Line, items: int, seed: int) -> tuple[int, dict[str, Told]]:
        part, options = self._drawn(items, seed), Options(seed=seed)
        trials = [trial for trial in planning.trials([part], options) if not self.asked or trial.part in self.asked]
        readings = await put(line, resolve.environment, subject, self.panel, trials)
        return len(trials), {one.name: self._told(one, readings, subject.id) for one in self.instruments}

    def _told(self, one: Instrument, readings: Sequence[Reading], subject: str) -> Told:
        ways = [(text,) for text in one.at] if one.take == "largest" else [one.at or ("",)]
        try:
            found = [self._bounded(one, at, readings, subject) for at in ways]
        except NotEstimable as error:
            return Told(why=str(error))
        # A gate over several slices is violated where one of them is, and holds where all do.
        worse = max if one.sign > 0 else min
        shown = max(found, key=lambda way: one.sign * way[0].value)[0]
        return Told(estimate=shown, least=worse(least for _, least, _ in found), most=worse(most for _, _, most in found))

    def _bounded(self, one: Instrument, at: Sequence[str], readings: Sequence[Reading], subject: str) -> tuple[Estimate, float, float]:
        """The headline at the level of the gate, and its lowest and highest end with the missing units at either end of the range."""
        quantity, claim = one.quantity.partition(".")[2], one.claim
        entry = self.part.benchmark.quantities[quantity]
        judge = self.judges[entry.judge] or ""

        def table(where: str) -> Table:
            target = Target(benchmark=self.name, quantity=quantity, subject=subject, slice=where, judge=judge)
            return rows(self.part.benchmark, entry, judge, readings, target, level=claim.level)

        mine = averaged([table(where) for where in at]) if len(at) > 1 else table(at[0])
        theirs = None if one.against is None else table(one.against)
        low, high = entry.range

        def number(fill: float | None) -> Estimate:
            here = mine if fill is None else mine.filled(fill)
            if theirs is None:
                return estimate(entry, here)
            change = paired(here, theirs if fill is None else theirs.filled(low if fill == high else high), "difference")
            return msgspec.structs.replace(change, of=msgspec.structs.replace(change.of, baseline=theirs.target.slice))

        shown = number(None)
        most, least = (number(high), number(low)) if shown.missing else (shown, shown)
        return shown, least.low, most.high


START = bytes_digest(b"")
"""What the first line is chained to."""


def chained(head: str, line: bytes) -> str:
    """The hash of all lines up to this one, from that of those before."""
    return bytes_digest(head.encode() + b"\n" + line)


@dataclass
class Kept:
    """The lines of ``scores.jsonl``, by key and run; `heads` are the chained hashes after each line of the file."""

    path: Path
    lines: dict[tuple[str, int], Score] = field(default_factory=dict)
    heads: list[str] = field(default_factory=lambda: [START])
    unchained: int = 0
    _size: int = 0

    @classmethod
    def open(cls, folder: Path, *, repair: bool = True) -> Kept:
        """What a folder holds already. A torn last line is cut off, or with `repair=False` (others are writing) only left out.

        Raises `StoreError` for any other damage, and where a line is not chained to those before it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        found = cls(folder / SCORES)
        if not found.path.exists():
            return found
        data = found.path.read_bytes()
        whole, _, torn = data.rpartition(b"\n")
        if torn and repair:
            found.path.write_bytes(whole + b"\n" if whole else b"")
        for line in whole.splitlines():
            found._take(line)
        return found

    def _take(self, line: bytes) -> None:
        number, head = len(self.heads), self.heads[-1]
        try:
            score = msgspec.json.decode(line, type=Score)
        except msgspec.MsgspecError as error:
            raise StoreError(f"{self.path}: line {number}: is not a score: {error}") from None
        if score.before != head and (score.before or number > self.unchained + 1):
            raise StoreError(
                f"{self.path}: line {number}: is chained to {score.before[:12] or 'nothing'}, needs {head[:12]}: a line before it changed"
            )
        self.unchained += not score.before
        self.lines[score.key, score.run] = score
        self.heads.append(chained(head, line))
        self._size += len(line) + 1

    def add(self, score: Score) -> None:
        """Append a score, chained to whatever stands there by now: others may write too."""
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._size)
            whole, _, torn = file.read().rpartition(b"\n")
            for line in whole.splitlines():
                self._take(line)
            if torn:  # by one that was killed: nobody else writes now
                file.truncate(self._size)
            line = msgspec.json.encode(msgspec.structs.replace(score, before=self.heads[-1]))
            file.write(line + b"\n")
        self._take(line)


@dataclass(frozen=True)
class Wanted:
    """Runs 0 to `runs` - 1 of a group for a subject."""

    group: Group
    subject: str
    runs: int


def benched(found: Calibrated, names: Sequence[str]) -> Iterator[Benched]:
    """The groups that hold an instrument of these names (all where there is none), whole, in the order of the file."""
    for part in found.resolved.parts:
        mine = tuple(one for one in found.instruments if one.group == part.label)
        if mine and (not names or any(one.name in names for one in mine)):
            judges, anchors = found.resolved.judge_ids(part.label), found.anchors.get(part.label, 0.0)
            yield Benched(part, found.resolved.panel, judges, mine, anchors, found.parts.get(part.label, ()))


def key_of(group: Group, subject: str, items: int, seed: int, marks: dict[str, object]) -> str:
    """Digest of what decides the scores of a group for a subject, its identity included."""
    if group.name not in marks:
        marks[group.name] = group.mark(items)
    return short([group.name, marks[group.name], subject, seed])


Heard = Callable[[Score], None]


@dataclass
class Met:
    """What subjects said of themselves when they were opened: by text."""

    about: dict[str, dict[str, object]] = field(default_factory=dict)
    rates: dict[str, Rate] = field(default_factory=dict)

    def note(self, text: str, subject: Subject) -> None:
        """Its id and digests and, of an organism, how often the trait shows in its condition at that dose."""
        said = subject.describe()
        self.about[text] = {"id": subject.id, **{name: said[name] for name in ("fingerprint", "weights") if name in said}}
        organism = getattr(subject, "organism", None)
        if isinstance(organism, Organism) and organism.dose is not None:
            mine = [rate for rate in organism.card.rates if (rate.dose, rate.condition) == (organism.dose, "trait")]
            self.rates.update({text: mine[0]} if mine else {})


async def measure(
    wanted: Sequence[Wanted], kept: Kept, open_subject: Callable[[str], Subject], drawn: tuple[int, int], heard: Heard, met: Met
) -> dict[tuple[str, str], list[Score]]:  # fmt: skip
    """All scores wanted, by group and subject text, measured where they are not kept; one subject is open at a time.

    `drawn` is how many items a run has, and the seed.
    """
    items, seed = drawn
    marks: dict[str, object] = {}
    found: dict[tuple[str, str], list[Score]] = {}
    for text in dict.fromkeys(want.subject for want in wanted):
        subject = open_subject(text)
        met.note(text, subject)
        try:
            line = Line(journal=None, ledger=Ledger(), cache=_memory(subject))
            todo: list[tuple[Group, str, int]] = []
            mine = [want for want in wanted if want.subject == text]
            for want in mine:
                key = key_of(want.group, subject.id, items, seed, marks)
                todo += [(want.group, key, run) for run in range(want.runs) if (key, run) not in kept.lines]
            await _work(iter(todo), AT_ONCE, lambda job: _one(job, text, subject, line, drawn, kept, heard))  # noqa: B023 - awaited here
            for want in mine:
                key = key_of(want.group, subject.id, items, seed, marks)
                found[want.group.name, text] = [kept.lines[key, run] for run in range(want.runs)]
        finally:
            await subject.close()
    return found


Job = tuple[Group, str, int]


async def _one(
    job: Job, text: str, subject: Subject, line: Line, drawn: tuple[int, int], kept: Kept, heard: Heard
) -> None:  # fmt: skip
    group, key, run = job
    items, seed = drawn
    # Runs of different subjects have items of their own: scores that are compared are independent.
    trials, told = await group.run(subject, line, items, seed31(short([seed, group.name, text, run])))
    score = Score(key=key, group=group.name, subject=text, run=run, trials=trials, told=told, draws=group.draws)
    kept.add(score)
    heard(score)


async def _work(jobs: Iterator[Job], count: int, do: Callable[[Job], Awaitable[None]]) -> None:
    async def worker() -> None:
        for job in jobs:
            await do(job)

    workers = [asyncio.create_task(worker()) for _ in range(count)]
    try:
        await asyncio.gather(*workers)
    finally:
        for one in workers:
            one.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _memory(subject: Subject) -> Remembered | None:
    """Only a subject that says it decodes greedily is known to give one answer to one ask."""
    return Remembered() if subject.describe().get("temperature") == 0 else None
