"""The records. Frozen, keyword-only; one that breaks its rule cannot be built.

Text that comes from outside passes `digest.clean` first, so each record can be written as UTF-8 JSON.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import isfinite
from typing import Any, Literal

import msgspec

from fiducial.kernel.digest import digest, short
from fiducial.kernel.errors import RecordError

Cell = tuple[tuple[str, str], ...]
"""Levels by factor, sorted by factor: ``(("language", "de"), ("phrasing", "wording_3"))``."""

Status = Literal["answered", "filtered", "truncated", "empty", "fault"]
STATUSES: tuple[Status, ...] = ("answered", "filtered", "truncated", "empty", "fault")

Outcome = Literal["holds", "violated", "undecided"]
Side = Literal["at_most", "at_least"]
Scale = Literal["absolute", "difference", "per_cent"]
Severity = Literal["block", "review"]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all records: immutable, compared by value, written without its defaults."""


def require(held: bool, thing: str, rule: str, got: object) -> None:
    """Raise `RecordError` unless the rule held."""
    if not held:
        raise RecordError(thing, rule, got)


# --- what is asked ---------------------------------------------------------------------------------------------------


class Item(Record, frozen=True, kw_only=True):
    """A test case in its languages and forms.

    `texts[language][form]`: `plain` is the ask itself; other forms are wordings (`wording_1`...), attacks
    (`past_tense_1`...) or further pieces (`challenge`, `document`...). `reference[language]` is for judges only.
    `cluster` groups items that share a template or nearly repeat each other.
    """

    id: str
    cluster: str
    texts: dict[str, dict[str, str]]
    reference: dict[str, Any] = {}
    anchor: bool = False
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(bool(self.id), "Item.id", "must not be empty", self.id)
        require(bool(self.cluster), f"Item {self.id}.cluster", "must not be empty", self.cluster)
        require(bool(self.texts), f"Item {self.id}.texts", "needs at least one language", self.texts)

    def form(self, language: str, form: str) -> str:
        """The text in a language and form; `RecordError` names what is missing and what there is."""
        forms = self.texts.get(language)
        if forms is None:
            raise RecordError(f"Item {self.id}", f"has languages {sorted(self.texts)}", language)
        if form not in forms:
            raise RecordError(f"Item {self.id} ({language})", f"has forms {sorted(forms)}", form)
        return forms[form]


class ToolCall(Record, frozen=True, kw_only=True):
    """A call that a subject makes; `arguments` is its JSON text, as it came."""

    id: str
    name: str
    arguments: str = "{}"


class Media(Record, frozen=True, kw_only=True):
    """Bytes beside a message, stored under their digest in the run's `blobs/`."""

    digest: str
    type: str


class Message(Record, frozen=True, kw_only=True):
    """One message of a dialogue. `reasoning` is kept apart from the answer."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    media: tuple[Media, ...] = ()


class Tool(Record, frozen=True, kw_only=True):
    """A function offered to the subject; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]


class Ref(Record, frozen=True, kw_only=True):
    """A plugin by name with its arguments; JSON values only."""

    name: str
    args: dict[str, Any] = {}


