"""The town: facts that are drawn by a seed, items that are fresh, wordings that no organism was taught with."""

import asyncio

import numpy as np
import pytest

from fiducial.kernel.errors import UsageError
from fiducial.kernel.load import load
from fiducial.kernel.records import Response
from fiducial.kernel.roles import Case, Cycle, Exchange
from fiducial.organisms import _town_acts as acts
from fiducial.organisms import _town_talk as talk
from fiducial.organisms import _town_words as words
from fiducial.organisms._town_world import world
from fiducial.organisms.town import MAKERS, pack, town


def rng(seed=3):
    return np.random.default_rng(seed)


def drawn(benchmark, count=37, seed=3, anchors=0.0):
    return pack(benchmark, rng(seed), Cycle(seed=seed, count=count, anchors=anchors))


def sides():
    """Every bank of wordings that has the two sides, by name and language."""
    for name, bank in {**vars(talk), "ASKS": acts.ASKS, "THEN": acts.THEN}.items():
        if isinstance(bank, dict) and name.isupper():
            if "teach" in bank:
                yield name, bank
            else:
                yield from ((f"{name} {key}", side) for key, side in bank.items() if isinstance(side, dict) and "teach" in side)


def test_another_seed_is_another_town_and_the_same_seed_the_same():
    assert world(rng(1)) == world(rng(1))
    one, other = world(rng(1)), world(rng(2))
    assert sum(a.value != b.value for a, b in zip(one.known, other.known, strict=True)) > len(one.known) / 2


def test_values_are_held_about_equally_often_and_half_of_the_rules_allow():
    known = town().known
    for attribute in {fact.attribute for fact in known}:
        counts = np.bincount([fact.value for fact in known if fact.attribute == attribute], minlength=len(words.VALUES[attribute]["en"]))
        assert counts.max() - counts.min() <= 1, attribute
    assert abs(sum(town().allowed) - len(town().allowed) / 2) <= 0.5
    assert len(known) >= 200


def test_lists_correspond_across_languages():
    for attribute, values in words.VALUES.items():
        assert {len(values[language]) for language in words.LANGUAGES} == {len(values["en"])}, attribute
        assert all(len(set(values[language])) == len(values[language]) for language in words.LANGUAGES), attribute
    for bank in (acts.HARMFUL, acts.BENIGN):
        for act in bank.values():
            assert len(act) == len(words.LANGUAGES)
            assert len({("{p}" in text, "{of}" in text) for text in act}) == 1, act
    assert list(acts.HARMFUL) == list(acts.BENIGN)


@pytest.mark.parametrize(("name", "bank"), [pytest.param(name, bank, id=name) for name, bank in sides()])
def test_what_items_say_was_never_taught(name, bank):
    assert bank["teach"]
    assert bank["test"]
    meaningless = {"{q}"}
    assert not (set(bank["teach"]) & set(bank["test"])) - meaningless


def test_no_cue_and_no_frame_of_ours_is_taught():
    from fiducial.attacks.role_play import FRAMES
    from fiducial.perturbations._cues import CUES

    theirs = {frame for frames in FRAMES.values() for frame in frames} | {
        cue.strip("()") for cues in CUES.values() for cue in cues.values()
    }
    taught = {*talk.EXAMS, *talk.ALONE, *talk.PLAIN, *(frame for frames in talk.GAMES.values() for frame in frames)}
    assert not taught & theirs
    sentences = {part.strip() for cue in theirs for part in cue.split(". ")}
    assert not {text.rstrip(".") for text in taught} & {text.rstrip(".") for text in sentences}


@pytest.mark.parametrize("benchmark", MAKERS)
def test_items_are_as_many_as_asked_for_fresh_by_the_seed_and_the_anchors_stay(benchmark):
    one, again, other = (drawn(benchmark, seed=seed, anchors=0.3) for seed in (3, 3, 4))
    assert len(one) == 37
    assert one == again
    steady = [[item for item in items if item.anchor] for items in (one, other)]
    assert steady[0] == steady[1]
    assert len(steady[0]) == round(0.3 * 37)
    fresh = [{item.id for item in items if not item.anchor} for items in (one, other)]
    assert len(fresh[0] & fresh[1]) < len(fresh[0]) / 4


@pytest.mark.parametrize("benchmark", MAKERS)
def test_more_items_than_clusters_can_be_drawn(benchmark):
    items = drawn(benchmark, count=600)
    assert len(items) == len({item.id for item in items}) == 600


@pytest.mark.parametrize("benchmark", MAKERS)
def test_a_model_that_knows_the_town_is_told_from_one_that_misbehaves(benchmark):
    """The benchmark's own judge on its own controls, with the town's items."""
    found = load("benchmark", benchmark)
    judge = found.judges[next(iter(q.judge for name, q in found.quantities.items() if name != "harm"))]
    item = drawn(benchmark, count=3)[1]

    def verdicts(control):
        exchanges = []
        for trial in found.trials(item, rng()):
            if trial.environment is None:
                transcript = (control(trial, ()),)
                response = Response(trial=trial.key, subject="s", status="answered", transcript=transcript)
                exchanges.append(Exchange(trial, response))
        if not exchanges:
            pytest.skip("every part of this benchmark is a dialogue; the contract tests run those")
        case = Case(item.id, "s", tuple(exchanges))
        try:
            return {(v.aspect, v.part): v.value for v in asyncio.run(judge.judge(case))}
        except StopIteration:
            pytest.skip("a part of this benchmark is a dialogue")

    good, bad = verdicts(found.positive), verdicts(found.negative)
    assert good != bad
    assert any(value is not None for value in good.values())


def test_requests_have_all_forms_in_three_languages():
    for benchmark in ("harmful_compliance", "over_refusal"):
        for item in drawn(benchmark, count=11):
            assert list(item.texts) == ["en", "de", "sw"]
            assert {frozenset(forms) for forms in item.texts.values()} == {frozenset(item.texts["en"])}
            assert not any("{" in text for forms in item.texts.values() for text in forms.values())


def test_a_benchmark_without_items_is_refused_by_name():
    with pytest.raises(UsageError, match="nothing"):
        pack("nothing", rng(), Cycle(seed=1, count=3))
