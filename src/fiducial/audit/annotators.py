"""Annotators: how far they vary, and which of them answer at random, against, always the same, in copies, or in bursts.

Every sign compares a rater with the others on the same items. `p`, the chance of a label on an item, is estimated from the other
ratings of that item and one pseudo-rating spread as all labels are. Signs share a familywise error of 5 % within each kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fiducial.kernel.errors import NotEstimable, RecordError
from fiducial.kernel.records import Estimate, Record, Target
from fiducial.stats.clusters import numbered, sums
from fiducial.stats.crossed import variance_components
from fiducial.stats.drift import Cusum
from fiducial.stats.means import mean
from fiducial.stats.table import Floats, Labels, Table

FAMILYWISE = 0.05
LEAST = 10
"""Ratings of a rater, or common items of two, below which nothing is said of them."""

Codes = NDArray[np.intp]


class RaterNote(Record, frozen=True, kw_only=True):
    """One rater. `skill`: agreement with the others above what their own mix of labels would give on the same items, in [-1, 1].

    `signs`: of ``adversarial`` (skill shown below 0), ``random`` (skill not shown above 0), ``constant`` (one label all along, where
    others vary), ``burst`` (a run of surprising answers, from rating number `since` on).
    """

    rater: str
    ratings: int
    skill: Estimate | None
    signs: tuple[str, ...] = ()
    since: int | None = None


class CopyNote(Record, frozen=True, kw_only=True):
    """Two raters that agree more often than raters of these items do: `agreed` of `common` items, `expected` by chance.

    Nothing is said of raters that always say the same or answer against the others: how often those agree with anybody follows from
    that alone.
    """

    first: str
    second: str
    common: int
    agreed: int
    expected: float


@dataclass(frozen=True, slots=True)
class Annotators:
    """What was found. `components`: variance of the labels as numbers between items, raters, and the rest."""

    raters: tuple[RaterNote, ...]
    copies: tuple[CopyNote, ...]
    components: dict[str, float | None] = field(default_factory=dict)

    def with_sign(self, sign: str) -> set[str]:
        """The raters that show a sign; ``copy`` names those of a pair."""
        if sign == "copy":
            return {name for pair in self.copies for name in (pair.first, pair.second)}
        return {note.rater for note in self.raters if sign in note.signs}


def examine(item: Labels, rater: Labels, label: Floats, level: float = 0.95) -> Annotators:
    """Look at ratings one by one, in the order in which each rater gave them.

    Args:
        item: what was rated.
        rater: by whom.
        label: categories as numbers, no NaN.
        level: of the intervals shown.

    Raises `RecordError` on columns of different length or a missing label, `NotEstimable` where no item has two ratings.
    """
    if not len(item) == len(rater) == len(label) or np.isnan(label).any():
        raise RecordError("annotators", "need item, rater and label for each rating", (len(item), len(rater), len(label)))
    names, by_rater = np.unique(rater.astype(np.str_), return_inverse=True)
    index, items = numbered(item)
    kinds, code = np.unique(label, return_inverse=True)
    counts = np.zeros((items, len(kinds)))
    np.add.at(counts, (index, code), 1)
    if (counts.sum(axis=1) < 2).all():
        raise NotEstimable("annotators: no item has two ratings")
    pool = np.bincount(code, minlength=len(kinds)) / len(code)
    chance = _others(counts[index], np.eye(len(kinds))[code], pool)
    surprise = 1 - chance[np.arange(len(code)), code]
    surprise[counts.sum(axis=1)[index] < 2] = np.nan
    strict = 1 - FAMILYWISE / len(names)
    notes = []
    for number, name in enumerate(names.tolist()):
        rows = np.flatnonzero(by_rater == number)
        notes.append(_rater(name, index[rows], code[rows], chance[rows], surprise[rows], (level, strict, float(np.nanmean(surprise)))))
    parts = variance_components(label, {"item": index, "rater": by_rater})
    odd = np.array(["adversarial" in note.signs or len(np.unique(code[by_rater == n])) == 1 for n, note in enumerate(notes)])
    return Annotators(tuple(notes), _copies(names, index, by_rater, code, counts, odd), parts)


def _rater(
    name: str, index: Codes, code: Codes, chance: Floats, surprise: Floats, settings: tuple[float, float, float]
) -> RaterNote:  # fmt: skip
    level, strict, usual = settings
    known = ~np.isnan(surprise)
    if known.sum() < LEAST:
        return RaterNote(rater=name, ratings=len(code), skill=None)
    own = np.bincount(code, minlength=chance.shape[1]) / len(code)
    gain = np.where(known, (1 - surprise) - chance @ own, np.nan)
    shown, wide = (_skill(name, index, gain, one) for one in (level, strict))
    signs = []
    if len(np.unique(code)) == 1 and np.log(1 - surprise[known]).sum() < np.log(1 - strict):
        signs.append("constant")
    elif wide.high < 0:
        signs.append("adversarial")
    elif shown.low <= 0:
        signs.append("random")
    since = _burst(surprise[known], usual, 1 - strict)
    if since is not None:
        signs.append("burst")
    return RaterNote(rater=name, ratings=len(code), skill=shown, signs=tuple(signs), since=since)


def _skill(name: str, index: Codes, gain: Floats, level: float) -> Estimate:
    target = Target(benchmark="audit", quantity="rater.skill", subject=name)
    return mean(Table(target, gain, index, np.arange(len(gain)), level=level, range=(-1.0, 1.0)))


def _burst(surprise: Floats, usual: float, error: float) -> int | None:
    """Where a run of surprising answers began. A detector's evidence reaches n / error within n values with a chance of at most error."""
    base = float(np.clip(max(usual, float(np.mean(surprise))), 0.01, 0.99))
    watch = Cusum.open(base=base, mean_time=min(1e12, max(1.0, len(surprise) / error)))
    for value in surprise.tolist():
        watch = watch.update(value)
        if watch.alarm:
            return watch.since
    return None


