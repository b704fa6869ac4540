"""What published methods are known to stumble over: each trap is laid, and the diagnostic does not fall in, or says that it is there."""

import numpy as np
import pytest
from scipy.special import expit

from fiducial.diagnostics import aqi, pa_ccs, routing, surrogate, token_shift, watermark
from fiducial.diagnostics._permute import folds_of
from fiducial.diagnostics._pooling import pooling_weights
from fiducial.diagnostics._separation import scaled, separation
from fiducial.judges.refusal import classify
from fiducial.stats.proportions import wilson


def by(estimates):
    return {(e.of.quantity, e.of.slice): e for e in estimates}


def classes(n, d, gap, share=0.5, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) < round(n * share)
    x = rng.standard_normal((n, d))
    x[labels, 0] += gap
    return x, labels


# --- separation of classes ---------------------------------------------------------------------------------------------------


def test_calinski_harabasz_is_about_one_for_shuffled_labels():
    x, labels = classes(300, 17, 4.0)
    null = separation(scaled(x), labels, np.arange(300), 400, np.random.default_rng(1)).null
    assert null["calinski_harabasz"].mean() == pytest.approx(1, abs=0.15)
    assert null["energy"].mean() == pytest.approx(0, abs=0.002)


def test_calinski_harabasz_grows_with_the_number_of_items_and_xie_beni_does_not():
    found = []
    for n in (100, 400, 2000):
        x, labels = classes(n, 9, 2.4, seed=3)
        found.append(separation(scaled(x), labels, np.arange(n), 19, np.random.default_rng(0)).value)
    chi = [one["calinski_harabasz"] for one in found]
    assert chi[1] / chi[0] == pytest.approx(4, rel=0.35)
    assert chi[2] / chi[0] == pytest.approx(20, rel=0.35)
    assert max(one["xie_beni"] for one in found) / min(one["xie_beni"] for one in found) < 1.35


def test_the_papers_first_term_is_a_sixty_fourth_of_its_score_at_256_items():
    chi = 37.0
    xb = 0.25 * 254 / chi
    whole = float(aqi.paper_composite(np.array(chi), np.array(xb)))
    assert (0.5 / xb) / whole == pytest.approx(1 / 64.5)


def test_a_composite_that_saturates_tells_nothing():
    """CHI / (1 + CHI) is above 0.99 for a small gap as for a large one; what changes is the silhouette."""
    value = []
    for gap in (3.0, 30.0):
        x, labels = classes(1000, 12, gap)
        chi = separation(scaled(x), labels, np.arange(1000), 19, np.random.default_rng(0)).value["calinski_harabasz"]
        value.append(chi / (1 + chi))
    assert 0.99 < value[0] < value[1] < 1


def test_one_outlier_decides_dunns_index_and_hardly_moves_eta_squared():
    x, labels = classes(200, 6, 6.0)
    before = separation(scaled(x), labels, np.arange(200), 19, np.random.default_rng(0)).value
    x[7, 3] += 25
    after = separation(scaled(x), labels, np.arange(200), 19, np.random.default_rng(0)).value
    assert after["dunn"] < 0.5 * before["dunn"]
    assert after["eta_squared"] > 0.6 * before["eta_squared"]
    estimates = by(aqi.measure(aqi.Inputs({1: x}, labels), np.random.default_rng(0), permutations=19))
    dunn = estimates.get(("dunn", "layer=1"))
    assert dunn is None or any("outlier" in flag for flag in dunn.flags)


def test_shares_of_the_classes_enter_calinski_harabasz():
    chi = []
    for share in (0.5, 0.1):
        x, labels = classes(4000, 9, 3.0, share)
        chi.append(separation(scaled(x), labels, np.arange(4000), 19, np.random.default_rng(0)).value["calinski_harabasz"])
    assert chi[0] / chi[1] == pytest.approx(0.25 / 0.09, rel=0.15)


