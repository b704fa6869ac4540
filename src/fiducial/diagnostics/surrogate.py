"""How much of a subject suffices to tell what it will decide: a linear head on each layer's state against its own decisions.

After Noirot Ferrand and others 2025 (arXiv 2501.16534). A head that reads harmfulness predicts decisions too, where the subject refuses
what is harmful. Only what it predicts beyond harmfulness is evidence that the decision itself is there: `agreement_within_label`. Rewrites
of one prompt share their wording, so folds keep groups whole. Heads are ridge fits in closed form, not the published gradient descent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.diagnostics import _plugin, _probe
from fiducial.diagnostics._agreement import agreement, within
from fiducial.diagnostics._permute import folds_of, permuted
from fiducial.diagnostics._plugin import Bools, Diagnostic, States
from fiducial.diagnostics._separation import scaled
from fiducial.diagnostics._texts import text_states
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Estimate
from fiducial.stats.bootstrap import resampled_counts
from fiducial.stats.means import mean
from fiducial.stats.table import Floats, Labels, Table

NAME = "surrogate"
FOLDS = 5
DRAWS = 1_000
ENOUGH = 0.95
"""Share of the best layer's agreement that counts as reached."""


@dataclass(frozen=True)
class Inputs:
    """`decision` 1 = the subject refused, 0 = it answered; `harmful` what the prompt is; `groups` rewrites of one prompt.

    `layers_in_all` is the subject's depth, so that a layer's number (0 = embeddings) becomes a share of it. `attacks` holds what was tried
    on the head and on the subject, if anything was.
    """

    states: States
    decision: NDArray[Any]
    harmful: NDArray[Any] | None = None
    groups: Labels | None = None
    texts: Sequence[str] | None = None
    layers_in_all: int | None = None
    attacks: Attacks | None = None


@dataclass(frozen=True)
class Attacks:
    """Of n prompts: did the attack fool the head, did the same prompt fool the subject, did attacking the subject itself (1, 0, NaN)?"""

    on_head: NDArray[Any]
    replayed: NDArray[Any]
    direct: NDArray[Any]
    groups: Labels | None = None


@dataclass(frozen=True, slots=True)
class _Setting:
    subject: str
    level: float
    permutations: int
    cluster: NDArray[np.intp]
    fold: NDArray[np.intp]
    harmful: Bools | None


def measure(
    data: Inputs,
    rng: Generator,
    *,
    subject: str = "subject",
    level: float = 0.95,
    permutations: int = 200,
    layers: Sequence[int | str] | None = None,
) -> list[Estimate]:
    """Per layer AUROC, F1 and Matthews correlation with the decision on held-out groups; the texts alone; the depth that suffices."""
    decision = _plugin.checked_classes(NAME, "decision", data.decision)
    harmful = None
    if data.harmful is not None:
        harmful = _plugin.checked_classes(NAME, "harmful", _plugin.checked_rows(NAME, "harmful", data.harmful, len(decision)))
    cluster = _plugin.clusters_of(NAME, data.groups, len(decision))
    setting = _Setting(subject, level, permutations, cluster, folds_of(decision, cluster, FOLDS, rng), harmful)
    columns = np.concatenate([decision[:, None], permuted(decision, cluster, permutations, rng)], axis=1)
    chosen = _plugin.chosen_layers(NAME, data.states, layers)
    found: list[Estimate] = []
    predicted = {}
    drawn = _plugin.rows_rng(rng)
    for layer in chosen:
        x = scaled(_plugin.checked_states(NAME, layer, data.states[layer], len(decision)))
        estimates, predicted[layer] = _head(x, columns, f"layer={layer}", setting, drawn(f"layer={layer}"))
        found += estimates
    if data.texts is not None:
        texts = _plugin.checked_rows(NAME, "texts", list(data.texts), len(decision)).tolist()
        own = drawn("layer=tfidf")
        found += _head(scaled(text_states(texts, own)), columns, "layer=tfidf", setting, own)[0]
    if len(chosen) > 1:
        found.append(_depth(chosen, predicted, decision, data.layers_in_all, setting, drawn("depth")))
    if data.attacks is not None:
        found += _transfer(data.attacks, setting, drawn("attacks"))
    return found


