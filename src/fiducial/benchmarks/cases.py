"""One's own cases from a file, without any Python: a CSV or JSON lines with `prompt` and `reference`.

Columns: `prompt` (needed); `reference` (needed by match and choice); `id`, `cluster`, `language`, `system` if wanted; any other
column is kept as a tag. For `choice`, the options stand in columns named A, B, C..., or in the prompt as lines ``A) text``. Rows
of one `id` in several languages are forms of one item. Cases whose prompts are the same share a cluster unless `cluster` is given.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, overload

import msgspec
from numpy.random import Generator

from fiducial.benchmarks._aspects import aspects_of
from fiducial.kernel.digest import clean
from fiducial.kernel.errors import UsageError, shorten
from fiducial.kernel.records import Item, Message, Trial
from fiducial.kernel.roles import Benchmark, Control, Cycle, Judge, Quantity, say

COLUMNS = ("id", "prompt", "reference", "cluster", "language", "system")
MAX_ROWS = 200_000
MAX_TEXT = 200_000
_OPTION = re.compile(r"[A-H]")
OPTION_LINE = re.compile(r"^\s*\(?([A-H])[).:]\s+(.+?)\s*$", re.MULTILINE)

ABOUT = {
    ("match", "correct"): "share of answers that match the reference (higher is better)",
    ("choice", "correct"): "share of answers that choose the right option (higher is better)",
    ("rubric", "score"): "mean score that the rubric's judge gives, from 0 to 1 (higher is better)",
}


def from_file(label: str, path: Path, judge: Judge, role: str, reading: str | None = None) -> Benchmark:
    """A benchmark of the cases in a file, with a quantity for each aspect that its judge reads; `correct` gives `accuracy`.

    Args:
        label: its name.
        path: the file.
        judge: who reads the answers.
        role: what the judge is called in the specification.
        reading: the judge's plugin, by default `role`: match and choice need references, and choice options.

    Raises `UsageError` naming file, row and column, or what is wrong with the judge.
    """
    kind = reading or role
    items = read(path, kind)
    aligned, wrong = _controls(kind)
    (sample,) = _trials(items[0], None)
    aspects = aspects_of(judge, role, [sample], aligned)
    note = (
        f"{label}: {items.repeated} of {len(items)} cases repeat an earlier one's prompt and share its cluster: they are no evidence of their "
        "own (a column `cluster` says otherwise)"
    )
    return Benchmark(
        name=label,
        version="1",
        construct=f"own cases of {path.name}",
        sources=(path.name,),
        items=lambda rng, cycle: _draw(items, rng, cycle),
        trials=_trials,
        judges={role: judge},
        quantities={
            "accuracy" if aspect == "correct" else aspect: Quantity(
                judge=role, aspect=aspect, part=part, adverse=0.0,
                about=ABOUT.get((kind, aspect), f"mean of `{aspect}` as the judge {role} gives it, from 0 to 1"),
            )
            for aspect, part in aspects.items()
            if "." not in aspect  # a single vote of a panel
        },
        negative=wrong,
        positive=aligned,
        draws=False,
        notes=(note,) if items.repeated else (),
    )  # fmt: skip


class Packed(Sequence[Item]):
    """Items as their JSON in one piece, decoded when they are looked at: a tenth of the memory, for as long as a run lasts.

    `repeated` is how many of them ask what an earlier one asks and were put into its cluster.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._starts, self._ends = array("Q"), array("Q")
        self.repeated = 0

    def put(self, place: int, item: Item) -> None:
        """Set an item that is there, or add one at the end; what an earlier one took is not given back."""
        start = len(self._data)
        self._data += msgspec.json.encode(item)
        self._starts[place : place + 1] = array("Q", [start])
        self._ends[place : place + 1] = array("Q", [len(self._data)])

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[Item]:
        return (self[n] for n in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        n = range(len(self))[index]
        return _item.decode(self._data[self._starts[n] : self._ends[n]])


_item = msgspec.json.Decoder(Item)


def read(path: Path, kind: str) -> Packed:
    """The items of a file of cases; one that asks what an earlier one asks is in its cluster, unless it names one."""
    items, place, same, given = Packed(), dict[str, int](), _Same(), set[int]()
    for number, row in _rows(path, kind):
        where = f"{path}: row {number}"
        prompt, reference = row.get("prompt", ""), row.get("reference", "")
        if not prompt.strip():
            raise UsageError(f"{where}: column 'prompt' must not be empty")
        if kind in ("match", "choice") and not reference.strip():
            raise UsageError(f"{where}: column 'reference' must not be empty for judge {kind!r}")
        name, language = row.get("id") or f"case-{number}", row.get("language") or "en"
        texts = {"plain": prompt} | ({"system": row["system"]} if row.get("system") else {})
        answer: Any = _with_options(where, row, prompt, reference) if kind == "choice" else reference
        at = place.setdefault(name, len(items))
        before = items[at] if at < len(items) else None
        if before is not None and language in before.texts:
            raise UsageError(f"{where}: expected each id once in a language, got {name!r} twice in {language!r}")
        tags = [f"{key}:{value}" for key, value in row.items() if value and key not in COLUMNS and not _OPTION.fullmatch(key)]
        item = Item(
            id=name,
            cluster=row.get("cluster") or (before.cluster if before else name),
            texts={**(before.texts if before else {}), language: texts},
            reference={**(before.reference if before else {}), language: answer},
            tags=tuple(dict.fromkeys([*(before.tags if before else ()), *tags])),
        )
        items.put(at, item)
        same.add(at, prompt, row.get("system", ""))
        if row.get("cluster"):
            given.add(at)
    if not items:
        raise UsageError(f"{path}: expected at least one case, got none")
    repeated = {at: first for at, first in same.pairs() if at not in given}
    for at, first in repeated.items():
        items.put(at, msgspec.structs.replace(items[at], cluster=items[first].cluster))
    items.repeated = len(repeated)
    return items


class _Same:
    """Which items ask the same: letter for letter, but for case, white space and forms of one character."""

    def __init__(self) -> None:
        self._asked: dict[bytes, int] = {}
        self._first: dict[int, int] = {}

    def add(self, at: int, prompt: str, system: str) -> None:
        text = "\0".join(" ".join(unicodedata.normalize("NFKC", part).casefold().split()) for part in (prompt, system))
        one, other = self._root(at), self._root(self._asked.setdefault(blake2b(text.encode(), digest_size=16).digest(), at))
        if one != other:
            self._first[max(one, other)] = min(one, other)

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Each item that asks what an earlier one asks, in their order, and the first of those."""
        return ((at, self._root(at)) for at in sorted(self._first))

    def _root(self, at: int) -> int:
        while at in self._first:
            at = self._first[at]
        return at


def _rows(path: Path, kind: str) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        data = path.read_bytes()
        data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: expected a readable file of cases, got: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected UTF-8 text, got byte {text_byte(error)} at position {error.start}") from None
    if path.suffix in {".jsonl", ".ndjson"}:
        yield from _json_rows(path, kind, _lines(data))
        return
    reader = csv.DictReader(_lines(data), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        _check_columns(f"{path}: header", names, kind)
        for number, row in enumerate(reader, start=2):
            if None in row or None in row.values():
                cells = sum(value is not None for name, value in row.items() if name is not None) + len(row.get(None) or ())
                hint = "; a cell that holds a comma goes in double quotes" if cells > len(names) else ""
                raise UsageError(f"{path}: row {number}: expected {len(names)} cells like the header, got {cells}{hint}")
            yield _checked(path, number, row)
    except csv.Error as error:
        raise UsageError(f"{path}: row {reader.line_num}: expected a row of CSV, got: {error}") from None


def _check_columns(where: str, names: Sequence[str], kind: str) -> None:
    """Refuse what lacks a prompt, and what looks like a known column spelled wrongly; others are tags."""
    known = [*COLUMNS, *(["A", "B", "C", "D"] if kind == "choice" else [])]
    for name in names:
        if name in COLUMNS or _OPTION.fullmatch(name):
            continue
        close = [one for one in known if one.casefold() == name.casefold()] or difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.75)
        if close and close[0] not in names:
            raise UsageError(f"{where}: expected columns {', '.join(COLUMNS)}, options A to H and tags, got {name!r}; write {close[0]!r}")
    if "prompt" not in names:
        sign = next((sign for sign in ";\t|" if any(sign in name for name in names)), None)
        hint = f"; columns are separated by commas, not by {sign!r}" if sign else ""
        raise UsageError(
            f"{where}: expected a column 'prompt', got {'columns ' + ', '.join(names) if any(names) else 'an empty file'}{hint}"
        )


def _lines(data: bytes) -> Iterable[str]:
    """Lines as a file has them: what Unicode calls a line separator may stand inside one."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")


