"""A transformer fine-tuned on labels: a tiny one learns in seconds, is written, read back and judges."""

from __future__ import annotations

import json

import numpy as np
import pytest
from judge_cases import case, judged
from tests.unit.subjects import tiny

from fiducial.judges import oracle
from fiducial.judges.reward_head import Passes, train_reward
from fiducial.kernel.errors import NotEstimable, UsageError

torch = tiny.torch_or_skip()

THINGS = ("the library", "a clerk", "the market", "the clinic")
SETTINGS = Passes(passes=6, rate=2e-3, tokens=40)


def sample(count, seed=0):
    """Whether a text says yes or no, with other words round it; ten texts a group."""
    rng = np.random.default_rng(seed)
    truth = rng.random(count) < 0.4
    texts = [(f"{rng.choice(THINGS)} {'yes' if one else 'no'} {rng.choice(THINGS)}",) for one in truth]
    return texts, truth.astype(float), np.arange(count) // 10


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def trained(request, tmp_path_factory):
    base = tiny.save(tmp_path_factory.mktemp("base") / request.param, request.param, spread=0.1)
    return train_reward(base, *sample(300), np.random.default_rng(1), aspect="agrees", out=base.parent / "head", settings=SETTINGS)


def test_it_tells_texts_that_it_has_not_seen_and_is_calibrated(trained):
    texts, labels, _ = sample(400, seed=9)
    head = oracle.judge(path=trained)
    found = np.array([judged(head, case(text))["agrees"].value for (text,) in texts])
    assert ((found > 0.5) == (labels > 0.5)).mean() > 0.95
    assert found.mean() == pytest.approx(labels.mean(), abs=0.1)
    assert judged(oracle.judge(path=trained, decide=True), case("the market yes a clerk"))["agrees"].value == 1.0
    assert judged(oracle.judge(path=trained, sure=0.999), case("the market yes a clerk"))["agrees"].value is None


def test_the_id_holds_weights_and_calibration(trained):
    before = oracle.judge(path=trained).id
    assert before == oracle.judge(path=trained).id
    head = json.loads((trained / "oracle.json").read_bytes())
    assert (head["aspect"], head["reads"], head["trained_on"]) == ("agrees", "answer", 240)
    try:
        (trained / "oracle.json").write_text(json.dumps({**head, "margins": [m + 1 for m in head["margins"]]}))
        assert oracle.judge(path=trained).id != before
        (trained / "oracle.json").write_text(json.dumps({**head, "margins": head["margins"][::-1]}))
        with pytest.raises(UsageError, match="rise"):
            oracle.judge(path=trained)
        (trained / "oracle.json").write_text("{}")
        with pytest.raises(UsageError, match="train_reward"):
            oracle.judge(path=trained)
    finally:
        (trained / "oracle.json").write_text(json.dumps(head))


def test_the_same_generator_gives_the_same_head_and_leaves_torch_s_own_alone(trained, tmp_path):
    base = trained.parent / ("llama" if (trained.parent / "llama").exists() else "gpt2")
    state = torch.random.get_rng_state()
    short = Passes(passes=1, rate=1e-3, tokens=40)
    one, two = (
        train_reward(base, *sample(120), np.random.default_rng(4), aspect="agrees", out=tmp_path / name, settings=short)
        for name in ("1", "2")
    )
    assert torch.equal(state, torch.random.get_rng_state())
    assert json.loads((one / "oracle.json").read_bytes()) == json.loads((two / "oracle.json").read_bytes())


def test_what_cannot_be_trained_is_refused(tmp_path):
    texts, labels, groups = sample(60)
    rng = np.random.default_rng(0)
    with pytest.raises(NotEstimable, match="each class"):
        train_reward(tmp_path, texts, np.zeros(60), groups, rng, aspect="a", out=tmp_path / "out")
    with pytest.raises(UsageError, match="equally many"):
        train_reward(tmp_path, texts, labels[:-1], groups, rng, aspect="a", out=tmp_path / "out")
    with pytest.raises(UsageError, match="two fields"):
        train_reward(tmp_path, [("a", "b", "c")] * 60, labels, groups, rng, aspect="a", out=tmp_path / "out")
    with pytest.raises(UsageError, match="transformer"):
        train_reward(tmp_path, texts * 5, np.tile(labels, 5), np.arange(300) // 10, rng, aspect="a", out=tmp_path / "out")
