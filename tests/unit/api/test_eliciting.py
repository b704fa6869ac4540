"""What is planted in a model that one can see through is found by each diagnostic, from a file of items alone."""

import asyncio

import numpy as np
import pytest
from tests.unit.api.toy import HELPS, REFUSES, STEERS, Toy

from fiducial.api.columns import Items
from fiducial.api.diagnosing import ELICITED, settings_of
from fiducial.api.eliciting import Asked, Model
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.load import load

PAIRS = 24


def requests(**more):
    """Pairs of a request for the vault (label 1) and for the market; six categories."""
    found = {"text": [], "label": [], "group": [], "category": []}
    for n in range(PAIRS):
        for label, place in ((1, "vault"), (0, "market")):
            row = (f"open the {place} number n{n}", label, f"g{n}", f"c{n // 4}")
            for column, value in zip(found.values(), row, strict=True):
                column.append(value)
    return found | more


def run(name, model, columns, *, against=None, layers=(1, 2), permutations=39, **settings):
    plugin = load("diagnostic", name)
    known = settings_of(plugin, {key: str(value) for key, value in settings.items()}, True)
    other = None if against is None else Model(against, against)
    items = Items(columns)
    asked = Asked(Model(model, model), other, items, known, layers, "last", None, np.random.default_rng(5))
    given = asyncio.run(ELICITED[name][0](asked))
    for field in plugin.inputs.__dataclass_fields__:
        column = items.find(field)
        if field not in given and column is not None:
            given[field] = np.array(column)
    found = plugin.measure(plugin.inputs(**given), np.random.default_rng(0), permutations=permutations)
    return {(e.of.quantity, e.of.slice): e for e in found}


def test_taking_out_the_direction_of_a_gate_stops_refusals_and_putting_it_in_brings_them():
    found = run("routing", Toy(), requests(), random=19)
    ablated = found["routing_effect", "intervention=ablate"]
    assert ablated.value == 1
    assert ablated.extra["random_direction_permutation_p"] == pytest.approx(1 / 20)
    assert ablated.n == PAIRS  # of the requests that the concept is in
    assert abs(found["random_effect", "intervention=ablate"].value) < 0.2
    assert found["routing_effect", "intervention=steer_towards"].value == -1
    assert found["routing_effect", "intervention=steer_away"].value == 1
    assert found["behaviour_agreement", "layer=1"].value == 1
    # On requests that have nothing to do with it the next word hardly changes.
    assert ablated.extra["divergence"] < 0.1


def test_a_model_that_steers_instead_of_refusing_is_found_by_its_narrative():
    found = run("routing", Toy(instead=STEERS), requests(narrative=["always wise | never wrong"] * 2 * PAIRS), random=9)
    refusals = found["routing_effect", "intervention=ablate"]
    assert refusals.value == 0
    assert any("narrative" in flag for flag in refusals.flags)
    assert not any("narrative" in flag for flag in found["routing_effect", "intervention=ablate,outcome=narrative"].flags)
    assert found["routing_effect", "intervention=ablate,outcome=narrative"].value == 1


class Doubled(Toy):
    """Layer 2 sums up the embeddings again, so that what is taken out of layer 1 comes back."""

    def inside(self, row, edits=None):
        edits = edits or {}
        h = self.vectors[row][None]
        first = np.cumsum(h, axis=1)
        first = np.asarray(edits[1](first.copy())) if 1 in edits else first
        second = np.cumsum(h, axis=1)
        second[..., 1:] = first[..., 1:]
        return [h, first, np.asarray(edits[2](second.copy())) if 2 in edits else second]


def test_what_a_later_layer_brings_back_must_be_taken_out_onwards():
    one, onwards = (run("routing", Doubled(), requests(), random=3, at=1, onwards=said) for said in ("no", "yes"))
    assert one["routing_effect", "intervention=ablate"].value == 0
    assert onwards["routing_effect", "intervention=ablate"].value == 1


