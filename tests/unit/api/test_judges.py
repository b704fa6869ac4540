"""Admission in a run, two revisions beside each other, and a person's override."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from fiducial.api import judges, labelling, runs
from fiducial.api.runs import Settings
from fiducial.engine.plan import Options
from fiducial.judges import refusal
from fiducial.kernel.errors import RecordError, SpecError, StoreError, UsageError
from fiducial.store import cards
from fiducial.store.run import Run
from fiducial.store.verify import verify

SPEC = """
[system]
name = "s"
[[principles]]
id = "p"
text = "t"
[benchmarks.over_refusal]
items = 24
perturbations = []
[[claims]]
id = "c"
clause = "p"
quantity = "over_refusal.any_refusal"
at_most = {bound}
{more}
"""


def run(folder: Path, more: str = "", bound: float = 0.9, name: str = "run", subjects=("scripted:aligned",)):
    spec = folder / f"{name}.toml"
    spec.write_text(SPEC.format(more=more, bound=bound), encoding="utf-8")
    return runs.start(spec, subjects, None, folder / name, Settings(options=Options(seed=1), report=True))


def test_without_admission_numbers_are_unaudited_and_claims_are_decided(tmp_path):
    result = run(tmp_path)
    (decision,) = result.decisions
    assert decision.outcome == "holds"
    assert all("unaudited" in number.flags[0] for number in result.estimates)


def test_a_judge_with_the_shipped_card_is_corrected_for(tmp_path):
    result = run(tmp_path, "[judges.admission]\nsensitivity = 0.6\nspecificity = 0.8")
    (decision,) = result.decisions
    assert decision.outcome == "holds"
    assert decision.estimate is not None
    assert "Rogan-Gladen" in decision.estimate.method
    assert (result.path / "revisions/1/cards.json").exists()
    assert verify(result.path).ok
    assert "audited" in (result.path / "revisions/1/report.html").read_text(encoding="utf-8")


def test_a_judge_that_fails_leaves_its_claim_undecided_unless_it_is_accepted(tmp_path):
    strict = "[judges.admission]\nsensitivity = 0.99"
    (decision,) = run(tmp_path, strict).decisions
    assert decision.outcome == "undecided"
    assert "not admitted" in decision.reason
    assert decision.estimate is not None
    assert any("not admitted" in flag for flag in decision.estimate.flags)
    (decision,) = run(tmp_path, f"{strict}\naccept = ['refusal']", name="accepted").decisions
    assert decision.outcome == "holds"


def test_corrected_claims_want_a_fixed_number_of_trials(tmp_path):
    with pytest.raises(SpecError, match="fixed"):
        run(tmp_path, "[judges.admission]\n[stopping]\nrule = 'sequential'")


def test_shipped_cards_are_of_the_judges_that_ship():
    known = cards.by_judge(cards.shipped())
    assert refusal.judge().id in known


def test_an_override_is_a_revision_with_author_and_reason(tmp_path):
    result = run(tmp_path, bound=0.05, subjects=("scripted:aligned", "scripted:misaligned"))
    before = list(result.run.judgements())
    chosen = next(j for j in before if j.aspect == "any_refusal" and j.value == 0.0)
    wanted = {
        "unit": chosen.unit, "subject": chosen.subject, "aspect": "any_refusal", "part": chosen.part, "value": 1.0, "author": "A. Reader",
        "reason": "it is put off",
    }  # fmt: skip
    after = judges.override(result.path, wanted)
    assert after.revision == 2
    assert list(Run.open(result.path).judgements(1)) == before
    (changed,) = [(old, new) for old, new in zip(before, Run.open(result.path).judgements(2), strict=True) if old != new]
    assert (changed[1].value, changed[1].label, changed[1].reason) == (1.0, "override", "A. Reader: it is put off")
    assert verify(result.path).ok
    again = judges.override(result.path, {**wanted, "value": 0.0, "author": "B. Reader", "reason": "it is not"})
    text = (again.path / "revisions/3/overrides.json").read_text(encoding="utf-8")
    assert "A. Reader" in text
    assert "B. Reader" in text
    found = judges.compare(result.path, 1, 2)
    (turned,) = [one for one in found.agreements if one.turned]
    assert turned.aspect == "any_refusal"
    assert turned.agreement is not None
    assert turned.agreement.value == pytest.approx(1 - 1 / turned.units)
    assert judges.compare(result.path, 1, 3).agreements[0].turned == ()


def test_a_judge_that_reads_alike_again_has_not_drifted(tmp_path):
    result = run(tmp_path)
    assert judges.drift(result.path) == []
    runs.rejudge(result.path, {}, Settings())
    watches = judges.drift(result.path)
    assert watches
    assert all(watch.read == 24 * 4 for watch in watches if watch.judge == refusal.judge().id)
    assert not any(watch.alarm or watch.turned for watch in watches)


def test_readings_that_were_changed_are_no_evidence_of_drift(tmp_path):
    result = run(tmp_path)
    runs.rejudge(result.path, {}, Settings())
    file = result.path / "revisions" / "2" / "judgements.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreError, match=r"judgements\.parquet"):
        judges.drift(result.path)


def test_what_cannot_be_overridden_or_compared_is_refused(tmp_path):
    result = run(tmp_path)
    chosen = next(iter(result.run.judgements()))
    wanted = {"unit": chosen.unit, "aspect": chosen.aspect, "value": 1.0, "author": "A", "reason": "r"}
    with pytest.raises(UsageError, match="one judgement"):
        judges.override(result.path, {**wanted, "aspect": "none"})
    with pytest.raises(RecordError, match="who"):
        judges.override(result.path, {**wanted, "author": " "})
    with pytest.raises(UsageError, match="two revisions"):
        judges.compare(result.path)


def test_own_labelled_cases_make_a_card(tmp_path):
    file = tmp_path / "labels.csv"
    lines = ["id,prompt,response,label"]
    lines += [
        f"{n},Help me,{'Sorry - I cannot help with that.' if n % 2 else 'Here is how: press the key twice.'},{n % 2}" for n in range(40)
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    card = judges.audit("refusal", [file], aspect="full_refusal", repeats=1, artifacts=False)
    (cell,) = card.errors
    assert (cell.found, cell.positives, cell.cleared, cell.negatives) == (20, 20, 20, 20)
    assert card.judge == refusal.judge().id
    file.write_text("\n".join([*lines, "99,Help me,no,maybe"]), encoding="utf-8")
    with pytest.raises(UsageError, match="row 41: label"):
        judges.audit("refusal", [file], aspect="full_refusal")
    with pytest.raises(UsageError, match="format"):
        judges.audit("recorded:x", [file])


def filled(text, value):
    """The rows of a sample with a value for each, by a function of the row."""
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows({**row, "value": value(row)} for row in rows)
    return rows, out.getvalue()


def test_labels_of_a_sample_make_a_revision_whose_numbers_they_correct(tmp_path):
    result = run(tmp_path, bound=0.5)
    text = labelling.sample(result.path, "any_refusal", 22, 3).text
    rows, done = filled(text, lambda row: 1 if int(row["unit"][-3].encode().hex(), 16) % 2 else 0)
    assert len(rows) == len({row["unit"] for row in rows}) == 22
    assert text == labelling.sample(result.path, "any_refusal", 22, 3).text != labelling.sample(result.path, "any_refusal", 22, 4).text
    assert all(row["value"] == "" and row["answer"] and row["prompt"] for row in rows)
    (tmp_path / "labels.csv").write_text(done, encoding="utf-8")
    after = labelling.label(result.path, tmp_path / "labels.csv")
    number = next(e for e in after.estimates if e.of.quantity == "any_refusal" and not e.of.slice)
    assert "people's labels of 22 units" in number.method
    assert number.extra["uncorrected"] == 0.0
    assert not any("unaudited" in flag for flag in number.flags)
    assert verify(result.path).ok
    assert next(e for e in runs_of(result.path, 1) if e.of.quantity == "any_refusal").value == 0.0
    unit = rows[0]["unit"]
    overridden = judges.override(result.path, {"unit": unit, "aspect": "full_refusal", "value": 1.0, "author": "A", "reason": "r"})
    assert any("people's labels" in e.method for e in overridden.estimates)
    assert judges.drift(result.path) == []  # copies are no readings
    again = runs.rejudge(result.path, {}, Settings())
    (watch,) = judges.drift(result.path)
    assert (watch.judge, watch.turned) == (number.of.judge, 0)
    assert next(e for e in again.estimates if e.of == number.of) == number


def runs_of(path, revision):
    return Run.open(path).estimates(revision)


def test_the_table_of_a_benchmark_may_name_people_from_the_start(tmp_path):
    first = run(tmp_path)
    _, done = filled(labelling.sample(first.path, "any_refusal", 24, 0).text, lambda row: 0)
    (tmp_path / "labels.csv").write_text(done, encoding="utf-8")
    more = '[judges.people]\nuse = "human"\npath = "labels.csv"\n[benchmarks.over_refusal.people]\nrefusal = "people"'
    again = run(tmp_path, more, name="again")
    number = next(e for e in again.estimates if e.of.quantity == "any_refusal" and not e.of.slice)
    assert number.extra["labels"] == 24
    with pytest.raises(SpecError) as caught:
        run(tmp_path, more.replace("refusal =", "other ="), name="wrong")
    assert caught.value.path == "benchmarks.over_refusal.people.other"


def test_labels_of_no_unit_of_the_run_are_refused(tmp_path):
    result = run(tmp_path)
    (tmp_path / "labels.csv").write_text("unit,aspect,value\nelsewhere,any_refusal,1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="judge sample"):
        labelling.label(result.path, tmp_path / "labels.csv")
    assert Run.open(result.path).revisions() == [1]
