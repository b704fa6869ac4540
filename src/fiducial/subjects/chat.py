"""Any OpenAI-compatible endpoint.

    chat:MODEL@http://host:port/v1     a model at a base URL
    chat:MODEL@URL#VERSION             the same, with the version of the system behind it
    chat:MODEL                         the same at OPENAI_BASE_URL
    chat:FILE.toml                     settings of a file, see `Settings`

The key is taken from OPENAI_API_KEY (or the variable that `key_env` names), from the environment or a `.env` file in the
working folder; it travels in a header and nowhere else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from fiducial.kernel.digest import clean, digest
from fiducial.kernel.errors import SpecError, SubjectError
from fiducial.kernel.records import Completion, Decoding, Message, Served
from fiducial.kernel.roles import Context, Turn
from fiducial.subjects import _prompt as prompts
from fiducial.subjects._pace import Pace, Passing
from fiducial.subjects._reply import Body, completion, is_logprob, read_body, short_text, usage_of
from fiducial.subjects._settings import Limits, Prices, check_url, find, read_toml, resolve_headers, variable
from fiducial.subjects._wire import PASSING, Endpoint, Reply, Wire, error_said

FORM = "chat:MODEL@http://host:port/v1"

KEY = "OPENAI_API_KEY"
"""The variable that holds the key where the settings name none."""

FILTERS = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "content_filtered"})
"""Error codes by which an endpoint says that its content filter stopped the request."""

OURS = frozenset({"model", "messages", "prompt", "tools", "seed", "stream", "n", "echo"})
"""Fields of a request that `extra_body` may not replace."""

MOST_SHOWN = 40
"""Characters of a version that a subject's name shows."""

_encoder = msgspec.json.Encoder()


