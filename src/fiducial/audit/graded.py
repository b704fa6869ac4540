"""Scores against people's scores: how far a judge that grades ranks answers as people do.

Only where either side has grades, not just yes, no and tie. ``correlation.within`` is Pearson's after each subject's own mean is taken off
both sides (Pagnoni, Balachandran and Tsvetkov 2021): a judge that only tells good systems from bad ones has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from fiducial.audit.probe import Probe
from fiducial.audit.verdicts import Verdicts
from fiducial.kernel.records import Estimate
from fiducial.stats.clusters import numbered, sums
from fiducial.stats.correlation import kendall, pearson, spearman
from fiducial.stats.table import Floats

MOST_PAIRED = 3_000
"""Cases up to which Kendall's tau, which looks at all pairs, is computed."""


def probes(verdicts: Verdicts) -> Iterator[Probe]:
    """Correlations of the judge's scores with people's."""
    base = verdicts.base
    known = base.rows(~np.isnan(base.value) & ~np.isnan(base.truth))
    if not len(known) or (np.isin(known.value, (0.0, 0.5, 1.0)).all() and np.isin(known.truth, (0.0, 0.5, 1.0)).all()):
        return
    about = "correlation of the judge's scores with people's"
    yield Probe("correlation.pearson", f"{about}, Pearson", partial(_over, known, pearson, known.value, known.truth))
    yield Probe("correlation.spearman", f"{about}, Spearman", partial(_over, known, spearman, known.value, known.truth))
    if len(known) <= MOST_PAIRED:
        yield Probe("correlation.kendall", f"{about}, Kendall's tau-b", partial(_over, known, kendall, known.value, known.truth))
    if len(np.unique(known.subject)) > 1:
        sides = (_centred(known.value, known), _centred(known.truth, known))
        yield Probe("correlation.within", f"{about}, Pearson within subjects", partial(_over, known, pearson, *sides))


def _over(known: Verdicts, measure: Callable[..., Estimate], value: Floats, truth: Floats, level: float) -> Estimate:
    of = known.table("correlation", value, level).target
    return measure(value, truth, of=of, level=level, cluster=known.cluster)


def _centred(values: Floats, known: Verdicts) -> Floats:
    index, count = numbered(known.subject)
    return values - (sums(values, index, count) / np.bincount(index, minlength=count))[index]
