"""How many clusters an undecided claim lacks."""

import msgspec
import pytest

from fiducial.report import html, junit, markdown, terminal
from fiducial.report.need import need


def undecided(views, value, low, high, bound, *, side="at_most", clusters=40, missing=0, **more):
    of = views.estimate("b.q", value, low, high, n=clusters, clusters=clusters, missing=missing)
    return views.decision("c", "k", "b.q", bound, "undecided", of, side=side, **more)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((0.05, 0.01, 0.12, 0.1), "about 79 clusters (40 now) would show that it holds"),  # (0.07 / 0.05)^2 * 40 = 78.4
        ((0.15, 0.08, 0.25, 0.1), "about 79 clusters (40 now) would show that it is violated"),
        ((0.0, 0.0, 0.0722, 0.05), "59 clusters (40 now) without a failure"),
        ((0.0999999, 0.05, 0.2, 0.1), "too near 0.1"),
    ],
)
def test_the_number_follows_from_the_interval_and_the_bound(views, found, said):
    assert said in need(undecided(views, *found))


def test_at_least_mirrors_at_most(views):
    assert need(undecided(views, 0.05, 0.01, 0.12, 0.1)) == need(undecided(views, 0.95, 0.88, 0.99, 0.9, side="at_least"))
    assert "59 clusters" in need(undecided(views, 1.0, 0.9278, 1.0, 0.95, side="at_least"))


def test_a_margin_makes_room(views):
    assert "about 26 clusters (20 now)" in need(undecided(views, 0.05, 0.01, 0.14, 0.1, clusters=20, margin=0.03))


def test_where_only_the_missing_stand_in_the_way_that_is_said(views):
    assert need(undecided(views, 0.02, 0.0, 0.08, 0.1, missing=6)) == "without the 6 missing it would hold"
    assert need(undecided(views, 0.3, 0.2, 0.4, 0.1, missing=6)) == "without the 6 missing it would be violated"
    assert need(undecided(views, 0.02, 0.0, 0.08, 0.1)) == ""


def test_nothing_is_said_of_what_is_decided_or_sequential_or_has_no_number(views):
    d = undecided(views, 0.05, 0.01, 0.12, 0.1)
    for change in ({"outcome": "holds"}, {"anytime": True}, {"estimate": None}):
        assert need(msgspec.structs.replace(d, **change)) == ""


@pytest.mark.parametrize("renderer", [html, junit, markdown, terminal])
def test_every_report_says_it(views, renderer):
    view = msgspec.structs.replace(views.run_like(), decisions=(undecided(views, 0.05, 0.01, 0.12, 0.1),))
    assert "about 79 clusters" in renderer.render(view)
