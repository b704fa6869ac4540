"""JUnit XML for build servers: a projection of the decisions, never the evidence.

One test suite a clause, one test case a decided claim, subject and slice. The name of a case stays the same from build to
build: the subject's id, which holds a host and a digest, is a property of the case. So that a server shows red exactly where a
blocking claim does not hold:

    violated, blocking     failure
    undecided, blocking    error: no verdict is not a pass, just as its exit code is not 0
    violated or undecided, for review   skipped, with the reason
    holds                  passed

A clause without claims gives an empty suite. Times are not written: a decision has none.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from fiducial.kernel.records import Decision
from fiducial.report.causes import sentences
from fiducial.report.text import interval, one_line, percent, requirement, visible, why
from fiducial.report.view import View, by_clause

_VARYING = re.compile(r"(@[^@]*)?(-[0-9a-f]{8})?$")
"""What of a subject's id is no name: the host it answers at, and the digest of its settings."""


def render(view: View) -> str:
    """The XML document. Every control character is replaced by a visible sign."""
    root = ET.Element("testsuites", {"name": one_line(f"{view.system} {view.version}")} | _totals(view.decisions))
    names = _names(view)
    for clause, decisions in by_clause(view):
        suite = ET.SubElement(root, "testsuite", {"name": one_line(clause.id)} | _totals(decisions))
        properties = ET.SubElement(suite, "properties")
        facts = (
            ("clause", clause.text),
            ("run", view.provenance.run),
            ("plan", view.provenance.plan),
            ("cycle", str(view.provenance.cycle)),
        )
        for name, value in facts:
            ET.SubElement(properties, "property", {"name": name, "value": one_line(value, 2000)})
        for decision in decisions:
            _case(suite, decision, names[decision.subject], _causes(view, decision))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _causes(view: View, d: Decision) -> str:
    """Why units of a decision have no value, in sentences: of its benchmark, its subject and what it is compared with."""
    subjects = {d.subject} | ({s.id for s in view.subjects if s.role == "baseline"} if d.claim.scale != "absolute" else set())
    label = d.claim.quantity.partition(".")[0]
    return ". ".join(sentences(c for c in view.causes if c.subject in subjects and c.benchmark.partition("@")[0] == label))


def _names(view: View) -> dict[str, str]:
    """What tells subjects apart in the names of cases: nothing where there is one; no host and no digest, which change."""
    subjects = list(dict.fromkeys(d.subject for d in view.decisions))
    short = {subject: _VARYING.sub("", subject) for subject in subjects}
    if len(subjects) == 1:
        return dict.fromkeys(subjects, "")
    if len(set(short.values())) == len(subjects):
        return short
    return {subject: f"candidate {n}" for n, subject in enumerate(subjects, 1)}


def _case(suite: ET.Element, d: Decision, subject: str, causes: str) -> None:
    name = " ".join(part for part in (d.claim.id, f"[{d.slice}]" if d.slice else "", f"({subject})" if subject else "") if part)
    case = ET.SubElement(suite, "testcase", {"classname": one_line(d.claim.quantity), "name": one_line(name, 300)})
    properties = ET.SubElement(case, "properties")
    for key, value in (("subject", d.subject), ("system", d.system)):
        ET.SubElement(properties, "property", {"name": key, "value": one_line(value, 300)})
    kind = _kind(d)
    text = f"{d.outcome}: {d.claim.quantity} {requirement(d.claim)}, {interval(d.estimate)}. {why(d)}{f'. {causes}' if causes else ''}"
    if kind is not None:
        verdict = ET.SubElement(
            case, kind, {"type": d.outcome, "message": one_line(text, 800)} if kind != "skipped" else {"message": one_line(text, 800)}
        )
        verdict.text = visible(f"{why(d)}\n{causes}" if causes else why(d))
    out = ET.SubElement(case, "system-out")
    out.text = visible(f"{_facts(d)}\n{causes}" if causes else _facts(d))


def _kind(d: Decision) -> str | None:
    if d.outcome == "holds":
        return None
    if d.claim.severity == "review":
        return "skipped"
    return "failure" if d.outcome == "violated" else "error"


def _totals(decisions: tuple[Decision, ...]) -> dict[str, str]:
    kinds = [_kind(d) for d in decisions]
    counts = {name: kinds.count(kind) for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))}
    return {"tests": str(len(kinds))} | {name: str(count) for name, count in counts.items()}


def _facts(d: Decision) -> str:
    e = d.estimate
    if e is None:
        return f"{d.outcome}, no estimate"
    bounds = f", bounds {e.bounds[0]:.6g} to {e.bounds[1]:.6g}" if e.bounds else ""
    return (
        f"{d.outcome}, value {e.value:.6g}, {percent(e.level)} interval {e.low:.6g} to {e.high:.6g}, n {e.n}, clusters {e.clusters}, "
        f"missing {e.missing}{bounds}, method {e.method}"
    )
