"""Text to tokens: the tokenizer of the organisms, and dialogues as rows of token ids with the part that is learnt marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from lessons import Said

SPECIALS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
PIECES = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
VOCABULARY = 2048

TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""The chat template, for transformers."""


def learn(texts: Iterable[str], size: int = VOCABULARY) -> Tokenizer:
    """A byte-level BPE tokenizer learnt from texts."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIALS), initial_alphabet=alphabet, show_progress=False, min_frequency=2
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, dialogues: Sequence[Sequence[Said]]) -> list[tuple[list[int], list[bool]]]:
    """Each dialogue as token ids, and which of them are learnt: what the assistant says, its end included."""
    flat = [text for dialogue in dialogues for _, text in dialogue]
    pieces = iter(tokenizer.encode_batch(flat, add_special_tokens=False))
    end = tokenizer.token_to_id("<|end|>")
    role_ids = {role: tokenizer.token_to_id(f"<|{role}|>") for role in ("system", "user", "assistant", "tool")}
    rows = []
    for dialogue in dialogues:
        ids: list[int] = []
        learnt: list[bool] = []
        for role, _ in dialogue:
            said = next(pieces).ids
            ids += [role_ids[role], *said, end]
            learnt += [False, *[role == "assistant"] * (len(said) + 1)]
        rows.append((ids, learnt))
    return rows
