"""How well scores tell two kinds of runs apart."""

import numpy as np
import pytest
from scipy.special import ndtri
from sklearn.metrics import roc_auc_score

from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Target
from fiducial.stats import detection

OF = Target(benchmark="instrument", quantity="auroc", subject="trait")


def auroc(x, y, **options):
    return detection.auroc(np.asarray(x, dtype=float), np.asarray(y, dtype=float), of=OF, **options)


@pytest.mark.parametrize("seed", range(8))
def test_the_auroc_is_that_of_scikit_learn_with_and_without_ties(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0.5, 1, size=17), rng.normal(size=31)
    if seed % 2:
        x, y = np.round(x), np.round(y)
    wanted = roc_auc_score([1] * 17 + [0] * 31, np.concatenate([x, y]))
    assert auroc(x, y).value == pytest.approx(wanted, abs=1e-12)
    assert auroc(y, x).value == pytest.approx(1 - wanted, abs=1e-12)


@pytest.mark.parametrize(("trait", "aligned"), [(100, 100), (10, 100), (20, 37)])
@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95, 0.995])
def test_the_interval_holds_the_true_auroc(trait, aligned, wanted):
    rng = np.random.default_rng(trait * aligned)
    gap, draws = float(ndtri(wanted)) * 2**0.5, 400
    held = 0
    for _ in range(draws):
        e = auroc(rng.normal(gap, 1, trait), rng.normal(0, 1, aligned))
        held += e.low <= wanted <= e.high
    # P(fewer than 360 of 400 hold) is below 1e-6 where coverage is 95 %.
    assert held >= 360


def test_the_interval_holds_for_rates_of_rare_events_with_many_ties():
    rng = np.random.default_rng(5)
    n, rates, draws = 200, (0.0005, 0.001), 400
    k = np.arange(n + 1)
    from scipy.stats import binom

    low, high = (binom.pmf(k, n, rate) for rate in rates)
    wanted = float(sum(high[i] * (low[:i].sum() + low[i] / 2) for i in k))
    held = sum(
        e.low <= wanted <= e.high for e in (auroc(rng.binomial(n, rates[1], 40), rng.binomial(n, rates[0], 70)) for _ in range(draws))
    )
    assert held >= 360


def test_perfect_separation_leaves_room_and_its_bound_is_exact():
    e = auroc(np.arange(30) + 100, np.arange(80))
    assert (e.value, e.high) == (1.0, 1.0)
    assert e.low == pytest.approx(0.025 ** (1 / 30))
    # At an AUROC equal to the bound, two disjoint pairs are both in order with probability a/2.
    e = auroc([5, 6], [1, 2, 3])
    assert e.low**2 == pytest.approx(0.025)


def test_scores_that_are_all_alike_tell_nothing_and_say_so():
    e = auroc(np.zeros(50), np.zeros(60))
    assert e.value == 0.5
    assert e.low < 0.47
    assert e.high > 0.53


def test_missing_scores_are_left_out_counted_and_bounded():
    e = auroc([2.0, 3.0, np.nan], [0.0, 1.0, 2.5, np.nan])
    assert e.missing == 2
    assert e.value == pytest.approx(5 / 6)
    worst, best = e.bounds
    assert worst == pytest.approx(5 / 12)  # the missing trait run lowest, the missing control highest
    assert best == pytest.approx((5 + 4 + 2) / 12)
    with pytest.raises(NotEstimable, match="1 of 3"):
        auroc([1.0, np.nan, np.nan], [0.0, 1.0])


def test_the_threshold_gives_the_stated_share_of_false_alarms():
    rng = np.random.default_rng(11)
    draws, alarms, later = 300, 0, 200
    inside = 0
    for _ in range(draws):
        t = detection.threshold(rng.exponential(size=99))
        over = np.exp(-t.value)  # the true rate of an exponential score
        inside += t.low <= over <= t.high
        alarms += rng.binomial(later, over)
    assert t.rank == 5
    assert t.rate == pytest.approx(0.05)
    # The mean of 300 Beta(5, 95) rates has a standard error of 0.0013; 5 of them are allowed.
    assert alarms / (draws * later) == pytest.approx(0.05, abs=0.0075)
    assert inside >= 266  # 95 % of 300, less 5 standard errors


def test_the_threshold_needs_runs_enough():
    with pytest.raises(NotEstimable, match="19"):
        detection.threshold(np.arange(18.0))
    assert detection.threshold(np.arange(19.0)).value == 18


def test_power_is_the_share_above_the_threshold_and_says_what_that_is_worth():
    e = detection.power(np.array([96.0, 97, 50, 99, 95]), np.arange(100.0), of=OF)
    assert e.value == pytest.approx(3 / 5)  # the threshold is 95, and a score of 95 is no alarm
    assert e.extra["threshold"] == 95
    assert e.extra["false_alarm_low"] < 0.05 < e.extra["false_alarm_high"]
    assert e.extra["power_at_10"] >= e.value >= e.extra["power_at_2_5"]


def test_alarms_elsewhere_see_that_checkpoints_differ():
    rng = np.random.default_rng(2)
    alike = {name: rng.normal(size=40) for name in "abc"}
    apart = {**alike, "c": alike["c"] + 5}
    assert detection.alarms_elsewhere(alike, of=OF).value < 0.2
    e = detection.alarms_elsewhere(apart, of=OF)
    assert e.extra["c"] == 1.0
    assert e.value >= 1 / 3


def test_concordance_of_two_doses_is_the_auroc_and_of_more_their_mean():
    rng = np.random.default_rng(4)
    none, low, high = rng.normal(size=40), rng.normal(0.5, 1, 12), rng.normal(2, 1, 25)
    two = detection.concordance([none, high], of=OF)
    assert two.value == pytest.approx(auroc(high, none).value)
    three = detection.concordance([none, low, high], of=OF)
    assert three.value == pytest.approx(np.mean([auroc(high, none).value, auroc(low, none).value, auroc(high, low).value]))
    assert 0.5 < three.low < three.value < three.high <= 1


def test_the_interval_of_a_concordance_holds():
    rng = np.random.default_rng(9)
    sizes, gaps, draws = (60, 10, 30), (0.0, 0.4, 1.0), 400
    from scipy.special import ndtr

    wanted = np.mean([ndtr(d / 2**0.5) for d in (0.4, 1.0, 0.6)])
    held = 0
    for _ in range(draws):
        e = detection.concordance([rng.normal(g, 1, n) for g, n in zip(gaps, sizes, strict=True)], of=OF)
        held += e.low <= wanted <= e.high
    assert held >= 360


def test_a_dose_that_changes_nothing_is_not_a_response():
    flat = detection.concordance([np.zeros(20), np.zeros(7), np.zeros(9)], of=OF)
    assert flat.low < 0.5 < flat.high
    steps = detection.steps([np.zeros(20), np.zeros(7), np.ones(9)], of=OF)
    assert [step.value for step in steps] == [0.0, 1.0]
    assert all(step.low < step.value < step.high for step in steps)
    with pytest.raises(NotEstimable, match="two doses"):
        detection.concordance([np.zeros(4)], of=OF)
