"""FRANK: automatic metrics of factuality beside the share of people's sentence labels without an error, for nine summarisers.

``baseline_factuality_metrics_outputs.json`` with ``human_annotations.json`` beside it. A judge is one metric, its blanks as hyphens
(``Dep-Entail``); a subject is one summariser on one data set, as the authors' partial correlation has it. Metrics on other scales than
[0, 1] are brought there by fixed ranges, which changes no correlation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fiducial.audit.recorded import column, judge_id, rows
from fiducial.audit.verdicts import Verdicts
from fiducial.kernel.errors import UsageError

SCALE = {"Bleu": 100.0}
"""The top of metrics that go beyond 1."""

CASE = ("hash", "model_name", "dataset")


def load(path: Path) -> list[Verdicts]:
    """One judge for each metric."""
    found = rows(path, CASE)
    people = rows(path.with_name("human_annotations.json"), (*CASE, "Factuality"))
    factual = {tuple(str(row[name]) for name in CASE): row["Factuality"] for row in people}
    names = [name for name, value in found[0].items() if isinstance(value, float) and name not in CASE]
    if not names:
        raise UsageError(f"{path}: each row needs the score of a metric, got {sorted(found[0])}")
    truth = np.array([_number(factual.get(tuple(str(row[name]) for name in CASE))) for row in found])
    columns = {
        "item": [f"{row['hash']}/{row['model_name']}" for row in found], "cluster": [str(row["hash"]) for row in found],
        "subject": [f"{row['model_name']}/{row['dataset']}" for row in found], "domain": [str(row["dataset"]) for row in found],
        "truth": truth,
    }  # fmt: skip
    result = []
    for name in names:
        value = np.clip(column(found, name) / SCALE.get(name, 1.0), 0.0, 1.0)
        state = ["" if not np.isnan(one) else "unclear" for one in value]
        result.append(Verdicts.of(judge_id(name.replace(" ", "-"), path), "factual", {**columns, "value": value, "state": state}))
    return result


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