def test_weights_of_layers_find_something_in_noise_only_where_they_were_learned():
    """Of 30 layers of noise the best mixture separates its own items; on the others it is what shuffled labels give."""
    n, layers, rng = 120, 30, np.random.default_rng(4)
    labels = np.arange(n) % 2 == 0
    states = {k: rng.standard_normal((n, 3)) for k in range(layers)}
    weights = pooling_weights([scaled(x) for x in states.values()], labels)
    mixed = scaled(sum(w * scaled(x) for w, x in zip(weights, states.values(), strict=True)))
    own = separation(mixed, labels, np.arange(n), 199, np.random.default_rng(0))
    assert own.value["eta_squared"] > np.quantile(own.null["eta_squared"], 0.99)
    held = by(aqi.measure(aqi.Inputs(states, labels), rng, permutations=99))["eta_squared", "layer=pooled"]
    assert held.extra["permutation_p"] > 0.02
    assert held.n == n // 2


# --- statements and their opposites --------------------------------------------------------------------------------------------


def simulated(strength, seed):
    """600 statements in 300 pairs, width 32: what a pair is about, truth along the first axis, noise 0.3."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.standard_normal((300, 32)), 2, axis=0)
    shared[:, 0] = 0
    safe = np.tile([True, False], 300)
    truth = np.zeros((600, 32))
    truth[:, 0] = strength * np.where(safe, 1, -1)
    yes, no = (shared + sign * truth + 0.3 * rng.standard_normal(shared.shape) for sign in (1, -1))
    return yes, no, safe


@pytest.mark.parametrize(("strength", "accuracy", "rightly"), [(0.0, 0.51, 0.505), (0.5, 0.998, 0.191), (2.0, 1.0, 0.0001)])
def test_a_perfect_probe_after_rightly_and_wrongly_centring(strength, accuracy, rightly):
    """Contradiction 0.505, 0.191, 0.0001 of an ideal probe; centred by class as the public code does it is 0.5 whatever there is."""
    found = []
    for seed in range(4):
        yes, no, safe = simulated(strength, seed)
        train = np.arange(600) < 240
        for a, b in (pa_ccs.centred(yes, no, train), pa_ccs.centred_by_class(yes, no, train, safe)):
            p1, p0 = expit(6 * a[240:, 0]), expit(6 * b[240:, 0])
            one, other = safe[240:], ~safe[240:]
            right = float((((p1 + 1 - p0) / 2 > 0.5) == one).mean())
            found.append((max(right, 1 - right), pa_ccs.contradiction(p1[one], p0[one], p1[other], p0[other]).mean()))
    good, bad = np.mean(found[::2], axis=0), np.mean(found[1::2], axis=0)
    assert good[0] == pytest.approx(accuracy, abs=0.012)
    assert good[1] == pytest.approx(rightly, abs=0.02)
    assert bad[1] == pytest.approx(0.5, abs=0.03)


def test_polar_consistency_cannot_tell_a_perfect_probe_from_one_that_says_nothing():
    half, one, zero = np.array([0.5]), np.array([1.0]), np.array([0.0])
    nothing, perfect = (half,) * 4, (one, zero, zero, one)
    assert pa_ccs.polar_consistency(*nothing) == pa_ccs.polar_consistency(*perfect) == 0
    assert pa_ccs.contradiction(*nothing) == 0.5
    assert pa_ccs.contradiction(*perfect) == 0


def test_no_pair_lies_on_both_sides_of_a_fold():
    pair = np.repeat(np.arange(37), 2)
    fold = folds_of(np.tile([True, False], 37), pair, 5, np.random.default_rng(0))
    assert (fold[::2] == fold[1::2]).all()
    assert len(set(fold.tolist())) == 5


def test_a_word_that_gives_the_label_away_shows_in_the_row_of_the_texts():
    rng = np.random.default_rng(0)
    words = np.array("the clerk keeps a key under some stone by our old gate".split())  # noqa: SIM905 - read as a sentence
    texts, labels, answers, pairs = [], [], [], []
    for pair in range(60):
        about = " ".join(rng.choice(words, 5))
        for safe in (1, 0):
            for said in ("Yes.", "No."):
                # In half of the safe statements, and in few others, there is a "not".
                negated = "not " if rng.random() < (0.5 if safe else 0.06) else ""
                texts.append(f"{negated}{about} {said} {negated}{said}")
                labels.append(safe)
                answers.append(said)
                pairs.append(pair)
    noise = {1: rng.standard_normal((240, 8))}
    data = pa_ccs.Inputs(noise, np.array(labels), np.array(answers), np.array(pairs), texts)
    found = by(pa_ccs.measure(data, rng, permutations=39, restarts=2))
    assert found["supervised_auroc", "layer=1"].low < 0.5
    assert found["supervised_auroc", "layer=tfidf"].value > 0.6


# --- decisions ---------------------------------------------------------------------------------------------------------------


def test_f1_of_one_head_depends_on_how_many_refusals_there_are_and_its_auroc_does_not():
    found = []
    for share in (0.5, 0.1):
        rng = np.random.default_rng(6)
        decision = rng.random(900) < share
        x = rng.standard_normal((900, 3))
        x[:, 0] += 1.8 * decision
        found.append(by(surrogate.measure(surrogate.Inputs({1: x}, decision), rng, permutations=19)))
    f1 = [one["agreement_f1", "layer=1"].value for one in found]
    area = [one["agreement_auroc", "layer=1"].value for one in found]
    assert f1[0] - f1[1] > 0.15
    assert abs(area[0] - area[1]) < 0.05


def test_a_precision_recall_curve_without_a_hit_does_not_choose_the_cut():
    """Where precision and recall are both 0 the public code divides by 0 and takes the index of NaN."""
    scores, labels = np.array([0.9, 0.8, 0.3, 0.1]), np.array([False, False, True, False])
    cut = surrogate.threshold_of_best_f1(scores, labels)
    assert cut == 0.3


def test_decisions_that_nothing_tells_are_within_what_shuffled_ones_reach():
    p = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        decision = rng.random(120) < 0.4
        p.append(
            by(surrogate.measure(surrogate.Inputs({1: rng.standard_normal((120, 30))}, decision), rng, permutations=39))[
                "agreement_auroc", "layer=1"
            ].extra["permutation_p"]
        )
    # Twelve uniform p-values: all below 0.3 has a chance of 5e-7, and so has all above 0.7.
    assert max(p) > 0.3
    assert min(p) < 0.7


# --- next tokens -------------------------------------------------------------------------------------------------------------


def test_divergence_is_never_negative_though_only_some_tokens_are_alike():
    """Over the tokens that two short lists share, as public code takes it, it can be."""
    rng = np.random.default_rng(0)
    aligned, base = rng.standard_normal((2, 200, 30)) * 3
    found = token_shift.compare(aligned, base, aligned.argmax(axis=1))
    assert (found.divergence >= 0).all()


def test_a_bigram_model_with_planted_shifts_has_the_classes_of_the_closed_form():
    """Two bigram models of one vocabulary: a planted word takes the place of the first, second, fourth... of the base model's."""
    rng = np.random.default_rng(1)
    size = 25
    base = rng.permuted(np.tile(np.arange(size, dtype=float), (size, 1)), axis=1)
    place = np.arange(size) % 6  # how many words of the base model go before the planted one
    aligned = base.copy()
    planted = np.argsort(-base, axis=1)[np.arange(size), place]
    aligned[np.arange(size), planted] = 2 * size
    tokens = aligned.argmax(axis=1)
    np.testing.assert_array_equal(tokens, planted)
    rank = token_shift.compare(aligned, base, tokens).rank
    np.testing.assert_array_equal(rank, place + 1)
    held = token_shift.shares(rank)
    assert held["unshifted"].sum() == (place == 0).sum()
    assert held["shifted"].sum() == (place > 2).sum()


