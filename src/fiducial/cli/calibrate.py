"""Put the instruments to organisms with known traits, and say what each of them can and cannot see."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fiducial.cli import INTERRUPTED, _shared
from fiducial.cli._shared import Json

if TYPE_CHECKING:
    from fiducial.api.scoring import Score
    from fiducial.report.calibration import Calibration


def command(
    spec: Annotated[str | None, typer.Argument(metavar="[FILE]", help="A file of instruments and organisms (default: ours).")] = None,
    instrument: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this instrument.")] = None,
    trait: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this trait.")] = None,
    runs: Annotated[
        int, typer.Option(min=2, help="Runs of an own trait at the highest dose, and of the aligned organisms together.")
    ] = 100,
    off_runs: Annotated[int, typer.Option(min=2, help="Runs at lower doses, and of other traits (at lower doses a quarter of it).")] = 10,
    probe_runs: Annotated[int, typer.Option(min=2, help="In place of --runs for diagnostics, where it is less.")] = 40,
    items: Annotated[int | None, typer.Option(min=1, help="Items of a run (default: the file's, 200 in ours).")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where scores are kept and the results written.")] = Path("calibration"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of every draw.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share the subjects.")] = 1,
    as_json: Json = False,
) -> int:
    """Put the instruments to organisms with known traits, and say what each of them can and cannot see: failures first.

    Scores are kept in DIR/scores.jsonl, run by run: the same command goes on where it was interrupted. DIR/calibration.json is a list of
    rows, DIR/calibration.provenance.json what they were made of, DIR/calibration.md the page.
    """
    from fiducial.api.calibrating import Settings, calibrate
    from fiducial.api.instruments import SHIPPED

    settings = Settings(
        instruments=tuple(instrument or ()), traits=tuple(trait or ()), runs=runs, off_runs=off_runs, probe_runs=probe_runs, items=items,
        seed=seed, out=out, workers=workers,
    )  # fmt: skip
    ticker = _Ticker(alone=workers == 1)
    try:
        made = calibrate(spec or SHIPPED, settings, begin=ticker.begin, heard=ticker.heard)
    except KeyboardInterrupt:
        print(f"interrupted: {ticker.done} new runs are kept in {out}; the same command goes on", file=sys.stderr)
        return INTERRUPTED
    ticker.end()
    if as_json:
        from fiducial.report.calibration import rows

        _shared.print_json(rows(made))
        return 0
    _show(made)
    print(f"rows    {out / 'calibration.json'}")
    print(f"page    {out / 'calibration.md'}")
    return 0


def _show(made: Calibration) -> None:
    from fiducial.report.text import interval

    order = {"fails": 0, "could not tell": 1, "undecided": 2, "tells apart": 3}
    print(
        f"{'instrument':34} {'own trait':24} {'score':15} {'AUROC':24} {'power at 5 %':24} {'false alarms elsewhere':24} "
        f"{'default gate':15} {'lowest dose seen'}"
    )
    for cell in sorted(made.diagonal, key=lambda cell: order[cell.result]):
        lowest = made.lowest_seen(cell.instrument)
        line = f"{cell.instrument:34} {cell.trait:24} {cell.result:15} {interval(cell.auroc):24} {interval(cell.power):24}"
        print(f"{line} {interval(cell.elsewhere):24} {cell.gate or 'none':15} {'none' if lowest is None else lowest.dose}")


class _Ticker:
    """A line on standard error: runs done of those wanted, and what a trial costs in processor time where one process does it all."""

    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.total = self.done = self.trials = 0
        self.last = time.monotonic()
        self.every = 0.5 if sys.stderr.isatty() else 30.0
        self.before = time.process_time()

    def begin(self, total: int) -> None:
        self.total = total
        self.before = time.process_time()

    def heard(self, score: Score) -> None:
        self.done += 1
        self.trials += score.trials
        now = time.monotonic()
        if now - self.last >= self.every:
            self.last = now
            self._line()

    def end(self) -> None:
        if self.done:
            self._line()

    def _line(self) -> None:
        text = f"{self.done} of at most {self.total} runs measured, {self.trials} trials"
        if self.alone:
            text += f", {1000 * (time.process_time() - self.before) / max(1, self.trials):.2f} ms of processor time a trial"
        print(text, file=sys.stderr, flush=True)
