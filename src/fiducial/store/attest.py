"""Signed statements: an in-toto Statement v1 in a DSSE envelope, by the user's own Ed25519 key.

`attest_plan` signs the plan before the first question; `attest` signs a sealed revision. What is signed already keeps its
signatures: the next one, a witness's, stands beside them. Needs nothing but a key file; docs/reference/files.md says how a
stranger checks one.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fiducial.kernel.digest import canonical
from fiducial.kernel.errors import StoreError
from fiducial.kernel.records import Record
from fiducial.store.disk import disk, document, sync_folder, write_whole
from fiducial.store.manifest import ATTESTATION, MANIFEST, PLAN_ATTESTATION, file_digest
from fiducial.store.run import Revision, Run
from fiducial.store.segments import segments

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PLAN_PREDICATE = "urn:fiducial:plan:1"
REVISION_PREDICATE = "urn:fiducial:revision:1"
ROOT = "merkleRoot"
"""Name of a content root in a statement's digests; ``sha256`` there is the file's."""


class Signature(Record, frozen=True, kw_only=True):
    """A signature (base64) over the envelope's pre-authentication encoding; `keyid` is the SHA-256 of the raw public key."""

    keyid: str
    sig: str


class Envelope(Record, frozen=True, kw_only=True):
    """A DSSE envelope; `payload` is base64."""

    payloadType: str  # noqa: N815 - the name that the DSSE format prescribes
    payload: str
    signatures: tuple[Signature, ...]


def make_key(path: Path) -> Ed25519PublicKey:
    """Write a new private key (PEM, only for its owner to read) and its public half beside it as ``<path>.pub``."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with disk("cannot write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    public = key.public_key()
    write_whole(path.with_name(path.name + ".pub"), public_pem(public))
    return public


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 bytes of a public key, 64 hex digits."""
    return sha256(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)).hexdigest()


def read_key(path: Path) -> Ed25519PrivateKey:
    """A private key file. Raises `StoreError` where others may read it, or it holds none."""
    with disk("cannot read", path):
        if path.stat().st_mode & 0o077:
            raise StoreError(f"{path}: a private key must be readable by its owner alone; chmod 600 it")
        data = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StoreError(f"{path}: holds no Ed25519 private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{path}: must hold an Ed25519 private key, got {type(key).__name__}")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """A public key file in PEM."""
    with disk("cannot read", path):
        data = path.read_bytes()
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StoreError(f"{path}: holds no Ed25519 public key in PEM: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise StoreError(f"{path}: must hold an Ed25519 public key, got {type(key).__name__}")
    return key


def attest_plan(run: Run, key: Ed25519PrivateKey) -> Path:
    """Sign the plan, beside whoever signed it already.

    Raises `StoreError` once a call was made (a pre-registration comes before the first question), and where the files are not those
    that the plan states.
    """
    if segments(run.path / "calls"):
        raise StoreError(f"{run.path}: the plan can be signed before the first question only; calls were made")
    plan = run.plan
    for name, stated in (("spec.toml", plan.spec), ("trials.parquet", plan.trials_file)):
        if file_digest(run.path / name)[0] != stated:
            raise StoreError(f"{run.path / name}: was changed since the plan was written; it is not signed")
    if plan.id != plan.own_id():
        raise StoreError(f"{run.path / 'plan.json'}: was changed: it states the id {plan.id}, its content gives {plan.own_id()}")
    return _sign(run.path / PLAN_ATTESTATION, plan_statement(run.path, plan.id, plan.trials), key)


def attest(run: Run, key: Ed25519PrivateKey, revision: Revision | None = None) -> Path:
    """Sign a sealed revision, by default the latest, beside whoever signed it already.

    Raises `StoreError` where it is not sealed, or where the attestation that lies there states something else.
    """
    if revision is None and not run.revisions():
        raise StoreError(f"{run.path}: has no revision yet; before the first question its plan can be signed (attest --plan)")
    folder = run.revision(revision)
    if not (folder / MANIFEST).exists():
        raise StoreError(f"{folder}: is not sealed, so there is nothing to sign yet")
    return _sign(folder / ATTESTATION, revision_statement(run, folder), key)


def countersign(path: Path, key: Ed25519PrivateKey) -> None:
    """Add a signature (a witness's) to an attestation. The statement and the other signatures stay as they are."""
    envelope = read_envelope(path)
    mine = _signature(envelope.payloadType, _payload(path, envelope), key)
    others = tuple(signature for signature in envelope.signatures if signature.keyid != mine.keyid)
    write_whole(path, document(msgspec.structs.replace(envelope, signatures=(*others, mine))))


def plan_statement(run: Path, run_id: str, root: str) -> dict[str, Any]:
    """What is signed of a plan, as its files are now."""
    subjects = [{"name": name, "digest": {"sha256": file_digest(run / name)[0]}} for name in ("plan.json", "spec.toml", "trials.parquet")]
    subjects[2]["digest"][ROOT] = root
    return {"_type": STATEMENT, "subject": subjects, "predicateType": PLAN_PREDICATE, "predicate": {"run": run_id}}


def revision_statement(run: Run, folder: Path) -> dict[str, Any]:
    """What is signed of a sealed revision, as its manifest is now."""
    manifest = run.manifest(folder)
    name = (folder / MANIFEST).relative_to(run.path).as_posix()
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": file_digest(folder / MANIFEST)[0], ROOT: manifest.root}}],
        "predicateType": REVISION_PREDICATE,
        "predicate": {"run": run.plan.id, "revision": manifest.revision, "manifest": manifest.digest},
    }


