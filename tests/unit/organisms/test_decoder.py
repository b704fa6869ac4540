import json
import os
from pathlib import Path

import numpy as np
import pytest

from fiducial.kernel.errors import UsageError
from fiducial.organisms.catalogue import load
from fiducial.organisms.decoder import Config, Decoder

TINY = Path(__file__).parent / "tiny"
GOLDEN = json.loads((TINY / "golden.json").read_text())
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 280,
         "max_position_embeddings": 96, "rms_norm_eps": 1e-6, "tie_word_embeddings": True}  # fmt: skip


@pytest.fixture(scope="module")
def organism():
    return load("aligned", folder=TINY)


def rows_of(count, size, most, seed=4):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, size, rng.integers(1, most)).tolist() for _ in range(count)]


def whole(decoder, rows, room=0):
    """Logits after each row, states of each layer at its last token, and the cache."""
    cache, seen = decoder.cache(len(rows), max(map(len, rows)) + room), {}
    last = (np.arange(len(rows)), [len(row) - 1 for row in rows])
    states = decoder.read(cache, rows, see=lambda layer, inside: seen.__setitem__(layer, inside[last].copy()))
    return decoder.logits(states[last]), seen, cache


def test_logits_and_states_are_those_of_transformers(organism):
    rows = [entry["tokens"] for entry in GOLDEN["rows"]]
    logits, seen, _ = whole(organism.decoder, rows)
    for n, entry in enumerate(GOLDEN["rows"]):
        assert np.abs(logits[n] - entry["logits"]).max() < 1e-4
        for layer, states in enumerate(entry["states"]):
            assert np.abs(seen[layer][n] - states).max() < 1e-4
    assert (logits.dtype, logits.shape) == (np.float32, (len(rows), 280))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_reading_at_once_in_parts_and_token_by_token_is_the_same(organism, kind):
    decoder = Decoder(organism.config, organism.weights, kind)
    rows = rows_of(7, 280, 40)
    wanted, _, _ = whole(decoder, rows)
    near = 1e-4 if kind == np.float32 else 1e-11
    longer = [row for row in rows if len(row) > 5]
    cuts = [3 + n % 3 for n in range(len(longer))]
    cache = decoder.cache(len(longer), 90)
    decoder.read(cache, [row[:cut] for row, cut in zip(longer, cuts, strict=True)])
    states = decoder.read(cache, [row[cut:] for row, cut in zip(longer, cuts, strict=True)])
    found = decoder.logits(np.stack([states[n, len(row) - cuts[n] - 1] for n, row in enumerate(longer)]))
    assert np.abs(found - wanted[[len(row) > 5 for row in rows]]).max() < near
    for row, logits in zip(rows, wanted, strict=True):
        alone = decoder.cache(1, len(row))
        for token in row:
            found = decoder.step(alone, np.array([token]))
        assert np.abs(found[0] - logits).max() < near


def test_rows_can_be_dropped_and_repeated(organism):
    decoder = organism.decoder
    rows = rows_of(6, 280, 30)
    _, _, cache = whole(decoder, rows, room=4)
    twice = cache.take([4, 1, 4], 40)
    cache.keep([1, 2, 5])
    found, repeated = decoder.step(cache, np.array([7, 8, 9])), decoder.step(twice, np.array([7, 7, 11]))
    for n, token, logits in (
        (1, 7, found[0]),
        (2, 8, found[1]),
        (5, 9, found[2]),
        (4, 7, repeated[0]),
        (1, 7, repeated[1]),
        (4, 11, repeated[2]),
    ):
        wanted, _, _ = whole(decoder, [[*rows[n], token]])
        assert np.abs(wanted[0] - logits).max() < 1e-4


def test_an_edit_changes_what_follows_and_must_keep_the_shape(organism):
    decoder, row = organism.decoder, [5, 6, 7]
    seen = {}
    decoder.read(decoder.cache(1, 3), [row], {1: lambda x: x * 0}, lambda layer, inside: seen.__setitem__(layer, inside.copy()))
    assert not seen[1].any()
    assert seen[0].any()
    assert not seen[2].any()  # nothing enters the second block, and it has no biases
    with pytest.raises(UsageError, match="layer 1"):
        decoder.read(decoder.cache(1, 3), [row], {1: lambda x: x[:, :1, :5]})


