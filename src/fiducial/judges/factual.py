"""How far a text supports what an answer says: each sentence of the answer against each chunk of the text.

AlignScore's aggregation (Zha et al. 2023) over any scorer of entailment: the text in chunks of about 350 words, the score of a sentence
is that of the chunk that supports it best, and the answer's is the mean over its sentences (or the lowest: one invented
sentence is then not averaged away). Aspect ``supported``. The built-in scorer counts shared words. It is a baseline, no
entailment model: it cannot see a negation or a swapped name. `path` names the folder of a real one (extra ``local``), `scorer` takes
any function, `subject` a model that is asked.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from fiducial.judges._asking import ask, question_about, whole
from fiducial.judges._reading import cut, readings, unread
from fiducial.judges._segments import sentences, words
from fiducial.judges.match import targets_of
from fiducial.kernel.digest import digest
from fiducial.kernel.errors import UsageError, shorten
from fiducial.kernel.records import Judgement
from fiducial.kernel.roles import Case, Exchange, Judge, Subject, Verdict
from fiducial.stats.table import Floats

VERSION = "1"

WORDS_IN_CHUNK = 350
MOST_PAIRS = 4000
MOST_ASKED = 60
LONGEST = 200_000

Pairs = Sequence[tuple[str, str]]
"""(chunk of the text, sentence of the answer)."""

Scorer = Callable[[Pairs], Sequence[float]]
"""The probability, in [0, 1], that each chunk supports its sentence."""

How = Literal["mean", "minimum"]

TASK = """Decide how far the CHUNK supports the SENTENCE, which stands in an answer that should rest on it.

supported: whole number from 0 (the CHUNK contradicts it or says nothing of it) over 50 (a part of it) to 100 (all that it says follows
from the CHUNK). Go by the CHUNK alone, not by what you know. A sentence that states nothing, such as a greeting, is 100."""

REPLY = '{"reason": "<one sentence>", "supported": <whole number from 0 to 100>, "key": "KEY"}'


class Support(NamedTuple):
    """What supports an answer: the score, each sentence's own, and the chunk that supports it best."""

    score: float
    sentences: Floats
    chunk: np.ndarray[Any, np.dtype[np.intp]]


