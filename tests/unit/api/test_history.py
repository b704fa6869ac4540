"""A revision that was read again says so, rests on its own judges, and is shown only where its files are as they were sealed."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

import aiohttp
import pytest

from fiducial.api import judges, labelling, results, runs
from fiducial.api.comparing import compare
from fiducial.api.history import told
from fiducial.api.reports import render
from fiducial.api.runs import Settings
from fiducial.api.showing import show
from fiducial.cli import main
from fiducial.engine.plan import Options
from fiducial.kernel.errors import StoreError, UsageError
from fiducial.serve.view import viewing
from fiducial.store.manifest import MANIFEST
from fiducial.store.run import Run
from fiducial.store.verify import verify

SPEC = """
system.name = "s"
principles = [{ id = "p", text = "t" }]
benchmarks.over_refusal = { items = 36, perturbations = [] }
claims = [{ id = "c", clause = "p", quantity = "over_refusal.any_refusal", at_most = 0.2 }]
"""
JUDGE = """
from fiducial import Reader, Verdict
def judge():
    def read(case):
        for aspect in ("full_refusal", "partial_refusal", "any_refusal"):
            yield Verdict(aspect, {value})
    return Reader("{name}", "1", read)
"""


@pytest.fixture
def result(tmp_path: Path) -> results.Result:
    (tmp_path / "spec.toml").write_text(SPEC)
    for name, value in (("never", 0.0), ("always", 1.0)):
        (tmp_path / f"{name}.py").write_text(JUDGE.format(name=name, value=value))
        (tmp_path / f"{name}.toml").write_text(f'{SPEC}judges.refusal.use = "./{name}.py"\n')
    return start(tmp_path, "run")


def start(folder: Path, name: str, subject: str = "scripted:misaligned") -> results.Result:
    return runs.start(folder / "spec.toml", [subject], None, folder / name, Settings(options=Options(seed=1)))


def again(result: results.Result, name: str | None = None) -> results.Result:
    wanted = {} if name is None else {"refusal": str(result.path.parent / f"{name}.toml")}
    return runs.rejudge(result.path, wanted, Settings())


def test_a_run_that_was_read_once_has_no_history(result):
    assert told(result.run, 1) == ()
    assert not (result.path / "revisions/1/judges.json").exists()


def test_another_judge_is_named_with_what_the_one_before_it_said(result, capsys):
    after = again(result, "never")
    assert ([d.outcome for d in result.decisions], [d.outcome for d in after.decisions]) == (["violated"], ["holds"])
    view = after.view()
    first, second = view.history
    assert first.startswith("Revision 2 of 2")
    assert "never@1-" in first
    assert "refusal@" in first
    assert "violated" in second
    assert "here holds 0" in second
    for ending in (".html", ".md", ".json"):
        assert "Revision 2 of 2" in render(view, ending), ending
    assert "Revision 2 of 2" in (after.path / "revisions/2/report.html").read_text()
    assert told(after.run, 1)[0] == "Revision 1 of 2: the first reading."
    assert main(["report", str(after.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["history"] == list(view.history)
    assert [judge.name for judge in view.judges] == ["never"]


@pytest.mark.parametrize(("name", "adverse"), [("never", 0), ("always", 36)])
def test_units_count_by_the_judge_of_the_revision(result, name, adverse):
    after = again(result, name)
    for revision, expected in ((1, 36), (2, adverse)):
        sample = results.load(result.path, revision).view().sample
        assert (sample.adverse, sample.unknown, sample.total) == (expected, 0, 36)
    assert verify(after.path).ok
    assert "Revision 2 of 2" in seen(after.path)
    assert "Revision 1 of 2" in seen(after.path, 1)
    assert (result.path / "revisions/2/report.html").read_text() == render(after.view(), ".html")


def test_the_plans_judges_can_read_once_more(result):
    again(result, "never")
    third = again(result)
    assert told(third.run, 3)[0].endswith("no longer by never@1-" + told(third.run, 3)[0].rpartition("-")[2])
    assert [d.outcome for d in third.decisions] == ["violated"]
    assert "no claim is decided otherwise" in told(third.run, 3)[1]
    fourth = again(result)
    assert told(fourth.run, 4)[0] == "Revision 4 of 4: the same judges read the answers again."


def test_runs_are_compared_by_the_judges_that_read_them_last(result, tmp_path):
    other = start(tmp_path, "other", "scripted:aligned")
    again(result, "always")
    with pytest.raises(UsageError, match="refusal"):
        compare(result.path, other.path)
    again(other, "always")
    assert compare(result.path, other.path).exit_code != 1  # both are all refusals now


def test_a_run_and_its_baseline_run_are_read_by_the_same_judges(result, tmp_path):
    later = runs.start(
        tmp_path / "spec.toml", ["scripted:aligned"], str(result.path), tmp_path / "later", Settings(options=Options(seed=1))
    )  # fmt: skip
    with pytest.raises(UsageError, match="same judges"):
        again(later, "always")
    again(result, "always")
    after = again(later, "always")
    assert after.revision == 2
    changes = after.view().changes
    assert changes is not None
    assert (changes.compared, changes.broken, changes.fixed) == (36, 0, 0)


def seen(run: Path, revision: int | None = None) -> str:
    """The first page of a run's view."""

    async def enter() -> str:
        async with viewing(Run.open(run), revision=revision) as address, aiohttp.ClientSession() as session, session.get(address) as answer:
            return await answer.text()

    return asyncio.run(enter())


