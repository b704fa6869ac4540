"""`diagnosis.html`: what a diagnostic found, layer by layer: an interval plot and a table a quantity.

The page keeps the walls of `report.html`: escaped values, a policy that allows four scripts, no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from fiducial.kernel.digest import clean
from fiducial.kernel.records import Estimate
from fiducial.report import charts
from fiducial.report.html import _HERE, MOST_CHARTS, SCRIPTS, _environment, _policy, _script, script_json

NULLS = ("", "random_direction_", "random_neurons_", "best_layer_")
"""What a null is of, as its p-value is called in `extra`."""


@dataclass(frozen=True)
class Part:
    """A quantity: its estimates in the order of layers, and the name of their plot."""

    quantity: str
    about: str
    estimates: tuple[Estimate, ...]
    chart: str


def render(diagnostic: str, subject: str, estimates: Sequence[Estimate], about: Mapping[str, str], notes: Sequence[str]) -> str:
    """The page. The same estimates give the same bytes."""
    parts: list[Part] = []
    drawn = {}
    for name, group in by_quantity(estimates).items():
        chart = f"c{len(drawn) + 1}" if len(drawn) < MOST_CHARTS else ""
        if chart:
            drawn[chart] = charts.plot([_row(one) for one in group], _range(group))
        parts.append(Part(name, about.get(name, ""), tuple(group), chart))
    scripts = [_script(name) for name in SCRIPTS]
    text = _environment().get_template("diagnosis.html").render(
        diagnostic=diagnostic, subject=subject, parts=parts, notes=notes, flags=flags_of(estimates), of=estimates[0], null=null_of,
        css=Markup((_HERE / "templates/style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own and vendored files
        policy=_policy(scripts), charts=script_json(drawn),
    )  # fmt: skip
    return clean(text)


def by_quantity(estimates: Sequence[Estimate]) -> dict[str, list[Estimate]]:
    """Estimates by quantity, in order of first appearance."""
    found: dict[str, list[Estimate]] = {}
    for one in estimates:
        found.setdefault(one.of.quantity, []).append(one)
    return found


def null_of(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    """Mean, the 95 % (or 5 %, where less is more) point and the p-value of its null, as far as there is one.

    The null is of shuffled labels or, where an intervention is made, of random directions or neurons.
    """
    extra = estimate.extra
    if "random_05" in extra:
        return extra["random_mean"], extra["random_05"], extra["random_p"]
    p = next((extra[key] for prefix in NULLS if (key := f"{prefix}permutation_p") in extra), None)
    return extra.get("null_mean"), extra.get("null_95", extra.get("null_05")), p


def _row(estimate: Estimate) -> charts.Row:
    """Its interval; the band is the null from its mean to its 95 % point, and the tick stands at that point."""
    mean, end, _ = null_of(estimate)
    row = replace(charts.row(estimate, estimate.of.slice, "plain"), worst_low=None, worst_high=None)
    if mean is None or end is None:
        return row
    return replace(row, worst_low=min(mean, end), worst_high=max(mean, end))


def _range(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """The axis that fits: a rate's where all lie within, else as far as they go."""
    ends = [x for one in estimates for x in (one.low, one.high, *(y for y in null_of(one)[:2] if y is not None))]
    low, high = min(ends), max(ends)
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def flags_of(estimates: Sequence[Estimate]) -> dict[str, list[str]]:
    """What flags say, with the rows they are about: a quantity alone where all of its rows carry it, else with the places that do."""
    found: dict[str, list[str]] = {}
    groups = by_quantity(estimates)
    for flag in dict.fromkeys(flag for one in estimates for flag in one.flags):
        for name, rows in groups.items():
            places = [one.of.slice or "all" for one in rows if flag in one.flags]
            if places:
                alone = len(places) == len(rows) > 1 or (len(rows) == 1 and not rows[0].of.slice)
                found.setdefault(flag, []).append(name if alone else f"{name} ({', '.join(places)})")
    return found
