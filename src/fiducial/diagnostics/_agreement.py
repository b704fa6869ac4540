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
from fiducial.kernel.records import Estimate
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

    def made(quantity: str, rows: NDArray[np.intp], stratum: NDArray[np.intp], null_labels: Bools) -> Estimate:
        of = _plugin.target(name, quantity, found[-1].of.subject, found[-1].of.slice)
        mine = scores[known][rows]
        estimate = _probe.auroc_estimate(of, mine, did[rows], group[rows], level, stratum[rows])
        null = _probe.auroc(np.broadcast_to(mine[:, None], null_labels.shape), null_labels, stratum[rows])
        extra = {"items_of_0": float((~did[rows]).sum()), "items_of_1": float(did[rows].sum())}
        return msgspec.structs.replace(_probe.with_null(estimate, null, **extra), missing=missing)

    every = np.arange(len(did))
    there = []
    if _comparable(scores[known], did, fold[known]):
        there.append(made("behaviour_agreement", every, fold[known], drawn))
    if labels is None:
        return [*found, *there]
    kept, shuffled, why = within(did, labels[known], group, permutations, rng)
    stratum = 2 * fold[known] + labels[known]
    if len(kept) and _comparable(scores[known][kept], did[kept], stratum[kept]):
        return [*found, *there, made("behaviour_within_label", kept, stratum, shuffled)]
    return _flagged([*found, *there], f"agreement with behaviour within a label not estimable: {why}")


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


def _comparable(scores: Floats, did: Bools, stratum: NDArray[np.intp]) -> bool:
    """Whether some stratum holds both behaviours."""
    return bool(np.isfinite(_probe.auroc(scores[:, None], did[:, None], stratum)[0]))


def _flagged(found: list[Estimate], shown: str) -> list[Estimate]:
    return [*found[:-1], msgspec.structs.replace(found[-1], flags=(*found[-1].flags, shown))]
