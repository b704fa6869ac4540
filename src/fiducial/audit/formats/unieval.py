"""UniEval: scores of one evaluator beside people's, by aspect, for summaries, dialogue and data-to-text.

``qags_cnndm.jsonl``, ``topical_chat.jsonl`` or ``sfres.jsonl``; the judge is ``unieval``. People's scales (0 or 1 to 1, 3, 5 or 6) and the
evaluator's (sums over sentences for engagingness) are brought into [0, 1] by fixed ranges, which changes no correlation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fiducial.audit.recorded import Row, judge_id, rows
from fiducial.audit.verdicts import Verdicts
from fiducial.kernel.errors import UsageError, shorten

SCALES = {
    "qags_cnndm": {"consistency": (0.0, 1.0)},
    "topical_chat": {
        "naturalness": (1.0, 3.0), "coherence": (1.0, 3.0), "engagingness": (1.0, 3.0), "groundedness": (0.0, 1.0),
        "understandability": (0.0, 1.0), "overall": (1.0, 5.0),
    },
    "sfres": {"naturalness": (1.0, 6.0), "informativeness": (1.0, 6.0), "overall": (1.0, 6.0)},
}  # fmt: skip
"""People's scale by file and aspect."""

SUMMED = 10.0
"""What an evaluator's sum over sentences is divided by."""


def load(path: Path) -> list[Verdicts]:
    """The evaluator, one table an aspect."""
    found = rows(path, ("scores", "predict_scores", "system_output"))
    scales = SCALES.get(path.stem)
    if scales is None:
        raise UsageError(f"{path}: a file of UniEval named {', '.join(SCALES)}, got {path.stem!r}")
    context = [str(row.get("source") or row.get("doc_id") or number) for number, row in enumerate(found)]
    columns = {
        "item": [str(number) for number in range(len(found))], "cluster": context,
        "subject": [str(row.get("system_id", "")) for row in found],
        "domain": [path.stem] * len(found),
        "length": [float(len(str(row["system_output"]))) for row in found],
    }  # fmt: skip
    result = []
    for aspect, (low, high) in scales.items():
        truth = (_scores(path, found, "scores", aspect) - low) / (high - low)
        value = _scores(path, found, "predict_scores", aspect)
        value = value / SUMMED if aspect in {"engagingness", "overall"} else value
        result.append(Verdicts.of(judge_id("unieval", path), aspect, {**columns, "value": value, "truth": truth}))
    return result


def _scores(path: Path, found: list[Row], name: str, aspect: str) -> np.ndarray:
    try:
        return np.array([float(row[name][aspect]) for row in found])
    except (KeyError, TypeError, ValueError):
        raise UsageError(f"{path}: each row needs a number {name}.{aspect}, got {shorten(found[0][name])}") from None
