"""`report.html`: one file that needs no network and trusts nothing it shows.

Three walls stand between a transcript and the page: every value is escaped by the template engine after its hidden
characters were made visible; data for scripts is JSON without `<`, `>` and `&`; and the page's own policy allows no
script but the four whose digests it names, no connection, no form, no frame.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from fiducial.kernel.digest import clean
from fiducial.kernel.records import Decision, Estimate, Judgement, levels
from fiducial.report import charts, failing
from fiducial.report.causes import sentences
from fiducial.report.notes import Clause, QuantityNote, UnitNote
from fiducial.report.text import both_ends, changed, counted, interval, number, one_line, percent, requirement, tallied, visible, where, why
from fiducial.report.view import ORDER, View, by_clause, name_of

_HERE = Path(__file__).parent
SCRIPTS = ("_vendor/vega.min.js", "_vendor/vega-lite.min.js", "_vendor/vega-embed.min.js", "templates/page.js")
"""Scripts written into the page, in order; the policy allows these and no other."""

MOST_LINKS = 12
"""Units listed under one claim; the transcripts section holds all that are in the sample."""

MOST_BROKEN = 4
"""Violated claims, or else undecided ones, that the banner names."""

MOST_FAILING = 10
"""Failing units listed at the top."""

MOST_CHANGES = 12
"""Changed units listed openly; the rest is folded."""

MOST_OPEN = 3
"""Violated claims that stand open when the page is opened."""

MOST_CHARTS = 150
"""Charts in one page; beyond that the tables stand alone, and the page says so."""


@dataclass(frozen=True)
class Shown:
    """A unit with its place in the page."""

    anchor: str
    unit: UnitNote

    @property
    def question(self) -> str:
        """What was asked in its last exchange."""
        return failing.question(self.unit.exchanges[-1]) if self.unit.exchanges else ""

    @property
    def answer(self) -> str:
        """What was answered there."""
        return failing.answer(self.unit.exchanges[-1]) if self.unit.exchanges else ""

    @property
    def name(self) -> str:
        """Its item and cell."""
        return failing.name(self.unit)


@dataclass(frozen=True)
class ClaimPart:
    """A decision with what lies under it: the quantity, its estimates by slice, a chart of them, the units."""

    anchor: str
    decision: Decision
    quantity: QuantityNote
    estimates: tuple[Estimate, ...]
    chart: str
    units: tuple[Shown, ...]
    hidden: int

    @property
    def open(self) -> bool:
        """The first violated claims stand open."""
        return self.decision.outcome == "violated" and int(self.anchor.removeprefix("claim")) <= MOST_OPEN


@dataclass(frozen=True)
class ClausePart:
    """A clause with its claims and one chart for each quantity they rest on."""

    anchor: str
    clause: Clause
    claims: tuple[ClaimPart, ...]
    charts: tuple[tuple[QuantityNote, str], ...]


def render(view: View) -> str:
    """The page. The same view gives the same bytes."""
    drawn = _Charts(view)
    shown = tuple(Shown(f"u{n}", unit) for n, unit in enumerate(view.sample.units, 1))
    clauses = _clauses(view, shown, drawn)
    back: dict[str, list[ClaimPart]] = {}
    for part in (claim for clause in clauses for claim in clause.claims):
        for unit in part.units:
            back.setdefault(unit.anchor, []).append(part)
    claims = [claim for clause in clauses for claim in clause.claims]
    broken = [(claim.anchor, claim.decision) for claim in claims if claim.decision.outcome == view.outcome != "holds"]
    scripts = [_script(name) for name in SCRIPTS]
    text = _environment().get_template("report.html").render(
        view=view, clauses=clauses, shown=shown, back=back, order=ORDER, omitted=drawn.omitted,
        overview=_overview(clauses), estimates=_by_benchmark(view.estimates),
        css=Markup((_HERE / "templates/style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        scripts=[Markup(s) for s in scripts],  # noqa: S704 - our own and vendored files, whose digests a test checks
        policy=_policy(scripts), charts=script_json(drawn.specs),
        broken=broken[:MOST_BROKEN], hidden_broken=max(0, len(broken) - MOST_BROKEN),
        texts={clause.id: clause.text for clause in view.clauses}, several=len({d.subject for d in view.decisions}) > 1,
        places={(one.unit.unit, one.unit.subject): one.anchor for one in shown},
        notes={(one.unit.unit, one.unit.subject): one for one in shown}, roles={s.id: s.role for s in view.subjects},
        causes=sentences(view.causes), judges={judge.id: judge for judge in view.judges},
    )  # fmt: skip
    return clean(text)


def script_json(value: Any) -> Markup:
    """JSON that cannot end the script element that holds it.

    >>> str(script_json("</script>&" + chr(0x2028)))
    '"\\\\u003c/script\\\\u003e\\\\u0026\\\\u2028"'
    """
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - holds no character that HTML gives a meaning to


class _Charts:
    """The charts of one page: built on demand, counted, and left out beyond `MOST_CHARTS`."""

    def __init__(self, view: View) -> None:
        self.specs: dict[str, Any] = {}
        self.omitted = 0
        self.view = view

    def add(self, rows: Sequence[charts.Row], quantity: QuantityNote) -> str:
        """The name of the chart of these rows; ``""`` where there is nothing to draw, or too much already."""
        if not rows:
            return ""
        if len(self.specs) >= MOST_CHARTS:
            self.omitted += 1
            return ""
        name = f"c{len(self.specs) + 1}"
        self.specs[name] = charts.plot(rows, quantity.range)
        return name


def _clauses(view: View, shown: tuple[Shown, ...], drawn: _Charts) -> tuple[ClausePart, ...]:
    several = len({d.subject for d in view.decisions}) > 1
    parts, count = [], 0
    for n, (clause, decisions) in enumerate(by_clause(view), 1):
        groups: dict[tuple[str, str], list[Decision]] = {}
        for decision in decisions:
            groups.setdefault((decision.claim.quantity, decision.claim.scale), []).append(decision)
        pictures = []
        for (name, _), group in groups.items():
            chart = drawn.add(charts.of_decisions(group, several_subjects=several), view.quantity(name))
            if chart:
                pictures.append((view.quantity(name), chart))
        claims = []
        for decision in decisions:
            count += 1
            claims.append(_claim(view, decision, f"claim{count}", shown, drawn))
        parts.append(ClausePart(f"clause{n}", clause, tuple(claims), tuple(pictures)))
    return tuple(parts)


def _claim(view: View, decision: Decision, anchor: str, shown: tuple[Shown, ...], drawn: _Charts) -> ClaimPart:
    claim = decision.claim
    quantity = view.quantity(claim.quantity)
    estimates = tuple(
        e for e in view.estimates if name_of(e) == claim.quantity and e.of.subject == decision.subject and e.of.scale == claim.scale
    )
    if decision.estimate is not None and decision.estimate not in estimates:
        estimates = (decision.estimate, *estimates)
    decided = decision.estimate.of if decision.estimate is not None else None
    # The number that decides stands for its slice; the same number at another level would only repeat it.
    rows = [
        charts.row(e, _slice(e), decision.outcome if e == decision.estimate else "plain", claim)
        for e in estimates
        if e.of != decided or e == decision.estimate
    ]
    units = tuple(s for s in shown if rests_on(s.unit, decision))
    chart = drawn.add(rows, quantity) if len(rows) > 1 else ""
    return ClaimPart(anchor, decision, quantity, estimates, chart, units[:MOST_LINKS], max(0, len(units) - MOST_LINKS))


def rests_on(unit: UnitNote, decision: Decision) -> bool:
    """Whether a unit is among those that a decision's estimate was made from."""
    if unit.subject != decision.subject or unit.benchmark.partition("@")[0] != decision.claim.quantity.partition(".")[0]:
        return False
    return all(condition in levels(unit.cell).split(",") for condition in decision.slice.split(",") if condition)


