"""What the diagnostics of decoding and of token probabilities read, elicited from a model at the items of a file.

token_shift             text; the models: what was aligned, and by --against what it was made from
membership              text, label; prompt: the text is what a model says to that; --against: a reference that saw none
decoding_exploitation   text; of items with a label those of label 1; expected
watermark               text; label; expected
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.api.eliciting import Asked, Model, Rows, Starts, dialogue, forced, scored, spelled, token_rows
from fiducial.diagnostics import decoding_exploitation, token_shift
from fiducial.diagnostics.watermark import Arms, Mark, resampled_best
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Decoding, Message
from fiducial.kernel.roles import Hooks, Prompt, Transparent, Turn, say
from fiducial.stats.table import Floats

AT_ONCE = 32
"""Prompts whose logits are held at the same time."""

NAMED = 20
"""Shifted tokens that are shown by their text."""

Given = dict[str, Any]

# --- token shift ---------------------------------------------------------------------------------------------------------


def lockstep(
    model: Transparent, base: Transparent, prompts: Sequence[Prompt], most: int
) -> tuple[list[tuple[int, int, int]], token_shift.Compared]:
    """The model answers greedily, and the base model reads each answer token by token, made to follow by edits of its logits.

    Gives (prompt, position, token) a row, and how the two compare there. Raises `UsageError` where the models read a prompt differently.
    """
    if token_rows(model, prompts[:1]) != token_rows(base, prompts[:1]):
        raise UsageError("token_shift: both models must read a prompt as the same tokens: one tokenizer and one chat template")
    starts = Starts.of(token_rows(model, prompts))
    places: dict[tuple[int, int], int] = {}
    found: dict[tuple[int, int], token_shift.Compared] = {}
    for first in range(0, len(prompts), AT_ONCE):
        own: dict[tuple[int, int], NDArray[Any]] = {}

        def note(logits: NDArray[Any], rows: Rows, own: Any = own) -> NDArray[Any]:
            own.update({at: one.copy() for row, one in zip(rows, logits, strict=True) if (at := starts.find(row)) is not None})
            return logits

        def follow(logits: NDArray[Any], rows: Rows, own: Any = own) -> NDArray[Any]:
            tokens: list[int | None] = []
            for n, row in enumerate(rows):
                at = starts.find(row)
                mine = None if at is None else own.get(at)
                tokens.append(None if mine is None else int(np.argmax(mine)))
                if at is not None and mine is not None:
                    places[at] = int(np.argmax(mine))
                    found[at] = token_shift.compare(mine[None], logits[n][None], np.array([places[at]]))
            return forced(logits.shape, tokens, logits)

        for one, hook in ((model, note), (base, follow)):
            one.generate(list(prompts[first : first + AT_ONCE]), Hooks(logits=hook), decoding=Decoding(max_tokens=most, temperature=0.0))
    if not found:
        raise NotEstimable("token_shift: no token of the two models could be compared")
    order = sorted(found)
    compared = token_shift.Compared(
        np.concatenate([found[at].rank for at in order]),
        np.concatenate([found[at].divergence for at in order]),
        np.concatenate([found[at].base_logprob for at in order]),
    )
    return [(*at, places[at]) for at in order], compared


async def shift(asked: Asked) -> Given:
    """Inputs of `token_shift`: the subject is the aligned model, the other one the base."""
    model = asked.model.inside
    rows, compared = lockstep(model, asked.sibling.inside, asked.prompts, asked.settings["tokens"])
    prompt, position, token = (np.array(column) for column in zip(*rows, strict=True))
    names, counts = np.unique(token[compared.rank > token_shift.MARGINAL], return_counts=True)
    common = names[np.argsort(-counts, kind="stable")[:NAMED]].tolist()
    spelt = {one: repr(spelled(model, asked.prompts[0], one)) for one in common}
    # A token that ends an answer has no text.
    texts = [f"(end) #{one}" if (text := spelt.get(one, "")) == "''" else text or f"#{one}" for one in token.tolist()]
    did = asked.behaviour()
    behaviour = None if did is None else dict(enumerate(did.tolist()))
    return {
        "prompt": prompt, "position": position, "rank": compared.rank, "divergence": compared.divergence,
        "base_logprob": compared.base_logprob, "token": texts, "behaviour": behaviour,
    }  # fmt: skip


# --- membership ----------------------------------------------------------------------------------------------------------


async def membership(asked: Asked) -> Given:
    """Inputs of `membership`: word by word the log-probability of each text as what the model says; does it go on as the text does?"""
    asked_for = asked.items.words("prompt")
    before = [dialogue(one) for one in asked_for] if asked_for is not None else [(say(""),)] * len(asked.texts)
    pairs = list(zip(before, asked.texts, strict=True))
    found: Given = {"logprobs": await scored(asked.model, pairs)}
    if asked.against is not None:
        found["reference"] = await scored(asked.against, pairs)
    if asked.items.find("behaviour") is None and asked.settings["behaviour"] != "none":
        found["behaviour"] = _goes_on(asked.model, pairs, asked.settings["tokens"], halved=asked_for is None)
    return found


def _goes_on(model: Model, pairs: Sequence[tuple[Sequence[Message], str]], tokens: int, *, halved: bool) -> Floats:
    """1 where the model's own words are those of the text: after its prompt, or after its first half where there is none."""
    prompts, rests = [], []
    for messages, text in pairs:
        words = text.split()
        cut = (len(words) + 1) // 2 if halved else 0
        said = " ".join(words[:cut])
        prompts.append([*messages, say(said, "assistant")] if said else list(messages))
        rests.append(" ".join(words[cut:]))
    answers = model.inside.generate(prompts, decoding=Decoding(max_tokens=tokens, temperature=0.0))
    told = [float(_same(answer, rest)) if rest else float("nan") for answer, rest in zip(answers, rests, strict=True)]
    return np.array(told)


