"""The changes that a repository holds, each as one diff.

Every diff is asked for in one fixed dialect, whatever the user's git is configured to do, and no configured command
runs: no external diff, textconv, pager, fsmonitor, filter or merge driver. Nothing is written to the repository:
not even the index is refreshed. Nothing is fetched: a blob that a partial clone lacks is an error.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from reviewbot import revisions
from reviewbot.errors import RepoError
from reviewbot.gitrun import DIALECT, Runner, refusal


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


MERGE_TREE_SINCE = (2, 38)


def open_repository(cwd: str | None = None) -> "Repository":
    """The repository around a folder (default: the current one); RepoError outside one or without git."""
    return Repository(cwd or os.getcwd())


class _Merge(NamedTuple):
    """The automatic merge of two commits: a tree, the environment in which git finds it, and what to say of it."""

    tree: str
    env: Mapping[str, str] = {}
    note: str | None = None


class Repository:
    """One repository, asked through git; every method raises RepoError when git refuses."""

    def __init__(self, cwd: str) -> None:
        self._git = Runner(cwd)
        out = self._git.ask(
            "rev-parse", "--absolute-git-dir", "--git-common-dir", "--is-bare-repository", "--is-inside-work-tree",
            "--git-path", "hooks",
        )  # fmt: skip
        git_dir, common, bare, inside, hooks = out.decode("utf-8", "surrogateescape").rstrip("\n").split("\n")
        self.git_dir = git_dir
        self.common_dir = os.path.abspath(os.path.join(cwd, common))
        self.hooks_dir = os.path.abspath(os.path.join(cwd, os.path.expanduser(hooks)))
        self.root: str | None = None
        if inside == "true":
            top = self._git.ask("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape")
            self.root = top.rstrip("\n")
        self._bare = bare == "true"

    @property
    def hooks_path_configured(self) -> bool:
        """Whether core.hooksPath names the folder of the hooks."""
        return self._git.run("config", "--get", "core.hooksPath").status == 0

    @property
    def git_version(self) -> tuple[int, ...]:
        """git's version, such as (2, 39, 5)."""
        found = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", self._git.ask("version"))
        return tuple(int(part) for part in found.groups() if part) if found else (0,)

    # --- selections

    def select(self, args: Sequence[str], paths: Sequence[str] | None, *, staged: bool) -> Change:
        """What `git diff [--staged] ARGS [-- PATHS]` shows; without `--` (`paths` None) ARGS may end in paths."""
        revs, where = revisions.disambiguate(self._git, list(args), paths)
        if staged:
            return self._staged(revs, where)
        if not revs or (len(revs) == 1 and ".." not in revs[0]):
            return self._worktree(revs, where)
        base, head = revisions.range_ends(self._git, revs)
        return self._tree_diff(base, head, "range", where)

    def between(self, base: str, head: str) -> Change:
        """The difference of two revisions."""
        return self._tree_diff(revisions.resolve(self._git, base), revisions.resolve(self._git, head), "range", ())

    def whole_history(self, head: str = "HEAD") -> Change:
        """Everything that a revision holds, as added."""
        return self._tree_diff(revisions.empty_tree(self._git), revisions.resolve(self._git, head), "range", ())

    def commit(self, rev: str = "HEAD", *, first_parent: bool = False) -> Change:
        """One commit against its parent; a merge against the automatic merge of its parents, unless `first_parent`."""
        oid = revisions.resolve(self._git, rev)
        parents = self._git.ask("rev-list", "--parents", "-n", "1", oid).decode().split()[1:]
        if not parents:
            return self._tree_diff(revisions.empty_tree(self._git), oid, "commit", ())
        if len(parents) == 1 or first_parent:
            return self._tree_diff(parents[0], oid, "commit", ())
        with self._automatic_merge(parents) as merge:
            diff = self._diff([merge.tree, oid], env=merge.env)
        return Change(Source("commit", parents[0], oid), diff, (merge.note,) if merge.note else ())

    def merge(self) -> Change | None:
        """What is staged against the automatic merge, while a merge is in progress; None when there is none."""
        heads = os.path.join(self.git_dir, "MERGE_HEAD")
        if not os.path.exists(heads):
            return None
        with open(heads, encoding="ascii") as file:
            others = file.read().split()
        ours = revisions.resolve(self._git, "HEAD")
        with self._automatic_merge([ours, *others]) as merge:
            diff = self._diff(["--cached", merge.tree], env=merge.env)
        return Change(Source("staged", ours, None), diff, (merge.note,) if merge.note else ())

    def push(self, lines: bytes, remote: str) -> tuple[Change, ...]:
        """The changes that a push sends, from the lines that git gives a pre-push hook; equal ones once.

        For each ref: from the remote's commit when that is an ancestor, else from the merge base with what is known
        of the remote, else the whole history. Deleted refs are left out.
        """
        changes: dict[tuple[str | None, str | None], Change] = {}
        for line in lines.decode("utf-8", "surrogateescape").splitlines():
            parts = line.split(" ")
            if len(parts) != 4:
                raise RepoError("stdin does not hold the lines that git gives a pre-push hook", "git push")
            _, local, _, theirs = parts
            if revisions.ZERO.fullmatch(local):
                continue
            head = revisions.resolve(self._git, local)
            base = revisions.push_base(self._git, head, theirs, remote)
            if base == head:
                continue
            changes.setdefault((base, head), self._tree_diff(base, head, "range", ()))
        return tuple(changes.values())

    def read_at(self, rev: str, path: bytes) -> bytes | None:
        """A file as a revision has it, or None."""
        answer = self._git.run("cat-file", "blob", f"{rev}:{path.decode('utf-8', 'surrogateescape')}")
        return answer.stdout if answer.status == 0 else None

    def _diff(
        self,
        args: Sequence[str],
        paths: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        switches: Sequence[str] = (),
    ) -> bytes:
        """The diff, with the text of files that only an attribute makes binary."""

        def ask(*more: str, paths: Sequence[str]) -> bytes:
            return self._git.ask("diff", *DIALECT, *more, *args, "--", *paths, env=env, switches=switches)

        data = ask(paths=paths)
        texts = {name: ask("--text", paths=[_pathspec(name)]) for name in self._binary_by_attribute(data)}
        readable = {name: text for name, text in texts.items() if b"\0" not in text}
        if not readable:
            return data
        others = [*(paths or (":/",)), *(_pathspec(name, exclude=True) for name in readable)]
        return ask(paths=others) + b"".join(readable.values())

    def _binary_by_attribute(self, data: bytes) -> list[bytes]:
        """The files that the diff calls binary because an attribute says so."""
        if b"\nBinary files " not in data:
            return []
        from reviewbot.diff import parse_diff

        names = [change.raw_path for change in parse_diff(data) if change.binary and not change.deleted]
        return [name for name, value in self._attributes("diff", names) if value not in ("unspecified", "set")]

    def _attributes(self, attribute: str, names: Sequence[bytes]) -> list[tuple[bytes, str]]:
        if not names:
            return []
        out = self._git.ask("check-attr", "-z", "--stdin", attribute, stdin=b"".join(name + b"\0" for name in names))
        fields = out.split(b"\0")
        return [(fields[i], fields[i + 2].decode("utf-8", "replace")) for i in range(0, len(fields) - 2, 3)]

    # --- the parts of selections

    def _staged(self, revs: Sequence[str], paths: Sequence[str]) -> Change:
        if len(revs) > 1:
            raise RepoError("--staged compares the index with one revision", "reviewbot diff --staged HEAD")
        self._need_work_tree()
        base = revisions.resolve(self._git, revs[0]) if revs else revisions.head(self._git)
        return Change(Source("staged", base), self._diff(["--cached", *([base] if base else [])], paths))

    def _worktree(self, revs: Sequence[str], paths: Sequence[str]) -> Change:
        """Files with a filter attribute are left out: their text is what a configured command makes of it."""
        self._need_work_tree()
        base = [revisions.resolve(self._git, revs[0])] if revs else []
        switches = self._without_filters()
        names = self._git.ask("diff", *DIALECT, "--name-only", "-z", *base, "--", *paths, switches=switches).split(
            b"\0"
        )
        filtered = [
            (name, f"its filter {value!r} is a configured command, which is not run")
            for name, value in self._attributes("filter", [name for name in names if name])
            if value not in ("unspecified", "unset")
        ]
        left_out = [_pathspec(name, exclude=True) for name, _ in filtered]
        where = [*(paths or (":/",)), *left_out] if left_out else paths
        diff = self._diff(base, where, switches=switches)
        return Change(Source("worktree", base[0] if base else revisions.head(self._git)), diff, (), tuple(filtered))

    def _tree_diff(self, base: str, head: str, kind: str, paths: Sequence[str]) -> Change:
        return Change(Source(kind, base, head), self._diff([base, head], paths))

    @contextmanager
    def _automatic_merge(self, parents: Sequence[str]) -> Iterator[_Merge]:
        """What git makes of the parents by itself, in a temporary object directory that lives as long as the block."""
        first = _Merge(parents[0], note="a merge is compared with its first parent: ")
        if len(parents) != 2:
            yield first._replace(note=f"{first.note}it has {len(parents)} parents")
        elif self.git_version < MERGE_TREE_SINCE:
            yield first._replace(note=f"{first.note}git below 2.38 cannot tell the automatic merge")
        else:
            with tempfile.TemporaryDirectory(prefix="reviewbot-") as folder:
                objects = (
                    self._git.ask("rev-parse", "--git-path", "objects").decode("utf-8", "surrogateescape").rstrip("\n")
                )
                alternates = [os.path.abspath(os.path.join(self._git.cwd, objects))]
                alternates += filter(None, [os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")])
                env = {
                    "GIT_OBJECT_DIRECTORY": folder,
                    "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(alternates),
                }
                answer = self._git.run(
                    "merge-tree", "--write-tree", "--no-messages", *parents, env=env, switches=self._plain_merges()
                )
                if answer.status in (0, 1) and answer.stdout:
                    yield _Merge(answer.stdout.split(b"\n", 1)[0].decode(), env)
                elif "unrelated histories" in answer.stderr:
                    yield first._replace(note=f"{first.note}the histories are unrelated")
                else:
                    raise refusal(answer.stderr)

    def _plain_merges(self) -> list[str]:
        """Switches that put git's own three-way merge in the place of every configured merge driver."""
        return self._git.override("merge", {"driver": "git merge-file --quiet --marker-size=%L %A %O %B"})

    def _without_filters(self) -> list[str]:
        """Switches that disarm every configured filter."""
        return self._git.override("filter", {"clean": "", "smudge": "", "process": "", "required": "false"})

    def _need_work_tree(self) -> None:
        if self._bare and self.root is None:
            raise RepoError("a bare repository has neither an index nor a work tree", "reviewbot diff A..B")


def _pathspec(name: bytes, *, exclude: bool = False) -> str:
    magic = "exclude,top,literal" if exclude else "top,literal"
    return f":({magic}){name.decode('utf-8', 'surrogateescape')}"