def _slice(estimate: Estimate) -> str:
    of = estimate.of
    return (of.slice or "all") + (f" · against {of.baseline}" if of.baseline else "")


def _judged(unit: UnitNote, aspect: str) -> str:
    """What the judges made of a unit in one aspect (all where it is not known), on one line."""
    readings = [j for j in unit.judgements if not aspect or j.aspect in (aspect, "*")]
    return "; ".join(
        f"{one_line(j.part or j.aspect, 40)} {_verdict(j)}" + (f" ({one_line(j.label, 40)})" if j.label else "") for j in readings
    )


def _overview(clauses: Iterable[ClausePart]) -> dict[str, Any]:
    """The claims as a grid: one line a claim and slice, one column a subject."""
    lines: dict[tuple[str, str, str], dict[str, ClaimPart]] = {}
    subjects: list[str] = []
    for part in (claim for clause in clauses for claim in clause.claims):
        decision = part.decision
        if decision.subject not in subjects:
            subjects.append(decision.subject)
        lines.setdefault((decision.claim.clause, decision.claim.id, decision.slice), {})[decision.subject] = part
    worst = {key: min(ORDER.index(part.decision.outcome) for part in cells.values()) for key, cells in lines.items()}
    return {"subjects": sorted(subjects), "lines": sorted(lines.items(), key=lambda pair: worst[pair[0]])}


def _by_benchmark(estimates: Iterable[Estimate]) -> dict[str, list[Estimate]]:
    groups: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        groups.setdefault(estimate.of.benchmark, []).append(estimate)
    return groups


def _script(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str]) -> str:
    allowed = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    # Styles are allowed inline: the drawing library sets them on its own elements, and no text from outside is markup.
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


class _Compiled(FileSystemBytecodeCache):
    """Compiled templates beside their sources, as Python keeps its own, where that can be written: compiling takes 0.1 s."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates", encoding="utf-8"), autoescape=True, undefined=StrictUndefined,
        bytecode_cache=_Compiled(str(_HERE / "templates" / "__pycache__"), f"jinja2-{version('jinja2')}-%s.cache"),
        finalize=_finalize, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals |= {"most_failing": MOST_FAILING, "most_changes": MOST_CHANGES}
    environment.filters |= {
        "number": number, "interval": interval, "percent": percent, "requirement": requirement, "where": where, "why": why,
        "both_ends": both_ends, "changed": changed, "tallied": tallied, "heading": _heading,
        "levels": levels, "line": one_line, "counted": counted, "slice_name": _slice, "pretty": _pretty,
        "verdict": _verdict, "judged": _judged,
        "name_of": name_of, "thousands": _thousands,
    }  # fmt: skip
    return environment


def _finalize(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    return visible(value) if isinstance(value, str) else value


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)


def _heading(name: str) -> str:
    """A key as a heading.

    >>> _heading("not_asked")
    'Not asked'
    """
    return name[:1].upper() + name[1:].replace("_", " ")


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def _verdict(judgement: Judgement) -> str:
    if judgement.fault is not None:
        return "did not run"
    return "could not tell" if judgement.value is None else number(judgement.value)
