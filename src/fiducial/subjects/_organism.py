"""Answers, scores and states of an organism, many rows at once.

What else is in a batch moves the numbers of a row by rounding, and nothing more may come of it. Answers are computed in single
precision; where two tokens are nearly equal, or a drawn number lies near the border between two, the choice is made again for that row
alone in double precision. Scores, which any difference changes, are computed in double precision; those of continuations are rounded to
`DIGITS`. So are answers under hooks that are drawn: what a hook does to a row alone is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from fiducial.kernel.errors import SubjectError, UsageError
from fiducial.kernel.roles import Hooks, Positions
from fiducial.organisms.catalogue import Organism
from fiducial.organisms.decoder import Cache, Decoder
from fiducial.subjects._decoder import SHARE, common
from fiducial.subjects._inside import check_layers, place
from fiducial.subjects._scoring import Branches
from fiducial.subjects._writing import TAIL, Ask, Written

NEAR = 1e-3
"""Two logits that differ by less are too near to be told apart in single precision (its error is below a tenth of that)."""


DIGITS = 9
"""Decimals of a score."""


@dataclass(slots=True)
class Fed:
    """What was read: the cache, and the logits of each row's next token."""

    cache: Cache
    logits: NDArray[Any]


def prefill(decoder: Decoder, rows: Sequence[Sequence[int]], room: int, hooks: Hooks | None = None) -> Fed:
    """Read rows of different lengths together, with room for so many more tokens; what all begin with is read once."""
    edits = hooks.layers if hooks is not None else None
    longest = max(map(len, rows))
    shared = min(common(rows), min(map(len, rows)) - 1) if len(rows) > 1 else 0
    if shared >= SHARE:
        cache = decoder.cache(1, shared)
        decoder.read(cache, [rows[0][:shared]], edits)
        cache = cache.take([0] * len(rows), longest + room)
    else:
        shared, cache = 0, decoder.cache(len(rows), longest + room)
    states = decoder.read(cache, [row[shared:] for row in rows], edits)
    last = states[np.arange(len(rows)), [len(row) - shared - 1 for row in rows]]
    return Fed(cache, decoder.logits(last))


def check_hooks(hooks: Hooks | None, depth: int) -> None:
    """Refuse edits of a layer that the model does not have."""
    if hooks is not None and hooks.layers:
        check_layers(list(hooks.layers), depth)


# --- answers ---------------------------------------------------------------------------------------------------------


def write(organism: Organism, asks: Sequence[Ask], hooks: Hooks | None = None, *, scores: bool = False) -> list[Written]:
    """The answers; with `scores` the log-probabilities of their tokens too. Raises `SubjectError("numbers")` for logits that are none."""
    written = [Written() for _ in asks]
    draws = [np.random.default_rng(ask.seed) for ask in asks]
    decoder = organism.exact if any(ask.temperature > 0 for ask in asks) and (hooks or scores) else organism.decoder
    fed = prefill(decoder, [ask.tokens for ask in asks], max(ask.most for ask in asks), hooks)
    live = list(range(len(asks)))
    while live:
        logits = _edited(fed.logits, [[*asks[n].tokens, *written[n].tokens] for n in live], hooks) if hooks and hooks.logits else fed.logits
        if np.isnan(logits).any():
            raise SubjectError("numbers", "the model's logits are NaN")
        uniforms = [float(draws[n].random()) if asks[n].temperature > 0 else 0.0 for n in live]
        chosen, doubtful = choose(logits, [asks[n] for n in live], uniforms)
        for at in np.flatnonzero(doubtful) if hooks is None and decoder is organism.decoder else ():
            ask = asks[live[at]]
            alone = _alone(organism.exact, [*ask.tokens, *written[live[at]].tokens])
            chosen[at] = choose(alone, [ask], [uniforms[at]])[0][0]
        added = log_softmax(logits, axis=-1)[np.arange(len(live)), chosen] if scores else np.zeros(len(live))
        going = [
            at
            for at, (n, token, score) in enumerate(zip(live, chosen.tolist(), added.tolist(), strict=True))
            if _goes_on(organism, asks[n], written[n], token, score)
        ]
        if len(going) < len(live):
            fed.cache.keep(going)
            chosen, live = chosen[going], [live[at] for at in going]
        if live:
            fed.logits = decoder.step(fed.cache, chosen, hooks.layers if hooks is not None else None)
    return [_finished(organism, ask, one) for ask, one in zip(asks, written, strict=True)]


