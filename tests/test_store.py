"""What is kept between runs: every state of the disk, many processes, and kills at any moment."""

import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewbot.cli.outcomes import open_store
from reviewbot.config import load_config
from reviewbot.store import ENTRY_BYTES, TOUCH_S, Store

KEYS = st.binary(min_size=1, max_size=3)

WRITER = """
import itertools, random, sys
from pathlib import Path
from reviewbot.store import Store
store = Store(Path(sys.argv[1]), 40_000)
assert store.problem is None, store.problem
print("ready", flush=True)
for turn in itertools.count():
    keys = [random.randbytes(2) for _ in range(random.randrange(1, 40))]
    store.put({key: key * 50 for key in keys})
    found = store.get(keys)
    assert store.problem is None, store.problem
    assert all(value == key * 50 for key, value in found.items())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "store.sqlite"


def check(path: Path) -> int:
    """Assert that the file is whole; the number of entries."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sizes = f"sum(length(key) + length(value) + {ENTRY_BYTES}), count(*)"
        size, entries = connection.execute(f"SELECT {sizes} FROM entries").fetchone()
        assert connection.execute("SELECT bytes, entries FROM total").fetchall() == [(size or 0, entries)]
        return int(entries)


@given(st.lists(st.one_of(st.tuples(KEYS, st.binary(max_size=20)), st.none()), max_size=30))
@settings(max_examples=50)
def test_what_was_put_last_is_there(tmp_path_factory: pytest.TempPathFactory, steps: list) -> None:
    path = tmp_path_factory.mktemp("cache") / "store"
    expected: dict[bytes, bytes] = {}
    store = Store(path, 10**6)
    for step in steps:
        if step is None:
            store.close()
            store = Store(path, 10**6)
        else:
            expected[step[0]] = step[1]
            store.put(dict([step]))
    assert store.get([*expected, b"absent"]) == expected
    assert (store.contents().entries, store.problem, store.notes) == (len(expected), None, [])
    store.close()
    assert check(path) == len(expected)


def test_thousands_at_once(path: Path) -> None:
    store = Store(path, 10**9)
    values = {b"%d" % number: b"v%d" % number for number in range(5000)}
    store.put(values)
    assert store.get(list(values)) == values


def test_what_was_not_used_for_longest_goes_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    store = Store(path, 20 * (ENTRY_BYTES + 2 + 100))
    for number in range(20):
        now += TOUCH_S + 1
        store.put({b"%02d" % number: b"x" * 100})
    now += TOUCH_S + 1
    assert len(store.get([b"00", b"01"])) == 2  # these are in use
    store.put({b"20": b"x" * 100})
    left = store.get([b"%02d" % number for number in range(21)])
    assert sorted(left) == [b"00", b"01", *(b"%02d" % number for number in range(5, 21))]
    assert store.contents().bytes <= 20 * (ENTRY_BYTES + 102) * 9 // 10


def test_a_value_over_the_limit_is_not_kept_and_takes_no_room(path: Path) -> None:
    store = Store(path, 1000)
    store.put({b"a": b"x" * 2000})
    assert (store.contents().entries, store.contents().bytes, store.problem) == (0, 0, None)


def test_clear_and_prune(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(path, 10**9)
    store.put({b"%d" % number: bytes(5000) for number in range(200)})
    store.close()
    before = path.stat().st_size
    store = Store(path, 10**9)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    store.put({b"new": b"1"})
    store.prune(3600)
    assert (store.contents().entries, store.get([b"new"])) == (1, {b"new": b"1"})
    store.close()
    assert path.stat().st_size < before / 10
    store = Store(path, 10**9)
    store.clear()
    assert store.contents().entries == 0 and store.contents().oldest is None


def test_only_the_user_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        store = Store(path, 10**6)
        store.put({b"a": b"1"})
        names = list(path.parent.iterdir())
    finally:
        os.umask(before)
    assert path in names and all(name.stat().st_mode & 0o777 == 0o600 for name in names)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    store.close()
    assert list(path.parent.iterdir()) == [path]


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE entries (name TEXT); INSERT INTO entries VALUES ('mine')")


def damaged(path: Path) -> None:
    store = Store(path, 10**9)
    store.put({b"%d" % number: bytes(1000) for number in range(300)})
    store.close()
    with path.open("r+b") as file:
        file.write(b"\x55" * 200)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"hello" * 1000), id="no database"),
        pytest.param(other_database, id="another program's"),
        pytest.param(damaged, id="damaged"),
    ],
)
def test_what_cannot_be_used_is_set_aside(path: Path, spoil) -> None:
    path.parent.mkdir()
    spoil(path)
    content = path.read_bytes()
    store = Store(path, 10**6)
    (note,) = store.notes
    assert str(path) in note and store.problem is None
    store.put({b"a": b"1"})
    assert store.get([b"a"]) == {b"a": b"1"}
    assert path.with_name("store.sqlite.broken").read_bytes() == content


