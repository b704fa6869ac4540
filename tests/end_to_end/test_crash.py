"""Runs that are killed, cut off and resumed: nothing that had arrived is lost or asked again, and no number changes."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fiducial.kernel.digest import seed31

TRIALS = 150
CONCURRENCY = 6
SECONDS = 0.005

SPEC = """
[system]
name = "crash"
[[principles]]
id = "right"
text = "It answers right."
[benchmarks.cases]
items = "cases.csv"
judge = "match"
[[claims]]
id = "right"
clause = "right"
quantity = "cases.accuracy"
at_least = 0.5
"""


class Endpoint:
    """A chat endpoint in a thread that counts how often each trial arrives, by the seed of its request."""

    def __init__(self):
        self.asked, self.arrivals = {}, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def close(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))
                seed = asked["seed"]
                self.arrivals += 1
                self.asked[seed] = self.asked.get(seed, 0) + 1
                await asyncio.sleep(SECONDS)
                text = "yes" if len(asked["messages"][0]["content"]) % 2 else "no"
                usage = {"prompt_tokens": 9, "completion_tokens": 1}
                choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                body = json.dumps({"id": f"r{self.arrivals}", "model": "m", "choices": [choice], "usage": usage}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


class Starter:
    """Commands, each a process of its own that can be killed."""

    def __init__(self, folder):
        words = [sys.executable, str(Path(__file__).with_name("zygote.py"))]
        self._errors = (folder / "errors").open("w+b")
        self._process = subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True)

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def said(self):
        self._errors.seek(0)
        return self._errors.read().decode()

    def start(self, words, clock=0):
        self._process.stdin.write(json.dumps({"words": list(map(str, words)), "clock": clock}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def code(self):
        return json.loads(self._process.stdout.readline())["code"]

    def run(self, words, clock=0):
        self.start(words, clock)
        return self.code()


class Place:
    """A folder with a specification, an endpoint, a starter, and what an undisturbed run gives."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "spec.toml").write_text(SPEC)
        rows = "".join(f"Is {'x' * (n % 7)} number {n} one of them?,{'yes' if n % 3 else 'no'}\n" for n in range(TRIALS))
        (folder / "cases.csv").write_text("prompt,reference\n" + rows)
        self.endpoint = Endpoint()
        (folder / "m.toml").write_text(f'base_url = "{self.endpoint.url}"\nmodel = "m"\nconcurrency = {CONCURRENCY}\n')
        self.starter = Starter(folder)
        self.seconds, self.expected = 1.5, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.starter.close()
        self.endpoint.close()

    def words(self, name):
        """Start a run, or go on with it where its plan had been written."""
        if (self.folder / name / "plan.json").exists():
            return ["run", "--resume", name, "--concurrency", CONCURRENCY, "--quiet"]
        return ["run", "spec.toml", "--subject", "chat:m.toml", "--out", name, "--concurrency", CONCURRENCY, "--quiet"]

    def finish(self, name, clock=0):
        code = self.starter.run(self.words(name), clock)
        assert code in (0, 1, 3), self.starter.said()

    def estimates(self, name):
        revisions = sorted((self.folder / name / "revisions").glob("[0-9]*"), key=lambda path: int(path.name))
        return (revisions[-1] / "estimates.json").read_bytes()

    def journalled(self, name):
        """Seeds of the calls whose line is whole: their answers had arrived."""
        lines = []
        for path in sorted((self.folder / name / "calls").glob("*.jsonl")):
            lines += list(path.read_bytes().split(b"\n")[:-1])
        calls = (json.loads(line) for line in lines)
        return {seed31(call["of"]) for call in calls if "of" in call}

    def sound(self, name):
        assert self.estimates(name) == self.expected
        assert self.starter.run(["verify", name]) == 0, self.starter.said()


@pytest.fixture
def place(tmp_path):
    with Place(tmp_path) as made:
        made.finish("whole")
        made.expected = made.estimates("whole")
        assert set(made.endpoint.asked.values()) == {1}
        assert len(made.endpoint.asked) == TRIALS
        yield made


