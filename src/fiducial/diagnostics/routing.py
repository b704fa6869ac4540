"""Is a concept readable in the states (detect), and does it drive behaviour (route)? Probes with null controls, and directions removed.

After Frank 2026 (arXiv 2603.18280). With more dimensions than items any labelling is fitted perfectly, so train accuracy shows nothing:
a concept counts as detected where accuracy on whole held-out categories exceeds that of shuffled labels. The published probe is ridge with
penalty 1 on raw states; its layer is chosen here on other categories than those it is scored on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.diagnostics import _plugin, _probe
from fiducial.diagnostics._agreement import with_behaviour
from fiducial.diagnostics._permute import permuted
from fiducial.diagnostics._plugin import Bools, Diagnostic, States
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Estimate
from fiducial.stats.means import mean
from fiducial.stats.proportions import rate
from fiducial.stats.table import Floats, Labels, Table

NAME = "routing"


@dataclass(frozen=True)
class Effect:
    """What the subject did in n trials: as it is, with the direction taken out, and with random ones taken out, (n, k).

    `divergence` is the mean KL of the next token from that without intervention, on prompts that have nothing to do with it: under the
    direction, and under random ones.
    """

    before: NDArray[Any]
    after: NDArray[Any]
    random: NDArray[Any]
    groups: Labels | None = None
    divergence: tuple[float, float] | None = None


@dataclass(frozen=True)
class Inputs:
    """`labels` 1 = the concept, 0 = matched control; `category` is what is held out whole; `groups` names matched pairs.

    `nulls` are unrelated contrasts with states of the same layers: name -> (states, labels). `behaviour` is 1 where the subject behaved in
    the way in question (refused), else 0, NaN where nobody knows. `effects` are interventions that were made: name -> `Effect`.
    """

    states: States
    labels: NDArray[Any]
    category: Labels
    groups: Labels | None = None
    nulls: Mapping[str, tuple[States, NDArray[Any]]] | None = None
    behaviour: NDArray[Any] | None = None
    effects: Mapping[str, Effect] | None = None


@dataclass(frozen=True, slots=True)
class _Setting:
    subject: str
    level: float
    permutations: int
    alpha: float


def measure(
    data: Inputs,
    rng: Generator,
    *,
    subject: str = "subject",
    level: float = 0.95,
    permutations: int = 200,
    layers: Sequence[int | str] | None = None,
    alpha: float = 1.0,
) -> list[Estimate]:
    """Detection per layer and at a layer chosen without looking, and the effect of each intervention that was made."""
    labels = _plugin.checked_classes(NAME, "labels", data.labels)
    chosen = _plugin.chosen_layers(NAME, data.states, layers)
    category = _plugin.clusters_of(NAME, _plugin.checked_rows(NAME, "category", data.category, len(labels)), len(labels))
    _check_categories(labels, category)
    setting = _Setting(subject, level, permutations, alpha)
    # Shuffled inside pairs where there are any, else inside categories: what is held out keeps its share of each label.
    inside = category if data.groups is None else _plugin.clusters_of(NAME, data.groups, len(labels))
    columns = np.concatenate([labels[:, None], permuted(labels, inside, permutations, rng)], axis=1)
    found: list[Estimate] = []
    scores = {}
    drawn = _plugin.rows_rng(rng)
    for layer in chosen:
        x = _plugin.checked_states(NAME, layer, data.states[layer], len(labels)).astype(np.float64)
        scores[layer] = _probe.held_out_scores(x, columns, category, alpha)
        estimates = _detected(x, scores[layer], columns, category, f"layer={layer}", setting)
        if data.behaviour is not None:
            behaviour = _plugin.checked_rows(NAME, "behaviour", data.behaviour, len(labels))
            estimates = with_behaviour(
                NAME, estimates, scores[layer][:, 0], labels=labels, behaviour=behaviour, cluster=inside, fold=category, level=level,
                permutations=permutations, rng=drawn(f"layer={layer}"),
            )  # fmt: skip
        found += estimates
        found += [_null_control(name, pair, layer, setting) for name, pair in (data.nulls or {}).items()]
    found.append(_nested(data.states, chosen, scores, columns, category, setting))
    for name, effect in (data.effects or {}).items():
        found += _effects(name, effect, setting)
    return found


# --- directions, as operations on arrays --------------------------------------------------------------------------------


def direction(states: NDArray[Any], labels: Bools) -> Floats:
    """Mean state of the concept less that of the controls, of length 1."""
    gap = np.asarray(states[labels], dtype=np.float64).mean(axis=0) - np.asarray(states[~labels], dtype=np.float64).mean(axis=0)
    length = float(np.linalg.norm(gap))
    if not length > 1e-12 * float(np.abs(states).max()):
        raise NotEstimable(f"{NAME}: the classes have the same mean state, so there is no direction between them")
    return gap / length


def project_out(states: NDArray[Any], way: Floats) -> Floats:
    """The states without their part along a direction, whatever its sign and length: h - (h.d) d.

    >>> project_out(np.array([[3.0, 4.0]]), np.array([-2.0, 0.0])).tolist()
    [[0.0, 4.0]]
    """
    unit = np.asarray(way, dtype=np.float64) / np.linalg.norm(way)
    return states - np.multiply.outer(states @ unit, unit)


def shift(states: NDArray[Any], way: Floats, by: float) -> Floats:
    """The states moved along a direction of length 1 by a constant: steering, which some code calls ablation."""
    return states + by * np.asarray(way) / np.linalg.norm(way)


def random_directions(width: int, count: int, rng: Generator) -> Floats:
    """Directions of length 1, each as likely as any other, (count, width): the control of every direction that was found."""
    drawn = rng.standard_normal((count, width))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def cleaned(way: Floats, others: NDArray[Any], ridge: float = 1.0) -> Floats:
    """A direction less what other directions (rows) explain of it: d - A' (A A' + ridge I)^-1 A d; ridge 0 makes it orthogonal."""
    gram = others @ others.T + ridge * np.eye(len(others))
    return way - others.T @ np.linalg.solve(gram, others @ way)


# --- detection ----------------------------------------------------------------------------------------------------------


def _check_categories(labels: Bools, category: NDArray[np.intp]) -> None:
    count = int(category.max()) + 1
    if count < 3:
        raise NotEstimable(f"{NAME}: holding out whole categories needs three of them, got {count}")
    ones, size = np.bincount(category, labels, minlength=count), np.bincount(category, minlength=count)
    if ((ones == 0) | (ones == size)).any():
        raise UsageError(
            f"{NAME}: category: each needs items of both labels (a concept and its controls), got {ones.tolist()} of {size.tolist()}"
        )


def _correct(scores: Floats, columns: Bools) -> Bools:
    return (scores > 0) == columns


def _detected(x: Floats, scores: Floats, columns: Bools, category: NDArray[np.intp], place: str, setting: _Setting) -> list[Estimate]:
    n = len(x)
    hits = _correct(scores, columns)
    rows = np.arange(n)
    fitted = _correct(_probe.fitted_scores(x, columns, setting.alpha), columns)
    train = rate(
        Table(_plugin.target(NAME, "train_accuracy", setting.subject, place), fitted[:, 0].astype(float), rows, rows, level=setting.level)
    )
    train = _probe.with_null(train, fitted[:, 1:].mean(axis=0))
    train = msgspec.structs.replace(train, flags=("of the items it was fitted on: shows nothing by itself",))
    of = _plugin.target(NAME, "held_out_accuracy", setting.subject, place)
    held = rate(Table(of, hits[:, 0].astype(float), category, rows, level=setting.level))
    null = hits[:, 1:].mean(axis=0)
    size = np.bincount(category)
    folds = float((np.bincount(category, hits[:, 0]) / size).mean())
    held = _probe.with_null(
        held, null, mean_over_categories=folds, pooled=float(hits[:, 0].mean()), selectivity=float(held.value - null.mean())
    )
    flag = (
        "detected: above 95 % of shuffled labels"
        if held.value > held.extra["null_95"]
        else "not detected: within what shuffled labels reach"
    )
    return [train, msgspec.structs.replace(held, flags=(flag,))]


def _null_control(name: str, contrast: tuple[States, NDArray[Any]], layer: int | str, setting: _Setting) -> Estimate:
    """Train accuracy on an unrelated contrast: near 1 too, wherever there are more dimensions than items."""
    states, given = contrast
    labels = _plugin.checked_classes(NAME, f"nulls {name}", given, fewest=2)
    _plugin.chosen_layers(f"{NAME}: nulls {name}", states, [layer])
    x = _plugin.checked_states(NAME, layer, states[layer], len(labels)).astype(np.float64)
    right = _correct(_probe.fitted_scores(x, labels[:, None], setting.alpha), labels[:, None])[:, 0]
    of = _plugin.target(NAME, "null_train_accuracy", setting.subject, f"layer={layer},null={name}")
    return rate(Table(of, right.astype(float), np.arange(len(labels)), np.arange(len(labels)), level=setting.level))


def _nested(
    states: States,
    chosen: list[int | str],
    scores: Mapping[int | str, Floats],
    columns: Bools,
    category: NDArray[np.intp],
    setting: _Setting,
) -> Estimate:
    """Each category scored at the layer that did best on the others among themselves; p-value over all layers at once."""
    labels, right = columns[:, :1], np.zeros(len(columns))
    for held in np.unique(category):
        out = category == held
        inner = {}
        for layer in chosen:
            x = np.asarray(states[layer], dtype=np.float64)[~out]
            inner[layer] = _correct(_probe.held_out_scores(x, labels[~out], category[~out], setting.alpha), labels[~out]).mean()
        best = max(chosen, key=lambda layer: inner[layer])
        right[out] = _correct(scores[best][out, :1], labels[out])[:, 0]
    of = _plugin.target(NAME, "held_out_accuracy", setting.subject, "layer=chosen")
    estimate = rate(Table(of, right, category, np.arange(len(right)), level=setting.level))
    best_of_layers = np.max([_correct(scores[layer], columns).mean(axis=0) for layer in chosen], axis=0)
    extra = _plugin.null_extra(float(best_of_layers[0]), best_of_layers[1:], "best_layer_")
    return msgspec.structs.replace(estimate, extra={**estimate.extra, "best_layer": float(best_of_layers[0]), **extra})


# --- routing ------------------------------------------------------------------------------------------------------------


def _effects(name: str, effect: Effect, setting: _Setting) -> list[Estimate]:
    """How much of the behaviour goes with the direction, with random ones, and with it beyond them; in [-1, 1]."""
    before, after = (np.asarray(part, dtype=np.float64) for part in (effect.before, effect.after))
    random = np.asarray(effect.random, dtype=np.float64)
    n = len(before)
    if after.shape != (n,) or random.ndim != 2 or len(random) != n or random.shape[1] == 0:
        raise UsageError(
            f"{NAME}: effect {name}: needs before (n,), after (n,), random (n, k), got {before.shape}, {after.shape}, {random.shape}"
        )
    values = np.concatenate([before, after, random.ravel()])
    if not (np.isnan(values) | ((values >= 0) & (values <= 1))).all():
        raise UsageError(f"{NAME}: effect {name}: outcomes lie in [0, 1] or are NaN (unknown)")
    cluster = _plugin.clusters_of(NAME, effect.groups, n)
    control = random.mean(axis=1)
    found = []
    for quantity, change in (("routing_effect", before - after), ("random_effect", before - control), ("specific_effect", control - after)):
        of = _plugin.target(NAME, quantity, setting.subject, f"intervention={name}")
        found.append(mean(Table(of, change, cluster, np.arange(n), level=setting.level, range=(-1.0, 1.0))))
    drawn = np.nanmean(before[:, None] - random, axis=0)
    # Two-sided: a direction may bring a behaviour as well as take it.
    p = _plugin.null_extra(abs(found[0].value), np.abs(drawn), "random_direction_")
    extra = {key: value for key, value in p.items() if not key.startswith("random_direction_null")}
    if effect.divergence is not None:
        extra |= {"divergence": effect.divergence[0], "random_divergence": effect.divergence[1]}
    flags: tuple[str, ...] = ()
    if not np.nansum(before) and not np.nansum(after):
        flags = ("happens neither without the intervention nor with it: where nothing is refused, look at narrative steering",)
    return [msgspec.structs.replace(found[0], extra={**found[0].extra, **extra}, flags=(*found[0].flags, *flags)), *found[1:]]


ABOUT = {
    "train_accuracy": "of the items the probe was fitted on; with shuffled labels beside it",
    "null_train_accuracy": "the same for an unrelated contrast",
    "held_out_accuracy": "on whole categories that the probe has not seen; layer=chosen: at a layer chosen on the other categories",
    "behaviour_agreement": "AUROC of the held-out scores against what the subject did",
    "behaviour_within_label": "the same among items of one label",
    "routing_effect": "behaviour as it is less behaviour with the direction taken out, in [-1, 1]",
    "random_effect": "the same for random directions of equal length",
    "specific_effect": "the first less the second: what this direction does beyond any other",
}

diagnostic = Diagnostic(NAME, ("states", "labels", "category", "behaviour", "interventions"), Inputs, ABOUT, measure)
