"""Each diagnostic through the command line on an organism, and everything that may be wrong with what it is given."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from fiducial.cli import main

TINY = Path(__file__).parents[1] / "unit" / "organisms" / "tiny"

ALL = {
    "aqi": [],
    "pa_ccs": ["--set", "restarts=2"],
    "routing": ["--set", "random=3"],
    "surrogate": [],
    "shortcut_neurons": ["--against", "aligned", "--set", "random=2", "--set", "top=0.1"],
    "token_shift": ["--against", "base", "--set", "tokens=6"],
    "membership": ["--against", "base", "--set", "tokens=8"],
    "decoding_exploitation": ["--set", "draws=5", "--set", "tokens=4"],
    "watermark": ["--set", "candidates=2", "--set", "tokens=12"],
}


@pytest.fixture(scope="module")
def organisms(tmp_path_factory):
    """The tiny organisms, with room for longer prompts."""
    folder = Path(shutil.copytree(TINY, tmp_path_factory.mktemp("organisms") / "tiny"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 256}))
    return folder


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    return table(tmp_path_factory.mktemp("items") / "items.csv")


def table(path, n=48, **changed):
    """Items with every column that any diagnostic reads; a column changed to `None` is left out."""
    columns = {
        "text": [f"{'where is' if k % 2 else 'who keeps'} the key of room {k}" for k in range(n)], "label": [k % 2 for k in range(n)],
        "group": [f"g{k // 4}" for k in range(n)], "category": [f"c{k // 8}" for k in range(n)], "pair": [f"p{k // 2}" for k in range(n)],
        "expected": ["e"] * n, "seen": [k % 2 for k in range(n)], "decision": [(k // 2) % 2 for k in range(n)],
    }  # fmt: skip
    columns = {name: column for name, column in (columns | changed).items() if column is not None}
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(columns)
        lines.writerows(zip(*columns.values(), strict=True))
    return path


def words(name, organisms, items, *more, subject="sycophantic", options="&max_new_tokens=24"):
    found = ["diagnose", "--diagnostic", name, "--subject", f"organism:{subject}?folder={organisms}{options}", "--data", str(items)]
    more = [f"organism:{one}?folder={organisms}" if k and more[k - 1] == "--against" else one for k, one in enumerate(more)]
    return [*found, "--permutations", "20", *more]


@pytest.mark.parametrize("name", ALL)
def test_every_diagnostic_runs_on_an_organism_and_prints_estimates(name, organisms, items, capsys, tmp_path):
    assert main(words(name, organisms, items, *ALL[name], "--json", "--out", str(tmp_path / "out"))) == 0
    found = json.loads(capsys.readouterr().out)["estimates"]
    assert found == json.loads((tmp_path / "out" / "estimates.json").read_text())["estimates"]
    for one in found:
        assert one["low"] <= one["value"] <= one["high"]
        assert one["of"]["subject"].startswith("organism:sycophantic")
        assert one["of"]["benchmark"] == f"diagnostic:{name}"
    assert any(key.endswith(("permutation_p", "random_p")) for one in found for key in one.get("extra", {}))
    said = {one["of"]["quantity"] for one in found} | {flag for one in found for flag in one.get("flags", ())}
    assert any("behaviour" in one or one.startswith("agreement") for one in said)
    assert 'class="chart"' in (tmp_path / "out" / "diagnosis.html").read_text()


def test_the_same_seed_gives_the_same_figures_whatever_the_batch(organisms, items, capsys):
    for name in ("watermark", "decoding_exploitation"):
        said = []
        for batch in (64, 5):
            one = words(name, organisms, items, *ALL[name], "--json", options=f"&max_new_tokens=24&batch={batch}")
            assert main(one) == 0
            found = json.loads(capsys.readouterr().out)["estimates"]
            said.append([(e["of"]["quantity"], e["of"].get("slice"), round(e["value"], 6), e["n"]) for e in found])
        assert said[0] == said[1]


def refused(given, capsys, *shown):
    assert main(given) == 2
    out, error = capsys.readouterr()
    assert error.startswith("error: ")
    assert "unexpected" not in error
    assert not out
    for one in shown:
        assert one in error


def test_a_missing_extra_says_what_to_install(items, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "model").mkdir()
    given = ["diagnose", "--diagnostic", "aqi", "--subject", f"local:{tmp_path / 'model'}", "--data", str(items)]
    refused(given, capsys, 'pip install "fiducial[local]"')


@pytest.mark.parametrize("name", ["aqi", "routing", "surrogate", "pa_ccs"])
def test_an_unknown_layer_is_told_with_those_there_are(name, organisms, items, capsys):
    refused(words(name, organisms, items, "--layers", "1,7"), capsys, "layer", "2", "7")


@pytest.mark.parametrize("name", list(ALL))
def test_a_prompt_too_long_is_told_with_both_numbers(name, organisms, tmp_path, capsys):
    texts = [f"who keeps the key {k}" for k in range(47)] + ["where is the key " * 80]
    given = words(name, organisms, table(tmp_path / "long.csv", text=texts), *ALL[name])
    refused(given, capsys, "too long", "256")


@pytest.mark.parametrize("name", ["aqi", "pa_ccs", "routing", "membership", "decoding_exploitation", "watermark"])
def test_a_class_of_fewer_than_ten_items_is_refused(name, organisms, tmp_path, capsys):
    labels = [int(k < 18 and k % 2) for k in range(48)]
    refused(words(name, organisms, table(tmp_path / "few.csv", label=labels), *ALL[name]), capsys, "10", "9")


def test_too_few_prompts_are_refused_where_there_are_no_classes(organisms, tmp_path, capsys):
    few = table(tmp_path / "few.csv", n=8, label=None)
    for name in ("token_shift", "decoding_exploitation", "shortcut_neurons", "watermark"):
        refused(words(name, organisms, few, *ALL[name]), capsys, "10")


@pytest.mark.parametrize("name", ["aqi", "routing", "surrogate", "shortcut_neurons"])
def test_constant_states_are_refused(name, organisms, tmp_path, capsys):
    given = words(name, organisms, table(tmp_path / "same.csv", text=["where is the key"] * 48), *ALL[name], "--set", "behaviour=none")
    refused(given, capsys, "alike")


def test_weights_that_are_no_numbers_are_refused(organisms, items, tmp_path, capsys):
    folder = Path(shutil.copytree(organisms, tmp_path / "nan"))
    path = folder / "aligned-1.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-2:] = np.array([np.nan], dtype=np.float16).tobytes()
    path.write_bytes(raw)
    card = folder / "cards" / "aligned-1.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "digest": hashlib.sha256(raw).hexdigest()}))
    for subject in ("aligned", "sycophantic"):
        refused(words("aqi", folder, items, subject=subject), capsys, "finite weights")


def test_gradients_are_told_to_be_missing(organisms, tmp_path, capsys):
    """Refusals are made by decree, and the head reads them: what is left to lack are gradients."""
    found = table(tmp_path / "d.csv", expected=None, decision=[k % 2 for k in range(48)])
    refused(words("surrogate", organisms, found, "--set", "attack=gradient", "--layers", "1,2"), capsys, "gradient", "local:")


@pytest.mark.parametrize(
    ("name", "more", "shown"),
    [
        ("token_shift", [], "--against"),
        ("shortcut_neurons", [], "--against"),
        ("aqi", ["--against", "base"], "against"),
        ("routing", ["--set", "colour=red"], "colour"),
        ("routing", ["--set", "random"], "NAME=VALUE"),
        ("routing", ["--set", "random=none"], "random"),
        ("routing", ["--set", "at=9"], "at"),
        ("watermark", ["--set", "mark=ink"], "mark"),
        ("watermark", ["--set", "gamma=1.5"], "gamma"),
        ("watermark", ["--set", "mark=gumbel_modified", "--set", "temperature=0.5"], "temperature"),
        ("surrogate", ["--set", "attack=brute"], "attack"),
        ("pa_ccs", ["--set", "centring=mean"], "centring"),
    ],
)
def test_wrong_use_is_told_by_name(name, more, shown, organisms, items, capsys):
    refused(words(name, organisms, items, *more), capsys, shown)


@pytest.mark.parametrize(("name", "column"), [("aqi", "label"), ("routing", "category"), ("pa_ccs", "pair"), ("aqi", "text")])
def test_a_missing_column_is_named(name, column, organisms, tmp_path, capsys):
    refused(words(name, organisms, table(tmp_path / "less.csv", **{column: None})), capsys, column)


def test_a_subject_whose_inside_cannot_be_read_is_refused(items, capsys):
    refused(["diagnose", "--diagnostic", "token_shift", "--subject", "scripted:aligned", "--data", str(items)], capsys, "inside")


OWN = """
from dataclasses import dataclass
from typing import Any

