"""Commands over labels and preferences: files in, reports out."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from fiducial.api import annotators as people
from fiducial.cli import main
from fiducial.kernel.errors import NotEstimable, UsageError


def table(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def labels(path, *, corrupt, items=150, raters=6):
    rng = np.random.default_rng(5)
    rows = []
    for item in range(items):
        truth = int(rng.integers(2))
        for rater in range(raters):
            said = truth if rng.random() < 0.85 else 1 - truth
            said = {0: 1 - truth, 1: 1}.get(rater, said) if corrupt else said
            rows.append((item, f"r{rater}", "unsafe" if said else "safe"))
    return table(path, ("item", "rater", "label"), rows)


def test_a_file_of_honest_labels_shows_no_sign(tmp_path):
    found = people.annotators(labels(tmp_path / "labels.csv", corrupt=False))
    assert found.signs == {}
    assert (found.ratings, found.items, len(found.raters)) == (900, 150, 6)
    assert found.alpha is not None
    assert 0.3 < found.alpha.low < found.alpha.high < 0.8
    assert found.components["item"] is not None


def test_planted_raters_are_named_and_the_command_says_so(tmp_path, capsys):
    path = labels(tmp_path / "labels.csv", corrupt=True)
    found = people.annotators(path)
    assert found.signs["adversarial"] == ["r0"]
    assert found.signs["constant"] == ["r1"]
    assert main(["judge", "annotators", str(path), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert {note["rater"] for note in shown["raters"] if note.get("signs") == ["adversarial"]} == {"r0"}
    assert main(["judge", "annotators", str(labels(tmp_path / "fine.csv", corrupt=False))]) == 0
    assert "no rater shows a sign" in capsys.readouterr().out


def test_several_columns_may_name_an_item_and_a_list_may_hold_the_labels(tmp_path):
    rows = [(part, item, f"r{rater}", (item + part) % 2) for part in (0, 1) for item in range(20) for rater in range(3)]
    path = table(tmp_path / "labels.csv", ("part", "item", "who", "said"), rows)
    assert people.annotators(path, item=("part", "item"), rater="who", label="said").items == 40
    lists = tmp_path / "lists.jsonl"
    lists.write_text("".join(json.dumps({"id": n, "said": [n % 3, n % 3, (n + 1) % 3]}) + "\n" for n in range(30)), encoding="utf-8")
    found = people.annotators(lists, item=("id",), scores="said")
    assert [note.rater for note in found.raters] == ["place 1", "place 2", "place 3"]
    assert found.ratings == 90


def test_bad_labels_are_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match="rater"):
        people.annotators(table(tmp_path / "a.csv", ("item", "label"), [(1, 1)]))
    with pytest.raises(UsageError, match="label 2 is blank"):
        people.annotators(table(tmp_path / "b.csv", ("item", "rater", "label"), [(1, "a", 1), (1, "b", "")]))
    with pytest.raises(NotEstimable, match="two ratings"):
        people.annotators(table(tmp_path / "c.csv", ("item", "rater", "label"), [(1, "a", 1), (2, "b", 0)]))


def preferences(folder, pairs=60):
    rng = np.random.default_rng(2)
    votes = rng.choice([1, -1, 0], (pairs, 3), p=[0.45, 0.35, 0.2])
    written = [(p, name, votes[p, k] or "") for p in range(pairs) for k, name in enumerate(("kind", "brief", "exact"))]
    # One annotator follows `kind` wherever it speaks, the other turns all of that round.
    mine = [(p, "follower", votes[p, 0] or 1) for p in range(pairs)] + [(p, "contrary", -(votes[p, 0] or 1)) for p in range(pairs)]
    principles = table(folder / "principles.csv", ("pair", "principle", "vote"), written)
    return table(folder / "preferences.csv", ("pair", "annotator", "preference"), mine), principles, votes


def test_discretion_finds_the_principle_that_is_followed(tmp_path, capsys):
    mine, principles, votes = preferences(tmp_path)
    found = people.discretion(mine, principles, reference="follower")
    assert sum(share.value for share in found.shares.values()) == pytest.approx(1.0)
    agreed = [set(row[row != 0].tolist()) for row in votes]
    assert found.shares["consensus"].value == pytest.approx(np.mean([len(one) == 1 for one in agreed]))
    follower, contrary = found.annotators
    assert follower.first[0] == "kind"
    assert contrary.first[-1] == "kind"
    assert follower.arbitrary is not None
    assert contrary.arbitrary is not None
    assert follower.arbitrary.value < 0.5 < contrary.arbitrary.value
    assert follower.distance is None
    assert contrary.distance is not None
    assert contrary.distance.value > 0.5
    assert main(["judge", "discretion", str(mine), "--principles", str(principles)]) == 0
    assert "follower: arbitrary" in capsys.readouterr().out


def test_discretion_refuses_other_numbers_formats_and_unknown_annotators(tmp_path):
    mine, principles, _ = preferences(tmp_path)
    with pytest.raises(UsageError, match="nobody"):
        people.discretion(mine, principles, reference="nobody")
    with pytest.raises(UsageError, match="format"):
        people.discretion(mine, principles, kind="elsewhere")
    bad = table(tmp_path / "bad.csv", ("pair", "principle", "vote"), [(1, "kind", 2)])
    with pytest.raises(UsageError, match="vote must be"):
        people.discretion(mine, bad)