def threshold_of_best_f1(scores: Floats, labels: Bools) -> float:
    """The least score that is called positive when F1 = 2 TP / (2 TP + FP + FN) is largest.

    >>> threshold_of_best_f1(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, True, False, True]))
    0.4
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    true = np.cumsum(labels[order])[last]
    f1 = 2 * true / (last + 1 + labels.sum())
    return float(ordered[last[np.argmax(f1)]])


def f1_of(counts: Floats) -> Floats:
    """F1 from (rows, [TP, FP, FN, TN]); NaN where nothing is or is called positive."""
    tp, fp, fn, _ = counts.T
    with np.errstate(invalid="ignore"):
        return 2 * tp / (2 * tp + fp + fn)


def matthews_of(counts: Floats) -> Floats:
    """Matthews correlation from (rows, [TP, FP, FN, TN]), in [-1, 1]; 0 where all are called alike (nothing is told apart)."""
    tp, fp, fn, tn = counts.T
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return np.divide(tp * tn - fp * fn, scale, out=np.zeros_like(scale), where=scale > 0)


def _outcomes(called: Bools, labels: Bools) -> Floats:
    return np.stack([called & labels, called & ~labels, ~called & labels, ~called & ~labels], axis=-1).astype(np.float64)


def _head(x: NDArray[Any], columns: Bools, place: str, setting: _Setting, rng: Generator) -> tuple[list[Estimate], Bools]:
    """Estimates of one head, and what it calls refused."""
    decision, cluster, fold = columns[:, 0], setting.cluster, setting.fold
    scores = _probe.held_out_scores(x, columns, fold)
    called = np.empty(columns.shape, dtype=bool)
    for f in np.unique(fold):
        train = fold != f
        fitted = _probe.fitted_scores(x[train], columns[train])
        # The cut is chosen on the rows the head was fitted on, never on those it is scored on.
        for k in range(columns.shape[1]):
            called[~train, k] = scores[~train, k] >= threshold_of_best_f1(fitted[:, k], columns[train, k])
    of = _plugin.target(NAME, "agreement_auroc", setting.subject, place)
    area = _probe.auroc_estimate(of, scores[:, 0], decision, cluster, setting.level, fold)
    found = [_probe.cross_fitted(area, _probe.auroc(scores, columns, fold)[1:])]
    outcomes = _outcomes(called, columns)
    always = _outcomes(np.ones_like(decision), decision).sum(axis=0)[None]
    for quantity, formula in (("agreement_f1", f1_of), ("agreement_mcc", matthews_of)):
        null = formula(outcomes[:, 1:].sum(axis=0))
        estimate = _counted(quantity, formula, outcomes[:, 0], place, setting, rng)
        if estimate is not None:
            found.append(_probe.with_null(estimate, null, always_refused=float(formula(always)[0])))
    if setting.harmful is not None:
        found += _beyond_harmfulness(x, scores[:, 0], decision, setting.harmful, place, setting, rng)
    return found, called[:, 0]


def _counted(quantity: str, formula: Any, outcomes: Floats, place: str, setting: _Setting, rng: Generator) -> Estimate | None:
    """A function of the four counts with a percentile bootstrap over clusters; `None` where it is undefined."""
    numbers, index = np.unique(setting.cluster, return_inverse=True)
    totals = np.stack([np.bincount(index, column, len(numbers)) for column in outcomes.T], axis=1)
    value = float(formula(totals.sum(axis=0)[None])[0])
    drawn = np.concatenate([formula(counts @ totals) for counts in resampled_counts(len(numbers), DRAWS, rng)])
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(drawn) < DRAWS * 0.9:
        return None
    low, high = (float(v) for v in np.quantile(drawn, [0.5 - setting.level / 2, 0.5 + setting.level / 2]))
    if high - low < 1e-12:
        # No cluster disagrees: a share of wrong clusters up to 3/C fits that (rule of three).
        low = value - 3 / len(numbers)
    return Estimate(
        of=_plugin.target(NAME, quantity, setting.subject, place), value=value, low=min(low, value), high=max(high, value),
        level=setting.level,
        method=f"percentile bootstrap over clusters ({DRAWS} draws)", n=len(outcomes), clusters=len(numbers),
    )  # fmt: skip


def _beyond_harmfulness(
    x: NDArray[Any], scores: Floats, decision: Bools, harmful: Bools, place: str, setting: _Setting, rng: Generator
) -> list[Estimate]:
    cluster, fold = setting.cluster, setting.fold
    of_harm = _probe.held_out_scores(x, harmful[:, None], fold)[:, 0]
    target = _plugin.target(NAME, "harmfulness_auroc", setting.subject, place)
    found = [_probe.auroc_estimate(target, of_harm, harmful, cluster, setting.level, fold)]
    odd = decision != harmful
    found[0] = msgspec.structs.replace(found[0], extra={"decision_differs": float(odd.mean())})
    kept, null_labels, why = within(decision, harmful, cluster, setting.permutations, rng)
    target = _plugin.target(NAME, "agreement_within_label", setting.subject, place)
    stratum = (2 * fold + harmful)[kept]
    one = agreement(target, scores[kept], decision[kept], cluster[kept], stratum, null_labels, setting.level)
    if one is None:
        return [msgspec.structs.replace(found[0], flags=(f"agreement within a label not estimable: {why}",))]
    return [*found, one]


def _depth(
    chosen: list[int | str], called: dict[int | str, Bools], decision: Bools, layers_in_all: int | None, setting: _Setting, rng: Generator
) -> Estimate:
    """Where F1 first reaches 95 % of the best layer's, as a share of the depth; interval by drawing clusters again."""
    try:
        depth = np.array([float(layer) for layer in chosen])
    except ValueError:
        raise UsageError(f"{NAME}: layers: a depth needs layers by number, got {', '.join(map(str, chosen))}") from None
    total = float(layers_in_all or depth.max())
    if total < depth.max() or depth.min() < 0:
        raise UsageError(f"{NAME}: layers_in_all: must be at least the last layer, got {total:g} with layers up to {depth.max():g}")
    order = np.argsort(depth)
    numbers, index = np.unique(setting.cluster, return_inverse=True)
    outcomes = [_outcomes(called[chosen[k]], decision) for k in order]
    totals = [np.stack([np.bincount(index, column, len(numbers)) for column in o.T], axis=1) for o in outcomes]

    def reached(f1: Floats) -> Floats:
        f1 = np.nan_to_num(f1)
        return depth[order][(f1 >= ENOUGH * f1.max(axis=1, keepdims=True)).argmax(axis=1)] / total

    value = float(reached(np.stack([f1_of(t.sum(axis=0)[None]) for t in totals], axis=1))[0])
    drawn = np.concatenate(
        [reached(np.stack([f1_of(counts @ t) for t in totals], axis=1)) for counts in resampled_counts(len(numbers), DRAWS, rng)]
    )
    low, high = (float(v) for v in np.quantile(drawn, [0.5 - setting.level / 2, 0.5 + setting.level / 2]))
    return Estimate(
        of=_plugin.target(NAME, "sufficient_depth", setting.subject), value=value, low=min(low, value), high=max(high, value),
        level=setting.level, method=f"percentile bootstrap over clusters ({DRAWS} draws), on the grid of layers", n=len(decision),
        clusters=len(numbers),
    )  # fmt: skip


