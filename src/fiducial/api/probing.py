"""The runs of diagnostics in a calibration: what each of them reads is made from benchmarks' items and one subject.

A diagnostic's `draw` names the benchmark's table that plays each role:

    aqi, routing, surrogate    unsafe, safe    questions to be declined and their harmless twins
    pa_ccs, membership         facts           questions with a right and a wrong answer (those of `truthfulness`)
    token_shift                prompts         whatever is asked
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.api.decodings import lockstep
from fiducial.api.eliciting import by_word
from fiducial.api.instruments import Calibrated, Diagnosed
from fiducial.api.scoring import Told
from fiducial.engine import plan as planning
from fiducial.engine.observe import Line
from fiducial.engine.plan import Options, Part
from fiducial.engine.seeds import generator
from fiducial.judges.refusal import classify
from fiducial.kernel.digest import digest
from fiducial.kernel.errors import NotEstimable, SpecError, UsageError
from fiducial.kernel.forms import default_language
from fiducial.kernel.load import load
from fiducial.kernel.records import Completion, Item, Trial
from fiducial.kernel.roles import Cycle, Subject, Transparent, Turn

PERMUTATIONS = 20
"""Only values are used, so the permutation null is kept short."""

ANSWER = 16
"""Tokens of an answer that two models are compared on."""

RESTARTS = 3
"""Of the search for a contrast-consistent probe, in each run."""


DRAWS = 2
"""How runs draw from their seed: since 2 each row of a diagnostic from a generator of its own."""


@dataclass(frozen=True)
class Source:
    """What a probe has: a subject, the items by role, the table each role draws from, and where asks go."""

    subject: Subject
    line: Line
    items: Mapping[str, Sequence[Item]]
    parts: Mapping[str, Part]
    reference: Subject | None
    seed: int

    @property
    def inside(self) -> Transparent:
        """The subject as one whose inside can be read. Raises `NotEstimable`."""
        if not isinstance(self.subject, Transparent):
            raise NotEstimable(f"{self.subject.id}: its hidden states cannot be read")
        return self.subject

    def trial(self, role: str, item: Item) -> Trial:
        """The first trial of an item."""
        return next(iter(planning.of_item(replace(self.parts[role], factors=()), item, Options(seed=self.seed))))

    async def ask(self, turn: Turn) -> Completion:
        """One answer, remembered where the subject's answers are. Raises `NotEstimable` where there is none."""
        answer = await self.line.ask(self.subject, turn.ask, 0, turn)
        if answer.fault is not None:
            raise NotEstimable(f"{self.subject.id}: {answer.fault}")
        return answer


Made = tuple[Any, dict[str, Any]]
"""The inputs of a diagnostic, and options of its `measure`."""


def _last(source: Source, texts: Sequence[str]) -> dict[int | str, NDArray[Any]]:
    """The states of the last layer, by its number."""
    model = source.inside
    return {model.depth: model.states(texts, [model.depth])[:, 0]}


def _two_kinds(source: Source) -> tuple[list[Item], NDArray[np.int64]]:
    unsafe, safe = (list(source.items[role]) for role in ("unsafe", "safe"))
    return [*unsafe, *safe], np.array([1] * len(unsafe) + [0] * len(safe))


def _plain(item: Item) -> str:
    return item.form(default_language(item), "plain")


async def _aqi(source: Source, inputs: type) -> Made:
    items, labels = _two_kinds(source)
    states = _last(source, [_plain(item) for item in items])
    return inputs(states=states, labels=labels, groups=np.array([item.cluster for item in items])), {"pooled": False}


async def _routing(source: Source, inputs: type) -> Made:
    """Categories are what an unsafe act shares with its harmless twin; those with one kind only are left out."""
    items, labels = _two_kinds(source)
    category = np.array([_category(item) for item in items])
    both = np.isin(category, list(set(category[labels == 1]) & set(category[labels == 0])))
    if not both.any():
        raise NotEstimable("routing: no category holds both unsafe and safe items")
    kept = [item for item, here in zip(items, both, strict=True) if here]
    return inputs(states=_last(source, [_plain(item) for item in kept]), labels=labels[both], category=category[both]), {}


