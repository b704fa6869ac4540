"""Three questions about a run, answered apart: was anything changed, is all accounted for, is it anchored outside itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fiducial.kernel.digest import canonical
from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Record
from fiducial.store import manifest as manifests
from fiducial.store.anchor import anchor
from fiducial.store.disk import document
from fiducial.store.findings import Answer, Findings, Problem
from fiducial.store.manifest import MANIFEST, STOPPING, Entry, Manifest
from fiducial.store.merkle import Merkle, leaf
from fiducial.store.run import Run
from fiducial.store.segments import Segment, SegmentReader, segments, writer_of
from fiducial.store.spool import READING, database, decode_row, read_rows
from fiducial.store.stages import FACTOR, STAGES, TRIALS, Stage

COUNTING = 96 << 20
"""Bytes that DuckDB may hold while it counts; a million trials take them all and spill the rest."""


class Report(Record, frozen=True, kw_only=True):
    """All three. `revision` is the latest sealed one, `root` its content root; `None` where none is sealed."""

    run: str
    integrity: Answer
    completeness: Answer
    anchor: Answer
    revision: int | None = None
    root: str | None = None

    @property
    def ok(self) -> bool:
        """No question was answered with no."""
        return all(answer.held is not False for answer in (self.integrity, self.completeness, self.anchor))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, integrity first."""
        return self.integrity.problems + self.completeness.problems + self.anchor.problems


def verify(path: Path, keys: Sequence[Ed25519PublicKey] = (), root: str | None = None) -> Report:
    """Check a run.

    Args:
        path: its folder.
        keys: who must have signed it (see `anchor`).
        root: the content root that the latest sealed revision must have, or the SHA-256 of plan.json.

    Raises `StoreError` only where the folder holds no run at all.
    """
    try:
        run = Run.open(path)
    except StoreError as error:
        if not (Path(path) / "plan.json").is_file():
            raise
        broken, unasked = Findings(Path(path)), Answer(held=None, notes=("the plan cannot be read",))
        broken.add("plan.json", str(error))
        return Report(run="", integrity=broken.answer(), completeness=unasked, anchor=unasked)
    found = Findings(run.path)
    found.note(_plan, run)
    sealed = _manifests(run, found)
    latest = sealed[max(sealed)] if sealed else None
    if latest is None:
        found.notes.append("no revision is sealed: only the plan and the chain of calls could be checked")
    else:
        _files(run, latest, found)
        for manifest in sealed.values():
            if manifest is not latest:
                _own_files(run, manifest, found)
    _calls(run, found)
    integrity = found.answer()
    damaged = {problem.file for problem in integrity.problems}
    return Report(
        run=run.plan.id, integrity=integrity, completeness=_completeness(run, latest, damaged),
        anchor=anchor(run, sealed, keys, root), revision=latest.revision if latest else None, root=latest.root if latest else None,
    )  # fmt: skip


# --- integrity -------------------------------------------------------------------------------------------------------


def _plan(run: Run) -> Iterator[tuple[str, str]]:
    plan = run.plan
    if document(plan) != (run.path / "plan.json").read_bytes():
        yield "plan.json", "was changed: its bytes are not in the form that a plan is written in"
    if plan.id != plan.own_id():
        yield "plan.json", f"was changed: it states the id {plan.id}, its content gives {plan.own_id()}"
    for name, stated in (("spec.toml", plan.spec), ("trials.parquet", plan.trials_file)):
        try:
            got, _ = manifests.file_digest(run.path / name)
        except StoreError as error:
            yield name, str(error)
            continue
        if got != stated:
            yield name, f"was changed: the plan states {stated[:16]}, the file gives {got[:16]}"


def _manifests(run: Run, found: Findings) -> dict[int, Manifest]:
    """The readable manifests by revision."""
    sealed: dict[int, Manifest] = {}
    previous: Manifest | None = None
    for number in run.revisions():
        path = run.path / "revisions" / str(number) / MANIFEST
        if not path.exists():
            if number != run.revisions()[-1]:
                found.add(path, "is missing: a later revision was sealed after it")
            else:
                found.notes.append(f"revision {number} is not sealed")
            previous = None
            continue
        try:
            manifest = manifests.read(path)
        except StoreError as error:
            found.add(path, str(error))
            previous = None
            continue
        if (manifest.run, manifest.revision) != (run.plan.id, number):
            found.add(path, f"belongs to revision {manifest.revision} of run {manifest.run}")
        if previous is not None and manifest.previous != previous.digest:
            found.add(path, f"does not follow the manifest of revision {previous.revision}: one of the two was changed")
        sealed[number] = previous = manifest
    return sealed


