"""What every judge needs to read a case: which exchanges, and how much of a text."""

from __future__ import annotations

import re
import unicodedata

from fiducial.kernel.errors import UsageError
from fiducial.kernel.roles import Case, Exchange

LONGEST = 40_000
"""Characters of an answer that a text judge reads: its first and last halves; what lies between is left out."""


def readings(case: Case, part: str | None = None) -> list[tuple[Exchange, str | None]]:
    """The exchanges to read, each with the `part` its verdict names (`None` where the unit has one exchange).

    Raises `UsageError` where `part` is given and the unit has none of that name.
    """
    if part is None:
        single = len(case.exchanges) == 1
        return [(exchange, None if single else exchange.trial.part) for exchange in case.exchanges]
    found: list[tuple[Exchange, str | None]] = [(exchange, part) for exchange in case.exchanges if exchange.trial.part == part]
    if not found:
        there = sorted({exchange.trial.part for exchange in case.exchanges})
        raise UsageError(f"judge option part: unit {case.unit} has parts {there}, got {part!r}")
    return found


def cut(text: str, limit: int = LONGEST) -> str:
    """A text of at most `limit` characters: the start and the end of a longer one.

    >>> cut("abcdefgh", 4)
    'ab\\ngh'
    """
    return text if len(text) <= limit else f"{text[: limit // 2]}\n{text[-(limit // 2) :]}"


def plain(text: str) -> str:
    """Text in one Unicode form, with straight quotes and ordinary spaces and dashes.

    >>> plain("don’t – stop")
    "don't - stop"
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_STRAIGHT)


def shown(text: str) -> str:
    """What a reader sees: no mark-up, one Unicode form, single blanks (line ends kept)."""
    text = plain(cut(text))
    text = re.sub(r"\\+(?:text|mathrm|mathbf)\s?\{([^{}]{0,80})\}", r"\1", text)
    # A box is how mathematics marks its result.
    text = re.sub(r"\\+boxed\s?\{([^{}]{0,80})\}", r" final answer: \1 ", text)
    text = re.sub(r"[*_`$#]{1,3}(?=\S)|(?<=\S)[*_`$#]{1,3}", "", text)
    return re.sub(r"[ \t]+", " ", re.sub(r"\s*\n\s*", "\n", text)).strip()


def low(text: str) -> str:
    """Lower case of the same length, so that places in it are places in the text."""
    return text.replace("İ", "i").lower()


def unread(exchange: Exchange) -> str | None:
    """Why the answer of an exchange holds nothing to read, or `None` where it does."""
    response = exchange.response
    if response.status in ("fault", "filtered", "empty"):
        return f"no answer to read: {response.status}"
    return None if response.answer.strip() else "no answer to read: the text is blank"


_STRAIGHT = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
    "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "\u00a0": " ", "\u200b": None, "\u200c": None, "\u200d": None, "\ufeff": None,
})  # fmt: skip
