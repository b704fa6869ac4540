import json

import numpy as np
import pytest

from fiducial.api.diagnosing import Options, diagnose, spread
from fiducial.cli import main
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Estimate, Target
from fiducial.organisms import catalogue
from fiducial.report.diagnosis import flags_of

LABELS = np.arange(46) % 2
FEW = Options(permutations=20)


@pytest.fixture
def states(tmp_path):
    """Layer 3 knows the label, layer 7 does not."""
    rng = np.random.default_rng(0)
    told = rng.normal(size=(46, 5))
    told[:, 0] += 3 * LABELS
    np.savez(tmp_path / "s.npz", layer_3=told, layer_7=rng.normal(size=(46, 6)), labels=LABELS)
    return tmp_path / "s.npz"


def table(path, labels, column="label"):
    path.write_text(f"text,{column}\n" + "".join(f"text {n},{label}\n" for n, label in enumerate(labels)))
    return path


def value(found, quantity, place):
    return next(e for e in found.estimates if (e.of.quantity, e.of.slice) == (quantity, place))


def test_saved_states_are_told_apart_where_they_can_be_and_nowhere_else(states):
    found = diagnose("aqi", states=states, options=FEW)
    assert value(found, "probe_auroc", "layer=3").low > 0.75
    assert value(found, "probe_auroc", "layer=7").low < 0.5
    assert {e.of.subject for e in found.estimates} == {"states:s.npz"}


