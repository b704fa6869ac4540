"""Read a model by a diagnostic: what it does inside, and under edits, at the items of a file; or states saved in a file."""

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
    against: Annotated[str | None, typer.Option(metavar="SUBJECT", help="A second subject, for diagnostics that compare two.")] = None,
    states: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An .npz of saved states (layer_0, layer_1, ...) instead of a subject.")
    ] = None,
    layers: Annotated[str | None, typer.Option(metavar="N,N", help="Layers; 0 = embeddings (default: six, spread over the depth).")] = None,
    positions: Annotated[str, typer.Option(metavar="last|mean|N", help="Which token's states.")] = "last",
    positive: Annotated[str | None, typer.Option(metavar="LABEL", help="The label that counts as 1, where labels are words.")] = None,
    permutations: Annotated[int, typer.Option(min=20, max=100_000, help="Shuffles of the null.")] = 200,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the diagnostic, e.g. tokens=16 (repeat).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write estimates.json and a page with plots by layer.")] = None,
    as_json: Json = False,
) -> int:
    """Read a model by a diagnostic: its states, its token probabilities, its answers under edits; or saved states. No claim is decided."""
    from fiducial.api.diagnosing import Options, diagnose

    if not 0.5 <= level < 1:
        raise UsageError(f"--level: needs a number in [0.5, 1), got {level}")
    options = Options(
        layers=_numbers(layers), positions=_positions(positions), permutations=permutations, seed=seed, level=level, positive=positive,
        settings=_settings(set_ or []),
    )  # fmt: skip
    found = diagnose(diagnostic, subject=subject, against=against, data=data, states=states, options=options)
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


def _settings(parts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or not name or name in found:
            raise UsageError(f"--set: needs NAME=VALUE, each name once, got {part!r}")
        found[name] = value
    return found


def _positions(text: str) -> Positions:
    if text == "last" or text == "mean":  # noqa: PLR1714 - so that its type is known
        return text
    if text.lstrip("-").isdecimal():
        return int(text)
    raise UsageError(f"--positions: needs last, mean or a number, got {text!r}")


def _table(found: Diagnosis) -> None:
    from fiducial.report.diagnosis import flags_of, null_of
    from fiducial.report.text import interval, number, one_line

    one = found.estimates[0]
    print(one_line(f"{found.diagnostic} of {found.subject}: {one.n} items, {one.clusters} clusters; {' '.join(found.notes)}"))
    wide = max(24, *(min(len(e.of.quantity), 32) for e in found.estimates))
    where = max(14, *(min(len(e.of.slice), 40) for e in found.estimates))
    print(f"{'quantity':{wide}} {'where':{where}} {'estimate [interval]':30} {'n':>6} {'null':>8} {'95 %':>8} {'p':>8}")
    for estimate in found.estimates:
        mean, end, p = null_of(estimate)
        name, place = one_line(estimate.of.quantity, wide), one_line(estimate.of.slice or "all", where)
        shown = f"{name:{wide}} {place:{where}} {interval(estimate):30} {estimate.n:>6}"
        print(f"{shown} {number(mean):>8} {number(end):>8} {number(p):>8}")
    for flag, rows in flags_of(found.estimates).items():
        print(one_line(f"note: {', '.join(rows)}: {flag}", 300))
