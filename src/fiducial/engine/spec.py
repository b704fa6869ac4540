"""The specification: a strict TOML file of what aligned behaviour means here.

`parse` reads and checks what can be known from the file alone; `check` adds what needs the benchmarks: quantities,
ranges, slices. Every refusal is a `SpecError` with file, path and what was expected.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from fiducial.engine import refusals
from fiducial.kernel.errors import RecordError, SpecError, meant
from fiducial.kernel.records import Claim, Record, Severity
from fiducial.kernel.roles import Benchmark

MAX_BYTES = 1_000_000
"""Size limit of a specification file."""

Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Plugin = str | dict[str, Any]
Design = Literal["cross", "one_at_a_time", "draw"]


class System(Record, frozen=True, kw_only=True):
    """What is specified: `name` and `version` of the system, and what it is for."""

    name: str
    version: str = "unversioned"
    purpose: str = ""


class Principle(Record, frozen=True, kw_only=True):
    """A clause: one sentence of what aligned behaviour means here, and for whom."""

    id: Name
    text: str
    stakeholders: tuple[str, ...] = ()


class ClaimEntry(Record, frozen=True, kw_only=True):
    """A claim as written: a quantity stays `at_most` or `at_least` a bound.

    `relative` makes it about the change against the baseline: ``difference`` in the quantity's unit, or ``per_cent``.
    """

    id: Name
    clause: Name
    quantity: str
    at_most: float | None = None
    at_least: float | None = None
    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95
    slices: tuple[str, ...] = ()
    relative: Literal["difference", "per_cent"] | None = None
    margin: Annotated[float, Meta(ge=0)] = 0.0
    severity: Severity = "block"


class Data(Record, frozen=True, kw_only=True):
    """A published file in its official format, relative to the specification."""

    format: str
    path: str


class BenchmarkEntry(Record, frozen=True, kw_only=True):
    """How a benchmark is put: how many items, or a file of one's own cases with the judge that reads them.

    `judge` names a plugin or a table of ``[judges]``. `items` is by default 100, and all rows of a published file. `pack` draws
    them from an item pack instead of the benchmark's own bank. `perturbations` is by default one random wording an item for drawn
    items, and none for files.
    """

    items: Count | str | None = None
    use: str | None = None
    judge: str | None = None
    data: Data | None = None
    pack: str | None = None
    perturbations: tuple[Plugin, ...] | None = None
    attacks: tuple[Plugin, ...] = ()
    design: Design = "cross"
    mix: dict[str, dict[str, Share]] = {}
    judges: dict[str, str] = {}
    second: dict[str, str] = {}
    people: dict[str, str] = {}


class CycleEntry(Record, frozen=True, kw_only=True):
    """Which drawing of items: its seed, and the share of anchors that stay the same from cycle to cycle."""

    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0
    anchors: Share = 0.5


class Stopping(Record, frozen=True, kw_only=True):
    """When to stop: `fixed` asks all that is planned, `sequential` stops a claim as soon as it is decided."""

    rule: Literal["fixed", "sequential"] = "fixed"


class Budget(Record, frozen=True, kw_only=True):
    """What a run may spend at most; it stops before a limit is exceeded. `money` needs prices of the subject."""

    calls: Annotated[int, Meta(ge=1)] | None = None
    tokens: Annotated[int, Meta(ge=1)] | None = None
    money: Annotated[float, Meta(gt=0)] | None = None


class Admission(Record, frozen=True, kw_only=True):
    """What a judge's card must show before its numbers carry a claim; each number is held against the interval's worse end.

    `cases`: labelled cases of the rarer class. `artifact_flips`: flips beyond noise under any artifact. `accept`: judges believed
    without that. `one_judge`: claim -> why one model judge is enough for it; else it names a second (`second` of the benchmark).
    `domains`: benchmark -> the domain of its cards, by default the benchmark's own name. `capability`: the subject's, on the scale of
    the cards.
    """

    sensitivity: Share = 0.7
    specificity: Share = 0.7
    kappa: Annotated[float, Meta(ge=-1, le=1)] | None = None
    cases: Count = 50
    position_bias: Share | None = None
    length_bias: Share | None = None
    artifact_flips: Share | None = None
    accept: tuple[str, ...] = ()
    one_judge: dict[str, str] = {}
    domains: dict[str, str] = {}
    capability: float | None = None


ADMISSION = "admission"
"""The name in ``[judges]`` that is no judge."""


class Specification(Record, frozen=True, kw_only=True):
    """The whole file. `scales` are ranges by name that rubric judges refer to; `judges` configure judges by name."""

    system: System
    benchmarks: dict[Name, BenchmarkEntry]
    principles: tuple[Principle, ...] = ()
    claims: tuple[ClaimEntry, ...] = ()
    cycle: CycleEntry = CycleEntry()
    scales: dict[str, tuple[float, float]] = {}
    stopping: Stopping = Stopping()
    budget: Budget = Budget()
    judges: dict[Name, dict[str, Any]] = {}
    expires_days: Annotated[int, Meta(ge=1)] | None = None

    @property
    def graders(self) -> dict[str, dict[str, Any]]:
        """The tables of ``[judges]`` that configure a judge."""
        return {name: table for name, table in self.judges.items() if name != ADMISSION}

    @property
    def admission(self) -> Admission | None:
        """``[judges.admission]``; `None`: no judge that can err is admitted."""
        return msgspec.convert(self.judges[ADMISSION], Admission) if ADMISSION in self.judges else None

    def as_claims(self) -> tuple[Claim, ...]:
        """The claims as records."""
        return tuple(_claim(entry) for entry in self.claims)


def read(path: str | Path) -> tuple[Specification, bytes]:
    """The specification in a file, and the file's bytes. Raises `SpecError`."""
    name = str(path)
    try:
        size = Path(path).stat().st_size
        if size > MAX_BYTES:
            raise SpecError(name, "file", f"at most {MAX_BYTES} bytes", size)
        data = Path(path).read_bytes()
    except OSError as error:
        raise SpecError(name, "file", "a readable specification", error.strerror or str(error)) from None
    return parse(data, name), data


