"""Labels that people gave, read from a CSV or JSON-lines file by item.

No label for an item, or one that `values` does not name: `None` with the reason. With the names of the kinds of answer
(``full_refusal``, ``partial_refusal``, ``full_compliance``) as values it gives the aspects of the judge `refusal`.

Labels of a run's own answers go by unit instead (`of_units`): columns ``unit``, ``aspect``, ``value``, and where they are needed
``subject`` and ``part``. Several people's values of one thing are averaged.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fiducial.judges._reading import readings
from fiducial.judges.refusal import ASPECTS, KINDS
from fiducial.kernel.digest import bytes_digest
from fiducial.kernel.errors import UsageError, shorten
from fiducial.kernel.roles import Case, Judge, Reader, Verdict

LARGEST = 256 * 2**20
"""Bytes of a label file."""

Values = Mapping[str, float]


UNIT_COLUMNS = ("unit", "aspect", "value")


def judge(
    *,
    path: str | Path,
    values: Mapping[str, float | str | Values] | None = None,
    item: str = "id",
    label: str = "label",
    aspects: Sequence[str] = ("label",),
    where: Mapping[str, str] | None = None,
    prefix: str = "",
    part: str | None = None,
) -> Judge:
    """A judge that looks labels up.

    Args:
        path: the file; ``.jsonl`` or ``.json`` one object a line, else CSV with a header.
        values: label -> value in [0, 1] of every aspect, or a mapping aspect -> value, or the name of a kind of answer. Without it the
            file holds labels by unit (`of_units`), and the other options but `path` are not used.
        item, label: the columns with the item's id and the label.
        aspects: what a plain number is a value of.
        where: only rows with these values, e.g. ``{"model": "gpt4"}``.
        prefix: what a trial's item id has before the id in the file.
        part: the exchange the labels are about; by default each.

    Raises `UsageError`: no such file, a missing column, two labels for one item, a value outside [0, 1].
    """
    file = Path(path)
    if values is None:
        return of_units(file)
    named = {str(text): _values(str(text), value, aspects) for text, value in values.items()}
    every = tuple(dict.fromkeys(aspect for row in named.values() for aspect in row))
    labels, content = _labels(file, item, label, where or {})
    options: dict[str, Any] = {
        "content": content, "values": named, "item": item, "label": label, "where": dict(where or {}), "prefix": prefix, "part": part,
    }  # fmt: skip

    def read(case: Case) -> Iterable[Verdict]:
        for exchange, name in readings(case, part):
            known = labels.get(exchange.trial.item.removeprefix(prefix))
            row = named.get(known or "")
            if known is None:
                reason = f"no label for item {exchange.trial.item}"
            else:
                reason = "" if row is not None else f"label {shorten(known)} has no value"
            for aspect in every:
                yield Verdict(aspect, (row or {}).get(aspect), label=known or "unlabelled", reason=reason, part=name)

    return Reader(name="human", version="1", read=read, options=options, exact=True)


def of_units(file: Path) -> Judge:
    """A judge that looks up what people said of a run's own units; `None` where they said nothing.

    Raises `UsageError`: no such file, a missing column, a value that is no number in [0, 1].
    """
    data = _read(file)
    given: dict[tuple[str, str, str, str], list[float]] = {}
    for number, row in _rows(file, data.decode("utf-8-sig")):
        missing = [column for column in UNIT_COLUMNS if column not in row]
        if missing:
            raise UsageError(f"judge human: {file.name} row {number} must have {missing}, got columns {sorted(map(str, row))}")
        if row["value"] in (None, ""):
            continue
        key = (str(row["unit"]), str(row.get("subject") or ""), str(row.get("part") or ""), str(row["aspect"]))
        given.setdefault(key, []).append(_share(file, number, row["value"]))
    aspects = sorted({aspect for *_, aspect in given})
    means = {key: sum(values) / len(values) for key, values in given.items()}

    def read(case: Case) -> Iterable[Verdict]:
        for _, part in readings(case):
            for aspect in aspects:
                found = [means.get((case.unit, subject, name, aspect)) for subject in (case.subject, "") for name in (part or "main", "")]
                value = next((value for value in found if value is not None), None)
                reason = "" if value is not None else f"no label for unit {case.unit}"
                yield Verdict(aspect, value, label="labelled" if value is not None else "unlabelled", reason=reason, part=part)

    return Reader(name="human", version="1", read=read, options={"content": bytes_digest(data), "by": "unit"}, exact=True)


def unit_rows(file: Path) -> list[tuple[int, Mapping[str, Any]]]:
    """The rows of a file of labels by unit that give a value, with their numbers. Raises `UsageError` as `of_units` does."""
    of_units(file)
    return [(number, row) for number, row in _rows(file, _read(file).decode("utf-8-sig")) if row["value"] not in (None, "")]


def _share(file: Path, number: int, text: object) -> float:
    try:
        value = float(str(text))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"judge human: {file.name} row {number}: value must be a number in [0, 1], got {shorten(text)}")
    return value


def _values(text: str, value: float | str | Values, aspects: Sequence[str]) -> dict[str, float]:
    if isinstance(value, str):
        if value not in KINDS:
            raise UsageError(f"judge human: values[{text!r}] must be a number, a mapping or one of {list(KINDS)}, got {value!r}")
        return dict(ASPECTS[value])
    row = dict(value) if isinstance(value, Mapping) else dict.fromkeys(aspects, value)
    for aspect, number in row.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
            raise UsageError(f"judge human: values[{text!r}] of {aspect!r} must be a number in [0, 1], got {number!r}")
    return {aspect: float(number) for aspect, number in row.items()}


def _labels(file: Path, item: str, label: str, where: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Item -> label of the rows wanted, and the digest of the file."""
    data = _read(file)
    text = data.decode("utf-8-sig")
    found: dict[str, str] = {}
    for number, row in _rows(file, text):
        missing = [column for column in (item, label, *where) if column not in row]
        if missing:
            raise UsageError(f"judge human: {file.name} row {number} must have {missing}, got columns {sorted(row)}")
        if any(str(row[column]) != wanted for column, wanted in where.items()) or row[label] in (None, ""):
            continue
        key, value = str(row[item]), str(row[label])
        if found.setdefault(key, value) != value:
            raise UsageError(f"judge human: {file.name} row {number} must not label item {key!r} anew: {found[key]!r}, got {value!r}")
    return found, bytes_digest(data)


def _read(file: Path) -> bytes:
    """The bytes of a label file that is UTF-8 text."""
    if not file.is_file():
        raise UsageError(f"judge human: path must name a file, got {str(file)!r}")
    if file.stat().st_size > LARGEST:
        raise UsageError(f"judge human: {file.name} may have {LARGEST} bytes, got {file.stat().st_size}")
    data = file.read_bytes()
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"judge human: {file.name} must be UTF-8 text: {error}") from error
    return data


def _rows(file: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if file.suffix not in (".jsonl", ".json"):
        try:
            yield from enumerate(csv.DictReader(io.StringIO(text, newline=""), strict=True), 1)
        except csv.Error as error:
            raise UsageError(f"judge human: {file.name} must be CSV: {error}") from error
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"judge human: {file.name} line {number} must be a JSON object: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"judge human: {file.name} line {number} must be a JSON object, got {shorten(row)}")
        yield number, row
