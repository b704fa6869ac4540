"""One's own cases: rows become items, options are found, languages are forms."""

import json

import numpy as np
import pytest

from fiducial.benchmarks.cases import from_file, read
from fiducial.kernel.errors import UsageError
from fiducial.kernel.load import load
from fiducial.kernel.roles import Cycle, Reader, Verdict
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


def clusters(path, kind="match"):
    items = read(path, kind)
    return [item.cluster for item in items], items.repeated


def test_cases_that_ask_the_same_are_one_cluster_unless_their_file_says_otherwise(tmp_path):
    rows = ["a,What is 1 + 1?,2", "b,  what is  1 + 1?,two", "c,What is 1 + 2?,3", "d,What is 1 + 1?,2"]
    plain = write(tmp_path, "id,prompt,reference\n" + "\n".join(rows) + "\n")
    assert clusters(plain) == (["a", "a", "c", "a"], 3 - 1)
    named = [row + cluster for row, cluster in zip(rows, (",k", ",", ",", ",other"), strict=True)]
    stated = write(tmp_path, "id,prompt,reference,cluster\n" + "\n".join(named) + "\n", "named.csv")
    assert clusters(stated) == (["k", "k", "c", "other"], 1)
    systems = write(tmp_path, "id,prompt,reference,system\na,Hello?,x,Be brief.\nb,Hello?,x,Be long.\n", "systems.csv")
    assert clusters(systems) == (["a", "b"], 0)


def test_items_that_share_a_prompt_in_any_language_are_one_cluster(tmp_path):
    rows = ["a,en,One?,x", "b,en,Two?,x", "b,de,Eins?,x", "a,de,Eins?,x", "c,en,two?,x", "d,en,Four?,x"]
    assert clusters(write(tmp_path, "id,language,prompt,reference\n" + "\n".join(rows) + "\n")) == (["a", "a", "a", "d"], 2)


def test_a_benchmark_says_that_its_cases_repeat(tmp_path):
    path = write(tmp_path, "prompt,reference\n" + "What is the sum of 1 and 1?,2\n" * 40)
    (note,) = from_file("sums", path, load("judge", "match")(), "match").notes
    assert "39 of 40" in note
    other = write(tmp_path, "prompt,reference\nOne?,1\nTwo?,2\n", "other.csv")
    assert from_file("sums", other, load("judge", "match")(), "match").notes == ()


def test_further_columns_are_tags(tmp_path):
    path = write(tmp_path, "id,prompt,reference,category,notes\na,Hello?,x,greeting,\nb,Bye?,x,,parting words\n")
    assert [item.tags for item in read(path, "match")] == [("category:greeting",), ("notes:parting words",)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Prompt,reference\na,b\n", "write 'prompt'"),
        ("prompt,Reference\na,b\n", "write 'reference'"),
        ("prompt,refrence\na,b\n", "write 'reference'"),
        ("prompt,reference,clusters\na,b,c\n", "write 'cluster'"),
        ("prompt;reference\na;b\n", "commas, not by ';'"),
        ("prompt\treference\na\tb\n", "commas, not by"),
        ("prompt,reference\nhello, you,hi\n", "got 3; a cell that holds a comma"),
        ("prompt,reference\nhello\n", "got 1"),
        ("", "an empty file"),
    ],
)
def test_a_refusal_says_what_to_write(tmp_path, text, said):
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path, text), "match")
    assert said in str(caught.value)
    assert "expected" in str(caught.value)


def test_quantities_are_the_aspects_of_the_judge(tmp_path):
    def said(case):
        return [Verdict("kind", 1.0), Verdict("brief", None, reason="cannot tell")]

    path = write(tmp_path, "prompt\nHello?\n")
    benchmark = from_file("mine", path, Reader("nice", "1", said), "nice")
    assert {name: (q.judge, q.aspect) for name, q in benchmark.quantities.items()} == {"kind": ("nice", "kind"), "brief": ("nice", "brief")}
    matched = from_file("mine", write(tmp_path, "prompt,reference\nHello?,hi\n"), load("judge", "match")(), "match")
    assert set(matched.quantities) == {"accuracy"}


class Asking:
    """A judge that is no pure function; it must not have to answer before anything was asked."""

    id = "asking@1"

    def __init__(self, **stated):
        self.__dict__.update(stated)

    async def judge(self, case):
        if case.only.response.status != "empty":
            raise AssertionError("asked a model")
        return (Verdict("upheld", None, reason="no answer").signed(self.id, case),)


def test_a_judge_that_asks_is_not_asked_for_its_aspects(tmp_path):
    path = write(tmp_path, "prompt\nHello?\n")
    assert set(from_file("mine", path, Asking(), "asking").quantities) == {"upheld"}
    assert set(from_file("mine", path, Asking(aspects=("one", "two")), "asking").quantities) == {"one", "two"}


@pytest.mark.parametrize(("read_", "said"), [(lambda case: [], "an attribute `aspects`"), (lambda case: case.absent, "AttributeError")])
def test_a_judge_that_says_nothing_or_raises_is_refused(tmp_path, read_, said):
    with pytest.raises(UsageError, match=said):
        from_file("mine", write(tmp_path, "prompt\nHello?\n"), Reader("odd", "1", read_), "odd")
