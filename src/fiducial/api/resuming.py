"""What a resumed run finds: whether anything is left to ask, and whether its specification has changed meanwhile."""

from __future__ import annotations

from pathlib import Path

from fiducial.kernel.digest import bytes_digest
from fiducial.store.manifest import MANIFEST, file_digest, pinned_files
from fiducial.store.run import Run


def outdated(run: Run) -> str | None:
    """A sentence where the file that a run was planned from has changed since, or is gone with its folder; `None` where it has not."""
    name = run.plan.options.get("file")
    if not isinstance(name, str):
        return None
    file = Path(run.plan.options["folder"]) / name
    try:
        same = bytes_digest(file.read_bytes()) == run.plan.spec
    except OSError:
        return None  # carried to another machine: the plan has all that it needs
    return None if same else f"{file} has changed since the run was planned; the plan's own {run.path / 'spec.toml'} is used"


def nothing_left(run: Run) -> int | None:
    """The revision of the plan's judges in which all that was planned is answered and judged; `None` where something is left.

    Also `None` where a file is not as it was sealed: then the journal is read again. Raises `RunLocked` where another process writes.
    """
    with run.hold():
        return _whole(run)


def _whole(run: Run) -> int | None:
    numbers = run.revisions()
    if not numbers or not (run.path / "responses.parquet").is_file():
        return None
    folder = run.revision(numbers[-1])
    if not (folder / MANIFEST).is_file() or not (folder / "judgements.parquet").is_file() or not _as_sealed(run, numbers[-1]):
        return None
    released = "SELECT count(*) FROM released" if (run.path / "released.parquet").is_file() else "SELECT 0"
    (row,) = run.sql(
        f"""SELECT (SELECT count(*) FROM responses WHERE status <> 'fault') AS answered, ({released}) AS released,
        (SELECT count(*) FROM judgements WHERE fault IS NOT NULL) AS faults"""  # noqa: S608 - no text of others
    )
    judges = {found["judge"] for found in run.sql("SELECT DISTINCT judge FROM judgements")}
    whole = row["answered"] + row["released"] == run.plan.rows * len(run.plan.subjects)
    return numbers[-1] if whole and not row["faults"] and judges <= set(run.plan.judges.values()) else None


def _as_sealed(run: Run, revision: int) -> bool:
    manifest = run.manifest(revision)
    there = {path.relative_to(run.path).as_posix() for path in pinned_files(run.path, revision)}
    return there == set(manifest.files) and all(file_digest(run.path / name)[0] == entry.sha256 for name, entry in manifest.files.items())
