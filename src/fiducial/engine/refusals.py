"""What a decoder complains of, in the words of a specification: which key, what was expected, what was there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from fiducial.kernel.errors import SpecError, meant, shorten
from fiducial.kernel.records import Record

KINDS = {
    "float": "a number", "int": "an integer", "str": "a text", "bool": "true or false", "array": "a list", "object": "a table",
    "null": "nothing",
}  # fmt: skip
"""What TOML calls what the decoder names."""


def split(error: msgspec.ValidationError) -> tuple[str, str]:
    """What a decoder complains of, and the path of the key."""
    text = str(error)
    found = re.search(r" - at `\$(.*)`$", text)
    return (text[: found.start()], found.group(1).lstrip(".")) if found else (text, "")


def steps(path: str) -> list[str]:
    """The keys and numbers of a path.

    >>> steps("claims[2].at_most")
    ['claims', '2', 'at_most']
    """
    return re.findall(r"[^.\[\]]+", path)


def refused(name: str, path: str, text: str, raw: Mapping[str, Any], record: type[Record]) -> SpecError:
    """The refusal of a value.

    Args:
        name: the file.
        path: where in it.
        text: what the decoder says of it.
        raw: the tables of the file.
        record: what is read at that place.
    """
    fields = record.__struct_fields__
    if unknown := re.search(r"unknown field `(.*)`", text):
        key = unknown.group(1)
        return SpecError(name, f"{path}.{key}".lstrip("."), f"a key that exists; here go {', '.join(fields)}{meant(key, fields)}")
    if missing := re.search(r"missing required field `(.*)`", text):
        return SpecError(name, path or "file", f"the key `{missing.group(1)}`")
    where = steps(path)
    value = _value_at(raw, where)
    if allowed := _choices(get_type_hints(record).get(where[-1])) if where else []:
        return SpecError(name, path, f"one of {', '.join(map(repr, allowed))}", value, near=allowed)
    wanted, of_kind = _in_words(text)
    if of_kind and isinstance(value, str | bool):
        of_kind = f"the text {shorten(value)}" if isinstance(value, str) else str(value).lower()
    elif of_kind and isinstance(value, int | float):
        of_kind = repr(value)
    return SpecError(name, path or "file", f"{wanted}, got {of_kind}") if of_kind else SpecError(name, path or "file", wanted, value)


def _choices(kind: Any) -> list[str]:
    """The texts that a field may be, where they are counted."""
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    return [choice for part in get_args(kind) for choice in _choices(part)] if get_origin(kind) is not tuple else []


def _in_words(text: str) -> tuple[str, str]:
    """What was expected, and what kind of thing was there where the decoder says so.

    >>> _in_words("Expected `float | null`, got `str`")
    ('a number', 'a text')
    >>> _in_words("Expected `int` >= 1")
    ('an integer >= 1', '')
    """
    rule, _, got = text.removeprefix("Expected ").partition(", got ")
    kinds, _, rest = rule.removeprefix("`").partition("`")
    words = " or ".join(KINDS.get(kind, kind) for kind in kinds.split(" | ") if kind != "null")
    if "matching regex" in rest:
        rest = " of letters, digits, _, . and -, beginning with a letter or digit"
    return words + rest, KINDS.get(got.strip("`"), got)


def _value_at(raw: Any, where: Sequence[str]) -> Any:
    for step in where:
        if isinstance(raw, list) and step.isdigit() and int(step) < len(raw):
            raw = raw[int(step)]
        elif isinstance(raw, dict) and step in raw:
            raw = raw[step]
        else:
            return ""
    return raw
