"""From a name to a plugin. No registry: a plugin is found by its path.

    sycophancy            our module ``fiducial.benchmarks.sycophancy``
    acme:hierarchy        the entry point ``hierarchy`` that the package ``acme`` publishes in ``fiducial.benchmarks``
    ./mine.py             a file

Each kind says which attribute of the module is the plugin; `describe` lists names and docstrings without importing.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from fiducial.kernel.errors import FiducialError, PluginError, place_of

KINDS = {
    "benchmark": ("benchmarks", "benchmark"),
    "perturbation": ("perturbations", "vary"),
    "attack": ("attacks", "vary"),
    "judge": ("judges", "judge"),
    "subject": ("subjects", "subject"),
    "environment": ("environments", "environment"),
    "diagnostic": ("diagnostics", "diagnostic"),
    "pack": ("organisms", "pack"),
}
"""Kind -> (package folder, attribute of the module that is the plugin)."""

_MARK = "_fiducial_neighbour"
"""Set on a module that was imported because it lies beside a plugin."""


def load(kind: str, name: str, folder: Path | None = None) -> Any:
    """The plugin of a kind by name; `folder` is where a relative file name starts (default: here).

    Raises `PluginError` naming what there is.
    """
    package, attribute = KINDS[kind]
    if name.endswith(".py"):
        return _attribute(_from_file(kind, Path(folder or ".") / name), attribute, kind, name)
    if ":" in name:
        return _from_entry_point(kind, package, name)
    if not _offers(package, name, attribute):
        close = difflib.get_close_matches(name, describe(kind), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise PluginError(f"{kind} {name!r}: there is none of that name; there is {', '.join(describe(kind))}.{hint}")
    return _attribute(importlib.import_module(f"fiducial.{package}.{name}"), attribute, kind, name)


def _offers(package: str, name: str, attribute: str) -> bool:
    """Whether one of our files of that name is a plugin: a look at one file, where `describe` reads the whole folder."""
    path = Path(__file__).parents[1] / package / f"{name}.py"
    return name.isidentifier() and not name.startswith("_") and path.is_file() and attribute in _top_names(ast.parse(path.read_bytes()))


def describe(kind: str) -> dict[str, str]:
    """Our plugins of a kind: name -> first line of the docstring, read without importing."""
    package, attribute = KINDS[kind]
    found: dict[str, str] = {}
    for path in sorted((Path(__file__).parents[1] / package).glob("*.py")):
        if path.stem.startswith("_"):
            continue
        tree = ast.parse(path.read_bytes())
        if attribute in _top_names(tree):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def entry_points(kind: str) -> list[str]:
    """Names of plugins that installed packages offer, as ``package:name``."""
    package, _ = KINDS[kind]
    return sorted(f"{e.dist.name}:{e.name}" for e in metadata.entry_points(group=f"fiducial.{package}") if e.dist)


def _from_entry_point(kind: str, package: str, name: str) -> Any:
    owner, _, label = name.partition(":")
    for point in metadata.entry_points(group=f"fiducial.{package}"):
        if point.name == label and point.dist is not None and point.dist.name == owner:
            return point.load()
    there = entry_points(kind) or ["none installed"]
    raise PluginError(f"{kind} {name!r}: no such entry point in group fiducial.{package}; there is {', '.join(there)}")


def _from_file(kind: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise PluginError(f"{kind} {str(path)!r}: no such file")
    label = f"fiducial_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(label, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{kind} {str(path)!r}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[label] = module
    try:
        with _neighbours(path.resolve().parent):
            spec.loader.exec_module(module)
    except SyntaxError as error:  # its text names file and line
        raise PluginError(f"{kind} {str(path)!r}: cannot be imported: {error}") from error
    except FiducialError as error:
        raise PluginError(f"{kind} {str(path)!r}: cannot be imported: {error}{place_of(error)}") from error
    except Exception as error:  # the boundary to a plugin's own code: whatever it raises is told with its place
        raise PluginError(f"{kind} {str(path)!r}: cannot be imported: {type(error).__name__}: {error}{place_of(error)}") from error
    return module


@contextmanager
def _neighbours(folder: Path) -> Iterator[None]:
    """While it lasts, the files of a folder can be imported by name; installed modules of the same name go first."""
    names = [path.stem for path in folder.glob("*.py")]
    for name in names:
        if hasattr(sys.modules.get(name), _MARK):
            del sys.modules[name]  # a neighbour of an earlier plugin: maybe of another folder, maybe changed since
    before = [name for name in names if name in sys.modules]
    sys.path.append(str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in names:
            if name not in before and name in sys.modules:
                setattr(sys.modules[name], _MARK, True)


def _attribute(module: ModuleType, attribute: str, kind: str, name: str) -> Any:
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise PluginError(f"{kind} {name!r}: the module must define `{attribute}`") from None


def _top_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names
