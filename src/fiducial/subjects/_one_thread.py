"""Small matrices on one thread of BLAS: more threads cost more than they bring, and where cores are shared, many times more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from threadpoolctl import ThreadpoolController


class OneThread:
    """While anyone is within `held`, BLAS uses one thread; afterwards as many as before.

    The number is the process's, so that two subjects at work at once must share one of these.
    """

    def __init__(self) -> None:
        self._lock, self._within = Lock(), 0
        self._stack = ExitStack()

    @contextmanager
    def held(self) -> Iterator[None]:
        """One thread within."""
        with self._lock:
            if self._within == 0:
                self._stack.enter_context(ThreadpoolController().limit(limits=1, user_api="blas"))
            self._within += 1
        try:
            yield
        finally:
            with self._lock:
                self._within -= 1
                if self._within == 0:
                    self._stack.close()


ONE_THREAD = OneThread()
"""The only module-level state here, because the number of threads is one number of the process."""
