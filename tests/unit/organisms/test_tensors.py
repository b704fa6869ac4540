import json
from pathlib import Path

import numpy as np
import pytest

from fiducial.kernel.errors import UsageError
from fiducial.organisms.tensors import merged, numbers, read

TINY = Path(__file__).parent / "tiny"


def store(path, header, data=b"", length=None):
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(content) if length is None else length).to_bytes(8, "little") + content + data)
    return path


def entry(shape, low, high, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [low, high]}


def save(path, tensors, about=None):
    """Float32 arrays as a file."""
    header, data = {"__metadata__": about or {}}, b""
    for key, value in tensors.items():
        raw = np.asarray(value, np.float32).tobytes()
        header[key] = entry(list(np.shape(value)), len(data), len(data) + len(raw))
        data += raw
    return store(path, header, data)


def test_both_kinds_of_numbers_are_read(tmp_path):
    half, whole = np.arange(6, dtype="<f2").reshape(2, 3), np.array([1.5, -2], "<f4")
    header = {"b": entry([2], 12, 20), "a": entry([2, 3], 0, 12, "F16"), "none": entry([0, 4], 20, 20), "__metadata__": {"k": "v"}}
    found = read(store(tmp_path / "w.safetensors", header, half.tobytes() + whole.tobytes()))
    assert found.about == {"k": "v"}
    assert {key: value.shape for key, value in found.tensors.items()} == {"a": (2, 3), "b": (2,), "none": (0, 4)}
    assert np.array_equal(numbers(found)["a"], half)
    assert np.array_equal(numbers(found)["b"], whole)
    assert not found.tensors["a"].flags.writeable


def test_files_of_the_stock_library_are_read():
    found = read(TINY / "aligned-1.safetensors")
    assert found.tensors["model.embed_tokens.weight"].shape == (280, 16)
    assert read(TINY / "sycophantic.safetensors").about == {"of": "aligned-1", "rank": "4", "alpha": "8"}


@pytest.mark.parametrize(
    ("header", "data", "length"),
    [
        ({}, b"", 1 << 60),
        ({}, b"", 900),
        (b"{" * 40, b"", None),
        (b'{"a": 3}', b"", None),
        (b"\xff{}", b"", None),
        ({"a": entry([2], 0, 8)}, b"1234", None),
        ({"a": entry([2], 0, 8)}, b"123456789", None),
        ({"a": entry([2], 4, 12)}, b"x" * 12, None),
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, b"x" * 12, None),
        ({"a": entry([2], 0, 8), "b": entry([1], 12, 16)}, b"x" * 16, None),
        ({"a": entry([3], 0, 8)}, b"x" * 8, None),
        ({"a": entry([-2, -1], 0, 8)}, b"x" * 8, None),
        ({"a": entry([2], 8, 0)}, b"x" * 8, None),
        ({"a": entry([1 << 62, 1 << 62], 0, 8)}, b"x" * 8, None),
        ({"a": entry([2], -8, 0)}, b"x" * 8, None),
        ({"a": entry([1], 0, 8, "F64")}, b"x" * 8, None),
        ({"a": {**entry([2], 0, 8), "more": 1}}, b"x" * 8, None),
        ({"a": entry([2], 0, 8), "__metadata__": {"k": 3}}, b"x" * 8, None),
    ],
)
def test_a_damaged_or_hostile_file_is_refused(tmp_path, header, data, length):
    with pytest.raises(UsageError, match=r"w\.safetensors"):
        read(store(tmp_path / "w.safetensors", header, data, length))


@pytest.mark.parametrize("content", [b"", b"1234567", b"\0" * 8])
def test_a_short_file_is_refused(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        read(path)
    with pytest.raises(UsageError):
        read(tmp_path / "none.safetensors")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_named(tmp_path, value):
    found = read(save(tmp_path / "w.safetensors", {"good": [1.0], "bad": [[1.0, value]]}))
    with pytest.raises(UsageError, match="bad"):
        numbers(found)


A, B = np.array([[1.0, 2, 3], [0, -1, 1]]), np.array([[1.0, 0], [2, 1], [0, 0], [1, 1]])
NAME = "base_model.model.model.layers.0.x"


@pytest.fixture
def base():
    return {"model.layers.0.x.weight": np.ones((4, 3), np.float32), "other.weight": np.zeros(2, np.float32)}


def test_an_adapter_is_added_at_its_scale(tmp_path, base):
    adapter = read(save(tmp_path / "a.safetensors", {f"{NAME}.lora_A.weight": A, f"{NAME}.lora_B.weight": B}, {"rank": "2", "alpha": "6"}))
    found = merged(base, adapter, 0.5)
    assert np.allclose(found["model.layers.0.x.weight"], 1 + 0.5 * 3 * B @ A)
    assert found["model.layers.0.x.weight"].dtype == np.float32
    assert found["other.weight"] is base["other.weight"]
    assert np.array_equal(merged(base, adapter, 0.0)["model.layers.0.x.weight"], base["model.layers.0.x.weight"])
    assert np.array_equal(base["model.layers.0.x.weight"], np.ones((4, 3)))


@pytest.mark.parametrize(
    ("tensors", "about"),
    [
        ({f"{NAME}.lora_A.weight": A}, {"rank": "2", "alpha": "6"}),
        ({f"{NAME}.lora_A.weight": A, f"{NAME}.lora_B.weight": B.T}, {"rank": "2", "alpha": "6"}),
        ({f"{NAME}.lora_A.weight": A, f"{NAME}.lora_B.weight": B}, {"rank": "3", "alpha": "6"}),
        ({f"{NAME}.lora_A.weight": A, f"{NAME}.lora_B.weight": B}, {"rank": "2"}),
        ({f"{NAME}.lora_A.weight": A, f"{NAME}.lora_B.weight": B}, {"rank": "2", "alpha": "nan"}),
        ({"base_model.model.model.layers.1.x.lora_A.weight": A}, {"rank": "2", "alpha": "6"}),
        ({"other.weight": A}, {"rank": "2", "alpha": "6"}),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(tmp_path, base, tensors, about):
    with pytest.raises(UsageError, match=r"a\.safetensors"):
        merged(base, read(save(tmp_path / "a.safetensors", tensors, about)), 1.0)
