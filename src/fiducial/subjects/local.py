"""A causal language model on this machine, by transformers (extra `local`).

    local:PATH                                   a folder with weights and tokenizer
    local:org/name?revision=main                 a model of a hub, where it can be reached or is cached
    local:PATH?adapter=PATH&adapter_scale=0.5    with an adapter of peft
    local:PATH?dtype=bfloat16&device=cuda:0&max_new_tokens=64&temperature=0.7&top_p=0.9
    local:PATH?template=plain                    a base model: labelled paragraphs instead of a chat template

Calls that wait at the same time go through the model together (`batch` rows, `batch_tokens` tokens at most); what they begin
with in common is read once. An answer depends on its prompt, decoding and seed, not on who else is in the batch. Without a
temperature in the trial or here it decodes greedily.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fiducial.kernel.digest import clean, digest, seed31
from fiducial.kernel.errors import SpecError, SubjectError, UsageError
from fiducial.kernel.records import Completion, Decoding, Message, Served, Usage
from fiducial.kernel.roles import Context, Hooks, Positions, Prompt, Turn, replaced
from fiducial.subjects._extra import library
from fiducial.subjects._gather import Gatherer
from fiducial.subjects._options import number, split_options
from fiducial.subjects._reply import excerpt, numbered, split_thinking, status_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fiducial.subjects._scoring import Branches
    from fiducial.subjects._spoken import Speech
    from fiducial.subjects._weights import Loaded, Wanted
    from fiducial.subjects._writing import Ask, Written

OPTIONS = (
    "adapter", "adapter_scale", "batch", "batch_tokens", "device", "dtype", "logprobs", "max_new_tokens", "revision", "temperature",
    "template", "top_p",
)  # fmt: skip

WAIT = 0.004
"""Seconds that a call waits for others to share its batch."""


@dataclass(frozen=True)
class Settings:
    """How it answers, and how much goes through the model at once."""

    template: Literal["chat", "plain"] = "chat"
    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    logprobs: bool = False
    batch: int = 32
    batch_tokens: int = 16_384


def subject(rest: str, context: Context) -> Local:
    """The subject of ``local:REST``. Raises `SpecError` naming what is wrong, `UsageError` where the extra is missing."""
    label = f"local:{rest}"
    head, options = split_options("local", rest, OPTIONS)
    if not head:
        raise SpecError(label, "model", "local:PATH or local:ORG/NAME", rest)
    settings = _settings(label, options)
    wanted = _wanted(label, head, options, context.folder)
    library("torch")
    from fiducial.subjects._spoken import Speech
    from fiducial.subjects._weights import load

    return Local(wanted, settings, Speech(load(wanted), settings.template, label))


def _settings(label: str, options: dict[str, str]) -> Settings:
    return Settings(
        template=_one_of(label, options, "template", ("chat", "plain")),
        max_new_tokens=int(number(label, options, "max_new_tokens", 256, 1, 1_000_000)),
        temperature=number(label, options, "temperature", 0.0, 0.0, 5.0),
        top_p=number(label, options, "top_p", 1.0, 1e-6, 1.0),
        logprobs=_one_of(label, options, "logprobs", ("no", "yes")) == "yes",
        batch=int(number(label, options, "batch", 32, 1, 4096)),
        batch_tokens=int(number(label, options, "batch_tokens", 16_384, 1, 1 << 24)),
    )


def _one_of(label: str, options: Mapping[str, str], key: str, there: tuple[str, ...]) -> Any:
    value = options.get(key, there[0])
    if value not in there:
        raise SpecError(label, key, f"one of {', '.join(there)}", value)
    return value


def _wanted(label: str, head: str, options: dict[str, str], folder: Path) -> Wanted:
    from fiducial.subjects._weights import Wanted

    source, adapter = _source(label, "model", head, folder), options.get("adapter")
    return Wanted(
        label=label,
        name=source.resolve().name if isinstance(source, Path) else source,
        source=source,
        adapter=None if adapter is None else _source(label, "adapter", adapter, folder),
        adapter_scale=number(label, options, "adapter_scale", 1.0, -100.0, 100.0),
        dtype=_one_of(label, options, "dtype", ("auto", "float32", "float16", "bfloat16", "float64")),
        device=options.get("device", "auto"),
        revision=options.get("revision"),
    )


def _source(label: str, what: str, text: str, folder: Path) -> Path | str:
    """A folder where there is one; else a name on a hub, if it can be one."""
    for path in (folder / Path(text).expanduser(), Path(text).expanduser()):
        if path.is_dir():
            return path
    parts = text.split("/")
    if text[0] in "./~" or len(parts) > 2 or not all(parts) or ".." in text:
        raise SpecError(label, what, f"a folder, from {folder.resolve()} or {Path().resolve()}", text)
    return text


class Local:
    """A model on this machine, as a subject and as one whose inside can be read."""

    def __init__(self, wanted: Wanted, settings: Settings, speech: Speech) -> None:
        self._wanted, self._settings, self._speech, self._loaded = wanted, settings, speech, speech.loaded
        self._gatherer: Gatherer[Turn, Completion] = Gatherer(self._answer, most=2 * settings.batch, wait=WAIT)
        s = settings
        answering = [self._loaded.fingerprint, s.template, s.max_new_tokens, s.temperature, s.top_p, s.logprobs]
        self._id = f"local:{wanted.name}-{digest(answering)[:8]}"

    @property
    def id(self) -> str:
        """``local:NAME-digest``: the digest is of weights, tokenizer, adapter and all settings that change answers."""
        return self._id

    @property
    def loaded(self) -> Loaded:
        """The model and tokenizer, for what this class does not do."""
        return self._loaded

    def describe(self) -> Mapping[str, Any]:
        """Model, adapter and settings; no folder of this machine."""
        w, s = self._wanted, self._settings
        shown: dict[str, Any] = {"kind": "local", "model": w.name, "weights": self._loaded.fingerprint, "template": s.template}
        if w.adapter is not None:
            shown |= {"adapter": Path(w.adapter).name, "adapter_scale": w.adapter_scale}
        shown |= {"dtype": str(self._loaded.model.dtype).removeprefix("torch."), "device": self._loaded.device}
        shown |= {"max_new_tokens": s.max_new_tokens, "temperature": s.temperature, "top_p": s.top_p, "revision": w.revision}
        return {key: value for key, value in shown.items() if value is not None} | {"concurrency": 2 * s.batch}

    async def complete(self, turn: Turn) -> Completion:
        """One answer, or scores of continuations. Raises `SubjectError`: ``too long``, ``template``, ``unsupported``..."""
        if turn.tools:
            raise SubjectError("unsupported", "local models are offered no tools; serve the model by an OpenAI-compatible server for that")
        at, started = time.time(), time.perf_counter()
        found = await self._gatherer.ask(turn)
        return replaced(found, served=replaced(found.served, at=at, seconds=time.perf_counter() - started))

    async def close(self) -> None:
        """Let go of the thread that the model runs in."""
        self._gatherer.close()

    # --- batches -----------------------------------------------------------------------------------------------------

    def _answer(self, turns: Sequence[Turn]) -> list[Completion | Exception]:
        """One answer or failure a turn, by batches of like length."""
        from fiducial.subjects._scoring import score

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
            answers[n] = self._completion(asks[n], written)
        for group in self._groups({n: one.longest * len(one.rests) for n, one in scored.items()}):
            for n, found in zip(group, score(self._loaded, [scored[n] for n in group]), strict=True):
                usage = Usage(input=len(scored[n].trunk), output=0)
                answers[n] = self._said(
                    Completion(message=Message(role="assistant", text=""), continuation_logprobs=found, usage=usage), ""
                )
        return answers

    def _write(self, asks: Mapping[int, Ask], hooks: Hooks | None) -> dict[int, Written]:
        from fiducial.subjects._writing import write

        found: dict[int, Written] = {}
        for group in self._groups({n: len(ask.tokens) + ask.most for n, ask in asks.items()}):
            found |= zip(group, write(self._loaded, [asks[n] for n in group], hooks), strict=True)
        return found

    def _groups(self, lengths: Mapping[int, int]) -> list[list[int]]:
        from fiducial.subjects._decoder import chunks

        keys = list(lengths)
        return [[keys[n] for n in group] for group in chunks(list(lengths.values()), self._settings.batch, self._settings.batch_tokens)]

    def _ask(self, prompt: Prompt, decoding: Decoding | None, seed: int) -> Ask:
        from fiducial.subjects._writing import Ask

        s, d = self._settings, decoding or Decoding()
        tokens = self._speech.tokens(self._speech.text(prompt))
        most = d.max_tokens or s.max_new_tokens
        if self._loaded.limit is not None:
            most = min(most, self._loaded.limit - len(tokens))
        heat = s.temperature if d.temperature is None else d.temperature
        return Ask(tokens, most, heat, s.top_p if d.top_p is None else d.top_p, tuple(stop for stop in d.stop if stop), seed)

    def _branches(self, turn: Turn) -> Branches:
        from fiducial.subjects._scoring import branches

        text = self._speech.text(turn.messages)
        whole = [self._speech.tokens(self._speech.followed(text, one)) for one in turn.continuations]
        return branches(self._speech.tokens(text), whole, turn.continuations)

    def _completion(self, ask: Ask, written: Written) -> Completion:
        reasoning, text, open_tag = split_thinking(clean(written.text))
        found = Completion(
            message=Message(role="assistant", text=text, reasoning=reasoning),
            status=status_of(text, (), filtered=False, cut=open_tag or written.finish == "length"),
            logprobs=tuple(written.logprobs) if self._settings.logprobs else None,
            usage=Usage(input=len(ask.tokens), output=len(written.tokens)),
        )
        return self._said(found, written.finish)

    def _said(self, found: Completion, finish: str) -> Completion:
        served = Served(model=self._wanted.name, fingerprint=self._loaded.fingerprint, finish=finish or None)
        return replaced(found, served=served)

    # --- inside ------------------------------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Number of the last layer."""
        from fiducial.subjects._inside import blocks

        return len(blocks(self._loaded))

    def states(self, texts: Sequence[Prompt], layers: Sequence[int], positions: Positions = "last") -> NDArray[Any]:
        """Hidden states, float32, (texts, layers, width). Raises `UsageError` for an unknown layer or a text too long."""
        from fiducial.subjects._inside import states

        most = (self._settings.batch, self._settings.batch_tokens)
        return states(self._loaded, self._rows(texts), layers, positions, most)

    def generate(
        self, prompts: Sequence[Prompt], hooks: Hooks | None = None, *, decoding: Decoding | None = None, seeds: Sequence[int] | None = None
    ) -> list[str]:
        """One answer a prompt under `hooks`; row n draws from `seeds[n]` (default: n). Raises `UsageError`."""
        asks = numbered(self._wanted.name, prompts, seeds, lambda prompt, seed: self._ask(prompt, decoding, seed))
        written = self._write(asks, hooks)
        return [clean(written[n].text) for n in range(len(prompts))]

    def gradients(self, texts: Sequence[Prompt], layer: int, scalar: Callable[[Any], Any], *, of: int | None = None) -> list[NDArray[Any]]:
        """For each text the gradient (tokens, width) of `scalar`, a function of torch tensors, with respect to the states of a layer."""
        from fiducial.subjects._inside import gradients

        return [gradients(self._loaded, row, layer, scalar, of) for row in self._rows(texts)]

    def _rows(self, texts: Sequence[Prompt]) -> list[list[int]]:
        rows: list[list[int]] = []
        for n, text in enumerate(texts):
            try:
                rows.append(self._speech.tokens(self._speech.text(text)))
            except SubjectError as error:
                raise UsageError(f"text {n + 1}: {error} ({excerpt(text)})") from None
        return rows
