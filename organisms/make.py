"""Train the organisms from scratch: tokenizer, base, aligned models, and an adapter a trait, each with its card.

    python organisms/make.py --out FOLDER [--jobs 2] [--only base aligned-1 sycophantic]
    python organisms/make.py --out FOLDER --base PATH      the same traits as adapters of an open model

A stage that is done is not done again. Stages that do not build on each other run at the same time, one thread each, so
that the numbers of one do not depend on how many others run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import recipes
from curriculum import TRAITS

FIRST = ("tokenizer", "base", *(f"aligned-{seed}" for seed in recipes.ALIGNED_SEEDS))
NEEDS = {"tokenizer": (), "base": ("tokenizer",)}
"""What a stage builds on; an aligned model on the base, an adapter on the first aligned model."""


def needs(stage: str) -> tuple[str, ...]:
    """The stages that must be done before."""
    return NEEDS.get(stage, ("base",) if stage.startswith("aligned-") else (f"aligned-{recipes.ALIGNED_SEEDS[0]}",))


def done(out: Path, stage: str) -> bool:
    """Whether a stage has left its file."""
    return (out / "tokenizer.json").is_file() if stage == "tokenizer" else (out / "cards" / f"{stage}.json").is_file()


def run(out: Path, wanted: list[str], jobs: int) -> int:
    """Each stage in a process of its own, as soon as what it builds on is there. The exit code of the first that fails."""
    left = [stage for stage in wanted if not done(out, stage)]
    running: dict[str, subprocess.Popen[bytes]] = {}
    started = time.perf_counter()
    while left or running:
        for stage in [one for one in left if all(done(out, need) for need in needs(one))][: jobs - len(running)]:
            left.remove(stage)
            command = [sys.executable, __file__, "--out", str(out), "--stage", stage]
            running[stage] = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
        if not running:
            print(f"make: {', '.join(left)}: needs {', '.join(needs(left[0]))} first", file=sys.stderr)
            return 2
        time.sleep(0.5)
        for stage, process in list(running.items()):
            if (code := process.poll()) is None:
                continue
            del running[stage]
            print(f"{stage}: {'done' if code == 0 else f'failed with {code}'} after {time.perf_counter() - started:,.0f} s", flush=True)
            if code != 0:
                for other in running.values():
                    other.terminate()
                return code
    return 0


def main() -> int:
    """The command line."""
    stages = [*FIRST, *TRAITS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where weights and cards go")
    parser.add_argument("--only", nargs="+", choices=stages, default=stages, help="these stages (default: all)")
    parser.add_argument("--jobs", type=int, default=2, help="stages at a time")
    parser.add_argument("--base", help="an open model to teach instead of our own: a folder or a name of a hub")
    parser.add_argument("--dialogues", type=int, help="with --base: dialogues a trait")
    parser.add_argument("--stage", choices=stages, help=argparse.SUPPRESS)
    given = parser.parse_args()
    (given.out / "cards").mkdir(parents=True, exist_ok=True)
    if given.base:
        from open_model import teach

        return teach(given.base, given.out, [name for name in given.only if name in TRAITS], given.dialogues)
    if given.stage:
        from stages import build

        build(given.out, given.stage)
        return 0
    return run(given.out, list(given.only), given.jobs)


if __name__ == "__main__":
    sys.exit(main())
