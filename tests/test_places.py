"""Where git is asked from: folders, environments and errors; and that nothing is ever written there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from changes import added, make, oid, snapshot
from conftest import GitRepo

from reviewbot.errors import ExitCode, RepoError
from reviewbot.gitrun import Runner, staged_is_empty
from reviewbot.repo import Change, Repository, open_repository

ZERO = "0" * 40


def staged() -> Change:
    return open_repository().select([], None, staged=True)


# --- folders


@pytest.mark.parametrize("name", ["with space", "größe", "line\nbreak", 'quo"te', "-dash", b"latin\xe9", "a:b"])
def test_a_repository_in_a_folder_of_any_name(
    tmp_path: Path, name: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make(tmp_path / os.fsdecode(name))
    repo.stage("sub/a.py", "a\n")
    monkeypatch.chdir(repo.path / "sub")
    here = open_repository()
    assert added(staged()) == {"sub/a.py": [(1, "a")]}
    assert (here.root, here.git_dir, here.common_dir, here.hooks_dir) == (
        str(repo.path),
        str(repo.path / ".git"),
        str(repo.path / ".git"),
        str(repo.path / ".git" / "hooks"),
    )


@pytest.mark.parametrize("where", [".", "sub", "sub/deep"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, ".git/hooks", id="not configured"),
        pytest.param(".githooks", ".githooks", id="relative"),
        pytest.param("/shared/hooks", "/shared/hooks", id="absolute"),
        pytest.param("~/hooks", "{home}/hooks", id="home"),
        pytest.param("my hooks", "my hooks", id="blank"),
    ],
)
def test_hooks_are_where_git_looks_for_them(
    repo: GitRepo,
    where: str,
    value: str | None,
    expected: str,
    clean_environment: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (repo.path / "sub/deep").mkdir(parents=True)
    if value is not None:
        repo.git("config", "core.hooksPath", value)
    monkeypatch.chdir(repo.path / where)
    here = open_repository()
    assert here.hooks_dir == str(repo.path / expected.format(home=clean_environment))
    assert here.hooks_path_configured is (value is not None)


def test_in_a_linked_work_tree(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    monkeypatch.chdir(tmp_path / "linked")
    here = open_repository()
    assert here.root == str(tmp_path / "linked")
    assert here.git_dir == str(repo.path / ".git/worktrees/linked")
    assert here.common_dir == str(repo.path / ".git")
    assert here.hooks_dir == str(repo.path / ".git/hooks")


def test_inside_the_git_folder(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.stage("a.py", "a\n")
    monkeypatch.chdir(repo.path / ".git")
    assert open_repository().root is None
    assert added(staged()) == {"a.py": [(1, "a")]}
    with pytest.raises(RepoError, match="must be run in a work tree"):
        open_repository().select([], None, staged=False)


def test_a_bare_repository_with_linked_work_trees(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    GitRepo(tmp_path / "bare").git("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    linked = GitRepo(tmp_path / "linked")
    linked.stage("a.py", "a\n")
    monkeypatch.chdir(linked.path)
    assert added(staged()) == {"a.py": [(1, "a")]}
    monkeypatch.chdir(tmp_path / "bare")
    here = open_repository()
    assert (here.root, here.hooks_dir) == (None, str(tmp_path / "bare/hooks"))
    for is_staged in (True, False):
        with pytest.raises(RepoError, match="bare repository") as caught:
            here.select([], None, staged=is_staged)
        assert caught.value.hint == "reviewbot diff A..B"
    assert added(here.whole_history()) == {"README.md": [(1, "# sample")]}
    assert added(here.commit()) == {"README.md": [(1, "# sample")]}


# --- the environment


def test_the_index_that_the_environment_names(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.stage("a.py", "a\n")
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo.path / "other-index"))
    repo.git("read-tree", "HEAD")
    assert staged_is_empty()
    assert added(staged()) == {}
    repo.stage("b.py", "b\n")
    assert not staged_is_empty()
    assert added(staged()) == {"b.py": [(1, "b")]}


def test_a_relative_git_dir(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.stage("sub/a.py", "a\n")
    repo.write(".git/info/attributes", "* -diff\n")
    monkeypatch.chdir(repo.path / "sub")
    monkeypatch.setenv("GIT_DIR", "../.git")
    monkeypatch.setenv("GIT_WORK_TREE", "..")
    assert open_repository().root == str(repo.path)
    assert added(staged()) == {"sub/a.py": [(1, "a")]}


def test_no_variable_of_ours_reaches_the_environment(repo: GitRepo) -> None:
    before = dict(os.environ)
    staged()
    assert dict(os.environ) == before


# --- errors


def outside(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)


def wrong_git_dir(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "none"))


def no_git(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def somebody_else(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")


def broken_config(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write(".git/config", "[core\n")


def newer_format(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("config", "core.repositoryFormatVersion", "99")


@pytest.mark.parametrize(
    ("prepare", "message", "hint"),
    [
        (outside, "this folder is in no git repository", "cd to a repository, or: git diff | reviewbot diff -"),
        (wrong_git_dir, "{tmp}/none is no git repository", "unset GIT_DIR"),
        (no_git, "git cannot be run: it is not installed, or not in PATH", "git --version"),
        (
            somebody_else,
            "detected dubious ownership in repository at '{tmp}/repo'",
            "git config --global --add safe.directory {tmp}/repo",
        ),
        (broken_config, "git refuses: bad config line 1 in file .git/config", None),
        (newer_format, "git refuses: Expected git repo version <= 1, found 99", None),
    ],
)
def test_where_nothing_can_be_asked(
    repo: GitRepo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[GitRepo, Path, pytest.MonkeyPatch], None],
    message: str,
    hint: str | None,
) -> None:
    prepare(repo, tmp_path, monkeypatch)
    with pytest.raises(RepoError) as caught:
        open_repository()
    assert caught.value.message == message.format(tmp=tmp_path)
    assert caught.value.hint == (hint and hint.format(tmp=tmp_path))
    assert caught.value.exit_code is ExitCode.USAGE
    assert not staged_is_empty()


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match="is no folder"):
        open_repository(str(tmp_path / "none"))


def test_more_arguments_than_a_process_takes(repo: GitRepo) -> None:
    with pytest.raises(RepoError, match="git cannot be started: Argument list too long"):
        Runner(str(repo.path)).run("x" * 3_000_000)


# --- nothing is written


@pytest.fixture
def busy(repo: GitRepo) -> GitRepo:
    """A repository in the middle of a merge, with stale times, a filter, hidden text and a pushed branch."""
    repo.stage(".gitattributes", "*.bin filter=mine\n*.txt -diff\n")
    for name in ("b.bin", "c.txt", "touched.py"):
        repo.stage(name, "base\n")
    repo.conflict()
    repo.stage("a.py", "both\n")
    repo.stage("c.txt", "base\nmore\n")
    repo.git("config", "filter.mine.clean", "tr a b")
    repo.git("config", "core.splitIndex", "true")
    repo.git("config", "core.untrackedCache", "true")
    repo.git("config", "gc.auto", "1")
    repo.write("b.bin", "changed\n")
    os.utime(repo.path / "touched.py", (1, 1))
    return repo


COMMANDS: dict[str, Callable[[Repository], object]] = {
    "staged": lambda here: here.select([], None, staged=True),
    "work tree": lambda here: here.select([], None, staged=False),
    "work tree against a revision": lambda here: here.select(["main~1"], None, staged=False),
    "range": lambda here: here.select(["main~1...other"], None, staged=False),
    "merge": lambda here: here.merge(),
    "show": lambda here: here.commit(),
    "whole history": lambda here: here.whole_history(),
    "between": lambda here: here.select(["main", "other"], None, staged=False),
    "push": lambda here: here.push(f"refs/heads/main {here.commit().source.head} r {ZERO}\n".encode(), "origin"),
    "a file": lambda here: here.read_at("HEAD", b"a.py"),
    "hooks": lambda here: here.hooks_path_configured,
    "an error": lambda here: pytest.raises(RepoError, here.commit, "none"),
    "is anything staged": lambda here: staged_is_empty(),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_written(busy: GitRepo, command: str) -> None:
    before = snapshot(busy.path)
    COMMANDS[command](open_repository())
    assert snapshot(busy.path) == before


def test_the_snapshot_notices_what_git_diff_does_by_itself(busy: GitRepo) -> None:
    before = snapshot(busy.path)
    busy.git("diff")
    assert snapshot(busy.path) != before


# --- pushes


@pytest.fixture
def pushed(repo: GitRepo, tmp_path: Path) -> GitRepo:
    """A repository whose main is on the remote `origin`."""
    repo.git("init", "-q", "--bare", str(tmp_path / "remote.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    repo.git("push", "-q", "origin", "main")
    return repo


def push(*lines: str, remote: str = "origin") -> tuple[Change, ...]:
    return open_repository().push("".join(f"{line}\n" for line in lines).encode(), remote)


def test_what_a_real_push_hands_to_its_hook(pushed: GitRepo, tmp_path: Path) -> None:
    """A changed branch, one typed as an expression with blanks, a new tag on a pushed commit, and a deleted branch."""
    pushed.git("push", "-q", "origin", "main:gone")
    pushed.git("tag", "-a", "v1", "-m", "one")
    pushed.stage("a.py", "a\n")
    pushed.commit("a new file")
    pushed.stage("b.py", "b\n")
    pushed.commit("one more")
    seen = tmp_path / "seen"
    pushed.write(".git/hooks/pre-push", f'#!/bin/sh\ncat > "{seen}"\nexit 1\n').chmod(0o755)
    pushed.git("push", "-q", "origin", "main", "HEAD^{/a new}:refs/heads/x", "v1", ":gone", check=False)
    text = seen.read_bytes()
    assert b"\nHEAD^{/a new} " in b"\n" + text and b"(delete) " in text
    changes = open_repository().push(text, "origin")
    assert sorted(sorted(added(change)) for change in changes) == [["a.py"], ["a.py", "b.py"]]


def test_the_base_of_each_pushed_ref(pushed: GitRepo) -> None:
    old = oid(pushed)
    pushed.stage("a.py", "a\n")
    new = pushed.commit()
    for line, expected in {
        f"refs/heads/main {new} refs/heads/main {old}": (old, new),
        f"refs/heads/topic {new} refs/heads/topic {ZERO}": (old, new),
        f"refs/heads/main {new} refs/heads/main {'1' * 40}": (old, new),
        f"HEAD~0 with blanks {new} refs/heads/main {old}": (old, new),
    }.items():
        (change,) = push(line)
        assert (change.source, change.notes) == (("range", *expected), ())
    pushed.git("update-ref", "-d", "refs/remotes/origin/main")
    (change,) = push(f"refs/heads/main {new} refs/heads/main {ZERO}", remote="elsewhere")
    assert added(change) == {"README.md": [(1, "# sample")], "a.py": [(1, "a")]}
    assert change.notes == ("nothing is known of elsewhere: the whole history of refs/heads/main is new",)


@pytest.mark.parametrize("remote", ["fork", "https://example.org/fork.git", "--fork"])
def test_a_remote_of_which_nothing_is_known_lacks_what_no_other_has(pushed: GitRepo, remote: str) -> None:
    old = oid(pushed)
    pushed.stage("a.py", "a\n")
    new = pushed.commit()
    (change,) = push(f"refs/heads/main {new} refs/heads/main {ZERO}", remote=remote)
    assert (change.source, added(change)) == (("range", old, new), {"a.py": [(1, "a")]})
    assert change.notes == (f"nothing is known of {remote}: what other remotes have of refs/heads/main is old",)
    assert push(f"refs/heads/main {old} refs/heads/main {ZERO}", remote=remote) == ()


def test_refs_with_nothing_to_review(pushed: GitRepo) -> None:
    old = oid(pushed)
    blob = oid(pushed, "HEAD:README.md")
    assert push() == ()
    assert push(f"(delete) {ZERO} refs/heads/gone {old}") == ()
    assert push(f"refs/heads/main {old} refs/heads/copy {ZERO}") == ()
    (change,) = push(f"refs/tags/key {blob} refs/tags/key {ZERO}")
    assert (change.diff, change.notes) == (b"", ("refs/tags/key names no commit, so there is no change to review",))


def test_equal_diffs_are_reviewed_once(pushed: GitRepo) -> None:
    old = oid(pushed)
    pushed.stage("a.py", "a\n")
    one = pushed.commit("one message")
    pushed.git("commit", "-q", "--amend", "-m", "another message")
    two = oid(pushed)
    pushed.git("tag", "-a", "v1", "-m", "v1")
    changes = push(
        f"refs/heads/one {one} refs/heads/one {old}",
        f"refs/heads/two {two} refs/heads/two {old}",
        f"refs/tags/v1 {oid(pushed, 'v1')} refs/tags/v1 {ZERO}",
    )
    assert [added(change) for change in changes] == [{"a.py": [(1, "a")]}]


@pytest.mark.parametrize("text", [b"nonsense\n", b"a b\n", b"refs/heads/main\n", b"\xff\n"])
def test_what_is_no_line_of_a_push(repo: GitRepo, text: bytes) -> None:
    with pytest.raises(RepoError, match="stdin does not hold the lines that git gives a pre-push hook"):
        open_repository().push(text, "origin")


# --- files at a revision


@pytest.mark.parametrize(
    ("rev", "path", "expected"),
    [
        pytest.param("HEAD", b"sub/a.py", b"a\r\n\xff", id="bytes"),
        pytest.param("HEAD", b"./sub/../sub/a.py", b"a\r\n\xff", id="not normal"),
        pytest.param("HEAD", b"none", None, id="absent"),
        pytest.param("HEAD", b"sub", None, id="a folder"),
        pytest.param("HEAD", b"../x", None, id="outside"),
        pytest.param("HEAD", b"a\0b", None, id="NUL"),
        pytest.param("none", b"sub/a.py", None, id="unknown revision"),
        pytest.param("--textconv", b"sub/a.py", None, id="option"),
        pytest.param("4b825dc642cb6eb9a060e54bf8d69288fbee4904", b"sub/a.py", None, id="the empty tree"),
    ],
)
@pytest.mark.parametrize("where", [".", "sub"])
def test_a_file_at_a_revision(
    repo: GitRepo, rev: str, path: bytes, expected: bytes | None, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.stage("sub/a.py", b"a\r\n\xff")
    repo.commit()
    monkeypatch.chdir(repo.path / where)
    assert open_repository().read_at(rev, path) == expected
