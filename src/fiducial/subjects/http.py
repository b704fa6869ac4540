"""Any JSON endpoint, by a request template and the path of the answer.

    http:FILE.toml

    url = "https://bot.example/ask"
    request = { question = "{{prompt}}", context = { seed = "{{seed}}" } }     # or JSON text
    answer = "choices[0].text"
    headers = { Authorization = "env:BOT_KEY" }

A placeholder that is a whole string becomes a JSON value: ``{{prompt}}`` the text of the last user message,
``{{system}}`` the system message (or null), ``{{messages}}`` the dialogue as a list of ``{"role", "content"}``,
``{{seed}}`` the request's seed (or null). ``{{prompt}}`` and ``{{system}}`` may also stand inside a longer string. Values
are put into the template before it is written as JSON, so a prompt cannot change the request's structure.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from fiducial.kernel.digest import clean, digest
from fiducial.kernel.errors import SpecError, SubjectError, shorten
from fiducial.kernel.records import STATUSES, Completion, Message, Served, Status
from fiducial.kernel.roles import Context, Turn
from fiducial.subjects._pace import Pace, Passing
from fiducial.subjects._prompt import last_user
from fiducial.subjects._reply import read_json, split_thinking, status_of
from fiducial.subjects._settings import Limits, Prices, check_url, find, read_toml, resolve_headers
from fiducial.subjects._wire import Endpoint, Reply, Wire

PLACEHOLDERS = ("prompt", "system", "messages", "seed")
_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PART = re.compile(r"""(?:\A|\.)([^.\[\]"]+)|\[(\d+)\]|\["([^"]*)"\]""")


class Settings(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file may say. `answer` and `status` are paths into the reply; `statuses` maps what is found there to ours."""

    url: str
    request: dict[str, Any] | list[Any] | str
    answer: Annotated[str, Meta(min_length=1)]
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: dict[str, str] = {}
    status: str | None = None
    statuses: dict[str, Literal["answered", "filtered", "truncated", "empty"]] = {}
    prices: Prices | None = None
    name: str | None = None
    version: str = ""


def subject(rest: str, context: Context) -> Http:
    """The subject of ``http:FILE.toml``. Raises `SpecError` naming what is wrong with it."""
    file = Path(rest).name
    if not rest.endswith(".toml"):
        raise SpecError(f"http:{rest}", "name", "http:FILE.toml", rest)
    settings = read_toml(find(rest, context.folder), Settings)
    check_url(settings.url, file, "url")
    template = settings.request
    if isinstance(template, str):
        try:
            template = json.loads(template)
        except ValueError as error:
            raise SpecError(file, "request", "a table or JSON text", str(error)) from None
    used = _check(template, file, "request")
    if not used & {"prompt", "messages"}:
        raise SpecError(file, "request", "{{prompt}} or {{messages}} somewhere in it", template)
    paths = parse_path(settings.answer, file, "answer"), parse_path(settings.status, file, "status") if settings.status else None
    headers, secrets = resolve_headers(settings.headers, file)
    return Http(settings, template, paths, headers, secrets)


def _check(template: Any, file: str, path: str) -> set[str]:
    """Names of the placeholders in use. Raises `SpecError` for an unknown one, or a value inside a text."""
    if isinstance(template, Mapping):
        return set().union(*(_check(value, file, f"{path}.{key}") for key, value in template.items()))
    if isinstance(template, list):
        return set().union(*(_check(value, file, f"{path}[{n}]") for n, value in enumerate(template)))
    if not isinstance(template, str):
        return set()
    names = set(_PLACE.findall(template))
    for name in names:
        if name not in PLACEHOLDERS:
            raise SpecError(file, path, f"one of {', '.join('{{' + p + '}}' for p in PLACEHOLDERS)}", name)
        if name in ("messages", "seed") and not _PLACE.fullmatch(template):
            raise SpecError(file, path, f"{{{{{name}}}}} as a whole string, because it becomes a JSON value", template)
    return names


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its placeholders replaced by values.

    >>> fill({"q": "{{prompt}}", "t": ["Say: {{prompt}}", 3]}, {"prompt": 'a"b'})
    {'q': 'a"b', 't': ['Say: a"b', 3]}
    """
    if isinstance(template, Mapping):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if not isinstance(template, str):
        return template
    whole = _PLACE.fullmatch(template)
    if whole:
        return values[whole[1]]
    return _PLACE.sub(lambda found: values[found[1]] or "", template)


def parse_path(text: str, file: str = "path", where: str = "answer") -> tuple[str | int, ...]:
    """Steps of a path.

    >>> parse_path('choices[0].text'), parse_path('a["b c"][2]')
    (('choices', 0, 'text'), ('a', 'b c', 2))
    """
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise SpecError(file, where, "a path like choices[0].text", text)
        steps.append(int(part[2]) if part[2] is not None else part[1] or part[3] or "")
        at = part.end()
    return tuple(steps)


def follow(value: Any, path: Sequence[str | int]) -> Any:
    """The value at a path. Raises `LookupError` where there is none."""
    for step in path:
        fits = isinstance(value, list) if isinstance(step, int) else isinstance(value, Mapping) and step in value
        if not fits:
            raise LookupError(step)
        value = value[step]
    return value


class Http:
    """A JSON endpoint as a subject."""

    def __init__(self, settings: Settings, template: Any, paths: tuple[Any, Any], headers: Mapping[str, str], secrets: list[str]) -> None:
        self._settings, self._template = settings, template
        self._answer, self._status = paths
        parts = urlsplit(settings.url)
        self._public = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._url = settings.url
        pace = Pace.of(settings, Random(digest(self._public)))
        self._endpoint = Endpoint(Wire(parts.netloc, headers, settings, secrets), pace, settings, self._public)
        identity = [template, settings.answer, settings.status, settings.statuses, settings.version]
        self._id = f"http:{settings.name or f'{parts.hostname}{parts.path}'}-{digest(identity)[:8]}"

    @property
    def endpoint(self) -> Endpoint:
        """The way to its endpoint, whose pace may be shared with others that ask there."""
        return self._endpoint

    @property
    def id(self) -> str:
        """``http:NAME-digest``, or host and path where the file gives no name; the digest is of template, paths and version."""
        return self._id

    def describe(self) -> Mapping[str, Any]:
        """All public settings: names of headers, never their values."""
        s = self._settings
        shown: dict[str, Any] = {"kind": "http", "url": self._public, "method": s.method, "request": self._template, "answer": s.answer}
        shown |= {
            "concurrency": s.concurrency,
            "timeout": s.timeout,
            "retries": s.retries,
            "max_bytes": s.max_bytes,
            "headers": sorted(s.headers),
        }
        if s.status:
            shown |= {"status": s.status, "statuses": dict(s.statuses)}
        if s.version:
            shown["version"] = s.version
        if s.prices:
            shown["prices"] = {"input": s.prices.input, "output": s.prices.output}
        return shown

    async def complete(self, turn: Turn) -> Completion:
        """One answer. Raises `SubjectError` when the retries are spent, and for tools or continuations, which it cannot send."""
        if turn.continuations or turn.tools:
            what = "continuations" if turn.continuations else "tools"
            raise SubjectError("unsupported", f"an http subject has no way to send {what}")
        messages = turn.messages
        values = {
            "prompt": last_user(messages),
            "system": next((m.text for m in messages if m.role == "system"), None),
            "messages": [{"role": m.role, "content": m.text} for m in messages],
            "seed": turn.seed,
        }
        at, started = time.time(), time.perf_counter()
        body = msgspec.json.encode(fill(self._template, values))
        answer, attempts = await self._endpoint.ask(self._url, body, self._read, self._settings.method)
        return msgspec.structs.replace(answer, served=Served(at=at, seconds=time.perf_counter() - started, attempts=attempts))

    def _read(self, reply: Reply) -> Completion:
        if not 200 <= reply.status < 300:
            raise self._endpoint.wire.failure(reply)
        value = read_json(reply.body)
        status = self._status_in(value)
        try:
            found = follow(value, self._answer)
        except LookupError:
            if status is None or status == "answered":
                raise Passing("malformed", f"the reply has nothing at {self._settings.answer}") from None
            found = ""
        if found is None:
            found = ""
        elif isinstance(found, bool | int | float):
            found = json.dumps(found)
        elif not isinstance(found, str):
            raise SubjectError("malformed", f"at {self._settings.answer} stands no text but {clean(shorten(found))}")
        reasoning, text, open_tag = split_thinking(clean(found))
        known = status or status_of(text, (), filtered=False, cut=open_tag)
        return Completion(message=Message(role="assistant", text=text, reasoning=reasoning), status=known)

    def _status_in(self, value: Any) -> Status | None:
        if self._status is None:
            return None
        try:
            found = str(follow(value, self._status))
        except LookupError:
            return None
        known = self._settings.statuses.get(found)
        if known is not None:
            return known
        return next((s for s in STATUSES if s == found and s not in ("fault", "answered")), None)

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.wire.close()
