"""What a run came to: its revisions, opened, concluded and shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fiducial.api import history, resolve, sequential
from fiducial.api.reports import FORMATS, render
from fiducial.api.resolve import Resolved
from fiducial.engine.admission import UNUSED
from fiducial.engine.compare import Side, crossings
from fiducial.engine.decide import Baseline, Decider, exit_code
from fiducial.engine.estimate import Source, all_estimates
from fiducial.engine.plan import Options
from fiducial.engine.spec import parse
from fiducial.engine.spec import read as read_spec
from fiducial.kernel.errors import StoreError, UsageError
from fiducial.kernel.records import Decision, Estimate
from fiducial.kernel.roles import replaced
from fiducial.store import cards
from fiducial.store.cards import JudgeCard
from fiducial.store.run import Run
from fiducial.store.sound import newest, sealed

if TYPE_CHECKING:
    from fiducial.report.notes import JudgeNote
    from fiducial.report.view import Changes, View

INTERRUPTED = "interrupted"

PEOPLE = "people.json"
"""The file of a revision that says which judge holds people's labels of its units, by benchmark and role."""

CARDS = "cards.json"
"""The file of a revision with the cards of its judges."""


@dataclass(frozen=True)
class Result:
    """A run with what was concluded in one of its revisions."""

    run: Run
    revision: int
    interrupted: str | None = None
    reported: View | None = field(default=None, compare=False, repr=False)
    """What its reports were made of, where that was just now: showing them once more need not read the run again."""

    @property
    def path(self) -> Path:
        """The run's directory."""
        return self.run.path

    @property
    def estimates(self) -> list[Estimate]:
        """All numbers of the revision."""
        return self.run.estimates(self.revision)

    @property
    def decisions(self) -> list[Decision]:
        """The claims, decided."""
        return self.run.decisions(self.revision)

    @property
    def exit_code(self) -> int:
        """0 all hold, 1 a blocking claim is violated, 2 one has no judged unit, 3 one is undecided, 130 interrupted."""
        return 130 if self.interrupted == INTERRUPTED else exit_code(self.decisions)

    def view(self) -> View:
        """What reports are made of."""
        return _view(self, reopen(self.run))

    def report(self, path: str | Path) -> Path:
        """Write a report; the ending says which: .html, .json, .xml (JUnit) or .md."""
        target = Path(path)
        target.write_text(render(self.view(), target.suffix), encoding="utf-8")
        return target

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Rows of a DuckDB query over the views trials, responses and judgements."""
        return self.run.sql(query)


def load(path: Path, revision: int | None = None) -> Result:
    """A concluded revision of a run, by default the latest.

    Raises `StoreError` where it was never sealed, or where a file that it rests on is not as it was sealed.
    """
    run = Run.open(path)
    return Result(run, sealed(run, revision))


def _view(result: Result, resolved: Resolved) -> View:
    from fiducial.report.build import build

    known = {card.judge: card for card in cards_of(result.run, result.revision)}
    return build(
        result.run, resolved.benchmarks, result.revision, judges=_readers(result, resolved, known), changes=_changes(result, resolved),
        notes=_notes(result), history=history.told(result.run, result.revision),
    )  # fmt: skip


def _readers(result: Result, resolved: Resolved, known: Mapping[str, JudgeCard]) -> list[JudgeNote]:
    """What is known of the judges that read a revision, also of those that the run's own specification does not name."""
    from fiducial.report.notes import JudgeNote

    who = history.readers(result.run, result.revision)
    notes = {note.id: note for note in judge_notes(resolved, known)}
    ids = dict.fromkeys(who.judges.values())
    return [
        notes.get(judge)
        or JudgeNote(
            name=judge.partition("@")[0], id=judge, model=judge in who.models,
            audit="exact" if judge in who.exact else "audited" if judge in known else "unaudited",
        )
        for judge in ids
    ]  # fmt: skip


def cards_of(run: Run, revision: int) -> list[JudgeCard]:
    """The cards that a revision's numbers were corrected by; they lie beside them."""
    path = run.revision(revision) / CARDS
    return [] if not path.exists() else cards.read_list(path)


