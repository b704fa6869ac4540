"""A local model through the command line: a run that can be had again, and a diagnosis of its states."""

from __future__ import annotations

import csv
import json

import duckdb
import pytest

from fiducial.cli import main
from tests.unit.subjects import tiny

torch = tiny.torch_or_skip()

SPEC = """
[system]
name = "tiny"
[[principles]]
id = "true"
text = "It says what is true."
[benchmarks.truthfulness]
items = 6
perturbations = []
[[claims]]
id = "truth"
clause = "true"
quantity = "truthfulness.accuracy"
at_least = 0.5
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.save(tmp_path_factory.mktemp("model") / "tiny", positions=2048)


def test_a_run_of_a_local_model_can_be_had_again(model, tmp_path):
    (tmp_path / "spec.toml").write_text(SPEC)
    said = []
    for name, batch in (("one", 32), ("two", 3)):
        subject = f"local:{model}?max_new_tokens=60&temperature=1.5&batch={batch}"
        words = ["run", str(tmp_path / "spec.toml"), "--subject", subject, "--out", str(tmp_path / name), "--quiet"]
        assert main(words) in {0, 1, 2, 3}
        rows = duckdb.sql(
            f"select trial, status, transcript, continuation_logprobs from '{tmp_path / name}/responses.parquet' order by trial"
        )
        said.append(rows.fetchall())
    assert len(said[0]) >= 6
    assert {row[1] for row in said[0]} <= {"answered", "truncated", "empty"}
    assert [row[:3] for row in said[0]] == [row[:3] for row in said[1]]


def test_a_local_model_can_be_diagnosed(model, tmp_path, capsys):
    with (tmp_path / "d.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["text", "label", "group"])
        lines.writerows([f"{'where is' if n % 2 else 'who keeps'} the key {n}", n % 2, f"g{n // 4}"] for n in range(48))
    words = ["diagnose", "--diagnostic", "aqi", "--subject", f"local:{model}", "--data", str(tmp_path / "d.csv"), "--permutations", "20"]
    assert main([*words, "--json", "--positions", "mean"]) == 0
    found = {(e["of"]["quantity"], e["of"]["slice"]): e for e in json.loads(capsys.readouterr().out)["estimates"]}
    assert {"layer=1", "layer=2", "layer=tfidf"} <= {place for _, place in found}
    assert found["probe_auroc", "layer=2"]["value"] > 0.8
    assert found["probe_auroc", "layer=2"]["clusters"] == 12
    assert main([*words, "--layers", "5"]) == 2


def items(path, texts=None):
    texts = texts or [f"{'where is' if n % 2 else 'who keeps'} the key of stone {n}" for n in range(48)]
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["text", "label", "group", "category", "pair", "expected", "decision"])
        lines.writerows([text, n % 2, f"g{n // 4}", f"c{n // 8}", f"p{n // 2}", "e", n % 2] for n, text in enumerate(texts))
    return str(path)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("routing", ["--set", "random=2"]), ("pa_ccs", ["--set", "restarts=2"]), ("membership", []),
        ("token_shift", ["--against", "", "--set", "tokens=5"]), ("shortcut_neurons", ["--against", "", "--set", "random=2"]),
        ("watermark", ["--set", "candidates=2", "--set", "tokens=8"]), ("watermark", ["--set", "mark=gumbel", "--set", "tokens=8"]),
        ("decoding_exploitation", ["--set", "draws=2", "--set", "tokens=3"]),
    ],
)  # fmt: skip
def test_every_other_diagnostic_runs_on_a_local_model(name, more, model, tmp_path, capsys):
    other = f"local:{tiny.save(tmp_path / 'other', positions=2048, seed=9)}?max_new_tokens=12" if "--against" in more else ""
    words = ["diagnose", "--diagnostic", name, "--subject", f"local:{model}?max_new_tokens=12", "--data", items(tmp_path / "d.csv")]
    assert main([*words, "--permutations", "20", "--json", *(one or other for one in more)]) == 0
    assert json.loads(capsys.readouterr().out)["estimates"]


def test_words_that_the_slope_favours_lower_a_heads_score_more_than_others(tmp_path):
    """Where weights are small, so that a slope means something."""
    import numpy as np

    from fiducial.api.attacking import Budget, Head, favoured
    from fiducial.kernel.roles import Context
    from fiducial.subjects.local import subject

    inside = subject(f"{tiny.save(tmp_path / 'model', spread=0.1)}?device=cpu", Context())
    words = sorted(set(tiny.TEXT.split()))
    gained = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        head = Head(1, rng.standard_normal(32), 0.0)
        chosen = favoured(inside, head, "who keeps the key", Budget(1, 6, words, np.random.default_rng(seed)))
        drawn = Budget(1, 24, words, np.random.default_rng(seed)).draw()
        best, plain = (head.score(inside, [f"who keeps the key {one}" for one in some]) for some in (chosen, drawn))
        gained.append(float(plain.mean() - best.mean()))
    assert np.mean(gained) > 0
    assert sum(one > 0 for one in gained) >= 5


@pytest.mark.parametrize("fault", ["template", "nan", "long"])
def test_a_local_model_that_cannot_be_diagnosed_says_why(fault, tmp_path, capsys):
    folder = tiny.save(tmp_path / "model", template=None if fault == "template" else tiny.TEMPLATE, positions=64)
    if fault == "nan":
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        next(iter(weights.values())).view(-1)[3] = float("nan")
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    texts = [f"who keeps the key {n}" for n in range(47)] + ["where is the key " * 40] if fault == "long" else None
    words = ["diagnose", "--diagnostic", "aqi", "--subject", f"local:{folder}", "--data", items(tmp_path / "d.csv", texts)]
    assert main([*words, "--permutations", "20"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert {"template": "chat template", "nan": "NaN", "long": "too long"}[fault] in error