def choose(logits: NDArray[Any], asks: Sequence[Ask], uniforms: Sequence[float]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The next token of each row: at temperature 0 the likeliest (of equals the first), else drawn by its uniform number in [0, 1).

    A draw is the inverse of the distribution function, in the order of token ids. Also whether the choice might come out
    otherwise with logits that are off by what single precision is.
    """
    best, doubtful = logits.argmax(-1), unsure(logits)
    warm = [n for n, ask in enumerate(asks) if ask.temperature > 0]
    if not warm:
        return best, doubtful
    heat = np.array([asks[n].temperature for n in warm])[:, None]
    # Logits that err by e move a ratio of shares by exp(2 e / temperature) at most, a sum of shares beside its part of the whole by
    # e / temperature; e is below NEAR / 10, so that either has a margin of five.
    off = NEAR / (2 * heat)
    share = softmax(logits[warm].astype(np.float64) / heat, axis=-1)
    near = np.zeros(len(warm), bool)
    if any(asks[n].top_p < 1 for n in warm):
        top = np.array([asks[n].top_p for n in warm])[:, None]
        where = np.argsort(-share, axis=-1, kind="stable")
        ordered = np.take_along_axis(share, where, -1)
        before = ordered.cumsum(-1) - ordered
        inside = before < top
        near |= ((abs(before - top) < off) & (top < 1)).any(-1) | _alike_at_the_border(ordered, inside, 2 * off[:, 0])
        np.put_along_axis(share, where, np.where(inside, ordered, 0), -1)
    steps = share.cumsum(-1)
    at = np.array([uniforms[n] for n in warm])[:, None] * steps[:, -1:]
    # The first step above the number; a number that rounds to the last step takes the last token that has a share.
    best[warm] = np.minimum((steps <= at).sum(-1), (steps < steps[:, -1:]).sum(-1))
    doubtful[warm] = near | (abs(steps - at) < off).any(-1)
    return best, doubtful


def _alike_at_the_border(ordered: NDArray[Any], inside: NDArray[np.bool_], off: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the least share inside of a nucleus and the largest outside are too near to be told apart."""
    rows, last = np.arange(len(ordered)), inside.sum(-1) - 1
    beyond = np.minimum(last + 1, ordered.shape[1] - 1)
    return (beyond > last) & (ordered[rows, beyond] > ordered[rows, last] * np.exp(-off))


def unsure(logits: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the two largest logits of a row are too near to be told apart in single precision."""
    return (logits > logits.max(-1, keepdims=True) - NEAR).sum(-1) > 1


def _alone(exact: Decoder, row: Sequence[int]) -> NDArray[Any]:
    """Logits (1, vocabulary) of one row, in double precision."""
    cache = exact.cache(1, len(row))
    return exact.logits(exact.read(cache, [row])[:, len(row) - 1])


def _edited(logits: NDArray[Any], so_far: Sequence[Sequence[int]], hooks: Hooks) -> NDArray[Any]:
    assert hooks.logits is not None
    changed = np.asarray(hooks.logits(logits.copy(), so_far))
    if changed.shape != logits.shape:
        raise UsageError(f"hook of logits: must keep the shape {logits.shape}, got {changed.shape}")
    return changed


def _goes_on(organism: Organism, ask: Ask, written: Written, token: int, score: float) -> bool:
    if token == organism.tokenizer.special["<|end|>"]:
        written.finish = "stop"
        return False
    written.tokens.append(token)
    written.logprobs.append(score)
    if ask.stop:
        tail = organism.tokenizer.decode(written.tokens[-(max(map(len, ask.stop)) + TAIL) :])
        if any(stop in tail for stop in ask.stop):
            written.finish = "stop"
            return False
    return len(written.tokens) < ask.most


def _finished(organism: Organism, ask: Ask, written: Written) -> Written:
    written.text = organism.tokenizer.decode(written.tokens)
    found = [at for stop in ask.stop if (at := written.text.find(stop)) >= 0]
    if found:
        written.text = written.text[: min(found)]
    return written


# --- scores ----------------------------------------------------------------------------------------------------------


def score(organism: Organism, asked: Sequence[Branches]) -> list[tuple[float, ...]]:
    """The total log-probability (nats) of each continuation; each prompt is read once."""
    decoder = organism.exact
    fed = prefill(decoder, [one.trunk for one in asked], 0)
    first = log_softmax(fed.logits, axis=-1)
    totals = [[float(first[n, rest[0]]) for rest in one.rests] for n, one in enumerate(asked)]
    longer = [(n, m) for n, one in enumerate(asked) for m, rest in enumerate(one.rests) if len(rest) > 1]
    if longer:
        rests = [asked[n].rests[m] for n, m in longer]
        cache = fed.cache.take([n for n, _ in longer], max(len(one.trunk) for one in asked) + max(map(len, rests)))
        states = decoder.read(cache, [rest[:-1] for rest in rests])
        for (n, m), rest, inside in zip(longer, rests, states, strict=True):
            later = log_softmax(decoder.logits(inside[: len(rest) - 1]), axis=-1)
            totals[n][m] += float(later[np.arange(len(rest) - 1), list(rest[1:])].sum())
    if not np.isfinite([total for row in totals for total in row]).all():
        raise SubjectError("numbers", "the model's log-probabilities are not finite")
    return [tuple(min(round(total, DIGITS), 0.0) for total in row) for row in totals]


# --- states ----------------------------------------------------------------------------------------------------------


def states(
    organism: Organism, rows: Sequence[Sequence[int]], layers: Sequence[int], positions: Positions, groups: Sequence[Sequence[int]]
) -> NDArray[np.float32]:
    """Hidden states (rows, layers, width) of one token of each row, or their mean over its tokens."""
    decoder = organism.decoder
    check_layers(layers, decoder.depth)
    found = np.empty((len(rows), len(layers), decoder.config.hidden_size), np.float32)
    for group in groups:
        at = [place(positions, len(rows[n])) for n in group]
        lengths = np.array([len(rows[n]) for n in group])
        seen: dict[int, NDArray[Any]] = {}

        def see(layer: int, inside: NDArray[Any], at: Any = at, lengths: Any = lengths, seen: Any = seen) -> None:
            if layer in layers:
                seen[layer] = _read(inside, at, lengths)

        cache = decoder.cache(len(group), int(lengths.max()))
        decoder.read(cache, [rows[n] for n in group], see=see, upto=max(layers))
        found[list(group)] = np.stack([seen[layer] for layer in layers], axis=1)
    return found


def _read(inside: NDArray[Any], at: Sequence[Any], lengths: NDArray[np.int64]) -> NDArray[Any]:
    if at[0] is None:
        real = np.arange(inside.shape[1]) < lengths[:, None]
        return np.einsum("ntd,nt->nd", inside, real.astype(inside.dtype)) / lengths[:, None]
    return inside[np.arange(len(inside)), at]
