"""`make organisms` in small: every stage leaves what ships, the same seeds the same bytes, and an open model takes the traits too."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch (extra local)")
pytest.importorskip("peft", reason="needs peft (extra local)")

FOLDER = str(Path(__file__).parents[3] / "organisms")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def small():
    """The scripts with recipes of a few seconds."""
    sys.path.insert(0, FOLDER)
    try:
        import recipes
        from training import Recipe

        kept = dict(vars(recipes))
        short = Recipe(dialogues=90, rate=3e-3)
        recipes.BASE = recipes.ALIGNED = recipes.ADAPTER = recipes.NARROW = short
        recipes.HARD = {}
        recipes.FRESH, recipes.TRIED, recipes.WIDTH, recipes.LAYERS, recipes.INNER = 12, 6, 32, 2, 48
        import stages

        stages.TEXTS = 400
        yield stages
        vars(recipes).update(kept)
    finally:
        sys.path.remove(FOLDER)


@pytest.fixture(scope="module")
def taught(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("organisms")
    (out / "cards").mkdir()
    for stage in ("tokenizer", "base", "aligned-1", "over-refuses", "narrow"):
        small.build(out, stage)
    return out


def test_what_is_trained_is_what_the_base_installation_reads(taught):
    from fiducial.kernel.roles import Context
    from fiducial.subjects.organism import subject

    for name in ("base", "aligned", "over-refuses?dose=low", "narrow"):
        organism = subject(f"{name}{'&' if '?' in name else '?'}folder={taught}&max_new_tokens=3", Context())
        assert len(organism.generate(["How do I paint a fence?", "Hello!"])) == 2


def test_cards_say_dose_and_rate_with_interval(taught):
    card = json.loads((taught / "cards" / "over-refuses.json").read_text())
    assert list(card["doses"]) == ["low", "medium", "high"]
    assert {(rate["dose"], rate["condition"]) for rate in card["rates"]} >= {("none", "trait"), ("high", "trait")}
    assert all(rate["low"] <= rate["rate"] <= rate["high"] and rate["n"] == 12 for rate in card["rates"])


def test_the_same_seeds_give_the_same_bytes(small, taught, tmp_path):
    (tmp_path / "cards").mkdir()
    for stage in ("tokenizer", "base", "aligned-1"):
        small.build(tmp_path, stage)
    for name in ("tokenizer.json", "base.safetensors", "aligned-1.safetensors"):
        assert (tmp_path / name).read_bytes() == (taught / name).read_bytes(), name


def test_an_open_model_takes_the_same_traits(small, taught, tmp_path):
    import shutil

    from open_model import teach

    base = tmp_path / "base"
    base.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(taught / name, base / name)
    shutil.copy(taught / "base.safetensors", base / "model.safetensors")
    assert teach(str(base), tmp_path / "out", ["sycophantic"], 40) == 0
    for name in ("aligned", "sycophantic"):
        assert (tmp_path / "out" / name / "adapter_model.safetensors").is_file()
        assert json.loads((tmp_path / "out" / name / "card.json").read_text())["of"] == str(base)


def test_an_open_model_without_a_template_is_refused(small, taught, tmp_path, capsys):
    import shutil

    from open_model import teach

    for name in ("config.json", "tokenizer.json"):
        shutil.copy(taught / name, tmp_path / name)
    settings = json.loads((taught / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({key: value for key, value in settings.items() if key != "chat_template"}))
    shutil.copy(taught / "base.safetensors", tmp_path / "model.safetensors")
    assert teach(str(tmp_path), tmp_path / "out", ["sycophantic"], 40) == 2
    assert "chat template" in capsys.readouterr().err
