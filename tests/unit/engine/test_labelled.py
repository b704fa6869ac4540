"""People's labels of a sample of a run's units: corrected numbers cover where uncorrected ones never do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fiducial.engine.admission import Audits, changed, measured
from fiducial.engine.estimate import against, estimate
from fiducial.engine.labelled import by_people, change_by_people
from fiducial.engine.spec import Admission
from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Target
from fiducial.kernel.roles import Quantity
from fiducial.stats.means import mean
from fiducial.stats.proportions import rate
from fiducial.stats.table import Table

UNITS, LABELS = 1200, 150
RATE = Quantity(judge="grader", aspect="a", about="")
CONTRAST = Quantity(judge="grader", aspect="a", about="", contrast=("treated", "control"), range=(-1.0, 1.0))
SCORE = Quantity(judge="grader", aspect="a", about="", range=(0.0, 1.0))


def table(values, subject="s", limits=(0.0, 1.0), status=None, cluster=None):
    index = np.arange(len(values))
    state = np.full(len(values), "judged", dtype=object) if status is None else np.array(status, dtype=object)
    groups = index if cluster is None else cluster
    target = Target(benchmark="b", quantity="q", subject=subject, judge="grader@1-a")
    return Table(target, np.asarray(values, dtype=float), groups, index, status=state, range=limits)


def some(truth, rng, count=LABELS):
    return np.where(rng.permutation(len(truth)) < count, truth, np.nan)


def lenient(truth, rng, share=0.25):
    """A judge that turns a share of the 1s of shares and contrasts down by one."""
    return np.where((truth > 0) & (rng.random(len(truth)) < share * 2), truth - 1, truth)


def draws(kind, rng):
    """Truth by unit, the judge's readings, the true mean."""
    if kind == "rate":
        truth = (rng.random(UNITS) < 0.4).astype(float)
        return truth, lenient(truth, rng), 0.4
    if kind == "rare":
        truth = (rng.random(UNITS) < 0.02).astype(float)
        return truth, np.where(rng.random(UNITS) < 0.1, 1.0, truth), 0.02
    if kind == "score":
        truth = rng.beta(2, 3, UNITS)
        return truth, np.clip(truth + 0.15 + 0.1 * rng.standard_normal(UNITS), 0, 1), 0.4
    truth = (rng.random(UNITS) < 0.5).astype(float) - (rng.random(UNITS) < 0.2)
    return truth, lenient(truth, rng), 0.3


@pytest.mark.parametrize("kind", ["rate", "rare", "score", "contrast"])
def test_corrected_numbers_cover_where_the_judge_alone_never_does(kind):
    rng = np.random.default_rng(17)
    limits = (-1.0, 1.0) if kind == "contrast" else (0.0, 1.0)
    covered, alone, runs = 0, 0, 200
    for _ in range(runs):
        truth, judged, mean_of_all = draws(kind, rng)
        rows = table(judged, limits=limits)
        plain = mean(rows) if kind == "contrast" else rate(rows)
        found = by_people(rows, some(truth, rng), plain, rng)
        covered += found.low <= mean_of_all <= found.high
        alone += plain.low <= mean_of_all <= plain.high
    assert covered >= 0.93 * runs
    assert alone == 0


def test_a_change_is_corrected_where_people_labelled_both_sides():
    rng = np.random.default_rng(18)
    covered, alone, runs = 0, 0, 200
    for _ in range(runs):
        before = (rng.random(UNITS) < 0.5).astype(float)
        after = np.where(rng.random(UNITS) < 0.8, before, (rng.random(UNITS) < 0.5).astype(float))
        sides = table(lenient(after, rng), "new"), table(before, "old")
        plain = against(*sides, "difference")
        wanted = rng.permutation(UNITS) < LABELS
        found = change_by_people(sides, (np.where(wanted, after, np.nan), np.where(wanted, before, np.nan)), plain, rng)
        covered += found.low <= 0.0 <= found.high
        alone += plain.low <= 0.0 <= plain.high
    assert covered >= 0.93 * runs
    assert alone == 0


