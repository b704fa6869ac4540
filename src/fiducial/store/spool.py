"""From records in any order to a sealed stage: lines on disk, put in order, Parquet, content root - in flat memory."""

from __future__ import annotations

import shutil
import uuid
import weakref
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Record
from fiducial.store.disk import Scratch, disk, make_durable, sync_folder
from fiducial.store.merkle import Merkle, leaf
from fiducial.store.secrets import Guard
from fiducial.store.stages import FACTOR, Stage, all_columns

MEMORY = 96 << 20
"""Bytes that DuckDB may hold while it writes a stage of short rows."""

READING = 1 << 30
"""Bytes that it may hold while it reads; a scan of short rows takes a small part of it."""

GROUP_BYTES = 4 << 20
"""Bytes of text that a row group should hold."""

NEAR = 4 << 20
"""Bytes in which rows that follow each other may lie, to be read at once."""

VECTOR = 2048
"""Rows that DuckDB takes at once."""

R = TypeVar("R", bound=Record)
Indices = NDArray[np.int64]

_encoder = msgspec.json.Encoder()


class Seal(Record, frozen=True, kw_only=True):
    """A sealed stage: its file relative to the run, its rows and its content root (64 hex digits)."""

    file: str
    rows: int
    root: str


class Spool(Generic[R]):
    """Collects the records of one stage. What was not sealed is lost with the process: the journal has it all.

    Made by `Run.spool`. Ordinals are tuples of integers, each once: (position in the plan, subject, ...); rows are
    sealed in their order, and the first number becomes the column `ordinal`.
    """

    def __init__(self, stage: Stage[R], run: Path, guard: Guard, engine: Engine | None = None) -> None:
        self._stage, self._run, self._guard = stage, run, guard
        self._engine = Engine(run / "tmp" / stage.name) if engine is None else engine
        self._path = run / "tmp" / f"{stage.name}.spool.jsonl"
        # 32 bytes a row: the ordinal's numbers, where its line starts; the hashes of the rows lie in a file beside.
        self._orders = array("q")
        self._width = 0
        self._starts = array("q", [0])
        self._factors: set[str] = set()
        self._lines = Scratch(self._path)
        self._leaves = Scratch(self._path.with_suffix(".leaves"), 1 << 18)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def add(self, ordinal: tuple[int, ...], record: R) -> None:
        """Take a record; raises `StoreError` where it cannot be stored."""
        self._width = self._width or len(ordinal)
        if len(ordinal) != self._width or not ordinal:
            raise StoreError(f"stage {self._stage.name}: all ordinals have {self._width} numbers, got {ordinal}")
        same, row = self._stage.normal(record, self._guard.scrub)
        columns = self._stage.encode(same)
        if len(columns) + 1 > len(self._stage.columns):
            self._factors.update(name[len(FACTOR) :] for name in columns if name.startswith(FACTOR))
        line = b'{"ordinal":%d,%b\n' % (ordinal[0], _encoder.encode(columns)[1:])
        self._lines.write(line)
        self._leaves.write(leaf(row))
        self._orders.extend(ordinal)
        self._starts.append(self._starts[-1] + len(line))
        self._lines.relieve()
        self._leaves.relieve()

    def seal(self, revision: int | Path | None = None) -> Seal:
        """Sort, write the stage's Parquet file, drop the spool, and say what was sealed.

        `revision` is needed by stages of a revision (judgements) and refused by the others. A file that is there is
        replaced as a whole. Raises `StoreError` where two records have one ordinal.
        """
        if isinstance(revision, Path):
            revision = int(revision.name)
        if self._stage.by_revision != (revision is not None):
            owner = "a revision" if self._stage.by_revision else "the run"
            raise StoreError(f"stage {self._stage.name}: belongs to {owner}, got revision {revision}")
        name = f"{self._stage.name}.parquet"
        target = self._run / name if revision is None else self._run / "revisions" / str(revision) / name
        with disk("cannot write", target):
            self._lines.flush()
            self._leaves.flush()
            target.parent.mkdir(parents=True, exist_ok=True)
            order = self._order()
            root = self._root(order)
            self._write(order, root, target)
            self._lines.drop()
            self._leaves.drop()
        return Seal(file=target.relative_to(self._run).as_posix(), rows=len(self), root=root)

    def _order(self) -> Indices:
        """Rows in the order of their ordinals."""
        if not len(self):
            return np.empty(0, dtype=np.int64)
        numbers = list(np.frombuffer(self._orders, dtype=np.int64).reshape(-1, self._width).T)
        order = np.lexsort(numbers[::-1])
        same = np.ones(len(order) - 1, dtype=bool)
        for column in numbers:
            same &= np.diff(column[order]) == 0
        if same.any():
            at = order[int(np.argmax(same))]
            raise StoreError(f"stage {self._stage.name}: each ordinal once, got {tuple(int(column[at]) for column in numbers)} twice")
        return order

    def _root(self, order: Indices) -> str:
        tree = Merkle()
        for entry in _pieces(self._leaves, order, range(0, 32 * len(order) + 1, 32)):
            tree.add(entry)
        return tree.root

    def _in_order(self, order: Indices) -> Scratch:
        """The lines in order: the spool itself where they came so."""
        if bool(np.all(np.diff(order) == 1)):
            return self._lines
        lines = Scratch(self._path.with_suffix(".sorted"))
        for piece in _pieces(self._lines, order, self._starts):
            lines.write(piece)
            lines.relieve()
        lines.flush()
        return lines

    def _window(self, order: Indices) -> int:
        """Bytes of the heaviest rows that DuckDB may take at once."""
        lengths = np.diff(np.frombuffer(self._starts, dtype=np.int64))[order]
        return max((int(lengths[at : at + 2 * VECTOR].sum()) for at in range(0, len(order), VECTOR)), default=0)

    def _write(self, order: Indices, root: str, target: Path) -> None:
        columns = all_columns(self._stage, _distinct(self._factors))
        total, longest = self._starts[-1], max(np.diff(np.frombuffer(self._starts, dtype=np.int64)), default=0)
        group = max(VECTOR, min(65536, GROUP_BYTES * max(len(self), 1) // max(total, 1)))
        source, part = self._in_order(order), self._path.with_suffix(".part")
        read = (
            f"read_json({quoted(source.path)}, format = 'newline_delimited', columns = {_struct(columns)}, "
            f"maximum_object_size = {max(1 << 20, int(longest) + 1024)})"
        )
        form = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group}, KV_METADATA {{ stage: '{self._stage.name}', root: '{root}' }}"
        try:
            with self._engine.room(MEMORY + 4 * self._window(order)) as sql:
                sql.execute(f"COPY (FROM {read}) TO {quoted(part)} ({form})")
            make_durable(part)
            part.replace(target)
            sync_folder(target.parent)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise StoreError(f"cannot seal {target}: {'the disk is full' if 'No space left' in reason else reason}") from error
        finally:
            part.unlink(missing_ok=True)
            if source is not self._lines:
                source.drop()


def _pieces(source: Scratch, order: Indices, starts: Sequence[int]) -> Iterator[bytes]:
    """The pieces of a file in order; piece n goes from `starts[n]` to `starts[n + 1]`. Neighbours are read together."""
    for at in range(0, len(order), VECTOR):
        rows = order[at : at + VECTOR].tolist()
        first, end = starts[min(rows)], starts[max(rows) + 1]
        if end - first > NEAR:
            yield from (source.read(starts[row], starts[row + 1] - starts[row]) for row in rows)
            continue
        block = source.read(first, end - first)
        yield from (block[starts[row] - first : starts[row + 1] - first] for row in rows)


def _distinct(factors: set[str]) -> list[str]:
    seen: dict[str, str] = {}
    for factor in sorted(factors):
        other = seen.setdefault(factor.lower(), factor)
        if other != factor:
            raise StoreError(f"stage trials: factors must differ in more than upper and lower case, got {other!r} and {factor!r}")
    return sorted(factors)


@contextmanager
def database(scratch: Path, memory: int = READING) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in bounded memory (bytes) that spills near `scratch`: into a folder of its own that is gone afterwards."""
    engine = Engine(scratch, memory)
    try:
        yield engine.sql
    finally:
        engine.close()


class Engine:
    """A DuckDB instance, started at first need: that takes 14 ms, so whoever asks several times keeps one. See `database`."""

    def __init__(self, scratch: Path, memory: int = READING) -> None:
        self._scratch, self._memory = scratch, memory
        self._sql: duckdb.DuckDBPyConnection | None = None
        self._end: Callable[[], object] = lambda: None

    @property
    def sql(self) -> duckdb.DuckDBPyConnection:
        """Its first connection."""
        if self._sql is None:
            near = next(folder for folder in self._scratch.absolute().parents if folder.is_dir())  # DuckDB makes the last folder only
            spill = near / f".{self._scratch.name}-{uuid.uuid4().hex}"
            settings = {"memory_limit": f"{self._memory >> 20}MiB", "threads": 1, "temp_directory": str(spill)}
            self._sql = duckdb.connect(":memory:", config=settings)
            self._end = weakref.finalize(self, _end, self._sql, spill)
            self._sql.execute("SET enable_progress_bar = false")
            self._sql.execute("SET enable_external_file_cache = false")  # it would keep what was read for as long as the instance lives
        return self._sql

    def close(self) -> None:
        """End the instance and give its memory back; the next need starts another one."""
        self._sql = None
        self._end()

    @contextmanager
    def room(self, memory: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with a schema of its own, gone afterwards; meanwhile the whole instance may hold `memory` bytes where given."""
        with self.sql.cursor() as sql:
            name = f"room_{uuid.uuid4().hex}"
            sql.execute(f"CREATE SCHEMA {name}; USE {name}")
            if memory is not None:
                sql.execute(f"SET memory_limit = '{memory >> 20}MiB'")
            try:
                yield sql
            finally:
                if memory is not None:
                    sql.execute(f"SET memory_limit = '{self._memory >> 20}MiB'")
                sql.execute(f"USE memory.main; DROP SCHEMA {name} CASCADE")


def _end(sql: duckdb.DuckDBPyConnection, spill: Path) -> None:
    sql.close()
    shutil.rmtree(spill, ignore_errors=True)


def read_rows(
    stage: Stage[Any], path: Path, where: str = "", values: tuple[Any, ...] = (), sql: duckdb.DuckDBPyConnection | None = None
) -> Iterator[Mapping[str, Any]]:
    """Rows of a sealed stage in its order, as dictionaries by column. Raises `StoreError` naming the file.

    `sql`: a database to read with, for those who read several times.
    """
    if not path.is_file():
        raise StoreError(f"{path}: there is no such stage; it was not sealed yet, or it was deleted")
    try:
        with ExitStack() as stack:
            used = sql.cursor() if sql is not None else stack.enter_context(database(path.parent / "tmp" / f"{path.stem}.read"))
            found = used.execute(f"FROM read_parquet(?) {where}", (str(path), *values))
            names = [column[0] for column in found.description or ()]
            missing = [name for name in stage.columns if name not in names]
            if missing:
                raise StoreError(f"{path}: is not a file of the stage {stage.name}: it has no column {missing[0]}")
            while batch := found.fetchmany(VECTOR):
                for row in batch:
                    yield dict(zip(names, row, strict=True))
    except duckdb.Error as error:
        raise StoreError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error


def read_records(stage: Stage[R], path: Path, engine: Engine | None = None) -> Iterator[R]:
    """Records of a sealed stage in its order; memory stays flat. Raises `StoreError` naming the file and the row."""
    for number, row in enumerate(read_rows(stage, path, sql=None if engine is None else engine.sql)):
        yield decode_row(stage, path, number, row)


def decode_row(stage: Stage[R], path: Path, number: int, row: Mapping[str, Any]) -> R:
    """One record; `StoreError` with the row's number where it breaks a rule."""
    try:
        return stage.decode(row)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise StoreError(f"{path}: row {number} is no {stage.record.__name__}: {error}") from error


def quoted(path: Path) -> str:
    """A path as a DuckDB string literal."""
    return "'" + str(path).replace("'", "''") + "'"


def _struct(columns: Mapping[str, str]) -> str:
    pairs = ", ".join("'" + name.replace("'", "''") + f"': '{kind}'" for name, kind in columns.items())
    return "{" + pairs + "}"