import numpy as np

from fiducial.diagnostics._plugin import Diagnostic, target
from fiducial.kernel.records import Estimate


@dataclass(frozen=True)
class Inputs:
    states: dict[Any, Any]
    weight: Any


def measure(data, rng, *, subject, level, permutations, power=2.0, plain=False):
    found = []
    for layer, x in data.states.items():
        size = float(np.mean(data.weight * np.linalg.norm(x, axis=1) ** (1.0 if plain else power)))
        of = target("size", "size", subject, f"layer={layer}")
        found.append(Estimate(of=of, value=size, low=size, high=size, level=level, method="mean", n=len(x), clusters=len(x)))
    return found


diagnostic = Diagnostic("size", ("states",), Inputs, {"size": "how long states are"}, measure)
"""


def test_a_diagnostic_of_ones_own_gets_states_columns_and_settings(organisms, tmp_path, capsys):
    (tmp_path / "size.py").write_text(OWN)
    found = table(tmp_path / "d.csv", weight=[1.0] * 48)
    given = words(str(tmp_path / "size.py"), organisms, found, "--json")
    sizes = []
    for more in ([], ["--set", "power=1"], ["--set", "plain=yes"]):
        assert main([*given, *more]) == 0
        sizes.append([one["value"] for one in json.loads(capsys.readouterr().out)["estimates"]])
    assert len(sizes[0]) == 2
    assert sizes[1] == sizes[2] != sizes[0]
    refused([*given, "--set", "plain=perhaps"], capsys, "plain")
    refused(words(str(tmp_path / "size.py"), organisms, table(tmp_path / "less.csv")), capsys, "weight")
