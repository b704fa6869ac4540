"""Trials a second against a loopback endpoint, with judging and journal on, and the memory it takes.

    python bench/trials.py [--trials 100000] [--latency-ms 0] [--concurrency 64]
    python bench/trials.py --sizes 1000,10000,100000,1000000

The bar: 100,000 trials at >= 2,000 a second on two cores, in under 300 MB. With `--sizes` also how far each size lies
from the line through the least and the greatest: cost is to grow in proportion. Above 100,000 trials, cases are repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
MOST_CASES = 100_000

SPEC = """
[system]
name = "bench"
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


@contextmanager
def loopback(latency_ms: float) -> Iterator[str]:
    """The base URL of a loopback endpoint in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "loopback.py"), "--latency-ms", str(latency_ms)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


def measure(trials: int, latency_ms: float, concurrency: int) -> dict[str, float]:
    """What one run of so many trials takes, start, reports and seals included."""
    count = min(trials, MOST_CASES)
    with tempfile.TemporaryDirectory() as folder, loopback(latency_ms) as url:
        cases = "".join(
            f"Is item number {n} of this list an item of this list? Answer yes or no.,{'yes' if n % 4 else 'no'}\n" for n in range(count)
        )
        (Path(folder) / "cases.csv").write_text("prompt,reference\n" + cases)
        (Path(folder) / "spec.toml").write_text(SPEC)
        program = str(Path(sys.executable).with_name("fiducial"))
        words = [program, "run", "spec.toml", "--subject", f"chat:loopback@{url}", "--out", "run", "--quiet"]
        words += ["--concurrency", str(concurrency), "--repeat", str(trials // count)]
        started = time.perf_counter()
        # An installed program finds its byte code cached.
        own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, env=own)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status >> 8 not in (0, 3):
            raise RuntimeError(f"fiducial run ended with status {status >> 8}")
        size = {path: path.stat().st_size for path in Path(folder, "run").rglob("*") if path.is_file()}
    journal = sum(length for path, length in size.items() if path.suffix == ".jsonl")
    sealed = sum(length for path, length in size.items() if path.suffix == ".parquet")
    return {
        "trials": trials,
        "per_second": round(trials / seconds, 1),
        "cpu_ms": round(1000 * (used.ru_utime + used.ru_stime) / trials, 3),
        "peak_mb": round(used.ru_maxrss / 1024, 1),
        "journal_bytes": round(journal / trials),
        "sealed_bytes": round(sealed / trials),
    }


def off_the_line(figures: Sequence[dict[str, float]]) -> list[float]:
    """Per cent by which each size's CPU time lies off the line through the least and the greatest size."""
    times = [(f["trials"], f["cpu_ms"] * f["trials"]) for f in figures]
    (low, first), (high, last) = times[0], times[-1]
    slope = (last - first) / (high - low) if high > low else 0.0
    return [round(100 * (spent / (first + slope * (size - low)) - 1), 1) for size, spent in times]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--sizes", help="several numbers of trials, separated by commas")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = sorted(int(size) for size in options.sizes.split(",")) if options.sizes else [options.trials]
    found = []
    for size in sizes:
        found.append(measure(size, options.latency_ms, options.concurrency))
        if not options.json:
            print("  ".join(f"{name} {value}" for name, value in found[-1].items()), flush=True)
    if options.json:
        print(json.dumps(found if options.sizes else found[0]))
    elif len(found) > 1:
        print("off the line, per cent of CPU time:", *off_the_line(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
