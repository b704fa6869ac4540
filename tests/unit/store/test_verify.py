"""`verify`: what was changed is named, what is missing is counted, and only what lies outside of the run anchors it."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Judgement
from fiducial.store.manifest import MANIFEST, build, write
from fiducial.store.run import Run
from fiducial.store.verify import verify


def reseal(run: Run, revision: int = 2) -> None:
    """What an owner of the files can always do: make the manifest fit again."""
    write(run.path, build(run.path, run.plan.id, revision))


def replace_stage(run: Run, stage: str, records: list, revision: int | None = None) -> None:
    spool = run.spool(stage)
    for n, record in enumerate(records):
        spool.add((n,), record)
    spool.seal(revision)


def rewrite_parquet(path: Path, query: str) -> None:
    """The same file, root and all, with other columns."""
    ((root,),) = duckdb.execute("SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = 'root'", [str(path)]).fetchall()
    query = query.format(f"'{path}'")
    duckdb.execute(f"COPY ({query}) TO '{path}.new' (FORMAT parquet, KV_METADATA {{ stage: 'x', root: '{root}' }})")
    Path(f"{path}.new").replace(path)


def test_a_finished_run_holds_and_says_that_nothing_anchors_it(finished: Run) -> None:
    report = verify(finished.path)
    assert report.ok, report.problems
    assert (report.integrity.held, report.completeness.held, report.anchor.held) == (True, True, None)
    assert report.revision == 2
    assert report.root == finished.manifest(2).root
    assert [note.split(" ", 1)[1] for note in report.completeness.notes] == [
        "12 answered + 0 faulted + 2 released = 14 of 14 planned",
        "10 answered + 2 faulted + 2 released = 14 of 14 planned",
    ]
    assert not (finished.path / "tmp").exists()


def test_every_changed_byte_is_found_and_its_file_named(finished: Run) -> None:
    rng = np.random.default_rng(17)
    files = [path for path in sorted(finished.path.rglob("*")) if path.is_file() and path.name != "lock"]
    assert len(files) == 17
    for path in files:
        data = path.read_bytes()
        for at in {0, len(data) - 1, *rng.integers(0, len(data), 4).tolist()}:
            changed = bytearray(data)
            changed[at] ^= 1 << int(rng.integers(0, 8))
            path.write_bytes(changed)
            report = verify(finished.path)
            assert report.integrity.held is False, (path, at)
            assert path.relative_to(finished.path).as_posix() in {problem.file for problem in report.integrity.problems}, (path, at)
        path.write_bytes(data)
    assert verify(finished.path).ok


def test_every_missing_file_is_named(finished: Run) -> None:
    for path in [path for path in sorted(finished.path.rglob("*")) if path.is_file() and path.name not in ("lock", "plan.json")]:
        path.rename(finished.path.parent / "aside")
        name = path.relative_to(finished.path).as_posix()
        if name == f"revisions/2/{MANIFEST}":  # the latest one: the revision before is then the sealed one
            assert verify(finished.path).revision == 1
        else:
            assert name in {problem.file for problem in verify(finished.path).problems}
        (finished.path.parent / "aside").rename(path)


def test_a_folder_without_a_plan_is_no_run(finished: Run, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run"):
        verify(tmp_path)
    (finished.path / "plan.json").unlink()
    with pytest.raises(StoreError, match="not a run"):
        verify(finished.path)


def test_a_run_that_was_cut_off_is_not_in_order_and_says_how_to_go_on(finished: Run, tmp_path: Path) -> None:
    fresh = Run.create(tmp_path / "cut", spec=b"", trials=finished.trials(), subjects=finished.plan.subjects, judges={}, seed=3)
    report = verify(fresh.path)
    assert (report.integrity.held, report.completeness.held, report.ok, report.revision) == (True, False, False, None)
    (problem,) = report.problems
    assert f"fiducial run --resume {fresh.path}" in problem.text
    (fresh.path / "plan.json").unlink()
    with pytest.raises(StoreError, match="not a run yet"):
        verify(fresh.path)
    shutil.rmtree(finished.path / "tmp", ignore_errors=True)
    (finished.path / "plan.json").unlink()
    with pytest.raises(StoreError, match=r"plan\.json is missing"):
        verify(finished.path)


def test_a_file_added_after_sealing_is_named(finished: Run) -> None:
    (finished.path / "revisions" / "2" / "better.json").write_text("{}")
    assert {problem.file for problem in verify(finished.path).problems} == {"revisions/2/better.json"}


def test_columns_must_follow_from_the_records_even_where_the_manifest_fits(finished: Run) -> None:
    path = finished.path / "responses.parquet"
    rewrite_parquet(path, "SELECT * REPLACE ('other' AS answer) FROM {}")
    reseal(finished)
    assert {problem.file for problem in verify(finished.path).problems} == {"responses.parquet"}


@pytest.mark.parametrize("name", ["responses.parquet", "revisions/2/judgements.parquet"])
def test_what_was_answered_must_state_its_place_in_the_plan(finished: Run, name: str) -> None:
    rewrite_parquet(finished.path / name, "SELECT * REPLACE (ordinal + 1 AS ordinal) FROM {}")
    reseal(finished)
    report = verify(finished.path)
    assert report.integrity.held, report.integrity.problems
    assert {problem.file for problem in report.completeness.problems} == {name}


def test_records_must_give_the_root_even_where_the_manifest_fits(finished: Run) -> None:
    rewrite_parquet(finished.path / "revisions" / "2" / "judgements.parquet", "SELECT * REPLACE (0.5 AS value) FROM {}")
    reseal(finished)
    assert {problem.file for problem in verify(finished.path).problems} == {"revisions/2/judgements.parquet"}


def test_trials_other_than_planned_are_found_even_where_the_manifest_fits(finished: Run) -> None:
    rewrite_parquet(finished.path / "trials.parquet", "SELECT * FROM {} ORDER BY ordinal DESC")
    reseal(finished)
    assert "trials.parquet" in {problem.file for problem in verify(finished.path).integrity.problems}


@pytest.mark.parametrize(
    ("change", "file"),
    [
        (lambda r: r[:-1], "responses.parquet"),
        (lambda r: [*r, r[0]], "responses.parquet"),
        (lambda r: [*r[:-1], type(r[0])(trial="f" * 32, subject="toy@1", status="empty")], "responses.parquet"),
        (lambda r: [*r, type(r[0])(trial=r[0].trial, subject="new@1", status="empty")], "responses.parquet"),
    ],
    ids=["one short", "one twice", "one unknown", "one of a stranger"],
)
def test_responses_must_make_up_the_plan(finished: Run, change: object, file: str) -> None:
    replace_stage(finished, "responses", change(list(finished.responses())))
    reseal(finished)
    report = verify(finished.path)
    assert report.integrity.held, report.integrity.problems
    assert report.completeness.held is False
    assert file in {problem.file for problem in report.completeness.problems}


def test_a_released_trial_has_no_response(finished: Run) -> None:
    released = list(finished.released())
    first = next(finished.responses())
    again = type(released[0])(trial=first.trial, subject=first.subject, by="c")
    replace_stage(finished, "released", [*released, again])
    reseal(finished)
    assert "released.parquet" in {problem.file for problem in verify(finished.path).completeness.problems}


@pytest.mark.parametrize(
    "change",
    [lambda j: j[1:], lambda j: [*j, Judgement(unit="sums/i6//0", subject="toy@1", judge="match@1-ab", aspect="right", value=None)]],
    ids=["one unit unjudged", "one never asked"],
)
def test_judgements_must_cover_what_was_answered(finished: Run, change: object) -> None:
    replace_stage(finished, "judgements", change(list(finished.judgements())), revision=2)
    reseal(finished)
    report = verify(finished.path)
    assert {problem.file for problem in report.problems} == {"revisions/2/judgements.parquet"}
    assert report.integrity.held


def test_a_run_that_is_not_finished_is_not_complete(finished: Run) -> None:
    shutil.rmtree(finished.path / "revisions")
    report = verify(finished.path)
    assert (report.integrity.held, report.completeness.held) == (True, False)
    data = (finished.path / "trials.parquet").read_bytes()
    (finished.path / "trials.parquet").write_bytes(data[:-1] + b"2")
    assert {problem.file for problem in verify(finished.path).problems} == {"trials.parquet", "revisions"}


def test_calls_after_the_last_revision_are_noted(finished: Run) -> None:
    with finished.journal() as journal:
        journal.append(next_call())
    report = verify(finished.path)
    assert report.ok
    assert any("w0-1.jsonl" in note for note in report.integrity.notes)


def test_decisions_after_the_last_revision_are_noted_and_earlier_ones_may_not_change(finished: Run) -> None:
    path = finished.path / "stopping.jsonl"
    data = path.read_bytes()
    path.write_bytes(data + b'{"claim":"d"}\n')
    report = verify(finished.path)
    assert report.ok
    assert any("stopping.jsonl" in note for note in report.integrity.notes)
    path.write_bytes(b"[" + data[1:] + b'{"claim":"d"}\n')
    assert {problem.file for problem in verify(finished.path).problems} == {"stopping.jsonl"}


def next_call() -> object:
    from fiducial.kernel.records import Completion, Message
    from fiducial.store.journal import Call

    return Call(by="judge", of="judge:ab", turn=0, completion=Completion(message=Message(role="assistant", text="yes")))
