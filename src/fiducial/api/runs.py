"""Runs: plan, observe, judge, estimate, decide - whole, resumed, or one stage again."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from fiducial.api import depots, executing, labelling, resolve, sequential
from fiducial.api.history import differing
from fiducial.api.resolve import Resolved
from fiducial.api.results import INTERRUPTED, Result, conclude, options_of, other_baseline, reopen, same_instrument
from fiducial.api.resuming import nothing_left, outdated
from fiducial.engine import limits
from fiducial.engine import plan as planning
from fiducial.engine.budget import Ledger
from fiducial.engine.observe import AnswerCache, Line, Observation, Progress, observe, read
from fiducial.engine.plan import Options
from fiducial.engine.rejudge import cases
from fiducial.engine.spec import Specification, check
from fiducial.engine.spec import read as read_spec
from fiducial.kernel.errors import StoreError, UsageError
from fiducial.kernel.roles import Subject
from fiducial.store.depot import Depot
from fiducial.store.run import Run
from fiducial.store.sound import newest

SIGNS = (signal.SIGINT, signal.SIGTERM)
"""Signals that end a run: of a person, and of a machine that takes its job back."""

PORTS = "a port is no part of a name: tell two systems apart by versions of your own, chat:MODEL@URL#VERSION"

CONCURRENCY = 64
"""Units in work at once unless the user or a subject says otherwise."""


@dataclass(frozen=True)
class Settings:
    """How to carry a run out; nothing here changes what is measured but `options`. `cards` are files of judge cards.

    `executor` is who asks (default: this process), `deadline` the seconds after which the run is ended and sealed as it is,
    `share` the URL at which a new run is kept as well.
    """

    options: Options = field(default_factory=Options)
    concurrency: int | None = None
    cache: AnswerCache | None = None
    progress: Progress | None = None
    report: bool = True
    executor: executing.Executor | None = None
    deadline: float | None = None
    cards: tuple[Path, ...] = ()
    share: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a new run goes: a directory (default: the next free one under ``runs/``), and a URL at which it is kept as well."""

    folder: Path | None = None
    share: str | None = None


def prepare(path: str | Path, options: Options) -> tuple[Resolved, bytes, dict[str, list[str]]]:
    """A specification with its plugins, checked whole; its bytes; and its crossed factors by benchmark."""
    spec, data = read_spec(path)
    resolved = resolve.resolve(spec, str(path))
    return resolved, data, check_levels(resolved, options)


def check_levels(resolved: Resolved, options: Options) -> dict[str, list[str]]:
    """Check claims against quantities, ranges and levels; the crossed factors of each benchmark."""
    levels: dict[str, Mapping[str, Sequence[str]]] = {}
    crossed: dict[str, list[str]] = {}
    for part in resolved.parts:
        levels[part.label], crossed[part.label] = planning.levels_of(part, options)
    check(resolved.name, resolved.spec, resolved.benchmarks, levels)
    return crossed


def start(path: str | Path, subjects: Sequence[str], baseline: str | None, out: Path | None, settings: Settings) -> Result:
    """Plan and carry out a new run of a specification.

    Args:
        path: the specification.
        subjects: the candidates by name.
        baseline: a further subject, or the directory of an earlier run with the same plan.
        out: the run's directory; by default the next free one under ``runs/``.
        settings: how to carry it out.
    """
    options = settings.options
    resolved, data, crossed = prepare(path, options)
    resolved = resolved.with_cards(settings.cards)
    earlier = Run.open(Path(baseline)) if baseline is not None and Path(baseline).is_dir() else None
    named = [(text, "candidate") for text in subjects]
    if baseline is not None and earlier is None:
        named.append((baseline, "baseline"))
    made = [resolve.subject(text, Path.cwd(), resolved, options) for text, _ in named]
    placed = [(m, text, role) for m, (text, role) in zip(made, named, strict=True)]
    run = lay_down(resolved, data, crossed, placed, earlier, Place(out, depots.free(settings.share)), options)
    return _carry_out(run, resolved, made, settings)