def judge_notes(resolved: Resolved, known: Mapping[str, JudgeCard]) -> list[JudgeNote]:
    """What is known of each judge, for reports."""
    from fiducial.report.notes import JudgeNote, Rate

    found: dict[str, JudgeNote] = {}
    audits = resolved.audits
    for judge in resolved.named_judges().values():
        card = known.get(judge.id)
        shares = [] if card is None else [
            (f"{name}, {cell.aspect}, {cell.language}, {cell.domain}", number)
            for cell in card.errors
            for name, number in (("sensitivity", cell.sensitivity), ("specificity", cell.specificity))
            if number is not None
        ]  # fmt: skip
        flagged = "" if card is None else ", ".join(finding.name for finding in card.flags)
        found[judge.id] = JudgeNote(
            name=judge.id.partition("@")[0], id=judge.id, model=judge.id in audits.models,
            audit="exact" if judge.id in audits.exact else "audited" if card is not None else "unaudited",
            errors="" if card is None else f"Measured on {card.verdicts} verdicts. Flagged: {flagged or 'nothing'}. "
            f"Never tested: {', '.join(card.untested) or 'nothing'}.",
            rates=tuple(Rate(name=name, value=n.value, low=n.low, high=n.high, n=n.n, about=n.method) for name, n in shares),
        )  # fmt: skip
    return list(found.values())


def _changes(result: Result, resolved: Resolved) -> Changes | None:
    """What newly broke against the baseline, unit by unit, in the quantities that claims are about."""
    from fiducial.report.build import changed

    run = result.run
    if not run.plan.options.get("baseline_run") and all(subject["role"] != "baseline" for subject in run.plan.subjects):
        return None
    with ExitStack() as stack:
        source = stack.enter_context(source_of(run, resolved, result.revision))
        baseline = _baseline(run, source, stack)
        if baseline is None:
            return None
        before = Side(baseline.source, baseline.subject)
        named = dict.fromkeys(claim.quantity for claim in resolved.spec.claims)
        found = {
            subject["id"]: [crossings(before, Side(source, subject["id"]), *name.split(".", 1)) for name in named]
            for subject in run.plan.subjects
            if subject["role"] == "candidate"
        }
        return changed(found, against=baseline.subject)


def options_of(run: Run) -> Options:
    """The options that a run was planned with."""
    stored = run.plan.options
    return Options(seed=run.plan.seed, limit=stored.get("limit"), repeat=stored.get("repeat") or 1, only=stored.get("only"))


def _notes(result: Result) -> list[str]:
    """What a reader of the reports must know of how the run went."""
    notes: list[str] = []
    if result.interrupted:
        notes.append(f"The run stopped early ({result.interrupted}); what was not asked is counted apart.")
    if only := result.run.plan.options.get("only"):
        notes.append(f"Only a part was asked (filter {only}); claims about other benchmarks are left out.")
    notes += _of_labels(result)
    released = sum(1 for _ in result.run.released())
    if released:
        planned = result.run.plan.rows * len(result.run.plan.subjects)
        notes.append(f"Sequential rule: {released} of {planned} planned trials were not asked: no open claim needed them.")
    return notes


def _of_labels(result: Result) -> list[str]:
    """What became of people's labels, and how far they can be trusted."""
    notes = [
        f"{decision.claim.id}{f' [{decision.slice}]' if decision.slice else ''}: {flag}"
        for decision in result.decisions
        for flag in (decision.estimate.flags if decision.estimate is not None else ())
        if flag.startswith(UNUSED)
    ]
    labels = history.read(result.run.revision(result.revision) / history.LABELS, history.Labels)
    if labels is None:
        return notes
    if labels.sample is None:
        notes.append(
            f"{labels.file}: its {labels.units} units are no sample that `judge sample` drew; that they were drawn at random is taken "
            "on trust."
        )
    elif labels.unlabelled:
        notes.append(
            f"{labels.file}: {labels.unlabelled} of {labels.drawn} drawn units have no value; if the doubtful ones were left out, "
            "the correction misleads."
        )
    if labels.draws > 1:
        notes.append(f"{labels.draws} samples were drawn from this run; {labels.file} holds one of them.")
    return notes


