"""The one process that reviews in the background for a repository: who it is, what it is at, and what waits for it.

Two files in the git folder that all work trees share, both gone when the work is done. A hook appends to the queue, a
line for each work tree whose index was written. The other file belongs to the worker, which holds a lock on it; what
is in it tells a shell and a starting commit who works, and the kernel lets go of the lock however the worker ends.
"""

import fcntl
import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from reviewbot.errors import RepoError

QUEUE = "reviewbot-queue"
WORKER = "reviewbot-worker"
BOOT = "/proc/sys/kernel/random/boot_id"
"""Tells a process id of today from one of before the last start, where the system has it."""

STARTED = 19
"""The place of the start of a process in /proc/PID/stat, among what stands behind its name: field 22 in proc(5). It
tells a process from a later one with the same id."""

BEAT_S = 0.25
"""How often a worker shows that it lives."""

HUNG_S = 300.0
"""A worker that has come no further for so long shows no life any more: a server that is well answers sooner."""

MAKE_WAY = signal.SIGUSR1
"""What a commit tells a worker, for the engine is wanted; whoever else ends it wants none of its work."""

MAX_QUEUE_BYTES = 1024 * 1024


class Place(NamedTuple):
    """A work tree as git's hook saw it: GIT_DIR and GIT_WORK_TREE (empty where not set), and the folder."""

    git_dir: str
    work_tree: str
    root: str


class Work(NamedTuple):
    """What a worker says of itself. `phase` is waiting, reviewing (what is staged in `root`), catching-up or
    making-way; `digest` is what the review under way is known by, or "-"; `mark` tells its process from a later one
    with the same id."""

    pid: int
    phase: str
    digest: str
    root: str
    mark: str


def digest_of(diff: bytes) -> str:
    """What a diff is known by."""
    return hashlib.sha256(diff).hexdigest()


def enqueue(common_dir: str, place: Place) -> None:
    """Say that the index of a work tree was written; RepoError where that cannot be noted."""
    path = os.path.join(common_dir, QUEUE)
    try:
        with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\t".join(place) + "\n")
    except OSError as error:
        raise _unwritable(path, error) from error


def queue_bytes(common_dir: str) -> int:
    """How much waits; it grows with each write of an index."""
    try:
        return os.stat(os.path.join(common_dir, QUEUE)).st_size
    except OSError:
        return 0


def take_queue(common_dir: str) -> list[Place]:
    """Each work tree that waits, once, the latest first; the queue is empty then. Raises OSError."""
    path = os.path.join(common_dir, QUEUE)
    taken = f"{path}.taken"
    try:
        os.replace(path, taken)
        with open(taken, "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - MAX_QUEUE_BYTES, 0))
            lines = file.read().decode("utf-8", "surrogateescape").split("\n")
        os.unlink(taken)
    except FileNotFoundError:
        return []
    places = [Place(*line.split("\t")) for line in reversed(lines) if line.count("\t") == 2]
    return list(dict.fromkeys(places))


class Worker:
    """The process that holds the lock."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._moved = time.monotonic()

    def tell(self, phase: str, digest: str = "-", root: str = "") -> None:
        """Say what this process is at."""
        self.move_on()
        line = f"{os.getpid()} {mark_of('self')} {phase} {digest} {root}\n".encode("utf-8", "surrogateescape")
        os.pwrite(self._handle, line, 0)
        os.ftruncate(self._handle, len(line))

    def move_on(self) -> None:
        """Note that the work has come further."""
        self._moved = time.monotonic()

    def beat(self) -> None:
        """Touch the file, which a process that is stopped or hangs does not."""
        if time.monotonic() < self._moved + HUNG_S:
            with suppress(OSError):  # a disk that cannot be written is no reason to end
                os.utime(self._handle)


@contextmanager
def working(common_dir: str) -> Iterator[Worker | None]:
    """This process as the worker of a repository; None when there is one already. RepoError where no file can be
    written."""
    path = os.path.join(common_dir, WORKER)
    try:
        handle = _lock(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    if handle is None:
        yield None
        return
    folder = os.open(common_dir, os.O_RDONLY | os.O_CLOEXEC)  # which may be called otherwise at the end
    try:
        worker = Worker(handle)
        with _beating(worker):
            yield worker
    finally:
        with suppress(FileNotFoundError):
            os.unlink(WORKER, dir_fd=folder)
        os.close(folder)
        os.close(handle)


@contextmanager
def _beating(worker: Worker) -> Iterator[None]:
    """Show again and again that the worker lives."""
    from threading import Event, Thread

    over = Event()

    def beat() -> None:
        while not over.wait(BEAT_S):
            worker.beat()

    beating = Thread(target=beat, daemon=True)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join()


def last_beat(common_dir: str) -> int:
    """When the worker of a repository last showed that it lives, in nanoseconds of the clock; 0 without one."""
    try:
        return os.stat(os.path.join(common_dir, WORKER)).st_mtime_ns
    except OSError:
        return 0


def at_work(common_dir: str) -> Work | None:
    """What the worker of a repository says of itself, None when there is none. What a dead one left stays there for
    the next one: who only looks must not be taken for a worker."""
    try:
        handle = os.open(os.path.join(common_dir, WORKER), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _takes(handle, fcntl.LOCK_SH):
            return None
        line = os.pread(handle, 65536, 0).decode("utf-8", "surrogateescape").split("\n")[0]
        pid, mark, phase, digest, root = [*line.split(" ", 4), *[""] * 5][:5]
        return Work(int(pid), phase, digest, root, mark) if pid.isdecimal() else None
    finally:
        os.close(handle)


def send_away(work: Work) -> None:
    """Ask a worker to make way for a commit: it cancels what it asked for and ends; what waits is left in the queue. A
    stopped one goes on for that. The id may mean another process here, where the worker is in a container."""
    if mark_of(str(work.pid)) != work.mark:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.kill(work.pid, signal.SIGCONT)
        os.kill(work.pid, MAKE_WAY)


def mark_of(pid: str) -> str:
    """What tells a process from another one with the same id: the start of the system and its own, in ticks since
    then; `-` in place of what cannot be had."""
    boot = started = "-"
    with suppress(OSError), open(BOOT, encoding="ascii") as file:
        boot = file.read().strip()
    with suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        started = file.read().rpartition(")")[2].split()[STARTED]
    return f"{boot}.{started}"


def _lock(path: str) -> int | None:
    """The file, locked; None when another worker has it. Those who only look keep it for a moment and are waited for,
    and a file that the last worker has just removed is none any more."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _takes(handle, fcntl.LOCK_EX):
            if _is_there(path, handle):
                return handle
        elif not _takes(handle, fcntl.LOCK_SH):
            os.close(handle)
            return None
        os.close(handle)


def _is_there(path: str, handle: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _takes(handle: int, kind: int) -> bool:
    """Whether a lock of this kind is to be had at once; this process has it then."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unwritable(path: str, error: OSError) -> RepoError:
    return RepoError(f"no review in the background: {path} cannot be written: {error.strerror}")
