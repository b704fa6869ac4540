"""A run that is kept at a URL outlives its machine: what had been carried there is not asked again, and no number changes."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter

import msgspec
import pytest

from fiducial.store.verify import verify
from tests.end_to_end.stage import FIDUCIAL, command, endpoint, until

NAMES = ("estimates.json", "decisions.json")


def answers(run):
    """How often each call of a run was answered, over all segments."""
    found = Counter()
    for path in (run / "calls").glob("*.jsonl"):
        for line in path.read_bytes().split(b"\n")[1:-1]:
            value = msgspec.json.decode(line)
            found[value["by"], value["of"], value["turn"]] += value["completion"].get("status", "answered") != "fault"
    return found


@pytest.mark.parametrize("crew", [(), ("--workers", "2")])
def test_a_machine_is_lost_with_its_disk(tmp_path, small, crew):
    url, depot, here = f"file://{tmp_path}/depot", tmp_path / "depot", tmp_path / "here"
    with endpoint("scripted:misaligned?rate=0.3&latency_ms=40", "--spec", small) as base:
        words = ("run", small, "--subject", f"chat:any@{base}", "--quiet")
        assert command(*words, "--out", tmp_path / "one").returncode == 1
        told = [FIDUCIAL, *map(str, words), "--out", here, "--share", url, "--concurrency", "4", *crew]
        run = subprocess.Popen(told, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(lambda: len(list((depot / "calls").glob("*-1.jsonl"))) > len(crew) // 2, 120)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        carried = sum(answers(depot).values())
        shutil.rmtree(here)
        assert command("copy", url, here).returncode == 0
        refused = command("run", "--resume", here, "--quiet")
        assert refused.returncode == 2
        assert re.search(r"is being written by \S+; its lease ends in \d+ s", refused.stderr), refused.stderr
        lease = depot / "lease.json"
        lease.write_text(json.dumps(json.loads(lease.read_text()) | {"until": 0}))  # as it is a minute later
        resumed = command("run", "--resume", here, "--quiet", *crew)
        assert resumed.returncode == 1, resumed.stderr
    for name in NAMES:
        one, two = ((tmp_path / run / "revisions" / "1" / name).read_bytes() for run in ("one", "here"))
        assert one == two
    assert carried > 0
    assert max(answers(here).values()) == 1  # nothing that had been carried was asked again
    assert command("copy", url, tmp_path / "there").returncode == 0
    assert verify(tmp_path / "there").ok
    again = command("run", small, "--subject", "scripted:aligned", "--share", url, "--out", tmp_path / "other")
    assert again.returncode == 2
    assert "holds a run already" in again.stderr
    assert not (tmp_path / "other").exists()


def test_words_of_copy(tmp_path, small):
    for words in (
        ("a", "b"),
        ("file:///a", "file:///b"),
        (f"file://{tmp_path}/none", tmp_path / "x"),
        (tmp_path / "none", f"file://{tmp_path}/x"),
    ):
        ran = command("copy", *words)
        assert ran.returncode == 2
        assert "Traceback" not in ran.stderr
        assert ran.stderr.startswith("error: ")
    for name in ("a", "b"):
        ran = command(
            "run", small, "--subject", f"scripted:{'mis' if name == 'a' else ''}aligned", "--out", tmp_path / name, "--quiet", "--limit", 3
        )
        assert ran.returncode in (0, 1, 3)
    assert command("copy", tmp_path / "a", f"file://{tmp_path}/depot").returncode == 0
    assert command("copy", tmp_path / "a", f"file://{tmp_path}/depot").returncode == 0
    ran = command("copy", tmp_path / "b", f"file://{tmp_path}/depot")
    assert (ran.returncode, "holds another run" in ran.stderr) == (2, True)
    ran = command("copy", f"file://{tmp_path}/depot", tmp_path / "b")
    assert (ran.returncode, "holds another run" in ran.stderr) == (2, True)


@pytest.fixture(scope="module")
def store():
    """A server that speaks S3, with a bucket `runs`: the variables that lead to it."""
    pytest.importorskip("moto", reason="moto is not installed: pip install -e '.[test]'")
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install -e '.[test]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: made(f"{url}/runs"), 60)
        yield {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
    finally:
        server.kill()
        server.wait()


def made(bucket):
    """Whether a bucket could be made; not before the server listens."""
    try:
        with urllib.request.urlopen(urllib.request.Request(bucket, method="PUT"), timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_an_object_store(tmp_path, small, store):
    words = ("run", small, "--subject", "scripted:aligned", "--quiet", "--limit", 5)
    url = "s3://runs/one/a"
    ran = command(*words, "--out", tmp_path / "a", "--share", url, env=store)
    assert ran.returncode in (0, 3), ran.stderr
    copied = command("copy", url, tmp_path / "b", env=store)
    assert copied.returncode == 0, copied.stderr
    assert verify(tmp_path / "b").ok
    for name in NAMES:
        one, two = ((tmp_path / run / "revisions" / "1" / name).read_bytes() for run in ("a", "b"))
        assert one == two
    assert command("rejudge", tmp_path / "b", env=store).returncode in (0, 3)
    assert command("copy", tmp_path / "b", url, env=store).returncode == 0
    assert command("copy", url, tmp_path / "a", env=store).returncode == 0
    assert (tmp_path / "a" / "revisions" / "2" / "manifest.json").exists()
    for place, reason in (("s3://nobucket/a", "does not exist"), (url, "holds a run already")):
        ran = command(*words, "--out", tmp_path / "c", "--share", place, env=store)
        assert (ran.returncode, reason in ran.stderr) == (2, True), ran.stderr
