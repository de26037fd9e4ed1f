"""Clones that lack something: an error that names the git fetch, never a silent one, and no line invented."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from changes import added, make, oid, snapshot
from conftest import GitRepo

from reviewbot.errors import ExitCode, RepoError
from reviewbot.gitrun import ENVIRONMENT
from reviewbot.repo import open_repository


@pytest.fixture
def origin(tmp_path: Path) -> GitRepo:
    """A repository that gives away partial clones: three commits, each with new content in a.py and b.py."""
    repo = make(tmp_path / "origin")
    repo.git("config", "uploadpack.allowFilter", "true")
    for i in (1, 2, 3):
        repo.stage("a.py", f"a {i}\n")
        repo.stage("b.py", f"b {i}\n")
        repo.commit(f"commit {i}")
    return repo


def clone(origin: GitRepo, folder: Path, *options: str) -> GitRepo:
    subprocess.run(["git", "clone", "-q", *options, f"file://{origin.path}", folder], check=True, capture_output=True)
    return GitRepo(folder)


@pytest.fixture
def partial(origin: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """A clone with the files of its last commit alone, whose remote is not called origin."""
    made = clone(origin, tmp_path / "partial", "--filter=blob:none", "-o", "elsewhere")
    monkeypatch.chdir(made.path)
    return made


def type_in(folder: Path, command: str | None) -> None:
    assert command is not None and command.startswith("git fetch ")
    subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)


def test_one_git_fetch_brings_all_that_is_missing(partial: GitRepo) -> None:
    before = snapshot(partial.path)
    with pytest.raises(RepoError) as caught:
        open_repository().select(["HEAD~2..HEAD~1"], None, staged=False)
    ids = [oid(partial, f"HEAD~{n}:{name}") for name in ("a.py", "b.py") for n in (2, 1)]
    assert caught.value.message == (
        "this is a partial clone that lacks a part of this change, and reviewbot fetches nothing by itself"
    )
    assert caught.value.hint == f"git fetch elsewhere {' '.join(ids)}"
    assert caught.value.exit_code is ExitCode.USAGE
    assert snapshot(partial.path) == before
    type_in(partial.path, caught.value.hint)
    change = open_repository().select(["HEAD~2..HEAD~1"], None, staged=False)
    assert added(change) == {"a.py": [(1, "a 2")], "b.py": [(1, "b 2")]}


def test_what_is_there_is_read(partial: GitRepo) -> None:
    partial.stage("a.py", "a 3\nmine\n")
    assert added(open_repository().select([], None, staged=True)) == {"a.py": [(2, "mine")]}
    assert set(added(open_repository().whole_history())) == {"a.py", "b.py"}


def test_a_long_list_is_fetched_at_once(origin: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(30):
        origin.stage(f"{i}.py", f"old {i}\n")
    origin.commit()
    for i in range(30):
        origin.stage(f"{i}.py", f"new {i}\n")
    origin.commit()
    made = clone(origin, tmp_path / "partial", "--filter=blob:none")
    monkeypatch.chdir(made.path)
    with pytest.raises(RepoError, match="partial clone") as caught:
        open_repository().commit()
    assert caught.value.hint == "git fetch --refetch --no-filter origin"
    type_in(made.path, caught.value.hint)
    assert len(added(open_repository().commit())) == 30


def test_a_merge(origin: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin.git("checkout", "-qb", "other", "HEAD~1")
    origin.stage("a.py", "other\n")
    origin.commit()
    origin.git("checkout", "-q", "main")
    origin.git("merge", "-q", "other", check=False)
    origin.stage("a.py", "both\n")
    origin.commit()
    made = clone(origin, tmp_path / "partial", "--filter=blob:none")
    monkeypatch.chdir(made.path)
    before = snapshot(made.path)
    with pytest.raises(RepoError) as caught:
        open_repository().commit()
    assert snapshot(made.path) == before
    type_in(made.path, caught.value.hint)
    assert added(open_repository().commit()) == {"a.py": [(1, "both")]}


def test_a_clone_without_trees(origin: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = clone(origin, tmp_path / "partial", "--filter=tree:0")
    monkeypatch.chdir(made.path)
    before = snapshot(made.path)
    with pytest.raises(RepoError, match="partial clone") as caught:
        open_repository().commit("HEAD~1")
    assert snapshot(made.path) == before
    type_in(made.path, caught.value.hint)
    assert added(open_repository().commit("HEAD~1")) == {"a.py": [(1, "a 2")], "b.py": [(1, "b 2")]}


def test_a_file_at_a_revision_is_missing_but_not_absent(partial: GitRepo) -> None:
    here = open_repository()
    assert here.read_at("HEAD", b"a.py") == b"a 3\n"
    assert here.read_at("HEAD~1", b"none.py") is None
    with pytest.raises(RepoError, match="partial clone") as caught:
        here.read_at("HEAD~1", b"a.py")
    type_in(partial.path, caught.value.hint)
    assert here.read_at("HEAD~1", b"a.py") == b"a 2\n"


def test_a_git_that_does_not_know_the_newer_switch(partial: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ENVIRONMENT, "GIT_NO_LAZY_FETCH")
    before = snapshot(partial.path)
    with pytest.raises(RepoError, match="partial clone") as caught:
        open_repository().commit("HEAD~1")
    assert snapshot(partial.path) == before
    type_in(partial.path, caught.value.hint)
    assert added(open_repository().commit("HEAD~1")) == {"a.py": [(1, "a 2")], "b.py": [(1, "b 2")]}


def test_a_transport_that_is_never_started(partial: GitRepo, tmp_path: Path) -> None:
    partial.git("config", "remote.elsewhere.url", "ssh://nowhere.invalid/x")
    partial.git("config", "core.sshCommand", f"touch {tmp_path}/ran; false")
    partial.git("config", "remote.elsewhere.uploadpack", f"touch {tmp_path}/ran; false")
    with pytest.raises(RepoError, match="partial clone"):
        open_repository().commit("HEAD~1")
    assert not (tmp_path / "ran").exists()


# --- shallow clones


@pytest.fixture
def shallow(origin: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    origin.git("branch", "other", "HEAD~1")
    made = clone(origin, tmp_path / "shallow", "--depth=1", "--no-single-branch")
    monkeypatch.chdir(made.path)
    return made


def test_the_only_commit_of_a_shallow_clone(shallow: GitRepo) -> None:
    change = open_repository().commit()
    assert added(change) == {"a.py": [(1, "a 3")], "b.py": [(1, "b 3")]}
    assert change.notes == (
        f"this shallow clone ends at {oid(shallow)[:12]}: everything that it holds counts as added",
    )
    assert change.source.base == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_a_root_commit_is_not_cut(origin: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(origin.path)
    assert open_repository().commit("HEAD~2").notes == ()


def test_branches_that_part_before_a_shallow_clone_begins(shallow: GitRepo) -> None:
    with pytest.raises(RepoError) as caught:
        open_repository().select(["origin/other...main"], None, staged=False)
    assert caught.value.message == "origin/other...main: the two have no common ancestor in this shallow clone"
    assert caught.value.hint == "git fetch --unshallow"
    type_in(shallow.path, caught.value.hint)
    change = open_repository().select(["origin/other...main"], None, staged=False)
    assert added(change) == {"a.py": [(1, "a 3")], "b.py": [(1, "b 3")]}


def test_objects_that_are_borrowed_from_elsewhere(
    origin: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = GitRepo(tmp_path / "shared")
    origin.git("clone", "-q", "--shared", ".", str(made.path))
    monkeypatch.chdir(made.path)
    assert (made.path / ".git/objects/info/alternates").exists()
    assert set(added(open_repository().commit())) == {"a.py", "b.py"}
    os.rename(origin.path, tmp_path / "gone")
    with pytest.raises(RepoError):
        open_repository().commit()
