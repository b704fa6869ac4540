"""Text to tokens and back: byte-level pair encoding, read from a ``tokenizer.json`` of one exact form.

The form is what `tokenizers` writes for: words by ``PATTERN``, bytes as letters, merges by rank. A file of another form is
refused, so that no text is ever cut differently here and in `transformers`. Special tokens (``<|end|>`` and its like) have
ids and are never found in text: what somebody writes into a document cannot end a message or begin one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from fiducial.kernel.digest import bytes_digest
from fiducial.kernel.errors import UsageError, shorten

PATTERN = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+"
"""How a text is cut into words: letters, one digit, other signs, each with the blank before it; white space."""

MOST_BYTES = 16_000_000
"""Largest file that is read."""

KEPT = 50_000
"""Words whose tokens are remembered."""

LONGEST_KEPT = 64
"""Letters of the longest word that is remembered."""

_FORM: Mapping[str, Any] = {
    "truncation": None,
    "padding": None,
    "normalizer": None,
    "post_processor": None,
    "pre_tokenizer": {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        ],
    },
}
_MODEL: Mapping[str, Any] = {"type": "BPE", "dropout": None, "unk_token": None, "byte_fallback": False, "ignore_merges": False}

# The same cut, on a text of classes: L letter, N number, S white space, B the blank, O anything else.
_WORDS = re.compile("B?L+|B?N|B?O+|[BS]+")
_SPACES = frozenset(
    "\t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


class _Classes(dict[int, str]):
    """Code point -> its class, looked up once; a mapping for `str.translate`."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        kind = unicodedata.category(sign)[0]
        found = "B" if sign == " " else "S" if sign in _SPACES else kind if kind in "LN" else "O"
        self[code] = found
        return found


def _letters() -> list[str]:
    """Byte -> the letter that stands for it: itself where it can be seen, else one from U+0100 on."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("\xa1"), ord("\xac") + 1), *range(ord("\xae"), ord("\xff") + 1)]
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in seen else chr(next(hidden)) for byte in range(256)]


@dataclass
class Tokenizer:
    """Encodes and decodes. `pieces[n]` is the bytes of token n (empty for a special one), `special` the ids of special tokens."""

    pieces: Sequence[bytes]
    special: Mapping[str, int]
    single: Sequence[int]
    merges: Mapping[tuple[int, int], tuple[int, int]]
    digest: str
    _classes: _Classes = field(default_factory=_Classes, repr=False)
    _kept: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        """Number of tokens, special ones included."""
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        """Its tokens, never a special one. A lone surrogate counts as U+FFFD."""
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not text.isascii() else text
        found: list[int] = []
        for word in _WORDS.finditer(text.translate(self._classes)):
            found += self._word(text[word.start() : word.end()])
        return found

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens, special ones left out; bytes that are not UTF-8 become U+FFFD."""
        return b"".join([self.pieces[token] for token in tokens]).decode("utf-8", "replace")

    def _word(self, word: str) -> tuple[int, ...]:
        found = self._kept.get(word)
        if found is None:
            found = tuple(self._merged([self.single[byte] for byte in word.encode()]))
            if len(word) <= LONGEST_KEPT:
                if len(self._kept) >= KEPT:
                    self._kept.clear()
                self._kept[word] = found
        return found

    def _merged(self, tokens: list[int]) -> list[int]:
        """Neighbours joined, the lowest rank first and the leftmost among equals, until none can be."""
        count, merges = len(tokens), self.merges
        before, after = list(range(-1, count - 1)), list(range(1, count + 1))
        queue = [(merges[pair][0], n, merges[pair][1]) for n, pair in enumerate(pairwise(tokens)) if pair in merges]
        heapify(queue)
        while queue:
            _, n, joined = heappop(queue)
            other = after[n]
            # What has been joined since is out of date: this pair would give another token by now.
            if other >= count or merges.get((tokens[n], tokens[other]), (0, -1))[1] != joined:
                continue
            tokens[n], tokens[other] = joined, -1
            after[n] = after[other]
            if after[n] < count:
                before[after[n]] = n
            for m in (before[n], n):
                if m >= 0 and after[m] < count:
                    pair = (tokens[m], tokens[after[m]])
                    if pair in merges:
                        heappush(queue, (merges[pair][0], m, merges[pair][1]))
        return [token for token in tokens if token >= 0]


