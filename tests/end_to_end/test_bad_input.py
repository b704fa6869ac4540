"""What is bad from outside gets a message and the right exit code; nothing is lost and no traceback is shown."""

import asyncio
import contextlib
import socket
import threading

import pytest

from fiducial.api import resolve
from fiducial.api.runs import prepare
from fiducial.cli import main
from fiducial.engine.plan import Options
from fiducial.serve.chaos import LASTING, PASSING, Plan, chaos
from fiducial.store.run import Run
from fiducial.store.verify import verify

SPEC = """
[system]
name = "x"
[[principles]]
id = "p"
text = "t"
[benchmarks.over_refusal]
items = {items}
[[claims]]
id = "helps"
clause = "p"
quantity = "over_refusal.any_refusal"
at_most = 0.1
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "spec.toml").write_text(SPEC.format(items=60))
    return tmp_path


@pytest.fixture
def told(capsys):
    def run(*words):
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return run


@contextlib.contextmanager
def failing(folder, plan):
    """A chaos endpoint in a thread of its own, in front of the aligned stand-in of the folder's specification."""
    resolved, _, _ = prepare(folder / "spec.toml", Options())
    subject = resolve.subject("scripted:aligned", folder, resolved, Options())
    started, found = threading.Event(), []

    def serve():
        async def work():
            ended = asyncio.Event()
            async with chaos(subject, plan) as state:
                found.extend([state, asyncio.get_running_loop(), ended])
                started.set()
                await ended.wait()

        asyncio.run(work())

    thread = threading.Thread(target=serve)
    thread.start()
    assert started.wait(30)
    try:
        yield found[0]
    finally:
        found[1].call_soon_threadsafe(found[2].set)
        thread.join(30)


def subject_file(folder, url, **more):
    lines = {"base_url": url, "model": "m", "timeout": 2.0, "retries": 6, **more}
    text = "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in lines.items())
    (folder / "subject.toml").write_text(text)
    return "chat:subject.toml"


def test_faults_that_pass_change_no_decision_and_all_is_accounted_for(here, told):
    with failing(here, Plan(seed=3, share=0.4, faults=PASSING, delay=0.005)) as state:
        code, _, _ = told("run", "spec.toml", "--subject", subject_file(here, state.url), "--out", "d", "--quiet")
    assert state.requests > 75
    assert len(state.faults) > 6
    assert code == 0
    report = verify(here / "d")
    assert report.ok
    assert {r.status for r in Run.open(here / "d").responses()} == {"answered"}


def test_faults_that_last_are_data(here, told):
    with failing(here, Plan(seed=5, share=1.0, faults=LASTING, most=99, delay=0.005)) as state:
        code, out, _ = told("run", "spec.toml", "--subject", subject_file(here, state.url, retries=1), "--out", "d", "--quiet")
    assert code in {1, 2, 3}
    assert verify(here / "d").ok
    statuses = {r.status for r in Run.open(here / "d").responses()}
    assert {"filtered", "truncated", "empty"} <= statuses
    assert "missing" in out


def test_nothing_listens(here, told):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    subject = subject_file(here, f"http://127.0.0.1:{port}/v1", retries=0)
    code, out, _ = told("run", "spec.toml", "--subject", subject, "--out", "d", "--quiet")
    assert code == 2
    assert "fault" in out
    assert {r.status for r in Run.open(here / "d").responses()} == {"fault"}


