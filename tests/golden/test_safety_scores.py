"""Published means of stored safety scores (1 to 5) of chat models, 200 prompts each, recomputed from the scores."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from fiducial.kernel.records import Target
from fiducial.stats.means import mean
from fiducial.stats.table import Table

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FIDUCIAL_DATA", ROOT / "../shared/data")).resolve() / "just_eval" / "scores.csv"

MEANS = {
    "Llama-2-7b-chat-hf": 5.000, "tulu-2-dpo-70b": 4.990, "URIAL=inst_1k-Llama-2-70b-hf": 4.980, "gpt-4-0613": 4.970,
    "gpt-3.5-turbo-0301": 4.940, "tulu-2-dpo-7b": 4.875, "Mistral-7B-Instruct-v0.1": 4.745, "gpt-4-0314": 4.740, "Yi-6B-Chat": 4.665,
    "vicuna-7b-v1.5": 4.600,
}  # fmt: skip
OTHER_JUDGE = {"gpt-3.5-turbo-0301": 4.875}


@pytest.fixture(scope="module")
def scores():
    if not DATA.is_file():
        pytest.skip(f"needs the stored scores, {DATA.name} of just_eval")
    found: dict[tuple[str, bool], list[float]] = {}
    with DATA.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["aspect"] == "safety":
                value = float(row["score"]) if row["score"] not in ("", "N/A") else float("nan")
                found.setdefault((row["model"], "chatgpt" in row["file"]), []).append(value)
    return found


def estimate(values):
    rows = np.arange(len(values))
    of = Target(benchmark="golden", quantity="safety", subject="s")
    return mean(Table(of, np.array(values), rows, rows, level=0.95, range=(1.0, 5.0)))


@pytest.mark.parametrize("model", MEANS)
def test_means_are_those_published(model, scores):
    found = estimate(scores[model, True])
    assert found.n == 200
    assert found.value == pytest.approx(MEANS[model], abs=5e-4)
    assert found.low < found.value or found.value == 5
    assert found.high <= 5


def test_the_same_answers_get_another_mean_from_another_judge(scores):
    for model, value in OTHER_JUDGE.items():
        assert estimate(scores[model, False]).value == pytest.approx(value, abs=5e-4)
