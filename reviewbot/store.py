"""Small values kept between runs in one SQLite file of the user, safe with many processes and kills at any moment.

A cache and no more: what cannot be read or written is a sentence in `problem`, and the run goes on without it. The
file is closed to other users, for values may quote code.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

APPLICATION_ID = 0x72627631
"""Marks the file as ours, so that nobody else's is written to (SQLite's application_id)."""

BUSY_S = 2.0
"""How long to wait for another process that writes, where nobody waits for this one."""

TOUCH_S = 3600
"""When a value was last used is noted as roughly as that: a run that only reads writes nothing, as a rule."""

ENTRY_BYTES = 128
"""What an entry takes beside its key and value."""

_BATCH = 500
_BESIDE = ("-wal", "-shm")
"""The ends of the names of the files that SQLite keeps beside one in use."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_by_use ON entries (used);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL, entries INTEGER NOT NULL);
INSERT INTO total SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM total);
CREATE TRIGGER IF NOT EXISTS entry_added AFTER INSERT ON entries BEGIN
    UPDATE total SET bytes = bytes + length(new.key) + length(new.value) + {ENTRY_BYTES}, entries = entries + 1;
END;
CREATE TRIGGER IF NOT EXISTS entry_removed AFTER DELETE ON entries BEGIN
    UPDATE total SET bytes = bytes - length(old.key) - length(old.value) - {ENTRY_BYTES}, entries = entries - 1;
END;
PRAGMA application_id = {APPLICATION_ID};
"""


class Contents(Struct, frozen=True):
    """How much is kept. `bytes` are those of the entries; `oldest` is when the one that goes first was last used, in
    seconds since the epoch (None: there is none)."""

    entries: int
    bytes: int
    oldest: int | None


class Store:
    """Values by key in the file `path`, of which those not used for longest go when there are more than
    `limit_bytes`. Another process that writes is waited for up to `busy_s`. `synchronous` is SQLite's: with FULL what
    was put last outlasts a loss of power, too. `problem` says in a sentence why nothing is kept, once that is so;
    `notes` what was set aside."""

    def __init__(self, path: Path, limit_bytes: int, busy_s: float = BUSY_S, *, synchronous: str = "NORMAL") -> None:
        self.path = path
        self.problem: str | None = None
        self.notes: list[str] = []
        self._limit_bytes = limit_bytes
        self._synchronous = synchronous
        self._busy_s = busy_s
        self._connection: sqlite3.Connection | None = None
        with self._guarded():
            self._connection = self._open()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values that are there."""
        found: dict[bytes, bytes] = {}
        with self._guarded() as connection:
            if connection is None:
                return {}
            now = int(time.time())
            stale: list[bytes] = []
            for batch in _batches(keys):
                marks = ",".join("?" * len(batch))
                rows = connection.execute(f"SELECT key, value, used FROM entries WHERE key IN ({marks})", batch)
                for key, value, used in rows:
                    found[key] = value
                    if used < now - TOUCH_S:
                        stale.append(key)
            if stale:
                self._touch(connection, stale, now)
        return found

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep the values, all or none of them; what has not been used for longest goes when it gets too much."""
        with self._guarded() as connection:
            if connection is None or not values:
                return
            now = int(time.time())
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                # A conflict deletes the old row without the trigger, so that it is deleted in so many words.
                connection.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key in values])
                rows = [(key, value, now) for key, value in values.items()]
                connection.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
                self._evict(connection)

    def _touch(self, connection: sqlite3.Connection, keys: Sequence[bytes], now: int) -> None:
        """Note when values were used, unless somebody else writes: nobody waits for that."""
        connection.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.OperationalError), connection:  # a store that cannot be written can be read
            connection.executemany("UPDATE entries SET used = ? WHERE key = ?", [(now, key) for key in keys])
        connection.execute(f"PRAGMA busy_timeout = {round(self._busy_s * 1000)}")

    def contents(self) -> Contents:
        """How much is there."""
        with self._guarded() as connection:
            if connection is not None:
                size, entries = connection.execute("SELECT bytes, entries FROM total").fetchone()
                oldest = connection.execute("SELECT min(used) FROM entries").fetchone()[0]
                return Contents(entries, size, oldest)
        return Contents(0, 0, None)

    def clear(self) -> None:
        """Remove every entry."""
        self._remove("DELETE FROM entries", ())

    def prune(self, unused_s: int) -> None:
        """Remove what has not been used for so many seconds, and give the room back to the disk."""
        self._remove("DELETE FROM entries WHERE used < ?", (int(time.time()) - unused_s,))

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _remove(self, statement: str, values: tuple[int, ...]) -> None:
        with self._guarded() as connection:
            if connection is None:
                return
            with connection:
                connection.execute(statement, values)
            connection.execute("VACUUM")

    def _evict(self, connection: sqlite3.Connection) -> None:
        """Down to nine tenths of the limit, so that not every run has to."""
        size = connection.execute("SELECT bytes FROM total").fetchone()[0]
        while size > self._limit_bytes:
            goal = self._limit_bytes * 9 // 10
            going: list[tuple[bytes]] = []
            for key, length in connection.execute(
                f"SELECT key, length(key) + length(value) + {ENTRY_BYTES} FROM entries ORDER BY used LIMIT {_BATCH}"
            ):
                if size <= goal:
                    break
                going.append((key,))
                size -= length
            if not going:
                return
            connection.executemany("DELETE FROM entries WHERE key = ?", going)

    def _open(self) -> sqlite3.Connection:
        """The file, made when it is not there; one that is damaged or somebody else's is set aside first."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._set_aside(error)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        if not self.path.exists():
            self._make()
        connection = sqlite3.connect(self.path, timeout=self._busy_s, isolation_level=None)
        try:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise sqlite3.DatabaseError("it is not a file of reviewbot")
            connection.execute("SELECT bytes, entries FROM total").fetchone()
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            return connection
        except BaseException:
            connection.close()
            raise

    def _make(self) -> None:
        """Under another name first: nobody ever sees a half-made one, and of two processes one is too late."""
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        try:
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with closing(sqlite3.connect(new, isolation_level=None)) as connection:
                connection.executescript(f"PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            with suppress(FileExistsError):
                os.link(new, self.path)
        finally:
            for end in ("", *_BESIDE):
                new.with_name(new.name + end).unlink(missing_ok=True)

    def _set_aside(self, error: Exception) -> None:
        aside = self.path.with_name(f"{self.path.name}.broken")
        with suppress(FileNotFoundError):  # another process was faster
            self.path.replace(aside)
            self.notes.append(f"the cache {self.path} could not be read ({error}) and is now {aside}")
        for end in _BESIDE:
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + end).unlink()

    @contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection | None]:
        """The connection; what goes wrong with it is noted, and nothing is kept from then on."""
        try:
            yield self._connection
        except (sqlite3.Error, OSError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self.problem = f"the cache {self.path} cannot be used: {reason}"
            self.close()
            if _is_damage(error):
                with suppress(OSError):
                    self._set_aside(error)


def is_store(path: Path) -> bool:
    """Whether a file is one of ours, by its application_id (SQLite's file format, offset 68)."""
    try:
        with path.open("rb") as file:
            head = file.read(72)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and int.from_bytes(head[68:72], "big") == APPLICATION_ID


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is unusable, rather than the disk, its rights or another process in the way."""
    passing = (sqlite3.OperationalError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, passing)


def _batches(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]
