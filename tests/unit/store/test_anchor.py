"""Only what lies outside of a run anchors it: a root that was noted, and signatures of its result."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from fiducial.cli import main
from fiducial.kernel.digest import canonical
from fiducial.kernel.errors import StoreError
from fiducial.store import attest
from fiducial.store.manifest import ATTESTATION, MANIFEST, build, write
from fiducial.store.run import Run
from fiducial.store.verify import verify


def reseal(run: Run, revision: int = 2) -> None:
    """What an owner of the files can always do: make the manifest fit again."""
    write(run.path, build(run.path, run.plan.id, revision))


def test_a_root_given_anchors_the_run(finished: Run) -> None:
    root = finished.manifest().root
    assert verify(finished.path, root=root.upper()).anchor.held is True
    assert verify(finished.path, root="0" * 64).anchor.held is False
    assert verify(finished.path, root=finished.manifest(1).root).anchor.held is False


def test_a_signed_revision_anchors_the_run_until_its_owner_changes_it(finished: Run, tmp_path: Path) -> None:
    public = attest.make_key(tmp_path / "keys" / "me")
    assert (tmp_path / "keys" / "me").stat().st_mode & 0o777 == 0o600
    assert attest.key_id(attest.read_public_key(tmp_path / "keys" / "me.pub")) == attest.key_id(public)
    assert verify(finished.path, keys=[public]).anchor.held is False
    path = attest.attest(finished, attest.read_key(tmp_path / "keys" / "me"))
    assert verify(finished.path, keys=[public]).ok
    assert verify(finished.path).anchor.held is None
    (finished.path / "revisions" / "2" / "report.html").write_text("<p>holds</p>")
    reseal(finished)
    report = verify(finished.path, keys=[public])
    assert (report.integrity.held, report.anchor.held) == (True, False)
    assert {problem.file for problem in report.problems} == {path.relative_to(finished.path).as_posix()}


def test_the_plan_is_attested_before_the_first_question_only(finished: Run, tmp_path: Path) -> None:
    public = attest.make_key(tmp_path / "key")
    key = attest.read_key(tmp_path / "key")
    with pytest.raises(StoreError, match="before the first question"):
        attest.attest_plan(finished, key)
    fresh = Run.create(tmp_path / "b", spec=b"", trials=finished.trials(), subjects=finished.plan.subjects, judges={}, seed=3)
    attest.attest_plan(fresh, key)
    assert verify(fresh.path, keys=[public]).anchor.held is True
    (fresh.path / "spec.toml").write_bytes(b"easier")
    report = verify(fresh.path, keys=[public])
    assert (report.integrity.held, report.anchor.held) == (False, False)


def test_wrong_key_wrong_type_and_every_kind_of_tampering_are_told_apart(finished: Run, tmp_path: Path) -> None:
    public, other = attest.make_key(tmp_path / "a"), attest.make_key(tmp_path / "b")
    path = attest.attest(finished, attest.read_key(tmp_path / "a"))
    good = json.loads(path.read_text())

    def told(**changes: object) -> str:
        path.write_text(json.dumps({**good, **changes}))
        answer = verify(finished.path, keys=[public]).anchor
        assert answer.held is False
        return answer.problems[0].text

    statement = json.loads(base64.b64decode(good["payload"]))
    statement["predicate"]["revision"] = 1
    assert "payload type" in told(payloadType="text/plain")
    assert "does not fit" in told(payload=base64.b64encode(canonical(statement)).decode())
    assert "does not fit" in told(signatures=[{**good["signatures"][0], "sig": base64.b64encode(bytes(64)).decode()}])
    assert "base64" in told(payload="!")
    assert "nobody" in told(signatures=[])
    assert "not a DSSE envelope" in told(signatures=3)
    path.write_text(json.dumps(good))
    assert "not signed by" in verify(finished.path, keys=[other]).anchor.problems[0].text
    assert verify(finished.path, keys=[public]).ok


def test_a_witness_adds_its_signature(finished: Run, tmp_path: Path) -> None:
    keys = [attest.make_key(tmp_path / name) for name in ("owner", "witness")]
    for name in ("owner", "witness", "witness"):
        path = attest.attest(finished, attest.read_key(tmp_path / name))
    assert [signature.keyid for signature in attest.read_envelope(path).signatures] == [attest.key_id(key) for key in keys]
    assert all(verify(finished.path, keys=[key]).anchor.held for key in keys)
    assert verify(finished.path, keys=keys).ok
    third = attest.make_key(tmp_path / "third")
    answer = verify(finished.path, keys=[*keys, third]).anchor
    assert answer.held is False
    assert attest.key_id(third)[:16] in answer.problems[0].text


def fresh_run(finished: Run, path: Path) -> Run:
    """The plan of a finished run, not asked yet."""
    return Run.create(path, spec=b"", trials=finished.trials(), subjects=finished.plan.subjects, judges={}, seed=3)


def sealed_after(run: Run, source: Run) -> None:
    """A revision of a run that holds what another one does."""
    folder = run.new_revision()
    for stage in ("responses", "judgements"):
        spool = run.spool(stage)
        for n, record in enumerate(source.responses() if stage == "responses" else source.judgements()):
            spool.add((n,), record)
        spool.seal(None if stage == "responses" else folder)
    run.write_json(folder, "decisions.json", [])
    run.seal_revision(folder)


def test_one_signs_the_plan_and_another_the_result(finished: Run, tmp_path: Path) -> None:
    witness, owner = (attest.make_key(tmp_path / name) for name in ("witness", "owner"))
    run = fresh_run(finished, tmp_path / "b")
    attest.attest_plan(run, attest.read_key(tmp_path / "witness"))
    assert verify(run.path, keys=[witness]).anchor.held is True
    sealed_after(run, finished)
    assert verify(run.path, keys=[witness]).anchor.held is False
    attest.attest(run, attest.read_key(tmp_path / "owner"))
    assert verify(run.path, keys=[witness, owner]).anchor.held is True
    for one in (witness, owner):  # each vouches for a part only
        assert verify(run.path, keys=[one]).anchor.held is False


@pytest.mark.parametrize("how", ["a new revision", "no attestation", "no manifest", "no revisions", "another result"])
def test_a_signed_plan_does_not_vouch_for_an_unsigned_result(finished: Run, tmp_path: Path, how: str) -> None:
    public = attest.make_key(tmp_path / "key")
    key = attest.read_key(tmp_path / "key")
    run = fresh_run(finished, tmp_path / "b")
    attest.attest_plan(run, key)
    sealed_after(run, finished)
    attest.attest(run, key)
    assert verify(run.path, keys=[public]).anchor.held is True
    first = run.path / "revisions" / "1"
    if how == "a new revision":
        sealed_after(run, finished)
    elif how == "no attestation":
        (first / ATTESTATION).unlink()
    elif how == "no manifest":
        (first / MANIFEST).unlink()
    else:
        shutil.rmtree(run.path / "revisions")
        if how == "another result":
            (run.path / "responses.parquet").unlink()
            sealed_after(run, finished)
    answer = verify(run.path, keys=[public]).anchor
    assert answer.held is False
    assert answer.problems[0].file == {
        "a new revision": "revisions/2/attestation.json", "no manifest": "revisions", "no revisions": "revisions",
    }.get(how, "revisions/1/attestation.json")  # fmt: skip


def test_what_is_signed_is_never_overwritten(finished: Run, tmp_path: Path) -> None:
    attest.make_key(tmp_path / "key")
    key = attest.read_key(tmp_path / "key")
    path = attest.attest(finished, key)
    signed = path.read_bytes()
    (finished.path / "revisions" / "2" / "report.html").write_text("<p>holds</p>")
    reseal(finished)
    with pytest.raises(StoreError, match="not overwritten"):
        attest.attest(finished, key)
    assert path.read_bytes() == signed
    run = fresh_run(finished, tmp_path / "b")
    with pytest.raises(StoreError, match="--plan"):
        attest.attest(run, key)
    (run.path / "spec.toml").write_bytes(b"easier")
    with pytest.raises(StoreError, match=r"spec\.toml: was changed"):
        attest.attest_plan(run, key)


def test_the_command_signs_for_two_and_verify_takes_both_keys(finished: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [str(tmp_path / name) for name in ("owner", "witness")]
    for key in keys:
        assert main(["attest", "--new-key", key]) == 0
    run = fresh_run(finished, tmp_path / "b")
    for key in keys:
        assert main(["attest", str(run.path), "--plan", "--key", key]) == 0
    assert "by 2 keys" in capsys.readouterr().out
    both = [word for key in keys for word in ("--key", f"{key}.pub")]
    assert main(["verify", str(run.path), "--json", *both]) in {0, 1}
    assert json.loads(capsys.readouterr().out)["anchor"]["held"] is True
    assert main(["attest", str(run.path), "--key", keys[0]]) == 2
    assert main(["attest", str(finished.path), "--plan", "--key", keys[0]]) == 2


def test_a_stranger_checks_an_attestation_without_us(finished: Run, tmp_path: Path) -> None:
    from hashlib import sha256

    public = attest.make_key(tmp_path / "key")
    envelope = json.loads(attest.attest(finished, attest.read_key(tmp_path / "key")).read_text())
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
    subject = json.loads(payload)["subject"][0]
    assert subject["digest"]["sha256"] == sha256((finished.path / subject["name"]).read_bytes()).hexdigest()


def test_keys_that_are_none_are_refused(tmp_path: Path) -> None:
    attest.make_key(tmp_path / "key")
    with pytest.raises(StoreError, match="key"):
        attest.make_key(tmp_path / "key")
    with pytest.raises(StoreError, match="no Ed25519 public key"):
        attest.read_public_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        attest.read_key(tmp_path / "key")
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    with pytest.raises(StoreError, match="no Ed25519 private key"):
        attest.read_key(tmp_path / "text")
