"""What a diagnostic is, and the checks that all of them make of their arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fiducial.kernel.errors import NotEstimable, UsageError
from fiducial.kernel.records import Estimate, Target
from fiducial.stats.table import Floats, Labels

Bools = NDArray[np.bool_]
States = Mapping[int | str, NDArray[Any]]
"""Layer -> states, one row an item: (n, d)."""

FEWEST = 10
"""Items that each class must have."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A module `diagnostics/<name>.py` defines `diagnostic`, an object of this shape.

    `needs` names what the caller must collect (``states``, ``logprobs``, ``texts``, ``behaviour``...), `inputs` is the frozen
    dataclass of arrays that carries it. `about` has one line a quantity: what the number is, and which way is which.
    `measure(data, rng, *, subject, level, permutations, **options)` gives the estimates: `Target.benchmark` is
    ``diagnostic:<name>``, `slice` the layer (``layer=12``), and `extra` the permutation null where there is one
    (``permutation_p``, ``null_mean``, ``null_95``). It raises `UsageError` for arrays that do not fit together and
    `NotEstimable` where they fit but cannot carry the number.
    """

    name: str
    needs: tuple[str, ...]
    inputs: type
    about: Mapping[str, str]
    measure: Callable[..., Sequence[Estimate]]


def target(name: str, quantity: str, subject: str, place: str = "") -> Target:
    """What an estimate of a diagnostic is of; `place` is its slice.

    >>> target("aqi", "eta_squared", "local:m", "layer=3").benchmark
    'diagnostic:aqi'
    """
    return Target(benchmark=f"diagnostic:{name}", quantity=quantity, subject=subject, slice=place)


def checked_states(name: str, layer: int | str, states: NDArray[Any], n: int) -> NDArray[Any]:
    """The states of a layer, if there is one finite row an item and they are not all alike."""
    x = np.asarray(states)
    if x.ndim != 2 or len(x) != n or x.shape[1] == 0:
        raise UsageError(f"{name}: layer {layer}: needs states of shape ({n}, width), got {x.shape}")
    if not np.issubdtype(x.dtype, np.number) or not np.isfinite(x).all():
        raise UsageError(f"{name}: layer {layer}: states must be finite numbers, got {x.dtype} with NaN or infinity")
    if (x == x[:1]).all():
        raise NotEstimable(f"{name}: layer {layer}: all states are alike, so nothing can be told apart")
    return x


def chosen_layers(name: str, states: States, layers: Sequence[int | str] | None) -> list[int | str]:
    """The layers asked for (default: all there are), or `UsageError` naming what there is."""
    if not states:
        raise UsageError(f"{name}: needs the states of at least one layer, got none")
    unknown = [layer for layer in layers or () if layer not in states]
    if unknown:
        raise UsageError(f"{name}: layers: there is {', '.join(map(str, states))}, got {', '.join(map(str, unknown))}")
    return list(states if layers is None else layers)


def checked_classes(name: str, what: str, labels: NDArray[Any], fewest: int = FEWEST) -> Bools:
    """Labels 0 and 1 as booleans; each class needs `fewest` items."""
    y = np.asarray(labels)
    if y.dtype.kind in "OUS" and np.isin(y.astype(str), ("0", "1")).all():
        y = y.astype(str) == "1"  # a column of a file
    if y.ndim != 1 or not np.isin(y, (0, 1)).all():
        raise UsageError(f"{name}: {what}: needs one 0 or 1 an item, got {np.unique(y)[:5].tolist()} of shape {y.shape}")
    ones = int(np.count_nonzero(y))
    if min(ones, len(y) - ones) < fewest:
        raise NotEstimable(f"{name}: {what}: each class needs {fewest} items, got {len(y) - ones} items with the value 0 and {ones} with 1")
    return y.astype(bool)


def checked_rows(name: str, what: str, values: Sequence[Any] | NDArray[Any], n: int) -> NDArray[Any]:
    """One value an item."""
    column = np.asarray(values)
    if column.ndim != 1 or len(column) != n:
        raise UsageError(f"{name}: {what}: needs {n} rows, one an item, got shape {column.shape}")
    return column


def clusters_of(name: str, groups: Labels | None, n: int) -> NDArray[np.intp]:
    """Each item's cluster by number; without groups each item stands for itself."""
    if groups is None:
        return np.arange(n)
    return np.unique(checked_rows(name, "groups", groups, n), return_inverse=True)[1]


def rows_rng(rng: Generator) -> Callable[[str], Generator]:
    """A generator for each row of a measurement, by its place: what a row draws does not depend on which other rows there are.

    >>> one, other = (rows_rng(np.random.default_rng(0)) for _ in range(2))
    >>> _ = one("layer=2").random()
    >>> one("layer=tfidf").random() == other("layer=tfidf").random()
    True
    """
    root = int(rng.integers(2**63))
    return lambda place: np.random.default_rng([root, *place.encode()])


def null_extra(value: float, null: Floats, prefix: str = "") -> dict[str, float]:
    """Mean, 95 % point and p-value (share of permutations at least as large, the observed one counted) of a null.

    Permutations whose value is undefined count as at least as large: the p-value can only be too careful.

    >>> null_extra(2.0, np.array([0.0, 1.0, 3.0]))["permutation_p"]
    0.5
    """
    known = null[np.isfinite(null)]
    extra = {f"{prefix}permutation_p": float((1 + np.count_nonzero(~(null < value - 1e-12 * abs(value)))) / (1 + len(null)))}
    if len(known):
        extra |= {f"{prefix}null_mean": float(known.mean()), f"{prefix}null_95": float(np.quantile(known, 0.95))}
    return extra | {f"{prefix}permutations": float(len(null))}
