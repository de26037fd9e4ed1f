"""What git's diff would hide, leave out or spell in another way: attributes, filters, conflicts, stale times."""

import os
from pathlib import Path

import pytest
from changes import added, files, snapshot
from conftest import GitRepo

from reviewbot.diff import Line, LineKind, parse_diff
from reviewbot.errors import RepoError
from reviewbot.gitrun import staged_is_empty
from reviewbot.repo import Change, open_repository

BODY = "".join(f"line {i}\n" for i in range(1, 21))
PNG = b"\x89PNG\r\n\0\0\n"


def staged() -> Change:
    return open_repository().select([], None, staged=True)


def work_tree(*revisions: str) -> Change:
    return open_repository().select(revisions, None, staged=False)


def shown(change: Change, path: str) -> list[str]:
    return [
        f"{line.kind.value}{line.text}"
        for hunk in files(change)[path].hunks
        for line in hunk.lines
        if line.kind is not LineKind.CONTEXT
    ]


# --- attributes that make text binary


@pytest.mark.parametrize("place", [".gitattributes", ".git/info/attributes", "sub/.gitattributes"])
@pytest.mark.parametrize("where", [".", "sub"])
def test_text_that_an_attribute_calls_binary(
    repo: GitRepo, place: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write(place, "*.py -diff\n*.png -diff\n")
    repo.stage("sub/a.py", "hidden = 1\n")
    repo.stage("sub/b.png", PNG)
    repo.stage("sub/c.txt", "plain\n")
    monkeypatch.chdir(repo.path / where)
    change = staged()
    assert added(change) == {"sub/a.py": [(1, "hidden = 1")], "sub/b.png": [], "sub/c.txt": [(1, "plain")]}
    assert files(change)["sub/b.png"].binary
    assert not files(change)["sub/a.py"].binary


def test_hidden_text_of_a_range_a_commit_and_the_work_tree(repo: GitRepo) -> None:
    repo.stage(".gitattributes", "*.py -diff\n")
    repo.stage("a.py", "one\n")
    repo.commit()
    repo.write("a.py", "one\ntwo\n")
    assert added(work_tree()) == {"a.py": [(2, "two")]}
    assert added(work_tree("HEAD")) == {"a.py": [(2, "two")]}
    repo.git("add", "a.py")
    repo.commit()
    assert added(open_repository().commit()) == {"a.py": [(2, "two")]}
    assert added(work_tree("HEAD~1..HEAD")) == {"a.py": [(2, "two")]}
    assert added(open_repository().whole_history())["a.py"] == [(1, "one"), (2, "two")]


def test_hidden_text_of_a_file_that_is_renamed_and_edited(repo: GitRepo) -> None:
    repo.stage(".gitattributes", "*.py -diff\n")
    repo.stage("old.py", BODY)
    repo.stage("plain.txt", BODY.replace("line", "row"))
    repo.commit()
    repo.git("mv", "old.py", "new name.py")
    repo.git("mv", "plain.txt", "moved.txt")
    repo.stage("new name.py", BODY.replace("line 9\n", "line nine\n"))
    change = staged()
    assert shown(change, "new name.py") == ["-line 9", "+line nine"]
    assert {path: file.raw_old_path for path, file in files(change).items()} == {
        "new name.py": b"old.py",
        "moved.txt": b"plain.txt",
    }


@pytest.mark.parametrize(
    "name", ["tab\there.py", 'quo"te.py', "line\nbreak.py", "-dash.py", b"latin\xe9.py", ":(top)x.py", "*.py"]
)
def test_hidden_text_of_files_with_odd_names(repo: GitRepo, name: str | bytes) -> None:
    repo.stage("other.py", "other\n")
    repo.commit()
    repo.write(".git/info/attributes", "* -diff\n")
    repo.write("other.py", "another\n")
    repo.write(name, "hidden = 1\n")
    repo.git("add", "-A")
    change = staged()
    assert sorted(file.raw_path for file in files(change).values()) == sorted([os.fsencode(name), b"other.py"])
    assert sorted(texts for texts in added(change).values()) == [[(1, "another")], [(1, "hidden = 1")]]


def test_hidden_text_under_a_path_that_was_asked_for(repo: GitRepo) -> None:
    repo.write(".git/info/attributes", "* -diff\n")
    repo.stage("sub/a.py", "a\n")
    repo.stage("b.py", "b\n")
    assert added(open_repository().select([], ["sub"], staged=True)) == {"sub/a.py": [(1, "a")]}


@pytest.mark.parametrize("kind", ["LITERAL", "GLOB", "NOGLOB", "ICASE"])
def test_hidden_text_however_paths_are_read(repo: GitRepo, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write(".git/info/attributes", "*.py -diff\n")
    repo.stage("a.py", "small\n")
    repo.stage("A.py", "large\n")
    repo.stage("b.txt", "b\n")
    monkeypatch.setenv(f"GIT_{kind}_PATHSPECS", "1")
    assert added(staged()) == {"A.py": [(1, "large")], "a.py": [(1, "small")], "b.txt": [(1, "b")]}


def test_more_hidden_files_than_are_asked_for_at_once(repo: GitRepo) -> None:
    repo.write(".git/info/attributes", "* -diff\n")
    for i in range(40):
        repo.write(f"{i:02}.py", PNG if i % 3 == 0 else f"hidden {i}\n")
    repo.git("add", "-A")
    assert added(staged()) == {f"{i:02}.py": [] if i % 3 == 0 else [(1, f"hidden {i}")] for i in range(40)}


def test_a_deleted_file_that_an_attribute_hides(repo: GitRepo) -> None:
    repo.stage(".gitattributes", "*.py -diff\n")
    repo.stage("a.py", "gone\n")
    repo.commit()
    repo.git("rm", "-q", "a.py")
    assert shown(staged(), "a.py") == ["-gone"]


def test_a_file_that_becomes_a_link_while_an_attribute_hides_it(repo: GitRepo) -> None:
    repo.stage(".gitattributes", "a.py -diff\n")
    repo.stage("a.py", "text\n")
    repo.commit()
    (repo.path / "a.py").unlink()
    os.symlink("README.md", repo.path / "a.py")
    repo.git("add", "a.py")
    change = staged()
    assert [(line.kind.value, line.text) for line in _lines(change)] == [("-", "text"), ("+", "README.md")]


def _lines(change: Change) -> list[Line]:
    return [line for file in parse_diff(change.diff) for hunk in file.hunks for line in hunk.lines]


def test_no_file_is_too_big_to_be_read(repo: GitRepo) -> None:
    repo.git("config", "core.bigFileThreshold", "1")
    repo.stage("a.py", "text\n")
    assert added(staged()) == {"a.py": [(1, "text")]}


# --- files that were binary


@pytest.fixture
def binaries(repo: GitRepo) -> GitRepo:
    """Binary files, of which one becomes text, one is moved and becomes text, and the others do not."""
    for name in ("becomes", "moves", "stays", "goes"):
        repo.stage(f"sub/{name}.txt", BODY.replace("line", name).encode() + PNG)
    repo.commit()
    repo.stage("sub/becomes.txt", "now text\n")
    repo.git("mv", "sub/moves.txt", "sub/has moved.txt")
    repo.stage("sub/has moved.txt", BODY.replace("line", "moves"))
    repo.stage("sub/stays.txt", PNG)
    repo.stage("sub/new.txt", PNG)
    repo.git("rm", "-q", "sub/goes.txt")
    return repo


@pytest.mark.parametrize("where", [".", "sub"])
def test_a_binary_file_that_becomes_text_is_read(
    binaries: GitRepo, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(binaries.path / where)
    changes = [staged(), work_tree("HEAD")]
    binaries.commit()
    changes += [work_tree("HEAD~1..HEAD"), open_repository().commit()]
    for change in changes:
        assert {path: texts for path, texts in added(change).items() if texts} == {"sub/becomes.txt": [(1, "now text")]}
        found = files(change)
        assert {path for path, file in found.items() if file.binary} == {
            f"sub/{name}.txt" for name in ("stays", "new", "goes")
        }
        assert [line.kind for hunk in found["sub/has moved.txt"].hunks for line in hunk.lines][-2:] == [
            LineKind.REMOVED,
            LineKind.REMOVED,
        ]


def test_a_binary_file_that_becomes_text_in_the_work_tree(binaries: GitRepo) -> None:
    binaries.git("reset", "-q", "--hard")
    binaries.write("sub/becomes.txt", "now text\n")
    binaries.write("sub/stays.txt", PNG)
    for change in (work_tree(), work_tree("HEAD")):
        assert added(change) == {"sub/becomes.txt": [(1, "now text")], "sub/stays.txt": []}


# --- filters of a work tree


@pytest.fixture
def filtered(repo: GitRepo) -> GitRepo:
    """Files a.bin, b.bin, c.bin (filter=mine) and d.txt (filter=unknown); the filter writes a file when it runs."""
    repo.stage(".gitattributes", "*.bin filter=mine\nd.txt filter=unknown\n")
    for name in ("a.bin", "b.bin", "c.bin", "sub/d.bin", "d.txt"):
        repo.stage(name, "old\n")
    repo.commit()
    for key in ("clean", "smudge", "process"):
        repo.git("config", f"filter.mine.{key}", f"touch {repo.path.parent}/ran; cat")
    repo.git("config", "filter.mine.required", "true")
    return repo


@pytest.mark.parametrize("revisions", [(), ("HEAD",)])
@pytest.mark.parametrize("where", [".", "sub"])
def test_files_with_a_filter_are_listed(
    filtered: GitRepo, revisions: tuple[str, ...], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deleted file needs no filter; an attribute that names no configured filter is as good as none (convert.c)."""
    filtered.write("a.bin", "new\n")
    filtered.write("sub/d.bin", "new\n")
    filtered.write("d.txt", "old\nnew\n")
    (filtered.path / "b.bin").unlink()
    monkeypatch.chdir(filtered.path / where)
    change = work_tree(*revisions)
    assert added(change) == {"b.bin": [], "d.txt": [(2, "new")]}
    assert shown(change, "b.bin") == ["-old"]
    reason = "its filter 'mine' is a configured command, which is not run"
    assert change.unreadable == ((b"a.bin", reason), (b"sub/d.bin", reason))
    assert not (filtered.path.parent / "ran").exists()


def test_attributes_of_the_user_count_in_the_work_tree(filtered: GitRepo, tmp_path: Path) -> None:
    """They say what a filter would have to convert, and how line ends are; `git diff` goes by them too."""
    (tmp_path / "attributes").write_text("e.txt filter=mine\nf.txt text\n")
    filtered.git("config", "core.attributesFile", str(tmp_path / "attributes"))
    for name in ("e.txt", "f.txt"):
        blob = filtered.git("hash-object", "-w", "--stdin", input=b"one\ntwo\n").stdout.decode().strip()
        off = [part for key in ("clean=", "process=", "required=no") for part in ("-c", f"filter.mine.{key}")]
        filtered.git(*off, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
        filtered.write(name, "one\r\nthree\r\n")
    change = work_tree()
    assert added(change) == {"f.txt": [(2, "three")]}
    assert change.unreadable == ((b"e.txt", "its filter 'mine' is a configured command, which is not run"),)
    assert not (filtered.path.parent / "ran").exists()


def test_what_is_staged_needs_no_filter(filtered: GitRepo) -> None:
    blob = filtered.git("hash-object", "-w", "--stdin", input=b"old\nnew\n").stdout.decode().strip()
    off = [part for key in ("clean=", "process=", "required=no") for part in ("-c", f"filter.mine.{key}")]
    filtered.git(*off, "update-index", "--cacheinfo", f"100644,{blob},a.bin")
    change = staged()
    assert (added(change), change.unreadable) == ({"a.bin": [(2, "new")]}, ())
    assert not (filtered.path.parent / "ran").exists()


def test_a_filter_that_cannot_be_switched_off_is_an_error(filtered: GitRepo) -> None:
    filtered.git("config", "filter.a=b.clean", "cat")
    with pytest.raises(RepoError, match="'a=b' cannot be switched off") as caught:
        work_tree()
    assert caught.value.hint == "git config --show-origin --get-regexp '^filter'"


# --- conflicts


@pytest.fixture
def conflict(repo: GitRepo) -> GitRepo:
    repo.conflict()
    repo.stage("b.py", "b\n")
    repo.write("README.md", "# edited\n")
    return repo


def test_a_conflicted_file_is_listed(conflict: GitRepo) -> None:
    listed = ((b"a.py", "it has conflicts that are not resolved"),)
    for change, expected in (
        (staged(), {"b.py": [(1, "b")]}),
        (work_tree(), {"README.md": [(1, "# edited")]}),
        (open_repository().merge(), {"b.py": [(1, "b")]}),
    ):
        assert change is not None
        assert (added(change), change.unreadable) == (expected, listed)


def test_a_conflicted_file_of_the_work_tree_against_a_revision(conflict: GitRepo) -> None:
    change = work_tree("HEAD")
    assert [text for _, text in added(change)["a.py"]] == ["<<<<<<< HEAD", "=======", "theirs", ">>>>>>> other"]
    assert change.unreadable == ()


# --- times


def test_a_file_that_was_only_touched_is_no_change(repo: GitRepo) -> None:
    for name in ("a.py", "b.py", "c.py"):
        repo.stage(name, "same\n")
    repo.commit()
    repo.write("b.py", "changed\n")
    for name in ("README.md", "a.py", "c.py"):
        os.utime(repo.path / name, (1, 1))
    before = snapshot(repo.path)
    assert repo.git("diff-files", "--name-only").stdout.split() == [b"README.md", b"a.py", b"b.py", b"c.py"]
    change = work_tree()
    assert added(change) == {"b.py": [(1, "changed")]}
    assert change.diff.count(b"diff --git") == 1
    assert snapshot(repo.path) == before
    (repo.path / "a.py").chmod(0o755)
    assert files(work_tree())["a.py"].mode == "100755"


# --- the quick question


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        pytest.param([], True, id="nothing"),
        pytest.param(["commit", "-q", "--allow-empty", "-m", "x"], True, id="after a commit"),
        pytest.param(["rm", "-q", "README.md"], False, id="a deleted file"),
        pytest.param(["update-index", "--chmod=+x", "README.md"], False, id="a mode"),
        pytest.param(["mv", "README.md", "moved"], False, id="a rename"),
        pytest.param(["update-ref", "-d", "HEAD"], False, id="no commit yet"),
        pytest.param(["config", "core.bare", "nonsense"], False, id="git refuses"),
    ],
)
def test_is_anything_staged(repo: GitRepo, prepare: list[str], expected: bool) -> None:
    if prepare:
        repo.git(*prepare)
    assert staged_is_empty() is expected


def test_with_a_merge_in_progress_something_is_to_be_looked_at(conflict: GitRepo) -> None:
    conflict.git("checkout", "--ours", "a.py")
    conflict.git("add", "a.py")
    conflict.git("rm", "-qf", "b.py")
    assert conflict.git("diff", "--cached", "--quiet", check=False).returncode == 0
    assert not staged_is_empty()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("diff.external", "{trap}"),
        ("core.fsmonitor", "{trap}"),
        ("core.pager", "{trap}"),
        ("diff.ignoreSubmodules", "all"),
        ("submodule.sub.ignore", "all"),
    ],
)
def test_the_quick_question_under_hostile_settings(repo: GitRepo, tmp_path: Path, key: str, value: str) -> None:
    repo.git("config", key, value.format(trap=f"touch {tmp_path}/ran; false"))
    assert staged_is_empty()
    repo.git("-c", "core.fsmonitor=", "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    assert not staged_is_empty()
    assert not (tmp_path / "ran").exists()


def test_the_quick_question_of_a_folder_that_is_none(tmp_path: Path) -> None:
    assert not staged_is_empty(str(tmp_path / "none"))
