"""Does an unsupervised probe hold a statement and its negation for opposite? CCS with restarts, Polar-Consistency, Contradiction Index.

After Sadiekh and others 2025 (arXiv 2511.21737) on contrast-consistent search (Burns and others 2023). Three numbers are read together:
accuracy, contradiction and the size of polar consistency. A probe that says 0.5 to everything has polar consistency 0 like a perfect one,
and contradiction 0.5. Contradiction changes when the probe's arbitrary sign does, so the sign is settled on training pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit

from fiducial.diagnostics import _plugin, _probe
from fiducial.diagnostics._agreement import with_behaviour
from fiducial.diagnostics._permute import folds_of, permuted
from fiducial.diagnostics._plugin import Bools, Diagnostic, States
from fiducial.diagnostics._texts import text_states
from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Estimate, Target
from fiducial.stats.means import mean
from fiducial.stats.proportions import rate
from fiducial.stats.table import Floats, Labels, Table

NAME = "pa_ccs"
FOLDS = 5
DECAY = 1e-3
"""Penalty of half the squared weights: it keeps a separable problem from running to infinity."""

Centring = Literal["train", "reference"]


@dataclass(frozen=True)
class Inputs:
    """States by layer, one row a statement and answer: four a pair. `labels` 1 = the safe member of a pair, 0 = its opposite.

    `answer` is what follows the statement in the row's text ("yes" or "no"), `pair` names the pair. `texts` are for the baseline without a
    model. `behaviour` is 1 where the subject affirms the statement of the row, 0 where not, NaN where nobody knows.
    """

    states: States
    labels: NDArray[Any]
    answer: Labels
    pair: Labels
    texts: Sequence[str] | None = None
    behaviour: NDArray[Any] | None = None


class Probe(NamedTuple):
    """p = sigmoid(weights . state + bias), its loss, and how well the restarts agree with the best of them (mean |correlation|)."""

    weights: Floats
    bias: float
    loss: float
    agreement: float


@dataclass(frozen=True, slots=True)
class _Held:
    """What probes fitted on other folds say of each statement: p of "Yes.", p of "No."; also of random directions, (n, k)."""

    yes: Floats
    no: Floats
    random_yes: Floats
    random_no: Floats
    trained: Floats  # (folds, n): belief of each fold's probe in all statements, its sign not settled
    fold: NDArray[np.intp]
    loss: float
    agreement: float


@dataclass(frozen=True, slots=True)
class _Setting:
    subject: str
    level: float
    permutations: int
    restarts: int
    components: int
    centring: Centring
    behaviour: NDArray[Any] | None


def measure(
    data: Inputs,
    rng: Generator,
    *,
    subject: str = "subject",
    level: float = 0.95,
    permutations: int = 200,
    layers: Sequence[int | str] | None = None,
    restarts: int = 10,
    components: int = 256,
    centring: Centring = "train",
) -> list[Estimate]:
    """Per layer: accuracy, contradiction, polar consistency and its size on held-out pairs, and a supervised probe as upper reference.

    States wider than `components` are first taken to that many principal components of the training folds; `extra` says which share of
    the variance that keeps. ``centring="reference"`` centres safe and harmful test rows each by its own mean, as the public code does:
    that removes the very difference that is measured, and is here to show it.
    """
    yes, no, safe, pair = _aligned(data)
    if centring not in {"train", "reference"}:
        raise UsageError(f"{NAME}: centring: train or reference, got {centring!r}")
    n = 2 * len(safe)
    behaviour = None if data.behaviour is None else np.asarray(_plugin.checked_rows(NAME, "behaviour", data.behaviour, n), dtype=float)[yes]
    setting = _Setting(subject, level, permutations, restarts, components, centring, behaviour)
    found: list[Estimate] = []
    drawn = _plugin.rows_rng(rng)
    for layer in _plugin.chosen_layers(NAME, data.states, layers):
        x = _plugin.checked_states(NAME, layer, data.states[layer], n)
        found += _measured(x[yes], x[no], safe, pair, f"layer={layer}", setting, drawn(f"layer={layer}"))
    if data.texts is not None:
        own = drawn("layer=tfidf")
        x = text_states(_plugin.checked_rows(NAME, "texts", list(data.texts), n).tolist(), own)
        found += _measured(x[yes], x[no], safe, pair, "layer=tfidf", setting, own)
    return found


def contradiction(p1: Floats, p0: Floats, q1: Floats, q0: Floats) -> Floats:
    """p1 q1 + p0 q0 of a pair, in [0, 2]: how far "Yes." (or "No.") is held for true of both a statement and its negation.

    >>> contradiction(np.array([0.9]), np.array([0.9]), np.array([0.9]), np.array([0.9])).round(2).tolist()
    [1.62]
    """
    return p1 * q1 + p0 * q0


def polar_consistency(p1: Floats, p0: Floats, q1: Floats, q0: Floats) -> Floats:
    """Half the squared mismatch of p("Yes." to A) with p("No." to not-A) and the reverse, signed by where the probe leans; in [-1, 1].

    >>> polar_consistency(np.array([1.0]), np.array([0.0]), np.array([0.0]), np.array([1.0])).tolist()
    [0.0]
    """
    return 0.5 * ((p1 - q0) ** 2 + (p0 - q1) ** 2) * np.sign(p1 - q1) * np.sign(q0 - p0)


def centred(yes: Floats, no: Floats, train: Bools) -> tuple[Floats, Floats]:
    """Both sets less their own mean over the training rows."""
    return yes - yes[train].mean(axis=0), no - no[train].mean(axis=0)


def centred_by_class(yes: Floats, no: Floats, train: Bools, safe: Bools) -> tuple[Floats, Floats]:
    """As `centred` in the training rows; test rows less the mean of the test rows of their own class, as the public code has it."""
    found = [part.copy() for part in centred(yes, no, train)]
    for raw, part in zip((yes, no), found, strict=True):
        for rows in (~train & safe, ~train & ~safe):
            part[rows] = raw[rows] - raw[rows].mean(axis=0)
    return found[0], found[1]


def fit_ccs(yes: Floats, no: Floats, rng: Generator, restarts: int = 10) -> Probe:
    """The CCS probe with the least loss among restarts: mean min(p1, p0)^2 + mean (p1 + p0 - 1)^2, by L-BFGS from random directions."""
    from scipy.optimize import minimize

    def loss(at: Floats) -> tuple[float, Floats]:
        w, b = at[:-1], at[-1]
        p1, p0 = expit(yes @ w + b), expit(no @ w + b)
        low, off = np.minimum(p1, p0), p1 + p0 - 1
        g1 = (2 * low * (p1 <= p0) + 2 * off) * p1 * (1 - p1) / len(yes)
        g0 = (2 * low * (p0 < p1) + 2 * off) * p0 * (1 - p0) / len(yes)
        slope = np.append(g1 @ yes + g0 @ no + DECAY * w, g1.sum() + g0.sum())
        return float((low**2).mean() + (off**2).mean() + DECAY / 2 * (w @ w)), slope

    fits, beliefs = [], []
    for _ in range(restarts):
        start = rng.standard_normal(yes.shape[1] + 1)
        start[:-1] *= 1 / max(1e-12, float(np.std(yes @ start[:-1])))
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
        fits.append(found)
        beliefs.append(belief(expit(yes @ found.x[:-1] + found.x[-1]), expit(no @ found.x[:-1] + found.x[-1])))
    best = int(np.argmin([fit.fun for fit in fits]))
    with np.errstate(invalid="ignore"):
        alike = np.abs(np.nan_to_num(np.corrcoef(beliefs)))[best] if restarts > 1 else np.ones(1)
    return Probe(fits[best].x[:-1], float(fits[best].x[-1]), float(fits[best].fun), float(alike.mean()))


def belief(p1: Floats, p0: Floats) -> Floats:
    """How far a statement is held for true: the mean of p("Yes.") and 1 - p("No.")."""
    return 0.5 * (p1 + 1 - p0)


def _aligned(data: Inputs) -> tuple[NDArray[np.intp], NDArray[np.intp], Bools, NDArray[np.intp]]:
    """Rows with "yes" and with "no" of each statement, whether it is safe, and its pair; statements by pair, the safe one second."""
    label = _plugin.checked_classes(NAME, "labels", data.labels, 2 * _plugin.FEWEST)
    pair = _plugin.clusters_of(NAME, _plugin.checked_rows(NAME, "pair", data.pair, len(label)), len(label))
    said = np.array([str(answer).strip().strip(".").lower() for answer in _plugin.checked_rows(NAME, "answer", data.answer, len(label))])
    if not np.isin(said, ("yes", "no")).all():
        raise UsageError(f"{NAME}: answer: yes or no, got {sorted(set(said) - {'yes', 'no'})[:5]}")
    order = np.lexsort((said == "yes", label, pair))
    pairs = int(pair.max()) + 1
    expected = np.tile([[False, False], [False, True], [True, False], [True, True]], (pairs, 1))
    if len(label) != 4 * pairs or not np.array_equal(np.column_stack([label[order], said[order] == "yes"]), expected):
        raise UsageError(
            f"{NAME}: pair: each needs a safe statement and its opposite, with yes and with no: four rows; got {len(label)} in {pairs}"
        )
    return order[1::2], order[0::2], label[order[0::2]], pair[order[0::2]]


def _measured(
    yes: NDArray[Any],
    no: NDArray[Any],
    safe: Bools,
    pair: NDArray[np.intp],
    place: str,
    setting: _Setting,
    rng: Generator,
) -> list[Estimate]:
    held, kept = _held_out(yes.astype(np.float64), no.astype(np.float64), safe, pair, setting, rng)
    believed = belief(held.yes, held.no)
    found = [_accuracy(held, believed, safe, pair, place, setting, rng), *_pair_estimates(held, safe, pair, place, setting)]
    noted = {"loss": held.loss, "restart_agreement": held.agreement, "variance_kept": kept}
    found[0] = msgspec.structs.replace(found[0], extra={**found[0].extra, **noted})
    told = _supervised(yes.astype(np.float64) - no, safe, pair, held.fold, place, setting, rng)
    if told is not None:
        found.append(told)
    else:
        found[0] = msgspec.structs.replace(found[0], flags=(*found[0].flags, '"Yes." and "No." move the state of every statement alike'))
    if setting.centring == "reference":
        flag = "reference centring: test rows of each class have lost their class mean"
        found = [msgspec.structs.replace(e, flags=(*e.flags, flag)) for e in found]
    if setting.behaviour is None:
        return found
    return with_behaviour(
        NAME, found, believed, labels=safe, behaviour=setting.behaviour, cluster=pair, fold=held.fold, level=setting.level,
        permutations=setting.permutations, rng=rng,
    )  # fmt: skip


def _held_out(yes: Floats, no: Floats, safe: Bools, pair: NDArray[np.intp], setting: _Setting, rng: Generator) -> tuple[_Held, float]:
    n, k = len(safe), setting.permutations
    fold = folds_of(safe, pair, min(FOLDS, int(pair.max()) + 1), rng)
    said, random = np.empty((2, n)), np.empty((2, n, k))
    trained, losses, agreements, kept = [], [], [], []
    for f in np.unique(fold):
        train = fold != f
        both = centred(yes, no, train) if setting.centring == "train" else centred_by_class(yes, no, train, safe)
        x1, x0, share = _reduced(*both, train, setting.components)
        probe = fit_ccs(x1[train], x0[train], rng, setting.restarts)
        p = [expit(x @ probe.weights + probe.bias) for x in (x1, x0)]
        trained.append(belief(*p))
        sign = _sign(trained[-1][train], safe[train])
        out = ~train
        for row, part in enumerate(p):
            said[row, out] = part[out] if sign > 0 else 1 - part[out]
        ways = rng.standard_normal((x1.shape[1], k))
        ways *= np.linalg.norm(probe.weights) / np.linalg.norm(ways, axis=0)
        q = [expit(x @ ways) for x in (x1, x0)]
        turned = _sign(belief(*q)[train], safe[train]) < 0
        for row, part in enumerate(q):
            random[row, out] = np.where(turned, 1 - part[out], part[out])
        losses.append(probe.loss)
        agreements.append(probe.agreement)
        kept.append(share)
    held = _Held(said[0], said[1], random[0], random[1], np.array(trained), fold, float(np.mean(losses)), float(np.mean(agreements)))
    return held, float(np.mean(kept))


def _reduced(yes: Floats, no: Floats, train: Bools, components: int) -> tuple[Floats, Floats, float]:
    """Principal components of the training rows where the states are wider than that; then mean variance 1 a column."""
    share = 1.0
    if yes.shape[1] > components:
        rows = np.concatenate([yes[train], no[train]])
        by_rows = len(rows) <= rows.shape[1]
        values, vectors = np.linalg.eigh(rows @ rows.T if by_rows else rows.T @ rows)
        share = float(values[-components:].sum() / values.sum())
        basis = vectors[:, -components:]
        if by_rows:
            basis = rows.T @ basis / np.sqrt(np.maximum(values[-components:], 1e-12 * values[-1]))
        yes, no = yes @ basis, no @ basis
    size = np.sqrt(np.square(np.concatenate([yes[train], no[train]])).mean())
    return yes / size, no / size, share


def _sign(believed: Floats, safe: Bools) -> Floats:
    """1 where safe statements are believed more than others on average, else -1; per column."""
    return np.where(believed[safe].mean(axis=0) >= believed[~safe].mean(axis=0), 1.0, -1.0)


def _accuracy(
    held: _Held, believed: Floats, safe: Bools, pair: NDArray[np.intp], place: str, setting: _Setting, rng: Generator
) -> Estimate:
    right = ((believed > 0.5) == safe).astype(np.float64)
    of = _plugin.target(NAME, "accuracy", setting.subject, place)
    estimate = rate(Table(of, right, pair, np.arange(len(safe)), level=setting.level))
    shuffled = permuted(safe, pair, setting.permutations, rng)
    null = np.zeros(setting.permutations)
    for f, told in zip(np.unique(held.fold), held.trained, strict=True):
        train = held.fold != f
        mine = (told[~train] > 0.5)[:, None] == shuffled[~train]
        means = [(told[train] @ part[train]) / part[train].sum(axis=0) for part in (shuffled, ~shuffled)]
        null += np.where(means[0] >= means[1], mine.sum(axis=0), (~mine).sum(axis=0))
    return _probe.with_null(estimate, null / len(safe), separation_accuracy=float(max(right.mean(), 1 - right.mean())))


def _pair_estimates(held: _Held, safe: Bools, pair: NDArray[np.intp], place: str, setting: _Setting) -> list[Estimate]:
    order = np.argsort(pair, kind="stable")
    one, other = order[safe[order]], order[~safe[order]]
    mine = (held.yes[one], held.no[one], held.yes[other], held.no[other])
    random = (held.random_yes[one], held.random_no[one], held.random_yes[other], held.random_no[other])
    found = []
    for quantity, formula, limits in (
        ("contradiction", contradiction, (0.0, 2.0)),
        ("polar_consistency", polar_consistency, (-1.0, 1.0)),
        ("polar_size", lambda *p: np.abs(polar_consistency(*p)), (0.0, 1.0)),
    ):
        of: Target = _plugin.target(NAME, quantity, setting.subject, place)
        values, null = formula(*mine), formula(*random).mean(axis=0)
        estimate = mean(Table(of, values, np.arange(len(one)), np.arange(len(one)), level=setting.level, range=limits))
        # Low is good in each: the p-value is the share of random directions that are at least as consistent.
        extra = _plugin.null_extra(-abs(estimate.value), -np.abs(null), "random_")
        extra = {"random_p": extra["random_permutation_p"], "random_mean": float(null.mean()), "random_05": float(np.quantile(null, 0.05))}
        found.append(msgspec.structs.replace(estimate, extra=extra | {"median": float(np.median(values))}))
    return found


def _supervised(
    difference: Floats, safe: Bools, pair: NDArray[np.intp], fold: NDArray[np.intp], place: str, setting: _Setting, rng: Generator
) -> Estimate | None:  # fmt: skip
    """`None` where "Yes." and "No." move the state of every statement alike: then no probe of the difference can be fitted."""
    largest = float(np.abs(difference).max())
    if not float(np.ptp(difference, axis=0).max()) > 1e-5 * largest:
        return None
    x = difference / largest
    columns = np.concatenate([safe[:, None], permuted(safe, pair, setting.permutations, rng)], axis=1)
    scores = _probe.held_out_scores(x, columns, fold)
    of = _plugin.target(NAME, "supervised_auroc", setting.subject, place)
    estimate = _probe.auroc_estimate(of, scores[:, 0], safe, pair, setting.level, fold)
    return _probe.cross_fitted(estimate, _probe.auroc(scores, columns, fold)[1:])


ABOUT = {
    "accuracy": "share of held-out statements the probe puts on the right side, its sign settled on training pairs; 0.5 = nothing",
    "contradiction": "p1 q1 + p0 q0 of a pair, in [0, 2]; 0 = never holds a statement and its negation alike, 0.5 = says nothing",
    "polar_consistency": "signed mismatch of a statement's poles with its negation's; 0 for a perfect and for a useless probe",
    "polar_size": "the same without its sign, in [0, 1]",
    "supervised_auroc": "AUROC of a probe that is told the labels: what the unsupervised one could reach",
    "behaviour_agreement": "AUROC of the probe's belief against what the subject affirms",
    "behaviour_within_label": "the same among statements of one label",
}

diagnostic = Diagnostic(NAME, ("states", "labels", "answer", "pair", "texts", "behaviour"), Inputs, ABOUT, measure)
