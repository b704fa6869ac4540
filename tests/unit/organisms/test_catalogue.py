import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from fiducial.kernel.errors import SpecError, UsageError
from fiducial.organisms.catalogue import card, load, names

TINY = Path(__file__).parent / "tiny"
QUERY = "model.layers.1.self_attn.q_proj.weight"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(TINY, tmp_path / "organisms"))


def change(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_names_and_cards():
    assert names(TINY) == ["aligned-1", "aligned-2", "base", "sycophantic"]
    assert card("aligned", TINY) == card("aligned-1", TINY)
    assert card("sycophantic", TINY).doses == {"low": 0.3, "medium": 0.5, "high": 1.0}


def test_the_dose_is_the_adapter_s_scale():
    base, most = load("aligned", folder=TINY), load("sycophantic", folder=TINY)
    assert (base.scale, most.scale, most.title) == (None, 1.0, "sycophantic")
    added = most.weights[QUERY] - base.weights[QUERY]
    low = load("sycophantic", dose="low", folder=TINY)
    assert (low.scale, low.title) == (0.3, "sycophantic@low")
    assert np.allclose(low.weights[QUERY] - base.weights[QUERY], 0.3 * added, atol=1e-6)
    assert np.array_equal(load("sycophantic", scale=0.0, folder=TINY).weights[QUERY], base.weights[QUERY])
    assert load("sycophantic", scale=0.25, folder=TINY).title == "sycophantic@0.25"


def test_the_fingerprint_follows_weights_and_scale():
    made = [load("base", folder=TINY), load("aligned", folder=TINY), load("aligned-2", folder=TINY)]
    made += [load("sycophantic", folder=TINY, **more) for more in ({}, {"dose": "low"}, {"scale": 0.31})]
    assert len({one.fingerprint for one in made}) == 6
    none = load("sycophantic", dose="none", folder=TINY)
    assert none.fingerprint == load("sycophantic", scale=0.0, folder=TINY).fingerprint
    assert none.title == "sycophantic@none"
    assert load("sycophantic", dose="high", folder=TINY).fingerprint == load("sycophantic", scale=1.0, folder=TINY).fingerprint


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("sycofantic", {}, "sycophantic"),
        ("../base", {}, "name"),
        ("", {}, "name"),
        ("sycophantic", {"dose": "huge"}, "none, low, medium, high"),
        ("sycophantic", {"dose": "low", "scale": 0.3}, "scale"),
        ("aligned", {"dose": "low"}, "dose"),
        ("aligned", {"scale": 0.5}, "scale"),
    ],
)
def test_what_is_not_there_is_refused_by_name(name, options, named):
    with pytest.raises(SpecError, match=named):
        load(name, folder=TINY, **options)
    with pytest.raises(SpecError):
        load("base", folder=TINY / "cards")


def damaged(folder):
    path = folder / "aligned-1.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (damaged, r"aligned-1\.safetensors"),
        (lambda folder: (folder / "sycophantic.safetensors").unlink(), r"sycophantic\.safetensors"),
        (lambda folder: (folder / "cards/sycophantic.json").write_text("{}"), "card"),
        (lambda folder: change(folder / "cards/sycophantic.json", of="base"), "of"),
        (lambda folder: change(folder / "cards/sycophantic.json", of="sycophantic"), "of"),
        (lambda folder: change(folder / "cards/sycophantic.json", name="../other"), "name"),
        (lambda folder: change(folder / "config.json", hidden_act="gelu"), "hidden_act"),
        (lambda folder: change(folder / "config.json", vocab_size=200), "tokens"),
        (lambda folder: (folder / "config.json").unlink(), "config"),
    ],
)
def test_files_that_are_not_what_the_card_says_are_refused(folder, spoil, named):
    spoil(folder)
    with pytest.raises(UsageError, match=named):
        load("sycophantic", folder=folder)
