"""What was reviewed once is not asked again, and nothing else is left out."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake, find, say
from hypothesis import given
from hypothesis import strategies as st
from test_plan import changes
from values import change

from reviewbot.cli import main
from reviewbot.diff import FileChange, LineKind
from reviewbot.findings import Finding, Severity
from reviewbot.outcomes import Manners, Outcomes
from reviewbot.plan import Budget, Chunk, plan_review
from reviewbot.tokens import BoundCounter

__all__ = ["fake"]

MANNERS = Manners("d1", "p1", 0.0, 0, 8)


@pytest.fixture
def server(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    return fake


def report(capfd: pytest.CaptureFixture[str], *words: str) -> dict:
    capfd.readouterr()
    main([*words, "--format", "json"])
    return json.loads(capfd.readouterr().out)


def without_costs(found: dict) -> dict:
    return {key: value for key, value in found.items() if key != "usage"}


class Dictionary:
    """Values in memory."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        return {key: self.values[key] for key in keys if key in self.values}

    def put(self, values: Mapping[bytes, bytes]) -> None:
        self.values.update(values)


def added(chunk: Chunk) -> list[tuple[str, int | None]]:
    """Path and number of each added line."""
    return [
        (unit.path, line.new)
        for unit in chunk.units
        for line in unit.hunk.lines[unit.start : unit.stop]
        if line.kind is LineKind.ADDED
    ]


def on_each_added_line(chunk: Chunk) -> tuple[Finding, ...]:
    return tuple(
        Finding(path, line, line, Severity.ERROR, "bug", "model/bug", "it is wrong", "model", evidence="x")
        for path, line in added(chunk)
    )


@given(changes(), st.integers(40, 400), st.data())
def test_what_was_kept_is_known_and_nothing_else(
    made: tuple[FileChange, ...], tokens: int, data: st.DataObject
) -> None:
    memory = Dictionary()
    budget = Budget(tokens, BoundCounter(), tokens, 0.7)
    plan = plan_review(made, budget)
    kept = [chunk for chunk in plan.chunks if data.draw(st.booleans())]
    first = Outcomes(memory, MANNERS)
    for chunk in kept:
        first.keep(chunk, on_each_added_line(chunk))
    again = Outcomes(memory, MANNERS)
    known = again.take_known(made)
    left, parts = again.take_known_parts(plan_review(known.rest, budget))
    found = [(f.path, f.line) for f in (*known.findings, *(f for part in parts for f in part.findings))]
    waiting = [place for chunk in left.chunks for place in added(chunk)]
    every = [(c.path, line.new) for c in made for line in c.added]
    failed = [place for o in left.failed for place in every if o.path == place[0] and o.start <= place[1] <= o.end]
    assert sorted(found + waiting + failed) == sorted(every)
    assert set(found) >= {place for chunk in kept for place in added(chunk)}
    assert sum(known.reviewed.values()) + sum(part.chunk.added for part in parts) == len(found)


@pytest.mark.parametrize(
    "other",
    [
        Manners("d2", "p1", 0.0, 0, 8),
        Manners("d1", "p2", 0.0, 0, 8),
        Manners("d1", "p1", 0.5, 0, 8),
        Manners("d1", "p1", 0.0, 1, 8),
        Manners("d1", "p1", 0.0, 0, 2),
    ],
)
def test_another_model_prompt_or_setting_knows_nothing(other: Manners) -> None:
    memory = Dictionary()
    made = (change("a.py", "+x = 1"),)
    (chunk,) = plan_review(made, Budget(100, BoundCounter(), 100, 0.7)).chunks
    Outcomes(memory, MANNERS).keep(chunk, ())
    assert Outcomes(memory, MANNERS).take_known(made).hunks == 1
    assert Outcomes(memory, other).take_known(made).hunks == 0


