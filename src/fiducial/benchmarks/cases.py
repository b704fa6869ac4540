"""One's own cases from a file, without any Python: a CSV or JSON lines with `prompt` and `reference`.

Columns: `prompt` (needed); `reference` (needed by match and choice); `id`, `cluster`, `language`, `system` if wanted.
For `choice`, the options stand in columns named A, B, C..., or in the prompt as lines ``A) text``. Rows of one `id`
in several languages are forms of one item.
"""

from __future__ import annotations

import csv
import io
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import msgspec
from numpy.random import Generator

from fiducial.kernel.digest import clean
from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Item, Message, Ref, Trial
from fiducial.kernel.roles import Benchmark, Control, Cycle, Judge, Quantity, say

COLUMNS = ("id", "prompt", "reference", "cluster", "language", "system")
MAX_ROWS = 200_000
MAX_TEXT = 200_000
_OPTION = re.compile(r"[A-H]")
OPTION_LINE = re.compile(r"^\s*\(?([A-H])[).:]\s+(.+?)\s*$", re.MULTILINE)


def from_file(label: str, path: Path, judge: Judge | Ref, kind: str) -> Benchmark:
    """A benchmark of the cases in a file, read by `judge` of a `kind`: match, choice or rubric.

    Raises `UsageError` naming file, row and column.
    """
    items = read(path, kind)
    quantity = "score" if kind == "rubric" else "accuracy"
    aspect = "score" if kind == "rubric" else "correct"
    about = {
        "match": "share of answers that match the reference (higher is better)",
        "choice": "share of answers that choose the right option (higher is better)",
        "rubric": "mean score that the rubric's judge gives, from 0 to 1 (higher is better)",
    }[kind]
    aligned, wrong = _controls(kind)
    return Benchmark(
        name=label,
        version="1",
        construct=f"own cases of {path.name}",
        sources=(path.name,),
        items=lambda rng, cycle: _draw(items, rng, cycle),
        trials=_trials,
        judges={kind: judge},
        quantities={quantity: Quantity(judge=kind, aspect=aspect, about=about, adverse=0.0)},
        negative=wrong,
        positive=aligned,
        draws=False,
    )


class Packed(Sequence[Item]):
    """Items as their JSON in one piece, decoded when they are looked at: a tenth of the memory, for as long as a run lasts."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._starts, self._ends = array("Q"), array("Q")

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
    """The items of a file of cases."""
    items, place = Packed(), dict[str, int]()
    for number, row in _rows(path):
        where = f"{path}: row {number}"
        unknown = [name for name in row if name not in COLUMNS and not _OPTION.fullmatch(name)]
        if unknown:
            raise UsageError(f"{where}: columns {', '.join(COLUMNS)} and options A to H, got {unknown[0]!r}")
        prompt, reference = row.get("prompt", ""), row.get("reference", "")
        if not prompt.strip():
            raise UsageError(f"{where}: column 'prompt' must not be empty")
        if kind != "rubric" and not reference.strip():
            raise UsageError(f"{where}: column 'reference' must not be empty for judge {kind!r}")
        name, language = row.get("id") or f"case-{number}", row.get("language") or "en"
        texts = {"plain": prompt} | ({"system": row["system"]} if row.get("system") else {})
        answer: Any = _with_options(where, row, prompt, reference) if kind == "choice" else reference
        at = place.setdefault(name, len(items))
        before = items[at] if at < len(items) else None
        if before is not None and language in before.texts:
            raise UsageError(f"{where}: each id once in a language, got {name!r} twice in {language!r}")
        item = Item(
            id=name,
            cluster=row.get("cluster") or (before.cluster if before else name),
            texts={**(before.texts if before else {}), language: texts},
            reference={**(before.reference if before else {}), language: answer},
        )
        items.put(at, item)
    if not items:
        raise UsageError(f"{path}: at least one case, got none")
    return items


def _rows(path: Path) -> Iterable[tuple[int, dict[str, str]]]:
    try:
        data = path.read_bytes()
        data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: a readable file of cases: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: UTF-8 text, got byte {text_byte(error)} at position {error.start}") from None
    if path.suffix in {".jsonl", ".ndjson"}:
        yield from _json_rows(path, _lines(data))
        return
    reader = csv.DictReader(_lines(data), strict=True)
    missing = {"prompt"} - set(reader.fieldnames or ())
    if missing:
        raise UsageError(f"{path}: a column 'prompt', got columns {', '.join(reader.fieldnames or ()) or 'none'}")
    try:
        for number, row in enumerate(reader, start=2):
            if None in row or None in row.values():
                raise UsageError(f"{path}: row {number}: {len(reader.fieldnames or ())} cells like the header, got another number")
            yield _checked(path, number, row)
    except csv.Error as error:
        raise UsageError(f"{path}: row {reader.line_num}: {error}") from None


def _lines(data: bytes) -> Iterable[str]:
    """Lines as a file has them: what Unicode calls a line separator may stand inside one."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")


def _json_rows(path: Path, lines: Iterable[str]) -> Iterable[tuple[int, dict[str, str]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{path}: row {number}: one JSON object a line: {error}") from None
        if not isinstance(row, dict):
            raise UsageError(f"{path}: row {number}: one JSON object a line, got {type(row).__name__}")
        yield _checked(path, number, {key: "" if value is None else str(value) for key, value in row.items()})


def _checked(path: Path, number: int, row: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    if number > MAX_ROWS:
        raise UsageError(f"{path}: at most {MAX_ROWS} cases")
    for name, value in row.items():
        if len(value) > MAX_TEXT:
            raise UsageError(f"{path}: row {number}: column {name!r}: at most {MAX_TEXT} characters, got {len(value)}")
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
        raise UsageError(f"{where}: options in columns A, B... or as lines 'A) text' in the prompt, and a reference among them, got {got}")
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
        answer = trial.reference["answer"] if kind == "choice" else str(trial.reference)
        return say(answer, "assistant")

    def wrong(trial: Trial, transcript: Sequence[Message]) -> Message:
        if kind == "choice":
            return say(next(letter for letter in trial.reference["options"] if letter != trial.reference["answer"]), "assistant")
        return say("something else entirely", "assistant")

    return aligned, wrong
