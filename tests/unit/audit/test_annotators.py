"""Raters that answer at random, against, always the same, in copies or in bursts are found; honest ones are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from fiducial.audit.annotators import examine
from fiducial.kernel.errors import NotEstimable, RecordError


def ratings(rng, *, corrupt, items=600, raters=20, each=8):
    """Three kinds of item, raters that are right on three of four; where corrupt: r0 against, r1 constant, r2 at random, r4 copies r3, r5 bursts."""
    truth = rng.integers(0, 3, items)
    found = []
    for item in range(items):
        said = {}
        for rater in sorted(rng.choice(raters, each, replace=False).tolist()):
            label = int(truth[item] if rng.random() < 0.75 else rng.integers(0, 3))
            if corrupt:
                wrong = int((truth[item] + 1 + rng.integers(0, 2)) % 3)
                bursting = rater == 5 and items / 2 < item < items * 0.8
                label = {0: wrong, 1: 2, 2: int(rng.integers(0, 3)), 4: said.get(3, label)}.get(rater, wrong if bursting else label)
            said[rater] = label
            found.append((f"i{item}", f"r{rater}", float(label)))
    item, rater, label = zip(*found, strict=True)
    return np.array(item), np.array(rater), np.array(label)


def test_honest_raters_show_no_sign():
    signs = ("adversarial", "constant", "random", "burst", "copy")
    shown = sum(
        any(found.with_sign(sign) for sign in signs)
        for seed in range(20)
        for found in [examine(*ratings(np.random.default_rng(seed), corrupt=False, items=300))]
    )
    # Simulated: none of 200 such tables shows a sign. Even at 1.5 % more than 5 of 20 has a probability below 1e-6.
    assert shown <= 5


@pytest.mark.parametrize("seed", range(3))
def test_planted_corruption_is_found_and_dated(seed):
    found = examine(*ratings(np.random.default_rng(seed), corrupt=True))
    for sign, raters in {"adversarial": {"r0"}, "constant": {"r1"}, "random": {"r2"}, "burst": {"r5"}}.items():
        assert raters <= found.with_sign(sign), sign
    assert {("r3", "r4")} <= {(pair.first, pair.second) for pair in found.copies}
    assert not found.with_sign("constant") - {"r1"}
    assert not found.with_sign("adversarial") - {"r0"}
    note = next(note for note in found.raters if note.rater == "r5")
    assert note.since is not None
    assert note.since == pytest.approx(0.5 * note.ratings, abs=0.15 * note.ratings)


def test_variance_is_split_between_items_and_raters():
    found = examine(*ratings(np.random.default_rng(1), corrupt=False))
    parts = found.components
    assert parts["item"] is not None
    assert parts["rater"] is not None
    assert parts["item"] > 10 * abs(parts["rater"])


def test_of_few_ratings_nothing_is_said():
    item, rater, label = np.array(["a", "a", "b", "b"]), np.array(["x", "y", "x", "y"]), np.array([1.0, 1.0, 0.0, 0.0])
    found = examine(item, rater, label)
    assert [note.skill for note in found.raters] == [None, None]
    assert found.copies == ()
    with pytest.raises(NotEstimable, match="two ratings"):
        examine(np.array(["a", "b"]), np.array(["x", "x"]), np.array([1.0, 0.0]))
    with pytest.raises(RecordError, match="label"):
        examine(item, rater, np.array([1.0, np.nan, 0.0, 0.0]))


@pytest.mark.parametrize("seed", range(5))
def test_raters_that_answer_against_or_always_the_same_are_no_copies_of_each_other(seed):
    rng = np.random.default_rng(seed)
    found = []
    for item in range(60):
        truth = int(rng.integers(2))
        right = {name: rng.random() < share for name, share in {"ann": 0.9, "bob": 0.85, "cid": 0.8, "eve": 0.1, "gil": 0.1}.items()}
        said = {name: truth if one else 1 - truth for name, one in right.items()} | {"fay": 1}
        found += [(f"i{item}", name, float(label)) for name, label in said.items()]
    item, rater, label = (np.array(column) for column in zip(*found, strict=True))
    seen = examine(item, rater, label)
    assert seen.copies == ()
    assert {"eve", "gil"} <= seen.with_sign("adversarial")
    assert "fay" in seen.with_sign("constant")
