"""Estimate: from judgements to numbers with intervals.

A quantity's rows are the planned units of its benchmark, for one subject. A unit without a value is missing, never a
number; one to which the aspect does not apply, or that was never asked, is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from fiducial.engine.admission import Audits, marked, measured
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import NOT_APPLICABLE, STATUSES, Estimate, Scale, Target
from fiducial.kernel.roles import Benchmark, Quantity
from fiducial.stats.anytime import anytime_mean
from fiducial.stats.contrasts import paired
from fiducial.stats.crossed import crossed_mean, crossed_rate
from fiducial.stats.means import mean
from fiducial.stats.proportions import rate
from fiducial.stats.table import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DISPLAY_LEVEL = 0.95
"""Two-sided level of estimates that no claim asks for."""

MAX_SLICES = 24
"""Levels of a factor up to which each gets its own estimate unasked."""

NOT_ASKED = "not asked"

WORDINGS = "phrasing"
"""The factor whose levels are a sample of ways to ask: the perturbation of that name."""


@dataclass(frozen=True)
class Units:
    """The planned units of one benchmark with what one subject did: numpy columns of equal length, in plan order.

    `unit` is the unit's number in the whole plan, `cluster` the cluster's in its benchmark. `status` is the worst status
    among a unit's trials (``not asked`` where one was not), `policy` what the benchmark makes of it. `factors[name]`
    holds levels, ``""`` where a unit has none. Codes come from the database and levels are shared objects, so a
    million units take some tens of MB; their names are `unit_names`.
    """

    subject: str
    unit: NDArray[np.int64]
    cluster: NDArray[np.int64]
    status: NDArray[Any]
    policy: NDArray[np.int64]
    factors: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.unit)


@dataclass(frozen=True)
class Source:
    """Where estimates come from: a connection with the views trials, responses and judgements, and the benchmarks.

    `judges[label][name]` is the id of the judge that a quantity's judge name stands for, `None` = not configured.
    `sequential` names benchmarks whose sample size a sequential rule chose, `horizons[label, subject]` the last cluster
    (in plan order, from 0) that it needed: what arrived later is not used. `audits` is what is known of the judges.
    `crossed[label]` are the factors that every item meets at several levels; `mix[label][factor][level]` their shares.
    """

    connection: DuckDBPyConnection
    benchmarks: Mapping[str, Benchmark]
    judges: Mapping[str, Mapping[str, str | None]]
    crossed: Mapping[str, Sequence[str]]
    mix: Mapping[str, Mapping[str, Mapping[str, float]]]
    sequential: frozenset[str] = frozenset()
    horizons: Mapping[tuple[str, str], int] = field(default_factory=dict)
    audits: Audits = field(default_factory=Audits)


JUDGED, MISSING, ADVERSE, ABSENT = 0, 1, 2, 3

SECOND = "#2"


def planned(source: Source) -> frozenset[str]:
    """Labels of the benchmarks that the plan has trials of: a filter may have left some out."""
    rows = source.connection.execute("SELECT DISTINCT split_part(benchmark, '@', 1) FROM trials").fetchall()
    return frozenset(row[0] for row in rows)


def units(source: Source, label: str, subject: str) -> Units:
    """The units of a benchmark for a subject."""
    benchmark = source.benchmarks[label]
    levels = _levels(source, label)
    statuses = [*STATUSES, NOT_ASKED]
    # The trials of a unit stand together in the plan, and so do the units of a cluster within their benchmark: numbers of 64 bits
    # that change from row to row are enough, and a million rows take 40 MB where grouping by names would take 400.
    columns = "".join(f', list_position(?, "factor_{name}") AS "{name}"' for name in levels)
    plan = _fetch(
        source,
        f"SELECT hash(unit) AS unit, hash(cluster) AS cluster, starts_with(benchmark, ?) AS mine {columns} FROM trials ORDER BY ordinal",  # noqa: S608 - our own column names
        [f"{label}@", *levels.values()],
    )
    codes = {"judged": JUDGED, "missing": MISSING, "adverse": ADVERSE}
    meaning = np.array([*(codes[benchmark.policy(status)] for status in STATUSES), ABSENT], dtype=np.int8)
    ended = np.full(len(plan["unit"]), len(STATUSES), dtype=np.int8)
    answers = _fetch(source, "SELECT ordinal, list_position(?, status) AS status FROM responses WHERE subject = ?", [statuses, subject])
    ended[answers["ordinal"]] = np.ma.filled(answers["status"], len(statuses)) - 1

    begin = _changes(plan["unit"])
    mine = plan["mine"][begin]
    read = meaning[ended]
    worst = np.maximum.reduceat(read, begin) if len(begin) else read
    size = np.diff(np.append(begin, len(ended)))
    place = np.where(read == np.repeat(worst, size), np.arange(len(ended)), len(ended))
    first = np.minimum.reduceat(place, begin)[mine] if len(begin) else place
    cluster = _numbered(plan["cluster"][begin][mine])
    policy = worst[mine].astype(np.int64)
    last = source.horizons.get((label, subject))
    if last is not None:
        policy = np.where(cluster > last, ABSENT, policy)
    return Units(
        subject=subject,
        unit=np.flatnonzero(mine),
        cluster=cluster,
        status=np.array(statuses, dtype=object)[ended[first]],
        policy=policy,
        factors={name: _shared(there, plan[name][begin][mine]) for name, there in levels.items()},
    )


def _changes(column: NDArray[Any]) -> NDArray[np.int64]:
    """Where a value differs from the one before, the first row included."""
    return np.flatnonzero(np.concatenate([np.ones(min(len(column), 1), dtype=bool), column[1:] != column[:-1]]))


def _numbered(column: NDArray[Any]) -> NDArray[np.int64]:
    """Values by the order in which they first come, from 0."""
    _, first, code = np.unique(column, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[code]


def unit_names(source: Source, label: str) -> list[str]:
    """The names of a benchmark's units, in plan order like `units`."""
    query = "SELECT unit FROM trials WHERE starts_with(benchmark, ?) GROUP BY unit ORDER BY min(ordinal)"
    return [row[0] for row in source.connection.execute(query, [f"{label}@"]).fetchall()]


