"""Every error that Fiducial raises on purpose.

    FiducialError
    ├── UsageError            the user asked for something that cannot be done     exit 2
    │   ├── SpecError         a specification is wrong: file, path, what was expected
    │   └── PluginError       a name that resolves to nothing, or to the wrong thing
    ├── RecordError           a record that may not exist (also a ValueError)
    ├── NotEstimable          the data do not determine the number (never 0)
    ├── SubjectError          a call that brought no answer; becomes a `fault`, which is data
    ├── StoreError            a run directory that cannot be read or written        exit 2
    │   └── RunLocked         another process is writing this run
    └── BudgetSpent           the next call would exceed the stated budget
        └── Halted            no call may be begun any more: an interrupt, or the end of the time

Each message names the thing, the rule and the value received.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path


class FiducialError(Exception):
    """Base of all deliberate errors; the command line prints its text and no traceback."""


class UsageError(FiducialError):
    """The request itself cannot be carried out as written."""


class SpecError(UsageError):
    """A specification breaks a rule.

    Args:
        file: the specification's name as the user gave it.
        path: where in it, e.g. ``claims[2].at_most``.
        expected: the rule, e.g. ``a number between 0 and 1``.
        got: the value received.
        near: what it may have been meant to be; a close one is offered.
    """

    def __init__(self, file: str, path: str, expected: str, got: object = "", near: Iterable[str] = ()) -> None:
        self.file, self.path, self.expected, self.got = file, path, expected, got
        tail = f", got {shorten(got)}" if got != "" else ""
        super().__init__(f"{file}: {path}: expected {expected}{tail}{meant(str(got), near)}")


class PluginError(UsageError):
    """A plugin name that does not resolve, or resolves to something else."""


class RecordError(FiducialError, ValueError):
    """A record that breaks its own rule; it was not built."""

    def __init__(self, thing: str, rule: str, got: object) -> None:
        self.thing, self.rule, self.got = thing, rule, got
        super().__init__(f"{thing}: {rule}, got {shorten(got)}")


class NotEstimable(FiducialError):
    """The data at hand do not determine the quantity."""


class SubjectError(FiducialError):
    """A call to a subject brought no answer.

    `kind` is a short stable word (``timeout``, ``connection``, ``http 500``, ``malformed``...), `detail` is for people.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        self.kind, self.detail = kind, detail
        super().__init__(f"{kind}: {detail}" if detail else kind)


class StoreError(FiducialError):
    """A run directory that is missing, damaged or not writable."""


class RunLocked(StoreError):
    """Another process holds the run."""


class BudgetSpent(FiducialError):
    """The next call would exceed the budget of the specification."""


class Halted(BudgetSpent):
    """No further call is to be begun: the run was interrupted, or its time is over."""


def shorten(value: object, limit: int = 120) -> str:
    """`repr` of a value, cut to `limit` characters.

    >>> shorten("a" * 200, limit=10)
    "'aaaaaa..."
    """
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def meant(word: str, words: Iterable[str]) -> str:
    """The end of a refusal that offers the word that is close, if one is.

    >>> meant("acuracy", ["accuracy", "score"])
    "; did you mean 'accuracy'?"
    """
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def place_of(error: BaseException) -> str:
    """Where in somebody's own file an exception came up: `` (mine.py, line 12)``, or nothing where no such file took part.

    Files of Fiducial, of Python and of installed packages are not somebody's own.
    """
    import sysconfig

    ours = [Path(__file__).parents[1], *(Path(folder) for name, folder in sysconfig.get_paths().items() if name != "data")]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        installed = {"site-packages", "dist-packages"} & set(path.parts) or any(path.is_relative_to(folder) for folder in ours)
        if path.is_file() and not installed:
            return f" ({path.name}, line {frame.lineno})"
    return ""