def lay_down(
    resolved: Resolved, data: bytes, crossed: Mapping[str, Sequence[str]], subjects: Sequence[tuple[Subject, str, str]],
    earlier: Run | None, place: Place, options: Options,
) -> Run:  # fmt: skip
    """Write a plan: everything is fixed and hashed before the first question.

    `subjects` are ``(subject, its name, role)``; `earlier` is the run that relative claims compare with.
    """
    made = [subject for subject, _, _ in subjects]
    _distinct(made)
    resolve.check_self_judging(resolved, made)
    run = Run.create(
        place.folder or next_folder(resolved.spec),
        spec=data,
        trials=planning.trials(resolved.parts, options),
        subjects=[{"id": subject.id, "role": role, "settings": dict(subject.describe())} for subject, _, role in subjects],
        judges=_judge_ids(resolved),
        seed=options.seed,
        cycle=resolved.spec.cycle.seed,
        options={
            "crossed": crossed,
            "sources": [text for _, text, _ in subjects],
            "folder": str(resolved.folder),
            "file": Path(resolved.name).name,
            "limit": options.limit,
            "repeat": options.repeat,
            "only": options.only,
            **({depots.OPTION: place.share} if place.share is not None else {}),
            **({"cards": known} if (known := resolved.cards_used) else {}),
            "baseline_run": str(earlier.path.resolve()) if earlier is not None else None,
        },
    )
    if earlier is not None:
        same_instrument(run, earlier)
    return run


def resume(path: Path, settings: Settings) -> Result:
    """Go on with a run: only what has not arrived, and faults, are asked."""
    run = Run.open(path)
    if (sentence := outdated(run)) is not None:
        _tell(settings.progress, sentence)
    if (revision := nothing_left(run)) is not None:
        _tell(settings.progress, f"{path}: nothing is left to ask; revision {revision} stands")
        return Result(run, revision)
    resolved = reopen(run)
    if changed := differing(run.plan.judges, _judge_ids(resolved)):
        raise StoreError(f"{path}: resume needs the judges of the plan; changed: {', '.join(changed)} (use rejudge instead)")
    options = options_of(run)
    subjects = [resolve.subject(text, Path.cwd(), resolved, options) for text in run.plan.options["sources"]]
    ids = [subject["id"] for subject in run.plan.subjects]
    if [subject.id for subject in subjects] != ids:
        raise StoreError(f"{path}: resume needs the subjects of the plan {ids}, got {[s.id for s in subjects]}")
    return _carry_out(run, resolved, subjects, replace(settings, options=options))


def rejudge(path: Path, judges: Mapping[str, str], settings: Settings) -> Result:
    """Read the answers of a run again, by other judges where `judges` maps a judge's name to a file with a ``[judges]`` table.

    Raises `StoreError` where its files are not as they were sealed.
    """
    run = Run.open(path)
    before = newest(run)
    resolved = reopen(run, judges)
    if settings.cards:
        resolved = resolved.with_cards(settings.cards)
    return asyncio.run(_rejudge(run, resolved, before, settings))


