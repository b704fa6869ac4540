"""Markdown for a pull request: what is decided, and what newly broke, item by item.

Text from a run may try to be markup: each character that Markdown, HTML or a forge gives a meaning is written as a
character reference, so that no link, image, mention, issue reference or table cell can be made by an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fiducial.kernel.records import Decision, Outcome
from fiducial.report.causes import sentences
from fiducial.report.text import counted, interval, one_line, percent, requirement
from fiducial.report.view import View

MOST_CHANGES = 50
MOST_DECISIONS = 200

_SIGN: dict[Outcome, str] = {"violated": "❌", "undecided": "❔", "holds": "✅"}

_MEANT = "\\`*_{}[]()<>#+-!|~&@$^=\"':/."
_REFERENCES = {ord(c): f"&#{ord(c)};" for c in _MEANT} | {0x2060: "&#8288;"}

# Forges look for mentions, references and addresses after character references were resolved: an unseen joiner parts them.
_JOINS = re.compile(r"(?<=[@#!~$%&^:])(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)


def safe(text: str, limit: int = 160) -> str:
    """Text on one line that shows as itself and means nothing to Markdown.

    >>> safe("@you <b>")
    '&#64;&#8288;you &#60;b&#62;'
    """
    return _JOINS.sub("\u2060", one_line(text, limit)).translate(_REFERENCES)


def render(view: View) -> str:
    """The comment's text."""
    lines = [
        f"### {_SIGN[view.outcome]} {safe(view.system, 60)} {safe(view.version, 40)}: {view.outcome}",
        "",
        f"{counted(view.counts).capitalize()}. Exit code {view.exit_code}. Run {safe(view.provenance.run)}, cycle {view.provenance.cycle}.",
        "",
    ]
    parts = (lines, _quoted(sentences(view.causes)), _decisions(view), _changes(view), _quoted(view.notes), _footer(view))
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _decisions(view: View) -> list[str]:
    if not view.decisions:
        return []
    lines = ["| | claim | subject | asks | estimate [interval] | n | missing | why |", "|---|---|---|---|---|---:|---:|---|"]
    lines += [_row(d) for d in view.ranked[:MOST_DECISIONS]]
    rest = len(view.decisions) - MOST_DECISIONS
    return [*lines, "", *([f"{rest} more decisions are in the report.", ""] if rest > 0 else [])]


def _row(d: Decision) -> str:
    e = d.estimate
    claim = safe(d.claim.id, 80) + (f"<br>{safe(d.slice, 80)}" if d.slice else "") + (" (review)" if d.claim.severity == "review" else "")
    figure = f"{interval(e)} at {percent(e.level)}" if e else "–"
    cells = (
        f"{_SIGN[d.outcome]} {d.outcome}", claim, safe(d.subject, 80), f"{safe(d.claim.quantity, 80)} {safe(requirement(d.claim))}",
        figure, str(e.n) if e else "–", str(e.missing) if e else "–", safe(d.reason, 240),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _changes(view: View) -> list[str]:
    c = view.changes
    if c is None:
        return []
    lines = [f"#### Against {safe(c.against)}: {c.broken} newly broken, {c.fixed} newly fixed, of {c.compared} compared", ""]
    shown = c.items[:MOST_CHANGES]
    for kind, sign in (("broken", "❌ newly broken"), ("fixed", "✅ newly fixed")):
        for item in (i for i in shown if i.kind == kind):
            why = ": ".join(part for part in (safe(item.label, 60), safe(item.reason, 200)) if part)
            lines.append(
                f"- {sign}, {safe(item.quantity, 80)}, {safe(item.unit, 160)} ({safe(item.subject, 80)}){f': {why}' if why else ''}"
            )
    rest = c.broken + c.fixed - len(shown)
    if rest > 0:
        lines.append(f"- and {rest} more")
    return [*lines, ""]


def _quoted(said: Sequence[str]) -> list[str]:
    return [*(f"> ⚠ {safe(one, 500)}\n>" for one in said), ""] if said else []


def _footer(view: View) -> list[str]:
    s = view.spending
    unaudited = [safe(judge.name, 40) for judge in view.judges if judge.audit == "unaudited"]
    judges = f" Unaudited judges: {', '.join(unaudited)}." if unaudited else ""
    return [f"{s.calls} calls, {s.cached} answers from the cache.{judges} Plan {safe(view.provenance.plan) or 'not told'}."]
