"""Settings of an endpoint from a TOML file, the environment and a `.env` file. Names of secrets, never secrets.

A key in the wrong place, an unknown one or a wrong type is refused with file, path and what was expected.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from fiducial.kernel.errors import SpecError

T = TypeVar("T")

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Price = Annotated[float, Meta(ge=0)]

MOST_SETTINGS = 1_000_000
"""Bytes of the largest settings file that is read."""

CREDENTIALS = frozenset({"authorization", "proxy-authorization", "api-key", "x-api-key", "cookie", "x-auth-token", "x-goog-api-key"})
"""Headers that carry a secret: their value must come from the environment."""

FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})
"""Headers that say where a request ends: the client's own business."""


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money per million tokens."""

    input: Price
    output: Price


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of every call to an endpoint.

    `concurrency` calls at once at most; `timeout` and `connect_timeout` in seconds per attempt; `retries` attempts
    after the first; `backoff` seconds, doubled from retry to retry up to `longest_wait`; `max_bytes` of one reply.
    `requests_per_minute` and `tokens_per_minute` of the endpoint. `deadline`: seconds for a call with all its attempts.
    `hedge_after`: seconds after which an unanswered request is sent a second time, and the first answer is taken.
    `failures_in_a_row` cut the endpoint off, where it has not answered for `patience` seconds.
    """

    concurrency: Annotated[int, Meta(ge=1, le=100_000)] = 100
    timeout: Seconds = 120.0
    connect_timeout: Seconds = 10.0
    retries: Annotated[int, Meta(ge=0, le=100)] = 5
    backoff: Annotated[float, Meta(ge=0, le=3600)] = 0.5
    longest_wait: Seconds = 60.0
    max_bytes: Annotated[int, Meta(ge=1, le=1 << 30)] = 4_000_000
    requests_per_minute: Annotated[float, Meta(gt=0, le=1e9)] | None = None
    tokens_per_minute: Annotated[float, Meta(gt=0, le=1e12)] | None = None
    deadline: Seconds | None = None
    hedge_after: Seconds | None = None
    failures_in_a_row: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    patience: Annotated[float, Meta(ge=0, le=86_400)] = 60.0


def find(name: str, folder: Path) -> Path:
    """A file by its name, relative to `folder` or else to the working folder. Raises `SpecError` where it is in neither."""
    for base in (folder, Path()):
        path = base / name
        if path.is_file():
            return path
    places = dict.fromkeys(str(base.resolve()) for base in (folder, Path()))
    raise SpecError(name, "file", f"a file in {' or '.join(places)}", name)


def read_toml(path: Path, kind: type[T]) -> T:
    """A settings file as a typed value. Raises `SpecError` with file, path and what was expected."""
    if path.stat().st_size > MOST_SETTINGS:
        raise SpecError(path.name, "file", f"at most {MOST_SETTINGS} bytes", path.stat().st_size)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SpecError(path.name, f"byte {error.start}", "UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(path.name, "file", "TOML", str(error)) from None
    return as_settings(raw, kind, path.name)


def as_settings(raw: Mapping[str, Any], kind: type[T], file: str) -> T:
    """A plain mapping as a typed value, with errors in the words of the file."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        rule, _, where = str(error).partition(" - at ")
        path = where.strip("`").removeprefix("$").removeprefix(".")
        unknown = re.search(r"unknown field `(.+)`", rule)
        if unknown:
            known = msgspec.structs.fields(kind) if not path else ()  # pyright: ignore[reportArgumentType] - always a Struct here
            expected = f"one of {', '.join(f.encode_name for f in known)}" if known else "a known key"
            raise SpecError(file, ".".join(filter(None, (path, unknown[1]))), expected, unknown[1]) from None
        raise SpecError(file, path or "file", rule.removeprefix("Expected ").replace("Object missing", "the")) from None


def variable(name: str) -> str | None:
    """A variable of the environment, or else of the file `.env` in the working folder."""
    value = os.environ.get(name)
    if value:
        return value
    path = Path(".env")
    if not path.is_file() or path.stat().st_size > MOST_SETTINGS:
        return None
    return dotenv(path.read_text(encoding="utf-8", errors="replace")).get(name)


def dotenv(text: str) -> dict[str, str]:
    """Names and values of a `.env` file: ``NAME=value`` lines, ``export`` and quotes allowed, nothing expanded.

    >>> dotenv("# x\\nexport A='b c'\\nD=e # note\\nbroken")
    {'A': 'b c', 'D': 'e'}
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$", line)
        if match:
            value = match[2]
            quoted = len(value) >= 2 and value[0] in "'\"" and value[-1] == value[0]
            found[match[1]] = value[1:-1] if quoted else re.sub(r"\s+#.*$", "", value)
    return found


def resolve_headers(headers: Mapping[str, str], file: str) -> tuple[dict[str, str], list[str]]:
    """Headers with ``env:NAME`` values looked up, and the secrets among them."""
    resolved: dict[str, str] = {}
    secrets: list[str] = []
    for name, value in headers.items():
        where = f"headers.{name}"
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise SpecError(file, where, "a header name", name)
        if name.lower() in FRAMING:
            raise SpecError(file, where, "no header that the client sets itself", name)
        text = value
        if value.startswith("env:"):
            found = variable(value[4:])
            if found is None:
                raise SpecError(file, where, f"a value in the environment or .env for {value[4:]}", "none")
            text = found
            secrets += [found, found.rpartition(" ")[2]]
        elif name.lower() in CREDENTIALS:
            raise SpecError(file, where, "env:NAME, so that no secret stands in the file", "a literal value")
        if not text.isprintable() or not text.isascii():
            raise SpecError(file, where, "printable ASCII on one line", "other characters")
        resolved[name] = text
    return resolved, secrets


def check_url(url: str, file: str, path: str) -> str:
    """A URL that names a host by http or https and carries no credentials. Raises `SpecError`."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SpecError(file, path, "a URL", str(error)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SpecError(file, path, "a URL that starts with http:// or https:// and names a host", parts.scheme)
    if "@" in parts.netloc:
        raise SpecError(file, path, "a URL without user name or password (use key_env)", "one with credentials")
    return url