def people_of(role: str) -> str:
    """The name under which people's labels stand that hold up the judge of a role, and its second."""
    return f"{role.removesuffix(SECOND)}#people"


def second_of(role: str) -> str:
    """The name in `Source.judges` of the judge that reads beside the one of a role."""
    return f"{role}{SECOND}"


def table(source: Source, label: str, quantity: str, of: Units, *, level: float, where: str = "", entry: Quantity | None = None) -> Table:
    """The table of a quantity: one row a unit that was asked and to which it applies. `entry` reads it otherwise (another judge).

    Raises `NotEstimable` where its judge is not configured or no unit is left.
    """
    entry = entry or source.benchmarks[label].quantities[quantity]
    judge = source.judges[label].get(entry.judge)
    if judge is None:
        raise NotEstimable(f"{label}.{quantity} needs the judge {entry.judge!r}, which the specification does not configure")
    target = Target(benchmark=label, quantity=quantity, subject=of.subject, slice=where, judge=judge)
    if not len(of):
        raise NotEstimable(f"{label}.{quantity}: no unit was planned")
    value, applies, unread = _values(source, judge, entry, of)
    asked = of.policy != ABSENT
    value = np.where(of.policy == JUDGED, value, np.where(of.policy == ADVERSE, entry.adverse, np.nan))
    applies |= of.policy != JUDGED
    status = np.where((of.policy == JUDGED) & (of.status == "answered"), unread, of.status)
    here = _slice(of, where)
    rows = asked & applies & here
    if not rows.any():
        why = "no planned unit was asked" if not (asked & here).any() else "it applies to no unit"
        raise NotEstimable(f"{label}.{quantity}{f' [{where}]' if where else ''}: {why}")
    factor = where.partition("=")[0]
    weight = _weights(source, label, of, rows, skip=factor)
    return Table(
        target=target,
        value=value[rows],
        cluster=of.cluster[rows],
        unit=of.unit[rows],
        weight=weight,
        status=status[rows],
        level=level,
        range=entry.range,
        factors={name: column[rows] for name, column in of.factors.items()},
    )


