"""Why calls failed and judges did not run: faults counted by their text, and the sentences that say so first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import duckdb

from fiducial.report.notes import Cause
from fiducial.report.text import one_line

KEPT = 5
"""Texts kept for each subject, benchmark and judge; `Cause.faults` counts the others too."""

SAID = 3
"""Texts in one sentence."""

# Faults that differ in attempts, ports and request numbers alone are one cause; the code after HTTP tells causes apart.
_FAULTS = """
    WITH told AS ({told}),
         stripped AS (SELECT subject, benchmark, judge, one,
                             left(regexp_replace(regexp_replace(fault, '^circuit open: .*, the last: ', ''), '{tail}', ''), 300) AS text
                      FROM told),
         alike AS (SELECT subject, benchmark, judge, min(text) AS text, count(DISTINCT one) AS n
                   FROM stripped
                   GROUP BY subject, benchmark, judge,
                            regexp_replace(text, '(HTTP [0-9]+)|[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*', '\\1#', 'g')),
         ranked AS (SELECT *, sum(n) OVER (PARTITION BY subject, benchmark, judge) AS faults,
                           row_number() OVER (PARTITION BY subject, benchmark, judge ORDER BY n DESC, text) AS place FROM alike)
    SELECT r.subject, r.benchmark, r.judge, r.text, r.n, r.faults, a.asked
    FROM ranked r JOIN ({asked}) a USING (subject, benchmark, judge)
    WHERE place <= $kept ORDER BY r.judge <> '', r.faults DESC, r.subject, r.benchmark, r.judge, place"""

_TAIL = r"( \(after [0-9]+ attempts\))?(; asked again in [0-9.]+ s)?$"

_CALLS = (
    """SELECT r.subject, t.benchmark, '' AS judge, r.ordinal AS one, r.fault FROM responses r JOIN trials t ON t.ordinal = r.ordinal
       WHERE r.fault IS NOT NULL""",
    "SELECT r.subject, t.benchmark, '' AS judge, count(*) AS asked FROM responses r JOIN trials t ON t.ordinal = r.ordinal GROUP BY ALL",
)

_LABELS = "(SELECT DISTINCT benchmark FROM trials) b ON starts_with(j.unit, split_part(b.benchmark, '@', 1) || '/')"

_JUDGES = (
    f"SELECT j.subject, b.benchmark, j.judge, j.ordinal AS one, j.fault FROM judgements j JOIN {_LABELS} WHERE j.fault IS NOT NULL",  # noqa: S608 - a constant of ours
    f"SELECT j.subject, b.benchmark, j.judge, count(DISTINCT j.ordinal) AS asked FROM judgements j JOIN {_LABELS} GROUP BY ALL",  # noqa: S608 - a constant of ours
)


def causes_of(sql: duckdb.DuckDBPyConnection) -> tuple[Cause, ...]:
    """The causes of faults among the views trials, responses and judgements: calls before judges, the most frequent first."""
    found: list[Cause] = []
    for stage, (told, asked) in (("responses", _CALLS), ("judgements", _JUDGES)):
        if not sql.execute(f"SELECT count(*) FROM {stage} WHERE fault IS NOT NULL").fetchall()[0][0]:  # noqa: S608 - a constant of ours
            continue
        rows = sql.execute(_FAULTS.format(told=told, asked=asked, tail=_TAIL), {"kept": KEPT}).fetchall()
        for subject, benchmark, judge, text, n, faults, total in rows:
            found.append(Cause(subject=subject, benchmark=benchmark, judge=judge, text=text, count=n, faults=int(faults), asked=total))
    return tuple(found)


def sentences(
    causes: Iterable[Cause], name: Callable[[str, int], str] = one_line, text: Callable[[str, int], str] = one_line
) -> list[str]:  # fmt: skip
    """One sentence for each subject whose calls failed and each judge that did not run; benchmarks are put together.

    `name` and `text` write names and the text of faults, given how many characters they may have at most.

    >>> sentences([Cause(subject="s", benchmark="b@1", text="HTTP 401", count=40, faults=40, asked=40)])
    ['40 of 40 trials of s failed: 40 × HTTP 401']
    """
    groups: dict[tuple[str, str], list[Cause]] = {}
    for cause in causes:
        groups.setdefault((cause.judge, "" if cause.judge else cause.subject), []).append(cause)
    found: list[str] = []
    for (judge, subject), group in groups.items():
        faults, asked, told = _told(group, text)
        if judge:
            found.append(f"the judge {name(judge, 60)} failed on {faults} of {asked} units: {told}")
        else:
            found.append(f"{faults} of {asked} trials of {name(subject, 80)} failed: {told}")
    return found


def _told(group: list[Cause], text: Callable[[str, int], str]) -> tuple[int, int, str]:
    """Faults, what they are counted among, and the texts of the most frequent."""
    totals = {(c.subject, c.benchmark): (c.faults, c.asked) for c in group}
    faults, asked = (sum(pair[k] for pair in totals.values()) for k in (0, 1))
    texts: dict[str, int] = {}
    for cause in group:
        texts[cause.text] = texts.get(cause.text, 0) + cause.count
    shown = sorted(texts.items(), key=lambda pair: (-pair[1], pair[0]))[:SAID]
    rest = faults - sum(count for _, count in shown)
    parts = [*(f"{count} × {text(one, 200)}" for one, count in shown), *([f"{rest} × other causes"] if rest else [])]
    return faults, asked, "; ".join(parts)
