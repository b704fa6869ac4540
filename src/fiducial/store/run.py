"""A run: one directory, from the plan that was fixed before the first question to the revisions that read its answers."""

from __future__ import annotations

import fcntl
import os
import shutil
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import msgspec

from fiducial.kernel.digest import bytes_digest, canonical, digest
from fiducial.kernel.errors import RunLocked, StoreError
from fiducial.kernel.records import Decision, Estimate, Judgement, Record, Response, Trial
from fiducial.store import manifest as manifests
from fiducial.store.disk import disk, document, write_whole
from fiducial.store.journal import LOCK, Journal, hold, take_lock
from fiducial.store.manifest import MANIFEST, Manifest
from fiducial.store.secrets import Guard
from fiducial.store.shipping import Ship
from fiducial.store.spool import Engine, Spool, read_records
from fiducial.store.stages import JUDGEMENTS, RELEASED, RESPONSES, STAGES, TRIALS, Release

R = TypeVar("R", bound=Record)

HALF_WRITTEN = (".spec.toml.part", ".plan.json.part")
"""What a process that died while it wrote a plan leaves beside it (see `disk.write_whole`)."""

Revision = int | Path
"""A revision by its number or by its folder."""


class Plan(Record, frozen=True, kw_only=True):
    """What was fixed before the first question.

    `id`: first 16 hex digits of the digest of ``[spec, trials, [subject ids]]``. `spec`: SHA-256 of spec.toml.
    `trials`: content root of the planned trials, `rows` their number, `trials_file` SHA-256 of trials.parquet.
    `subjects`: ``{"id", "role", "settings"}`` each. `judges`: ``benchmark.judge`` -> judge id.
    """

    id: str
    spec: str
    trials: str
    trials_file: str
    rows: int
    subjects: tuple[dict[str, Any], ...]
    judges: dict[str, str]
    seed: int
    cycle: int
    fiducial: str
    options: dict[str, Any]

    def own_id(self) -> str:
        """What `id` must be."""
        return digest([self.spec, self.trials, [subject["id"] for subject in self.subjects]])[:16]


def plan_of(data: bytes, source: str) -> Plan:
    """The plan that a plan.json holds. Raises `StoreError` naming `source` where it holds none."""
    try:
        return msgspec.json.decode(data, type=Plan)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{source}: is not a plan: {error}") from error


