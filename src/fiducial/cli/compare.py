"""Compare two runs of the same trials: paired changes, and what newly broke."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json

VERDICTS = ("regressed", "undecided", "within margin", "improved", "not measured")


def command(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The earlier run.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The later run; the same one compares its subjects.")],
    before_subject: Annotated[str | None, typer.Option(help="Which subject of BEFORE (default: its first candidate).")] = None,
    after_subject: Annotated[
        str | None, typer.Option(help="Which subject of AFTER (default: its first, or second within one run).")
    ] = None,
    margin: Annotated[float, typer.Option(min=0, help="Worsening that does not count, in the quantity's unit.")] = 0.10,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="That nothing is called regressed wrongly; and of each one-sided bound.")
    ] = 0.95,
    as_json: Json = False,
) -> int:
    """Compare two runs of the same trials: paired changes, and what newly broke.

    Exit code: 0 nothing regressed, 1 a regression is decided, 3 undecided.
    """
    from fiducial.api import comparing

    found = comparing.compare(before, after, before_subject, after_subject, margin=margin, level=2 * confidence - 1)
    if as_json:
        _shared.print_json(found)
        return found.exit_code
    print(f"{found.before} -> {found.after}, paired by unit, {100 * confidence:g} % bounds, margin {margin:g}")
    for change in sorted(found.changes, key=lambda change: VERDICTS.index(change.verdict)):
        number = change.estimate
        if number is None:
            print(f"  {change.verdict:14} {change.quantity:44} {change.reason}")
            continue
        shift = f"{number.value:+.3f} [{number.low:+.3f}, {number.high:+.3f}]"
        told = f"  {change.reason}" if change.reason else ""
        means = f"{change.before:.3f} -> {change.after:.3f}"
        print(f"  {change.verdict:14} {change.quantity:44} {means}  {shift}  n={number.n} missing={number.missing}{told}")
    broken = [flip for flip in found.flips if flip.kind == "broken"]
    fixed, lost = (sum(flip.kind == kind for flip in found.flips) for kind in ("fixed", "lost"))
    print(f"values newly broken: {len(broken)}, fixed: {fixed}{f', gone: {lost}' if lost else ''}")
    for flip in broken[:20]:
        print(f"  {flip.quantity:44} {flip.unit}")
    if len(broken) > 20:
        print(f"  ... and {len(broken) - 20} more (--json lists all)")
    return found.exit_code
