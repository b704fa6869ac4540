"""Which executor carries a run out, and with how many workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fiducial.api.crews import ENTRY
from fiducial.api.depots import is_answer
from fiducial.engine.executors.desk import Desk
from fiducial.engine.executors.drive import Driver, Launch
from fiducial.engine.executors.local import LocalWorkers
from fiducial.engine.observe import Observation
from fiducial.kernel.errors import UsageError
from fiducial.store.cache import Cache
from fiducial.store.depot import Depot
from fiducial.store.run import Run
from fiducial.subjects._pace import Pace, Rates

MOST = 1024
"""Workers that a run may have."""


@dataclass(frozen=True)
class Executor:
    """`kind` is ``local`` or ``ray``; `workers` of it, or as many as there are processors; `address` of a Ray cluster."""

    kind: str
    workers: int | None = None
    address: str | None = None


def executor(text: str | None, workers: int | None = None) -> Executor | None:
    """What ``--executor`` and ``--workers`` ask for; `None` is this process alone. Raises `UsageError`.

    >>> executor("local:4"), executor(None, 2)
    (Executor(kind='local', workers=4, address=None), Executor(kind='local', workers=2, address=None))
    >>> executor("ray://head:10001", 8).address
    'ray://head:10001'
    """
    if workers is not None and not 1 <= workers <= MOST:
        raise UsageError(f"--workers: 1 to {MOST}, got {workers}")
    if text is None:
        return Executor("local", workers) if workers is not None else None
    if text.startswith("ray://"):
        return Executor("ray", workers, text)
    kind, colon, number = text.partition(":")
    if kind not in {"local", "ray"} or (colon and not number.isdecimal()):
        raise UsageError(f"--executor: local, local:N, ray, ray:N or ray://HOST:PORT, got {text!r}")
    if colon and workers is not None:
        raise UsageError(f"--executor {text} and --workers {workers}: the number of workers once")
    return executor_of(kind, int(number)) if colon else Executor(kind, workers)


def executor_of(kind: str, workers: int) -> Executor:
    """An executor with so many workers. Raises `UsageError` for too few or too many."""
    if not 1 <= workers <= MOST:
        raise UsageError(f"--executor {kind}:N: 1 to {MOST} workers, got {workers}")
    return Executor(kind, workers)


async def carry_out(run: Run, what: Observation, chosen: Executor, gates: Mapping[str, Pace], depot: Depot | None = None) -> None:
    """Carry an observation out with workers; this process holds the run, hands out its clusters and keeps its limits.

    With a `depot` workers of other machines need not see the run's directory: they bring what they need from there, and put
    their segments there.
    """
    ledger = what.line.ledger
    meters = {name: gate.rates for name, gate in gates.items() if isinstance(gate.rates, Rates)}
    bounded = any(limit is not None for limit in (ledger.calls, ledger.tokens, ledger.money))
    desk = Desk(ledger, meters) if meters or bounded else None
    cache = what.line.cache
    arguments: dict[str, Any] = {"run": str(run.path.resolve()), "folder": str(Path.cwd())}
    if isinstance(cache, Cache):
        if chosen.kind == "ray":
            raise UsageError("--cache with --executor ray: the cache needs a disk of this machine; use --executor local:N")
        arguments["cache"] = str(cache.folder.resolve())
    with run.hold():
        if chosen.kind == "local":
            count = _count(chosen.workers or os.cpu_count() or 1, what, gates)
            launch: Launch = LocalWorkers(ENTRY, _shares(arguments, what, count), desk).launch
            await Driver(what, launch, count, max(1, what.concurrency // count), counts=desk is None).drive(run.trials())
            return
        from fiducial.engine.executors.ray import cluster

        if depot is not None:
            arguments |= {"run": None, "share": depot.url}
        with cluster(chosen.address) as ray:
            count = _count(chosen.workers or ray.processors(), what, gates)
            launch = ray.workers(ENTRY, _shares(arguments, what, count), desk).launch
            await Driver(what, launch, count, max(1, what.concurrency // count), counts=True).drive(run.trials())
        if depot is not None:
            depot.fetch(run.path, is_answer)


def _count(wanted: int, what: Observation, gates: Mapping[str, Pace]) -> int:
    """No more workers than calls may be in flight: each has one at least."""
    return max(1, min(wanted, what.concurrency, *(gate.most for gate in gates.values())))


def _shares(arguments: Mapping[str, Any], what: Observation, count: int) -> dict[str, Any]:
    return {**arguments, "workers": count, "concurrency": max(1, what.concurrency // count)}
