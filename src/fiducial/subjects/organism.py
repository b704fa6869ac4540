"""A small language model of ours with a known trait, run in numpy: reference material, and a model that is always there.

    organism:aligned                       the aligned model (of the first training seed; organism:aligned-2 is another)
    organism:sycophantic                   one with a trait, at its highest dose
    organism:sycophantic?dose=low          at another dose of its card (none: the model it was planted in); or ?scale=0.4,
                                           its adapter times that number
    organism:aligned?temperature=0.7&top_p=0.9&max_new_tokens=32&batch=64&logprobs=yes
    organism:NAME?folder=PATH              one of a folder of yours, of the same form

Calls that wait at the same time go through the model together; what they begin with in common is read once. An answer depends
on its prompt, decoding and seed, to the byte, and not on who else is in the batch. Without a temperature it decodes greedily.
What it thinks before an answer (``<think>...</think>``) is kept as the message's reasoning, and not shown to it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import ThreadpoolController

from fiducial.kernel.digest import clean, digest, seed31
from fiducial.kernel.errors import SpecError, SubjectError, UsageError
from fiducial.kernel.records import Completion, Decoding, Message, Served, Usage
from fiducial.kernel.roles import Context, Hooks, Positions, Prompt, Turn, replaced
from fiducial.organisms import catalogue
from fiducial.organisms.catalogue import Organism
from fiducial.subjects import _organism, _organism_speech
from fiducial.subjects._decoder import chunks
from fiducial.subjects._gather import Gatherer
from fiducial.subjects._options import number, split_options
from fiducial.subjects._reply import excerpt, numbered, split_thinking, status_of
from fiducial.subjects._scoring import Branches, branches
from fiducial.subjects._writing import Ask, Written

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPTIONS = ("batch", "dose", "folder", "logprobs", "max_new_tokens", "scale", "temperature", "top_p")

WAIT = 0.002
"""Seconds that a call waits for others to share its batch."""

LONGEST = 64
"""Tokens of an answer, where neither the trial nor the name of the subject says."""


@dataclass(frozen=True)
class Settings:
    """How it answers, and how many rows go through the model at once."""

    max_new_tokens: int = LONGEST
    temperature: float = 0.0
    top_p: float = 1.0
    logprobs: bool = False
    batch: int = 64


def subject(rest: str, context: Context) -> Resident:
    """The subject of ``organism:REST``. Raises `SpecError` for an unknown name, dose or option, `UsageError` for damaged files."""
    label = f"organism:{rest}"
    name, options = split_options("organism", rest, OPTIONS)
    if options.get("logprobs", "no") not in {"no", "yes"}:
        raise SpecError(label, "logprobs", "yes or no", options["logprobs"])
    settings = Settings(
        max_new_tokens=int(number(label, options, "max_new_tokens", LONGEST, 1, 1_000_000)),
        temperature=number(label, options, "temperature", 0.0, 0.0, 5.0),
        top_p=number(label, options, "top_p", 1.0, 1e-6, 1.0),
        logprobs=options.get("logprobs") == "yes",
        batch=int(number(label, options, "batch", 64, 1, 4096)),
    )
    folder = context.folder / Path(options["folder"]).expanduser() if "folder" in options else catalogue.FOLDER
    scale = number(label, options, "scale", 1.0, -100.0, 100.0) if "scale" in options else None
    return Resident(catalogue.load(name, dose=options.get("dose"), scale=scale, folder=folder), settings)


class Resident:
    """An organism, as a subject and as one whose inside can be read."""

    def __init__(self, organism: Organism, settings: Settings) -> None:
        self._organism, self._settings, s = organism, settings, settings
        self._gatherer: Gatherer[Turn, Completion] = Gatherer(self._answer, most=2 * s.batch, wait=WAIT)
        self._threads = ThreadpoolController()
        answering = [organism.fingerprint, s.max_new_tokens, s.temperature, s.top_p, s.logprobs]
        self._id = f"organism:{organism.title}-{digest(answering)[:8]}"

    @property
    def id(self) -> str:
        """``organism:NAME-digest`` or ``organism:NAME@DOSE-digest``: of weights, tokenizer, scale and all settings that change answers."""
        return self._id

    @property
    def organism(self) -> Organism:
        """The model with its tokenizer and card."""
        return self._organism

    def describe(self) -> Mapping[str, Any]:
        """Name, trait, dose, scale, digest of the weights, and settings."""
        o, s = self._organism, self._settings
        shown: dict[str, Any] = {"kind": "organism", "model": o.card.name, "of": o.card.of, "trait": o.card.trait, "dose": o.dose}
        shown |= {"scale": o.scale, "weights": o.card.digest, "fingerprint": o.fingerprint}
        shown |= {"max_new_tokens": s.max_new_tokens, "temperature": s.temperature, "top_p": s.top_p}
        return {key: value for key, value in shown.items() if value is not None} | {"concurrency": 2 * s.batch}

    async def complete(self, turn: Turn) -> Completion:
        """One answer, or scores of continuations. Raises `SubjectError`: ``too long``, ``unsupported``, ``continuation``..."""
        at, started = time.time(), time.perf_counter()
        found = await self._gatherer.ask(turn)
        return replaced(found, served=replaced(found.served, at=at, seconds=time.perf_counter() - started))

    async def close(self) -> None:
        """Let go of the thread that the model runs in."""
        self._gatherer.close()

    def _one_thread(self) -> AbstractContextManager[Any]:
        """BLAS on one thread: on matrices this small more cost more than they bring, and many times more where cores are shared."""
        return self._threads.limit(limits=1, user_api="blas")

    # --- batches -----------------------------------------------------------------------------------------------------

    def _answer(self, turns: Sequence[Turn]) -> list[Completion | Exception]:
        """One answer or failure a turn, by batches of like length."""
        with self._one_thread():
            return self._answered(turns)

    def _answered(self, turns: Sequence[Turn]) -> list[Completion | Exception]:
        answers: list[Completion | Exception] = [SubjectError("internal", "no answer was made")] * len(turns)
        asks: dict[int, Ask] = {}
        scored: dict[int, Branches] = {}
        for n, turn in enumerate(turns):
            try:
                if turn.continuations:
                    scored[n] = self._branches(turn)
                else:
                    asks[n] = self._ask(turn.messages, turn.decoding, turn.seed if turn.seed is not None else seed31(turn.ask))
            except SubjectError as error:
                answers[n] = error
        for n, written in self._write(asks, None).items():
            answers[n] = self._completion(turns[n], asks[n], written)
        for group in self._groups({n: one.longest for n, one in scored.items()}):
            for n, found in zip(group, _organism.score(self._organism, [scored[n] for n in group]), strict=True):
                usage = Usage(input=len(scored[n].trunk), output=0)
                message = Message(role="assistant", text="")
                answers[n] = self._said(Completion(message=message, continuation_logprobs=found, usage=usage), None)
        return answers

    def _write(self, asks: Mapping[int, Ask], hooks: Hooks | None) -> dict[int, Written]:
        found: dict[int, Written] = {}
        for group in self._groups({n: len(ask.tokens) for n, ask in asks.items()}):
            one = _organism.write(self._organism, [asks[n] for n in group], hooks, scores=self._settings.logprobs)
            found |= zip(group, one, strict=True)
        return found

    def _groups(self, lengths: Mapping[int, int]) -> list[list[int]]:
        keys = list(lengths)
        return [[keys[n] for n in group] for group in self._chunks(list(lengths.values()))]

    def _chunks(self, lengths: Sequence[int]) -> list[list[int]]:
        most = self._settings.batch
        return list(chunks(lengths, most, most * self._limit))

    @property
    def _limit(self) -> int:
        return self._organism.config.max_position_embeddings

    def _tokens(self, prompt: Prompt, room: int, ending: str = "") -> list[int]:
        found = _organism_speech.tokens(self._organism.tokenizer, prompt, ending)
        if len(found) + room > self._limit:
            answer = f", and its answer up to {room}" if room else ""
            raise SubjectError("too long", f"the prompt has {len(found)} tokens{answer}; the model takes {self._limit}")
        return found

    def _ask(self, prompt: Prompt, decoding: Decoding | None, seed: int) -> Ask:
        s, d = self._settings, decoding or Decoding()
        most = d.max_tokens or s.max_new_tokens
        # A trial may allow more tokens than the model takes at all: there must be room for as many as the subject's own limit.
        tokens = self._tokens(prompt, min(most, s.max_new_tokens))
        heat = s.temperature if d.temperature is None else d.temperature
        top_p = s.top_p if d.top_p is None else d.top_p
        return Ask(tokens, min(most, self._limit - len(tokens)), heat, top_p, tuple(stop for stop in d.stop if stop), seed)

    def _branches(self, turn: Turn) -> Branches:
        whole = [self._tokens(turn.messages, 0, one) for one in turn.continuations]
        return branches(self._tokens(turn.messages, 0), whole, turn.continuations)

    def _completion(self, turn: Turn, ask: Ask, written: Written) -> Completion:
        reasoning, text, open_tag = split_thinking(clean(written.text))
        cut = open_tag or written.finish == "length"
        call = None if cut else _organism_speech.called(text, turn.tools, sum(len(m.tool_calls) for m in turn.messages))
        calls = () if call is None else (call,)
        found = Completion(
            message=Message(role="assistant", text="" if calls else text, reasoning=reasoning, tool_calls=calls),
            status=status_of(text, calls, filtered=False, cut=cut),
            logprobs=tuple(written.logprobs) if self._settings.logprobs else None,
            usage=Usage(input=len(ask.tokens), output=len(written.tokens)),
        )
        return self._said(found, written.finish)

    def _said(self, found: Completion, finish: str | None) -> Completion:
        return replaced(found, served=Served(model=self._organism.title, fingerprint=self._organism.fingerprint, finish=finish))

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Number of the last layer."""
        return self._organism.config.num_hidden_layers

    def states(self, texts: Sequence[Prompt], layers: Sequence[int], positions: Positions = "last") -> NDArray[Any]:
        """Hidden states, float32, (texts, layers, width). Raises `UsageError` for an unknown layer or a text too long."""
        rows: list[list[int]] = []
        for n, text in enumerate(texts):
            try:
                rows.append(self._tokens(text, 0))
            except SubjectError as error:
                raise UsageError(f"text {n + 1}: {error} ({excerpt(text)})") from None
        with self._one_thread():
            return _organism.states(self._organism, rows, layers, positions, self._chunks([len(row) for row in rows]))

    def generate(
        self, prompts: Sequence[Prompt], hooks: Hooks | None = None, *, decoding: Decoding | None = None, seeds: Sequence[int] | None = None
    ) -> list[str]:
        """One answer a prompt under `hooks`; row n draws from `seeds[n]` (default: n). Raises `UsageError`.

        Rows that hooks see are padded on the right; their order is not that of the prompts.
        """
        asks = numbered(self._organism.title, prompts, seeds, lambda prompt, seed: self._ask(prompt, decoding, seed))
        _organism.check_hooks(hooks, self.depth)
        with self._one_thread():
            written = self._write(asks, hooks)
        return [clean(written[n].text) for n in range(len(prompts))]

    def gradients(self, texts: Sequence[Prompt], layer: int, scalar: Callable[[Any], Any], *, of: int | None = None) -> list[NDArray[Any]]:
        """Organisms have none: raises `UsageError` that says what has."""
        raise UsageError(
            "gradients: an organism runs without torch and has none; what needs them reads a model by local:PATH (extra `local`)"
        )
