"""A small classifier trained on labels: hashed n-grams and calibrated logistic regression, in milliseconds and with no model.

`train` fits one, `held_out` tells how far to trust it on groups (items, people) that it has not seen, `Oracle.save` writes a
small file and ``judge(path=...)`` reads with it. The value is a calibrated probability at the base rate of the training labels:
on a population with another base rate it is off, and a rate estimated from it needs labels of that population. It knows surface
words, not meaning; it abstains below a stated certainty, and on texts whose words it has hardly seen.

Self-judging (after Self-J, Ye and Ng 2024): let a model judge its own answers with references at hand, then train on those
values (`examples`), and the result judges without references. `expected_score` turns the log-probabilities of digits into one value.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.random import Generator

from fiducial.judges._fidelity import separation
from fiducial.judges._hashed import features, vocabulary, weighed
from fiducial.judges._logistic import fit, isotonic, platt
from fiducial.judges._reading import readings, unread
from fiducial.judges.reward_head import RewardHead
from fiducial.kernel.errors import NotEstimable, UsageError, shorten
from fiducial.kernel.records import Estimate, Judgement, Target
from fiducial.kernel.roles import Case, Exchange, Judge, Reader, Verdict
from fiducial.stats.calibration import brier
from fiducial.stats.means import mean
from fiducial.stats.table import Floats, Labels, Table

FORMAT = "fiducial-oracle-1"
BITS = 18
FOLDS = 5
LARGEST_FILE = 64_000_000

Reads = Literal["answer", "exchange"]
Text = tuple[str, ...]
"""What is classified, by field: ``(answer,)``, or ``(question, answer)``."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """A trained classifier. `knots` map margins to probabilities; `known` are hashes of the words that it was trained on."""

    aspect: str
    reads: Reads
    bits: int
    weights: Floats
    bias: float
    knots: tuple[Floats, Floats]
    known: np.ndarray[Any, np.dtype[np.uint64]]
    trained_on: int
    base_rate: float

    def margins(self, texts: Sequence[Text]) -> Floats:
        """Uncalibrated scores: higher is more of the aspect."""
        return weighed(texts, self.weights) + self.bias

    def probabilities(self, texts: Sequence[Text]) -> Floats:
        """Calibrated probabilities of the aspect."""
        return np.interp(self.margins(texts), *self.knots)

    def familiar(self, texts: Sequence[Text]) -> Floats:
        """Share of each text's distinct words that stood in the training texts; 0 for a text without words."""
        words = vocabulary(texts)
        place = np.searchsorted(self.known, words.hashes)  # known hashes are sorted and distinct
        hits = (self.known[np.minimum(place, len(self.known) - 1)] == words.hashes).astype(float)
        count = np.bincount(words.text, minlength=len(texts))
        return np.bincount(words.text, hits, len(texts)) / np.maximum(count, 1)

    @property
    def digest(self) -> str:
        """Of all that decides its values."""
        return hashlib.sha256(self._bytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write it as one file of plain arrays (numpy's zip; nothing in it is run when it is read)."""
        path.write_bytes(self._bytes())

    def _bytes(self) -> bytes:
        used = np.flatnonzero(self.weights)
        head = {
            "format": FORMAT, "aspect": self.aspect, "reads": self.reads, "bits": self.bits, "bias": self.bias,
            "trained_on": self.trained_on, "base_rate": self.base_rate,
        }  # fmt: skip
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer, head=np.frombuffer(json.dumps(head, sort_keys=True).encode(), dtype=np.uint8), used=used.astype(np.uint32),
            weights=self.weights[used].astype(np.float32), margins=self.knots[0], values=self.knots[1], known=self.known.astype(np.uint32),
        )  # fmt: skip
        return buffer.getvalue()


class Fidelity(NamedTuple):
    """How an oracle does on groups that it was not trained on."""

    separation: Estimate
    accuracy: Estimate
    brier: Estimate
    probabilities: Floats


class Settings(NamedTuple):
    """How an oracle is trained: ridge penalties to choose from, calibration, what is read, and buckets (2 to the `bits`)."""

    penalties: tuple[float, ...] = (0.3, 1.0, 3.0)
    calibration: Literal["platt", "isotonic"] = "platt"
    reads: Reads = "answer"
    bits: int = BITS


def train(
    texts: Sequence[Text], labels: Floats, groups: Labels, rng: Generator, *, aspect: str, settings: Settings | None = None
) -> Oracle:
    """Fit an oracle.

    Args:
        texts: by field, all with as many fields as `settings.reads` has.
        labels: in [0, 1]; a value in between is a shared or self-judged label.
        groups: what may not stand on both sides of a split: the item or the person.
        rng: draws the folds in which penalty and calibration are chosen.
        aspect: what 1 means.

    Raises `NotEstimable` with fewer than ten groups or one class, and where the texts do not tell the classes apart.
    """
    chosen = settings or Settings()
    _checked(texts, labels, groups, chosen)
    known = np.unique(vocabulary(texts).hashes)
    if not len(known):
        raise NotEstimable(f"oracle: the {len(texts)} texts hold no words")
    rows = features(texts, chosen.bits)
    used = np.unique(rows.indices)
    rows = rows[:, used]  # a bucket that no text has keeps the weight 0
    folds = _folds(groups, rng)
    best, margin = _out_of_fold(rows, labels, folds, chosen)
    knots = (platt if chosen.calibration == "platt" else isotonic)(margin, labels)
    found = fit(rows, labels, best)
    weights = np.zeros(1 << chosen.bits)
    weights[used] = found.weights.astype(np.float32)  # as they are stored
    return Oracle(
        aspect=aspect, reads=chosen.reads, bits=chosen.bits, weights=weights, bias=found.bias, knots=knots,
        known=known, trained_on=len(texts), base_rate=float(labels.mean()),
    )  # fmt: skip


def held_out(
    texts: Sequence[Text],
    labels: Floats,
    groups: Labels,
    rng: Generator,
    *,
    of: Target,
    settings: Settings | None = None,
    raters: Labels | None = None,
) -> Fidelity:
    """Cross-validated fidelity over groups: each text is read by an oracle trained (and calibrated) without its group.

    With `raters` (who gave each label) also without its rater: what it says of people who labelled nothing of the training set, on items
    that nobody labelled there. Intervals are over groups and cover which groups were drawn, not which were trained on, nor which raters
    there are. A label counts as 1 from 0.5 on. Raises `NotEstimable` with fewer than five raters.
    """
    chosen = settings or Settings()
    _checked(texts, labels, groups, chosen)
    if raters is not None and (len(raters) != len(labels) or len(np.unique(raters)) < FOLDS):
        raise NotEstimable(f"oracle: needs a rater for each of {len(labels)} labels and {FOLDS} raters, got {len(np.unique(raters))}")
    folds = _folds(groups, rng)
    whose = np.zeros(len(labels), dtype=np.intp) if raters is None else _folds(raters, rng)
    probability = np.full(len(labels), np.nan)
    for number, rater in itertools.product(range(FOLDS), np.unique(whose).tolist()):
        outside = (folds == number) & (whose == rater)
        inside = (folds != number) & ((whose != rater) | (raters is None))
        if not outside.any():
            continue
        part = [text for text, use in zip(texts, inside, strict=True) if use]
        found = train(part, labels[inside], groups[inside], rng, aspect=of.quantity, settings=chosen)
        probability[outside] = found.probabilities([text for text, use in zip(texts, outside, strict=True) if use])
    truth = (labels >= 0.5).astype(float)
    right = ((probability >= 0.5) == (truth == 1)).astype(float)
    table = Table(target=of, value=right, cluster=groups, unit=np.arange(len(right)))
    return Fidelity(
        separation=separation(probability, truth, of=of, cluster=groups), accuracy=mean(table),
        brier=brier(probability, truth, of=of, cluster=groups), probabilities=probability,
    )  # fmt: skip


def load_oracle(path: Path) -> Oracle:
    """Read a file that `Oracle.save` wrote. Raises `UsageError` on anything else; nothing in the file is run."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            size = max(size, sum(entry.file_size for entry in archive.infolist()))
        if size > LARGEST_FILE:
            raise UsageError(f"oracle {path.name}: at most {LARGEST_FILE} bytes, got {size}")
        with np.load(path, allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            return _rebuilt(head, {name: arrays[name] for name in ("used", "weights", "margins", "values", "known")})
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise UsageError(f"oracle {path.name}: a file that Oracle.save wrote, got {type(error).__name__}: {shorten(str(error))}") from None


def judge(*, path: Path | str, part: str | None = None, sure: float = 0.0, familiar: float = 0.3, decide: bool = False) -> Judge:
    """A judge that reads with a trained oracle.

    Args:
        path: the file that `Oracle.save` wrote, or the folder of `train_reward` (extra ``local``).
        part: the exchange to read; by default each.
        sure: with less certainty than this (the larger of p and 1 - p) there is no value; 0 = always say.
        familiar: there is no value where a smaller share of the words stood in the training texts.
        decide: give 0 or 1 in place of the probability.
    """
    if not 0 <= sure < 1 or not 0 <= familiar <= 1:
        raise UsageError(f"judge oracle: sure must lie in [0, 1) and familiar in [0, 1], got {(sure, familiar)}")
    oracle = _loaded(Path(path))

    def read(case: Case) -> Iterable[Verdict]:
        for exchange, name in readings(case, part):
            why = unread(exchange)
            if why:
                yield Verdict(oracle.aspect, None, label=exchange.response.status, reason=why, part=name)
                continue
            text = [text_of(exchange, oracle.reads)]
            p, known = float(oracle.probabilities(text)[0]), float(oracle.familiar(text)[0])
            reason = f"probability {p:.3f}; {known:.0%} of its words known"
            if known < familiar or max(p, 1 - p) < sure:
                why = "too few known words" if known < familiar else "not sure enough"
                yield Verdict(oracle.aspect, None, label="abstained", reason=f"{why}: {reason}", part=name)
                continue
            value = float(p >= 0.5) if decide else p
            yield Verdict(oracle.aspect, value, label="yes" if p >= 0.5 else "no", reason=reason, part=name)

    options = {"oracle": oracle.digest, "part": part, "sure": sure, "familiar": familiar, "decide": decide}
    return Reader(name="oracle", version="1", read=read, options=options)


def _loaded(path: Path) -> Oracle | RewardHead:
    return RewardHead(path) if path.is_dir() else load_oracle(path)


def text_of(exchange: Exchange, reads: Reads) -> Text:
    """What an oracle reads of an exchange."""
    answer = exchange.response.answer
    if reads == "answer":
        return (answer,)
    asked = [m.text for m in exchange.trial.messages if m.role == "user"]
    return (asked[-1] if asked else "", answer)


@dataclass(frozen=True, slots=True)
class Examples:
    """What `train` and `held_out` take."""

    texts: list[Text] = field(default_factory=list)
    labels: Floats = field(default_factory=lambda: np.empty(0))
    groups: Labels = field(default_factory=lambda: np.empty(0, dtype=np.str_))


def examples(cases: Iterable[Case], judgements: Iterable[Judgement], aspect: str, *, reads: Reads = "answer") -> Examples:
    """Training examples from judgements of an aspect: people's, another judge's, or a model's of its own answers.

    A judgement without a value is left out; the group is the cluster of the item.
    """
    found: dict[tuple[str, str, str | None], float] = {
        (j.unit, j.subject, j.part): j.value for j in judgements if j.aspect == aspect and j.value is not None
    }
    rows: list[tuple[Text, float, str]] = []
    for case in cases:
        for exchange, part in readings(case):
            value = found.get((case.unit, case.subject, part), found.get((case.unit, case.subject, None)))
            if value is not None and unread(exchange) is None:
                rows.append((text_of(exchange, reads), value, exchange.trial.cluster))
    return Examples([row[0] for row in rows], np.array([row[1] for row in rows]), np.array([row[2] for row in rows], dtype=np.str_))


def expected_score(logprobs: Mapping[int, float], low: int = 0, high: int = 9) -> float | None:
    """Expected score as a share of its scale, from the log-probability of each whole number of it; `None` where one is missing.

    Only differences count: the same constant added to all changes nothing. A missing number is no zero.

    >>> expected_score({0: -1.0, 1: -1.0}, 0, 1), expected_score({0: -1.0}, 0, 1)
    (0.5, None)
    """
    if high <= low or any(number not in logprobs or np.isnan(logprobs[number]) for number in range(low, high + 1)):
        return None
    values = np.array([logprobs[number] for number in range(low, high + 1)])
    if not np.isfinite(values.max()):
        return None
    weight = np.exp(values - values.max())
    share = float((weight * np.arange(high - low + 1)).sum() / weight.sum() / (high - low))
    return min(1.0, max(0.0, share))


def _checked(texts: Sequence[Text], labels: Floats, groups: Labels, settings: Settings) -> None:
    if not len(texts) == len(labels) == len(groups):
        raise UsageError(f"oracle: texts, labels and groups must be equally many, got {(len(texts), len(labels), len(groups))}")
    wanted = 1 if settings.reads == "answer" else 2
    if any(len(text) != wanted for text in texts):
        raise UsageError(f"oracle: reads {settings.reads!r} needs texts of {wanted} fields, got {sorted({len(text) for text in texts})}")
    if not (np.isfinite(labels).all() and ((labels >= 0) & (labels <= 1)).all()):
        raise UsageError(f"oracle: labels must lie in [0, 1], got {shorten(labels[~((labels >= 0) & (labels <= 1))][:5].tolist())}")
    if len(np.unique(groups)) < 2 * FOLDS:
        raise NotEstimable(f"oracle: needs {2 * FOLDS} groups, got {len(np.unique(groups))}")
    ups = int((labels >= 0.5).sum())
    if min(ups, len(labels) - ups) < FOLDS:
        raise NotEstimable(f"oracle: needs {FOLDS} texts of each class, got {len(labels) - ups} and {ups}")
    if not settings.penalties or min(settings.penalties) <= 0 or not 8 <= settings.bits <= 22:
        raise UsageError(f"oracle: penalties must be positive and bits lie in [8, 22], got {(settings.penalties, settings.bits)}")


def _folds(groups: Labels, rng: Generator) -> np.ndarray[Any, np.dtype[np.intp]]:
    """A fold for each row; groups stay whole and folds have equally many of them."""
    names, index = np.unique(groups, return_inverse=True)
    return (rng.permutation(len(names)) % FOLDS)[index]


def _out_of_fold(rows: Any, labels: Floats, folds: Any, settings: Settings) -> tuple[float, Floats]:
    """The penalty with the least held-out log loss, and the held-out margins under it."""
    ordered = sorted(settings.penalties, reverse=True)
    margins = {penalty: np.empty(len(labels)) for penalty in ordered}
    for number in range(FOLDS):
        outside = folds == number
        inside_rows, outside_rows, found = rows[~outside], rows[outside], None
        for penalty in ordered:
            found = fit(inside_rows, labels[~outside], penalty, found)
            margins[penalty][outside] = outside_rows @ found.weights + found.bias
    losses = {penalty: float((np.logaddexp(0, margin) - labels * margin).mean()) for penalty, margin in margins.items()}
    best = min(ordered, key=losses.__getitem__)
    return best, margins[best]


def _rebuilt(head: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> Oracle:
    used, values, knots = arrays["used"], arrays["weights"].astype(float), (arrays["margins"].astype(float), arrays["values"].astype(float))
    bits, reads, aspect = head["bits"], head["reads"], head["aspect"]
    if head["format"] != FORMAT or reads not in ("answer", "exchange") or not isinstance(bits, int) or not 8 <= bits <= 22:
        raise ValueError(f"format {head['format']!r}")
    if not isinstance(aspect, str) or not aspect or used.ndim != 1 or used.shape != values.shape or (used >= 1 << bits).any():
        raise ValueError("weights of another shape")
    if arrays["known"].ndim != 1 or not len(arrays["known"]):
        raise ValueError("no known words")
    if knots[0].ndim != 1 or knots[0].shape != knots[1].shape or len(knots[0]) < 2 or not (np.diff(knots[0]) > 0).all():
        raise ValueError("a calibration of another shape")
    bias = float(head["bias"])
    if not all(np.isfinite(one).all() for one in (values, *knots, np.array([bias]))) or (np.abs(knots[1] - 0.5) > 0.5).any():
        raise ValueError("numbers that are not finite, or probabilities outside [0, 1]")
    weights = np.zeros(1 << bits)
    weights[used] = values
    return Oracle(
        aspect=aspect, reads=reads, bits=bits, weights=weights, bias=bias, knots=knots, known=np.unique(arrays["known"].astype(np.uint64)),
        trained_on=int(head["trained_on"]), base_rate=float(head["base_rate"]),
    )  # fmt: skip