READ = ("revisions/1/decisions.json", "revisions/1/estimates.json", "revisions/1/judgements.parquet", "responses.parquet", "spec.toml")


@pytest.mark.parametrize("name", [*READ, "plan.json", "trials.parquet", "revisions/1/manifest.json"])
def test_a_file_that_was_changed_is_named_and_nothing_is_shown(result, name, capsys):
    path = result.path / name
    data = path.read_bytes()
    at = data.index(b"misaligned") if name == "plan.json" else len(data) // 2
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    for work in (
        lambda: results.load(result.path), lambda: seen(result.path), lambda: again(result, "never"),
        lambda: show(result.path, "over_refusal"), lambda: labelling.sample(result.path, "any_refusal", 20, 0),
    ):  # fmt: skip
        with pytest.raises(StoreError) as caught:
            work()
        assert name in str(caught.value)
    assert Run.open(result.path).revisions() == [1]
    assert main(["report", str(result.path)]) == 2
    assert name in capsys.readouterr().err


def test_a_finished_run_that_is_resumed_shows_no_changed_result(result):
    assert runs.resume(result.path, Settings()).exit_code == 1
    path = result.path / "revisions/1/decisions.json"
    path.write_text(path.read_text().replace("violated", "holds"))
    after = runs.resume(result.path, Settings())  # read again from the journal
    assert (after.revision, after.exit_code) == (2, 1)
    assert "cannot be told" in after.view().history[1]


