"""What the diagnostics of hidden states read, elicited from a model at the items of a file: states, behaviour, and states edited.

aqi                text, label
pa_ccs             text, label, pair; without the column answer each text is read with "Yes." and with "No."
routing            text, label, category; narrative: phrases that an answer holds which steers instead of refusing
surrogate          text; decision (else what the model does), label = harmful
shortcut_neurons   text, expected; seen; the cleaner sibling by --against
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.api import attacking
from fiducial.api.columns import binary
from fiducial.api.eliciting import Asked, Rows, Starts, dialogue, token_rows
from fiducial.diagnostics import routing, shortcut_neurons
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Decoding
from fiducial.kernel.roles import Hooks, Prompt, Transparent, Turn
from fiducial.stats.table import Floats

Given = dict[str, Any]
Edit = Callable[[NDArray[Any]], NDArray[Any]]


async def aqi(asked: Asked) -> Given:
    """States and, where it is wanted, behaviour."""
    behaviour = asked.behaviour()
    return {"states": asked.states(asked.model, asked.prompts)} | ({} if behaviour is None else {"behaviour": behaviour})


async def pa_ccs(asked: Asked) -> Given:
    """States of each statement with "Yes." and with "No.", and whether the model affirms it."""
    if asked.items.find("answer") is not None:
        return {"states": asked.states(asked.model, asked.prompts)}
    pair, labels = asked.items.words("pair"), asked.labels
    if pair is None or labels is None:
        raise UsageError("diagnose: pa_ccs needs the columns 'label' and 'pair'")
    texts = [f"{text} {said}" for said in ("Yes.", "No.") for text in asked.texts]
    found: Given = {
        "states": asked.states(asked.model, texts), "labels": np.tile(labels, 2), "pair": np.array(pair * 2, dtype=object),
        "answer": np.repeat(["yes", "no"], len(labels)), "texts": texts,
    }  # fmt: skip
    if asked.settings["behaviour"] == "none":
        return found
    column = asked.items.find("behaviour")
    affirmed = await _affirmed(asked) if column is None else binary("behaviour", column, None)
    return found | {"behaviour": np.tile(affirmed, 2)}


async def _affirmed(asked: Asked) -> Floats:
    """1 where "Yes." is the likelier answer to the statement, 0 where "No." is."""
    turns = [Turn(messages=dialogue(prompt), continuations=("Yes.", "No.")) for prompt in asked.prompts]
    told = await asyncio.gather(*(asked.model.ask(turn) for turn in turns))
    logprobs = [one.continuation_logprobs for one in told]
    return np.array([float("nan") if one is None or one[0] == one[1] else float(one[0] > one[1]) for one in logprobs])


# --- surrogate -----------------------------------------------------------------------------------------------------------


async def surrogate(asked: Asked) -> Given:
    """States, and what the model decides; items without a decision are left out."""
    column = asked.items.find("decision")
    decision = asked.judged(asked.answers(), outcome="refused") if column is None else binary("behaviour", column, None)
    kept = np.flatnonzero(np.isfinite(decision))
    states = {layer: x[kept] for layer, x in asked.states(asked.model, asked.prompts).items()}
    harmful = asked.items.find("harmful")
    harm = asked.labels if harmful is None else binary("behaviour", harmful, None)
    found: Given = {
        "states": states, "decision": decision[kept].astype(np.int64), "layers_in_all": asked.model.inside.depth,
        "texts": [asked.texts[n] for n in kept.tolist()],
    }  # fmt: skip
    if harm is not None:
        found["harmful"] = harm[kept]
    if asked.groups is not None:
        found["groups"] = asked.groups[kept]
    if asked.settings["attack"] != "none":
        found["attacks"] = await attacking.attacks(asked, decision)
    return found


# --- routing -------------------------------------------------------------------------------------------------------------


async def routing_(asked: Asked) -> Given:
    """States, behaviour, and what the model does with the concept's direction taken out, and shifted along it."""
    labels = asked.labels
    if labels is None or asked.items.find("category") is None:
        raise UsageError("diagnose: routing needs the columns 'label' and 'category'")
    states = asked.states(asked.model, asked.prompts)
    found: Given = {"states": states}
    outcomes = [name for name in (asked.outcome, "narrative") if name != "none" and (name != "narrative" or asked.items.find(name))]
    if not outcomes:
        return found
    answers = asked.answers()
    before = {name: asked.judged(answers, outcome=name) for name in outcomes}
    column = asked.items.find("behaviour")
    found["behaviour"] = before[outcomes[0]] if column is None else binary("behaviour", column, None)
    return found | {"effects": _effects(asked, states, labels == 1, before)}


