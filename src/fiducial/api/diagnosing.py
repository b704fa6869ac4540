"""Diagnose: texts with labels, the hidden states of a model at them, and what a diagnostic reads in those."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import re
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fiducial.api import decodings, interventions, resolve
from fiducial.api.columns import Items, binary, plain, read, singular
from fiducial.api.eliciting import Asked, Model
from fiducial.diagnostics import shortcut_neurons, watermark
from fiducial.diagnostics._plugin import checked_classes
from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.load import load
from fiducial.kernel.records import Estimate
from fiducial.kernel.roles import Positions, Subject, Transparent

LAYERS = 6
"""Layers that are read where none are named, spread over the depth, the last one among them."""

BINARY = frozenset({"labels", "behaviour"})
"""Columns of 0 and 1; a blank one of `behaviour` is unknown."""


@dataclass(frozen=True)
class Options:
    """How to diagnose. `positive` is the label that counts as 1, where labels are words; `layers=None` spreads `LAYERS`.

    `settings` are those of the diagnostic and of what it is fed from, as text.
    """

    layers: tuple[int, ...] | None = None
    positions: Positions = "last"
    permutations: int = 200
    seed: int = 0
    level: float = 0.95
    positive: str | None = None
    folder: Path = Path()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """What a diagnostic found: its estimates, and one line a quantity about what the number is."""

    diagnostic: str
    subject: str
    estimates: tuple[Estimate, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def write(self, folder: Path) -> Path:
        """``estimates.json`` and the page ``diagnosis.html`` in a folder; the page's path."""
        import msgspec

        from fiducial.report.diagnosis import render

        folder.mkdir(parents=True, exist_ok=True)
        found = msgspec.json.format(msgspec.json.encode({"estimates": self.estimates}), indent=2)
        (folder / "estimates.json").write_bytes(found + b"\n")
        page = folder / "diagnosis.html"
        page.write_text(render(self.diagnostic, self.subject, self.estimates, self.about, self.notes), encoding="utf-8")
        return page


ASKED: Mapping[str, Any] = {"tokens": 32, "behaviour": "auto"}
"""Settings of everything that is elicited from a subject: tokens of an answer, and what counts as behaviour."""

Elicit = Callable[[Asked], Awaitable[dict[str, Any]]]

ELICITED: Mapping[str, tuple[Elicit, Mapping[str, Any]]] = {
    "aqi": (interventions.aqi, {}),
    "pa_ccs": (interventions.pa_ccs, {}),
    "routing": (interventions.routing_, {"at": -1, "random": 10, "strength": 1.0, "onwards": False}),
    "surrogate": (interventions.surrogate, {"attack": "none", "at": -1, "words": 4, "tries": 12, "attacked": 40}),
    "shortcut_neurons": (interventions.shortcut, {"top": shortcut_neurons.TOP, "random": 10}),
    "token_shift": (decodings.shift, {}),
    "membership": (decodings.membership, {}),
    "decoding_exploitation": (decodings.grid, {"draws": 0}),
    "watermark": (
        decodings.marks,
        {"mark": "kgw", "key": 15485863, "gamma": watermark.GAMMA, "delta": watermark.DELTA, "temperature": 1.0, "candidates": 4},
    ),
}
"""Diagnostic -> how its input is made from a subject and a file of items, and the settings of that."""

GIVEN = ("data", "rng", "subject", "level", "permutations", "layers")
"""Parameters of a measurement that are no settings."""


