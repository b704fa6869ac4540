"""People's labels of a run's own answers: a random sample to label, and the revision that such labels correct."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fiducial.api.history import COPIED, LABELS, OVERRIDES, Labels
from fiducial.api.results import PEOPLE, Result, conclude, people_in, reopen, same_readers
from fiducial.engine.estimate import people_of
from fiducial.engine.rejudge import every_unit
from fiducial.judges.human import UNIT_COLUMNS, of_units, unit_rows
from fiducial.kernel.digest import bytes_digest, canonical, digest
from fiducial.kernel.errors import StoreError, UsageError, shorten
from fiducial.kernel.records import Judgement, Record
from fiducial.kernel.roles import Case, Judge
from fiducial.store.disk import write_whole
from fiducial.store.run import Run, Spool
from fiducial.store.sound import newest

COLUMNS = (*UNIT_COLUMNS, "subject", "part", "rater", "prompt", "answer")
"""Of a file to be filled in. Verdicts of judges are not among them: people should not see them."""


LAST = 1_000_000
"""More judgements than a unit has."""

SAMPLES = "samples.jsonl"
"""The file of a run with every sample that was drawn for people to label, one a line."""


class Drawn(Record, frozen=True, kw_only=True):
    """A sample that was drawn: `units` of the `answered` ones, by a seed; `digest` is that of its rows without values."""

    aspect: str
    count: int
    seed: int
    units: int
    answered: int
    digest: str


@dataclass(frozen=True)
class Sheet:
    """What people are to fill in: the rows as CSV, and what was drawn."""

    text: str
    drawn: Drawn


def sample(path: Path, aspect: str, count: int, seed: int) -> Sheet:
    """Rows to label for a random sample of a run's units, each with the answers of every subject; ``value`` is to be filled in.

    The run keeps what was drawn (`SAMPLES`), so that labels can be held against it. Raises `UsageError` where the run has no answered
    unit, or no judge read the aspect, `StoreError` where its files are not as they were sealed.
    """
    run = Run.open(path)
    read = _aspects(run, newest(run))
    if read and aspect not in read:
        raise UsageError(f"{path}: an aspect that its judges read ({', '.join(read)}), got {aspect!r}")
    rows, drawn = _draw(run, aspect, count, seed)
    if drawn not in (known := _samples(run)):
        write_whole(path / SAMPLES, b"".join(canonical(one) + b"\n" for one in [*known, drawn]))
    out = io.StringIO(newline="")
    writer: csv.DictWriter[str] = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Sheet(out.getvalue(), drawn)


def label(path: Path, labels: Path, judges: Mapping[str, str] | None = None) -> Result:
    """A new revision whose numbers are corrected by what people said of a random sample of its units; the earlier ones stay.

    Args:
        path: the run.
        labels: columns ``unit``, ``aspect``, ``value``, where needed ``subject`` and ``part`` (as `sample` writes them, filled in).
        judges: as `runs.rejudge` had them, where the latest revision was read by other judges than the plan's.

    Raises `UsageError` where a label is about no unit, subject or aspect of the run, or about another prompt or answer, and where none
    is about any; `StoreError` where the run's files are not as they were sealed.
    """
    run = Run.open(path)
    last = newest(run)
    resolved = reopen(run, judges)
    same_readers(run, last, resolved)
    people = of_units(labels)
    said, units = _said(run, people)
    facts = _facts(run, last, labels)
    if not said:
        raise UsageError(f"{labels}: a unit of {path} with a value (`fiducial judge sample` writes their names), got none")
    subjects = _subjects(run)
    theirs = {judge for roles in people_in(run, last).values() for judge in roles.values()}
    number = int(run.new_revision().name)
    spool = run.spool("judgements")
    counts: Counter[tuple[int, int]] = Counter()
    for judgement in run.judgements(last):
        place = (units[judgement.unit], subjects[judgement.subject])
        if judgement.judge not in theirs:
            spool.add((*place, counts[place]), judgement)
            counts[place] += 1
    for place, found in said.items():
        for judgement in found:
            spool.add((*place, counts[place]), judgement)
            counts[place] += 1
    spool.seal(number)
    named = {name: {people_of(role): people.id for role in part.judges} for name, part in resolved.benchmarks.items()}
    run.write_json(number, PEOPLE, named)
    run.write_json(number, LABELS, facts)
    run.write_json(number, COPIED, {"revision": last})
    if (earlier := run.revision(last) / OVERRIDES).exists():
        run.write_file(number, OVERRIDES, earlier.read_bytes())
    return conclude(run, resolved, number)


def _said(run: Run, people: Judge) -> tuple[dict[tuple[int, int], list[Judgement]], dict[str, int]]:
    """What people said, by the places of unit and subject; and the place of each unit."""
    said: dict[tuple[int, int], list[Judgement]] = {}
    units: dict[str, int] = {}
    subjects = _subjects(run)
    for place, trials, cases in every_unit(run):
        units[trials[0].unit] = place
        for subject, case in cases.items():
            found = [judgement for judgement in asyncio.run(people.judge(case)) if judgement.value is not None]
            if found:
                said[place, subjects[subject]] = found
    return said, units


def _facts(run: Run, revision: int, file: Path) -> Labels:
    """What is known of a file of labels, whose rows are held against the run."""
    rows = unit_rows(file)
    _check_rows(run, file, rows, _aspects(run, revision))
    units, aspects = {str(row["unit"]) for _, row in rows}, {str(row["aspect"]) for _, row in rows}
    known = _samples(run)
    fitting: list[Drawn] = []
    for drawn in known:
        if {drawn.aspect} == aspects and drawn.units >= len(units):
            again, same = _draw(run, drawn.aspect, drawn.count, drawn.seed)
            if same.digest == drawn.digest and units <= {row["unit"] for row in again}:
                fitting.append(drawn)
    best = min(fitting, key=lambda drawn: drawn.units, default=None)
    return Labels(
        file=file.name, digest=bytes_digest(file.read_bytes()), units=len(units), draws=len(known),
        **({} if best is None else {"sample": best.digest, "drawn": best.units, "unlabelled": best.units - len(units)}),
    )  # fmt: skip


def _check_rows(run: Run, file: Path, rows: Sequence[tuple[int, Mapping[str, Any]]], read: Sequence[str]) -> None:
    """Refuse labels of what is not in the run, or of a prompt or an answer that was changed since it was drawn."""
    wanted = {str(row["unit"]) for _, row in rows}
    there: dict[str, list[dict[str, str]]] = {}
    for _, trials, cases in every_unit(run):
        if (unit := trials[0].unit) in wanted:
            there[unit] = [row for subject, case in cases.items() for row in _rows(subject, case, "")]
    for number, row in rows:
        at = f"{file}: row {number}"
        if str(row["unit"]) not in there:
            raise UsageError(f"{at}: a unit of {run.path} (`fiducial judge sample` writes their names), got {str(row['unit'])!r}")
        if read and str(row["aspect"]) not in read:
            raise UsageError(f"{at}: an aspect that the judges read ({', '.join(read)}), got {str(row['aspect'])!r}")
        same = [one for one in there[str(row["unit"])] if row.get("subject") in (None, "", one["subject"])]
        if not same:
            raise UsageError(f"{at}: a subject that answered this unit, got {str(row['subject'])!r}")
        for column in ("prompt", "answer"):
            told = _words(row.get(column))
            if told and told not in [_words(one[column]) for one in same]:
                raise UsageError(f"{at}: the {column} is not the one in the run, so that the label is of something else: {shorten(told)}")


def _words(text: object) -> str:
    """Text without regard to white space, which tables change."""
    return " ".join(str(text or "").split())


def _draw(run: Run, aspect: str, count: int, seed: int) -> tuple[list[dict[str, str]], Drawn]:
    number = sum(1 for _, _, found in every_unit(run) if found)
    if not number:
        raise UsageError(f"{run.path}: a run with answered units to label, got none")
    picked = np.zeros(number, dtype=bool)
    picked[np.random.default_rng(seed).permutation(number)[:count]] = True
    answered = (found for _, _, found in every_unit(run) if found)
    chosen = (found for found, wanted in zip(answered, picked.tolist(), strict=True) if wanted)
    rows = [row for found in chosen for subject, case in found.items() for row in _rows(subject, case, aspect)]
    facts = {"aspect": aspect, "count": count, "seed": seed, "units": int(picked.sum()), "answered": number}
    return rows, Drawn(**facts, digest=digest([[row[name] for name in COLUMNS] for row in rows]))


def _rows(subject: str, case: Case, aspect: str) -> Iterator[dict[str, str]]:
    several = len(case.exchanges) > 1
    for exchange in case.exchanges:
        asked = [message.text for message in exchange.trial.messages if message.role == "user"]
        yield {
            "unit": case.unit, "aspect": aspect, "value": "", "subject": subject, "part": exchange.trial.part if several else "",
            "rater": "", "prompt": asked[-1] if asked else "", "answer": exchange.response.answer,
        }  # fmt: skip


def _samples(run: Run) -> list[Drawn]:
    path = run.path / SAMPLES
    if not path.exists():
        return []
    try:
        return [msgspec.json.decode(line, type=Drawn) for line in path.read_bytes().splitlines() if line.strip()]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: does not hold the samples that were drawn: {error}") from error


def _aspects(run: Run, revision: int) -> list[str]:
    """What the judges of a revision read; people are no judges."""
    theirs = [judge for roles in people_in(run, revision).values() for judge in roles.values()]
    query = "SELECT DISTINCT aspect FROM read_parquet(?) WHERE aspect <> '*' AND NOT list_contains(?, judge) ORDER BY 1"
    with run.engine.room() as sql:
        return [row[0] for row in sql.execute(query, [str(run.revision(revision) / "judgements.parquet"), theirs]).fetchall()]


def carry(run: Run, before: int, number: int, spool: Spool[Judgement]) -> None:
    """Take people's labels of an earlier revision over into one that is being read anew."""
    named = people_in(run, before)
    if not named:
        return
    theirs = {judge for roles in named.values() for judge in roles.values()}
    subjects, units = _subjects(run), {trials[0].unit: place for place, trials, _ in every_unit(run)}
    for n, judgement in enumerate(judgement for judgement in run.judgements(before) if judgement.judge in theirs):
        # After all that the judges of this revision say of the unit.
        spool.add((units[judgement.unit], subjects[judgement.subject], LAST + n), judgement)
    run.write_json(number, PEOPLE, named)
    if (labels := run.revision(before) / LABELS).exists():
        run.write_file(number, LABELS, labels.read_bytes())


def _subjects(run: Run) -> dict[str, int]:
    return {subject["id"]: place for place, subject in enumerate(run.plan.subjects)}
