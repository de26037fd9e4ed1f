"""`reviewbot hook post-index-change`: review what is staged while nobody waits, so that a commit finds it done."""

import argparse
import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from reviewbot.errors import ConfigError, ExitCode, RepoError, ReviewbotError
from reviewbot.gitrun import OF_ONE_COMMAND
from reviewbot.worker import MAKE_WAY, Place, Worker, enqueue, queue_bytes, take_queue, working

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
    from reviewbot.repo import Repository, open_repository

    repository: Repository | None = None
    try:
        repository = open_repository()
        common_dir = repository.common_dir
    except (RepoError, ConfigError):
        common_dir = _common_dir_of(os.environ.get("GIT_DIR", ""))
        if not common_dir:
            raise
        os.chdir(common_dir)  # the work tree was removed meanwhile; others may wait
    try:
        settings = load_config(
            root=None, flags=options.settings, in_hook=True, config_file=options.config, isolated=options.isolated
        )
        _leave_caller()
        if repository is not None and not queue_bytes(common_dir):
            enqueue(common_dir, _place(repository))
        while queue_bytes(common_dir):
            with working(common_dir) as worker:
                if worker is None or not _Shift(common_dir, worker, settings.config.debounce_s).work():
                    break
    except ReviewbotError:
        with suppress(OSError):
            take_queue(common_dir)  # a commit will say what is wrong
        raise
    return ExitCode.OK


def _common_dir_of(git_dir: str) -> str:
    """The git folder of which that of a linked work tree was a part; "" where it was none."""
    worktrees, name = os.path.split(git_dir)
    common_dir = os.path.dirname(worktrees)
    return common_dir if name and os.path.basename(worktrees) == "worktrees" and os.path.isdir(common_dir) else ""


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
        self._places: list[Place] = []
        for number in (signal.SIGTERM, signal.SIGHUP, MAKE_WAY):
            signal.signal(number, self._stop)

    def work(self) -> bool:
        """Until nothing waits, or somebody says stop; whether nobody did. What waits is forgotten then, in all work
        trees; but for a commit it goes back into the queue, what was under way too."""
        with suppress(KeyboardInterrupt):
            while self._settle():
                self._review(self._places[0])
                if self._stopped.is_set():
                    break
                del self._places[0]
        return not self._stopped.is_set()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not self._stopped.is_set():
            self._stopped.set()
            with suppress(OSError):  # the work is over, and the file closed
                self._worker.tell("making-way")
            if number == MAKE_WAY:
                for place in reversed(self._places):
                    enqueue(self._common_dir, place)
            else:
                take_queue(self._common_dir)
        raise KeyboardInterrupt

    def _settle(self) -> bool:
        """Take all that waits, as soon as nothing has come for a while; whether there is something."""
        self._worker.tell("waiting")
        for _ in range(MOST_WAITS):
            new = take_queue(self._common_dir)
            if not new:
                break
            self._places = list(dict.fromkeys((*new, *self._places)))
            self._stopped.wait(self._debounce_s)
        return bool(self._places)

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
