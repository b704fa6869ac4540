"""What a check of a run finds: problems with the file that has them, and an answer to each question."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fiducial.kernel.records import Record


class Problem(Record, frozen=True, kw_only=True):
    """What is wrong, and with which file (relative to the run)."""

    file: str
    text: str


class Answer(Record, frozen=True, kw_only=True):
    """The answer to one question. `held`: yes, no, or `None` = there was nothing to ask it of. `notes` are no problems."""

    held: bool | None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


class Findings:
    """Problems as they are found, in the run that lies at a path."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def name(self, file: Path) -> str:
        """A file of the run by its path in it."""
        return file.relative_to(self._run).as_posix()

    def add(self, file: Path | str, text: str) -> None:
        """Note a problem of a file; the file's own path is taken off the text's front."""
        name = file if isinstance(file, str) else self.name(file)
        self.problems.append(Problem(file=name, text=text.removeprefix(f"{self._run / name}: ")))

    def note(self, check: Callable[..., Iterator[tuple[str, str]]], *what: Any) -> None:
        """All problems that a check yields, as pairs of file and text."""
        for file, text in check(*what):
            self.add(file, text)

    def answer(self) -> Answer:
        """Yes where no problem was found."""
        return Answer(held=not self.problems, problems=tuple(self.problems), notes=tuple(self.notes))
