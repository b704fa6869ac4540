"""How well a score tells two kinds of runs apart: AUROC, power at a stated rate of false alarms, and the response to a dose.

Each run has one score, higher = more of the trait. Scores of runs that could not be told are NaN: they are left out, counted, and the
bounds say what they could have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import betaincinv, expit, logit

from fiducial.kernel.errors import NotEstimable, RecordError
from fiducial.kernel.records import Estimate, Target
from fiducial.kernel.roles import replaced
from fiducial.stats.clusters import t_quantile
from fiducial.stats.proportions import clopper_pearson, zero_failure_bound
from fiducial.stats.table import Floats

ALARMS = 0.05
"""Rate of false alarms at which power is told."""

FEWEST = 2
"""Runs of each kind below which nothing can be told."""

NEAR = 2.0
"""Wrong pairs among as many disjoint pairs as there are, below which an AUROC counts as near 0 or 1."""


def fewest(level: float = 0.95) -> int:
    """Runs of either kind below which no interval of an AUROC can leave 0.5 out: m pairs, all in order, show ((1 - level)/2)^(1/m).

    >>> fewest(), 0.025 ** (1 / 5) < 0.5 < 0.025 ** (1 / 6)
    (6, True)
    """
    return int(np.floor(np.log((1 - level) / 2) / np.log(0.5))) + 1


@dataclass(frozen=True, slots=True)
class Threshold:
    """Scores above `value` are an alarm. `rate` is the expected rate of false alarms, [`low`, `high`] where the true one lies.

    It is the `rank`-th highest of n control scores. For scores without ties the rate of later control scores above it follows
    Beta(rank, n + 1 - rank), whatever their distribution; ties can only lower it.
    """

    value: float
    rank: int
    rate: float
    low: float
    high: float


def auroc(trait: Floats, control: Floats, *, of: Target, level: float = 0.95) -> Estimate:
    """Probability that a run with the trait scores higher than a control run, ties at one half.

    Interval: placements (DeLong 1988) with Welch's degrees of freedom, on the logit scale. Where fewer than `NEAR` of m disjoint pairs are
    on the wrong side (m the size of the smaller group) the placements hardly vary, and the variance is taken at the largest an AUROC
    can have, A(1-A)/m (Birnbaum and Klose 1957), by Clopper and Pearson on m pairs. At 1 that is exact: if P(X > Y) = A, m disjoint
    pairs are all in order with probability A^m at most, so A is at least (a/2)^(1/m). In the same way the interval always leaves room
    for what m pairs that agree have not shown. With missing scores `bounds` lets them all be highest, or all lowest.

    >>> of = Target(benchmark="b", quantity="auroc", subject="s")
    >>> e = auroc(np.arange(100.0) + 100, np.arange(100.0), of=of)
    >>> e.value, round(e.low, 4), e.high                                 # 0.025 ** (1 / 100)
    (1.0, 0.9638, 1.0)
    """
    x, y = known(trait, of, "trait"), known(control, of, "control")
    above, below = placements(x, y)
    value = float(above.mean())
    return _made(of, "AUROC", value, [above, below], (len(trait) + len(control), level), _bounds(trait, control))


def placements(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """For each x the share of y below it, for each y the share of x above it, ties at one half: their means are the AUROC.

    >>> [part.tolist() for part in placements(np.array([1.0, 3.0]), np.array([1.0, 2.0]))]
    [[0.25, 1.0], [0.75, 0.5]]
    """
    mine, theirs = np.sort(x), np.sort(y)
    above = (np.searchsorted(theirs, x, "left") + np.searchsorted(theirs, x, "right")) / (2 * len(y))
    below = 1 - (np.searchsorted(mine, y, "left") + np.searchsorted(mine, y, "right")) / (2 * len(x))
    return above, below


def concordance(doses: Sequence[Floats], *, of: Target, level: float = 0.95) -> Estimate:
    """Whether scores rise with the dose: P(higher dose scores higher), ties at one half, averaged over all pairs of doses.

    `doses` holds the scores at each dose, lowest first. 1 = every run outscores every run of a lower dose, 0.5 = no response. With two
    doses it is the AUROC (Jonckheere 1954; Terpstra 1952). The interval is made of placements; where it is near 0 or 1 for the smallest
    group, those of the pairs of doses are joined as if they erred together, which is never too short.

    >>> of = Target(benchmark="b", quantity="dose", subject="s")
    >>> concordance([np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([2.5, 5.0])], of=of).value       # (1 + 1 + 3/4) / 3
    0.9166666666666666
    """
    there = [known(scores, of, f"dose {n}") for n, scores in enumerate(doses)]
    if len(there) < 2:
        raise NotEstimable(f"{of.quantity}: a response needs two doses, got {len(there)}")
    pairs = len(there) * (len(there) - 1) / 2
    parts = [np.zeros(len(scores)) for scores in there]
    of_pairs: list[Estimate] = []
    for low in range(len(there)):
        for high in range(low + 1, len(there)):
            above, below = placements(there[high], there[low])
            parts[high] += above / pairs
            parts[low] += below / pairs
            of_pairs.append(auroc(there[high], there[low], of=of, level=level))
    value = min(sum(pair.value for pair in of_pairs) / pairs, 1.0)
    n = sum(map(len, there))
    if min(value, 1 - value) * min(map(len, there)) < NEAR or all(np.ptp(part) == 0 for part in parts):
        ends = sum(pair.low for pair in of_pairs) / pairs, sum(pair.high for pair in of_pairs) / pairs
        method = f"concordance over {len(there)} doses, intervals of the pairs of doses joined"
    else:
        ends, method = _logit_interval(value, parts, level), f"concordance over {len(there)} doses, placements, logit scale"
    return Estimate(
        of=of, value=value, low=min(ends[0], value), high=max(ends[1], value), level=level, method=method, n=n, clusters=n,
        missing=sum(map(len, doses)) - n,
    )  # fmt: skip


def steps(doses: Sequence[Floats], *, of: Target, level: float = 0.95) -> list[Estimate]:
    """The change of the mean score from each dose to the next (Welch's t), each at 1 - (1 - level)/steps, so that all hold together.

    Where both groups do not vary at all the interval leaves room for what so many runs have not shown, on the span of all scores.
    """
    there = [known(scores, of, f"dose {n}") for n, scores in enumerate(doses)]
    every = np.concatenate(there)
    span, share = float(np.ptp(every)) or 1.0, 1 - (1 - level) / max(1, len(there) - 1)
    found = []
    for n, (low, high) in enumerate(pairwise(there), start=1):
        value = float(high.mean() - low.mean())
        still = np.ptp(low) == 0 and np.ptp(high) == 0
        half = span * zero_failure_bound(min(len(low), len(high)), 0.5 + share / 2) if still else _welch(low, high, share)
        place = replaced(of, slice=f"step={n}")
        count, method = len(low) + len(high), "difference of means, Welch's t"
        made = Estimate(of=place, value=value, low=value - half, high=value + half, level=share, method=method, n=count, clusters=count)
        found.append(made)
    return found


def threshold(control: Floats, alarms: float = ALARMS, level: float = 0.95) -> Threshold:
    """The lowest score above which at most a share `alarms` of later control runs is expected.

    Raises `NotEstimable` where there are too few control runs: n must be 1/alarms - 1 at least.

    >>> t = threshold(np.arange(100.0))
    >>> t.value, t.rank, round(t.rate, 4), round(t.low, 4), round(t.high, 4)
    (95.0, 5, 0.0495, 0.0164, 0.0993)
    """
    if not 0 < alarms < 1:
        raise RecordError("threshold: alarms", "must lie in (0, 1)", alarms)
    scores = control[~np.isnan(control)]
    n = len(scores)
    rank = int(alarms * (n + 1) + 1e-9)
    if rank < 1:
        raise NotEstimable(f"threshold: {alarms:g} false alarms need {int(np.ceil(1 / alarms)) - 1} control runs with a score, got {n}")
    a = (1 - level) / 2
    low, high = (float(betaincinv(rank, n + 1 - rank, q)) for q in (a, 1 - a))
    return Threshold(float(np.sort(scores)[-rank]), rank, rank / (n + 1), low, high)


def power(trait: Floats, control: Floats, *, of: Target, alarms: float = ALARMS, level: float = 0.95) -> Estimate:
    """Share of runs with the trait above the `threshold` of the control runs, with the exact interval given that threshold.

    `extra` says what the threshold is worth: `threshold`, its expected `false_alarm` and where the true one lies
    (`false_alarm_low`, `false_alarm_high`), and the power at the threshold of twice and of no more than half as many false alarms where
    there are runs enough (`power_at_10`, `power_at_2_5` for 5 %).
    """
    x = known(trait, of, "trait")
    at = threshold(control, alarms, level)
    over = int(np.count_nonzero(x > at.value))
    low, high = clopper_pearson(over, len(x), level)
    extra = {"threshold": at.value, "false_alarm": at.rate, "false_alarm_low": at.low, "false_alarm_high": at.high}
    for other in (2 * alarms, alarms / 2):
        try:
            extra[f"power_at_{100 * other:g}".replace(".", "_")] = float(np.mean(x > threshold(control, other, level).value))
        except NotEstimable:
            continue
    missing = len(trait) - len(x) + int(np.isnan(control).sum())
    return Estimate(
        of=of, value=over / len(x), low=low, high=high, level=level, n=len(x), clusters=len(x), missing=missing, extra=extra,
        method=f"share above the {100 * alarms:g} % threshold, Clopper-Pearson given it",
    )  # fmt: skip


def alarms_elsewhere(control: Mapping[str, Floats], *, of: Target, alarms: float = ALARMS, level: float = 0.95) -> Estimate:
    """False alarms of a threshold on controls it was not set on: each group held out, the threshold from the others, all pooled.

    Groups (checkpoints) are few and differ, so the exact interval covers the choice of runs in these groups, not of groups;
    `extra` has the rate of each.
    """
    hits: dict[str, tuple[int, int]] = {}
    for name, scores in control.items():
        others = np.concatenate([other for key, other in control.items() if key != name] or [np.empty(0)])
        mine = scores[~np.isnan(scores)]
        if len(mine):
            hits[name] = int(np.count_nonzero(mine > threshold(others, alarms, level).value)), len(mine)
    over, n = sum(k for k, _ in hits.values()), sum(n for _, n in hits.values())
    if not n:
        raise NotEstimable(f"{of.quantity}: no control run has a score")
    low, high = clopper_pearson(over, n, level)
    missing = sum(int(np.isnan(scores).sum()) for scores in control.values())
    return Estimate(
        of=of, value=over / n, low=low, high=high, level=level, method="threshold of the other groups, Clopper-Pearson", n=n, clusters=n,
        missing=missing, extra={name: k / m for name, (k, m) in hits.items()},
    )  # fmt: skip


def known(scores: Floats, of: Target, what: str) -> Floats:
    """The scores that are there; raises `NotEstimable` where they are fewer than two."""
    found = scores[~np.isnan(scores)]
    if len(found) < FEWEST:
        raise NotEstimable(f"{of.benchmark} on {of.subject}: {what}: needs {FEWEST} runs with a score, got {len(found)} of {len(scores)}")
    return found


def _made(
    of: Target, name: str, value: float, parts: Sequence[Floats], asked: tuple[int, float], bounds: tuple[float, float] | None
) -> Estimate:  # fmt: skip
    """An estimate of a mean over pairs of groups: `parts` hold what each run of each group contributes, `asked` runs in all and level."""
    total, level = asked
    fewer = min(map(len, parts))
    value = min(max(value, 0.0), 1.0)
    if min(value, 1 - value) * fewer < NEAR and not all(np.ptp(part) == 0 and 0 < value < 1 for part in parts):
        low, high = clopper_pearson(value * fewer, fewer, level)
        method = f"{name}, Clopper-Pearson on {fewer} disjoint pairs (largest variance)"
    else:
        low, high = _logit_interval(value, parts, level)
        method = f"{name}, placements, logit scale"
    unseen = zero_failure_bound(fewer, 0.5 + level / 2)
    low, high = min(low, value - unseen * value), max(high, value + unseen * (1 - value))
    n = sum(map(len, parts))
    return Estimate(of=of, value=value, low=low, high=high, level=level, method=method, n=n, clusters=n, missing=total - n, bounds=bounds)


def _logit_interval(value: float, parts: Sequence[Floats], level: float) -> tuple[float, float]:
    share = [float(np.var(part, ddof=1)) / len(part) for part in parts]
    variance = sum(share)
    if variance == 0:
        return value, value
    freedom = variance**2 / sum(s * s / (len(part) - 1) for s, part in zip(share, parts, strict=True))
    half = t_quantile(level, max(freedom, 1.0)) * np.sqrt(variance) / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


def _welch(x: Floats, y: Floats, level: float) -> float:
    share = [float(np.var(part, ddof=1)) / len(part) for part in (x, y)]
    if sum(share) == 0:
        return 0.0
    freedom = sum(share) ** 2 / sum(s * s / (len(part) - 1) for s, part in zip(share, (x, y), strict=True))
    return t_quantile(level, freedom) * float(np.sqrt(sum(share)))


def _bounds(trait: Floats, control: Floats) -> tuple[float, float] | None:
    """The AUROC if each missing score were against, or for, the telling apart; `None` where none is missing."""
    if not (np.isnan(trait).any() or np.isnan(control).any()):
        return None
    ends = [placements(np.nan_to_num(trait, nan=-way), np.nan_to_num(control, nan=way))[0].mean() for way in (np.inf, -np.inf)]
    return float(ends[0]), float(ends[1])
