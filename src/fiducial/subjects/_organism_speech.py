"""Dialogues as an organism reads them, and tool calls as it writes them.

Each message is its role's token, its text, and ``<|end|>``; then ``<|assistant|>``. A tool call is the plain text
``call NAME | key: value | key: value``. Nothing in a text becomes a special token.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fiducial.kernel.errors import SubjectError
from fiducial.kernel.records import Message, Tool, ToolCall
from fiducial.kernel.roles import Prompt, say
from fiducial.organisms.tokenizer import Tokenizer

CALL = "call "


def tokens(words: Tokenizer, prompt: Prompt, ending: str = "") -> list[int]:
    """A dialogue up to where the assistant speaks (or goes on, where it spoke last), and what it is made to say there.

    Raises `SubjectError` for a dialogue without messages, or one with pictures.
    """
    messages = (say(prompt),) if isinstance(prompt, str) else prompt
    if not messages:
        raise SubjectError("empty", "the dialogue has no message")
    end, found = words.special["<|end|>"], list[int]()
    going_on = messages[-1].role == "assistant" and not messages[-1].tool_calls
    for message in messages[:-1] if going_on else messages:
        if message.media:
            raise SubjectError("unsupported", "organisms read text only, and the dialogue holds media")
        for text in written(message):
            found += [words.special[f"<|{message.role}|>"], *words.encode(text), end]
    # What the assistant has said and what follows are one text: a token may hold the end of one and the beginning of the other.
    said = messages[-1].text if going_on else ""
    return [*found, words.special["<|assistant|>"], *words.encode(said + ending)]


def written(message: Message) -> list[str]:
    """What a message says, its tool calls each in a message of its own.

    >>> call = ToolCall(id="1", name="send", arguments='{"to": "Ann", "text": "a | b"}')
    >>> written(Message(role="assistant", text="", tool_calls=(call,)))
    ['call send | to: Ann | text: a / b']
    """
    calls = [_call(call) for call in message.tool_calls]
    return [message.text, *calls] if message.text or not calls else calls


def _call(call: ToolCall) -> str:
    try:
        given = msgspec.json.decode(call.arguments, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        given = {}
    values = {key: value if isinstance(value, str) else msgspec.json.encode(value).decode() for key, value in given.items()}
    return " | ".join([f"{CALL}{call.name}", *(f"{key}: {value}".replace("|", "/") for key, value in values.items())])


def called(text: str, tools: Sequence[Tool], before: int) -> ToolCall | None:
    """The call that a text is, for a tool on offer; `None` = it is an answer. `before` calls of the dialogue have ids already.

    >>> send = Tool(name="send", description="", parameters={"properties": {"copies": {"type": "integer"}}})
    >>> called("call send | to: Ann | copies: 2", [send], 1)
    ToolCall(id='call_1', name='send', arguments='{"to":"Ann","copies":2}')
    >>> called("call nobody", [send], 0), called("call send | now", [send], 0), called("I call send", [send], 0)
    (None, None, None)
    """
    head, *parts = (part.strip() for part in text.split("|"))
    tool = next((tool for tool in tools if head == f"{CALL}{tool.name}"), None)
    if tool is None:
        return None
    properties = tool.parameters.get("properties", {})
    given: dict[str, object] = {}
    for part in parts:
        key, colon, value = part.partition(":")
        key = key.strip()
        if not colon or not key or key in given:
            return None
        given[key] = _typed(value.strip(), properties.get(key) if isinstance(properties, dict) else None)
    return ToolCall(id=f"call_{before}", name=tool.name, arguments=msgspec.json.encode(given).decode())


def _typed(value: str, schema: object) -> object:
    """A number or truth value where the tool's schema asks for one and the text is one."""
    wanted = schema.get("type") if isinstance(schema, dict) else None
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
    if wanted == "boolean" and isinstance(found, bool):
        return found
    if wanted == "integer" and type(found) is int:
        return found
    return found if wanted == "number" and type(found) in {int, float} else value
