"""Few human labels and many judged answers, joined without trusting the judge.

    prediction_powered    a random sample is labelled; the judge's score carries what it can (PPI++, cross-fitted)
    rectified             the same without tuning, safe where judge and people hardly ever differ
    stratified_rate       labels are drawn within strata of the judge's verdict; `neyman_allocation` says how many
    next_to_label         which answers a person should label next, and with what probability each was chosen
    active_mean           the estimate from such a sample

The judge's errors never bias these: they only cost efficiency. Source: Angelopoulos, Duchi and Zrnic 2023 (PPI++);
Zrnic and Candes 2024 (active inference); Neyman 1934.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.kernel.errors import NotEstimable, RecordError
from fiducial.kernel.records import Estimate, Target
from fiducial.stats.clusters import Clustered, clustered, numbered, t_quantile
from fiducial.stats.means import mean
from fiducial.stats.missing import usable
from fiducial.stats.proportions import clopper_pearson
from fiducial.stats.table import Floats, Table

LEAST_EXPECTED = 15
"""Fewer expected failures (or successes) than this among the labels: a normal interval under-covers and is refused."""


def prediction_powered(labelled: Table, score: Floats, unlabelled: Table, rng: Generator) -> Estimate:
    """Mean of the true values from labels y with judge scores f beside them, and scores of unlabelled answers.

    th = mean(y) + L (mean(f unlabelled) - mean(f labelled)), L = cov(y, f) / (var(f) (1 + n/N)) clipped to [0, 1] and
    fitted on the other half of the labelled clusters (two folds drawn by `rng`); variance = var(y - L f) +
    L^2 var(f), each cluster-robust, plus their covariance over clusters that are on both sides (where positive); t interval with labelled
    clusters - 1 df, inside the range of y.

    `labelled.value` is y, `score` is f row by row, `unlabelled.value` is f. Labels must be a random sample. Refused
    (`NotEstimable`) where fewer than 15 failures or successes are expected among the labels, or with fewer than four
    labelled or two unlabelled clusters: use `stratified_rate` or `active_mean` there.

    >>> rng = np.random.default_rng(0)
    >>> truth = (rng.random(2000) < 0.4).astype(float)
    >>> judge = np.where(rng.random(2000) < 0.9, truth, 1 - truth)
    >>> rows = np.arange(2000).astype(str)
    >>> whole = Table(Target(benchmark="b", quantity="q", subject="s"), judge, rows, rows)
    >>> some = replace(whole.select(np.arange(200)), value=truth[:200])
    >>> e = prediction_powered(some, judge[:200], whole.select(np.arange(200, 2000)), rng)
    >>> bool(abs(e.value - truth.mean()) < 0.06), e.extra["saving"] > 1.5
    (True, True)
    """
    if len(score) != len(labelled):
        raise RecordError("prediction_powered: score", f"needs one for each of {len(labelled)} labelled rows", len(score))
    keep = ~(labelled.missing | np.isnan(score))
    label, score = usable(labelled.select(keep)), score[keep]
    rest = usable(unlabelled)
    groups, rest_groups = clustered(label), clustered(rest)
    if groups.count < 4 or rest_groups.count < 2:
        raise NotEstimable(
            f"prediction-powered mean: needs 4 labelled and 2 unlabelled clusters, got {groups.count} and {rest_groups.count}"
        )
    if not np.isfinite(score).all():
        raise NotEstimable("prediction-powered mean: scores must be finite")
    tuned = _cross_fitted(label, score, len(rest), rng)
    residual = clustered(replace(label, value=label.value - tuned * score))
    weight = float(np.average(tuned, weights=label.weight))
    value = residual.mean + weight * rest_groups.mean
    _refuse_rare(value, float(len(label)), label.range)
    variance = residual.variance() + weight**2 * rest_groups.variance() + 2 * weight * _shared(label, residual, rest, rest_groups)
    half = t_quantile(label.level, groups.count - 1) * float(np.sqrt(variance))
    low, high = max(label.range[0], value - half), min(label.range[1], value + half)
    value = float(np.clip(value, low, high))
    return Estimate(
        of=labelled.target, value=value, low=low, high=high, level=labelled.level,
        method="prediction-powered (tuned, 2-fold cross-fitted), t on clusters",
        n=len(label), clusters=groups.count, missing=len(labelled) - len(label),
        extra={"tuning": weight, "labels_only": groups.mean, "judge_only": rest_groups.mean, "unlabelled": float(len(rest)),
               "saving": groups.variance() / variance if variance > 0 else 1.0},
    )  # fmt: skip


def rectified(labelled: Table, score: Floats, unlabelled: Table) -> Estimate:
    """Mean of the true values as mean(f unlabelled) + mean(y - f labelled), for labels that hardly ever differ from the judge, or are
    hardly ever off their common value.

    Each part has the interval of `means.mean`, which joins exact bounds where few clusters are off the common value, so that a judge
    whom no label contradicts is not taken for perfect; half-widths are joined as squares (variance estimates recovered). Arguments as in
    `prediction_powered`. Clusters on both sides are counted on each.

    >>> rows = np.arange(400).astype(str)
    >>> judge = Table(Target(benchmark="b", quantity="q", subject="s"), np.tile([1.0, 0.0, 0.0, 0.0], 100), rows, rows)
    >>> some = judge.select(np.arange(100))
    >>> e = rectified(some, some.value, judge.select(np.arange(100, 400)))           # no label contradicts the judge
    >>> e.value, e.low < 0.2, e.high > 0.3
    (0.25, True, True)
    """
    if len(score) != len(labelled):
        raise RecordError("rectified: score", f"needs one for each of {len(labelled)} labelled rows", len(score))
    keep = ~(labelled.missing | np.isnan(score))
    label, score = usable(labelled.select(keep)), score[keep]
    span = label.range[1] - label.range[0]
    error = mean(replace(label, value=label.value - score, range=(-span, span)))
    judged = mean(unlabelled)
    value = judged.value + error.value
    low = value - float(np.hypot(judged.value - judged.low, error.value - error.low))
    high = value + float(np.hypot(judged.high - judged.value, error.high - error.value))
    value, low, high = (float(np.clip(end, *label.range)) for end in (value, low, high))
    return Estimate(
        of=labelled.target, value=value, low=low, high=high, level=labelled.level,
        method=f"judge's mean plus its mean error on labels; {error.method}", n=len(label), clusters=error.clusters,
        missing=len(labelled) - len(label), extra={"judge_error": error.value, "judge_only": judged.value, "unlabelled": float(judged.n)},
    )  # fmt: skip


def _shared(label: Table, residual: Clustered, rest: Table, rest_groups: Clustered) -> float:
    """Covariance of the two parts over clusters that are on both sides, 0 where it is negative."""
    names, rest_names = np.unique(label.cluster), np.unique(rest.cluster)
    _, here, there = np.intersect1d(names, rest_names, assume_unique=True, return_indices=True)
    one = (residual.total - residual.mean * residual.weight)[here] / residual.weight.sum()
    two = (rest_groups.total - rest_groups.mean * rest_groups.weight)[there] / rest_groups.weight.sum()
    return max(0.0, float(one @ two))


def _cross_fitted(label: Table, score: Floats, unlabelled: int, rng: Generator) -> Floats:
    """Each row's tuning weight, fitted on the half of the clusters that it is not in."""
    index, count = numbered(label.cluster)
    fold = (rng.permutation(count) % 2)[index]
    tuned = np.empty(len(label))
    for half in (0, 1):
        y, f = label.value[fold != half], score[fold != half]
        spread = float(np.var(f))
        covariance = float(np.mean((y - y.mean()) * (f - f.mean())))
        tuned[fold == half] = np.clip(covariance / (spread * (1 + len(label) / unlabelled)), 0, 1) if spread > 0 else 0.0
    return tuned


