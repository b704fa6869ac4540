"""The roles: protocols and plain functions. A plugin satisfies one by shape; there is nothing to inherit.

Subject       answers one turn                       Judge        reads one case, one judgement an aspect
Environment   answers back between turns             Perturbation / Attack   one trial in, its levels out
Benchmark     items, trials, judges, quantities, and two controls that it must tell apart
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

from fiducial.kernel.digest import digest, seed31, short
from fiducial.kernel.records import (
    Completion,
    Decoding,
    Estimate,
    Item,
    Judgement,
    Message,
    Record,
    Ref,
    Response,
    Status,
    Tool,
    Trial,
)

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from fiducial.stats.table import Table


Control = Callable[[Trial, Sequence[Message]], Message]
"""What a scripted stand-in says: from the trial (reference included) and the transcript so far, the next message."""


class Turn(Record, frozen=True, kw_only=True):
    """What one call sends: all messages so far, the tools on offer, how to decode, the seed of the request."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    decoding: Decoding | None = None
    seed: int | None = None
    continuations: tuple[str, ...] = ()

    @property
    def ask(self) -> str:
        """Digest of the turn (128 bits, hex)."""
        return short(self)


@runtime_checkable
class Subject(Protocol):
    """What is measured. `id` names it and its version; `complete` answers one turn, or raises `SubjectError`.

    `describe` gives its public settings as JSON values, never a secret; the engine reads from it ``prices``
    (money per million ``input`` and ``output`` tokens) and ``concurrency`` (calls at once) where they are.
    A module `subjects/<name>.py` defines ``subject(rest, context)``: ``chat:MODEL@URL`` gives ``rest="MODEL@URL"``.
    """

    @property
    def id(self) -> str: ...

    async def complete(self, turn: Turn) -> Completion: ...

    async def close(self) -> None: ...

    def describe(self) -> Mapping[str, Any]: ...


@runtime_checkable
class Recording(Subject, Protocol):
    """A subject that can answer whole trials from a record; `None` = it has none of this trial."""

    def replay(self, trial: Trial) -> Response | None: ...


Prompt = str | Sequence[Message]
"""What a model reads: a text (a user's message, where the model has a chat template) or a dialogue."""

Positions = Literal["last", "mean"] | int
"""Which token's states: the last one, the mean over all, or one by number (negative from the end)."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What to change while a model answers; arrays in, arrays of the same shape out.

    `layers[n]` maps the states that leave layer n (rows, tokens, width); layer 0 is the embeddings, 1 the first block.
    `logits` maps the logits of the next token (rows, vocabulary), given the token ids of each row so far.
    """

    layers: Mapping[int, Callable[[NDArray[Any]], NDArray[Any]]] = field(default_factory=dict)
    logits: Callable[[NDArray[Any], Sequence[Sequence[int]]], NDArray[Any]] | None = None


@runtime_checkable
class Transparent(Protocol):
    """A model whose inside can be read and changed, beside what it is as a subject.

    Layers run from 0 (the embeddings) to `depth` (the last block, before the final norm).
    """

    @property
    def depth(self) -> int: ...

    def states(self, texts: Sequence[Prompt], layers: Sequence[int], positions: Positions = "last") -> NDArray[Any]:
        """Hidden states, float32, (texts, layers, width)."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], hooks: Hooks | None = None, *, decoding: Decoding | None = None, seeds: Sequence[int] | None = None
    ) -> list[str]:
        """One answer a prompt, decoded under `hooks`; row n draws from `seeds[n]`."""
        ...

    def gradients(self, texts: Sequence[Prompt], layer: int, scalar: Callable[[Any], Any], *, of: int | None = None) -> list[NDArray[Any]]:
        """For each text the gradient (tokens, width) of a scalar with respect to the states that leave `layer`.

        `scalar` maps the model's own tensor to one number: the logits (tokens, vocabulary), or with `of=n` the states
        that leave layer n (tokens, width). Raises `UsageError` where a model has no gradients.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a subject may need besides its name.

    `folder` is where relative paths start. `trials` gives the planned trials (for scripted stand-ins), and
    `controls[benchmark id]` the benchmark's ``(negative, positive)``; both are empty where there is no plan.
    """

    folder: Path = Path()
    trials: Callable[[], Iterable[Trial]] = tuple
    controls: Mapping[str, tuple[Control, Control]] = field(default_factory=dict)


class Environment(Protocol):
    """Who answers back in a trial of several turns. Pure: what it does depends on `args` and the transcript alone."""

    @property
    def tools(self) -> tuple[Tool, ...]: ...

    def open(self, args: Mapping[str, Any]) -> Any:
        """The state at the start of a trial."""
        ...

    async def reply(self, state: Any, transcript: Sequence[Message]) -> tuple[Message, ...] | None:
        """Messages that answer the last assistant message; `None` ends the trial."""
        ...

    def close(self, state: Any) -> Any:
        """The final state as JSON values, for the judge."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A trial and what came back."""

    trial: Trial
    response: Response

    @property
    def messages(self) -> tuple[Message, ...]:
        """The whole dialogue: planned messages, then the transcript."""
        return self.trial.messages + self.response.transcript