def test_damage_that_shows_late_ends_the_cache_for_this_run_only(path: Path) -> None:
    store = Store(path, 10**9)
    values = {random.Random(number).randbytes(32): bytes(1000) for number in range(300)}
    store.put(values)
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\x55" * (size // 3))
    store = Store(path, 10**9)
    store.get(list(values))
    assert store.problem is not None and "cannot be used" in store.problem
    assert store.get(list(values)) == {} and store.contents().entries == 0
    store.put({b"a": b"1"})
    again = Store(path, 10**9)
    again.put({b"a": b"1"})
    assert (again.get([b"a"]), again.problem) == ({b"a": b"1"}, None)


@pytest.mark.parametrize("place", ["a folder", "under a file", "no rights"])
def test_without_a_place_nothing_is_kept(tmp_path: Path, place: str) -> None:
    path = tmp_path / "x" / "store"
    if place == "a folder":
        path.mkdir(parents=True)
    elif place == "under a file":
        path.parent.write_text("")
    else:
        path = Path("/proc/reviewbot/store")
    store = Store(path, 10**6)
    store.put({b"a": b"1"})
    assert store.problem is not None and store.problem.count(str(path)) == 1 and "Errno" not in store.problem
    assert (store.get([b"a"]), store.contents().entries) == ({}, 0)
    store.clear()
    store.close()


def test_a_disk_that_is_full_from_the_start_keeps_no_half_made_file(path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in range(0, 60_000, 4096):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            store = Store(path, 10**9)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        if store.problem is None:
            break
        assert os.listdir(path.parent) == []
    assert limit > 4096 and store.problem is None
    store.close()


def test_a_full_disk(path: Path) -> None:
    store = Store(path, 10**9)
    store.put({b"a": b"1"})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        store.put({b"%d" % number: bytes(1000) for number in range(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert store.problem is not None
    again = Store(path, 10**9)
    assert (again.get([b"a"]), again.problem, again.notes) == ({b"a": b"1"}, None, [])


def test_many_processes_and_200_kills(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    writers: list[subprocess.Popen[bytes]] = []
    draw = random.Random(1)
    for turn in range(200):
        writers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        if len(writers) == 4:
            with writers.pop(draw.randrange(4)) as victim:
                assert victim.stdout is not None and victim.stderr is not None
                if turn % 8:  # the others die while they start
                    victim.stdout.readline()
                victim.kill()
                assert b"Error" not in (errors := victim.stderr.read()), errors.decode()
    for writer in writers:
        writer.kill()
        writer.communicate()
    assert check(path) > 0
    assert {name.name for name in path.parent.iterdir()} <= {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm"}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_noting_when_a_value_was_used_waits_for_nobody(path: Path) -> None:
    store = Store(path, 10**6, busy_s=60)
    store.put({b"a": b"1"})
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE entries SET used = used - ?", (2 * TOUCH_S,))
    with locked(path):
        started = time.monotonic()
        assert (store.get([b"a"]), store.problem) == ({b"a": b"1"}, None)
        assert time.monotonic() - started < 30


def test_who_has_a_deadline_waits_for_others_only_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewbot.cli.outcomes.BUSY_S", 60)
    config = load_config(root=None, flags={}, in_hook=True, isolated=True).config
    for deadline in (time.monotonic() + 30, time.monotonic() - 1):
        store = open_store(config, deadline)
        with locked(store.path):
            started = time.monotonic()
            store.put({b"a": b"1"})
            assert time.monotonic() - started < 30
        assert store.problem is not None and "locked" in store.problem
