"""Decisions on a terminal: the worst first, each with its figure, what it rests on, and why.

On a terminal: colour, and lines as wide as it is. Elsewhere (a pipe, a log): the same words without colour or frames.
"""

from __future__ import annotations

import shutil
import sys
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fiducial.kernel.records import Decision, Outcome
from fiducial.report.causes import sentences
from fiducial.report.text import both_ends, changed, counted, grouped, interval, one_line, percent, requirement, why
from fiducial.report.view import View

NARROW = 96
"""Below this width a table would break words, and decisions are written as paragraphs."""

MOST_CHANGES = 5
"""Changed units named, of each kind; the failing ones shown count."""

MOST_FAILING = 5
"""Failing units shown with question and answer."""

_STYLE: dict[Outcome, str] = {"violated": "bold red", "undecided": "yellow", "holds": "green"}
_SIGN: dict[Outcome, str] = {"violated": "✗", "undecided": "?", "holds": "✓"}


def render(view: View, *, width: int = 100, tty: bool = False) -> str:
    """The text. `width` in columns (at least 30 are used); `tty` writes colours."""
    out = StringIO()
    console = Console(
        file=out, width=max(30, width), force_terminal=tty, color_system="standard" if tty else None, no_color=not tty,
        highlight=False, markup=False, emoji=False, legacy_windows=False, _environ={},
    )  # fmt: skip
    console.print(_headline(view))
    for line in view.history:
        console.print(Text(one_line(line, 400)))
    for sentence in sentences(view.causes):
        console.print(Text(f"! {one_line(sentence, 500)}", style="yellow"))
    if view.decisions:
        console.print(_table(view) if width >= NARROW and tty else _paragraphs(view))
    for part in (_failing(view), _changes(view), _notes(view), _footer(view)):
        if part is not None:
            console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def show(view: View) -> None:
    """Print to standard output: in colour and at its width where that is a terminal, plainly elsewhere."""
    tty = sys.stdout.isatty()
    text = render(view, width=shutil.get_terminal_size((100, 24)).columns if tty else 120, tty=tty)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


def _headline(view: View) -> Text:
    text = Text(f"{one_line(view.system, 60)} {one_line(view.version, 40)}: ", style="bold")
    text.append(f"{_SIGN[view.outcome]} {view.outcome}", style=_STYLE[view.outcome])
    text.append(f" ({counted(view.counts)}; exit code {view.exit_code})", style="not bold")
    return text


def _table(view: View) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, expand=False, pad_edge=False, padding=(0, 1), header_style="dim")
    for name, right in (("", False), ("claim", False), ("asks", False), ("estimate", True), ("n", True), ("missing", True), ("why", False)):
        table.add_column(name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    several = _several(view)
    for d in view.ranked:
        e = d.estimate
        table.add_row(
            Text(f"{_SIGN[d.outcome]} {d.outcome}", style=_STYLE[d.outcome], no_wrap=True), _claim(d, several=several), Text(_asks(d)),
            interval(e), str(e.n) if e else "–", str(e.missing) if e else "–", Text(_why(d)),
        )  # fmt: skip
    return table


def _paragraphs(view: View) -> RenderableType:
    parts: list[RenderableType] = []
    several = _several(view)
    for d in view.ranked:
        e = d.estimate
        head = Text(f"{_SIGN[d.outcome]} {d.outcome:<9} ", style=_STYLE[d.outcome])
        head.append_text(_claim(d, several=several)).append(f"  {interval(e)}", style="bold")
        data = f"n {e.n}, clusters {e.clusters}, missing {e.missing}, {percent(e.level)} interval" if e else "no estimate"
        parts += [head, Padding(Text(f"{_asks(d)}; {data}"), (0, 0, 0, 2)), Padding(Text(_why(d), style="dim"), (0, 0, 0, 2))]
    return Group(*parts)


def _claim(d: Decision, *, several: bool) -> Text:
    text = Text(one_line(d.claim.id, 60), style="bold")
    if several:
        text.append(f" {one_line(d.subject, 60)}", style="not bold")
    if d.slice:
        text.append(f" [{one_line(d.slice, 60)}]", style="not bold")
    if d.claim.severity == "review":
        text.append(" (review)", style="not bold dim")
    return text


def _several(view: View) -> bool:
    return len({d.subject for d in view.decisions}) > 1


def _asks(d: Decision) -> str:
    return f"{one_line(d.claim.quantity, 60)} {requirement(d.claim)}"


def _why(d: Decision) -> str:
    method = f" ({one_line(d.estimate.method, 240)})" if d.estimate else ""
    return one_line(why(d), 360) + method


def _failing(view: View) -> RenderableType | None:
    """The units that count against a claim, with question, answer and reason."""
    shown = view.failing[:MOST_FAILING]
    if not shown:
        return None
    total = max(view.sample.adverse, len(view.failing))
    which = f", {len(shown)} of them" if total > len(shown) else ""
    head = f"{total} failing unit{'s' if total != 1 else ''}{which} (more: fiducial show RUN; one: fiducial show RUN ITEM)"
    lines: list[RenderableType] = [Text(head, style="bold")]
    several = _several(view)
    for f in shown:
        head = Text(f"  ✗ {one_line(f.quantity, 60)}  {one_line(f.name, 100)}")
        head.append(f"  {one_line(f.subject, 60)}" if several else "").append("  newly broken" if f.new else "", style="red")
        judged = ": ".join(part for part in (one_line(f.label, 40), one_line(f.reason, 120)) if part)
        told = f"asked “{both_ends(f.question, 100)}”, answered “{one_line(f.answer, 100)}”{f', {judged}' if judged else ''}"
        lines += [head, Padding(Text(told, style="dim"), (0, 0, 0, 4))]
    return Group(*lines)


def _changes(view: View) -> RenderableType | None:
    if view.changes is None:
        return None
    c = view.changes
    lines = [Text(f"Against {one_line(c.against, 80)}: {changed(c)}", style="bold")]
    for kind, sign in (("broken", "✗ newly broken"), ("lost", "? no value now")):
        for quantity, units, rest in grouped(c, kind, MOST_CHANGES, view.failing[:MOST_FAILING]):
            more = f" and {rest} more" if rest else ""
            lines.append(Text(f"  {sign}, {one_line(quantity, 60)}: {', '.join(one_line(u, 60) for u in units)}{more}"))
    return Group(*lines)


def _notes(view: View) -> RenderableType | None:
    if not view.notes:
        return None
    return Group(*(Text(f"! {one_line(note, 300)}", style="yellow") for note in view.notes))


def _footer(view: View) -> Text:
    s = view.spending
    cost = "" if s.cost is None else f", cost {s.cost:.4g} {one_line(s.currency, 8)}".rstrip()
    statuses: dict[str, int] = {}
    for row in view.statuses:
        for status, count in row.counts.items():
            statuses[status] = statuses.get(status, 0) + count
    ended = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()) if count)
    unaudited = sum(judge.audit == "unaudited" for judge in view.judges)
    judges = f"; {unaudited} of {len(view.judges)} judges unaudited" if unaudited else ""
    return Text(f"{s.calls} calls, {s.cached} answers from the cache{cost}{f'; {ended}' if ended else ''}{judges}", style="dim")
