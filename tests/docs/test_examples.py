"""Every example of the documentation is carried out, page by page, from top to bottom, in a folder of its own.

A page's fences: ``console`` holds commands after ``$`` (continued lines after ``>``) and what they print, with ``...`` for
what varies and ``# exit N`` for an exit code that is not 0; one that ends in ``&`` goes on in the background. A fence with
``title="NAME"`` is a file. ``python`` is a script whose output stands in a ``text`` fence right below. Ports that start
with 84 are replaced by free ones. To see what a page prints: ``python tests/docs/test_examples.py PAGE``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fiducial.organisms import catalogue

ROOT = Path(__file__).parents[2]
OTHERS = ("reference/judges.md", "reference/benchmarks/", "reference/perturbations.md", "reference/environments.md",
          "reference/files.md", "reference/coverage.md", "reference/subjects.md", "how-to/reproduce.md")  # fmt: skip
"""Pages whose fences are fragments or file formats; tests of their own hold them."""

FENCE = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL)
PORT = re.compile(r"\b84\d\d\b")
PROGRESS = re.compile(r"^\d+/\d+ trials, .*\n|^\r.*\n?", re.MULTILINE)
SHOWN = {"console", "text", "python", "toml", "csv", "jsonl", "json", "yaml", "xml", "markdown"}


def pages() -> list[Path]:
    found = [path for path in sorted((ROOT / "docs").rglob("*.md")) if not str(path.relative_to(ROOT / "docs")).startswith(OTHERS)]
    return [ROOT / "README.md", *found]


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])
def test_the_examples_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    if asks_organisms(page) and not catalogue.names():
        pytest.skip("its examples need the weights of the organisms, which are not in this checkout")
    run_page(page, tmp_path, expect)


def asks_organisms(page: Path) -> bool:
    """Whether a command of the page runs a shipped organism."""
    fences = FENCE.finditer(page.read_text(encoding="utf-8"))
    return any("organism:" in fence["body"] for fence in fences if fence["language"] == "console")


def test_every_kind_of_page_has_examples() -> None:
    with_examples = [page.relative_to(ROOT).parts[:2] for page in pages() if "```console" in page.read_text(encoding="utf-8")]
    assert {("README.md",), ("docs", "tutorial"), ("docs", "how-to")} <= set(with_examples)


def test_wildcards_stand_for_any_text_and_for_any_lines() -> None:
    assert matches("a ... c\n...\nend\n", "a b c\n1\n2\nend\n")
    assert matches("one\n", "one\n")
    assert not matches("a ... c\n", "a b\nc\n")
    assert not matches("one\n", "one\ntwo\n")
    assert not matches("...\nend\n", "end\nmore\n")


@dataclass
class Page:
    """What a page's examples share: a folder, free ports, processes in the background."""

    folder: Path
    ports: dict[str, str] = field(default_factory=dict)
    background: list[subprocess.Popen[str]] = field(default_factory=list)

    def with_ports(self, text: str) -> str:
        return PORT.sub(lambda found: self.ports.setdefault(found[0], free_port()), text)

    def shown(self, text: str) -> str:
        for name, port in self.ports.items():
            text = text.replace(port, name)
        return "".join(line.rstrip() + "\n" for line in PROGRESS.sub("", text).splitlines())

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "FIDUCIAL_", "PYTEST", "MAKE"))}
        bin_folder = str(Path(sys.executable).parent)
        return {**kept, "PATH": f"{bin_folder}:{kept['PATH']}", "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}

    def command(self, text: str) -> tuple[str, int]:
        """Output and exit code of a command; one in the background is given back once its port answers."""
        text = self.with_ports(text)
        if text == "kill %1":
            self.background.pop().terminate()
            return "", 0
        if text.endswith("&"):
            log = self.folder / ".background"
            with log.open("w", encoding="utf-8") as out:
                words = ["bash", "-c", "exec " + text.removesuffix("&")]
                self.background.append(subprocess.Popen(words, cwd=self.folder, env=self.environment(), stdout=out, stderr=out, text=True))
            wait_for(int(re.search(r"--port (\d+)", text)[1]))  # type: ignore[index]
            return self.shown(log.read_text(encoding="utf-8")), 0
        return self.process(["bash", "-c", text])

    def process(self, words: list[str]) -> tuple[str, int]:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return self.shown(done.stdout), done.returncode


Check = Callable[[str, str, str, int, int], None]
"""Command, expected output, output, expected exit code, exit code."""


def run_page(page: Path, folder: Path, check: Check) -> None:
    shutil.copytree(ROOT / "specs", folder / "specs")
    state = Page(folder)
    found = list(FENCE.finditer(page.read_text(encoding="utf-8")))
    try:
        for number, fence in enumerate(found):
            language, title, body = fence["language"], fence["title"], fence["body"]
            assert language in SHOWN, f"{page.name}: a fence of a kind that is known, got {language!r}"
            if title:
                (folder / title).parent.mkdir(parents=True, exist_ok=True)
                (folder / title).write_text(state.with_ports(body), encoding="utf-8")
            elif language == "console":
                for command, output, code in commands(body):
                    if command == "make quickstart":
                        lend_environment(folder)
                    check(command, output, *reordered(state.command(command), code))
            elif language == "python":
                following = found[number + 1] if number + 1 < len(found) else None
                wanted = following["body"] if following is not None and following["language"] == "text" else ""
                check(body, wanted, *reordered(state.process([sys.executable, "-W", "error", "-c", state.with_ports(body)]), 0))
            elif language == "toml":
                tomllib.loads(body)
            elif language == "json":
                json.loads(body)
    finally:
        for process in state.background:
            process.terminate()
            process.wait(10)


def commands(body: str) -> Iterator[tuple[str, str, int]]:
    """Each command of a console with its output and its exit code."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        command = lines.pop(0)
        while command.endswith("\\"):
            command = command[:-1] + lines.pop(0).removeprefix("> ").lstrip()
        command, _, code = command.partition("  # exit ")
        yield command.strip(), "".join(line + "\n" for line in lines), int(code or 0)


def expect(command: str, wanted: str, got: str, wanted_code: int, code: int) -> None:
    assert code == wanted_code, f"{command}\nexit code {code} instead of {wanted_code}; it printed:\n{got}"
    assert matches(wanted, got), f"{command}\nprinted:\n{got}\ninstead of:\n{wanted}"


def matches(wanted: str, got: str) -> bool:
    """Whether output is as written: a line ``...`` stands for any lines, ``...`` in a line for any text."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else ".*?".join(map(re.escape, line.rstrip().split("..."))) + r"\n" for line in wanted.splitlines()
    )
    return re.fullmatch(pattern, got) is not None


def reordered(done: tuple[str, int], wanted_code: int) -> tuple[str, int, int]:
    return done[0], wanted_code, done[1]


def lend_environment(folder: Path) -> None:
    """A Makefile beside the environment that these tests run in, so that nothing is installed again."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".venv" / ".installed").touch()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port} after 20 s")


def show(command: str, wanted: str, got: str, wanted_code: int, code: int) -> None:
    sign = "ok" if matches(wanted, got) and code == wanted_code else "DIFFERS"
    print(f"[{sign}] $ {command}{f'  # exit {code}' if code else ''}\n{got}", end="")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        run_page(Path(sys.argv[1]), Path(scratch), show)
