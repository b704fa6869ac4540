"""Check a run: is it unchanged, is it complete, is it anchored?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.cli._shared import Json

WORDS = {True: "in order", False: "NOT IN ORDER", None: "not asked"}


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's directory.")],
    key: Annotated[list[Path] | None, typer.Option(help="Public key (PEM) that must have signed it; may be repeated.")] = None,
    root: Annotated[str | None, typer.Option(help="Root that it must have, as noted elsewhere.")] = None,
    as_json: Json = False,
) -> int:
    """Check a run: is it unchanged (integrity), is it complete (completeness), is it anchored (anchor)?

    Exit code: 0 all that was asked is in order, 1 something is not, or the run is not finished, 2 it is not a run.
    """
    from fiducial.store.attest import read_public_key
    from fiducial.store.verify import verify

    report = verify(run, keys=[read_public_key(one) for one in key or []], root=root)
    if as_json:
        _shared.print_json(report)
        return 0 if report.ok else 1
    for name, answer in (("integrity", report.integrity), ("completeness", report.completeness), ("anchor", report.anchor)):
        print(f"{name:13} {WORDS[answer.held]}")
        for problem in answer.problems:
            print(f"  {problem.file}: {problem.text}")
        for note in answer.notes:
            print(f"  note: {note}")
    if report.root is not None:
        print(f"root          {report.root} (revision {report.revision})")
    return 0 if report.ok else 1
