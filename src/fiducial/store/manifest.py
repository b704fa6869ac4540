"""The manifest of a revision: every file it rests on, pinned. Written last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import duckdb
import msgspec

from fiducial.kernel.digest import canonical, digest
from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Record
from fiducial.store.disk import disk, document, write_whole
from fiducial.store.merkle import root_of
from fiducial.store.segments import segments
from fiducial.store.spool import Engine, database

FORMAT = 1
MANIFEST = "manifest.json"
ATTESTATION = "attestation.json"
PLAN_ATTESTATION = "plan.attestation.json"

STOPPING = "stopping.jsonl"
INSIDE = "a manifest names files inside the run only"

RUN_FILES = ("spec.toml", "plan.json", PLAN_ATTESTATION, "trials.parquet", "responses.parquet", "released.parquet", STOPPING)
"""Files of the run itself, where they are."""

_MADE_FROM = {
    "trials.parquet": ("spec.toml",),
    "plan.json": ("spec.toml", "trials.parquet"),
    "responses.parquet": ("trials.parquet", "calls"),
    "released.parquet": ("trials.parquet", "stopping.jsonl"),
    "stopping.jsonl": ("spec.toml", "trials.parquet", "calls"),
    "judgements.parquet": ("responses.parquet", "calls"),
    "estimates.json": ("judgements.parquet", "responses.parquet"),
    "decisions.json": ("estimates.json", "spec.toml"),
}
"""File -> the files it was made from; ``calls`` are all segments. Other files of a revision are made from its decisions."""


class Entry(Record, frozen=True, kw_only=True):
    """A file: SHA-256 of its bytes, its length; of a stage also the rows and the content root."""

    sha256: str
    bytes: int
    rows: int | None = None
    root: str | None = None
    made_from: tuple[str, ...] = ()


class Manifest(Record, frozen=True, kw_only=True):
    """All files of a revision by their path in the run.

    `root`: Merkle root over the canonical JSON of ``[path, root or sha256]``, paths sorted. `previous`: digest of the
    manifest of the revision before. `digest`: SHA-256 of this manifest's canonical JSON without `digest`.
    """

    manifest: int
    run: str
    revision: int
    files: dict[str, Entry]
    root: str
    digest: str
    previous: str | None = None

    def own_digest(self) -> str:
        """What `digest` must be."""
        return digest({name: value for name, value in msgspec.to_builtins(self).items() if name != "digest"})

    def own_root(self) -> str:
        """What `root` must be."""
        return root_of(canonical([name, entry.root or entry.sha256]) for name, entry in sorted(self.files.items()))


def file_digest(path: Path, limit: int | None = None) -> tuple[str, int]:
    """SHA-256 and length of a file, or of its first `limit` bytes, read in blocks."""
    state, size = sha256(), 0
    with disk("cannot read", path), path.open("rb") as file:
        while block := file.read(1 << 20 if limit is None else min(1 << 20, limit - size)):
            state.update(block)
            size += len(block)
    return state.hexdigest(), size


def stage_facts(path: Path, sql: duckdb.DuckDBPyConnection | None = None) -> tuple[int, str]:
    """Rows and content root as a stage's file states them itself; read with `sql` where one is open."""
    try:
        with ExitStack() as stack:
            used = sql or stack.enter_context(database(path.parent / "tmp" / "facts"))
            (count,) = used.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchall()
            stated = dict(used.execute("SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [str(path)]).fetchall())
    except duckdb.Error as error:
        raise StoreError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    if "root" not in stated:
        raise StoreError(f"{path}: is not a sealed stage: it states no content root")
    return count[0], stated["root"]


def inside(name: str) -> bool:
    """Whether a name that a manifest states stays within the run (`INSIDE`)."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def pinned_files(run: Path, revision: int) -> Iterator[Path]:
    """The files that a manifest of this revision pins: the run's own, all segments and blobs, and the revision's."""
    for name in RUN_FILES:
        if (run / name).is_file():
            yield run / name
    yield from segments(run / "calls")
    yield from sorted(path for path in (run / "blobs").glob("*") if path.is_file())
    folder = run / "revisions" / str(revision)
    unpinned = (MANIFEST, ATTESTATION)
    yield from sorted(path for path in folder.glob("*") if path.is_file() and path.name not in unpinned and path.name[0] != ".")


def build(run: Path, run_id: str, revision: int, engine: Engine | None = None) -> Manifest:
    """The manifest of what lies there now; stages are read with `engine` where there is one."""
    files: dict[str, Entry] = {}
    with database(run / "tmp" / "facts") if engine is None else engine.room() as sql:
        for path in pinned_files(run, revision):
            sha, size = file_digest(path)
            rows, root = stage_facts(path, sql) if path.suffix == ".parquet" else (None, None)
            name = path.relative_to(run).as_posix()
            files[name] = Entry(sha256=sha, bytes=size, rows=rows, root=root, made_from=_made_from(path.name, name, revision))
    before = run / "revisions" / str(revision - 1) / MANIFEST
    draft = Manifest(
        manifest=FORMAT, run=run_id, revision=revision, files=files, root="", digest="",
        previous=read(before).digest if revision > 1 else None,
    )  # fmt: skip
    rooted = msgspec.structs.replace(draft, root=draft.own_root())
    return msgspec.structs.replace(rooted, digest=rooted.own_digest())


def write(run: Path, manifest: Manifest) -> None:
    """Put a manifest into its revision."""
    write_whole(run / "revisions" / str(manifest.revision) / MANIFEST, document(manifest))


def read(path: Path) -> Manifest:
    """A manifest whose bytes are in order: canonical form, own root and own digest. Raises `StoreError` otherwise."""
    with disk("cannot read", path):
        data = path.read_bytes()
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: is not a manifest: {error}") from error
    if document(manifest) != data:
        raise StoreError(f"{path}: was changed: its bytes are not in the form that a manifest is written in")
    if manifest.root != manifest.own_root():
        raise StoreError(f"{path}: was changed: it states the root {manifest.root}, its files give {manifest.own_root()}")
    if manifest.digest != manifest.own_digest():
        raise StoreError(f"{path}: was changed: it states the digest {manifest.digest}, its content gives {manifest.own_digest()}")
    return manifest


def _made_from(base: str, name: str, revision: int) -> tuple[str, ...]:
    inside = f"revisions/{revision}/"
    if base not in _MADE_FROM:
        return (f"{inside}decisions.json", f"{inside}estimates.json") if name.startswith(inside) else ()
    own = ("judgements.parquet", "estimates.json", "decisions.json")
    return tuple(inside + made if made in own else made for made in _MADE_FROM[base])
