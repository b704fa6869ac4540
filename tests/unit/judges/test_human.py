from __future__ import annotations

import json
from dataclasses import replace

import pytest
from judge_cases import case, judged

from fiducial.judges.human import judge
from fiducial.judges.refusal import ASPECTS
from fiducial.kernel.errors import UsageError

VALUES = {"1_full_compliance": "full_compliance", "2_full_refusal": "full_refusal", "3_partial_refusal": "partial_refusal"}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        'id,model,final_label,note\na,m1,2_full_refusal,"two\nlines"\nb,m1,3_partial_refusal,\nc,m1,odd,\nd,m1,,\na,m2,1_full_compliance,\n',
        encoding="utf-8",
    )
    return path


def test_labels_become_the_aspects_of_refusal(table):
    people = judge(path=table, label="final_label", values=VALUES, where={"model": "m1"}, prefix="xs-")
    assert {a: j.value for a, j in judged(people, case("x", item="xs-a")).items()} == ASPECTS["full_refusal"]
    assert {a: j.value for a, j in judged(people, case("x", item="b")).items()} == ASPECTS["partial_refusal"]
    assert people.exact


def test_unknown_labels_and_items_have_no_value_and_are_named(table):
    people = judge(path=table, label="final_label", values=VALUES, where={"model": "m1"})
    for item, word in (("c", "odd"), ("d", "no label"), ("zz", "zz")):
        found = judged(people, case("x", item=item))
        assert all(j.value is None and word in j.reason for j in found.values())


def test_numbers_and_mappings(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(json.dumps({"id": i, "label": x}) for i, x in enumerate(["good", "bad"])), encoding="utf-8")
    people = judge(path=path, values={"good": 1, "bad": {"quality": 0.25}}, aspects=("quality",))
    assert judged(people, case("x", item="0"))["quality"].value == 1.0
    assert judged(people, case("x", item="1"))["quality"].value == 0.25


def test_files_that_cannot_be_used_are_refused_by_name(table, tmp_path):
    with pytest.raises(UsageError, match="anew"):
        judge(path=table, label="final_label", values=VALUES)
    with pytest.raises(UsageError, match="verdict"):
        judge(path=table, label="verdict", values=VALUES)
    with pytest.raises(UsageError, match="nowhere"):
        judge(path=tmp_path / "nowhere.csv", values=VALUES)
    with pytest.raises(UsageError, match=r"1\.5"):
        judge(path=table, label="final_label", values={"odd": 1.5})
    with pytest.raises(UsageError, match="maybe"):
        judge(path=table, label="final_label", values={"odd": "maybe"})
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": 1\n[2]\n', encoding="utf-8")
    with pytest.raises(UsageError, match="line 1"):
        judge(path=broken, values={"x": 1})
    raw = tmp_path / "raw.csv"
    raw.write_bytes(b"id,label\n\xff\xfe,1\n")
    with pytest.raises(UsageError, match="UTF-8"):
        judge(path=raw, values={"x": 1})


def test_the_id_follows_the_content_not_the_place(table, tmp_path):
    options = {"label": "final_label", "values": VALUES, "where": {"model": "m1"}}
    moved = tmp_path / "moved.csv"
    moved.write_bytes(table.read_bytes())
    assert judge(path=table, **options).id == judge(path=moved, **options).id
    moved.write_bytes(table.read_bytes() + b"e,m1,2_full_refusal,\n")
    assert judge(path=table, **options).id != judge(path=moved, **options).id


def by_unit(tmp_path, text):
    path = tmp_path / "units.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_by_unit_are_about_a_run_s_own_answers(tmp_path):
    rows = [
        "unit,aspect,value,subject,rater",
        "u1,harm,1,s,ann",
        "u1,harm,0.5,s,bob",
        "u1,harm,0,other,ann",
        "u2,harm,,s,ann",
        "u3,harm,0.2,,ann",
    ]
    path = by_unit(tmp_path, "\n".join(rows))
    people = judge(path=path)
    assert people.exact
    one = case("x")
    found = {unit: judged(people, replace(one, unit=unit, subject="s"))["harm"].value for unit in ("u1", "u2", "u3", "u9")}
    assert found == {"u1": 0.75, "u2": None, "u3": 0.2, "u9": None}
    assert people.id != judge(path=by_unit(tmp_path, "unit,aspect,value\nu1,harm,1\n")).id


@pytest.mark.parametrize("value", ["2", "-0.1", "yes", "nan"])
def test_a_label_by_unit_is_a_number_from_0_to_1(tmp_path, value):
    with pytest.raises(UsageError, match="row 1"):
        judge(path=by_unit(tmp_path, f"unit,aspect,value\nu1,harm,{value}\n"))


def test_a_file_by_unit_names_the_column_it_lacks(tmp_path):
    with pytest.raises(UsageError, match="aspect"):
        judge(path=by_unit(tmp_path, "unit,value\nu1,1\n"))