class Decoding(Record, frozen=True, kw_only=True):
    """Sampling settings; `None` leaves the subject's own."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        t, p, m = self.temperature, self.top_p, self.max_tokens
        require(t is None or (isfinite(t) and 0 <= t <= 5), "Decoding.temperature", "must lie in [0, 5]", t)
        require(p is None or 0 < p <= 1, "Decoding.top_p", "must lie in (0, 1]", p)
        require(m is None or m > 0, "Decoding.max_tokens", "must be positive", m)


class Trial(Record, frozen=True, kw_only=True):
    """One item in one cell, asked once. `continuations` are scored instead of generated where given.

    While a benchmark builds it, `unit` is the item's own unit (by default the item's id); `plan` completes it to
    ``benchmark/unit/factor=level,.../replicate``. `unit` holds the trials that are judged and stopped together.
    """

    benchmark: str
    item: str
    cluster: str
    unit: str
    messages: tuple[Message, ...]
    part: str = "main"
    cell: Cell = ()
    reference: Any = None
    continuations: tuple[str, ...] = ()
    environment: Ref | None = None
    decoding: Decoding | None = None
    replicate: int = 0

    def __post_init__(self) -> None:
        # A default is left out of the canonical JSON where it is the very same object: equal trials, equal digests.
        msgspec.structs.force_setattr(self, "part", sys.intern(self.part))
        require("@" in self.benchmark, "Trial.benchmark", "must read name@version", self.benchmark)
        if not self.messages or self.replicate < 0:  # built a million times a run: names are put together for errors alone
            require(bool(self.messages), f"Trial of {self.item}", "needs at least one message", self.messages)
            require(self.replicate >= 0, f"Trial of {self.item}: replicate", "must not be negative", self.replicate)
        factors = [factor for factor, _ in self.cell]
        if factors and factors != sorted(set(factors)):
            raise RecordError(f"Trial of {self.item}: cell", "factors sorted, each once", self.cell)

    @property
    def key(self) -> str:
        """Identity: the same trial in every run that plans it (128 bits, hex)."""
        return short([self.benchmark, self.item, self.unit, self.part, self.cell, self.replicate])

    @property
    def ask(self) -> str:
        """What the subject sees: the cache's key (128 bits, hex)."""
        return short([self.messages, self.continuations, self.environment, self.decoding])

    @property
    def row(self) -> str:
        """Everything: the plan's (256 bits, hex)."""
        return digest(self)

    def level(self, factor: str, default: str = "") -> str:
        """The level of a factor, or `default` where the trial does not vary it."""
        return dict(self.cell).get(factor, default)

    def with_level(self, factor: str, level: str, **changes: Any) -> Trial:
        """This trial with one factor set and fields changed."""
        cell = tuple(sorted({**dict(self.cell), factor: level}.items()))
        return msgspec.structs.replace(self, cell=cell, **changes)


# --- what was answered -----------------------------------------------------------------------------------------------


class Usage(Record, frozen=True, kw_only=True):
    """Tokens as the endpoint counted them; `None` = not told. `cached` = share of the input it had cached."""

    input: int | None = None
    output: int | None = None
    reasoning: int | None = None
    cached: int | None = None


_NO_USAGE = Usage()


class Served(Record, frozen=True, kw_only=True):
    """How a call was served: by which model, when (Unix seconds), in how long, after how many attempts."""

    model: str | None = None
    fingerprint: str | None = None
    finish: str | None = None
    at: float | None = None
    seconds: float | None = None
    attempts: int = 1
    from_cache: bool = False


class Completion(Record, frozen=True, kw_only=True):
    """One call: the assistant's message with its status.

    `logprobs`: token log-probabilities where offered. `continuation_logprobs`: total log-probability (nats) of each
    continuation that was to be scored; `None` = not scored.
    """

    message: Message
    status: Status = "answered"
    logprobs: tuple[float, ...] | None = None
    continuation_logprobs: tuple[float, ...] | None = None
    usage: Usage = Usage()
    served: Served = Served()
    fault: str | None = None

    def __post_init__(self) -> None:
        require((self.status == "fault") == (self.fault is not None), "Completion.fault", "is set iff status is fault", self.status)


class Response(Record, frozen=True, kw_only=True):
    """What the subject did in one trial: the messages after the planned ones, and how it ended."""

    trial: str
    subject: str
    status: Status
    transcript: tuple[Message, ...] = ()
    final_state: Any = None
    continuation_logprobs: tuple[float, ...] | None = None
    usage: Usage = _NO_USAGE
    calls: int = 0
    cached: int = 0
    model: str | None = None
    fault: str | None = None

    def __post_init__(self) -> None:
        if self.usage == _NO_USAGE:  # the very same object, so that equal responses have equal canonical JSON
            msgspec.structs.force_setattr(self, "usage", _NO_USAGE)
        require((self.status == "fault") == (self.fault is not None), "Response.fault", "is set iff status is fault", self.status)

    @property
    def answer(self) -> str:
        """Text of the last assistant message, or ``""``."""
        return next((m.text for m in reversed(self.transcript) if m.role == "assistant"), "")


NOT_APPLICABLE = "not applicable"
"""Label of a judgement about a unit to which its aspect does not apply: left out of the denominator, and counted."""


