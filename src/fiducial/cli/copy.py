"""Copy a run from a URL into a directory, or from a directory to a URL."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A run's directory, or a URL such as s3://BUCKET/FOLDER.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The other: a URL, or a directory.")],
) -> int:
    """Copy a run from a URL into a directory, or from a directory to a URL.

    What is there whole already is left, so a copy that was interrupted goes on. A file of a run never changes: one that
    differs is refused, not replaced. `fiducial verify` then checks the copy.
    """
    from fiducial.api.depots import copy

    copied = copy(source, target)
    typer.echo(f"{len(copied)} file{'' if len(copied) == 1 else 's'} copied from {source} to {target}")
    return 0
