"""What is calibrated and on whom: a TOML file of organisms, benchmarks, instruments and diagnostics.

organisms      the aligned ones, how a subject is named from trait and dose, the doses (lowest first), the traits
benchmarks     as in a specification; `pack` draws its items in the organisms' words
instruments    a quantity of a benchmark: where it is read, against what, which trait it should find, its default gate
diagnostics    a quantity of a diagnostic: at which place, which way is worse, which trait it should find
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from fiducial.api import resolve
from fiducial.engine import plan as planning
from fiducial.engine import spec as specs
from fiducial.engine.plan import Options
from fiducial.engine.spec import BenchmarkEntry, Count, Name, Share
from fiducial.kernel.errors import SpecError
from fiducial.kernel.records import Claim, Record, Side

SHIPPED = Path(__file__).with_name("calibration.toml")
"""The calibration of our own instruments."""


class Organisms(Record, frozen=True, kw_only=True):
    """Who carries a trait and who does not. `subject` holds ``{trait}`` and ``{dose}``; `doses` go from the lowest to the highest."""

    aligned: Annotated[tuple[str, ...], Meta(min_length=1)]
    subject: str
    doses: Annotated[tuple[str, ...], Meta(min_length=1)]
    traits: Annotated[tuple[str, ...], Meta(min_length=1)]

    def named(self, trait: str, dose: str) -> str:
        """The subject with a trait at a dose."""
        return self.subject.replace("{trait}", trait).replace("{dose}", dose)


class Instrument(Record, frozen=True, kw_only=True):
    """A quantity ``benchmark.quantity`` as a detector of a trait, and the default gate on it.

    `at` are slices (``factor=level``), none = all there is; with `against` the score is the paired difference to that slice. Of several
    slices the mean is taken, or the `largest` (the worst for the subject), whose gate divides its error among them.
    """

    name: Name
    quantity: str
    trait: str | None = None
    at: tuple[str, ...] = ()
    against: str | None = None
    take: Literal["mean", "largest"] = "mean"
    at_most: float | None = None
    at_least: float | None = None
    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95

    @property
    def kind(self) -> Literal["benchmark"]:
        return "benchmark"

    @property
    def group(self) -> str:
        """The benchmark's table: instruments of one group are read from the same runs."""
        return self.quantity.partition(".")[0]

    @property
    def side(self) -> Side:
        return "at_most" if self.at_most is not None else "at_least"

    @property
    def sign(self) -> float:
        """1 where more of the quantity is more of the trait, -1 where less of it is."""
        return 1.0 if self.side == "at_most" else -1.0

    @property
    def reading(self) -> tuple[object, ...]:
        """All that decides its scores: everything but the gate's bound, and which trait it should find."""
        return self.name, self.quantity, self.at, self.against, self.take, self.side, self.confidence

    @property
    def claim(self) -> Claim:
        """The default gate."""
        bound = self.at_most if self.at_most is not None else self.at_least
        ways = len(self.at) if self.take == "largest" else 1
        return Claim(
            id=self.name, clause=self.name, quantity=self.quantity, side=self.side, bound=float("nan") if bound is None else bound,
            confidence=1 - (1 - self.confidence) / max(1, ways),
        )  # fmt: skip


class Diagnosed(Record, frozen=True, kw_only=True):
    """A quantity of a diagnostic as a detector of a trait. `where` is its slice; ``layer=last`` is the last one.

    `draw` says from which benchmark's table items are drawn, by the role the diagnostic's input gives them (see `api.probing`), `only`
    which of them are used, by a tag.
    `reference` is the subject that a comparison is with. A diagnostic has no default gate.
    """

    name: Name
    diagnostic: str
    quantity: str
    worse: Literal["higher", "lower"]
    trait: str | None = None
    where: str = ""
    draw: dict[str, str] = {}
    only: str = ""
    reference: str | None = None

    @property
    def kind(self) -> Literal["diagnostic"]:
        return "diagnostic"

    @property
    def group(self) -> str:
        """The diagnostic with what it reads: quantities of one group come from the same runs."""
        read = [self.diagnostic, self.reference or "", self.only, *(f"{role}={label}" for role, label in sorted(self.draw.items()))]
        return f"diagnostic:{' '.join(filter(None, read))}"

    @property
    def sign(self) -> float:
        return 1.0 if self.worse == "higher" else -1.0

    @property
    def reading(self) -> tuple[object, ...]:
        """All that decides its scores, besides what its group reads."""
        return self.name, self.quantity, self.where


class _File(Record, frozen=True, kw_only=True):
    organisms: Organisms
    benchmarks: dict[Name, dict[str, Any]]
    instruments: tuple[Instrument, ...] = ()
    diagnostics: tuple[Diagnosed, ...] = ()
    judges: dict[Name, dict[str, Any]] = {}
    anchors: dict[str, Share] = {}
    parts: dict[str, tuple[str, ...]] = {}
    items: Count = 200


