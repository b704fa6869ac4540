"""Sign a run's result or its plan with an Ed25519 key, or make a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fiducial.cli import _shared
from fiducial.kernel.errors import UsageError


def command(
    run: Annotated[Path | None, typer.Argument(metavar="RUN", help="A run's directory.")] = None,
    key: Annotated[Path | None, typer.Option(help="Private key (PEM).")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Sign the plan instead, before the first question.")] = False,
    new_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Make a key here, its public half beside it as FILE.pub.")] = None,
) -> int:
    """Sign a run's latest revision, or its plan, with an Ed25519 key; earlier signatures stay. Or make a key."""
    from fiducial.store import attest
    from fiducial.store.run import Run

    if new_key is not None:
        _shared.only_one("attest --new-key, RUN, --key, --plan", new_key, run or key or plan or None)
        attest.make_key(new_key)
        print(f"key     {new_key} (keep it to yourself)\npublic  {new_key}.pub (give it to whoever verifies)")
        return 0
    if run is None or key is None:
        raise UsageError("attest: needs RUN and --key KEY, or --new-key FILE")
    sign = attest.attest_plan if plan else attest.attest
    path = sign(Run.open(run), attest.read_key(key))
    print(f"signed  {path}")
    signers = [signature.keyid[:16] for signature in attest.read_envelope(path).signatures]
    if len(signers) > 1:
        print(f"        by {len(signers)} keys: {', '.join(signers)}")
    return 0
