"""Put one item to a subject and show the whole transcript and the judges' reasons."""

from __future__ import annotations

from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Filter, Json, Seed


def command(
    benchmark: Annotated[str, typer.Argument(metavar="BENCHMARK", help="A benchmark of the specification.")],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="An item by id or number.")],
    subject: Annotated[str, typer.Option(metavar="SUBJECT", help="What to ask, e.g. chat:MODEL@http://host:port/v1.")],
    spec: Annotated[str, typer.Option(metavar="SPEC", help="The specification, a TOML file.")],
    seed: Seed = None,
    only: Filter = None,
    as_json: Json = False,
) -> int:
    """Put one item to a subject and show the whole transcript and the judges' reasons. Nothing is kept."""
    from fiducial.api import plans

    tried = plans.try_one(spec, benchmark, item, subject, _shared.options(spec, seed, None, 1, only))
    if as_json:
        import msgspec

        exchanges = [{"trial": msgspec.to_builtins(e.trial), "response": msgspec.to_builtins(e.response)} for e in tried.case.exchanges]
        _shared.print_json({"unit": tried.case.unit, "exchanges": exchanges, "judgements": msgspec.to_builtins(tried.judgements)})
        return 0
    _shared.print_case(tried.case.unit, tried.case.exchanges, tried.judgements)
    return 0
