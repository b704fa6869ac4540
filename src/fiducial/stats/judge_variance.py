"""What changes with the judge: one number from the readings of several, its interval widened by the variance between them."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from msgspec.structs import replace as replaced

from fiducial.kernel.errors import NotEstimable, RecordError
from fiducial.kernel.records import Estimate
from fiducial.stats.clusters import t_quantile


def between_judges(readings: Sequence[Estimate], limits: tuple[float, float] = (-np.inf, np.inf)) -> Estimate:
    """The mean over judges, where each number is one judge's reading of the same units and judges are drawn from many alike.

    Half-width on each side = sqrt(w^2 + t^2 s^2 / J): w the mean half-width of the readings (as if they erred together: they read the
    same units), s^2 the variance of their J values, t with J - 1 df (variance estimates recovered, Zou and Donner 2008). What sampling
    adds to s^2 is not taken off, so the interval is wide rather than short (a Satterthwaite t is shorter and covered 87 % with two
    judges). `limits` hold it in. Repeating one judge unit by unit adds nothing here: its noise is between units already, and its bias is
    the same each time.

    `extra`: `judge_variance` s^2, `judges` J. n, clusters and missing are the first reading's. Raises `NotEstimable` with fewer than
    two, `RecordError` where they differ in level.

    >>> from fiducial.kernel.records import Target
    >>> def read(value):
    ...     return Estimate(of=Target(benchmark="b", quantity="q", subject="s"), value=value, low=value - 0.02, high=value + 0.02,
    ...                     level=0.95, method="rate", n=100, clusters=100)
    >>> same, apart = between_judges([read(0.2), read(0.2)]), between_judges([read(0.1), read(0.3)])
    >>> round(same.low, 3), round(same.high, 3), apart.low < -0.5                     # one degree of freedom knows little
    (0.18, 0.22, True)
    >>> round(apart.value, 3), round(apart.extra["judge_variance"], 3)                # ((0.1 - 0.2)^2 + (0.3 - 0.2)^2) / 1
    (0.2, 0.02)
    """
    if len(readings) < 2:
        raise NotEstimable(f"variance between judges: needs the readings of two, got {len(readings)}")
    first = readings[0]
    if len({reading.level for reading in readings}) > 1:
        raise RecordError("between_judges: level", "must be one for all readings", [reading.level for reading in readings])
    values = np.array([reading.value for reading in readings])
    count, value = len(values), float(values.mean())
    spread = float(values.var(ddof=1))
    between = t_quantile(first.level, count - 1) * sqrt(spread / count)
    ends: list[float] = []
    for sign, end in ((-1.0, "low"), (1.0, "high")):
        own = float(np.mean([abs(getattr(reading, end) - reading.value) for reading in readings]))
        ends.append(float(np.clip(value + sign * sqrt(own**2 + between**2), *limits)))
    return replaced(
        first, value=value, low=min(ends[0], value), high=max(ends[1], value), bounds=_joined(readings),
        method=f"mean over {count} judges, variance between them added, t; each: {first.method}",
        flags=tuple(dict.fromkeys(flag for reading in readings for flag in reading.flags)),
        extra=first.extra | {"judges": float(count), "judge_variance": spread},
    )  # fmt: skip


def _joined(readings: Sequence[Estimate]) -> tuple[float, float] | None:
    bounds = [reading.bounds for reading in readings]
    known = [bound for bound in bounds if bound is not None]
    if len(known) < len(bounds):
        return None
    return float(np.mean([low for low, _ in known])), float(np.mean([high for _, high in known]))
