"""One pooled HTTP client for an endpoint, and the loop that asks again: the only place where the network is touched.

The seam is `Wire.send`: bytes out, `Reply` in. Whatever goes wrong below it comes out as a `SubjectError`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

import msgspec

from fiducial.kernel.digest import clean
from fiducial.kernel.errors import SubjectError
from fiducial.kernel.records import Completion
from fiducial.subjects._line import Broken, Line, Target, TooLarge, target, unpack
from fiducial.subjects._pace import Pace, Passing, retry_after
from fiducial.subjects._settings import Limits

FRESH = 200
"""Connections out of step that one call sheds before it counts as failed; each was pooled, so their number is bounded."""

KEEP = 30.0
"""Seconds after which an idle connection is not used again."""

RESOLVED = 60.0
"""Seconds for which the address that a host's name led to is used without looking it up again."""

HEAD_START = 0.25
"""Seconds that a host's first address has before the next one is tried beside it."""

SECRET = 16
"""A secret at least this long is struck out of answers too; a shorter one might be an ordinary word."""

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
"""HTTP statuses that may pass."""

PUSHBACK = frozenset({429, 503, 529})
"""HTTP statuses that ask for fewer calls."""

CHARACTERS = 4
"""Bytes of a request that are taken for one token before the endpoint says."""

ANSWER_TOKENS = 150.0
"""Tokens of an answer that are claimed before any was seen; then their moving mean."""

HINTS = {401: "the key is missing or wrong", 403: "the key may not use this model", 404: "no such path, model or prompt"}


class Reply(NamedTuple):
    """What came back: HTTP status, whole body, the ``Retry-After`` header."""

    status: int
    body: bytes
    retry_after: str | None


class _Numbered(msgspec.Struct):
    id: str = ""


class _Doubles:
    """Tells a reply that came twice from two equal replies.

    A server that repeats a reply would shift all later answers on its connection to the wrong questions. Two equal
    bodies in a row on one connection are a double where the endpoint numbers its replies (`id`), which the first
    `LEARN` of them show: an id that comes on two connections is no number.
    """

    LEARN = 8

    def __init__(self) -> None:
        self._ids: dict[str, ReferenceType[Line]] = {}
        self._unnumbered = 0
        self.off = False

    def suspect(self, line: Line, content: bytes) -> bool:
        """Whether a reply repeats the one before it on the same connection."""
        name = hash(content)
        double = line.last == name
        line.last = name
        if len(self._ids) >= self.LEARN:
            return double
        try:
            number = _numbers.decode(content).id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            number = ""
        if not number:
            self._unnumbered += 1
            self.off = self._unnumbered >= self.LEARN
            return False
        first = self._ids.setdefault(number, ref(line))
        self.off = first() is not line
        return double and not self.off


_numbers = msgspec.json.Decoder(_Numbered)


