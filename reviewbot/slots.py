"""Calls under way at one time, as many as a server has slots; a single one is made in this thread, when waited for.

Only the calls run in other threads. Whoever waits for them owns all that changes.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, NoReturn, TypeVar

from reviewbot.errors import OUT_OF_TIME, DeadlineReached

K = TypeVar("K")
T = TypeVar("T")

GRACE_S = 0.5
"""A call heeds the deadline by itself; one that does not is left alone so much later."""


class Slots(Generic[K, T]):
    """`count` is how many calls its user starts before it waits for one of them."""

    def __init__(self, count: int) -> None:
        self._threads = count > 1
        self._ended: SimpleQueue[tuple[K, Callable[[], T]]] = SimpleQueue()

    def start(self, key: K, call: Callable[[], T]) -> None:
        """Begin a call. Threads die with this process: none keeps it from ending."""
        if self._threads:
            threading.Thread(target=self._run, args=(key, call), daemon=True).start()
        else:
            self._ended.put((key, call))

    def wait(self, deadline: float | None) -> tuple[K, Callable[[], T]]:
        """The key of the call that ended next, and what returns or raises as it did. DeadlineReached when none ends
        in time, a time of `time.monotonic()`."""
        try:
            return self._ended.get(timeout=None if deadline is None else max(deadline + GRACE_S - time.monotonic(), 0))
        except Empty:
            raise DeadlineReached(OUT_OF_TIME) from None

    def _run(self, key: K, call: Callable[[], T]) -> None:
        try:
            value = call()
        except BaseException as error:  # whatever it is, it is raised again where somebody waits
            self._ended.put((key, partial(_raise, error)))
        else:
            self._ended.put((key, lambda: value))


def _raise(error: BaseException) -> NoReturn:
    raise error
