"""What an undecided claim lacks: how many clusters would decide it if what was seen went on."""

from __future__ import annotations

from math import ceil

from fiducial.kernel.records import Decision
from fiducial.stats.smallest import clusters_needed

FAR = 100_000
"""Clusters beyond which no number is given: the value lies too near the bound."""


def need(decision: Decision) -> str:
    """A sentence for a claim that its interval leaves undecided; ``""`` for any other, and under a sequential rule.

    The number is rough: an interval is taken to narrow with the root of the clusters. Where no cluster failed it is the
    fewest with which the claim can hold at all, as `plan` says it.
    """
    e, claim = decision.estimate, decision.claim
    if decision.outcome != "undecided" or e is None or decision.anytime:
        return ""
    sign = 1.0 if claim.side == "at_most" else -1.0
    value, low, high = sign * e.value, min(sign * e.low, sign * e.high), max(sign * e.low, sign * e.high)
    holds_at, violated_at = sign * claim.bound + claim.margin, sign * claim.bound - claim.margin
    if high <= holds_at or low > violated_at:
        verdict = "hold" if high <= holds_at else "be violated"
        return f"without the {e.missing} missing it would {verdict}" if e.missing else ""
    room = abs(holds_at)
    spotless = claim.scale == "absolute" and value == (0.0 if sign > 0 else -1.0) and 0 < room < 1
    if spotless:
        found, how = clusters_needed(room, claim.confidence, claim.side), "without a failure could show that it holds"
    elif value < holds_at:
        found, how = _scaled(e.clusters, high - value, holds_at - value), "would show that it holds if the value stays"
    elif value > violated_at:
        found, how = _scaled(e.clusters, value - low, value - violated_at), "would show that it is violated if the value stays"
    else:
        return ""
    if found is None:
        return f"the value lies too near {claim.bound:g} for more clusters to decide it"
    if found <= e.clusters:
        return ""  # clusters of unequal sizes, or missing units: their number alone does not tell
    return f"{'' if spotless else 'about '}{found} clusters ({e.clusters} now) {how}"


def _scaled(clusters: int, reach: float, room: float) -> int | None:
    """Clusters with which an interval that reaches so far would reach no farther than there is room; `None` for too many."""
    if room <= 0 or clusters * (reach / room) ** 2 > FAR:
        return None
    return ceil(round(clusters * (reach / room) ** 2, 6))
