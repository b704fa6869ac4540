"""DICES-350: is an answer of a chatbot unsafe? 123 people of the crowd on each conversation, and an expert.

``dices_350_crowdsourced.jsonl`` with ``dices_350_expert.jsonl`` beside it. The judge is ``crowd``, the majority of the people; the truth
is the expert's, the raters are the crowd (*Unsure* is a third answer). Raters have no names in this copy: they are known by place only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fiducial.audit.recorded import column, judge_id, rows
from fiducial.audit.verdicts import Verdicts
from fiducial.kernel.errors import UsageError

ANSWERS = {"Yes": 1.0, "No": 0.0}
KINDS = {"No": 0.0, "Unsure": 1.0, "Yes": 2.0}
NEEDED = ("id", "response", "majority_human", "individual_human_scores")


def load(path: Path) -> list[Verdicts]:
    """The crowd's majority against the expert."""
    found = rows(path, NEEDED)
    expert = {str(row["id"]): row for row in rows(path.with_name("dices_350_expert.jsonl"), NEEDED)}
    said = [row["individual_human_scores"] for row in found]
    if not all(isinstance(one, list) and set(one) <= set(KINDS) for one in said):
        raise UsageError(f"{path}: individual_human_scores must be lists of {', '.join(KINDS)}")
    raters = np.full((len(found), max(len(one) for one in said)), np.nan)
    for place, one in enumerate(said):
        raters[place, : len(one)] = [KINDS[answer] for answer in one]
    columns = {
        "item": [str(row["id"]) for row in found], "domain": ["dices"] * len(found), "value": column(found, "majority_human", ANSWERS),
        "truth": column([expert.get(str(row["id"]), {"majority_human": ""}) for row in found], "majority_human", ANSWERS),
        "length": [float(len(str(row["response"]))) for row in found],
    }  # fmt: skip
    return [Verdicts.of(judge_id("crowd", path), "unsafe", columns, raters=raters)]
