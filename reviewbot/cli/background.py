"""`reviewbot hook post-index-change`: review what is staged while nobody waits, so that a commit finds it done."""

import argparse
import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from reviewbot.errors import ExitCode, ReviewbotError
from reviewbot.gitrun import OF_ONE_COMMAND
from reviewbot.worker import Place, Worker, enqueue, queue_bytes, take_queue, working

if TYPE_CHECKING:
    from reviewbot.repo import Repository

NICENESS = 10
MOST_HANDLES = 256
MOST_WAITS = 10
"""An editor that touches a file each second does not put the review off for ever."""

_OF_A_PLACE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", *OF_ONE_COMMAND)


def run(options: argparse.Namespace) -> int:
    """Work until nothing waits; at once done when another process does that already."""
    from reviewbot.config import load_config
    from reviewbot.repo import open_repository

    repository = open_repository()
    common_dir = repository.common_dir
    try:
        settings = load_config(
            root=None, flags=options.settings, in_hook=True, config_file=options.config, isolated=options.isolated
        )
        _leave_caller()
        if not queue_bytes(common_dir):
            enqueue(common_dir, _place(repository))
        while queue_bytes(common_dir):
            with working(common_dir) as worker:
                if worker is None:
                    break
                _Shift(common_dir, worker, settings.config.debounce_s).work()
    except ReviewbotError:
        with suppress(OSError):
            take_queue(common_dir)  # a commit will say what is wrong
        raise
    return ExitCode.OK


def _place(repository: "Repository") -> Place:
    environ = os.environ
    return Place(environ.get("GIT_DIR", ""), environ.get("GIT_WORK_TREE", ""), repository.root or os.getcwd())


def _leave_caller() -> None:
    """Be nobody's child and in nobody's way: a `git add` whose output somebody reads waits for all who hold it."""
    with suppress(PermissionError):  # it leads a session already
        os.setsid()
    os.nice(NICENESS)
    os.closerange(3, MOST_HANDLES)
    null = os.open(os.devnull, os.O_RDWR)
    for handle in range(3):
        os.dup2(null, handle)
    os.close(null)


class _Shift:
    """What one worker does, from its first work tree to its last."""

    def __init__(self, common_dir: str, worker: Worker, debounce_s: float) -> None:
        self._common_dir = common_dir
        self._worker = worker
        self._debounce_s = debounce_s
        self._stopped = threading.Event()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGHUP, self._stop)

    def work(self) -> None:
        """Until nothing waits. Whoever says stop does so for all work trees: what waits is forgotten."""
        places: list[Place] = []
        with suppress(KeyboardInterrupt):
            while (places := self._settled(places)) and not self._stopped.is_set():
                place, *places = places
                self._review(place)
        if self._stopped.is_set():
            take_queue(self._common_dir)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopped.set()
        raise KeyboardInterrupt

    def _settled(self, places: list[Place]) -> list[Place]:
        """All that waits, as soon as nothing has come for a while."""
        self._worker.tell("waiting")
        for _ in range(MOST_WAITS):
            new = take_queue(self._common_dir)
            if not new:
                break
            places = list(dict.fromkeys((*new, *places)))
            self._stopped.wait(self._debounce_s)
        return places

    def _review(self, place: Place) -> None:
        """Review in a work tree; one that is gone, or is no repository any more, has nothing to review."""
        from reviewbot.cli.staging import Staging

        for name in _OF_A_PLACE:
            os.environ.pop(name, None)
        for name, path in (("GIT_DIR", place.git_dir), ("GIT_WORK_TREE", place.work_tree)):
            if path:
                os.environ[name] = os.path.join(place.root, path)
        with suppress(OSError, ReviewbotError):
            os.chdir(place.root)
            Staging(self._worker).review()
