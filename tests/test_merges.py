"""Merges: what people added to the automatic merge is reviewed, and neither side of it."""

import sys
from pathlib import Path

import pytest
from changes import added, files, make, oid, snapshot
from conftest import GitRepo

from reviewbot.merges import heads_in_progress
from reviewbot.repo import MERGE_TREE_SINCE, Repository, open_repository

TRAP = "touch ../ran; cat"


def two_branches(repo: GitRepo, ours: str, theirs: str) -> None:
    """Branches main and other, each with a change of a.py (base: ten lines) and a file of its own."""
    repo.stage("a.py", "".join(f"line {i}\n" for i in range(1, 11)))
    repo.commit()
    repo.git("checkout", "-qb", "other")
    repo.stage("a.py", theirs)
    repo.stage("theirs.py", "theirs\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.stage("a.py", ours)
    repo.stage("ours.py", "ours\n")
    repo.commit()


def lines(**changed: str) -> str:
    return "".join(changed.get(f"l{i}", f"line {i}") + "\n" for i in range(1, 11))


@pytest.fixture
def conflicted(repo: GitRepo) -> GitRepo:
    """A merge that stopped at line 5 of a.py; the resolution is staged."""
    two_branches(repo, lines(l5="ours"), lines(l5="theirs", l10="other end"))
    repo.git("merge", "-q", "other", check=False)
    repo.stage("a.py", lines(l5="both", l10="other end"))
    return repo


def hook(repo: GitRepo, name: str) -> Path:
    """A git hook that writes which lines `merge` finds."""
    seen = repo.path.parent / "seen"
    code = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]!r}\n"
        "from changes import added\n"
        "from reviewbot.repo import open_repository\n"
        "change = open_repository().merge()\n"
        f"open({str(seen)!r}, 'w').write(repr(change and (added(change), change.notes)))\n"
    )
    repo.write(".git/script.py", code)
    repo.write(f".git/hooks/{name}", f"#!/bin/sh\nexec {sys.executable} .git/script.py\n").chmod(0o755)
    return seen


def test_the_resolution_of_a_conflict(conflicted: GitRepo) -> None:
    change = open_repository().merge()
    assert change is not None
    (file,) = files(change).values()
    (hunk,) = file.hunks
    assert [f"{line.kind.value}{line.text}" for line in hunk.lines] == [
        " line 2",
        " line 3",
        " line 4",
        f"-<<<<<<< {oid(conflicted, 'main')}",
        "-ours",
        "-=======",
        "-theirs",
        f"->>>>>>> {oid(conflicted, 'other')}",
        "+both",
        " line 6",
        " line 7",
        " line 8",
    ]
    assert (change.source.kind, change.source.base, change.source.head) == ("staged", oid(conflicted), None)
    assert change.notes == ()


def test_a_line_that_nobody_wrote_on_either_side(repo: GitRepo) -> None:
    two_branches(repo, lines(l1="ours"), lines(l10="theirs"))
    repo.git("merge", "-q", "--no-commit", "other")
    repo.stage("a.py", lines(l1="ours", l5="smuggled in", l10="theirs"))
    assert added(open_repository().merge()) == {"a.py": [(5, "smuggled in")]}
    repo.commit("merge")
    assert added(open_repository().commit()) == {"a.py": [(5, "smuggled in")]}


def test_git_merge_runs_its_hook_before_there_is_a_merge_head(repo: GitRepo) -> None:
    two_branches(repo, lines(l1="ours"), lines(l10="theirs"))
    seen = hook(repo, "pre-merge-commit")
    repo.git("merge", "-q", "other", "-m", "clean")
    assert seen.read_text() == "({}, ())"


def test_git_commit_runs_its_hook_at_the_end_of_a_conflict(conflicted: GitRepo) -> None:
    seen = hook(conflicted, "pre-commit")
    conflicted.git("commit", "-qm", "merge")
    assert seen.read_text() == "({'a.py': [(5, 'both')]}, ())"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, (), id="no merge"),
        pytest.param({"GITHEAD_" + "a" * 40: "other"}, ("a" * 40,), id="SHA-1"),
        pytest.param({"GITHEAD_" + "b" * 64: "other"}, ("b" * 64,), id="SHA-256"),
        pytest.param({"GITHEAD_x": "other", "GITHEAD": "x"}, (), id="other variables"),
    ],
)
def test_the_commits_that_git_names_in_the_environment(
    tmp_path: Path, environ: dict[str, str], expected: tuple[str, ...]
) -> None:
    assert heads_in_progress(str(tmp_path), environ) == expected
    (tmp_path / "MERGE_HEAD").write_text("c" * 40 + "\n" + "d" * 40 + "\n")
    assert heads_in_progress(str(tmp_path), environ) == ("c" * 40, "d" * 40)


