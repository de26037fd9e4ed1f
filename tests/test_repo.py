"""Which change: what is read from real repositories, with expectations written by hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GitRepo

from reviewbot.diff import parse_diff
from reviewbot.errors import RepoError
from reviewbot.gitrun import staged_is_empty
from reviewbot.repo import Change, open_repository


def added(change: Change | None) -> dict[str, list[tuple[int | None, str]]]:
    """Numbers and texts of the added lines, by path."""
    assert change is not None
    return {file.path: [(line.new, line.text) for line in file.added] for file in parse_diff(change.diff)}


def staged() -> dict[str, list[tuple[int | None, str]]]:
    return added(open_repository().select([], None, staged=True))


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Times and contents of all files."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def make(folder: Path, *options: str) -> GitRepo:
    folder.mkdir()
    made = GitRepo(folder)
    made.git("init", "-q", "-b", "main", *options)
    return made


# --- the index, not the work tree


def test_a_partly_staged_file_is_read_from_the_index(repo: GitRepo) -> None:
    repo.stage("a.py", "one\n")
    repo.write("a.py", "one\ntwo\n")
    assert staged() == {"a.py": [(1, "one")]}


def test_staged_then_edited_and_staged_then_deleted(repo: GitRepo) -> None:
    repo.stage("a.py", "staged\n")
    repo.stage("b.py", "kept\n")
    repo.write("a.py", "edited\n")
    (repo.path / "b.py").unlink()
    assert staged() == {"a.py": [(1, "staged")], "b.py": [(1, "kept")]}


def test_one_hunk_of_two_is_staged(repo: GitRepo) -> None:
    body = [f"line {i}\n" for i in range(30)]
    repo.stage("a.py", "".join(body))
    repo.commit()
    body[2], body[25] = "first\n", "second\n"
    repo.write("a.py", "".join(body))
    repo.git("add", "-p", "a.py", input=b"y\nn\n")
    assert staged() == {"a.py": [(3, "first")]}


def test_intent_to_add_is_not_staged(repo: GitRepo) -> None:
    repo.write("new.py", "x = 1\n")
    repo.git("add", "-N", "new.py")
    assert staged() == {}
    assert added(open_repository().select([], None, staged=False)) == {"new.py": [(1, "x = 1")]}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["commit", "-a"], {"a.py", "b.py", "c.py"}, id="commit -a"),
        pytest.param(["commit", "b.py"], {"b.py"}, id="commit PATH"),
        pytest.param(["commit", "--only", "b.py"], {"b.py"}, id="commit --only"),
        pytest.param(["commit", "--include", "b.py"], {"a.py", "b.py"}, id="commit --include"),
        pytest.param(["commit"], {"a.py"}, id="commit"),
    ],
)
def test_a_hook_sees_the_index_that_git_is_about_to_commit(
    repo: GitRepo, arguments: list[str], expected: set[str]
) -> None:
    for name in ("a.py", "b.py", "c.py"):
        repo.stage(name, "old\n")
    repo.commit()
    for name in ("a.py", "b.py", "c.py"):
        repo.write(name, "new\n")
    repo.git("add", "a.py")
    root, seen = str(Path(__file__).parent.parent), str(repo.path / "seen")
    script = (
        f"import sys; sys.path[:0] = [{root!r}]\n"
        "from reviewbot.diff import parse_diff\n"
        "from reviewbot.repo import open_repository\n"
        "change = open_repository().select([], None, staged=True)\n"
        f"open({seen!r}, 'w').write(' '.join(file.path for file in parse_diff(change.diff)))\n"
    )
    repo.write(".git/script.py", script)
    hook = repo.write(".git/hooks/pre-commit", f"#!/bin/sh\nexec {sys.executable} .git/script.py\n")
    hook.chmod(0o755)
    repo.git(*arguments, "-qm", "x")
    assert set((repo.path / "seen").read_text().split()) == expected


# --- which commits


def test_before_the_first_commit_everything_staged_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path / "new")
    monkeypatch.chdir(made.path)
    made.stage("a.py", "x\n")
    change = open_repository().select([], None, staged=True)
    assert added(change) == {"a.py": [(1, "x")]}
    assert change.source == ("staged", None, None)
    with pytest.raises(RepoError, match="no revision 'HEAD'"):
        open_repository().commit()


def test_amending_is_compared_with_head(repo: GitRepo) -> None:
    repo.stage("a.py", "one\n")
    repo.commit()
    repo.stage("a.py", "one\ntwo\n")
    assert staged() == {"a.py": [(2, "two")]}


def conflicted(repo: GitRepo) -> None:
    """A merge of branch other with a conflict in a.py; theirs.py comes from the other side alone."""
    repo.conflict({"theirs.py": "new on the other side\n"})
    repo.stage("a.py", "resolved\n")


def test_of_a_conflicted_merge_the_resolution_alone_is_reviewed(repo: GitRepo) -> None:
    conflicted(repo)
    before = snapshot(repo.path)
    change = open_repository().merge()
    assert added(change) == {"a.py": [(1, "resolved")]}
    assert change is not None and change.notes == ()
    assert snapshot(repo.path) == before
    repo.git("commit", "-qm", "merge")
    assert added(open_repository().commit()) == {"a.py": [(1, "resolved")]}
    assert set(added(open_repository().commit(first_parent=True))) == {"a.py", "theirs.py"}


def test_a_clean_merge_has_nothing_to_review(repo: GitRepo) -> None:
    repo.git("checkout", "-qb", "other")
    repo.stage("b.py", "b\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.stage("c.py", "c\n")
    repo.commit()
    repo.git("merge", "-q", "--no-ff", "--no-commit", "other")
    assert added(open_repository().merge()) == {}
    repo.git("commit", "-qm", "merge")
    assert added(open_repository().commit()) == {}


def test_an_octopus_and_an_old_git_compare_with_the_first_parent(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("x", "y"):
        repo.git("checkout", "-qb", name, "main")
        repo.stage(f"{name}.py", f"{name}\n")
        repo.commit()
    repo.git("checkout", "-q", "main")
    repo.commit("main goes on")
    repo.git("merge", "-q", "x", "y", "-m", "octopus")
    change = open_repository().commit()
    assert set(added(change)) == {"x.py", "y.py"}
    assert "it has 3 parents" in change.notes[0]
    repo.git("checkout", "-qb", "z", "main~1")
    repo.stage("z.py", "z\n")
    repo.commit()
    repo.git("merge", "-q", "main", "-m", "two parents")
    monkeypatch.setattr("reviewbot.repo.MERGE_TREE_SINCE", (99, 0))
    change = open_repository().commit()
    assert set(added(change)) == {"x.py", "y.py"}
    assert "git below 2.38" in change.notes[0]


def test_no_merge_in_progress(repo: GitRepo) -> None:
    assert open_repository().merge() is None


def test_a_merge_driver_of_the_configuration_is_never_run(repo: GitRepo, tmp_path: Path) -> None:
    conflicted(repo)
    repo.write(".gitattributes", "a.py merge=mine\n")
    repo.git("config", "merge.mine.driver", f"touch {tmp_path}/ran; false")
    assert added(open_repository().merge())["a.py"] == [(1, "resolved")]
    assert not (tmp_path / "ran").exists()


def test_show_of_an_ordinary_and_of_the_root_commit(repo: GitRepo) -> None:
    root = repo.git("rev-parse", "HEAD").stdout.decode().strip()
    repo.stage("a.py", "x\n")
    head = repo.commit()
    change = open_repository().commit()
    assert (change.source, added(change)) == (("commit", root, head), {"a.py": [(1, "x")]})
    first = open_repository().commit(root)
    assert added(first) == {"README.md": [(1, "# sample")]}
    assert first.source.base == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_ranges(repo: GitRepo) -> None:
    repo.git("checkout", "-qb", "feature")
    repo.stage("f.py", "f\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.stage("m.py", "m\n")
    repo.commit()
    here = open_repository()
    for args in (["main...feature"], ["main~1..feature"], ["main~1", "feature"]):
        assert added(here.select(args, None, staged=False)) == {"f.py": [(1, "f")]}
    assert set(added(here.select(["feature.."], None, staged=False))) == {"f.py", "m.py"}
    assert added(here.select(["main..feature"], ["f.py"], staged=False)) == {"f.py": [(1, "f")]}
    assert added(here.select(["main..feature", "README.md"], None, staged=False)) == {}


def test_the_work_tree_against_the_index_and_a_revision(repo: GitRepo) -> None:
    repo.stage("a.py", "one\n")
    repo.write("a.py", "one\ntwo\n")
    here = open_repository()
    assert added(here.select([], None, staged=False)) == {"a.py": [(2, "two")]}
    assert added(here.select(["HEAD"], None, staged=False)) == {"a.py": [(1, "one"), (2, "two")]}
    assert here.select(["HEAD"], None, staged=False).source.kind == "worktree"


@pytest.mark.parametrize("word", ["--output=x", "-O", "nothing", "HEAD~99", "HEAD..nothing", ""])
def test_what_names_no_revision_is_an_error_and_never_an_option(repo: GitRepo, word: str) -> None:
    here = open_repository()
    with pytest.raises(RepoError):
        here.select([word], [], staged=False)
    with pytest.raises(RepoError):
        here.commit(word)
    assert not (repo.path / "x").exists()


def test_a_file_named_like_an_option_is_a_path(repo: GitRepo) -> None:
    repo.stage("--stat", "x\n")
    assert added(open_repository().select([], ["--stat"], staged=True)) == {"--stat": [(1, "x")]}


def test_branches_without_a_common_ancestor(repo: GitRepo) -> None:
    repo.git("checkout", "-q", "--orphan", "alone")
    repo.commit()
    with pytest.raises(RepoError, match="no common ancestor"):
        open_repository().select(["main...alone"], None, staged=False)


# --- pushes


ZERO = "0" * 40


@pytest.fixture
def remote(repo: GitRepo, tmp_path: Path) -> Path:
    path = tmp_path / "remote.git"
    repo.git("init", "-q", "--bare", str(path))
    repo.git("remote", "add", "origin", str(path))
    return path


def pushed(repo: GitRepo, *lines: str) -> list[dict[str, list[tuple[int | None, str]]]]:
    text = "".join(f"{line}\n" for line in lines).encode()
    return [added(change) for change in open_repository().push(text, "origin")]


def test_a_push_of_new_commits_begins_at_the_remotes_commit(repo: GitRepo, remote: Path) -> None:
    old = repo.git("rev-parse", "HEAD").stdout.decode().strip()
    repo.stage("a.py", "x\n")
    new = repo.commit()
    assert pushed(repo, f"refs/heads/main {new} refs/heads/main {old}") == [{"a.py": [(1, "x")]}]


def test_a_push_of_a_new_branch_begins_where_the_remote_ends(repo: GitRepo, remote: Path) -> None:
    repo.git("push", "-q", "origin", "main")
    repo.git("checkout", "-qb", "topic")
    repo.stage("a.py", "x\n")
    new = repo.commit()
    assert pushed(repo, f"refs/heads/topic {new} refs/heads/topic {ZERO}") == [{"a.py": [(1, "x")]}]


def test_a_first_push_sends_the_whole_history(repo: GitRepo, remote: Path) -> None:
    new = repo.git("rev-parse", "HEAD").stdout.decode().strip()
    assert pushed(repo, f"refs/heads/main {new} refs/heads/main {ZERO}") == [{"README.md": [(1, "# sample")]}]


def test_a_forced_push_begins_at_the_merge_base(repo: GitRepo, remote: Path) -> None:
    repo.stage("old.py", "old\n")
    old = repo.commit()
    repo.git("push", "-q", "origin", "main")
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.stage("new.py", "new\n")
    new = repo.commit()
    assert pushed(repo, f"refs/heads/main {new} refs/heads/main {old}") == [{"new.py": [(1, "new")]}]


def test_deleted_refs_and_equal_diffs_of_a_push(repo: GitRepo, remote: Path) -> None:
    old = repo.git("rev-parse", "HEAD").stdout.decode().strip()
    repo.stage("a.py", "x\n")
    new = repo.commit()
    lines = [f"refs/heads/{name} {new} refs/heads/{name} {old}" for name in ("main", "copy")]
    assert pushed(repo, *lines, f"(delete) {ZERO} refs/heads/gone {old}") == [{"a.py": [(1, "x")]}]
    assert pushed(repo, f"(delete) {ZERO} refs/heads/gone {old}") == []
    with pytest.raises(RepoError, match="pre-push hook"):
        pushed(repo, "nonsense")


# --- where it runs


def test_from_a_subfolder_everything_staged_counts_and_paths_are_relative(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.stage("top.py", "t\n")
    repo.stage("sub/a.py", "a\n")
    monkeypatch.chdir(repo.path / "sub")
    assert set(staged()) == {"top.py", "sub/a.py"}
    assert set(added(open_repository().select([], ["a.py"], staged=True))) == {"sub/a.py"}


def test_in_a_linked_work_tree(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked")
    linked.stage("a.py", "x\n")
    monkeypatch.chdir(linked.path)
    here = open_repository()
    assert staged() == {"a.py": [(1, "x")]}
    assert here.root == str(linked.path)
    assert here.hooks_dir == str(repo.path / ".git" / "hooks")


def test_in_a_submodule(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = make(tmp_path / "inner")
    inner.stage("i.py", "i\n")
    inner.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.path), "sub")
    repo.commit()
    sub = GitRepo(repo.path / "sub")
    sub.stage("i.py", "i\nj\n")
    monkeypatch.chdir(sub.path)
    assert staged() == {"i.py": [(2, "j")]}
    sub.commit()
    monkeypatch.chdir(repo.path)
    repo.git("add", "sub")
    (bump,) = parse_diff(open_repository().select([], None, staged=True).diff)
    assert (bump.path, bump.mode) == ("sub", "160000")


def test_with_git_dir_in_the_environment(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.stage("a.py", "x\n")
    monkeypatch.setenv("GIT_DIR", str(repo.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(repo.path))
    monkeypatch.chdir(tmp_path)
    assert staged() == {"a.py": [(1, "x")]}


def test_a_bare_repository_has_ranges_only(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.stage("a.py", "x\n")
    repo.commit()
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    monkeypatch.chdir(tmp_path / "bare.git")
    here = open_repository()
    assert here.root is None
    assert added(here.select(["HEAD~1..HEAD"], None, staged=False)) == {"a.py": [(1, "x")]}
    for is_staged in (True, False):
        with pytest.raises(RepoError, match="bare repository"):
            here.select([], None, staged=is_staged)


def test_a_sha256_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(tmp_path / "new", "--object-format=sha256")
    monkeypatch.chdir(made.path)
    made.stage("a.py", "x\n")
    assert staged() == {"a.py": [(1, "x")]}
    made.commit()
    change = open_repository().commit()
    assert added(change) == {"a.py": [(1, "x")]}
    assert change.source.base is not None and len(change.source.base) == 64


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(RepoError, match="in no git repository"):
        open_repository()
    assert not staged_is_empty()


def test_without_git(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RepoError, match="git cannot be run"):
        open_repository()
    assert not staged_is_empty()


def test_a_repository_of_somebody_else(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(RepoError, match="dubious ownership") as caught:
        open_repository()
    assert caught.value.hint == f"git config --global --add safe.directory {repo.path}"


def test_a_path_outside(repo: GitRepo) -> None:
    with pytest.raises(RepoError, match="outside repository"):
        open_repository().select([], ["/etc/passwd"], staged=True)


def test_a_partial_clone_is_never_fetched_into(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.stage("a.py", "".join(f"line {i}\n" for i in range(20)))
    repo.commit()
    repo.stage("a.py", "".join(f"line {i}\n" for i in range(21)))
    repo.commit()
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    subprocess.run(
        ["git", "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo.path}", partial], check=True
    )
    monkeypatch.chdir(partial)
    before = snapshot(partial)
    with pytest.raises(RepoError, match="partial clone") as caught:
        open_repository().commit()
    assert snapshot(partial) == before
    command = (caught.value.hint or "").split()
    assert command[:3] == ["git", "fetch", "origin"]
    subprocess.run(command, cwd=partial, check=True, capture_output=True)


def test_nothing_is_ever_written(repo: GitRepo) -> None:
    conflicted(repo)
    repo.write("README.md", "# changed\n")
    os.utime(repo.path / "a.py")  # a refresh of the index would notice, and write it
    before = snapshot(repo.path)
    here = open_repository()
    here.merge()
    here.select([], None, staged=True)
    here.select([], None, staged=False)
    here.select(["main~1..main"], None, staged=False)
    here.commit()
    here.commit("other", first_parent=True)
    here.push(b"", "origin")
    here.read_at("HEAD", b"a.py")
    staged_is_empty()
    assert snapshot(repo.path) == before


def test_is_anything_staged(repo: GitRepo) -> None:
    assert staged_is_empty()
    repo.write("README.md", "changed\n")
    assert staged_is_empty()
    repo.git("add", "README.md")
    assert not staged_is_empty()


def test_a_file_at_a_revision(repo: GitRepo) -> None:
    here = open_repository()
    assert here.read_at("HEAD", b"README.md") == b"# sample\n"
    assert here.read_at("HEAD", b"none") is None


def test_where_the_hooks_are(repo: GitRepo, tmp_path: Path) -> None:
    here = open_repository()
    assert (here.hooks_dir, here.hooks_path_configured) == (str(repo.path / ".git" / "hooks"), False)
    repo.git("config", "core.hooksPath", str(tmp_path / "shared"))
    here = open_repository()
    assert (here.hooks_dir, here.hooks_path_configured) == (str(tmp_path / "shared"), True)


def test_git_is_found_at_all() -> None:
    assert shutil.which("git")
    assert open_repository(str(Path(__file__).parent)).git_version >= (2, 30)
