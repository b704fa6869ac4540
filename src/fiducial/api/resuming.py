"""What a resumed run finds: whether anything is left to ask, and whether its specification has changed meanwhile."""

from __future__ import annotations

from pathlib import Path

from fiducial.kernel.digest import bytes_digest
from fiducial.store.run import Run
from fiducial.store.sound import latest, untouched


def outdated(run: Run) -> str | None:
    """A sentence where the file that a run was planned from has changed since; `None` where it has not, or is gone."""
    name = run.plan.options.get("file")
    if not isinstance(name, str):
        return None
    file = Path(run.plan.options["folder"]) / name
    try:
        same = bytes_digest(file.read_bytes()) == run.plan.spec
    except OSError:
        return None  # carried to another machine: the plan has all that it needs
    return None if same else f"{file} has changed since the run was planned; the plan's own {run.path / 'spec.toml'} is used"


def nothing_left(run: Run) -> int | None:
    """The revision of the plan's judges in which all that was planned is answered and judged; `None` where something is left.

    Also `None` where a file is not as it was sealed: then the journal is read again. Raises `RunLocked` where another process writes.
    """
    with run.hold():
        numbers = run.revisions()
        if not numbers or (number := numbers[-1]) != latest(run) or not untouched(run, number):
            return None
        counts = run.tally()
        if counts is None or counts["answered"] + counts["released"] != run.plan.rows * len(run.plan.subjects):
            return None
        said = run.sql("SELECT judge, count(fault) AS faults FROM judgements GROUP BY judge")
        planned = set(run.plan.judges.values())
        return number if all(row["judge"] in planned and not row["faults"] for row in said) else None