def _files(run: Run, manifest: Manifest, found: Findings) -> None:
    """Every file that the latest manifest pins, and every one that lies there without being pinned."""
    for name, entry in manifest.files.items():
        if _same_file(run, name, entry, found) and entry.root is not None:
            _stage(run, name, entry, found)
    trials = manifest.files.get("trials.parquet")
    if trials is None or (trials.root, trials.rows) != (run.plan.trials, run.plan.rows):
        found.add("trials.parquet", "the manifest does not pin the trials that the plan states")
    _unpinned(run, manifest, found)


def _own_files(run: Run, manifest: Manifest, found: Findings) -> None:
    """An older revision: its own files. The run's may have grown since; the latest manifest pins those."""
    for name, entry in manifest.files.items():
        if name.startswith("revisions/") and _same_file(run, name, entry, found) and entry.root is not None:
            _stage(run, name, entry, found)
    _unpinned(run, manifest, found)


def _unpinned(run: Run, manifest: Manifest, found: Findings) -> None:
    try:
        there = list(manifests.pinned_files(run.path, manifest.revision))
    except StoreError:
        return  # a missing segment, which the chain of calls names
    for path in there:
        name = path.relative_to(run.path).as_posix()
        if name in manifest.files:
            continue
        if name.startswith(f"revisions/{manifest.revision}/"):
            found.add(path, "was added after the revision was sealed")
        elif path.parent.name == "calls":
            found.notes.append(f"{name} came after revision {manifest.revision} was sealed")


def _same_file(run: Run, name: str, entry: Entry, found: Findings) -> bool:
    path = run.path / name
    if not manifests.inside(name):
        found.add(name, manifests.INSIDE)
        return False
    try:
        got, size = manifests.file_digest(path)
    except StoreError as error:
        found.add(name, str(error))
        return False
    if name == STOPPING and size > entry.bytes and manifests.file_digest(path, entry.bytes)[0] == entry.sha256:
        found.notes.append(f"{name} has grown by {size - entry.bytes} bytes since the revision was sealed")
        return True
    if got != entry.sha256 or size != entry.bytes:
        found.add(
            name, f"was changed: the manifest states {entry.sha256[:16]} ({entry.bytes} bytes), the file gives {got[:16]} ({size} bytes)"
        )
        return False
    return True


def _stage(run: Run, name: str, entry: Entry, found: Findings) -> None:
    """The content root, computed anew from the columns; and the columns, computed anew from the records."""
    path = run.path / name
    stage = STAGES[path.stem]
    tree = Merkle()
    try:
        for number, row in enumerate(read_rows(stage, path)):
            record = decode_row(stage, path, number, row)
            tree.add(leaf(canonical(record)))
            _same_columns(stage, path, number, row, stage.encode(record))
    except StoreError as error:
        found.add(name, str(error))
        return
    if (tree.root, tree.count) != (entry.root, entry.rows):
        found.add(name, f"the manifest states {entry.rows} rows with root {entry.root}, the file gives {tree.count} with {tree.root}")


def _same_columns(stage: Stage[Any], path: Path, number: int, row: Mapping[str, Any], again: Mapping[str, Any]) -> None:
    for column, value in row.items():
        if column not in stage.columns and not column.startswith(FACTOR):
            raise StoreError(f"{path}: has a column {column} that the stage {stage.name} does not have")
        if value != (again.get(column) if column != "ordinal" else value):
            raise StoreError(f"{path}: row {number}: the column {column} does not follow from the record")
    if stage is TRIALS and row["ordinal"] != number:
        raise StoreError(f"{path}: row {number}: the column ordinal must be the row's number, got {row['ordinal']}")


def _calls(run: Run, found: Findings) -> None:
    """The chain through all segments."""
    before: dict[str, Segment] = {}
    try:
        for path in segments(run.path / "calls"):
            reader = SegmentReader(path, run.plan.id, before.get(writer_of(path)))
            for _ in reader.calls():
                pass
            before[writer_of(path)] = reader.segment
            if reader.segment.torn:
                found.notes.append(f"{path.name}: {reader.segment.torn} bytes of a line that was never finished")
    except StoreError as error:
        text = str(error)
        file = next((path for path in (run.path / "calls").glob("*.jsonl") if text.startswith(f"{path}:")), run.path / "calls")
        found.add(file, text)


# --- completeness ----------------------------------------------------------------------------------------------------

_COUNTS = """
SELECT r.subject, count(*) FILTER (status <> 'fault'), count(*) FILTER (status = 'fault'), count(*) - count(DISTINCT r.trial),
       count(*) FILTER (t.key IS NULL), count(*) FILTER (t.ordinal <> r.ordinal)
FROM responses r LEFT JOIN trials t ON t.key = r.trial GROUP BY r.subject
"""
_RELEASED = """
SELECT r.subject, count(DISTINCT r.trial), count(*) - count(DISTINCT r.trial), count(*) FILTER (t.key IS NULL), count(a.trial)
FROM released r LEFT JOIN trials t ON t.key = r.trial LEFT JOIN (SELECT DISTINCT trial, subject FROM responses) a
ON a.trial = r.trial AND a.subject = r.subject GROUP BY r.subject
"""
_UNJUDGED = """
SELECT count(*), min(unit) FROM (
  SELECT t.unit, r.subject FROM responses r JOIN trials t ON t.key = r.trial
  WHERE list_contains(?, split_part(t.benchmark, '@', 1)) GROUP BY t.unit, r.subject HAVING bool_and(r.status = 'answered')
  EXCEPT SELECT unit, subject FROM judgements)
"""
_STRANGE = """
SELECT count(*), min(unit) FROM (
  SELECT unit, subject FROM judgements EXCEPT SELECT t.unit, r.subject FROM responses r JOIN trials t ON t.key = r.trial)
"""

