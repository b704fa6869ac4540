from __future__ import annotations

import asyncio
import pickle
import zipfile

import numpy as np
import pytest
from judge_cases import case, judged

from fiducial.judges import _hashed as hashed
from fiducial.judges import oracle
from fiducial.judges._fidelity import separation
from fiducial.judges._logistic import isotonic, platt
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Judgement, Target

OF = Target(benchmark="demo@1", quantity="kind", subject="s")
GOOD, BAD, PLAIN = (
    ["thank you", "gladly", "of course"],
    ["go away", "stupid", "never"],
    ["the cat sat", "on a mat", "in the rain", "at noon"],
)


def sample(count, seed=0, noise=0.1, groups=40):
    """Texts whose words tell their class, with some labels turned; each group has its own subject."""
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.4
    group = rng.integers(0, groups, count)
    texts = [(f"{rng.choice(GOOD if t else BAD)} {rng.choice(PLAIN)} {rng.choice(PLAIN)}",) for t in truth]
    labels = np.where(rng.random(count) < noise, ~truth, truth).astype(float)
    return texts, labels, group


def trained(count=400, **settings):
    return oracle.train(*sample(count), np.random.default_rng(1), aspect="kind", settings=oracle.Settings(bits=14, **settings))


@pytest.mark.parametrize("calibration", ["platt", "isotonic"])
def test_it_learns_and_its_probabilities_are_those_of_the_labels(calibration):
    found = trained(count=1500, calibration=calibration)
    texts, labels, _ = sample(2000, seed=7)
    p = found.probabilities(texts)
    # Truth is 0.9 and 0.1 by design; 0.08 is more than five standard errors at 600 texts of the rarer class.
    assert abs(p[labels == 1].mean() - labels.mean()) > 0.2
    for low in (True, False):
        rows = (p < 0.5) == low
        assert abs(p[rows].mean() - labels[rows].mean()) < 0.08


def test_the_same_seed_gives_the_same_file(tmp_path):
    one, two = trained(), trained()
    one.save(tmp_path / "one.npz")
    two.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    back = oracle.load_oracle(tmp_path / "one.npz")
    assert back.digest == one.digest
    texts = sample(30, seed=3)[0]
    assert np.array_equal(back.probabilities(texts), one.probabilities(texts))
    assert np.array_equal(back.familiar(texts), one.familiar(texts))


def test_fidelity_is_of_groups_not_seen():
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(30), 10)
    labels = np.repeat(rng.random(30) < 0.5, 10).astype(float)
    # Each group has a name of its own, and nothing else tells: a split by rows would look perfect.
    texts = [(f"name{g * 7919} says something",) for g in group]
    try:
        found = oracle.held_out(texts, labels, group, rng, of=OF, settings=oracle.Settings(bits=14))
    except NotEstimable:
        return
    assert found.separation.low < 0.6


def test_fidelity_of_what_can_be_learnt():
    found = oracle.held_out(*sample(500, noise=0.0), np.random.default_rng(4), of=OF, settings=oracle.Settings(bits=14))
    assert found.separation.low > 0.9
    assert found.accuracy.value > 0.95
    assert found.separation.clusters == 40


def test_held_out_by_rater_sees_what_held_out_by_item_does_not():
    """Each rater labels by a word of their own beside the content: of use only where that rater's labels were trained on."""
    rng = np.random.default_rng(6)
    count, people = 1500, 6
    rater = rng.integers(0, people, count)
    truth = rng.random(count) < 0.5
    # The word of a rater stands in their texts; three raters say 1 to whatever they get.
    texts = [(f"{rng.choice(GOOD if t else BAD)} marked by rater{r}rater{r}",) for t, r in zip(truth, rater, strict=True)]
    labels = np.where(rater < 3, 1.0, truth.astype(float))
    group = np.arange(count) % 300
    settings = oracle.Settings(bits=14, penalties=(1.0,))
    items, both = (
        oracle.held_out(texts, labels, group, np.random.default_rng(0), of=OF, settings=settings, raters=raters) for raters in (None, rater)
    )
    assert items.accuracy.low > 0.95
    assert both.accuracy.high < items.accuracy.low - 0.05
    assert np.isfinite(both.probabilities).all()


