"""Check a specification, or print the JSON Schema of specifications."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducial.cli._shared import SpecFile

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True,
    help="Check a specification, or print the JSON Schema of specifications.",
)  # fmt: skip


@app.command()
def check(spec: SpecFile) -> int:
    """Check a specification whole: keys, plugins, quantities, bounds, slices, and say what looks wrong."""
    from fiducial.api.runs import prepare
    from fiducial.engine.forecast import warnings_before
    from fiducial.engine.plan import Options
    from fiducial.engine.spec import read

    resolved, _, _ = prepare(spec, Options(seed=read(spec)[0].cycle.seed))
    counts = ((len(resolved.parts), "benchmark"), (len(resolved.spec.claims), "claim"), (len(resolved.spec.principles), "principle"))
    benchmarks, claims, principles = (f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts)
    print(f"{spec}: in order: {benchmarks}, {claims} on {principles}")
    for warning in warnings_before(resolved.spec, resolved.parts):
        print(f"warning: {warning}")
    return 0


@app.command()
def schema(out: Annotated[Path | None, typer.Option(help="Write it here.")] = None) -> int:
    """Print the JSON Schema of specifications."""
    from fiducial.engine.schema import schema_text

    if out is None:
        print(schema_text(), end="")
    else:
        out.write_text(schema_text(), encoding="utf-8")
    return 0