def _refuse_rare(value: float, labels: float, limits: tuple[float, float]) -> None:
    share = float(np.clip((value - limits[0]) / (limits[1] - limits[0]), 0, 1))
    expected = labels * min(share, 1 - share)
    if expected < LEAST_EXPECTED:
        raise NotEstimable(
            f"normal interval refused: {expected:.1f} failures (or successes) expected among {labels:.0f} labels, at least "
            f"{LEAST_EXPECTED} needed; draw labels by stratum of the judge's verdict"
        )


class Stratum(NamedTuple):
    """A stratum of judged answers: how many there are, how many were labelled at random, how many of these failed."""

    size: int
    labelled: int
    failed: float


def neyman_allocation(sizes: Sequence[int], rates: Sequence[float], labels: int, *, floor: float = 0.10) -> list[int]:
    """Labels per stratum in proportion to size * sqrt(rate (1 - rate)), at least `floor` of all labels (or all there are) each.

    `rates` come from history or a pilot of some 20 per stratum; a noisy pilot costs more than it saves. Sums to
    `labels` (or to all answers where there are fewer).

    >>> neyman_allocation([900, 100], [0.01, 0.5], 100)
    [64, 36]
    """
    size, share = np.array(sizes, dtype=float), np.array(rates, dtype=float)
    if len(size) == 0 or len(size) != len(share) or (size < 1).any() or not ((share >= 0) & (share <= 1)).all():
        raise RecordError("neyman_allocation", "needs sizes of at least 1 and as many rates in [0, 1]", (sizes, rates))
    if not (0 <= floor * len(size) <= 1 and labels >= len(size)):
        raise RecordError("neyman_allocation: labels and floor", "must leave one label a stratum", (labels, floor))
    labels = min(labels, int(size.sum()))
    least = np.minimum(size, np.maximum(1.0, np.floor(floor * labels)))
    want = size * np.sqrt(share * (1 - share))
    want = want if want.sum() > 0 else size
    given = least.copy()
    while labels - given.sum() > 1e-9:
        open_ = given < size
        target = np.where(open_, want + 1e-9 * size, 0)
        given = np.minimum(size, given + _short_of(given, target / target.sum() * labels, labels - given.sum()))
    whole = np.floor(given + 1e-9)
    spare = int(labels - whole.sum())
    order = np.argsort(-(given - whole) - 1e-12 * (size - whole > 0), kind="stable")
    for k in [k for k in order if whole[k] < size[k]][:spare]:
        whole[k] += 1
    return [int(n) for n in whole]


