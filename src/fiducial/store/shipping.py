"""Carrying finished segments of a journal away while it is written, so that a machine may be lost with its disk."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from fiducial.kernel.errors import StoreError

Ship = Callable[[Path], None]
"""Takes a finished segment away. Raises `StoreError` where it cannot."""

EVERY = 2.0
"""Seconds between two segments: what a lost machine can take with it, beside the time that carrying takes."""

PATIENCE = 60.0
"""Seconds that the first segment in the row may wait for a store that fails; then nothing more is written."""

TRIES = 4
"""Times that what is left is tried at the end, with a second between them."""


class Shipper:
    """A thread that finishes a segment every few seconds and ships it; what failed is tried again, in its order.

    `turn` finishes the segment that is being written, `None` where there is none.
    """

    def __init__(self, turn: Callable[[], Path | None], ship: Ship, every: float = EVERY) -> None:
        self._turn, self._ship, self._every = turn, ship, every
        self._left: deque[Path] = deque()
        self._failing: tuple[float, StoreError] | None = None
        self._broken: StoreError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="journal-ship", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise `StoreError` where the store has failed for too long: then what is bought would be at risk."""
        if self._broken is not None:
            raise self._broken
        failing = self._failing  # the thread may clear it meanwhile
        if failing is not None and time.monotonic() - failing[0] > PATIENCE:
            raise StoreError(f"{failing[1]} (for {PATIENCE:g} s)") from failing[1]

    def close(self) -> None:
        """Ship what is left. Raises `StoreError` where it cannot be."""
        self._stop.set()
        self._thread.join()
        self._take()
        for attempt in range(TRIES):
            self._empty()
            if not self._left:
                break
            if attempt < TRIES - 1:
                time.sleep(1.0)
        if self._broken is not None:
            raise self._broken
        if self._failing is not None:
            raise self._failing[1]

    def _work(self) -> None:
        while not self._stop.wait(self._every):
            self._take()
            self._empty()

    def _take(self) -> None:
        try:
            path = self._turn()
        except StoreError as error:
            self._broken = error  # the disk of this machine: no further try would help
            return
        if path is not None:
            self._left.append(path)

    def _empty(self) -> None:
        try:
            while self._left:
                self._ship(self._left[0])
                self._left.popleft()
        except StoreError as error:
            told = StoreError(f"{error}; what was not shipped is in {self._left[0].parent}")
            self._failing = (time.monotonic() if self._failing is None else self._failing[0], told)
        else:
            self._failing = None
