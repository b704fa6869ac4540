"""Judges on their own: audited, compared over the revisions of a run, overridden by a person."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fiducial.api import history
from fiducial.api.history import COPIED, LABELS, OVERRIDES
from fiducial.api.resolve import judge_of
from fiducial.api.results import PEOPLE, Result, conclude, people_in, reopen, same_readers
from fiducial.audit import compared, labels, live, recorded
from fiducial.audit import drift as watching
from fiducial.audit.card import audit as audited
from fiducial.audit.compared import JudgeComparison
from fiducial.audit.drift import JudgeWatch
from fiducial.audit.injectors import INJECTORS
from fiducial.audit.labels import LabelledCase
from fiducial.audit.verdicts import Verdicts
from fiducial.engine.rejudge import every_unit
from fiducial.kernel.digest import bytes_digest, clean
from fiducial.kernel.errors import StoreError, UsageError
from fiducial.kernel.records import Judgement, Record, require
from fiducial.store.cards import JudgeCard
from fiducial.store.run import Run
from fiducial.store.sound import newest, sealed

RECORDED = "recorded:"


class Override(Record, frozen=True, kw_only=True):
    """A person's verdict in the place of a judge's: by whom, why, when (UTC), and what stood there before."""

    unit: str
    subject: str
    judge: str
    aspect: str
    value: float
    author: str
    reason: str
    at: str
    part: str | None = None
    before: float | None = None

    def __post_init__(self) -> None:
        require(0 <= self.value <= 1, "Override.value", "must lie in [0, 1]", self.value)
        require(bool(self.author.strip()), "Override.author", "must say who", self.author)
        require(bool(self.reason.strip()), "Override.reason", "must say why", self.reason)


def audit(
    judge: str, data: Sequence[Path], *, kind: str | None = None, aspect: str = "label", repeats: int = 2, artifacts: bool = True
) -> JudgeCard:
    """The card of a judge.

    Args:
        judge: ``recorded:NAME`` (verdicts stored in `data`), a judge by its name, or ``NAME=SPEC`` for a table of ``[judges]``.
        data: files of labels.
        kind: their published format; by default our own columns (`audit.labels`).
        aspect: what labels in our own columns are about.
        repeats: how often a judge that is asked reads each plain case.
        artifacts: also read each English case with each artifact put in.
    """
    if not data:
        raise UsageError("judge audit: at least one file of labels (--data)")
    digest = bytes_digest(b"".join(bytes_digest(path.read_bytes()).encode() for path in data))
    if judge.startswith(RECORDED):
        if kind is None:
            raise UsageError(f"judge audit: --format for a recorded judge ({', '.join(recorded.formats())})")
        name = judge.removeprefix(RECORDED)
        return audited([part for path in data for part in recorded.of_judge(recorded.load(kind, path), name)], digest)
    made, graders = judge_of(judge)
    cases = [case for path in data for case in labels.read(path, kind, aspect)]
    aspects = list(dict.fromkeys(name for case in cases for name in case.labels))
    wanted = live.plan(cases, repeats=repeats, injectors=INJECTORS if artifacts else {})

    async def read() -> list[Verdicts]:
        try:
            return await live.ask(made, wanted, aspects)
        finally:
            for grader in graders:
                await grader.close()

    return audited(asyncio.run(read()), digest, notes=_notes(cases))


def compare(path: Path, before: int | None = None, after: int | None = None) -> JudgeComparison:
    """Two revisions of a run: by default the last one against the one before it."""
    run = Run.open(path)
    there = run.revisions()
    if before is None and len(there) < 2:
        raise UsageError(f"{path}: two revisions to compare, got {there}; make another with `fiducial rejudge`")
    new = there[-1] if after is None else after
    old = there[max(0, there.index(new) - 1)] if before is None and new in there else before
    if old is None or old == new:
        raise UsageError(f"{path}: two different revisions of {there}, got {old} and {new}")
    for number in (old, new):
        sealed(run, number)
    return JudgeComparison(
        agreements=compared.compared(run.judgements(old), run.judgements(new)),
        ranks=compared.ranks(run.estimates(old), run.estimates(new)),
        decisions=compared.decisions(run.decisions(old), run.decisions(new)),
        revisions=(old, new), made=(history.made(run, old), history.made(run, new)),
    )  # fmt: skip


def drift(path: Path, *, base: tuple[int, int] | None = None, mean_time: float = watching.MEAN_TIME) -> list[JudgeWatch]:
    """Each judge of a run watched over its revisions: the first that it read holds the anchors, later ones are held against it.

    Revisions that only copy the readings of an earlier one (overrides, people's labels) are no use of the judge.
    `base` is (flips, repeats) of measured repetition. A judge that read one revision only is not watched. Raises `StoreError`
    where a file of a revision is not as it was sealed.
    """
    run = Run.open(path)
    known: dict[str, watching.Anchors] = {}
    watches: dict[str, JudgeWatch] = {}
    for revision in run.revisions():
        if (run.revision(revision) / COPIED).exists():
            continue
        sealed(run, revision)
        people = {judge for roles in people_in(run, revision).values() for judge in roles.values()}
        for judge in sorted({judgement.judge for judgement in run.judgements(revision)} - people):
            if judge not in known:
                known[judge] = watching.anchors(run.judgements(revision), judge)
                continue
            flips, repeats = base or (None, None)
            watch = watches.get(judge) or watching.open_watch(judge, flips=flips, repeats=repeats, mean_time=mean_time)
            watches[judge] = watching.update(watch, known[judge], run.judgements(revision))
    return list(watches.values())


def override(path: Path, wanted: Mapping[str, Any], judges: Mapping[str, str] | None = None) -> Result:
    """A new revision in which one judgement is a person's; the earlier ones stay.

    Args:
        path: the run.
        wanted: ``unit``, ``aspect``, ``value``, ``author``, ``reason``, and where they are needed to tell ``subject`` and ``part``.
        judges: as `runs.rejudge` had them, where the latest revision was read by other judges than the plan's.
    """
    run = Run.open(path)
    resolved = reopen(run, judges)
    last = newest(run)
    made = _override(run, last, wanted)
    same_readers(run, last, resolved)
    earlier = _overrides(run, last)
    number = int(run.new_revision().name)
    spool = run.spool("judgements")
    units = {trials[0].unit: place for place, trials, _ in every_unit(run)}
    subjects = {subject["id"]: place for place, subject in enumerate(run.plan.subjects)}
    counts: Counter[tuple[int, int]] = Counter()
    for judgement in run.judgements(last):
        place = (units[judgement.unit], subjects[judgement.subject])
        spool.add((*place, counts[place]), _as(made, judgement) if _meant(made, judgement) else judgement)
        counts[place] += 1
    spool.seal(number)
    run.write_json(number, OVERRIDES, [*earlier, made])
    run.write_json(number, COPIED, {"revision": last})
    if people := people_in(run, last):
        run.write_json(number, PEOPLE, people)
    if (labels := run.revision(last) / LABELS).exists():
        run.write_file(number, LABELS, labels.read_bytes())
    return conclude(run, resolved, number)


def _override(run: Run, revision: int, wanted: Mapping[str, Any]) -> Override:
    people = {judge for roles in people_in(run, revision).values() for judge in roles.values()}
    found = [
        j for j in run.judgements(revision)
        if j.judge not in people and j.unit == wanted["unit"] and j.aspect == wanted["aspect"]
        and wanted.get("subject") in {None, j.subject} and wanted.get("part") in {None, j.part}
    ]  # fmt: skip
    if len(found) != 1:
        there = "; ".join(f"subject {j.subject}, part {j.part}, judge {j.judge}" for j in found[:5]) or "none"
        which = f"aspect {wanted['aspect']!r} about unit {wanted['unit']!r}"
        raise UsageError(f"{run.path}: one judgement of {which}, got {len(found)} ({there}); say which with --subject and --part")
    (old,) = found
    return Override(
        unit=old.unit, subject=old.subject, judge=old.judge, aspect=old.aspect, part=old.part, before=old.value,
        value=float(wanted["value"]), author=clean(str(wanted["author"])), reason=clean(str(wanted["reason"])),
        at=dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
    )  # fmt: skip


def _meant(made: Override, judgement: Judgement) -> bool:
    return all(getattr(made, name) == getattr(judgement, name) for name in ("unit", "subject", "judge", "aspect", "part"))


def _as(made: Override, judgement: Judgement) -> Judgement:
    reason = f"{made.author}: {made.reason}"
    return msgspec.structs.replace(judgement, value=made.value, label="override", reason=reason, fault=None)


def _overrides(run: Run, revision: int) -> list[Override]:
    path = run.revision(revision) / OVERRIDES
    if not path.exists():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Override])
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path}: is not a list of overrides: {error}") from error


def _notes(cases: Sequence[LabelledCase]) -> tuple[str, ...]:
    foreign = sorted({case.language for case in cases} - {"en"})
    return (f"Artifacts are English texts, so cases in {', '.join(foreign)} were read as they are only.",) if foreign else ()
