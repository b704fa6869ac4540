"""A run's files at a URL - object storage, or whatever else fsspec reaches - under the names they have in its directory.

    plan.json  spec.toml  trials.parquet  calls/<writer>-<n>.jsonl  revisions/<n>/...   put once, whole, and never changed
    responses.parquet  released.parquet  stopping.jsonl                     put again: a run that goes on makes them anew
    revisions/<n>/attestation.json  samples.jsonl                          put again: another one signs, another sample is drawn
    lease.json                                                             who writes, and until when

Object storage knows neither appends nor locks: so a segment of the journal is put when it is finished, and a run is
held by a lease that its holder renews.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fiducial.kernel.errors import RunLocked, StoreError, UsageError, shorten
from fiducial.store.manifest import ATTESTATION, MANIFEST, STOPPING

LEASE = "lease.json"
LEASE_SECONDS = 60.0
"""How long a lease holds when its holder is silent; it is renewed three times as often."""

GROWING = (STOPPING, "samples.jsonl")
"""Files that are only added to: of two the longer one has both."""

RENEWED = re.compile(r"responses\.parquet|released\.parquet|(stopping|samples)\.jsonl|revisions/\d+/attestation\.json")
"""Files that may be put again."""

NAMES = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/){0,3}[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Names that are taken from a store: whatever else lies there stays there."""

NOT_OURS = re.compile(r"tmp/.*|.*lock|lease\.json|.*\.part")
"""Files of a run's directory that mean something on its machine alone."""

MOST_READ = 1 << 26
"""Bytes of a file that is read whole."""

RENAMED = frozenset({"file", "local", "sftp", "ssh", "smb", "hdfs"})
"""Protocols where a file shows before it is whole: it is put beside and renamed. Object stores show whole objects alone."""


def is_url(text: str) -> bool:
    """Whether a name is a URL, rather than a path.

    >>> is_url("s3://bucket/runs/a"), is_url("runs/a"), is_url("C:/runs")
    (True, False, False)
    """
    return "://" in text