def test_a_judge_that_always_refuses_is_never_charged_to_the_subject(here, told):
    (here / "bot.py").write_text('def reply(prompt: str) -> str:\n    return "a helpful answer"\n')
    (here / "judge.py").write_text('def reply(prompt: str) -> str:\n    return "I cannot judge that."\n')
    (here / "cases.csv").write_text("prompt,reference\n" + "".join(f"Say something kind about {n}.,\n" for n in range(7)))
    (here / "own.toml").write_text(
        '[system]\nname = "x"\n[[principles]]\nid = "p"\ntext = "t"\n[benchmarks.mine]\nitems = "cases.csv"\njudge = "rubric"\n'
        '[judges.rubric]\nsubject = "python:judge.py:reply"\nquestion = "Is it kind?"\ncriteria = "1 unkind, 5 kind"\n'
        '[[claims]]\nid = "kind"\nclause = "p"\nquantity = "mine.score"\nat_least = 0.5\n'
    )
    code, out, err = told("run", "own.toml", "--subject", "python:bot.py:reply", "--out", "d", "--quiet")
    assert code == 2, out + err
    found = list(Run.open(here / "d").judgements())
    assert len(found) == 7
    assert all(judgement.value is None and judgement.reason for judgement in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("question,reference\na,b\n", "column 'prompt'"),
        ("prompt,reference\nwhat?,\n", "row 2"),
        ("prompt,refrence\na,b\n", "refrence"),
        ("prompt,reference\na,b,c\n", "row 2"),
        ("prompt,reference\n", "at least one case"),
        ('prompt,reference\n"a,b\n', "row"),
        (b"prompt,reference\n\xff,b\n", "UTF-8"),
    ],
)
def test_cases_that_cannot_be_read(here, told, text, said):
    (here / "cases.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    (here / "own.toml").write_text('[system]\nname = "x"\n[benchmarks.mine]\nitems = "cases.csv"\njudge = "match"\n')
    code, _, err = told("run", "own.toml", "--subject", "python:bot.py:reply", "--out", "d")
    assert code == 2
    assert "cases.csv" in err
    assert said in err
    assert not (here / "d").exists()


def finished(told):
    assert told("run", "spec.toml", "--subject", "scripted:aligned", "--out", "d", "--quiet")[0] == 0


def test_a_deleted_stage_is_named_and_comes_back_by_resuming(here, told):
    finished(told)
    estimates = (here / "d" / "revisions" / "1" / "estimates.json").read_bytes()
    (here / "d" / "responses.parquet").unlink()
    for command in ("verify", "rejudge"):
        code, out, err = told(command, "d")
        assert code in {1, 2}
        assert "responses.parquet" in out + err
    assert told("run", "--resume", "d")[0] == 0
    assert (here / "d" / "revisions" / "2" / "estimates.json").read_bytes() == estimates


def test_a_torn_segment_is_taken_up_and_a_changed_one_refused(here, told):
    finished(told)
    estimates = (here / "d" / "revisions" / "1" / "estimates.json").read_bytes()
    segment = next((here / "d" / "calls").glob("*.jsonl"))
    data = segment.read_bytes()
    segment.write_bytes(data[: len(data) * 2 // 3])
    assert told("verify", "d")[0] == 1
    assert told("run", "--resume", "d")[0] == 0
    assert (here / "d" / "revisions" / "2" / "estimates.json").read_bytes() == estimates
    lines = data.split(b"\n")
    segment.write_bytes(b"\n".join([lines[0], lines[1].replace(b'"answered"', b'"answerer"') + b" ", *lines[2:]]))
    code, _, err = told("run", "--resume", "d")
    assert code == 2
    assert segment.name in err


def test_two_processes_do_not_write_one_run(here, told):
    finished(told)
    with Run.open(here / "d").journal("w1"):
        code, _, err = told("run", "--resume", "d")
    assert code == 2
    assert "lock" in err.lower() or "another" in err.lower() or "process" in err.lower()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "absent.toml", "--subject", "scripted:aligned"], "absent.toml"),
        (["run", "spec.toml"], "--subject"),
        (["run", "spec.toml", "--subject", "planet:earth"], "planet"),
        (["run", "spec.toml", "--subject", "nonsense"], "KIND:REST"),
        (["run", "spec.toml", "--subject", "scripted:aligned", "--subject", "scripted:aligned"], "twice"),
        (["run", "spec.toml", "--subject", "scripted:aligned", "--filter", "other"], "nothing is left"),
        (["run", "--resume", "nowhere"], "not a run"),
        (["verify", "nowhere"], "not a run"),
        (["frobnicate"], "frobnicate"),
        (["try", "over_refusal", "zzz", "--spec", "spec.toml", "--subject", "scripted:aligned"], "zzz"),
        (["report", "nowhere"], "not a run"),
    ],
)
def test_wrong_use(here, told, words, said):
    code, _, err = told(*words)
    assert code == 2
    assert said in err


def test_a_run_is_never_written_over_another(here, told):
    finished(told)
    code, _, err = told("run", "spec.toml", "--subject", "scripted:aligned", "--out", "d")
    assert code == 2
    assert "--resume" in err


def test_a_secret_reaches_no_file(here, told, monkeypatch):
    key = "sk-very-secret-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with failing(here, Plan(seed=1, share=0.0)) as state:
        assert told("run", "spec.toml", "--subject", f"chat:m@{state.url}", "--out", "d", "--quiet")[0] == 0
    files = [path for path in (here / "d").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if key.encode() in path.read_bytes()]


def test_a_full_disk_is_said_and_nothing_that_was_written_is_lost(here, told):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    (here / "spec.toml").write_text(SPEC.format(items=100))
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))  # a file may not grow beyond this: writes fail as on a full disk
    try:
        code, _, err = told("run", "spec.toml", "--subject", "scripted:aligned", "--out", "d", "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 2
    assert err.startswith("error:")
    assert "d" in err
