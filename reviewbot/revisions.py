"""Revisions: what a person or a hook names, as object ids. A word that begins with a dash is never passed to git."""

import os
import re
from collections.abc import Sequence

from reviewbot.errors import RepoError
from reviewbot.gitrun import Runner
from reviewbot.text import visible_line

ZERO = re.compile(r"0+")
"""git's object id for "none"."""


def resolve(git: Runner, rev: str) -> str:
    """The id of a commit, or of a tree, that a revision names; RepoError when it names none."""
    found = lookup(git, rev)
    if found is None:
        raise RepoError(f"git knows no revision {visible_line(rev)!r}", "git log --oneline --all")
    return found


def lookup(git: Runner, rev: str) -> str | None:
    """The id of a commit, or of a tree, that a revision names."""
    if rev.startswith("-") or not rev:
        return None
    for kind in ("commit", "tree"):
        answer = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{{kind}}}")
        if answer.status == 0:
            return answer.stdout.decode().split()[-1]
    return None


def head(git: Runner) -> str | None:
    """The commit that is checked out; None before the first one."""
    return lookup(git, "HEAD")


def empty_tree(git: Runner) -> str:
    """The id of the empty tree, which differs between SHA-1 and SHA-256 repositories."""
    return git.ask("hash-object", "-t", "tree", "--stdin").decode().strip()


def disambiguate(git: Runner, args: list[str], paths: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Revisions, then paths, as git tells them apart where no `--` does."""
    if paths is not None:
        return args, list(paths)
    count = 0
    while count < len(args) and _is_revision(git, args[count]):
        count += 1
    for path in args[count:]:
        if not (os.path.lexists(os.path.join(git.cwd, path)) or path.startswith(":")):
            raise RepoError(f"{visible_line(path)!r} is neither a revision nor a path", "reviewbot diff REV -- PATH")
    return args[:count], args[count:]


def _is_revision(git: Runner, word: str) -> bool:
    ends = re.split(r"\.\.\.?", word) if ".." in word else [word]
    return len(ends) <= 2 and all(lookup(git, end or "HEAD") for end in ends)


def range_ends(git: Runner, revisions: Sequence[str]) -> tuple[str, str]:
    """Both ends of `A..B`, `A...B` (from the merge base) or `A B`."""
    if len(revisions) == 2:
        return resolve(git, revisions[0]), resolve(git, revisions[1])
    if len(revisions) > 2:
        raise RepoError("a change has two ends", "reviewbot diff A B")
    dots = "..." if "..." in revisions[0] else ".."
    base, _, head = revisions[0].partition(dots)
    first, last = resolve(git, base or "HEAD"), resolve(git, head or "HEAD")
    if dots == "...":
        answer = git.run("merge-base", first, last)
        if answer.status:
            raise RepoError(f"{visible_line(revisions[0])}: the two have no common ancestor", "reviewbot diff A..B")
        first = answer.stdout.decode().split()[0]
    return first, last


def push_base(git: Runner, head: str, theirs: str, remote: str) -> str:
    """Where the review of a push begins: the remote's commit, the merge base with what is known of it, or nothing."""
    known = None if ZERO.fullmatch(theirs) else lookup(git, theirs)
    if known and git.run("merge-base", "--is-ancestor", known, head).status == 0:
        return known
    refs = git.ask("for-each-ref", "--format=%(objectname)", f"refs/remotes/{remote}/").decode().split()
    others = refs + ([known] if known else [])
    answer = git.run("merge-base", head, *others) if others else None
    return answer.stdout.decode().split()[0] if answer and answer.status == 0 else empty_tree(git)
