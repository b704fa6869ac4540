"""Whether somebody outside of a run vouches for it: by a root that was noted elsewhere, or by signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fiducial.kernel.errors import StoreError
from fiducial.store import attest
from fiducial.store.disk import disk
from fiducial.store.findings import Answer, Findings
from fiducial.store.manifest import ATTESTATION, MANIFEST, PLAN_ATTESTATION, Manifest, file_digest
from fiducial.store.run import Run
from fiducial.store.segments import segments


def anchor(run: Run, sealed: Mapping[int, Manifest], keys: Sequence[Ed25519PublicKey] = (), root: str | None = None) -> Answer:
    """The answer to the third question.

    Args:
        run: the run.
        sealed: its readable manifests by revision.
        keys: who must have signed. The latest sealed revision must be signed; each attestation of it and of the plan must carry one
            of these keys, and each key must stand under one of the two. A signed plan alone anchors a run that was never asked.
        root: the content root that the latest sealed revision must have, or the SHA-256 of plan.json.
    """
    found = Findings(run.path)
    latest = sealed[max(sealed)] if sealed else None
    if root is not None:
        _root(run, latest, root, found)
    plan = run.path / PLAN_ATTESTATION
    files = [plan] if latest is None else [plan, run.path / "revisions" / str(latest.revision) / ATTESTATION]
    there = [path for path in files if path.exists()]
    if not keys:
        found.notes += [f"{found.name(path)} is there; give --key to check it" for path in there]
        return found.answer() if root is not None else Answer(held=None, notes=("not anchored", *found.notes))
    if latest is not None and files[-1] not in there:
        found.add(files[-1], f"is missing: revision {latest.revision} is unsigned{_before(run, sealed)}")
    elif latest is None and (segments(run.path / "calls") or (run.path / "responses.parquet").exists() or run.revisions()):
        found.add("revisions", "no revision is sealed: there are answers, and no result that anybody could have signed")
    elif not there:
        found.add(plan, "is missing: there is no attestation to check with the key")
    signed = {name for path in there for name in _signers(run, path, keys, found)}
    for name in (attest.key_id(key) for key in keys):
        if name not in signed and not found.problems:
            what = "the plan" if latest is None else f"the plan and revision {latest.revision}"
            found.add(files[-1], f"key {name[:16]} signed nothing of what lies here ({what})")
    return found.answer()


def _root(run: Run, latest: Manifest | None, root: str, found: Findings) -> None:
    plan_root, _ = file_digest(run.path / "plan.json")
    roots = {plan_root: "plan: it stands for the questions, not for the result"}
    if latest is not None:
        roots[latest.root] = f"revision {latest.revision}"
    if root.lower() in roots:
        found.notes.append(f"the root given is that of the {roots[root.lower()]}")
    else:
        file = "plan.json" if latest is None else f"revisions/{latest.revision}/{MANIFEST}"
        found.add(file, f"the root is {' or '.join(roots)}, not {root}")


def _signers(run: Run, path: Path, keys: Sequence[Ed25519PublicKey], found: Findings) -> tuple[str, ...]:
    """The keys that an attestation carries; none, and a problem, where it does not hold."""
    try:
        with disk("cannot read", path):
            signers = attest.check(path, _statement(run, path), keys)
    except StoreError as error:
        found.add(path, str(error))
        return ()
    found.notes += [f"{found.name(path)} is signed by key {name[:16]}" for name in signers]
    return signers


def _before(run: Run, sealed: Mapping[int, Manifest]) -> str:
    """Which earlier revision somebody did sign, as words."""
    signed = [number for number in sorted(sealed)[:-1] if (run.path / "revisions" / str(number) / ATTESTATION).exists()]
    return f", revision {signed[-1]} has a signature" if signed else ""


def _statement(run: Run, path: Path) -> dict[str, Any]:
    if path.name == PLAN_ATTESTATION:
        return attest.plan_statement(run.path, run.plan.id, run.plan.trials)
    return attest.revision_statement(run, path.parent)