def _effects(
    asked: Asked, states: Mapping[int | str, NDArray[Any]], labels: NDArray[np.bool_], before: Mapping[str, Floats]
) -> dict[str, routing.Effect]:
    """Each intervention on the items it is about. A direction comes from the other half of the groups than those it is tried on."""
    groups = asked.groups if asked.groups is not None else np.array(asked.items.words("category"), dtype=object)
    half = _halves(groups, asked)
    changes = ("ablate", "steer_away", "steer_towards")
    after = {(change, name): np.full(len(labels), np.nan) for change in changes for name in before}
    random = {key: np.full((len(labels), asked.settings["random"]), np.nan) for key in after}
    kl: dict[str, list[tuple[float, float]]] = {change: [] for change in changes}
    for side in (0, 1):
        learn = half != side
        if min(labels[learn].sum(), (~labels[learn]).sum()) < 2:
            raise NotEstimable("routing: half of the groups hold nearly all items of one label, so no direction can be learned apart")
        layer = asked.settings["at"] if asked.settings["at"] >= 0 else _best_layer(states, labels, learn, groups, asked)
        if layer not in states:
            raise UsageError(f"routing: at: needs one of the layers read, {', '.join(map(str, states))}, got {layer}")
        x = states[layer][learn]
        way = routing.direction(x, labels[learn])
        gap = float((x[labels[learn]] @ way).mean() - (x[~labels[learn]] @ way).mean()) * asked.settings["strength"]
        ways = routing.random_directions(len(way), asked.settings["random"], asked.rng)
        benign = np.flatnonzero(~learn & ~labels).tolist()
        for change in changes:
            about = np.flatnonzero(~learn & (~labels if change == "steer_towards" else labels)).tolist()
            edits = [_edit(change, one, gap) for one in (way, *ways)]
            for k, edit in enumerate(edits):
                last = asked.model.inside.depth if change == "ablate" and asked.settings["onwards"] else int(layer)
                answers = asked.answers(Hooks(layers=dict.fromkeys(range(int(layer), last + 1), edit)), of=about)
                for name in before:
                    told = asked.judged(answers, about, name)
                    if k:
                        random[change, name][about, k - 1] = told
                    else:
                        after[change, name][about] = told
            kl[change].append(_divergence(asked.model.inside, [asked.prompts[n] for n in benign[:MOST_BENIGN]], int(layer), edits))
    return _made(before, after, random, kl, groups)


MOST_BENIGN = 32
"""Prompts on which the next token's divergence is taken."""


def _made(
    before: Mapping[str, Floats], after: Mapping[tuple[str, str], Floats], random: Mapping[tuple[str, str], Floats],
    kl: Mapping[str, Sequence[tuple[float, float]]], groups: NDArray[Any],
) -> dict[str, routing.Effect]:  # fmt: skip
    """Effects by name, each of the items whose answers could all be told."""
    found = {}
    for (change, name), told in after.items():
        known = np.isfinite(told) & np.isfinite(before[name]) & np.isfinite(random[change, name]).all(axis=1)
        if known.sum() < 2:
            continue
        label = change if name == next(iter(before)) else f"{change},outcome={name}"
        divergence = (float(np.mean([one[0] for one in kl[change]])), float(np.mean([one[1] for one in kl[change]])))
        found[label] = routing.Effect(before[name][known], told[known], random[change, name][known], groups[known], divergence)
    return found


def _edit(change: str, way: Floats, gap: float) -> Edit:
    if change == "ablate":
        return lambda h: routing.project_out(h, way)
    return lambda h: routing.shift(h, way, gap if change == "steer_towards" else -gap)


def _halves(groups: NDArray[Any], asked: Asked) -> NDArray[np.intp]:
    names, index = np.unique(groups.astype(str), return_inverse=True)
    if len(names) < 4:
        raise NotEstimable(f"routing: interventions need four groups (or categories) to learn a direction apart, got {len(names)}")
    return (asked.rng.permutation(len(names)) % 2)[index]


