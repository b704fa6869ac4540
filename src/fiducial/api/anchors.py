"""Anchors of a judge: answers with what it said of them, kept beside its card and read again at each use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from fiducial.api.resolve import judge_of
from fiducial.audit import drift as watching
from fiducial.audit.drift import JudgeWatch
from fiducial.audit.live import AT_ONCE
from fiducial.engine.rejudge import cases
from fiducial.kernel.digest import canonical
from fiducial.kernel.errors import StoreError, UsageError
from fiducial.kernel.records import Judgement, Record
from fiducial.kernel.roles import Case, Judge
from fiducial.store.disk import disk, document, write_whole
from fiducial.store.run import Run
from fiducial.store.sound import newest

LARGEST = 64 * 2**20
"""Bytes of a file of anchors."""


OVERRIDE = "override"
"""The label of a judgement that is a person's, not the judge's."""


class Anchor(Record, frozen=True, kw_only=True):
    """One answer, as a judge reads it, and what judges said of it at first."""

    case: Case
    readings: tuple[Judgement, ...]


def keep(path: Path, count: int, seed: int, judge: str | None = None) -> bytes:
    """Anchors (JSON lines) from a run: `count` units drawn at random among those that a judge gave a value.

    Args:
        path: the run.
        count: how many units.
        seed: of the draw.
        judge: the judge's name, where the run has several.

    Raises `UsageError` where no judge of that name gave a value.
    """
    run = Run.open(path)
    said: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in run.judgements(newest(run)):
        own = judgement.label != OVERRIDE and judge in (None, judgement.judge.partition("@")[0])
        if judgement.value is not None and own:
            said.setdefault((judgement.unit, judgement.subject), []).append(judgement)
    if not said:
        raise UsageError(f"{path}: values of the judge {judge or '(any)'} to anchor, got none")
    picked = np.random.default_rng(seed).permutation(len(said))[:count]
    names = list(said)
    wanted = {names[place] for place in picked.tolist()}
    found = (placed.case for placed in cases(run))
    kept = [Anchor(case=case, readings=tuple(said[case.unit, case.subject])) for case in found if (case.unit, case.subject) in wanted]
    return b"".join(canonical(anchor) + b"\n" for anchor in kept)


def check(file: Path, judge: str, state: Path | None = None, *, mean_time: float = watching.MEAN_TIME) -> JudgeWatch:
    """Let a judge read its anchors again; an alarm where it reads them otherwise too often.

    Args:
        file: anchors, as `keep` wrote them.
        judge: a judge by name, or ``NAME=SPEC``.
        state: where the evidence of earlier checks is kept and this one's added; without it each check starts anew.
        mean_time: readings between two false alarms, on average at least.

    Raises `UsageError` where the file holds no anchor of this judge, or the state is another's.
    """
    anchors = _read(file)
    made, graders = judge_of(judge)
    known = watching.anchors([reading for anchor in anchors for reading in anchor.readings], made.id)
    if not known:
        there = sorted({reading.judge for anchor in anchors for reading in anchor.readings})
        raise UsageError(f"{file}: anchors of {made.id}, got those of {', '.join(there) or 'nobody'}; another digest is another judge")
    watch = _watch(state, made.id, mean_time)

    async def read() -> list[Judgement]:
        try:
            return await _ask(made, [anchor.case for anchor in anchors])
        finally:
            for grader in graders:
                await grader.close()

    watch = watching.update(watch, known, asyncio.run(read()))
    if state is not None:
        write_whole(state, document(watch))
    return watch


async def _ask(judge: Judge, wanted: Sequence[Case]) -> list[Judgement]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> tuple[Judgement, ...]:
        async with gate:
            return await judge.judge(case)

    return [judgement for said in await asyncio.gather(*(one(case) for case in wanted)) for judgement in said]


def _read(file: Path) -> list[Anchor]:
    with disk("cannot read", file):
        if file.stat().st_size > LARGEST:
            raise StoreError(f"{file}: a file of anchors has at most {LARGEST} bytes, got {file.stat().st_size}")
        lines = file.read_bytes().splitlines()
    try:
        return [msgspec.json.decode(line, type=Anchor) for line in lines if line.strip()]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: a file that `fiducial judge anchors` wrote: {error}") from None


def _watch(state: Path | None, judge: str, mean_time: float) -> JudgeWatch:
    if state is None or not state.exists():
        return watching.open_watch(judge, mean_time=mean_time)
    try:
        watch = msgspec.json.decode(state.read_bytes(), type=JudgeWatch)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{state}: the state of a watch that `fiducial judge drift --state` wrote: {error}") from None
    if watch.judge != judge:
        raise UsageError(f"{state}: the state of a watch over {judge}, got one over {watch.judge}")
    return watch
