"""Compares the answer with the trial's reference: exact, includes, regex or number.

The reference is a text, a number, a list of either (any one is right), or a mapping with ``answer`` or ``target``.
Aspect ``correct``: 1 or 0; `None` where there is nothing to read or nothing to compare it with.
"""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from fiducial.judges._reading import cut, plain, readings, unread
from fiducial.judges.choice import extract_number
from fiducial.kernel.errors import UsageError
from fiducial.kernel.roles import Case, Judge, Reader, Verdict

How = Literal["exact", "includes", "regex", "number"]

LONGEST_PATTERN = 500
LONGEST_SEARCHED = 10_000
SECONDS = 2.0
"""A pattern that could backtrack without end is searched in a process of its own for so long."""


def judge(
    *,
    how: How = "exact",
    ignore_case: bool = True,
    ignore_punctuation: bool = True,
    tolerance: float = 0.0,
    relative: float = 0.0,
    language: str = "en",
    part: str | None = None,
) -> Judge:
    """A judge that compares texts.

    Args:
        how: `exact` = the whole answer equals a target; `includes` = a target stands in it as whole words;
            `regex` = a target, read as a pattern, is found in it; `number` = the number it gives is a target.
        ignore_case, ignore_punctuation: what `exact` and `includes` do not look at; white space never counts.
        tolerance, relative: how far a number may be off: absolutely, and as a share of the target.
        language: how numbers are written (``de`` and ``tr``: 1.234,5).
        part: the exchange to read; by default each.
    """
    if how not in ("exact", "includes", "regex", "number"):
        raise UsageError(f"judge match: how must be exact, includes, regex or number, got {how!r}")
    if not (tolerance >= 0 and relative >= 0):
        raise UsageError(f"judge match: tolerance and relative must not be negative, got {(tolerance, relative)}")
    options = {
        "how": how, "ignore_case": ignore_case, "ignore_punctuation": ignore_punctuation, "tolerance": tolerance,
        "relative": relative, "language": language, "part": part,
    }  # fmt: skip

    def fold(text: str) -> str:
        return normal(text, ignore_case=ignore_case, ignore_punctuation=ignore_punctuation)

    def number(answer: str, targets: Sequence[str]) -> tuple[bool | None, str]:
        return _number(answer, targets, tolerance=tolerance, relative=relative, language=language)

    target = functools.lru_cache(maxsize=4096)(fold)  # many trials share their targets, hardly two an answer

    compare: dict[str, Callable[[str, Sequence[str]], tuple[bool | None, str]]] = {
        "exact": lambda answer, targets: (fold(answer) in {target(t) for t in targets}, ""),
        "includes": lambda answer, targets: _includes(fold(answer), [target(t) for t in targets]),
        "regex": lambda answer, targets: _regex(answer, targets, ignore_case=ignore_case),
        "number": number,
    }

    def read(case: Case) -> Iterable[Verdict]:
        for exchange, name in readings(case, part):
            targets = targets_of(exchange.trial.reference)
            why = unread(exchange) or ("" if targets else "the trial has no reference to compare with")
            if why:
                yield Verdict("correct", None, label=exchange.response.status, reason=why, part=name)
                continue
            right, reason = compare[how](exchange.response.answer, targets)
            label = "unclear" if right is None else "correct" if right else "wrong"
            yield Verdict("correct", None if right is None else float(right), label=label, reason=reason, part=name)

    return Reader(name="match", version="1", read=read, options=options, exact=True)


def targets_of(reference: Any) -> tuple[str, ...]:
    """The texts of which any one is right, from a reference in one of its forms.

    >>> targets_of({"answer": ["Paris", 75]})
    ('Paris', '75')
    """
    if isinstance(reference, Mapping):
        reference = reference.get("answer", reference.get("target"))
    if isinstance(reference, bool):
        return ("true", "yes") if reference else ("false", "no")
    if isinstance(reference, str):
        return (reference,) if reference.strip() else ()
    if isinstance(reference, int | float):
        return (repr(reference),)
    if isinstance(reference, list | tuple):
        return tuple(text for one in reference for text in targets_of(one))
    return ()