@pytest.mark.parametrize("raters", [np.zeros(400), np.arange(399) % 7])
def test_held_out_by_rater_needs_five_of_them_and_one_a_label(raters):
    with pytest.raises(NotEstimable, match="rater"):
        oracle.held_out(*sample(400), np.random.default_rng(4), of=OF, settings=oracle.Settings(bits=14), raters=raters)


def test_the_judge_reads_abstains_and_is_named_by_its_file(tmp_path):
    trained().save(tmp_path / "kind.npz")
    judge = oracle.judge(path=tmp_path / "kind.npz")
    assert judged(judge, case("thank you, the cat sat"))["kind"].value > 0.5
    assert judged(judge, case("stupid, the cat sat"))["kind"].value < 0.5
    assert judged(oracle.judge(path=tmp_path / "kind.npz", decide=True), case("go away, on a mat"))["kind"].value == 0.0
    foreign = judged(judge, case("Das ist ein ganz anderer Satz"))["kind"]
    assert (foreign.value, foreign.label) == (None, "abstained")
    unsure = judged(oracle.judge(path=tmp_path / "kind.npz", sure=0.999), case("thank you, the cat sat"))["kind"]
    assert (unsure.value, unsure.label) == (None, "abstained")
    assert judged(judge, case(None, status="empty"))["kind"].value is None
    trained(calibration="isotonic").save(tmp_path / "other.npz")
    assert oracle.judge(path=tmp_path / "other.npz").id != judge.id != oracle.judge(path=tmp_path / "kind.npz", sure=0.6).id


def files(folder):
    good = folder / "good.npz"
    trained().save(good)
    arrays = dict(np.load(good))
    yield "absent", folder / "absent.npz"
    for name, content in (("empty", b""), ("text", b"weights"), ("pickle", pickle.dumps([1])), ("cut", good.read_bytes()[:900])):
        (folder / name).write_bytes(content)
        yield name, folder / name
    broken = {
        "without weights": {k: v for k, v in arrays.items() if k != "weights"},
        "object": arrays | {"weights": np.array([{}], dtype=object)},
        "nan": arrays | {"weights": np.full_like(arrays["weights"], np.nan)},
        "bucket": arrays | {"used": np.full_like(arrays["used"], 2**31)},
        "shape": arrays | {"used": arrays["used"][:3]},
        "knots": arrays | {"margins": arrays["margins"][::-1]},
        "beyond": arrays | {"values": arrays["values"] + 2},
        "wordless": arrays | {"known": arrays["known"][:0]},
        "head": arrays | {"head": np.frombuffer(b'{"format": "other"}', dtype=np.uint8)},
    }
    for name, content in broken.items():
        np.savez(folder / f"{name}.npz", **content)
        yield name, folder / f"{name}.npz"
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("head.npy", b"\0" * (oracle.LARGEST_FILE + 1))
    yield "bomb", folder / "bomb.npz"


def test_a_file_that_is_none_is_refused_and_not_run(tmp_path):
    for name, path in files(tmp_path):
        with pytest.raises(UsageError, match="oracle"):
            oracle.judge(path=path)
        assert name


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"labels": np.full(400, 2.0)}, UsageError),
        ({"labels": np.full(400, np.nan)}, UsageError),
        ({"labels": np.ones(400)}, NotEstimable),
        ({"labels": np.ones(3)}, UsageError),
        ({"texts": [("...",)] * 400}, NotEstimable),
        ({"groups": np.zeros(400)}, NotEstimable),
        ({"settings": oracle.Settings(reads="exchange")}, UsageError),
        ({"settings": oracle.Settings(penalties=())}, UsageError),
        ({"settings": oracle.Settings(bits=40)}, UsageError),
    ],
)
def test_what_cannot_be_trained_on_is_refused(change, error):
    texts, labels, groups = sample(400)
    given = {"texts": texts, "labels": labels, "groups": groups, **change}
    with pytest.raises(error):
        oracle.train(rng=np.random.default_rng(0), aspect="kind", **given)


def test_labels_that_nothing_tells_are_not_calibrated():
    rng = np.random.default_rng(0)
    margin, labels = rng.normal(size=200), (rng.random(200) < 0.5).astype(float)
    with pytest.raises(NotEstimable):
        platt(-margin, (margin > 0).astype(float))
    with pytest.raises(NotEstimable):
        isotonic(np.sort(-margin), np.sort(labels)[::-1])


