"""The journal: one line a call, written before its slot is freed, each line carrying the hash of the line before.

    calls/lock              held (flock) by the process that writes, or by the driver of those that do; its process id inside
    calls/<writer>.lock     held by a worker of that driver
    calls/<writer>-<n>.jsonl  a segment: never touched again once its writer has gone

A line that `append` returned from survives the death of the process. A power cut can take at most what was written in
the last `sync_every` seconds and during one fsync.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Self

import msgspec

from fiducial.kernel.digest import canonical
from fiducial.kernel.errors import RunLocked, StoreError, shorten
from fiducial.kernel.records import Completion, Record
from fiducial.store.disk import disk, explain, sync_folder
from fiducial.store.index import Index
from fiducial.store.secrets import Guard
from fiducial.store.segments import FORMAT, NOTHING, After, Header, Line, Segment, SegmentReader, call_key, decode_line, segments, writer_of
from fiducial.store.shipping import Ship, Shipper

LOCK = "lock"
"""The file whose lock holds a whole run."""


class Call(Record, frozen=True, kw_only=True):
    """One call. `by`: the subject's id. `of`: the trial's key, or ``judge:<ask>``. `turn`: 0 for the first of a dialogue."""

    by: str
    of: str
    turn: int
    completion: Completion
    ask: str = ""

    @property
    def key(self) -> str:
        """Identity of the call within its run (128 bits, hex)."""
        return call_key(self.by, self.of, self.turn)


class Journal:
    """All calls of a run. One process writes; `find` reads single lines, so memory holds 16 bytes a call."""

    def __init__(
        self, folder: Path, run: str, writer: str, *, sync_every: float, guard: Guard, driven: bool = False, ship: Ship | None = None
    ) -> None:
        self._folder, self._run, self._writer, self._guard = folder, run, writer, guard
        self._files: list[Path] = []
        self._handles: dict[int, int] = {}
        self._index = Index()
        self._calls = 0
        self._broken = False
        self._lock = take_lock(folder, f"{writer}.lock" if driven else LOCK)
        self._fd = -1
        self._sync_every = sync_every
        self._syncer: _Syncer | None = None
        self._turning = threading.Lock()
        try:
            self._before = self._read_all()
        except BaseException:
            self._release()
            raise
        self._shipper = Shipper(self.turn, ship) if ship is not None else None

    @classmethod
    def open(
        cls, folder: Path, run: str, writer: str = "w0", *, sync_every: float = 1.0, guard: Guard | None = None, driven: bool = False,
        ship: Ship | None = None,
    ) -> Journal:  # fmt: skip
        """Open for writing, after reading what is there.

        Args:
            folder: the run's ``calls/``; made where missing.
            run: the run's id; a segment of another run is refused.
            writer: letters and digits; each writer has its own segments.
            sync_every: seconds that a line may wait for its fsync.
            guard: secrets to take out of each line (default: those of this process's environment).
            driven: this is one of several writers of a driver that holds the run (see `hold`). Each has segments and a lock of
                its own; what the others write after this call is not seen by `find`.
            ship: given each finished segment, from a thread; then a segment is finished every few seconds (see `Shipper`).

        Raises `RunLocked` where another process writes, `StoreError` where a complete line was changed.
        """
        if not re.fullmatch(r"[A-Za-z0-9_]+", writer):
            raise StoreError(f"journal {folder}: a writer's name has letters, digits and _, got {writer!r}")
        with disk("cannot make", folder):
            folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, run, writer, sync_every=sync_every, guard=Guard.of() if guard is None else guard, driven=driven, ship=ship)

    def __len__(self) -> int:
        """Calls on record, faults included."""
        return self._calls

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def find(self, key: str) -> Completion | None:
        """The answer to a call, read from disk: the first one that is no fault, or `None`."""
        for segment, offset in self._index.find(key):
            line = self._decode(segment, offset)
            if call_key(line.by, line.of, line.turn) == key:
                return line.completion
        return None

    def append(self, call: Call, key: str | None = None) -> None:
        """Write a call. When it returns, the line survives the process; when it raises `StoreError`, nothing was written.

        `key` is the call's key, where the caller has it already.
        """
        if self._shipper is not None:
            self._shipper.check()
        with self._turning:
            self._append(call, key)

    def _append(self, call: Call, key: str | None) -> None:
        if self._lock < 0 or self._broken:
            raise StoreError(f"journal {self._folder}: is closed")
        if self._syncer is None:
            self._syncer = self._start()
        self._syncer.check()
        line = Line(by=call.by, of=call.of, turn=call.turn, completion=call.completion, prev=self._last, ask=call.ask)
        try:
            data = self._guard.scrub(canonical(line))
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise StoreError(f"journal {self._folder}: a call of {call.by} cannot be stored: {error}, got {shorten(call)}") from error
        offset = self._size
        self._put(data)
        self._calls += 1
        if call.completion.status != "fault":
            self._index.add(key or call.key, len(self._files) - 1, offset)
        self._syncer.wake()

    def turn(self) -> Path | None:
        """Finish the segment that is being written, durably; the next call begins another. `None` where none was begun."""
        with self._turning:
            if self._syncer is None:
                return None
            syncer, self._syncer = self._syncer, None
            path = self._files[-1]
            number = 0 if self._before is None else self._before.number + 1
            try:
                syncer.close()
            finally:
                os.close(self._fd)
                self._fd = -1
            self._before = Segment(file=path.name, writer=self._writer, number=number, lines=self._lines, last=self._last, torn=0)
            return path

    def close(self) -> None:
        """Make everything durable, ship it where it is shipped, and let go of the lock."""
        try:
            if self._shipper is not None:
                self._shipper.close()
            self.turn()
        finally:
            self._release()

    def _start(self) -> _Syncer:
        """Begin a segment: at the first call, so that opening alone leaves no trace."""
        b = self._before
        number = 0 if b is None else b.number + 1
        after = None if b is None else After(file=b.file, lines=b.lines, last=b.last, torn=b.torn)
        prev = NOTHING if b is None else b.last
        header = Header(journal=FORMAT, run=self._run, writer=self._writer, segment=number, prev=prev, after=after)
        path = self._folder / f"{self._writer}-{number}.jsonl"
        with disk("cannot write", path):
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._files.append(path)
        self._size = self._lines = 0
        try:
            self._put(canonical(header))
            with disk("cannot write", path):
                os.fsync(self._fd)
                sync_folder(self._folder)
        except StoreError:
            os.close(self._fd)
            self._fd = -1
            self._files.pop()
            path.unlink(missing_ok=True)
            raise
        return _Syncer(self._fd, path, self._sync_every)

    def _put(self, data: bytes) -> None:
        line = data + b"\n"
        written = 0
        try:
            while written < len(line):
                written += os.write(self._fd, line[written:])
        except OSError as error:
            # A half line must not stay in front of the next one; where it cannot be cut off, nothing more is written.
            try:
                os.ftruncate(self._fd, self._size)
            except OSError as second:
                self._broken = True
                raise explain("cannot write (a half line stays at the end)", self._files[-1], error) from second
            raise explain("cannot write", self._files[-1], error) from error
        self._size += len(line)
        self._lines += 1
        self._last = sha256(data).hexdigest()

    def _read_all(self) -> Segment | None:
        """Index all segments; the last one of this writer."""
        last: dict[str, Segment] = {}
        for path in segments(self._folder):
            self._files.append(path)
            reader = SegmentReader(path, self._run, last.get(writer_of(path)))
            for offset, glance in reader.calls():
                self._calls += 1
                if glance.completion.status != "fault":
                    self._index.add(call_key(glance.by, glance.of, glance.turn), len(self._files) - 1, offset)
            last[writer_of(path)] = reader.segment
        return last.get(self._writer)

    def _decode(self, segment: int, offset: int) -> Line:
        try:
            return decode_line(self._read_line(segment, offset))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StoreError(f"{self._files[segment]}: the line at byte {offset} is no call: {error}") from error

    def _read_line(self, segment: int, offset: int) -> bytes:
        path = self._files[segment]
        with disk("cannot read", path):
            handle = self._handles.get(segment)
            if handle is None:
                handle = self._handles[segment] = os.open(path, os.O_RDONLY)
            data = b""
            while True:
                block = os.pread(handle, max(4096, len(data)), offset + len(data))
                data += block
                line, newline, _ = data.partition(b"\n")
                if newline:
                    return line
                if not block:
                    raise StoreError(f"{path}: the line at byte {offset} has no end")

    def _release(self) -> None:
        for handle in (self._fd, self._lock, *self._handles.values()):
            if handle >= 0:
                os.close(handle)
        self._handles = {}
        self._fd = self._lock = -1


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the run of a ``calls/`` folder for writers that this process drives. Raises `RunLocked` where another one does."""
    with disk("cannot make", folder):
        folder.mkdir(parents=True, exist_ok=True)
    handle = take_lock(folder, LOCK)
    try:
        yield
    finally:
        os.close(handle)


def take_lock(folder: Path, name: str) -> int:
    """A file that this process holds a lock on until it is closed. Raises `RunLocked` where another process does."""
    path = folder / name
    with disk("cannot write", path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        os.close(handle)
        raise RunLocked(f"{folder.parent}: is being written by process {owner or 'unknown'}; only one at a time may") from error
    except OSError as error:
        os.close(handle)
        raise explain("cannot lock", path, error) from error
    with suppress(OSError):  # the process id is for people; a full disk shows itself at the first line
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


class _Syncer:
    """A thread that calls fsync at most `every` seconds after a line was written, away from the event loop."""

    def __init__(self, fd: int, path: Path, every: float) -> None:
        self._fd, self._path, self._every = fd, path, every
        self._dirty, self._stop = threading.Event(), threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="journal-fsync", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        if not self._dirty.is_set():
            self._dirty.set()

    def check(self) -> None:
        if self._error is not None:
            raise explain("cannot make durable", self._path, self._error)

    def close(self) -> None:
        self._stop.set()
        self._dirty.set()
        self._thread.join()
        self._sync()
        self.check()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._dirty.wait()
            self._stop.wait(self._every)
            self._dirty.clear()
            self._sync()

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._error = error