def test_reading_can_end_at_a_layer(organism):
    decoder, rows = organism.decoder, rows_of(3, 280, 9)
    _, seen, _ = whole(decoder, rows)
    states = decoder.read(decoder.cache(3, 9), rows, upto=1)
    assert np.array_equal(states[np.arange(3), [len(row) - 1 for row in rows]], seen[1])


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_act": "gelu"}, {"tie_word_embeddings": False}, {"attention_bias": True}, {"mlp_bias": True}, {"num_key_value_heads": 1},
        {"num_attention_heads": 3}, {"num_attention_heads": 16}, {"head_dim": 4}, {"hidden_size": 0}, {"vocab_size": 1 << 40}, {"rms_norm_eps": 0.0},
        {"rope_parameters": {"rope_type": "yarn"}}, {"rope_parameters": {"rope_theta": -1.0}}, {"rope_scaling": {"factor": 2.0}},
    ],
)  # fmt: skip
def test_a_model_of_another_build_is_refused_by_name(change):
    with pytest.raises(UsageError, match=next(iter(change)).removesuffix("_parameters").removeprefix("num_attention_")):
        Config(**{**SIZES, **change})


@pytest.mark.parametrize("spoil", ["missing", "unknown", "shape"])
def test_weights_that_do_not_fit_are_refused_by_name(organism, spoil):
    weights = dict(organism.weights)
    if spoil == "missing":
        del weights["model.norm.weight"]
    elif spoil == "unknown":
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    else:
        weights["model.norm.weight"] = weights["model.norm.weight"][:3]
    with pytest.raises(UsageError, match="lm_head" if spoil == "unknown" else r"model\.norm"):
        Decoder(organism.config, weights)


@pytest.mark.parametrize(("width", "depth", "heads", "forward", "spread"), [(128, 4, 4, 384, 0.08), (48, 3, 6, 80, 0.2)])
def test_larger_models_agree_with_transformers(width, depth, heads, forward, spread):
    try:
        import torch
        from tests.unit.organisms import make_tiny

        model = make_tiny.model(501, width, depth, heads, forward=forward, positions=256, spread=spread, seed=5)
    except ModuleNotFoundError as error:
        if "local" in os.environ.get("FIDUCIAL_REQUIRE", ""):
            raise
        pytest.skip(f"needs the extra `local` ({error.name} is not installed)")
    sizes = {
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "intermediate_size": forward,
        "vocab_size": 501,
    }
    config = Config(**{**SIZES, **sizes, "max_position_embeddings": 256})
    decoder = Decoder(config, {key: value.detach().numpy() for key, value in model.named_parameters()})
    rows = rows_of(9, 501, 230)
    logits, seen, cache = whole(decoder, rows, room=20)
    said = [list(row) for row in rows]
    for _ in range(20):
        for row, token in zip(said, logits.argmax(-1), strict=True):
            row.append(int(token))
        logits = decoder.step(cache, logits.argmax(-1))
    first, _, _ = whole(decoder, rows)
    for n, (row, longer) in enumerate(zip(rows, said, strict=True)):
        with torch.no_grad():
            out = model(torch.tensor([longer]), output_hidden_states=True)
        assert np.abs(out.logits[0, -1].numpy() - logits[n]).max() < 1e-4
        assert np.abs(out.logits[0, len(row) - 1].numpy() - first[n]).max() < 1e-4
        shares = out.logits[0, len(row) - 1].double().log_softmax(-1).numpy()
        ours = first[n] - np.log(np.exp(first[n].astype(float)).sum())
        assert np.abs(shares - ours).max() < 1e-4
        for layer in range(depth):
            assert np.abs(out.hidden_states[layer][0, len(row) - 1].numpy() - seen[layer][n]).max() < 1e-4
        with torch.no_grad():
            last = model.model.norm(torch.tensor(seen[depth][n])).numpy()
        with torch.no_grad():
            alone = model(torch.tensor([row]), output_hidden_states=True).hidden_states[-1][0, -1].numpy()
        assert np.abs(last - alone).max() < 1e-4
