"""A calibration's subjects shared among processes of this machine: each measures its own, and writes into the same scores.

    python -m fiducial.api.sharing ORDER       ORDER is JSON: the file of instruments, the settings, the subjects

A worker prints each score as a line. What plugins print goes to standard error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import msgspec

from fiducial.api.scoring import Heard, Kept, Score, Wanted
from fiducial.kernel.errors import FiducialError, UsageError
from fiducial.kernel.records import Record


class Order(Record, frozen=True, kw_only=True):
    """What a worker measures: the arguments of `calibrate`, and which subjects are its own."""

    path: str
    instruments: tuple[str, ...]
    traits: tuple[str, ...]
    runs: int
    off_runs: int
    probe_runs: int
    items: int | None
    seed: int
    out: str
    subjects: tuple[str, ...] = ()


def shares(wanted: Sequence[Wanted], workers: int) -> list[tuple[str, ...]]:
    """The subjects in `workers` shares of about as many runs each; the largest first to whoever has least."""
    runs: dict[str, int] = {}
    for want in wanted:
        runs[want.subject] = runs.get(want.subject, 0) + want.runs
    parts: list[list[str]] = [[] for _ in range(workers)]
    load = [0] * workers
    for subject in sorted(runs, key=lambda text: -runs[text]):
        least = load.index(min(load))
        parts[least].append(subject)
        load[least] += runs[subject]
    return [tuple(part) for part in parts if part]


async def share(order: Order, parts: Sequence[Sequence[str]], heard: Heard) -> None:
    """Let one process a part measure; raises `UsageError` where one ends badly. What each has finished is kept."""
    orders = [msgspec.json.encode(msgspec.structs.replace(order, subjects=tuple(part))).decode() for part in parts]
    words = (sys.executable, "-m", "fiducial.api.sharing")
    pipe = asyncio.subprocess.PIPE
    workers = [await asyncio.create_subprocess_exec(*words, text, stdout=pipe, limit=1 << 24) for text in orders]
    try:
        codes = await asyncio.gather(*(_listen(worker, heard) for worker in workers))
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.send_signal(signal.SIGTERM)
                await worker.wait()
    if any(codes):
        raise UsageError(f"calibrate: a worker ended with exit code {max(codes, key=abs)}; what it said stands above")


async def _listen(worker: asyncio.subprocess.Process, heard: Heard) -> int:
    if worker.stdout is not None:
        async for line in worker.stdout:
            heard(msgspec.json.decode(line, type=Score))
    return await worker.wait()


def main(text: str, answers: TextIO) -> int:
    """Measure an order and print its scores."""
    from fiducial.api.calibrating import Settings, only

    order = msgspec.json.decode(text, type=Order)
    settings = Settings(
        instruments=order.instruments, traits=order.traits, runs=order.runs, off_runs=order.off_runs, probe_runs=order.probe_runs,
        items=order.items, seed=order.seed, out=Path(order.out),
    )  # fmt: skip

    def heard(score: Score) -> None:
        print(msgspec.json.encode(score).decode(), file=answers, flush=True)

    try:
        only(order.path, settings, order.subjects, Kept.open(settings.out, repair=False), heard)
    except FiducialError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    return 0


if __name__ == "__main__":
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.exit(main(sys.argv[1], own))
