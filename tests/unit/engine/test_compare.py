"""Comparisons: which of many quantities got worse, with one error over all of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fiducial.engine.compare import Pair, step_down
from fiducial.kernel.records import Target
from fiducial.kernel.roles import Quantity
from fiducial.stats.multiplicity import holm
from fiducial.stats.table import Table

LEVEL = 0.90
N = 60


def quantities(rng, shifts):
    """Pairs of a graded quantity, higher is worse, whose mean changes by a shift."""
    return {f"q.{n}": pair(rng, shift) for n, shift in enumerate(shifts)}


def pair(rng, shift):
    units = np.arange(N)
    of = Target(benchmark="b", quantity="q", subject="s")
    before, change = rng.normal(0.0, 1.0, N), rng.normal(shift, 1.0, N)
    one, other = (Table(of, value, units, units, level=LEVEL, range=(-50.0, 50.0)) for value in (before, before + change))
    return Pair(Quantity(judge="j", aspect="a", adverse=50.0, range=(-50.0, 50.0), about="x"), one, other)


def worse(one, number):
    return one.worsening(number)[0] > 0


@pytest.mark.parametrize("seed", range(8))
def test_step_down_on_intervals_is_holm_on_the_p_values(seed):
    rng = np.random.default_rng(seed)
    pairs = quantities(rng, rng.choice([0.0, 0.25, 0.45, 0.8], 12))
    rows = np.array([one.after.value - one.before.value for one in pairs.values()])
    p = stats.t.sf(rows.mean(axis=1) / stats.sem(rows, axis=1), N - 1)
    rejected = {name for name, adjusted in zip(pairs, holm(p), strict=True) if adjusted < (1 - LEVEL) / 2}
    assert step_down(pairs, LEVEL, worse) == rejected


def test_among_many_quantities_that_did_not_change_something_is_called_worse_in_one_comparison_of_twenty_at_most():
    rng, false, alone = np.random.default_rng(5), 0, 0
    for _ in range(300):
        pairs = quantities(rng, np.zeros(20))
        false += bool(step_down(pairs, LEVEL, worse))
        alone += any(worse(one, one.change(LEVEL)) for one in pairs.values())
    assert alone / 300 > 0.5  # 1 - 0.95^20 = 0.64: what went wrong before
    assert stats.binomtest(false, 300, 0.05, alternative="greater").pvalue > 0.01


def test_what_is_clearly_worse_is_found_and_leaves_more_error_to_the_rest():
    rng = np.random.default_rng(3)
    pairs = quantities(rng, [2.0] * 19 + [0.0])
    found = step_down(pairs, LEVEL, worse)
    assert set(list(pairs)[:19]) <= found
    assert step_down({}, LEVEL, worse) == set()


def test_a_quantity_whose_bad_end_is_low_is_turned():
    rng = np.random.default_rng(1)
    one = pair(rng, -1.0)
    turned = Pair(Quantity(judge="j", aspect="a", adverse=-50.0, range=(-50.0, 50.0), about="x"), one.before, one.after)
    assert worse(turned, turned.change(LEVEL))
    assert not worse(one, one.change(LEVEL))