def reopen(run: Run, judges: Mapping[str, str] | None = None) -> Resolved:
    """The specification of a run with its plugins; `judges` replaces tables of ``[judges]`` by those of other files."""
    spec = parse((run.path / "spec.toml").read_bytes(), str(run.path / "spec.toml"))
    folder = Path(run.plan.options["folder"])
    for name, file in (judges or {}).items():
        other, _ = read_spec(file)
        if name not in other.judges:
            raise UsageError(f"{file}: a table [judges.{name}], got {', '.join(other.judges) or 'none'}")
        spec = replaced(spec, judges={**spec.judges, name: other.judges[name]})
    resolved = resolve.resolve(spec, str(folder / "spec.toml"))
    planned = msgspec.convert(run.plan.options.get("cards") or [], list[JudgeCard])
    return replace(resolved, cards={**resolved.cards, **{card.judge: card for card in planned}})


def conclude(run: Run, resolved: Resolved, revision: int, *, report: bool = True, interrupted: str | None = None) -> Result:
    """Estimate and decide from the sealed stages, write the revision's documents and reports, and seal it."""
    if (who := _who_reads(resolved)).judges != history.planned(run).judges:
        run.write_json(revision, history.JUDGES, who)
    with ExitStack() as stack:
        source = stack.enter_context(source_of(run, resolved, revision))
        baseline = _baseline(run, source, stack)
        subjects = [subject["id"] for subject in run.plan.subjects]
        expires = None
        if resolved.spec.expires_days is not None:
            expires = (dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=resolved.spec.expires_days)).isoformat()
        decider = Decider(resolved.spec, source, run.plan.cycle, expires, baseline)
        if resolved.spec.stopping.rule == "sequential":
            stopping, without = sequential.stopping_of(run, resolved, options_of(run), baseline)
            sequential.replayed(run, revision, stopping)
            decisions = sequential.decisions(decider, stopping, without)
            source = sequential.restricted(source, stopping)
        else:
            candidates = [subject["id"] for subject in run.plan.subjects if subject["role"] == "candidate"]
            decisions = [decision for subject in candidates for decision in decider.decide(subject)]
        estimates = [number for subject in subjects for label in resolved.benchmarks for number in all_estimates(source, label, subject)]
    seen = {(e.of, e.level) for e in estimates}
    estimates.extend(d.estimate for d in decisions if d.estimate is not None and (d.estimate.of, d.estimate.level) not in seen)
    run.write_json(revision, "estimates.json", estimates)
    run.write_json(revision, "decisions.json", decisions)
    if used := resolved.cards_used:
        run.write_json(revision, CARDS, used)
    result = Result(run, revision, interrupted)
    if report:
        view = _view(result, resolved)
        run.engine.close()  # its memory serves the reports
        result = replace(result, reported=view)
        for ending, name in FORMATS.items():
            run.write_file(revision, name, render(view, ending).encode())
    run.seal_revision(revision)
    return result


def _who_reads(resolved: Resolved) -> history.Readers:
    audits = resolved.audits
    judges = {name: judge.id for name, judge in resolved.named_judges().items()}
    ids = set(judges.values())
    return history.Readers(judges=judges, exact=tuple(sorted(ids & audits.exact)), models=tuple(sorted(ids & audits.models.keys())))


def same_readers(run: Run, revision: int, resolved: Resolved) -> None:
    """Refuse judges other than those that read a revision, where its readings are to be carried over."""
    then, now = history.readers(run, revision).judges, _who_reads(resolved).judges
    if changed := history.differing(then, now):
        told = "; ".join(f"{name} by {then.get(name, 'nobody')}, here it is {now.get(name, 'nobody')}" for name in changed)
        raise UsageError(f"{run.path}: revision {revision} was read {told}; name its judges as `rejudge --judge` did")


