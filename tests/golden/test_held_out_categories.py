"""Published accuracies on held-out categories, of seven models: the same hits give the published mean over folds and the pooled accuracy.

Accuracy of each of six held-out categories at the layer with the best mean: gregfrank/routing-is-learned, results/cross_validation_results.json.
The published table prints the mean over folds for some models and the pooled accuracy for others; with unequal categories they differ.
"""

import numpy as np
import pytest

from fiducial.diagnostics.routing import Inputs, measure

SIZES = np.array([16, 8, 8, 4, 8, 4])

FOLDS = {
    "Yi-1.5-9B": ([0.9375, 0.625, 0.875, 1, 0.875, 1], 0.885, 0.875),
    "Qwen3-8B": ([1, 1, 0.875, 1, 1, 1], 0.979, 0.979),
    "R1-distill-7B": ([1, 0.875, 0.75, 1, 1, 1], 0.938, 0.938),
    "Llama-3.2-3B": ([0.9375, 0.875, 1, 1, 1, 1], 0.969, 0.958),
    "Phi-4-mini": ([0.9375, 1, 1, 1, 1, 1], 0.990, 0.979),
    "GLM-4-9B": ([0.8125, 1, 0.875, 1, 1, 1], 0.948, 0.917),
    "Qwen3.5-4B": ([1, 1, 1, 1, 1, 1], 1.0, 1.0),
}


@pytest.mark.parametrize("model", FOLDS)
def test_the_same_hits_give_both_published_accuracies(model):
    folds, mean, pooled = FOLDS[model]
    wrong = [round((1 - share) * size) for share, size in zip(folds, SIZES, strict=True)]
    category = np.repeat(np.arange(6), SIZES)
    labels = np.concatenate([np.arange(size) % 2 for size in SIZES])
    # One number an item: its label's sign, turned where the published probe was wrong.
    x = np.where(labels == 1, 1.0, -1.0)
    for k, count in enumerate(wrong):
        x[np.flatnonzero(category == k)[:count]] *= -1
    found = {(e.of.quantity, e.of.slice): e for e in measure(Inputs({0: x[:, None]}, labels, category), np.random.default_rng(0))}
    held = found["held_out_accuracy", "layer=0"]
    assert held.value == held.extra["pooled"] == pytest.approx(pooled, abs=5e-4)
    assert held.extra["mean_over_categories"] == pytest.approx(np.mean(folds))
    assert held.extra["mean_over_categories"] == pytest.approx(mean, abs=6e-4)
    # Six categories are six witnesses.
    assert held.clusters == 6
    assert held.high - held.low > 0.05
