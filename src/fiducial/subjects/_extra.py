"""The libraries of the extra `local`, imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from fiducial.kernel.errors import UsageError

INSTALL = 'pip install "fiducial[local]" (from a clone: pip install -e ".[local]")'


def library(name: str) -> Any:
    """The module of that name. Raises `UsageError` that says what to install.

    >>> library("no_such_library")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    fiducial.kernel.errors.UsageError: local models need no_such_library, which is not installed: pip install ...
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise UsageError(f"local models need {error.name or name}, which is not installed: {INSTALL}") from None