class Run:
    """A run directory. `path` is where it lies, `plan` what it planned, `engine` the DuckDB that reads and seals its stages."""

    def __init__(self, path: Path, plan: Plan, guard: Guard, engine: Engine | None = None) -> None:
        self.path, self.plan, self._guard = path, plan, guard
        self.engine = Engine(path / "tmp" / "duckdb") if engine is None else engine
        self._let_go: Callable[[], object] | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        spec: bytes,
        trials: Iterable[Trial],
        subjects: Sequence[Mapping[str, Any]],
        judges: Mapping[str, str],
        seed: int,
        cycle: int = 0,
        options: Mapping[str, Any] | None = None,
        guard: Guard | None = None,
    ) -> Run:
        """Write a plan into an empty or missing folder: spec.toml, trials.parquet, and plan.json last.

        Args:
            path: the folder.
            spec: the specification's bytes as the user wrote them.
            trials: in plan order; read once, one at a time.
            subjects: ``{"id", "role": "candidate" | "baseline", "settings"}`` each, settings as `Subject.describe` gives them.
            judges: ``benchmark.judge`` -> judge id.
            seed: of the plan.
            cycle: number of the cycle.
            options: what else was asked for, as JSON values.
            guard: the secrets that must not be written (default: this process's environment).

        Raises `StoreError` where the folder holds another run or other files, two trials have one key, or settings show a secret.
        """
        path, guard = Path(path), Guard.of() if guard is None else guard
        _claim(path)
        guard.refuse(f"{path / 'spec.toml'}", spec)
        facts = canonical([list(subjects), dict(judges), dict(options or {})])
        guard.refuse(f"{path / 'plan.json'}", facts)
        plain_subjects, plain_judges, plain_options = msgspec.json.decode(facts)
        engine = Engine(path / "tmp" / "duckdb")
        spool = Spool(TRIALS, path, guard, engine)
        for ordinal, trial in enumerate(trials):
            spool.add((ordinal,), trial)
        if not len(spool):
            raise StoreError(f"{path}: a plan needs at least one trial, got none")
        seal = spool.seal()
        _no_key_twice(path, engine)
        draft = Plan(
            id="", spec=bytes_digest(spec), trials=seal.root, trials_file=manifests.file_digest(path / seal.file)[0],
            rows=seal.rows, subjects=tuple(plain_subjects), judges=plain_judges, seed=seed, cycle=cycle,
            fiducial=version("fiducial"), options=plain_options,
        )  # fmt: skip
        plan = msgspec.structs.replace(draft, id=draft.own_id())
        write_whole(path / "spec.toml", spec)
        write_whole(path / "plan.json", document(plan))
        return cls(path, plan, guard, engine)

    @classmethod
    def open(cls, path: Path, guard: Guard | None = None) -> Run:
        """The run in a folder. Raises `StoreError` where there is none."""
        path = Path(path)
        file = path / "plan.json"
        if not file.is_file():
            raise StoreError(f"{path}: {_unplanned(path)}")
        with disk("cannot read", file):
            data = file.read_bytes()
        return cls(path, plan_of(data, str(file)), Guard.of() if guard is None else guard)

    # --- what was planned and answered -------------------------------------------------------------------------------

    def trials(self) -> Iterator[Trial]:
        """The planned trials in plan order; memory stays flat."""
        return read_records(TRIALS, self.path / "trials.parquet", self.engine)

    def journal(self, writer: str = "w0", *, driven: bool = False, ship: Ship | None = None) -> Journal:
        """The calls, open for writing; as one of several `driven` writers, or alone. Raises `RunLocked` where another process writes.

        `ship` takes each finished segment away (see `Journal.open`).
        """
        return Journal.open(self.path / "calls", self.plan.id, writer, guard=self._guard, driven=driven, ship=ship)

    def hold(self) -> AbstractContextManager[None]:
        """Hold the run for writers that this process drives. Raises `RunLocked` where another process does."""
        return hold(self.path / "calls")

    def spool(self, stage: str) -> Spool[Any]:
        """A new, empty spool for a stage: ``responses``, ``released`` or ``judgements``."""
        if stage not in STAGES or stage == "trials":
            raise StoreError(f"{self.path}: stages to fill are {', '.join(sorted(set(STAGES) - {'trials'}))}, got {stage!r}")
        return Spool(STAGES[stage], self.path, self._guard, self.engine)

    def responses(self) -> Iterator[Response]:
        """The sealed responses, in plan order."""
        return read_records(RESPONSES, self.path / "responses.parquet", self.engine)

    def released(self) -> Iterator[Release]:
        """Planned trials that were not asked because a claim was decided without them; none where no stage says so."""
        file = self.path / "released.parquet"
        return read_records(RELEASED, file, self.engine) if file.exists() else iter(())

    def tally(self) -> dict[str, int] | None:
        """Trials by what became of them, over all subjects: answered, faults, released; `None` where no responses are sealed."""
        if not (self.path / "responses.parquet").is_file():
            return None
        released = "(SELECT count(*) FROM released)" if (self.path / "released.parquet").is_file() else "0"
        columns = "count(*) FILTER (status <> 'fault') AS answered, count(*) FILTER (status = 'fault') AS faults"
        return self.sql(f"SELECT {columns}, {released} AS released FROM responses")[0]  # noqa: S608 - no text of others

    # --- revisions ---------------------------------------------------------------------------------------------------

    def revisions(self) -> list[int]:
        """Numbers of the revisions, sealed or not."""
        folder = self.path / "revisions"
        return sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit() and path.is_dir()) if folder.is_dir() else []

    def revision(self, n: Revision | None = None) -> Path:
        """The folder of a revision, by default of the latest. Raises `StoreError` where there is none."""
        there = self.revisions()
        number = (there[-1] if there else None) if n is None else _number(n)
        if number not in there:
            raise StoreError(f"{self.path}: has revisions {there}, got {number}" if there else f"{self.path}: has no revision yet")
        return self.path / "revisions" / str(number)

    def new_revision(self) -> Path:
        """An empty folder for the next revision. One that was left unsealed is emptied and taken again.

        Until it is sealed, or this process ends, no other process may make one. Raises `RunLocked` where another one does.
        """
        self._hold_revisions()
        there = self.revisions()
        number = 1 if not there else there[-1] + 1
        if there and not (self.path / "revisions" / str(there[-1]) / MANIFEST).exists():
            number = there[-1]
        folder = self.path / "revisions" / str(number)
        with disk("cannot make", folder):
            if folder.exists():
                self._none_writing(but_me=True)
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
        return folder

    def judgements(self, revision: Revision | None = None) -> Iterator[Judgement]:
        """The sealed judgements of a revision, in plan order."""
        return read_records(JUDGEMENTS, self.revision(revision) / "judgements.parquet", self.engine)

    def write_json(self, revision: Revision, name: str, value: Any) -> Path:
        """Write a document into an unsealed revision: sorted keys, floats to 12 significant digits."""
        return self.write_file(revision, name, document(value))

    def write_file(self, revision: Revision, name: str, data: bytes) -> Path:
        """Write a file (a report) into an unsealed revision, whole or not at all."""
        folder = self.revision(revision)
        if "/" in name or name.startswith("."):
            raise StoreError(f"{folder}: a file's name is plain, got {name!r}")
        if (folder / MANIFEST).exists():
            raise StoreError(f"{folder}: is sealed, so {name} cannot be written; make a new revision")
        write_whole(folder / name, self._guard.scrub(data))
        return folder / name

    def estimates(self, revision: Revision | None = None) -> list[Estimate]:
        """The estimates of a revision."""
        return _read_list(self.revision(revision) / "estimates.json", Estimate)

    def decisions(self, revision: Revision | None = None) -> list[Decision]:
        """The decisions of a revision."""
        return _read_list(self.revision(revision) / "decisions.json", Decision)

    def seal_revision(self, n: Revision) -> Manifest:
        """Write the manifest: last, with the journal closed. Raises `StoreError` where calls are still being written."""
        folder = self.revision(n)
        if (folder / MANIFEST).exists():
            raise StoreError(f"{folder}: is sealed already")
        self._none_writing()
        manifest = manifests.build(self.path, self.plan.id, _number(n), self.engine)
        manifests.write(self.path, manifest)
        if self._let_go is not None:
            self._let_go()
            self._let_go = None
        return manifest

    def manifest(self, revision: Revision | None = None) -> Manifest:
        """The manifest of a revision; its bytes are checked, the files it names are not (`verify` does that)."""
        return manifests.read(self.revision(revision) / MANIFEST)

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a DuckDB query over the views trials, responses, released and judgements (latest revision)."""
        files = {name: self.path / f"{name}.parquet" for name in ("trials", "responses", "released")}
        if self.revisions():
            files["judgements"] = self.revision() / "judgements.parquet"
        try:
            with self.engine.room() as sql:
                for name, file in files.items():
                    if file.exists():
                        sql.read_parquet(str(file)).create_view(name)
                found = sql.execute(query)
                names = [column[0] for column in found.description or ()]
                return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            raise StoreError(f"{self.path}: {error}") from error

    def _hold_revisions(self) -> None:
        folder = self.path / "revisions"
        with disk("cannot make", folder):
            folder.mkdir(exist_ok=True)
        if self._let_go is None:
            try:
                self._let_go = weakref.finalize(self, os.close, take_lock(folder, LOCK))
            except RunLocked:
                if (folder / LOCK).read_text().strip() != str(os.getpid()):
                    raise

    def _none_writing(self, *, but_me: bool = False) -> None:
        for path in sorted((self.path / "calls").glob("*lock")):
            with disk("cannot read", path), path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    owner = file.read(32).decode("ascii", "replace").strip()
                    if but_me and owner == str(os.getpid()):
                        continue
                    raise RunLocked(
                        f"{self.path}: process {owner or 'unknown'} still writes calls; its journal must be closed first"
                    ) from error


def _number(revision: Revision) -> int:
    return int(revision.name) if isinstance(revision, Path) else revision


def _unplanned(path: Path) -> str:
    """Why a folder without a plan.json is no run: its planning was cut off, the plan was lost, or it never was one."""
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else set[str]()
    if names & {"calls", "revisions", "responses.parquet"}:
        return "not a run: its plan.json is missing"
    if names & {"tmp", "trials.parquet", "spec.toml"}:
        return "not a run yet: it ended before its plan.json was written, so nothing was asked; start it again, in this folder or another"
    return "not a run: it has no plan.json"


def _claim(path: Path) -> None:
    """Make the folder, or refuse it where it holds anything but what an interrupted `create` left."""
    if (path / "plan.json").exists():
        raise StoreError(f"{path}: holds a run already; resume it with --resume {path}, or choose another folder with --out")
    with disk("cannot make", path):
        path.mkdir(parents=True, exist_ok=True)
        others = sorted({inside.name for inside in path.iterdir()} - {"spec.toml", "trials.parquet", "tmp", *HALF_WRITTEN})
    if others:
        raise StoreError(f"{path}: a new run needs an empty folder, this one holds {', '.join(others[:3])}; choose another with --out")
    for name in HALF_WRITTEN:
        (path / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(path / "tmp")


def _no_key_twice(path: Path, engine: Engine) -> None:
    file = path / "trials.parquet"
    with engine.room() as sql:
        # Keys whose hashes are alike first: numbers take a fraction of the memory.
        query = """
            WITH alike AS (SELECT hash(key) AS number FROM read_parquet($file) GROUP BY number HAVING count(*) > 1)
            SELECT key, count(*) FROM read_parquet($file) WHERE hash(key) IN (FROM alike) GROUP BY key HAVING count(*) > 1 LIMIT 1"""
        twice = sql.execute(query, {"file": str(file)}).fetchall()
    if twice:
        file.unlink()
        raise StoreError(f"{path}: each trial is planned once, got the key {twice[0][0]} {twice[0][1]} times")


def _read_list(path: Path, record: type[R]) -> list[R]:
    with disk("cannot read", path):
        data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=list[record])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: does not hold a list of {record.__name__}: {error}") from error
