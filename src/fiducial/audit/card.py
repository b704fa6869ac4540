"""The audit: every probe over a judge's verdicts, one level for all flags, and a card of it.

A flag says that the interval leaves a fair judge's value out. All m values with such a comparison share a familywise error
(Bonferroni: each interval is computed at 1 - 0.025/m). Half of the promised 5 % is spent, because the intervals are approximate in
their tails: a fair judge is flagged in at most one audit of twenty (simulated: see the tests).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace as replaced

from fiducial.audit import agreement, artifacts, consistency, graded, length, position, reading, subjects, templates
from fiducial.audit.probe import Probe, Probes, estimable
from fiducial.audit.verdicts import Verdicts
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Estimate
from fiducial.store.cards import Finding, JudgeCard

FAMILYWISE = 0.025

PROBES: Mapping[str, Probes] = MappingProxyType({
    "agreement": agreement.probes,
    "graded": graded.probes,
    "position": position.probes,
    "length": length.probes,
    "consistency": consistency.probes,
    "artifacts": artifacts.probes,
    "templates": templates.probes,
    "reading": reading.probes,
    "subjects": subjects.probes,
})  # fmt: skip

WANTED = (
    "language.gap", "people.agreement", "position.bias", "length.bias", "self.preference", "repeat.flip", "artifact.apology",
    "artifact.verbosity", "artifact.authority", "artifact.formatting", "artifact.refusal_marker", "artifact.persona",
    "artifact.placebo", "artifact.injection", "template", "cost",
)  # fmt: skip
"""What a full audit covers; a card lists those it has no number for."""


def audit(parts: Sequence[Verdicts], labels: str, *, level: float = 0.95, notes: Sequence[str] = ()) -> JudgeCard:
    """The card of one judge.

    Args:
        parts: its verdicts, one table an aspect.
        labels: digest of the labels.
        level: of the intervals shown; flags have their own.
        notes: what a reader must know.

    Raises `UsageError` where there is nothing, or verdicts of several judges.
    """
    judges = {part.judge for part in parts}
    if len(judges) != 1 or not any(len(part) for part in parts):
        raise UsageError(f"audit: verdicts of one judge, got {sorted(judges) or 'none'}")
    named = [(kind, part.aspect, probe) for part in parts for kind, probes in PROBES.items() for probe in probes(part)]
    several = len(parts) > 1
    tests = [probe for _, _, probe in named if probe.fair is not None]
    strict = 1 - FAMILYWISE / max(1, len(estimable(tests, level)))
    findings = []
    for kind, aspect, probe in named:
        finding = _finding(kind, f"{aspect}: {probe.name}" if several else probe.name, probe, level, strict)
        if finding is not None:
            findings.append(finding)
    names = [probe.name for _, _, probe in named]
    untested = tuple(wanted for wanted in WANTED if not any(name.startswith(wanted) for name in names))
    return JudgeCard(
        judge=judges.pop(), labels=labels, errors=tuple(cell for part in parts for cell in agreement.errors(part, level)),
        findings=tuple(findings), untested=untested, verdicts=sum(len(part) for part in parts), notes=tuple(notes),
    )  # fmt: skip


def _finding(kind: str, name: str, probe: Probe, level: float, strict: float) -> Finding | None:
    try:
        number = _named(probe.compute(level), name)
        flagged = False
        if probe.fair is not None:
            wide = probe.compute(strict)
            flagged = wide.low > probe.fair or (wide.high < probe.fair and not probe.one_sided)
    except NotEstimable:
        return None
    return Finding(probe=kind, name=name, about=probe.about, estimate=number, fair=probe.fair, flagged=flagged)


def _named(number: Estimate, name: str) -> Estimate:
    return replaced(number, of=replaced(number.of, quantity=name))
