"""docs/hooks.md, row by row: which hook real git runs, and which lines the model is then shown."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake

from reviewbot.cli import main
from reviewbot.hookscripts import STAGES

__all__ = ["fake"]

DOCUMENT = (Path(__file__).parent.parent / "docs" / "hooks.md").read_text()
ROWS = {row.split(" | ")[0].removeprefix("| "): row.split(" | ")[1] for row in DOCUMENT.split("\n") if row[:3] == "| `"}


class Hooked:
    """A repository whose hooks write down that they ran, and the server that they ask.

    main is pushed. `topic`, which is checked out, has one commit more, of topic.py; so has main, of main.py.
    """

    def __init__(self, repo: GitRepo, server: FakeServer, remote: Path) -> None:
        self.repo = repo
        self.server = server
        self.log = repo.path.parent / "ran"
        repo.git("init", "-q", "--bare", str(remote))
        repo.git("remote", "add", "origin", str(remote))
        self.change("both.py", "base")
        self.git("push", "-q", "origin", "main")
        self.git("checkout", "-qb", "topic")
        self.change("topic.py", "of topic")
        self.git("checkout", "-q", "main")
        self.change("main.py", "of main")
        self.git("checkout", "-q", "topic")
        for stage in STAGES:
            script = f'#!/bin/sh\necho {stage} >> "{self.log}"\ncat > /dev/null\n'
            repo.write(f".git/hooks/{stage}", script).chmod(0o755)
            assert main(["install", "--stage", stage]) == 0

    def git(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return self.repo.git(*args, check=check)

    def change(self, name: str, text: str) -> None:
        """A commit that no hook sees."""
        self.repo.stage(name, f"{text}\n")
        self.git("commit", "-qnm", f"{text} in {name}")

    def conflict(self) -> None:
        """The same file with another content on either side."""
        self.change("both.py", "ours")
        self.git("checkout", "-q", "main")
        self.change("both.py", "theirs")
        self.git("checkout", "-q", "topic")

    @property
    def ran(self) -> str:
        return ", ".join(self.log.read_text().split()) if self.log.exists() else "none"

    @property
    def read(self) -> set[str]:
        """The added lines that the model was shown."""
        rows = [
            row.partition(" +") for body in self.server.chats for row in body["messages"][-1]["content"].split("\n")
        ]
        return {code for number, _, code in rows if number.isdigit()}


@pytest.fixture
def hooked(repo: GitRepo, fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    monkeypatch.setenv("GIT_EDITOR", "true")
    return Hooked(repo, fake, tmp_path / "remote.git")


def commit(on: Hooked) -> set[str]:
    on.repo.stage("a.py", "new\n")
    on.git("commit", "-qm", "x")
    return {"new"}


def commit_unstaged(on: Hooked) -> set[str]:
    on.repo.write("both.py", "base\nedited\n")
    on.git("commit", "-qam", "x")
    return {"edited"}


def amend(on: Hooked) -> set[str]:
    on.repo.stage("topic.py", "of topic\nmore\n")
    on.git("commit", "-q", "--amend", "--no-edit")
    return {"more"}


def reword(on: Hooked) -> set[str]:
    on.git("commit", "-q", "--amend", "-m", "other words")
    return set()


def no_verify(on: Hooked) -> set[str]:
    on.change("a.py", "new")
    return set()


def merge(on: Hooked) -> set[str]:
    on.git("merge", "-q", "--no-edit", "main")
    return set()


def merge_continue(on: Hooked) -> set[str]:
    on.conflict()
    assert on.git("merge", "-q", "main", check=False).returncode == 1
    on.repo.stage("both.py", "resolved\n")
    on.git("merge", "--continue")
    return {"resolved"}


def fast_forward(on: Hooked) -> set[str]:
    on.git("checkout", "-q", "-b", "behind", "main~1")
    on.git("merge", "-q", "--ff-only", "main")
    return set()


def squash(on: Hooked) -> set[str]:
    on.git("merge", "-q", "--squash", "main")
    on.git("commit", "-qm", "x")
    return {"of main"}


def rebase(on: Hooked) -> set[str]:
    on.git("rebase", "-q", "main")
    return set()


def rebase_continue(on: Hooked) -> set[str]:
    on.conflict()
    assert on.git("rebase", "-q", "main", check=False).returncode == 1
    on.repo.stage("both.py", "resolved\n")
    on.git("rebase", "--continue")
    return set()


def rebase_reword(on: Hooked) -> set[str]:
    on.git("-c", "sequence.editor=sed -i 1s/pick/reword/", "rebase", "-q", "-i", "HEAD~1")
    return set()


def cherry_pick(on: Hooked) -> set[str]:
    on.git("cherry-pick", "main")
    return set()


def cherry_pick_continue(on: Hooked) -> set[str]:
    on.conflict()
    assert on.git("cherry-pick", "main", check=False).returncode == 1
    on.repo.stage("both.py", "resolved\n")
    on.git("cherry-pick", "--continue")
    return {"resolved"}


def revert(on: Hooked) -> set[str]:
    on.git("revert", "--no-edit", "HEAD")
    return set()


def revert_continue(on: Hooked) -> set[str]:
    for text in ("first", "second", "third"):
        on.change("both.py", text)
    assert on.git("revert", "--no-edit", "HEAD~1", check=False).returncode == 1
    on.repo.stage("both.py", "first again\n")
    on.git("revert", "--continue")
    return {"first again"}


def am(on: Hooked) -> set[str]:
    on.repo.write("../patch", on.git("format-patch", "-1", "--stdout", "main").stdout)
    on.git("am", "-q", "../patch")
    return set()


def stash(on: Hooked) -> set[str]:
    on.repo.write("both.py", "base\nedited\n")
    on.git("stash")
    on.git("stash", "pop")
    return set()


def push(on: Hooked) -> set[str]:
    on.git("push", "-q", "origin", "main")
    return {"of main"}


def push_new_branch(on: Hooked) -> set[str]:
    on.git("push", "-q", "origin", "topic")
    return {"of topic"}


def push_force(on: Hooked) -> set[str]:
    on.git("push", "-q", "--no-verify", "origin", "topic")
    on.git("reset", "-q", "--hard", "HEAD~1")
    on.change("topic.py", "otherwise")
    on.git("push", "-q", "--force", "origin", "topic")
    return {"otherwise"}


def push_tag(on: Hooked) -> set[str]:
    on.git("tag", "-a", "v1", "-m", "one")
    on.git("push", "-q", "origin", "v1")
    return {"of topic"}


def push_delete(on: Hooked) -> set[str]:
    on.git("push", "-q", "--no-verify", "origin", "topic")
    on.git("push", "-q", "--delete", "origin", "topic")
    return set()


COMMANDS: dict[str, Callable[[Hooked], set[str]]] = {
    "`git commit`": commit,
    "`git commit -a`, `git commit PATH`": commit_unstaged,
    "`git commit --amend`": amend,
    "`git commit --amend -m TEXT`": reword,
    "`git commit --no-verify`": no_verify,
    "`git merge`": merge,
    "`git merge --continue`": merge_continue,
    "`git merge --ff-only`": fast_forward,
    "`git merge --squash`, `git commit`": squash,
    "`git rebase`": rebase,
    "`git rebase --continue`": rebase_continue,
    "`git rebase -i` with reword": rebase_reword,
    "`git cherry-pick`": cherry_pick,
    "`git cherry-pick --continue`": cherry_pick_continue,
    "`git revert`": revert,
    "`git revert --continue`": revert_continue,
    "`git am`": am,
    "`git stash`, `git stash pop`": stash,
    "`git push`": push,
    "`git push` of a new branch": push_new_branch,
    "`git push --force`": push_force,
    "`git push` of a tag": push_tag,
    "`git push --delete`": push_delete,
}


def test_the_document_has_these_rows() -> None:
    assert list(ROWS) == list(COMMANDS)


@pytest.mark.parametrize("row", COMMANDS)
def test_what_the_document_says_of_a_command(hooked: Hooked, row: str) -> None:
    read = COMMANDS[row](hooked)
    assert (hooked.ran, hooked.read) == (ROWS[row], read)


def test_a_push_after_its_commits_asks_nobody(hooked: Hooked) -> None:
    for name in ("a.py", "b.py"):
        hooked.repo.stage(name, f"x = '{name}'\n")
        hooked.git("commit", "-qm", "x")
    assert hooked.read == {"x = 'a.py'", "x = 'b.py'"}
    hooked.git("push", "-q", "--no-verify", "origin", "topic~2:refs/heads/topic")
    hooked.server.requests.clear()
    done = hooked.git("push", "origin", "topic", "topic:refs/heads/copy")
    assert b"clean" in done.stderr and b"2 of 2 added lines reviewed" in done.stderr
    assert hooked.server.chats == [] and hooked.server.loaded == []


def test_what_a_rebase_resolved_is_read_by_the_push(hooked: Hooked) -> None:
    rebase_continue(hooked)
    assert hooked.read == set()
    hooked.git("push", "-q", "origin", "topic")
    assert {"resolved", "of topic", "of main"} <= hooked.read
