"""The way through the whole, over real HTTP and real files."""

import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest

from fiducial.store.run import Run
from fiducial.store.verify import verify
from tests.end_to_end.stage import FIDUCIAL, ROOT, SPEC, command, endpoint, until


@pytest.mark.parametrize(("name", "code"), [("aligned", 0), ("misaligned", 1)])
def test_an_endpoint_is_measured_and_the_run_verifies(tmp_path, name, code):
    with endpoint(f"scripted:{name}") as url:
        ran = command("run", SPEC, "--subject", f"chat:any@{url}", "--out", tmp_path / "d", cwd=ROOT)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert command("verify", tmp_path / "d").returncode == 0
    names = {path.name for path in (tmp_path / "d" / "revisions" / "1").iterdir()}
    assert {"report.html", "report.json", "junit.xml", "report.md", "manifest.json", "estimates.json", "decisions.json"} <= names


def test_any_changed_byte_is_found_and_its_file_named(tmp_path, small):
    assert command("run", small, "--subject", "scripted:aligned", "--out", tmp_path / "d", "--limit", 8).returncode in {0, 3}
    files = [path for path in (tmp_path / "d").rglob("*") if path.is_file() and path.name not in {"lock"}]
    assert len(files) > 8
    for file in files:
        data = bytearray(file.read_bytes())
        for place in {0, len(data) // 3, len(data) - 1}:
            changed = bytearray(data)
            changed[place] ^= 1
            file.write_bytes(changed)
            found = verify(tmp_path / "d")
            assert found.integrity.held is False, (file, place)
            named = {problem.file for problem in found.integrity.problems}
            assert file.relative_to(tmp_path / "d").as_posix() in named, (file, place, named)
        told = command("verify", tmp_path / "d")
        assert told.returncode == 1
        assert file.name in told.stdout
        file.write_bytes(data)
    assert command("verify", tmp_path / "d").returncode == 0


def stats(url):
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as reply:
        return json.load(reply)


def arrived(folder):
    """Answers of the endpoint that are whole in the journal; a fault is no answer."""
    lines = [line for path in folder.glob("calls/*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    return sum(b'"served"' in line and b'"status":"fault"' not in line for line in lines)


def test_a_killed_run_goes_on_without_asking_again_and_ends_the_same(tmp_path, small):
    with endpoint("scripted:misaligned?rate=0.3&latency_ms=20", "--spec", small) as url:
        assert command("run", small, "--subject", f"chat:any@{url}", "--out", tmp_path / "whole").returncode == 1
        whole = stats(url)["requests"]
        run = subprocess.Popen(
            [FIDUCIAL, "run", small, "--subject", f"chat:any@{url}", "--out", tmp_path / "cut", "--concurrency", "8"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: arrived(tmp_path / "cut") > 150)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        kept = arrived(tmp_path / "cut")
        time.sleep(0.5)  # the endpoint still finishes what was in flight
        before = stats(url)["requests"]
        assert before - whole <= kept + 8  # at most those in flight had been asked and not arrived
        assert command("run", "--resume", tmp_path / "cut").returncode == 1
        asked = stats(url)["requests"] - before
    assert asked == whole - kept
    one, two = ((tmp_path / name / "revisions" / "1" / "estimates.json").read_bytes() for name in ("whole", "cut"))
    assert one == two
    assert command("verify", tmp_path / "cut").returncode == 0


def test_ctrl_c_seals_what_there_is_and_the_run_goes_on(tmp_path, small):
    with endpoint("scripted:aligned?latency_ms=20", "--spec", small) as url:
        run = subprocess.Popen(
            [FIDUCIAL, "run", small, "--subject", f"chat:any@{url}", "--out", tmp_path / "d", "--concurrency", "8"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        until(lambda: arrived(tmp_path / "d") > 100)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=60)
        assert run.returncode == 130
        assert "--resume" in out
        assert (tmp_path / "d" / "revisions" / "1" / "manifest.json").exists()
        assert command("run", "--resume", tmp_path / "d").returncode == 0
    assert command("verify", tmp_path / "d").returncode == 0


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_calls_in_flight_and_not_for_the_units(tmp_path, small, sign):
    with endpoint("scripted:aligned?latency_ms=400", "--spec", small) as url:
        (tmp_path / "bot.toml").write_text(f'base_url = "{url}"\nmodel = "any"\nconcurrency = 3\n')
        run = subprocess.Popen(
            [FIDUCIAL, "run", small, "--subject", "chat:bot.toml", "--out", tmp_path / "d", "--concurrency", "80", "--quiet"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip
        until(lambda: arrived(tmp_path / "d") > 5)
        run.send_signal(sign)
        before = arrived(tmp_path / "d")
        _, said = run.communicate(timeout=60)
        assert run.returncode == 130
        assert "waiting for the calls in flight" in said
        assert arrived(tmp_path / "d") <= before + 6  # three in flight, and a moment


def test_a_finished_run_is_left_as_it_is_and_a_changed_file_is_told(tmp_path, small):
    words = ("run", small, "--subject", "scripted:aligned", "--out", tmp_path / "d", "--quiet", "--limit", 4)
    code = command(*words).returncode
    small.write_text(small.read_text() + "\n# another thought\n")
    again = command("run", "--resume", tmp_path / "d", "--quiet")
    assert again.returncode == code
    assert "nothing is left to ask; revision 1 stands" in again.stderr
    assert "has changed since the run was planned" in again.stderr
    assert [path.name for path in (tmp_path / "d" / "revisions").glob("[0-9]*")] == ["1"]


def test_two_builds_at_two_ports_are_told_apart_by_a_version(tmp_path, small):
    with endpoint("scripted:aligned", "--spec", small) as old, endpoint("scripted:misaligned", "--spec", small) as new:
        words = ("run", small, "--out", tmp_path / "d", "--quiet", "--limit", 4)
        refused = command(*words, "--subject", f"chat:bot@{new}", "--baseline", f"chat:bot@{old}")
        assert refused.returncode == 2
        assert "#VERSION" in refused.stderr
        ran = command(*words, "--subject", f"chat:bot@{new}#new", "--baseline", f"chat:bot@{old}#old")
        assert ran.returncode in (1, 3), ran.stderr
        plan = Run.open(tmp_path / "d").plan
    assert [subject["id"].rpartition("-")[0] for subject in plan.subjects] == ["chat:bot@127.0.0.1#new", "chat:bot@127.0.0.1#old"]


def test_a_sequential_rule_asks_less_and_decides_the_same(tmp_path, small):
    fixed = tmp_path / "fixed.toml"
    sequential = tmp_path / "sequential.toml"
    text = SPEC.read_text()
    fixed.write_text(text)
    sequential.write_text('[stopping]\nrule = "sequential"\n' + text)
    outcomes = []
    for spec, name in ((fixed, "a"), (sequential, "b"), (sequential, "c")):
        words = ("--subject", "scripted:aligned", "--subject", "scripted:misaligned", "--out", tmp_path / name)
        assert command("run", spec, *words, "--concurrency", 64 if name == "b" else 3).returncode == 1
        outcomes.append([(d.claim.id, d.slice, d.subject, d.outcome) for d in Run.open(tmp_path / name).decisions()])
        assert command("verify", tmp_path / name).returncode == 0
    assert sorted(outcomes[0]) == sorted(outcomes[1])
    released = sum(1 for _ in Run.open(tmp_path / "b").released())
    assert released > 0.3 * 2 * Run.open(tmp_path / "b").plan.rows
    assert all(d.anytime for d in Run.open(tmp_path / "b").decisions())
    one, two = ((tmp_path / name / "revisions" / "1" / "estimates.json").read_bytes() for name in ("b", "c"))
    assert one == two  # how many are in work at once changes nothing


def test_two_subjects_side_by_side_compare_and_rejudge(tmp_path, small):
    ran = command("run", small, "--subject", "scripted:aligned", "--subject", "scripted:misaligned", "--out", tmp_path / "d")
    assert ran.returncode == 1
    compared = command("compare", tmp_path / "d", tmp_path / "d", "--json")
    assert compared.returncode == 1
    found = {change["quantity"]: change["verdict"] for change in json.loads(compared.stdout)["changes"]}
    assert found["truthfulness.accuracy"] == "regressed"
    again = command("rejudge", tmp_path / "d")
    assert again.returncode == 1
    revisions = tmp_path / "d" / "revisions"
    assert (revisions / "1" / "estimates.json").read_bytes() == (revisions / "2" / "estimates.json").read_bytes()
    assert command("verify", tmp_path / "d").returncode == 0
    shown = command("show", tmp_path / "d", next(iter(Run.open(tmp_path / "d").trials())).key[:14])
    assert shown.returncode == 0
    assert "judgements" in shown.stdout


def test_a_relative_claim_is_decided_against_a_subject_or_an_earlier_run(tmp_path):
    spec = tmp_path / "s.toml"
    spec.write_text(
        '[system]\nname = "x"\n[[principles]]\nid = "p"\ntext = "t"\n[benchmarks.over_refusal]\nitems = 100\n'
        '[[claims]]\nid = "no-worse"\nclause = "p"\nquantity = "over_refusal.any_refusal"\nat_most = 0.1\nrelative = "difference"\n'
    )
    assert command("run", spec, "--subject", "scripted:aligned", "--out", tmp_path / "none").returncode == 3
    assert (
        command("run", spec, "--subject", "scripted:misaligned", "--baseline", "scripted:aligned", "--out", tmp_path / "a").returncode == 1
    )
    assert (
        command(
            "run", spec, "--subject", "scripted:misaligned?rate=0.01", "--baseline", tmp_path / "none", "--out", tmp_path / "b"
        ).returncode
        == 0
    )
    other = tmp_path / "t.toml"
    other.write_text(spec.read_text().replace("items = 100", "items = 90"))
    mismatch = command("run", other, "--subject", "scripted:aligned", "--baseline", tmp_path / "none", "--out", tmp_path / "c")
    assert mismatch.returncode == 2
    assert "same trials" in mismatch.stderr


def test_a_plan_can_be_signed_before_the_first_question(tmp_path, small):
    key = tmp_path / "key.pem"
    assert command("attest", "--new-key", key).returncode == 0
    planned = command("plan", small, "--subject", "scripted:aligned", "--limit", 9, "--attest", key, "--out", tmp_path / "d")
    assert planned.returncode == 0, planned.stderr
    assert command("run", "--resume", tmp_path / "d").returncode in {0, 3}
    assert command("attest", tmp_path / "d", "--key", key).returncode == 0
    checked = command("verify", tmp_path / "d", "--key", f"{key}.pub")
    assert checked.returncode == 0, checked.stdout
    assert command("attest", "--new-key", tmp_path / "other.pem").returncode == 0
    assert command("verify", tmp_path / "d", "--key", tmp_path / "other.pem.pub").returncode == 1
