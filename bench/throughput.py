"""What a simple scored sample costs: Fiducial beside a bare client and other harnesses, on the same prompts and endpoint.

    python bench/throughput.py --trials 2000 --latency 0 [--only fiducial,aiohttp,inspect,lm-eval] [--peers DIR] [--json]

Each harness answers all prompts, compares each answer with its reference, and (but for the bare client) writes its log.
They take turns for `--rounds` rounds on one loopback endpoint, each as a process of its own with its fast setting and
as many calls at once as the others. Time and CPU are those of the whole process, start and log included; a run of one
prompt gives the cold start. Other harnesses come from environments of their own: DIR/inspect and DIR/lm-eval, or the
PATH. Without `--latency`, endpoints of 0, 50 and 500 ms are measured in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from trials import SPEC, loopback

PEERS = Path(__file__).parent / "peers"
UNDECIDED = 3
"""Exit status of Fiducial where one sample decides nothing."""

SUBJECT = 'base_url = "{url}"\nmodel = "loopback"\nconcurrency = {concurrency}\n'


@dataclass(frozen=True)
class Work:
    """What one run is given: its folder, the prompts' file, the endpoint, calls at once."""

    folder: Path
    prompts: Path
    url: str
    concurrency: int


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds of wall and CPU time, peak memory of its largest process, bytes of its log."""

    seconds: float
    cpu: float
    peak_mb: float
    bytes: int


@dataclass(frozen=True)
class Figures:
    """Medians over rounds. `cpu_ms`, `bytes`: a sample. `cold_start`: seconds of a run with one sample."""

    harness: str
    per_second: float
    cpu_ms: float
    peak_mb: float
    bytes: int
    cold_start: float


Command = Callable[[Work], list[str]]
Accuracy = Callable[[Work, str], float]


def fiducial(work: Work) -> list[str]:
    """The command line, everything on: plan, hash-chained journal, judging, estimates, decision, reports, seals."""
    cases = (json.loads(line) for line in work.prompts.read_text().splitlines())
    rows = "".join(f"{case['prompt']},{case['reference']}\n" for case in cases)
    (work.folder / "cases.csv").write_text(f"prompt,reference\n{rows}")
    (work.folder / "spec.toml").write_text(SPEC)
    (work.folder / "loopback.toml").write_text(SUBJECT.format(url=work.url, concurrency=work.concurrency))
    program = str(Path(sys.executable).with_name("fiducial"))
    return [program, "run", "spec.toml", "--subject", "chat:loopback.toml", "--out", "log", "--concurrency", str(work.concurrency)]


def fiducial_accuracy(work: Work, _: str) -> float:
    return json.loads((work.folder / "log/revisions/1/estimates.json").read_text())[0]["value"]


def bare(work: Work) -> list[str]:
    return [sys.executable, str(PEERS / "aiohttp_run.py"), str(work.prompts), work.url, str(work.concurrency)]


def inspect(python: str) -> Command:
    return lambda work: [python, str(PEERS / "inspect_run.py"), str(work.prompts), work.url, str(work.concurrency)]


def lm_eval(program: str) -> Command:
    def command(work: Work) -> list[str]:
        task = work.folder / "task"
        task.mkdir()
        (task / "bench.yaml").write_text((PEERS / "lm_eval_task.yaml").read_text().replace("PROMPTS", str(work.prompts)))
        where = f"model=loopback,base_url={work.url}/chat/completions,num_concurrent={work.concurrency}"
        how = "max_retries=3,tokenized_requests=False,eos_string=</s>"
        return [
            program, "--model", "local-chat-completions", "--model_args", f"{where},{how}",
            "--tasks", "bench_chat", "--include_path", str(task), "--apply_chat_template", "--output_path", "log", "--log_samples",
        ]  # fmt: skip

    return command


def lm_eval_accuracy(work: Work, _: str) -> float:
    (file,) = (work.folder / "log").rglob("results_*.json")
    return json.loads(file.read_text())["results"]["bench_chat"]["exact_match,none"]


def last_word(_: Work, said: str) -> float:
    return float(said.rsplit(maxsplit=1)[-1])


def harnesses(peers: Path | None) -> dict[str, tuple[Command, Accuracy]]:
    """The harnesses that are installed, by name: how to run one, and how to read the accuracy it found."""
    found: dict[str, tuple[Command, Accuracy]] = {"fiducial": (fiducial, fiducial_accuracy), "aiohttp": (bare, last_word)}
    program = _program(peers, "inspect", "inspect")
    if program is not None:
        found["inspect"] = (inspect(str(program.parent / "python")), last_word)
    program = _program(peers, "lm-eval", "lm_eval")
    if program is not None:
        found["lm-eval"] = (lm_eval(str(program)), lm_eval_accuracy)
    return found


def _program(peers: Path | None, folder: str, name: str) -> Path | None:
    if peers is not None:
        inside = peers.resolve() / folder / "bin" / name
        return inside if inside.exists() else None
    there = shutil.which(name)
    return Path(there).resolve() if there else None


@contextmanager
def prepared(trials: int, url: str, concurrency: int) -> Iterator[Work]:
    """A fresh folder with the prompts in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts = folder / "prompts.jsonl"
        asked = "Is item number {n} of this list an item of this list? Answer yes or no."
        lines = ({"prompt": asked.format(n=n), "reference": "yes" if n % 4 else "no"} for n in range(trials))
        prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
        yield Work(folder, prompts, url, concurrency)