def normal(text: str, *, ignore_case: bool = True, ignore_punctuation: bool = True) -> str:
    """One Unicode form, single blanks, and what is to be ignored taken away; a text of signs alone stays as it is.

    >>> normal("  The  Answer: “42”. ")
    'the answer 42'
    """
    text = plain(cut(text))
    if ignore_case:
        text = text.casefold()
    if ignore_punctuation:
        # A sign inside a number or a word ("3.5", "-2", "it's") belongs to it.
        bare = re.sub(r"(?<!\w)[^\w\s+-]+|[^\w\s]+(?!\w)", " ", text)
        text = bare if bare.strip() else text
    return " ".join(text.split())


def _includes(answer: str, targets: Sequence[str]) -> tuple[bool, str]:
    for target in targets:
        if target in answer and re.search(rf"(?<!\w){re.escape(target)}(?!\w)", answer):
            return True, f"includes {target[:80]!r}"
    return False, "includes no target"


def _number(answer: str, targets: Sequence[str], *, tolerance: float, relative: float, language: str) -> tuple[bool | None, str]:
    wanted = [value for value in (extract_number(t) for t in targets) if value is not None]
    if not wanted:
        return None, "the reference holds no number"
    given = extract_number(answer, language)
    if given is None:
        return None, "the answer gives no number, or several without settling on one"
    return any(abs(given - w) <= max(tolerance, relative * abs(w)) for w in wanted), f"gives {given:g}"


def _regex(answer: str, patterns: Sequence[str], *, ignore_case: bool) -> tuple[bool | None, str]:
    text = cut(plain(answer), LONGEST_SEARCHED)
    for pattern in patterns:
        found, why = search(pattern, text, ignore_case=ignore_case)
        if found is None:
            return None, why
        if found:
            return True, f"matches {pattern[:80]!r}"
    return False, "matches no pattern"


def search(pattern: str, text: str, *, ignore_case: bool = True) -> tuple[bool | None, str]:
    """Whether a pattern is found; `None` with the reason where it is no pattern or takes longer than `SECONDS`.

    >>> search("gr[ae]y", "A Gray cat")
    (True, '')
    """
    if len(pattern) > LONGEST_PATTERN:
        return None, f"a pattern has at most {LONGEST_PATTERN} characters, got {len(pattern)}"
    try:
        compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        return None, f"the reference is no regular expression: {error}"
    if _cheap(pattern):
        return compiled.search(text) is not None, ""
    return _search_apart(pattern, text, ignore_case=ignore_case)


def _cheap(pattern: str) -> bool:
    """At most one unbounded repeat and few optional ones, no group that repeats, no back reference: quadratic at worst."""
    bare = re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "x", re.sub(r"\\[^1-9]", "x", pattern))
    return len(re.findall(r"[*+{]", bare)) <= 1 and bare.count("?") <= 6 and not re.search(r"\)[*+{]|\\[1-9]|\(\?P=", bare)


def _search_apart(pattern: str, text: str, *, ignore_case: bool) -> tuple[bool | None, str]:
    program = "import re,sys; p,i,t=sys.stdin.read().split('\\0',2); sys.exit(10 + bool(re.search(p, t, re.I if i=='1' else 0)))"
    sent = "\0".join((pattern, str(int(ignore_case)), text.replace("\0", " ")))
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", program]
    try:
        # The program is the constant above; pattern and text travel as data.
        done = subprocess.run(command, input=sent.encode(), timeout=SECONDS, check=False, capture_output=True)  # noqa: S603
    except subprocess.TimeoutExpired:
        return None, f"the pattern took longer than {SECONDS:g} s"
    if done.returncode not in (10, 11):
        return None, f"the search ended with status {done.returncode}"
    return done.returncode == 11, ""
