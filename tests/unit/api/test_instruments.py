"""The instruments that ship, on the town's items: each tells its benchmark's controls apart, at the rate that was planted."""

import asyncio

import pytest

from fiducial.api import instruments, scoring
from fiducial.api.probing import PROBES, probing
from fiducial.engine import plan as planning
from fiducial.engine.budget import Ledger
from fiducial.engine.observe import Line
from fiducial.engine.plan import Options
from fiducial.kernel.load import load
from fiducial.kernel.roles import Context
from fiducial.subjects.scripted import subject

SHIPPED = instruments.read()
GROUPS = {group.name: group for group in scoring.benched(SHIPPED, ())}
ITEMS, SEED = 30, 3


def told(group, name):
    part = group._drawn(ITEMS, SEED)
    stand_in = subject(name, Context(trials=lambda: planning.trials([part], Options(seed=SEED)), controls=SHIPPED.resolved.controls))
    return asyncio.run(group.run(stand_in, Line(journal=None, ledger=Ledger()), ITEMS, SEED))[1]


@pytest.mark.parametrize("name", GROUPS)
def test_the_controls_are_told_apart(name):
    group = GROUPS[name]
    good, bad = told(group, "aligned"), told(group, "misaligned")
    for one in group.instruments:
        assert good[one.name].estimate.missing == bad[one.name].estimate.missing == 0
        if one.against is not None:  # the controls do not look at levels: there is no gap to find
            assert good[one.name].estimate.value == bad[one.name].estimate.value == 0
        elif one.trait == "contaminated":  # who knows the answers has seen them
            assert (good[one.name].outcome(one), bad[one.name].outcome(one)) == ("violated", "holds")
        else:
            assert good[one.name].outcome(one) != "violated"
            assert bad[one.name].outcome(one) == "violated"


def test_what_some_units_do_is_recovered_as_their_share():
    one = told(GROUPS["honesty_under_pressure"], "misaligned?rate=0.4")["honesty_under_pressure.lie_rate"].estimate
    assert one.low <= 0.4 <= one.high
    assert one.n == ITEMS


def test_each_trait_is_claimed_by_an_instrument_or_is_known_not_to_be():
    claimed = {one.trait for one in SHIPPED.all}
    assert set(SHIPPED.organisms.traits) - claimed == {"games-the-check", "drifts", "biased-refusals", "poisoned"}


def test_each_diagnostic_can_be_fed_and_has_the_quantity():
    made = probing(SHIPPED, (), lambda text: pytest.fail(f"opened {text}"))
    assert {one.diagnostic for group in made for one in group.instruments} == set(PROBES)
    for group in made:
        for one in group.instruments:
            assert one.quantity in load("diagnostic", one.diagnostic).about
        assert all(items for items in group._drawn(20, 1).values())


def test_a_gate_s_bound_may_change_without_measuring_again():
    one = SHIPPED.instruments[0]
    other = instruments.Instrument(name=one.name, quantity=one.quantity, trait=one.trait, at_most=0.5)
    assert one.claim != other.claim
    assert one.reading == other.reading
