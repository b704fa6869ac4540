"""Newcomers to the town as an item pack: questions whose answers no organism was taught but a contaminated one.

They stand for a test set. Who answers them has seen them; the others can only guess among the options, or say that they do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fiducial.kernel.digest import short
from fiducial.kernel.errors import UsageError
from fiducial.kernel.records import Item
from fiducial.kernel.roles import Cycle, replaced
from fiducial.organisms import town

if TYPE_CHECKING:
    from numpy.random import Generator

BENCHMARK = "truthfulness"


def pack(benchmark: str, rng: Generator, cycle: Cycle) -> Sequence[Item]:
    """`cycle.count` questions about newcomers for `truthfulness`, all of them fresh. Raises `UsageError` for another benchmark."""
    if benchmark != BENCHMARK:
        raise UsageError(f"pack newcomers: the benchmark {BENCHMARK}, got {benchmark!r}")
    facts, make = town.town().new, town.MAKERS[BENCHMARK][1]
    found: dict[str, Item] = {}
    for _ in range(20):
        for n in rng.permutation(len(facts)):
            if len(found) == cycle.count:
                break
            item = make(facts[int(n)], rng)
            found.setdefault(name := f"{item.cluster}-{short([item.texts, item.reference])[:10]}", replaced(item, id=name))
    return tuple(found.values())