def test_the_seed_decides_the_figures(states):
    first, again, other = (diagnose("aqi", states=states, options=Options(permutations=20, seed=seed)).estimates for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_labels_may_stand_in_a_file_beside_the_states_and_be_words(states, tmp_path):
    words = table(tmp_path / "d.csv", ["unsafe" if label else "safe" for label in LABELS])
    options = Options(permutations=20, positive="unsafe", layers=(3,))
    with_words = value(diagnose("aqi", states=states, data=words, options=options), "eta_squared", "layer=3")
    without = value(diagnose("aqi", states=states, options=Options(permutations=20, layers=(3,))), "eta_squared", "layer=3")
    assert with_words.value == pytest.approx(without.value)


def test_one_array_of_all_layers_will_do(states, tmp_path):
    told = np.load(states)["layer_3"]
    np.savez(tmp_path / "w.npz", states=np.stack([told, told[::-1]], axis=1), layers=np.array([4, 9]), labels=LABELS)
    found = diagnose("aqi", states=tmp_path / "w.npz", options=Options(permutations=20, layers=(4,)))
    assert {e.of.slice for e in found.estimates} == {"layer=4"}


@pytest.mark.parametrize("labels", [[0, 1, 2] * 15 + [0], ["a", "b"] * 23])
def test_labels_that_are_not_two_classes_are_refused(states, tmp_path, labels):
    with pytest.raises(UsageError):
        diagnose("aqi", states=states, data=table(tmp_path / "d.csv", labels), options=FEW)


def test_a_class_of_fewer_than_ten_items_is_not_estimable(tmp_path):
    np.savez(tmp_path / "s.npz", layer_1=np.eye(30), labels=np.arange(30) < 9)
    with pytest.raises(NotEstimable):
        diagnose("aqi", states=tmp_path / "s.npz", options=FEW)


@pytest.mark.parametrize(
    "words",
    [
        [], ["--states", "none.npz"], ["--states", "s.npz", "--subject", "local:x"], ["--states", "s.npz", "--layers", "4"],
        ["--states", "s.npz", "--layers", "3;7"], ["--states", "s.npz", "--level", "2"], ["--states", "s.npz", "--positions", "first"],
        ["--states", "s.npz", "--positive", "9"], ["--states", "d.csv"], ["--states", "p.npz"], ["--states", "one.npy"],
        ["--subject", "scripted:aligned", "--data", "d.csv"], ["--subject", "scripted:aligned"], ["--states", "s.npz", "--data", "short.csv"],
    ],
)  # fmt: skip
def test_wrong_use_gets_a_message_and_exit_code_2(words, states, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "d.csv", LABELS)
    table(tmp_path / "short.csv", LABELS[:30])
    np.savez(tmp_path / "p.npz", layer_1=np.array([{"a": 1}], dtype=object))
    np.save(tmp_path / "one.npy", LABELS)
    assert main(["diagnose", "--diagnostic", "aqi", "--permutations", "20", *words]) == 2
    out, error = capsys.readouterr()
    assert error.startswith("error: ")
    assert "unexpected" not in error
    assert not out


def test_a_diagnostic_that_lacks_a_column_names_it(states):
    with pytest.raises(UsageError, match="answer"):
        diagnose("pa_ccs", states=states, options=FEW)


def test_the_command_prints_json_and_writes_a_page_that_trusts_nothing(states, tmp_path, capsys):
    hostile = tmp_path / "<script>alert(1)<"
    hostile.mkdir()
    source = hostile / "<img src=x>.npz"
    source.write_bytes(states.read_bytes())
    out = tmp_path / "out"
    assert main(["diagnose", "--diagnostic", "aqi", "--states", str(source), "--permutations", "20", "--json", "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "estimates.json").read_text())
    assert {"layer=3", "layer=7"} <= {e["of"]["slice"] for e in printed["estimates"]}
    page = (out / "diagnosis.html").read_text()
    assert "<img src=x>" not in page
    assert page.count('class="chart"') == len({e["of"]["quantity"] for e in printed["estimates"]})


def test_layers_are_spread_to_the_last():
    for depth in (1, 2, 6, 7, 31, 80):
        layers = spread(depth)
        assert layers == sorted(set(layers))
        assert (len(layers), layers[-1]) == (min(depth, 6), depth)


def test_notes_name_their_rows_and_the_table_says_how_many_items(states, capsys):
    assert main(["diagnose", "--diagnostic", "aqi", "--states", str(states), "--permutations", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(line for line in lines if line.startswith("quantity"))
    assert head.split()[4:6] == ["n", "null"]
    row = next(line for line in lines if line.startswith("probe_auroc"))
    assert " 46 " in row
    names = [line.split()[0] for line in lines[2:] if not line.startswith("note")]
    assert names.index("aqi_paper") > max(n for n, name in enumerate(names) if name == "eta_squared")


def test_a_flag_of_some_rows_names_their_places():
    def estimate(place, *flags):
        of = Target(benchmark="diagnostic:d", quantity="q", subject="s", slice=place)
        return Estimate(of=of, value=0.5, low=0.4, high=0.6, level=0.95, method="m", n=9, clusters=9, flags=flags)

    found = flags_of([estimate("layer=1", "odd"), estimate("layer=2"), estimate("layer=3", "odd")])
    assert found == {"odd": ["q (layer=1, layer=3)"]}
    assert flags_of([estimate("layer=1", "odd"), estimate("layer=2", "odd")]) == {"odd": ["q"]}
    assert flags_of([estimate("", "odd")]) == {"odd": ["q"]}


@pytest.mark.skipif(not catalogue.names(), reason="the weights of the organisms are not in this checkout")
def test_a_prompt_that_is_too_long_and_a_file_that_is_no_table_are_named(tmp_path):
    path = table(tmp_path / "long.csv", [n % 2 for n in range(24)])
    path.write_text(path.read_text().replace("text 17,", f"{'seventeen ' * 600},"))
    for diagnostic in ("aqi", "token_shift"):
        with pytest.raises(UsageError, match=r"too long.*seventeen seventeen"):
            diagnose(diagnostic, subject="organism:aligned", against="organism:base" if diagnostic == "token_shift" else None, data=path)
    (tmp_path / "page.md").write_text("# A page\nwith, commas, in it\n")
    with pytest.raises(UsageError, match=r"row 1 has more cells.*A page"):
        diagnose("aqi", subject="organism:aligned", data=tmp_path / "page.md")