def test_the_prompt_is_the_unit_of_a_share():
    """Positions of one answer are all shifted or none: thirty answers are thirty witnesses, not three hundred."""
    prompt = np.repeat(np.arange(30), 10)
    rank = np.where(prompt % 3 == 0, 9, 1)
    found = by(token_shift.measure(token_shift.Inputs(prompt, np.tile(np.arange(10), 30), rank), np.random.default_rng(0)))
    share = found["shifted_share", ""]
    assert share.high - share.low > 0.25
    assert share.clusters == 30


# --- detection and routing ---------------------------------------------------------------------------------------------------

SIZES = np.array([16, 8, 8, 8, 4, 4])
CATEGORY = np.repeat(np.arange(6), SIZES)
LABELS = np.arange(48) % 2 == 0


@pytest.mark.parametrize(("width", "mean"), [(64, 0.502), (512, 0.492), (4096, 0.489)])
def test_noise_of_any_width_is_fitted_perfectly_and_held_out_categories_give_chance(width, mean):
    """48 Gaussian vectors, six categories, 20 draws: train accuracy 1, held-out accuracy about a half, with 0.07 to 0.1 between draws."""
    held = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = by(routing.measure(routing.Inputs({0: rng.standard_normal((48, width))}, LABELS, CATEGORY), rng, permutations=19))
        assert found["train_accuracy", "layer=0"].value == 1
        held.append(found["held_out_accuracy", "layer=0"].value)
    assert np.mean(held) == pytest.approx(mean, abs=0.08)
    assert 0.04 < np.std(held) < 0.15


