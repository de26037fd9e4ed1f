"""A commit that starts while the change is being reviewed in the background: wait for that rather than ask twice."""

import time

from reviewbot.repo import Repository
from reviewbot.worker import Work, at_work, stop

POLL_S = 0.02
STOP_S = 2.0
"""A worker that was told to stop cancels its request and is gone at once, as a rule."""


def stop_waiting(repository: Repository) -> None:
    """A worker that has not begun yet has nothing to do any more once a commit starts: what it would ask is asked now.
    What waits of other work trees goes with it."""
    work = at_work(repository.common_dir)
    if work is not None and work.phase == "waiting":
        stop(work)


def join_worker(repository: Repository, digest: str, deadline: float | None) -> bool:
    """Wait while the worker reviews the diff of that digest, until `deadline`; one that does anything else, before or
    then, is told to stop, for the engine is wanted here. Whether it has reviewed something since."""
    work = at_work(repository.common_dir)
    if work is None:
        return False
    if not _reviews(work, digest):
        stop(work)
        _wait(repository, work, time.monotonic() + STOP_S)
        return False
    if _wait(repository, work, deadline):
        rest = at_work(repository.common_dir)
        if rest is not None and not _reviews(rest, digest):
            stop(rest)
    return True


def _reviews(work: Work, digest: str) -> bool:
    return work.phase == "reviewing" and work.digest == digest


def _wait(repository: Repository, work: Work, end: float | None) -> bool:
    """Until the worker is at something else, or gone; whether it came to that."""
    while at_work(repository.common_dir) == work:
        if end is not None and time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True
