"""A name becomes a plugin by its path; a wrong name is met with what there is."""

import sys

import pytest

from fiducial.kernel.errors import PluginError
from fiducial.kernel.load import KINDS, describe, entry_points, load


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_names_are_listed_with_what_they_are_and_load(kind):
    for name, text in describe(kind).items():
        assert text
        assert load(kind, name) is not None


def test_a_wrong_name_is_answered_with_a_close_one():
    with pytest.raises(PluginError, match="Did you mean 'sycophancy'"):
        load("benchmark", "sycofancy")


def test_a_file_is_a_plugin(tmp_path):
    (tmp_path / "mine.py").write_text("def vary(item, trial, rng):\n    yield trial\n")
    assert callable(load("perturbation", "./mine.py", tmp_path))
    with pytest.raises(PluginError, match="no such file"):
        load("perturbation", "./other.py", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [("def other(): pass\n", "must define `vary`"), ("def (", "cannot be imported"), ("import nothing_here\n", "nothing_here")],
)
def test_a_file_that_is_no_plugin_is_refused(tmp_path, text, said):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(PluginError, match=said):
        load("perturbation", "./mine.py", tmp_path)


def test_an_entry_point_that_nobody_offers_is_refused():
    assert entry_points("benchmark") == []
    with pytest.raises(PluginError, match=r"fiducial\.benchmarks"):
        load("benchmark", "acme:hierarchy")


def test_a_plugin_imports_the_file_beside_it(tmp_path):
    before = list(sys.path)
    for folder, number in (("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "fiducial_beside.py").write_text(f"NUMBER = {number}\n")
        (tmp_path / folder / "mine.py").write_text("from fiducial_beside import NUMBER\n\ndef vary(item, trial, rng):\n    return NUMBER\n")
        assert load("attack", "./mine.py", tmp_path / folder)(None, None, None) == number
    (tmp_path / "two" / "fiducial_beside.py").write_text("NUMBER = 'changed since'\n")
    assert load("attack", "./mine.py", tmp_path / "two")(None, None, None) == "changed since"
    assert sys.path == before


def test_an_installed_module_goes_before_a_neighbour_of_its_name(tmp_path):
    (tmp_path / "json.py").write_text("raise RuntimeError('not this one')\n")
    (tmp_path / "mine.py").write_text("import json\n\ndef vary(item, trial, rng):\n    return json.dumps(1)\n")
    assert load("attack", "./mine.py", tmp_path)(None, None, None) == "1"


@pytest.mark.parametrize("text", ["import re\n\nvary = Itme\n", "import json\n\njson.loads('{')\n", "import re\n\nvary = {}['x']\n"])
def test_what_a_file_raises_is_told_with_file_and_line(tmp_path, text):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(PluginError, match=r"\(mine\.py, line 3\)"):
        load("attack", "./mine.py", tmp_path)
