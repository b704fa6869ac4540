"""AQI: indices equal their definitions, the identities of two classes hold, nulls are null, and bad arrays are refused."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, roc_auc_score, silhouette_score

from fiducial.diagnostics import _extremes, _separation, aqi
from fiducial.diagnostics._permute import folds_of, permuted
from fiducial.diagnostics._pooling import pooling_weights
from fiducial.diagnostics._probe import auroc, auroc_estimate, cross_fitted, fitted_scores, held_out_scores
from fiducial.diagnostics._separation import scaled, separation
from fiducial.diagnostics._texts import tfidf
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Target

OF = Target(benchmark="diagnostic:aqi", quantity="q", subject="s")


def two_classes(n=137, d=23, gap=2.0, seed=0, share=0.3):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < share
    x = rng.standard_normal((n, d)) + 5
    x[labels, 0] += gap
    return x, labels, rng


def by_name(estimates, place=None):
    return {e.of.quantity: e for e in estimates if place in {None, e.of.slice}}


def direct(x, labels):
    d = cdist(x, x)
    n0, n1 = (~labels).sum(), labels.sum()
    across, zero, one = d[~labels][:, labels], d[~labels][:, ~labels], d[labels][:, labels]
    energy = 1 - (zero.sum() / (n0 * (n0 - 1)) + one.sum() / (n1 * (n1 - 1))) / (2 * across.mean())
    chi = calinski_harabasz_score(x, labels)
    return {
        "calinski_harabasz": chi,
        "eta_squared": chi / (chi + len(x) - 2),
        "davies_bouldin": davies_bouldin_score(x, labels),
        "silhouette": silhouette_score(x, labels),
        "dunn": across.min() / max(zero.max(), one.max()),
        "energy": energy,
    }


@pytest.mark.parametrize("block", [2048, 16])
def test_indices_are_those_of_the_plain_definitions_also_for_each_shuffle_and_each_group_left_out(block, monkeypatch):
    monkeypatch.setattr(_separation, "BLOCK", block)
    monkeypatch.setattr(_separation, "GROUPS", 7)
    x, labels, _ = two_classes()
    cluster = np.arange(len(x)) // 2
    found = separation(scaled(x), labels, cluster, 19, np.random.default_rng(4))
    for name, value in direct(x, labels).items():
        assert found.value[name] == pytest.approx(value, rel=1e-9), name
    # The same draws again, by hand.
    rng = np.random.default_rng(4)
    shuffled = permuted(labels, cluster, 19, rng)
    group = (rng.permutation(cluster.max() + 1) % 7)[cluster]
    for k in (0, 11):
        for name, value in direct(x, shuffled[:, k]).items():
            assert found.null[name][k] == pytest.approx(value, rel=1e-9), name
    for g in (0, 5):
        for name, value in direct(x[group != g], labels[group != g]).items():
            assert found.left_out[name][g] == pytest.approx(value, rel=1e-9), name


def test_pairs_forgotten_make_dunns_null_unknown_and_never_wrong(monkeypatch):
    monkeypatch.setattr(_extremes, "PAIRS", 4)
    monkeypatch.setattr(_separation, "BLOCK", 32)
    x, labels, _ = two_classes()
    found = separation(scaled(x), labels, np.arange(len(x)), 40, np.random.default_rng(4))
    shuffled = permuted(labels, np.arange(len(x)), 40, np.random.default_rng(4))
    known = np.flatnonzero(np.isfinite(found.null["dunn"]))
    assert 0 < len(known) < 40
    for k in known:
        assert found.null["dunn"][k] == pytest.approx(direct(x, shuffled[:, k])["dunn"], rel=1e-9)


def test_float32_blocks_agree_with_float64():
    x, labels, _ = two_classes(n=2100, d=1000, gap=6.0)
    y = scaled(x)
    assert y.dtype == np.float32
    single = separation(y, labels, np.arange(len(x)), 19, np.random.default_rng(0))
    double = separation(scaled(x[:, :900].copy()), labels, np.arange(len(x)), 19, np.random.default_rng(0))
    assert scaled(x[:, :900]).dtype == np.float64
    again = separation(scaled(x[:, :900]).astype(np.float32), labels, np.arange(len(x)), 19, np.random.default_rng(0))
    for name, value in double.value.items():
        assert again.value[name] == pytest.approx(value, rel=2e-4), name
    assert single.value["silhouette"] == pytest.approx(silhouette_score(x, labels), rel=1e-3)


@pytest.mark.parametrize(("n", "share"), [(60, 0.5), (211, 0.2)])
def test_calinski_harabasz_times_xie_beni_is_fixed_by_the_counts(n, share):
    x, labels, rng = two_classes(n=n, share=share)
    found = separation(scaled(x), labels, np.arange(n), 25, rng)
    p = labels.mean()
    assert found.value["calinski_harabasz"] * found.value["xie_beni"] == pytest.approx(p * (1 - p) * (n - 2))
    np.testing.assert_allclose(found.null["calinski_harabasz"] * found.null["xie_beni"], p * (1 - p) * (n - 2))


def test_indices_ignore_rotation_shift_and_scale_but_not_the_scale_of_one_axis():
    x, labels, rng = two_classes()
    turn = np.linalg.qr(rng.standard_normal((x.shape[1],) * 2))[0]
    stretched = x.copy()
    stretched[:, 0] *= 30
    values = [
        separation(scaled(z), labels, np.arange(len(x)), 19, np.random.default_rng(0)).value for z in (x, 1e6 * x @ turn - 7, stretched)
    ]
    assert values[1] == pytest.approx(values[0], rel=1e-6)
    assert values[2]["calinski_harabasz"] > 3 * values[0]["calinski_harabasz"]


def test_eta_squared_has_its_closed_form_and_does_not_grow_with_n_as_calinski_harabasz_does():
    gap, d = 3.0, 10
    truth = 0.25 * gap**2 / (0.25 * gap**2 + d)
    found = []
    for n in (100, 2000):
        x, labels, rng = two_classes(n=n, d=d, gap=gap, share=0.5, seed=8)
        found.append(by_name(aqi.measure(aqi.Inputs({3: x}, labels.astype(int)), rng, permutations=39), "layer=3"))
    for estimates in found:
        assert estimates["eta_squared"].low < truth < estimates["eta_squared"].high
    assert found[1]["calinski_harabasz"].value > 10 * found[0]["calinski_harabasz"].value


def test_eta_squared_covers_with_and_without_separation():
    """At least 90 % of 60 intervals at 95 %: below that a coverage of 0.98 falls with a chance under 1e-6... and here the draw is seeded."""
    for gap in (0.0, 1.5):
        truth = 0.25 * gap**2 / (0.25 * gap**2 + 12)
        held = 0
        for seed in range(60):
            rng = np.random.default_rng(seed)
            labels = np.arange(80) % 2 == 1
            x = rng.standard_normal((80, 12))
            x[labels, 0] += gap
            indices = separation(scaled(x), labels, np.arange(80), 39, rng)
            e = aqi.estimates_of(indices, 80, "layer=0", aqi.Setting("s", 0.95, 39, 0.5))[0]
            held += e.low <= truth <= e.high
        assert held >= 54


def test_what_is_planted_is_found_and_what_is_not_is_not():
    x, labels, rng = two_classes(n=300, gap=1.5, seed=2)
    noise = rng.standard_normal(x.shape)
    found = aqi.measure(aqi.Inputs({0: noise, 7: x}, labels), rng, permutations=99, pooled=False)
    apart, alike = by_name(found, "layer=7"), by_name(found, "layer=0")
    for name in ("eta_squared", "energy", "probe_auroc", "calinski_harabasz", "xie_beni", "davies_bouldin"):
        assert apart[name].extra["permutation_p"] == 0.01, name
    for name in ("eta_squared", "energy", "probe_auroc"):
        assert alike[name].extra["permutation_p"] > 0.02, name
    assert alike["calinski_harabasz"].extra["null_mean"] == pytest.approx(1, abs=0.15)
    assert alike["probe_auroc"].low < 0.5 < alike["probe_auroc"].high
    assert alike["eta_squared"].low == 0
    assert alike["aqi_paper"].low == 0
    assert apart["aqi_paper"].value == pytest.approx(aqi.paper_composite(apart["calinski_harabasz"].value, apart["xie_beni"].value))
    assert all(e.low <= e.value <= e.high for e in found)


def test_families_of_prompts_are_the_unit_of_the_interval():
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(40), 8)
    labels = family % 2 == 1
    x = 2 * rng.standard_normal((40, 60))[family] + 0.3 * rng.standard_normal((320, 60))
    grouped = by_name(aqi.measure(aqi.Inputs({0: x}, labels, groups=family), rng, permutations=39))
    alone = by_name(aqi.measure(aqi.Inputs({0: x}, labels), rng, permutations=39))
    assert grouped["probe_auroc"].clusters == 40
    assert grouped["eta_squared"].extra["permutation_p"] > 0.05 > alone["eta_squared"].extra["permutation_p"]
    # Ungrouped folds let the probe recognise a family it has seen.
    assert alone["probe_auroc"].value > 0.95 > grouped["probe_auroc"].value + 0.2


def test_pooled_weights_find_the_layer_and_are_measured_on_other_items():
    rng = np.random.default_rng(1)
    labels = np.arange(240) % 2 == 1
    layers = {k: rng.standard_normal((240, 9)) for k in range(4)}
    layers[2][labels, 0] += 3
    pooled = by_name(aqi.measure(aqi.Inputs(layers, labels), rng, permutations=19), "layer=pooled")
    assert pooled["eta_squared"].n == 120
    assert pooled["eta_squared"].extra["weight_2"] > 0.7
    assert sum(v for k, v in pooled["eta_squared"].extra.items() if k.startswith("weight_")) == pytest.approx(1)
    above = 0
    for s in range(8):
        noise = {k: rng.standard_normal((60, 400)) for k in range(3)}
        found = aqi.measure(aqi.Inputs(noise, np.arange(60) % 2), np.random.default_rng(s), permutations=19)
        above += by_name(found, "layer=pooled")["probe_auroc"].low > 0.5
    assert above <= 2


def test_weights_of_layers_are_the_best_there_are():
    rng = np.random.default_rng(3)
    labels = np.arange(90) % 3 == 0
    layers = [scaled(rng.standard_normal((90, 6)) + np.outer(labels, rng.standard_normal(6) * k)) for k in (0.2, 1.0, 1.3)]

    def eta(w):
        x = sum(a * b for a, b in zip(w, layers, strict=True))
        return direct(x, labels)["eta_squared"]

    best = eta(pooling_weights(layers, labels))
    grid = rng.dirichlet(np.ones(3), 300)
    assert best >= max(eta(w) for w in grid) - 1e-6


def test_texts_alone_are_measured_beside_the_states():
    texts = [f"write a {w} poison note {k}{k}" for k in range(15) for w in ("short", "long")]
    texts += [f"which river runs through {w} {k}{k}" for k in range(15) for w in ("asia", "peru")]
    labels = np.repeat([1, 0], 30)
    rng = np.random.default_rng(0)
    found = aqi.measure(aqi.Inputs({1: rng.standard_normal((60, 5))}, labels, texts=texts), rng, permutations=39)
    assert by_name(found, "layer=tfidf")["probe_auroc"].value == 1
    assert by_name(found, "layer=1")["probe_auroc"].value < 0.8
    expected = TfidfVectorizer().fit_transform(texts).toarray()
    np.testing.assert_allclose(tfidf(texts).toarray(), expected, atol=1e-12)


def test_agreement_with_behaviour_is_told_apart_from_the_label():
    rng = np.random.default_rng(6)
    labels = np.arange(400) % 2 == 1
    x = rng.standard_normal((400, 8))
    x[labels, 0] += 3
    by_label = np.where(rng.random(400) < 0.85, labels, ~labels).astype(float)
    by_label[:20] = np.nan
    found = by_name(aqi.measure(aqi.Inputs({0: x}, labels, behaviour=by_label), rng, permutations=99))
    assert found["behaviour_agreement"].low > 0.7
    assert found["behaviour_agreement"].missing == 20
    assert found["behaviour_within_label"].low < 0.5 < found["behaviour_within_label"].high
    never = aqi.measure(aqi.Inputs({0: x}, labels, behaviour=np.zeros(400)), rng, permutations=19)
    assert "behaviour_agreement" not in by_name(never)
    assert any("agreement" in flag for one in never for flag in one.flags)


@pytest.mark.parametrize(("n", "d"), [(61, 20), (60, 211)])
def test_the_probe_is_ridge_regression(n, d):
    x, labels, _ = two_classes(n=n, d=d)
    fold = np.arange(n) % 4
    ours = held_out_scores(x, labels[:, None], fold, 1.0)[:, 0]
    for f in range(4):
        model = RidgeClassifier(alpha=1.0).fit(x[fold != f], labels[fold != f])
        np.testing.assert_allclose(ours[fold == f], model.decision_function(x[fold == f]), atol=1e-9)
    whole = RidgeClassifier(alpha=1.0).fit(x, labels)
    np.testing.assert_allclose(fitted_scores(x, labels[:, None], 1.0)[:, 0], whole.decision_function(x), atol=1e-9)
    assert auroc(ours[:, None], labels[:, None])[0] == pytest.approx(roc_auc_score(labels, ours))


def test_the_interval_of_an_auroc_covers_and_is_never_empty():
    from scipy.special import ndtr

    truth, held = float(ndtr(1 / np.sqrt(2))), 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = np.arange(90) % 3 == 0
        e = auroc_estimate(OF, rng.standard_normal(90) + labels, labels, np.arange(90), 0.95)
        held += e.low <= truth <= e.high
    assert held >= 178  # P(fewer | 0.95) < 1e-4, and seeded
    perfect = auroc_estimate(OF, np.arange(40.0), np.arange(40) >= 20, np.arange(40), 0.95)
    assert perfect.value == perfect.high == 1
    assert 0.7 < perfect.low < 0.9


def test_the_interval_of_a_cross_fitted_auroc_holds_one_half_where_there_is_nothing():
    held = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        labels = np.arange(60) % 2 == 1
        x = scaled(rng.standard_normal((60, 40)))
        fold = folds_of(labels, np.arange(60), 5, rng)
        columns = np.concatenate([labels[:, None], permuted(labels, np.arange(60), 39, rng)], axis=1)
        scores = held_out_scores(x, columns, fold)
        e = auroc_estimate(OF, scores[:, 0], labels, np.arange(60), 0.95, fold)
        e = cross_fitted(e, auroc(scores, columns, fold)[1:])
        held += e.low <= 0.5 <= e.high
    assert held >= 72  # from influences alone: 67


def test_shuffles_keep_clusters_whole_or_stay_inside_them():
    rng = np.random.default_rng(0)
    cluster = np.array([0, 0, 1, 1, 1, 2, 3, 3, 4, 4])
    labels = np.array([1, 1, 0, 0, 0, 1, 0, 1, 1, 0], dtype=bool)
    drawn = permuted(labels, cluster, 200, rng)
    for c in (0, 1, 2):
        assert (drawn[cluster == c] == drawn[cluster == c][:1]).all()
    for c in (3, 4):
        assert (drawn[cluster == c].sum(axis=0) == 1).all()
        assert 60 < drawn[cluster == c][0].sum() < 140
    fold = folds_of(labels, cluster, 3, rng)
    assert all(len(set(fold[cluster == c])) == 1 for c in range(5))


def test_the_same_generator_gives_the_same_estimates():
    x, labels, _ = two_classes()
    runs = [aqi.measure(aqi.Inputs({0: x, 1: x[:, ::-1] ** 2}, labels), np.random.default_rng(9), permutations=19) for _ in range(2)]
    assert runs[0] == runs[1]


def test_what_cannot_be_measured_is_refused_by_name():
    x, labels, rng = two_classes(n=40)
    bad = x.copy()
    bad[3, 4] = np.nan
    few = np.zeros(40)
    few[:9] = 1
    for error, inputs, options in (
        (UsageError, aqi.Inputs({0: bad}, labels), {}),
        (UsageError, aqi.Inputs({0: x[:-1]}, labels), {}),
        (UsageError, aqi.Inputs({0: x}, labels), {"layers": [0, 12]}),
        (UsageError, aqi.Inputs({}, labels), {}),
        (UsageError, aqi.Inputs({0: x}, labels * 2), {}),
        (UsageError, aqi.Inputs({0: x}, labels, groups=np.zeros(3)), {}),
        (UsageError, aqi.Inputs({0: x}, labels), {"permutations": 3}),
        (NotEstimable, aqi.Inputs({0: x}, few), {}),
        (NotEstimable, aqi.Inputs({0: np.full((40, 3), 2.5)}, labels), {}),
        (NotEstimable, aqi.Inputs({0: np.repeat(labels[:, None], 3, axis=1).astype(float)}, labels), {}),
        (NotEstimable, aqi.Inputs({0: x}, labels, groups=np.arange(40) // 20), {}),
    ):
        with pytest.raises(error):
            aqi.measure(inputs, rng, **options)


def test_within_a_label_ten_items_of_either_behaviour_are_needed():
    rng = np.random.default_rng(8)
    labels = np.arange(120) % 2
    x = rng.standard_normal((120, 6))
    x[labels == 1, 0] += 2
    refused = labels.astype(float)
    refused[1] = 0  # one of sixty unsafe ones is answered, none of the safe ones refused
    found = aqi.measure(aqi.Inputs({0: x}, labels, behaviour=refused), np.random.default_rng(0), permutations=39)
    assert "behaviour_agreement" in by_name(found)
    assert "behaviour_within_label" not in by_name(found)
    assert any("in 59 of 60 items of label 1" in flag for e in found for flag in e.flags)
    refused[1:41:2] = 0  # twenty of sixty: enough within label 1, none within label 0
    made = by_name(aqi.measure(aqi.Inputs({0: x}, labels, behaviour=refused), np.random.default_rng(0), permutations=39))
    within = made["behaviour_within_label"]
    assert (within.n, within.extra["items_of_0"], within.extra["items_of_1"]) == (60, 20, 40)
    assert within.extra["null_mean"] == pytest.approx(0.5, abs=0.05)


def test_labels_alone_do_not_make_behaviour_within_them_improbable():
    """Behaviour goes with the label, and within one with nothing: the null is shuffled within labels."""
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        labels = np.arange(100) % 2
        x = rng.standard_normal((100, 4))
        x[labels == 1, 0] += 3
        did = (rng.random(100) < np.where(labels == 1, 0.7, 0.3)).astype(float)
        found = by_name(aqi.measure(aqi.Inputs({0: x}, labels, behaviour=did), rng, permutations=39))
        p.append(found["behaviour_within_label"].extra["permutation_p"])
    assert np.mean(np.array(p) <= 0.1) < 0.25
    assert 0.35 < np.mean(p) < 0.65


def test_a_row_does_not_depend_on_which_other_rows_are_asked_for():
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    states = {n: rng.standard_normal((60, 5)) for n in (2, 4)}
    texts = [f"{'write' if label else 'read'} letter {n % 7} to {n % 11}" for n, label in enumerate(labels)]
    both = aqi.measure(aqi.Inputs(states, labels, texts=texts), np.random.default_rng(3), permutations=39)
    alone = aqi.measure(aqi.Inputs({4: states[4]}, labels, texts=texts), np.random.default_rng(3), permutations=39)
    for place in ("layer=4", "layer=tfidf"):
        assert by_name(both, place) == by_name(alone, place)
    last = both[-1].of.quantity
    assert last not in aqi.FIRST
    assert both[0].of.quantity in aqi.FIRST
