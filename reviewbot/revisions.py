"""Revisions: what a person or a hook names, as object ids. A word that begins with a dash is never passed to git."""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from reviewbot.errors import RepoError
from reviewbot.gitrun import Runner
from reviewbot.text import visible_line

ZERO = re.compile(r"0+")
"""git's object id for "none"."""


_COMMIT_ALONE = re.compile(r"(.+)\^(?:!|-([1-9][0-9]*)?)", re.DOTALL)
"""`A^!`, `A^-` and `A^-N`: the commit without its parent, or its Nth one."""


class Span(NamedTuple):
    """One revision as an object id, or both ends of a range; and what to say of them.

    `left_out` marks the one revision of `^A`, which is the base of what it is compared with.
    """

    ids: tuple[str, ...]
    notes: tuple[str, ...] = ()
    left_out: bool = False


def resolve(git: Runner, rev: str) -> str:
    """The id of a commit, or of a tree, that a revision names; RepoError when it names none."""
    found = lookup(git, rev)
    if found is None:
        raise unknown(git, rev)
    return found


def lookup(git: Runner, rev: str) -> str | None:
    """The id of a commit, or of a tree, that a revision names."""
    found = lookup_commit(git, rev)
    if found or rev.startswith("-") or not rev:
        return found
    # `^{tree}` at the end of `:/text` or `HEAD:folder` would be a part of the text, or of the name.
    oid = _verify(git, rev)
    return oid and (_verify(git, f"{oid}^{{commit}}") or _verify(git, f"{oid}^{{tree}}"))


def lookup_commit(git: Runner, rev: str) -> str | None:
    """The id of the commit that a revision, or a tag, names."""
    return None if rev.startswith("-") or not rev else _verify(git, f"{rev}^{{commit}}")


def _verify(git: Runner, rev: str) -> str | None:
    if "\0" in rev:
        return None
    answer = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", rev)
    oid = answer.stdout.decode().split()[-1] if answer.status == 0 else None
    return None if oid is None or oid.startswith("^") else oid  # `^HEAD` leaves a commit out, it names none


def unknown(git: Runner, rev: str) -> RepoError:
    """What to say of a revision that names no commit."""
    if rev == "HEAD" and head(git) is None:
        return RepoError("git knows no revision 'HEAD': there is no commit yet", "reviewbot diff --staged")
    if rev.startswith("-"):
        return RepoError(f"'{visible_line(rev)}' begins with a dash, so it is no revision", "reviewbot --help")
    return RepoError(f"git knows no revision '{visible_line(rev)}'", "git log --oneline --all")


def head(git: Runner) -> str | None:
    """The commit that is checked out; None before the first one."""
    return lookup_commit(git, "HEAD")


def empty_tree(git: Runner) -> str:
    """The id of the empty tree, which differs between SHA-1 and SHA-256 repositories."""
    return git.ask("hash-object", "-t", "tree", "--stdin").decode().strip()


def split_words(git: Runner, words: Sequence[str], paths: Sequence[str] | None) -> tuple[Span, list[str]]:
    """Revisions, then paths, told apart as git does it: a word may be only one of the two where no `--` was typed.

    RepoError for a word that is neither, or both.
    """
    spans: list[Span] = []
    for number, word in enumerate(words):
        span = _read_word(git, word, may_be_path=paths is None)
        if span is None:
            if paths is not None or word.startswith("-"):
                raise _unknown_word(git, word)
            paths = list(words[number:])
            _need_paths(git, paths)
            break
        if paths is None and os.path.lexists(os.path.join(git.cwd, word)):
            raise RepoError(
                f"'{visible_line(word)}' is both a revision and a path",
                f"reviewbot diff {visible_line(word)} --, or: reviewbot diff -- {visible_line(word)}",
            )
        spans.append(span)
    spans.sort(key=lambda span: not span.left_out)
    ids = tuple(oid for span in spans for oid in span.ids)
    if len(ids) > 2 or sum(span.left_out for span in spans) == len(ids) > 0:
        raise RepoError("a change has two ends, and ^ marks the one that it begins from", "reviewbot diff A B")
    return Span(ids, tuple(note for span in spans for note in span.notes)), list(paths or ())


