"""The command line: one file a command, imported when it is called.

A module `cli/<name>.py` (or `<name>_.py`, where the name is a Python word) defines ``command``, a typed function, or
``app``, a `typer.Typer` of several commands. Its docstring's first line is the help in the list.
"""

from __future__ import annotations

import gc
import sys

USAGE = 2
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the return value is the exit code. `--debug` anywhere shows tracebacks."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if words and words[0] in {"--version", "-V"}:
        from importlib.metadata import version

        print(f"fiducial {version('fiducial')}")
        return 0
    from fiducial.cli._group import run

    return run(words, debug=debug)


def script() -> None:
    """The console script. What is imported stays: looking for cycles among it takes a twelfth of a short command's time."""
    gc.set_threshold(50_000, 20, 20)
    sys.exit(main())