def next_folder(spec: Specification) -> Path:
    """The next free directory under ``runs/``: the system's name and a number."""
    stem = "".join(c if c.isalnum() or c in "-_." else "-" for c in spec.system.name) or "run"
    number = 1
    while (folder := Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return folder


def _carry_out(run: Run, resolved: Resolved, subjects: Sequence[Subject], settings: Settings) -> Result:
    with depots.kept(run) as depot:
        reason = asyncio.run(_observe(run, resolved, subjects, settings, depot))
        revision = int(run.revision().name)
        return conclude(run, resolved, revision, report=settings.report, interrupted=reason)


async def _observe(run: Run, resolved: Resolved, subjects: Sequence[Subject], settings: Settings, depot: Depot | None) -> str | None:
    revision = int(run.new_revision().name)
    gates = limits.share([*subjects, *resolved.graders])
    journal = run.journal(ship=depots.ship_of(run, depot)) if settings.executor is None else None
    budget = resolved.spec.budget
    line = Line(journal=journal, ledger=Ledger(budget.calls, budget.tokens, budget.money), cache=settings.cache)
    resolved.journal_with(line)
    if settings.progress is not None:
        settings.progress.begin(run.plan.rows * len(subjects), line.ledger)
    wanted = [s.describe().get("concurrency") for s in subjects]
    what = Observation(
        subjects=subjects,
        panel=resolved.panel,
        environments=resolve.environment,
        line=line,
        responses=run.spool("responses"),
        judgements=run.spool("judgements"),
        concurrency=settings.concurrency or max([CONCURRENCY, *(n for n in wanted if isinstance(n, int))]),
        progress=settings.progress,
        gates=list(gates.values()),
    )
    sequential_rule = resolved.spec.stopping.rule == "sequential"
    stack = ExitStack()
    if sequential_rule:
        known = sequential.read_stops(run)
        writer = sequential.StopWriter(run, known, settings.progress, depots.ship_of(run, depot))
        stopping, _ = sequential.stopping_of(run, resolved, options_of(run), other_baseline(run, stack), writer)
        stopping.remember(known)
        what.gatekeeper, what.released = stopping, run.spool("released")
    try:
        with stack, _on_interrupt(what, settings.progress):
            async with limits.deadline(what, settings.deadline):
                if settings.executor is None:
                    await observe(what, run.trials())
                else:
                    await executing.carry_out(run, what, settings.executor, gates, depot)
    finally:
        resolved.journal_with(None)
        if journal is not None:
            journal.close()
        for subject in [*subjects, *resolved.graders]:
            await subject.close()
    what.responses.seal()
    if what.released is not None:
        what.released.seal()
    what.judgements.seal(revision)
    return what.reason


async def _rejudge(run: Run, resolved: Resolved, before: int, settings: Settings) -> Result:
    revision = int(run.new_revision().name)
    journal = run.journal()
    budget = resolved.spec.budget
    line = Line(journal=journal, ledger=Ledger(budget.calls, budget.tokens, budget.money))
    resolved.journal_with(line)
    if settings.progress is not None:
        settings.progress.begin(run.plan.rows * len(run.plan.subjects), line.ledger)
    limits.share(resolved.graders)
    spool = run.spool("judgements")
    work = cases(run)

    async def worker() -> None:
        for placed in work:
            judgements = await read(resolved.panel, placed.case)
            for n, judgement in enumerate(judgements):
                spool.add((placed.unit, placed.subject, n), judgement)
            if settings.progress is not None:
                settings.progress.unit(placed.case.subject, [e.response for e in placed.case.exchanges], judgements)

    try:
        await asyncio.gather(*(worker() for _ in range(settings.concurrency or CONCURRENCY)))
    finally:
        resolved.journal_with(None)
        journal.close()
        for grader in resolved.graders:
            await grader.close()
    labelling.carry(run, before, revision, spool)
    spool.seal(revision)
    return conclude(run, resolved, revision, report=settings.report)


@contextmanager
def _on_interrupt(what: Observation, progress: Progress | None) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) ends after the calls in flight, a second one at once; both seal what there is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def ask_to_stop() -> None:
        if what.reason == INTERRUPTED and task is not None:
            task.cancel()
        else:
            _tell(progress, "interrupted: waiting for the calls in flight; once more ends at once")
        what.halt(INTERRUPTED)

    for sign in SIGNS:
        loop.add_signal_handler(sign, ask_to_stop)
    try:
        yield
    except asyncio.CancelledError:
        if what.reason != INTERRUPTED:
            raise
    finally:
        for sign in SIGNS:
            loop.remove_signal_handler(sign)


def _tell(progress: Progress | None, sentence: str) -> None:
    if progress is not None:
        progress.note(sentence)


def _judge_ids(resolved: Resolved) -> dict[str, str]:
    pairs = ((f"{label}.{name}", judge) for label, named in resolved.judges.items() for name, judge in named.items())
    return {name: judge.id if judge is not None else "not configured" for name, judge in pairs}


def _distinct(subjects: Sequence[Subject]) -> None:
    ids = [subject.id for subject in subjects]
    if not ids:
        raise UsageError("--subject: at least one, such as chat:MODEL@http://host:port/v1")
    for n, label in enumerate(ids):
        if label in ids[:n]:
            hint = f"; {PORTS}" if label.startswith("chat:") else ""
            raise UsageError(f"--subject: each subject once, got {label!r} twice{hint}")
