"""List benchmarks, judges, subjects, perturbations, attacks, environments, diagnostics and item packs."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json
from fiducial.kernel.errors import UsageError


def command(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="benchmark, judge, subject, perturbation, attack, environment, diagnostic or pack."),
    ] = None,
    as_json: Json = False,
) -> int:
    """List benchmarks, judges, subjects, perturbations, attacks, environments, diagnostics and item packs; nothing is imported for it."""
    from fiducial.kernel.load import KINDS, describe, entry_points

    wanted = None if kind is None else kind.removesuffix("s")
    if wanted is not None and wanted not in KINDS:
        raise UsageError(f"list: one of {', '.join(KINDS)}, got {kind!r}")
    found = {name: {**describe(name), **dict.fromkeys(entry_points(name), "")} for name in KINDS if wanted in {None, name}}
    if as_json:
        _shared.print_json(found)
        return 0
    for name, plugins in found.items():
        print(f"{KINDS[name][0]}:")
        width = max(map(len, plugins), default=0)
        for label, text in plugins.items():
            print(f"  {label:{width}}  {text}")
    return 0
