"""Reading what an OpenAI-compatible endpoint sent: hostile bytes in, a `Completion` out.

Unknown fields are ignored, fields of an unexpected type count as absent; only a body without any choice is malformed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, TypeVar

import msgspec

from fiducial.kernel.digest import clean
from fiducial.kernel.errors import SubjectError, UsageError
from fiducial.kernel.records import Completion, Message, Served, Status, ToolCall, Usage
from fiducial.kernel.roles import Prompt
from fiducial.subjects._pace import Passing

T = TypeVar("T")

OPEN, CLOSE = "<think>", "</think>"


class ChatMessage(msgspec.Struct):
    """The assistant's message; what it holds is checked when it is read."""

    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None


class Choice(msgspec.Struct):
    """One answer, of the chat or the completions form."""

    message: ChatMessage | None = None
    text: Any = None
    index: Any = None
    finish_reason: Any = None
    logprobs: Any = None


class Body(msgspec.Struct):
    """A reply."""

    choices: list[Choice] | None = None
    model: Any = None
    system_fingerprint: Any = None
    usage: Any = None
    error: Any = None


_bodies = msgspec.json.Decoder(Body)


def read_json(content: bytes) -> Any:
    """A JSON value of bytes from outside: invalid UTF-8 is replaced. Raises `Passing("malformed")`.

    Lone surrogates survive inside strings; `clean` what is kept.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise malformed(content) from None


def read_body(content: bytes) -> Body:
    """A reply of an OpenAI-compatible endpoint. Raises `Passing("malformed")`."""
    try:
        return _bodies.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.convert(read_json(content), Body)
    except msgspec.ValidationError:
        raise malformed(content) from None


def malformed(content: bytes) -> Passing:
    """The failure of a body that is not what was agreed."""
    if not content:
        return Passing("malformed", "the reply has no body")
    return Passing("malformed", f"the reply is not the JSON that was expected ({len(content)} bytes)")


def completion(body: Body, served: Served) -> Completion:
    """The first choice as a completion. Raises `Passing("malformed")` where there is none."""
    choice = body.choices[0] if body.choices else None
    if choice is None or choice.message is None:
        raise Passing("malformed", "the reply has no choices[0].message")
    said = choice.message
    refusal = text_of(said.refusal)
    text = text_of(said.content) or refusal
    reasoning, text, open_tag = split_thinking(text)
    apart = text_of(said.reasoning_content) or text_of(said.reasoning)
    if apart:
        reasoning = f"{apart}\n\n{reasoning}" if reasoning else apart
    calls = tool_calls(said.tool_calls) if said.tool_calls else ()
    finish = served.finish
    return Completion(
        message=Message(role="assistant", text=text, reasoning=reasoning, tool_calls=calls),
        status=status_of(text, calls, filtered=bool(refusal) or finish == "content_filter", cut=open_tag or finish == "length"),
        logprobs=logprobs_of(choice.logprobs) if choice.logprobs else None,
        usage=usage_of(body.usage),
        served=served,
    )


def status_of(text: str, calls: Sequence[ToolCall], *, filtered: bool, cut: bool) -> Status:
    """The status of an answer: a filter outweighs a cut, a cut outweighs emptiness."""
    if filtered:
        return "filtered"
    if cut:
        return "truncated"
    return "answered" if text.strip() or calls else "empty"


def text_of(content: Any) -> str:
    """Clean text of a string or of a list of content parts; ``""`` for anything else.

    >>> text_of([{"type": "text", "text": "a"}, {"type": "image"}, "b"]), text_of(None)
    ('ab', '')
    """
    if isinstance(content, str):
        return clean(content)
    if isinstance(content, list):
        parts = (part.get("text") if isinstance(part, dict) else part for part in content)
        return clean("".join(part for part in parts if isinstance(part, str)))
    return ""


def excerpt(prompt: Prompt) -> str:
    """The beginning of what is asked, for a message that must name one prompt of many.

    >>> excerpt("word " * 40)
    "'word word word word word word word word word word ...'"
    """
    text = prompt if isinstance(prompt, str) else prompt[-1].text if prompt else ""
    return repr(text if len(text) <= 50 else f"{text[:50]}...")


def numbered(who: str, prompts: Sequence[Prompt], seeds: Sequence[int] | None, ask: Callable[[Prompt, int], T]) -> dict[int, T]:
    """What `ask` makes of each prompt and its seed (default: its number), by number. Raises `UsageError` naming the prompt it refuses."""
    if seeds is not None and len(seeds) != len(prompts):
        raise UsageError(f"seeds: needs one for each of {len(prompts)} prompts, got {len(seeds)}")
    asks: dict[int, T] = {}
    for n, prompt in enumerate(prompts):
        try:
            asks[n] = ask(prompt, n if seeds is None else seeds[n])
        except SubjectError as error:
            raise UsageError(f"{who}: {error} ({excerpt(prompt)})") from None
    return asks


def split_thinking(text: str) -> tuple[str | None, str, bool]:
    """Reasoning, answer, and whether a ``<think>`` at the start was never closed.

    >>> split_thinking("<think>so</think> 4"), split_thinking("<think>so"), split_thinking("4 <think>")
    (('so', '4', False), ('so', '', True), (None, '4 <think>', False))
    """
    start = text.lstrip() if "<" in text else ""
    if not start.startswith(OPEN):
        return None, text, False
    reasoning, closed, answer = start.removeprefix(OPEN).partition(CLOSE)
    return reasoning.strip(), answer.lstrip(), not closed


def tool_calls(value: Any) -> tuple[ToolCall, ...]:
    """Tool calls as they came; arguments given as an object become their JSON text. Nameless ones are left out."""
    found: list[ToolCall] = []
    for n, call in enumerate(value if isinstance(value, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        name = function.get("name")
        if not isinstance(name, str) or not name:
            continue
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments if arguments is not None else {}, ensure_ascii=True)
        label = call.get("id")
        found.append(
            ToolCall(id=clean(label) if isinstance(label, str) and label else f"call_{n}", name=clean(name), arguments=clean(arguments))
        )
    return tuple(found)


def usage_of(usage: Any) -> Usage:
    """Token counts of a chat reply; what is not told, or not a count, is `None`."""
    if not isinstance(usage, dict):
        return Usage()
    prompt, output = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return Usage(
        input=_count(usage.get("prompt_tokens")),
        output=_count(usage.get("completion_tokens")),
        reasoning=_count(output.get("reasoning_tokens")) if isinstance(output, dict) else None,
        cached=_count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 53 else None


def logprobs_of(value: Any) -> tuple[float, ...] | None:
    """Log-probabilities (nats) of the answer's tokens; `None` where one of them is missing."""
    tokens = value.get("content") if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None
    found = [token.get("logprob") if isinstance(token, dict) else None for token in tokens]
    return tuple(float(x) for x in found if x is not None) if all(is_logprob(x) for x in found) else None


def is_logprob(value: Any) -> bool:
    """Whether a value is a finite number that is not positive (up to rounding)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value <= 1e-3


def short_text(value: Any, limit: int = 200) -> str | None:
    """A clean short string, or `None` where the value is none."""
    return clean(value[:limit]) if isinstance(value, str) and value else None
