"""What a run may ask of its endpoints and of the clock: one gate an endpoint, shares of it for workers, a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, Protocol

from fiducial.engine.observe import Journalled
from fiducial.kernel.digest import digest
from fiducial.kernel.roles import Subject
from fiducial.subjects._pace import Meter, Pace, Rates
from fiducial.subjects._wire import Endpoint

GRACE = 10.0
"""Seconds that calls under way are given at a run's deadline."""


class Stoppable(Protocol):
    """What a deadline ends."""

    def halt(self, reason: str) -> None: ...


def endpoints(subjects: Iterable[Subject]) -> dict[str, list[Endpoint]]:
    """The endpoints behind subjects and judges' models, by host and path; a subject without one (a function, a recording) has none."""
    found: dict[str, list[Endpoint]] = {}
    for subject in subjects:
        inner: Any = subject.subject if isinstance(subject, Journalled) else subject
        endpoint = getattr(inner, "endpoint", None)
        if isinstance(endpoint, Endpoint):
            found.setdefault(endpoint.name, []).append(endpoint)
    return found


def share(subjects: Iterable[Subject]) -> dict[str, Pace]:
    """Put one gate in front of each endpoint, whoever asks there: the strictest of what its owners state, in turn between them.

    Gives the gates by host and path.
    """
    gates: dict[str, Pace] = {}
    for name, owners in endpoints(subjects).items():
        gates[name] = owners[0].pace
        if len(owners) > 1:
            gates[name] = Pace.strictest((owner.pace for owner in owners), Random(digest(name)))
            for owner in owners:
                owner.pace = gates[name]
    return gates


def divide(gates: dict[str, Pace], workers: int, meter: dict[str, Meter] | None = None) -> None:
    """Let this process have its share of each gate among so many workers.

    Calls at once are divided, so that together they never pass the endpoint's limit. Rates are asked of `meter` where it
    has one for the endpoint, else divided.
    """
    for name, gate in gates.items():
        gate.reduce(gate.most // workers)
        if meter is not None and name in meter:
            gate.rates = meter[name]
        elif isinstance(gate.rates, Rates):
            gate.rates = Rates(*(None if r is None else r / workers for r in (gate.rates.requests, gate.rates.tokens)))


@asynccontextmanager
async def deadline(what: Stoppable, seconds: float | None, grace: float = GRACE) -> AsyncIterator[None]:
    """End what happens inside after `seconds`: nothing new is begun, and calls under way have `grace` seconds to come back.

    What has not come back by then is cancelled and left for a later resume; the block ends without an error.
    """
    if seconds is None:
        yield
        return
    task = asyncio.current_task()
    cut = False

    async def watch() -> None:
        nonlocal cut
        await asyncio.sleep(seconds)
        what.halt(f"deadline: {seconds:g} s are over")
        await asyncio.sleep(grace)
        cut = True
        if task is not None:
            task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not cut:
            raise
        if task is not None:
            task.uncancel()
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
