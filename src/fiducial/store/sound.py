"""What is read of a sealed revision is what was sealed: its files, and the run's own, against the manifests."""

from __future__ import annotations

from pathlib import Path

from fiducial.kernel.errors import StoreError
from fiducial.store import manifest as manifests
from fiducial.store.manifest import MANIFEST, RUN_FILES, STOPPING, Entry, Manifest
from fiducial.store.run import Revision, Run


def sealed(run: Run, revision: Revision | None = None) -> int:
    """The number of a sealed revision (default: the latest of all), read against its manifest.

    Its own files must be as its manifest states, the run's (plan, specification, trials, responses) as the latest sealed one does.
    The calls, media, and what a signature covers are left to `verify`. Raises `StoreError` naming the file, and where the revision
    was never sealed.
    """
    folder = run.revision(revision)
    if not (folder / MANIFEST).exists():
        raise StoreError(f"{folder}: is not sealed: the run is not finished, or its manifest was taken away; {_way_out(run)}")
    own = _manifest(run, folder)
    for name, entry in own.files.items():
        if name.startswith("revisions/"):
            _same(run, name, entry)
    number = _sealed(run)[-1]
    last = own if number == own.revision else _manifest(run, run.revision(number))
    for name in RUN_FILES:
        if name in last.files:
            _same(run, name, last.files[name])
    return own.revision


def untouched(run: Run, revision: Revision) -> bool:
    """Whether all that a sealed revision pins, the calls included, lies there as it was, and nothing beside it."""
    own = _manifest(run, run.revision(revision))
    there = {path.relative_to(run.path).as_posix() for path in manifests.pinned_files(run.path, own.revision)}
    return there == set(own.files) and all(manifests.file_digest(run.path / name)[0] == e.sha256 for name, e in own.files.items())


def newest(run: Run) -> int:
    """The number of the latest revision that was sealed, read as `sealed` does: what the next one starts from.

    A later one that was left unfinished is passed over. Raises `StoreError` where none is sealed.
    """
    number = latest(run)
    if number is None:
        raise StoreError(f"{run.path}: no revision is sealed, so that the run is not finished; {_way_out(run)}")
    return sealed(run, number)


def latest(run: Run) -> int | None:
    """The number of the latest revision that was sealed; its files are not looked at."""
    there = _sealed(run)
    return there[-1] if there else None


def document_of(run: Run, revision: Revision, name: str) -> Path:
    """The path of one file of a sealed revision, as its manifest states it. Raises `StoreError` where it is another."""
    folder = run.revision(revision)
    _same(run, file := f"revisions/{folder.name}/{name}", _entry(_manifest(run, folder), file, folder))
    return folder / name


def _entry(manifest: Manifest, name: str, folder: Path) -> Entry:
    if name not in manifest.files:
        raise StoreError(f"{folder / MANIFEST}: pins no {name}")
    return manifest.files[name]


def _manifest(run: Run, folder: Path) -> Manifest:
    manifest = run.manifest(folder)
    if (manifest.run, str(manifest.revision)) != (run.plan.id, folder.name):
        raise StoreError(f"{folder / MANIFEST}: belongs to revision {manifest.revision} of run {manifest.run}")
    return manifest


def _same(run: Run, name: str, entry: Entry) -> None:
    path = run.path / name
    if not manifests.inside(name):
        raise StoreError(f"{path}: {manifests.INSIDE}")
    if not path.is_file():
        raise StoreError(f"{path}: is missing, and the manifest states it; nothing is shown. `fiducial verify {run.path}` says what else")
    # Decisions of a run that went on are added to this file.
    got = manifests.file_digest(path, entry.bytes if name == STOPPING else None)
    if got != (entry.sha256, entry.bytes):
        raise StoreError(
            f"{path}: was changed after it was sealed (the manifest states {entry.sha256[:16]}, the file gives {got[0][:16]}); "
            f"nothing is shown. `fiducial verify {run.path}` says what else"
        )


def _sealed(run: Run) -> list[int]:
    return [n for n in run.revisions() if (run.path / "revisions" / str(n) / MANIFEST).exists()]


def _way_out(run: Run) -> str:
    earlier = _sealed(run)
    return f"revision {earlier[-1]} is sealed" if earlier else f"go on with: fiducial run --resume {run.path}"
