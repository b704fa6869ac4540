"""People and models that label: how far they vary and which are not to be relied on, and how they use the room that principles leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fiducial.audit.annotators import CopyNote, RaterNote, examine
from fiducial.audit.discretion import arbitrariness, discrepancy, priority, shares, supremacy
from fiducial.audit.formats import alignment_discretion
from fiducial.audit.recorded import Row, rows
from fiducial.kernel.errors import NotEstimable, UsageError, shorten
from fiducial.kernel.records import Estimate, Record, Target
from fiducial.stats.agreement import krippendorff_alpha
from fiducial.stats.table import Floats

PEOPLE = "people"
"""The annotator of the published format whose preference is the answer that people chose."""


class AnnotatorReport(Record, frozen=True, kw_only=True):
    """What labels say of those who gave them. `components`: variance of the labels as numbers between items, raters, and the rest."""

    ratings: int
    items: int
    alpha: Estimate | None
    components: dict[str, float | None]
    raters: tuple[RaterNote, ...]
    copies: tuple[CopyNote, ...]

    @property
    def signs(self) -> dict[str, list[str]]:
        """Raters by the sign they show, pairs of copies joined by a plus."""
        found: dict[str, list[str]] = {}
        for note in self.raters:
            for sign in note.signs:
                found.setdefault(sign, []).append(note.rater)
        if self.copies:
            found["copy"] = [f"{pair.first}+{pair.second}" for pair in self.copies]
        return found


class DiscretionOf(Record, frozen=True, kw_only=True):
    """How one annotator uses its discretion.

    `arbitrary`: share of pairs decided against the consensus of the principles. `first`: the principles that it follows where they differ,
    the strongest first. `distance`: of its order from the reference's. `None` where the pairs do not tell.
    """

    annotator: str
    arbitrary: Estimate | None
    first: tuple[str, ...]
    distance: Estimate | None = None


class DiscretionReport(Record, frozen=True, kw_only=True):
    """What the principles say of the pairs (shares of consensus, conflict, indifference), and what each annotator makes of it."""

    pairs: int
    principles: tuple[str, ...]
    shares: dict[str, Estimate]
    annotators: tuple[DiscretionOf, ...]


def annotators(
    path: Path, *, item: Sequence[str] = ("item",), rater: str = "rater", label: str = "label", scores: str | None = None
) -> AnnotatorReport:
    """Look at a file of labels (CSV, JSON or JSON lines), in the order in which each rater gave them.

    Args:
        path: the file; one row a label, or with `scores` one row an item.
        item: the columns that name an item together.
        rater, label: the columns with who said what. Labels that are all numbers count as numbers, others as categories.
        scores: the column that holds the list of all labels of a row; raters are then known by their place in it, which means something
            only where places are people.

    Raises `UsageError` on a missing column or label, `NotEstimable` where no item has two labels.
    """
    if scores is None:
        found = rows(path, (*item, rater, label))
        items = np.array(["/".join(str(row[name]) for name in item) for row in found])
        raters = np.array([str(row[rater]) for row in found])
        said = [row[label] for row in found]
    else:
        found = rows(path, (*item, scores))
        lists = [_list(path, number, row[scores]) for number, row in enumerate(found, 1)]
        items = np.repeat(["/".join(str(row[name]) for name in item) for row in found], [len(one) for one in lists])
        raters = np.array([f"place {place}" for one in lists for place in range(1, len(one) + 1)])
        said = [value for one in lists for value in one]
    labels = _coded(path, said)
    seen = examine(items, raters, labels)
    target = Target(benchmark="audit", quantity="annotators.alpha", subject=path.stem)
    try:
        alpha = krippendorff_alpha(_by_item(items, labels), of=target)
    except NotEstimable:
        alpha = None
    return AnnotatorReport(
        ratings=len(labels), items=len(np.unique(items)), alpha=alpha, components=seen.components, raters=seen.raters, copies=seen.copies
    )


def discretion(
    preferences: Path, principles: Path, *, kind: str | None = None, reference: str | None = None, seed: int = 0
) -> DiscretionReport:
    """How annotators decide where principles agree, conflict or say nothing.

    Args:
        preferences: columns ``pair``, ``annotator``, ``preference``: 1 or -1 for the first or second answer, 0 none, blank not told.
        principles: columns ``pair``, ``principle``, ``vote``: 1, -1 or blank.
        kind: ``alignment_discretion`` for the files of that publication, where ``people`` preferred the first answer of each pair.
        reference: the annotator whose order of principles the others are held against.
        seed: of the bootstrap of that comparison.

    Raises `UsageError` on a missing column or a number that is none of these.
    """
    if kind not in (None, "alignment_discretion"):
        raise UsageError(f"judge discretion --format: alignment_discretion, or none for own columns, got {kind!r}")
    if kind is None:
        pairs, names, votes = _votes(principles)
        known = _preferences(preferences, pairs)
    else:
        votes = alignment_discretion.principles(principles)
        names = tuple(str(number) for number in range(votes.shape[1]))
        models = alignment_discretion.load(preferences)
        known = {PEOPLE: np.ones(len(votes))}
        known |= {part.judge.partition("@")[0]: alignment_discretion.preference(part, len(votes)) for part in models}
    if reference is not None and reference not in known:
        raise UsageError(f"judge discretion --reference: an annotator of {preferences.name} ({', '.join(known)}), got {reference!r}")
    rng = np.random.default_rng(seed)
    found = []
    for name, mine in known.items():
        arbitrary = distance = None
        try:
            arbitrary = arbitrariness(votes, mine, name)
            if reference not in (None, name):
                distance = discrepancy(votes, mine, known[str(reference)], rng, annotator=name)
        except NotEstimable:
            pass
        scores = priority(supremacy(votes, mine))
        order = [names[place] for place in np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable") if not np.isnan(scores[place])]
        found.append(DiscretionOf(annotator=name, arbitrary=arbitrary, first=tuple(order), distance=distance))
    return DiscretionReport(pairs=len(votes), principles=names, shares=shares(votes), annotators=tuple(found))


def _list(path: Path, number: int, value: object) -> list[object]:
    if not isinstance(value, list):
        raise UsageError(f"{path}: row {number}: a list of labels, got {shorten(value)}")
    return value


def _coded(path: Path, said: Sequence[object]) -> Floats:
    """Labels as numbers: their own where all have one, else the places of the sorted categories."""
    blank = next((number for number, value in enumerate(said, 1) if value in (None, "")), None)
    if blank is not None:
        raise UsageError(f"{path}: a label for each rating, label {blank} is blank")
    try:
        numbers = np.array([float(str(value)) for value in said])
        if np.isfinite(numbers).all():
            return numbers
    except ValueError:
        pass
    return np.unique(np.array([str(value) for value in said]), return_inverse=True)[1].astype(float)


def _by_item(items: np.ndarray, labels: Floats) -> Floats:
    """One row an item with its labels side by side, in whatever order: alpha does not ask by whom."""
    _, index = np.unique(items, return_inverse=True)
    order = np.argsort(index, kind="stable")
    counts = np.bincount(index)
    place = np.arange(len(index)) - np.repeat(np.cumsum(counts) - counts, counts)
    wide = np.full((len(counts), int(counts.max())), np.nan)
    wide[index[order], place] = labels[order]
    return wide


def _votes(path: Path) -> tuple[list[str], tuple[str, ...], Floats]:
    found = rows(path, ("pair", "principle", "vote"))
    pairs, names = (list(dict.fromkeys(str(row[name]) for row in found)) for name in ("pair", "principle"))
    votes = np.full((len(pairs), len(names)), np.nan)
    at_pair, at_name = ({name: place for place, name in enumerate(listed)} for listed in (pairs, names))
    for number, row in enumerate(found, 1):
        votes[at_pair[str(row["pair"])], at_name[str(row["principle"])]] = _side(path, number, row, "vote", {"1", "-1"})
    return pairs, tuple(names), votes


def _preferences(path: Path, pairs: Sequence[str]) -> Mapping[str, Floats]:
    found = rows(path, ("pair", "annotator", "preference"))
    place = {pair: number for number, pair in enumerate(pairs)}
    known: dict[str, Floats] = {}
    for number, row in enumerate(found, 1):
        mine = known.setdefault(str(row["annotator"]), np.full(len(pairs), np.nan))
        if str(row["pair"]) in place:
            mine[place[str(row["pair"])]] = _side(path, number, row, "preference", {"1", "0", "-1"})
    return known


def _side(path: Path, number: int, row: Row, name: str, allowed: set[str]) -> float:
    text = str(row[name] if row[name] is not None else "").strip()
    if text and text not in allowed:
        raise UsageError(f"{path}: row {number}: {name} must be {', '.join(sorted(allowed))} or blank, got {text!r}")
    return float(text) if text else np.nan
