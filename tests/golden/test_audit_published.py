"""Audits of stored judges give the figures that their authors published (those of the shared list of figures)."""

from __future__ import annotations

import csv
import os
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from fiducial.api import annotators
from fiducial.audit import graded
from fiducial.audit.card import audit
from fiducial.audit.discretion import arbitrariness, discrepancy, shares
from fiducial.audit.formats.alignment_discretion import preference, principles
from fiducial.audit.recorded import load, of_judge
from fiducial.kernel.records import Estimate
from fiducial.store.cards import JudgeCard

DATA = Path(os.environ.get("FIDUCIAL_DATA") or Path(__file__).parents[2] / "../shared/data").resolve()

LLMBAR = {
    "accuracy, original order": "accuracy.stored",
    "accuracy, swapped order": "accuracy.swapped",
    "positional agreement": "position.agreement",
}


def figures(benchmark: str) -> list[dict[str, str]]:
    if not (DATA / "recompute_targets.csv").exists():
        pytest.skip(f"published data not found in {DATA}")
    with (DATA / "recompute_targets.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["benchmark"] == benchmark]


def equal(ours: float, row: dict[str, str]) -> bool:
    """To half a unit of the last digit printed; against the value recomputed elsewhere where none was published."""
    printed = row["published"] or row["recomputed"]
    places = max(0, -int(Decimal(printed).as_tuple().exponent))
    return abs(ours - float(printed)) <= max(0.5 * 10**-places, 1e-5)


def number(card: JudgeCard, name: str) -> Estimate:
    return next(finding.estimate for finding in card.findings if finding.name == name)


def missing_wrong(estimate: Estimate) -> float:
    """The estimate if every missing verdict had been wrong, which is how LLMBar counts."""
    return estimate.bounds[0] if estimate.bounds is not None else estimate.value


@lru_cache
def loaded(kind: str, file: str) -> tuple:
    return tuple(load(kind, DATA / file))


def test_llmbar_accuracy_in_both_orders_and_positional_agreement() -> None:
    rows = figures("llmbar")
    cards: dict[tuple[str, str], JudgeCard] = {}
    wrong = []
    for row in rows:
        words = next(words for words in LLMBAR if row["quantity"].startswith(words))
        domain, evaluator, method = row["quantity"].removeprefix(words).strip().split("/")
        key = (domain, f"{evaluator}/{method}")
        if key not in cards:
            (part,) = of_judge(loaded("llmbar", "llmbar/verdicts.csv"), key[1])
            cards[key] = audit([part.rows(part.domain == domain)], "labels")
        ours = 100 * missing_wrong(number(cards[key], LLMBAR[words]))
        if not equal(ours, row):
            wrong.append((row["quantity"], row["published"], ours))
    assert len(rows) == 543
    assert not wrong


def test_judgebench_accuracy_over_both_orders() -> None:
    rows = figures("judgebench")
    assert rows
    for row in rows:
        judge, responder = row["quantity"].removeprefix("accuracy ").removesuffix(" pairs").split(" on ")
        (part,) = of_judge(loaded("judgebench", "judgebench/verdicts.csv"), judge)
        card = audit([part.rows(part.subject == responder)], "labels")
        names = {finding.name for finding in card.findings}
        ours = 100 * number(card, "accuracy.net" if "accuracy.net" in names else "accuracy").value
        assert equal(ours, row), (row["quantity"], ours)


def test_xstest_agreement_of_the_people_and_their_refusal_rates() -> None:
    rows = figures("xstest")
    assert len(rows) == 12
    for row in rows:
        parts = [part for part in loaded("xstest", f"xstest/{row['file']}") if part.judge.startswith("gpt4@")]
        full, some = parts
        safe = full.domain == "over_refusal"
        card = audit([full], "labels")
        ours = {
            "annotator agreement %": 100 * number(card, "people.agreement").value,
            "Fleiss kappa": number(card, "people.kappa").value,
            "full refusal % on safe prompts": 100 * float(np.mean(full.truth[safe])),
            "partial refusal % on safe prompts": 100 * float(np.mean(some.truth[safe] - full.truth[safe])),
        }
        assert equal(ours[row["quantity"]], row), row["quantity"]


def test_past_tense_success_by_each_judge() -> None:
    rows = figures("past_tense")
    assert len(rows) == 30
    for row in rows:
        model, judge = row["quantity"].removeprefix("ASR % ").split(" judge ")
        card = audit(of_judge(loaded("past_tense", f"past_tense/{row['file']}"), judge), "labels")
        assert equal(100 * number(card, f"rate.judge.{model}").value, row), row["quantity"]


def test_do_not_answer_harmless_share_by_each_rater() -> None:
    rows = figures("do_not_answer")
    assert len(rows) == 12
    for row in rows:
        model, rater = row["quantity"].removeprefix("harmless % ").split(", ")
        judge = "longformer" if rater == "Longformer" else "gpt4"
        card = audit(of_judge(loaded("do_not_answer", "do_not_answer/labels.csv"), judge), "labels")
        rate = number(card, f"rate.{'people' if rater == 'human' else 'judge'}.{model}")
        # The published share is over all questions: one that the judge did not label is not harmful there.
        ours = 100 * (1 - missing_wrong(rate))
        assert equal(ours, row), (row["quantity"], ours)


def test_a_judge_that_answers_in_prose_shows_it() -> None:
    if not DATA.exists():
        pytest.skip(f"published data not found in {DATA}")
    parts = of_judge(loaded("xstest", "xstest/completions_mistralinstruct.csv"), "gpt4")
    card = audit(parts, "labels")
    unread = number(card, "full_refusal: unread.parse")
    assert round(unread.value * unread.n) == 11
    everywhere = next(e for e in card.errors if e.aspect == "full_refusal" and e.domain == "*")
    assert everywhere.unknown == 11
    assert everywhere.kappa is not None


def test_unieval_correlations_with_people_by_aspect() -> None:
    rows = figures("unieval")
    assert len(rows) == 21
    names = {"Pearson": "pearson", "Spearman": "spearman", "Kendall tau-b": "kendall"}
    for row in rows:
        measure, _, aspect = row["quantity"].rpartition(" ")
        (part,) = [part for part in of_judge(loaded("unieval", f"unieval/{row['file']}"), "unieval") if part.aspect == aspect]
        found = next(probe for probe in graded.probes(part) if probe.name == f"correlation.{names[measure]}").compute(0.95)
        assert equal(found.value, row), (row["quantity"], found.value)
        assert found.low < found.value < found.high


def test_frank_correlations_within_systems() -> None:
    rows = figures("frank")
    assert len(rows) == 6
    for row in rows:
        metric = row["quantity"].removeprefix("partial Pearson ").replace(" ", "-")
        (part,) = of_judge(loaded("frank", "frank/baseline_factuality_metrics_outputs.json"), metric)
        found = next(probe for probe in graded.probes(part) if probe.name == "correlation.within").compute(0.95)
        assert found.value == pytest.approx(float(row["recomputed"]), abs=2e-6), row["quantity"]


def test_dices_alpha_of_the_crowd_and_its_majority_against_the_expert() -> None:
    (row,) = figures("dices")
    (part,) = of_judge(loaded("dices", f"dices/{row['file']}"), "crowd")
    card = audit([part], "labels")
    assert equal(number(card, "people.alpha").value, row)
    (cell,) = card.errors
    assert (cell.positives, cell.negatives) == (175, 175)
    assert cell.found + (175 - cell.cleared) == 80  # the crowd calls 80 unsafe, the expert 175


def test_annotators_of_the_shared_sets() -> None:
    if not (DATA / "lewidi").exists():
        pytest.skip(f"published data not found in {DATA}")
    md = annotators.annotators(DATA / "lewidi/md_agreement_labels.csv", item=("split", "item"), rater="annotator")
    assert (md.ratings, md.items, len(md.raters)) == (53765, 10753, 819)
    assert md.alpha is not None
    assert md.alpha.low > 0.3
    crowd = annotators.annotators(DATA / "dices/dices_350_crowdsourced.jsonl", item=("id",), scores="individual_human_scores")
    assert crowd.alpha is not None
    assert crowd.alpha.value == pytest.approx(0.16086, abs=1e-5)


def test_the_command_gives_the_published_discretion() -> None:
    folder = DATA / "alignment_discretion"
    if not folder.exists():
        pytest.skip(f"published data not found in {DATA}")
    files = (folder / "llm_preferences.csv", folder / "principle_specific_preferences_hh_seed_4o.csv")
    found = annotators.discretion(*files, kind="alignment_discretion")
    assert {kind: round(100 * share.value, 1) for kind, share in found.shares.items()} == {
        "consensus": 50.7,
        "conflict": 16.3,
        "indifference": 33.0,
    }
    arbitrary = {one.annotator: one.arbitrary for one in found.annotators}
    assert arbitrary["people"] is not None
    assert round(100 * arbitrary["people"].value, 1) == 28.9
    assert len(arbitrary) == 4


def test_discretion_over_principles() -> None:
    folder = DATA / "alignment_discretion"
    if not folder.exists():
        pytest.skip(f"published data not found in {DATA}")
    votes = principles(folder / "principle_specific_preferences_hh_seed_4o.csv")
    found = shares(votes)
    assert votes.shape == (2312, 21)
    assert [round(100 * found[kind].value, 1) for kind in ("consensus", "conflict", "indifference")] == [50.7, 16.3, 33.0]
    people = np.ones(len(votes))
    human = arbitrariness(votes, people, "people")
    assert (round(100 * human.value, 1), human.n) == (28.9, 1172)
    # Of the models: pairs they decide alike in both orders; recomputed elsewhere from the same files.
    expected = {"4ob": (0.66, 33.9), "deepseekv3": (15.7, 53.3), "sonnet3.5": (9.4, 31.0)}
    for part in load("alignment_discretion", folder / "llm_preferences.csv"):
        name = part.judge.partition("@")[0].removeprefix("hh_test_generic_")
        mine = preference(part, len(votes))
        arbitrary, distant = expected[name]
        assert 100 * arbitrariness(votes, mine, name).value == pytest.approx(arbitrary, abs=0.06)
        gap = discrepancy(votes, mine, people, np.random.default_rng(0), annotator=name, draws=10)
        assert 100 * gap.value == pytest.approx(distant, abs=0.06)
