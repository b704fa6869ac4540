"""From a run on disk to its view: what is counted, what is sampled, what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fiducial.engine.compare import Crossings, Flip
from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Claim, Decision, Estimate, Judgement, Message, Response, Target, Trial, Usage
from fiducial.kernel.roles import Benchmark, Quantity, Reader
from fiducial.report import html, json, junit, markdown, terminal, text
from fiducial.report.build import build, changed, overall
from fiducial.report.causes import sentences
from fiducial.report.gather import LONGEST
from fiducial.store.run import Run

SUBJECTS = ("new", "old")
JUDGE = Reader("reading", "1", lambda case: (), exact=True)
SPEC = b"""
[system]
name = "clerk"
version = "4"

[[principles]]
id = "exact"
text = "It adds numbers rightly."

[[claims]]
id = "adds"
clause = "exact"
quantity = "sums.wrong"
at_most = 0.1

[benchmarks.sums]
items = 30
"""


def nothing(*_):
    return ()


BENCHMARK = Benchmark(
    name="sums", version="1", construct="sums", sources=(), items=nothing, trials=nothing, judges={"reading": JUDGE},
    quantities={"wrong": Quantity(judge="reading", aspect="wrong", about="Wrong sums; higher is worse")}, negative=nothing, positive=nothing,
)  # fmt: skip


def planned(count):
    return [
        Trial(
            benchmark="sums@1", item=f"i{n}", cluster=f"c{n // 2}", unit=f"sums/i{n}[language={lang}]#0", cell=(("language", lang),),
            messages=(Message(role="user", text=f"{n} + 2?"),),
        )
        for n in range(count)
        for lang in ("de", "en")
    ]  # fmt: skip


def value(subject, n):
    """Of `new`: every fifth item wrong, every seventh unknown; `old` is right."""
    if subject == "old":
        return 0.0
    return None if n % 7 == 3 else float(n % 5 == 0)


def make(path, count=30, *, said=lambda n: f"it is {n + 2}", released=(), filtered=(), faults=None, unread=None):
    subjects = [
        {"id": "new", "role": "candidate", "settings": {"prices": {"input": 1.0, "output": 2.0}}},
        {"id": "old", "role": "baseline", "settings": {"prices": {"input": 0.5, "output": 0.5}}},
    ]
    trials = planned(count)
    run = Run.create(path, spec=SPEC, trials=trials, subjects=subjects, judges={"sums.reading": JUDGE.id}, seed=5, cycle=3)
    responses, judgements = run.spool("responses"), run.spool("judgements")
    for place, trial in enumerate(trials):
        n = place // 2
        for k, subject in enumerate(SUBJECTS):
            if n in released:
                continue
            usage = Usage(input=1000, output=100)
            answer = (Message(role="assistant", text=said(n)),)
            if n in filtered:
                responses.add((place, k), Response(trial=trial.key, subject=subject, status="filtered", calls=1))
                continue
            if subject == "new" and n in (faults or {}):
                responses.add((place, k), Response(trial=trial.key, subject=subject, status="fault", fault=faults[n], calls=1))
                continue
            responses.add(
                (place, k), Response(trial=trial.key, subject=subject, status="answered", transcript=answer, usage=usage, calls=1, cached=k)
            )
            if subject == "new" and n in (unread or {}):
                fault = Judgement(unit=trial.unit, subject=subject, judge=JUDGE.id, aspect="*", value=None, fault=unread[n])
                judgements.add((place, k), fault)
                continue
            judgements.add(
                (place, k),
                Judgement(unit=trial.unit, subject=subject, judge=JUDGE.id, aspect="wrong", value=value(subject, n), reason="read"),
            )
    responses.seal()
    folder = run.new_revision()
    judgements.seal(folder)
    of = Target(benchmark="sums", quantity="wrong", subject="new", judge=JUDGE.id)
    estimate = Estimate(of=of, value=0.2, low=0.12, high=0.3, level=0.9, method="wilson", n=52, clusters=15, missing=8)
    claim = Claim(id="adds", clause="exact", quantity="sums.wrong", side="at_most", bound=0.1)
    decision = Decision(claim=claim, system="clerk@4", subject="new", outcome="violated", reason="beyond", cycle=3, estimate=estimate)
    run.write_json(folder, "estimates.json", [estimate])
    run.write_json(folder, "decisions.json", [decision])
    return run


def test_a_view_says_what_was_counted(tmp_path):
    view = build(make(tmp_path / "run"), {"sums": BENCHMARK})
    assert (view.system, view.version, view.outcome, view.exit_code) == ("clerk", "4", "violated", 1)
    assert [(c.id, c.text) for c in view.clauses] == [("exact", "It adds numbers rightly.")]
    assert [(s.subject, s.counts, s.planned) for s in view.statuses] == [("new", {"answered": 60}, 60), ("old", {"answered": 60}, 60)]
    assert (view.spending.calls, view.spending.cached) == (120, 60)
    assert (view.spending.input_tokens, view.spending.output_tokens) == (120_000, 12_000)
    assert view.spending.cost == pytest.approx(60 * (1000 * 1.0 + 100 * 2.0) / 1e6 + 60 * 1100 * 0.5 / 1e6)
    assert [(j.id, j.audit) for j in view.judges] == [(JUDGE.id, "exact")]
    assert view.quantity("sums.wrong").about == "Wrong sums; higher is worse"
    assert set(view.provenance.roots) == {"responses", "judgements"}


def test_causes_of_faults_are_counted_by_what_is_alike_in_their_text(tmp_path):
    faults = {n: f"HTTP 401: request req_{n}a{n * n}: no key (after {n + 1} attempts)" for n in range(4)}
    faults |= {
        4: "circuit open: 209 calls in a row failed, the last: HTTP 401: request req_9: no key (after 2 attempts); asked again in 0.5 s"
    }
    faults |= {n: f"HTTP 404: request req_{n}: no model" for n in (5, 6)}
    faults |= {7: "odd", 8: "odder"}
    unread = {n: f"ValueError: got {n}" for n in (20, 21)} | {22: "KeyError: 'x'"}
    causes = build(make(tmp_path / "run", faults=faults, unread=unread), {"sums": BENCHMARK}).causes
    assert [(c.judge, c.count, c.faults, c.asked) for c in causes] == [
        ("", 10, 18, 60), ("", 4, 18, 60), ("", 2, 18, 60), ("", 2, 18, 60), (JUDGE.id, 4, 6, 42), (JUDGE.id, 2, 6, 42),
    ]  # fmt: skip
    assert causes[0].text == "HTTP 401: request req_0a0: no key"
    assert {c.subject for c in causes} == {"new"}
    said = sentences(causes)
    assert said[0].startswith("18 of 60 trials of new failed: 10 × HTTP 401")
    assert said[0].endswith("; 2 × other causes")
    assert said[1].endswith("failed on 6 of 42 units: 4 × ValueError: got 20; 2 × KeyError: 'x'")


def test_a_run_without_faults_has_no_causes(tmp_path):
    assert build(make(tmp_path / "run", count=3), {"sums": BENCHMARK}).causes == ()


def test_all_units_are_shown_where_there_is_room(tmp_path):
    sample = build(make(tmp_path / "run"), {"sums": BENCHMARK}).sample
    adverse = sum(value("new", n) == 1.0 for n in range(30)) * 2
    unknown = sum(value("new", n) is None for n in range(30)) * 2
    assert (sample.total, sample.adverse, sample.unknown, len(sample.units)) == (120, adverse, unknown, 120)
    assert [u.concern for u in sample.units] == ["adverse"] * adverse + ["unknown"] * unknown + ["other"] * (120 - adverse - unknown)
    for unit in sample.units:
        n = int(unit.item[1:])
        assert unit.judgements[0].value == value(unit.subject, n)
        assert unit.exchanges[0].transcript[0].text == f"it is {n + 2}"


def test_a_baseline_counts_against_no_claim_and_what_broke_is_shown_first(tmp_path):
    run = make(tmp_path / "run", count=30)
    names = [f"sums/i{n}[language=de]#0" for n in (25, 15)]
    flips = [Flip(quantity="sums.wrong", unit=name, kind="broken", before=0.0, after=1.0) for name in names]
    changes = changed({"new": [Crossings(tuple(flips), 52)]}, against="old")
    view = build(run, {"sums": BENCHMARK}, changes=changes, shown=6)
    assert [u.unit for u in view.sample.units[:2]] == names
    assert all(u.subject == "new" for u in view.sample.units if u.concern == "adverse")
    assert [(f.unit, f.new) for f in view.failing[:3]] == [(names[0], True), (names[1], True), (view.sample.units[2].unit, False)]
    assert view.failing[0].name == "i25 [language=de]"
    assert (view.failing[0].question, view.failing[0].answer, view.failing[0].reason) == ("25 + 2?", "it is 27", "read")


def test_each_candidate_is_told_apart_in_what_changed(tmp_path):
    flips = tuple(Flip(quantity="sums.wrong", unit=f"sums/i{n}#0", kind="broken", before=0.0, after=1.0) for n in range(3))
    changes = changed({"mild": [Crossings((), 40)], "bad": [Crossings(flips, 30)]}, against="old")
    assert (changes.compared, changes.broken, {c.subject for c in changes.items}) == (70, 3, {"bad"})
    told = text.changed(changes)
    assert told.index("mild: 0 newly broken, 0 newly fixed, of 40 compared") < told.index(
        "bad: 3 newly broken, 0 newly fixed, of 30 compared"
    )
    assert text.grouped(changes, "broken", 9)[0][0] == "sums.wrong of bad"
    assert not changed({"bad": [Crossings(flips, 30)]}, against="old").each


def test_an_ending_that_counts_against_a_claim_is_its_own_reason(tmp_path):
    view = build(make(tmp_path / "run", count=3, filtered=(1,)), {"sums": replace(BENCHMARK, statuses={"filtered": "adverse"})})
    assert [(f.name, f.label, f.answer) for f in view.failing if "i1" in f.name] == [
        (f"i1 [language={lang}]", "filtered", "(filtered)") for lang in ("de", "en")
    ] or {(f.label, f.answer) for f in view.failing if "i1" in f.name} == {("filtered", "(filtered)")}


def test_a_small_sample_has_some_of_each_and_is_the_same_each_time(tmp_path):
    run = make(tmp_path / "run")
    first, again = (build(run, {"sums": BENCHMARK}, shown=12).sample for _ in range(2))
    assert first == again
    assert [u.concern for u in first.units] == ["adverse"] * 6 + ["unknown"] * 3 + ["other"] * 3
    assert {u.subject for u in first.units[-3:]} == set(SUBJECTS)
    assert first.rule


def test_a_benchmark_that_is_not_known_leaves_the_claims_side_to_say_what_is_adverse(tmp_path):
    sample = build(make(tmp_path / "run"), {}).sample
    assert sample.adverse == sum(value("new", n) == 1.0 for n in range(30)) * 2


def test_long_answers_are_cut_and_the_whole_stays_in_bounds(tmp_path):
    run = make(tmp_path / "run", count=11, said=lambda n: "x" * (3_000_000 if n == 5 else 3))
    view = build(run, {"sums": BENCHMARK})
    texts = [u.exchanges[0].transcript[0].text for u in view.sample.units]
    assert max(map(len, texts)) < LONGEST + 100
    assert len(html.render(view)) < 3_000_000


def test_every_renderer_takes_a_built_view(tmp_path):
    view = build(make(tmp_path / "run", count=9), {"sums": BENCHMARK}, notes=("a note",))
    for renderer in (html, json, junit, markdown, terminal):
        assert "adds" in renderer.render(view)


def test_planned_units_that_nobody_asked_are_not_in_the_sample(tmp_path):
    view = build(make(tmp_path / "run", count=8, released=(6, 7)), {"sums": BENCHMARK})
    assert view.sample.total == 24
    assert [(s.planned, s.counts["answered"]) for s in view.statuses] == [(16, 12), (16, 12)]


@pytest.mark.parametrize(("policy", "adverse", "unknown"), [("missing", 0, 8), ("adverse", 4, 0)])
def test_units_that_were_not_read_are_what_their_benchmark_makes_of_them(tmp_path, policy, adverse, unknown):
    run = make(tmp_path / "run", count=8, filtered=(1, 2))
    before = sum(value("new", n) == 1.0 for n in (0, 5)) * 2
    sample = build(run, {"sums": replace(BENCHMARK, statuses={"filtered": policy})}).sample
    assert (sample.adverse - before, sample.unknown - 2) == (adverse, unknown)


def test_changes_come_with_the_judges_reasons(tmp_path):
    run = make(tmp_path / "run")
    flips = [
        Flip(quantity="sums.wrong", unit=f"sums/i{n}[language=de]#0", kind=kind, before=b, after=1 - b)
        for n, kind, b in ((5, "broken", 0.0), (1, "fixed", 1.0))
    ]
    view = build(run, {"sums": BENCHMARK}, changes=changed({"new": [Crossings(tuple(flips), 52)]}, against="old", listed=1))
    assert (view.changes.broken, view.changes.fixed, len(view.changes.items)) == (1, 1, 1)
    assert view.changes.items[0].reason == "read"


def test_a_missing_stage_is_named(tmp_path):
    run = make(tmp_path / "run", count=3)
    (run.path / "responses.parquet").unlink()
    with pytest.raises(StoreError, match=r"responses\.parquet"):
        build(run, {"sums": BENCHMARK})


def test_overall_is_the_worst_and_review_never_violates(views):
    decisions = views.run_like().decisions
    assert overall(decisions) == "violated"
    assert overall([d for d in decisions if d.outcome == "holds"]) == "holds"
    assert overall([]) == "undecided"
    violated = decisions[1]
    claim = Claim(id="r", clause="c", quantity="a.b", side="at_most", bound=0.1, severity="review")
    review = Decision(claim=claim, system="s", subject="x", outcome="violated", reason="r", cycle=0, estimate=violated.estimate)
    assert overall([review]) == "undecided"
