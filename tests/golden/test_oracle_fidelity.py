"""What an oracle of hashed n-grams learns from people's labels, read on items that it was not trained on.

    python tests/golden/test_oracle_fidelity.py      prints the figures of docs/reference/judges.md

TruthfulQA: is the answer true (group: question). HaluEval: does the answer hallucinate (group: item). Do-Not-Answer: is the harmless
answer a refusal, action 0 (group: question). XSTest: full refusal, three models (group: prompt).
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from fiducial.judges import oracle
from fiducial.kernel.records import Target

DATA = Path(os.environ.get("FIDUCIAL_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA}; set FIDUCIAL_DATA")


def lines(name):
    with (DATA / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def table(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def truthful():
    for row in lines("truthfulqa/human_truth_labels.jsonl"):
        asked, answer = row["prompt"].rsplit("\nTrue:", 1)[0].split("\nA: ", 1)
        yield (asked[3:], answer), row["completion"].strip() == "yes", asked


def hallucinates():
    for row in lines("halueval/general_data_sample.jsonl"):
        yield (row["user_query"], row["chatgpt_response"]), row["hallucination"] == "yes", row["ID"]


def declines():
    for row in table("do_not_answer/labels.csv"):
        if row["response"]:
            yield (row["response"],), row["human_action"] == "0", row["id"]


def refuses():
    for name in ("gpt4", "llama2new", "mistralinstruct"):
        for row in table(f"xstest/completions_{name}.csv"):
            if row["completion"]:
                yield (row["completion"],), row["final_label"] == "2_full_refusal", row["id"]


SETS = {"truthfulqa": truthful, "halueval": hallucinates, "do_not_answer": declines, "xstest": refuses}


def fidelity(name):
    texts, labels, groups = zip(*SETS[name](), strict=True)
    reads = "answer" if len(texts[0]) == 1 else "exchange"
    of = Target(benchmark=f"{name}@1", quantity="fidelity", subject="oracle")
    known = np.array(labels, dtype=float)
    found = oracle.held_out(
        texts, known, np.array(groups), np.random.default_rng(0), of=of, settings=oracle.Settings(reads=reads, penalties=(1.0,))
    )
    return found, known.mean()


@pytest.mark.parametrize(("name", "at_least"), [("do_not_answer", 0.9), ("xstest", 0.9)])
def test_refusals_are_told_apart_on_questions_not_seen(name, at_least):
    found, _ = fidelity(name)
    assert found.separation.low > at_least
    assert found.separation.clusters > 400


def test_truth_is_told_apart_far_less_well_and_the_figure_says_so():
    found, _ = fidelity("truthfulqa")
    assert 0.6 < found.separation.low < found.separation.high < 0.8
    assert found.separation.clusters == 811


def abusive():
    """ConvAbuse: is what the user says abusive, by each of eight annotators (levels -1 to -3)?"""
    for row in table("convabuse/train.csv"):
        for number in range(1, 9):
            levels = {level: row[f"Annotator{number}_is_abuse.{level}"] for level in ("1", "0", "-1", "-2", "-3")}
            if any(levels.values()):
                yes = any(levels[level] not in ("", "0", "0.0") for level in ("-1", "-2", "-3"))
                yield (row["user"],), yes, row["example_id"], f"annotator {number}"


def by_rater(*, apart):
    texts, labels, groups, raters = zip(*abusive(), strict=True)
    of = Target(benchmark="convabuse@1", quantity="fidelity", subject="oracle")
    return oracle.held_out(
        texts, np.array(labels, dtype=float), np.array(groups), np.random.default_rng(0), of=of, settings=oracle.Settings(penalties=(1.0,)),
        raters=np.array(raters) if apart else None,
    )  # fmt: skip


def test_fidelity_for_people_who_labelled_nothing_of_the_training_set():
    items, both = by_rater(apart=False), by_rater(apart=True)
    assert items.separation.n == both.separation.n > 7000
    assert 0.7 < both.separation.low < both.separation.high < 0.9
    assert both.separation.value < items.separation.value + 0.01
    assert np.isfinite(both.probabilities).all()


if __name__ == "__main__":
    for label in SETS:
        held, base = fidelity(label)
        sys.stdout.write(
            f"| {label} | {held.separation.n} | {held.separation.clusters} | {base:.3f} | "
            + " | ".join(f"{e.value:.3f} ({e.low:.3f}-{e.high:.3f})" for e in held[:3])
            + " |\n"
        )
    for held in (by_rater(apart=False), by_rater(apart=True)):
        sys.stdout.write(
            f"convabuse {held.separation.n} " + " | ".join(f"{e.value:.3f} ({e.low:.3f}-{e.high:.3f})" for e in held[:3]) + "\n"
        )
