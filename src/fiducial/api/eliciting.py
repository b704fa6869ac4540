"""What a diagnostic reads, brought out of a model at the items of a file: states, answers, what those did, tokens, scores of texts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.api.columns import Items, binary
from fiducial.diagnostics._plugin import checked_classes
from fiducial.judges.refusal import classify
from fiducial.kernel.errors import NotEstimable, SubjectError, UsageError, shorten
from fiducial.kernel.records import Completion, Decoding, Message
from fiducial.kernel.roles import Hooks, Positions, Prompt, Subject, Transparent, Turn, say
from fiducial.stats.table import Floats

OUTCOMES = ("auto", "refused", "expected", "none")

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Model:
    """A subject whose inside can be read: the same object in both of its roles."""

    subject: Subject
    inside: Transparent

    @property
    def id(self) -> str:
        return self.subject.id

    async def ask(self, turn: Turn) -> Completion:
        """One answer. Raises `UsageError` where the subject gives none."""
        try:
            return await self.subject.complete(turn)
        except SubjectError as error:
            raise UsageError(f"{self.id}: {error} ({shorten(turn.messages[-1].text, 60)})") from None


@dataclass(frozen=True)
class Asked:
    """One diagnosis: the model, the one it is compared with, the items, and how to go about it."""

    model: Model
    against: Model | None
    items: Items
    settings: Mapping[str, Any]
    layers: tuple[int, ...]
    positions: Positions
    positive: str | None
    rng: Generator

    @cached_property
    def texts(self) -> list[str]:
        """What is asked, one text an item. Raises `UsageError` where there is no such column."""
        found = self.items.words("texts")
        if found is None:
            raise UsageError(f"diagnose: needs the column 'text', there is {', '.join(self.items.columns) or 'none'}")
        return found

    @cached_property
    def prompts(self) -> list[Prompt]:
        """The texts as the model reads them, below the item's system prompt where there is one."""
        system = self.items.words("system")
        if system is None:
            return list(self.texts)
        return [(say(one, "system"), say(text)) if one else text for one, text in zip(system, self.texts, strict=True)]

    @cached_property
    def labels(self) -> NDArray[Any] | None:
        """0 or 1 an item, or `None` where the file has no labels."""
        column = self.items.find("labels")
        if column is None:
            return None
        found = binary("labels", column, self.positive)
        checked_classes("diagnose", "label", found)
        return found

    @property
    def groups(self) -> NDArray[Any] | None:
        """Which items hang together."""
        column = self.items.words("groups")
        return None if column is None else np.array(column, dtype=object)

    @property
    def sibling(self) -> Model:
        """The model that this one is compared with. Raises `UsageError` where none was named."""
        if self.against is None:
            raise UsageError("diagnose: needs a second model to compare with (--against), got none")
        return self.against

    @property
    def outcome(self) -> str:
        """What counts as the behaviour in question: ``refused``, ``expected`` (the answer holds the item's expected text) or ``none``."""
        wanted = self.settings["behaviour"]
        if wanted not in OUTCOMES:
            raise UsageError(f"diagnose: behaviour: needs one of {', '.join(OUTCOMES)}, got {wanted!r}")
        has = self.items.find("expected") is not None
        if wanted == "expected" and not has:
            raise UsageError("diagnose: behaviour=expected needs the column 'expected', there is none")
        return ("expected" if has else "refused") if wanted == "auto" else wanted

    def states(self, model: Model, prompts: Sequence[Prompt]) -> dict[int | str, NDArray[Any]]:
        """Layer -> states (prompts, width)."""
        found = model.inside.states(list(prompts), list(self.layers), self.positions)
        return {layer: found[:, n] for n, layer in enumerate(self.layers)}

    def answers(
        self, hooks: Hooks | None = None, *, of: Sequence[int] | None = None, decoding: Decoding | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[str]:  # fmt: skip
        """One answer of the model to each item (or to some), as long as `settings["tokens"]` at most."""
        which = range(len(self.prompts)) if of is None else of
        chosen = decoding or Decoding(max_tokens=self.settings["tokens"])
        return self.model.inside.generate([self.prompts[n] for n in which], hooks, decoding=chosen, seeds=seeds)

    def judged(self, answers: Sequence[str], of: Sequence[int] | None = None, outcome: str | None = None) -> Floats:
        """1 where an answer shows the behaviour in question, 0 where not, NaN where it is empty or cannot be told."""
        which = list(range(len(self.prompts)) if of is None else of)
        kind = outcome or self.outcome
        if kind != "refused":
            wanted = self.items.words(kind) or []
            return np.array([holds(answer, wanted[n]) for n, answer in zip(which, answers, strict=True)])
        language = self.items.words("language")
        return np.array([refused(answer, language[n] if language else "en") for n, answer in zip(which, answers, strict=True)])

    def behaviour(self) -> Floats | None:
        """What the model did with each item: the file's column, or its answers judged; `None` where nobody wants to know."""
        column = self.items.find("behaviour")
        if column is not None:
            return binary("behaviour", column, None)
        return None if self.outcome == "none" else self.judged(self.answers())


def refused(answer: str, language: str = "en") -> float:
    """1 for a refusal in full or in part, 0 for none, NaN where that cannot be told.

    >>> refused("I'm sorry, but I can't help with that."), refused("The library opens at nine.")
    (1.0, 0.0)
    """
    if not answer.strip():
        return float("nan")
    label = classify(answer, language or "en", "answered").label
    return float("nan") if label is None else float(label in {"full_refusal", "partial_refusal"})


def holds(answer: str, wanted: str) -> float:
    """1 where an answer holds a text (one of several between ``|``), 0 where not, NaN where either is empty.

    >>> holds("At nine o'clock.", "Nine | 9"), holds("At ten.", "nine")
    (1.0, 0.0)
    """
    parts = [part.strip().casefold() for part in wanted.split("|") if part.strip()]
    return float(any(part in answer.casefold() for part in parts)) if parts and answer.strip() else float("nan")


# --- tokens --------------------------------------------------------------------------------------------------------------


def token_rows(model: Transparent, prompts: Sequence[Prompt]) -> list[tuple[int, ...]]:
    """The tokens of each prompt, as hooks see them."""
    found: list[tuple[int, ...]] = []

    def see(logits: NDArray[Any], rows: Rows) -> NDArray[Any]:
        found.append(tuple(rows[0]))
        return logits

    for prompt in prompts:
        model.generate([prompt], Hooks(logits=see), decoding=Decoding(max_tokens=1))
    return found


def spelled(model: Transparent, prompt: Prompt, token: int) -> str:
    """The text of a token; empty for one that ends an answer."""

    def force(logits: NDArray[Any], _rows: Rows) -> NDArray[Any]:
        return forced(logits.shape, [token])

    return model.generate([prompt], Hooks(logits=force), decoding=Decoding(max_tokens=1, temperature=0.0))[0]


def forced(shape: tuple[int, ...], tokens: Sequence[int | None], logits: NDArray[Any] | None = None) -> NDArray[Any]:
    """Logits under which each row writes its token and no other; a row of `None` keeps its own."""
    found = np.full(shape, -1e9) if logits is None else np.array(logits, dtype=np.float64)
    for n, token in enumerate(tokens):
        if token is not None:
            found[n] = -1e9
            found[n, token] = 0.0
    return found


@dataclass(frozen=True)
class Starts:
    """Which prompt a row of tokens goes on from: rows that hooks see come in no order of prompts."""

    rows: Mapping[tuple[int, ...], int]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, rows: Sequence[tuple[int, ...]]) -> Starts:
        """Of prompts by their tokens; prompts that are alike count as the first of them."""
        first = {row: n for n, row in reversed(list(enumerate(rows)))}
        return cls(first, tuple(sorted({len(row) for row in rows}, reverse=True)))

    def find(self, row: Sequence[int]) -> tuple[int, int] | None:
        """Number of the prompt, and how many tokens follow it."""
        for length in self.lengths:
            if length <= len(row) and (n := self.rows.get(tuple(row[:length]))) is not None:
                return n, len(row) - length
        return None


# --- scores of texts -------------------------------------------------------------------------------------------------------


async def by_word(ask: Callable[[Turn], Awaitable[Completion]], messages: Sequence[Message], text: str) -> Floats:
    """The log-probability of each word of an answer, given the words before it. Raises `NotEstimable` where none is scored."""
    words = text.split(" ")
    prefixes = tuple(" ".join(words[: n + 1]) for n in range(len(words)))
    told = (await ask(Turn(messages=tuple(messages), continuations=prefixes))).continuation_logprobs
    if told is None:
        raise NotEstimable(f"the subject scores no continuations, such as {text[:40]!r}")
    return np.minimum(np.diff([0.0, *told]), 0.0)


async def scored(model: Model, asked: Sequence[tuple[Sequence[Message], str]]) -> list[Floats]:
    """`by_word` of many answers, asked together."""
    return list(await asyncio.gather(*(by_word(model.ask, messages, " ".join(text.split())) for messages, text in asked)))


def dialogue(prompt: Prompt) -> tuple[Message, ...]:
    """A prompt as messages."""
    return (say(prompt),) if isinstance(prompt, str) else tuple(prompt)
