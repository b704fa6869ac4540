"""Surrogate heads: agreement beyond harmfulness, groups kept whole, the depth where a decision appears, and transfer."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef

from fiducial.diagnostics.surrogate import Attacks, Inputs, f1_of, matthews_of, measure, threshold_of_best_f1
from fiducial.kernel.errors import NotEstimable, UsageError


def by(estimates):
    return {(e.of.quantity, e.of.slice): e for e in estimates}


def test_counts_give_the_usual_scores():
    rng = np.random.default_rng(0)
    truth, called = rng.random(90) < 0.3, rng.random(90) < 0.5
    counts = np.array([[(truth & called).sum(), (~truth & called).sum(), (truth & ~called).sum(), (~truth & ~called).sum()]], dtype=float)
    assert f1_of(counts)[0] == pytest.approx(f1_score(truth, called))
    assert matthews_of(counts)[0] == pytest.approx(matthews_corrcoef(truth, called))
    assert np.isnan(f1_of(np.array([[0.0, 0.0, 0.0, 5.0]]))[0])


def test_the_cut_is_the_best_there_is_with_ties():
    rng = np.random.default_rng(1)
    scores, labels = rng.integers(0, 12, 80) / 4, rng.random(80) < 0.4
    cut = threshold_of_best_f1(scores, labels)
    best = max(f1_score(labels, scores >= c) for c in np.unique(scores))
    assert f1_score(labels, scores >= cut) == pytest.approx(best)


def test_a_decision_that_appears_late_is_found_late_and_beyond_harmfulness():
    """Refuse = harmful, except where a second feature says otherwise; harm is there from layer 1, the feature from layer 6."""
    rng = np.random.default_rng(0)
    n = 400
    harmful = np.arange(n) % 2 == 0
    other = rng.random(n) < 0.3
    decision = harmful ^ other
    states = {layer: rng.standard_normal((n, 20)) for layer in range(9)}
    for layer, x in states.items():
        x[:, 0] += 5 * harmful * (layer >= 1)
        x[:, 1] += 6 * decision * (layer >= 6)
    found = measure(Inputs(states, decision, harmful, layers_in_all=8), rng, permutations=39)
    got = by(found)
    assert got["agreement_auroc", "layer=0"].low < 0.5 < got["agreement_auroc", "layer=0"].high
    assert got["agreement_auroc", "layer=3"].low > 0.6
    assert got["agreement_within_label", "layer=3"].low < 0.5 < got["agreement_within_label", "layer=3"].high
    assert got["agreement_within_label", "layer=6"].low > 0.9
    assert got["agreement_within_label", "layer=6"].extra["permutation_p"] == 0.025
    assert got["sufficient_depth", ""].value == 6 / 8
    assert got["sufficient_depth", ""].low == got["sufficient_depth", ""].high
    assert got["agreement_f1", "layer=7"].value > 0.95
    assert got["agreement_mcc", "layer=7"].low > 0.85
    assert got["harmfulness_auroc", "layer=7"].extra["decision_differs"] == pytest.approx(other.mean())


def test_folds_that_split_pairs_flatter():
    rng = np.random.default_rng(3)
    pair = np.repeat(np.arange(60), 4)
    decision = np.repeat(rng.random(60) < 0.5, 4)
    x = rng.standard_normal((60, 80))[pair] + 0.1 * rng.standard_normal((240, 80))
    split = by(measure(Inputs({1: x}, decision), rng, permutations=19))["agreement_auroc", "layer=1"]
    whole = by(measure(Inputs({1: x}, decision, groups=pair), rng, permutations=19))["agreement_auroc", "layer=1"]
    assert split.value > 0.95 > whole.value + 0.2
    assert whole.clusters == 60


def test_where_decision_and_harmfulness_agree_nothing_is_claimed_beyond_it():
    rng = np.random.default_rng(0)
    harmful = np.arange(80) % 2 == 0
    x = rng.standard_normal((80, 5)) + 3 * harmful[:, None]
    texts = [f"how to {'harm' if h else 'help'} number{k}" for k, h in enumerate(harmful)]
    found = by(measure(Inputs({0: x}, harmful, harmful, texts=texts), rng, permutations=19))
    assert ("agreement_within_label", "layer=0") not in found
    assert found["agreement_auroc", "layer=tfidf"].value > 0.95
    assert found["agreement_f1", "layer=0"].low < found["agreement_f1", "layer=0"].value + 1e-9


def test_transfer_counts_only_prompts_that_fooled_the_head():
    rng = np.random.default_rng(0)
    head = np.r_[np.ones(60), np.zeros(40)]
    replayed = np.r_[np.ones(42), np.zeros(58)]
    direct = np.r_[np.ones(22), np.zeros(78)]
    x, decision = rng.standard_normal((60, 4)), np.arange(60) % 3 == 0
    found = by(measure(Inputs({0: x}, decision, attacks=Attacks(head, replayed, direct)), rng, permutations=19))
    assert found["transfer", ""].value == pytest.approx(0.7)
    assert found["transfer", ""].n == 60
    assert found["transfer_gain", ""].value == pytest.approx(0.2)
    assert found["transfer_gain", ""].extra["permutation_p"] == 0.05
    same = by(measure(Inputs({0: x}, decision, attacks=Attacks(head, direct, direct)), rng, permutations=19))
    assert same["transfer_gain", ""].extra["permutation_p"] == 1
    nobody = by(measure(Inputs({0: x}, decision, attacks=Attacks(head * 0, replayed, direct)), rng, permutations=19))
    assert ("transfer", "") not in nobody
    assert any("transfer" in flag for flag in nobody["head_attack_success", ""].flags)
    with pytest.raises(NotEstimable):
        measure(Inputs({0: x}, decision, attacks=Attacks(head[:9], replayed[:9], direct[:9])), rng, permutations=19)


def test_what_cannot_be_measured_is_refused():
    rng = np.random.default_rng(0)
    x, decision = rng.standard_normal((60, 4)), np.arange(60) % 3 == 0
    for error, inputs in (
        (NotEstimable, Inputs({0: x}, np.arange(60) < 4)),
        (NotEstimable, Inputs({0: np.ones((60, 2))}, decision)),
        (UsageError, Inputs({0: x}, decision, harmful=np.ones(3))),
        (UsageError, Inputs({0: x, 5: x}, decision, layers_in_all=4)),
        (UsageError, Inputs({"a": x, "b": x}, decision)),
        (UsageError, Inputs({0: x * np.inf}, decision)),
    ):
        with pytest.raises(error):
            measure(inputs, rng, permutations=19)
