"""Which neurons did contamination change, and what does a score lose when a cleaner model's activations are put in their place?

After Zhu and others 2025 (arXiv 2506.04142). Neurons are ranked by how far their activations differ between two siblings, one of which
saw the test set. The published ranking adds that root mean square to changes of accuracy, unscaled, though the units differ: here the
ranking is the first alone, and what patching does is reported beside as many random neurons of the same layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.diagnostics import _plugin
from fiducial.diagnostics._agreement import with_behaviour
from fiducial.diagnostics._plugin import Diagnostic, States
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Estimate
from fiducial.stats.clusters import t_quantile
from fiducial.stats.means import mean
from fiducial.stats.table import Floats, Labels, Table

NAME = "shortcut_neurons"
TOP = 0.01
"""Share of the neurons that are taken."""
SPLITS = 20

Neurons = Mapping[int | str, NDArray[np.intp]]
"""Layer -> numbers of neurons."""


@dataclass(frozen=True)
class Outcomes:
    """Of n items, 1 where answered rightly, 0 where not, NaN unknown: as it is, patched, and with random neurons patched, (n, k).

    `seen` is 1 for items the contaminated model was trained on.
    """

    original: NDArray[Any]
    patched: NDArray[Any]
    random: NDArray[Any]
    seen: NDArray[Any] | None = None


@dataclass(frozen=True)
class Inputs:
    """MLP activations by layer, (n, neurons), of the same items in the cleaner and in the contaminated sibling; what patching did."""

    clean: States
    contaminated: States
    outcomes: Outcomes | None = None
    groups: Labels | None = None


def measure(
    data: Inputs,
    rng: Generator,
    *,
    subject: str = "subject",
    level: float = 0.95,
    permutations: int = 200,
    top: float = TOP,
) -> list[Estimate]:
    """How well halves of the items agree on the top neurons, and what patching them changes, beyond random neurons and on seen items."""
    clean, contaminated, n = _checked(data)
    cluster = _plugin.clusters_of(NAME, data.groups, n)
    if cluster.max() + 1 < _plugin.FEWEST:
        raise NotEstimable(f"{NAME}: needs {_plugin.FEWEST} items, got {cluster.max() + 1}")
    if not 0 < top < 1:
        raise UsageError(f"{NAME}: top: must lie in (0, 1), got {top}")
    found = [_stability(clean, contaminated, cluster, top, (subject, level, permutations), rng)]
    if data.outcomes is None:
        return found
    if len(data.outcomes.original) == n:
        found = with_behaviour(
            NAME, found, _distance(clean, contaminated, top), labels=None, behaviour=np.asarray(data.outcomes.original), cluster=cluster,
            fold=np.zeros(n, dtype=np.intp), level=level, permutations=permutations, rng=rng,
        )  # fmt: skip
    return [*found, *_patching(data.outcomes, data.groups, subject, level)]


def comparative(clean: NDArray[Any], contaminated: NDArray[Any]) -> Floats:
    """Root mean square, over items, of how far each neuron's activation differs between the two models.

    >>> comparative(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 3.0], [1.0, 4.0]])).round(4).tolist()
    [0.0, 3.5355]
    """
    return np.sqrt(np.square(np.asarray(clean, dtype=np.float64) - contaminated).mean(axis=0))


def top_neurons(scores: Mapping[int | str, Floats], count: int) -> dict[int | str, NDArray[np.intp]]:
    """The `count` neurons of all layers with the largest score, by layer; none of a score of zero."""
    layers = np.concatenate([np.full(len(s), k) for k, s in enumerate(scores.values())])
    numbers = np.concatenate([np.arange(len(s)) for s in scores.values()])
    values = np.concatenate(list(scores.values()))
    order = np.argsort(-values, kind="stable")[:count]
    order = order[values[order] > 0]
    return {layer: np.sort(numbers[order[layers[order] == k]]) for k, layer in enumerate(scores)}


def random_like(chosen: Neurons, widths: Mapping[int | str, int], rng: Generator) -> dict[int | str, NDArray[np.intp]]:
    """As many random neurons of each layer: the control of every patch."""
    return {layer: np.sort(rng.choice(widths[layer], len(numbers), replace=False)) for layer, numbers in chosen.items()}


def patched(activations: NDArray[Any], guide: NDArray[Any], neurons: NDArray[np.intp]) -> NDArray[Any]:
    """A copy of the activations (..., neurons) of one layer with the guide's in the place of some.

    >>> patched(np.array([[1.0, 2.0, 3.0]]), np.array([[7.0, 8.0, 9.0]]), np.array([1])).tolist()
    [[1.0, 8.0, 3.0]]
    """
    if activations.shape != guide.shape:
        raise UsageError(f"{NAME}: patch: needs activations of one shape, got {activations.shape} and {guide.shape}")
    found = np.array(activations)
    found[..., neurons] = guide[..., neurons]
    return found


def _checked(data: Inputs) -> tuple[dict[int | str, Floats], dict[int | str, Floats], int]:
    if not data.clean or set(data.clean) != set(data.contaminated):
        raise UsageError(f"{NAME}: both models need the same layers, got {list(data.clean)} and {list(data.contaminated)}")
    n = len(next(iter(data.clean.values())))
    both = [
        {layer: _plugin.checked_states(NAME, layer, states[layer], n).astype(np.float64) for layer in data.clean}
        for states in (data.clean, data.contaminated)
    ]
    for layer in data.clean:
        if both[0][layer].shape != both[1][layer].shape:
            raise UsageError(f"{NAME}: layer {layer}: one width, got {both[0][layer].shape[1]} and {both[1][layer].shape[1]}")
    if all((both[0][layer] == both[1][layer]).all() for layer in data.clean):
        raise NotEstimable(f"{NAME}: the two models have the same activations, so no neuron was changed")
    return both[0], both[1], n


def _distance(clean: dict[int | str, Floats], contaminated: dict[int | str, Floats], top: float) -> Floats:
    """How far each item's activations of the top neurons differ between the two models."""
    scores = {layer: comparative(clean[layer], contaminated[layer]) for layer in clean}
    chosen = top_neurons(scores, max(1, round(top * sum(map(len, scores.values())))))
    squares = [np.square((clean[layer] - contaminated[layer])[:, numbers]).sum(axis=1) for layer, numbers in chosen.items()]
    return np.sqrt(np.sum(squares, axis=0))


