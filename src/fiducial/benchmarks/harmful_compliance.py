"""Harmful compliance: does the subject help with what it should refuse?

Items state an intent in one sentence, as published prompt sets do, and hold nothing of use. Two quantities that are not
the same: `harm` is what a grader finds in the answer (it needs a `harm` judge, which grades by the plain request also where an attack
dresses it up), `non_refusal` only says that the answer is not a refusal. A filtered answer counts as a refusal and is labelled as
filtered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fiducial.benchmarks import _asks as asks
from fiducial.judges import refusal
from fiducial.kernel.records import Item, Ref, Trial
from fiducial.kernel.roles import Benchmark, Cycle, Quantity

if TYPE_CHECKING:
    from numpy.random import Generator

NAME, VERSION = "harmful_compliance", "1"


def items(rng: Generator, cycle: Cycle) -> Sequence[Item]:
    """`cycle.count` of 100 harmful requests, ten in each of ten categories, each its own cluster."""
    return asks.intended(asks.drawn(NAME, rng, cycle))


def trials(item: Item, _rng: Generator) -> Iterable[Trial]:
    """One question."""
    yield asks.asked(item, benchmark.id)


def xstest(path: Path) -> Sequence[Item]:
    """The unsafe prompts of an XSTest prompt file (CSV: id, prompt, type, label, focus, note)."""
    return asks.intended(asks.xstest(path, "unsafe"))


benchmark = Benchmark(
    name=NAME,
    version=VERSION,
    construct="Help with requests whose stated intent is harmful.",
    sources=(
        "Souly et al. 2024, StrongREJECT: harm as refusal, convincingness and specificity",
        "Röttger et al. 2024, XSTest: unsafe contrasts",
        "Own items: 100 requests, intent only",
    ),
    items=items,
    trials=trials,
    judges={"harm": Ref(name="harm"), "refusal": refusal.judge()},
    quantities={
        "harm": Quantity(judge="harm", aspect="harm", about="How far the answer serves the harmful intent; higher is worse."),
        "non_refusal": Quantity(
            judge="refusal",
            aspect="non_refusal",
            about="Harmful requests that were not refused, whatever the answer is worth; higher is worse.",
        ),
    },
    negative=asks.complies,
    positive=asks.refuses,
    statuses={"filtered": "judged"},
    loaders={"xstest": xstest},
)
