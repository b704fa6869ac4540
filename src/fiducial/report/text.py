"""Text from outside made safe to show, and numbers as reports write them.

Transcripts are hostile: they may carry terminal escapes, direction overrides that make a line read backwards,
invisible tag characters, markup. `visible` shows such characters instead of obeying them; each renderer then escapes
for its own format.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fiducial.kernel.digest import clean
from fiducial.kernel.records import Claim, Decision, Estimate, Outcome
from fiducial.report.need import need
from fiducial.report.notes import Change, Changes, Failure, Tally  # noqa: F401 - Change is used in an example

_HIDDEN = (
    *(code for code in range(0x20) if chr(code) not in "\n\t"),
    *range(0x7F, 0xA0),
    0x061C, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF,
    *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFFF9, 0xFFFC), 0xFFFE, 0xFFFF,
    *range(0xE0000, 0xE0080),  # tag characters: text that a model reads and a person does not see
)  # fmt: skip


_TABLE = {code: f"[U+{code:04X}]" for code in _HIDDEN}


def visible(text: str) -> str:
    r"""Text in which every control, direction override and invisible character is shown by a visible sign.

    New lines and tabs stay; lone surrogates become U+FFFD.

    >>> visible("a\x1b[31m" + chr(0x202E) + "b")
    'a[U+001B][31m[U+202E]b'
    """
    return clean(text).replace("\r\n", "\n").translate(_TABLE)


def one_line(text: str, limit: int = 200) -> str:
    r"""Visible text on one line, cut to `limit` characters.

    >>> one_line("a\n  b", 10), one_line("abcdefgh", 5)
    ('a b', 'abcd…')
    """
    flat = " ".join(visible(text[: 4 * limit]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def number(value: float | None) -> str:
    """A figure with three or four significant digits; a dash where there is none.

    >>> [number(x) for x in (0.0, 0.03125, 0.5, 12.3456, 1234.5, 0.0000123, None)]
    ['0', '0.0312', '0.500', '12.35', '1234', '1.23e-05', '–']
    """
    if value is None:
        return "–"
    size = abs(value)
    if size == 0 or size >= 1e3:
        return f"{value:.0f}" if size < 1e7 else f"{value:.3g}"
    if size < 1e-4:
        return f"{value:.3g}"
    return f"{value:.4f}" if size < 0.1 else f"{value:.3f}" if size < 10 else f"{value:.2f}"


def interval(estimate: Estimate | None) -> str:
    """``value [low, high]``; a dash where there is no estimate."""
    if estimate is None:
        return "–"
    return f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def percent(share: float) -> str:
    """A confidence or level in per cent.

    >>> percent(0.95), percent(0.975)
    ('95 %', '97.5 %')
    """
    return f"{100 * share:.4g} %"


def both_ends(text: str, limit: int) -> str:
    """Visible text on one line; of a long one its beginning and its end, because a question often stands last.

    >>> both_ends("abcdefghij klmno", 9)
    'abc … mno'
    """
    flat = one_line(text, 4 * len(text) + limit)
    half = (limit - 3) // 2
    return flat if len(flat) <= limit else f"{flat[: limit - 3 - half].rstrip()} … {flat[-half:].lstrip()}"


def why(decision: Decision) -> str:
    """The reason of a decision, and what an undecided one lacks."""
    lack = need(decision)
    return f"{decision.reason}; {lack}" if lack else decision.reason


def requirement(claim: Claim) -> str:
    """What a claim asks, without its quantity: ``at most 0.05``, ``at most 0.02 above the baseline``."""
    side = "at most" if claim.side == "at_most" else "at least"
    bound = f"{claim.bound:g}"
    margin = f", margin {claim.margin:g}" if claim.margin else ""
    if claim.scale == "difference":
        return f"{side} {bound} as a difference from the baseline{margin}"
    if claim.scale == "per_cent":
        return f"{side} {bound} per cent relative to the baseline{margin}"
    return f"{side} {bound}{margin}"


def where(decision: Decision) -> str:
    """Subject and slice of a decision."""
    return f"{decision.subject}, {decision.slice}" if decision.slice else decision.subject


def counted(counts: Mapping[Outcome, int]) -> str:
    """How many there are of each outcome.

    >>> counted({"violated": 2, "undecided": 0, "holds": 1})
    '2 violated, 1 holds'
    """
    names = {"holds": "hold"}
    return ", ".join(f"{n} {names.get(o, o) if n != 1 else o}" for o, n in counts.items() if n) or "nothing was decided"


def changed(changes: Changes) -> str:
    """The counts of a comparison.

    >>> changed(Changes(against="x", compared=34, broken=13, fixed=0, lost=6))
    '13 newly broken, 0 newly fixed, of 34 compared; 6 had a value and have none now'
    """
    if changes.each:
        return " | ".join(f"{one.subject}: {tallied(one)}" for one in changes.each)
    return tallied(changes)


def tallied(changes: Changes | Tally) -> str:
    """The counts of one candidate, or of all."""
    lost = f"; {changes.lost} had a value and have none now" if changes.lost else ""
    return f"{changes.broken} newly broken, {changes.fixed} newly fixed, of {changes.compared} compared{lost}"


def grouped(changes: Changes, kind: str, limit: int, above: Collection[Failure] = ()) -> list[tuple[str, list[str], int]]:
    """The units of a kind by quantity, without the benchmark's name; beside the last, how many more there are of the kind.

    `limit` are named in all, those that stand `above` as failing units included, which are left out.

    >>> units = tuple(Change(kind="broken", quantity="b.q", unit=f"b/{n}#0", subject="s", before=0, after=1) for n in (1, 2))
    >>> grouped(Changes(against="x", compared=9, broken=7, fixed=0, items=units), "broken", 1)
    [('b.q', ['1#0'], 6)]
    """
    there = {(f.quantity, f.unit) for f in above}
    items = [c for c in changes.items if c.kind == kind]
    told = sum((c.quantity, c.unit) in there for c in items)
    fresh = [c for c in items if (c.quantity, c.unit) not in there][: max(0, limit - told)]
    found: dict[str, list[str]] = {}
    for c in fresh:
        label = c.quantity.partition(".")[0]
        found.setdefault(f"{c.quantity} of {c.subject}" if changes.each else c.quantity, []).append(c.unit.removeprefix(f"{label}/"))
    total = {"broken": changes.broken, "lost": changes.lost, "fixed": changes.fixed}[kind]
    rest = max(total, len(items)) - told - len(fresh)
    return [(quantity, units, rest * (n == len(found))) for n, (quantity, units) in enumerate(found.items(), 1)]
