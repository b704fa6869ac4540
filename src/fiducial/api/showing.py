"""Single units of a run: found by any of their names, and those that count against a claim."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fiducial.api.results import load
from fiducial.engine.rejudge import cases
from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Judgement
from fiducial.kernel.roles import Case
from fiducial.report.notes import Failure
from fiducial.store.run import Run
from fiducial.store.sound import newest

MOST = 20
"""Units that one name may stand for."""

_NAMES = (
    ("unit = $name", "a unit's whole name"),
    ("item = $name", "an item"),
    ("split_part(benchmark, '@', 1) || '/' || item = $name", "a benchmark and an item"),
    ("starts_with(key, lower($name))", "a trial's key or its beginning"),
    ("starts_with(unit, $name)", "the beginning of a unit's name"),
)
"""What a name may be, in this order: the first that fits anything is taken."""


def show(path: Path, name: str) -> list[tuple[Case, list[Judgement]]]:
    """The cases of a run that a name stands for, with their judgements.

    Args:
        path: the run.
        name: a unit's name or its beginning, an item's id (with or without ``benchmark/``), or the beginning of a trial's key.

    Raises `StoreError` where nothing has that name, or too much, and where the run's files are not as they were sealed.
    """
    run = Run.open(path)
    revision = newest(run)
    units = _units(run, name)
    found = [placed.case for placed in cases(run) if placed.case.unit in units]
    if not found:
        raise StoreError(f"{path}: {name!r} stands for {', '.join(sorted(units)[:3])}, which nobody has answered yet")
    judgements: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in run.judgements(revision):
        if judgement.unit in units:
            judgements.setdefault((judgement.unit, judgement.subject), []).append(judgement)
    return [(case, judgements.get((case.unit, case.subject), [])) for case in found]


def failing(path: Path) -> tuple[Sequence[Failure], int, int]:
    """The units of the latest revision that count against a claim, as far as its report shows them; how many there are; how many
    are without a value.
    """
    view = load(path).view()
    return view.failing, max(view.sample.adverse, len(view.failing)), view.sample.unknown


def _units(run: Run, name: str) -> set[str]:
    file = run.path / "trials.parquet"
    with run.engine.room() as sql:
        sql.read_parquet(str(file)).create_view("trials")
        for condition, about in _NAMES:
            query = f"SELECT DISTINCT unit FROM trials WHERE {condition} ORDER BY unit LIMIT {MOST + 1}"  # noqa: S608 - conditions of ours
            found = [unit for (unit,) in sql.execute(query, {"name": name}).fetchall()]
            if len(found) > MOST:
                raise StoreError(
                    f"{run.path}: {name!r} is {about} of more than {MOST} units, e.g. {', '.join(found[:3])}; name one of them"
                )
            if found:
                return set(found)
        some = [unit for (unit,) in sql.execute("SELECT DISTINCT unit FROM trials ORDER BY unit LIMIT 3").fetchall()]
    raise StoreError(f"{run.path}: no unit, item or trial of the name {name!r}; units here are called {', '.join(some)} ...")
