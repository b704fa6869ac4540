"""How many calls may be in flight at one endpoint, how many a minute, and how long to wait before asking again.

Additive increase, multiplicative decrease: each round of good answers adds a step to the limit, each round in which the
endpoint pushed back (429, 503, a time-out) halves it, and it never passes what the user allowed. So the limit settles at
the endpoint's knee. Rates are token buckets. An endpoint that only fails is cut off: calls to it become faults at once,
and now and then one probe asks whether it is back.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random
from typing import Protocol, Self

from fiducial.kernel.errors import Halted, SubjectError
from fiducial.subjects._settings import Limits

IN_A_ROW = 50
"""Failures in a row that cut an endpoint off, or two rounds of calls where that is more, unless the settings say."""

COOL = (1.0, 60.0)
"""Seconds from the cut-off to the first probe; doubled after each probe that fails, up to the second number."""


class Passing(SubjectError):
    """A failure that may pass: worth asking again. `pushback`: the endpoint asked for fewer calls."""

    def __init__(self, kind: str, detail: str = "", *, retry_after: float | None = None, pushback: bool = False) -> None:
        super().__init__(kind, detail)
        self.retry_after, self.pushback = retry_after, pushback


class Bucket:
    """A rate: `per_minute` units, at most one second's worth (or one unit) at once. Larger claims run into debt."""

    def __init__(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self._rate = per_minute / 60.0
        self._most = max(1.0, self._rate)
        self._level = self._most
        self._at: float | None = None

    def take(self, amount: float, now: float) -> float:
        """Claim an amount; the seconds to wait before it may be used. Claims are served in the order they come.

        >>> bucket = Bucket(120)
        >>> [bucket.take(1, now=0.0) for _ in range(4)]
        [0.0, 0.0, 0.5, 1.0]
        """
        if self._at is not None:
            self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._at = now
        wait = max(0.0, min(amount, self._most) - self._level) / self._rate
        self._level -= amount
        return wait

    def give(self, amount: float) -> None:
        """Give back what was claimed and not used; a negative amount claims what was used beyond the claim."""
        self._level = min(self._most, self._level + amount)


class Meter(Protocol):
    """A rate limit that several gates may share, here or in another process."""

    def take(self, tokens: float) -> float:
        """Claim one request and so many tokens; the seconds to wait."""
        ...

    def give(self, tokens: float, requests: int = 0) -> None:
        """Settle: tokens (and requests) that were claimed and not used."""
        ...


class Rates:
    """Requests and tokens a minute; `None` = no limit."""

    def __init__(self, requests: float | None = None, tokens: float | None = None) -> None:
        self.requests, self.tokens = requests, tokens
        self._requests = Bucket(requests) if requests is not None else None
        self._tokens = Bucket(tokens) if tokens is not None else None

    def take(self, tokens: float) -> float:
        """Claim one request and so many tokens; the seconds to wait."""
        now = time.monotonic()
        first = self._requests.take(1, now) if self._requests is not None else 0.0
        return max(first, self._tokens.take(tokens, now) if self._tokens is not None else 0.0)

    def give(self, tokens: float, requests: int = 0) -> None:
        """Settle what was claimed and not used."""
        if self._tokens is not None:
            self._tokens.give(tokens)
        if self._requests is not None and requests:
            self._requests.give(requests)


class Pace:
    """The gate in front of one endpoint: at most `limit` calls inside, `most` at best.

    Several owners may share it: a place that becomes free goes to them in turn, so a subject with a long queue does not
    starve a judge with a short one. The generator only spreads waiting times, so no result depends on it.
    """

    def __init__(
        self,
        most: int,
        rng: Random,
        *,
        backoff: float = 0.5,
        longest: float = 60.0,
        rates: Meter | None = None,
        in_a_row: int | None = None,
        patience: float = 60.0,
    ) -> None:
        self.most, self.limit, self.rates = most, float(most), rates
        self.backoff, self.longest, self.in_a_row, self.patience = backoff, longest, in_a_row, patience
        self._rng = rng
        self._step = max(1.0, most / 50)
        self._inside = 0
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()
        self._lowered = 0.0
        self._paused = 0.0
        self._failures = 0
        self._last_good: float | None = None
        self._last_failure = ""
        self._probe_at: float | None = None
        self._cool = COOL[0]
        self._closed: str | None = None

    @classmethod
    def of(cls, limits: Limits, rng: Random) -> Self:
        """The gate that an endpoint's settings ask for."""
        rated = limits.requests_per_minute is not None or limits.tokens_per_minute is not None
        rates = Rates(limits.requests_per_minute, limits.tokens_per_minute) if rated else None
        return cls(
            limits.concurrency, rng, backoff=limits.backoff, longest=limits.longest_wait, rates=rates,
            in_a_row=limits.failures_in_a_row, patience=limits.patience,
        )  # fmt: skip

    @classmethod
    def strictest(cls, paces: Iterable[Pace], rng: Random) -> Self:
        """One gate in the place of several: of each limit the lowest that any of them states."""
        given = list(paces)
        rates = [p.rates for p in given if isinstance(p.rates, Rates)]
        requests = min((r.requests for r in rates if r.requests is not None), default=None)
        tokens = min((r.tokens for r in rates if r.tokens is not None), default=None)
        return cls(
            min(p.most for p in given), rng, backoff=max(p.backoff for p in given), longest=max(p.longest for p in given),
            rates=Rates(requests, tokens) if rates else None,
            in_a_row=min((p.in_a_row for p in given if p.in_a_row is not None), default=None), patience=min(p.patience for p in given),
        )  # fmt: skip

    def reduce(self, most: int) -> None:
        """Lower the most that may be inside, to 1 at least."""
        self.most = max(1, min(self.most, most))
        self.limit = min(self.limit, float(self.most))
        self._step = max(1.0, self.most / 50)

    async def enter(self, owner: Hashable = None) -> None:
        """Wait for a free place and take it. Raises `Halted` where the gate is closed, or is while one waits."""
        if self._closed is not None:
            raise Halted(self._closed)
        if not self._queues and self._inside + 1 <= self.limit:
            self._inside += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._queues.setdefault(owner, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def close(self, reason: str) -> None:
        """Let nobody in any more: who waits is sent away, who is inside comes to an end."""
        self._closed = reason
        for queue in self._queues.values():
            for place in queue:
                if not place.done():
                    place.set_exception(Halted(reason))
        self._queues.clear()

    def slip_in(self) -> bool:
        """Take a place if one is free and nobody waits for it; whether there was one."""
        if self._closed is not None or self._queues or self._inside + 1 > self.limit:
            return False
        self._inside += 1
        return True

    def leave(self) -> None:
        """Give the place back; the longest waiting call of the next owner takes it where the limit allows."""
        self._inside -= 1
        while self._queues and self._inside + 1 <= self.limit:
            owner, queue = self._queues.popitem(last=False)
            place = queue.popleft()
            if queue:
                self._queues[owner] = queue  # behind the other owners
            if not place.done():
                self._inside += 1
                place.set_result(None)

    def admit(self) -> None:
        """Raise `SubjectError` where the endpoint is cut off; the call that may probe it passes."""
        if self._probe_at is None:
            return
        left = self._probe_at - time.monotonic()
        if left > 0:
            raise SubjectError(
                "circuit open", f"{self._failures} calls in a row failed, the last: {self._last_failure}; asked again in {left:.0f} s"
            )
        # While this probe is under way all others are refused; should it vanish, the next is let through after as long.
        self._probe_at = time.monotonic() + self._cool
        self._cool = min(2 * self._cool, COOL[1])

    @property
    def limiting(self) -> bool:
        """Whether a call that is inside may have to wait all the same: for a rate, or because the endpoint asked for it."""
        return self.rates is not None or self._paused > 0.0

    def held(self) -> float:
        """Seconds that the endpoint asked everybody to wait, with a spread; 0 where it did not."""
        left = self._paused - time.monotonic()
        return left + self._rng.uniform(0.0, self.backoff) if left > 0 else 0.0

    def good(self) -> None:
        """An answer came."""
        self._failures = 0
        self._last_good = time.monotonic()
        if self._probe_at is not None:
            self._probe_at, self._cool = None, COOL[0]
        if self.limit < self.most:
            self.limit = min(self.limit + self._step / self.limit, self.most)

    def bad(self, failure: Passing, entered: float) -> bool:
        """A call that entered at `entered` (monotonic seconds) failed; halve once for all calls of one round.

        Whether the failure says something of the call: a push-back of a round that was too large does not.
        """
        now = time.monotonic()
        self._failures += 1
        self._last_failure = str(failure)[:200]
        counts = True
        if failure.pushback:
            counts = entered >= self._lowered
            if counts:
                self.limit = max(1.0, self.limit / 2)
                self._lowered = now
            if failure.retry_after is not None:
                self._paused = max(self._paused, now + min(self.longest, failure.retry_after))
        if not self.hopeful and self._probe_at is None:
            self._probe_at = now + self._cool
        return counts

    @property
    def hopeful(self) -> bool:
        """False where an endpoint has been failing for so long that it is cut off."""
        if self._failures < (self.in_a_row if self.in_a_row is not None else max(IN_A_ROW, 2 * self.most)):
            return True
        return self._last_good is not None and time.monotonic() - self._last_good < self.patience

    def delay(self, attempt: int, retry_after: float | None) -> float:
        """Seconds before attempt `attempt + 1`: what the endpoint asked for plus a spread, else exponential with full jitter."""
        ceiling = min(self.longest, self.backoff * 2.0 ** min(attempt - 1, 16))
        if retry_after is not None:
            return min(self.longest, retry_after) + self._rng.uniform(0.0, self.backoff)
        return self._rng.uniform(0.0, ceiling)


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number or an HTTP date; `None` where it is neither.

    >>> retry_after("1.5"), retry_after("soon"), retry_after(None)
    (1.5, None, None)
    >>> retry_after("Thu, 01 Jan 2026 00:00:09 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    9.0
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (when.astimezone(UTC) - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if seconds < float("inf") else None
