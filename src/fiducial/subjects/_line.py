"""One HTTP/1.1 connection: a request out, its reply in. llhttp reads what comes, this file decides what it may be.

A reply is bounded in head and body. A connection on which anything came that was not asked for, or that broke a rule,
is closed and never used again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast
from urllib.parse import quote, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_HEAD = 1 << 16
"""Bytes that may come without any of a body among them: heads, trailers, chunk extensions, replies in between (1xx)."""

JOINED = 1 << 16
"""Bodies up to this many bytes leave in one write with their head."""

_UNRESERVED = "/%:@!$&'()*+,;=~-._"


class Broken(Exception):
    """What came is not HTTP, or stopped in the middle of a reply."""


class TooLarge(Exception):
    """The body is larger than allowed."""


class Lost(OSError):
    """The connection ended before anything of the reply came."""


class Received(NamedTuple):
    """A reply as it came: status, whole body (packed as `encoding` says, ``""`` = not at all), ``Retry-After``."""

    status: int
    body: bytes
    retry_after: str | None
    encoding: str


class Target(NamedTuple):
    """Where requests of one URL and method go, and their head up to the length of the body. `numeric`: the host is an address, no name."""

    host: str
    port: int
    tls: bool
    head: bytes
    numeric: bool


def target(method: str, url: str, headers: Mapping[str, str]) -> Target:
    """The target of a URL; of headers that differ in case only, the later one is sent.

    >>> target("POST", "http://a.example:81/v 1?q=é", {"x-y": "1", "X-Y": "2"}).head
    b'POST /v%201?q=%C3%A9 HTTP/1.1\\r\\nHost: a.example:81\\r\\nX-Y: 2\\r\\nContent-Length: '
    """
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    name = parts.hostname or ""
    host = name if name.isascii() else name.encode("idna").decode()
    usual = 443 if tls else 80
    port = parts.port or usual
    shown = f"[{host}]" if ":" in host else host
    path = quote(parts.path or "/", safe=_UNRESERVED) + (f"?{quote(parts.query, safe=_UNRESERVED + '?')}" if parts.query else "")
    lines = {"host": f"Host: {shown}" if port == usual else f"Host: {shown}:{port}"}
    lines |= {field.lower(): f"{field}: {value}" for field, value in headers.items()}
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines.values(), "Content-Length: "]).encode("ascii")
    return Target(host, port, tls, head, ":" in host or host.replace(".", "").isdecimal())


class Line(asyncio.Protocol):
    """A connection. `usable` says whether another request may be sent on it; `gone` is called once when it ends.

    `idle_since` (the loop's time) and `last` (of the reply before) are notes of whoever owns it.
    """

    def __init__(self, most: int, gone: Callable[[Line], object]) -> None:
        self._most, self._gone = most, gone
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._waiting: asyncio.Future[Received] | None = None
        self._begun = self._surplus = False
        self._loose = 0
        self.usable = False
        self.idle_since = 0.0
        self.last: int | None = None
        self._clear()

    def _clear(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._headed = self._complete = self._large = self._again = False
        self._length: int | None = None
        self._chunked = False
        self._retry_after: str | None = None
        self._encoding = ""

    # --- what its owner calls ----------------------------------------------------------------------------------------

    def ask(self, head: bytes, body: bytes) -> asyncio.Future[Received]:
        """Send a request; the future gives its reply, or raises `Broken`, `TooLarge` or `Lost`. One at a time."""
        transport = self._transport
        if transport is None or not self.usable or self._waiting is not None:
            raise Lost("the connection is not free")
        self._begun, self._loose = False, 0
        self._clear()
        self._waiting = waiting = asyncio.get_running_loop().create_future()
        start = b"%b%d\r\n\r\n" % (head, len(body))
        if len(body) <= JOINED:
            transport.write(start + body)
        else:
            transport.write(start)
            transport.write(body)
        return waiting

    def close(self) -> None:
        """End the connection; who waits for a reply gets `Lost`."""
        self.fail(Lost("the connection was closed"))

    def fail(self, error: Exception) -> None:
        """End the connection, with this error for who waits."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    # --- what the event loop calls -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.usable = cast("asyncio.Transport", transport), True  # of any event loop, so by shape

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:  # nothing was asked: what comes next would answer another question
            self.close()
            return
        self._loose += len(data)
        self._begun = True
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if not self._complete:
                self.fail(Broken("not HTTP"))
                return
            self._surplus = True
        if self._large:
            self.fail(TooLarge())
        elif self._complete:
            self._finish(again=self._again and not self._surplus)
        elif self._loose > MOST_HEAD:
            self.fail(Broken("head without end"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._waiting is not None:
            # Without a length the end of the connection is the end of the body.
            whole = self._headed and exc is None and self._length is None and not self._chunked
            if whole:
                self._finish(again=False)
            else:
                self.fail(Broken("broke off") if self._begun else Lost(str(exc or "the other side closed the connection")))
        self._transport = None
        del self._parser  # it holds this object
        self._gone(self)

    def _finish(self, *, again: bool) -> None:
        waiting, self._waiting = self._waiting, None
        if not again and self._transport is not None:
            self.usable = False
            self._transport.close()
        if waiting is not None and not waiting.done():
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            waiting.set_result(Received(self._status, body, self._retry_after, self._encoding))
        self._parts = []

    # --- what the parser calls ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._surplus = self._complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._complete:
            return
        match name.lower():
            case b"content-length":
                self._length = int(value)
            case b"transfer-encoding":
                self._chunked = value.lower().rstrip().endswith(b"chunked")
            case b"content-encoding":
                self._encoding = value.decode("latin-1").strip().lower()
            case b"retry-after":
                self._retry_after = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        if not self._complete:
            self._status = self._parser.get_status_code()
            self._headed = self._status >= 200
            self._large = self._headed and (self._length or 0) > self._most

    def on_body(self, body: bytes) -> None:
        if self._complete or self._large:
            return
        self._loose = 0
        self._size += len(body)
        self._parts.append(body)
        self._large = self._size > self._most

    def on_message_complete(self) -> None:
        if self._complete:
            return
        if self._headed:
            self._complete, self._again = True, self._parser.should_keep_alive()  # to be asked here and not later
        else:
            self._clear()  # a reply in between: the one that was asked for follows


def unpack(body: bytes, encoding: str, most: int) -> bytes:
    """A body unpacked. Raises `TooLarge` above `most` bytes, `Broken` where it is damaged or packed otherwise.

    >>> unpack(zlib.compress(b"yes"), "deflate", 3)
    b'yes'
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Broken("packed in a way that was not asked for")
    bare = encoding == "deflate" and body[:1] and body[0] & 0x0F != 8  # some servers leave out the frame
    unpacking = zlib.decompressobj(-15 if bare else 47)
    try:
        content = unpacking.decompress(body, most + 1)
    except zlib.error:
        raise Broken("damaged packing") from None
    if len(content) > most:
        raise TooLarge
    if not unpacking.eof:
        raise Broken("packing broke off")
    return content
