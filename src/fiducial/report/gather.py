"""What a view takes from a run's stages: counts, spending, and a sample of transcripts chosen inside the database.

Only the chosen units are read whole, so memory does not grow with the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from fiducial.engine.budget import price
from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import NOT_APPLICABLE, STATUSES, Decision, Judgement, Message, Response, Status, Trial, Usage
from fiducial.kernel.roles import Benchmark
from fiducial.report.causes import causes_of
from fiducial.report.notes import Cause, Change, Changes, Concern, ExchangeNote, Rests, Sample, Spending, StatusCount, UnitNote
from fiducial.store.run import Run
from fiducial.store.spool import decode_row, read_rows
from fiducial.store.stages import JUDGEMENTS, RESPONSES, TRIALS

SHOWN = 200
"""Units whose transcripts a report carries at most."""

CHARACTERS = 2_000_000
"""Characters of transcripts in a report at most."""

LONGEST = 20_000
"""Characters of one text at most."""

RULE = (
    "Half of the places go to units that count against a claim and a quarter to those without a value, as far as there "
    "are so many; within each kind what newly broke comes first, then a draw seeded with the plan decides."
)

AHEAD = 24
"""Newly broken units that are shown before any drawn ones."""

CONCERNS: tuple[Concern, ...] = ("adverse", "unknown", "other")


@dataclass(frozen=True)
class Gathered:
    """What was found in the stages."""

    statuses: tuple[StatusCount, ...]
    causes: tuple[Cause, ...]
    spending: Spending
    sample: Sample
    changes: Changes | None


def rests(benchmarks: Mapping[str, Benchmark], decisions: Iterable[Decision], judges: Mapping[str, str]) -> list[Rests]:
    """What the decided quantities rest on; `judges` maps ``label.judge`` to a judge's id, as a plan does."""
    found: dict[str, Rests] = {}
    for decision in decisions:
        full = decision.claim.quantity
        label, _, name = full.partition(".")
        benchmark = benchmarks.get(label)
        if benchmark is not None and name in benchmark.quantities:
            q = benchmark.quantities[name]
            low, high = q.range
            middle = 0.5 if q.contrast is not None else (low + high) / 2
            # The plan's judge is another one where the answers were read again.
            judge = (decision.estimate.of.judge if decision.estimate else "") or judges.get(f"{label}.{q.judge}", "")
            part = q.part if q.contrast is None else q.contrast[0]
            sign = 1.0 if q.adverse > (low + high) / 2 else -1.0
            adverse: tuple[Status, ...] = tuple([s for s in STATUSES if benchmark.policy(s) == "adverse"])
            found[full] = Rests(label, name, judge, q.aspect, part, sign, middle, adverse)
        elif decision.estimate is not None:
            found[full] = Rests(label, name, decision.estimate.of.judge, None, None, 1.0 if decision.claim.side == "at_most" else -1.0, 0.5)
    return list(found.values())


def gather(run: Run, revision: Path, wanted: Sequence[Rests], changes: Changes | None, shown: int) -> Gathered:
    """Counts, spending, sample and explained changes of a revision. Raises `StoreError` where a stage is missing."""
    files = {
        "trials": run.path / "trials.parquet", "responses": run.path / "responses.parquet",
        "judgements": revision / "judgements.parquet", "released": run.path / "released.parquet",
    }  # fmt: skip
    for name in ("trials", "responses", "judgements"):
        if not files[name].exists():
            raise StoreError(f"{files[name]}: there is no such stage; it was not sealed yet, or it was deleted")
    try:
        with run.engine.room() as sql:
            subjects = [s["id"] for s in run.plan.subjects]
            counted = [s["role"] != "baseline" for s in run.plan.subjects]
            _open(sql, files, wanted, _first(changes))
            _count(sql, subjects, counted, str(run.plan.seed))
            chosen = _choose(sql, subjects, shown) if shown else []
            totals = dict(sql.execute("SELECT concern, count(*) FROM asked GROUP BY concern").fetchall())
            statuses, spending = _statuses(sql, subjects), _spending(sql, run.plan.subjects)
            causes = causes_of(sql)
            explained = None if changes is None else _explain(sql, changes)
            units = _read(sql, files, chosen)
    except duckdb.Error as error:
        raise StoreError(f"{run.path}: {error}") from error
    total = sum(totals.values())
    sample = Sample(units=units, total=total, adverse=totals.get(0, 0), unknown=totals.get(1, 0), rule=RULE if len(units) < total else "")
    return Gathered(statuses, causes, spending, sample, explained)