def _best_layer(
    states: Mapping[int | str, NDArray[Any]], labels: NDArray[np.bool_], learn: NDArray[np.bool_], groups: NDArray[Any], asked: Asked
) -> int | str:
    """The layer whose direction, learned on one part of the learning half, tells the other part's labels apart best."""
    names, index = np.unique(groups.astype(str), return_inverse=True)
    part = (asked.rng.permutation(len(names)) % 2)[index]
    score = {}
    for layer, x in states.items():
        told = []
        for side in (0, 1):
            one, other = learn & (part == side), learn & (part != side)
            if not all(0 < labels[rows].sum() < rows.sum() for rows in (one, other)):
                continue
            onto = x[other] @ routing.direction(x[one], labels[one])
            told.append(float((onto[labels[other]][:, None] > onto[~labels[other]]).mean()))
        score[layer] = np.mean(told) if told else 0.0
    best = [layer for layer, one in score.items() if one == max(score.values())]
    return best[len(best) // 2]  # of equals the middle one


def _divergence(model: Transparent, prompts: Sequence[Prompt], layer: int, edits: Sequence[Edit]) -> tuple[float, float]:
    """Mean KL(as it is || edited) of the next token, under the first edit and, on average, under the others."""
    from scipy.special import log_softmax, rel_entr

    if not prompts:
        return 0.0, 0.0
    starts = Starts.of(token_rows(model, prompts))

    def law(edit: Edit | None) -> NDArray[Any]:
        seen: dict[int, NDArray[Any]] = {}

        def note(logits: NDArray[Any], rows: Rows) -> NDArray[Any]:
            for row, one in zip(rows, logits, strict=True):
                at = starts.find(row)
                if at is not None and at[1] == 0:
                    seen[at[0]] = np.exp(log_softmax(np.asarray(one, dtype=np.float64)))
            return logits

        model.generate(list(prompts), Hooks(layers={} if edit is None else {layer: edit}, logits=note), decoding=Decoding(max_tokens=1))
        return np.stack([seen[n] for n in sorted(seen)])

    plain = law(None)
    found = [float(rel_entr(plain, law(edit)).sum(axis=1).mean()) for edit in edits]
    return found[0], float(np.mean(found[1:]))


# --- shortcut neurons ----------------------------------------------------------------------------------------------------


async def shortcut(asked: Asked) -> Given:
    """States of both siblings, and answers with the changed coordinates patched where the prompt is read, and with random ones."""
    guide = asked.sibling
    found: Given = {"clean": asked.states(guide, asked.prompts), "contaminated": asked.states(asked.model, asked.prompts)}
    if asked.items.find("expected") is None:
        return found
    clean, contaminated = found["clean"], found["contaminated"]
    if clean[asked.layers[0]].shape != contaminated[asked.layers[0]].shape:
        raise UsageError("shortcut_neurons: siblings have states of one width")
    scores: dict[int | str, Floats] = {layer: shortcut_neurons.comparative(clean[layer], contaminated[layer]) for layer in asked.layers}
    count = max(1, round(asked.settings["top"] * sum(map(len, scores.values()))))
    chosen = shortcut_neurons.top_neurons(scores, count)
    widths: dict[int | str, int] = {layer: len(one) for layer, one in scores.items()}
    controls = [shortcut_neurons.random_like(chosen, widths, asked.rng) for _ in range(asked.settings["random"])]
    told = [_patched(asked, guide.inside, neurons) for neurons in (chosen, *controls)]
    seen = asked.items.find("seen")
    original = asked.judged(asked.answers(), outcome="expected")
    outcomes = shortcut_neurons.Outcomes(
        original, told[0], np.stack(told[1:], axis=1), None if seen is None else binary("behaviour", seen, None)
    )
    return found | {"outcomes": outcomes}


def _patched(asked: Asked, guide: Transparent, neurons: shortcut_neurons.Neurons) -> Floats:
    """Is each answer right with the guide's values in some coordinates of the prompt's states? What follows is read as it is."""
    answers = []
    for n, prompt in enumerate(asked.prompts):
        kept: dict[int, NDArray[Any]] = {}
        reading = [True]

        def keep(layer: int, kept: Any = kept) -> Edit:
            def edit(h: NDArray[Any]) -> NDArray[Any]:
                kept[layer] = h.copy()
                return h

            return edit

        def put(layer: int, numbers: NDArray[np.intp], kept: Any = kept, reading: Any = reading) -> Edit:
            return lambda h: shortcut_neurons.patched(h, kept[layer], numbers) if reading[0] else h

        def note(logits: NDArray[Any], _rows: Rows, reading: Any = reading) -> NDArray[Any]:
            reading[0] = False
            return logits

        where = {int(layer): numbers for layer, numbers in neurons.items() if len(numbers)}
        guide.generate([prompt], Hooks(layers={layer: keep(layer) for layer in where}), decoding=Decoding(max_tokens=1))
        answers += asked.answers(Hooks(layers={layer: put(layer, one) for layer, one in where.items()}, logits=note), of=[n])
    return asked.judged(answers, outcome="expected")