def diagnose(
    diagnostic: str, *, subject: str | None = None, against: str | None = None, data: Path | None = None, states: Path | None = None,
    options: Options | None = None,
) -> Diagnosis:  # fmt: skip
    """Run a diagnostic on what a subject does with the items of `data` (columns text, label, ...), or on saved `states`.

    `against` is a second subject, for diagnostics that compare two. Raises `UsageError` for what does not fit together and `NotEstimable`
    for what cannot carry the number.
    """
    chosen = options or Options()
    plugin = load("diagnostic", diagnostic, chosen.folder)
    if (subject is None) == (states is None):
        raise UsageError("diagnose: needs either a subject or a file of states, got " + ("both" if subject else "neither"))
    if against is not None and (subject is None or diagnostic not in COMPARING):
        raise UsageError(f"diagnose: against: {', '.join(COMPARING)} of a subject compare it with another, got {diagnostic}")
    settings = settings_of(plugin, chosen.settings, subject is not None)
    items = Items(read(data) if data is not None else {}, {} if states is None else _arrays(states))
    rng = np.random.default_rng(chosen.seed)
    if states is not None:
        given, name = {"states": _saved(items, states, chosen.layers)}, f"states:{states.name}"
    else:
        if data is None:
            raise UsageError("diagnose: needs a file of texts with labels (data) for a subject, got none")
        given, name = asyncio.run(_elicited(plugin, cast("str", subject), against, items, settings, chosen))
    inputs = _inputs(plugin, items, given, chosen)
    settings |= {"subject": name, "level": chosen.level, "permutations": chosen.permutations}
    taken = inspect.signature(plugin.measure).parameters
    estimates = plugin.measure(inputs, rng, **{key: value for key, value in settings.items() if key in taken})
    if not estimates:
        raise NotEstimable(f"diagnose: {diagnostic} gave no estimate for these data")
    return Diagnosis(diagnostic, name, tuple(estimates), plugin.about, _notes(chosen, subject, against, plugin))


def settings_of(plugin: Any, given: Mapping[str, str], asking: bool) -> dict[str, Any]:
    """The settings of a diagnostic and of what it is fed from, as given or by default. Raises `UsageError` for an unknown one."""
    parameters = inspect.signature(plugin.measure).parameters.items()
    there = {name: one.default for name, one in parameters if name not in GIVEN and isinstance(one.default, bool | int | float | str)}
    if asking:
        there |= {**ASKED, **ELICITED[plugin.name][1]} if plugin.name in ELICITED else {}
    for name, text in given.items():
        if name not in there:
            raise UsageError(f"diagnose: set: {plugin.name} has the settings {', '.join(sorted(there)) or 'none'}, got {name!r}")
        there[name] = _typed(name, text, there[name])
    return there


def _typed(name: str, text: str, default: Any) -> Any:
    """A text as a value of the kind that the default is."""
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        if text not in ("yes", "no"):
            raise UsageError(f"diagnose: {name}: needs yes or no, got {text!r}")
        return text == "yes"
    try:
        found = type(default)(text)
    except ValueError:
        found = np.nan
    if not np.isfinite(found) or (isinstance(found, int) and not -1 <= found <= 1_000_000_000) or (found < 1 and name in COUNTS):
        raise UsageError(f"diagnose: {name}: needs a number like {default:g}, got {text!r}")
    return found


COUNTS = ("tokens", "random", "words", "tries", "attacked", "candidates", "restarts", "components")
"""Settings that count something there must be one of."""

COMPARING = ("token_shift", "membership", "watermark", "shortcut_neurons")
"""Diagnostics that a second subject means something to."""


def _notes(options: Options, subject: str | None, against: str | None, plugin: Any) -> tuple[str, ...]:
    found = [f"Seed {options.seed}, {options.permutations} permutations."]
    if subject is not None and "states" in plugin.needs:
        found.append(f"States of the texts' {'mean' if options.positions == 'mean' else f'token {options.positions}'}.")
    if against is not None:
        found.append(f"Against {against}.")
    if options.settings:
        found.append(f"Set: {', '.join(f'{name}={text}' for name, text in sorted(options.settings.items()))}.")
    return tuple(found)


# --- inputs ----------------------------------------------------------------------------------------------------------


def _inputs(plugin: Any, items: Items, given: Mapping[str, Any], options: Options) -> Any:
    """The diagnostic's inputs: what was elicited, and each other field from the column of its name."""
    found: dict[str, Any] = {}
    for one in dataclasses.fields(plugin.inputs):
        if one.name in given:
            found[one.name] = given[one.name]
            continue
        column = items.find(one.name)
        if column is not None:
            found[one.name] = binary(one.name, column, options.positive) if one.name in BINARY else plain(one.name, column)
        elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
            there = ", ".join([*items.columns, *items.arrays]) or "none"
            raise UsageError(f"diagnose: {plugin.name} needs the column {singular(one.name)!r}, there is {there}")
    if "labels" in found:
        checked_classes("diagnose", "label", found["labels"])
    return plugin.inputs(**found)


