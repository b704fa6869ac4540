"""Where alignment changed the next token: the rank, in the base model, of each token that the aligned model chose.

After Lin and others 2023 (URIAL, arXiv 2312.01552). Rank 1 is unshifted, 2 and 3 marginal, beyond 3 shifted. Both models must share one
tokenizer. Positions of an answer hang together, so the prompt is the unit of every interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
from fiducial.stats.proportions import rate
from fiducial.stats.table import Floats, Labels, Table

NAME = "token_shift"
MARGINAL = 3
"""The last rank that is marginal."""
BANDS = ((0, 0), (1, 4), (5, 19), (20, None))
"""Positions (first, last) whose shifted share is shown apart: the shift fades along an answer."""


@dataclass(frozen=True)
class Inputs:
    """One row a position: the `prompt` it answers, its `position` in the answer (from 0), the token's `rank` in the base model (from 1).

    `divergence` is KL(aligned || base) in nats at the position, `base_logprob` the token's log-probability in the base model, `token` its
    text. `behaviour` maps each prompt to 1 or 0: whether the subject then behaved in the way in question.
    """

    prompt: Labels
    position: NDArray[Any]
    rank: NDArray[Any]
    divergence: NDArray[Any] | None = None
    base_logprob: NDArray[Any] | None = None
    token: Sequence[str] | None = None
    behaviour: dict[Any, float] | None = None


class Compared(NamedTuple):
    """Of each position: rank of the token in the base model, KL(aligned || base), log-probability in the base model."""

    rank: NDArray[np.intp]
    divergence: Floats
    base_logprob: Floats


def compare(aligned: NDArray[Any], base: NDArray[Any], tokens: NDArray[np.intp]) -> Compared:
    """What two models' logits (positions, vocabulary) say of the tokens that were chosen. Adding a constant to a row changes nothing.

    A token that ties with others gets the best rank of the tie, so equal models give rank 1 to every greedy token.

    >>> found = compare(np.array([[0.0, 2.0, 1.0]]), np.array([[3.0, 2.0, 1.0]]), np.array([1]))
    >>> found.rank.tolist(), bool(found.divergence[0] > 0)
    ([2], True)
    """
    if aligned.shape != base.shape or aligned.ndim != 2 or tokens.shape != aligned.shape[:1]:
        raise UsageError(
            f"{NAME}: needs logits of one shape (positions, vocabulary) and a token each, got {aligned.shape}, {base.shape}, {tokens.shape}"
        )
    if len(tokens) and not (tokens.min() >= 0 and tokens.max() < aligned.shape[1]):
        raise UsageError(f"{NAME}: tokens: must lie in [0, {aligned.shape[1]}), got {tokens.min()} to {tokens.max()}")
    p, q = _log_softmax(aligned), _log_softmax(base)
    own = q[np.arange(len(tokens)), tokens]
    if np.isnan(p).any() or np.isnan(q).any():
        raise UsageError(f"{NAME}: logits must be numbers, got NaN")
    with np.errstate(invalid="ignore"):
        terms = np.where(p > -np.inf, np.exp(p) * (p - q), 0.0)
    rank = 1 + (base > base[np.arange(len(tokens)), tokens][:, None]).sum(axis=1)
    return Compared(rank, np.maximum(terms.sum(axis=1), 0.0), own)


def _log_softmax(logits: NDArray[Any]) -> Floats:
    from scipy.special import log_softmax

    return log_softmax(np.asarray(logits, dtype=np.float64), axis=1)


def shares(rank: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """Which positions are unshifted, marginal and shifted: each is exactly one of them.

    >>> {name: held.tolist() for name, held in shares(np.array([1, 3, 4])).items()}
    {'unshifted': [True, False, False], 'marginal': [False, True, False], 'shifted': [False, False, True]}
    """
    return {"unshifted": rank == 1, "marginal": (rank > 1) & (rank <= MARGINAL), "shifted": rank > MARGINAL}


def top_lists(aligned: Sequence[int], base: Sequence[int]) -> dict[str, float]:
    """How alike two lists of top tokens are, best first: Jaccard, and nDCG of the base list with gain 1/log2(place + 1).

    >>> top_lists([5, 7, 9], [5, 7, 9])
    {'jaccard': 1.0, 'ndcg': 1.0}
    """
    if not aligned or not base:
        raise UsageError(f"{NAME}: top lists must hold a token, got {len(aligned)} and {len(base)}")
    one, other = set(aligned), set(base)
    gain = {token: 1 / np.log2(place + 2) for place, token in enumerate(aligned)}
    best = sum(g * g for g in gain.values())
    found = sum(gain.get(token, 0.0) / np.log2(place + 2) for place, token in enumerate(base))
    return {"jaccard": len(one & other) / len(one | other), "ndcg": float(found / best)}


def measure(data: Inputs, rng: Generator, *, subject: str = "subject", level: float = 0.95, permutations: int = 200) -> list[Estimate]:
    """Shares of the three classes, the shifted share by position, mean divergence, and how the shift fades along an answer."""
    rank = np.asarray(data.rank)
    n = len(rank)
    prompt = _plugin.clusters_of(NAME, _plugin.checked_rows(NAME, "prompt", data.prompt, n), n)
    position = _plugin.checked_rows(NAME, "position", data.position, n)
    if rank.ndim != 1 or n == 0 or not np.issubdtype(rank.dtype, np.integer) or rank.min() < 1:
        raise UsageError(f"{NAME}: rank: needs whole numbers from 1, one a position, got {rank.dtype} of shape {rank.shape}")
    if not np.issubdtype(position.dtype, np.integer) or position.min() < 0:
        raise UsageError(f"{NAME}: position: needs whole numbers from 0, got {position.dtype}")
    if prompt.max() + 1 < _plugin.FEWEST:
        raise NotEstimable(f"{NAME}: needs {_plugin.FEWEST} prompts, got {prompt.max() + 1}")
    rows = np.arange(n)
    found = []
    for name, held in shares(rank).items():
        of = _plugin.target(NAME, f"{name}_share", subject)
        found.append(rate(Table(of, held.astype(np.float64), prompt, rows, level=level)))
    shifted = rank > MARGINAL
    found[-1] = _with_common(found[-1], shifted, data.token)
    for first, last in BANDS:
        held = (position >= first) & (position <= (np.inf if last is None else last))
        if np.unique(prompt[held]).size >= _plugin.FEWEST:
            place = f"position={first}+" if last is None else f"position={first}-{last}" if last > first else f"position={first}"
            table = Table(
                _plugin.target(NAME, "shifted_share", subject, place), shifted[held].astype(float), prompt[held], rows[held], level=level
            )
            found.append(rate(table))
    found += _means(data, prompt, rows, subject, level)
    if _pairs(shifted, prompt):  # else nothing is shifted, or everything: there is no trend along an answer
        found.append(_fading(shifted, position, prompt, subject, level, permutations, rng))
    if data.behaviour is not None:
        found = _with_behaviour(found, data, shifted, prompt, (level, permutations), rng)
    return found


def _with_common(estimate: Estimate, shifted: NDArray[np.bool_], token: Sequence[str] | None) -> Estimate:
    """Which tokens are shifted most often, as counts."""
    if token is None:
        return estimate
    texts = _plugin.checked_rows(NAME, "token", list(token), len(shifted))
    names, counts = np.unique(texts[shifted], return_counts=True)
    most = np.argsort(-counts, kind="stable")[:20]
    return msgspec.structs.replace(estimate, extra={**estimate.extra, **{f"token {names[k]!s}": float(counts[k]) for k in most}})


def _means(data: Inputs, prompt: NDArray[np.intp], rows: NDArray[np.intp], subject: str, level: float) -> list[Estimate]:
    found = []
    for name, column, limits in (
        ("divergence", data.divergence, (0.0, np.inf)),
        ("base_logprob", data.base_logprob, (-np.inf, 0.0)),
    ):
        if column is None:
            continue
        values = np.asarray(_plugin.checked_rows(NAME, name, column, len(rows)), dtype=np.float64)
        # A token the base model rules out has infinite divergence: no mean holds it, so it is missing and counted.
        values = np.where(np.isfinite(values), values, np.nan)
        if (values < limits[0] - 1e-9).any() or (values > limits[1] + 1e-9).any():
            raise UsageError(f"{NAME}: {name}: must lie in {limits}, got {np.nanmin(values):g} to {np.nanmax(values):g}")
        if np.isnan(values).all():
            raise NotEstimable(f"{NAME}: {name}: no position has a finite value")
        if np.ptp(values[np.isfinite(values)]) == 0:
            continue  # the same at every position: an open range has no interval then
        table = Table(_plugin.target(NAME, f"mean_{name}", subject), values, prompt, rows, level=level, range=(-np.inf, np.inf))
        estimate = msgspec.structs.replace(mean(table.known()), missing=int(np.isnan(values).sum()))
        found.append(msgspec.structs.replace(estimate, low=max(estimate.low, limits[0]), high=min(estimate.high, limits[1])))
    return found


def _fading(
    shifted: NDArray[np.bool_],
    position: NDArray[Any],
    prompt: NDArray[np.intp],
    subject: str,
    level: float,
    permutations: int,
    rng: Generator,
) -> Estimate:
    """AUROC of early positions against late ones for the shifted: above 0.5 where the shift fades; positions shuffled in each answer."""
    scores = -np.asarray(position, dtype=np.float64)
    of = _plugin.target(NAME, "fading", subject)
    estimate = _probe.auroc_estimate(of, scores, shifted, prompt, level, prompt)
    drawn = permuted(shifted, prompt, permutations, rng)
    return _probe.with_null(estimate, _probe.auroc(np.broadcast_to(scores[:, None], drawn.shape), drawn, prompt))


def _pairs(shifted: NDArray[np.bool_], prompt: NDArray[np.intp]) -> bool:
    ones, size = np.bincount(prompt, shifted), np.bincount(prompt)
    return bool(((ones > 0) & (ones < size)).any())


def _with_behaviour(
    found: list[Estimate], data: Inputs, shifted: NDArray[np.bool_], prompt: NDArray[np.intp], setting: tuple[float, int], rng: Generator
) -> list[Estimate]:
    """Beside the estimates the AUROC of a prompt's shifted share against what the subject did with it."""
    names = np.unique(np.asarray(data.prompt)).tolist()
    did = np.array([(data.behaviour or {}).get(name, np.nan) for name in names], dtype=np.float64)
    share = np.bincount(prompt, shifted) / np.bincount(prompt)
    rows = np.arange(len(share))
    return with_behaviour(
        NAME, found, share, labels=None, behaviour=did, cluster=rows, fold=np.zeros(len(rows), dtype=np.intp), level=setting[0],
        permutations=setting[1], rng=rng,
    )  # fmt: skip


ABOUT = {
    "unshifted_share": "share of the aligned model's tokens that the base model puts first",
    "marginal_share": "share at the base model's rank 2 or 3",
    "shifted_share": "share beyond rank 3, in all and by position",
    "mean_divergence": "mean KL(aligned || base) a position, in nats",
    "mean_base_logprob": "mean log-probability the base model gives the token, in nats",
    "fading": "chance that of a shifted and another token of one answer the shifted one comes first; 0.5 = no trend",
    "behaviour_agreement": "AUROC of a prompt's shifted share against what the subject did",
}

diagnostic = Diagnostic(NAME, ("logprobs", "tokens", "behaviour"), Inputs, ABOUT, measure)