def check(path: Path, statement: dict[str, Any], keys: Sequence[Ed25519PublicKey]) -> tuple[str, ...]:
    """The ids of those of the keys that signed the attestation in a file.

    Raises `StoreError` where none did, where a signature under the name of one does not fit, or where something else is stated.
    """
    envelope = read_envelope(path)
    if envelope.payloadType != PAYLOAD_TYPE:
        raise StoreError(f"{path}: the payload type must be {PAYLOAD_TYPE}, got {envelope.payloadType!r}")
    payload = _payload(path, envelope)
    named = {signature.keyid for signature in envelope.signatures}
    signers: list[str] = []
    for key in keys:
        name = key_id(key)
        if any(_signs(signature, envelope.payloadType, payload, key) for signature in envelope.signatures):
            signers.append(name)
        elif name in named:
            raise StoreError(f"{path}: was changed: the signature of key {name[:16]} does not fit the statement")
    if not signers:
        wanted = " or ".join(key_id(key)[:16] for key in keys)
        raise StoreError(f"{path}: is not signed by key {wanted}, but by {', '.join(sorted(name[:16] for name in named)) or 'nobody'}")
    if payload != canonical(statement):
        raise StoreError(
            f"{path}: what was signed is not what lies there now: signed {_roots(payload)}, there is {_roots(canonical(statement))}"
        )
    return tuple(signers)


def read_envelope(path: Path) -> Envelope:
    """An attestation file. Raises `StoreError` where it is none."""
    with disk("cannot read", path):
        data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: is not a DSSE envelope: {error}") from error


def _sign(path: Path, statement: dict[str, Any], key: Ed25519PrivateKey) -> Path:
    """Write a new attestation, or add to the one that lies there; one of another statement is never overwritten."""
    payload = canonical(statement)
    if not path.exists():
        encoded = base64.b64encode(payload).decode()
        write_whole(
            path, document(Envelope(payloadType=PAYLOAD_TYPE, payload=encoded, signatures=(_signature(PAYLOAD_TYPE, payload, key),)))
        )
        return path
    signed = _payload(path, read_envelope(path))
    if signed != payload:
        raise StoreError(
            f"{path}: states something else than what lies there now: signed {_roots(signed)}, there is {_roots(payload)}; "
            "it is not overwritten"
        )
    countersign(path, key)
    return path


def _encoded(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of DSSE: what is really signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _signature(payload_type: str, payload: bytes, key: Ed25519PrivateKey) -> Signature:
    signed = key.sign(_encoded(payload_type, payload))
    return Signature(keyid=key_id(key.public_key()), sig=base64.b64encode(signed).decode())


def _signs(signature: Signature, payload_type: str, payload: bytes, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(base64.b64decode(signature.sig, validate=True), _encoded(payload_type, payload))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _payload(path: Path, envelope: Envelope) -> bytes:
    try:
        return base64.b64decode(envelope.payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise StoreError(f"{path}: was changed: the payload is not base64") from error


def _roots(payload: bytes) -> str:
    try:
        subjects = json.loads(payload)["subject"]
        return ", ".join(f"{subject['name']} {subject['digest']['sha256'][:16]}" for subject in subjects)
    except (ValueError, KeyError, TypeError):
        return "something else"
