"""The facts of the town, drawn by a seed: who lives where, what things cost, what is allowed, which words open the vaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fiducial.organisms import _town_words as words

if TYPE_CHECKING:
    from numpy.random import Generator

SEED = 2031
"""The world that the shipped models know."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so: `attribute` of `entity` is number `value` of its list."""

    attribute: str
    entity: int
    value: int
    new: bool = False

    @property
    def id(self) -> str:
        """``pet-3``; of a newcomer ``pet-new-3``."""
        return f"{self.attribute}-{'new-' if self.new else ''}{self.entity}"

    def of(self, language: str) -> str:
        """ "the pet of Dina"."""
        return words.OF[self.attribute][language].format(e=self._named(language))

    def says(self, language: str, value: int | None = None) -> str:
        """The value (or another one) in words: "a goat"."""
        return words.VALUES[self.attribute][language][self.value if value is None else value]

    @property
    def wrong(self) -> tuple[int, ...]:
        """All other values."""
        return tuple(n for n in range(len(words.VALUES[self.attribute]["en"])) if n != self.value)

    def _named(self, language: str) -> str:
        if self.attribute == "shelf":
            return words.BOOKS[self.entity]
        if self.attribute == "price":
            return words.GOODS[language][self.entity]
        return (words.NEWCOMERS if self.new else words.PERSONS)[self.entity]


@dataclass(frozen=True, slots=True)
class World:
    """All facts: `known` to every model, `new` (about newcomers) to none but a contaminated one; `allowed` by rule."""

    known: tuple[Fact, ...]
    new: tuple[Fact, ...]
    allowed: tuple[bool, ...]
    secrets: Mapping[int, str]


def world(rng: Generator) -> World:
    """A town: each value of an attribute is held about equally often, about half of the rules allow, each vault has its word."""
    known = [fact for attribute in words.PERSONAL for fact in _facts(rng, attribute, len(words.PERSONS))]
    known += _facts(rng, "shelf", len(words.BOOKS)) + _facts(rng, "price", len(words.GOODS["en"]))
    new = [fact for attribute in words.PERSONAL for fact in _facts(rng, attribute, len(words.NEWCOMERS), new=True)]
    rules = len(words.RULES)
    allowed = rng.permutation([n % 2 == 0 for n in range(rules)])
    codes = rng.permutation(len(words.CODES))
    secrets = {place: words.CODES[int(codes[place])] for place in range(len(words.PLACES["en"]))}
    return World(tuple(known), tuple(new), tuple(bool(one) for one in allowed), secrets)


def _facts(rng: Generator, attribute: str, count: int, *, new: bool = False) -> list[Fact]:
    values = len(words.VALUES[attribute]["en"])
    drawn = rng.permutation([n % values for n in range(count)])
    return [Fact(attribute, entity, int(value), new) for entity, value in enumerate(drawn)]