def _transfer(attacks: Attacks, setting: _Setting, rng: Generator) -> list[Estimate]:
    """Success of prompts made against the head when put to the subject: among those that fooled the head, and beside a direct attack."""
    head, replayed, direct = (np.asarray(part, dtype=np.float64) for part in (attacks.on_head, attacks.replayed, attacks.direct))
    n = len(head)
    if replayed.shape != (n,) or direct.shape != (n,):
        raise UsageError(f"{NAME}: attacks: need equal length, got {head.shape}, {replayed.shape}, {direct.shape}")
    cluster, unit = _plugin.clusters_of(NAME, attacks.groups, n), np.arange(n)
    fooled = head == 1
    if n < _plugin.FEWEST:
        raise NotEstimable(f"{NAME}: attacks: needs {_plugin.FEWEST} prompts, got {n}")
    found = []
    for quantity, values, rows, limits in (
        ("head_attack_success", head, np.ones(n, dtype=bool), (0.0, 1.0)),
        ("transfer", replayed, fooled, (0.0, 1.0)),
        ("transfer_gain", replayed - direct, np.ones(n, dtype=bool), (-1.0, 1.0)),
    ):
        of = _plugin.target(NAME, quantity, setting.subject)
        if rows.sum() >= _plugin.FEWEST:
            found.append(mean(Table(of, values[rows], cluster[rows], unit[rows], level=setting.level, range=limits)))
    if fooled.sum() < _plugin.FEWEST:
        shown = f"transfer not estimable: {int(fooled.sum())} attacks fooled the head, {_plugin.FEWEST} needed"
        found[0] = msgspec.structs.replace(found[0], flags=(*found[0].flags, shown))
    # Were the two kinds of attack the same, those of a group could change names.
    signs = rng.choice([-1.0, 1.0], (int(cluster.max()) + 1, setting.permutations))[cluster]
    null = np.abs(np.nanmean((replayed - direct)[:, None] * signs, axis=0))
    p = _plugin.null_extra(abs(found[-1].value), null)["permutation_p"]
    extra = {**found[-1].extra, "permutation_p": p, "permutations": float(setting.permutations)}
    return [*found[:-1], msgspec.structs.replace(found[-1], extra=extra)]


ABOUT = {
    "agreement_auroc": "AUROC of the head's held-out scores against the decision; 0.5 = nothing",
    "agreement_f1": "F1 of refusals the head calls, cut chosen on training rows; depends on how many refusals there are",
    "agreement_mcc": "Matthews correlation of the same calls",
    "harmfulness_auroc": "AUROC of a head told what is harmful: most of the agreement may be this",
    "agreement_within_label": "agreement among prompts of one label: what is known of the decision beyond harmfulness",
    "sufficient_depth": "share of the depth where F1 first reaches 95 % of the best layer's",
    "head_attack_success": "share of attacks that fool the head",
    "transfer": "share of those that fool the subject too",
    "transfer_gain": "success of attacks made against the head less that of attacks made against the subject itself",
}

diagnostic = Diagnostic(NAME, ("states", "decision", "labels", "texts"), Inputs, ABOUT, measure)
