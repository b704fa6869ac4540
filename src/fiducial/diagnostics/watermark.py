"""What a watermark in the decoding does to behaviour, and what drawing several answers and keeping the best brings back.

After Verma and others 2025 (arXiv 2506.04462). Marks as pure functions on logits: the green list (Kirchenbauer and others 2023) and the
Gumbel draw (Aaronson 2022), exact and modified. Keeping the best of n helps an unmarked subject too, so recovery stands beside that
control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.diagnostics import _plugin, _probe
from fiducial.diagnostics._agreement import with_behaviour
from fiducial.diagnostics._permute import permuted
from fiducial.diagnostics._plugin import Diagnostic
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Estimate
from fiducial.stats.means import mean
from fiducial.stats.table import Floats, Labels, Table

NAME = "watermark"
GAMMA, DELTA = 0.25, 2.0
"""Share of green tokens and what is added to their logits, as in the paper."""
CONTEXT = 4
"""Tokens before a token that its uniform numbers are made from."""

MarkKind = Literal["kgw", "gumbel", "gumbel_modified"]
KINDS: tuple[MarkKind, ...] = ("kgw", "gumbel", "gumbel_modified")


@dataclass(frozen=True)
class Arms:
    """One outcome (unsafe, refused...) of n prompts, in [0, 1] or NaN: unmarked, marked, and the best of several of either.

    `groups` are prompts that hang together, where these differ from those of other outcomes. `scores` are detection scores of the marked
    answers: do answers that carry more of the mark behave differently more often?
    """

    plain: NDArray[Any]
    marked: NDArray[Any]
    marked_best: NDArray[Any] | None = None
    plain_best: NDArray[Any] | None = None
    groups: Labels | None = None
    scores: NDArray[Any] | None = None


@dataclass(frozen=True)
class Inputs:
    """`outcomes` by name; `groups` are prompts that hang together; `scores` detection scores of marked and of unmarked texts."""

    outcomes: Mapping[str, Arms]
    groups: Labels | None = None
    scores: tuple[NDArray[Any], NDArray[Any]] | None = None


def measure(data: Inputs, rng: Generator, *, subject: str = "subject", level: float = 0.95, permutations: int = 200) -> list[Estimate]:
    """By outcome: what the mark changes, what the best of n changes back, and that beyond the best of n without a mark; detection."""
    if not data.outcomes and data.scores is None:
        raise UsageError(f"{NAME}: needs outcomes or scores, got neither")
    found: list[Estimate] = []
    for name, arms in data.outcomes.items():
        found += _contrasts(name, arms, data.groups if arms.groups is None else arms.groups, (subject, level, permutations), rng)
    if data.scores is not None:
        found.append(_detected(*data.scores, (subject, level, permutations), rng))
    return found


# --- marks, as operations on logits --------------------------------------------------------------------------------------


def green_list(previous: int, vocabulary: int, key: int, gamma: float = GAMMA) -> NDArray[np.intp]:
    """The green tokens after a token: the first gamma * vocabulary of a permutation seeded by key and token.

    The permutation is numpy's, so lists differ from those of other implementations with the same key.

    >>> sorted(green_list(3, 8, 42)) == sorted(green_list(3, 8, 42)), len(green_list(3, 8, 42))
    (True, 2)
    """
    if not (0 < gamma < 1 and previous >= 0 and key >= 0):
        raise UsageError(f"{NAME}: green list: needs gamma in (0, 1) and key and token from 0, got {gamma}, {key}, {previous}")
    return np.random.default_rng([key, previous]).permutation(vocabulary)[: int(gamma * vocabulary)]


def greened(logits: Floats, previous: int, key: int, gamma: float = GAMMA, delta: float = DELTA) -> Floats:
    """Logits with `delta` added to the green tokens."""
    found = np.array(logits, dtype=np.float64)
    found[green_list(previous, len(found), key, gamma)] += delta
    return found


def green_z(tokens: Sequence[int], vocabulary: int, key: int, gamma: float = GAMMA, *, unique: bool = True) -> float:
    """How many standard deviations more green tokens a text has than an unmarked one: (G - gamma T) / sqrt(T gamma (1 - gamma)).

    `unique` counts each pair of neighbours once: repeated ones are not independent, and counting them finds marks that are not there.
    """
    pairs = list(pairwise(tokens))
    counted = sorted(set(pairs)) if unique else pairs
    if not counted:
        raise NotEstimable(f"{NAME}: a text needs two tokens, got {len(tokens)}")
    lists = {first: set(green_list(first, vocabulary, key, gamma).tolist()) for first in {p[0] for p in counted}}
    return z_of(sum(second in lists[first] for first, second in counted), len(counted), gamma)


def z_of(green: int, total: int, gamma: float = GAMMA) -> float:
    """The z score of a count.

    >>> round(z_of(70, 100), 3)
    10.392
    """
    return (green - gamma * total) / float(np.sqrt(total * gamma * (1 - gamma)))


def gumbel_uniforms(context: Sequence[int], vocabulary: int, key: int) -> Floats:
    """A uniform number a token, from the key and the last tokens alone."""
    return np.random.default_rng([key, *context]).random(vocabulary)


def gumbel_scores(logits: Floats, uniforms: Floats) -> Floats:
    """log(u) / p of each token: the largest belongs to the token of the exact draw."""
    from scipy.special import log_softmax

    return np.log(np.maximum(uniforms, 1e-300)) * np.exp(np.minimum(-log_softmax(np.asarray(logits, dtype=np.float64)), 600.0))


def gumbel_token(logits: Floats, uniforms: Floats, rng: Generator | None = None, how: Literal["exact", "modified"] = "exact") -> int:
    """The token with the largest u^(1/p); `modified` draws one with a chance proportional to that, which is not the model's own law.

    Exact leaves every single token's law as it is, and gives the same answer whenever context and key are the same.
    """
    from scipy.special import softmax

    score = gumbel_scores(logits, uniforms)
    if how == "exact":
        return int(np.argmax(score))
    if rng is None:
        raise UsageError(f"{NAME}: the modified draw needs a generator")
    return int(rng.choice(len(score), p=softmax(score)))


def gumbel_score(uniforms: Floats) -> float:
    """Mean of -log(1 - u) over the uniforms of the tokens a text has; 1 without a mark, larger with one."""
    u = np.asarray(uniforms, dtype=np.float64)
    if len(u) == 0 or not ((u >= 0) & (u < 1)).all():
        raise UsageError(f"{NAME}: uniforms: needs numbers in [0, 1), one a token, got {len(u)}")
    return float(-np.log1p(-u).mean())


@dataclass(frozen=True)
class Mark:
    """A mark as a processor of logits, for hooks that see (rows, vocabulary) and the tokens of each row so far.

    ``kgw`` adds `delta` to the green tokens; ``gumbel`` leaves one token, that with the largest u^(1/p); ``gumbel_modified`` gives logits
    whose softmax is that law, to be drawn from at temperature 1. `temperature` is that of the law p which a Gumbel draw keeps.
    """

    kind: MarkKind
    key: int = 15485863
    gamma: float = GAMMA
    delta: float = DELTA
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"{NAME}: mark: needs one of {', '.join(KINDS)}, got {self.kind!r}")
        if not (self.key >= 0 and 0 < self.gamma < 1 and self.temperature > 0 and np.isfinite(self.delta)):
            raise UsageError(
                f"{NAME}: needs key from 0, gamma in (0, 1), delta finite, temperature above 0, "
                f"got {self.key}, {self.gamma}, {self.delta}, {self.temperature}"
            )

    def logits(self, logits: NDArray[Any], rows: Sequence[Sequence[int]]) -> NDArray[Any]:
        """The logits as the mark has them."""
        found = np.array(logits, dtype=np.float64)
        for n, row in enumerate(rows):
            if self.kind == "kgw":
                found[n] = greened(found[n], int(row[-1]), self.key, self.gamma, self.delta)
                continue
            score = gumbel_scores(found[n] / self.temperature, gumbel_uniforms(row[-CONTEXT:], found.shape[1], self.key))
            if self.kind == "gumbel":
                found[n] = -1e9
                found[n, int(np.argmax(score))] = 0.0
            else:
                found[n] = np.maximum(score, -1e9)
        return found

    def score(self, tokens: Sequence[int], start: int, vocabulary: int) -> float:
        """The detection score of the tokens from `start` on, each read after those before it; NaN where there is none."""
        if len(tokens) <= max(start, 1):
            return float("nan")
        if self.kind == "kgw":
            return green_z(tokens[max(start - 1, 0) :], vocabulary, self.key, self.gamma)
        places = range(max(start, 1), len(tokens))
        return gumbel_score(
            np.array([gumbel_uniforms(tokens[max(0, at - CONTEXT) : at], vocabulary, self.key)[tokens[at]] for at in places])
        )


def resampled_best(rewards: NDArray[Any]) -> NDArray[np.intp]:
    """Alignment resampling: which of n candidates (prompts, n) has the highest reward; the first of equals.

    >>> resampled_best(np.array([[0.1, 0.9], [0.5, 0.5]])).tolist()
    [1, 0]
    """
    found = np.asarray(rewards, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] == 0 or np.isnan(found).any():
        raise UsageError(f"{NAME}: rewards: needs a number a candidate (prompts, n), got shape {found.shape}")
    return found.argmax(axis=1)


# --- what it does ---------------------------------------------------------------------------------------------------------


def _contrasts(name: str, arms: Arms, groups: Labels | None, setting: tuple[str, float, int], rng: Generator) -> list[Estimate]:
    given = {"plain": arms.plain, "marked": arms.marked, "marked_best": arms.marked_best, "plain_best": arms.plain_best}
    rows = {arm: np.asarray(values, dtype=np.float64) for arm, values in given.items() if values is not None}
    n = len(rows["plain"])
    for arm, values in rows.items():
        if values.shape != (n,) or not (np.isnan(values) | ((values >= 0) & (values <= 1))).all():
            raise UsageError(f"{NAME}: {name}: {arm}: needs {n} outcomes in [0, 1] or NaN, got shape {values.shape}")
    subject, level, permutations = setting
    cluster = _plugin.clusters_of(NAME, groups, n)
    if cluster.max() + 1 < _plugin.FEWEST:
        raise NotEstimable(f"{NAME}: {name}: needs {_plugin.FEWEST} prompts, got {cluster.max() + 1}")
    pairs = {"effect": ("marked", "plain"), "recovery": ("marked_best", "marked"), "beside_control": ("marked_best", "plain_best")}
    found = []
    for quantity, (one, other) in pairs.items():
        if one not in rows or other not in rows:
            continue
        change = rows[one] - rows[other]
        of = _plugin.target(NAME, quantity, subject, f"outcome={name}")
        estimate = mean(Table(of, change, cluster, np.arange(n), level=level, range=(-1.0, 1.0)))
        # Under the null the two arms of a cluster could change names.
        signs = rng.choice([-1.0, 1.0], (int(cluster.max()) + 1, permutations))[cluster]
        null = np.abs(np.nanmean(change[:, None] * signs, axis=0))
        extra = {"permutation_p": _plugin.null_extra(abs(estimate.value), null)["permutation_p"], "permutations": float(permutations)}
        found.append(msgspec.structs.replace(estimate, extra={**estimate.extra, **extra}))
    if arms.scores is None:
        return found
    scores = np.asarray(_plugin.checked_rows(NAME, f"{name}: scores", arms.scores, n), dtype=np.float64)
    changed = np.where(np.isnan(rows["marked"]) | np.isnan(rows["plain"]) | np.isnan(scores), np.nan, rows["marked"] != rows["plain"])
    return with_behaviour(
        NAME, found, np.nan_to_num(scores), labels=None, behaviour=changed, cluster=cluster, fold=np.zeros(n, dtype=np.intp), level=level,
        permutations=permutations, rng=rng,
    )  # fmt: skip


def _detected(marked: NDArray[Any], plain: NDArray[Any], setting: tuple[str, float, int], rng: Generator) -> Estimate:
    """AUROC of detection scores, marked against unmarked texts, with the share found at 1 % false alarms beside it."""
    scores = np.concatenate([np.asarray(marked, dtype=np.float64), np.asarray(plain, dtype=np.float64)])
    if not np.isfinite(scores).all():
        raise UsageError(f"{NAME}: scores: must be finite")
    labels = _plugin.checked_classes(NAME, "scores", np.repeat([1, 0], [len(marked), len(plain)]))
    subject, level, permutations = setting
    rows = np.arange(len(scores))
    estimate = _probe.auroc_estimate(_plugin.target(NAME, "detection_auroc", subject), scores, labels, rows, level)
    drawn = permuted(labels, rows, permutations, rng)
    null = _probe.auroc(np.broadcast_to(scores[:, None], drawn.shape), drawn)
    cut = float(np.quantile(scores[~labels], 0.99))
    return _probe.with_null(estimate, null, found_at_1_per_cent=float((scores[labels] > cut).mean()))


ABOUT = {
    "effect": "the outcome with the mark less that without it, prompt by prompt, in [-1, 1]",
    "recovery": "the best of n marked answers less one marked answer",
    "beside_control": "the best of n marked answers less the best of n unmarked ones: what the mark still costs",
    "behaviour_agreement": "AUROC of an answer's detection score for behaving differently with the mark than without",
    "detection_auroc": "AUROC of the detection score, marked against unmarked texts",
}

diagnostic = Diagnostic(NAME, ("outcomes", "logprobs"), Inputs, ABOUT, measure)
