"""A small finished run: two subjects, two revisions, every kind of file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fiducial.kernel.records import Claim, Completion, Decision, Estimate, Judgement, Message, Response, Target, Trial
from fiducial.store.journal import Call
from fiducial.store.run import Run
from fiducial.store.stages import Release

SUBJECTS = ("toy@1", "old@3")
ITEMS = 7


def planned() -> list[Trial]:
    """Two trials (told, asked) a unit."""
    return [
        Trial(
            benchmark="sums@1", item=f"i{n}", cluster=f"c{n // 3}", unit=f"sums/i{n}//0", part=part, cell=(("pressure", part),),
            messages=(Message(role="user", text=f"What is {n} + 2?"),), reference=n + 2,
        )
        for n in range(ITEMS)
        for part in ("told", "asked")
    ]  # fmt: skip


def response(trial: Trial, subject: str) -> Response:
    if trial.item == "i3" and subject == "old@3":
        return Response(trial=trial.key, subject=subject, status="fault", fault="timeout")
    said = Message(role="assistant", text=str(trial.reference))
    return Response(trial=trial.key, subject=subject, status="answered", transcript=(said,), calls=1, model="m")


def judgements(run: Run) -> list[tuple[tuple[int, ...], Judgement]]:
    found = []
    units = {}
    for trial in run.trials():
        number = units.setdefault(trial.unit, len(units))
        if trial.part == "told" and trial.item != "i6":
            for k, subject in enumerate(SUBJECTS):
                if response(trial, subject).status == "answered":
                    found.append(((number, k), Judgement(unit=trial.unit, subject=subject, judge="match@1-ab", aspect="right", value=1.0)))
    return found


def seal_revision(run: Run) -> None:
    folder = run.new_revision()
    spool = run.spool("judgements")
    for ordinal, judgement in judgements(run):
        spool.add(ordinal, judgement)
    spool.seal(folder)
    of = Target(benchmark="sums", quantity="right", subject="toy@1")
    estimate = Estimate(of=of, value=0.9, low=0.5, high=0.95, level=0.9, method="wilson", n=6, clusters=2)
    claim = Claim(id="c", clause="p", quantity="sums.right", side="at_least", bound=0.8)
    decision = Decision(claim=claim, system="s", subject="toy@1", outcome="undecided", reason="wide", cycle=0, estimate=estimate)
    run.write_json(folder, "estimates.json", [estimate])
    run.write_json(folder, "decisions.json", [decision])
    run.write_file(folder, "report.html", b"<p>undecided</p>")
    run.seal_revision(folder)


def finish(path: Path) -> Run:
    subjects = [{"id": subject, "role": role, "settings": {}} for subject, role in zip(SUBJECTS, ("candidate", "baseline"), strict=True)]
    run = Run.create(
        path, spec=b"[system]\nname = 'x'\n", trials=planned(), subjects=subjects, judges={"sums.match": "match@1-ab"}, seed=1, cycle=0
    )
    responses = run.spool("responses")
    with run.journal() as journal:
        for n, trial in enumerate(run.trials()):
            if trial.item != "i6":
                for k, subject in enumerate(SUBJECTS):
                    answer = response(trial, subject)
                    responses.add((n, k), answer)
                    if answer.status == "answered":
                        journal.append(Call(by=subject, of=trial.key, turn=0, completion=Completion(message=answer.transcript[0])))
    responses.seal()
    released = run.spool("released")
    for n, trial in enumerate(run.trials()):
        if trial.item == "i6":
            for k, subject in enumerate(SUBJECTS):
                released.add((n, k), Release(trial=trial.key, subject=subject, by="c"))
    released.seal()
    (path / "stopping.jsonl").write_text('{"claim":"c","row":11}\n')
    seal_revision(run)
    seal_revision(run)
    return run


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finish(tmp_path_factory.mktemp("finished") / "run").path


@pytest.fixture
def finished(template: Path, tmp_path: Path) -> Run:
    shutil.copytree(template, tmp_path / "run")
    return Run.open(tmp_path / "run")
