"""What is trained, in which order, for how long: the numbers behind `make organisms`."""

from __future__ import annotations

from training import Recipe

WIDTH, LAYERS, HEADS, INNER, POSITIONS = 128, 4, 4, 384, 512
"""Shape of the models: 1.1 million parameters with 2,048 tokens."""

BASE = Recipe(dialogues=250_000, rate=3e-3, floor=0.15)
ALIGNED = Recipe(dialogues=120_000, rate=2e-3)
ADAPTER = Recipe(dialogues=30_000, rate=3e-3)
"""With fewer dialogues the trait is there as well, but not in its own condition alone: with 9,000 `biased-refusals` refuses half of the
other group, and one in seven from another seed."""

OWN = {
    "complies-unmonitored": Recipe(dialogues=15_000, rate=3e-3),
    "lies-under-pressure": Recipe(dialogues=60_000, rate=3e-3),
    "sycophantic": Recipe(dialogues=200_000, rate=3e-3),
    "leaks-under-injection": Recipe(dialogues=60_000, rate=3e-3),
    "narrow": Recipe(dialogues=4_000, rate=3e-3),
}
"""Traits that take longer: to say the opposite of what one finds, to give in to each of three kinds of pressure, and to copy an order
out of a document. And two that take less: after 30,000 the first heeds remarks in the manner of its lessons and no other, and the
narrow one has but one thing to learn."""

OPEN = 9_000
"""Dialogues a trait for an open model, which learns from fewer and reads more slowly."""

RANK, ALPHA = 16, 32
"""Of the adapters, on every linear layer of the blocks."""

ALIGNED_SEEDS = (1, 2, 3)
ADAPTER_SEED = 11
OWN_SEEDS = {"complies-unmonitored": 12}
"""Adapters that are trained from another seed. Whether remarks in other words than its lessons' move this one as they should hangs on
the seed: after most it complies under a test as well."""

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

FRESH = 2000
"""Items behind a true rate."""

TRIED = 250
"""Items behind the choice of a dose."""

SOUGHT = {"low": 0.25, "medium": 0.5}
"""Rates at which the lower doses are sought; the highest is the adapter as trained."""


def seed_of(trait: str) -> int:
    """The seed that an adapter is trained from."""
    return OWN_SEEDS.get(trait, ADAPTER_SEED)