def _same(answer: str, rest: str) -> bool:
    return " ".join(answer.split()).casefold().startswith(rest.casefold())


# --- decoding exploitation -------------------------------------------------------------------------------------------------


def _attacked(asked: Asked) -> list[int]:
    """The items that an attack is about: those of label 1 where there are labels."""
    labels = asked.labels
    return list(range(len(asked.prompts))) if labels is None else np.flatnonzero(labels).tolist()


def broken(asked: Asked, answers: Sequence[str], of: Sequence[int]) -> Floats:
    """1 where an attempt succeeded: the answer holds what it should not (column ``expected``), or does not refuse."""
    told = asked.judged(answers, of)
    return told if asked.outcome == "expected" else 1 - told


async def grid(asked: Asked) -> Given:
    """Inputs of `decoding_exploitation`: an attempt a prompt and setting, and as many at the subject's own setting."""
    which, tokens = _attacked(asked), asked.settings["tokens"]
    settings = decoding_exploitation.grid()
    draws = asked.settings["draws"] or len(settings)

    def attempt(decoding: Decoding) -> Floats:
        seeds = asked.rng.integers(2**31, size=len(which)).tolist()
        return broken(asked, asked.answers(of=which, decoding=decoding, seeds=seeds), which)

    over = [attempt(Decoding(temperature=one.temperature, top_p=one.top_p, max_tokens=tokens)) for _, one in settings]
    default = [attempt(Decoding(max_tokens=tokens)) for _ in range(draws)]
    groups = asked.groups
    return {
        "broken": np.stack(over, axis=1), "default": np.stack(default, axis=1), "knob": [knob for knob, _ in settings],
        "groups": None if groups is None else groups[which],
    }  # fmt: skip


# --- watermark -----------------------------------------------------------------------------------------------------------