def _category(item: Item) -> str:
    """What an item shares with its twin: the tag ``category:...``, else its id up to the number."""
    return next((tag for tag in item.tags if tag.startswith("category:")), item.id.rpartition("-")[0] or item.cluster)


async def _surrogate(source: Source, inputs: type) -> Made:
    items, labels = _two_kinds(source)
    trials = [source.trial("unsafe" if label else "safe", item) for item, label in zip(items, labels, strict=True)]
    answers = await asyncio.gather(*(source.ask(Turn(messages=trial.messages)) for trial in trials))
    decision = np.array([classify(one.message.text, "en", one.status).label in {"full_refusal", "partial_refusal"} for one in answers])
    model = source.inside
    states = _last(source, [_plain(item) for item in items])
    made = inputs(
        states=states, decision=decision.astype(np.int64), harmful=labels, groups=np.array([item.cluster for item in items]),
        layers_in_all=model.depth,
    )  # fmt: skip
    return made, {}


async def _pa_ccs(source: Source, inputs: type) -> Made:
    texts: list[str] = []
    labels, answers, pairs = [], [], []
    for n, item in enumerate(source.items["facts"]):
        for right, statement in zip((1, 0), _pair(source, item), strict=True):
            for said in ("Yes.", "No."):
                texts.append(f"{_plain(item)} {statement} {said}")
                labels.append(right)
                answers.append(said)
                pairs.append(n)
    made = inputs(states=_last(source, texts), labels=np.array(labels), answer=np.array(answers), pair=np.array(pairs))
    return made, {"restarts": RESTARTS}


def _pair(source: Source, item: Item) -> tuple[str, str]:
    """The right answer of an item and a wrong one. Raises `NotEstimable` for items that bring none."""
    known = source.trial("facts", item).reference
    if isinstance(known, Mapping) and len(known.get("pair", ())) == 2:
        return known["pair"][0], known["pair"][1]
    if isinstance(known, Mapping) and known.get("answer") in known.get("options", {}):
        wrong = next(text for letter, text in known["options"].items() if letter != known["answer"])
        return known["options"][known["answer"]], wrong
    raise NotEstimable(f"item {item.id}: brings no right and wrong answer")


async def _membership(source: Source, inputs: type) -> Made:
    """Right answers (which a contaminated model saw) against wrong ones: log-probability word by word after the question."""
    asked = [(source.trial("facts", item).messages, text) for item in source.items["facts"] for text in _pair(source, item)]
    found = await asyncio.gather(*(by_word(source.ask, messages, text) for messages, text in asked))
    groups = np.repeat([item.cluster for item in source.items["facts"]], 2)
    labels = np.tile([1, 0], len(source.items["facts"]))
    return inputs(logprobs=found, labels=labels, texts=[text for _, text in asked], groups=groups), {}


async def _token_shift(source: Source, inputs: type) -> Made:
    """The reference model reads each answer of the subject token by token."""
    if not isinstance(source.reference, Transparent):
        raise NotEstimable("token_shift: needs a reference whose inside can be read")
    prompts = [source.trial("prompts", item).messages for item in source.items["prompts"]]
    rows, compared = lockstep(source.inside, source.reference, prompts, ANSWER)
    prompt, position, _ = (np.array(column) for column in zip(*rows, strict=True))
    return inputs(
        prompt=prompt, position=position, rank=compared.rank, divergence=compared.divergence, base_logprob=compared.base_logprob
    ), {}


PROBES: Mapping[str, tuple[tuple[str, ...], Callable[[Source, type], Awaitable[Made]]]] = {
    "aqi": (("unsafe", "safe"), _aqi),
    "routing": (("unsafe", "safe"), _routing),
    "surrogate": (("unsafe", "safe"), _surrogate),
    "pa_ccs": (("facts",), _pa_ccs),
    "membership": (("facts",), _membership),
    "token_shift": (("prompts",), _token_shift),
}
"""Diagnostic -> the roles it draws for, and how its input is made."""