class Wire:
    """Keep-alive connections to one endpoint. It opens on first use and may be used again after `close`."""

    def __init__(self, host: str, headers: Mapping[str, str], limits: Limits, secrets: Sequence[str] = ()) -> None:
        self._host, self._limits = host, limits
        self._headers = {"Content-Type": "application/json", "Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "fiducial"}
        self._headers |= headers
        self._secrets = tuple(sorted({s for s in secrets if s}, key=len, reverse=True))
        self._long = tuple(s.encode() for s in self._secrets if len(s) >= SECRET)
        self._targets: dict[tuple[str, str], Target] = {}
        self._free: list[Line] = []
        self._lines: set[Line] = set()
        self._until: dict[Line, float] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._address: tuple[str, float] | None = None
        self._tls: ssl.SSLContext | None = None
        self._doubles = _Doubles()

    async def send(self, url: str, body: bytes, method: str = "POST") -> Reply:
        """Send one body and read the whole reply, at most `max_bytes` of it.

        Raises `Passing` (time-out, connection, half a reply) or `SubjectError` (too large, a certificate that fails).
        """
        there = self._targets.get((method, url))
        if there is None:
            there = self._targets[method, url] = target(method, url, self._headers)
        try:
            for _ in range(FRESH):
                reply = await self._once(there, body)
                if reply is not None:
                    return reply
        except TimeoutError:
            raise Passing("timeout", f"{self._host}: no whole answer within {self._limits.timeout:g} s", pushback=True) from None
        except Broken as error:
            raise Passing("malformed", f"{self._host}: the reply broke off or is not HTTP ({error})") from None
        except TooLarge:
            raise SubjectError("too large", f"{self._host}: the reply is larger than max_bytes = {self._limits.max_bytes}") from None
        except ssl.SSLCertVerificationError:
            raise SubjectError("certificate", f"{self._host}: its TLS certificate cannot be verified") from None
        except OSError as error:
            raise Passing("connection", f"{self._host}: {self.redact(error.strerror or str(error) or type(error).__name__)}") from None
        raise Passing("out of step", f"{self._host}: it sends more replies than it was asked for")

    async def _once(self, there: Target, body: bytes) -> Reply | None:
        """One reply, or `None` where the connection was out of step and is closed now."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._forget(loop)
        until = loop.time() + self._limits.timeout
        line = self._reuse(until) or await self._connect(there, loop)
        waiting = line.ask(there.head, body)
        self._until[line] = until
        if self._alarm is None:
            self._alarm = loop.call_at(until, self._ring, loop)
        try:
            status, content, retry_after, encoding = await waiting
        except BaseException:
            line.close()
            raise
        finally:
            self._until.pop(line, None)
        if encoding:
            content = unpack(content, encoding, self._limits.max_bytes)
        for secret in self._long:
            if secret in content:
                content = content.replace(secret, b"***")
        if status == 200 and not self._doubles.off and self._doubles.suspect(line, content):
            line.close()
            return None
        if line.usable:
            line.idle_since = until - self._limits.timeout
            self._free.append(line)
        return Reply(status, content, retry_after)

    def _reuse(self, now: float) -> Line | None:
        """A free connection, the one used last; those that lay idle for too long are closed."""
        oldest = now - self._limits.timeout - KEEP
        while self._free:
            line = self._free.pop()
            if line.usable and line.idle_since > oldest:
                return line
            line.close()
        return None

    async def _connect(self, there: Target, loop: asyncio.AbstractEventLoop) -> Line:
        if there.tls and self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        host, known = there.host, there.numeric
        if self._address is not None and loop.time() < self._address[1]:
            host, known = self._address[0], True
        more: dict[str, Any] = {"ssl": self._tls, "server_hostname": there.host} if there.tls else {}
        if not known and isinstance(loop, asyncio.BaseEventLoop):  # other event loops know no head start
            more["happy_eyeballs_delay"] = HEAD_START
        line = Line(self._limits.max_bytes, self._lines.discard)
        try:
            async with asyncio.timeout(min(self._limits.connect_timeout, self._limits.timeout)):
                transport, _ = await loop.create_connection(lambda: line, host, there.port, **more)
        except BaseException:
            self._address = None
            raise
        if not known:
            self._address = transport.get_extra_info("peername")[0], loop.time() + RESOLVED
        self._lines.add(line)
        return line

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Fail the requests whose time is over, and wait for the next one's. One timer serves all: they are many, and few run out."""
        now = loop.time()
        for line, until in list(self._until.items()):
            if until <= now:
                line.fail(TimeoutError())
        left = [until for until in self._until.values() if until > now]
        self._alarm = loop.call_at(min(left), self._ring, loop) if left else None

    def redact(self, text: str) -> str:
        """Text without any of the secrets that travel in headers."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def failure(self, reply: Reply) -> SubjectError:
        """The error of a reply whose HTTP status is not 200; `Passing` where it may pass."""
        status = reply.status
        hint = f" ({HINTS[status]})" if status in HINTS else ""
        said, code = error_said(reply.body)
        detail = f"{self._host}: HTTP {status}{hint}: {self.redact(said)}" if said else f"{self._host}: HTTP {status}{hint}"
        if status in PASSING and code != "insufficient_quota":
            return Passing(f"http {status}", detail, retry_after=retry_after(reply.retry_after), pushback=status in PUSHBACK)
        return SubjectError(f"http {status}", detail)

    async def close(self) -> None:
        """Close all connections."""
        if self._alarm is not None:
            self._alarm.cancel()
        for line in list(self._lines):
            line.close()
        self._forget(None)
        await asyncio.sleep(0)  # lets the transports go

    def _forget(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Start anew; what belongs to a loop that has ended is of no use in another one."""
        self._loop, self._alarm, self._address = loop, None, None
        self._free.clear()
        self._lines.clear()
        self._until.clear()


class Endpoint:
    """A wire with its pace: ask until there is an answer, or the retries are spent. `name` is its host and path.

    `pace` may be replaced by one that several endpoints of one name share. `hedges` counts requests that were sent twice.
    """

    def __init__(self, wire: Wire, pace: Pace, limits: Limits, name: str = "") -> None:
        self.wire, self.pace, self.name, self.hedges = wire, pace, name, 0
        self._limits = limits
        self._answer_tokens = ANSWER_TOKENS

    async def ask(self, url: str, body: bytes, read: Callable[[Reply], Completion], method: str = "POST") -> tuple[Completion, int]:
        """What `read` makes of the reply, and the number of requests it took.

        `read` raises `Passing` for a reply that is worth asking again, `SubjectError` for one that is final. After the
        last attempt the failure is raised as a plain `SubjectError` that tells how often it was tried.
        """
        seconds = self._limits.deadline
        if seconds is None:
            return await self._ask(url, body, read, method)
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(url, body, read, method)
        except TimeoutError:
            raise SubjectError("deadline", f"{self.name}: no answer within {seconds:g} s, all attempts counted") from None

    async def _ask(self, url: str, body: bytes, read: Callable[[Reply], Completion], method: str) -> tuple[Completion, int]:
        attempt = hedged = counted = 0
        hedge = self._limits.hedge_after is not None
        while True:
            attempt += 1
            pace = self.pace
            if not pace.slip_in():
                await pace.enter(id(self))
            try:
                pace.admit()
                tokens = await self._claim(pace, body) if pace.limiting else 0.0
                entered = time.monotonic()
                try:
                    if hedge:
                        reply, sent = await self._send(url, body, method, tokens)
                        hedged += sent - 1
                    else:
                        reply = await self.wire.send(url, body, method)
                    value = read(reply)
                except Passing as error:
                    failure = error
                    counted += pace.bad(error, entered)
                    if pace.rates is not None and error.pushback:
                        pace.rates.give(tokens)
                else:
                    pace.good()
                    self._settle(pace, tokens, body, value)
                    return value, attempt + hedged
            finally:
                pace.leave()
            if counted > self._limits.retries or not pace.hopeful:
                raise SubjectError(failure.kind, f"{failure.detail} (after {attempt} attempt{'s' if attempt > 1 else ''})") from None
            await asyncio.sleep(pace.delay(attempt, failure.retry_after))

    async def _claim(self, pace: Pace, body: bytes) -> float:
        """Wait until the endpoint's rates allow one more request; the tokens that were claimed for it."""
        if (left := pace.held()) > 0:
            await asyncio.sleep(left)
        if pace.rates is None:
            return 0.0
        tokens = len(body) / CHARACTERS + self._answer_tokens
        wait = pace.rates.take(tokens)
        if wait > 0:
            await asyncio.sleep(wait)
        return tokens

    def _settle(self, pace: Pace, claimed: float, body: bytes, value: Completion) -> None:
        usage = value.usage
        if pace.rates is None or (usage.input is None and usage.output is None):
            return
        output = usage.output or 0
        used = (usage.input if usage.input is not None else len(body) / CHARACTERS) + output
        pace.rates.give(claimed - used)
        self._answer_tokens += (output - self._answer_tokens) / 10

    async def _send(self, url: str, body: bytes, method: str, tokens: float) -> tuple[Reply, int]:
        """The reply and the requests it took: one, or two where the first was slower than `hedge_after`."""
        first = asyncio.create_task(self.wire.send(url, body, method))
        tasks = {first}
        hedged = False
        try:
            await asyncio.wait(tasks, timeout=self._limits.hedge_after)
            if not first.done() and (hedged := self._may_hedge(tokens)):
                tasks.add(asyncio.create_task(self.wire.send(url, body, method)))
            return await _first_good(tasks), len(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if hedged:
                self.pace.leave()

    def _may_hedge(self, tokens: float) -> bool:
        """Take a place for a second request, if the endpoint has room for it at once."""
        pace = self.pace
        if not pace.slip_in():
            return False
        if pace.rates is not None and pace.rates.take(tokens) > 0:
            pace.rates.give(tokens, 1)
            pace.leave()
            return False
        self.hedges += 1
        return True


async def _first_good(tasks: Collection[asyncio.Task[Reply]]) -> Reply:
    """The first reply of HTTP 200; where there is none, the last one that came, or the last failure."""
    left = set(tasks)
    reply: Reply | None = None
    failure: SubjectError | None = None
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            try:
                reply = task.result()
            except SubjectError as error:
                failure = error
                continue
            if reply.status == 200:
                return reply
    if reply is None and failure is not None:
        raise failure
    if reply is None:
        raise SubjectError("connection", "no request was sent")
    return reply


def error_said(body: bytes) -> tuple[str, str]:
    """The message and the code of an error body, both printable and short; ``""`` where there is none.

    >>> error_said(b'{"error": {"message": "no", "code": "x"}}'), error_said(b"<html>")
    (('no', 'x'), ('<html>', ''))
    """
    text = body[:4000].decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _printable(text), ""
    inner = (value.get("error") or value) if isinstance(value, dict) else value
    if isinstance(inner, dict):
        said = inner.get("message") or inner.get("detail") or text
        return _printable(str(said)), str(inner.get("code") or inner.get("type") or "")
    return _printable(str(inner)), ""


def _printable(text: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in clean(text[:600])).split())
    return text if len(text) <= 300 else text[:297] + "..."
