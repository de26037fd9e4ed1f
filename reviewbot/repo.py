"""The changes that a repository holds, each as one diff.

Every diff is asked for in one fixed dialect, whatever the user's git is configured to do, and no configured command
runs: no external diff, textconv, pager, fsmonitor, filter or merge driver. Nothing is written to the repository:
not even the index is refreshed. Nothing is fetched: a blob that a partial clone lacks is an error.
"""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from reviewbot import revisions
from reviewbot.base import AtBase, read_base
from reviewbot.blobs import read_blobs, read_followed, read_regular_file
from reviewbot.difftext import ONLY_TRACKED_ATTRIBUTES, Query, Text, read_diff, read_work_tree
from reviewbot.errors import RepoError
from reviewbot.gitrun import MissingObjects, Runner
from reviewbot.layers import current_folder
from reviewbot.merges import automatic_merge, heads_in_progress
from reviewbot.text import visible_line

MERGE_TREE_SINCE = (2, 38)
MAX_FILE_BYTES = 1024 * 1024


class Source(NamedTuple):
    """What was reviewed. `kind` is staged, worktree, range, commit or stdin; `base` and `head` are object ids."""

    kind: str
    base: str | None = None
    head: str | None = None


class Change(NamedTuple):
    """A diff in git's fixed dialect; `unreadable` names files (git's bytes) that cannot be read safely, and why."""

    source: Source
    diff: bytes
    notes: tuple[str, ...] = ()
    unreadable: tuple[tuple[bytes, str], ...] = ()


def open_repository(cwd: str | None = None) -> "Repository":
    """The repository around a folder (default: the current one); RepoError outside one or without git."""
    return Repository(cwd or current_folder())


