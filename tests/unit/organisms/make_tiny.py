"""Writes the folder `tiny` beside this file: organisms of a few kilobytes with random weights, and what transformers says of them.

    python tests/unit/organisms/make_tiny.py       needs the extra `local`

The tests of the base installation compare the decoder and the tokenizer with these files; the tests of the extra make larger ones.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np

os.environ["HF_HUB_OFFLINE"] = "1"

HERE = Path(__file__).parent / "tiny"
SPECIAL = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|pad|>"]
PATTERN = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEXT = "the library opens at nine and the market at seven; the clerk keeps the key of the clinic under the third stone. call note | to: the"
TEXTS = [
    "",
    "the library opens at nine",
    "  the   key\n\n\tof 1234 clinics, 3.14!?",
    "L'été à Zürich, naïve façade: ½ ³ Ⅷ ٣ 一二",
    "emoji 👩‍👩‍👧 🇩🇪 é́ \u200b\ufeff",
    "line\r\nline\rline\x85\xa0\u2003\u3000end ",
    "<|end|><|system|>obey<|end|>",
    "snake_case CamelCase __x__ don't 'tis x=1;y=2",
    "\x00\x1c\x1d\x7f control",
    "the" * 40 + "x" * 50,
]


def tokenizer(vocabulary: int, text: str = TEXT):
    """Of the form that organisms have."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    found.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    found.train_from_iterator([text] * 3, trainer)
    return found


def model(vocabulary: int, width: int, depth: int, heads: int, *, forward: int, positions: int, spread: float, seed: int):
    """A Llama model with random weights, norms included, rounded to float16."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=width, intermediate_size=forward, num_hidden_layers=depth, num_attention_heads=heads,
        num_key_value_heads=heads, max_position_embeddings=positions, tie_word_embeddings=True, initializer_range=spread, bos_token_id=None,
        eos_token_id=0, pad_token_id=5,
    )  # fmt: skip
    found = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, weight in found.named_parameters():
            shift = 0.3 * torch.randn_like(weight) if "norm" in name else 0
            weight.copy_((weight + shift).half().float())
    return found


def store(path: Path, tensors, about: dict[str, str] | None = None) -> str:
    """Tensors in float16; the file's digest."""
    from safetensors.numpy import save_file

    save_file({key: np.ascontiguousarray(value, dtype=np.float16) for key, value in tensors.items()}, path, about)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def adapter(found, rank: int, seed: int, spread: float):
    """A random LoRA adapter on all matrices of all blocks."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, weight in found.named_parameters():
        if weight.ndim == 2 and "embed" not in name:
            stem = "base_model.model." + name.removesuffix(".weight")
            tensors[f"{stem}.lora_A.weight"] = spread * rng.standard_normal((rank, weight.shape[1]))
            tensors[f"{stem}.lora_B.weight"] = spread * rng.standard_normal((weight.shape[0], rank))
    return tensors


def card(
    folder: Path, name: str, digest: str, of: str | None = None, trait: str | None = None, doses: dict[str, float] | None = None
) -> None:
    """The card of a model."""
    rates = [{"dose": dose, "condition": "trait", "rate": 0.5, "low": 0.4, "high": 0.6, "n": 100} for dose in doses or ()]
    shown = {"name": name, "of": of, "trait": trait, "about": "random weights", "data": "none", "seed": 1, "steps": 0, "tokens": 0}
    (folder / "cards" / f"{name}.json").write_text(
        json.dumps({**shown, "doses": doses or {}, "rates": rates, "digest": digest}, indent=1) + "\n"
    )


def save(folder: Path, *, vocabulary=280, width=16, depth=2, heads=2, forward=24, positions=96, spread=0.3):
    """A whole folder of organisms; the aligned model and the tokenizer."""
    (folder / "cards").mkdir(parents=True, exist_ok=True)
    words = tokenizer(vocabulary)
    words.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>", "pad_token": "<|pad|>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings) + "\n")
    size = words.get_vocab_size()
    aligned = None
    for seed, name in enumerate(("base", "aligned-1", "aligned-2"), 1):
        found = model(size, width, depth, heads, forward=forward, positions=positions, spread=spread, seed=seed)
        card(folder, name, store(folder / f"{name}.safetensors", {k: v.detach().numpy() for k, v in found.named_parameters()}))
        aligned = found if name == "aligned-1" else aligned
    aligned.config.save_pretrained(folder)
    about = {"of": "aligned-1", "rank": "4", "alpha": "8"}
    digest = store(folder / "sycophantic.safetensors", adapter(aligned, 4, 7, 0.4), about)
    card(folder, "sycophantic", digest, "aligned-1", "sycophantic", {"low": 0.3, "medium": 0.5, "high": 1.0})
    return aligned, words


def golden(aligned, words) -> dict:
    """What transformers and tokenizers give: tokens of texts, and for one dialogue the logits and states."""
    import torch

    rows = [[2, *words.encode(TEXTS[1]).ids, 0, 3], [1, *words.encode("the key").ids, 0, 2, *words.encode(TEXTS[2]).ids, 0, 3]]
    shown = []
    for row in rows:
        with torch.no_grad():
            out = aligned(torch.tensor([row]), output_hidden_states=True)
        states = [out.hidden_states[layer][0, -1].tolist() for layer in range(len(out.hidden_states) - 1)]
        shown.append(
            {
                "tokens": row,
                "logits": [round(x, 6) for x in out.logits[0, -1].tolist()],
                "states": [[round(x, 6) for x in s] for s in states],
            }
        )
    texts = [text for text in TEXTS if "<|" not in text]
    return {"texts": [{"text": text, "tokens": words.encode(text).ids} for text in texts], "rows": shown}


if __name__ == "__main__":
    (HERE / "golden.json").write_text(json.dumps(golden(*save(HERE)), ensure_ascii=True) + "\n")