class Depot:
    """A folder of one run at a URL. All methods may be called from any thread."""

    def __init__(self, url: str, files: Any, folder: str) -> None:
        self.url, self._files, self._folder = url, files, folder.rstrip("/")

    @classmethod
    def open(cls, url: str) -> Depot:
        """The folder at a URL; nothing is asked of it yet.

        Raises `UsageError` for a URL that is none, holds a key, or whose protocol needs a package that is not installed.
        """
        scheme, _, rest = url.partition("://")
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) or not rest.strip("/") or "::" in url:
            raise UsageError(f"--share: a URL such as s3://BUCKET/FOLDER, got {shorten(url)!r}")
        if "@" in rest.partition("/")[0] or "?" in rest:
            raise UsageError(f"--share {scheme}://...: keys come from the environment, a URL goes into the plan; got one with @ or ?")
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise UsageError("--share: fsspec is not installed; pip install 'fiducial[share]'") from error
        try:
            files, folder = url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise UsageError(f"--share {url}: {shorten(str(error))}") from error
        return cls(url, files, folder)

    def files(self) -> dict[str, int]:
        """Names and sizes in bytes of what lies there; empty where nothing does."""
        with _reaching("list", self.url):
            try:
                found = self._files.find(self._folder, detail=True)
            except FileNotFoundError:
                return {}
        inside = {str(path)[len(self._folder) :].lstrip("/"): int(info.get("size") or 0) for path, info in found.items()}
        return {name: size for name, size in inside.items() if _carried(name)}

    def read(self, name: str) -> bytes | None:
        """The bytes of a small file; `None` where there is none of that name. Raises `StoreError` for a large one."""
        with _reaching("read", f"{self.url}/{name}"):
            size = self._size(f"{self._folder}/{name}")
            if size is not None and size > MOST_READ:
                raise StoreError(f"{self.url}/{name}: at most {MOST_READ} bytes, got {size}")
            try:
                return None if size is None else self._files.cat_file(f"{self._folder}/{name}")
            except FileNotFoundError:
                return None

    def put(self, root: Path, name: str) -> None:
        """Put the file `name` of the run's directory `root` there. What is there whole already is left.

        Raises `StoreError` where another file has the name: a file of a run never changes.
        """
        with _reaching("write", f"{self.url}/{name}"):
            if not RENEWED.fullmatch(name) and (size := self._size(f"{self._folder}/{name}")) is not None:
                self._alike(root / name, name, size)
                return
        self._put(root, name)

    def _put(self, root: Path, name: str) -> None:
        with _reaching("write", f"{self.url}/{name}"):
            self._place(f"{self._folder}/{name}", lambda to: self._files.put_file(str(root / name), to))

    def put_all(self, root: Path) -> list[str]:
        """Put there what a run's directory has and the URL has not; the names, segments first and manifests last."""
        there = _sealed(self.files())
        own = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
        missing: list[str] = []
        for name in filter(_carried, own):
            if name in there and not RENEWED.fullmatch(name):
                self._alike(root / name, name, there[name])
            else:
                missing.append(name)
        missing.sort(key=_last_words)
        for name in missing:
            self._put(root, name)
        return missing

    def fetch(self, root: Path, wanted: Callable[[str], bool] = lambda _: True) -> list[str]:
        """Bring what lies there and is wanted into a directory; what is there with its size is left. The names brought.

        Raises `StoreError` where a file of the directory has a name of the URL's and another size.
        """
        brought: list[str] = []
        for name, size in sorted(_sealed(self.files()).items(), key=lambda entry: _last_words(entry[0])):
            path = root / name
            if not wanted(name) or (path.exists() and not self._newer(path, name, size)):
                continue
            with _reaching("read", f"{self.url}/{name}"):
                path.parent.mkdir(parents=True, exist_ok=True)
                beside = path.with_name(f".{path.name}.part")
                self._files.get_file(f"{self._folder}/{name}", str(beside))
                beside.replace(path)
            brought.append(name)
        return brought

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the run there, so that nobody else who asks may write it. Raises `RunLocked` where somebody does.

        A lease of an object store is a promise among the honest: two who ask within the same moments are told apart by
        who is read back, and clocks that differ by more than `LEASE_SECONDS` break it.
        """
        mine = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        holder, left = self._holder()
        if holder is not None and left > 0:
            raise RunLocked(f"{self.url}: is being written by {holder}; its lease ends in {left:.0f} s unless it is renewed")
        self._lease(mine, LEASE_SECONDS)
        if self._holder()[0] != mine:
            raise RunLocked(f"{self.url}: {self._holder()[0]} took it at the same moment")
        done = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(mine, done), name="lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            done.set()
            renewing.join()
            with suppress(StoreError):  # it ends by itself
                if self._holder()[0] == mine:
                    self._lease(mine, 0.0)

    def _renew(self, mine: str, done: threading.Event) -> None:
        while not done.wait(LEASE_SECONDS / 3):
            with suppress(StoreError):  # the next try may reach it, before the lease ends
                if self._holder()[0] == mine:
                    self._lease(mine, LEASE_SECONDS)

    def _lease(self, owner: str, seconds: float) -> None:
        data = json.dumps({"owner": owner, "until": round(time.time() + seconds, 3)}).encode()
        with _reaching("write", f"{self.url}/{LEASE}"):
            self._place(f"{self._folder}/{LEASE}", lambda to: self._files.pipe_file(to, data))

    def _holder(self) -> tuple[str | None, float]:
        """Who holds the lease, and for how many seconds more."""
        if (data := self.read(LEASE)) is None:
            return None, 0.0
        try:
            told = json.loads(data)
            return str(told["owner"]), float(told["until"]) - time.time()
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(f"{self.url}/{LEASE}: is no lease: {shorten(str(data))}") from error

    def _newer(self, path: Path, name: str, size: int) -> bool:
        """Whether a file that is there and here is to be brought."""
        if name in GROWING:
            return size > path.stat().st_size
        if not RENEWED.fullmatch(name):
            self._alike(path, name, size)
            return False
        return True

    def _alike(self, path: Path, name: str, size: int) -> None:
        own = path.stat().st_size
        if size != own:
            raise StoreError(f"{self.url}/{name}: is another file than {path}: {size} bytes there, {own} here; files of a run never change")

    def _size(self, path: str) -> int | None:
        try:
            return int(self._files.info(path)["size"])
        except FileNotFoundError:
            return None

    def _place(self, path: str, write: Callable[[str], object]) -> None:
        protocol = self._files.protocol
        if not RENAMED & ({protocol} if isinstance(protocol, str) else set(protocol)):
            write(path)
            return
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        beside = f"{path}.{uuid.uuid4().hex[:8]}.part"
        write(beside)
        self._files.mv(beside, path)


def _carried(name: str) -> bool:
    """Whether a file of that name goes from a run's directory to its URL and back."""
    return bool(NAMES.fullmatch(name)) and not NOT_OURS.fullmatch(name)


def _sealed(there: dict[str, int]) -> dict[str, int]:
    """Without the files of revisions that have no manifest: they were not put whole, and will be made again."""
    whole = {name.rpartition("/")[0] for name in there if name.endswith(f"/{MANIFEST}")}
    return {name: size for name, size in there.items() if not name.startswith("revisions/") or name.rpartition("/")[0] in whole}


def _last_words(name: str) -> tuple[int, str]:
    """Order of carrying: whatever says that something is complete comes after it."""
    last = {"plan.json": 1, MANIFEST: 2, ATTESTATION: 3}
    return last.get(name.rpartition("/")[2], 0), name


@contextmanager
def _reaching(verb: str, what: str) -> Iterator[None]:
    """Errors of a store in words; each store's client has exceptions of its own."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # the border to clients of others, which share no exception
        reason = shorten(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise StoreError(f"cannot {verb} {what}: {reason}") from error
