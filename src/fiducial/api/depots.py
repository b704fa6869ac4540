"""Runs that are shared at a URL: their plan is put there first, their journal as it is written, the rest when it is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fiducial.kernel.errors import StoreError, UsageError
from fiducial.store.depot import Depot, is_url
from fiducial.store.manifest import STOPPING
from fiducial.store.run import Plan, Run, plan_of
from fiducial.store.shipping import Ship

OPTION = "share"
"""The option of a plan that holds the URL."""


def free(url: str | None) -> str | None:
    """A URL for a new run, without a slash at its end. Raises `StoreError` where a run lies there already."""
    if url is None:
        return None
    if _plan(depot := Depot.open(url := url.rstrip("/"))) is not None:
        raise StoreError(f"{depot.url}: holds a run already; go on with it by `fiducial copy {depot.url} FOLDER` and --resume FOLDER")
    return url


def depot_of(run: Run) -> Depot | None:
    """Where a run is shared; `None` where it is not."""
    url = run.plan.options.get(OPTION)
    return Depot.open(url) if isinstance(url, str) else None


def ship_of(run: Run, depot: Depot | None) -> Ship | None:
    """What takes a file of a run - a finished segment - to its depot."""
    return None if depot is None else lambda path: depot.put(run.path, path.relative_to(run.path).as_posix())


@contextmanager
def kept(run: Run) -> Iterator[Depot | None]:
    """A run's depot, held, with the plan in it and what it has brought here; at the end all that was sealed is put there.

    `None` where the run is not shared. Raises `RunLocked` where another machine writes it, `StoreError` where another run lies there.
    """
    depot = depot_of(run)
    if depot is None:
        yield None
        return
    with depot.hold():
        _same(run, depot)
        depot.fetch(run.path)
        for name in ("spec.toml", "trials.parquet", "plan.json"):
            depot.put(run.path, name)
        yield depot
        depot.put_all(run.path)


def is_answer(name: str) -> bool:
    """Whether a file of a run grows while it is carried out."""
    return name.startswith(("calls/", "blobs/")) or name == STOPPING


def bring(url: str, folder: Path) -> Run:
    """The run at a URL with what a worker needs of it, in an empty folder of this machine."""
    Depot.open(url).fetch(folder, lambda name: is_answer(name) or name in {"spec.toml", "plan.json"})
    return Run.open(folder)


def copy(source: str, target: str) -> list[str]:
    """Copy a run from a URL into a directory, or the other way; what is there whole already is left. The names copied.

    Raises `UsageError` unless just one of the two is a URL, `StoreError` where there is no run, or another one.
    """
    if is_url(source) == is_url(target):
        raise UsageError(f"copy FROM TO: just one of them is a URL such as s3://BUCKET/FOLDER, got {source} and {target}")
    if is_url(target):
        run, depot = Run.open(Path(source)), Depot.open(target.rstrip("/"))
        with depot.hold():
            _same(run, depot)
            return depot.put_all(run.path)
    depot, folder = Depot.open(source.rstrip("/")), Path(target)
    plan = _plan(depot)
    if plan is None:
        raise StoreError(f"{depot.url}: not a run: it has no plan.json")
    if (folder / "plan.json").is_file() and Run.open(folder).plan.id != plan.id:
        raise StoreError(f"{folder}: holds another run, {Run.open(folder).plan.id}; that at {depot.url} is {plan.id}")
    return depot.fetch(folder)


def _plan(depot: Depot) -> Plan | None:
    data = depot.read("plan.json")
    return None if data is None else plan_of(data, f"{depot.url}/plan.json")


def _same(run: Run, depot: Depot) -> None:
    there = _plan(depot)
    if there is not None and there.id != run.plan.id:
        raise StoreError(f"{depot.url}: holds another run, {there.id}; {run.path} is {run.plan.id}")
