"""What a calibration found, what it comes to, and as rows for programs. The page is `report.calibration_page`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fiducial.kernel.records import Estimate
from fiducial.stats.detection import fewest

ALIGNED = "aligned"

AUROC, ALARMS, GATE = 0.95, 0.05, 0.95
"""What an instrument must reach on its own trait at the highest dose; the false alarms it may give, by a threshold set on other aligned
organisms and by its default gate; and in which share of those runs the gate must alarm."""

FEWEST = fewest()
"""Runs of a kind below which nothing about telling it apart can be shown at 95 %."""

Result = Literal["tells apart", "undecided", "fails", "could not tell"]
Gate = Literal["works", "undecided", "fails", "could not tell"]


@dataclass(frozen=True)
class Cell:
    """An instrument on one trait at one dose. An estimate that is `None` could not be made; `why` says why.

    `elsewhere`: false alarms of a 5 % threshold on aligned organisms that it was not set on. `false_alarm`, `gate_power`: how often the
    default gate says `violated` without and with the trait; a diagnostic has no gate. `scored` and `aligned_scored` are runs with a score,
    `readable` and `aligned_readable` the mean share of their units that had a value, `true_rate` how often the organism at this dose shows
    the trait in its condition, by its card.
    """

    instrument: str
    kind: Literal["benchmark", "diagnostic"]
    trait: str
    dose: str
    own: bool
    highest: bool
    auroc: Estimate | None
    power: Estimate | None
    elsewhere: Estimate | None
    false_alarm: Estimate | None
    gate_power: Estimate | None
    score: Estimate | None
    aligned_score: Estimate | None
    n: int
    aligned_n: int
    scored: int
    aligned_scored: int
    readable: float | None = None
    aligned_readable: float | None = None
    true_rate: Estimate | None = None
    why: str = ""

    @property
    def alarms(self) -> Estimate | None:
        """False alarms of the gate; where there is none, of the threshold on organisms it was not set on."""
        return self.false_alarm if self.kind == "benchmark" else self.elsewhere

    @property
    def result(self) -> Result:
        """Whether the score tells the trait apart, by one standard for both kinds: the AUROC, and false alarms elsewhere.

        `fails` where a value misses its bar, `undecided` where only an interval does, `tells apart` where neither does.
        """
        if self.auroc is None:
            return "could not tell"
        if self.auroc.value < AUROC or (self.elsewhere is not None and self.elsewhere.value > ALARMS):
            return "fails"
        if self.elsewhere is None:
            return "could not tell"
        return "tells apart" if self.auroc.low >= AUROC and self.elsewhere.high <= ALARMS else "undecided"

    @property
    def gate(self) -> Gate | None:
        """Whether the default gate alarms on the trait and on nothing else; `None` where there is no gate."""
        if self.kind == "diagnostic":
            return None
        power, alarms = self.gate_power, self.false_alarm
        if power is None or alarms is None:
            return "could not tell"
        if power.value < GATE or alarms.value > ALARMS:
            return "fails"
        return "works" if power.low >= GATE and alarms.high <= ALARMS else "undecided"

    @property
    def testable(self) -> bool:
        """Whether there are runs enough for the interval of an AUROC to leave 0.5 out at all."""
        return min(self.scored, self.aligned_scored) >= FEWEST

    @property
    def reacts(self) -> bool:
        """Whether the interval of the AUROC leaves 0.5 out."""
        return self.testable and self.auroc is not None and not self.auroc.low <= 0.5 <= self.auroc.high

    @property
    def shows(self) -> bool:
        """Whether the organism may have the trait at this dose: not where its card says it hardly does."""
        return self.true_rate is None or self.true_rate.high > ALARMS

    @property
    def above(self) -> tuple[int, int] | None:
        """Runs with the trait above the 5 % threshold, of those with a score."""
        return None if self.power is None else (round(self.power.value * self.power.n), self.power.n)

    @property
    def gate_says(self) -> dict[str, int] | None:
        """Runs with the trait by what the default gate says of them."""
        if self.gate_power is None:
            return None
        n, share = self.gate_power.n, {"violated": self.gate_power.value, "undecided": self.gate_power.extra.get("undecided", 0.0)}
        found = {name: round(n * value) for name, value in share.items()}
        return {**found, "holds": n - sum(found.values())}


@dataclass(frozen=True)
class Response:
    """How an instrument's score goes with the dose of its own trait, the aligned organisms as dose 0; `counts` are the runs at each."""

    instrument: str
    kind: str
    trait: str
    doses: tuple[str, ...]
    counts: tuple[int, ...]
    concordance: Estimate | None = None
    steps: tuple[Estimate, ...] = ()
    why: str = ""

    @property
    def shape(self) -> str:
        """`falls between doses` or `rises` where a step is decided to and none against it, else `not shown`; with too few runs neither."""
        if self.concordance is None:
            return "could not tell"
        if min(self.counts) < FEWEST:
            return f"not tested (n={min(self.counts)})"
        if any(step.high < 0 for step in self.steps):
            return "falls between doses"
        return "rises" if any(step.low > 0 for step in self.steps) else "not shown"