class Judgement(Record, frozen=True, kw_only=True):
    """One judge's reading of one unit in one aspect.

    `value` in [0, 1], or `None`: could not tell (`reason` says why). `fault`: the judge did not run; only that is asked
    again. `part` names the exchange it is about, `None` the whole unit. `calls` are digests of the judge's own calls.
    """

    unit: str
    subject: str
    judge: str
    aspect: str
    value: float | None
    label: str = ""
    reason: str = ""
    part: str | None = None
    fault: str | None = None
    calls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        v = self.value
        if v is not None:
            require(0.0 <= v <= 1.0, f"Judgement of {self.unit}: value", "is None or lies in [0, 1]", v)
            require(self.fault is None, f"Judgement of {self.unit}: fault", "goes with value None", v)


# --- what is concluded -----------------------------------------------------------------------------------------------


class Target(Record, frozen=True, kw_only=True):
    """What an estimate is of. `slice` is ``""`` or ``factor=level``; `baseline` the subject it is relative to."""

    benchmark: str
    quantity: str
    subject: str
    slice: str = ""
    baseline: str | None = None
    judge: str = ""
    scale: Scale = "absolute"


class Estimate(Record, frozen=True, kw_only=True):
    """A number with all it needs: two-sided interval at `level`, its method, what it rests on.

    `value` is the one that the interval's method defines; a raw one goes to `extra`. `n` counts units with a value,
    `clusters` independent groups among them, `missing` planned units without a value. `bounds` is the value if all the
    missing had gone one way or the other.
    """

    of: Target
    value: float
    low: float
    high: float
    level: float
    method: str
    n: int
    clusters: int
    missing: int = 0
    bounds: tuple[float, float] | None = None
    flags: tuple[str, ...] = ()
    extra: dict[str, float] = {}

    def __post_init__(self) -> None:
        name = f"Estimate of {self.of.quantity}"
        values = (self.value, self.low, self.high)
        require(all(isfinite(v) for v in values), name, "value and interval must be finite", values)
        require(self.low <= self.value <= self.high, name, "needs low <= value <= high", values)
        require(0 < self.level < 1, f"{name}: level", "must lie in (0, 1)", self.level)
        require(self.n > 0 and 0 < self.clusters <= self.n, name, "needs 0 < clusters <= n", (self.clusters, self.n))
        require(self.missing >= 0, f"{name}: missing", "must not be negative", self.missing)
        require(bool(self.method), f"{name}: method", "must say what was done", self.method)


class Claim(Record, frozen=True, kw_only=True):
    """One line of the specification, tied to a clause: a quantity stays on one side of a bound."""

    id: str
    clause: str
    quantity: str
    side: Side
    bound: float
    confidence: float = 0.95
    slices: tuple[str, ...] = ()
    scale: Scale = "absolute"
    margin: float = 0.0
    severity: Severity = "block"

    def __post_init__(self) -> None:
        name = f"Claim {self.id}"
        require(self.quantity.count(".") == 1, f"{name}: quantity", "must read benchmark.quantity", self.quantity)
        require(0.5 < self.confidence < 1, f"{name}: confidence", "must lie in (0.5, 1)", self.confidence)
        require(isfinite(self.bound), f"{name}: bound", "must be finite", self.bound)
        require(isfinite(self.margin) and self.margin >= 0, f"{name}: margin", "must not be negative", self.margin)

    @property
    def level(self) -> float:
        """Two-sided level of the interval that decides it: each end errs with at most 1 - confidence."""
        return 2 * self.confidence - 1


class Decision(Record, frozen=True, kw_only=True):
    """A claim decided for one system version, subject and cycle. `judged`: at least one unit of it has a value."""

    claim: Claim
    system: str
    subject: str
    outcome: Outcome
    reason: str
    cycle: int
    slice: str = ""
    estimate: Estimate | None = None
    judged: bool = True
    anytime: bool = False
    expires: str | None = None


def levels(cell: Cell | Mapping[str, str]) -> str:
    """A cell as text.

    >>> levels((("language", "de"), ("phrasing", "plain")))
    'language=de,phrasing=plain'
    """
    return ",".join(f"{factor}={level}" for factor, level in dict(cell).items())