# --- states ----------------------------------------------------------------------------------------------------------


async def _elicited(
    plugin: Any, subject: str, against: str | None, items: Items, settings: Mapping[str, Any], options: Options
) -> tuple[dict[str, Any], str]:
    """Inputs of the diagnostic from a subject, and the subject's id. A diagnostic of yours gets states where it needs some."""
    opened: list[Model] = []
    try:
        opened.extend(_open(one, options.folder) for one in (subject, against) if one is not None)
        model = opened[0]
        layers = options.layers if options.layers is not None else tuple(spread(model.inside.depth))
        asked = Asked(
            model, opened[1] if len(opened) > 1 else None, items, settings, layers, options.positions, options.positive,
            np.random.default_rng([options.seed, 1]),
        )  # fmt: skip
        asked.texts  # noqa: B018 - raises where there are none
        if "labels" in {one.name for one in dataclasses.fields(plugin.inputs)} and items.find("labels") is not None:
            asked.labels  # noqa: B018 - raises where a class is too small, before anything is computed
        if plugin.name in ELICITED:
            return await ELICITED[plugin.name][0](asked), model.id
        return {"states": asked.states(model, asked.prompts)} if "states" in plugin.needs else {}, model.id
    finally:
        for one in opened:
            await one.subject.close()


def _open(text: str, folder: Path) -> Model:
    found = resolve.subject(text, folder)
    if not isinstance(found, Transparent):
        raise UsageError(f"diagnose: needs a subject whose inside can be read (local, organism), got {text.partition(':')[0]}")
    return Model(cast("Subject", found), found)


def spread(depth: int) -> list[int]:
    """Some layers from 1 to `depth`.

    >>> spread(3), spread(24)
    ([1, 2, 3], [4, 8, 12, 16, 20, 24])
    """
    count = min(depth, LAYERS)
    return [round(depth * (n + 1) / count) for n in range(count)]


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that numpy's `savez` wrote. Raises `UsageError`; nothing in it is executed."""
    if not path.is_file():
        raise UsageError(f"{path}: needs a file, there is none")
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            raise UsageError(f"{path}: needs an .npz file of named arrays, got one array")
        with found:
            return {name: found[name] for name in found.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        raise UsageError(f"{path}: needs an .npz file of plain arrays (no pickled objects), got something else") from None


def _saved(items: Items, path: Path, wanted: Sequence[int] | None) -> dict[int | str, NDArray[Any]]:
    """Layer -> states (items, width) of arrays called ``layer_3``, ``layer=3`` or ``3``, or of one ``states`` (items, layers, width)."""
    found: dict[int | str, NDArray[Any]] = {}
    for name, array in items.arrays.items():
        number = re.fullmatch(r"(?:layer[_=]?)?(\d+)", name)
        if number:
            found[int(number[1])] = array
    whole = items.arrays.get("states")
    if whole is not None and whole.ndim == 3:
        layers = items.arrays.get("layers", np.arange(whole.shape[1]))
        if layers.shape != (whole.shape[1],):
            raise UsageError(f"{path}: layers: needs {whole.shape[1]} numbers, one for each layer of states, got shape {layers.shape}")
        found |= {int(layer): whole[:, n] for n, layer in enumerate(layers)}
    elif whole is not None:
        found["states"] = whole
    if not found:
        raise UsageError(f"{path}: needs arrays layer_0, layer_1, ... or states, got {', '.join(items.arrays) or 'none'}")
    unknown = [layer for layer in wanted or () if layer not in found]
    if unknown:
        raise UsageError(f"{path}: layers: there is {', '.join(map(str, found))}, got {', '.join(map(str, unknown))}")
    n = _length(items)
    for layer, array in found.items():
        if array.ndim != 2 or (n is not None and len(array) != n):
            rule = f"({n}, width), one row an item" if n is not None else "(items, width)"
            raise UsageError(f"{path}: layer {layer}: needs states of shape {rule}, got {array.shape}")
    return found if wanted is None else {layer: found[layer] for layer in wanted}


def _length(items: Items) -> int | None:
    column = items.find("labels")
    return None if column is None else len(column)
