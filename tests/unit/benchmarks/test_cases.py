"""One's own cases: rows become items, options are found, languages are forms."""

import json

import numpy as np
import pytest

from fiducial.benchmarks.cases import from_file, read
from fiducial.kernel.errors import UsageError
from fiducial.kernel.load import load
from fiducial.kernel.roles import Cycle
from fiducial.testing import run_control


def write(tmp_path, text, name="cases.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_one_id_in_two_languages_are_one_item(tmp_path):
    path = write(tmp_path, "id,prompt,reference,language,cluster\na,Hello?,yes,en,k\na,Hallo?,ja,de,k\nb,Bye?,no,en,k\n")
    one, two = read(path, "match")
    assert (one.texts["de"]["plain"], one.reference) == ("Hallo?", {"en": "yes", "de": "ja"})
    assert (one.cluster, two.cluster) == ("k", "k")
    with pytest.raises(UsageError, match="row 3"):
        read(write(tmp_path, "id,prompt,reference\na,x,y\na,x,y\n"), "match")


def test_json_lines_are_read_too(tmp_path):
    rows = [{"prompt": "2+2?", "reference": 4}, {"prompt": "3+3?", "reference": 6, "system": "Be brief."}]
    path = write(tmp_path, "\n".join(json.dumps(row) for row in rows), "cases.jsonl")
    items = read(path, "match")
    assert [item.reference["en"] for item in items] == ["4", "6"]
    assert items[1].texts["en"]["system"] == "Be brief."
    with pytest.raises(UsageError, match="row 1"):
        read(write(tmp_path, "[1]", "bad.jsonl"), "match")


def test_options_stand_in_columns_or_in_the_prompt(tmp_path):
    columns = write(tmp_path, "prompt,A,B,reference\nWhich?,red,blue,B\nWhich?,red,blue,RED\n")
    assert [item.reference["en"]["answer"] for item in read(columns, "choice")] == ["B", "A"]
    inside = write(tmp_path, 'prompt,reference\n"Which?\nA) red\nB) blue",B\n', "inside.csv")
    assert read(inside, "choice")[0].reference["en"] == {"options": {"A": "red", "B": "blue"}, "answer": "B"}
    with pytest.raises(UsageError, match="options"):
        read(write(tmp_path, "prompt,reference\nWhich?,B\n", "none.csv"), "choice")


@pytest.mark.parametrize("kind", ["match", "choice"])
def test_the_stand_ins_are_told_apart(tmp_path, kind):
    path = write(tmp_path, "prompt,A,B,reference\n" + "".join(f"Which {n}?,red {n},blue {n},{'AB'[n % 2]}\n" for n in range(5)))
    benchmark = from_file("mine", path, load("judge", kind)(), kind)
    items = benchmark.items(np.random.default_rng(0), Cycle(seed=0, count=99))
    for control, expected in ((benchmark.positive, 1.0), (benchmark.negative, 0.0)):
        import asyncio

        for item in items:
            for case in run_control(benchmark, control, item):
                (found,) = asyncio.run(benchmark.judges[kind].judge(case))
                assert found.value == expected
    drawn = benchmark.items(np.random.default_rng(0), Cycle(seed=0, count=3))
    assert len(drawn) == 3


def test_unusual_line_separators_inside_a_prompt_end_no_row(tmp_path):
    prompt = "one\u2028two\x0bthree\x85four"
    (item,) = read(write(tmp_path, f"prompt,reference\n{prompt},yes\n"), "match")
    assert item.texts["en"]["plain"] == prompt
    (item,) = read(write(tmp_path, json.dumps({"prompt": prompt, "reference": "yes"}, ensure_ascii=False), "cases.jsonl"), "match")
    assert item.texts["en"]["plain"] == prompt


def test_items_are_a_sequence(tmp_path):
    items = read(write(tmp_path, "prompt,reference\n" + "".join(f"p{n},yes\n" for n in range(5))), "match")
    names = [item.texts["en"]["plain"] for item in items]
    assert names == [f"p{n}" for n in range(5)]
    assert [items[n] for n in (0, -1, 4)] == [list(items)[n] for n in (0, -1, 4)]
    assert [item.id for item in items[3:0:-1]] == [item.id for item in list(items)[3:0:-1]]
    with pytest.raises(IndexError):
        items[5]
