"""Real commits, merges and pushes with the real hook and a scripted server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake, say

from reviewbot.cli import main

__all__ = ["fake"]

CONFLICT = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"


@pytest.fixture
def hooked(repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """A repository with all hooks, and a server that finds every line with BUG."""
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    for stage in ("pre-commit", "pre-merge-commit", "pre-push"):
        assert main(["install", "--stage", stage]) == 0
    return repo


def commit(repo: GitRepo, *args: str) -> tuple[int, str]:
    done = repo.git("commit", *(args or ("-m", "change")), check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def test_a_bad_commit_is_blocked_and_a_good_one_passes(hooked: GitRepo, fake: FakeServer) -> None:
    hooked.stage("a.py", "x = 1\ny = BUG()\n")
    code, output = commit(hooked)
    assert code == 1
    assert "a.py:2: error: this is a defect [model/bug]" in output
    assert "blocked by 1 error" in output and "REVIEWBOT_SKIP" in output
    hooked.stage("a.py", "x = 1\n")
    code, output = commit(hooked)
    assert code == 0
    assert "reviewbot: clean · 1 of 1 added line reviewed" in output
    assert len(fake.chats) == 3


def test_a_refuted_finding_does_not_block(hooked: GitRepo, fake: FakeServer) -> None:
    found = fake.answers[0]
    fake.answers[:] = [found, say('{"verdict": "refuted", "quote": "x = safe(1)"}')]
    hooked.stage("a.py", "x = safe(1)\ny = BUG()\n")
    code, output = commit(hooked)
    assert code == 0 and "a second look refuted it" in output


def test_without_a_server_the_commit_passes_and_says_so(hooked: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:9")
    hooked.stage("a.py", "y = BUG()\n")
    code, output = commit(hooked)
    assert code == 0
    assert "NOTHING WAS REVIEWED" in output and "ollama serve" in output
    assert "clean" not in output
    monkeypatch.setenv("REVIEWBOT_ON_FAILURE", "block")
    hooked.stage("a.py", "z = BUG()\n")
    assert commit(hooked)[0] == 1  # git's own code for a hook that failed


def test_checks_block_without_a_server(hooked: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:9")
    hooked.stage("a.py", CONFLICT)
    code, output = commit(hooked)
    assert code == 1 and "[check/conflict-marker]" in output


def test_skipping_once_is_said(hooked: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hooked.stage("a.py", "y = BUG()\n")
    monkeypatch.setenv("REVIEWBOT_SKIP", "on fire")
    code, output = commit(hooked)
    assert code == 0 and "not reviewed: skipped (on fire)" in output
    assert fake.requests == []


def test_an_empty_commit_asks_nobody(hooked: GitRepo, fake: FakeServer) -> None:
    code, output = commit(hooked, "--allow-empty", "-m", "empty")
    assert code == 0 and "reviewbot" not in output
    assert fake.requests == []


@pytest.mark.parametrize("args", [["-a", "-m", "x"], ["-m", "x", "bad.py"], ["--only", "-m", "x", "bad.py"]])
def test_commit_of_what_is_not_staged_is_reviewed(hooked: GitRepo, args: list[str]) -> None:
    for name in ("good.py", "bad.py"):
        hooked.stage(name, "old\n")
    assert commit(hooked)[0] == 0
    hooked.write("bad.py", "BUG()\n")
    hooked.stage("good.py", "fine\n")
    code, output = commit(hooked, *args)
    assert code == 1 and "bad.py:1: error" in output


def test_from_a_subfolder_and_in_a_linked_work_tree(hooked: GitRepo, tmp_path: Path) -> None:
    hooked.stage("sub/a.py", "BUG()\n")
    done = subprocess.run(["git", "commit", "-m", "x"], cwd=hooked.path / "sub", capture_output=True, text=True)
    assert done.returncode == 1 and "sub/a.py:1: error" in done.stdout + done.stderr
    hooked.git("reset", "-q", "--hard")
    hooked.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked")
    linked.stage("b.py", "BUG()\n")
    assert commit(linked)[0] == 1


def test_a_commit_whose_message_an_editor_writes(hooked: GitRepo, tmp_path: Path) -> None:
    editor = tmp_path / "an editor"
    editor.write_text(f'#!/bin/sh\necho words > "$1"\necho x >> "{tmp_path}/opened"\n')
    editor.chmod(0o755)
    environment = {**os.environ, "GIT_EDITOR": f'"{editor}"'}
    hooked.stage("a.py", "BUG()\n")
    done = hooked.git("commit", check=False, env=environment)
    assert done.returncode == 1 and b"a.py:1: error" in done.stdout + done.stderr
    assert not (tmp_path / "opened").exists()  # the hook runs first: no message is lost
    hooked.stage("a.py", "fine\n")
    assert hooked.git("commit", env=environment).returncode == 0
    assert (tmp_path / "opened").exists() and hooked.git("log", "-1", "--format=%s").stdout == b"words\n"


@pytest.mark.parametrize(("path", "umask"), [(None, 0o000), ("/nowhere", 0o077), ("/usr/bin:/bin", 0o027)])
def test_a_commit_from_a_program_without_a_terminal(
    hooked: GitRepo, umask: int, path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a graphical program: a session of its own, stdin closed, next to nothing in PATH."""
    git = shutil.which("git")
    assert git is not None
    environment = {name: text for name, text in os.environ.items() if name != "PATH"}
    environment |= {"PATH": path} if path else {}

    def commit_now() -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/sh", "-c", '"$0" commit -m x <&-', git],
            cwd=hooked.path,
            env=environment,
            capture_output=True,
            text=True,
            umask=umask,
            start_new_session=True,
        )
        return done.returncode, done.stdout + done.stderr

    hooked.stage("a.py", "BUG()\n")
    code, output = commit_now()
    assert code == 1 and "a.py:1: error: this is a defect" in output
    hooked.stage("a.py", "fine\n")
    code, output = commit_now()
    assert code == 0 and "reviewbot: clean · 1 of 1 added line reviewed" in output