def _need_paths(git: Runner, words: Sequence[str]) -> None:
    """Patterns and git's path magic (`*.py`, `:/docs`) need not exist."""
    for word in words:
        exists = os.path.lexists(os.path.join(git.cwd, word)) or word.startswith(":") or set(word) & set("*?[")
        if word.startswith("-") or not exists:
            raise RepoError(f"'{visible_line(word)}' is neither a revision nor a path", "reviewbot diff REV -- PATH")


def _read_word(git: Runner, word: str, *, may_be_path: bool) -> Span | None:
    """`A..B`, `A...B` (from their merge base), one revision, or what git makes two of; None for anything else."""
    if ".." in word and not (word == ".." and may_be_path):  # git, revision.c: ".." alone is the folder above
        first, dots, last = _halves(word)
        base, end = lookup(git, first), lookup(git, last)
        if base and end:
            return _from_merge_base(git, word, base, end) if dots == "..." else Span((base, end))
    if found := lookup(git, word):
        return Span((found,))
    if word.startswith("^"):
        found = lookup(git, word[1:])
        return Span((found,), left_out=True) if found else None
    parts = _COMMIT_ALONE.fullmatch(word)
    oid = lookup_commit(git, parts[1]) if parts else None
    return _from_parent(git, word, parts[1], oid, parts[2]) if parts and oid else None


def _from_parent(git: Runner, word: str, rev: str, oid: str, number: str | None) -> Span:
    """A commit and the parent that `A^-N` names; `A^!` names all of them, which is a change only where there is one."""
    parents = git.ask("rev-list", "--parents", "-n", "1", oid).decode().split()[1:]
    at = int(number or 1) - 1
    if at >= len(parents) or (word.endswith("!") and len(parents) > 1):
        have = f"{len(parents)} parents" if len(parents) != 1 else "one parent"
        name = visible_line(rev)
        raise RepoError(f"'{visible_line(word)}' is no single change: {name} has {have}", f"reviewbot show {name}")
    return Span((parents[at], oid))


def _halves(word: str) -> tuple[str, str, str]:
    dots = "..." if "..." in word else ".."
    first, _, last = word.partition(dots)
    return first or "HEAD", dots, last or "HEAD"


def _unknown_word(git: Runner, word: str) -> RepoError:
    if ".." in word:
        first, _, last = _halves(word)
        word = first if lookup(git, first) is None else last
    return unknown(git, word)


def _from_merge_base(git: Runner, word: str, first: str, last: str) -> Span:
    answer = git.run("merge-base", "--all", first, last)
    bases = answer.stdout.decode().split()
    if not bases:
        shallow = git.ask("rev-parse", "--is-shallow-repository") == b"true\n"
        raise RepoError(
            f"{visible_line(word)}: the two have no common ancestor" + (" in this shallow clone" if shallow else ""),
            "git fetch --unshallow" if shallow else f"reviewbot diff {visible_line(word.replace('...', '..'))}",
        )
    several = f"{visible_line(word)} has {len(bases)} merge bases; {bases[0][:12]} is used"
    return Span((bases[0], last), (several,) if len(bases) > 1 else ())


def push_base(git: Runner, head: str, theirs: str, remote: str) -> tuple[str | None, bool]:
    """Where the review of a push begins, and whether other remotes had to tell.

    It is the remote's commit, or the merge base with what is known of the remote; of all remotes, where nothing is
    known of that one, as when an address was typed, or a fork is pushed to for the first time. None where there is
    nothing in common: the whole history is new.
    """
    known = None if ZERO.fullmatch(theirs) else lookup_commit(git, theirs)
    if known and git.run("merge-base", "--is-ancestor", known, head).status == 0:
        return known, False
    of_it = _tips(git, f"refs/remotes/{remote}/") + ([known] if known else [])
    others = [] if of_it else _tips(git, "refs/remotes/")
    tips = list(dict.fromkeys(of_it or others))
    answer = git.run("merge-base", head, *tips) if tips else None
    return (answer.stdout.decode().split()[0] if answer and answer.status == 0 else None), bool(others)


def _tips(git: Runner, refs: str) -> list[str]:
    return git.ask("for-each-ref", "--format=%(objectname)", refs).decode().split()
