"""A run on disk: what is written is read back as the very same records."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fiducial.kernel.digest import canonical, digest
from fiducial.kernel.errors import RunLocked, StoreError
from fiducial.kernel.records import (
    Decoding,
    Estimate,
    Judgement,
    Media,
    Message,
    Ref,
    Response,
    Target,
    ToolCall,
    Trial,
    Usage,
)
from fiducial.store.merkle import root_of
from fiducial.store.run import Run
from fiducial.store.secrets import Guard
from fiducial.store.spool import database

SUBJECT = "toy@1"
ODD = "nul \0, line\n\u2028 quote\" back\\slash, \U0001f600 't' éß中"


def plain(number: int, **changes: object) -> Trial:
    facts = {
        "benchmark": "sums@1", "item": f"i{number}", "cluster": f"c{number // 3}", "unit": f"sums@1/i{number}//0",
        "messages": (Message(role="user", text=f"What is {number} + 2?"),),
    }  # fmt: skip
    return Trial(**{**facts, **changes})


def odd_trials() -> list[Trial]:
    call = ToolCall(id="1", name="look", arguments='{"a": 1}')
    return [
        plain(0),
        plain(1, messages=(Message(role="system", text=ODD), Message(role="assistant", text="", reasoning="", tool_calls=(call,)))),
        plain(2, cell=(("Big letters", "x"), ("pressure", ODD), ("zero", ""))),
        plain(3, reference={"z": [1.0, 1, None, {"deep": ODD}], "a": 10**25}, part="told", replicate=7),
        plain(4, continuations=("", "b"), decoding=Decoding(), environment=Ref(name="tools")),
        plain(5, decoding=Decoding(temperature=0.1, stop=("\n",)), environment=Ref(name="user", args={"x": 1e-7})),
        plain(6, reference=False, messages=(Message(role="user", text="see", media=(Media(digest="d", type="image/png"),)),)),
        plain(7, reference=0, item="", cluster=ODD),
        plain(8, reference=""),
    ]


def make(path: Path, trials: list[Trial] | None = None, **changes: object) -> Run:
    facts = {
        "spec": b"[system]\nname = 'x'\n", "trials": odd_trials() if trials is None else trials,
        "subjects": [{"id": SUBJECT, "role": "candidate", "settings": {"temperature": 0.5}}],
        "judges": {"sums.match": "match@1-ab"}, "seed": 11, "cycle": 2, "options": {"limit": None},
    }  # fmt: skip
    return Run.create(path, **{**facts, **changes})


def test_trials_are_read_back_as_they_were(tmp_path: Path) -> None:
    trials = odd_trials()
    make(tmp_path / "a", trials)
    run = Run.open(tmp_path / "a")
    read = list(run.trials())
    assert [t.row for t in read] == [t.row for t in trials]
    assert [t.key for t in read] == [t.key for t in trials]
    assert run.plan.trials == root_of(canonical(t) for t in trials)
    assert run.plan.rows == len(trials)
    assert run.plan.id == run.plan.own_id()
    assert run.plan.options == {"limit": None}


def test_whole_numbers_where_a_real_one_is_meant_become_real_once(tmp_path: Path) -> None:
    run = make(tmp_path, [plain(0, decoding=Decoding(temperature=1))])
    (trial,) = run.trials()
    assert trial.decoding == Decoding(temperature=1.0)
    assert run.plan.trials == root_of([canonical(trial)])


def test_the_id_depends_on_spec_plan_and_subjects_alone(tmp_path: Path) -> None:
    first = make(tmp_path / "a").plan.id
    assert make(tmp_path / "b", seed=12, options={}).plan.id == first
    others = {
        make(tmp_path / "c", spec=b"other").plan.id,
        make(tmp_path / "d", odd_trials()[::-1]).plan.id,
        make(tmp_path / "e", subjects=[{"id": "other@1", "role": "candidate", "settings": {}}]).plan.id,
    }
    assert len(others | {first}) == 4


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a")
    with pytest.raises(StoreError, match="resume"):
        make(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.doc").write_text("mine")
    with pytest.raises(StoreError, match=r"thesis\.doc"):
        make(tmp_path / "b")
    assert (tmp_path / "b" / "thesis.doc").read_text() == "mine"
    with pytest.raises(StoreError, match="not a run"):
        Run.open(tmp_path / "b")


def test_what_an_interrupted_create_left_does_not_stand_in_the_way(tmp_path: Path) -> None:
    def breaks() -> object:
        yield plain(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, breaks())  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="not a run"):
        Run.open(tmp_path)
    for name in (".spec.toml.part", ".plan.json.part"):
        (tmp_path / name).write_text("ha")
    assert make(tmp_path).plan.rows == 9
    assert not list(tmp_path.glob(".*.part"))


def test_a_plan_with_no_trial_or_one_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="at least one"):
        make(tmp_path / "a", [])
    with pytest.raises(StoreError, match="once"):
        make(tmp_path / "b", [plain(1), plain(2), plain(1)])
    with pytest.raises(StoreError, match="upper and lower"):
        make(tmp_path / "c", [plain(1, cell=(("Language", "de"),)), plain(2, cell=(("language", "de"),))])


def odd_responses() -> list[Response]:
    said = Message(role="assistant", text=ODD, reasoning=ODD)
    return [
        Response(trial="t0", subject=SUBJECT, status="answered", transcript=(said, Message(role="user", text="sure?"), said), calls=2),
        Response(trial="t1", subject=SUBJECT, status="fault", fault=ODD),
        Response(trial="t2", subject=SUBJECT, status="filtered", usage=Usage(input=3, reasoning=0), cached=1, model="m"),
        Response(trial="t3", subject=SUBJECT, status="answered", continuation_logprobs=(-1.25, -3e-9), final_state={"a": [0, {}]}),
        Response(trial="t4", subject=SUBJECT, status="empty", final_state=False),
    ]


def test_responses_are_sealed_in_the_order_of_the_plan_whenever_they_came(tmp_path: Path) -> None:
    run, responses = make(tmp_path), odd_responses()
    roots = set()
    for order in ((0, 1, 2, 3, 4), (3, 1, 4, 0, 2)):
        spool = run.spool("responses")
        for n in order:
            spool.add((n // 2, n % 2), responses[n])
        seal = spool.seal()
        roots.add(seal.root)
        assert [canonical(r) for r in run.responses()] == [canonical(r) for r in responses]
        assert seal.rows == 5
    assert roots == {root_of(canonical(r) for r in responses)}
    assert [row["ordinal"] for row in run.sql("select ordinal from responses")] == [0, 0, 1, 1, 2]
    assert not (tmp_path / "tmp").exists()


def test_one_ordinal_twice_is_refused(tmp_path: Path) -> None:
    spool = make(tmp_path).spool("responses")
    for n in (1, 0, 1):
        spool.add((n, 0), odd_responses()[n])
    with pytest.raises(StoreError, match=r"\(1, 0\)"):
        spool.seal()


def test_an_empty_stage_can_be_sealed_and_read(tmp_path: Path) -> None:
    run = make(tmp_path)
    assert run.spool("responses").seal().rows == 0
    assert list(run.responses()) == []


def test_judgements_belong_to_a_revision_and_a_sealed_one_stays(tmp_path: Path) -> None:
    run = make(tmp_path)
    judgements = [
        Judgement(unit="u1", subject=SUBJECT, judge="j", aspect="a", value=1, label="yes", calls=("d1", "d2")),
        Judgement(unit="u2", subject=SUBJECT, judge="j", aspect="a", value=None, reason=ODD, part="told"),
        Judgement(unit="u3", subject=SUBJECT, judge="j", aspect="a", value=None, fault="timeout"),
    ]
    first = run.new_revision()
    spool = run.spool("judgements")
    for n, judgement in enumerate(judgements):
        spool.add((n, 0), judgement)
    spool.seal(first)
    assert list(run.judgements()) == judgements
    run.write_json(first, "estimates.json", [])
    manifest = run.seal_revision(first)
    assert manifest.files["revisions/1/judgements.parquet"].rows == 3
    with pytest.raises(StoreError, match="sealed"):
        run.write_json(1, "estimates.json", [1])
    second = run.new_revision()
    assert run.new_revision() == second
    run.spool("judgements").seal(revision=2)
    assert list(run.judgements()) == []
    assert list(run.judgements(1)) == judgements
    run.write_json(2, "estimates.json", [])
    assert run.seal_revision(2).previous == manifest.digest
    with pytest.raises(StoreError, match="revision"):
        run.revision(3)
    with pytest.raises(StoreError, match="revision"):
        run.spool("judgements").seal()


def test_a_revision_is_not_sealed_while_calls_are_written(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.new_revision()
    with run.journal(), pytest.raises(RunLocked):
        run.seal_revision(1)
    run.seal_revision(1)


def test_a_revision_that_another_process_is_filling_is_not_emptied(tmp_path: Path) -> None:
    run = make(tmp_path)
    folder = run.new_revision()
    (folder / "half").write_text("")
    program = "import sys; from pathlib import Path; from fiducial.store.run import Run; Run.open(Path(sys.argv[1])).new_revision()"
    with run.journal():
        other = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
        assert "RunLocked" in other.stderr
        assert str(os.getpid()) in other.stderr
        assert (folder / "half").exists()
        assert run.new_revision() == folder
    assert not (folder / "half").exists()


def test_a_revision_is_one_process_s_own_until_it_is_sealed(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.new_revision()
    program = (
        "import sys; from pathlib import Path; from fiducial.store.run import Run; print(Run.open(Path(sys.argv[1])).new_revision().name)"
    )

    def other() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)

    assert "RunLocked" in other().stderr
    assert str(os.getpid()) in other().stderr
    run.spool("responses").seal()
    run.spool("judgements").seal(1)
    run.seal_revision(1)
    assert other().stdout == "2\n"


TEXTS = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.builds(Message, role=st.sampled_from(["system", "user", "assistant", "tool"]), text=TEXTS, reasoning=st.none() | TEXTS)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    texts=st.lists(st.tuples(TEXTS, TEXTS, TEXTS, VALUES, st.lists(MESSAGES, min_size=1, max_size=3)), min_size=1, max_size=30),
    replies=st.lists(st.tuples(TEXTS, st.lists(MESSAGES, max_size=3), VALUES, st.none() | TEXTS), max_size=30),
)
def test_any_record_is_read_back_as_it_was(tmp_path: Path, texts: list, replies: list) -> None:
    path = tmp_path / str(len(list(tmp_path.iterdir())))
    trials = [
        plain(n, item=a, part=b, cell=(("factor", c),), reference=value, messages=tuple(messages))
        for n, (a, b, c, value, messages) in enumerate(texts)
    ]
    run = make(path, trials)
    assert [trial.row for trial in run.trials()] == [msgspec.convert(msgspec.to_builtins(trial), Trial).row for trial in trials]
    responses = [
        Response(trial=a, subject=SUBJECT, status="answered", transcript=tuple(messages), final_state=state, model=model)
        for a, messages, state, model in replies
    ]
    spool = run.spool("responses")
    for n, response in enumerate(responses):
        spool.add((n,), response)
    assert spool.seal().root == root_of(canonical(response) for response in responses)
    assert [canonical(response) for response in run.responses()] == [canonical(response) for response in responses]


def test_floats_of_documents_have_twelve_digits(tmp_path: Path) -> None:
    run = make(tmp_path)
    folder = run.new_revision()
    of = Target(benchmark="sums", quantity="right", subject=SUBJECT)
    third = Estimate(of=of, value=1 / 3, low=0.1 + 0.2, high=2 / 3, level=2 * 0.95 - 1, method="wilson", n=3, clusters=2)
    run.write_json(folder, "estimates.json", [third])
    (read,) = run.estimates()
    assert (read.value, read.low, read.level) == (0.333333333333, 0.3, 0.9)
    text = (folder / "estimates.json").read_text()
    assert text.endswith("]\n")
    assert ": 0.333333333333\n" in text


def test_no_secret_of_the_environment_reaches_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = 'sk-live-"quoted"-0123456789'
    monkeypatch.setenv("ACME_API_KEY", secret)
    with pytest.raises(StoreError, match="ACME_API_KEY") as raised:
        make(tmp_path / "a", subjects=[{"id": SUBJECT, "role": "candidate", "settings": {"headers": {"x": secret}}}])
    assert secret not in str(raised.value)
    run = make(tmp_path / "b")
    spool = run.spool("responses")
    spool.add((0,), Response(trial="t", subject=SUBJECT, status="fault", fault=f"401: {secret} is wrong"))
    spool.seal()
    run.write_json(run.new_revision(), "estimates.json", [{"reason": secret}])
    assert next(run.responses()).fault == "401: [secret ACME_API_KEY] is wrong"
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"0123456789" not in path.read_bytes()


def test_a_variable_is_secret_by_its_name_and_length() -> None:
    environment = {"A_TOKEN": "t" * 12, "KEYBOARD": "k" * 20, "OPENAI_API_KEY": "EMPTY", "GATE": "g" * 30, "db_password": "p" * 13}
    assert {name for name, _ in Guard.of(environment, names=["GATE"]).known} == {"A_TOKEN", "GATE", "db_password"}


def test_a_broken_stage_names_its_file(tmp_path: Path) -> None:
    run = make(tmp_path)
    (tmp_path / "trials.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(StoreError, match=r"trials\.parquet"):
        list(run.trials())
    (tmp_path / "trials.parquet").unlink()
    with pytest.raises(StoreError, match=r"trials\.parquet"):
        list(run.trials())
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(StoreError, match=r"plan\.json"):
        Run.open(tmp_path)


def test_what_does_not_fit_into_memory_is_spilled_inside_the_run(tmp_path: Path) -> None:
    run = make(tmp_path)
    big = "SELECT i, md5(i::VARCHAR) AS text FROM range(400000) AS t(i) ORDER BY text"
    with database(tmp_path / "tmp" / "any", 24 << 20) as first, database(tmp_path / "tmp" / "any", 24 << 20) as second:
        rows = first.execute(f"SELECT count(*), min(text) FROM ({big})").fetchall()
        found = second.execute(big)
        assert found.fetchone()[1] == rows[0][1]
        assert any(path.name.startswith(".any-") for path in tmp_path.iterdir())
        first.close()
        assert len(found.fetchall()) == 399_999
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan.json", "spec.toml", "trials.parquet"]
    assert run.plan.rows == 9


def test_digests_of_rows_are_columns(tmp_path: Path) -> None:
    run = make(tmp_path)
    rows = run.sql("select key, ask, row, factor_pressure from trials order by ordinal")
    assert [row["row"] for row in rows] == [digest(t) for t in odd_trials()]
    assert [row["ask"] for row in rows] == [t.ask for t in odd_trials()]
    assert rows[2]["factor_pressure"] == ODD
    with pytest.raises(StoreError, match="nowhere"):
        run.sql("select * from nowhere")