def _short_of(given: Floats, target: Floats, spare: float) -> Floats:
    """How the spare labels go to strata that are below their target, in proportion to what they lack."""
    lacking = np.maximum(target - given, 0)
    return lacking * (spare / lacking.sum())


def stratified_rate(of: Target, strata: Sequence[Stratum], *, level: float = 0.95, population: bool = True) -> Estimate:
    """Rate over all strata from random labels within each: sum of W_h k_h / n_h, W_h a stratum's share of answers.

    Variance sum W_h^2 p~(1 - p~)/n_h, p~ = (k + 1)/(n + 2), plus sum W_h (p_h - th)^2 / N for the population the
    answers come from (`population`); interval by Clopper-Pearson on the effective count th~(1 - th~)/variance, so that
    it stays honest at 0 %. Simulated coverage 98-100 %. A stratum without labels: `NotEstimable`.

    >>> target = Target(benchmark="b", quantity="q", subject="s")
    >>> e = stratified_rate(target, [Stratum(900, 60, 0), Stratum(100, 40, 20)])        # 0.9 * 0 + 0.1 * 0.5
    >>> e.value, e.low < 0.05 < e.high
    (0.05, True)
    """
    size, labels, failed = (np.array(column, dtype=float) for column in zip(*strata, strict=True)) if strata else (np.empty(0),) * 3
    if len(size) == 0 or (labels < 1).any():
        raise NotEstimable(f"{of.quantity}: every stratum needs a label, got {[s.labelled for s in strata]}")
    if (labels > size).any() or (failed < 0).any() or (failed > labels).any():
        raise RecordError("stratified_rate: strata", "need 0 <= failed <= labelled <= size", list(strata))
    share = size / size.sum()
    p, smooth = failed / labels, (failed + 1) / (labels + 2)
    value, centre = float(share @ p), float(share @ smooth)
    variance = float((share**2 * smooth * (1 - smooth) / labels).sum())
    if population:
        variance += float((share * (p - value) ** 2).sum() / size.sum())
    counted = centre * (1 - centre) / variance
    low, high = clopper_pearson(value * counted, counted, level)
    n = int(labels.sum())
    return Estimate(
        of=of, value=value, low=min(low, value), high=max(high, value), level=level,
        method="stratified labels, Clopper-Pearson on effective counts",
        n=n, clusters=n, extra={"effective_n": counted, "judged": float(size.sum())},
    )  # fmt: skip


