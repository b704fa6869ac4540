"""Attacks on a surrogate head, and whether they fool the subject: words put after a prompt until the head no longer calls it refused.

The head is a linear fit on the states of one layer, learned on other groups than those that are attacked. ``search`` tries words at random
and keeps what lowers the head's score; ``gradient`` tries those words that the score's slope at the embeddings favours. A direct attack has
as many tries, and is led by the log-probability that the subject gives its own refusal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.api.eliciting import Asked, Model
from fiducial.diagnostics.surrogate import Attacks, threshold_of_best_f1
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Decoding
from fiducial.kernel.roles import Transparent, Turn, say
from fiducial.stats.table import Floats

FEWEST = 10
KINDS = ("none", "search", "gradient")
PENALTY = 0.1
"""Ridge penalty as a share of the mean variance, as in the diagnostic's own heads."""
WIDER = 4
"""How many times more words a slope ranks than are then tried."""
TEMPLATE = 16
"""Tokens that a chat template may put after a text."""


@dataclass(frozen=True)
class Head:
    """Refused where `weights . state - cut` is not negative."""

    layer: int
    weights: Floats
    cut: float

    def score(self, model: Transparent, texts: Sequence[str]) -> Floats:
        """Of each text's last token."""
        return model.states(list(texts), [self.layer])[:, 0].astype(np.float64) @ self.weights - self.cut


@dataclass(frozen=True)
class Budget:
    """Steps (words put after a text), tries a step, and the words that are tried."""

    steps: int
    tries: int
    words: list[str]
    rng: Generator

    def draw(self, times: int = 1) -> list[str]:
        """Some words, each once."""
        count = min(len(self.words), self.tries * times)
        return [self.words[k] for k in self.rng.choice(len(self.words), count, replace=False).tolist()]


async def attacks(asked: Asked, decision: Floats) -> Attacks:
    """What was tried on the head and on the subject, of prompts that both refuse. Raises `NotEstimable` where these are few."""
    s = asked.settings
    if s["attack"] not in KINDS:
        raise UsageError(f"surrogate: attack: needs one of {', '.join(KINDS)}, got {s['attack']!r}")
    if asked.items.find("system") is not None:
        raise UsageError("surrogate: attacks put words after a text, and cannot be made where items have a column 'system'")
    layer = s["at"] if s["at"] >= 0 else asked.layers[(len(asked.layers) - 1) // 2]
    model = asked.model.inside
    states = model.states(asked.texts, [layer])[:, 0].astype(np.float64)
    groups = asked.groups if asked.groups is not None else np.arange(len(decision)).astype(str)
    names, index = np.unique(groups.astype(str), return_inverse=True)
    half = (asked.rng.permutation(len(names)) % 2)[index]
    words = sorted({word for text in asked.texts for word in text.split()})
    refusals = asked.answers()
    tried: list[int] = []
    made: dict[str, list[str]] = {"head": [], "direct": []}
    fooled: list[float] = []
    for side in (0, 1):
        learn = (half != side) & np.isfinite(decision)
        head = fitted(layer, states[learn], decision[learn] == 1)
        refused = (half == side) & (decision == 1) & (states @ head.weights >= head.cut)
        for n in np.flatnonzero(refused)[: (s["attacked"] + side) // 2].tolist():
            budget = Budget(s["words"], s["tries"], words, asked.rng)
            text, score = on_head(model, head, asked.texts[n], budget, slope=s["attack"] == "gradient")
            tried.append(n)
            fooled.append(float(score < 0))
            made["head"].append(text)
    if len(tried) < FEWEST:
        raise NotEstimable(f"surrogate: attacks: the subject refuses {len(tried)} prompts that its head calls refused, {FEWEST} needed")
    # They go side by side, each with draws of its own, so that the order of answers decides nothing.
    own = [Budget(s["words"], s["tries"], words, rng) for rng in asked.rng.spawn(len(tried))]
    led = (direct(asked.model, asked.texts[n], refusals[n], budget) for n, budget in zip(tried, own, strict=True))
    made["direct"] = list(await asyncio.gather(*led))
    decoding = Decoding(max_tokens=s["tokens"])
    broke = [1 - asked.judged(model.generate(made[arm], decoding=decoding), tried, "refused") for arm in ("head", "direct")]
    return Attacks(np.array(fooled), broke[0], broke[1], groups[tried])


def fitted(layer: int, states: Floats, refused: NDArray[np.bool_]) -> Head:
    """A ridge fit whose cut has the best F1 on its own rows."""
    if min(refused.sum(), (~refused).sum()) < 2:
        raise NotEstimable("surrogate: attacks: the half that the head is learned on holds one decision only")
    x, y = states - states.mean(axis=0), np.where(refused, 1.0, -1.0)
    gram = x @ x.T
    penalty = PENALTY * float(np.trace(gram)) / max(1, len(x) - 1)
    if not penalty > 0:
        raise NotEstimable(f"surrogate: attacks: layer {layer}: all states are alike, so there is no head")
    weights = x.T @ np.linalg.solve(gram + penalty * np.eye(len(x)), y - y.mean())
    scores = states @ weights
    cut = threshold_of_best_f1(scores, refused)
    below = scores[scores < cut]
    # Half way to the next score below, so that the cut does not lie on an item.
    return Head(layer, weights, float(cut if not len(below) else (cut + below.max()) / 2))


def on_head(model: Transparent, head: Head, text: str, budget: Budget, *, slope: bool) -> tuple[str, float]:
    """The text with words after it that lower the head's score, and that score; it stops where the head is fooled."""
    score = float(head.score(model, [text])[0])
    for _ in range(budget.steps):
        if score < 0:
            break
        words = favoured(model, head, text, budget) if slope else budget.draw()
        longer = [f"{text} {word}" for word in words]
        found = head.score(model, longer)
        best = int(np.argmin(found))
        if found[best] < score:
            text, score = longer[best], float(found[best])
    return text, score


def favoured(model: Transparent, head: Head, text: str, budget: Budget) -> list[str]:
    """The words that the slope of the head's score at the embeddings favours. Raises `UsageError` where a model has no gradients."""

    def scalar(states: Any) -> Any:
        return (states[-1] * states.new_tensor(head.weights)).sum()

    words = budget.draw(WIDER)
    longer = [f"{text} {word}" for word in words]
    slope = model.gradients(longer[:1], 0, scalar, of=head.layer)[0]
    for place in range(-1, -1 - min(TEMPLATE, len(slope)), -1):
        there = model.states(longer, [0], place)[:, 0].astype(np.float64)
        if (there != there[:1]).any():  # the last token of the word: what follows it is the template's
            gain = (there - there[0]) @ slope[place].astype(np.float64)
            return [words[k] for k in np.argsort(gain, kind="stable")[: budget.tries].tolist()]
    return words[: budget.tries]


async def direct(model: Model, text: str, refusal: str, budget: Budget) -> str:
    """The text with words after it that make the subject's own refusal less likely."""
    score = _likelihood(model, refusal)
    least = await score(text)
    for _ in range(budget.steps):
        longer = [f"{text} {word}" for word in budget.draw()]
        found = await asyncio.gather(*(score(one) for one in longer))
        best = int(np.argmin(found))
        if found[best] < least:
            text, least = longer[best], found[best]
    return text


def _likelihood(model: Model, answer: str) -> Callable[[str], Awaitable[float]]:
    async def score(text: str) -> float:
        told = (await model.ask(Turn(messages=(say(text),), continuations=(answer,)))).continuation_logprobs
        if told is None:
            raise NotEstimable(f"{model.id}: scores no continuations")
        return told[0]

    return score