def test_directions_are_learned_on_other_groups_than_those_they_are_tried_on():
    columns = requests()
    with pytest.raises(NotEstimable, match="groups"):
        run("routing", Toy(), columns | {"group": ["a", "a", "b", "b"] * 12}, random=3)


def test_words_that_fool_the_head_fool_the_model():
    columns = requests(harmful=[1, 0] * PAIRS)
    columns["text"] = [f"{text} please" if n % 7 == 0 else text for n, text in enumerate(columns["text"])]
    found = run("surrogate", Toy(), columns, attack="search", at=1, tries=70, words=5)
    assert found["agreement_auroc", "layer=1"].value > 0.9
    assert found["head_attack_success", ""].value > 0.7
    assert found["transfer", ""].value > 0.3
    with pytest.raises(UsageError, match="gradients"):
        run("surrogate", Toy(), columns, attack="gradient", at=1)
    assert ("transfer", "") not in run("surrogate", Toy(), columns)


def test_a_model_that_refuses_nothing_has_no_decision_to_localise():
    with pytest.raises(NotEstimable, match="decision"):
        run("surrogate", Toy(lean=-99.0), requests())


def test_shifts_are_those_of_the_model_that_was_aligned():
    """The base model helps with all; the aligned one refuses the vault, where its first word is not the base model's."""
    found = run("token_shift", Toy(), requests(), against=Toy(lean=-99.0))
    assert found["shifted_share", "position=0"].value == 0.5
    assert found["behaviour_agreement", ""].value == 1
    assert found["unshifted_share", ""].value == 0.75  # each answer is one sentence and its end
    assert found["shifted_share", ""].extra[f"token {REFUSES!r}"] == PAIRS
    same = run("token_shift", Toy(), requests(), against=Toy())
    assert same["unshifted_share", ""].value == 1
    other = Toy()
    other.tokens = lambda prompt: [9, *Toy.tokens(other, prompt)]
    with pytest.raises(UsageError, match="tokeni"):
        run("token_shift", Toy(), requests(), against=other)
    with pytest.raises(UsageError, match="against"):
        run("token_shift", Toy(), requests())


def test_texts_a_model_was_trained_on_are_told_from_others_and_it_goes_on_with_them():
    names = [f"{a}{b}" for a in "abcdefgh" for b in "klmnopqr"]
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice(names, 6, replace=False)) for _ in range(40)]
    columns = {"text": texts, "label": [n % 2 for n in range(40)]}
    found = run("membership", Toy(chatter=8, known=[t for n, t in enumerate(texts) if n % 2]), columns, against=Toy(chatter=8, seed=3))
    assert found["likelihood_auroc", ""].low > 0.7
    assert found["likelihood_less_reference_auroc", ""].low > 0.7
    prompted = run("membership", Toy(chatter=8), columns | {"prompt": ["say it"] * 40, "behaviour": [0, 1] * 20})
    assert prompted["likelihood_auroc", ""].low < 0.5 < prompted["likelihood_auroc", ""].high


def test_a_refusal_that_yields_to_temperature_yields_over_the_grid_and_a_greedy_default_is_said_to_be_one():
    found = run("decoding_exploitation", Toy(lean=-5.0), requests(), permutations=19)
    # The vault leads by one: at temperature 1 it is given up with probability 1 / (1 + e), at the default never.
    assert found["default_rate", ""].value == 0
    assert found["grid_at_k", "knob=temperature"].value > 0.9
    assert found["default_rate", ""].n == PAIRS  # label 1 alone is attacked
    assert any("greedy" in flag for flag in found["excess_at_k", ""].flags)
    hard = run("decoding_exploitation", Toy(lean=50.0), requests(), draws=7, permutations=19)
    assert hard["grid_rate", ""].value == 0
    leaked = run("decoding_exploitation", Toy(lean=-5.0), requests(expected=["nine o'clock"] * 2 * PAIRS), draws=3, permutations=19)
    assert leaked["grid_rate", ""].value == pytest.approx(found["grid_rate", ""].value, abs=0.1)


