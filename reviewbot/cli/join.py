"""A commit that starts while the change is being reviewed in the background: wait for that rather than ask twice."""

import os
import time

from reviewbot.repo import Repository
from reviewbot.worker import Work, at_work, enqueue, queue_bytes, send_away, take_queue

POLL_S = 0.02
STOP_S = 2.0
"""A worker that was told to stop cancels its request and is gone at once, as a rule."""


def stop_waiting(repository: Repository) -> None:
    """A worker that has not begun yet has nothing to do here once a commit starts: what it would ask is asked now. What
    waits of other work trees goes on waiting."""
    work = at_work(repository.common_dir)
    if work is not None and work.phase == "waiting":
        send_away(work)


def join_worker(repository: Repository, digest: str, deadline: float | None) -> bool:
    """Wait while the worker reviews the diff of that digest, until `deadline`; one that does anything else, before or
    then, is told to stop, for the engine is wanted here. Whether it has reviewed something since."""
    work = at_work(repository.common_dir)
    if work is None:
        return False
    if not _reviews(work, digest):
        send_away(work)
        _wait(repository, work, time.monotonic() + STOP_S)
        return False
    if _wait(repository, work, deadline):
        rest = at_work(repository.common_dir)
        if rest is not None and not _reviews(rest, digest):
            send_away(rest)
    return True


def others_wait(repository: Repository) -> bool:
    """Whether other work trees wait for a worker that made way for this commit; of this one nothing waits any more.
    Raises OSError, RepoError."""
    folder = repository.common_dir
    work = at_work(folder)
    if work is not None and work.phase == "making-way":
        _wait(repository, work, time.monotonic() + STOP_S)
        work = at_work(folder)
    if work is not None or not queue_bytes(folder):
        return False
    here = os.path.realpath(repository.root or "")
    others = [place for place in take_queue(folder) if os.path.realpath(place.root) != here]
    for place in reversed(others):
        enqueue(folder, place)
    return bool(others)


def _reviews(work: Work, digest: str) -> bool:
    return work.phase == "reviewing" and work.digest == digest


def _wait(repository: Repository, work: Work, end: float | None) -> bool:
    """Until the worker is at something else, or gone; whether it came to that."""
    while at_work(repository.common_dir) == work:
        if end is not None and time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True
