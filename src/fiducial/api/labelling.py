"""People's labels of a run's own answers: a random sample to label, and the revision that such labels correct."""

from __future__ import annotations

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fiducial.api.judges import OVERRIDES
from fiducial.api.results import COPIED, PEOPLE, Result, conclude, people_in, reopen
from fiducial.engine.estimate import people_of
from fiducial.engine.rejudge import every_unit
from fiducial.judges.human import UNIT_COLUMNS, of_units
from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Judgement
from fiducial.store.run import Run, Spool

COLUMNS = (*UNIT_COLUMNS, "subject", "part", "rater", "prompt", "answer")
"""Of a file to be filled in. Verdicts of judges are not among them: people should not see them."""


LAST = 1_000_000
"""More judgements than a unit has."""


def sample(path: Path, aspect: str, count: int, seed: int) -> str:
    """Rows to label (CSV) for a random sample of a run's units, each with the answers of every subject; ``value`` is to be filled in.

    Raises `UsageError` where the run has no answered unit.
    """
    run = Run.open(path)
    number = sum(1 for _, _, found in every_unit(run) if found)
    if not number:
        raise UsageError(f"{path}: a run with answered units to label, got none")
    picked = np.zeros(number, dtype=bool)
    picked[np.random.default_rng(seed).permutation(number)[:count]] = True
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    answered = (found for _, _, found in every_unit(run) if found)
    for cases in (found for found, wanted in zip(answered, picked.tolist(), strict=True) if wanted):
        for subject, case in cases.items():
            several = len(case.exchanges) > 1
            for exchange in case.exchanges:
                asked = [message.text for message in exchange.trial.messages if message.role == "user"]
                writer.writerow({
                    "unit": case.unit, "aspect": aspect, "value": "", "subject": subject, "part": exchange.trial.part if several else "",
                    "rater": "", "prompt": asked[-1] if asked else "", "answer": exchange.response.answer,
                })  # fmt: skip
    return out.getvalue()


def label(path: Path, labels: Path, judges: Mapping[str, str] | None = None) -> Result:
    """A new revision whose numbers are corrected by what people said of a random sample of its units; the earlier ones stay.

    Args:
        path: the run.
        labels: columns ``unit``, ``aspect``, ``value``, where needed ``subject`` and ``part`` (as `sample` writes them, filled in).
        judges: as `runs.rejudge` had them, where the latest revision was read by other judges than the plan's.

    Raises `UsageError` where no label is about a unit of the run.
    """
    run = Run.open(path)
    resolved = reopen(run, judges)
    last = int(run.revision().name)
    people = of_units(labels)
    said: dict[tuple[int, int], list[Judgement]] = {}
    subjects = _subjects(run)
    units: dict[str, int] = {}
    for place, trials, cases in every_unit(run):
        units[trials[0].unit] = place
        for subject, case in cases.items():
            found = [judgement for judgement in asyncio.run(people.judge(case)) if judgement.value is not None]
            if found:
                said[place, subjects[subject]] = found
    if not said:
        raise UsageError(f"{labels}: a unit of {path} with a value (`fiducial judge sample` writes their names), got none")
    number = int(run.new_revision().name)
    spool = run.spool("judgements")
    counts: Counter[tuple[int, int]] = Counter()
    for judgement in run.judgements(last):
        place = (units[judgement.unit], subjects[judgement.subject])
        if judgement.judge != people.id:
            spool.add((*place, counts[place]), judgement)
            counts[place] += 1
    for place, found in said.items():
        for judgement in found:
            spool.add((*place, counts[place]), judgement)
            counts[place] += 1
    spool.seal(number)
    named = {name: {people_of(role): people.id for role in part.judges} for name, part in resolved.benchmarks.items()}
    run.write_json(number, PEOPLE, named)
    run.write_json(number, COPIED, {"revision": last})
    if (earlier := run.revision(last) / OVERRIDES).exists():
        run.write_file(number, OVERRIDES, earlier.read_bytes())
    return conclude(run, resolved, number)


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


def _subjects(run: Run) -> dict[str, int]:
    return {subject["id"]: place for place, subject in enumerate(run.plan.subjects)}