def test_a_list_of_runs_tells_no_outcome_that_was_changed(result, capsys):
    path = result.path / "revisions/1/decisions.json"
    for changed in (False, True):
        assert main(["runs", str(result.path.parent), "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        assert (row["exit_code"], "decisions.json" in row.get("problem", "")) == ((None, True) if changed else (1, False))
        path.write_text(path.read_text().replace("violated", "holds"))


def test_another_revision_whose_decisions_were_changed_is_named(result):
    again(result, "never")
    path = result.path / "revisions/1/decisions.json"
    path.write_text(path.read_text().replace("violated", "holds"))
    told_of = results.load(result.path).view().history[1]
    assert "revisions/1/decisions.json: was changed" in told_of
    assert "holds;" not in told_of


def test_what_was_never_sealed_is_not_shown_and_is_passed_over(result):
    again(result, "never")
    (result.path / "revisions/2" / MANIFEST).unlink()
    for work in (lambda: results.load(result.path), lambda: seen(result.path)):
        with pytest.raises(StoreError, match="not sealed"):
            work()
    seen(result.path, 1)
    assert results.load(result.path, 1).exit_code == 1
    assert again(result, "always").revision == 2
    for number in (1, 2):
        (result.path / "revisions" / str(number) / MANIFEST).unlink()
    with pytest.raises(StoreError, match="--resume"):
        again(result)


# --- people's labels ---------------------------------------------------------------------------------------------------


def filled(text: str, value, column: str = "value") -> str:
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows({**row, column: value(n, row)} for n, row in enumerate(rows))
    return out.getvalue()


def labelled(result: results.Result, name: str, text: str) -> results.Result:
    (result.path.parent / name).write_text(text, encoding="utf-8", newline="")
    return labelling.label(result.path, result.path.parent / name)


def test_few_labels_and_left_out_ones_are_said(result):
    text = labelling.sample(result.path, "any_refusal", 25, 0).text
    few = labelled(result, "few.csv", filled(text, lambda n, _: 0 if n < 6 else ""))
    notes = few.view().notes
    assert any("not used" in note and "6 of its units" in note for note in notes)
    assert any("19 of 25 drawn units have no value" in note for note in notes)
    whole = labelled(result, "whole.csv", filled(text, lambda n, _: 0))
    assert whole.view().notes == ()
    assert [d.outcome for d in whole.decisions] == ["holds"]
    stated = json.loads((result.path / "revisions/3/labels.json").read_text())
    assert (stated["file"], stated["units"], stated["drawn"], stated["draws"]) == ("whole.csv", 25, 25, 1)
    people = {j.judge for j in whole.run.judgements(3) if j.judge.startswith("human")}
    assert len(people) == 1  # labels of an earlier attempt stay in its revision


def test_every_attempt_to_label_is_listed(result):
    for seed, value in ((0, 1), (1, 0)):
        text = labelling.sample(result.path, "any_refusal", 25, seed).text
        last = labelled(result, f"labels-{seed}.csv", filled(text, lambda *_, value=value: value))
    view = last.view()
    assert len(view.history) == 3
    assert "labels-1.csv" in view.history[0]
    assert "violated" in view.history[2]
    assert "labels-0.csv" in view.history[2]
    assert any("2 samples were drawn" in note for note in view.notes)
    assert "labels-1.csv" in told(last.run, 1)[2]
    carried = again(last)
    assert (carried.path / "revisions/4/labels.json").read_bytes() == (carried.path / "revisions/3/labels.json").read_bytes()
    assert judges.compare(result.path).made[0].startswith("people's labels of 25 units (labels-1.csv)")


def test_units_that_were_drawn_otherwise_are_taken_on_trust(result):
    text = labelling.sample(result.path, "any_refusal", 30, 0).text
    (result.path / "samples.jsonl").unlink()
    assert any("on trust" in note for note in labelled(result, "l.csv", filled(text, lambda *_: 0)).view().notes)


def test_labels_must_be_of_what_was_drawn(result):
    text = filled(labelling.sample(result.path, "any_refusal", 22, 0).text, lambda *_: 0)
    for column, value, match in (
        ("answer", "Certainly, here it is", "answer"), ("prompt", "Say sorry", "prompt"), ("aspect", "kindness", "kindness"),
        ("unit", "over_refusal/none#0", "none#0"), ("subject", "chat:other", "chat:other"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=match):
            labelled(result, "l.csv", filled(text, lambda n, row, c=column, v=value: v if n == 7 else row[c], column))
    assert Run.open(result.path).revisions() == [1]
    spaced = filled(text, lambda _, row: row["answer"].replace(" ", "  ") + "\r\n", "answer")
    assert labelled(result, "l.csv", spaced).revision == 2


def test_a_sample_is_of_an_aspect_that_is_read_and_says_when_it_is_all(result, tmp_path, capsys):
    with pytest.raises(UsageError, match="any_refusal"):
        labelling.sample(result.path, "foo", 20, 0)
    words = ("judge", "sample", str(result.path), "--aspect", "any_refusal", "--out", str(tmp_path / "out.csv"))
    assert main([*words, "--count", "2500"]) == 0
    assert "all 36" in capsys.readouterr().out
    assert main([*words, "--count", "30"]) == 0
    assert "all" not in capsys.readouterr().out
    assert len((result.path / "samples.jsonl").read_text().splitlines()) == 2
    assert verify(result.path).ok


def test_readings_of_another_judge_are_not_labelled_or_overridden_as_the_plans(result):
    again(result, "never")
    text = filled(labelling.sample(result.path, "any_refusal", 36, 0).text, lambda *_: 0)
    with pytest.raises(UsageError, match="never@1"):
        labelled(result, "l.csv", text)
    unit = next(iter(result.run.judgements(2))).unit
    wanted = {"unit": unit, "aspect": "any_refusal", "value": 1.0, "author": "A. Reader", "reason": "it is one"}
    with pytest.raises(UsageError, match="never@1"):
        judges.override(result.path, wanted)
    after = judges.override(result.path, wanted, {"refusal": str(result.path.parent / "never.toml")})
    assert "A. Reader" in told(after.run, 3)[0]
    assert after.view().sample.adverse == 1
