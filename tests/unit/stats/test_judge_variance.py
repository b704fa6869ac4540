"""Judges as draws: an interval over two of them covers what the mean of many judges would say."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.kernel.errors import NotEstimable, RecordError
from fiducial.kernel.records import Estimate, Target
from fiducial.stats.judge_variance import between_judges
from fiducial.stats.proportions import rate
from fiducial.stats.table import Table

TARGET = Target(benchmark="b", quantity="q", subject="s")


def reading(value, half=0.02, level=0.95, **more):
    low, high = value - half, value + half
    return Estimate(of=TARGET, value=value, low=low, high=high, level=level, method="m", n=50, clusters=40, **more)


@pytest.mark.parametrize(("judges", "spread", "units"), [(2, 0.05, 800), (3, 0.08, 500), (2, 0.0, 300)])
def test_two_or_three_judges_cover_where_one_does_not(judges, spread, units):
    rng = np.random.default_rng(judges)
    truth, runs, covered = 0.3, 400, {"all": 0, "one": 0}
    rows = np.arange(units)
    for _ in range(runs):
        luck = rng.random(units)
        said = []
        for _ in range(judges):
            own = np.where(rng.random(units) < 0.8, luck, rng.random(units))
            bias = float(np.clip(truth + spread * rng.standard_normal(), 0, 1))
            said.append(rate(Table(TARGET, (own < bias).astype(float), rows, rows)))
        joint = between_judges(said, (0.0, 1.0))
        covered["all"] += joint.low <= truth <= joint.high
        covered["one"] += said[0].low <= truth <= said[0].high
    assert covered["all"] >= 0.93 * runs
    if spread:
        assert covered["one"] <= 0.65 * runs


def test_judges_that_agree_keep_the_interval_of_one():
    joint = between_judges([reading(0.2), reading(0.2), reading(0.2)])
    assert (joint.low, joint.high) == (pytest.approx(0.18), pytest.approx(0.22))
    assert joint.extra["judge_variance"] == pytest.approx(0.0, abs=1e-15)


def test_each_side_keeps_its_own_half_width_and_the_limits_hold():
    low = Estimate(of=TARGET, value=0.0, low=0.0, high=0.05, level=0.9, method="m", n=50, clusters=50)
    joint = between_judges([low, low], (0.0, 1.0))
    assert (joint.low, joint.value, joint.high) == (0.0, 0.0, pytest.approx(0.05))
    assert between_judges([reading(0.1), reading(0.9)], (0.0, 1.0)).high == 1.0


def test_bounds_are_joined_where_all_have_them_and_flags_are_kept():
    first, second = reading(0.2, bounds=(0.1, 0.3), flags=("a",)), reading(0.3, bounds=(0.2, 0.5), flags=("a", "b"))
    joint = between_judges([first, second])
    assert joint.bounds == (pytest.approx(0.15), pytest.approx(0.4))
    assert joint.flags == ("a", "b")
    assert between_judges([first, reading(0.3)]).bounds is None


def test_one_judge_has_no_variance_and_levels_must_agree():
    with pytest.raises(NotEstimable, match="two"):
        between_judges([reading(0.2)])
    with pytest.raises(RecordError, match="level"):
        between_judges([reading(0.2), reading(0.2, level=0.9)])