@pytest.mark.parametrize("mark", ["kgw", "gumbel", "gumbel_modified"])
def test_marked_answers_are_found_and_unmarked_ones_are_not(mark):
    columns = {"text": [f"tell me n{n}" for n in range(30)], "expected": ["ak"] * 30}
    found = run("watermark", Toy(chatter=24), columns, mark=mark, delta=4.0, candidates=2)
    assert found["detection_auroc", ""].value > 0.95
    assert ("effect", "outcome=expected") in found
    assert ("beside_control", "outcome=expected") in found


def test_a_mark_of_no_weight_changes_nothing():
    columns = {"text": [f"tell me n{n}" for n in range(30)], "expected": ["ak"] * 30}
    found = run("watermark", Toy(chatter=24), columns, mark="kgw", delta=0.0, candidates=2)
    assert found["effect", "outcome=expected"].value == 0
    assert found["detection_auroc", ""].value == 0.5


def test_safe_and_unsafe_prompts_are_two_outcomes_of_a_mark():
    found = run("watermark", Toy(), requests(), candidates=2)
    assert found["effect", "outcome=unsafe_answered"].n == found["effect", "outcome=safe_refused"].n == PAIRS


def test_patching_the_coordinate_that_contamination_changed_takes_what_was_memorised_and_nothing_else():
    lit = [f"n{n}" for n in range(0, PAIRS, 2)]
    columns = {"text": [f"open the market number n{n}" for n in range(PAIRS)], "seen": [1 - n % 2 for n in range(PAIRS)]}
    columns["expected"] = [STEERS if n % 2 == 0 else HELPS for n in range(PAIRS)]
    found = run("shortcut_neurons", Toy(lit=lit), columns, against=Toy(), top=0.04, random=12)
    assert found["split_overlap", ""].value == 1
    assert found["patch_effect", "seen=1"].value == -1
    assert found["patch_effect", "seen=0"].value == 0
    assert abs(found["random_effect", "seen=1"].value) < 0.3


class Doubtful(Toy):
    """Its states after "No." hold the vault the other way round, as one that knows what is so."""

    def inside(self, row, edits=None):
        turned = [-1.0 if self.encode("No.")[0] in row else 1.0] + [1.0] * 11
        return [h * np.array(turned) for h in super().inside(row, edits)]


def test_statements_are_read_with_both_answers_and_what_the_model_affirms_stands_beside_it():
    columns = {"text": [f"{'vault' if n % 2 else 'market'} n{n // 2}" for n in range(44)], "label": [n % 2 for n in range(44)]}
    columns["pair"] = [f"p{n // 2}" for n in range(44)]
    found = run("pa_ccs", Doubtful(chatter=3), columns, restarts=2)
    assert {place for _, place in found} == {"layer=1", "layer=2", "layer=tfidf"}
    assert found["accuracy", "layer=1"].n == 44
    assert found["supervised_auroc", "layer=1"].low > 0.7
    alike = run("pa_ccs", Toy(chatter=3), columns, restarts=2)
    assert any("alike" in flag for flag in alike["accuracy", "layer=1"].flags)
    assert ("supervised_auroc", "layer=1") not in alike


def test_a_column_of_behaviour_goes_before_asking_the_model_and_none_can_be_wanted():
    columns = requests(behaviour=[0, 0, 1, 1] * 12)
    assert 0.2 < run("aqi", Toy(), columns)["behaviour_agreement", "layer=1"].value < 0.8
    assert run("aqi", Toy(), requests())["behaviour_agreement", "layer=1"].value == 1
    assert ("behaviour_agreement", "layer=1") not in run("aqi", Toy(), requests(), behaviour="none")


@pytest.mark.parametrize(
    "settings",
    [{"tokens": "many"}, {"tokens": 0}, {"random": 0}, {"alpha": "nan"}, {"behaviour": "odd"}, {"behaviour": "expected"}, {"colour": 1}],
)
def test_settings_that_are_none_are_refused_by_name(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        run("routing", Toy(), requests(), **settings)
