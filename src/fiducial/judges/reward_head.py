"""A transformer with a head of one output, fine-tuned on labels: the oracle for which hashed words are not enough (extra `local`).

A folder as `transformers` writes it, and beside it ``oracle.json``: what the head reads and means, and its calibration (Platt, on groups
that it was not trained on). Training is small on purpose: AdamW, a fixed number of passes, batches drawn by the generator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.random import Generator

from fiducial.judges._entailment import digest_of
from fiducial.judges._logistic import platt
from fiducial.kernel.errors import NotEstimable, UsageError, shorten
from fiducial.kernel.records import Record
from fiducial.stats.table import Floats, Labels
from fiducial.subjects._extra import library

HEAD = "oracle.json"
FORMAT = "fiducial reward head 1"
HELD = 0.2
"""Share of the groups that calibrate the head and are not trained on."""

LEAST = 5
"""Texts of each class, trained on and held for calibration, below which nothing is fitted."""

BATCH = 16


class Head(Record, frozen=True, kw_only=True):
    """What lies beside the weights."""

    format: Literal["fiducial reward head 1"]
    aspect: Annotated[str, Meta(min_length=1)]
    reads: Literal["answer", "exchange"]
    margins: tuple[float, ...]
    values: tuple[Annotated[float, Meta(ge=0, le=1)], ...]
    trained_on: int
    base_rate: float


class Passes(Record, frozen=True, kw_only=True):
    """How long and how fast: passes over the texts, learning rate, tokens a text."""

    passes: Annotated[int, Meta(ge=1)] = 3
    rate: Annotated[float, Meta(gt=0)] = 2e-5
    tokens: Annotated[int, Meta(ge=8)] = 512


class RewardHead:
    """A fine-tuned model in memory, read like `oracle.Oracle`; every word is familiar to it."""

    def __init__(self, folder: Path) -> None:
        """Load it. Raises `UsageError` on anything that `train_reward` did not write."""
        try:
            self.head = msgspec.json.decode((folder / HEAD).read_bytes(), type=Head)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UsageError(f"oracle {folder.name}: a folder that train_reward wrote, got {shorten(str(error))}") from None
        margins = np.array(self.head.margins)
        if len(margins) < 2 or len(margins) != len(self.head.values) or not (np.diff(margins) > 0).all():
            raise UsageError(f"oracle {folder.name}: {HEAD}: margins must rise, with a value each, got {shorten(self.head.margins)}")
        self.model, self.tokenizer = _loaded(folder)
        self.aspect: str = self.head.aspect
        self.reads: Literal["answer", "exchange"] = self.head.reads
        self.digest = hashlib.sha256((folder / HEAD).read_bytes() + digest_of(folder).encode()).hexdigest()

    def probabilities(self, texts: Sequence[tuple[str, ...]]) -> Floats:
        """Calibrated probabilities of the aspect."""
        return np.interp(_margins(self.model, self.tokenizer, texts, _limit(self.model, 512)), self.head.margins, self.head.values)

    def familiar(self, texts: Sequence[tuple[str, ...]]) -> Floats:
        """1 for each text: a pretrained model knows more words than it was fine-tuned on."""
        return np.ones(len(texts))


def train_reward(
    base: Path,
    texts: Sequence[tuple[str, ...]],
    labels: Floats,
    groups: Labels,
    rng: Generator,
    *,
    aspect: str,
    out: Path,
    settings: Passes | None = None,
) -> Path:
    """Fine-tune a model in a folder to give the probability of an aspect, and write it to `out`.

    Args:
        base: the folder of any transformer with its tokenizer.
        texts: ``(answer,)`` or ``(request, answer)`` each.
        labels: in [0, 1].
        groups: what may not stand on both sides of the split between training and calibration.
        rng: draws that split and the batches; the model's own draws (head, dropout) are seeded by it.
        aspect: what 1 means.
        out: the folder to write.
        settings: passes, learning rate, tokens a text.

    Raises `NotEstimable` with too few texts of a class, `UsageError` on columns of different length or a base that is no model.
    """
    chosen = settings or Passes()
    if not len(texts) == len(labels) == len(groups) or not np.isfinite(labels).all() or ((labels < 0) | (labels > 1)).any():
        raise UsageError(f"train_reward: texts, labels in [0, 1] and groups, equally many, got {(len(texts), len(labels), len(groups))}")
    fields = {len(text) for text in texts}
    if len(fields) != 1 or not fields <= {1, 2}:
        raise UsageError(f"train_reward: texts of one or of two fields, got {sorted(fields)}")
    names, index = np.unique(groups, return_inverse=True)
    held = (rng.permutation(len(names)) < HELD * len(names))[index]
    for side, rows in (("trained on", ~held), ("held for calibration", held)):
        ups = int((labels[rows] >= 0.5).sum())
        if min(ups, int(rows.sum()) - ups) < LEAST:
            raise NotEstimable(f"train_reward: {LEAST} texts of each class, got {ups} and {int(rows.sum()) - ups} {side}")
    torch = library("torch")
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        model, tokenizer = _loaded(base, fresh=True)
        _fit(model, tokenizer, [texts[n] for n in np.flatnonzero(~held).tolist()], labels[~held], rng, chosen)
    margins, values = platt(
        _margins(model, tokenizer, [texts[n] for n in np.flatnonzero(held).tolist()], _limit(model, chosen.tokens)), labels[held]
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    reads: Literal["answer", "exchange"] = "answer" if fields == {1} else "exchange"
    head = Head(
        format=FORMAT, aspect=aspect, reads=reads, margins=tuple(margins.tolist()), values=tuple(values.tolist()),
        trained_on=int((~held).sum()), base_rate=float(labels.mean()),
    )  # fmt: skip
    (out / HEAD).write_bytes(msgspec.json.encode(head))
    return out


def _fit(model: Any, tokenizer: Any, texts: Sequence[tuple[str, ...]], labels: Floats, rng: Generator, chosen: Passes) -> None:
    torch = library("torch")
    optimiser = torch.optim.AdamW(model.parameters(), lr=chosen.rate)
    limit = _limit(model, chosen.tokens)
    model.train()
    for _ in range(chosen.passes):
        order = rng.permutation(len(texts))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH].tolist()
            logits = model(**_encoded(tokenizer, [texts[n] for n in rows], limit)).logits[:, 0]
            wanted = torch.tensor(labels[rows], dtype=logits.dtype)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
    model.eval()


def _margins(model: Any, tokenizer: Any, texts: Sequence[tuple[str, ...]], limit: int) -> Floats:
    torch = library("torch")
    found: list[float] = []
    with torch.inference_mode():
        for start in range(0, len(texts), BATCH):
            logits = model(**_encoded(tokenizer, texts[start : start + BATCH], limit)).logits[:, 0]
            found.extend(float(one) for one in logits)
    return np.array(found)


def _encoded(tokenizer: Any, texts: Sequence[tuple[str, ...]], limit: int) -> Any:
    columns = [list(column) for column in zip(*texts, strict=True)]
    return tokenizer(*columns, truncation=True, max_length=limit, padding=True, return_tensors="pt")


def _limit(model: Any, tokens: int) -> int:
    return min(tokens, int(getattr(model.config, "max_position_embeddings", None) or tokens))


def _loaded(folder: Path, *, fresh: bool = False) -> tuple[Any, Any]:
    """Model with one output and tokenizer; a tokenizer without padding pads with its end mark."""
    transformers = library("transformers")
    more = {"num_labels": 1, "ignore_mismatched_sizes": True} if fresh else {}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(str(folder), local_files_only=True, **more)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UsageError(f"oracle {folder.name}: a transformer with its tokenizer in a folder, got {shorten(str(error))}") from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    return model.eval(), tokenizer