@dataclass(frozen=True, slots=True)
class Case:
    """All exchanges of one unit, in plan order: what a judge reads."""

    unit: str
    subject: str
    exchanges: tuple[Exchange, ...]

    def part(self, name: str) -> Exchange:
        """The first exchange of a part."""
        return next(e for e in self.exchanges if e.trial.part == name)

    def parts(self, prefix: str) -> tuple[Exchange, ...]:
        """All exchanges whose part starts with a prefix."""
        return tuple(e for e in self.exchanges if e.trial.part.startswith(prefix))

    @property
    def only(self) -> Exchange:
        """The exchange of a unit that has one."""
        (exchange,) = self.exchanges
        return exchange


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reading before it is signed by its judge: see `Judgement` for the fields."""

    aspect: str
    value: float | None
    label: str = ""
    reason: str = ""
    part: str | None = None
    fault: str | None = None
    calls: tuple[str, ...] = ()

    def signed(self, judge: str, case: Case) -> Judgement:
        """The judgement of this verdict by a judge about a case."""
        return Judgement(
            unit=case.unit, subject=case.subject, judge=judge, aspect=self.aspect, value=self.value, label=self.label,
            reason=self.reason, part=self.part, fault=self.fault, calls=self.calls,
        )  # fmt: skip


class Judge(Protocol):
    """Reads one case. `id` is ``name@version-digest``; the digest covers prompt, options and model."""

    @property
    def id(self) -> str: ...

    async def judge(self, case: Case) -> tuple[Judgement, ...]: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """A judge made of a pure function from a case to verdicts. `exact` ones read facts and need no audit."""

    name: str
    version: str
    read: Callable[[Case], Iterable[Verdict]]
    options: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False
    id: str = field(init=False)

    def __post_init__(self) -> None:
        identity = digest([self.name, self.version, dict(self.options)])
        object.__setattr__(self, "id", f"{self.name}@{self.version}-{identity[:12]}")

    async def judge(self, case: Case) -> tuple[Judgement, ...]:
        return tuple([verdict.signed(self.id, case) for verdict in self.read(case)])


class Perturbation(Protocol):
    """Keeps the meaning and adds one factor: yields one trial a level, the unchanged one (its plain level) first.

    The generator is seeded by run, item and perturbation alone, so each trial of an item sees the same draw.
    A module `perturbations/<name>.py` (or `attacks/<name>.py`) defines ``vary(item, trial, rng, **options)``.
    """

    def __call__(self, item: Item, trial: Trial, rng: Generator) -> Iterable[Trial]: ...


Estimator = Callable[["Table"], Estimate]

Policy = Literal["judged", "missing", "adverse"]

DEFAULT_STATUSES: Mapping[Status, Policy] = {
    "answered": "judged",
    "filtered": "missing",
    "truncated": "missing",
    "empty": "missing",
    "fault": "missing",
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """What is estimated from a benchmark's judgements.

    `aspect` of the judge named `judge`, over units. With ``contrast=(treated, control)`` the unit's value is the
    difference of that aspect between two parts, and `range` is (-1, 1). `adverse` is the unit value that an
    adverse status counts as (the worse end for the subject). `estimator=None` means the mean of unit values with the
    interval that fits `range`. `about` is one line for reports: what the number is, and which way is worse.
    """

    judge: str
    aspect: str
    about: str
    range: tuple[float, float] = (0.0, 1.0)
    adverse: float = 1.0
    part: str | None = None
    contrast: tuple[str, str] | None = None
    estimator: Estimator | None = None


@dataclass(frozen=True, slots=True)
class Cycle:
    """One drawing of items: `count` of them, a share of anchors that stay the same from cycle to cycle."""

    seed: int
    count: int
    anchors: float = 0.5


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A behaviour under test.

    `items(rng, cycle)` draws `cycle.count` items (fewer where the bank is smaller); `trials(item, rng)` makes the
    trials of one unperturbed replicate, in English, from the item's `plain` form. `judges` maps the names that
    quantities use to a judge, or to a `Ref` that is resolved with the specification's own judges (``Ref("harm")``).
    `negative` misbehaves, `positive` behaves: scripted stand-ins the benchmark must tell apart. `loaders` read
    published files of a format into items. With ``draws=False`` `trials` takes nothing from its generator, and is given `None`.
    `notes` are what somebody who looks at the plan should know.
    """

    name: str
    version: str
    construct: str
    sources: tuple[str, ...]
    items: Callable[[Generator, Cycle], Sequence[Item]]
    trials: Callable[[Item, Any], Iterable[Trial]]
    judges: Mapping[str, Judge | Ref]
    quantities: Mapping[str, Quantity]
    negative: Control
    positive: Control
    statuses: Mapping[Status, Policy] = field(default_factory=dict)
    loaders: Mapping[str, Callable[[Path], Sequence[Item]]] = field(default_factory=dict)
    draws: bool = True
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    def policy(self, status: Status) -> Policy:
        """Whether a response of this status is judged, missing or adverse."""
        return self.statuses.get(status, DEFAULT_STATUSES[status])


def request_seed(trial: Trial) -> int:
    """The `seed` sent with every request of a trial: 31 bits of its key."""
    return seed31(trial.key)


def say(text: str, role: Literal["system", "user", "assistant", "tool"] = "user") -> Message:
    """A message in one word."""
    return Message(role=role, text=text)


def replaced(record: Any, **changes: Any) -> Any:
    """A copy of a record with fields changed."""
    return msgspec.structs.replace(record, **changes)