@dataclass(frozen=True)
class Calibrated:
    """A file of instruments, resolved.

    `anchors` is the share of anchors among a table's items (0 where it is not named), `parts` which parts of a unit are asked (all).
    """

    name: str
    organisms: Organisms
    instruments: tuple[Instrument, ...]
    diagnostics: tuple[Diagnosed, ...]
    anchors: Mapping[str, float]
    parts: Mapping[str, tuple[str, ...]]
    items: int
    resolved: resolve.Resolved
    entries: Mapping[str, BenchmarkEntry]

    @property
    def all(self) -> tuple[Instrument | Diagnosed, ...]:
        """Instruments, then diagnostics."""
        return (*self.instruments, *self.diagnostics)


def read(path: str | Path = SHIPPED) -> Calibrated:
    """The instruments of a file with their plugins. Raises `SpecError` or `PluginError`."""
    name = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SpecError(name, "file", "a readable file of instruments", error.strerror or str(error)) from None
    raw = specs.tables(data, name)
    try:
        file = msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        raise SpecError(name, "file", str(error)) from None
    spec = specs.of_tables({"system": {"name": "calibration"}, "benchmarks": file.benchmarks, "judges": file.judges}, name)
    found = Calibrated(
        name=name, organisms=file.organisms, instruments=file.instruments, diagnostics=file.diagnostics, anchors=file.anchors,
        parts=file.parts,
        items=file.items, resolved=resolve.resolve(spec, name), entries=spec.benchmarks,
    )  # fmt: skip
    _check(found)
    return found


def _check(found: Calibrated) -> None:
    name, traits = found.name, found.organisms.traits
    seen: set[str] = set()
    for n, one in enumerate(found.all):
        if one.name in seen:
            raise SpecError(name, f"{one.kind}s: name", "names that are used once", one.name)
        seen.add(one.name)
        if one.trait is not None and one.trait not in traits:
            raise SpecError(name, f"{one.kind}s[{n}].trait", f"one of {', '.join(traits)}", one.trait)
    if not seen:
        raise SpecError(name, "instruments", "at least one instrument or diagnostic")
    for n, one in enumerate(found.instruments):
        _check_instrument(found, f"instruments[{n}]", one)
    for n, one in enumerate(found.diagnostics):
        for role, label in one.draw.items():
            if label not in found.entries:
                raise SpecError(name, f"diagnostics[{n}].draw.{role}", f"a table of [benchmarks] ({', '.join(found.entries)})", label)
    for table, labels in (("anchors", found.anchors), ("parts", found.parts)):
        for label in labels:
            if label not in found.entries:
                raise SpecError(name, f"{table}.{label}", f"a table of [benchmarks] ({', '.join(found.entries)})")


def _check_instrument(found: Calibrated, at: str, one: Instrument) -> None:
    name, (label, _, quantity) = found.name, one.quantity.partition(".")
    if label not in found.entries:
        raise SpecError(name, f"{at}.quantity", f"a table of [benchmarks] ({', '.join(found.entries)})", one.quantity)
    benchmark = found.resolved.benchmarks[label]
    if quantity not in benchmark.quantities:
        raise SpecError(name, f"{at}.quantity", f"one of {', '.join(f'{label}.{q}' for q in benchmark.quantities)}", one.quantity)
    if found.resolved.judge_ids(label)[benchmark.quantities[quantity].judge] is None:
        raise SpecError(name, f"{at}.quantity", "a quantity whose judge is configured in [judges]", one.quantity)
    if (one.at_most is None) == (one.at_least is None):
        raise SpecError(name, at, "exactly one of at_most and at_least", {"at_most": one.at_most, "at_least": one.at_least})
    low, high = benchmark.quantities[quantity].range
    low, high = (low - high, high - low) if one.against is not None else (low, high)
    if not low <= one.claim.bound <= high:
        raise SpecError(name, f"{at}: bound", f"a bound in [{low:g}, {high:g}]", one.claim.bound)
    if one.take == "largest" and not one.at:
        raise SpecError(name, f"{at}.at", "slices to take the largest of", list(one.at))
    slices = list(_slices(one))
    if slices:
        part = next(part for part in found.resolved.parts if part.label == label)
        there, _ = planning.levels_of(part, Options())
        for text in slices:
            factor, _, level = text.partition("=")
            if level not in there.get(factor, ()):
                known = ", ".join(f"{f}={v}" for f, levels in there.items() for v in levels) or "none"
                raise SpecError(name, f"{at}: slices", f"a level that {label} varies ({known})", text)


def _slices(one: Instrument) -> Iterator[str]:
    yield from one.at
    if one.against is not None:
        yield one.against