def test_hooks_written_under_a_narrow_umask_run(repo: GitRepo) -> None:
    before = os.umask(0o077)
    try:
        assert main(["install"]) == 0
    finally:
        os.umask(before)
    assert (repo.path / ".git/hooks/pre-commit").stat().st_mode & 0o777 == 0o755


def branches(repo: GitRepo, theirs: str, ours: str) -> None:
    repo.stage("a.py", "base\n")
    repo.git("commit", "-qm", "base", "--no-verify")
    repo.git("checkout", "-qb", "other")
    repo.stage("a.py" if theirs != "BUG()\n" else "theirs.py", theirs)
    repo.git("commit", "-qm", "theirs", "--no-verify")
    repo.git("checkout", "-q", "main")
    repo.stage("a.py" if theirs != "BUG()\n" else "ours.py", ours)
    repo.git("commit", "-qm", "ours", "--no-verify")


def test_a_clean_merge_does_not_review_the_other_side(hooked: GitRepo, fake: FakeServer) -> None:
    branches(hooked, "BUG()\n", "fine\n")
    done = hooked.git("merge", "--no-edit", "other", check=False)
    assert done.returncode == 0, done.stderr
    assert fake.chats == []


def test_the_end_of_a_conflicted_merge_reviews_the_resolution(hooked: GitRepo) -> None:
    branches(hooked, "theirs\n", "ours\n")
    assert hooked.git("merge", "--no-edit", "other", check=False).returncode == 1
    hooked.git("add", "a.py")
    code, output = commit(hooked, "--no-edit")
    assert code == 1 and "a.py:1: error: this looks" not in output
    hooked.stage("a.py", "BUG()\n")
    code, output = commit(hooked, "--no-edit")
    assert code == 1 and "a.py:1: error: this is a defect" in output
    hooked.stage("a.py", "resolved\n")
    assert commit(hooked, "--no-edit")[0] == 0


@pytest.fixture
def remote(hooked: GitRepo, tmp_path: Path) -> GitRepo:
    hooked.git("init", "-q", "--bare", str(tmp_path / "remote.git"))
    hooked.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    return hooked


def push(repo: GitRepo, *args: str) -> tuple[int, str]:
    done = repo.git("push", *args, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


def test_pushes(remote: GitRepo, fake: FakeServer) -> None:
    assert push(remote, "origin", "main")[0] == 0
    remote.git("checkout", "-qb", "topic")
    remote.stage("a.py", "BUG()\n")
    remote.git("commit", "-qm", "bad", "--no-verify")
    code, output = push(remote, "origin", "topic")
    assert code == 1 and "a.py:1: error" in output and "1 of 1 added line" in output
    assert "to push anyway: REVIEWBOT_SKIP='why' git push ..." in output and "to commit anyway" not in output
    remote.stage("a.py", "fine\n")
    remote.git("commit", "-qm", "good", "--no-verify")
    code, output = push(remote, "origin", "topic", "topic:copy")
    assert code == 0 and "clean" in output
    before = len(fake.chats)
    assert push(remote, "origin", ":copy")[0] == 0
    assert len(fake.chats) == before


def test_a_push_that_is_skipped_goes_through(remote: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert push(remote, "origin", "main")[0] == 0
    remote.stage("a.py", "BUG()\n")
    remote.git("commit", "-qm", "bad", "--no-verify")
    assert push(remote, "origin", "main")[0] == 1
    monkeypatch.setenv("REVIEWBOT_SKIP", "why")
    code, output = push(remote, "origin", "main")
    assert code == 0 and "skipped (why)" in output and "anyway" not in output
