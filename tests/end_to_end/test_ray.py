"""A Ray run on two nodes, one of which is killed, equals the run of one process to the byte in its estimates."""

import importlib.util
import os
import subprocess
import sys
from collections import Counter

import msgspec
import pytest

from fiducial.store.verify import verify
from tests.end_to_end.stage import FIDUCIAL, command, endpoint, until

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install -e '.[ray]'"),
    pytest.mark.timeout(600),
]

# Ray's own threads and warnings stay out of the test's process. It says its address, and kills its second node when told.
NODES = """
import sys
from ray.cluster_utils import Cluster
small = {"object_store_memory": 100_000_000}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **small})
second = cluster.add_node(num_cpus=1, **small)
cluster.wait_for_nodes()
print("address", cluster.address, flush=True)
for line in sys.stdin:
    if line.strip() == "kill":
        cluster.remove_node(second, allow_graceful=False)
        print("killed", flush=True)
cluster.shutdown()
"""


class Nodes:
    """A local cluster of two nodes."""

    def __init__(self):
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", NODES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.address = self._said("address")

    def _said(self, word):
        for line in self._process.stdout:
            first, _, rest = line.strip().partition(" ")
            if first == word:
                return rest
        raise AssertionError("the cluster did not start")

    def kill_one(self):
        self._process.stdin.write("kill\n")
        self._process.stdin.flush()
        self._said("killed")

    def close(self):
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@pytest.fixture
def nodes():
    found = Nodes()
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("shared", [False, True], ids=["directory", "url"])
def test_two_nodes_and_one_killed_come_to_the_bytes_of_one_process(tmp_path, small, nodes, shared):
    """With a URL the workers do not see the run's directory: they put their segments there."""
    share = ["--share", f"file://{tmp_path}/depot"] if shared else []
    with endpoint("scripted:misaligned?rate=0.3&latency_ms=30", "--spec", small) as url:
        words = ("run", small, "--subject", f"chat:any@{url}", "--quiet", "--out")
        assert command(*words, tmp_path / "one").returncode == 1
        run = subprocess.Popen(
            [FIDUCIAL, *map(str, words), tmp_path / "ray", "--executor", "ray", "--concurrency", "8", *share],
            env={**os.environ, "RAY_ADDRESS": nodes.address}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        calls = tmp_path / "ray" / "calls"
        written = tmp_path / "depot" / "calls" if shared else calls
        until(lambda: all((written / f"w{n}-0.jsonl").exists() and (written / f"w{n}-0.jsonl").stat().st_size > 5_000 for n in (0, 1)), 120)
        nodes.kill_one()
        _, told = run.communicate(timeout=300)
        assert run.returncode == 1, told
    names = {path.name.partition("-")[0] for path in calls.glob("*.jsonl")}
    assert {"w0", "w1"} < names  # the dead one's clusters went on elsewhere
    assert any(name.startswith(("w0r", "w1r")) for name in names)
    for name in ("estimates.json", "decisions.json"):
        one, two = (tmp_path / run / "revisions" / "1" / name for run in ("one", "ray"))
        assert one.read_bytes() == two.read_bytes()
    assert verify(tmp_path / "ray").ok
    answered = Counter()
    for path in calls.glob("*.jsonl"):
        for line in path.read_bytes().split(b"\n")[1:-1]:
            value = msgspec.json.decode(line)
            answered[value["by"], value["of"], value["turn"]] += value["completion"].get("status", "answered") != "fault"
    assert max(answered.values()) == 1


def test_a_cluster_that_does_not_answer_is_named(tmp_path, small):
    ran = command(
        "run", small, "--subject", "scripted:aligned", "--out", tmp_path / "d", "--executor", "ray", env={"RAY_ADDRESS": "127.0.0.1:1"}
    )
    assert ran.returncode == 2
    assert "no cluster answers" in ran.stderr