def labelling_probabilities(score: Floats, labels: int, *, mix: float = 0.5) -> Floats:
    """Probability with which each answer is labelled: (1 - mix) n u / sum(u) + mix n / N, u = sqrt(f (1 - f)), at most 1.

    `score` f is the judge's probability of failure in [0, 1]. The expected number of labels is `labels`; what a cap at 1
    frees goes to the others. `mix` > 0 keeps every answer possible, which is what makes the estimate unbiased.

    >>> labelling_probabilities(np.array([0.5, 0.5, 0.0, 0.0]), 2).tolist()
    [0.75, 0.75, 0.25, 0.25]
    """
    n = len(score)
    if n == 0 or not ((score >= 0) & (score <= 1)).all():
        raise RecordError("labelling_probabilities: score", "must hold probabilities in [0, 1]", score[:5].tolist())
    if not (0 < labels <= n and 0 < mix <= 1):
        raise RecordError("labelling_probabilities: labels and mix", f"need 0 < labels <= {n} and 0 < mix <= 1", (labels, mix))
    doubt = np.sqrt(score * (1 - score))
    doubt = doubt / doubt.sum() if doubt.sum() > 0 else np.full(n, 1 / n)
    wish = (1 - mix) * doubt + mix / n
    chance = np.minimum(1.0, labels * wish)
    for _ in range(n):
        free = chance < 1
        spare = labels - chance.sum()
        if spare <= 1e-9 or not free.any():
            break
        chance[free] = np.minimum(1.0, chance[free] * (1 + spare / chance[free].sum()))
    return chance


class Chosen(NamedTuple):
    """Answers to label next, and the probability with which each answer could have been chosen."""

    picked: NDArray[np.bool_]
    probability: Floats


def next_to_label(score: Floats, labels: int, rng: Generator, *, mix: float = 0.5) -> Chosen:
    """Draw which answers a person labels next: each by its own coin, about `labels` in all. Keep the probabilities."""
    probability = labelling_probabilities(score, labels, mix=mix)
    return Chosen(rng.random(len(score)) < probability, probability)


def active_mean(table: Table, score: Floats, probability: Floats) -> Estimate:
    """Mean of the true values from labels chosen by `next_to_label`: mean of f + (y - f) xi / pi, t on clusters.

    `table.value` is the label y where one was taken, NaN elsewhere; `score` is f, `probability` pi, row by row. Every
    picked answer must have got its label. Refused where fewer than 15 failures or successes lie among the labels
    (coverage 91-95 % above that, in simulations of 200 labels), or with fewer than two clusters.

    >>> rng = np.random.default_rng(0)
    >>> truth = (rng.random(3000) < 0.2).astype(float)
    >>> score = np.where(truth == 1, 0.8, 0.1)
    >>> picked, probability = next_to_label(score, 300, rng)
    >>> rows = np.arange(3000).astype(str)
    >>> t = Table(Target(benchmark="b", quantity="q", subject="s"), np.where(picked, truth, np.nan), rows, rows)
    >>> e = active_mean(t, score, probability)
    >>> bool(e.low < truth.mean() < e.high)
    True
    """
    if len(score) != len(table) or len(probability) != len(table):
        raise RecordError("active_mean: score and probability", f"need {len(table)} rows like the table", (len(score), len(probability)))
    if not (np.isfinite(score).all() and ((probability > 0) & (probability <= 1)).all()):
        raise RecordError("active_mean: probability", "must lie in (0, 1], with finite scores", float(np.min(probability, initial=1.0)))
    label = usable(table)
    taken = ~table.missing
    failed = float(label.value.sum())
    if min(failed, len(label) - failed) < LEAST_EXPECTED:
        raise NotEstimable(f"active mean: {failed:.0f} failures among {len(label)} labels; at least {LEAST_EXPECTED} of each kind needed")
    corrected = score.astype(float)
    corrected[taken] += (table.value[taken] - score[taken]) / probability[taken]
    groups = clustered(replace(table, value=corrected))
    if groups.count < 2:
        raise NotEstimable("active mean: needs two clusters, got 1")
    half = t_quantile(table.level, groups.count - 1) * float(np.sqrt(groups.variance()))
    low, high = max(table.range[0], groups.mean - half), min(table.range[1], groups.mean + half)
    return Estimate(
        of=table.target, value=float(np.clip(groups.mean, low, high)), low=low, high=high, level=table.level,
        method="active inference (inverse-probability correction), t on clusters", n=len(label), clusters=min(groups.count, len(label)),
        extra={"raw": groups.mean, "judge_only": float(score.mean()), "judged": float(len(table))},
    )  # fmt: skip
