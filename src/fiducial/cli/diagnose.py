"""Read hidden states by a diagnostic: of a model at labelled texts, or saved in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json
from fiducial.kernel.errors import UsageError

if TYPE_CHECKING:
    from fiducial.api.diagnosing import Diagnosis
    from fiducial.kernel.roles import Positions


def command(
    diagnostic: Annotated[str, typer.Option(metavar="NAME", help="A diagnostic, e.g. aqi, or a file of your own.")],
    subject: Annotated[str | None, typer.Option(help="A subject whose inside can be read, e.g. local:PATH or organism:NAME.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV or JSON lines: text, label, and what else the diagnostic reads.")
    ] = None,
    states: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An .npz of saved states (layer_0, layer_1, ...) instead of a subject.")
    ] = None,
    layers: Annotated[str | None, typer.Option(metavar="N,N", help="Layers; 0 = embeddings (default: six, spread over the depth).")] = None,
    positions: Annotated[str, typer.Option(metavar="last|mean|N", help="Which token's states.")] = "last",
    positive: Annotated[str | None, typer.Option(metavar="LABEL", help="The label that counts as 1, where labels are words.")] = None,
    permutations: Annotated[int, typer.Option(min=20, max=100_000, help="Shuffles of the null.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write estimates.json and a page with plots by layer.")] = None,
    as_json: Json = False,
) -> int:
    """Read hidden states by a diagnostic: of a local model at labelled texts, or saved in a file. No claim is decided."""
    from fiducial.api.diagnosing import Options, diagnose

    if not 0.5 <= level < 1:
        raise UsageError(f"--level: needs a number in [0.5, 1), got {level}")
    options = Options(
        layers=_numbers(layers), positions=_positions(positions), permutations=permutations, seed=seed, level=level, positive=positive
    )
    found = diagnose(diagnostic, subject=subject, data=data, states=states, options=options)
    page = None if out is None else found.write(out)
    if as_json:
        import msgspec

        _shared.print_json({"estimates": msgspec.to_builtins(found.estimates)})
        return 0
    _table(found)
    if page is not None:
        print(f"page    {page}")
    return 0


def _numbers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise UsageError(f"--layers: needs numbers with commas between them, got {text!r}")
    return tuple(dict.fromkeys(int(part) for part in parts))


def _positions(text: str) -> Positions:
    if text == "last" or text == "mean":  # noqa: PLR1714 - so that its type is known
        return text
    if text.lstrip("-").isdecimal():
        return int(text)
    raise UsageError(f"--positions: needs last, mean or a number, got {text!r}")


def _table(found: Diagnosis) -> None:
    from fiducial.report.diagnosis import null_of
    from fiducial.report.text import interval, number, one_line

    one = found.estimates[0]
    print(one_line(f"{found.diagnostic} of {found.subject}: {one.n} items, {one.clusters} clusters; {' '.join(found.notes)}"))
    print(f"{'quantity':24} {'where':14} {'estimate [interval]':30} {'null':>8} {'95 %':>8} {'p':>8}")
    for estimate in found.estimates:
        mean, end, p = null_of(estimate)
        shown = f"{one_line(estimate.of.quantity, 24):24} {one_line(estimate.of.slice or 'all', 14):14} {interval(estimate):30}"
        print(f"{shown} {number(mean):>8} {number(end):>8} {number(p):>8}")
    for flag in dict.fromkeys(flag for estimate in found.estimates for flag in estimate.flags):
        names = ", ".join(dict.fromkeys(e.of.quantity for e in found.estimates if flag in e.flags))
        print(one_line(f"note: {names}: {flag}", 300))
