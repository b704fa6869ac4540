"""Hidden states, edits of them, and gradients, by plain forward hooks.

Layer 0 is what enters the first block (the embeddings), layer n what leaves block n, before the final norm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fiducial.kernel.errors import UsageError
from fiducial.kernel.roles import Hooks, Positions
from fiducial.subjects._decoder import chunks, forward
from fiducial.subjects._extra import library
from fiducial.subjects._weights import Loaded


def blocks(loaded: Loaded) -> Sequence[Any]:
    """The decoder blocks in order. Raises `UsageError` where the model shows none."""
    torch = library("torch")
    config = loaded.model.config
    count = getattr(config.get_text_config() if hasattr(config, "get_text_config") else config, "num_hidden_layers", None)
    found = [module for _, module in loaded.model.named_modules() if isinstance(module, torch.nn.ModuleList) and len(module) == count]
    if not found:
        raise UsageError(f"{type(loaded.model).__name__}: needs a list of {count} blocks to read hidden states, and has none")
    return found[0]


def check_layers(layers: Sequence[int], depth: int) -> None:
    """Refuse a layer that the model does not have."""
    for layer in layers:
        if not 0 <= layer <= depth:
            raise UsageError(f"layer: needs a number from 0 (embeddings) to {depth} (last block), got {layer}")
    if not layers:
        raise UsageError("layers: needs at least one, got none")


@contextmanager
def hooked(loaded: Loaded, layers: Sequence[int], see: Callable[[int, Any], Any]) -> Iterator[None]:
    """While open, `see(layer, states)` is called with what leaves each of these layers; what it returns, unless `None`, goes on instead."""
    there = blocks(loaded)
    check_layers(layers, len(there))
    with ExitStack() as stack:
        for layer in sorted(set(layers)):
            if layer == 0:
                handle = there[0].register_forward_pre_hook(partial(_entering, see), with_kwargs=True)
            else:
                handle = there[layer - 1].register_forward_hook(partial(_leaving, see, layer))
            stack.callback(handle.remove)
        yield


def _entering(see: Callable[[int, Any], Any], _block: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if arguments:
        changed = see(0, arguments[0])
        return None if changed is None else ((changed, *arguments[1:]), named)
    changed = see(0, named["hidden_states"])
    return None if changed is None else (arguments, {**named, "hidden_states": changed})


def _leaving(see: Callable[[int, Any], Any], layer: int, _block: Any, _arguments: Any, out: Any) -> Any:
    states, rest = (out[0], out[1:]) if isinstance(out, tuple) else (out, None)
    changed = see(layer, states)
    if changed is None:
        return None
    return changed if rest is None else (changed, *rest)


@contextmanager
def edited(loaded: Loaded, hooks: Hooks | None) -> Iterator[None]:
    """While open, the model runs under the edits of `hooks.layers`."""
    if hooks is None or not hooks.layers:
        yield
        return
    torch = library("torch")
    edits = hooks.layers

    def see(layer: int, states: Any) -> Any:
        changed = np.asarray(edits[layer](states.float().cpu().numpy().copy()))
        if changed.shape != tuple(states.shape):
            raise UsageError(f"hook at layer {layer}: must keep the shape {tuple(states.shape)}, got {changed.shape}")
        return torch.as_tensor(np.ascontiguousarray(changed)).to(device=states.device, dtype=states.dtype)

    with hooked(loaded, list(edits), see):
        yield


def states(
    loaded: Loaded, rows: Sequence[Sequence[int]], layers: Sequence[int], positions: Positions, most: tuple[int, int]
) -> NDArray[np.float32]:
    """Hidden states (rows, layers, width) of one token of each row, or their mean; `most` rows and tokens at a time."""
    torch = library("torch")
    depth = len(blocks(loaded))
    check_layers(layers, depth)
    width = loaded.model.get_input_embeddings().weight.shape[1]
    found: NDArray[np.float32] | None = None
    seen: dict[int, Any] = {}
    lengths = [len(row) for row in rows]
    for group in chunks(lengths, *most):
        longest = max(lengths[n] for n in group)
        tokens = torch.tensor([[*rows[n], *[0] * (longest - lengths[n])] for n in group], device=loaded.device)
        real = torch.tensor([[1] * lengths[n] + [0] * (longest - lengths[n]) for n in group], device=loaded.device)
        at = [place(positions, lengths[n]) for n in group]

        def see(layer: int, value: Any, at: Sequence[int | None] = at, real: Any = real) -> None:
            seen[layer] = _read(torch, value, at, real)

        with torch.inference_mode(), hooked(loaded, layers, see):
            forward(loaded, tokens, real, None, use_cache=False)
        block = torch.stack([seen[layer] for layer in layers], dim=1).cpu().numpy()
        if found is None:
            width = block.shape[-1]
            found = np.empty((len(rows), len(layers), width), dtype=np.float32)
        found[group] = block
    return np.empty((0, len(layers), width), dtype=np.float32) if found is None else found


def place(positions: Positions, length: int) -> int | None:
    """The token's number; `None` means all."""
    if positions == "mean":
        return None
    place = length - 1 if positions == "last" else positions + length if positions < 0 else positions
    if not 0 <= place < length:
        raise UsageError(f"positions: needs last, mean or a token's number within {length} tokens, got {positions}")
    return place


def _read(torch: Any, value: Any, at: Sequence[int | None], real: Any) -> Any:
    if at[0] is None:
        weights = real[:, :, None].to(torch.float32)
        return (value.float() * weights).sum(1) / weights.sum(1)
    return value[torch.arange(len(at), device=value.device), torch.tensor(at, device=value.device)].float()


def gradients(loaded: Loaded, row: Sequence[int], layer: int, scalar: Callable[[Any], Any], of: int | None) -> NDArray[np.float32]:
    """Gradient (tokens, width) of `scalar` with respect to what leaves `layer`, for one text."""
    torch = library("torch")
    kept: dict[int, Any] = {}
    wanted = [layer] if of is None else sorted({layer, of})
    if of is not None and of < layer:
        raise UsageError(f"gradients: the scalar must come from layer {layer} or a later one, got {of}")

    def see(number: int, value: Any) -> Any:
        if number == layer:
            # A leaf of its own: nothing before it is differentiated.
            kept[layer] = value.detach().clone().requires_grad_(requires_grad=True)
            return kept[layer]
        kept[number] = value
        return None

    tokens = torch.tensor([list(row)], device=loaded.device)
    with torch.enable_grad(), hooked(loaded, wanted, see):
        out = forward(loaded, tokens, torch.ones_like(tokens), None, keep=0, use_cache=False)
        value = scalar(out.logits[0] if of is None else kept[of][0])
        if getattr(value, "numel", lambda: 0)() != 1 or not value.requires_grad:
            raise UsageError("gradients: `scalar` must give one number that depends on the tensor it was given")
        (found,) = torch.autograd.grad(value.reshape(()), kept[layer])
    return found[0].float().cpu().numpy()