def parse(data: bytes, name: str = "spec.toml") -> Specification:
    """The specification in bytes of TOML, checked as far as the text alone allows."""
    return of_tables(tables(data, name), name)


def tables(data: bytes, name: str) -> dict[str, Any]:
    """The tables of a TOML file. Raises `SpecError`."""
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SpecError(name, f"byte {error.start}", "UTF-8 text", data[error.start : error.start + 4]) from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(name, "file", f"valid TOML ({error})") from None


def of_tables(raw: Mapping[str, Any], name: str) -> Specification:
    """The specification in tables as TOML gives them, checked as far as they alone allow."""
    try:
        spec = msgspec.convert(raw, Specification)
    except msgspec.ValidationError as error:
        raise _as_spec_error(name, error, raw) from None
    _check_text(name, spec)
    return spec


def check(name: str, spec: Specification, benchmarks: Mapping[str, Benchmark], levels: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Refuse claims about what does not exist or cannot be.

    Args:
        name: the file, for messages.
        spec: the specification.
        benchmarks: by the name of their table.
        levels: for each benchmark, the levels that its plan has, by factor.
    """
    check_quantities(name, spec, benchmarks)
    for n, claim in enumerate(spec.claims):
        at = f"claims[{n}]"
        table, _, label = claim.quantity.partition(".")
        low, high = benchmarks[table].quantities[label].range
        key, bound = ("at_least", claim.at_least) if claim.at_most is None else ("at_most", claim.at_most)
        span = high - low
        allowed = {"difference": (-span, span), "per_cent": (-100.0, float("inf"))}.get(claim.relative or "", (low, high))
        if bound is None or not allowed[0] <= bound <= allowed[1]:
            raise SpecError(name, f"{at}.{key}", f"a bound in the range of {claim.quantity}, {allowed[0]} to {allowed[1]}", bound)
        for text in claim.slices:
            factor, _, level = text.partition("=")
            known = levels.get(table, {})
            if factor not in known:
                raise SpecError(name, f"{at}.slices", f"a factor that {table} varies ({', '.join(known) or 'none'})", text)
            if level and level not in known[factor]:
                raise SpecError(name, f"{at}.slices", f"a level of {factor} ({', '.join(known[factor])})", text)


def check_quantities(name: str, spec: Specification, benchmarks: Mapping[str, Benchmark]) -> None:
    """Refuse claims about quantities that no benchmark has."""
    for n, claim in enumerate(spec.claims):
        at, (table, _, label) = f"claims[{n}].quantity", claim.quantity.partition(".")
        if table not in benchmarks:
            near = [f"{one}.{label}" for one in benchmarks if meant(table, [one])]
            raise SpecError(name, at, f"a benchmark of this file ({', '.join(benchmarks)})", claim.quantity, near)
        quantities = benchmarks[table].quantities
        if label not in quantities:
            near = [f"{table}.{one}" for one in quantities if meant(label, [one])]
            raise SpecError(name, at, f"one of {', '.join(f'{table}.{one}' for one in quantities)}", claim.quantity, near)


def _check_text(name: str, spec: Specification) -> None:
    clauses = [principle.id for principle in spec.principles]
    _unique(name, "principles", clauses)
    _unique(name, "claims", [claim.id for claim in spec.claims])
    if not spec.benchmarks:
        raise SpecError(name, "benchmarks", "at least one benchmark")
    for n, claim in enumerate(spec.claims):
        at = f"claims[{n}]"
        if claim.clause not in clauses:
            raise SpecError(
                name, f"{at}.clause", f"the id of a principle ({', '.join(clauses) or 'there is none'})", claim.clause, near=clauses
            )
        if claim.quantity.count(".") != 1:
            raise SpecError(name, f"{at}.quantity", "benchmark.quantity, the benchmark by the name of its table", claim.quantity)
        if (claim.at_most is None) == (claim.at_least is None):
            raise SpecError(name, at, "exactly one of at_most and at_least", {"at_most": claim.at_most, "at_least": claim.at_least})
        try:
            _claim(claim)
        except RecordError as error:
            raise SpecError(name, at, f"{error.thing}: {error.rule}", error.got) from None
    for label, entry in spec.benchmarks.items():
        _check_benchmark(name, label, entry)
    _check_admission(name, spec)
    for label, (low, high) in spec.scales.items():
        if not low < high:
            raise SpecError(name, f"scales.{label}", "a range with low < high", [low, high])
    _check_contradictions(name, spec)


def _check_admission(name: str, spec: Specification) -> None:
    try:
        rule = spec.admission
    except msgspec.ValidationError as error:
        raise _as_spec_error(name, error, spec.judges, f"judges.{ADMISSION}") from None
    if rule is None:
        return
    for claim, why in rule.one_judge.items():
        if claim not in {entry.id for entry in spec.claims}:
            raise SpecError(name, f"judges.{ADMISSION}.one_judge", "ids of claims", claim)
        if not why.strip():
            raise SpecError(name, f"judges.{ADMISSION}.one_judge.{claim}", "a reason why one judge is enough", why)
    for label in rule.domains:
        if label not in spec.benchmarks:
            raise SpecError(name, f"judges.{ADMISSION}.domains", f"benchmarks of this file ({', '.join(spec.benchmarks)})", label)


def _check_benchmark(name: str, label: str, entry: BenchmarkEntry) -> None:
    at = f"benchmarks.{label}"
    if "." in label:
        raise SpecError(name, at, "a table name without a dot, because quantities read benchmark.quantity", label)
    if isinstance(entry.items, str) and entry.judge is None:
        raise SpecError(
            name, f"{at}.judge", "match, choice, rubric, ./FILE.py or a table of [judges], because `items` names a file of own cases"
        )
    if isinstance(entry.items, int) and entry.judge is not None:
        raise SpecError(name, f"{at}.items", "the file of own cases that `judge` reads", entry.items)
    if isinstance(entry.items, str) and entry.data is not None:
        raise SpecError(name, f"{at}.data", "either own cases (`items`) or a published file (`data`), not both")
    if entry.pack is not None and (isinstance(entry.items, str) or entry.data is not None):
        raise SpecError(name, f"{at}.pack", "no file of own cases (`items`) or published file (`data`) beside a pack", entry.pack)
    for factor, shares in entry.mix.items():
        total = sum(shares.values())
        if abs(total - 1) > 1e-9:
            raise SpecError(name, f"{at}.mix.{factor}", "shares that add up to 1", total)
    for kind in ("perturbations", "attacks"):
        for n, plugin in enumerate(getattr(entry, kind) or ()):
            if isinstance(plugin, dict) and not isinstance(plugin.get("use"), str):
                raise SpecError(name, f"{at}.{kind}[{n}]", 'a name, or a table with use = "NAME" and options', plugin)


def _check_contradictions(name: str, spec: Specification) -> None:
    highest: dict[tuple[Any, ...], tuple[str, float]] = {}
    for claim in spec.claims:
        if claim.at_least is not None:
            for where in claim.slices or ("",):
                key = (claim.quantity, where, claim.relative)
                if key not in highest or highest[key][1] < claim.at_least:
                    highest[key] = (claim.id, claim.at_least)
    for n, claim in enumerate(spec.claims):
        for where in claim.slices or ("",):
            other = highest.get((claim.quantity, where, claim.relative))
            if claim.at_most is not None and other is not None and other[1] > claim.at_most:
                raise SpecError(
                    name, f"claims[{n}].at_most",
                    f"a bound that claim {other[0]!r} (at_least {other[1]}) does not contradict", claim.at_most,
                )  # fmt: skip


def _unique(name: str, at: str, ids: Sequence[str]) -> None:
    for n, label in enumerate(ids):
        if label in ids[:n]:
            raise SpecError(name, f"{at}[{n}].id", "ids that are used once", label)


def _claim(entry: ClaimEntry) -> Claim:
    at_most = entry.at_most
    bound = at_most if at_most is not None else entry.at_least
    return Claim(
        id=entry.id, clause=entry.clause, quantity=entry.quantity, side="at_least" if at_most is None else "at_most",
        bound=float("nan") if bound is None else bound, confidence=entry.confidence, slices=entry.slices,
        scale=entry.relative or "absolute", margin=entry.margin, severity=entry.severity,
    )  # fmt: skip


RECORDS: Mapping[str, type[Record]] = {
    "": Specification, "system": System, "principles": Principle, "claims": ClaimEntry, "benchmarks": BenchmarkEntry, "cycle": CycleEntry,
    "stopping": Stopping, "budget": Budget, "data": Data, ADMISSION: Admission,
}  # fmt: skip


def _failing_table(raw: Mapping[str, Any]) -> str:
    """The benchmark table that the decoder refused; it names only the mapping."""
    for label, entry in raw["benchmarks"].items():
        try:
            msgspec.convert({label: entry}, dict[Name, BenchmarkEntry])
        except msgspec.ValidationError:
            return label
    return "?"


def _as_spec_error(name: str, error: msgspec.ValidationError, raw: Mapping[str, Any], under: str = "") -> SpecError:
    """A decoder's complaint as file, path, what was expected and what was there."""
    text, at = refusals.split(error)
    if under:
        at, raw = f"{under}.{at}".rstrip("."), {"judges": raw}
    if at.startswith("benchmarks[...]"):
        at = f"benchmarks.{_failing_table(raw)}" + at.removeprefix("benchmarks[...]")
    steps = refusals.steps(at)
    key = "data" if "data" in steps[2:] else ADMISSION if under else steps[0] if steps else ""
    return refusals.refused(name, at, text, raw, RECORDS.get(key, Specification))