_DISPLACED = """
SELECT count(*), min(j.unit) FROM judgements j
JOIN (SELECT unit, row_number() OVER (ORDER BY min(ordinal)) - 1 AS number FROM trials GROUP BY unit) u USING (unit)
WHERE j.ordinal <> u.number
"""


def _completeness(run: Run, latest: Manifest | None, damaged: set[str]) -> Answer:
    """Answered + faulted + released = planned, each once per subject; each answered unit is judged; and it was sealed."""
    if latest is None:
        text = f"no revision is sealed, so that the run is not finished; go on with: fiducial run --resume {run.path}"
        return Answer(held=False, problems=(Problem(file="revisions", text=text),))
    here = f"revisions/{latest.revision}/judgements.parquet"
    needed = ["trials.parquet", "responses.parquet", here]
    found = Findings(run.path)
    for name in (*needed, "released.parquet"):
        if name in damaged or (name in needed and not (run.path / name).exists()):
            found.add(name, "is missing or was changed, so that nothing can be counted")
    if found.problems:
        return found.answer()
    try:
        try:
            _tally(run, here, found, COUNTING)
        except duckdb.OutOfMemoryException:
            _tally(run, here, found, READING)  # more subjects than fit; the sizes of short runs are no guide to all
    except duckdb.Error as error:
        found.add("responses.parquet", f"cannot be counted: {str(error).splitlines()[0]}")
    return found.answer()


def _tally(run: Run, judgements: str, found: Findings, memory: int) -> None:
    found.problems, found.notes = [], []
    with database(run.path / "tmp" / "verify", memory) as sql:
        for name in ("trials.parquet", "responses.parquet", judgements, "released.parquet"):
            if (run.path / name).exists():
                sql.read_parquet(str(run.path / name)).create_view(Path(name).stem)
            else:
                sql.execute("CREATE VIEW released AS SELECT '' AS trial, '' AS subject WHERE false")
        _count(run, sql, found)
        _judged(run, sql, judgements, found)


def _count(run: Run, sql: duckdb.DuckDBPyConnection, found: Findings) -> None:
    planned = run.plan.rows
    counts = {subject: rest for subject, *rest in sql.execute(_COUNTS).fetchall()}
    released = {subject: rest for subject, *rest in sql.execute(_RELEASED).fetchall()}
    subjects = [subject["id"] for subject in run.plan.subjects]
    for stranger in sorted((set(counts) | set(released)) - set(subjects)):
        found.add("responses.parquet", f"has responses of {stranger!r}, which is not in the plan")
    for subject in subjects:
        answered, faulted, twice, unknown, displaced = counts.get(subject, (0, 0, 0, 0, 0))
        let_go, let_go_twice, let_go_unknown, both = released.get(subject, (0, 0, 0, 0))
        text = (
            f"{subject}: {answered} answered + {faulted} faulted + {let_go} released = {answered + faulted + let_go} of {planned} planned"
        )
        found.notes.append(text)
        if twice or unknown:
            found.add("responses.parquet", f"{subject}: {twice} responses are there twice, {unknown} are of trials that were not planned")
        if displaced:  # estimates find what belongs together by its place
            found.add("responses.parquet", f"{subject}: {displaced} responses do not state the place of their trial in the plan")
        if let_go_twice or let_go_unknown or both:
            found.add("released.parquet", f"{subject}: {let_go_twice} twice, {let_go_unknown} never planned, {both} answered all the same")
        if answered + faulted + let_go != planned:
            found.add("responses.parquet", text)


def _judged(run: Run, sql: duckdb.DuckDBPyConnection, here: str, found: Findings) -> None:
    # A judge's id reads name@version; a judge that was not configured has none, and then nothing was judged by it.
    benchmarks = sorted({name.partition(".")[0] for name, judge in run.plan.judges.items() if "@" in judge})
    for query, values, text in (
        (_UNJUDGED, [benchmarks], "units that were answered have no judgement"),
        (_STRANGE, [], "judgements are of units that were not answered"),
        (_DISPLACED, [], "judgements do not state the place of their unit in the plan"),
    ):
        ((count, first),) = sql.execute(query, values).fetchall()
        if count:
            found.add(here, f"{count} {text}, the first is {first}")
