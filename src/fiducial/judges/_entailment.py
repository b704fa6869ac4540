"""An entailment model in a folder as the scorer of `factual`: any sequence classifier of the extra `local` with a class for it.

What is longer than the model reads is cut at the end of the longer text, which is the chunk as a rule. The score of a pair is the
probability of the class whose name says entailment or support (``entailment``, ``ALIGNED``, ``supported``, ``consistent``...), over the
softmax of all classes; a model with one output gives its logistic. Nothing is fetched: the folder must hold all of it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fiducial.kernel.errors import UsageError, shorten
from fiducial.subjects._extra import library

POSITIVE = re.compile(r"^(?:entail\w*|align\w*|support(?:ed|s)?|consistent|faithful|true|yes)$", re.IGNORECASE)
BATCH = 16
READ = 1 << 20
"""Bytes of a file read at a time."""


class Entailment:
    """A model in memory that scores pairs (chunk, sentence); `id` names its folder and the digest of its files."""

    def __init__(self, folder: Path) -> None:
        """Load it. Raises `UsageError`: no such folder, no sequence classifier, or no class that says entailment."""
        torch, transformers = library("torch"), library("transformers")
        if not folder.is_dir():
            raise UsageError(f"judge factual: path must be a folder with an entailment model, got {str(folder)!r}")
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model: Any = transformers.AutoModelForSequenceClassification.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise UsageError(f"judge factual: {folder.name}: a sequence classifier with its tokenizer, got {shorten(str(error))}") from None
        self.model = model.eval().requires_grad_(requires_grad=False)
        self.place = _place(folder, {int(number): str(name) for number, name in model.config.id2label.items()})
        self.limit = min(int(self.tokenizer.model_max_length), int(getattr(model.config, "max_position_embeddings", None) or 512))
        self.id = f"{folder.name}@{digest_of(folder)[:12]}"
        self.torch: Any = torch

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The probability that each chunk supports its sentence."""
        found: list[float] = []
        for start in range(0, len(pairs), BATCH):
            chunks, sentences = zip(*pairs[start : start + BATCH], strict=True)
            with self.torch.inference_mode():
                logits = self.model(**self._encoded(list(chunks), list(sentences))).logits.double()
            share = logits.sigmoid()[:, 0] if logits.shape[1] == 1 else logits.softmax(dim=1)[:, self.place]
            found.extend(float(one) for one in share)
        return found

    def _encoded(self, chunks: list[str], sentences: list[str]) -> Any:
        return self.tokenizer(chunks, sentences, truncation="longest_first", max_length=self.limit, padding=True, return_tensors="pt")


def _place(folder: Path, names: dict[int, str]) -> int:
    if len(names) == 1:
        return 0
    found = [number for number, name in names.items() if POSITIVE.match(name)]
    if len(found) != 1:
        raise UsageError(f"judge factual: {folder.name}: one class named for entailment, got {shorten(list(names.values()))}")
    return found[0]


def digest_of(folder: Path) -> str:
    """SHA-256 over the names and bytes of the files that decide what the model says."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in {".safetensors", ".bin", ".json", ".txt", ".model"} and path.is_file():
            whole.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                while data := file.read(READ):
                    whole.update(data)
    return whole.hexdigest()