def test_in_a_linked_work_tree_and_a_folder_with_the_separator_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make(tmp_path / 'a:b"c\\d')
    two_branches(repo, lines(l5="ours"), lines(l5="theirs"))
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked")
    linked.git("merge", "-q", "other", check=False)
    linked.stage("a.py", lines(l5="both"))
    monkeypatch.chdir(linked.path)
    assert added(open_repository().merge()) == {"a.py": [(5, "both")]}
    monkeypatch.chdir(repo.path)
    assert open_repository().merge() is None


def test_in_a_sha256_repository_and_in_a_bare_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = make(tmp_path / "new", "--object-format=sha256")
    two_branches(repo, lines(l5="ours"), lines(l5="theirs"))
    repo.git("merge", "-q", "other", check=False)
    repo.stage("a.py", lines(l5="both"))
    monkeypatch.chdir(repo.path)
    assert added(open_repository().merge()) == {"a.py": [(5, "both")]}
    repo.commit("merge")
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    monkeypatch.chdir(tmp_path / "bare")
    assert added(open_repository().commit("main")) == {"a.py": [(5, "both")]}


def test_histories_without_a_common_ancestor(repo: GitRepo) -> None:
    repo.git("checkout", "-q", "--orphan", "other")
    repo.git("rm", "-rqf", ".")
    repo.stage("theirs.py", "theirs\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--allow-unrelated-histories", "--no-commit", "other")
    repo.stage("mine.py", "mine\n")
    assert added(open_repository().merge()) == {"mine.py": [(1, "mine")]}


def test_no_merge_driver_and_no_filter_runs(repo: GitRepo) -> None:
    repo.stage(".gitattributes", "a.py merge=mine filter=mine\n")
    repo.commit()
    two_branches(repo, lines(l5="ours"), lines(l5="theirs", l10="other end"))
    repo.git("merge", "-q", "other", check=False)
    repo.stage("a.py", lines(l5="both", l10="other end"))
    for key in ("merge.mine.driver", "merge.mine.recursive", "merge.default"):
        repo.git("config", key, TRAP)
    for key in ("clean", "smudge", "process"):
        repo.git("config", f"filter.mine.{key}", TRAP)
    repo.git("config", "merge.renormalize", "true")
    repo.git("config", "merge.conflictStyle", "diff3")
    assert added(open_repository().merge()) == {"a.py": [(5, "both")]}
    assert not (repo.path.parent / "ran").exists()


def test_a_driver_that_keeps_our_side_is_told_from_the_automatic_merge(repo: GitRepo) -> None:
    """The driver does not run, so what it left is shown like any other resolution."""
    repo.stage(".gitattributes", "a.py merge=ours\n")
    repo.git("config", "merge.ours.driver", "true")
    repo.commit()
    two_branches(repo, lines(l1="ours"), lines(l10="theirs"))
    repo.git("merge", "-q", "--no-commit", "other")
    assert added(open_repository().merge()) == {"a.py": [(10, "line 10")]}


def test_an_octopus_in_progress_is_compared_with_head(repo: GitRepo) -> None:
    for name in ("x", "y"):
        repo.git("checkout", "-qb", name, "main")
        repo.stage(f"{name}.py", f"{name}\n")
        repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "--no-commit", "x", "y")
    change = open_repository().merge()
    assert added(change) == {"x.py": [(1, "x")], "y.py": [(1, "y")]}
    assert change is not None
    assert change.notes == ("a merge is compared with its first parent: it has 3 parents",)


@pytest.mark.parametrize("version", [(2, 30), (2, 37, 9)])
def test_an_old_git_compares_with_the_first_parent_and_says_so(
    conflicted: GitRepo, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]
) -> None:
    monkeypatch.setattr(Repository, "git_version", version)
    change = open_repository().merge()
    assert set(added(change)) == {"a.py", "theirs.py"}
    assert change is not None
    assert change.notes == (
        "a merge is compared with its first parent: git below 2.38 cannot tell the automatic merge",
    )
    monkeypatch.setattr(Repository, "git_version", MERGE_TREE_SINCE)
    assert set(added(open_repository().merge())) == {"a.py"}


def test_show_of_a_merge_against_its_first_parent(conflicted: GitRepo) -> None:
    conflicted.commit("merge")
    change = open_repository().commit(first_parent=True)
    assert added(change) == {"a.py": [(5, "both"), (10, "other end")], "theirs.py": [(1, "theirs")]}
    assert change.notes == ()
    assert change.source.base == oid(conflicted, "HEAD^1")


def test_nothing_stays_behind(conflicted: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    before = snapshot(conflicted.path)
    assert open_repository().merge() is not None
    assert snapshot(conflicted.path) == before
    assert list((tmp_path / "temporary").iterdir()) == []