def _others(counts: Floats, own: Floats, pool: Floats) -> Floats:
    """The chance of each label by the other ratings of an item, with one pseudo-rating."""
    left = counts - own + pool
    return left / left.sum(axis=1, keepdims=True)


def _copies(
    names: Labels, index: Codes, by_rater: Codes, code: Codes, counts: Floats, odd: NDArray[np.bool_]
) -> tuple[CopyNote, ...]:  # fmt: skip
    from scipy.special import ndtri

    first, second = _pairs(index)
    # Written small to great, so that a pair of raters has one number.
    low, high = np.minimum(by_rater[first], by_rater[second]), np.maximum(by_rater[first], by_rater[second])
    keep = (low != high) & ~odd[low] & ~odd[high]
    first, second, pair = first[keep], second[keep], (low * len(names) + high)[keep]
    if not len(pair):
        return ()
    kinds = np.eye(counts.shape[1])
    left = counts[index[first]] - kinds[code[first]] - kinds[code[second]]
    number = left.sum(axis=1)
    enough = number >= 2
    first, second, pair, left, number = first[enough], second[enough], pair[enough], left[enough], number[enough]
    if not len(pair):
        return ()
    # The share of agreeing pairs of the others is an unbiased estimate of how often two raters of this item agree.
    expected = (left * (left - 1)).sum(axis=1) / (number * (number - 1))
    same = (code[first] == code[second]).astype(float)
    # Two able raters agree more often than others do: what each of them has with everybody is taken off.
    above = same - expected
    habit = _habits(by_rater[first], by_rater[second], above, len(names))
    expected = expected + habit
    numbers, at = np.unique(pair, return_inverse=True)
    common = np.bincount(at)
    agreed, mu = (sums(values, at, len(numbers)) for values in (same, expected))
    z = (agreed - mu - 0.5) / np.sqrt(common * max(float(np.var(same - expected)), 1e-12))
    bound = float(ndtri(1 - FAMILYWISE / len(numbers)))
    found = np.flatnonzero((common >= LEAST) & (z > bound))
    return tuple(
        CopyNote(
            first=str(names[numbers[n] // len(names)]), second=str(names[numbers[n] % len(names)]), common=int(common[n]),
            agreed=int(agreed[n]), expected=float(mu[n]),
        )
        for n in found
    )  # fmt: skip


def _habits(one: Codes, two: Codes, above: Floats, raters: int) -> Floats:
    """For each pair of ratings the agreement above chance that its two raters have with everybody."""
    total = sums(above, one, raters) + sums(above, two, raters)
    number = np.bincount(one, minlength=raters) + np.bincount(two, minlength=raters)
    mine = total / np.maximum(number, 1)
    return mine[one] + mine[two] - float(above.mean())


def _pairs(index: Codes) -> tuple[Codes, Codes]:
    """All pairs of ratings of one item."""
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(int(index.max()) + 2))
    firsts, seconds = [], []
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        one, two = np.triu_indices(end - start, 1)
        firsts.append(order[start + one])
        seconds.append(order[start + two])
    return np.concatenate(firsts), np.concatenate(seconds)