@pytest.mark.parametrize("width", [36, 2560])
def test_eight_against_eight_of_anything_are_told_apart_in_training(width):
    rng = np.random.default_rng(2)
    nulls = {name: ({5: rng.standard_normal((16, width))}, np.arange(16) % 2) for name in ("history", "food", "music")}
    data = routing.Inputs({5: rng.standard_normal((48, width))}, LABELS, CATEGORY, nulls=nulls)
    found = by(routing.measure(data, rng, permutations=19))
    for name in nulls:
        assert found["null_train_accuracy", f"layer=5,null={name}"].value == 1


def test_a_feature_taken_out_is_gone_from_probe_and_behaviour_and_a_router_taken_out_only_from_behaviour():
    """Feature on axis 0, a router that copies it to axis 1, behaviour read from axis 1 of what is left after an intervention on layer 1."""
    rng = np.random.default_rng(5)
    labels = np.arange(240) % 2 == 0
    category = np.arange(240) // 24
    detect = rng.standard_normal((240, 30))
    detect[:, 1] = 0
    detect[labels, 0] += 6

    def behave(h, router=1.0):
        return (router * h[:, 0] > 3).astype(float)

    def accuracy(h):
        return by(routing.measure(routing.Inputs({1: h}, labels, category), np.random.default_rng(0), permutations=39))[
            "held_out_accuracy", "layer=1"
        ]

    way = routing.direction(detect, labels)
    without = routing.project_out(detect, way)
    assert accuracy(detect).value > 0.95
    assert behave(detect).mean() == pytest.approx(0.5, abs=0.03)
    assert accuracy(without).value < 0.7
    assert behave(without).mean() < 0.05
    assert behave(detect, router=0.0).mean() == 0  # the probe reads the states as before


def test_a_sweep_of_eight_prompts_without_a_refusal_allows_a_third():
    low, high = wilson(0, 8, 0.95)
    assert low == 0
    assert high == pytest.approx(0.324, abs=0.001)


@pytest.mark.parametrize("text", ["I can tell you what happened: the market opened at nine.", "As an example, step 1 is to open the door."])
def test_words_that_begin_like_a_refusal_are_none(text):
    assert classify(text).label == "full_compliance"


# --- marks -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "mean"), [(2, 0.564), (4, 1.029), (8, 1.424), (16, 1.766)])
def test_the_best_of_n_helps_without_any_mark(n, mean):
    draws = np.random.default_rng(n).standard_normal((20_000, n))
    best = np.take_along_axis(draws, watermark.resampled_best(draws)[:, None], axis=1).mean()
    assert best == pytest.approx(mean, abs=0.03)
    assert mean < np.sqrt(2 * np.log(n))


def test_the_modified_draw_of_two_tokens_is_not_the_models_law():
    rng, p = np.random.default_rng(0), np.array([0.9, 0.1])
    first = [watermark.gumbel_token(np.log(p), watermark.gumbel_uniforms([k], 2, 3), rng, "modified") == 0 for k in range(20_000)]
    assert np.mean(first) == pytest.approx(0.874, abs=0.012)
