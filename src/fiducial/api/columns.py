"""A file of items by columns, and what a diagnostic takes from them: numbers, texts, or 0 and 1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.audit.recorded import rows
from fiducial.kernel.errors import UsageError, shorten

YES, NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no"})

WORDS = frozenset({"texts", "token", "groups", "category", "pair", "knob"})
"""Columns that are names or texts, whatever they look like."""


@dataclass(frozen=True)
class Items:
    """What a file says: its columns by name, as text; and arrays of an .npz file by name."""

    columns: Mapping[str, Sequence[Any]]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def find(self, name: str) -> Sequence[Any] | NDArray[Any] | None:
        """A column by its name or the singular of it; the file of texts goes before what was saved beside the states."""
        for there in (self.columns, self.arrays):
            for known in (name, singular(name)):
                if known in there:
                    return there[known]
        return None

    def words(self, name: str) -> list[str] | None:
        """A column as texts."""
        column = self.find(name)
        return None if column is None else ["" if value is None else str(value) for value in list(column)]


def read(path: Path) -> dict[str, list[Any]]:
    """The columns of a CSV or JSON-lines file. Raises `UsageError`."""
    found = rows(path, ())
    names = list(found[0])
    for number, row in enumerate(found, 1):
        if any(name not in row for name in names):
            raise UsageError(f"{path}: row {number} needs {', '.join(names)}, got {shorten(row)}")
    return {name: [row[name] for row in found] for name in names}


def singular(name: str) -> str:
    """The name of a column that holds one of these a row.

    >>> singular("labels"), singular("category")
    ('label', 'category')
    """
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")


def plain(name: str, column: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """A column as numbers where all of it are, else as text; what is read as text stays text."""
    if isinstance(column, np.ndarray):
        return column
    words = ["" if value is None else str(value) for value in column]
    if name not in WORDS:
        try:
            return np.array([float(word) for word in words])
        except ValueError:
            pass
    return np.array(words, dtype=object)


def binary(name: str, column: Sequence[Any] | NDArray[Any], positive: str | None) -> NDArray[Any]:
    """0 and 1 of a column that says so, or of two words where one is named as positive; NaN where behaviour is blank."""
    words = ["" if value is None else str(value).strip() for value in list(column)]
    if name == "labels" and positive is not None:
        kinds = sorted(set(words))
        if len(kinds) != 2 or positive not in kinds:
            raise UsageError(f"diagnose: label: needs two values, {positive!r} one of them, got {shorten(kinds)}")
        return np.array([word == positive for word in words], dtype=np.int64)
    values = [1.0 if word.lower() in YES else 0.0 if word.lower() in NO else np.nan for word in words]
    for word, value in zip(words, values, strict=True):
        if np.isnan(value) and (name == "labels" or word.lower() not in ("", "nan", "none")):
            hint = " (name the label that counts as 1 by --positive)" if name == "labels" else ""
            raise UsageError(f"diagnose: {singular(name)}: needs 0 or 1{hint}, got {word!r}")
    return np.array(values, dtype=np.int64 if name == "labels" else np.float64)
