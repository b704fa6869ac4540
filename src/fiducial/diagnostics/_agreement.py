"""Does what a diagnostic reads agree with what the subject did?"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.diagnostics import _plugin, _probe
from fiducial.diagnostics._permute import permuted
from fiducial.diagnostics._plugin import Bools
from fiducial.kernel.records import Estimate, Target
from fiducial.stats.table import Floats

NEEDED = f"needs {_plugin.FEWEST} items with and {_plugin.FEWEST} without"


def with_behaviour(
    name: str,
    found: list[Estimate],
    scores: Floats,
    *,
    labels: Bools | None,
    behaviour: NDArray[Any],
    cluster: NDArray[np.intp],
    fold: NDArray[np.intp],
    level: float,
    permutations: int,
    rng: Generator,
) -> list[Estimate]:
    """The estimates and, beside them, the AUROC of the scores against behaviour: over all items, and within items of one label.

    `behaviour` is 1, 0 or NaN (nobody knows: missing). Where one of its values is too rare the last estimate is flagged instead. Within
    labels only those labels count that hold `FEWEST` items of either behaviour; `n` is how many items that leaves.
    """
    behaviour = np.asarray(behaviour, dtype=np.float64)
    known = np.isfinite(behaviour)
    did = behaviour[known] == 1
    if not np.isin(behaviour[known], (0, 1)).all() or min(did.sum(), (~did).sum()) < _plugin.FEWEST:
        shown = f"the subject behaved so in {int(did.sum())} of {len(did)} items; {NEEDED}"
        return _flagged(found, f"agreement with behaviour not estimable: {shown}")
    group = np.unique(cluster[known], return_inverse=True)[1]
    drawn = permuted(did, group, permutations, rng)
    missing = int((~known).sum())

    def made(quantity: str, rows: NDArray[np.intp], stratum: NDArray[np.intp], null_labels: Bools) -> Estimate | None:
        of = _plugin.target(name, quantity, found[-1].of.subject, found[-1].of.slice)
        one = agreement(of, scores[known][rows], did[rows], group[rows], stratum[rows], null_labels, level)
        return None if one is None else msgspec.structs.replace(one, missing=missing)

    every = made("behaviour_agreement", np.arange(len(did)), fold[known], drawn)
    there = [] if every is None else [every]
    if labels is None:
        return [*found, *there]
    kept, shuffled, why = within(did, labels[known], group, permutations, rng)
    one = made("behaviour_within_label", kept, 2 * fold[known] + labels[known], shuffled)
    if one is not None:
        return [*found, *there, one]
    return _flagged([*found, *there], f"agreement with behaviour within a label not estimable: {why}")


def agreement(
    of: Target, scores: Floats, did: Bools, group: NDArray[np.intp], stratum: NDArray[np.intp], null_labels: Bools, level: float
) -> Estimate | None:
    """The AUROC of scores against behaviour within strata beside its null; `None` where no stratum holds both behaviours."""
    if not len(did) or not np.isfinite(_probe.auroc(scores[:, None], did[:, None], stratum)[0]):
        return None
    estimate = _probe.auroc_estimate(of, scores, did, group, level, stratum)
    null = _probe.auroc(np.broadcast_to(scores[:, None], null_labels.shape), null_labels, stratum)
    return _probe.with_null(estimate, null, items_of_0=float((~did).sum()), items_of_1=float(did.sum()))


def within(did: Bools, labels: Bools, group: NDArray[np.intp], permutations: int, rng: Generator) -> tuple[NDArray[np.intp], Bools, str]:
    """Rows of the labels that hold enough items of either behaviour, behaviours shuffled within each label, and the counts in words."""
    rows, columns, counts = [], [], []
    for label in (0, 1):
        mine = np.flatnonzero(labels == bool(label))
        ones = int(did[mine].sum())
        counts.append(f"in {ones} of {len(mine)} items of label {label}")
        if min(ones, len(mine) - ones) >= _plugin.FEWEST:
            rows.append(mine)
            columns.append(permuted(did[mine], np.unique(group[mine], return_inverse=True)[1], permutations, rng))
    why = f"the subject behaved so {' and '.join(counts)}; {NEEDED}, within one label"
    if not rows:
        return np.empty(0, dtype=np.intp), np.empty((0, permutations), dtype=bool), why
    return np.concatenate(rows), np.concatenate(columns), why


def _flagged(found: list[Estimate], shown: str) -> list[Estimate]:
    return [*found[:-1], msgspec.structs.replace(found[-1], flags=(*found[-1].flags, shown))]
