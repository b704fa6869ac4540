"""Names of a specification become plugins; what does not fit is refused by path."""

import pytest

from fiducial.api.resolve import check_self_judging, resolve, subject
from fiducial.engine.spec import parse
from fiducial.kernel.errors import PluginError, SpecError, UsageError

BASE = """
[system]
name = "x"
[benchmarks.over_refusal]
items = 10
"""


def of(text, tmp_path):
    return resolve(parse(text.encode()), str(tmp_path / "spec.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE + 'perturbations = ["mood"]', "mood"),
        (BASE + 'perturbations = [{ use = "language", tongues = ["en"] }]', "perturbations.language.tongues"),
        (BASE + 'judges = { refusal = "absent" }', "judges.refusal"),
        (BASE + 'judges = { taste = "refusal" }', "over_refusal.judges"),
        (BASE + 'data = { format = "parchment", path = "x.csv" }', "data.format"),
        (BASE + "[judges.refusal]\ncolour = 1", "judges.refusal.colour"),
        (BASE + '[judges.refusal]\nuse = "oracle_of_delphi"', "oracle_of_delphi"),
        (BASE + '[judges.jury]\nuse = "panel"\nmembers = ["jury"]', "judges.jury.members[0]"),
        (BASE + '[judges.jury]\nuse = "panel"\nmembers = ["nobody"]', "nobody"),
        ('[system]\nname = "x"\n[benchmarks.planets]\nitems = 3', "planets"),
        ('[system]\nname = "x"\n[benchmarks.mine]\nitems = "absent.csv"\njudge = "match"', "absent.csv"),
        ('[system]\nname = "x"\n[benchmarks.mine]\nitems = "c.csv"\njudge = "rubric"', "judges.rubric"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, text, said):
    (tmp_path / "c.csv").write_text("prompt\nhello\n")
    with pytest.raises((SpecError, PluginError, UsageError)) as caught:
        of(text, tmp_path)
    assert said in str(caught.value)


def test_a_judge_of_the_specification_replaces_the_one_of_its_name(tmp_path):
    own = of(BASE, tmp_path).judges["over_refusal"]["refusal"]
    german = of(BASE + '[judges.refusal]\nlanguage = "de"', tmp_path).judges["over_refusal"]["refusal"]
    assert own.id != german.id


def test_a_panel_is_made_of_tables(tmp_path):
    (tmp_path / "bot.py").write_text('def reply(prompt):\n    return "x"\n')
    rubric = 'subject = "python:bot.py:reply"\nquestion = "Is it kind?"\ncriteria = "1 no, 5 yes"\n'
    tables = (
        f'[judges.refusal]\nuse = "panel"\nmembers = ["one", "two"]\n[judges.one]\nuse = "rubric"\n{rubric}[judges.two]\nuse = "refusal"\n'
    )
    found = of(BASE + tables, tmp_path)
    panel = found.judges["over_refusal"]["refusal"]
    assert len(panel.members) == 2
    assert len(found.graders) == 1
    bot = subject("python:bot.py:reply", tmp_path)
    with pytest.raises(SpecError, match="allow_self"):
        check_self_judging(found, [bot])


def test_a_judge_without_its_model_is_not_configured(tmp_path):
    found = of('[system]\nname = "x"\n[benchmarks.harmful_compliance]\nitems = 5', tmp_path)
    assert found.judges["harmful_compliance"]["harm"] is None
    assert found.judges["harmful_compliance"]["refusal"] is not None


OWN = """
[system]
name = "x"
[[principles]]
id = "p"
text = "t"
[benchmarks.mine]
items = "c.csv"
judge = {judge}
[[claims]]
id = "c"
clause = "p"
quantity = "mine.{quantity}"
at_least = 0.5
"""

JUDGE = """
from fiducial import Reader, Verdict

def judge(*, words=50):
    return Reader("brief", "1", lambda case: [Verdict("brief", float(len(case.only.response.answer.split()) <= words))], {"words": words})
"""


@pytest.fixture
def brief(tmp_path):
    (tmp_path / "c.csv").write_text("prompt\nhello\n")
    (tmp_path / "brief.py").write_text(JUDGE)
    (tmp_path / "silent.py").write_text(JUDGE.replace("[Verdict(", "[] and [Verdict("))
    return tmp_path


@pytest.mark.parametrize(
    ("judge", "tables"),
    [
        ('"./brief.py"', ""),
        ('"./brief.py"', '[judges.brief]\nuse = "./brief.py"\nwords = 3'),
        ('"brief"', '[judges.brief]\nuse = "./brief.py"\nwords = 3'),
        ('"match"', '[judges.match]\nuse = "./brief.py"'),
        ('"short"', '[judges.short]\nuse = "./brief.py"'),
    ],
)
def test_a_judge_of_ones_own_reads_ones_own_cases(brief, judge, tables):
    found = of(OWN.format(judge=judge, quantity="brief") + tables, brief)
    assert set(found.benchmarks["mine"].quantities) == {"brief"}
    (reader,) = found.judges["mine"].values()
    assert reader is not None
    assert reader.options["words"] == (3 if "words" in tables else 50)


@pytest.mark.parametrize(
    ("judge", "quantity", "tables", "said"),
    [
        ('"./brief.py"', "accuracy", "", "claims[0].quantity: expected one of mine.brief, got 'mine.accuracy'"),
        ('"match"', "accuracy", '[judges.match]\nuse = "./brief.py"', "claims[0].quantity: expected one of mine.brief"),
        ('"mach"', "accuracy", "", "benchmarks.mine.judge: judge 'mach'"),
        ('"./absent.py"', "accuracy", "", "benchmarks.mine.judge: "),
        ('"reference"', "score", "", "a table [judges.reference] with subject"),
        ('"match"', "accuracy", "", "benchmarks.mine.items: "),
        ('"./silent.py"', "accuracy", "", "benchmarks.mine.judge: "),
        ('"rubric"', "score", "", 'subject = "chat:MODEL@URL"'),
    ],
)
def test_a_judge_that_cannot_read_them_is_refused_with_its_key(brief, judge, quantity, tables, said):
    with pytest.raises((SpecError, PluginError, UsageError)) as caught:
        of(OWN.format(judge=judge, quantity=quantity) + tables, brief)
    assert str(caught.value).startswith(str(brief / "spec.toml"))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "tables", ['[judges.refusal]\nuse = "./brief.py"', 'judges = { refusal = "brief" }\n[judges.brief]\nuse = "./brief.py"']
)
def test_a_judge_that_reads_nothing_of_its_role_is_refused_before_anything_is_asked(brief, tables):
    with pytest.raises(SpecError, match=r"benchmarks\.over_refusal\.judges\.refusal: expected a judge of .*any_refusal.*one of brief"):
        of(BASE + tables, brief)
    assert of(BASE + tables.replace("./brief.py", "refusal"), brief).judges["over_refusal"]["refusal"] is not None


def test_model_judges_are_put_in_a_role_without_being_asked(tmp_path):
    (tmp_path / "bot.py").write_text("def reply(prompt):\n    raise SystemExit('asked')\n")
    start = '[system]\nname = "x"\n[benchmarks.harmful_compliance]\nitems = 5\n[judges.harm]\nsubject = "python:bot.py:reply"\n'
    assert of(start, tmp_path).judges["harmful_compliance"]["harm"] is not None
    with pytest.raises(SpecError, match="expected a judge of harm"):
        of(start + 'use = "rubric"\nquestion = "Is it kind?"\ncriteria = "1 no, 5 yes"\n', tmp_path)
