"""The pieces of a view: small records of plain values, one for each thing that a report shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fiducial.kernel.records import Cell, Judgement, Message, Outcome, Record, Status

Audit = Literal["exact", "audited", "unaudited"]
"""`exact` follows a fixed rule and asks no model; `audited` has a card of measured errors; `unaudited` has none."""

Concern = Literal["adverse", "unknown", "other"]
"""Why a unit is shown: it counts against a claim, it has no value, or neither."""


class Clause(Record, frozen=True, kw_only=True):
    """A principle of the specification."""

    id: str
    text: str


class SubjectNote(Record, frozen=True, kw_only=True):
    """A measured system: its id, its role in the run, its public settings (JSON values)."""

    id: str
    role: Literal["candidate", "baseline"] = "candidate"
    settings: dict[str, Any] = {}


class QuantityNote(Record, frozen=True, kw_only=True):
    """What a number is: `name` reads benchmark.quantity, `about` is one line, `range` its possible values."""

    name: str
    about: str = ""
    judge: str = ""
    aspect: str = ""
    range: tuple[float, float] = (0.0, 1.0)


class Rate(Record, frozen=True, kw_only=True):
    """One measured error rate of a judge with its interval, and on what it was measured."""

    name: str
    value: float
    low: float
    high: float
    n: int
    about: str = ""


class JudgeNote(Record, frozen=True, kw_only=True):
    """What is known of a judge. `model`: it asks a language model. `errors`: its card in words."""

    name: str
    id: str
    audit: Audit = "unaudited"
    model: bool = False
    errors: str = ""
    rates: tuple[Rate, ...] = ()


class StatusCount(Record, frozen=True, kw_only=True):
    """How the responses of one subject in one benchmark ended; `planned` trials include those never asked."""

    subject: str
    benchmark: str
    counts: dict[Status, int]
    planned: int
    released: int = 0


class Cause(Record, frozen=True, kw_only=True):
    """A fault by its text: `count` of the `faults` among `asked` are alike in it (numbers and identifiers aside).

    `judge` is empty where the subject's calls failed, and then trials are counted; else the judge that did not run, and
    units. `text` is one of them as it came.
    """

    subject: str
    benchmark: str
    text: str
    count: int
    faults: int
    asked: int
    judge: str = ""


class Spending(Record, frozen=True, kw_only=True):
    """What the run used. `cached`: answers that came from the cache. Money is `None` where no price is known."""

    calls: int = 0
    cached: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    currency: str = ""


class Provenance(Record, frozen=True, kw_only=True):
    """Where the figures come from: enough to check and to repeat them."""

    run: str
    plan: str = ""
    revision: int = 0
    seed: str = ""
    cycle: int = 0
    specification: str = ""
    roots: dict[str, str] = {}
    versions: dict[str, str] = {}
    settings: dict[str, str] = {}
    attestation: str = ""


class ExchangeNote(Record, frozen=True, kw_only=True):
    """A trial and what came back: planned messages, the transcript after them, how it ended."""

    trial: str
    part: str
    replicate: int = 0
    messages: tuple[Message, ...] = ()
    transcript: tuple[Message, ...] = ()
    status: Status | None = None
    model: str | None = None
    fault: str | None = None
    final_state: Any = None


class UnitNote(Record, frozen=True, kw_only=True):
    """A unit with its exchanges and all judgements about it. `subject` with `unit` identifies it."""

    unit: str
    benchmark: str
    subject: str
    item: str = ""
    cluster: str = ""
    cell: Cell = ()
    concern: Concern = "other"
    exchanges: tuple[ExchangeNote, ...] = ()
    judgements: tuple[Judgement, ...] = ()


class Sample(Record, frozen=True, kw_only=True):
    """The units whose transcripts are shown. `total` counts all that were asked, `adverse` and `unknown` among all."""

    units: tuple[UnitNote, ...] = ()
    total: int = 0
    adverse: int = 0
    unknown: int = 0
    rule: str = ""


class Change(Record, frozen=True, kw_only=True):
    """One unit that another run or a baseline subject answers otherwise; values are the judged ones, `None` unknown.

    `lost`: it had a value there and has none here.
    """

    kind: Literal["broken", "fixed", "lost"]
    quantity: str
    unit: str
    subject: str
    before: float | None
    after: float | None
    label: str = ""
    reason: str = ""


class Failure(Record, frozen=True, kw_only=True):
    """A unit that counts against a claim about `quantity`, whose worst outcome is `outcome`.

    `name` is its item and cell; `label` and `reason` are the judge's, or how the call ended where that alone counts.
    `new`: the baseline did not fail it. Long texts are cut.
    """

    unit: str
    subject: str
    quantity: str
    name: str
    question: str
    answer: str
    label: str
    reason: str
    outcome: Outcome
    new: bool = False


@dataclass(frozen=True)
class Rests:
    """Which judgements a quantity rests on; one counts against the subject where ``sign * (value - middle) > 0``.

    `aspect=None`: whatever the judge reads. `statuses` count against it without a reading.
    """

    label: str
    quantity: str
    judge: str
    aspect: str | None
    part: str | None
    sign: float
    middle: float
    statuses: tuple[Status, ...] = ()


class Tally(Record, frozen=True, kw_only=True):
    """How many units of one candidate changed against the baseline."""

    subject: str
    compared: int
    broken: int
    fixed: int
    lost: int = 0


class Changes(Record, frozen=True, kw_only=True):
    """What changed against `against` (a run or a subject). `compared` units have a value on both sides.

    A unit counts once for each quantity that claims are about; `lost` ones have no value any more and are not compared.
    `each` has the counts of each candidate where there are several; those above are their sums.
    """

    against: str
    compared: int
    broken: int
    fixed: int
    lost: int = 0
    items: tuple[Change, ...] = ()
    each: tuple[Tally, ...] = ()
