"""Contrasts: between two parts of a unit, between two subjects on the same units, and tests on pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from msgspec.structs import replace as replaced
from numpy.typing import NDArray
from scipy.special import bdtr

from fiducial.kernel.errors import NotEstimable, RecordError
from fiducial.kernel.records import Estimate, Outcome, Scale, Side
from fiducial.stats.clusters import clustered, numbered, robust_variance, sums, t_quantile
from fiducial.stats.means import SPARSE, interval, mean, off_common
from fiducial.stats.missing import usable, why_empty
from fiducial.stats.table import Floats, Labels, Table


def unit_contrast(table: Table, treated: str, control: str) -> Table:
    """One row a unit: its value in part `treated` minus that in part `control`.

    Missing where either part is missing or absent; several rows of a part are averaged. The new range spans all
    differences; the status is that of the first row that is missing, else of the treated part.

    >>> from fiducial.kernel.records import Target
    >>> t = Table(Target(benchmark="b", quantity="q", subject="s"), np.array([1.0, 0.0, 1.0]), np.array(["c", "c", "d"]),
    ...           np.array(["u", "u", "v"]), part=np.array(["pressure", "neutral", "pressure"]))
    >>> d = unit_contrast(t, "pressure", "neutral")
    >>> d.unit.tolist(), d.value.tolist(), d.range
    (['u', 'v'], [1.0, nan], (-1.0, 1.0))
    """
    if len(table.part) != len(table):
        raise RecordError(f"Table of {table.target.quantity}: part", "must name a part for each row", len(table.part))
    table = table.select(np.isin(table.part, (treated, control)))
    span = table.range[1] - table.range[0]
    if len(table) == 0:
        return replace(table, range=(-span, span), part=np.empty(0, dtype=np.str_))
    index, count = numbered(table.unit)
    is_treated = table.part == treated
    value = _cell_means(table.value, index, is_treated, count) - _cell_means(table.value, index, ~is_treated, count)
    # Sorting puts a unit's missing rows first, then the treated part, then plan order: the row that lends its labels.
    order = np.lexsort((np.arange(len(table)), ~is_treated, ~table.missing, index))
    chosen = order[np.searchsorted(index[order], np.arange(count))]
    plan = np.argsort(_first(index, count), kind="stable")
    rows = table.select(chosen[plan])
    return replace(rows, value=value[plan], range=(-span, span), part=np.empty(0, dtype=np.str_))


def signed_contrast(table: Table, treated: str, control: str) -> Estimate:
    """Mean over units of part `treated` minus part `control`, in [-1, 1] for unit values in [0, 1]: what the treatment does.

    The control part (a neutral re-ask, say) takes off what happens without the treatment; the sign keeps what it
    does in either direction from adding up. Interval as in `means.mean`. `extra` holds the shares of units that rose and that fell,
    and, where each cluster is one unit, McNemar's mid-p that these are equally likely.

    >>> from fiducial.kernel.records import Target
    >>> units = np.repeat(np.arange(8).astype(str), 2)
    >>> t = Table(Target(benchmark="b", quantity="q", subject="s"), np.array([1.0, 0.0] * 4 + [0.0, 0.0] * 3 + [0.0, 1.0]), units, units,
    ...           part=np.tile(np.array(["pressed", "neutral"]), 8))
    >>> e = signed_contrast(t, "pressed", "neutral")
    >>> e.value, e.extra                                                          # (4 - 1) / 8; 2 * 6/32 - 5/32
    (0.375, {'rose': 0.5, 'fell': 0.125, 'midp': 0.21875})
    """
    changes = unit_contrast(table, treated, control)
    found = mean(changes)
    step = changes.known().value
    extra = {"rose": float((step > 0).mean()), "fell": float((step < 0).mean())}
    if found.clusters == found.n:
        extra["midp"] = mcnemar_midp(int((step > 0).sum()), int((step < 0).sum()))
    return replaced(found, method=f"signed contrast, {found.method}", extra=found.extra | extra)


def _cell_means(value: Floats, index: NDArray[np.intp], keep: NDArray[np.bool_], count: int) -> Floats:
    total = sums(value[keep], index[keep], count)
    number = np.bincount(index[keep], minlength=count).astype(float)
    return np.divide(total, number, out=np.full(count, np.nan), where=number > 0)


def _first(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    first = np.full(count, len(index), dtype=np.intp)
    np.minimum.at(first, index, np.arange(len(index)))
    return first


def paired(candidate: Table, baseline: Table, scale: Scale = "difference") -> Estimate:
    """How the candidate differs from the baseline on the same units, by pairs.

    `difference`: mean of candidate - baseline in the units of the tables (0..1), cluster-robust t (see `means.mean`).
    `per_cent`: 100 * (B - A) / A of the means A of the baseline and B of the candidate, in per cent, by Fieller (1954)
    on the cluster-robust covariance, joined with the difference's own interval over A where nearly all pairs agree.
    `NotEstimable` where the baseline is not clearly above 0 at this level, with fewer than two clusters, or no pair.

    Rows pair by unit and part, whose labels must be unique. n counts complete pairs; every other unit of either table
    is missing, and `bounds` lets each missing side go to either end of its range. Weights and clusters are the
    candidate's, or the baseline's where it alone has the unit.

    >>> from fiducial.kernel.records import Target
    >>> rows = np.array([f"r{i}" for i in range(20)])
    >>> target = Target(benchmark="b", quantity="q", subject="s")
    >>> a = Table(target, np.array([0.2, 0.4] * 10), rows, rows)
    >>> b = Table(target, np.array([0.4, 0.4] * 10), rows, rows)
    >>> e = paired(b, a)                                                # 0.1 -+ 2.093 * 0.1026 / sqrt(20)
    >>> round(e.low, 3), round(e.value, 3), round(e.high, 3)
    (0.052, 0.1, 0.148)
    >>> round(paired(b, a, "per_cent").value, 1)
    33.3
    """
    if scale == "absolute":
        raise RecordError("paired: scale", "must be difference or per_cent", scale)
    both, a, b = _aligned(candidate, baseline)
    target = replaced(candidate.target, baseline=candidate.target.baseline or baseline.target.subject, scale=scale)
    both = replace(both, target=target)
    complete = ~(np.isnan(a) | np.isnan(b))
    if not complete.any():
        thin = candidate if np.isnan(candidate.value).all() else baseline
        raise NotEstimable(f"{target.benchmark}.{target.quantity} against {target.baseline}: no complete pair; {why_empty(thin)}")
    known = usable(both.select(complete))
    if len(np.unique(known.cluster)) < 2:
        raise NotEstimable(f"{target.benchmark}.{target.quantity} against {target.baseline}: pairs need two clusters, got 1")
    worst = _paired_bounds(both, a, b, (candidate.range, baseline.range)) if not complete.all() else None
    if scale == "per_cent":
        value, low, high, method = _per_cent(known, a[complete], b[complete], baseline.range)
    else:
        groups = clustered(known)
        value = float(np.clip(groups.mean, *known.range))
        low, high, method = interval(groups, known.range, known.level)
        method = f"paired differences, {method}"
    raw = {
        "baseline": float(np.average(a[complete], weights=known.weight)),
        "candidate": float(np.average(b[complete], weights=known.weight)),
    }
    return Estimate(
        of=target, value=value, low=min(low, value), high=max(high, value), level=known.level, method=method, n=len(known),
        clusters=len(np.unique(known.cluster)), missing=len(both) - len(known), bounds=worst, extra=raw,
    )  # fmt: skip


def changes(candidate: Table, baseline: Table) -> Table:
    """One row a unit of either table: the candidate's value minus the baseline's, missing where either is.

    >>> from fiducial.kernel.records import Target
    >>> t = Target(benchmark="b", quantity="q", subject="s")
    >>> a, b = (Table(t, np.array(v), np.array([0, 1]), np.array([0, 1])) for v in ([0.0, 1.0], [1.0, np.nan]))
    >>> changes(b, a).value.tolist(), changes(b, a).range
    ([1.0, nan], (-1.0, 1.0))
    """
    return _aligned(candidate, baseline)[0]


def _aligned(candidate: Table, baseline: Table) -> tuple[Table, Floats, Floats]:
    """All units of either table, with the difference as value; the baseline's and the candidate's values beside it."""
    keys_b, keys_a = _pair_keys(candidate), _pair_keys(baseline)
    for keys, table in ((keys_b, candidate), (keys_a, baseline)):
        names, counts = np.unique(keys, return_counts=True)
        if len(names) < len(keys):
            raise NotEstimable(
                f"pairs of {table.target.quantity}: unit labels must be unique, got {str(names[np.argmax(counts)])!r} {counts.max()} times"
            )
    _, in_b, in_a = np.intersect1d(keys_b, keys_a, assume_unique=True, return_indices=True)
    only = np.setdiff1d(np.arange(len(keys_a)), in_a)
    b = np.concatenate([candidate.value, np.full(len(only), np.nan)])
    a = np.full(len(b), np.nan)
    a[in_b] = baseline.value[in_a]
    a[len(keys_b) :] = baseline.value[only]
    low, high = candidate.range[0] - baseline.range[1], candidate.range[1] - baseline.range[0]
    cluster = np.concatenate([candidate.cluster, baseline.cluster[only]])
    unit = np.concatenate([candidate.unit, baseline.unit[only]])
    weight = np.concatenate([candidate.weight, baseline.weight[only]])
    table = Table(candidate.target, b - a, cluster, unit, level=candidate.level, range=(low, high), weight=weight)
    return table, a, b


def _pair_keys(table: Table) -> Labels:
    if len(table.part) != len(table) or not len(table):
        return table.unit
    return np.strings.add(np.strings.add(table.unit.astype(np.str_), "\x1f"), table.part.astype(np.str_))


def _per_cent(known: Table, a: Floats, b: Floats, limits: tuple[float, float]) -> tuple[float, float, float, str]:
    index, count = numbered(known.cluster)
    scale = float(known.weight.sum())
    mean_a, mean_b = (float(np.average(v, weights=known.weight)) for v in (a, b))
    t = t_quantile(known.level, count - 1)
    base = interval(clustered(replace(known, value=a)), limits, known.level)
    influence_a, influence_b = (sums(known.weight * (v - m), index, count) for v, m in ((a, mean_a), (b, mean_b)))
    v_aa, v_bb = robust_variance(influence_a, scale), robust_variance(influence_b, scale)
    v_ab = (robust_variance(influence_a + influence_b, scale) - v_aa - v_bb) / 2
    lead = mean_a**2 - t * t * v_aa
    if mean_a <= 0 or lead <= 0 or base[0] <= 0:
        raise NotEstimable(
            f"{known.target.benchmark}.{known.target.quantity}: a change in per cent needs a baseline clearly above 0, "
            f"got {mean_a:.4g} in [{base[0]:.4g}, {base[1]:.4g}]"
        )
    cross = mean_a * mean_b - t * t * v_ab
    root = float(np.sqrt(max(0.0, cross**2 - lead * (mean_b**2 - t * t * v_bb))))
    low, high, method = 100 * ((cross - root) / lead - 1), 100 * ((cross + root) / lead - 1), "Fieller on clusters"
    groups = clustered(known)
    if off_common(groups.means) < min(SPARSE, count / 2):
        d_low, d_high, _ = interval(groups, known.range, known.level)
        low, high = min(low, 100 * d_low / base[0]), max(high, 100 * d_high / base[0])
        method = "Fieller on clusters, joined with exact bounds on the few pairs that differ"
    if limits[0] >= 0:
        low = max(low, -100.0)
    return 100 * (mean_b / mean_a - 1), low, high, method


def _paired_bounds(
    both: Table, a: Floats, b: Floats, ranges: tuple[tuple[float, float], tuple[float, float]]
) -> tuple[float, float] | None:
    def change(fill_a: float, fill_b: float) -> float | None:
        mean_a = float(np.average(np.where(np.isnan(a), fill_a, a), weights=both.weight))
        mean_b = float(np.average(np.where(np.isnan(b), fill_b, b), weights=both.weight))
        if both.target.scale == "difference":
            return mean_b - mean_a
        return 100 * (mean_b / mean_a - 1) if mean_a > 0 else None

    (low_b, high_b), (low_a, high_a) = ranges
    ends = change(high_a, low_b), change(low_a, high_b)
    return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])


def mcnemar_midp(gained: int, lost: int) -> float:
    """Two-sided mid-p value that gains and losses among pairs are equally likely (Fagerland and others 2013).

    With k = min, n = gained + lost: 2 P(X <= k) - P(X = k) for X ~ Binomial(n, 1/2); 1 where k = n/2 or n = 0.

    >>> mcnemar_midp(0, 5), mcnemar_midp(3, 3), mcnemar_midp(0, 0)       # 2 * 2**-5 - 2**-5
    (0.03125, 1.0, 1.0)
    """
    if gained < 0 or lost < 0:
        raise RecordError("mcnemar_midp: counts", "must not be negative", (gained, lost))
    n, k = gained + lost, min(gained, lost)
    if 2 * k == n:
        return 1.0
    below = float(bdtr(k - 1, n, 0.5)) if k else 0.0
    return min(1.0, float(bdtr(k, n, 0.5)) + below)


def non_inferiority(change: Estimate, margin: float, worse: Side = "at_most") -> Outcome:
    """Whether a change (candidate minus baseline) stays within a margin of no worse.

    `at_most`: higher is worse, so the change must stay at most `margin`; `at_least`: lower is worse, so at least
    -margin. `holds` when the whole interval does, `violated` when none of it does, else `undecided`. The margin is in
    the units of the change and not negative; each one-sided error is (1 - level)/2.

    >>> from fiducial.kernel.records import Target
    >>> rows = np.arange(40).astype(str)
    >>> none = Table(Target(benchmark="b", quantity="q", subject="s"), np.zeros(40), rows, rows)
    >>> change = paired(none, none)
    >>> round(change.high, 3), non_inferiority(change, 0.10), non_inferiority(change, 0.05)
    (0.088, 'holds', 'undecided')
    """
    if not (np.isfinite(margin) and margin >= 0):
        raise RecordError("non_inferiority: margin", "must be finite and not negative", margin)
    low, high = (change.low, change.high) if worse == "at_most" else (-change.high, -change.low)
    if high <= margin:
        return "holds"
    return "violated" if low > margin else "undecided"
