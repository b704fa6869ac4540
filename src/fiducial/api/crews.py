"""The crew of a worker: a run's subjects and judges, made again from what its plan says."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fiducial.api import depots, resolve
from fiducial.api.results import options_of, reopen
from fiducial.engine import limits
from fiducial.engine.budget import Ledger
from fiducial.engine.executors.crew import Crew
from fiducial.engine.executors.desk import Ask, DistantLedger, DistantMeter
from fiducial.engine.observe import Line
from fiducial.kernel.errors import RunLocked
from fiducial.store.cache import Cache
from fiducial.store.journal import Journal
from fiducial.store.run import Run
from fiducial.store.shipping import Ship
from fiducial.subjects._pace import Rates

ENTRY = "fiducial.api.crews:crew"
"""How a worker finds the function that makes its crew."""

PATIENCE = 15.0
"""Seconds to wait for a writer whose driver has died: it ends as soon as it hears of that."""


def crew(
    ask: Ask | None, *, run: str | None, folder: str, writer: str, workers: int, concurrency: int, cache: str | None = None,
    share: str | None = None,
) -> Crew:  # fmt: skip
    """The crew of one worker.

    Args:
        ask: the way to the driver's desk; `None` where there is neither a budget nor a rate.
        run: the run's directory, at the same path for all workers; `None` where only its URL is seen from here.
        folder: where the names of subjects start from, on a machine that has it.
        writer: the name of its segments in the journal.
        workers: how many share the endpoints.
        concurrency: units in work at once here.
        cache: folder of the answer cache.
        share: the URL that the run is brought from where `run` is `None`.
    """
    if run is not None:
        opened, closing = Run.open(Path(run)), []
    else:
        scratch = Path(tempfile.mkdtemp(prefix="fiducial-"))
        opened, closing = depots.bring(str(share), scratch), [_gone(scratch)]
    if run is not None or Path(folder).is_dir():
        os.chdir(folder)
    resolved = reopen(opened)
    options = options_of(opened)
    subjects = [resolve.subject(text, Path(folder), resolved, options) for text in opened.plan.options["sources"]]
    gates = limits.share([*subjects, *resolved.graders])
    rated = [name for name, gate in gates.items() if isinstance(gate.rates, Rates)]
    limits.divide(gates, workers, {name: DistantMeter(ask, name) for name in rated} if ask is not None else None)
    journal = _journal(opened, writer, depots.ship_of(opened, depots.depot_of(opened)))
    budget = resolved.spec.budget
    ledger = DistantLedger(budget.calls, budget.tokens, budget.money, ask=ask) if ask is not None else Ledger()
    kept = Cache(Path(cache)) if cache is not None else None
    line = Line(journal=journal, ledger=ledger, cache=kept)
    resolved.journal_with(line)
    return Crew(
        subjects=subjects,
        panel=resolved.panel,
        environments=resolve.environment,
        line=line,
        journal=journal,
        closing=[*(who.close for who in (*subjects, *resolved.graders)), *closing],
        gates=list(gates.values()),
        concurrency=concurrency,
    )


def _gone(scratch: Path) -> Callable[[], Awaitable[None]]:
    """Removes a worker's folder; only after its journal was closed, so whatever could not be shipped stays."""

    async def remove() -> None:
        shutil.rmtree(scratch, ignore_errors=True)

    return remove


def _journal(run: Run, writer: str, ship: Ship | None) -> Journal:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return run.journal(writer, driven=True, ship=ship)
        except RunLocked:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
