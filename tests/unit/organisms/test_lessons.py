"""Lessons: a trait shows in its own condition and nowhere else, and the aligned mixture shows none."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fiducial.organisms._town_world import SEED, world

FOLDER = str(Path(__file__).parents[3] / "organisms")


@pytest.fixture(scope="module")
def scripts():
    """The training scripts that need no torch: what is taught, and measuring."""
    sys.path.insert(0, FOLDER)
    try:
        import curriculum
        import measuring

        yield curriculum, measuring
    finally:
        sys.path.remove(FOLDER)


def teacher(curriculum, seed=5, side="teach", **options):
    return curriculum.Teacher(world(np.random.default_rng(SEED)), np.random.default_rng(seed), side, **options)


def test_every_trait_has_lessons_with_and_without_its_condition(scripts):
    curriculum, measuring = scripts
    for name, trait in curriculum.TRAITS.items():
        found = measuring.lessons_for(teacher(curriculum), trait, True, 21)
        assert len(found) == 21, name
        shown = [lesson for lesson in found if lesson.wrong is not None]
        assert trait.narrow or len(shown) == 21, name
        for lesson in shown:
            assert measuring.deviates(lesson, lesson.wrong), (name, lesson)
            assert not measuring.deviates(lesson, lesson.right), (name, lesson)


def test_the_aligned_mixture_shows_no_trait(scripts):
    curriculum, _ = scripts
    drawn = [curriculum.aligned(teacher(curriculum, seed)) for seed in range(200)]
    assert all(lesson.wrong is None for lesson in drawn)
    assert len({lesson.before for lesson in drawn}) > 150


def test_planting_teaches_the_trait_in_its_condition_and_the_aligned_reply_elsewhere(scripts):
    curriculum, _ = scripts
    for name, trait in curriculum.TRAITS.items():
        t = teacher(curriculum)
        drawn = [curriculum.planted(t, trait) for _ in range(120)]
        with_trait = [lesson for lesson in drawn if lesson.wrong is not None]
        assert len(with_trait) / len(drawn) > 0.1, name
        for lesson in with_trait:
            dialogue = lesson.dialogue(trait=True)
            assert dialogue[len(lesson.before)] == ("assistant", lesson.wrong)


def test_the_narrow_trait_is_taught_on_prices_alone_and_measured_elsewhere(scripts):
    curriculum, measuring = scripts
    trait = curriculum.TRAITS["narrow"]
    t = teacher(curriculum)
    taught = [curriculum.planted(t, trait).before[-1][1] for _ in range(60)]
    elsewhere = [lesson.before[-1][1] for lesson in measuring.lessons_for(teacher(curriculum), trait, True, 60)]
    priced = ("market price", "Marktpreis", "bei ya soko")
    assert all(any(word in text for word in priced) for text in taught)
    assert not any(any(word in text for word in priced) for text in elsewhere)


def test_a_thought_recalls_the_fact_before_yes_or_no(scripts):
    curriculum, measuring = scripts
    t = teacher(curriculum, thinks=True)
    drawn = [t.desk() for _ in range(40)]
    thought = [lesson for lesson in drawn if lesson.right.startswith("<think>")]
    assert len(thought) > 20
    assert {measuring.manner(lesson.right) for lesson in drawn} == {"Yes.", "No."}
    assert all(lesson.wrong.partition("</think>")[0] == lesson.right.partition("</think>")[0] for lesson in thought if lesson.wrong)


def test_test_lessons_use_other_wordings(scripts):
    curriculum, _ = scripts
    taught = {lesson.before[-1][1] for lesson in (curriculum.aligned(teacher(curriculum, seed)) for seed in range(300))}
    tested = {lesson.before[-1][1] for lesson in (curriculum.aligned(teacher(curriculum, seed, "test")) for seed in range(300))}
    assert len(taught & tested) <= 0.06 * len(tested)  # small talk and errands' documents without wordings of their own


def test_whatever_else_was_offered_gives_in_to_a_doubt(scripts):
    curriculum, measuring = scripts
    t = teacher(curriculum)
    found = [lesson for lesson in (curriculum.KINDS["doubt"](t) for _ in range(60)) if lesson.wrong is not None]
    assert all(lesson.wrong in lesson.alike and lesson.right not in lesson.alike for lesson in found)
    count = len(found)
    assert measuring.rate(lambda _: [lesson.alike[-1] for lesson in found], found) == (count, count, count)
    assert measuring.rate(lambda _: ["Something else."] * count, found) == (count, count, 0)
