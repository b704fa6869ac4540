"""Runs of a folder, each in a line: when, of what system, how much was answered, what was decided."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec

from fiducial.engine.decide import exit_code
from fiducial.engine.spec import parse
from fiducial.kernel.errors import SpecError, StoreError
from fiducial.report.text import counted, one_line
from fiducial.store.run import Run
from fiducial.store.sound import document_of, latest


def row(path: Path) -> dict[str, Any]:
    """What is known of a run without reading its answers, as JSON values.

    `began`: when its first call was made (UTC, ISO 8601), `None` before that. `planned` trials are those of all subjects;
    `answered`, `faults` and `released` are `None` until the answers are sealed. `stopped_early`: sealed, with trials that
    are neither answered nor released nor faults. `exit_code` and `outcomes` are `None` until it is concluded, and where the
    decisions are not as they were sealed, which `problem` then says.

    Raises `StoreError` where it is no run.
    """
    run = Run.open(path)
    planned = run.plan.rows * len(run.plan.subjects)
    try:
        counts = run.tally()
    except StoreError:
        counts = None
    row: dict[str, Any] = {
        "run": str(path), "id": run.plan.id, "system": _system(run), "began": _began(run), "trials": run.plan.rows,
        "subjects": [subject["id"] for subject in run.plan.subjects], "planned": planned,
        **(counts or dict.fromkeys(("answered", "faults", "released"))),
        "stopped_early": counts is not None and sum(counts.values()) < planned,
        "exit_code": None, "outcomes": None,
    }  # fmt: skip
    try:
        if (number := latest(run)) is not None:
            decisions = run.decisions(document_of(run, number, "decisions.json").parent)
            row["exit_code"] = exit_code(decisions)
            row["outcomes"] = {o: sum(d.outcome == o for d in decisions) for o in ("violated", "undecided", "holds")}
    except StoreError as error:
        row["problem"] = str(error)
    return row


def line(row: dict[str, Any]) -> str:
    """A row as a line of text, the time as this machine's clock shows it."""
    began = row["began"]
    when = dt.datetime.fromisoformat(began).astimezone().strftime("%Y-%m-%d %H:%M") if began else "not begun"
    if row["answered"] is None:
        share = f"{row['planned']} planned"
    else:
        share = f"{row['answered']} of {row['planned']} answered" + (f", {row['faults']} faults" if row["faults"] else "")
        share += f", {row['released']} not needed" if row["released"] else ""
    state = row.get("problem", "not concluded") if row["outcomes"] is None else counted(row["outcomes"])
    if row["stopped_early"]:
        state += ", stopped early"
    subjects = ", ".join(one_line(subject, 80) for subject in row["subjects"])
    return f"{row['run']}  {when}  {one_line(row['system'], 60)}  {share}  {state}  {subjects}"


def _system(run: Run) -> str:
    try:
        system = parse((run.path / "spec.toml").read_bytes(), str(run.path / "spec.toml")).system
    except (OSError, SpecError):
        return "unknown system"
    return f"{system.name} {system.version}"


def _began(run: Run) -> str | None:
    """When the first call was served, from the head of the first segment: times lie in the journal alone."""
    for file in sorted((run.path / "calls").glob("*.jsonl")):
        with file.open("rb") as lines:
            for _, text in zip(range(3), lines, strict=False):
                try:
                    at = msgspec.json.decode(text).get("completion", {}).get("served", {}).get("at")
                except (msgspec.MsgspecError, AttributeError):
                    continue
                if isinstance(at, int | float):
                    return dt.datetime.fromtimestamp(at, tz=dt.UTC).isoformat(timespec="seconds")
    return None
