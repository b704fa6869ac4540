"""List the runs in a folder: when, of what system, how much was answered, and what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where runs lie.")] = Path("runs"),
    as_json: Json = False,
) -> int:
    """List the runs in a folder: when, of what system, how much was answered, and what was decided."""
    from fiducial.api import listing

    found = [listing.row(path.parent) for path in sorted(folder.glob("*/plan.json"))]
    if as_json:
        _shared.print_json(found)
        return 0
    if not found:
        print(f"no runs in {folder}")
    for row in found:
        print(listing.line(row))
    return 0
