"""`View`: all that a report shows, as plain values. Each renderer is a pure function from a view to text.

Everything a reader can ask of a number stands here: claim -> quantity -> units -> transcript, and back. A view holds
a sample of the transcripts, never all of them; `Sample` says how many there are and how the shown ones were chosen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from fiducial.kernel.digest import clean
from fiducial.kernel.records import Decision, Estimate, Outcome, Record
from fiducial.report.notes import (
    Cause,
    Changes,
    Clause,
    Failure,
    JudgeNote,
    Provenance,
    QuantityNote,
    Sample,
    Spending,
    StatusCount,
    SubjectNote,
)

ORDER: tuple[Outcome, ...] = ("violated", "undecided", "holds")
"""Outcomes as a report lists them: the worst first."""


class View(Record, frozen=True, kw_only=True):
    """A report's content. `estimates` are all of the revision, those of the decisions included.

    `failing` are units of `sample` that count against a claim, the worst claim's first; `sample.adverse` counts all.
    """

    system: str
    version: str
    outcome: Outcome
    exit_code: int
    provenance: Provenance
    title: str = ""
    clauses: tuple[Clause, ...] = ()
    decisions: tuple[Decision, ...] = ()
    estimates: tuple[Estimate, ...] = ()
    quantities: tuple[QuantityNote, ...] = ()
    subjects: tuple[SubjectNote, ...] = ()
    statuses: tuple[StatusCount, ...] = ()
    causes: tuple[Cause, ...] = ()
    judges: tuple[JudgeNote, ...] = ()
    spending: Spending = Spending()
    sample: Sample = Sample()
    failing: tuple[Failure, ...] = ()
    changes: Changes | None = None
    notes: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    """How the revision was made and what others of the run say, where there are others."""

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many decisions there are of each outcome."""
        return {outcome: sum(d.outcome == outcome for d in self.decisions) for outcome in ORDER}

    @property
    def ranked(self) -> tuple[Decision, ...]:
        """Decisions, violated before undecided before held, blocking before review; else as specified."""
        return tuple(sorted(self.decisions, key=lambda d: (ORDER.index(d.outcome), d.claim.severity != "block")))

    def quantity(self, name: str) -> QuantityNote:
        """The note of a quantity, or an empty one of that name."""
        return next((q for q in self.quantities if q.name == name), QuantityNote(name=name))


def by_clause(view: View) -> tuple[tuple[Clause, tuple[Decision, ...]], ...]:
    """Decisions clause by clause, the clause with the worst outcome first; a clause without claims comes last."""
    groups: dict[str, list[Decision]] = {}
    for decision in view.ranked:
        groups.setdefault(decision.claim.clause, []).append(decision)
    texts = {clause.id: clause for clause in view.clauses}
    known = [texts.get(name, Clause(id=name, text="")) for name in groups]
    idle = [clause for clause in view.clauses if clause.id not in groups]
    return tuple((clause, tuple(groups.get(clause.id, ()))) for clause in [*known, *idle])


def name_of(estimate: Estimate) -> str:
    """``benchmark.quantity`` without the benchmark's version, as claims write it."""
    return f"{estimate.of.benchmark.partition('@')[0]}.{estimate.of.quantity}"


def plain(value: Any) -> Any:
    """A record as JSON values with every field written, defaults too; text made fit for UTF-8.

    >>> plain(Clause(id="c", text="t"))
    {'id': 'c', 'text': 't'}
    """
    if isinstance(value, msgspec.Struct):
        return {field: plain(getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, dict):
        return {clean(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Iterable):
        return [plain(inner) for inner in value]
    return value
