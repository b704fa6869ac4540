"""Plans: the dry run, one trial on its own, and a plan that is written and signed before the first question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fiducial.api import resolve
from fiducial.api.runs import Place, lay_down, prepare
from fiducial.engine import plan as planning
from fiducial.engine.budget import Ledger
from fiducial.engine.forecast import Forecast, forecast
from fiducial.engine.observe import Line, read, respond
from fiducial.engine.plan import Options
from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Judgement
from fiducial.kernel.roles import Case, Exchange
from fiducial.store.run import Run


@dataclass(frozen=True)
class Tried:
    """One unit put to a subject outside any run: its exchanges and what the judges say."""

    case: Case
    judgements: tuple[Judgement, ...]


def forecast_of(path: str, subjects: Sequence[str], options: Options) -> Forecast:
    """What a run of a specification takes and can decide."""
    resolved, _, _ = prepare(path, options)
    made = [resolve.subject(text, Path.cwd(), resolved, options) for text in subjects]
    prices = [subject.describe().get("prices") for subject in made]
    levels = {part.label: planning.levels_of(part, options) for part in resolved.parts}
    return forecast(resolved.spec, resolved.parts, resolved.panel.judges, levels, options, prices or [None])


def write(path: str, subjects: Sequence[str], out: Path, options: Options) -> Run:
    """Write a plan for these subjects into a directory, to be attested and then resumed."""
    resolved, data, crossed = prepare(path, options)
    made = [resolve.subject(text, Path.cwd(), resolved, options) for text in subjects]
    return lay_down(resolved, data, crossed, list(zip(made, subjects, ["candidate"] * len(made), strict=True)), None, Place(out), options)


def sign_plan(run: Run, key: Path) -> Path:
    """Sign the root of a plan before its first question."""
    from fiducial.store.attest import attest_plan, read_key

    return attest_plan(run, read_key(key))


def try_one(path: str, benchmark: str, item: str, subject: str, options: Options) -> Tried:
    """Put the first unit of an item to a subject and let the judges read it; nothing is kept."""
    resolved, _, _ = prepare(path, options)
    return asyncio.run(_try(resolved, benchmark, item, subject, options))


async def _try(resolved: resolve.Resolved, benchmark: str, item: str, subject: str, options: Options) -> Tried:
    part = next((p for p in resolved.parts if p.label == benchmark), None)
    if part is None:
        raise UsageError(f"try: a benchmark of the specification ({', '.join(resolved.benchmarks)}), got {benchmark!r}")
    items = {one.id: one for one in planning.draw(part, Options(seed=options.seed))}
    chosen = items.get(item) or (list(items.values())[int(item)] if item.isdigit() and int(item) < len(items) else None)
    if chosen is None:
        raise UsageError(
            f"try: an item of {benchmark} by id or number (0 to {len(items) - 1}; first: {', '.join(list(items)[:3])}), got {item!r}"
        )
    trials = list(planning.of_item(part, chosen, options))
    if not trials:
        raise UsageError(f"try: a cell of {benchmark}, got --filter {options.only!r}")
    unit = [trial for trial in trials if trial.unit == trials[0].unit]
    made = resolve.subject(subject, Path.cwd(), resolved, options)
    line = Line(journal=None, ledger=Ledger())
    try:
        case = Case(
            unit[0].unit, made.id, tuple([Exchange(trial, await respond(line, resolve.environment, made, trial)) for trial in unit])
        )
        return Tried(case, await read(resolved.panel, case))
    finally:
        await made.close()
        for grader in resolved.graders:
            await grader.close()