def chunks(text: str) -> list[str]:
    """A text in runs of whole sentences, of about 350 words; an empty text is one empty chunk.

    >>> len(chunks("One two three. " * 10)), len(chunks("word " * 349 + "end. " + "More. " * 11))
    (1, 2)
    """
    found = sentences(text)
    wanted = len(text.split()) // WORDS_IN_CHUNK + 1
    size = max(len(found) // wanted, 1)
    return [" ".join(found[start : start + size]) for start in range(0, len(found), size)] or [""]


def aggregate(scores: Floats, how: How = "mean") -> Support:
    """A table of scores (chunks, sentences) as one number: the best chunk of each sentence, then their mean or minimum.

    >>> aggregate(np.array([[0.9, 0.1], [0.2, 0.3]])).score
    0.6
    """
    best = scores.max(axis=0)
    score = float(best.min() if how == "minimum" else best.mean())
    return Support(score, best, scores.argmax(axis=0))


def overlap(pairs: Pairs) -> list[float]:
    """The baseline scorer: the share of a sentence's distinct words, and of its pairs of neighbours, that stand in the chunk.

    >>> overlap([("The cat sat on the mat.", "The cat sat."), ("The cat sat.", "A dog ran.")])
    [1.0, 0.0]
    """
    return [_overlap(chunk, sentence) for chunk, sentence in pairs]


@dataclass(frozen=True, slots=True)
class FactualJudge:
    """Support of an answer by a text; see `judge`."""

    scorer: Scorer
    scorer_id: str
    context: str
    how: How
    part: str | None
    exact: bool = False

    @property
    def id(self) -> str:
        return f"factual@{VERSION}-{digest([self.scorer_id, self.context, self.how, self.part])[:12]}"

    async def judge(self, case: Case) -> tuple[Judgement, ...]:
        return tuple(self._read(exchange, part).signed(self.id, case) for exchange, part in readings(case, self.part))

    def _read(self, exchange: Exchange, part: str | None) -> Verdict:
        pairs, width, why = _paired(exchange, self.context, MOST_PAIRS)
        if why:
            return Verdict("supported", None, label=exchange.response.status, reason=why, part=part)
        given = np.asarray(self.scorer(pairs), dtype=float)
        if given.shape != (len(pairs),) or not ((given >= 0) & (given <= 1)).all():
            reason = (
                f"the scorer {self.scorer_id} must give a number in [0, 1] for each of {len(pairs)} pairs, got {shorten(given.tolist())}"
            )
            return Verdict("supported", None, label="unclear", reason=reason, part=part)
        return _verdict(aggregate(given.reshape(-1, width), self.how), pairs, self.scorer_id, part, ())


@dataclass(frozen=True, slots=True)
class AskingJudge:
    """Support of an answer by a text, a model asked about each pair; see `judge`."""

    subject: Subject
    context: str
    how: How
    part: str | None
    temperature: float | None
    max_tokens: int
    allow_self: bool
    exact: bool = False

    @property
    def subject_id(self) -> str:
        """Whose model judges: never the subject under test, unless `allow_self`."""
        return self.subject.id

    @property
    def id(self) -> str:
        settings = [self.context, self.how, self.part, self.temperature, self.max_tokens]
        return f"factual@{VERSION}-{digest([TASK, REPLY, self.subject.id, settings])[:12]}"

    async def judge(self, case: Case) -> tuple[Judgement, ...]:
        return tuple([(await self._read(exchange, part)).signed(self.id, case) for exchange, part in readings(case, self.part)])

    async def _read(self, exchange: Exchange, part: str | None) -> Verdict:
        pairs, width, why = _paired(exchange, self.context, MOST_ASKED)
        if why:
            return Verdict("supported", None, label=exchange.response.status, reason=why, part=part)
        scores, calls = [], ()
        for chunk, sentence in pairs:
            blocks = {"CHUNK": chunk, "SENTENCE": sentence}
            asked = question_about(self.id, TASK, REPLY, blocks, of=exchange, closing="Now judge the SENTENCE.")
            got = await ask(self.subject, asked, _check, temperature=self.temperature, max_tokens=self.max_tokens)
            calls += got.calls
            if got.numbers is None:
                return Verdict("supported", None, label="unclear", reason=got.reason, part=part, fault=got.fault, calls=calls)
            scores.append(got.numbers["supported"] / 100)
        found = aggregate(np.array(scores).reshape(-1, width), self.how)
        return _verdict(found, pairs, self.subject.id, part, calls)


def judge(
    *,
    context: str = "reference",
    how: How = "mean",
    part: str | None = None,
    scorer: Scorer | None = None,
    scorer_id: str = "",
    path: str | Path | None = None,
    subject: Subject | None = None,
    temperature: float | Literal["own"] = 0.0,
    max_tokens: int = 400,
    allow_self: bool = False,
) -> Judge:
    """A judge of support.

    Args:
        context: the text that must support the answer: ``reference`` (the trial's), or ``dialogue`` (what the user and tools said).
        how: ``mean`` over the sentences, or ``minimum``.
        part: the exchange to read; by default each.
        scorer: any entailment model as a function; by default shared words, a baseline.
        scorer_id: its name and version, which become part of the judge's id.
        path: the folder of an entailment model (extra ``local``), in place of a scorer.
        subject: a model that is asked about each chunk and sentence, in place of a scorer (at most 60 pairs an answer).
        temperature, max_tokens, allow_self: as for `rubric`, for `subject`.

    Raises `UsageError` on options that do not go together.
    """
    if context not in ("reference", "dialogue") or how not in ("mean", "minimum"):
        raise UsageError(f"judge factual: context must be reference or dialogue and how mean or minimum, got {(context, how)}")
    if scorer is not None and subject is not None:
        raise UsageError(f"judge factual: scorer or subject, not both, got {scorer_id or scorer!r} and {subject.id}")
    if (scorer is not None) != bool(scorer_id):
        raise UsageError(f"judge factual: a scorer and its scorer_id go together, got {scorer_id!r}")
    if path is not None:
        if scorer is not None or subject is not None:
            raise UsageError(f"judge factual: path, scorer or subject, one of them, got path {str(path)!r} and another")
        from fiducial.judges._entailment import Entailment

        scorer = Entailment(Path(path))
        scorer_id = scorer.id
    if subject is not None:
        own = None if temperature == "own" else temperature
        return AskingJudge(
            subject=subject, context=context, how=how, part=part, temperature=own, max_tokens=max_tokens, allow_self=allow_self
        )
    return FactualJudge(
        scorer=scorer or overlap, scorer_id=scorer_id or "word overlap (a baseline, no entailment)", context=context, how=how, part=part
    )


def _paired(exchange: Exchange, context: str, most: int) -> tuple[list[tuple[str, str]], int, str | None]:
    """Every chunk with every sentence, chunk by chunk; how many sentences; and why there are none."""
    if why := unread(exchange):
        return [], 0, why
    text = cut(_context(exchange, context), LONGEST)
    if not text.strip():
        return [], 0, "the trial has no reference to compare with" if context == "reference" else "nothing was said before the answer"
    parts, said = chunks(text), [one for one in sentences(cut(exchange.response.answer)) if words(one)]
    if not said:
        return [], 0, "the answer holds no words"
    if len(parts) * len(said) > most:
        return [], 0, f"{len(parts)} chunks and {len(said)} sentences make more than {most} pairs"
    return [(chunk, sentence) for chunk in parts for sentence in said], len(said), None


def _context(exchange: Exchange, context: str) -> str:
    if context == "dialogue":
        return "\n".join(m.text for m in exchange.messages if m.role in ("user", "tool"))
    reference = exchange.trial.reference
    if isinstance(reference, Mapping) and isinstance(reference.get("context"), str):
        return reference["context"]
    return "\n".join(targets_of(reference))


def _verdict(found: Support, pairs: Pairs, scorer: str, part: str | None, calls: tuple[str, ...]) -> Verdict:
    worst = int(found.sentences.argmin())
    weakest = pairs[worst][1]
    reason = f"by {scorer}; weakest of {len(found.sentences)} sentences ({found.sentences[worst]:.2f}): {weakest[:160]}"
    return Verdict("supported", min(1.0, max(0.0, found.score)), label=f"{found.score:.3f}", reason=reason, part=part, calls=calls)


def _check(fields: Mapping[str, Any]) -> dict[str, float] | str:
    supported = whole(fields, "supported", 0, 100)
    return supported if isinstance(supported, str) else {"supported": float(supported)}


def _overlap(chunk: str, sentence: str) -> float:
    said, there = _tokens(sentence), _tokens(chunk)
    if not said:
        return 0.0
    shares = [_share(set(said), set(there))]
    if len(said) > 1:
        shares.append(_share(set(itertools.pairwise(said)), set(itertools.pairwise(there))))
    return sum(shares) / len(shares)


def _share(wanted: Iterable[object], there: set[Any]) -> float:
    found = [one in there for one in wanted]
    return sum(found) / len(found)


def _tokens(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