class Settings(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file ``chat:FILE.toml`` may say.

    `key_env` names the variable that holds the key. Values of `headers` may read ``env:NAME``. `system` is put before
    every dialogue (joined with a trial's own system message). A trial's decoding outweighs the one given here.
    `max_completion_tokens` also says that the endpoint wants the limit under that name. `continuations`:
    ``"completions"`` scores them through ``/completions`` with ``echo``. `version` is part of the subject's identity.
    """

    base_url: str
    model: Annotated[str, Meta(min_length=1, max_length=300)]
    key_env: str | None = None
    headers: dict[str, str] = {}
    system: str | None = None
    temperature: Annotated[float, Meta(ge=0, le=5)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Meta(gt=0)] | None = None
    reasoning_effort: str | None = None
    extra_body: dict[str, Any] = {}
    prices: Prices | None = None
    send_seed: bool = True
    logprobs: bool = False
    continuations: Literal["completions"] | None = None
    version: str = ""


def subject(rest: str, context: Context) -> Chat:
    """The subject of ``chat:REST``. Raises `SpecError` naming what is wrong with it."""
    name = f"chat:{rest}"
    if rest.endswith(".toml"):
        settings = read_toml(find(rest, context.folder), Settings)
        name = Path(rest).name
    else:
        model, url = _split(rest)
        name = f"chat:{model or rest}"
        if not url and re.search(r"@[\w.-]*([:/]|localhost$)", rest):
            raise SpecError(name, "base URL", f"http:// or https:// behind the @, as in {FORM}", rest.rpartition("@")[2])
        base_url = url or variable("OPENAI_BASE_URL")
        if not base_url:
            raise SpecError(name, "base URL", "chat:MODEL@URL, or OPENAI_BASE_URL in the environment or .env", rest)
        if not model:
            raise SpecError(name, "model", f"a model's name before the @, as in {FORM}", "none")
        base_url, _, version = base_url.partition("#")
        settings = Settings(base_url=base_url, model=model, version=version)
    check_url(settings.base_url, name, "base_url")
    clash = OURS & settings.extra_body.keys()
    if clash:
        raise SpecError(name, "extra_body", f"no field that the client sets itself ({', '.join(sorted(OURS))})", sorted(clash))
    headers, secrets = resolve_headers(settings.headers, name)
    key = variable(settings.key_env or KEY)
    if settings.key_env and not key:
        raise SpecError(name, "key_env", f"a value in the environment or .env for {settings.key_env}", "none")
    if key:
        if not key.isprintable() or not key.isascii() or " " in key:
            raise SpecError(name, settings.key_env or KEY, "a key of printable ASCII without spaces", "other characters")
        secrets.append(key)
        headers.setdefault("Authorization", f"Bearer {key}")
    return Chat(settings, headers, secrets)


def _split(rest: str) -> tuple[str, str]:
    for scheme in ("@http://", "@https://"):
        model, found, url = rest.partition(scheme)
        if found:
            return model, scheme[1:] + url
    return rest, ""


class Chat:
    """A model behind an OpenAI-compatible endpoint."""

    def __init__(self, settings: Settings, headers: Mapping[str, str], secrets: list[str]) -> None:
        self._settings = settings
        parts = urlsplit(settings.base_url)
        self._host = parts.hostname or ""
        base, query = parts.path.rstrip("/"), f"?{parts.query}" if parts.query else ""
        self._chat_url = f"{parts.scheme}://{parts.netloc}{base}/chat/completions{query}"
        self._text_url = f"{parts.scheme}://{parts.netloc}{base}/completions{query}"
        self._public = f"{parts.scheme}://{parts.netloc}{base}"
        wire = Wire(parts.netloc, headers, settings, secrets)
        # The seed only spreads waiting times among clients that start together.
        self._endpoint = Endpoint(wire, Pace.of(settings, Random(digest(self._public))), settings, self._public)
        self._fixed = self._fixed_fields()
        shown = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in settings.version[:MOST_SHOWN])
        version = f"#{shown}" if shown else ""
        self._id = f"chat:{settings.model}@{self._host}{version}-{digest(self._answering())[:8]}"

    @property
    def endpoint(self) -> Endpoint:
        """The way to its endpoint, whose pace may be shared with others that ask there."""
        return self._endpoint

    @property
    def id(self) -> str:
        """``chat:MODEL@host#version-digest``: the digest is of all settings that change answers.

        A port is no part of it: the same system at another port gives the same estimates, to the byte.
        """
        return self._id

    def _answering(self) -> dict[str, Any]:
        s = self._settings
        return {
            "system": s.system, "temperature": s.temperature, "top_p": s.top_p, "max_tokens": s.max_tokens,
            "max_completion_tokens": s.max_completion_tokens, "reasoning_effort": s.reasoning_effort, "extra_body": s.extra_body,
            "send_seed": s.send_seed, "logprobs": s.logprobs, "continuations": s.continuations, "version": s.version,
        }  # fmt: skip

    def describe(self) -> Mapping[str, Any]:
        """All public settings: names of headers and of the key's variable, never their values."""
        s = self._settings
        shown: dict[str, Any] = {"kind": "chat", "model": s.model, "base_url": self._public}
        shown |= {key: value for key, value in self._answering().items() if value not in (None, "", {})}
        shown |= {"concurrency": s.concurrency, "timeout": s.timeout, "retries": s.retries, "max_bytes": s.max_bytes}
        if s.headers:
            shown["headers"] = sorted(s.headers)
        if s.key_env:
            shown["key_env"] = s.key_env
        if s.prices:
            shown["prices"] = {"input": s.prices.input, "output": s.prices.output}
        return shown

    def _fixed_fields(self) -> dict[str, Any]:
        s = self._settings
        fields = {
            "model": s.model, "temperature": s.temperature, "top_p": s.top_p, "max_tokens": s.max_tokens,
            "max_completion_tokens": s.max_completion_tokens, "reasoning_effort": s.reasoning_effort,
            "logprobs": True if s.logprobs else None,
        }  # fmt: skip
        return {key: value for key, value in fields.items() if value is not None} | s.extra_body

    def _body(self, turn: Turn) -> bytes:
        body = {**self._fixed, "messages": [wire_message(m) for m in self._dialogue(turn.messages)]}
        if turn.decoding is not None:
            body |= self._decoding(turn.decoding)
        if turn.seed is not None and self._settings.send_seed:
            body["seed"] = turn.seed
        if turn.tools:
            body["tools"] = [
                {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
                for t in turn.tools
            ]
        return _encoder.encode(body)

    def _dialogue(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        system = self._settings.system
        if system is None:
            return messages
        if messages and messages[0].role == "system":
            return (Message(role="system", text=f"{system}\n\n{messages[0].text}"), *messages[1:])
        return (Message(role="system", text=system), *messages)

    def _decoding(self, decoding: Decoding) -> dict[str, Any]:
        limit = "max_completion_tokens" if self._settings.max_completion_tokens else "max_tokens"
        fields = {
            "temperature": decoding.temperature, "top_p": decoding.top_p, limit: decoding.max_tokens,
            "stop": list(decoding.stop) or None,
        }  # fmt: skip
        return {key: value for key, value in fields.items() if value is not None}

    async def complete(self, turn: Turn) -> Completion:
        """One answer, or scores of continuations. Raises `SubjectError` when the retries are spent or the failure is final."""
        if turn.continuations:
            return await self._score(turn)
        body = self._body(turn)
        at, started = time.time(), time.perf_counter()
        answer, attempts = await self._endpoint.ask(self._chat_url, body, self._read)
        served = msgspec.structs.replace(answer.served, at=at, seconds=time.perf_counter() - started, attempts=attempts)
        return msgspec.structs.replace(answer, served=served)

    def _read(self, reply: Reply) -> Completion:
        if reply.status != 200:
            return self._filtered(reply)
        body = read_body(reply.body)
        finish = short_text(body.choices[0].finish_reason, 40) if body.choices else None
        if not body.choices and body.error:
            raise self._error_inside(reply)
        return completion(body, _served(body, finish))

    def _filtered(self, reply: Reply) -> Completion:
        """A request that a content filter stopped is an outcome; any other status is a failure."""
        _, code = error_said(reply.body)
        if reply.status in (400, 403, 422) and (code in FILTERS or any(f'"{f}"'.encode() in reply.body for f in FILTERS)):
            message = Message(role="assistant", text="")
            return Completion(message=message, status="filtered", served=Served(finish=clean(code)[:40] or "content_filter"))
        raise self._endpoint.wire.failure(reply)

    def _error_inside(self, reply: Reply) -> SubjectError:
        """A reply of HTTP 200 that holds an error: its code decides like a status where it is one."""
        _, code = error_said(reply.body)
        status = int(code) if code.isdigit() and 400 <= int(code) < 600 else 502
        failure = self._endpoint.wire.failure(Reply(status, reply.body, reply.retry_after))
        if status in PASSING:
            return Passing("error reply", failure.detail, retry_after=None, pushback=status == 429)
        return SubjectError("error reply", failure.detail)

    async def _score(self, turn: Turn) -> Completion:
        if self._settings.continuations is None:
            raise SubjectError("unsupported", 'continuations are scored only where the settings say continuations = "completions"')
        pairs = [prompts.continued(self._dialogue(turn.messages), text) for text in turn.continuations]
        fields = {
            "model": self._settings.model,
            "prompt": [text for _, text in pairs],
            "max_tokens": 1,
            "echo": True,
            "logprobs": 1,
            "temperature": 0,
        }
        at, started = time.time(), time.perf_counter()

        def read(reply: Reply) -> Completion:
            if reply.status != 200:
                raise self._endpoint.wire.failure(reply)
            body = read_body(reply.body)
            scores = tuple(score(body, n, begin, text) for n, (begin, text) in enumerate(pairs))
            message = Message(role="assistant", text="")
            return Completion(message=message, continuation_logprobs=scores, usage=usage_of(body.usage), served=_served(body, None))

        answer, attempts = await self._endpoint.ask(self._text_url, _encoder.encode(fields), read)
        served = msgspec.structs.replace(answer.served, at=at, seconds=time.perf_counter() - started, attempts=attempts)
        return msgspec.structs.replace(answer, served=served)

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.wire.close()


def _served(body: Body, finish: str | None) -> Served:
    return Served(model=short_text(body.model), fingerprint=short_text(body.system_fingerprint), finish=finish)


def wire_message(message: Message) -> dict[str, Any]:
    """A message in the form of the chat protocol; reasoning stays at home."""
    value: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        value["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        value["tool_call_id"] = message.tool_call_id
    return value


def score(body: Body, index: int, begin: int, text: str) -> float:
    """Total log-probability (nats) of the tokens of choice `index` that spell `text` from character `begin` to its end.

    Raises `SubjectError("unsupported")` where the endpoint did not echo the text with log-probabilities.
    """
    choices = body.choices or []
    found = next((c for c in choices if c.index == index), choices[index] if index < len(choices) else None)
    given = found.logprobs if found is not None and isinstance(found.logprobs, dict) else {}
    tokens, values = given.get("tokens"), given.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise SubjectError("unsupported", "the endpoint gave no log-probabilities of an echoed prompt")
    edges = _edges([str(token) for token in tokens], given.get("text_offset"), text)
    total, counted = 0.0, 0
    for value, start, stop in zip(values, edges, edges[1:], strict=False):
        if start < len(text) and (stop > begin or start >= begin):
            if not is_logprob(value):
                raise SubjectError("unsupported", "the endpoint left out the log-probability of a continuation's token")
            total, counted = total + value, counted + 1
    if not counted or edges[-1] < len(text):
        raise SubjectError("unsupported", "the endpoint did not echo the whole text")
    return min(total, 0.0)


def _edges(tokens: list[str], offsets: Any, text: str) -> list[int]:
    """Where each token starts in `text`, and where the last one ends.

    Tokens that spell the text are believed before the endpoint's offsets, which may count a begin-of-text token.
    """
    edges = [0]
    for token in tokens:
        edges.append(edges[-1] + len(token))
    shift = "".join(tokens).find(text)
    if shift >= 0:
        return [edge - shift for edge in edges]
    sound = isinstance(offsets, list) and len(offsets) == len(tokens) and all(type(o) is int for o in offsets)
    if sound and tokens and offsets[0] == 0 and text.startswith(tokens[0]):
        return [*offsets, offsets[-1] + len(tokens[-1])]
    raise SubjectError("unsupported", "the tokens that the endpoint echoed do not spell the prompt")