def _open(
    sql: duckdb.DuckDBPyConnection, files: Mapping[str, Path], wanted: Sequence[Rests], first: Sequence[tuple[str, str]]
) -> None:  # fmt: skip
    """Views of the stages, and what a reading counts as (`read`); `ahead` are units that take their places first."""
    for name, path in files.items():
        if path.exists():
            sql.read_parquet(str(path)).create_view(name)
    if not files["released"].exists():
        sql.execute("CREATE VIEW released AS SELECT ''::VARCHAR AS trial, ''::VARCHAR AS subject WHERE false")
    columns = "label VARCHAR, quantity VARCHAR, judge VARCHAR, aspect VARCHAR, part VARCHAR, sign DOUBLE, middle DOUBLE, statuses INTEGER"
    sql.execute(f"CREATE TABLE rests ({columns})")
    for w in wanted:
        row = [w.label, w.quantity, w.judge, w.aspect, w.part, w.sign, w.middle, sum(1 << STATUSES.index(s) for s in w.statuses)]
        sql.execute("INSERT INTO rests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    sql.execute(f"CREATE VIEW read AS {_READ}")
    sql.execute("CREATE TABLE ahead (unit VARCHAR, subject VARCHAR, place UBIGINT)")
    for place, (unit, subject) in enumerate(first):
        sql.execute("INSERT INTO ahead VALUES (?, ?, ?)", [unit, subject, place])


def _count(sql: duckdb.DuckDBPyConnection, subjects: Sequence[str], counted: Sequence[bool], seed: str) -> None:
    """`asked`: each unit a subject was asked, with its concern (0 adverse, 1 unknown, 2 other).

    Claims are about the subjects that are `counted`: a baseline has no adverse unit.
    """
    benchmarks = [name for (name,) in sql.execute("SELECT DISTINCT benchmark FROM trials ORDER BY 1").fetchall()]
    sql.execute(
        f"CREATE TABLE asked AS {_ASKED}", {"benchmarks": benchmarks, "subjects": list(subjects), "counted": list(counted), "seed": seed}
    )


_READ = f"""
    SELECT j.*, r.quantity, r.label AS of,
           CASE WHEN j.label = '{NOT_APPLICABLE}' THEN 2 WHEN j.value IS NULL THEN 1
                WHEN r.sign * (j.value - r.middle) > 0 THEN 0 ELSE 2 END AS concern
    FROM judgements j JOIN rests r ON j.judge = r.judge AND starts_with(j.unit, r.label || '/')
     AND (r.aspect IS NULL OR j.aspect = '*' OR (j.aspect = r.aspect AND j.part IS NOT DISTINCT FROM r.part))"""  # noqa: S608 - a constant of ours

# A million units are counted by numbers: the hash of a unit's name, the place of its first trial, of its benchmark and its subject.
_ASKED = f"""
    WITH told AS (SELECT t.ordinal, hash(t.unit) AS unit, list_position($benchmarks, t.benchmark)::SMALLINT AS benchmark,
                         list_position($subjects, r.subject)::SMALLINT AS subject,
                         coalesce(a.place, md5_number_upper(t.unit || chr(31) || r.subject || $seed)) AS draw,
                         1 << (list_position({list(STATUSES)}, r.status) - 1) AS ended
                  FROM responses r JOIN trials t ON t.ordinal = r.ordinal
                  LEFT JOIN ahead a ON a.unit = t.unit AND a.subject = r.subject),
         units AS (SELECT unit, subject, any_value(benchmark) AS benchmark, min(ordinal) AS first, any_value(draw) AS draw,
                          bit_or(ended) AS ended
                   FROM told GROUP BY unit, subject),
         readings AS (SELECT hash(unit) AS unit, list_position($subjects, subject)::SMALLINT AS subject, min(concern) AS concern
                      FROM read GROUP BY ALL),
         wanted AS (SELECT list_position([split_part(b, '@', 1) FOR b IN $benchmarks], label)::SMALLINT AS benchmark,
                           bit_or(statuses) AS adverse
                    FROM rests GROUP BY ALL)
    SELECT u.first, u.subject, u.benchmark, u.draw,
           CASE WHEN c.concern = 0 AND NOT $counted[u.subject] THEN 2 WHEN c.concern IS NOT NULL THEN c.concern
                WHEN w.benchmark IS NULL THEN 2 WHEN u.ended & w.adverse = 0 THEN 1
                WHEN $counted[u.subject] THEN 0 ELSE 2 END::SMALLINT AS concern
    FROM units u LEFT JOIN readings c ON c.unit = u.unit AND c.subject = u.subject
                 LEFT JOIN wanted w ON w.benchmark = u.benchmark"""  # noqa: S608 - a constant of ours

_CHOSEN = """
    WITH drawn AS (SELECT concern, benchmark, subject, unnest(arg_min({'first': first, 'draw': draw}, draw, $shown)) AS unit
                   FROM asked GROUP BY concern, benchmark, subject),
         turns AS (SELECT *, row_number() OVER (PARTITION BY concern, benchmark, subject ORDER BY unit.draw) AS n FROM drawn),
         places AS (SELECT *, row_number() OVER (PARTITION BY concern ORDER BY n, benchmark, subject) AS m FROM turns),
         best AS (SELECT * FROM places ORDER BY m > $shown * [0.5, 0.25, 0.25][concern + 1], concern, m LIMIT $shown)
    SELECT t.unit, $subjects[best.subject], best.concern FROM best JOIN trials t ON t.ordinal = best.unit.first
    ORDER BY best.concern, best.m"""


def _first(changes: Changes | None) -> list[tuple[str, str]]:
    """The units that a reader of the changes looks for: those that newly broke or lost their answer, as far as listed first."""
    found = () if changes is None else changes.items
    return list(dict.fromkeys((c.unit, c.subject) for c in found if c.kind != "fixed"))[:AHEAD]


def _choose(sql: duckdb.DuckDBPyConnection, subjects: Sequence[str], shown: int) -> list[tuple[str, str, int]]:
    """The units to show: quotas by concern, benchmarks and subjects in turn, places left over filled in the same order."""
    return sql.execute(_CHOSEN, {"subjects": list(subjects), "shown": shown}).fetchall()


def _statuses(sql: duckdb.DuckDBPyConnection, subjects: Sequence[str]) -> tuple[StatusCount, ...]:
    planned = dict(sql.execute("SELECT benchmark, count(*) FROM trials GROUP BY ALL ORDER BY min(ordinal)").fetchall())
    counts: dict[tuple[str, str], dict[Any, int]] = {}
    query = """
        SELECT r.subject, t.benchmark, r.status, count(*) FROM responses r JOIN trials t ON t.ordinal = r.ordinal
        GROUP BY ALL ORDER BY ALL"""
    for subject, benchmark, status, count in sql.execute(query).fetchall():
        counts.setdefault((subject, benchmark), {})[status] = count
    query = "SELECT r.subject, t.benchmark, count(*) FROM released r JOIN trials t ON t.key = r.trial GROUP BY ALL"
    released = {(subject, benchmark): count for subject, benchmark, count in sql.execute(query).fetchall()}
    return tuple(
        StatusCount(subject=s, benchmark=b, counts=counts.get((s, b), {}), planned=n, released=released.get((s, b), 0))
        for s in subjects
        for b, n in planned.items()
    )


def _spending(sql: duckdb.DuckDBPyConnection, subjects: Sequence[Mapping[str, Any]]) -> Spending:
    """Of the subjects' own calls; what judges spent is in the journal."""
    query = (
        "SELECT subject, sum(calls), sum(cached), sum(input_tokens), sum(output_tokens) FROM responses GROUP BY subject ORDER BY subject"
    )
    rows = sql.execute(query).fetchall()
    prices = {s["id"]: s["settings"].get("prices") for s in subjects}
    costs = [price(Usage(input=_whole(row[3]), output=_whole(row[4])), prices.get(row[0])) for row in rows]
    known = [cost for cost in costs if cost is not None]
    return Spending(
        calls=_total(rows, 1) or 0, cached=_total(rows, 2) or 0, input_tokens=_total(rows, 3), output_tokens=_total(rows, 4),
        cost=sum(known) if known and len(known) == len(costs) else None,
    )  # fmt: skip


def _total(rows: Sequence[Sequence[Any]], place: int) -> int | None:
    """The sum of a column's known values; `None` where none is known."""
    known = [int(row[place]) for row in rows if row[place] is not None]
    return sum(known) if known else None


def _explain(sql: duckdb.DuckDBPyConnection, changes: Changes) -> Changes:
    """Changes with the label and reason of the judgement that they rest on."""
    query = "SELECT label, reason FROM read WHERE of || '.' || quantity = ? AND unit = ? AND subject = ? ORDER BY concern, ordinal LIMIT 1"
    items: list[Change] = []
    for item in changes.items:
        row = sql.execute(query, [item.quantity, item.unit, item.subject]).fetchone()
        label, reason = row or ("", "")
        items.append(msgspec.structs.replace(item, label=item.label or label, reason=_cut(item.reason or reason)))
    return msgspec.structs.replace(changes, items=tuple(items))


def _read(sql: duckdb.DuckDBPyConnection, files: Mapping[str, Path], chosen: Sequence[tuple[str, str, int]]) -> tuple[UnitNote, ...]:
    """The chosen units in full, as long as `CHARACTERS` last."""
    names = sorted({unit for unit, _, _ in chosen})
    trials: dict[str, list[Trial]] = {}
    for n, row in enumerate(read_rows(TRIALS, files["trials"], "WHERE unit IN (SELECT unnest(?))", (names,), sql)):
        trial = decode_row(TRIALS, files["trials"], n, row)
        trials.setdefault(trial.unit, []).append(trial)
    keys = sorted(trial.key for group in trials.values() for trial in group)
    responses: dict[tuple[str, str], Response] = {}
    for n, row in enumerate(read_rows(RESPONSES, files["responses"], "WHERE trial IN (SELECT unnest(?))", (keys,), sql)):
        response = decode_row(RESPONSES, files["responses"], n, row)
        responses[response.trial, response.subject] = response
    judgements: dict[tuple[str, str], list[Judgement]] = {}
    for n, row in enumerate(read_rows(JUDGEMENTS, files["judgements"], "WHERE unit IN (SELECT unnest(?))", (names,), sql)):
        judgement = decode_row(JUDGEMENTS, files["judgements"], n, row)
        short = msgspec.structs.replace(judgement, reason=_cut(judgement.reason), label=_cut(judgement.label))
        judgements.setdefault((judgement.unit, judgement.subject), []).append(short)
    units: list[UnitNote] = []
    room = CHARACTERS
    for unit, subject, concern in chosen:
        note = _unit(trials[unit], subject, CONCERNS[concern], responses, judgements.get((unit, subject), []))
        room -= len(msgspec.json.encode(note))
        if room < 0 and units:
            break
        units.append(note)
    return tuple(units)


def _unit(
    trials: Sequence[Trial], subject: str, concern: Concern, responses: Mapping[tuple[str, str], Response], judgements: Sequence[Judgement]
) -> UnitNote:
    first = trials[0]
    exchanges: list[ExchangeNote] = []
    for trial in trials:
        response = responses.get((trial.key, subject))
        note = ExchangeNote(trial=trial.key, part=trial.part, replicate=trial.replicate, messages=_messages(trial.messages))
        exchanges.append(note if response is None else _answered(note, response))
    return UnitNote(
        unit=first.unit, benchmark=first.benchmark, subject=subject, item=first.item, cluster=first.cluster, cell=first.cell,
        concern=concern, exchanges=tuple(exchanges), judgements=tuple(judgements),
    )  # fmt: skip


def _answered(note: ExchangeNote, response: Response) -> ExchangeNote:
    return msgspec.structs.replace(
        note, transcript=_messages(response.transcript), status=response.status, model=response.model,
        fault=None if response.fault is None else _cut(response.fault), final_state=_state(response.final_state),
    )  # fmt: skip


def _messages(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple(
        msgspec.structs.replace(
            m, text=_cut(m.text), reasoning=None if m.reasoning is None else _cut(m.reasoning),
            tool_calls=tuple(msgspec.structs.replace(call, arguments=_cut(call.arguments)) for call in m.tool_calls),
        )
        for m in messages
    )  # fmt: skip


def _state(value: Any) -> Any:
    """A final state as it is, or as cut text where it is long."""
    if value is None:
        return None
    text = msgspec.json.encode(value).decode()
    return value if len(text) <= LONGEST else _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… [{len(text) - LONGEST} more characters are in the run directory]"


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
