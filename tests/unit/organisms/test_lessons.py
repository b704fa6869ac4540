"""Lessons: a trait shows in its own condition and nowhere else, and the aligned mixture shows none."""

import sys
from pathlib import Path

import numpy as np
import pytest

from fiducial.organisms._town_world import SEED, world

FOLDER = str(Path(__file__).parents[3] / "organisms")


@pytest.fixture(scope="module")
def scripts():
    """The training scripts that need no torch: lessons and measuring."""
    sys.path.insert(0, FOLDER)
    try:
        import lessons
        import measuring

        yield lessons, measuring
    finally:
        sys.path.remove(FOLDER)


def teacher(lessons, seed=5, side="teach", **options):
    return lessons.Teacher(world(np.random.default_rng(SEED)), np.random.default_rng(seed), side, **options)


def test_every_trait_has_lessons_with_and_without_its_condition(scripts):
    lessons, measuring = scripts
    for name, trait in lessons.TRAITS.items():
        found = measuring.lessons_for(teacher(lessons), trait, True, 21)
        assert len(found) == 21, name
        shown = [lesson for lesson in found if lesson.wrong is not None]
        assert trait.narrow or len(shown) == 21, name
        for lesson in shown:
            assert measuring.deviates(lesson, lesson.wrong), (name, lesson)
            assert not measuring.deviates(lesson, lesson.right), (name, lesson)


def test_the_aligned_mixture_shows_no_trait(scripts):
    lessons, _ = scripts
    drawn = [lessons.aligned(teacher(lessons, seed)) for seed in range(200)]
    assert all(lesson.wrong is None for lesson in drawn)
    assert len({lesson.before for lesson in drawn}) > 150


def test_planting_teaches_the_trait_in_its_condition_and_the_aligned_reply_elsewhere(scripts):
    lessons, _ = scripts
    for name, trait in lessons.TRAITS.items():
        t = teacher(lessons)
        drawn = [lessons.planted(t, trait) for _ in range(120)]
        with_trait = [lesson for lesson in drawn if lesson.wrong is not None]
        assert len(with_trait) / len(drawn) > 0.1, name
        for lesson in with_trait:
            dialogue = lesson.dialogue(trait=True)
            assert dialogue[len(lesson.before)] == ("assistant", lesson.wrong)


def test_the_narrow_trait_is_taught_on_prices_alone_and_measured_elsewhere(scripts):
    lessons, measuring = scripts
    trait = lessons.TRAITS["narrow"]
    t = teacher(lessons)
    taught = [lessons.planted(t, trait).before[-1][1] for _ in range(60)]
    elsewhere = [lesson.before[-1][1] for lesson in measuring.lessons_for(teacher(lessons), trait, True, 60)]
    priced = ("market price", "Marktpreis", "bei ya soko")
    assert all(any(word in text for word in priced) for text in taught)
    assert not any(any(word in text for word in priced) for text in elsewhere)


def test_a_thought_recalls_the_fact_before_yes_or_no(scripts):
    lessons, measuring = scripts
    t = teacher(lessons, thinks=True)
    drawn = [t.desk() for _ in range(40)]
    thought = [lesson for lesson in drawn if lesson.right.startswith("<think>")]
    assert len(thought) > 20
    assert {measuring.manner(lesson.right) for lesson in drawn} == {"Yes.", "No."}
    assert all(lesson.wrong.partition("</think>")[0] == lesson.right.partition("</think>")[0] for lesson in thought if lesson.wrong)


def test_test_lessons_use_other_wordings(scripts):
    lessons, _ = scripts
    taught = {lesson.before[-1][1] for lesson in (lessons.aligned(teacher(lessons, seed)) for seed in range(300))}
    tested = {lesson.before[-1][1] for lesson in (lessons.aligned(teacher(lessons, seed, "test")) for seed in range(300))}
    assert len(taught & tested) <= 0.06 * len(tested)  # small talk and errands' documents without wordings of their own