def measure(command: Command, accuracy: Accuracy, trials: int, url: str, concurrency: int) -> Cost:
    """Run one harness over all prompts. Raises `RuntimeError` where it fails or finds another accuracy than there is."""
    with prepared(trials, url, concurrency) as work:
        words = command(work)
        there = {path for path in work.folder.rglob("*") if path.is_file()}
        # An installed program finds its byte code cached: each harness may keep it, whatever this process was told.
        own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = own | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(work.folder / "cache"), "OPENAI_API_KEY": "none"}
        with (work.folder / "said").open("w+b") as said, (work.folder / "errors").open("w+b") as errors:
            started = time.perf_counter()
            process = subprocess.Popen(words, cwd=work.folder, stdout=said, stderr=errors, env=environment)
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
        text = (work.folder / "said").read_text(errors="replace")
        if status >> 8 not in (0, UNDECIDED):
            raise RuntimeError(f"{words[0]}: exit status {status >> 8}: {(work.folder / 'errors').read_text(errors='replace')[-2000:]}")
        share = sum(bool(n % 4) for n in range(trials)) / trials
        if abs(accuracy(work, text) - share) > 1e-6:
            raise RuntimeError(f"{words[0]}: an accuracy of {share}, got {accuracy(work, text)}")
        apart = {work.folder / "said", work.folder / "errors"} | set((work.folder / "cache").rglob("*"))
        size = sum(path.stat().st_size for path in work.folder.rglob("*") if path.is_file() and path not in there | apart)
    return Cost(seconds=seconds, cpu=used.ru_utime + used.ru_stime, peak_mb=used.ru_maxrss / 1024, bytes=size)


def rounds(chosen: dict[str, tuple[Command, Accuracy]], options: argparse.Namespace, latency: float) -> dict[str, list[Cost]]:
    """Costs by harness, one a round; they take turns, so that what else the machine does falls on all alike."""
    found: dict[str, list[Cost]] = {name: [] for name in chosen}
    concurrency = options.concurrency or (1000 if latency >= 500 else 100)
    with loopback(latency) as url:
        for _ in range(options.rounds):
            for name, (command, accuracy) in chosen.items():
                found[name].append(measure(command, accuracy, options.trials, url, concurrency))
    return found


def cold_starts(chosen: dict[str, tuple[Command, Accuracy]]) -> dict[str, float]:
    """Seconds of a run with one sample: the least of three."""
    with loopback(0) as url:
        return {
            name: min(measure(command, accuracy, 1, url, 100).seconds for _ in range(3)) for name, (command, accuracy) in chosen.items()
        }


def figures(name: str, costs: Sequence[Cost], trials: int, cold: float) -> Figures:
    """Medians over rounds."""
    middle = statistics.median
    return Figures(
        harness=name,
        per_second=round(trials / middle(c.seconds for c in costs), 1),
        cpu_ms=round(1000 * middle(c.cpu for c in costs) / trials, 3),
        peak_mb=round(middle(c.peak_mb for c in costs), 1),
        bytes=round(middle(c.bytes for c in costs) / trials),
        cold_start=round(cold, 2),
    )


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Median of the rounds' ratios, with the least and the greatest."""
    found = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    return f"{statistics.median(found):.2f}x ({found[0]:.2f}-{found[-1]:.2f})"


def show(measured: Sequence[Figures], costs: dict[str, list[Cost]]) -> None:
    """A table, then Fiducial beside each other one."""
    print("harness     samples/s   CPU ms   peak MB   bytes/sample   cold start s")
    for f in measured:
        print(f"{f.harness:10s} {f.per_second:10.0f} {f.cpu_ms:8.3f} {f.peak_mb:9.0f} {f.bytes:14d} {f.cold_start:14.2f}")
    for name, theirs in costs.items():
        if name != "fiducial" and "fiducial" in costs:
            ours = costs["fiducial"]
            speed = ratio([1 / c.seconds for c in ours], [1 / c.seconds for c in theirs])
            cpu = ratio([c.cpu for c in theirs], [c.cpu for c in ours])
            print(f"fiducial : {name:9s} {speed} the samples a second, {cpu} the samples a CPU second")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--latency", type=float, action="append", metavar="MS")
    parser.add_argument("--concurrency", type=int, help="calls at once (default: 100, at 500 ms 1000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--peers", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    there = harnesses(options.peers)
    wanted = options.only.split(",") if options.only else list(there)
    if missing := [name for name in wanted if name not in there]:
        parser.error(f"not installed: {', '.join(missing)} (there is {', '.join(there)}; see --peers)")
    chosen = {name: there[name] for name in wanted}
    cold = cold_starts(chosen)
    everything: list[dict[str, object]] = []
    for latency in options.latency or [0.0, 50.0, 500.0]:
        costs = rounds(chosen, options, latency)
        measured = [figures(name, costs[name], options.trials, cold[name]) for name in chosen]
        if options.json:
            several = len(options.latency or ()) != 1
            everything += [asdict(f) | ({"latency_ms": latency} if several else {}) for f in measured]
        else:
            print(f"{options.trials} samples, {latency:g} ms an answer")
            show(measured, costs)
    if options.json:
        print(json.dumps(everything))
    return 0


if __name__ == "__main__":
    sys.exit(main())
