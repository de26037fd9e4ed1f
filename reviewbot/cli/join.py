"""A commit that starts while the change is being reviewed in the background: wait for that rather than ask twice."""

import os
import time

from reviewbot.config import Config
from reviewbot.repo import Repository
from reviewbot.worker import Work, at_work, digest_of, enqueue, last_beat, queue_bytes, send_away, take_queue

POLL_S = 0.02
STOP_S = 2.0
"""A worker that was told to stop cancels its request and is gone at once, as a rule."""

AGAIN_S = 0.2

STALLED_S = 3.0
"""One that has shown no life for so long is stopped, hangs or has no processor, and is waited for no longer."""

_SAME_ANSWERS = frozenset(
    ("block_at", "confirm", "max_confirmations", "on_failure", "deadline_s", "max_requests", "max_minutes")
    + ("max_findings", "keep_alive", "background", "debounce_s", "parallel", "cache_mib")
)
"""Settings that do not decide what a model says of a hunk, nor whether it is asked. All others do."""


def review_digest(diff: bytes, config: Config) -> str:
    """What a review is known by: the same diff put to another model, or in other words, is another one. Raises
    ConfigError for instructions that cannot be used."""
    from reviewbot.cli.consult import review_options

    settings = [value for key, value in config._asdict().items() if key not in _SAME_ANSWERS]
    prompt = review_options(config, deadline=None).sizing.prompt.sha256
    return digest_of(repr((settings, prompt)).encode("utf-8", "surrogateescape") + diff)


def stop_waiting(repository: Repository) -> None:
    """A worker that has not begun yet has nothing to do here once a commit starts: what it would ask is asked now. What
    waits of other work trees goes on waiting."""
    work = at_work(repository.common_dir)
    if work is not None and work.phase == "waiting":
        send_away(work)


def join_worker(repository: Repository, digest: str, deadline: float | None) -> bool:
    """Wait while the worker is at the review of that digest, until `deadline`; one that does anything else, before or
    then, or nothing at all, is told to stop, for the engine is wanted here. Whether it has reviewed something since."""
    work = at_work(repository.common_dir)
    if work is None:
        return False
    if not _reviews(work, digest):
        _dismiss(repository, work)
        return False
    _wait(repository, work, deadline)
    if deadline is None or time.monotonic() < deadline:
        rest = at_work(repository.common_dir)
        if rest is not None:
            _dismiss(repository, rest)
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


def _dismiss(repository: Repository, work: Work) -> None:
    """Tell it until it has heard: of a process that was stopped some other thread may take the signal, which then ends
    no wait for an answer."""
    end = time.monotonic() + STOP_S
    while at_work(repository.common_dir) == work and time.monotonic() < end:
        send_away(work)
        _wait(repository, work, time.monotonic() + AGAIN_S)


def _reviews(work: Work, digest: str) -> bool:
    return work.phase == "reviewing" and work.digest == digest


def _wait(repository: Repository, work: Work, end: float | None) -> None:
    """Until the worker is at something else, or gone, or shows no life any more."""
    beat, alive = 0, time.monotonic()
    while at_work(repository.common_dir) == work and (end is None or time.monotonic() < end):
        latest = last_beat(repository.common_dir)
        if latest != beat:
            beat, alive = latest, time.monotonic()
        elif time.monotonic() >= alive + STALLED_S:
            return
        time.sleep(POLL_S)
