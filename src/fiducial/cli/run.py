"""Measure subjects against a specification and decide its claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Filter, Json, Limit, Repeat, Seed


def command(
    spec: Annotated[str | None, typer.Argument(metavar="SPEC", help="The specification, a TOML file.")] = None,
    subject: Annotated[
        list[str] | None, typer.Option(help="What to measure, e.g. chat:MODEL@http://host:port/v1; may be repeated.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="What relative claims compare with: a subject, or an earlier run's directory.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's directory (default: the next free one under runs/).")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with a run: ask only what has not arrived.")] = None,
    seed: Seed = None,
    limit: Limit = None,
    repeat: Repeat = 1,
    only: Filter = None,
    concurrency: Annotated[int | None, typer.Option(min=1, max=10_000, help="Units in work at once.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that ask and judge (default: this one).")] = None,
    executor: Annotated[
        str | None, typer.Option(help="Who asks and judges: local:N processes, ray, ray:N, or ray://HOST:PORT workers.")
    ] = None,
    share: Annotated[str | None, typer.Option(metavar="URL", help="Keep the run at a URL as well, e.g. s3://BUCKET/FOLDER.")] = None,
    deadline: Annotated[float | None, typer.Option(min=0.001, metavar="SECONDS", help="End after so long, and seal what there is.")] = None,
    cache: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keep answers here and reuse them; off by default.")] = None,
    card: Annotated[list[Path] | None, typer.Option(help="A judge card, made by `fiducial judge audit`; may be repeated.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Also write a JUnit XML file here.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write Markdown for a pull request here.")] = None,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> int:
    """Measure subjects against a specification and decide its claims.

    Exit code: 0 every claim holds, 1 one is violated, 2 wrong use, no claim, or one without any judged answer, 3 one is
    undecided, 130 interrupted (what there is was sealed).
    """
    from fiducial.api import executing, runs
    from fiducial.api.runs import Settings
    from fiducial.store.cache import Cache

    ticker = _shared.Ticker(quiet=quiet or as_json)
    settings = Settings(
        concurrency=concurrency,
        cache=Cache(cache) if cache is not None else None,
        progress=ticker,
        executor=executing.executor(executor, workers),
        deadline=deadline,
        cards=tuple(card or ()),
        share=share,
    )
    if resume is not None:
        _shared.only_one("run --resume goes without SPEC, --subject, --out and --share", resume, spec, subject, out, share)
        result = runs.resume(resume, settings)
    else:
        if spec is None:
            raise typer.BadParameter("give a specification, or --resume RUN")
        settings = replace(settings, options=_shared.options(spec, seed, limit, repeat, only))
        result = runs.start(spec, subject or [], baseline, out, settings)
    ticker.done()
    for target in (junit, markdown):
        if target is not None:
            result.report(target)
    return _shared.conclusion(result, as_json=as_json)
