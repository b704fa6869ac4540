"""Token shift: classes by rank in closed form, equal models shift nothing, prompts are the unit."""

import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr

from fiducial.diagnostics.token_shift import Inputs, compare, measure, shares, top_lists
from fiducial.kernel.errors import NotEstimable, UsageError


def by(estimates):
    return {(e.of.quantity, e.of.slice): e for e in estimates}


def answers(prompts=30, length=12, vocabulary=40, seed=0):
    """A base model's logits, and an aligned one's that lifts token 7 at the first two positions of each answer."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((prompts * length, vocabulary))
    position = np.tile(np.arange(length), prompts)
    aligned = base.copy()
    aligned[position < 2, 7] = 20
    base[position < 2, 7] = -20  # never among the first three of the base model
    return aligned, base, aligned.argmax(axis=1), position, np.repeat(np.arange(prompts), length)


def test_equal_models_shift_nothing():
    aligned, _, _, _, _ = answers()
    aligned = np.round(aligned)  # with ties
    found = compare(aligned, aligned, aligned.argmax(axis=1))
    assert (found.rank == 1).all()
    np.testing.assert_allclose(found.divergence, 0, atol=1e-12)


def test_rank_and_divergence_are_the_definitions_and_ignore_constants():
    aligned, base, tokens, _, _ = answers()
    found = compare(aligned, base, tokens)
    for t in (0, 5, 77):
        assert found.rank[t] == 1 + (base[t] > base[t, tokens[t]]).sum()
        p, q = np.exp(log_softmax(aligned[t])), np.exp(log_softmax(base[t]))
        assert found.divergence[t] == pytest.approx(rel_entr(p, q).sum())
        assert found.base_logprob[t] == pytest.approx(np.log(q[tokens[t]]))
    moved = compare(aligned + 3, base - np.arange(len(base))[:, None], tokens)
    np.testing.assert_array_equal(moved.rank, found.rank)
    np.testing.assert_allclose(moved.divergence, found.divergence, atol=1e-9)
    top = np.where(base >= np.sort(base, axis=1)[:, -10:-9], base, -np.inf)
    with np.errstate(divide="ignore"):
        cut = compare(aligned, top, tokens)
    assert ((cut.rank <= 3) == (found.rank <= 3)).all()


def test_planted_shifts_are_counted_where_they_are():
    aligned, base, tokens, position, prompt = answers()
    rank, divergence, logprob = compare(aligned, base, tokens)
    texts = [f"t{k}" for k in tokens]
    data = Inputs(prompt, position, rank, divergence, logprob, texts, dict.fromkeys(range(30), 0.0) | dict.fromkeys(range(15), 1.0))
    # Behaviour: the first half of the prompts are shifted once more.
    rank = rank.copy()
    rank[(prompt < 15) & (position == 9)] = 8
    found = by(
        measure(Inputs(prompt, position, rank, divergence, logprob, texts, data.behaviour), np.random.default_rng(0), permutations=59)
    )
    assert found["shifted_share", ""].value == pytest.approx((2 * 30 + 15) / 360)
    assert found["shifted_share", ""].clusters == 30
    assert found["shifted_share", ""].extra["token t7"] == 60
    assert found["shifted_share", "position=0"].value == 1
    assert found["shifted_share", "position=1-4"].value == 0.25
    total = sum(found[f"{name}_share", ""].value for name in ("unshifted", "marginal", "shifted"))
    assert total == pytest.approx(1)
    assert found["fading", ""].low > 0.6
    assert found["fading", ""].extra["permutation_p"] == pytest.approx(1 / 60)
    assert found["behaviour_agreement", ""].value == 1
    assert found["mean_divergence", ""].low >= 0
    assert found["mean_base_logprob", ""].high <= 0


def test_a_token_the_base_model_rules_out_is_missing_from_the_mean_and_counted():
    aligned, base, tokens, position, prompt = answers()
    base[3, tokens[3]] = -np.inf
    rank, divergence, logprob = compare(aligned, base, tokens)
    assert np.isinf(divergence[3])
    found = by(measure(Inputs(prompt, position, rank, divergence, logprob), np.random.default_rng(0), permutations=19))
    assert found["mean_divergence", ""].missing == 1


def test_classes_part_all_positions():
    rank = np.random.default_rng(0).integers(1, 9, 200)
    assert (np.sum(list(shares(rank).values()), axis=0) == 1).all()


def test_lists_of_top_tokens():
    assert top_lists([1, 2], [3, 4]) == {"jaccard": 0.0, "ndcg": 0.0}
    assert top_lists([1, 2, 3], [2, 1, 9])["jaccard"] == 0.5
    assert 0 < top_lists([1, 2, 3], [2, 1, 9])["ndcg"] < 1


def test_what_cannot_be_measured_is_refused():
    rng = np.random.default_rng(0)
    aligned, base, tokens, position, prompt = answers()
    rank = compare(aligned, base, tokens).rank
    for error, inputs in (
        (UsageError, Inputs(prompt, position, rank - 1)),
        (UsageError, Inputs(prompt, position, rank * 1.0)),
        (UsageError, Inputs(prompt, position - 1, rank)),
        (UsageError, Inputs(prompt[:-1], position, rank)),
        (UsageError, Inputs(prompt, position, rank, divergence=np.full(len(rank), -1.0))),
        (NotEstimable, Inputs(prompt % 4, position, rank)),
    ):
        with pytest.raises(error):
            measure(inputs, rng, permutations=19)
    with pytest.raises(UsageError):
        compare(aligned, base[:, :-1], tokens)
    with pytest.raises(UsageError):
        compare(aligned, base, tokens + 40)
    with pytest.raises(UsageError):
        compare(aligned * np.nan, base, tokens)


def test_a_behaviour_too_rare_to_agree_with_is_a_flag_and_no_number():
    _, _, _, position, prompt = answers()
    rank = 1 + 4 * (position == 0)
    found = measure(Inputs(prompt, position, rank, behaviour={0: 1.0, 1: 0.0}), np.random.default_rng(0), permutations=19)
    assert "behaviour_agreement" not in {e.of.quantity for e in found}
    assert any("behaviour" in flag for e in found for flag in e.flags)


def test_where_nothing_is_shifted_there_is_no_trend_and_everything_else_is_told():
    _, _, _, position, prompt = answers()
    found = {e.of.quantity: e for e in measure(Inputs(prompt, position, np.ones(len(position), dtype=int)), np.random.default_rng(0))}
    assert "fading" not in found
    assert found["unshifted_share"].value == 1
    assert found["shifted_share"].value == 0 < found["shifted_share"].high


def test_scores_that_are_all_alike_leave_the_agreement_open():
    """A model read against itself shifts nothing: its agreement with behaviour is 0.5 by ties, and no interval of no width."""
    prompt = np.repeat(np.arange(40), 3)
    data = Inputs(
        prompt=prompt, position=np.tile(np.arange(3), 40), rank=np.ones(120, dtype=int), behaviour={k: float(k % 2) for k in range(40)}
    )
    found = {e.of.quantity: e for e in measure(data, np.random.default_rng(0), permutations=39)}
    agreement = found["behaviour_agreement"]
    assert agreement.value == 0.5
    assert agreement.low < 0.35
    assert agreement.high > 0.65
