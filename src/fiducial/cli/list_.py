"""List benchmarks, judges, subjects, perturbations, attacks, environments, diagnostics, item packs and organisms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json
from fiducial.kernel.errors import UsageError

ORGANISM = "organism"
CARDS = Path(__file__).parents[1] / "organisms" / "weights" / "cards"


def command(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="benchmark, judge, subject, perturbation, attack, environment, diagnostic, pack or organism (default: all).",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """List benchmarks, judges, subjects, perturbations, attacks, environments, diagnostics, item packs and organisms.

    Nothing is imported for it.
    """
    from fiducial.kernel.load import KINDS, describe, entry_points

    kinds = [*KINDS, ORGANISM]
    wanted = None if kind is None else kind.removesuffix("s")
    if wanted is not None and wanted not in kinds:
        raise UsageError(f"list: one of {', '.join(kinds)}, got {kind!r}")
    found = {name: {**describe(name), **dict.fromkeys(entry_points(name), "")} for name in KINDS if wanted in {None, name}}
    if wanted in {None, ORGANISM}:
        found[ORGANISM] = _organisms()
    if as_json:
        _shared.print_json(found)
        return 0
    for name, plugins in found.items():
        print(f"{name}s:")
        width = max(map(len, plugins), default=0)
        for label, text in plugins.items():
            print(f"  {label:{width}}  {text}")
    return 0


def _organisms() -> dict[str, str]:
    """The models that ship, as a subject is written: name -> what its card says of it."""
    cards = [json.loads(path.read_bytes()) for path in sorted(CARDS.glob("*.json"))]
    return {f"organism:{card['name']}": card["about"] for card in cards}