def kill_runs(place, kills, rng):
    """Kill runs `kills` times; half of the instants are drawn over the whole process, half by the number of arrivals."""
    done = number = 0
    inside = 0
    while done < kills:
        name, number = f"run-{number}", number + 1
        place.endpoint.asked.clear()
        known, mine = {}, 0
        while True:
            pid = place.starter.start(place.words(name))
            if done < kills and rng.random() < 0.97:
                kill_at_random(place, pid, rng)
            code = place.starter.code()
            if code != -signal.SIGKILL:
                assert code in (0, 1, 3), place.starter.said()
                break
            done, mine = done + 1, mine + 1
            arrived = place.journalled(name)
            inside += bool(arrived) and len(arrived) < TRIALS
            assert known.keys() <= arrived, "an answer that had arrived is lost"
            assert all(place.endpoint.asked[seed] == count for seed, count in known.items()), "an answer that had arrived was asked again"
            known = {seed: place.endpoint.asked[seed] for seed in arrived}
        assert all(place.endpoint.asked[seed] == count for seed, count in known.items())
        assert len(place.endpoint.asked) == TRIALS
        again = sum(place.endpoint.asked.values()) - TRIALS
        assert again <= CONCURRENCY * mine, "more was asked again than was in flight"
        place.sound(name)
    return inside


def kill_at_random(place, pid, rng):
    """Kill a process at an instant drawn beforehand, unless it has ended."""
    if rng.random() < 0.5:
        at, target = time.monotonic() + rng.random() * place.seconds, None
    else:
        at, target = time.monotonic() + 30, place.endpoint.arrivals + rng.randrange(1, TRIALS)
    while time.monotonic() < at and (target is None or place.endpoint.arrivals < target):
        if not alive(pid):
            return
        time.sleep(0.0005)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def alive(pid):
    """Whether a process runs: one that has ended is gone, or waits to be looked at."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_twenty_kills_lose_nothing_and_ask_nothing_again(place):
    assert kill_runs(place, 20, random.Random(6)) >= 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills_lose_nothing_and_ask_nothing_again(place):
    assert kill_runs(place, 220, random.Random(7)) >= 60


def killed(place, name, arrivals):
    """A run that was killed after so many arrivals."""
    place.endpoint.asked.clear()
    target = place.endpoint.arrivals + arrivals
    pid = place.starter.start(place.words(name))
    while place.endpoint.arrivals < target and alive(pid):
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)
    assert place.starter.code() == -signal.SIGKILL


def test_a_power_cut_costs_only_what_was_not_on_the_disk(place):
    rng = random.Random(8)
    for number in range(3):
        name = f"cut-{number}"
        killed(place, name, rng.randrange(30, TRIALS - 10))
        (segment,) = (place.folder / name / "calls").glob("*.jsonl")
        data = segment.read_bytes()
        left = data[: rng.randrange(data.index(b"\n") + 1, len(data))]
        # What a file system leaves of the last blocks: nothing, zeros, or half a line.
        segment.write_bytes(left + (b"", b"\0" * 300)[number % 2])
        kept = place.journalled(name)
        before = dict(place.endpoint.asked)
        place.finish(name)
        assert all(place.endpoint.asked[seed] == before[seed] for seed in kept)
        assert len(place.endpoint.asked) == TRIALS
        place.sound(name)


@pytest.mark.parametrize("seconds", [-400_000_000, 400_000_000])
def test_a_clock_that_jumps_changes_nothing(place, seconds):
    killed(place, "jump", 40)
    kept, before = place.journalled("jump"), dict(place.endpoint.asked)
    place.finish("jump", clock=seconds)
    assert all(place.endpoint.asked[seed] == before[seed] for seed in kept)
    place.sound("jump")


def test_of_two_processes_that_resume_one_run_one_is_refused(place, tmp_path):
    killed(place, "both", 10)
    other = Starter(tmp_path)
    try:
        place.starter.start(place.words("both"))
        other.start(place.words("both"))
        codes = sorted([place.starter.code(), other.code()])
    finally:
        other.close()
    refused = codes.count(2)
    assert refused <= 1
    if not refused:  # the one had ended before the other began
        assert codes[0] == codes[1]
    place.sound("both")
    assert sum(place.endpoint.asked.values()) - TRIALS <= CONCURRENCY
