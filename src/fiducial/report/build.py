"""From a run to its view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fiducial.engine.compare import Crossings
from fiducial.engine.decide import exit_code
from fiducial.engine.spec import parse
from fiducial.kernel.records import Decision, Outcome
from fiducial.kernel.roles import Benchmark
from fiducial.report import gather
from fiducial.report.failing import failing
from fiducial.report.notes import Change, Changes, Clause, JudgeNote, Provenance, QuantityNote, SubjectNote, Tally
from fiducial.report.view import View
from fiducial.store.manifest import ATTESTATION, PLAN_ATTESTATION, stage_facts
from fiducial.store.run import Revision, Run


def build(
    run: Run,
    benchmarks: Mapping[str, Benchmark],
    revision: Revision | None = None,
    *,
    judges: Sequence[JudgeNote] | None = None,
    changes: Changes | None = None,
    notes: Sequence[str] = (),
    history: Sequence[str] = (),
    shown: int = gather.SHOWN,
) -> View:
    """The view of a revision, sealed or about to be.

    Args:
        run: with its responses sealed; judgements, estimates and decisions of the revision written.
        benchmarks: label -> benchmark, as the specification names them; a label without one leaves its quantities
            without their descriptions.
        revision: default the latest.
        judges: what is known of the judges; default: those of the plan, `exact` or else unaudited.
        changes: against another run or a baseline (`changed`); labels and reasons are filled in here.
        notes: what a reader must know first.
        history: how the revision was made, and what others of the run say.
        shown: units whose transcripts go along, at most.

    Raises `StoreError` where a stage is missing.
    """
    spec = parse((run.path / "spec.toml").read_bytes(), str(run.path / "spec.toml"))
    decisions = tuple(run.decisions(revision))
    wanted = gather.rests(benchmarks, decisions, run.plan.judges)
    found = gather.gather(run, run.revision(revision), wanted, changes, shown)
    return View(
        system=spec.system.name, version=spec.system.version, outcome=overall(decisions), exit_code=exit_code(decisions),
        provenance=_provenance(run, run.revision(revision)), clauses=tuple(Clause(id=p.id, text=p.text) for p in spec.principles),
        decisions=decisions, estimates=tuple(run.estimates(revision)), quantities=_quantities(benchmarks),
        subjects=tuple(SubjectNote(id=s["id"], role=s["role"], settings=s["settings"]) for s in run.plan.subjects),
        statuses=found.statuses, causes=found.causes, judges=_judges(benchmarks, run.plan.judges) if judges is None else tuple(judges),
        failing=failing(found.sample.units, wanted, decisions, found.changes),
        spending=found.spending, sample=found.sample, changes=found.changes, notes=tuple(notes), history=tuple(history),
    )  # fmt: skip


def changed(found: Mapping[str, Iterable[Crossings]], *, against: str, listed: int = 200) -> Changes:
    """What changed of each candidate, by its name: all counted, the first `listed` kept, broken ones first, then lost ones."""
    kept: dict[str, list[Change]] = {"broken": [], "lost": [], "fixed": []}
    each: list[Tally] = []
    for subject, parts in found.items():
        counts, compared = dict.fromkeys(kept, 0), 0
        for part in parts:
            compared += part.compared
            for f in part.flips:
                counts[f.kind] += 1
                if len(kept[f.kind]) < listed:
                    one = Change(kind=f.kind, quantity=f.quantity, unit=f.unit, subject=subject, before=f.before, after=f.after)
                    kept[f.kind].append(one)
        each.append(Tally(subject=subject, compared=compared, **counts))
    items = (*kept["broken"], *kept["lost"], *kept["fixed"])[:listed]
    return Changes(
        against=against, compared=sum(t.compared for t in each), broken=sum(t.broken for t in each), fixed=sum(t.fixed for t in each),
        lost=sum(t.lost for t in each), items=items, each=tuple(each) if len(each) > 1 else (),
    )  # fmt: skip


def overall(decisions: Iterable[Decision]) -> Outcome:
    """One word for all: the worst outcome; a violated claim that is only for review leaves it undecided."""
    found: set[Outcome] = set()
    for d in decisions:
        review = d.claim.severity == "review" and d.outcome == "violated"
        found.add("undecided" if review else d.outcome)
    if "violated" in found:
        return "violated"
    return "holds" if found == {"holds"} else "undecided"


def _quantities(benchmarks: Mapping[str, Benchmark]) -> tuple[QuantityNote, ...]:
    return tuple(
        QuantityNote(name=f"{label}.{name}", about=q.about, judge=q.judge, aspect=q.aspect, range=q.range)
        for label, benchmark in benchmarks.items()
        for name, q in benchmark.quantities.items()
    )


def _judges(benchmarks: Mapping[str, Benchmark], planned: Mapping[str, str]) -> tuple[JudgeNote, ...]:
    """The judges of a plan that have an identity; one that was not configured read nothing."""
    notes: dict[str, JudgeNote] = {}
    for name, identity in sorted(planned.items()):
        label, _, own = name.partition(".")
        kind, version, _ = identity.partition("@")
        if version:
            benchmark = benchmarks.get(label)
            exact = benchmark is not None and bool(getattr(benchmark.judges.get(own), "exact", False))
            notes.setdefault(identity, JudgeNote(name=kind, id=identity, audit="exact" if exact else "unaudited"))
    return tuple(notes.values())


def _provenance(run: Run, folder: Path) -> Provenance:
    plan = run.plan
    stages = {"responses": run.path / "responses.parquet", "judgements": folder / "judgements.parquet"}
    signed = [name for name, path in (("plan", run.path / PLAN_ATTESTATION), ("revision", folder / ATTESTATION)) if path.exists()]
    return Provenance(
        run=plan.id, plan=plan.trials, revision=int(folder.name), seed=str(plan.seed), cycle=plan.cycle, specification=plan.spec,
        roots={name: stage_facts(path, run.engine.sql)[1] for name, path in stages.items()}, versions={"fiducial": plan.fiducial},
        attestation=f"signed: {' and '.join(signed)}; `fiducial verify --key` checks by whom" if signed else "",
    )  # fmt: skip
