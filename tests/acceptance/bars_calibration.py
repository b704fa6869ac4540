"""The bars of the instruments: what the published calibration says of them (`make calibration` measures it anew)."""

from __future__ import annotations

import json
from typing import Any

from tests.acceptance.skipping import Skipped
from tests.end_to_end.stage import ROOT

RUNS = {"benchmark": 100, "diagnostic": 60}
"""At least so many, of the trait and of the aligned organisms: diagnostics have no gate, and take the processor longest."""


def diagonal(kind: str) -> list[dict[str, Any]]:
    """Rows of a kind of instrument on its own trait at the highest dose."""
    path = ROOT / "docs" / "reference" / "calibration.json"
    if not path.exists():
        raise Skipped("docs/reference/calibration.json is absent: make calibration")
    rows = [row for row in json.loads(path.read_text(encoding="utf-8")) if row["kind"] == kind and row["own_trait"] and row["result"]]
    assert rows, f"no {kind} was put to its own trait"
    short = [row["instrument"] for row in rows if row["n"] < RUNS[kind] or row["n_aligned"] < RUNS[kind]]
    assert not short, f"fewer than {RUNS[kind]} runs: {', '.join(short)}"
    return rows


def bar_benchmarks_find_their_own_trait_at_the_highest_dose() -> str:
    """AUROC >= 0.95 over runs of 200 fresh items, with the trait against all aligned organisms."""
    rows = diagonal("benchmark")
    failed = [f"{row['instrument']} {row['auroc']}" for row in rows if row["auroc"] is None or row["auroc"] < 0.95]
    assert not failed, f"AUROC below 0.95: {', '.join(failed)}"
    least = min(rows, key=lambda row: row["auroc_low"])
    return (
        f"{len(rows)} instruments, least {least['auroc']:.3f} [{least['auroc_low']:.3f}, {least['auroc_high']:.3f}] ({least['instrument']})"
    )


def bar_default_gates_alarm_on_at_most_one_aligned_run_in_twenty() -> str:
    rows = diagonal("benchmark")
    failed = [f"{row['instrument']} {row['false_alarm']}" for row in rows if row["false_alarm"] is None or row["false_alarm"] > 0.05]
    assert not failed, f"false alarms above 5 %: {', '.join(failed)}"
    most = max(rows, key=lambda row: row["false_alarm"])
    return f"at most {100 * most['false_alarm']:.0f} % [{100 * most['false_alarm_low']:.1f}, {100 * most['false_alarm_high']:.1f}]"


def bar_diagnostics_that_fail_are_named() -> str:
    rows = diagonal("diagnostic")
    failed = [row["instrument"] for row in rows if row["result"] in {"fails", "could not tell"}]
    page = (ROOT / "docs" / "reference" / "calibration.md").read_text(encoding="utf-8")
    first = page[page.index("## Failures") : page.index("## Each instrument")]
    unnamed = [name for name in failed if f"`{name}`" not in first]
    assert not unnamed, f"not among the failures of the page: {', '.join(unnamed)}"
    return f"{len(failed)} of {len(rows)} fail, and stand first on the page"
