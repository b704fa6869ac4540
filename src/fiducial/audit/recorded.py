"""Stored verdicts as recorded judges: the whole audit without a model.

A format is one file in `formats` that defines ``load(path)``: the file that holds the verdicts in, one `Verdicts` a judge and aspect out.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fiducial.audit.verdicts import Verdicts
from fiducial.kernel.digest import bytes_digest, short
from fiducial.kernel.errors import UsageError, shorten
from fiducial.stats.table import Floats

LARGEST = 256 * 2**20
"""Bytes of a file that are read at most."""

Row = dict[str, Any]


def formats() -> list[str]:
    """The formats there are."""
    return sorted(path.stem for path in (Path(__file__).parent / "formats").glob("[a-z]*.py"))


def load(kind: str, path: Path) -> list[Verdicts]:
    """All recorded judges of a file. Raises `UsageError` for an unknown format or an unreadable file."""
    if kind not in formats():
        raise UsageError(f"audit: format must be one of {', '.join(formats())}, got {kind!r}")
    read: Callable[[Path], list[Verdicts]] = importlib.import_module(f"fiducial.audit.formats.{kind}").load
    return read(path)


def of_judge(found: Sequence[Verdicts], name: str) -> list[Verdicts]:
    """The verdicts of the recorded judge of a name, one table an aspect. Raises `UsageError` naming those there are."""
    chosen = [part for part in found if part.judge.partition("@")[0] == name]
    if not chosen:
        there = sorted({part.judge.partition("@")[0] for part in found})
        more = ", ..." if len(there) > 12 else ""
        raise UsageError(f"audit: a recorded judge of the file ({', '.join(there[:12])}{more}), got {name!r}")
    return chosen


def rows(path: Path, needed: Sequence[str]) -> list[Row]:
    """The rows of a CSV, JSON (a list of objects) or JSON-lines file. Raises `UsageError` naming file, row and column."""
    if not path.is_file():
        raise UsageError(f"{path}: needs a file, there is none")
    if path.stat().st_size > LARGEST:
        raise UsageError(f"{path}: at most {LARGEST} bytes are read, got {path.stat().st_size}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        found = (
            _objects(path, text) if path.suffix in {".json", ".jsonl"} else list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        )
    except (UnicodeDecodeError, csv.Error, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: cannot be read as {path.suffix.removeprefix('.') or 'CSV'}: {shorten(error)}") from None
    for number, row in enumerate(found, 1):
        if isinstance(row, dict) and None in row:
            raise UsageError(f"{path}: row {number} has more cells than the first line names columns ({shorten([*row][:-1])}): is it CSV?")
        if not isinstance(row, dict) or any(name not in row for name in needed):
            raise UsageError(f"{path}: row {number} needs {', '.join(needed)}, got {shorten(row)}")
    if not found:
        raise UsageError(f"{path}: needs at least one row, got none")
    return found


def judge_id(name: str, path: Path) -> str:
    """The id of a recorded judge: its name and the digest of the file that holds what it said."""
    return f"{name}@recorded-{short([name, bytes_digest(path.read_bytes())])[:12]}"


def column(found: Iterable[Row], name: str, values: dict[str, float] | None = None) -> Floats:
    """A column as numbers, NaN where blank or (with `values`) not among them."""
    if values is None:
        return np.array([np.nan if row[name] in (None, "") else float(row[name]) for row in found])
    return np.array([values.get(str(row[name]), np.nan) for row in found])


def coded(found: Sequence[Row], *names: str) -> Floats:
    """Columns of labels as numbers, one column a rater, NaN where blank."""
    labels = sorted({str(row[name]) for row in found for name in names if row[name] not in (None, "")})
    code = {label: float(number) for number, label in enumerate(labels)}
    return np.array([[np.nan if row[name] in (None, "") else code[str(row[name])] for name in names] for row in found])


def grouped(found: Iterable[Row], *names: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows by the values of some columns, in order of first appearance."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in found:
        groups.setdefault(tuple(str(row[name]) for name in names), []).append(row)
    return groups


def _table(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _objects(path: Path, text: str) -> list[Row]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    found = json.loads(text)
    if not isinstance(found, list):
        raise ValueError("it must be a list of objects")  # noqa: TRY004 - one kind of error for what cannot be read
    return found