def read(path: Path) -> Tokenizer:
    """The tokenizer of a file. Raises `UsageError` naming what is not of the form that is read here."""
    name = path.name
    try:
        content = path.read_bytes()
        if len(content) > MOST_BYTES:
            raise UsageError(f"{name}: needs a file of at most {MOST_BYTES} bytes, got {len(content)}")
        found = msgspec.json.decode(content)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UsageError(f"{name}: needs a file of JSON, got none that can be read") from None
    if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
        raise UsageError(f"{name}: needs an object with a model, got {shorten(found)}")
    _check(name, "", found, _FORM)
    _check(name, "model.", found["model"], _MODEL)
    for key in ("continuing_subword_prefix", "end_of_word_suffix"):
        if found["model"].get(key):
            raise UsageError(f"{name}: model.{key}: needs none, got {shorten(found['model'][key])}")
    decoder = found.get("decoder")
    if not isinstance(decoder, dict) or decoder.get("type") != "ByteLevel":
        raise UsageError(f"{name}: decoder: needs ByteLevel, got {shorten(decoder)}")
    return _built(name, found, bytes_digest(content))


def _check(name: str, where: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for key, value in wanted.items():
        there = found.get(key, False if value is False else None)
        if there != value:
            raise UsageError(f"{name}: {where}{key}: needs {shorten(value, 400)}, got {shorten(there, 400)}")


def _built(name: str, found: Mapping[str, Any], digest: str) -> Tokenizer:
    vocabulary, special = _vocabulary(name, found["model"].get("vocab")), _special(name, found.get("added_tokens"))
    names = {**vocabulary, **special}
    if sorted(names.values()) != list(range(len(names))):
        raise UsageError(f"{name}: ids: needs each number from 0 to {len(names) - 1} once")
    letters = _letters()
    byte_of = {letter: byte for byte, letter in enumerate(letters)}
    pieces = [b""] * len(names)
    for text, n in vocabulary.items():
        if text in special:
            continue
        try:
            pieces[n] = bytes(byte_of[letter] for letter in text)
        except KeyError:
            raise UsageError(f"{name}: model.vocab: needs tokens of letters that stand for bytes, got {shorten(text)}") from None
    missing = [letter for letter in letters if letter not in vocabulary]
    if missing:
        raise UsageError(f"{name}: model.vocab: needs a token for each byte, and lacks {shorten(missing)}")
    merges = _merges(name, vocabulary, found["model"].get("merges"))
    return Tokenizer(pieces, special, [vocabulary[letter] for letter in letters], merges, digest)


def _vocabulary(name: str, given: Any) -> dict[str, int]:
    if not isinstance(given, dict) or not given or not all(type(n) is int and n >= 0 for n in given.values()):
        raise UsageError(f"{name}: model.vocab: needs an object from token to number, got {shorten(given)}")
    return given


def _special(name: str, given: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in given if isinstance(given, list) else ():
        text, n = (entry.get("content"), entry.get("id")) if isinstance(entry, dict) else (None, None)
        if not isinstance(text, str) or type(n) is not int or n < 0 or entry.get("special") is not True or text in found:
            raise UsageError(f"{name}: added_tokens: needs special tokens with content and id, each once, got {shorten(entry)}")
        found[text] = n
    return found


def _merges(name: str, vocabulary: Mapping[str, int], given: Any) -> dict[tuple[int, int], tuple[int, int]]:
    found: dict[tuple[int, int], tuple[int, int]] = {}
    if not isinstance(given, list):
        raise UsageError(f"{name}: model.merges: needs a list of pairs, got {shorten(given)}")
    for rank, pair in enumerate(given):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise UsageError(f"{name}: model.merges: needs pairs of tokens, got {shorten(pair)}")
        left, right, whole = vocabulary.get(pair[0]), vocabulary.get(pair[1]), vocabulary.get(pair[0] + pair[1])
        if left is None or right is None or whole is None or (left, right) in found:
            raise UsageError(f"{name}: model.merges: needs pairs of tokens that join to a token, each once, got {shorten(pair)}")
        found[left, right] = (rank, whole)
    return found
