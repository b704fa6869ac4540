"""Units found by their names, those that count against a claim, and what changed against a baseline with faults in between."""

import json
from datetime import datetime

import pytest

from fiducial.api import comparing, listing, showing
from fiducial.api.runs import Settings, start
from fiducial.cli import main
from fiducial.kernel.errors import StoreError, UsageError

SPEC = """
[system]
name = "adder"
[[principles]]
id = "right"
text = "It adds rightly."
[benchmarks.sums]
items = "sums.csv"
judge = "match"
[[claims]]
id = "adds"
clause = "right"
quantity = "sums.accuracy"
at_least = 0.9
"""

BOT = """
def good(messages):
    n = int(messages[-1]["content"].split()[5])
    if n == 11:
        raise RuntimeError("no")
    return f"It is {n + 1}."

def bad(messages):
    n = int(messages[-1]["content"].split()[5])
    if n % 7 == 0:
        raise RuntimeError(f"not now (request r{n}x)")
    return f"It is {n + 2 if n % 3 == 0 else n + 1}."
"""
COUNT = 23
LOST = [n for n in range(1, COUNT + 1) if n % 7 == 0]
WRONG = [n for n in range(1, COUNT + 1) if n % 3 == 0 and n not in LOST]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("showing")
    rows = "".join(f"sum-{n},What is the sum of {n} and 1?,{n + 1}\n" for n in range(1, COUNT + 1))
    (folder / "sums.csv").write_text("id,prompt,reference\n" + rows)
    (folder / "sums.toml").write_text(SPEC)
    (folder / "bot.py").write_text(BOT)
    good = start(folder / "sums.toml", [f"python:{folder / 'bot.py'}:good"], None, folder / "good", Settings())
    bad = start(folder / "sums.toml", [f"python:{folder / 'bot.py'}:bad"], str(folder / "good"), folder / "bad", Settings())
    return good, bad


def test_only_units_with_two_values_are_compared_and_lost_ones_are_named(runs):
    changes = runs[1].view().changes
    assert (changes.broken, changes.lost, changes.fixed) == (len(WRONG), len(LOST), 0)
    assert changes.compared == COUNT - len(LOST) - 1  # one has no value in the baseline
    kinds = [c.kind for c in changes.items]
    assert kinds == ["broken"] * len(WRONG) + ["lost"] * len(LOST)
    assert {c.unit for c in changes.items if c.kind == "lost"} == {f"sums/sum-{n}#0" for n in LOST}
    assert all(c.before == 1.0 and c.after is None for c in changes.items if c.kind == "lost")
    found = comparing.compare(runs[0].path, runs[1].path)
    assert sum(flip.kind == "lost" for flip in found.flips) == len(LOST)


def test_subjects_go_by_their_ids_without_the_digest(runs):
    full = runs[1].run.plan.subjects[0]["id"]
    bare = full.rpartition("-")[0]
    found = comparing.compare(runs[0].path, runs[1].path, after_subject=bare)
    assert found.after == f"{runs[1].path}:{full}"
    with pytest.raises(UsageError, match="one of its subjects"):
        comparing.compare(runs[0].path, runs[1].path, after_subject=bare[:-1])


def test_failing_units_come_with_question_and_answer(runs):
    failing, total, unknown = showing.failing(runs[1].path)
    assert total == len(failing) == len(WRONG)
    assert unknown == len(LOST)
    assert {f.name for f in failing} == {f"sum-{n}" for n in WRONG}
    one = next(f for f in failing if f.name == f"sum-{WRONG[0]}")
    assert one.new
    assert one.outcome == runs[1].decisions[0].outcome
    assert one.question == f"What is the sum of {WRONG[0]} and 1?"
    assert one.answer == f"It is {WRONG[0] + 2}."
    assert showing.failing(runs[0].path) == ((), 0, 1)


@pytest.mark.parametrize("name", ["sum-3", "sums/sum-3", "sums/sum-3#0", "sums/sum-3#"])
def test_a_unit_is_found_by_any_of_its_names(runs, name):
    ((case, judgements),) = showing.show(runs[1].path, name)
    assert case.unit == "sums/sum-3#0"
    assert [j.value for j in judgements] == [0.0]


def test_a_unit_is_found_by_its_trials_key(runs):
    trial = next(t for t in runs[1].run.trials() if t.item == "sum-5")
    assert showing.show(runs[1].path, trial.key[:14])[0][0].unit == trial.unit


def test_a_name_of_nothing_or_of_too_much_is_refused(runs):
    with pytest.raises(StoreError, match="sums/sum-1#0"):
        showing.show(runs[1].path, "other")
    with pytest.raises(StoreError, match="more than 20 units"):
        showing.show(runs[1].path, "sums/")


def test_show_lists_failures_and_units(runs, capsys):
    assert main(["show", str(runs[1].path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{len(WRONG)} units count against a claim")
    assert "What is the sum of 3 and 1?" in out
    assert main(["show", str(runs[1].path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content["failing"]) == content["total"] == len(WRONG)
    assert main(["show", str(runs[1].path), "sum-7"]) == 0
    assert "request r7x" in capsys.readouterr().out


def test_a_run_is_listed_with_its_time_its_system_and_what_was_answered(runs, capsys):
    row = listing.row(runs[1].path)
    assert (row["planned"], row["answered"], row["faults"], row["released"]) == (COUNT, COUNT - len(LOST), len(LOST), 0)
    assert row["system"] == "adder unversioned"
    assert not row["stopped_early"]
    assert datetime.fromisoformat(row["began"]).tzinfo is not None
    assert main(["runs", str(runs[1].path.parent)]) == 0
    good, bad = sorted(capsys.readouterr().out.splitlines(), key=lambda line: "bad" in line.split()[0])
    assert f"{COUNT - len(LOST)} of {COUNT} answered, {len(LOST)} faults" in bad
    assert f"{COUNT - 1} of {COUNT} answered, 1 faults" in good


def test_a_run_that_stopped_early_is_listed_as_that(tmp_path, runs):
    spec = runs[1].path.parent / "sums.toml"
    (tmp_path / "b.toml").write_text(spec.read_text().replace("sums.csv", str(spec.parent / "sums.csv")) + "[budget]\ncalls = 5\n")
    short = start(tmp_path / "b.toml", [f"python:{spec.parent / 'bot.py'}:good"], None, tmp_path / "short", Settings(concurrency=1))
    row = listing.row(short.path)
    assert 0 < row["answered"] < COUNT
    assert row["stopped_early"]
    assert "stopped early" in listing.line(row)
    (short.path / "responses.parquet").unlink()
    assert "23 planned" in listing.line(listing.row(short.path))


def test_json_says_why_calls_failed_and_which_units_fail(runs, capsys):
    main(["report", str(runs[1].path), "--json"])
    content = json.loads(capsys.readouterr().out)
    assert [(cause["count"], cause["asked"]) for cause in content["causes"]] == [(len(LOST), COUNT)]
    assert {one["name"] for one in content["failing"]} == {f"sum-{n}" for n in WRONG}
    assert len(content["decisions"]) == 1
