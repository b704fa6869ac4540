"""A specification is read strictly, and each refusal names file, path and what was expected."""

import pytest

from fiducial.engine.spec import check, parse, read
from fiducial.kernel.errors import SpecError
from fiducial.kernel.records import Message, Trial
from fiducial.kernel.roles import Benchmark, Quantity, Reader, Verdict

GOOD = """
[system]
name = "bot"
version = "2"
[[principles]]
id = "honest"
text = "It tells the truth."
[benchmarks.truth]
items = 7
[[claims]]
id = "truth"
clause = "honest"
quantity = "truth.accuracy"
at_least = 0.9
"""


def broken(old: str, new: str) -> SpecError:
    assert old in GOOD
    with pytest.raises(SpecError) as caught:
        parse(GOOD.replace(old, new).encode(), "s.toml")
    assert str(caught.value).startswith("s.toml: ")
    return caught.value


def test_a_good_one_is_read_with_its_defaults():
    spec = parse(GOOD.encode())
    (claim,) = spec.as_claims()
    assert (claim.side, claim.bound, claim.level) == ("at_least", 0.9, pytest.approx(0.9))
    assert (spec.stopping.rule, spec.cycle.anchors, spec.benchmarks["truth"].design) == ("fixed", 0.5, "cross")


@pytest.mark.parametrize(
    ("old", "new", "path", "expected"),
    [
        ("items = 7", "items = 7\ncolour = 1", "benchmarks.truth.colour", "items, use, judge"),
        ("items = 7", "items = 0", "benchmarks.truth.items", ">= 1"),
        ("items = 7", 'items = 7\ndesign = "maze"', "benchmarks.truth.design", "'cross', 'one_at_a_time', 'draw'"),
        ("items = 7", 'items = "mine.csv"', "benchmarks.truth.judge", "match, choice, rubric, ./FILE.py"),
        ("items = 7", 'items = 7\njudge = "match"', "benchmarks.truth.items", "file of own cases"),
        ("items = 7", "items = 7\nmix = { language = { en = 0.5, de = 0.4 } }", "benchmarks.truth.mix.language", "add up to 1"),
        ("items = 7", "items = 7\nperturbations = [{ languages = ['en'] }]", "benchmarks.truth.perturbations[0]", 'use = "NAME"'),
        ("at_least = 0.9", "at_least = 0.9\nat_most = 1", "claims[0]", "exactly one"),
        ("at_least = 0.9", "", "claims[0]", "exactly one"),
        ("at_least = 0.9", "at_least = 0.9\nconfidence = 0.4", "claims[0].confidence", "> 0.5"),
        ('clause = "honest"', 'clause = "kind"', "claims[0].clause", "honest"),
        ('quantity = "truth.accuracy"', 'quantity = "accuracy"', "claims[0].quantity", "benchmark.quantity"),
        ('name = "bot"', "name = 3", "system.name", "a text, got 3"),
        ('name = "bot"', "", "system", "`name`"),
        ("[system]", "[system", "file", "TOML"),
        ("at_least = 0.9", 'at_least = "0.9"', "claims[0].at_least", "a number, got the text '0.9'"),
        ("at_least = 0.9", "at_least = true", "claims[0].at_least", "a number, got true"),
        ("at_least = 0.9", 'at_least = 0.9\nseverity = "blok"', "claims[0].severity", "did you mean 'block'?"),
        ("at_least = 0.9", "at_leats = 0.9", "claims[0].at_leats", "did you mean 'at_least'?"),
        ('clause = "honest"', 'clause = "honst"', "claims[0].clause", "did you mean 'honest'?"),
        ('id = "truth"', 'id = "the truth"', "claims[0].id", "of letters, digits"),
        ("items = 7", "items = []", "benchmarks.truth.items", "an integer or a text, got a list"),
    ],
)
def test_what_is_wrong_is_refused_by_path(old, new, path, expected):
    error = broken(old, new)
    assert error.path == path
    assert expected in str(error)


def test_ids_are_used_once():
    assert "once" in str(broken("[benchmarks.truth]", '[[principles]]\nid = "honest"\ntext = "again"\n[benchmarks.truth]'))


def test_claims_may_not_contradict_each_other():
    more = '[[claims]]\nid = "low"\nclause = "honest"\nquantity = "truth.accuracy"\nat_most = 0.5\n'
    with pytest.raises(SpecError, match="contradict"):
        parse((GOOD + more).encode())
    parse((GOOD + more.replace("0.5", "0.95")).encode())  # a corridor is no contradiction


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert parse(b"\xef\xbb\xbf" + GOOD.encode()) == parse(GOOD.encode())


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "s.toml"
    file.write_bytes(b'[system]\nname = "\xff"')
    with pytest.raises(SpecError, match="UTF-8"):
        read(file)
    with pytest.raises(SpecError, match="readable"):
        read(tmp_path / "absent.toml")


def toy() -> Benchmark:
    quantities = {
        "accuracy": Quantity(judge="r", aspect="a", about="x", adverse=0.0),
        "shift": Quantity(judge="r", aspect="a", about="x", range=(-1.0, 1.0), contrast=("b", "c")),
    }
    trial = Trial(benchmark="truth@1", item="i", cluster="c", unit="i", messages=(Message(role="user", text="?"),))
    say = Message(role="assistant", text="!")
    return Benchmark(
        name="truth", version="1", construct="", sources=(), items=lambda rng, cycle: [], trials=lambda item, rng: [trial],
        judges={"r": Reader("r", "1", lambda case: [Verdict("a", 1.0)])}, quantities=quantities,
        negative=lambda t, m: say, positive=lambda t, m: say,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("truth.accuracy", "truth.colour", "truth.accuracy, truth.shift"),
        ("truth.accuracy", "truth.acuracy", "did you mean 'truth.accuracy'?"),
        ("truth.accuracy", "trth.accuracy", "did you mean 'truth.accuracy'?"),
        ("truth.accuracy", "lies.accuracy", "a benchmark of this file"),
        ("at_least = 0.9", "at_least = 1.2", "0.0 to 1.0"),
        ("at_least = 0.9", "at_least = -0.1", "0.0 to 1.0"),
        ("at_least = 0.9", 'at_least = 0.9\nslices = ["mood=sad"]', "language"),
        ("at_least = 0.9", 'at_least = 0.9\nslices = ["language=fr"]', "de, en"),
    ],
)
def test_claims_are_about_what_exists(old, new, expected):
    spec = parse(GOOD.replace(old, new).encode())
    with pytest.raises(SpecError) as caught:
        check("s.toml", spec, {"truth": toy()}, {"truth": {"language": ["de", "en"]}})
    assert expected in str(caught.value)


def test_a_bound_of_a_contrast_may_be_negative_and_a_change_may_exceed_one_hundred_per_cent():
    levels = {"truth": {"language": ["de", "en"]}}
    for old, new in [
        ('"truth.accuracy"\nat_least = 0.9', '"truth.shift"\nat_least = -0.5'),
        ("at_least = 0.9", 'at_least = 150.0\nrelative = "per_cent"'),
        ("at_least = 0.9", 'at_least = 0.9\nslices = ["language", "language=de"]'),
    ]:
        assert old in GOOD
        check("s.toml", parse(GOOD.replace(old, new).encode()), {"truth": toy()}, levels)
