"""Runs of many trials: they end, all is accounted for, memory stays small, and their report and pages open."""

import asyncio
import contextlib
import json
import subprocess
import sys

import aiohttp
import pytest

from fiducial.serve.view import viewing
from fiducial.store.run import Run
from tests.end_to_end.stage import FIDUCIAL, ROOT

SPEC = """
[system]
name = "many"
[[principles]]
id = "right"
text = "It answers yes."
[benchmarks.cases]
items = "cases.csv"
judge = "match"
[[claims]]
id = "yes"
clause = "right"
quantity = "cases.accuracy"
at_least = 0.5
"""


@contextlib.contextmanager
def loopback():
    """The base URL of the endpoint that answers yes, at the least cost."""
    server = subprocess.Popen([sys.executable, ROOT / "bench" / "loopback.py"], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


# A process counts what its parent held when it was forked: a small one stands between the tests and the command.
WATCH = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def spent(folder, *words):
    """Exit status and peak memory (MB) of a command."""
    command = [sys.executable, "-c", WATCH, FIDUCIAL, *map(str, words)]
    code, megabytes = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.split()
    return int(code), int(megabytes)


def carried_out(folder, cases, repeat, megabytes):
    """A run of so many cases and repeats in at most so much memory, checked; gives it."""
    rows = "".join(f"Is number {n} an item of this list?,{'yes' if n % 4 else 'no'}\n" for n in range(cases))
    (folder / "cases.csv").write_text("prompt,reference\n" + rows)
    (folder / "spec.toml").write_text(SPEC)
    with loopback() as url:
        code, memory = spent(folder, "run", "spec.toml", "--subject", f"chat:m@{url}", "--out", "r", "--quiet", "--repeat", repeat)
    assert code == 0
    assert memory < megabytes
    run = Run.open(folder / "r")
    (estimate,) = (e for e in run.estimates() if e.level == 0.95)
    assert (estimate.n, estimate.clusters, estimate.missing) == (cases * repeat, cases, 0)
    assert abs(estimate.value - 0.75) < 1e-9
    return run


def first_page(run):
    """The page of transcripts in the middle of the run."""

    async def work():
        async with viewing(run) as address, aiohttp.ClientSession() as session, session.get(f"{address}trials?page=1000") as answer:
            return answer.status, await answer.text()

    return asyncio.run(work())


def test_a_hundred_thousand_trials(tmp_path):
    run = carried_out(tmp_path, 50_000, 2, 300)
    status, text = first_page(run)
    assert status == 200
    assert text.count('href="/unit?') == 50
    report = json.loads((run.revision() / "report.json").read_text())
    assert report["sample"]["total"] == 100_000
    assert (run.revision() / "report.html").stat().st_size < 6_000_000


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_million_trials(tmp_path):
    run = carried_out(tmp_path, 100_000, 10, 600)
    assert spent(tmp_path, "verify", "r")[0] == 0
    status, text = first_page(run)
    assert status == 200
    assert text.count('href="/unit?') == 50
    assert json.loads((run.revision() / "report.json").read_text())["sample"]["total"] == 1_000_000
    assert (run.revision() / "report.html").stat().st_size < 6_000_000
