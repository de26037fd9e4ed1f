"""Ask git; the only importer of GitPython.

Every diff is asked for in one fixed dialect, whatever the user's git is configured to do, and no configured command
runs: no external diff, textconv, pager, fsmonitor, filter or merge driver. Nothing is written to the repository:
not even the index is refreshed. Nothing is fetched: a blob that a partial clone lacks is an error.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from reviewbot.errors import RepoError
from reviewbot.text import visible, visible_line


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


# What would change the dialect, run a command or write to the index.
_SWITCHES = (
    *("-c", "core.quotePath=false"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.pager=cat"),
    *("-c", "core.attributesFile=/dev/null"),
    *("-c", "diff.autoRefreshIndex=false"),
    *("-c", "diff.suppressBlankEmpty=false"),
    *("-c", "diff.statGraphWidth=0"),
)
_DIALECT = (
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--find-renames",
    "-l1000",
    "-O/dev/null",
    "--no-relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    "--ignore-submodules=dirty",
    "--full-index",
)
# Neutral values for what would change the dialect or run a command (GIT_DIFF_OPTS overrides --unified: git, diff.c).
# GIT_NO_LAZY_FETCH is known from git 2.44 on; a list of protocols that allows none stops older ones as well.
_ENVIRONMENT = {
    "GIT_EXTERNAL_DIFF": "",
    "GIT_DIFF_OPTS": "",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_NOGLOB_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}

_ZERO = re.compile(r"0+")
_MISSING = re.compile(
    r"(?:could not fetch|unable to read(?: tree)?|missing (?:blob|tree) object|bad object)\W+([0-9a-f]{40,64})"
    r"|promisor remote|transport '\w+' not allowed"
)
MERGE_TREE_SINCE = (2, 38)


def staged_is_empty(cwd: str | None = None) -> bool:
    """Whether nothing at all is staged; False whenever that is not certain.

    One bare process, because this is asked at every commit before anything heavy is imported.
    """
    import subprocess

    command = ["git", *_SWITCHES, "diff", "--cached", "--quiet", "--no-ext-diff", "--no-textconv"]
    try:
        done = subprocess.run(
            [*command, "--ignore-submodules=dirty"], cwd=cwd, env={**os.environ, **_ENVIRONMENT}, capture_output=True
        )
    except OSError:
        return False
    return done.returncode == 0


def open_repository(cwd: str | None = None) -> "Repository":
    """The repository around a folder (default: the current one); RepoError outside one or without git."""
    return Repository(cwd or os.getcwd())


class _Answer(NamedTuple):
    status: int
    stdout: bytes
    stderr: str


class _Merge(NamedTuple):
    """The automatic merge of two commits: a tree, the environment in which git finds it, and what to say of it."""

    tree: str
    env: Mapping[str, str] = {}
    note: str | None = None


class Repository:
    """One repository, asked through git; every method raises RepoError when git refuses."""

    def __init__(self, cwd: str) -> None:
        self._cwd = cwd
        self._git = _load_git()
        out = self._ask(
            "rev-parse", "--absolute-git-dir", "--git-common-dir", "--is-bare-repository", "--is-inside-work-tree",
            "--git-path", "hooks",
        )  # fmt: skip
        git_dir, common, bare, inside, hooks = out.decode("utf-8", "surrogateescape").rstrip("\n").split("\n")
        self.git_dir = git_dir
        self.common_dir = os.path.abspath(os.path.join(cwd, common))
        self.hooks_dir = os.path.abspath(os.path.join(cwd, os.path.expanduser(hooks)))
        self.root: str | None = None
        if inside == "true":
            top = self._ask("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape")
            self.root = top.rstrip("\n")
        self._bare = bare == "true"

    @property
    def hooks_path_configured(self) -> bool:
        """Whether core.hooksPath names the folder of the hooks."""
        return self._run("config", "--get", "core.hooksPath").status == 0

    @property
    def git_version(self) -> tuple[int, ...]:
        """git's version, such as (2, 39, 5)."""
        found = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", self._ask("version"))
        return tuple(int(part) for part in found.groups() if part) if found else (0,)

    # --- selections

    def select(self, args: Sequence[str], paths: Sequence[str] | None, *, staged: bool) -> Change:
        """What `git diff [--staged] ARGS [-- PATHS]` shows; without `--` (`paths` None) ARGS may end in paths."""
        revisions, paths = self._disambiguate(list(args), paths)
        if staged:
            return self._staged(revisions, paths)
        if not revisions or (len(revisions) == 1 and ".." not in revisions[0]):
            return self._worktree(revisions, paths)
        base, head = self._range(revisions)
        return self._tree_diff(base, head, "range", paths)

    def between(self, base: str, head: str) -> Change:
        """The difference of two revisions."""
        return self._tree_diff(self._resolve(base), self._resolve(head), "range", ())

    def whole_history(self, head: str = "HEAD") -> Change:
        """Everything that a revision holds, as added."""
        return self._tree_diff(self._empty_tree(), self._resolve(head), "range", ())

    def commit(self, rev: str = "HEAD", *, first_parent: bool = False) -> Change:
        """One commit against its parent; a merge against the automatic merge of its parents, unless `first_parent`."""
        oid = self._resolve(rev)
        parents = self._ask("rev-list", "--parents", "-n", "1", oid).decode().split()[1:]
        if not parents:
            return self._tree_diff(self._empty_tree(), oid, "commit", ())
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
        ours = self._resolve("HEAD")
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
            if _ZERO.fullmatch(local):
                continue
            head = self._resolve(local)
            base = self._push_base(head, theirs, remote)
            if base == head:
                continue
            changes.setdefault((base, head), self._tree_diff(base, head, "range", ()))
        return tuple(changes.values())

    def read_at(self, rev: str, path: bytes) -> bytes | None:
        """A file as a revision has it, or None."""
        answer = self._run("cat-file", "blob", f"{rev}:{path.decode('utf-8', 'surrogateescape')}")
        return answer.stdout if answer.status == 0 else None

    # --- how git is asked

    def _run(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        switches: Sequence[str] = (),
        stdin: bytes = b"",
    ) -> _Answer:
        with tempfile.TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            try:
                status, out, err = self._git.Git(self._cwd).execute(
                    ["git", *_SWITCHES, *switches, *args],
                    istream=file,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    env={**_ENVIRONMENT, **(env or {})},
                )
            except self._git.GitCommandNotFound as error:
                raise _no_git() from error
        text = err.decode("utf-8", "replace") if isinstance(err, bytes) else str(err)
        return _Answer(int(status), bytes(out), text.strip())

    def _ask(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        switches: Sequence[str] = (),
        stdin: bytes = b"",
    ) -> bytes:
        answer = self._run(*args, env=env, switches=switches, stdin=stdin)
        if answer.status:
            raise _refusal(answer.stderr)
        return answer.stdout

    def _diff(
        self,
        args: Sequence[str],
        paths: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        switches: Sequence[str] = (),
    ) -> bytes:
        """The diff, with the text of files that only an attribute makes binary."""

        def ask(*more: str, paths: Sequence[str]) -> bytes:
            return self._ask("diff", *_DIALECT, *more, *args, "--", *paths, env=env, switches=switches)

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
        out = self._ask("check-attr", "-z", "--stdin", attribute, stdin=b"".join(name + b"\0" for name in names))
        fields = out.split(b"\0")
        return [(fields[i], fields[i + 2].decode("utf-8", "replace")) for i in range(0, len(fields) - 2, 3)]

    # --- the parts of selections

    def _staged(self, revisions: Sequence[str], paths: Sequence[str]) -> Change:
        if len(revisions) > 1:
            raise RepoError("--staged compares the index with one revision", "reviewbot diff --staged HEAD")
        self._need_work_tree()
        base = self._resolve(revisions[0]) if revisions else self._head()
        return Change(Source("staged", base), self._diff(["--cached", *([base] if base else [])], paths))

    def _worktree(self, revisions: Sequence[str], paths: Sequence[str]) -> Change:
        """Files with a filter attribute are left out: their text is what a configured command makes of it."""
        self._need_work_tree()
        base = [self._resolve(revisions[0])] if revisions else []
        switches = self._without_filters()
        names = self._ask("diff", *_DIALECT, "--name-only", "-z", *base, "--", *paths, switches=switches).split(b"\0")
        filtered = [
            (name, f"its filter {value!r} is a configured command, which is not run")
            for name, value in self._attributes("filter", [name for name in names if name])
            if value not in ("unspecified", "unset")
        ]
        left_out = [_pathspec(name, exclude=True) for name, _ in filtered]
        where = [*(paths or (":/",)), *left_out] if left_out else paths
        diff = self._diff(base, where, switches=switches)
        return Change(Source("worktree", base[0] if base else self._head()), diff, (), tuple(filtered))

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
                    self._ask("rev-parse", "--git-path", "objects").decode("utf-8", "surrogateescape").rstrip("\n")
                )
                alternates = [os.path.abspath(os.path.join(self._cwd, objects))]
                alternates += filter(None, [os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")])
                env = {
                    "GIT_OBJECT_DIRECTORY": folder,
                    "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(alternates),
                }
                answer = self._run(
                    "merge-tree", "--write-tree", "--no-messages", *parents, env=env, switches=self._plain_merges()
                )
                if answer.status in (0, 1) and answer.stdout:
                    yield _Merge(answer.stdout.split(b"\n", 1)[0].decode(), env)
                elif "unrelated histories" in answer.stderr:
                    yield first._replace(note=f"{first.note}the histories are unrelated")
                else:
                    raise _refusal(answer.stderr)

    def _plain_merges(self) -> list[str]:
        """Switches that put git's own three-way merge in the place of every configured merge driver."""
        return self._override("merge", {"driver": "git merge-file --quiet --marker-size=%L %A %O %B"})

    def _without_filters(self) -> list[str]:
        """Switches that disarm every configured filter."""
        return self._override("filter", {"clean": "", "smudge": "", "process": "", "required": "false"})

    def _override(self, section: str, values: Mapping[str, str]) -> list[str]:
        answer = self._run("config", "-z", "--name-only", "--get-regexp", rf"^{section}\..*\.({'|'.join(values)})$")
        keys = answer.stdout.decode("utf-8", "surrogateescape").split("\0")
        names = dict.fromkeys(key[len(section) + 1 : key.rindex(".")] for key in keys if key)
        for name in names:
            if "=" in name:  # `-c` ends the key at the first `=`
                raise RepoError(f"the configuration has a {section} driver with `=` in its name", "rename it")
        return [
            part
            for name in names
            for key, value in values.items()
            for part in ("-c", f"{section}.{name}.{key}={value}")
        ]

    # --- revisions

    def _resolve(self, rev: str) -> str:
        found = self._lookup(rev)
        if found is None:
            raise RepoError(f"git knows no revision {visible_line(rev)!r}", "git log --oneline --all")
        return found

    def _lookup(self, rev: str) -> str | None:
        """The id of a commit, or of a tree, that a revision names."""
        if rev.startswith("-") or not rev:
            return None
        for kind in ("commit", "tree"):
            answer = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{{kind}}}")
            if answer.status == 0:
                return answer.stdout.decode().split()[-1]
        return None

    def _head(self) -> str | None:
        return self._lookup("HEAD")

    def _empty_tree(self) -> str:
        """Its id differs between SHA-1 and SHA-256 repositories."""
        return self._ask("hash-object", "-t", "tree", "--stdin").decode().strip()

    def _disambiguate(self, args: list[str], paths: Sequence[str] | None) -> tuple[list[str], list[str]]:
        """Revisions, then paths, as git tells them apart where no `--` does."""
        if paths is not None:
            return args, list(paths)
        count = 0
        while count < len(args) and self._is_revision(args[count]):
            count += 1
        for path in args[count:]:
            if not (os.path.lexists(os.path.join(self._cwd, path)) or path.startswith(":")):
                raise RepoError(
                    f"{visible_line(path)!r} is neither a revision nor a path", "reviewbot diff REV -- PATH"
                )
        return args[:count], args[count:]

    def _is_revision(self, word: str) -> bool:
        ends = re.split(r"\.\.\.?", word) if ".." in word else [word]
        return len(ends) <= 2 and all(self._lookup(end or "HEAD") for end in ends)

    def _range(self, revisions: Sequence[str]) -> tuple[str, str]:
        if len(revisions) == 2:
            return self._resolve(revisions[0]), self._resolve(revisions[1])
        if len(revisions) > 2:
            raise RepoError("a change has two ends", "reviewbot diff A B")
        dots = "..." if "..." in revisions[0] else ".."
        base, _, head = revisions[0].partition(dots)
        first, last = self._resolve(base or "HEAD"), self._resolve(head or "HEAD")
        if dots == "...":
            answer = self._run("merge-base", first, last)
            if answer.status:
                raise RepoError(f"{visible_line(revisions[0])}: the two have no common ancestor", "reviewbot diff A..B")
            first = answer.stdout.decode().split()[0]
        return first, last

    def _push_base(self, head: str, theirs: str, remote: str) -> str:
        known = None if _ZERO.fullmatch(theirs) else self._lookup(theirs)
        if known and self._run("merge-base", "--is-ancestor", known, head).status == 0:
            return known
        refs = self._ask("for-each-ref", "--format=%(objectname)", f"refs/remotes/{remote}/").decode().split()
        others = refs + ([known] if known else [])
        answer = self._run("merge-base", head, *others) if others else None
        return answer.stdout.decode().split()[0] if answer and answer.status == 0 else self._empty_tree()

    def _need_work_tree(self) -> None:
        if self._bare and self.root is None:
            raise RepoError("a bare repository has neither an index nor a work tree", "reviewbot diff A..B")


def _pathspec(name: bytes, *, exclude: bool = False) -> str:
    magic = "exclude,top,literal" if exclude else "top,literal"
    return f":({magic}){name.decode('utf-8', 'surrogateescape')}"


def _load_git() -> Any:
    """GitPython, which runs `git version` when it is imported and complains when there is no git."""
    before = os.environ.get("GIT_PYTHON_REFRESH")
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    try:
        import git
    finally:
        if before is None:
            del os.environ["GIT_PYTHON_REFRESH"]
        else:
            os.environ["GIT_PYTHON_REFRESH"] = before
    return git


def _no_git() -> RepoError:
    return RepoError("git cannot be run: it is not installed, or not in PATH", "git --version")


def _refusal(stderr: str) -> RepoError:
    """git's refusal as an error of ours, with git's own hint where it has one."""
    if "not a git repository" in stderr.lower():
        return RepoError("this folder is in no git repository", "cd to a repository, or: git diff | reviewbot diff -")
    if "dubious ownership" in stderr:
        hint = next((line.strip() for line in stderr.split("\n") if "safe.directory" in line), None)
        return RepoError(stderr.split("\n")[0].removeprefix("fatal: "), hint)
    missing = _MISSING.search(stderr)
    if missing:
        oid = next((group for group in missing.groups() if group), "")
        return RepoError(
            f"this is a partial clone that lacks {oid or 'an object'}, and reviewbot fetches nothing by itself",
            f"git fetch origin {oid}".strip(),
        )
    lines = [line for line in stderr.split("\n") if line.startswith(("fatal: ", "error: "))] or [stderr]
    return RepoError(f"git refuses: {visible(lines[0]).removeprefix('fatal: ').removeprefix('error: ')}")