@pytest.mark.parametrize("other", [change("b.py", "+x = 1"), change("a.py", "+x = 2"), change("a.py", " y\n+x = 1")])
def test_another_path_line_or_context_is_not_known(other: FileChange) -> None:
    memory = Dictionary()
    (chunk,) = plan_review((change("a.py", "+x = 1"),), Budget(100, BoundCounter(), 100, 0.7)).chunks
    Outcomes(memory, MANNERS).keep(chunk, ())
    assert Outcomes(memory, MANNERS).take_known((other,)).hunks == 0


@given(st.binary())
def test_a_value_that_nobody_wrote_is_not_believed(value: bytes) -> None:
    memory = Dictionary()
    made = (change("a.py", "+x = 1"),)
    (chunk,) = plan_review(made, Budget(100, BoundCounter(), 100, 0.7)).chunks
    Outcomes(memory, MANNERS).keep(chunk, ())
    memory.values = dict.fromkeys(memory.values, value)
    assert Outcomes(memory, MANNERS).take_known(made).hunks == 0


def test_a_second_review_asks_nobody_and_says_the_same(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.stage("a.py", "x = 1\ny = BUG(x)\n")
    first = report(capfd)
    server.requests.clear()
    second = report(capfd)
    assert server.requests == []
    assert without_costs(second) == without_costs(first)
    assert (second["usage"]["requests"], second["usage"]["cached_hunks"]) == (0, 1)
    assert (first["usage"]["requests"], first["usage"]["cached_hunks"]) == (2, 0)
    assert main([]) == 1
    assert (
        "all of it was reviewed before; nobody was asked now (codellama:7b-instruct was last seen"
        in capfd.readouterr().err
    )


def test_a_commit_that_was_reviewed_while_it_was_staged(repo: GitRepo, server: FakeServer) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 0
    repo.commit()
    server.requests.clear()
    assert main(["show"]) == 0
    assert server.requests == []


def test_only_the_hunk_that_was_edited_is_asked_about(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [f"value_{i} = {i}" for i in range(60)]
    repo.stage("a.py", "\n".join(rows) + "\n")
    repo.commit()
    edited = [f"{row}  # BUG" if i in (5, 30, 55) else row for i, row in enumerate(rows)]
    repo.stage("a.py", "\n".join(edited) + "\n")
    first = report(capfd)
    assert len(first["findings"]) == 3
    server.requests.clear()
    edited[30] = "value_30 = 31"
    repo.stage("a.py", "\n".join(edited) + "\n")
    second = report(capfd)
    assert [finding["line"] for finding in second["findings"]] == [6, 56]
    assert (second["usage"]["requests"], second["usage"]["cached_hunks"]) == (1, 2)
    assert "value_5 " not in server.chats[-1]["messages"][1]["content"]


def test_what_is_known_counts_although_the_server_is_down(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.stage("a.py", "x = BUG(1)\ny = 2\n")
    assert report(capfd, "hook")["verdict"]["outcome"] == "blocked"
    repo.stage("b.py", "z = 3\n")
    server.overrides.update((f"/api/{name}", (500, {"error": "no"})) for name in ("version", "show", "chat"))
    found = report(capfd, "hook")
    coverage = found["coverage"]
    assert (coverage["added"], coverage["reviewed"], coverage["failed"]) == (3, 2, 1)
    assert [(f["path"], f["line"], f["confirmed"], f["blocking"]) for f in found["findings"]] == [
        ("a.py", 1, "yes", True)
    ]
    assert [(omission["path"], omission["start"]) for omission in found["failed"]] == [("b.py", 1)]
    assert found["usage"]["cached_hunks"] == 1
    repo.stage("a.py", "x = 1\n")
    assert report(capfd, "hook")["verdict"]["outcome"] == "not_reviewed"


def test_moving_a_hunk_is_free_and_it_is_shown_where_it_is_now(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [f"value_{i} = {i}" for i in range(30)]
    repo.stage("a.py", "\n".join(rows) + "\n")
    repo.commit()
    repo.stage("a.py", "\n".join([*rows[:20], "BUG()", *rows[20:]]) + "\n")
    assert [f["line"] for f in report(capfd)["findings"]] == [21]
    repo.stage("a.py", "\n".join(["import os", *rows]) + "\n")
    repo.commit()
    repo.stage("a.py", "\n".join(["import os", *rows[:20], "BUG()", *rows[20:]]) + "\n")
    server.requests.clear()
    found = report(capfd)
    assert [(f["line"], f["blocking"]) for f in found["findings"]] == [(22, True)]
    assert server.requests == []


def test_a_finding_that_reaches_the_gate_only_now_costs_one_request(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.stage("a.py", "BUG()\n")
    assert report(capfd, "diff", "--staged", "--block-at", "never")["usage"]["requests"] == 1
    server.requests.clear()
    found = report(capfd)
    assert found["verdict"]["outcome"] == "blocked" and found["usage"]["requests"] == 1
    server.requests.clear()
    assert report(capfd)["verdict"]["outcome"] == "blocked" and server.requests == []


@pytest.mark.parametrize("answer", ["nonsense", '{"findings": [', ""])
def test_what_was_not_read_is_not_kept(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str], answer: str
) -> None:
    server.answers = [say(answer)]
    repo.stage("a.py", "BUG()\n")
    assert report(capfd)["verdict"]["outcome"] == "not_reviewed"
    server.answers = [find()]
    assert report(capfd)["verdict"]["outcome"] == "blocked"


def test_without_a_cache_everything_is_asked_again(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str], clean_environment: Path
) -> None:
    repo.stage("a.py", "x = 1\n")
    for _ in range(2):
        assert report(capfd, "diff", "--staged", "--no-cache")["usage"]["requests"] == 1
    assert not (clean_environment / ".cache/reviewbot/outcomes.sqlite").exists()


def test_after_a_day_the_model_is_asked_for_again(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    repo.stage("a.py", "x = 1\n")
    assert report(capfd)["usage"]["requests"] == 1
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)
    server.requests.clear()
    found = report(capfd)
    assert (found["usage"]["requests"], found["usage"]["cached_hunks"]) == (0, 1)
    assert any(path == "/api/tags" for path, _ in server.requests)


def test_a_changed_model_is_a_stranger(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = 1\n")
    report(capfd)
    assert report(capfd, "diff", "--staged", "--seed", "3")["usage"]["requests"] == 1
    assert report(capfd, "diff", "--staged", "--language", "de")["usage"]["requests"] == 1
    assert report(capfd, "diff", "--staged", "--num-ctx", "8192")["usage"]["requests"] == 0


def test_a_broken_file_is_set_aside_with_a_word(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str], clean_environment: Path
) -> None:
    path = clean_environment / ".cache/reviewbot/outcomes.sqlite"
    path.parent.mkdir(parents=True)
    path.write_text("nonsense")
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 0
    assert "outcomes.sqlite could not be read" in capfd.readouterr().err
    assert report(capfd)["usage"]["requests"] == 0


def test_no_secret_is_kept(repo: GitRepo, server: FakeServer, clean_environment: Path) -> None:
    key = "AKIA" + "IOSFODNN7" + "EXAMPLE"
    repo.stage("a.py", f'key = "{key}"\nBUG()\n')
    assert main([]) == 1
    for path in (clean_environment / ".cache").rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes()


def test_a_cached_commit_imports_no_client_and_no_detectors(repo: GitRepo, server: FakeServer) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 0
    code = (
        "import sys; from reviewbot.cli import main; assert main([]) == 0; "
        "print(*(name for name in ('httpx', 'detect_secrets', 'rich', 'pynvml') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert done.stdout.strip() == "" and "nobody was asked now" in done.stderr


def test_the_command(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 0
    capfd.readouterr()
    assert main(["cache"]) == 0
    out = capfd.readouterr().out
    assert "outcomes.sqlite: 2 outcomes, 0.0 MiB\n" in out and "the oldest was last used on " in out
    assert main(["cache", "prune"]) == 0
    assert capfd.readouterr().out == "removed 0 of 2 outcomes\n"
    assert main(["cache", "clear"]) == 0
    assert capfd.readouterr().out == "removed 2 of 2 outcomes\n"
    assert main(["cache", "eat"]) == 2
    assert "cache cannot do 'eat'" in capfd.readouterr().err
