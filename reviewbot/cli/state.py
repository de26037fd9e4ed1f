"""A file that a long run can go on from: what the model said so far of one change, by one model and one prompt."""

import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from reviewbot.cli.outcomes import Kept
from reviewbot.config import Config
from reviewbot.engines import EngineInfo
from reviewbot.errors import ConfigError
from reviewbot.outcomes import Outcomes
from reviewbot.repo import Change
from reviewbot.review import Options
from reviewbot.store import Store, is_store
from reviewbot.text import visible_line

LIMIT_BYTES = 2**40
_IDENTITY = b"what this is the state of"
_MODEL = b"the model that answered"
OTHER_FILE = "--state ANOTHER-FILE"


class _Identity(Struct, frozen=True):
    """What a state belongs to, in the words in which it is refused."""

    change: str
    model: str
    prompt: str
    temperature: float
    seed: int


class StateFile(NamedTuple):
    """Where a run keeps its state, and the change that it is about. `gives_way`: a state of something else is no
    error, but forgotten; that is for a file that nobody named."""

    path: Path
    change: str
    gives_way: bool = False

    def open(self, config: Config, options: Options) -> "RunState":
        """The state, locked; ConfigError where the file is something else, or of another run."""
        lock = self._lock()
        try:
            return RunState(self, config, options, lock)
        except BaseException:
            lock.close()
            raise

    def remove(self) -> None:
        """Forget it: there is nothing to go on from. One that another run is using stays."""
        try:
            lock = self._lock()
        except ConfigError:
            return
        with lock:
            for end in ("", "-wal", "-shm", ".lock"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)

    def _lock(self) -> IO[str]:
        """A file beside it, for SQLite has locks of its own on that one. The lock goes with its process."""
        name = visible_line(str(self.path))
        try:
            file = open(f"{self.path}.lock", "w", encoding="ascii")  # noqa: SIM115 (held as long as the state)
        except OSError as error:
            raise ConfigError(f"--state: {name} cannot be written: {error.strerror}", OTHER_FILE) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ConfigError(f"--state: another run is using {name}", OTHER_FILE) from None
        return file


class RunState(Kept):
    """The outcomes of one run. They outlast a crash of the machine, and one of another run is none of this."""

    def __init__(self, file: StateFile, config: Config, options: Options, lock: IO[str]) -> None:
        self._name = visible_line(str(file.path))
        if file.path.exists() and not is_store(file.path):
            raise ConfigError(f"--state: {self._name} is no state of reviewbot", OTHER_FILE)
        super().__init__(config, options, Store(file.path, LIMIT_BYTES, synchronous="FULL"))
        self._lock = lock
        if self.store.problem:
            raise ConfigError(f"--state: {self._name} cannot be used: {self.store.problem}", OTHER_FILE)
        prompt = options.sizing.prompt.sha256
        self._gives_way = file.gives_way
        self._identity = _Identity(file.change, config.model, prompt, config.temperature, config.seed)
        self._belong()

    def close(self) -> None:
        """Let go of the file, for the next run to go on."""
        self.store.close()
        self._lock.close()

    def of(self, info: EngineInfo) -> Outcomes | None:
        """The outcomes of the model that answers; ConfigError where another one answered so far. For as long as a run
        takes, one without a digest is known by its name and address."""
        if info.demo:
            return None
        digest = info.digest or f"{info.kind} {info.endpoint} {info.model}"
        before = self.store.get([_MODEL]).get(_MODEL)
        if before is not None and before != digest.encode():
            self._give_way("model")
        self.store.put({_MODEL: digest.encode(), _IDENTITY: msgspec.json.encode(self._identity)})
        return super().of(replace(info, digest=digest))

    def _belong(self) -> None:
        found = self.store.get([_IDENTITY]).get(_IDENTITY)
        before = None if found is None else msgspec.json.decode(found, type=_Identity)
        if before is not None and before != self._identity:
            now = self._identity
            fields = [key for key in _Identity.__struct_fields__ if getattr(before, key) != getattr(now, key)]
            self._give_way(fields[0])
        self.store.put({_IDENTITY: msgspec.json.encode(self._identity)})

    def _give_way(self, to: str) -> None:
        """Forget it all for what is reviewed now; ConfigError where somebody named the file."""
        if not self._gives_way:
            raise ConfigError(f"--state: {self._name} is the state of a run with another {to}", OTHER_FILE)
        self.store.clear()


def change_digest(changes: Sequence[Change]) -> str:
    """What a state knows a change by."""
    parts = hashlib.sha256()
    for change in changes:
        parts.update(hashlib.sha256(change.diff).digest())
    return parts.hexdigest()


def named_state(path: str | None, changes: Sequence[Change]) -> StateFile | None:
    """The file that was named; None where none was."""
    return None if path is None else StateFile(Path(os.path.abspath(path)), change_digest(changes))