def people_in(run: Run, revision: int | None = None) -> dict[str, dict[str, str]]:
    """The judges that hold people's labels of a revision's units, by benchmark and role."""
    path = run.revision(revision) / PEOPLE
    if not path.exists():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, str]])
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path}: is no table of judges by benchmark and role: {error}") from error


@contextmanager
def source_of(run: Run, resolved: Resolved, revision: int | None = None) -> Iterator[Source]:
    """What estimates of a run's revision come from."""
    files = {
        "trials": run.path / "trials.parquet",
        "responses": run.path / "responses.parquet",
        "judgements": run.revision(revision) / "judgements.parquet",
    }
    labelled = people_in(run, revision)
    who = history.read(run.revision(revision) / history.JUDGES, history.Readers)
    named = {} if who is None else who.judges
    with run.engine.room() as connection:
        for name, file in files.items():
            if not file.exists():
                raise StoreError(f"{file}: there is no such stage; it was not sealed yet, or it was deleted")
            connection.from_parquet(str(file)).create_view(name)
        yield Source(
            connection=connection,
            benchmarks=resolved.benchmarks,
            judges={label: {**_read_by(label, resolved, named), **labelled.get(label, {})} for label in resolved.benchmarks},
            crossed=run.plan.options.get("crossed", {}),
            mix={label: entry.mix for label, entry in resolved.spec.benchmarks.items()},
            audits=resolved.audits,
        )


def _read_by(label: str, resolved: Resolved, named: Mapping[str, str]) -> dict[str, str | None]:
    """The judges of a benchmark: as the revision names them, where it does."""
    return {name: named.get(f"{label}.{name}", judge) for name, judge in resolved.judge_ids(label).items()}


def _baseline(run: Run, source: Source, stack: ExitStack) -> Baseline | None:
    for subject in run.plan.subjects:
        if subject["role"] == "baseline":
            return Baseline(source, subject["id"])
    return other_baseline(run, stack)


def other_baseline(run: Run, stack: ExitStack) -> Baseline | None:
    """The candidate of another run that relative claims compare with; its source stays open as long as `stack`."""
    folder = run.plan.options.get("baseline_run")
    if not folder:
        return None
    other = Run.open(Path(folder))
    theirs = reopen(other)
    same_instrument(run, other)
    candidates = [s["id"] for s in other.plan.subjects if s["role"] == "candidate"]
    if len(candidates) != 1:
        raise UsageError(f"--baseline {folder}: a run with one candidate, got {len(candidates)}")
    return Baseline(stack.enter_context(source_of(other, theirs, newest(other))), candidates[0])


def same_instrument(run: Run, other: Run) -> None:
    """Refuse a comparison of runs with different items, judges or benchmark versions."""
    if run.plan.trials != other.plan.trials:
        raise UsageError(
            f"{other.path}: a run of the same trials; {_apart(run, other)}. Name the earlier system itself: --baseline SUBJECT asks it "
            "the new trials too, and --cache FOLDER keeps its answers for the next time"
        )
    ours, theirs = history.readers(run).judges, history.readers(other).judges
    if changed := history.differing(ours, theirs):
        raise UsageError(f"{other.path}: a run with the same judges; these differ: {', '.join(changed)} (rejudge one of them first)")


def _apart(run: Run, other: Run) -> str:
    """In which items two plans differ."""
    ours, theirs = (
        {f"{row['benchmark'].partition('@')[0]}/{row['item']}" for row in one.sql("SELECT DISTINCT benchmark, item FROM trials")}
        for one in (run, other)
    )
    told: list[str] = []
    for names, where in ((ours - theirs, "here"), (theirs - ours, "there")):
        if names:
            shown = ", ".join([*sorted(names)[:3], *(["..."] if len(names) > 3 else [])])
            told.append(f"{len(names)} item{'s' if len(names) != 1 else ''} only {where} ({shown})")
    return " and ".join(told) or "the items have the same names, and other texts, cells, orders or benchmark versions"
