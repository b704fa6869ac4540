"""Two measurements of the same trials beside each other."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from fiducial.api.results import reopen, same_instrument, source_of
from fiducial.engine.compare import MARGIN, Change, Flip, Side, changes, crossings
from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Record
from fiducial.store.run import Run
from fiducial.store.sound import newest


class Comparison(Record, frozen=True, kw_only=True):
    """All changes from one side to the other. `exit_code`: 1 a regression is decided, 3 one is undecided, 0 neither."""

    before: str
    after: str
    changes: tuple[Change, ...]
    flips: tuple[Flip, ...]
    exit_code: int


def compare(
    before: str | Path,
    after: str | Path,
    before_subject: str | None = None,
    after_subject: str | None = None,
    *,
    margin: float = MARGIN,
    level: float = 0.90,
) -> Comparison:
    """Paired changes between two runs, or between two subjects of one run.

    Raises `UsageError` where items, judges or benchmark versions differ.
    """
    old, new = Run.open(Path(before)), Run.open(Path(after))
    within = old.path.resolve() == new.path.resolve()
    if not within:
        same_instrument(new, old)
    first = _subject(old, before_subject, 0, within=within)
    second = _subject(new, after_subject, 1 if within else 0, within=within)
    if within and first == second:
        raise UsageError(f"{before}: two subjects to compare within one run, got {first!r} twice")
    with ExitStack() as stack:
        sides = (
            Side(stack.enter_context(source_of(old, reopen(old), newest(old))), first),
            Side(stack.enter_context(source_of(new, reopen(new), newest(new))), second),
        )
        found = tuple(changes(*sides, level, margin))
        crossed = tuple(flip for change in found for flip in crossings(*sides, *change.quantity.split(".", 1)).flips)
    verdicts = {change.verdict for change in found}
    code = 1 if "regressed" in verdicts else 3 if "undecided" in verdicts else 0
    return Comparison(before=f"{before}:{first}", after=f"{after}:{second}", changes=found, flips=crossed, exit_code=code)


def _subject(run: Run, wanted: str | None, place: int, *, within: bool) -> str:
    """The subject asked for by its id, with or without the digest at its end, else by place: candidates first between two runs, the
    baseline first within one.
    """
    subjects = sorted(run.plan.subjects, key=lambda subject: (subject["role"] == "baseline") != within)
    ids = [subject["id"] for subject in subjects]
    if wanted is None:
        if place >= len(ids):
            raise UsageError(f"{run.path}: two subjects to compare within one run, got {ids}")
        return ids[place]
    named = [name for name in ids if name == wanted] or [name for name in ids if name.startswith(f"{wanted}-")]
    if len(named) != 1:
        raise UsageError(f"{run.path}: one of its subjects ({', '.join(ids)}), got {wanted!r}")
    return named[0]
