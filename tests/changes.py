"""Short ways to look at a change of a real repository."""

import os
import stat
from pathlib import Path

from conftest import GitRepo

from reviewbot.diff import FileChange, parse_diff
from reviewbot.repo import Change


def files(change: Change | None) -> dict[str, FileChange]:
    """The files of a change by the path that is shown."""
    assert change is not None
    return {file.path: file for file in parse_diff(change.diff)}


def added(change: Change | None) -> dict[str, list[tuple[int | None, str]]]:
    """Numbers and texts of the added lines, by path."""
    return {path: [(line.new, line.text) for line in file.added] for path, file in files(change).items()}


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, time of the last change and content of everything in a folder, the folders included."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        about = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else b""
        if stat.S_ISREG(about.st_mode):
            content = path.read_bytes()
        found[str(path)] = (about.st_mode, about.st_mtime_ns, content)
    return found


def make(folder: Path, *options: str) -> GitRepo:
    """A new repository on branch main, without a commit."""
    folder.mkdir(parents=True)
    made = GitRepo(folder)
    made.git("init", "-q", "-b", "main", *options)
    return made


def oid(repo: GitRepo, rev: str = "HEAD") -> str:
    """The id that a revision names."""
    return repo.git("rev-parse", "--verify", rev).stdout.decode().strip()
