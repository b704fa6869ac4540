"""What the commands print, and their exit codes."""

import json

import pytest

from fiducial.cli import main

SPEC = """
[system]
name = "x"
[[principles]]
id = "p"
text = "t"
[[principles]]
id = "idle"
text = "nobody measures me"
[benchmarks.over_refusal]
items = 40
perturbations = ["phrasing", {{ use = "language", languages = ["en", "de"] }}]
[[claims]]
id = "helps"
clause = "p"
quantity = "over_refusal.any_refusal"
at_most = {bound}
"""


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SPEC.format(bound=0.1))

    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_plan_says_what_it_takes_and_what_it_cannot_decide(told, tmp_path):
    code, out, _ = told("plan", "spec.toml", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["trials"], found["calls"], found["price"]) == (80, 80, None)
    assert found["shares"][0]["crossed"] == ["language"]
    assert any("idle" in warning for warning in found["warnings"])
    (tmp_path / "tight.toml").write_text(SPEC.format(bound=0.01))
    code, out, _ = told("plan", "tight.toml")
    assert code == 0
    assert "cannot hold even at zero failures" in " ".join(out.split())


def test_a_plan_with_prices_has_a_price(told, tmp_path):
    (tmp_path / "m.toml").write_text('base_url = "http://127.0.0.1:9/v1"\nmodel = "m"\n[prices]\ninput = 1.0\noutput = 2.0\n')
    code, out, _ = told("plan", "spec.toml", "--subject", "chat:m.toml", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["price"] == pytest.approx((found["input_tokens"] + 2 * found["output_tokens"]) / 1e6)


def test_try_shows_a_transcript_and_the_reasons(told):
    code, out, _ = told("try", "over_refusal", "0", "--spec", "spec.toml", "--subject", "scripted:misaligned")
    assert code == 0
    assert "[user]" in out
    assert "[assistant]" in out
    assert "full_refusal: 1" in out
    code, out, _ = told(
        "try", "over_refusal", "1", "--spec", "spec.toml", "--subject", "scripted:aligned", "--filter", "over_refusal/language=de", "--json"
    )
    assert code == 0
    assert "language=de" in json.loads(out)["unit"]


def test_run_report_runs_list_and_doctor(told, tmp_path):
    code, out, _ = told("run", "spec.toml", "--subject", "scripted:aligned", "--quiet", "--junit", "j.xml", "--markdown", "m.md")
    assert code == 0
    assert "runs/x-1" in out
    assert (tmp_path / "j.xml").read_text().startswith("<?xml")
    assert "helps" in (tmp_path / "m.md").read_text()
    code, out, _ = told("run", "spec.toml", "--subject", "scripted:misaligned", "--quiet", "--json", "--repeat", "2", "--limit", "10")
    found = json.loads(out)
    assert code == found["exit_code"] == 1
    assert found["run"] == "runs/x-2"
    assert {e["n"] for e in found["estimates"] if not e["of"].get("slice")} == {40}
    code, out, _ = told("runs", "--json")
    assert [(row["run"], row["exit_code"]) for row in json.loads(out)] == [("runs/x-1", 0), ("runs/x-2", 1)]
    assert told("report", "runs/x-1", "--to", "r.html", "--to", "r.json")[0] == 0
    assert "<html" in (tmp_path / "r.html").read_text()
    assert told("report", "runs/x-1", "--to", "r.pdf")[0] == 2
    code, out, _ = told("list", "judges")
    assert code == 0
    assert "refusal" in out
    assert told("list", "planets")[0] == 2
    assert told("doctor")[0] == 0
    code, out, _ = told("spec", "schema")
    assert json.loads(out)["title"] == "Fiducial specification"


def test_a_filter_leaves_out_the_claims_of_other_benchmarks(told, tmp_path):
    more = '[benchmarks.harmful_compliance]\nitems = 40\n[[claims]]\nid = "declines"\nclause = "p"\nquantity = "harmful_compliance.non_refusal"\nat_most = 0.1\n'
    (tmp_path / "spec.toml").write_text(SPEC.format(bound=0.1) + more)
    code, out, _ = told("run", "spec.toml", "--subject", "scripted:aligned", "--quiet", "--filter", "over_refusal", "--json")
    assert code == 0
    assert [d["claim"]["id"] for d in json.loads(out)["decisions"]] == ["helps"]


def test_within_one_run_the_baseline_comes_first(told):
    told("run", "spec.toml", "--subject", "scripted:misaligned", "--baseline", "scripted:aligned", "--quiet", "--out", "d")
    code, out, _ = told("compare", "d", "d", "--json")
    assert code == 1
    assert json.loads(out)["before"].endswith("scripted:aligned")


def test_an_answer_cache_is_opt_in_and_said(told):
    words = ("run", "spec.toml", "--quiet", "--limit", "5")
    assert told(*words, "--subject", "scripted:aligned", "--cache", "answers", "--out", "a")[0] in {0, 3}
    code, out, _ = told(*words, "--subject", "scripted:aligned", "--cache", "answers", "--out", "b")
    assert code in {0, 3}
    assert "10 answers from the cache" in out


def test_a_budget_stops_and_says_so(told, tmp_path):
    (tmp_path / "spec.toml").write_text("[budget]\ncalls = 30\n" + SPEC.format(bound=0.1))
    code, out, _ = told("run", "spec.toml", "--subject", "scripted:aligned", "--quiet", "--out", "d")
    assert code in {0, 3}
    assert "budget.calls" in out
    assert told("verify", "d")[0] in {0, 1}


CASES = """
[system]
name = "x"
[[principles]]
id = "p"
text = "t"
[benchmarks.sums]
items = "sums.csv"
judge = "match"
{claim}
"""
CLAIM = '[[claims]]\nid = "adds"\nclause = "p"\nquantity = "sums.accuracy"\nat_least = 0.9'


def test_cases_that_repeat_are_told_and_are_no_evidence_of_their_own(told, tmp_path):
    (tmp_path / "sums.csv").write_text("prompt,reference\n" + "What is the sum of 1 and 1?,2\n" * 40)
    (tmp_path / "own.toml").write_text(CASES.format(claim=CLAIM))
    code, out, _ = told("spec", "check", "own.toml")
    assert (code, "39 of 40 cases" in out) == (0, True)
    code, out, _ = told("plan", "own.toml", "--json")
    found = json.loads(out)
    assert (found["shares"][0]["clusters"], found["shares"][0]["units"]) == (1, 40)
    assert any("39 of 40 cases" in warning for warning in found["warnings"])
    assert told("run", "own.toml", "--subject", "scripted:aligned", "--quiet")[0] == 3


def test_what_a_plugin_of_ones_own_raises_is_told_with_its_place_and_not_as_ours(told, tmp_path):
    assert told("new", "benchmark", "adding")[0] == 0
    file = tmp_path / "adding.py"
    lines = file.read_text().replace(" Item(", " Itme(").splitlines()
    file.write_text("\n".join(lines) + "\n")
    number = next(n for n, line in enumerate(lines, 1) if "Itme(" in line)
    (tmp_path / "own.toml").write_text('[system]\nname = "x"\n[benchmarks.adding]\nuse = "./adding.py"\nitems = 5\n')
    code, _, err = told("spec", "check", "own.toml")
    assert code == 2
    assert f"adding.py, line {number}" in err
    assert "report it" not in err


def test_a_specification_without_claims_decides_nothing_and_does_not_pass(told, tmp_path):
    (tmp_path / "sums.csv").write_text("prompt,reference\nOne and one?,2\nOne and two?,3\n")
    (tmp_path / "own.toml").write_text(CASES.format(claim=""))
    for command in (("spec", "check"), ("plan",)):
        code, out, _ = told(*command, "own.toml")
        assert code == 0
        assert "there is no claim" in " ".join(out.split())
    code, out, _ = told("run", "own.toml", "--subject", "scripted:aligned", "--quiet", "--out", "d", "--json")
    found = json.loads(out)
    assert code == found["exit_code"] == 2
    assert [estimate["value"] for estimate in found["estimates"]] == [1.0]
    assert told("report", "d")[0] == 2


def test_a_filter_that_leaves_no_claim_does_not_pass(told, tmp_path):
    more = "[benchmarks.harmful_compliance]\nitems = 5\n"
    (tmp_path / "spec.toml").write_text(SPEC.format(bound=0.1) + more)
    assert told("run", "spec.toml", "--subject", "scripted:aligned", "--quiet", "--filter", "harmful_compliance")[0] == 2


def test_help_is_in_one_notation_and_cut_nowhere(told):
    import ast
    from pathlib import Path

    from fiducial import cli

    names = [path.stem.rstrip("_") for path in sorted(Path(cli.__file__).parent.glob("[a-z]*.py"))]
    assert len(names) > 15
    for name in names:
        code, out, _ = told(name, "--help")
        assert code == 0
        usage, _, rest = out.partition("\n\n")
        assert not set("{<>") & set(usage), usage
        assert not any(sign in rest for sign in ("<str>", "<int", "<path>", "<float", "{", "...\n")), rest
    out = told("--help")[1]
    assert out.index("Options:") < out.index("--debug") < out.index("Commands:")
    assert out.index("Options:") < out.index("--version") < out.index("Commands:") < out.index("glossary.md")
    tree = ast.parse((Path(cli.__file__).parent / "judge.py").read_bytes())
    docs = [ast.get_docstring(one) for one in tree.body if isinstance(one, ast.FunctionDef) and one.decorator_list]
    shown = " ".join(told("judge", "--help")[1].split())
    assert len(docs) > 8
    assert all(doc and doc.partition("\n")[0] in shown for doc in docs)


def test_version_and_debug_are_options(told):
    for words in (("--version",), ("-V",), ("--version", "run")):
        code, out, _ = told(*words)
        assert (code, out.split()[0]) == (0, "fiducial")


def test_list_shows_packs_and_organisms_by_their_kinds(told):
    from fiducial.organisms import catalogue

    out = told("list")[1]
    assert {"packs:", "organisms:", "judges:"} <= set(out.splitlines())
    assert "town" in told("list", "pack")[1]
    code, out, _ = told("list", "organism", "--json")
    assert code == 0
    assert list(json.loads(out)["organism"]) == [f"organism:{name}" for name in sorted(catalogue.names())]


def test_where_nothing_was_answered_there_is_nothing_to_judge(told, tmp_path):
    (tmp_path / "bot.py").write_text("def reply(prompt):\n    raise RuntimeError('down')\n")
    code, out, _ = told("try", "over_refusal", "0", "--spec", "spec.toml", "--subject", "python:bot.py:reply")
    assert code == 0
    assert out.rstrip().endswith("no answer to judge")


def test_a_judge_that_fails_in_the_run_names_the_line_of_its_file(told, tmp_path):
    (tmp_path / "odd.py").write_text(
        "from fiducial import Reader, Verdict\n\n\ndef judge():\n    def read(case):\n        if 'other' in case.only.response.answer:\n"
        "            return case.absent\n        return [Verdict('odd', 1.0)]\n\n    return Reader('odd', '1', read)\n"
    )
    (tmp_path / "sums.csv").write_text("prompt\nOne and one?\n")
    (tmp_path / "bot.py").write_text("def reply(prompt):\n    return 'other'\n")
    (tmp_path / "own.toml").write_text(CASES.format(claim="").replace('"match"', '"./odd.py"'))
    code, out, _ = told("try", "sums", "0", "--spec", "own.toml", "--subject", "python:bot.py:reply")
    assert code == 0
    assert "(odd.py, line 7)" in out