def test_a_models_own_judgements_make_examples():
    cases = [case("fine answer", item=f"i{n}") for n in range(3)]
    made = [
        Judgement(unit="u", subject="demo-model", judge="j", aspect="score", value=0.75),
        Judgement(unit="u", subject="demo-model", judge="j", aspect="other", value=0.0),
    ]
    found = oracle.examples([*cases, case(None, status="empty")], made, "score")
    assert (found.texts, found.labels.tolist()) == ([("fine answer",)] * 3, [0.75] * 3)
    assert oracle.examples(cases, [], "score").texts == []


def test_the_expected_score_is_of_differences_alone():
    logs = {n: -0.3 * n for n in range(10)}
    value = oracle.expected_score(logs)
    assert value == pytest.approx(sum(n * np.exp(-0.3 * n) for n in range(10)) / sum(np.exp(-0.3 * n) for n in range(10)) / 9)
    assert oracle.expected_score({n: v - 700 for n, v in logs.items()}) == pytest.approx(value)
    assert oracle.expected_score({n: v for n, v in logs.items() if n != 4}) is None
    assert oracle.expected_score(logs | {3: float("nan")}) is None
    assert oracle.expected_score(dict.fromkeys(range(10), float("-inf"))) is None


def test_hashing_reads_words_wherever_they_stand_and_blocks_do_not_matter():
    texts = [(f"Text {n} says Äpfel und আপেল {n * n}",) for n in range(2 * hashed.BLOCK + 5)]
    whole = hashed.features(texts, 12)
    for n in (0, 1, hashed.BLOCK - 1, hashed.BLOCK, 2 * hashed.BLOCK + 4):
        alone = hashed.features([texts[n]], 12)
        assert (whole[[n], :] != alone).nnz == 0
    assert np.allclose((whole * whole).sum(axis=1), 1)
    weights = np.random.default_rng(0).normal(size=1 << 12)
    assert np.allclose(hashed.weighed(texts, weights), whole @ weights)
    assert len(hashed.weighed([], weights)) == 0
    same = hashed.features([("one two",), ("ONE  two",), ("two one",)], 18)
    assert (same[[0], :] != same[[2], :]).nnz > 0
    fields = hashed.features([("a", "b c d e"), ("b c d e", "a")], 18)
    assert (fields[[0], :] != fields[[1], :]).nnz > 0


@pytest.mark.parametrize("text", ["", "\0\0", "...", "\ud800", "a", "x" * 100_000, "🙂" * 50])
def test_any_text_can_be_hashed(text):
    rows = hashed.features([(text,), ("word",)], 10)
    assert rows.shape == (2, 1024)
    assert np.isfinite(rows.data).all()


def test_separation_covers_the_truth_with_clusters():
    rng = np.random.default_rng(11)
    covered, runs = 0, 200
    for _ in range(runs):
        shift = np.repeat(rng.normal(size=60), 5)
        truth = np.repeat(rng.random(60) < 0.5, 5).astype(float)
        score = truth * 1.0 + 0.7 * shift + 0.7 * rng.normal(size=300)
        found = separation(score, truth, of=OF, cluster=np.repeat(np.arange(60), 5))
        # Two normals with a common variance of 0.98, one apart: P(X > Y) = Phi(1 / sqrt(1.96)).
        covered += found.low <= 0.7625 <= found.high
    assert covered >= 0.87 * runs  # 95 % nominal; below this with probability < 1e-5 at 94 %


def test_a_perfect_order_has_width_and_too_little_has_no_value():
    found = separation(np.arange(20.0), (np.arange(20) >= 8).astype(float), of=OF)
    assert found.value == 1.0
    assert found.low < 1.0
    with pytest.raises(NotEstimable):
        separation(np.arange(4.0), np.array([0.0, 0.0, 0.0, 1.0]), of=OF)


def test_judging_is_the_same_each_time(tmp_path):
    trained().save(tmp_path / "kind.npz")
    judge = oracle.judge(path=str(tmp_path / "kind.npz"))
    one = case("thank you, the cat sat")
    assert asyncio.run(judge.judge(one)) == asyncio.run(judge.judge(one))