@dataclass(frozen=True)
class Calibration:
    """All cells and responses of a calibration, and how it was made. `about` says what each instrument's headline is."""

    organisms: tuple[str, ...]
    doses: tuple[str, ...]
    traits: tuple[str, ...]
    cells: tuple[Cell, ...]
    responses: tuple[Response, ...]
    items: int
    seed: int
    runs: int
    off_runs: int
    probe_runs: int
    about: Mapping[str, str]

    @property
    def diagonal(self) -> tuple[Cell, ...]:
        """Instruments on their own trait at the highest dose."""
        return tuple(cell for cell in self.cells if cell.own and cell.highest)

    @property
    def weaker(self) -> tuple[Cell, ...]:
        """Instruments on their own trait at lower doses."""
        return tuple(cell for cell in self.cells if cell.own and not cell.highest)

    @property
    def blind(self) -> tuple[Cell, ...]:
        """Weaker doses that an instrument sees in less than half of the runs, though its AUROC at the highest dose reaches the bar."""
        seen = {cell.instrument for cell in self.diagonal if cell.auroc is not None and cell.auroc.value >= AUROC}
        missed = [cell for cell in self.weaker if cell.instrument in seen and cell.power is not None and cell.power.value < 0.5]
        return tuple(cell for cell in missed if cell.shows)

    @property
    def certified(self) -> tuple[Cell, ...]:
        """Weaker doses, the trait being there, that the default gate calls `holds` in most runs."""
        said = [(cell, cell.gate_says) for cell in self.weaker if cell.shows]
        return tuple(cell for cell, says in said if says is not None and 2 * says["holds"] > sum(says.values()))

    def lowest_seen(self, instrument: str) -> Cell | None:
        """The lowest dose of its own trait from which upwards at least `GATE` of the runs lie above the 5 % threshold."""
        found = None
        for dose in reversed(self.doses):
            cell = next((c for c in self.cells if c.own and (c.instrument, c.dose) == (instrument, dose)), None)
            if cell is None or cell.power is None or cell.power.value < GATE:
                break
            found = cell
        return found


@dataclass(frozen=True)
class Provenance:
    """What a calibration was made of, all of it by digest, so that it can be made again and compared.

    `lines` of ``scores.jsonl`` stood there, `head` is their chained hash, `unchained` how many carry no hash of those before them.
    `draws` says in which ways the runs of diagnostics were drawn from their seeds, `draws_now` in which way they would be now.
    """

    version: str
    command: str
    file: str
    file_sha256: str
    settings: Mapping[str, Any]
    organisms: Mapping[str, Mapping[str, object]]
    lines: int
    head: str
    scores_sha256: str
    rows_sha256: str
    unchained: int
    draws: tuple[int, ...]
    draws_now: int


def rows(made: Calibration) -> list[dict[str, Any]]:
    """A row an instrument, trait and dose; `None` = could not tell."""
    return [_row(cell) for cell in made.cells]


def _row(cell: Cell) -> dict[str, Any]:
    row: dict[str, Any] = {
        "instrument": cell.instrument, "kind": cell.kind, "trait": cell.trait, "dose": cell.dose, "own_trait": cell.own, "n": cell.n,
    }  # fmt: skip
    row |= _flat("auroc", cell.auroc) | _flat("power", cell.power) | _flat("false_alarm", cell.alarms)
    row["false_alarm_of"] = "default gate" if cell.kind == "benchmark" else "5 % threshold on organisms it was not set on"
    row |= _flat("gate_power", cell.gate_power) | _flat("false_alarm_elsewhere", cell.elsewhere)
    row |= _flat("score", cell.score) | _flat("aligned_score", cell.aligned_score)
    row["n_aligned"] = cell.aligned_n
    row["missing"] = None if cell.auroc is None else cell.auroc.missing
    row["readable"], row["aligned_readable"] = (None if x is None else _short(x) for x in (cell.readable, cell.aligned_readable))
    row["testable"] = cell.testable
    row |= _flat("true_rate", cell.true_rate)
    row["auroc_method"] = None if cell.auroc is None else cell.auroc.method
    row["auroc_by_organism"] = {} if cell.auroc is None else {k.removeprefix("auroc_"): v for k, v in cell.auroc.extra.items()}
    row["threshold"] = None if cell.power is None else dict(cell.power.extra)
    row["gate_says"] = cell.gate_says
    row["result"] = cell.result if cell.own and cell.highest else None
    row["gate_result"] = cell.gate if cell.own and cell.highest else None
    row["why"] = cell.why
    return row


def _flat(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: _short(estimate.value), f"{name}_low": _short(estimate.low), f"{name}_high": _short(estimate.high)}


def _short(value: float) -> float:
    return float(f"{value:.12g}")