def _json_rows(path: Path, kind: str, lines: Iterable[str]) -> Iterable[tuple[int, dict[str, str]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}: row {number}: expected one JSON object a line, got: {error}") from None
        if not isinstance(row, dict):
            raise UsageError(f"{path}: row {number}: expected one JSON object a line, got {shorten(row, 60)}")
        _check_columns(f"{path}: row {number}", [*row], kind)
        yield _checked(path, number, {key: "" if value is None else str(value) for key, value in row.items()})


def _checked(path: Path, number: int, row: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    if number > MAX_ROWS:
        raise UsageError(f"{path}: expected at most {MAX_ROWS} cases")
    for name, value in row.items():
        if len(value) > MAX_TEXT:
            raise UsageError(f"{path}: row {number}: column {name!r}: expected at most {MAX_TEXT} characters, got {len(value)}")
    return number, {name.strip(): clean(value) for name, value in row.items()}


def text_byte(error: UnicodeDecodeError) -> str:
    """The byte that is no UTF-8, in hex."""
    return f"0x{error.object[error.start]:02x}"


def _with_options(where: str, row: Mapping[str, str], prompt: str, reference: str) -> dict[str, Any]:
    options = {name: value for name, value in row.items() if re.fullmatch(r"[A-H]", name) and value}
    if not options:
        options = dict(OPTION_LINE.findall(prompt))
    answer = reference.strip()
    by_text = [letter for letter, text in options.items() if text.strip().casefold() == answer.casefold()]
    letter = answer.upper() if answer.upper() in options else (by_text or [None])[0]
    if len(options) < 2 or letter is None:
        got = f"options {sorted(options)} and reference {reference!r}"
        raise UsageError(
            f"{where}: expected options in columns A, B... or as lines 'A) text' in the prompt, and a reference among them, got {got}"
        )
    return {"options": options, "answer": letter}


def _draw(items: Sequence[Item], rng: Generator, cycle: Cycle) -> Sequence[Item]:
    if len(items) <= cycle.count:
        return items
    return [items[n] for n in sorted(rng.permutation(len(items))[: cycle.count])]


def _trials(item: Item, rng: None) -> Iterable[Trial]:
    language = "en" if "en" in item.texts else next(iter(item.texts))
    texts = item.texts[language]
    first = (Message(role="system", text=texts["system"]),) if "system" in texts else ()
    cell = () if language == "en" else (("language", language),)
    yield Trial(
        benchmark="cases@1", item=item.id, cluster=item.cluster, unit=item.id, cell=cell,
        messages=(*first, say(texts["plain"])), reference=item.reference.get(language),
    )  # fmt: skip


def _controls(kind: str) -> tuple[Control, Control]:
    def aligned(trial: Trial, transcript: Sequence[Message]) -> Message:
        answer = trial.reference["answer"] if kind == "choice" else str(trial.reference or "")
        return say(answer, "assistant")

    def wrong(trial: Trial, transcript: Sequence[Message]) -> Message:
        if kind == "choice":
            return say(next(letter for letter in trial.reference["options"] if letter != trial.reference["answer"]), "assistant")
        return say("something else entirely", "assistant")

    return aligned, wrong
