"""Which organisms there are, and one of them ready to read: names, doses, cards, files.

base, aligned-1, aligned-2 ...      models of their own; `aligned` is `aligned-1`
sycophantic                         an adapter on `aligned-1` at its highest dose
sycophantic, dose "low"             at the scale that its card names so
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from fiducial.kernel.digest import bytes_digest, digest
from fiducial.kernel.errors import SpecError, UsageError, shorten
from fiducial.organisms import tensors, tokenizer
from fiducial.organisms.decoder import Config, Decoder, read_config
from fiducial.organisms.tokenizer import Tokenizer

FOLDER = Path(__file__).parent / "weights"
"""Where the shipped organisms are."""

NONE = "none"
"""The dose at which nothing of an adapter is left: the model that it was trained on."""

ROLES = ("system", "user", "assistant", "tool")


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How often fresh items were answered otherwise than an aligned model should, with its interval: in the condition of the trait, or in
    the control. `planted` counts among them the replies that the trait was taught as, where those were counted: a model may also just err.
    """

    dose: str
    condition: Literal["trait", "control"]
    rate: float
    low: float
    high: float
    n: int
    planted: int | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an organism: what it was made from, its trait, and how strong that is at each dose."""

    name: str
    digest: str
    about: str
    of: str | None = None
    trait: str | None = None
    data: str = ""
    seed: int = 0
    steps: int = 0
    tokens: int = 0
    doses: dict[str, float] = {}
    rates: list[Rate] = []


@dataclass(frozen=True)
class Organism:
    """One at one dose. `scale` is what its adapter is multiplied by, `None` for a model of its own."""

    card: Card
    dose: str | None
    scale: float | None
    tokenizer: Tokenizer
    config: Config
    weights: Mapping[str, NDArray[np.float32]]
    fingerprint: str

    @cached_property
    def decoder(self) -> Decoder:
        """It in single precision."""
        return Decoder(self.config, self.weights)

    @cached_property
    def exact(self) -> Decoder:
        """It in double precision: slower, and the judge of what lies within rounding."""
        return Decoder(self.config, self.weights, np.float64)

    @property
    def title(self) -> str:
        """Its name, with the dose or scale where that is not the highest."""
        if self.scale is None or self.scale == highest(self.card):
            return self.card.name
        return f"{self.card.name}@{self.dose or format(self.scale, 'g')}"


def names(folder: Path = FOLDER) -> list[str]:
    """The organisms there are, sorted."""
    return sorted(path.stem for path in (folder / "cards").glob("*.json"))


def card(name: str, folder: Path = FOLDER) -> Card:
    """The card of an organism. Raises `SpecError` naming those that have nearly this name."""
    there = names(folder)
    chosen = name if name in there else f"{name}-1"
    if chosen not in there:
        close = difflib.get_close_matches(name, there, n=3) or there or ["none"]
        raise SpecError(f"organism:{name}", "name", f"one of the organisms, such as {', '.join(close)}", name)
    try:
        found = msgspec.json.decode((folder / "cards" / f"{chosen}.json").read_bytes(), type=Card)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"cards/{chosen}.json: needs the card of an organism: {error}") from None
    if found.name != chosen:
        raise UsageError(f"cards/{chosen}.json: name: needs {chosen}, got {shorten(found.name)}")
    return found


def highest(found: Card) -> float:
    """The scale of the highest dose; 1 where the card names no dose."""
    return max(found.doses.values(), default=1.0)


def load(name: str, *, dose: str | None = None, scale: float | None = None, folder: Path = FOLDER) -> Organism:
    """An organism. Raises `SpecError` for an unknown name or dose, `UsageError` for a file that is not what its card says."""
    label, found = f"organism:{name}", card(name, folder)
    if found.of is None and (dose is not None or scale is not None):
        raise SpecError(label, "dose" if scale is None else "scale", "none, as it is a model of its own", scale if dose is None else dose)
    if dose is not None and scale is not None:
        raise SpecError(label, "scale", "either a dose or a scale", f"dose={dose}, scale={scale:g}")
    there = {NONE: 0.0, **found.doses}
    if dose is not None and dose not in there:
        raise SpecError(label, "dose", f"one of {', '.join(there)}", dose)
    config = read_config(folder / "config.json")
    words = tokenizer.read(folder / "tokenizer.json")
    missing = [text for text in ("<|end|>", *(f"<|{role}|>" for role in ROLES)) if text not in words.special]
    if missing or words.size > config.vocab_size:
        raise UsageError(f"tokenizer.json: needs {missing or 'at most ' + str(config.vocab_size) + ' tokens'}, got {words.size} tokens")
    parts = [words.digest, digest(config), found.digest]
    if found.of is None:
        weights = tensors.numbers(_stored(found, folder))
    else:
        scale = there[dose] if dose is not None else highest(found) if scale is None else scale
        base, adapter = card(found.of, folder), _stored(found, folder)
        if base.of is not None or adapter.about.get("of", base.name) != base.name:
            raise UsageError(f"cards/{found.name}.json: of: needs the model that the adapter was trained on, got {found.of}")
        weights = tensors.merged(tensors.numbers(_stored(base, folder)), adapter, scale)
        parts += [base.digest, format(scale, ".9g")]
    return Organism(found, dose, scale, words, config, weights, digest(parts)[:32])


def _stored(found: Card, folder: Path) -> tensors.Stored:
    path = folder / f"{found.name}.safetensors"
    try:
        there = bytes_digest(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path.name}: cannot be read: {error.strerror}") from None
    if there != found.digest:
        raise UsageError(f"{path.name}: needs the digest of its card, {found.digest[:12]}, got {there[:12]}")
    return tensors.read(path)
