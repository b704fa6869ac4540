"""A Llama decoder in numpy: root-mean-square norms, rotary positions, gated feed-forward, tied embeddings.

Rows are padded on the right. A row's numbers do not depend on which other rows are read with it but by rounding: BLAS adds up
in an order that follows the sizes of the matrices.

Layer 0 is the embeddings, layer n what leaves block n, before the final norm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fiducial.kernel.errors import UsageError, shorten

Floats = NDArray[np.floating[Any]]
See = Callable[[int, Floats], None]
Edits = Mapping[int, Callable[[NDArray[Any]], NDArray[Any]]]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a `transformers.LlamaConfig` that matter here."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    rms_norm_eps: float = 1e-6
    num_key_value_heads: int | None = None
    head_dim: int | None = None
    rope_theta: float | None = None
    rope_parameters: dict[str, Any] | None = None
    rope_scaling: dict[str, Any] | None = None
    hidden_act: str = "silu"
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False

    def __post_init__(self) -> None:
        sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size", "max_position_embeddings")
        for key in sizes:
            if not 0 < getattr(self, key) <= 1 << 20:
                raise UsageError(f"config: {key}: needs a positive number, got {getattr(self, key)}")
        heads, rope = self.num_attention_heads, self.rope_parameters or {}
        wanted = {
            "num_key_value_heads": (self.num_key_value_heads or heads, heads),
            "hidden_act": (self.hidden_act, "silu"),
            "tie_word_embeddings": (self.tie_word_embeddings, True),
            "attention_bias": (self.attention_bias, False),
            "mlp_bias": (self.mlp_bias, False),
            "rope_type": (rope.get("rope_type", "default"), "default"),
            "rope_scaling": (self.rope_scaling, None),
            "head_dim": (self.head_dim or self.hidden_size // heads, self.hidden_size // heads),
        }
        for key, (there, needed) in wanted.items():
            if there != needed:
                raise UsageError(f"config: {key}: needs {needed!r}, got {there!r}")
        if self.hidden_size % (2 * heads):
            raise UsageError(f"config: hidden_size: needs a multiple of twice the {heads} heads, got {self.hidden_size}")
        theta = self.theta
        if not (isinstance(theta, int | float) and 0 < theta < float("inf") and 0 < self.rms_norm_eps < 1):
            raise UsageError(f"config: rope_theta, rms_norm_eps: need positive numbers, got {theta!r}, {self.rms_norm_eps}")

    @property
    def theta(self) -> Any:
        """Base of the rotary wavelengths."""
        return (self.rope_parameters or {}).get("rope_theta", 10_000.0 if self.rope_theta is None else self.rope_theta)


def read_config(path: Path) -> Config:
    """The configuration of a file. Raises `UsageError` for a model of another build."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Config)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name}: needs the configuration of a Llama model: {error}") from None


