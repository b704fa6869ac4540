"""Show what a run would ask, cost and be able to decide, without asking anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Filter, Json, Limit, Repeat, Seed, SpecFile
from fiducial.kernel.errors import UsageError


def command(
    spec: SpecFile,
    subject: Annotated[
        list[str] | None, typer.Option(metavar="SUBJECT", help="What would be measured; gives prices where they are stated.")
    ] = None,
    seed: Seed = None,
    limit: Limit = None,
    repeat: Repeat = 1,
    only: Filter = None,
    attest: Annotated[
        Path | None, typer.Option(metavar="KEY", help="Write the plan to --out and sign its root before any question.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="The run's directory, with --attest.")] = None,
    as_json: Json = False,
) -> int:
    """Show what a run would ask, cost and be able to decide, without asking anything.

    With --attest the plan is also written and signed; `fiducial run --resume OUT` then asks it.
    """
    from fiducial.api import plans

    options = _shared.options(spec, seed, limit, repeat, only)
    found = plans.forecast_of(spec, subject or [], options)
    if as_json:
        _shared.print_json(found)
    else:
        _print(found)
    if attest is not None:
        if out is None:
            raise UsageError("plan --attest: needs --out RUN, the directory that is then resumed")
        run = plans.write(spec, subject or [], out, options)
        statement = plans.sign_plan(run, attest)
        print(f"plan    {run.path} ({run.plan.rows} trials, root {run.plan.trials[:16]}...)\nsigned  {statement}")
    return 0


def _print(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title="plan", title_justify="left", header_style="bold")
    table.add_column("benchmark", no_wrap=True)
    for name in ("items", "clusters", "units", "trials", "calls", "judge calls"):
        table.add_column(name, justify="right")
    for share in found.shares:
        numbers = (share.items, share.clusters, share.units, share.trials, share.calls, share.judge_calls)
        table.add_row(share.benchmark, *map(str, numbers))
    console.print(table)
    for label, text in found.averaging.items():
        console.print(f"{label}: {text}", highlight=False, markup=False)
    console.print()
    claims = Table(title="what it can decide", title_justify="left", header_style="bold")
    claims.add_column("claim", no_wrap=True)
    for name in ("bound", "clusters", "tightest", "needs", "if clear"):
        claims.add_column(name, justify="right")
    for one in found.claims:
        cells = (one.smallest, one.needed, one.expected_clear)
        claims.add_row(one.claim, f"{one.bound:g}", str(one.clusters), *("-" if v is None else f"{v:.4g}" for v in cells))
    if found.claims:
        console.print(claims)
        console.print(
            "tightest: the bound that zero failures could show; needs: clusters for the stated bound; "
            "if clear: clusters that a sequential rule takes when nothing fails",
            highlight=False,
        )
    price = "price unknown: no subject states its prices" if found.price is None else f"about {found.price:.2f}"
    subjects = "1 subject" if found.subjects == 1 else f"{found.subjects} subjects"
    console.print(
        f"{found.trials} trials for {subjects}, about {found.calls} calls and {found.judge_calls} judge calls, "
        f"about {found.input_tokens} tokens in and {found.output_tokens} out, {price}",
        highlight=False,
    )
    if found.expected_calls is not None:
        console.print(f"sequential rule: about {found.expected_calls} calls if every claim is clear", highlight=False)
    for warning in found.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False, markup=False)
