"""Ask again what a busy server refused, for a while."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

from reviewbot.errors import DeadlineReached, ServerBusy

T = TypeVar("T")

PAUSES_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each further try. Ollama refuses when OLLAMA_MAX_QUEUE (512) requests wait, which others have sent."""


def patiently(call: Callable[[], T], deadline: float | None) -> T:
    """What `call` returns; it is tried again while it raises ServerBusy, which is raised in the end. At the deadline, a
    time of `time.monotonic()`, there is one last try, which has to heed it; DeadlineReached then says why."""
    refusal = ""
    try:
        for seconds in PAUSES_S:
            try:
                return call()
            except ServerBusy as error:
                refusal = f": {error.message}"
                sleep(seconds if deadline is None else max(min(seconds, deadline - monotonic()), 0))
        return call()
    except DeadlineReached as error:
        raise DeadlineReached(error.message + refusal) from error