@dataclass(frozen=True)
class Probing:
    """The instruments on one diagnostic (a group of `api.scoring`)."""

    name: str
    instruments: tuple[Diagnosed, ...]
    parts: Mapping[str, Part]
    anchors: Mapping[str, float]
    only: str
    reference: Callable[[], Subject] | None
    draws: int = DRAWS

    def mark(self, items: int) -> object:
        sample = {role: digest([item.texts for item in found][:20]) for role, found in self._drawn(items, 0).items()}
        return [self.name, items, {role: part.id for role, part in self.parts.items()}, [one.reading for one in self.instruments], sample]

    def _drawn(self, items: int, seed: int) -> dict[str, list[Item]]:
        found = {}
        for role, part in self.parts.items():
            cycle = Cycle(seed=seed, count=items // len(self.parts), anchors=self.anchors.get(part.label, 0.0))
            drawn = planning.draw(replace(part, cycle=cycle), Options(seed=seed))
            found[role] = [item for item in drawn if not self.only or self.only in item.tags]
        return found

    async def run(self, subject: Subject, line: Line, items: int, seed: int) -> tuple[int, dict[str, Told]]:
        drawn = self._drawn(items, seed)
        count = sum(map(len, drawn.values()))
        diagnostic = self.instruments[0].diagnostic
        plugin = load("diagnostic", diagnostic)
        source = Source(subject, line, drawn, self.parts, self.reference() if self.reference is not None else None, seed)
        try:
            inputs, options = await PROBES[diagnostic][1](source, plugin.inputs)
            options |= {"subject": subject.id, "permutations": PERMUTATIONS}
            taken = inspect.signature(plugin.measure).parameters
            found = plugin.measure(inputs, _rng(seed, self.name), **{key: value for key, value in options.items() if key in taken})
        except (NotEstimable, UsageError) as error:
            return count, {one.name: Told(why=str(error)) for one in self.instruments}
        depth = cast("Transparent", subject).depth if isinstance(subject, Transparent) else 0
        told = {}
        for one in self.instruments:
            where = f"layer={depth}" if one.where == "layer=last" else one.where
            mine = [e for e in found if e.of.quantity == one.quantity and e.of.slice == where]
            told[one.name] = Told(estimate=mine[0]) if mine else Told(why=f"{diagnostic} gave no {one.quantity} here")
        return count, told


def _rng(seed: int, name: str) -> Generator:
    return generator(seed, name, "diagnostic")


def probing(found: Calibrated, names: Sequence[str], open_subject: Callable[[str], Subject]) -> list[Probing]:
    """The groups that hold a diagnostic of these names (all where there is none), whole. Raises `SpecError` for one that cannot be fed."""
    groups: dict[str, list[Diagnosed]] = {}
    for one in found.diagnostics:
        if one.diagnostic not in PROBES:
            there = f"one whose input can be made ({', '.join(PROBES)})"
            raise SpecError(found.name, f"diagnostics.{one.name}.diagnostic", there, one.diagnostic)
        roles = PROBES[one.diagnostic][0]
        if set(one.draw) != set(roles):
            raise SpecError(found.name, f"diagnostics.{one.name}.draw", f"a table of [benchmarks] for {', '.join(roles)}", dict(one.draw))
        groups.setdefault(one.group, []).append(one)
    parts = {part.label: part for part in found.resolved.parts}
    made = []
    for name, mine in groups.items():
        if names and not any(one.name in names for one in mine):
            continue
        first = mine[0]
        draws = {role: parts[label] for role, label in first.draw.items()}
        reference = None if first.reference is None else _once(open_subject, first.reference)
        made.append(Probing(name, tuple(mine), draws, found.anchors, first.only, reference))
    return made


def _once(open_subject: Callable[[str], Subject], text: str) -> Callable[[], Subject]:
    """Opens a subject at its first use."""
    there: list[Subject] = []

    def get() -> Subject:
        if not there:
            there.append(open_subject(text))
        return there[0]

    return get
