"""The bars of the engine: never the bottleneck, loses nothing, scales out."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.acceptance.testing import passing
from tests.end_to_end.stage import ROOT


def bar_two_hundred_kills() -> str:
    """0 arrived answers lost, 0 asked again, identical estimates, at >= 200 instants."""
    return passing("tests/end_to_end/test_crash.py", slow=True, timeout=3000)


def bar_chaos_of_5000_trials() -> str:
    """>= 30 % faulty replies: all trials accounted for, the same decisions as undisturbed."""
    return passing("tests/end_to_end/test_chaos.py", slow=True, timeout=3000)


def bar_ray_on_two_nodes_with_one_worker_killed() -> str:
    return passing("tests/end_to_end/test_ray.py", slow=True)


def bar_a_run_at_a_url_outlives_its_machine() -> str:
    """A killed driver with its disk lost, and a server that speaks S3."""
    return passing("tests/unit/store/test_depot.py", "tests/end_to_end/test_sharing.py")


def bar_throughput_beside_a_bare_client() -> str:
    """>= 0.6 of bare aiohttp, <= 0.3 ms CPU a trial, 10,000 trials < 120 MB, journal <= 1 KB, sealed <= 0.3 KB a trial."""
    command = [sys.executable, "bench/throughput.py", "--trials", "10000", "--latency", "0", "--only", "fiducial,aiohttp", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert ran.returncode == 0, ran.stderr[-300:]
    rows = {row["harness"]: row for row in json.loads(ran.stdout)}
    ours, bare = rows["fiducial"], rows["aiohttp"]
    ratio = ours["per_second"] / bare["per_second"]
    figure = (
        f"{ours['per_second']:.0f}/s = {ratio:.2f} of aiohttp, {ours['cpu_ms']} ms CPU, {ours['peak_mb']} MB, {ours['bytes']} bytes a trial"
    )
    assert ratio >= 0.6, figure
    assert ours["cpu_ms"] <= 0.3, figure
    assert ours["peak_mb"] < 120, figure
    return figure