async def marks(asked: Asked) -> Given:
    """Inputs of `watermark`: answers drawn with a mark and without, the best of several of either, and detection scores."""
    s = asked.settings
    heat = float(s["temperature"])
    mark = Mark(s["mark"], s["key"], s["gamma"], s["delta"], heat if heat > 0 else 1.0)
    if mark.kind == "gumbel_modified" and heat != 1:
        raise UsageError(f"watermark: mark=gumbel_modified is drawn from at temperature=1, got {heat:g}")
    if not 1 < s["candidates"] <= 64:
        raise UsageError(f"watermark: candidates: needs 2 to 64, got {s['candidates']}")
    starts = Starts.of(token_rows(asked.model.inside, asked.prompts))
    decoding = Decoding(max_tokens=s["tokens"], temperature=heat)
    seeds = asked.rng.integers(2**31, size=(s["candidates"], len(asked.prompts))).tolist()
    drawn: dict[str, list[list[str]]] = {"plain": [], "marked": []}
    scores: dict[str, Floats] = {}
    for k, row in enumerate(seeds):
        # The exact Gumbel draw gives one answer a key: further candidates need further keys.
        turned = Mark(mark.kind, mark.key + k, mark.gamma, mark.delta, mark.temperature) if mark.kind == "gumbel" else mark
        for arm, change in (("plain", None), ("marked", turned.logits)):
            seen: dict[int, tuple[int, ...]] = {}
            answers = asked.answers(Hooks(logits=_noting(seen, starts, change)), decoding=decoding, seeds=row)
            drawn[arm].append(answers)
            if k == 0:
                scores[arm] = _scores(mark, seen, starts, len(answers), asked)
    best = {arm: await _best(asked, candidates) for arm, candidates in drawn.items()}
    return {
        "outcomes": _outcomes(asked, drawn, best, scores["marked"]),
        "scores": tuple(_known(scores[arm]) for arm in ("marked", "plain")),
    }


def _noting(seen: dict[int, tuple[int, ...]], starts: Starts, change: Callable[[NDArray[Any], Rows], NDArray[Any]] | None) -> Any:
    """A processor that keeps the longest row of each prompt (all of an answer but its last token)."""

    def note(logits: NDArray[Any], rows: Rows) -> NDArray[Any]:
        for row in rows:
            at = starts.find(row)
            if at is not None and at[1] >= 1:
                seen[at[0]] = tuple(row)
        seen.setdefault(-1, (logits.shape[1],))  # the size of the vocabulary
        return logits if change is None else change(logits, rows)

    return note


def _scores(mark: Mark, seen: dict[int, tuple[int, ...]], starts: Starts, count: int, asked: Asked) -> Floats:
    """The detection score of each answer; NaN where it has too few tokens."""
    (vocabulary,) = seen[-1]
    found = np.full(count, np.nan)
    for n, row in seen.items():
        at = starts.find(row) if n >= 0 else None
        if at is not None:
            found[n] = mark.score(row, len(row) - at[1], vocabulary)
    return found


def _known(scores: Floats) -> Floats:
    return scores[np.isfinite(scores)]


async def _best(asked: Asked, candidates: Sequence[Sequence[str]]) -> list[str]:
    """Of each prompt's candidates the one that the rewarding model (--against, else the subject itself) finds likeliest a word."""
    judge = asked.against or asked.model

    async def likeliest(n: int) -> str:
        answers = [one[n] for one in candidates]
        known = list(dict.fromkeys(one for one in answers if one.strip()))
        if not known:
            return ""
        told = await judge.ask(Turn(messages=dialogue(asked.prompts[n]), continuations=tuple(known)))
        if told.continuation_logprobs is None:
            raise NotEstimable(f"{judge.id}: scores no continuations")
        rewards = np.array([[total / len(one.split()) for total, one in zip(told.continuation_logprobs, known, strict=True)]])
        return known[int(resampled_best(rewards)[0])]

    return list(await asyncio.gather(*(likeliest(n) for n in range(len(asked.prompts)))))


def _outcomes(asked: Asked, drawn: dict[str, list[list[str]]], best: dict[str, list[str]], scores: Floats) -> dict[str, Arms]:
    """By outcome: unsafe prompts answered and safe ones refused, where labels say which are which."""
    kind, labels, groups = asked.outcome, asked.labels, asked.groups
    everyone = np.arange(len(asked.prompts))
    parts = {kind if kind != "none" else "refused": (everyone, False)}
    if labels is not None and kind != "expected":
        parts = {"unsafe_answered": (everyone[labels == 1], True), "safe_refused": (everyone[labels == 0], False)}
    found = {}
    for name, (rows, turned) in parts.items():
        of = rows.tolist()

        def told(answers: Sequence[str], of: Sequence[int] = of, turned: bool = turned) -> Floats:
            shown = asked.judged([answers[n] for n in of], of, "expected" if kind == "expected" else "refused")
            return 1 - shown if turned else shown

        found[name] = Arms(
            told(drawn["plain"][0]), told(drawn["marked"][0]), told(best["marked"]), told(best["plain"]),
            None if groups is None else groups[rows], scores[rows],
        )  # fmt: skip
    return found