def people(source: Source, entry: Quantity, of: Units, rows: Table) -> NDArray[np.float64] | None:
    """What people say of the rows of a table of this quantity, NaN where they say nothing; `None` where nobody was asked."""
    judge = source.judges[rows.target.benchmark].get(people_of(entry.judge))
    if judge is None:
        return None
    value, _, _ = _values(source, judge, entry, of)
    return value[np.searchsorted(of.unit, rows.unit)]


def estimate(entry: Quantity, rows: Table) -> Estimate:
    """The number of a quantity: its own estimator, or the mean of unit values with the interval that fits its range.

    Where wordings repeat over items, the interval covers the choice of wordings too (two-way).
    """
    if entry.estimator is not None:
        return entry.estimator(rows)
    shares = entry.range == (0.0, 1.0)
    wordings = rows.known().factors.get(WORDINGS)
    if wordings is not None and len(set(wordings)) > 1:
        return crossed_rate(rows, WORDINGS) if shares else crossed_mean(rows, WORDINGS)
    return rate(rows) if shares else mean(rows)


def against(candidate: Table, baseline: Table, scale: Scale) -> Estimate:
    """The paired change of a quantity from baseline to candidate, on the units that both were asked."""
    if scale == "absolute":
        raise UsageError(f"{candidate.target.quantity}: a change is a difference or per_cent, got {scale!r}")
    target = msgspec.structs.replace(candidate.target, baseline=baseline.target.subject, scale=scale)
    return paired(replace(candidate, target=target), baseline, scale)


def all_estimates(source: Source, label: str, subject: str) -> Iterator[Estimate]:
    """Each quantity of a benchmark for a subject: over all, and by level of each factor."""
    of = units(source, label, subject)
    slices = [""]
    for factor, column in of.factors.items():
        there = sorted(set(column))
        if factor in source.crossed.get(label, ()) and len(there) <= MAX_SLICES:
            slices.extend(f"{factor}={level}" for level in there)
    for quantity, entry in source.benchmarks[label].quantities.items():
        for where in slices:
            try:
                rows = table(source, label, quantity, of, level=DISPLAY_LEVEL, where=where)
                truth = people(source, entry, of, rows)
                yield annotated(source, of, displayed(source, label, entry, rows, truth))
            except NotEstimable:
                continue


def displayed(source: Source, label: str, entry: Quantity, rows: Table, truth: NDArray[np.float64] | None = None) -> Estimate:
    """The number of a quantity for a reader: corrected for its judge's errors where it can be, else flagged with the reason.

    `truth` is what `people` says of its rows.
    """
    if label in source.sequential:
        # A correction takes a fixed number of units: a number whose size a rule chose is only marked.
        return marked(source.audits, label, entry, rows, anytime_mean(rows))[0]
    plain = estimate(entry, rows)
    try:
        return measured(source.audits, label, entry, rows, plain, truth)[0]
    except NotEstimable as error:
        return msgspec.structs.replace(plain, flags=(*plain.flags, f"not corrected for its judge's errors: {error}"))


def annotated(source: Source, of: Units, number: Estimate) -> Estimate:
    """The estimate with what a reader must know of the units left out."""
    here = _slice(of, number.of.slice)
    not_asked = int((here & (of.policy == ABSENT)).sum())
    extra = dict(number.extra)
    if not_asked:
        extra["not_asked"] = float(not_asked)
    left_out = int(here.sum()) - not_asked - number.n - number.missing
    if left_out > 0 and number.of.baseline is None:
        extra["not_applicable"] = float(left_out)
    return msgspec.structs.replace(number, extra=extra)


def _values(source: Source, judge: str, entry: Quantity, of: Units) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[Any]]:
    """For each unit: its value or NaN, whether the aspect applies, and the state of its reading."""
    if entry.contrast is None:
        return _column(source, judge, entry.aspect, entry.part, of)
    treated, control = (_column(source, judge, entry.aspect, part, of) for part in entry.contrast)
    state = np.where(np.isnan(treated[0]), treated[2], control[2])
    return treated[0] - control[0], treated[1] & control[1], state


