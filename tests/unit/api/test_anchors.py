"""Anchors kept with a judge: a planted drift raises the alarm, a steady judge does not."""

from __future__ import annotations

import json

import pytest

from fiducial.api import anchors, runs
from fiducial.api.runs import Settings
from fiducial.cli import main
from fiducial.engine.plan import Options
from fiducial.kernel.errors import UsageError

SPEC = """
[system]
name = "s"
[[principles]]
id = "p"
text = "t"
[benchmarks.over_refusal]
items = 60
perturbations = []
[benchmarks.over_refusal.judges]
refusal = "mine"
[judges.mine]
use = "./moody.py"
"""

# A judge whose id stays the same while what is behind it changes, as with a hosted model.
MOODY = """
import zlib
from pathlib import Path
from fiducial.kernel.roles import Reader, Verdict

def judge():
    def read(case):
        turned = int(Path(__file__).with_name("turned.txt").read_text())
        for aspect in ("full_refusal", "partial_refusal", "any_refusal", "non_refusal"):
            value = float(zlib.crc32((case.unit + aspect).encode()) % 2)
            yield Verdict(aspect, 1 - value if zlib.crc32(case.unit.encode()) // 2 % 100 < turned else value)
    return Reader(name="moody", version="1", read=read)
"""


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "moody.py").write_text(MOODY, encoding="utf-8")
    (tmp_path / "turned.txt").write_text("0", encoding="utf-8")
    result = runs.start(tmp_path / "spec.toml", ("scripted:aligned",), None, tmp_path / "run", Settings(options=Options(seed=1)))
    file = tmp_path / "anchors.jsonl"
    file.write_bytes(anchors.keep(result.path, 50, 0))
    return file


def test_a_steady_judge_is_steady_however_often_it_is_used(kept, tmp_path):
    state = tmp_path / "watch.json"
    watches = [anchors.check(kept, "./moody.py", state) for _ in range(6)]
    assert [watch.read for watch in watches] == [200 * n for n in range(1, 7)]
    assert not any(watch.alarm for watch in watches)
    assert watches[-1].turned == 0


def test_a_planted_drift_raises_the_alarm_and_stays_on_record(kept, tmp_path, capsys):
    state = tmp_path / "watch.json"
    assert main(["judge", "drift", str(kept), "--judge", "./moody.py", "--state", str(state)]) == 0
    (tmp_path / "turned.txt").write_text("15", encoding="utf-8")
    assert main(["judge", "drift", str(kept), "--judge", "mine=spec.toml", "--state", str(state), "--json"]) == 1
    (watch,) = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert 200 < watch["at"] <= 400
    (tmp_path / "turned.txt").write_text("0", encoding="utf-8")
    assert anchors.check(kept, "./moody.py", state).alarm


def test_anchors_are_drawn_by_the_seed_and_hold_the_whole_case(kept, tmp_path):
    run = tmp_path / "run"
    assert kept.read_bytes() == anchors.keep(run, 50, 0) != anchors.keep(run, 50, 1)
    assert kept.read_bytes().count(b"\n") == 50
    assert anchors.keep(run, 1000, 0).count(b"\n") == 60


def test_another_judge_has_no_anchors_and_another_watch_is_refused(kept, tmp_path):
    with pytest.raises(UsageError, match="another digest"):
        anchors.check(kept, "refusal")
    with pytest.raises(UsageError, match="nobody"):
        anchors.keep(tmp_path / "run", 10, 0, judge="nobody")
    state = tmp_path / "watch.json"
    state.write_text('{"judge": "other@1-0", "base": 0.02, "mean_time": 10, "evidence": [0.0]}', encoding="utf-8")
    with pytest.raises(UsageError, match="other@1-0"):
        anchors.check(kept, "./moody.py", state)
    state.write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match="--state"):
        anchors.check(kept, "./moody.py", state)
    kept.write_text("{}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="judge anchors"):
        anchors.check(kept, "./moody.py")


def test_the_command_wants_a_judge_with_anchors_and_only_there(kept, tmp_path, capsys):
    assert main(["judge", "drift", str(kept)]) == 2
    assert main(["judge", "drift", str(tmp_path / "run"), "--judge", "./moody.py"]) == 2
    assert main(["judge", "anchors", str(tmp_path / "run"), "--out", str(tmp_path / "more.jsonl"), "--count", "5"]) == 0
    assert "5 anchors" in capsys.readouterr().out
