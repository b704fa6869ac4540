"""Weights from safetensors files, which are read as what they are: bytes from outside.

A file is eight bytes (the length of the header), the header (JSON: name -> dtype, shape, offsets), and the numbers. Header and
offsets are checked against the file's size before a number is touched; the file is mapped, not copied.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fiducial.kernel.errors import UsageError, shorten

DTYPES: Mapping[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}

MOST_HEADER = 1_000_000
"""Bytes of the longest header that is read."""

_ADAPTED = re.compile(r"base_model\.model\.(?P<name>.+)\.lora_(?P<part>[AB])\.weight")


@dataclass(frozen=True)
class Stored:
    """The tensors of a file (views of the mapped file) and what it says about itself."""

    name: str
    tensors: Mapping[str, NDArray[np.floating[Any]]]
    about: Mapping[str, str]


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


def read(path: Path) -> Stored:
    """The tensors of a safetensors file. Raises `UsageError` naming the file, the tensor and what is wrong with it."""
    name = path.name
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size < 8:
                raise UsageError(f"{name}: needs 8 bytes and a header, got {size} bytes")
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from None
    length = int.from_bytes(content[:8], "little")
    if length > min(MOST_HEADER, size - 8):
        raise UsageError(f"{name}: header: needs at most {min(MOST_HEADER, size - 8)} bytes, got {length}")
    about, entries = _header(name, content[8 : 8 + length])
    start, end = 8 + length, 0
    tensors: dict[str, NDArray[np.floating[Any]]] = {}
    for key, entry in sorted(entries.items(), key=lambda pair: pair[1].data_offsets):
        low, high = entry.data_offsets
        dtype = DTYPES.get(entry.dtype)
        if dtype is None:
            raise UsageError(f"{name}: {shorten(key)}: needs a dtype of {', '.join(DTYPES)}, got {shorten(entry.dtype)}")
        if any(n < 0 for n in entry.shape) or high - low != prod(entry.shape) * dtype.itemsize:
            raise UsageError(f"{name}: {shorten(key)}: needs {dtype.itemsize} bytes a number of shape {entry.shape}, got {high - low}")
        if low != end or start + high > size:
            raise UsageError(f"{name}: {shorten(key)}: needs offsets that follow {end} and end within {size - start}, got {low} to {high}")
        end = high
        tensors[key] = np.frombuffer(content, dtype, prod(entry.shape), start + low).reshape(entry.shape)
    if start + end != size:
        raise UsageError(f"{name}: needs {start + end} bytes as its header says, got {size}")
    return Stored(name, tensors, about)


def _header(name: str, content: bytes) -> tuple[dict[str, str], dict[str, _Entry]]:
    try:
        found = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        about = msgspec.json.decode(found.pop("__metadata__", msgspec.Raw(b"{}")), type=dict[str, str])
        return about, {key: msgspec.json.decode(value, type=_Entry) for key, value in found.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UsageError(f"{name}: header: needs JSON from names to dtype, shape and data_offsets, got {shorten(content[:60])}") from None


def numbers(stored: Stored) -> dict[str, NDArray[np.float32]]:
    """The tensors as float32. Raises `UsageError` where one holds what is no finite number."""
    found: dict[str, NDArray[np.float32]] = {}
    for key, tensor in stored.tensors.items():
        found[key] = tensor.astype(np.float32)
        if not np.isfinite(found[key]).all():
            raise UsageError(
                f"{stored.name}: {key}: needs finite weights, {int((~np.isfinite(found[key])).sum())} of {tensor.size} are not"
            )
    return found


def merged(base: Mapping[str, NDArray[np.float32]], adapter: Stored, scale: float) -> dict[str, NDArray[np.float32]]:
    """The weights with a LoRA adapter added: W + scale * alpha / rank * B A, in float32. Raises `UsageError` where they do not fit."""
    pairs: dict[str, dict[str, NDArray[np.float32]]] = {}
    for key, tensor in numbers(adapter).items():
        match = _ADAPTED.fullmatch(key)
        if match is None or f"{match['name']}.weight" not in base:
            raise UsageError(f"{adapter.name}: {shorten(key)}: needs the name of a LoRA matrix of a weight that the model has")
        pairs.setdefault(f"{match['name']}.weight", {})[match["part"]] = tensor
    rank, alpha = (_positive(adapter, key) for key in ("rank", "alpha"))
    found = dict(base)
    for key, pair in pairs.items():
        a, b = pair.get("A"), pair.get("B")
        rows, columns = base[key].shape
        if a is None or b is None or a.shape != (rank, columns) or b.shape != (rows, rank):
            shapes = [None if part is None else part.shape for part in (a, b)]
            raise UsageError(f"{adapter.name}: {key}: needs A ({rank:g}, {columns}) and B ({rows}, {rank:g}), got {shapes}")
        found[key] = (base[key] + scale * alpha / rank * (b @ a)).astype(np.float32)
    return found


def _positive(stored: Stored, key: str) -> float:
    text = stored.about.get(key, "")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and value > 0):
        raise UsageError(f"{stored.name}: {key}: needs a positive number in the file's metadata, got {text!r}")
    return value