def _column(
    source: Source, judge: str, aspect: str, part: str | None, of: Units
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[Any]]:
    # A judgement's ordinal is its unit's number in the plan.
    query = """
        SELECT ordinal, value, label = ? AS apart, fault IS NOT NULL AS fault FROM judgements
        WHERE subject = ? AND judge = ? AND (aspect = ? AND part IS NOT DISTINCT FROM ? OR aspect = '*')"""
    found = _fetch(source, query, [NOT_APPLICABLE, of.subject, judge, aspect, part])
    place = np.minimum(np.searchsorted(of.unit, found["ordinal"]), len(of) - 1)
    mine = of.unit[place] == found["ordinal"]
    rows = place[mine]
    value, applies = np.full(len(of), np.nan), np.ones(len(of), dtype=bool)
    state = np.full(len(of), "not judged", dtype=object)
    value[rows] = np.ma.filled(np.ma.asarray(found["value"], dtype=float), np.nan)[mine]
    applies[rows] = ~_true(found["apart"])[mine]
    why = np.array(["judged", "judge could not tell", "judge fault"], dtype=object)  # one object each, however many rows
    state[rows] = why[np.where(np.isnan(value[rows]), 1 + _true(found["fault"])[mine], 0)]
    return value, applies, state


def _weights(source: Source, label: str, of: Units, rows: NDArray[np.bool_], *, skip: str) -> NDArray[np.float64]:
    """Weights with mean 1 by which each cell counts equally, or by its share in the mix."""
    names = [name for name in source.crossed.get(label, ()) if name in of.factors and name != skip]
    count = int(rows.sum())
    if not names:
        return np.ones(count)
    cell = np.zeros(count, dtype=np.int64)
    share = np.ones(count)
    for name in names:
        there, code = np.unique(of.factors[name][rows].astype(str), return_inverse=True)
        cell = cell * len(there) + code
        mix = source.mix.get(label, {}).get(name)
        if mix is not None:
            share *= np.array([mix.get(level, 0.0) for level in there])[code]
    _, inverse, counts = np.unique(cell, return_inverse=True, return_counts=True)
    weight = share / counts[inverse]
    if not weight.any():
        raise NotEstimable(f"{label}: the mix gives no weight to any cell that was asked")
    return weight * (count / weight.sum())


def _slice(of: Units, where: str) -> NDArray[np.bool_]:
    if not where:
        return np.ones(len(of), dtype=bool)
    factor, _, level = where.partition("=")
    if factor not in of.factors:
        return np.zeros(len(of), dtype=bool)
    return of.factors[factor] == level


def _levels(source: Source, label: str) -> dict[str, list[str]]:
    """The factors that a benchmark's trials have, with their levels."""
    described = source.connection.execute("SELECT column_name FROM (DESCRIBE trials) WHERE starts_with(column_name, 'factor_')").fetchall()
    found: dict[str, list[str]] = {}
    for (column,) in described:
        query = f'SELECT DISTINCT "{column}" FROM trials WHERE starts_with(benchmark, ?) AND "{column}" IS NOT NULL ORDER BY 1'  # noqa: S608 - our own column
        if levels := [row[0] for row in source.connection.execute(query, [f"{label}@"]).fetchall()]:
            found[column.removeprefix("factor_")] = levels
    return found


def _fetch(source: Source, query: str, values: Sequence[Any]) -> dict[str, NDArray[Any]]:
    return cast("dict[str, NDArray[Any]]", source.connection.execute(query, list(values)).fetchnumpy())


def _shared(names: Sequence[str], place: NDArray[Any]) -> NDArray[Any]:
    """Names by their place in a list (from 1, 0 or NULL = none): one object a name, however many rows."""
    table = np.array(["", *names], dtype=object)
    return table[np.ma.filled(np.ma.asarray(place), 0).astype(np.int64)]


def _true(column: NDArray[Any]) -> NDArray[np.bool_]:
    """A column of booleans, NULL as false."""
    return np.ma.filled(np.ma.asarray(column), fill_value=False).astype(bool)
