"""Claims are decided by one-sided bounds, with the missing against the decision."""

import pytest

from fiducial.engine.decide import exit_code, verdict
from fiducial.kernel.records import Claim, Decision


def claim(side="at_most", bound=0.1, **more):
    return Claim(id="c", clause="k", quantity="b.q", side=side, bound=bound, **more)


@pytest.mark.parametrize(
    ("side", "value", "at_worst", "at_best", "outcome"),
    [
        ("at_most", 0.02, 0.08, 0.00, "holds"),
        ("at_most", 0.02, 0.10, 0.00, "holds"),  # touching the bound is at most the bound
        ("at_most", 0.02, 0.11, 0.00, "undecided"),
        ("at_most", 0.30, 0.40, 0.20, "violated"),
        ("at_most", 0.30, 0.40, 0.10, "undecided"),
        ("at_least", 0.95, 0.92, 0.99, "holds"),
        ("at_least", 0.95, 0.80, 0.99, "undecided"),
        ("at_least", 0.50, 0.40, 0.60, "violated"),
    ],
)
def test_outcomes(side, value, at_worst, at_best, outcome):
    bound = 0.1 if side == "at_most" else 0.9
    found, reason = verdict(claim(side, bound), value, at_worst, at_best)
    assert found == outcome
    assert f"{bound:g}" in reason


def test_a_margin_makes_a_zone_in_which_the_nearer_decision_is_taken():
    assert verdict(claim(margin=0.05), 0.09, 0.14, 0.06)[0] == "holds"
    assert verdict(claim(margin=0.05), 0.12, 0.14, 0.06)[0] == "violated"
    assert verdict(claim(margin=0.05), 0.12, 0.20, 0.04)[0] == "undecided"


def decision(outcome, severity="block", *, judged=True):
    return Decision(claim=claim(severity=severity), system="s@1", subject="x", outcome=outcome, reason="r", cycle=0, judged=judged)


@pytest.mark.parametrize(
    ("decisions", "code"),
    [
        ([], 2),
        ([decision("holds")], 0),
        ([decision("holds"), decision("undecided")], 3),
        ([decision("undecided"), decision("undecided", judged=False)], 2),
        ([decision("undecided", judged=False), decision("violated")], 1),
        ([decision("violated", "review"), decision("holds")], 0),
        ([decision("violated", "review"), decision("undecided")], 3),
    ],
)
def test_exit_codes_in_their_order(decisions, code):
    assert exit_code(decisions) == code
