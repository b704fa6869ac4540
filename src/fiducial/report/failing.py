"""Which units count against a claim, each with what was asked, what was answered, and why it counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fiducial.kernel.records import NOT_APPLICABLE, Decision, Judgement, Message, Outcome, levels
from fiducial.report.notes import Changes, ExchangeNote, Failure, Rests, UnitNote
from fiducial.report.view import ORDER

LONGEST = 500
"""Characters kept of a question, an answer and a reason; the transcript holds the whole."""


def failing(
    units: Iterable[UnitNote], wanted: Iterable[Rests], decisions: Iterable[Decision], changes: Changes | None
) -> tuple[Failure, ...]:
    """The units among those shown that count against a claim: of violated claims first, and of those the newly broken ones."""
    rank: dict[tuple[str, str], int] = {}
    for d in decisions:
        key = (d.claim.quantity, d.subject)
        rank[key] = min(rank.get(key, len(ORDER)), ORDER.index(d.outcome))
    broken = {(c.quantity, c.unit, c.subject) for c in changes.items if c.kind == "broken"} if changes else set()
    rests = list(wanted)
    found = [one for unit in units if unit.concern == "adverse" and (one := _worst(unit, rests, rank, broken)) is not None]
    return tuple(sorted(found, key=lambda f: (ORDER.index(f.outcome), not f.new)))


def _worst(unit: UnitNote, wanted: Sequence[Rests], rank: dict[tuple[str, str], int], broken: set[tuple[str, str, str]]) -> Failure | None:
    """The failure of a unit in the quantity whose claim stands worst."""
    found: list[tuple[int, Failure]] = []
    for rests in wanted:
        full = f"{rests.label}.{rests.quantity}"
        place = rank.get((full, unit.subject))
        if place is None or unit.benchmark.partition("@")[0] != rests.label:
            continue
        reading = next((j for j in unit.judgements if _against(j, rests)), None)
        ended = next((x for x in unit.exchanges if x.status in rests.statuses), None)
        if reading is None and ended is None:
            continue
        exchange = _about(unit, reading) if ended is None else ended
        if exchange is not None:
            new = (full, unit.unit, unit.subject) in broken
            found.append((place, _failure(unit, full, exchange, reading, ORDER[place], new=new)))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def _against(judgement: Judgement, rests: Rests) -> bool:
    about = rests.aspect is None or judgement.aspect == "*" or (judgement.aspect, judgement.part) == (rests.aspect, rests.part)
    if judgement.judge != rests.judge or not about or judgement.label == NOT_APPLICABLE or judgement.value is None:
        return False
    return rests.sign * (judgement.value - rests.middle) > 0


def _about(unit: UnitNote, reading: Judgement | None) -> ExchangeNote | None:
    """The exchange that a judgement is about: its part, or the last."""
    part = reading.part if reading is not None else None
    return next((x for x in unit.exchanges if x.part == part), unit.exchanges[-1] if unit.exchanges else None)


def _failure(unit: UnitNote, quantity: str, exchange: ExchangeNote, reading: Judgement | None, outcome: Outcome, *, new: bool) -> Failure:
    label, reason = (reading.label, reading.reason) if reading is not None else (exchange.status or "", "")
    return Failure(
        unit=unit.unit, subject=unit.subject, quantity=quantity, name=name(unit), question=_short(question(exchange)),
        answer=_short(answer(exchange)), label=_short(label), reason=_short(reason), outcome=outcome, new=new,
    )  # fmt: skip


def name(unit: UnitNote) -> str:
    """A unit by its item and cell.

    >>> name(UnitNote(unit="b/i[language=de]#0", benchmark="b@1", subject="s", item="i", cell=(("language", "de"),)))
    'i [language=de]'
    """
    return f"{unit.item or unit.unit}{f' [{levels(unit.cell)}]' if unit.cell else ''}"


def question(exchange: ExchangeNote) -> str:
    """What the user said last, as planned."""
    return next((m.text for m in reversed(exchange.messages) if m.role == "user"), "")


def answer(exchange: ExchangeNote) -> str:
    """What the subject said last, or how the exchange ended where it said nothing."""
    last = next((m for m in reversed(exchange.transcript) if m.role == "assistant"), None)
    said = "" if last is None else _said(last)
    return said or (exchange.fault and f"fault: {exchange.fault}") or f"({exchange.status or 'not asked'})"


def _said(message: Message) -> str:
    return message.text or "; ".join(f"{call.name} {call.arguments}" for call in message.tool_calls)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
