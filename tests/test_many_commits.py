"""A hundred commits in a row, reviewed while they are staged: each says what a fresh review of it says."""

import os
import random
import re
import signal
import subprocess
import sys

from conftest import GitRepo
from fake_server import FakeServer, fake
from test_background import at_work, git_folder, is_idle, until, warm

__all__ = ["fake", "warm"]

COMMITS = 100
ROW = re.compile(r"^\S+:\d+: (?:error|warning|info): .*|^ +>? +\d+ \|.*|\d+ of \d+ added lines? reviewed", re.MULTILINE)
"""What a report says of the change: findings with their code, and how much was read."""


class Script:
    """Random work on a few files."""

    def __init__(self, repo: GitRepo, seed: int) -> None:
        self.repo = repo
        self.dice = random.Random(seed)
        self.files: dict[str, list[str]] = {f"module_{n}.py": self.rows(12) for n in range(3)}
        self.count = 0

    def rows(self, count: int) -> list[str]:
        words = [f"value_{self.dice.randrange(10**6)}" for _ in range(count)]
        return [f"{word} = BUG({n})" if self.dice.random() < 0.1 else f"{word} = {n}" for n, word in enumerate(words)]

    def edit(self) -> str:
        """Change one file at a random place; its name."""
        name = self.dice.choice(sorted(self.files))
        rows = self.files[name]
        at = self.dice.randrange(len(rows))
        match self.dice.randrange(3):
            case 0:
                rows[at:at] = self.rows(self.dice.randint(1, 8))
            case 1:
                rows[at : at + 1] = self.rows(1)
            case 2 if len(rows) > 6:
                del rows[at : at + 2]
        return name

    def rename(self) -> None:
        """Give a file another name, or move it into a folder."""
        old = self.dice.choice(sorted(self.files))
        self.count += 1
        new = f"part_{self.count}/{os.path.basename(old)}" if self.dice.random() < 0.5 else f"renamed_{self.count}.py"
        self.repo.write(new, "")
        (self.repo.path / new).unlink()
        self.repo.git("mv", old, new)
        self.files[new] = self.files.pop(old)

    def write(self, name: str) -> None:
        self.repo.write(name, "".join(f"{row}\n" for row in self.files[name]))

    def stage(self) -> None:
        """Some edits, of which the last may stay in the work tree alone."""
        for _ in range(self.dice.randint(1, 3)):
            name = self.edit()
            self.write(name)
            self.repo.git("add", name)
        if self.dice.random() < 0.2:
            self.rename()
        if self.dice.random() < 0.3:
            name = self.edit()
            self.write(name)

    def disturb(self) -> None:
        """Now and then kill the worker as it is, or let it come to an end."""
        match self.dice.randrange(4):
            case 0:
                work = at_work(git_folder(self.repo))
                if work is not None:
                    os.kill(work.pid, signal.SIGKILL)
            case 1:
                until(lambda: is_idle(self.repo))
            case 2:
                self.repo.git("status")


def said(text: str) -> list[str]:
    return ROW.findall(text)


def commit(repo: GitRepo, number: int) -> str:
    done = repo.git("commit", "--allow-empty", "-m", f"change {number}")
    return (done.stdout + done.stderr).decode()


def kill_commit(repo: GitRepo, wait: float) -> None:
    """Begin a commit and kill git and all that it started, somewhere on the way."""
    begun = subprocess.Popen(
        ["git", "commit", "-q", "-m", "never"],
        cwd=repo.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        begun.wait(wait)
    except subprocess.TimeoutExpired:
        os.killpg(begun.pid, signal.SIGKILL)
        begun.wait()


def test_each_of_a_hundred_commits_says_what_a_fresh_review_says(warm: GitRepo, fake: FakeServer, monkeypatch) -> None:
    monkeypatch.setenv("REVIEWBOT_BLOCK_AT", "never")
    monkeypatch.setenv("REVIEWBOT_MAX_FINDINGS", "99")
    monkeypatch.setenv("REVIEWBOT_DEBOUNCE_S", "0.1")
    script = Script(warm, seed=7)
    for name in script.files:
        script.write(name)
        warm.git("add", name)
    found = 0
    for number in range(COMMITS):
        script.stage()
        script.disturb()
        if script.dice.random() < 0.1:
            kill_commit(warm, script.dice.random() * 0.4)
            (warm.path / ".git" / "index.lock").unlink(missing_ok=True)
        in_hook = commit(warm, number)
        fresh = subprocess.run(
            [sys.executable, "-m", "reviewbot", "show", "HEAD", "--no-cache"],
            cwd=warm.path,
            capture_output=True,
            text=True,
        )
        assert fresh.returncode == 0, fresh.stderr
        if "0 of 0 added lines" in fresh.stderr:
            continue  # a hook has nothing to say of that
        assert said(in_hook) == said(fresh.stdout + fresh.stderr), f"commit {number}"
        found += ": error: " in "\n".join(said(in_hook))
    assert found >= COMMITS // 5  # so many have a finding with its code, whichever were killed
    until(lambda: is_idle(warm))
    assert [path.name for path in (warm.path / ".git").glob("*reviewbot*")] == []
    left = warm.git("status", "--porcelain", "--untracked-files=all", "--ignored").stdout.decode().splitlines()
    assert [row for row in left if not row.startswith(" M")] == []
