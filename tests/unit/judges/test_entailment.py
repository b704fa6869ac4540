"""`factual` with a sequence classifier from a folder: a tiny one, trained here for a second, stands in for the real thing."""

from __future__ import annotations

import itertools
import json

import pytest
from judge_cases import case, judged
from tests.unit.subjects import tiny

from fiducial.judges import factual
from fiducial.kernel.errors import UsageError

torch = tiny.torch_or_skip()

COLOURS = ("red", "green", "blue")
THINGS = ("apples", "pears", "plums")


def pairs():
    """A chunk that says of a thing what the sentence says, or denies it; the words that both share are the same."""
    return [
        (f"the {thing} {word} {colour}", f"{thing} {colour}", int(word == "yes"))
        for thing, colour, word in itertools.product(THINGS, COLOURS, ("yes", "no"))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A BERT of two blocks and width 32 that learnt to see a denial."""
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    where = tmp_path_factory.mktemp("models") / "tiny-entailment"
    size = tiny.tokenizer(where, None, 96)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=size + 1, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=96,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=size, id2label={0: "contradiction", 1: "neutral", 2: "Entailment"},
        label2id={"contradiction": 0, "neutral": 1, "Entailment": 2},
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    reader = PreTrainedTokenizerFast.from_pretrained(where, pad_token="[PAD]")
    reader.save_pretrained(where)
    chunks, sentences, labels = zip(*pairs(), strict=True)
    inputs = reader(list(chunks), list(sentences), padding=True, return_tensors="pt")
    wanted = torch.tensor(labels) * 2
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2
    model.save_pretrained(where)
    return where


def supported(judge, answer, context):
    return judged(judge, case(answer, {"context": context}))["supported"]


def test_the_model_sees_what_shared_words_do_not(folder):
    local, words = factual.judge(path=folder), factual.judge()
    said, denied = "the apples yes red", "the apples no red"
    assert supported(local, "apples red", said).value > 0.8
    assert supported(local, "apples red", denied).value < 0.2
    assert supported(words, "apples red", said).value == supported(words, "apples red", denied).value
    assert "tiny-entailment@" in supported(local, "apples red", said).reason


def test_probabilities_are_probabilities_in_any_batch_and_order(folder):
    from fiducial.judges._entailment import BATCH, Entailment

    model = Entailment(folder)
    some = [(chunk, sentence) for chunk, sentence, _ in pairs() * 3][: 2 * BATCH + 5]
    whole = model(some)
    assert len(whole) == len(some)
    assert all(0 <= one <= 1 for one in whole)
    assert model(some[::-1])[::-1] == pytest.approx(whole, abs=1e-5)


def test_texts_longer_than_the_model_reads_are_cut_not_refused(folder):
    judge = factual.judge(path=folder)
    assert supported(judge, "apples red " * 200, "the apples red " * 400).value is not None


def test_the_id_is_the_model_s(folder, tmp_path):
    import shutil

    other = tmp_path / "tiny-entailment"
    shutil.copytree(folder, other)
    assert factual.judge(path=folder).id == factual.judge(path=other).id != factual.judge().id
    settings = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**settings, "layer_norm_eps": 1e-3}))
    assert factual.judge(path=folder).id != factual.judge(path=other).id


def test_what_is_no_entailment_model_is_refused(folder, tmp_path):
    import shutil

    with pytest.raises(UsageError, match="folder"):
        factual.judge(path=tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="classifier"):
        factual.judge(path=tmp_path / "empty")
    other = tmp_path / "unnamed"
    shutil.copytree(folder, other)
    settings = json.loads((other / "config.json").read_text())
    settings["id2label"] = {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}
    (other / "config.json").write_text(json.dumps(settings))
    with pytest.raises(UsageError, match="LABEL_0"):
        factual.judge(path=other)
    with pytest.raises(UsageError, match="one of them"):
        factual.judge(path=folder, scorer=lambda pairs: [0.0] * len(pairs), scorer_id="zero@1")
