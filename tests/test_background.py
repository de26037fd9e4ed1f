"""What is staged is reviewed while nobody waits: real git, its real hook, and a scripted server."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import GitRepo
from fake_server import Answer, Exchange, FakeServer, fake, find, say

from reviewbot.cli import main
from reviewbot.cli.join import join_worker, review_digest
from reviewbot.config import load_config
from reviewbot.repo import open_repository
from reviewbot.worker import (
    QUEUE,
    WORKER,
    Place,
    Work,
    at_work,
    enqueue,
    last_beat,
    mark_of,
    send_away,
    take_queue,
    working,
)

__all__ = ["fake"]


def until(happened: Callable[[], object]) -> None:
    """Wait for a condition, a minute at most."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end, "it did not happen within a minute"
        time.sleep(0.02)


class Gate:
    """An answer that waits until the test opens the gate."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        self.opened.wait(60)
        find()(exchange)


@pytest.fixture
def warm(repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitRepo]:
    """A repository with both hooks; at the end no worker may be left."""
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    monkeypatch.setenv("REVIEWBOT_BACKGROUND", "always")
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "0.2")
    assert main(["install", "--warm"]) == 0
    yield repo
    work = at_work(git_folder(repo))
    if work is not None:
        os.kill(work.pid, signal.SIGTERM)
    until(lambda: is_idle(repo))


def under_way(repo: GitRepo, fake: FakeServer, *later: Answer) -> Gate:
    """A review of two lines in the background, whose first answer waits; `later` are those to the requests after it."""
    gate = Gate()
    fake.answers[:] = [gate, *later]
    repo.stage("a.py", "x = 1\ny = 2\n")
    until(lambda: fake.chats)
    return gate


def git_folder(repo: GitRepo) -> str:
    return str(repo.path / ".git")


def is_idle(repo: GitRepo) -> bool:
    """Whether nobody works, and nothing is left in the repository."""
    return at_work(git_folder(repo)) is None and not list(Path(git_folder(repo)).glob("reviewbot-*"))


def phase(repo: GitRepo) -> str:
    work = at_work(git_folder(repo))
    return work.phase if work else ""


def status(capfd: pytest.CaptureFixture[str]) -> str:
    capfd.readouterr()
    assert main(["status"]) == 0
    return capfd.readouterr().out


def commit(repo: GitRepo, *args: str) -> tuple[int, str]:
    done = repo.git("commit", *(args or ("-m", "change")), check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def test_a_commit_finds_the_review_done(warm: GitRepo, fake: FakeServer, capfd) -> None:
    warm.stage("a.py", "x = 1\ny = BUG()\n")
    until(lambda: is_idle(warm))
    assert len(fake.chats) == 2  # the answer and the second opinion
    assert "last: " in (told := status(capfd)) and "what is staged: 2 of 2 added lines reviewed, 1 error" in told
    fake.requests.clear()
    code, output = commit(warm)
    assert code == 1 and "a.py:2: error: this is a defect" in output
    assert fake.requests == []


def test_git_add_does_not_wait_for_the_review_though_its_output_is_read(warm: GitRepo, fake: FakeServer, capfd) -> None:
    gate = Gate()
    fake.answers[:] = [gate]
    warm.stage("a.py", "x = 1\n")  # returns, with its output captured, while the answer is not there
    until(lambda: phase(warm) == "reviewing")
    work = at_work(git_folder(warm))
    assert f"now: reviewing what is staged (process {work.pid})" in status(capfd)
    assert os.getsid(work.pid) == work.pid
    assert {os.readlink(f"/proc/{work.pid}/fd/{n}") for n in range(3)} == {os.devnull}
    gate.opened.set()
    until(lambda: is_idle(warm))


def test_a_commit_joins_the_review_in_progress(warm: GitRepo, fake: FakeServer, monkeypatch, capfd) -> None:
    gate = under_way(warm, fake)
    wait = time.sleep

    def poll(seconds: float) -> None:
        gate.opened.set()  # by nothing but the commit that waits
        wait(seconds)

    monkeypatch.setattr("reviewbot.cli.join.time", SimpleNamespace(monotonic=time.monotonic, sleep=poll))
    assert main(["hook", "pre-commit"]) == 0
    assert "clean · 2 of 2 added lines reviewed" in capfd.readouterr().err
    assert len(fake.chats) == 1


def test_ctrl_c_while_a_commit_joins_lists_all_lines_as_unread(
    warm: GitRepo, fake: FakeServer, monkeypatch, capfd
) -> None:
    gate = under_way(warm, fake)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reviewbot.cli.join.time", SimpleNamespace(monotonic=time.monotonic, sleep=interrupt))
    assert main(["hook", "pre-commit"]) == 130
    assert "interrupted · 0 of 2 added lines reviewed" in capfd.readouterr().err
    gate.opened.set()
    until(lambda: is_idle(warm))


def test_a_commit_waits_for_no_worker_that_asks_another_server(
    warm: GitRepo, fake: FakeServer, monkeypatch, capfd
) -> None:
    gate = under_way(warm, fake)
    with FakeServer() as other:
        monkeypatch.setenv("REVIEWBOT_ENDPOINT", other.url)
        monkeypatch.setenv("REVIEWBOT_DEADLINE_S", "60")
        started = time.monotonic()
        assert main(["hook", "pre-commit"]) == 0
        assert time.monotonic() - started < 30
        assert "clean · 2 of 2 added lines reviewed" in capfd.readouterr().err
        assert len(other.chats) == 1
    gate.opened.set()
    until(lambda: is_idle(warm))


def test_a_commit_waits_for_no_worker_that_is_stopped(warm: GitRepo, fake: FakeServer, monkeypatch, capfd) -> None:
    gate = under_way(warm, fake, find())
    work = at_work(git_folder(warm))
    os.kill(work.pid, signal.SIGSTOP)
    monkeypatch.setenv("REVIEWBOT_DEADLINE_S", "60")
    assert main(["hook", "pre-commit"]) == 0
    assert "clean · 2 of 2 added lines reviewed" in capfd.readouterr().err
    assert len(fake.chats) == 2
    until(lambda: is_idle(warm))  # it went on so as to end
    gate.opened.set()


def test_status_says_how_to_be_rid_of_a_worker_that_is_stopped(warm: GitRepo, fake: FakeServer, capfd) -> None:
    gate = Gate()
    fake.answers[:] = [gate, find()]
    warm.stage("a.py", "x = 1\n")
    until(lambda: fake.chats)
    work = at_work(git_folder(warm))
    os.kill(work.pid, signal.SIGSTOP)
    until(lambda: process_state(work.pid) == "T")
    assert "no life" not in status(capfd)
    os.utime(Path(git_folder(warm), WORKER), (0, 0))
    command = status(capfd).partition("shows no life for ")[2].partition(" s: ")[2].partition(")")[0]
    assert command == f"kill -9 {work.pid}"
    subprocess.run(command.split(), check=True)
    until(lambda: at_work(git_folder(warm)) is None)
    warm.stage("a.py", "x = 2\n")
    gate.opened.set()
    until(lambda: is_idle(warm) and len(fake.chats) == 2)


def process_state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    ("variable", "value", "joined"),
    [
        ("REVIEWBOT_BLOCK_AT", "warning", True),
        ("REVIEWBOT_ON_FAILURE", "block", True),
        ("REVIEWBOT_DEADLINE_S", "77", True),
        ("REVIEWBOT_MODEL", "another", False),
        ("REVIEWBOT_LANGUAGE", "de", False),
        ("REVIEWBOT_CHUNK_TOKENS", "999", False),
        ("REVIEWBOT_EXCLUDE", "b/*", False),
    ],
)
def test_a_review_is_the_same_where_the_model_would_be_asked_the_same(
    repo: GitRepo, monkeypatch, variable: str, value: str, joined: bool
) -> None:
    before = review_digest(b"diff", load_config(root=None, flags={}, in_hook=True).config)
    monkeypatch.setenv(variable, value)
    assert (review_digest(b"diff", load_config(root=None, flags={}, in_hook=True).config) == before) is joined


def test_a_review_is_another_one_with_other_instructions(tmp_path: Path, monkeypatch) -> None:
    prompt = tmp_path / "prompt.md"
    prompt.write_text("Find {{ boundary }} defects.")
    config = load_config(root=None, flags={"prompt": str(prompt)}).config
    before = review_digest(b"diff", config)
    assert review_digest(b"diff", config) == before != review_digest(b"other diff", config)
    prompt.write_text("Find {{ boundary }} serious defects.")
    assert review_digest(b"diff", config) != before


@pytest.mark.parametrize("option", ["--no-cache", "--state"])
def test_a_commit_that_has_no_use_for_what_a_worker_keeps_does_not_wait_for_it(
    option: str, warm: GitRepo, fake: FakeServer, tmp_path: Path, capfd
) -> None:
    gate = Gate()
    fake.answers[:] = [gate, find()]
    warm.stage("a.py", "x = 1\n")
    until(lambda: fake.chats)
    value = [str(tmp_path / "state")] if option == "--state" else []
    assert main(["hook", option, *value, "--deadline-s", "60", "pre-commit"]) == 0
    assert "clean · 1 of 1 added line reviewed" in capfd.readouterr().err
    until(lambda: is_idle(warm))  # it made way
    assert len(fake.chats) == 2
    gate.opened.set()


def test_a_worker_that_comes_no_further_shows_no_life(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("reviewbot.worker.BEAT_S", 60)
    with working(str(tmp_path)) as worker:
        os.utime(tmp_path / WORKER, (0, 0))
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 301)
        worker.beat()
        assert last_beat(str(tmp_path)) == 0
        worker.move_on()
        worker.beat()
        assert last_beat(str(tmp_path)) > 0
        monkeypatch.undo()


def test_another_process_with_the_id_of_a_worker_is_not_told_to_stop(tmp_path: Path, monkeypatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        here = mark_of(str(other.pid))
        sent: list[int] = []
        monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
        send_away(Work(other.pid, "reviewing", "d", "/", here + "0"))
        assert sent == []
        send_away(Work(other.pid, "reviewing", "d", "/", here))
        assert sent == [signal.SIGCONT, signal.SIGUSR1]
        monkeypatch.undo()
        other.kill()


def test_a_worker_shows_that_it_lives_and_cleans_up_wherever_its_folder_is(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with working(str(tmp_path / "old")):
        first = last_beat(str(tmp_path / "old"))
        until(lambda: last_beat(str(tmp_path / "old")) > first)
        (tmp_path / "old").rename(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == [] and last_beat(str(tmp_path / "new")) == 0


def test_joining_lasts_until_the_worker_is_at_something_else(repo: GitRepo, monkeypatch) -> None:
    here = open_repository()
    with working(here.common_dir) as worker:
        worker.tell("reviewing", "d1", here.root)
        polls: list[float] = []

        def pass_time(seconds: float) -> None:
            polls.append(seconds)
            if len(polls) == 5:
                worker.tell("waiting")

        stopped: list[Work] = []

        def send_away(work: Work) -> None:
            stopped.append(work)
            worker.tell("making-way")

        monkeypatch.setattr(time, "sleep", pass_time)
        monkeypatch.setattr("reviewbot.cli.join.send_away", send_away)
        assert join_worker(here, "d1", None) is True
        assert len(polls) == 5
        assert [work.phase for work in stopped] == ["waiting"]  # the engine is wanted here
        worker.tell("reviewing", "d1", here.root)
        assert join_worker(here, "d1", time.monotonic()) is True  # the time is up, and it may read on
        assert len(polls) == 5 and len(stopped) == 1
    assert join_worker(here, "d1", None) is False


@pytest.mark.parametrize("known", [False, True])
def test_a_worker_that_has_not_begun_is_stopped_by_a_commit(
    warm: GitRepo, fake: FakeServer, monkeypatch, known: bool
) -> None:
    if known:
        warm.stage("a.py", "x = 1\n")
        until(lambda: is_idle(warm))
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "60")
    warm.stage("a.py", "x = 1\n")
    warm.git("update-index", "--force-write-index")
    until(lambda: phase(warm) == "waiting")
    assert commit(warm)[0] == 0
    until(lambda: is_idle(warm))
    assert len(fake.chats) == 1


def test_what_is_staged_anew_replaces_the_review_between_two_requests(
    warm: GitRepo, fake: FakeServer, monkeypatch
) -> None:
    monkeypatch.setenv("REVIEWBOT_CHUNK_TOKENS", "200")
    gate = Gate()
    fake.answers[:] = [gate, find()]
    body = "".join(f"value_{i} = {i}\n" for i in range(60))
    warm.stage("a.py", body)
    until(lambda: fake.chats)
    warm.stage("a.py", "only = 1\n")
    gate.opened.set()
    until(lambda: is_idle(warm))
    asked = [chat["messages"][1]["content"] for chat in fake.chats]
    assert len(asked) == 2 and "value_0 " in asked[0] and "only = 1" in asked[1]


def test_a_write_of_the_index_that_stages_nothing_new_does_not_disturb(
    warm: GitRepo, fake: FakeServer, monkeypatch
) -> None:
    monkeypatch.setenv("REVIEWBOT_CHUNK_TOKENS", "200")
    gate = Gate()
    fake.answers[:] = [gate, find()]
    warm.stage("a.py", "".join(f"value_{i} = {i}\n" for i in range(60)))
    until(lambda: fake.chats)
    warm.git("update-index", "--force-write-index")
    gate.opened.set()
    until(lambda: is_idle(warm))
    asked = [chat["messages"][1]["content"] for chat in fake.chats]
    assert len(asked) == len(set(asked)) > 2
    fake.requests.clear()
    assert commit(warm)[0] == 0 and fake.requests == []


def test_a_program_that_is_gone_and_a_setting_that_is_wrong_leave_nothing(warm: GitRepo, monkeypatch) -> None:
    hook = warm.path / ".git/hooks/post-index-change"
    script = hook.read_text()
    hook.write_text(script.replace(sys.executable, "/nowhere/python"))
    warm.stage("a.py", "x = 1\n")
    assert is_idle(warm)
    hook.write_text(script)
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "never")
    warm.stage("a.py", "x = 2\n")
    until(lambda: is_idle(warm))


def test_code_of_the_repository_is_no_module_of_a_hook(warm: GitRepo, fake: FakeServer, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for name in ("argparse", "json", "reviewbot", "sqlite3"):
        warm.write(f"{name}.py", f"open({str(mark)!r}, 'w').close()\n")
    warm.stage("a.py", "x = 1\n")
    until(lambda: is_idle(warm))
    assert commit(warm)[0] == 0
    assert len(fake.chats) == 1 and not mark.exists()


def test_a_stopped_worker_goes_on_to_nothing_else(warm: GitRepo, fake: FakeServer, capfd) -> None:
    unread_commit(warm, fake, capfd)
    fake.requests.clear()
    gate = Gate()
    fake.answers[:] = [gate]
    warm.stage("b.py", "y = 1\n")
    until(lambda: phase(warm) == "reviewing" and fake.chats)
    os.kill(at_work(git_folder(warm)).pid, signal.SIGTERM)
    until(lambda: is_idle(warm))
    gate.opened.set()
    assert len(fake.chats) == 1


def unread_commit(repo: GitRepo, fake: FakeServer, capfd) -> None:
    """A commit that goes through because the server fails; the worker has tried to read it and given up."""
    fake.overrides.update((f"/api/{name}", (500, {"error": "no"})) for name in ("version", "show", "chat"))
    repo.stage("unread.py", "z = 1\n")
    until(lambda: "last: " in status(capfd))
    assert commit(repo)[0] == 0
    until(lambda: ": commit " in status(capfd))
    until(lambda: is_idle(repo))
    fake.overrides.clear()


def test_what_fails_is_not_tried_again_though_there_are_two(warm: GitRepo, fake: FakeServer, capfd) -> None:
    unread_commit(warm, fake, capfd)
    fake.requests.clear()
    fake.answers[:] = [say("no JSON")]
    warm.stage("b.py", "y = 1\n")
    until(lambda: is_idle(warm))
    assert len(fake.chats) == 4  # what is staged and the commit, each twice
    fake.requests.clear()
    run_here(warm)
    assert fake.chats == []


def test_status_says_what_it_lost_track_of(warm: GitRepo, fake: FakeServer, capfd) -> None:
    unread_commit(warm, fake, capfd)
    warm.git("commit", "-q", "--no-verify", "--amend", "--allow-empty", "-m", "other", "README.md")
    warm.write("unread.py", "z = 2\n")
    warm.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "--amend", "-m", "other", "unread.py")
    assert "late: 1 staged change went unread and not into a commit as staged" in status(capfd)


def test_the_first_commit_goes_through_without_a_server(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "new").mkdir()
    new = GitRepo(tmp_path / "new")
    new.git("init", "-q")
    monkeypatch.chdir(new.path)
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:9")
    assert main(["install"]) == 0
    new.stage("a.py", "x = 1\n")
    code, output = commit(new)
    assert code == 0 and "NOTHING WAS REVIEWED" in output and "git refuses" not in output


def test_a_commit_of_something_else_stops_the_review(warm: GitRepo, fake: FakeServer) -> None:
    gate = Gate()
    fake.answers[:] = [gate, find()]
    warm.write("small.py", "y = 1\n")
    warm.git("add", "-N", "small.py")
    warm.stage("big.py", "x = 1\n")
    until(lambda: phase(warm) == "reviewing" and fake.chats)
    code, output = commit(warm, "-m", "small", "small.py")
    assert code == 0 and "clean · 1 of 1 added line reviewed" in output
    gate.opened.set()


def test_folders_called_worktrees(fake: FakeServer, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "worktrees" / "proj"
    path.mkdir(parents=True)
    there = GitRepo(path)
    there.git("init", "-q")
    monkeypatch.chdir(path)
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    monkeypatch.setenv("REVIEWBOT_BACKGROUND", "always")
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "0.2")
    assert main(["install", "--warm"]) == 0
    there.write("a.py", "x = 1\n")
    there.git("add", "a.py", env={**os.environ, "GIT_DIR": str(path / ".git")})
    assert [entry.name for entry in tmp_path.iterdir()] == ["worktrees"]
    until(lambda: fake.chats and is_idle(there))


def test_a_repository_with_its_work_tree_elsewhere(fake: FakeServer, tmp_path: Path, monkeypatch) -> None:
    dots, tree = tmp_path / "dot.git", GitRepo(tmp_path / "home")
    tree.path.mkdir()
    tree.git("init", "-q", "--bare", str(dots))
    monkeypatch.chdir(tree.path)
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    monkeypatch.setenv("REVIEWBOT_BACKGROUND", "always")
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "0.2")
    with monkeypatch.context() as there:
        there.setenv("GIT_DIR", str(dots))
        there.setenv("GIT_WORK_TREE", str(tree.path))
        assert main(["install", "--warm"]) == 0
    tree.write("a.py", "x = 1\n")
    tree.git("--git-dir", str(dots), "--work-tree", str(tree.path), "add", "a.py")
    until(lambda: fake.chats and not list(dots.glob("reviewbot-*")))


def test_a_submodule(warm: GitRepo, fake: FakeServer, tmp_path: Path, monkeypatch) -> None:
    warm.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(warm.path), "part")
    part = GitRepo(warm.path / "part")
    monkeypatch.chdir(part.path)
    assert main(["install", "--warm"]) == 0
    until(lambda: is_idle(warm))
    fake.requests.clear()
    part.stage("b.py", "x = 1\n")
    folder = warm.path / ".git/modules/part"
    until(lambda: at_work(str(folder)) is None and not list(folder.glob("reviewbot-*")))
    assert len(fake.chats) == 1
    fake.requests.clear()
    assert commit(part)[0] == 0 and fake.requests == []


def test_a_linked_work_tree(warm: GitRepo, fake: FakeServer, tmp_path: Path) -> None:
    warm.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked")
    linked.stage("b.py", "x = 1\n")
    until(lambda: is_idle(warm))
    assert len(fake.chats) == 1
    fake.requests.clear()
    assert commit(linked)[0] == 0 and fake.requests == []


@pytest.mark.parametrize("begun", [True, False], ids=["reviewing", "waiting"])
def test_a_commit_puts_off_the_review_of_another_work_tree(
    begun: bool, warm: GitRepo, fake: FakeServer, tmp_path: Path, monkeypatch
) -> None:
    warm.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked")
    until(lambda: is_idle(warm))
    gate = Gate()
    if begun:
        fake.answers[:] = [gate, find()]
    else:
        monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "5")
    warm.write("a.py", "y = 1\n")
    warm.git("-c", "core.hooksPath=/dev/null", "add", "a.py")
    linked.stage("b.py", "x = 1\n")
    until(lambda: phase(warm) == ("reviewing" if begun else "waiting") and (fake.chats or not begun))
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "0.2")
    code, output = commit(warm)
    assert code == 0 and "clean · 1 of 1 added line reviewed" in output
    until(lambda: is_idle(warm))
    gate.opened.set()
    asked = len(fake.chats)
    assert any("x = 1" in str(body["messages"]) for body in fake.chats)
    assert commit(linked)[0] == 0 and len(fake.chats) == asked


def test_a_work_tree_that_was_removed_meanwhile_leaves_nothing(warm: GitRepo, fake: FakeServer, tmp_path: Path) -> None:
    warm.git("worktree", "add", "-q", str(tmp_path / "linked"))
    until(lambda: is_idle(warm))
    own = f"{git_folder(warm)}/worktrees/linked"
    enqueue(git_folder(warm), Place(own, "", str(tmp_path / "linked")))
    worker = [sys.executable, "-P", "-m", "reviewbot", "hook", "post-index-change"]
    line = f'GIT_DIR="{git_folder(warm)}" git -c core.hooksPath=/dev/null worktree remove "$PWD" && exec "$@"'
    removed = subprocess.run(
        ["sh", "-c", line, "sh", *worker], cwd=tmp_path / "linked", env={**os.environ, "GIT_DIR": own}
    )
    assert removed.returncode == 0 and is_idle(warm) and not (tmp_path / "linked").exists()


def test_git_itself_at_work_starts_nothing(warm: GitRepo, fake: FakeServer, monkeypatch) -> None:
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "0.1")
    warm.git("checkout", "-q", "-b", "topic")
    for n in range(3):
        warm.write("a.py", f"x = {n}\n")
        warm.git("add", "-N", "a.py")
        warm.git("commit", "-q", "--no-verify", "-am", f"change {n}")
    warm.git("checkout", "-q", "main")
    warm.stage("b.py", "y = 1\n")
    warm.commit()
    until(lambda: is_idle(warm))
    fake.requests.clear()
    warm.git("rebase", "-q", "topic", env={**os.environ, "REVIEWBOT_SKIP": "test"})
    warm.git("stash", "list")
    warm.git("checkout", "-q", "topic")
    warm.git("merge", "-q", "--no-edit", "main")
    warm.git("revert", "--no-edit", "HEAD", env={**os.environ, "REVIEWBOT_SKIP": "test"})
    until(lambda: is_idle(warm))
    assert fake.chats == []


@pytest.mark.parametrize("later", [False, True])
def test_another_process_with_the_id_of_a_dead_worker_holds_nothing_up(
    warm: GitRepo, fake: FakeServer, later: bool
) -> None:
    with working(git_folder(warm)) as worker:
        worker.tell("reviewing")
        line = Path(git_folder(warm), WORKER).read_text()
    pid, mark = line.split()[:2]
    Path(git_folder(warm), WORKER).write_text(f"{pid} {mark}{'0' * later} reviewing - /\n")
    warm.stage("a.py", "x = 1\n")
    if later:  # this process has the id, but began at another time
        until(lambda: is_idle(warm) and len(fake.chats) == 1)
    else:  # it is this process
        warm.git("commit", "-qm", "x", "--no-verify")
        assert fake.chats == [] and Path(git_folder(warm), QUEUE).exists()
        Path(git_folder(warm), QUEUE).unlink()
        Path(git_folder(warm), WORKER).unlink()


def test_a_worker_that_was_killed_leaves_nothing_that_holds_up(warm: GitRepo, fake: FakeServer) -> None:
    gate = Gate()
    fake.answers[:] = [gate, find()]
    warm.stage("a.py", "x = 1\n")
    until(lambda: phase(warm) == "reviewing")
    work = at_work(git_folder(warm))
    os.kill(work.pid, signal.SIGKILL)
    until(lambda: at_work(git_folder(warm)) is None)
    warm.stage("a.py", "x = 2\n")
    gate.opened.set()
    until(lambda: is_idle(warm))
    fake.requests.clear()
    assert commit(warm)[0] == 0 and fake.requests == []


def test_another_clients_model_is_left_alone_unless_allowed(
    warm: GitRepo, fake: FakeServer, monkeypatch, capfd
) -> None:
    fake.overrides["/api/ps"] = (200, {"models": [{"name": "llama3:8b", "model": "llama3:8b", "size": 1}]})
    monkeypatch.setenv("REVIEWBOT_BACKGROUND", "idle")
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    warm.write("a.py", "x = 1\n")
    warm.git("-c", "core.hooksPath=/dev/null", "add", "a.py")
    run_here(warm)
    assert "last: " in (told := status(capfd)) and "not now: " in told
    assert fake.chats == []
    monkeypatch.setenv("REVIEWBOT_BACKGROUND", "always")
    run_here(warm)
    assert len(fake.chats) == 1


def run_here(repo: GitRepo) -> None:
    """The worker itself, as the hook starts it."""
    subprocess.run([sys.executable, "-m", "reviewbot", "hook", "post-index-change"], cwd=repo.path, check=True)


def test_the_model_is_loaded_on_the_first_day_on_which_something_is_staged(
    warm: GitRepo, fake: FakeServer, clean_environment: Path
) -> None:
    warm.stage("a.py", "x = 1\n")
    until(lambda: is_idle(warm))
    fake.requests.clear()
    run_here(warm)
    assert fake.requests == []
    (told,) = (clean_environment / ".cache/reviewbot/background").iterdir()
    yesterday = json.loads(told.read_text())
    told.write_text(json.dumps({**yesterday, "loaded": yesterday["loaded"] - 24 * 3600, "tried": {}}))
    run_here(warm)
    loads = [body["options"]["num_predict"] for path, body in fake.requests if path == "/api/chat"]
    assert loads == [1]
    fake.requests.clear()
    run_here(warm)
    assert fake.requests == []


def test_what_an_engine_could_not_read_is_not_put_to_it_at_each_write_of_the_index(
    warm: GitRepo, fake: FakeServer, capfd
) -> None:
    fake.answers[:] = [say("no JSON")]
    warm.stage("a.py", "x = 1\n")
    until(lambda: is_idle(warm))
    assert "0 of 1 added lines reviewed (the reply holds no JSON object), nothing found" in status(capfd)
    fake.requests.clear()
    run_here(warm)
    assert fake.requests == []
    warm.stage("a.py", "x = 2\n")
    until(lambda: is_idle(warm))
    assert len(fake.chats) == 2  # asked, and once more in other words


def test_a_commit_that_went_through_unread_is_read_late_and_told_once(
    warm: GitRepo, fake: FakeServer, monkeypatch, capfd
) -> None:
    gate = Gate()
    fake.answers[:] = [gate]
    warm.stage("a.py", "x = BUG()\n")
    until(lambda: fake.chats)
    monkeypatch.setenv("REVIEWBOT_DEADLINE_S", "1")
    code, output = commit(warm)
    assert code == 0 and "NOTHING WAS REVIEWED" in output and "deadline" in output
    name = warm.git("rev-parse", "--short=7", "HEAD").stdout.decode().strip()
    assert f"late: not wholly reviewed yet: {name} (reviewbot show {name})" in status(capfd)
    gate.opened.set()
    until(lambda: is_idle(warm))
    line = f"commit {name} went through unreviewed; now reviewed: 1 error (reviewbot show {name})"
    monkeypatch.delenv("REVIEWBOT_DEADLINE_S")
    warm.stage("b.py", "y = 1\n")
    until(lambda: is_idle(warm))
    output = commit(warm)[1]
    assert f"reviewbot: {line}" in output
    assert line not in status(capfd)


@pytest.mark.parametrize(("lines", "told"), [(10, True), (3000, False)], ids=["small", "large"])
def test_a_commit_waits_for_no_look_at_a_large_one_that_went_unread(
    lines: int, told: bool, repo: GitRepo, fake: FakeServer, monkeypatch, capfd
) -> None:
    repo.stage("a.py", "".join(f"value_{i} = {i}\n" for i in range(lines)))
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:1")
    assert main(["hook", "pre-commit"]) == 0
    repo.git("commit", "-q", "-m", "unread")
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    assert main(["show"]) == 0
    repo.stage("b.py", "y = 1\n")
    capfd.readouterr()
    assert main(["hook", "pre-commit"]) == 0
    assert ("went through unreviewed; now reviewed: nothing found" in capfd.readouterr().err) is told
    assert ("went through unreviewed; now reviewed: nothing found" in status(capfd)) is not told


def test_the_queue_has_each_place_once_the_latest_first(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert take_queue(folder) == []
    for root in ("/a", "/b c", "/a"):
        enqueue(folder, Place("", "", root))
    with (tmp_path / QUEUE).open("a") as file:
        file.write("garbage\n")
    assert [place.root for place in take_queue(folder)] == ["/a", "/b c"]
    assert take_queue(folder) == []


def test_there_is_one_worker(tmp_path: Path) -> None:
    with working(str(tmp_path)) as worker:
        worker.tell("reviewing", "d1", "/a b")
        assert at_work(str(tmp_path)) == Work(os.getpid(), "reviewing", "d1", "/a b", mark_of("self"))
        with working(str(tmp_path)) as second:
            assert second is None
        worker.tell("waiting")
        assert at_work(str(tmp_path)) == Work(os.getpid(), "waiting", "-", "", mark_of("self"))
    assert at_work(str(tmp_path)) is None and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "x", "1 2", f"{os.getpid()} - reviewing /a\n"])
def test_what_a_dead_worker_left_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / WORKER).write_text(content)
    assert at_work(str(tmp_path)) is None
    with working(str(tmp_path)) as worker:
        assert worker is not None
    assert list(tmp_path.iterdir()) == []


def test_who_looks_is_taken_for_no_worker_and_stops_none(tmp_path: Path) -> None:
    (tmp_path / WORKER).write_text("1 - reviewing /a\n")
    with (tmp_path / WORKER).open() as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        assert at_work(str(tmp_path)) is None
        threading.Timer(0.05, lambda: fcntl.flock(looker, fcntl.LOCK_UN)).start()
        with working(str(tmp_path)) as worker:  # waits until nobody looks
            assert worker is not None
