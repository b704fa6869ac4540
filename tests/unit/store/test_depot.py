"""A run at a URL: put once, brought back whole, held by one; and a journal that is carried there while it is written."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from tests.unit.store.test_journal import RUN, call

from fiducial.kernel.errors import RunLocked, StoreError, UsageError
from fiducial.store import depot as depots
from fiducial.store import shipping
from fiducial.store.depot import LEASE, Depot
from fiducial.store.journal import Journal
from fiducial.store.run import Run
from fiducial.store.verify import verify


def at(folder: Path) -> Depot:
    return Depot.open(f"file://{folder}/depot/run")


def test_a_run_comes_back_whole(finished: Run, tmp_path: Path) -> None:
    depot = at(tmp_path)
    assert depot.files() == {}
    put = depot.put_all(finished.path)
    assert put[-1] == "revisions/2/manifest.json"
    assert not [name for name in depot.files() if "lock" in name or name.startswith("tmp")]
    again = tmp_path / "again"
    assert sorted(depot.fetch(again)) == sorted(put)
    assert verify(again).ok
    assert {path.name: path.read_bytes() for path in again.rglob("*.json")} == {
        path.name: path.read_bytes() for path in finished.path.rglob("*.json")
    }


def test_what_is_there_is_left_and_what_differs_is_refused(finished: Run, tmp_path: Path) -> None:
    depot = at(tmp_path)
    depot.put_all(finished.path)
    renewed = {"responses.parquet", "released.parquet", "stopping.jsonl"}
    assert set(depot.put_all(finished.path)) == renewed
    assert set(depot.fetch(finished.path)) == renewed - {"stopping.jsonl"}
    segment = finished.path / "calls" / "w0-0.jsonl"
    segment.write_bytes(segment.read_bytes() + b"x")
    for method in (depot.put_all, depot.fetch):
        with pytest.raises(StoreError, match=r"w0-0\.jsonl"):
            method(finished.path)
    with pytest.raises(StoreError, match=r"w0-0\.jsonl"):
        depot.put(finished.path, "calls/w0-0.jsonl")


def test_decisions_are_never_shortened(finished: Run, tmp_path: Path) -> None:
    depot = at(tmp_path)
    stops = finished.path / "stopping.jsonl"
    depot.put(finished.path, stops.name)
    longer = stops.read_bytes() * 2
    stops.write_bytes(longer)
    depot.fetch(finished.path)
    assert stops.read_bytes() == longer
    depot.put(finished.path, stops.name)
    stops.write_bytes(b"")
    depot.fetch(finished.path)
    assert stops.read_bytes() == longer


def test_a_revision_that_was_not_put_whole_is_not_brought_and_may_be_put_anew(finished: Run, tmp_path: Path) -> None:
    depot, there = at(tmp_path), tmp_path / "depot" / "run" / "revisions" / "2"
    depot.put_all(finished.path)
    (there / "manifest.json").unlink()
    (there / "report.html").write_text("cut off here")
    assert not [name for name in depot.fetch(tmp_path / "again") if name.startswith("revisions/2/")]
    depot.put_all(finished.path)
    assert (there / "report.html").read_bytes() == (finished.path / "revisions/2/report.html").read_bytes()


def test_names_that_leave_the_folder_are_not_brought(finished: Run, tmp_path: Path) -> None:
    depot = at(tmp_path)
    depot.put_all(finished.path)
    inside = tmp_path / "depot" / "run"
    for name in ("calls/.hidden", "a b.txt", "calls/x/y/z/deep.txt", "w0.lock"):
        (inside / name).parent.mkdir(parents=True, exist_ok=True)
        (inside / name).write_text("x")
    assert not set(depot.files()) & {"calls/.hidden", "a b.txt", "calls/x/y/z/deep.txt", "w0.lock"}
    sizes = {"../up.txt": 1, "/etc/x": 1, "a/../../b": 1}
    assert not [name for name in sizes if depots.NAMES.fullmatch(name)]


@pytest.mark.parametrize(
    "url", ["runs/a", "s3://", "s3:///", "x y://b/a", "s3://key:secret@bucket/a", "simplecache::s3://b/a", "s3://b/a?k=v"]
)
def test_a_url_that_is_none_or_holds_a_key_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Depot.open(url)
    assert "secret" not in str(raised.value)


def test_a_protocol_of_no_package_is_named() -> None:
    with pytest.raises(UsageError, match="nosuch"):
        Depot.open("nosuch://bucket/run")


def test_one_holds_it_until_it_lets_go_or_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depot = at(tmp_path)
    with depot.hold():
        with pytest.raises(RunLocked, match="is being written by"), at(tmp_path).hold():
            raise AssertionError
        (tmp_path / "depot" / "run" / LEASE).write_text(json.dumps({"owner": "other:1:a", "until": time.time() + 30}))
    with pytest.raises(RunLocked, match="other:1:a"), depot.hold():  # it left the lease of another as it was
        raise AssertionError
    (tmp_path / "depot" / "run" / LEASE).write_text(json.dumps({"owner": "other:1:a", "until": time.time() - 1}))
    monkeypatch.setattr(depots, "LEASE_SECONDS", 0.3)
    with depot.hold():
        time.sleep(0.6)  # twice as long as a lease: it is renewed
        with pytest.raises(RunLocked), at(tmp_path).hold():
            raise AssertionError
    with depot.hold():
        pass
    (tmp_path / "depot" / "run" / LEASE).write_text("[]")
    with pytest.raises(StoreError, match="is no lease"), depot.hold():
        raise AssertionError


def test_a_journal_is_carried_away_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping.Shipper.__init__, "__defaults__", (0.05,))
    depot, root = at(tmp_path), tmp_path / "run"
    with Journal.open(root / "calls", RUN, ship=lambda path: depot.put(root, f"calls/{path.name}")) as journal:
        for n in range(12):
            journal.append(call(n))
            if n % 4 == 3:
                until = time.monotonic() + 20
                while len(depot.files()) < n // 4 + 1 and time.monotonic() < until:
                    time.sleep(0.01)
        assert [journal.find(call(n).key) is not None for n in range(12)] == [True] * 12
    shutil.rmtree(root)  # the machine is lost
    depot.fetch(root)
    assert len(list((root / "calls").glob("*.jsonl"))) >= 3
    with Journal.open(root / "calls", RUN) as journal:  # checks the chain over all segments
        assert len(journal) == 12
        journal.append(call(12))


def test_a_store_that_fails_is_tried_again_and_said_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping.Shipper.__init__, "__defaults__", (0.02,))
    monkeypatch.setattr(shipping, "TRIES", 2)
    shipped: list[str] = []
    failures = [1]

    def ship(path: Path) -> None:
        if failures[0]:
            failures[0] -= 1
            raise StoreError("cannot write there: no route")
        shipped.append(path.name)

    with Journal.open(tmp_path / "a", RUN, ship=ship) as journal:
        journal.append(call(1))
    assert shipped == ["w0-0.jsonl"]
    failures[0] = 10**9
    journal = Journal.open(tmp_path / "b", RUN, ship=ship)
    journal.append(call(1))
    with pytest.raises(StoreError, match=r"no route.*what was not shipped is in"):
        journal.close()
    with Journal.open(tmp_path / "b", RUN) as journal:
        assert len(journal) == 1
    monkeypatch.setattr(shipping, "PATIENCE", 0.05)
    journal = Journal.open(tmp_path / "c", RUN, ship=ship)
    journal.append(call(1))
    time.sleep(0.5)  # many times its patience
    with pytest.raises(StoreError, match="no route"):
        journal.append(call(2))
    with pytest.raises(StoreError):
        journal.close()
