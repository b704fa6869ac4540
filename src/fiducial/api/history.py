"""How a run came to a revision: who read its answers, what earlier and later revisions say, what is decided otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Decision, Record
from fiducial.report.text import interval
from fiducial.store.manifest import MANIFEST, stage_facts
from fiducial.store.run import Revision, Run
from fiducial.store.sound import document_of

R = TypeVar("R")

JUDGES = "judges.json"
"""The file of a revision that was read by other judges than the plan's: which."""

COPIED = "copied.json"
"""The file of a revision whose judges' readings are those of an earlier one, which it names: nothing was read again."""

OVERRIDES = "overrides.json"
"""The file of a revision with every judgement that a person put in another's place."""

LABELS = "labels.json"
"""The file of a revision with what is known of the people's labels that correct its numbers."""

MOST = 5
"""Claims of another revision, and other revisions, that are listed."""


class Readers(Record, frozen=True, kw_only=True):
    """Who read a revision: `judges` maps ``benchmark.judge`` to an id; of these ids, those that read facts and those that ask a model."""

    judges: dict[str, str]
    exact: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


class Labels(Record, frozen=True, kw_only=True):
    """People's labels that correct a revision: file and its digest, units with a value, and the drawn sample that they belong to.

    `sample` is the digest of what `judge sample` drew, `drawn` its units, `unlabelled` those that got no value; `None` where the units
    were drawn otherwise. `draws`: how many samples of the run had been drawn.
    """

    file: str
    digest: str
    units: int
    sample: str | None = None
    drawn: int | None = None
    unlabelled: int = 0
    draws: int = 0


def readers(run: Run, revision: Revision | None = None) -> Readers:
    """The judges that read a revision: the plan's, or those that it names itself."""
    stated = read(run.revision(revision) / JUDGES, Readers) if run.revisions() else None
    return stated or planned(run)


def planned(run: Run) -> Readers:
    """The judges of the plan that were configured."""
    return Readers(judges={name: judge for name, judge in run.plan.judges.items() if "@" in judge})


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names under which two runs or revisions have different judges, or only one has any."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def read(path: Path, kind: type[R]) -> R | None:
    """A document of a revision as a value of a type; `None` where there is none. Raises `StoreError` where it is no such value."""
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: does not hold what it should: {error}") from error


def told(run: Run, revision: int) -> tuple[str, ...]:
    """What must head a report of a revision where the run has others: how it was made, and what they say. Empty where it has none.

    Where the decisions of another one are not those that were sealed, that is said in their place.
    """
    from fiducial.report.build import overall

    there = [n for n in run.revisions() if n == revision or (run.revision(n) / MANIFEST).exists()]
    if len(there) < 2:
        return ()
    here = {_name(d): d for d in run.decisions(revision)}
    lines = [f"Revision {revision} of {there[-1]}: {made(run, revision)}."]
    others = [n for n in there if n != revision]
    for n in others[-MOST:]:
        try:
            decided = run.decisions(document_of(run, n, "decisions.json").parent)
        except StoreError as error:
            lines.append(f"Revision {n}: what it decided cannot be told: {error}.")
            continue
        turned = [(d, here[_name(d)]) for d in decided if _name(d) in here and here[_name(d)].outcome != d.outcome]
        changes = "; ".join(
            f"{_claim(d)} {d.outcome} {interval(d.estimate)}, here {e.outcome} {interval(e.estimate)}" for d, e in turned[:MOST]
        )
        more = f"; and {len(turned) - MOST} more" if len(turned) > MOST else ""
        lines.append(f"Revision {n} ({made(run, n)}): {overall(decided)}; {changes + more or 'no claim is decided otherwise'}.")
    if len(others) > MOST:
        lines.append(f"{len(others) - MOST} earlier revisions are in the run directory.")
    return tuple(lines)


def made(run: Run, revision: int) -> str:
    """How a revision was made, in words, by its files and those of the one before."""
    folder = run.revision(revision)
    before = [n for n in run.revisions() if n < revision]
    if not before:
        return "the first reading"
    if (folder / COPIED).exists():
        earlier = run.revision(before[-1])
        labels = read(folder / LABELS, Labels)
        if labels is not None and labels != read(earlier / LABELS, Labels):
            return f"people's labels of {labels.units} units ({labels.file}) beside the judges' readings"
        overrides = read(folder / OVERRIDES, list[dict[str, Any]]) or []
        if len(overrides) > len(read(earlier / OVERRIDES, list[dict[str, Any]]) or []):
            last = overrides[-1]
            return f"{last.get('author')} put {last.get('value')} in the place of a judge's value: {last.get('reason')}"
        return "people's labels beside the judges' readings"
    grown = _grown(run, revision, before[-1])
    if grown:
        return grown
    now, then = readers(run, revision).judges, readers(run, before[-1]).judges
    replaced = [
        f"{name} is read by {now[name]}, no longer by {then.get(name, 'nobody')}" for name in sorted(now) if now[name] != then.get(name)
    ]
    return "; ".join(replaced[:MOST]) or "the same judges read the answers again"


def _grown(run: Run, revision: int, before: int) -> str:
    """More answers than the revision before had, in words; empty where there are as many."""
    then = run.manifest(before).files.get("responses.parquet") if (run.revision(before) / MANIFEST).exists() else None
    if then is None or then.rows is None:
        return ""
    if (run.revision(revision) / MANIFEST).exists():
        entry = run.manifest(revision).files.get("responses.parquet")
        rows = entry.rows if entry is not None else None
    else:
        rows = stage_facts(run.path / "responses.parquet", run.engine.sql)[0]
    return f"the run went on: {rows} responses, no longer {then.rows}" if rows is not None and rows != then.rows else ""


def _name(decision: Decision) -> tuple[str, str, str]:
    return decision.claim.id, decision.slice, decision.subject


def _claim(decision: Decision) -> str:
    return decision.claim.id + (f" [{decision.slice}]" if decision.slice else "")