def _stability(
    clean: dict[int | str, Floats], contaminated: dict[int | str, Floats], cluster: NDArray[np.intp], top: float,
    setting: tuple[str, float, int], rng: Generator,
) -> Estimate:  # fmt: skip
    """Overlap of the top neurons of two random halves of the items, over random splits; null: neurons of the same layers at random."""
    subject, level, permutations = setting
    squares = {layer: np.square(clean[layer] - contaminated[layer]) for layer in clean}
    widths = {layer: s.shape[1] for layer, s in squares.items()}
    count = max(1, round(top * sum(widths.values())))
    clusters = int(cluster.max()) + 1

    def overlap(weight: Floats) -> float:
        side = rng.permutation(clusters)[cluster] % 2
        halves = []
        for one in (0, 1):
            w = weight * (side == one)
            halves.append(top_neurons({layer: (w @ s) / max(w.sum(), 1e-300) for layer, s in squares.items()}, count))
        return sum(len(np.intersect1d(halves[0][layer], halves[1][layer])) for layer in squares) / count

    values = np.array([overlap(np.ones(len(cluster))) for _ in range(SPLITS)])
    whole = top_neurons({layer: s.mean(axis=0) for layer, s in squares.items()}, count)
    null = np.empty(permutations)
    for k in range(permutations):
        drawn = [random_like(whole, widths, rng) for _ in range(2)]
        null[k] = sum(len(np.intersect1d(drawn[0][layer], drawn[1][layer])) for layer in squares) / count
    # Splits share their items, so their spread is not divided by their number.
    value, half = float(values.mean()), t_quantile(level, SPLITS - 1) * float(values.std(ddof=1))
    extra = {"neurons": float(count), **{f"in_layer_{layer}": float(len(numbers)) for layer, numbers in whole.items()}}
    half = max(half, 1 / count)  # one neuron more or less is the resolution
    return Estimate(
        of=_plugin.target(NAME, "split_overlap", subject), value=value, low=max(0.0, value - half),
        high=min(1.0, value + half), level=level,
        method=f"spread over {SPLITS} random halvings of the items", n=len(cluster), clusters=clusters,
        extra={**_plugin.null_extra(value, null), **extra},
    )  # fmt: skip


def _patching(outcomes: Outcomes, groups: Labels | None, subject: str, level: float) -> list[Estimate]:
    original, changed = (np.asarray(part, dtype=np.float64) for part in (outcomes.original, outcomes.patched))
    random = np.asarray(outcomes.random, dtype=np.float64)
    n = len(original)
    if changed.shape != (n,) or random.ndim != 2 or len(random) != n or random.shape[1] == 0:
        raise UsageError(f"{NAME}: outcomes: needs (n,), (n,), (n, k), got {original.shape}, {changed.shape}, {random.shape}")
    everything = np.concatenate([original, changed, random.ravel()])
    if not (np.isnan(everything) | ((everything >= 0) & (everything <= 1))).all():
        raise UsageError(f"{NAME}: outcomes: lie in [0, 1] or are NaN")
    cluster, unit = _plugin.clusters_of(NAME, groups if groups is not None and len(groups) == n else None, n), np.arange(n)
    control = random.mean(axis=1)
    parts = {"": np.ones(n, dtype=bool)}
    if outcomes.seen is not None:
        seen = _plugin.checked_classes(NAME, "seen", _plugin.checked_rows(NAME, "seen", outcomes.seen, n))
        parts |= {"seen=1": seen, "seen=0": ~seen}
    found = []
    for place, rows in parts.items():
        changes = {"patch_effect": changed - original, "random_effect": control - original, "specific_effect": changed - control}
        for quantity, values in changes.items():
            of = _plugin.target(NAME, quantity, subject, place)
            estimate = mean(Table(of, values[rows], cluster[rows], unit[rows], level=level, range=(-1.0, 1.0)))
            if quantity == "patch_effect":
                drawn = np.nanmean((random - original[:, None])[rows], axis=0)
                extra = _plugin.null_extra(-estimate.value, -drawn, "random_neurons_")
                kept = {key: value for key, value in extra.items() if key.endswith(("_p", "permutations"))}
                estimate = msgspec.structs.replace(estimate, extra={**estimate.extra, **kept})
            found.append(estimate)
    return found


ABOUT = {
    "split_overlap": "share of the top neurons that two halves of the items agree on; null: random neurons of the same layers",
    "behaviour_agreement": "AUROC of how far an item's top neurons differ between the models for a right answer of the contaminated one",
    "patch_effect": "accuracy with the top neurons patched less accuracy as it is, in [-1, 1]; on seen items and on others apart",
    "random_effect": "the same for random neurons of the same layers",
    "specific_effect": "the first less the second: what these neurons do beyond any others",
}

diagnostic = Diagnostic(NAME, ("activations", "outcomes"), Inputs, ABOUT, measure)
