"""Markdown for a pull request: what is decided, and what newly broke, item by item.

Text from a run may try to be markup: names stand as code, and in all else each character that Markdown, HTML or a forge
would give a meaning where it stands is written as a character reference, so that no link, image, mention, issue
reference, list or table cell can be made by an answer. What means nothing is left as it is: the text is read raw, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fiducial.kernel.records import Decision, Outcome
from fiducial.report.causes import sentences
from fiducial.report.notes import Failure
from fiducial.report.text import both_ends, changed, counted, grouped, interval, one_line, percent, requirement, why
from fiducial.report.view import View

MOST_CHANGES = 10
"""Changed units named, of each kind."""

MOST_FAILING = 10
"""Failing units shown with question and answer."""

MOST_DECISIONS = 200

_SIGN: dict[Outcome, str] = {"violated": "❌", "undecided": "❔", "holds": "✅"}

# Forges look for mentions, references and addresses after character references were resolved: an unseen joiner parts them.
_JOINS = re.compile(r"(?<=[@#!~$%&^:])(?=\S)|(?<=www)(?=\.)|(?<=\bGH-)(?=\d)", re.IGNORECASE)

_MEANT = re.compile(r"[\\`*\[\]<>|~&${}^\u2060]|[@#!%:](?=\u2060)|(?<!\w)_|_(?!\w)|^[-+](?=[-+\s]|$)|^[=#]")
"""What can be markup within a line, or at its beginning."""

_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")

_PLAIN = re.compile(r"[\w.:@/\[\]=#,+()?&%-]+(?: [\w.:@/\[\]=#,+()?&%-]+)*")


def safe(text: str, limit: int = 160) -> str:
    """Text on one line that shows as itself and means nothing to Markdown.

    >>> safe("@you <b>"), safe("at most 0.05, snake_case (so)")
    ('&#64;&#8288;you &#60;b&#62;', 'at most 0.05, snake_case (so)')
    """
    line = _MEANT.sub(lambda found: f"&#{ord(found[0])};", _JOINS.sub("\u2060", one_line(text, limit)))
    return _NUMBERED.sub(lambda found: f"{found[1]}&#{ord(found[2])};", line)


def code(text: str, limit: int = 160) -> str:
    """A name as code, which no forge reads further; as safe text where it holds a character that names do not have.

    >>> code("chat:bot@example.com-1"), code("a`b")
    ('`chat:bot@example.com-1`', 'a&#96;b')
    """
    line = one_line(text, limit)
    return f"`{line}`" if _PLAIN.fullmatch(line) else safe(text, limit)


def render(view: View) -> str:
    """The comment's text."""
    run = code(view.provenance.run)
    subjects = list(dict.fromkeys(d.subject for d in view.decisions))
    about = f" of {code(subjects[0], 80)}" if len(subjects) == 1 else ""
    lines = [
        f"### {_SIGN[view.outcome]} {safe(view.system, 60)} {safe(view.version, 40)}: {view.outcome}",
        "",
        f"{counted(view.counts).capitalize()}. Exit code {view.exit_code}. Run {run}{about}, cycle {view.provenance.cycle}.",
        "",
    ]
    causes = [f"> ⚠ {one}\n>" for one in sentences(view.causes, code, safe)]
    parts = (
        lines, _history(view), [*causes, ""] if causes else [], _decisions(view, several=len(subjects) > 1), _failing(view),
        _changes(view), _quoted(view.notes), _footer(view),
    )  # fmt: skip
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _history(view: View) -> list[str]:
    return [*(f"- {safe(line, 400)}" for line in view.history), ""] if view.history else []


def _decisions(view: View, *, several: bool) -> list[str]:
    if not view.decisions:
        return []
    who, line = ("subject | ", "---|") if several else ("", "")
    lines = [f"| | claim | {who}asks | estimate [interval] | n | missing | why |", f"|---|---|{line}---|---|---:|---:|---|"]
    lines += [_row(d, several=several) for d in view.ranked[:MOST_DECISIONS]]
    rest = len(view.decisions) - MOST_DECISIONS
    return [*lines, "", *([f"{rest} more decisions are in the report.", ""] if rest > 0 else [])]


def _row(d: Decision, *, several: bool) -> str:
    e = d.estimate
    claim = code(d.claim.id, 80) + (f"<br>{code(d.slice, 80)}" if d.slice else "") + (" (review)" if d.claim.severity == "review" else "")
    figure = f"{interval(e)} at {percent(e.level)}" if e else "–"
    cells = (
        f"{_SIGN[d.outcome]} {d.outcome}", claim, *([code(d.subject, 80)] if several else []),
        f"{code(d.claim.quantity, 80)} {safe(requirement(d.claim))}", figure, str(e.n) if e else "–", str(e.missing) if e else "–",
        safe(why(d), 360),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _failing(view: View) -> list[str]:
    shown = view.failing[:MOST_FAILING]
    if not shown:
        return []
    total = max(view.sample.adverse, len(view.failing))
    lines = [f"#### {total} failing unit{'s' if total != 1 else ''}{f', {len(shown)} of them' if total > len(shown) else ''}", ""]
    several = len({d.subject for d in view.decisions}) > 1
    groups: dict[tuple[str, str, bool], list[Failure]] = {}
    for f in shown:
        groups.setdefault((f.quantity, f.subject, f.new), []).append(f)
    for (quantity, subject, new), failures in groups.items():
        lines.append(f"- {code(quantity, 80)}{f' of {code(subject, 80)}' if several else ''}{', newly broken' if new else ''}")
        for f in failures:
            judged = ": ".join(part for part in (safe(f.label, 60), safe(f.reason, 200)) if part)
            said = f"asked “{safe(both_ends(f.question, 160))}”, answered “{safe(f.answer)}”"
            lines.append(f"  - {code(f.name, 120)}: {said}{f'; {judged}' if judged else ''}")
    return [*lines, ""]


def _changes(view: View) -> list[str]:
    c = view.changes
    if c is None:
        return []
    lines = [f"#### Against {code(c.against)}: {changed(c)}", ""]
    for kind, sign in (("broken", "❌ newly broken"), ("lost", "❔ no value now"), ("fixed", "✅ newly fixed")):
        for quantity, units, rest in grouped(c, kind, MOST_CHANGES, view.failing[:MOST_FAILING]):
            lines.append(f"- {sign}, {code(quantity, 80)}: {', '.join(code(u, 120) for u in units)}{f' and {rest} more' if rest else ''}")
    return [*lines, ""]


def _quoted(said: Sequence[str]) -> list[str]:
    return [*(f"> ⚠ {safe(one, 500)}\n>" for one in said), ""] if said else []


def _footer(view: View) -> list[str]:
    s = view.spending
    unaudited = [code(judge.name, 40) for judge in view.judges if judge.audit == "unaudited"]
    plan = code(view.provenance.plan) if view.provenance.plan else "not told"
    judges = f" Unaudited judges: {', '.join(unaudited)}." if unaudited else ""
    return [f"{s.calls} calls, {s.cached} answers from the cache.{judges} Plan {plan}."]