def test_units_that_share_clusters_with_labelled_ones_are_covered():
    rng = np.random.default_rng(19)
    covered, runs, size = 0, 200, 4
    for _ in range(runs):
        base = np.repeat(rng.beta(1, 1.5, 200), size)
        truth = (rng.random(len(base)) < base).astype(float)
        rows = table(lenient(truth, rng), cluster=np.arange(len(base)) // size)
        found = by_people(rows, some(truth, rng), rate(rows), rng)
        covered += found.low <= 0.4 <= found.high
    assert covered >= 0.93 * runs


def test_what_no_judge_read_keeps_its_value_and_needs_no_label():
    rng = np.random.default_rng(20)
    truth = np.concatenate([(rng.random(400) < 0.5).astype(float), np.ones(400)])
    rows = table(truth, status=["judged"] * 400 + ["filtered"] * 400)
    labels = some(truth[:400], rng, 100)
    found = by_people(rows, np.concatenate([labels, np.full(400, np.nan)]), rate(rows), rng)
    assert found.value == pytest.approx(truth.mean(), abs=0.05)
    assert found.low > 0.5  # the filtered half is certain
    assert found.extra["labels"] == 100


def test_labels_of_all_units_are_the_number():
    rng = np.random.default_rng(21)
    truth = (rng.random(90) < 0.3).astype(float)
    rows = table(1 - truth)
    found = by_people(rows, truth, rate(rows), rng)
    assert (found.value, found.low, found.high) == (rate(table(truth)).value, rate(table(truth)).low, rate(table(truth)).high)
    assert found.extra["uncorrected"] == pytest.approx(1 - truth.mean())


@pytest.mark.parametrize(("ones", "left", "alone"), [(12, 5, True), (12, 24, True), (12, 25, False)])
def test_where_people_labelled_most_units_their_labels_are_the_number(ones, left, alone):
    truth = np.concatenate([np.arange(25) < ones, np.zeros(left)]).astype(float)
    rows = table(np.zeros(25 + left))
    found = by_people(rows, np.where(np.arange(25 + left) < 25, truth, np.nan), rate(rows), np.random.default_rng(0))
    people = rate(table(truth[:25]))
    assert ((found.value, found.low, found.high) == (people.value, people.low, people.high)) == alone
    assert found.extra["uncorrected"] == 0.0


def test_too_few_labels_correct_nothing_and_the_number_says_so():
    truth = np.tile([1.0, 0.0], 50)
    rows = table(truth)
    few = np.where(np.arange(100) < 19, truth, np.nan)
    with pytest.raises(NotEstimable, match="20"):
        by_people(rows, few, rate(rows), np.random.default_rng(0))
    number, standing = measured(Audits(), "b", RATE, rows, rate(rows), few)
    assert standing.state == "unaudited"
    assert any("were not used" in flag for flag in number.flags)


def test_a_judge_held_up_by_people_needs_no_card():
    rng = np.random.default_rng(22)
    truth = (rng.random(500) < 0.3).astype(float)
    rows = table(lenient(truth, rng))
    number, standing = measured(Audits(rule=Admission()), "b", RATE, rows, rate(rows), some(truth, rng))
    again, _ = measured(Audits(rule=Admission()), "b", RATE, rows, rate(rows), some(truth, np.random.default_rng(22)))
    assert standing.state == "labelled"
    assert number.flags == ()
    assert again.low != number.low  # other labels, another number
    assert measured(Audits(), "b", RATE, rows, rate(rows), None)[1].state == "unaudited"


def test_contrasts_and_scores_are_corrected_too():
    rng = np.random.default_rng(23)
    for kind, entry in (("contrast", CONTRAST), ("score", SCORE)):
        truth, judged, middle = draws(kind, rng)
        rows = table(judged, limits=entry.range)
        number, standing = measured(Audits(), "b", entry, rows, estimate(entry, rows), some(truth, rng, 300))
        assert standing.state == "labelled"
        assert number.low <= middle <= number.high


def test_only_differences_are_corrected_and_others_are_marked():
    truth = np.tile([1.0, 1.0, 0.0], 60)
    sides = table(truth, "new"), table(np.roll(truth, 1), "old")
    plain = against(*sides, "per_cent")
    number, standing = changed(Audits(), "b", RATE, sides, plain, (truth, truth))
    assert standing.state == "unaudited"
    assert any("per_cent" in flag for flag in number.flags)
    assert changed(Audits(), "b", RATE, sides, against(*sides, "difference"), (truth, None))[1].state == "unaudited"


def test_the_same_run_gives_the_same_number():
    rng = np.random.default_rng(24)
    truth = (rng.random(700) < 0.3).astype(float)
    rows, labels = table(lenient(truth, rng)), some(truth, rng)
    once, twice = (measured(Audits(), "b", RATE, replace(rows), rate(rows), labels)[0] for _ in range(2))
    assert once == twice