class Repository:
    """One repository, asked through git; every method raises RepoError when git refuses.

    `root` is the work tree (None in a bare repository), `hooks_dir` honours core.hooksPath. All paths are absolute.
    """

    def __init__(self, cwd: str) -> None:
        if not os.path.isdir(cwd):
            raise RepoError(f"{visible_line(cwd)} is no folder")
        self._git = Runner(cwd)
        git_dir, common, hooks, bare, up = _answers(
            self._git,
            ("--absolute-git-dir",),
            ("--git-common-dir",),
            ("--git-path", "hooks"),
            ("--is-bare-repository",),
            ("--show-cdup",),
        )
        self.git_dir = git_dir
        self.common_dir = os.path.abspath(os.path.join(cwd, common))
        self.hooks_dir = os.path.abspath(os.path.join(cwd, hooks))
        self.root = _work_tree(self._git)
        self._bare = bare == "true"
        self._up = up

    @property
    def hooks_path_configured(self) -> bool:
        """Whether core.hooksPath names the folder of the hooks."""
        return self._git.run("config", "--get", "core.hooksPath").status == 0

    def git_setting(self, key: str, kind: str) -> str | None:
        """A value of git's own configuration that holds here, None where there is none; `kind` is a type that
        `git config --type` knows."""
        answer = self._git.run("config", f"--type={kind}", "--get", key)
        return os.fsdecode(answer.stdout.removesuffix(b"\n")) if answer.status == 0 else None

    def tracked(self, folder: str) -> frozenset[str]:
        """The names of the files in a folder that git tracks; none where it is outside the work tree, or in .git."""
        answer = self._git.run("--literal-pathspecs", "-C", folder, "ls-files", "-z", "--", ".")
        names = os.fsdecode(answer.stdout).split("\0") if answer.status == 0 else []
        return frozenset(name for name in names if name and "/" not in name)

    @property
    def git_version(self) -> tuple[int, ...]:
        """git's version, such as (2, 39, 5)."""
        found = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", self._git.ask("version"))
        return tuple(int(part) for part in found.groups() if part) if found else (0,)

    def select(self, args: Sequence[str], paths: Sequence[str] | None, *, staged: bool) -> Change:
        """What `git diff [--staged] ARGS [-- PATHS]` shows; without `--` (`paths` None) ARGS may end in paths."""
        span, where = revisions.split_words(self._git, args, paths)
        if staged:
            return self._staged(span, where)
        if len(span.ids) < 2:
            return self._worktree(span, where)
        base, head = span.ids
        return self._tree_diff(base, head, "range", where, span.notes)

    def whole_history(self, head: str = "HEAD") -> Change:
        """Everything that a revision holds, as added."""
        return self._tree_diff(revisions.empty_tree(self._git), revisions.resolve(self._git, head), "range")

    def commit(self, rev: str = "HEAD", *, first_parent: bool = False) -> Change:
        """One commit against its parent; a merge against the automatic merge of its parents, unless `first_parent`."""
        oid = revisions.lookup_commit(self._git, rev)
        if oid is None:
            raise revisions.unknown(self._git, rev)
        parents = self._git.ask("rev-list", "--parents", "-n", "1", oid).decode().split()[1:]
        if not parents:
            cut = f"this shallow clone ends at {oid[:12]}: everything that it holds counts as added"
            notes = (cut,) if self._is_cut_at(oid) else ()
            return self._tree_diff(revisions.empty_tree(self._git), oid, "commit", (), notes)
        if len(parents) == 1 or first_parent:
            return self._tree_diff(parents[0], oid, "commit")
        return self._against_merge(parents, (oid,), Source("commit", parents[0], oid))

    def recent(self, count: int, *, everywhere: bool) -> dict[str, list[str]]:
        """The latest commits of HEAD, or of all branches and tags too, by their first parent ("" for none)."""
        tips = [*(["--all"] if everywhere else []), *(["HEAD"] if revisions.head(self._git) else [])]
        found: dict[str, list[str]] = {}
        rows = self._git.ask("rev-list", "--parents", f"--max-count={count}", *tips).decode() if tips else ""
        for commit, *parents in map(str.split, rows.splitlines()):
            found.setdefault(parents[0] if parents else "", []).append(commit)
        return found

    def merge(self) -> Change | None:
        """What is staged against the automatic merge, while a merge is in progress; None when there is none."""
        theirs = heads_in_progress(self.git_dir, os.environ)
        if not theirs:
            return None
        ours = revisions.resolve(self._git, "HEAD")
        return self._against_merge([ours, *theirs], ("--cached",), Source("staged", ours))

    def push(self, lines: bytes, remote: str) -> tuple[Change, ...]:
        """The changes that a push sends, from the lines that git gives a pre-push hook; equal diffs once.

        For each ref: from the remote's commit when that is an ancestor, else from the merge base with what is known
        of the remote, or of other remotes where nothing is; else the whole history. Deleted refs are left out.
        """
        changes: dict[bytes, Change] = {}
        for line in filter(None, lines.decode("utf-8", "surrogateescape").split("\n")):
            parts = line.rsplit(" ", 3)  # the first part is what was typed, which may have blanks
            if len(parts) != 4:
                raise RepoError("stdin does not hold the lines that git gives a pre-push hook", "git push")
            change = None if revisions.ZERO.fullmatch(parts[1]) else self._pushed(parts, remote)
            if change is not None:
                changes.setdefault(change.diff, change)
        return tuple(changes.values())

    def read_at(self, rev: str, path: bytes) -> bytes | None:
        """A file as a revision has it, or None where it has none; `path` is relative to the root."""
        if rev.startswith("-") or b"\0" in path:
            return None
        answer = self._git.run("cat-file", "blob", f"{rev}:{os.fsdecode(os.path.normpath(path))}")
        if answer.status:
            error = self._git.error(answer)
            if isinstance(error, MissingObjects):
                raise error
            return None
        return answer.stdout

    def read_followed(self, commit: str, path: bytes) -> bytes | None:
        """A file of a commit, or what a link leads to in it; None where it has none. `path` is relative to the root."""
        return read_followed(self._git, commit, path)

    def merge_base(self, commit: str, other: str) -> str | None:
        """The best common ancestor of two commits; None where this clone knows none."""
        answer = self._git.run("merge-base", commit, other)
        return answer.stdout.decode().split()[0] if answer.status == 0 else None

    def find_commit(self, rev: str) -> str | None:
        """The commit that a revision names; None where it names none here."""
        return revisions.lookup_commit(self._git, rev)

    @property
    def is_shallow(self) -> bool:
        """Whether this clone has a part of the history only."""
        return os.path.exists(os.path.join(self.common_dir, "shallow"))

    def is_cut(self, commit: str, other: str) -> bool:
        """Whether parents are missing here of what only one of two commits has: then the two may have more in common
        than this clone can tell."""
        if not self.is_shallow:
            return False
        with open(os.path.join(self.common_dir, "shallow"), encoding="ascii") as file:
            cut = set(file.read().split())
        return not cut.isdisjoint(self._git.ask("rev-list", f"{commit}...{other}").decode().split())

    def between(self, base: str, head: str) -> Change:
        """What one commit has that another one has not."""
        return self._tree_diff(base, head, "range")

    def at_base(self, source: Source, files: Sequence[tuple[bytes, bytes | None]]) -> dict[bytes, AtBase]:
        """What held for files (new and old name) before a change, by new name; nothing where it has no base."""
        if source.base is None:
            return {}
        return read_base(self._git, source.base, files, os.path.join(self.common_dir, "info", "attributes"), self._up)

    def after(self, source: Source, names: Sequence[bytes]) -> dict[bytes, bytes]:
        """The beginnings of files as a change leaves them, up to MAX_FILE_BYTES each; by name, without those that
        cannot be read."""
        if not names or source.kind == "stdin":
            return {}
        if source.kind == "worktree":
            assert self.root is not None
            found = (
                (name, read_regular_file(os.path.join(os.fsencode(self.root), name), MAX_FILE_BYTES)) for name in names
            )
            return {name: content for name, content in found if content is not None}
        blobs = read_blobs(self._git, source.head or ":0", dict.fromkeys(names, MAX_FILE_BYTES))
        return {name: blob.content for name, blob in blobs.items()}

    # --- the parts of selections

    def _staged(self, span: revisions.Span, paths: Sequence[str]) -> Change:
        if len(span.ids) > 1:
            raise RepoError("--staged compares the index with one revision", "reviewbot diff --staged HEAD")
        self._need_work_tree()
        base = span.ids[0] if span.ids else revisions.head(self._git)
        text = read_diff(self._git, self._query(("--cached", *filter(None, [base])), paths))
        return _change(Source("staged", base), text)

    def _worktree(self, span: revisions.Span, paths: Sequence[str]) -> Change:
        """Against the index, or one revision. `-0`: no combined diff of a conflicted file, but its name."""
        self._need_work_tree()
        query = self._query(span.ids or ("-0",), paths)._replace(switches=())
        text = read_work_tree(self._git, query)
        return _change(Source("worktree", span.ids[0] if span.ids else revisions.head(self._git)), text)

    def _tree_diff(
        self, base: str, head: str, kind: str, paths: Sequence[str] = (), notes: tuple[str, ...] = ()
    ) -> Change:
        return _change(Source(kind, base, head), read_diff(self._git, self._query((base, head), paths)), notes)

    def _against_merge(self, parents: Sequence[str], what: tuple[str, ...], source: Source) -> Change:
        has_merge_tree = self.git_version >= MERGE_TREE_SINCE
        with automatic_merge(self._git, parents, has_merge_tree=has_merge_tree) as merge:
            args = (*what, merge.tree) if what[0].startswith("-") else (merge.tree, *what)
            text = read_diff(self._git, self._query(args)._replace(env=merge.env))
        return _change(source, text, (merge.note,) if merge.note else ())

    def _pushed(self, parts: Sequence[str], remote: str) -> Change | None:
        """The change of one pushed ref; None when the remote has it all."""
        head = revisions.lookup_commit(self._git, parts[1])
        if head is None:
            note = f"{visible_line(parts[2])} names no commit, so there is no change to review"
            return Change(Source("range"), b"", (note,))
        base, from_others = revisions.push_base(self._git, head, parts[3], remote)
        if base is None:
            note = f"nothing is known of {visible_line(remote)}: the whole history of {visible_line(parts[2])} is new"
            return self._tree_diff(revisions.empty_tree(self._git), head, "range", (), (note,))
        if base == head:
            return None
        note = f"nothing is known of {visible_line(remote)}: what other remotes have of {visible_line(parts[2])} is old"
        return self._tree_diff(base, head, "range", (), (note,) if from_others else ())

    def _query(self, args: tuple[str, ...], paths: Sequence[str] = ()) -> Query:
        return Query(args, tuple(paths), switches=ONLY_TRACKED_ATTRIBUTES, up=self._up)

    def _is_cut_at(self, oid: str) -> bool:
        try:
            with open(os.path.join(self.common_dir, "shallow"), encoding="ascii") as file:
                return oid in file.read().split()
        except FileNotFoundError:
            return False

    def _need_work_tree(self) -> None:
        if self._bare and self.root is None:
            raise RepoError("a bare repository has neither an index nor a work tree", "reviewbot diff A..B")


def _change(source: Source, text: Text, notes: tuple[str, ...] = ()) -> Change:
    return Change(source, text.diff, notes, text.unreadable)


def _answers(git: Runner, *questions: tuple[str, ...]) -> list[str]:
    """What `git rev-parse` says to each question, in one process unless a path has a line end in it."""
    lines = os.fsdecode(git.ask("rev-parse", *(word for question in questions for word in question))).split("\n")
    if len(lines) == len(questions) + 1:
        return lines[:-1]
    return [git.ask_path("rev-parse", *question) for question in questions]


def _work_tree(git: Runner) -> str | None:
    answer = git.run("rev-parse", "--show-toplevel")
    if answer.status and "work tree" not in answer.stderr:
        raise git.error(answer)
    return os.fsdecode(answer.stdout.removesuffix(b"\n")) if answer.status == 0 else None