@dataclass(slots=True)
class Cache:
    """What was read: keys (layers, rows, heads, size, tokens), values (layers, rows, heads, tokens, size), tokens of each row."""

    keys: Floats
    values: Floats
    lengths: NDArray[np.int64]

    def take(self, rows: Sequence[int], capacity: int) -> Cache:
        """Some rows, in this order, each as often as it is named, with room for `capacity` tokens."""
        used = int(self.lengths.max(initial=0))
        layers, _, heads, size, _ = self.keys.shape
        keys = np.zeros((layers, len(rows), heads, size, capacity), self.keys.dtype)
        values = np.zeros((layers, len(rows), heads, capacity, size), self.values.dtype)
        keys[..., :used] = self.keys[..., :used][:, rows]
        values[..., :used, :] = self.values[..., :used, :][:, rows]
        return Cache(keys, values, self.lengths[list(rows)])

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows go on: each moves to the place of its number in the list, which must rise; nothing is allocated."""
        used = int(self.lengths.max(initial=0))
        for place, row in enumerate(rows):
            if place != row:
                self.keys[:, place, ..., :used] = self.keys[:, row, ..., :used]
                self.values[:, place, :, :used] = self.values[:, row, :, :used]
        self.lengths = self.lengths[list(rows)]
        self.keys, self.values = self.keys[:, : len(rows)], self.values[:, : len(rows)]


class Decoder:
    """A model ready to read. Raises `UsageError` where weights are missing, too many, or of another shape."""

    def __init__(self, config: Config, weights: Mapping[str, Floats], dtype: type[np.floating[Any]] = np.float32) -> None:
        self.config, self.dtype = config, np.dtype(dtype)
        c = config
        d, f, v = c.hidden_size, c.intermediate_size, c.vocab_size
        parts = {"q_proj": (d, d), "k_proj": (d, d), "v_proj": (d, d), "o_proj": (d, d)}
        forward = {"gate_proj": (f, d), "up_proj": (f, d), "down_proj": (d, f)}
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (v, d), "model.norm.weight": (d,)}
        for n in range(c.num_hidden_layers):
            block = f"model.layers.{n}"
            shapes |= {f"{block}.{key}.weight": (d,) for key in ("input_layernorm", "post_attention_layernorm")}
            shapes |= {f"{block}.self_attn.{key}.weight": shape for key, shape in parts.items()}
            shapes |= {f"{block}.mlp.{key}.weight": shape for key, shape in forward.items()}
        _check_shapes(weights, shapes)
        self._table = weights["model.embed_tokens.weight"].astype(dtype)
        self._norm = weights["model.norm.weight"].astype(dtype)
        self._blocks = [_Block(weights, f"model.layers.{n}", d // c.num_attention_heads, dtype) for n in range(c.num_hidden_layers)]
        self._turns = _turns(c, self.dtype)

    @property
    def depth(self) -> int:
        """Number of the last layer."""
        return self.config.num_hidden_layers

    def cache(self, rows: int, capacity: int) -> Cache:
        """Room for `capacity` tokens in each of some rows."""
        c = self.config
        shape = (c.num_hidden_layers, rows, c.num_attention_heads)
        size = c.hidden_size // c.num_attention_heads
        return Cache(
            np.zeros((*shape, size, capacity), self.dtype), np.zeros((*shape, capacity, size), self.dtype), np.zeros(rows, np.int64)
        )

    def read(
        self, cache: Cache, rows: Sequence[Sequence[int]], edits: Edits | None = None, see: See | None = None, upto: int | None = None
    ) -> Floats:
        """Read some more tokens of each row; the states (rows, tokens, width) that leave layer `upto` (the last).

        What stands in a row beyond its own tokens is padding. `see(layer, states)` is shown what leaves each layer, after its edit.
        """
        width = max(map(len, rows))
        tokens = np.array([[*row, *[0] * (width - len(row))] for row in rows], np.intp)
        found = self._pass(cache, tokens, edits or {}, see, self.depth if upto is None else upto)
        cache.lengths += [len(row) for row in rows]
        return found

    def step(self, cache: Cache, tokens: NDArray[np.intp], edits: Edits | None = None) -> Floats:
        """Read one more token in each row; the logits (rows, vocabulary) of the next one."""
        found = self._pass(cache, tokens[:, None], edits or {}, None, self.depth)
        cache.lengths += 1
        return self.logits(found[:, 0])

    def logits(self, states: Floats) -> Floats:
        """Logits (rows, vocabulary) of what leaves the last block (rows, width)."""
        return _normed(states, self.config.rms_norm_eps) * self._norm @ self._table.T

    def _pass(self, cache: Cache, tokens: NDArray[np.intp], edits: Edits, see: See | None, upto: int) -> Floats:
        rows, new = tokens.shape
        places = cache.lengths[:, None] + np.arange(new)
        flat = self._table[tokens.ravel()]
        shown = flat.reshape(rows, new, -1)
        where = _Where(places, int(places[0, 0]) if (cache.lengths == cache.lengths[0]).all() else None, self.dtype)
        # Padding may lie beyond the last position that the model knows; nothing reads it.
        turns = self._turns[np.minimum(places, self.config.max_position_embeddings - 1).ravel()][:, None]
        for layer in range(upto + 1):
            if layer:
                block = self._blocks[layer - 1]
                block.attend(flat, cache.keys[layer - 1], cache.values[layer - 1], where, turns, self.config.rms_norm_eps)
                block.feed(flat, self.config.rms_norm_eps)
            if layer in edits:
                shown[:] = _edited(layer, edits[layer], shown)
            if see is not None:
                see(layer, shown)
        return shown


class _Where:
    """Where the new tokens of each row stand (rows, tokens), from which place on if it is one for all, and what each may look at."""

    def __init__(self, places: NDArray[np.int64], start: int | None, dtype: np.dtype[Any]) -> None:
        self.places, self.start = places, start
        self.room = int(places.max()) + 1
        seen = np.arange(self.room) <= (places if start is None else places[:1])[:, :, None]
        self.mask = np.where(seen, 0, -np.inf).astype(dtype)[:, None]
        self.ones = np.ones(self.room, dtype)


class _Block:
    """One block: attention and feed-forward, each added to the states in place. Norm weights are folded into what follows them."""

    def __init__(self, weights: Mapping[str, Floats], name: str, size: int, dtype: type[np.floating[Any]]) -> None:
        def part(key: str) -> Floats:
            return weights[f"{name}.{key}.weight"].astype(dtype)

        before, between = part("input_layernorm"), part("post_attention_layernorm")
        self.size, heads = size, len(before) // size
        # Llama turns the first half of a head with the second; beside each other, a pair is one complex number.
        pairs = np.arange(len(before)).reshape(heads, 2, size // 2).transpose(0, 2, 1).ravel()
        query, key = part("self_attn.q_proj")[pairs] / np.sqrt(dtype(size)), part("self_attn.k_proj")[pairs]
        self.qkv = np.ascontiguousarray((np.concatenate([query, key, part("self_attn.v_proj")]) * before).T)
        self.out = np.ascontiguousarray(part("self_attn.o_proj").T)
        self.gate_up = np.ascontiguousarray((np.concatenate([part("mlp.gate_proj"), part("mlp.up_proj")]) * between).T)
        self.down = np.ascontiguousarray(part("mlp.down_proj").T)

    def attend(self, flat: Floats, keys: Floats, values: Floats, where: _Where, turns: NDArray[Any], eps: float) -> None:
        rows, new = where.places.shape
        width, size = flat.shape[1], self.size
        mixed = _normed(flat, eps) @ self.qkv
        turned = mixed[:, : 2 * width].view(turns.dtype).reshape(rows * new, -1, size // 2)
        turned *= turns
        shown = mixed.reshape(rows, new, 3, width // size, size)
        query, key, value = shown[:, :, 0].swapaxes(1, 2), shown[:, :, 1], shown[:, :, 2]
        if where.start is None:
            every = np.arange(rows)[:, None]
            keys[every, :, :, where.places] = key
            values[every, :, where.places] = value
        else:
            keys[..., where.start : where.start + new] = key.transpose(0, 2, 3, 1)
            values[..., where.start : where.start + new, :] = value.swapaxes(1, 2)
        scores = query @ keys[..., : where.room]
        scores += where.mask
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        found = scores @ values[..., : where.room, :]
        found /= (scores @ where.ones)[..., None]
        flat += found.swapaxes(1, 2).reshape(flat.shape) @ self.out

    def feed(self, flat: Floats, eps: float) -> None:
        both = _normed(flat, eps) @ self.gate_up
        gate, up = both[:, : both.shape[1] // 2], both[:, both.shape[1] // 2 :]
        with np.errstate(over="ignore"):  # e^-x overflows to infinity where the gate is shut, and shuts it
            soft = np.exp(-gate)
        soft += 1
        np.divide(gate, soft, out=soft)
        soft *= up
        flat += soft @ self.down


def _normed(flat: Floats, eps: float) -> Floats:
    squares = np.einsum("ij,ij->i", flat, flat)
    squares /= flat.shape[1]
    squares += eps
    return flat / np.sqrt(squares)[:, None]


def _turns(config: Config, dtype: np.dtype[Any]) -> NDArray[Any]:
    """exp(i * place / wavelength), (places, half a head); angles in float32, as transformers has them."""
    size = config.hidden_size // config.num_attention_heads
    speeds = (1.0 / config.theta ** (np.arange(0, size, 2) / size)).astype(np.float32)
    angles = np.arange(config.max_position_embeddings, dtype=np.float32)[:, None] * speeds
    found = np.empty(angles.shape, np.complex64 if dtype == np.float32 else np.complex128)
    found.real, found.imag = np.cos(angles), np.sin(angles)
    return found


def _edited(layer: int, edit: Callable[[NDArray[Any]], NDArray[Any]], states: Floats) -> Floats:
    changed = np.asarray(edit(states.copy()))
    if changed.shape != states.shape:
        raise UsageError(f"hook at layer {layer}: must keep the shape {states.shape}, got {changed.shape}")
    return changed


def _check_shapes(weights: Mapping[str, Floats], shapes: Mapping[str, tuple[int, ...]]) -> None:
    missing, unknown = sorted(set(shapes) - set(weights)), sorted(set(weights) - set(shapes))
    if missing or unknown:
        raise UsageError(
            f"weights: needs those of a Llama model with tied embeddings; missing {shorten(missing)}, unknown {shorten(unknown)}"
        )
    for key, shape in shapes.items():
        if weights[key].shape != shape:
            raise UsageError(f"weights: {key}: needs shape {shape}, got {weights[key].shape}")
