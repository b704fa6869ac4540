"""Show units of a run: their transcripts and what the judges made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json, RunFolder

if TYPE_CHECKING:
    from fiducial.report.notes import Failure


def command(
    run: RunFolder,
    name: Annotated[
        str | None,
        typer.Argument(metavar="UNIT", help="An item's id, a unit's name or its beginning, or the beginning of a trial's key."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show units of a run: their transcripts and what the judges made of them. Without UNIT, those that count against a claim."""
    from fiducial.api import showing

    if name is None:
        return _failing(*showing.failing(run), as_json=as_json)
    for case, judgements in showing.show(run, name):
        if as_json:
            import msgspec

            exchanges = [{"trial": msgspec.to_builtins(e.trial), "response": msgspec.to_builtins(e.response)} for e in case.exchanges]
            _shared.print_json(
                {"unit": case.unit, "subject": case.subject, "exchanges": exchanges, "judgements": msgspec.to_builtins(judgements)}
            )
        else:
            _shared.print_case(f"{case.unit}   {case.subject}", case.exchanges, judgements)
    return 0


def _failing(found: Sequence[Failure], total: int, unknown: int, *, as_json: bool) -> int:
    """The units that count against a claim, one after the other."""
    if as_json:
        import msgspec

        _shared.print_json({"failing": msgspec.to_builtins(found), "total": total, "without_value": unknown})
        return 0
    from fiducial.report.text import one_line

    shown = f" ({len(found)} of them are listed)" if total > len(found) else ""
    print(f"{total} unit{'s count' if total != 1 else ' counts'} against a claim{shown}, {unknown} without a value")
    for f in found:
        print(f"\n{one_line(f.unit, 300)}   {one_line(f.subject, 100)}")
        print(
            f"  {one_line(f.quantity, 80)}{', newly broken' if f.new else ''}: {one_line(f.label, 80)}   {one_line(f.reason, 300)}".rstrip()
        )
        print(f"  asked     {one_line(f.question, 300)}")
        print(f"  answered  {one_line(f.answer, 300)}")
    return 0
