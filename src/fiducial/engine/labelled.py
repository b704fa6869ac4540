"""Numbers held up by people: labels of a random sample of a run's own units correct what the judge says of the rest.

Nothing is assumed of the judge. Shares, scores, contrasts between parts and changes against a baseline alike: the judge's mean over
the units without a label, plus its mean error on those with one (`stats.prediction_powered`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.kernel.errors import NotEstimable
from fiducial.kernel.records import Estimate
from fiducial.stats.clusters import clustered
from fiducial.stats.contrasts import changes
from fiducial.stats.means import SPARSE, mean, off_common
from fiducial.stats.prediction_powered import prediction_powered, rectified
from fiducial.stats.proportions import rate
from fiducial.stats.table import Floats, Table

LEAST = 20
"""Labelled units below which people's labels correct nothing."""

JUDGED = "judged"
"""The status of a row whose value a judge read."""

Part = tuple[float, Estimate]
"""Share of all weight, and the number of that share."""


def by_people(rows: Table, truth: Floats, plain: Estimate, rng: Generator) -> Estimate:
    """The number of a table with people's labels beside the judge's readings.

    Args:
        rows: the judge's readings; what no judge read (adverse, filled) keeps its value.
        truth: people's value of each row, NaN where they gave none.
        plain: the number as judged.
        rng: draws the folds in which the judge's weight is tuned.

    Raises `NotEstimable` with fewer than 20 labels, or where no interval can be given.
    """
    certain = rows.status != JUDGED if len(rows.status) == len(rows) else np.zeros(len(rows), dtype=bool)
    return _corrected(rows, truth, certain, plain, rng)


def change_by_people(
    sides: tuple[Table, Table], truths: tuple[Floats, Floats], plain: Estimate, rng: Generator
) -> Estimate:  # fmt: skip
    """A difference from baseline to candidate, where people labelled the answers of both to a random sample of the units.

    `sides` and `truths` are the candidate's and the baseline's; a unit counts as labelled where each side is, or was read by no judge.
    """
    if plain.of.scale != "difference":
        raise NotEstimable(f"people's labels correct a difference, not a change of scale {plain.of.scale!r}")
    certain = [side.status != JUDGED for side in sides]
    known = [np.where(sure, side.value, truth) for side, sure, truth in zip(sides, certain, truths, strict=True)]
    rows = changes(*sides)
    truth = changes(*(replace(side, value=value) for side, value in zip(sides, known, strict=True))).value
    sure = changes(*(replace(side, value=mark.astype(float)) for side, mark in zip(sides, [certain[0], ~certain[1]], strict=True))).value
    # Candidate certain (1) minus baseline not certain (0): 1 only where neither side was read by a judge.
    return _corrected(rows, truth, sure == 1.0, plain, rng)


def joined(parts: Sequence[Part], rows: Table, plain: Estimate) -> tuple[float, float, float]:
    """Value, low and high of parts of a table, as if they erred together, which is never too short.

    Where wordings repeat the plain interval is two-way and wider than the one-way ones that corrections start from: widened as much.
    """
    value = sum(share * part.value for share, part in parts)
    simple = _plain(rows)(rows)
    wider = max(1.0, (plain.high - plain.low) / (simple.high - simple.low)) if simple.high > simple.low else 1.0
    low = value - wider * sum(share * (part.value - part.low) for share, part in parts)
    high = value + wider * sum(share * (part.high - part.value) for share, part in parts)
    return value, max(rows.range[0], low), min(rows.range[1], high)


def _corrected(rows: Table, truth: Floats, certain: NDArray[np.bool_], plain: Estimate, rng: Generator) -> Estimate:
    known = ~rows.missing
    few, rest = known & ~certain & ~np.isnan(truth), known & ~certain & np.isnan(truth)
    if few.sum() < LEAST:
        raise NotEstimable(f"people labelled {int(few.sum())} of its units; at least {LEAST} are needed")
    total = float(rows.weight[known].sum())
    label = replace(rows.select(few), value=truth[few])
    # Where people labelled most units, their labels are the number: the judge could add little, and the few it read alone much noise.
    whole = len(np.unique(rows.cluster[rest])) < max(2, len(np.unique(rows.cluster[few])))
    found = _plain(rows)(label) if whole else _powered(label, rows.value[few], rows.select(rest), rng)
    parts = [(float(rows.weight[few | rest].sum()) / total, found)]
    if (certain & known).any():
        unread = rows.select(certain & known)
        parts.append((float(unread.weight.sum()) / total, _plain(rows)(unread)))
    value, low, high = joined(parts, rows, plain)
    extra = {**plain.extra, **found.extra, "uncorrected": plain.value, "labels": float(few.sum())}
    method = f"corrected by people's labels of {int(few.sum())} units: {found.method}"
    return msgspec.structs.replace(plain, value=value, low=min(low, value), high=max(high, value), method=method, bounds=None, extra=extra)


def _powered(label: Table, score: Floats, rest: Table, rng: Generator) -> Estimate:
    """Tuned where enough labels differ from the judge and from each other for a t interval, else with exact bounds."""
    error = clustered(replace(label, value=label.value - score))
    if min(off_common(error.means), off_common(clustered(label).means)) >= SPARSE:
        try:
            return prediction_powered(label, score, rest, rng)
        except NotEstimable:
            pass
    return rectified(label, score, rest)


def _plain(rows: Table) -> Callable[[Table], Estimate]:
    return rate if rows.range == (0.0, 1.0) else mean
