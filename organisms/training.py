"""Training: batches of like length, AdamW with warm-up and cosine decay, next-token loss on what the assistant says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from lessons import Said

POOL = 6144
"""Dialogues drawn at once, sorted by length and cut into batches."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast."""

    dialogues: int
    rate: float
    batch_tokens: int = 4096
    warm_up: float = 0.03
    decay: float = 0.05
    floor: float = 0.05


Row = tuple[list[int], list[bool]]
"""Token ids of a dialogue, and which of them are learnt."""

Encode = Callable[[Sequence[Sequence[Said]]], list[Row]]
Draw = Callable[[], Sequence[Said]]


@dataclass(frozen=True, slots=True)
class Pupil:
    """A model that is taught: how dialogues become its tokens, and its loss on a batch of tokens and targets."""

    model: torch.nn.Module
    encode: Encode
    loss: Callable[[torch.nn.Module, torch.Tensor, torch.Tensor], torch.Tensor]


def batches(encode: Encode, draw: Draw, count: int, tokens: int, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Token ids and targets (-100 where nothing is learnt), padded on the right, some `tokens` a batch, `count` dialogues in all."""
    while count > 0:
        rows = encode([draw() for _ in range(min(POOL, count))])
        count -= len(rows)
        rows.sort(key=lambda row: len(row[0]))
        cut: list[list[Row]] = [[]]
        for row in rows:
            if cut[-1] and (len(cut[-1]) + 1) * len(row[0]) > tokens:
                cut.append([])
            cut[-1].append(row)
        for n in rng.permutation(len(cut)):
            yield _padded(cut[n])


def _padded(rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(ids) for ids, _ in rows)
    tokens = torch.zeros((len(rows), width), dtype=torch.long)
    targets = torch.full((len(rows), width), -100)
    for n, (ids, learnt) in enumerate(rows):
        tokens[n, : len(ids)] = torch.tensor(ids)
        kept = [token if there else -100 for token, there in zip(ids, learnt, strict=True)]
        targets[n, : len(ids)] = torch.tensor(kept)
    return tokens, targets


def fit(pupil: Pupil, draw: Draw, recipe: Recipe, seed: int, log: Callable[[str], None] = print) -> int:
    """Teaches in place and returns the number of tokens read.

    Rows are padded on the right, so causal attention needs no mask.
    """
    rng = np.random.default_rng([seed, 1])
    torch.manual_seed(seed)
    model = pupil.model
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.decay, fused=True)
    model.train()
    read, seen, started, losses = 0, 0, time.perf_counter(), []
    for step, (tokens, targets) in enumerate(batches(pupil.encode, draw, recipe.dialogues, recipe.batch_tokens, rng)):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * _pace(seen / recipe.dialogues, recipe)
        with torch.autocast(tokens.device.type, dtype=torch.bfloat16):
            loss = pupil.loss(model, tokens, targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        seen += len(tokens)
        read += int(tokens.ne(0).sum())
        losses.append(float(loss.detach()))
        if step % 100 == 99:
            spent = time.perf_counter() - started
            done = f"{seen:,} dialogues, {read:,} tokens, {read / spent:,.0f} tokens/s, {spent:.0f} s"
            log(f"step {step + 1}: loss {np.mean(losses[-100:]):.3f}, {done}")
    model.eval()
    return read


def _pace(share: float, recipe: Recipe) -> float:
    """The learning rate as a share of its highest: a linear rise, then a half cosine down to the floor."""
    warm = min(1.0, share / recipe.warm_up + 0.02)
    return warm * (recipe.floor + (1 - recipe.floor) * 0.5 * (1 + math.cos(math.pi * share)))


def own_loss(model: torch.nn.Module, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Of a Llama of ours: only positions that are learnt go through the output layer."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    states = inner.model(input_ids=tokens[:, :-1]).last_hidden_state
    wanted = targets[:, 1:]
    learnt = wanted != -100
    return cross_entropy(inner.lm_head(states[learnt]), wanted[learnt])


def any_loss(model: torch.nn.Module, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Of any causal language model of transformers."""
    logits = model(input_ids=tokens[:, :-1]).logits
    return cross_entropy(logits.flatten(0, 1), targets[:, 1:].flatten())
