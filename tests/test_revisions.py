"""What a person types is told apart as git does it, and ends up as object ids."""

import re

import pytest
from changes import added, oid
from conftest import GitRepo

from reviewbot.errors import ExitCode, RepoError
from reviewbot.repo import Change, open_repository


def select(*words: str, paths: list[str] | None = None, staged: bool = False) -> Change:
    return open_repository().select(words, paths, staged=staged)


@pytest.fixture
def branches(repo: GitRepo) -> GitRepo:
    """main: README, m.py. feature (from README on): f.py, docs/d.md. One commit each, HEAD on main."""
    repo.git("checkout", "-qb", "feature")
    repo.stage("f.py", "f\n")
    repo.stage("docs/d.md", "d\n")
    repo.commit("fix the feature")
    repo.git("checkout", "-q", "main")
    repo.stage("m.py", "m\n")
    repo.commit("main goes on")
    repo.git("tag", "-a", "v1", "-m", "one")
    return repo


F, D, M = {"f.py": [(1, "f")]}, {"docs/d.md": [(1, "d")]}, {"m.py": [(1, "m")]}


@pytest.mark.parametrize(
    ("words", "paths", "expected"),
    [
        pytest.param(["HEAD~1..HEAD"], None, M, id="A..B"),
        pytest.param(["HEAD~1", "HEAD"], None, M, id="A B"),
        pytest.param(["HEAD~1.."], None, M, id="A.."),
        pytest.param(["..feature"], None, {**F, **D, "m.py": []}, id="..B"),
        pytest.param(["...feature"], None, {**F, **D}, id="...B"),
        pytest.param(["main...feature"], None, {**F, **D}, id="A...B"),
        pytest.param(["feature...main"], None, M, id="B...A"),
        pytest.param(["feature...main", "m.py"], None, M, id="A...B PATH"),
        pytest.param(["main...feature"], ["docs"], D, id="A...B -- PATH"),
        pytest.param(["main...feature", "*.md"], None, D, id="A...B PATTERN"),
        pytest.param(["main...feature"], [":(exclude)docs"], F, id="A...B -- MAGIC"),
        pytest.param(["main...feature", ":/docs"], None, D, id="A...B MAGIC"),
        pytest.param(["main~1", "v1"], None, M, id="a tag"),
        pytest.param(["main~1", ":/goes on"], None, M, id="a message"),
        pytest.param(["main~1", "HEAD^{/goes on}"], None, M, id="a message of HEAD"),
        pytest.param(["main~1^{tree}", "main^{tree}"], None, M, id="trees"),
        pytest.param(
            ["feature:docs", "main^{tree}"], None, {"README.md": [(1, "# sample")], **M, "d.md": []}, id="sub"
        ),
        pytest.param(["@~", "@"], None, M, id="@"),
    ],
)
def test_ranges(
    branches: GitRepo, words: list[str], paths: list[str] | None, expected: dict[str, list[tuple[int, str]]]
) -> None:
    change = select(*words, paths=paths)
    assert added(change) == expected
    for end in (change.source.base, change.source.head):
        assert end is not None and re.fullmatch("[0-9a-f]{40}", end)


@pytest.mark.parametrize(
    "words",
    [
        ["HEAD^!"],
        ["HEAD^-"],
        ["HEAD^-1"],
        ["v1^!"],
        ["feature^!"],
        ["^feature", "main"],
        ["main", "^feature"],
        ["^main~1", "main", "m.py"],
        ["joined^-2"],
    ],
    ids=" ".join,
)
def test_what_git_makes_a_range_of(branches: GitRepo, words: list[str]) -> None:
    branches.git("checkout", "-qb", "joined")
    branches.git("merge", "-q", "feature", "-m", "join")
    branches.git("checkout", "-q", "main")
    plain = branches.git("diff", "--name-status", "--no-renames", *words).stdout.decode().split()
    change = select(*words)
    assert plain[1::2] == sorted(added(change))
    assert change.source.kind == "range" and change.source.base != change.source.head


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("joined^!", "'joined^!' is no single change: joined has 2 parents", "reviewbot show joined"),
        ("HEAD^-2", "'HEAD^-2' is no single change: HEAD has one parent", "reviewbot show HEAD"),
        ("HEAD~1^!", "'HEAD~1^!' is no single change: HEAD~1 has 0 parents", "reviewbot show HEAD~1"),
        ("none^!", "neither a revision nor a path", None),
        ("^HEAD", "^ marks the one that it begins from", "reviewbot diff A B"),
    ],
)
def test_what_is_no_range(branches: GitRepo, word: str, message: str, hint: str | None) -> None:
    branches.git("checkout", "-qb", "joined")
    branches.git("merge", "-q", "feature", "-m", "join")
    branches.git("checkout", "-q", "main")
    with pytest.raises(RepoError) as caught:
        select(word)
    assert message in caught.value.message and (hint is None or caught.value.hint == hint)


def test_the_ends_of_a_range_are_object_ids(branches: GitRepo) -> None:
    main, feature, base = (oid(branches, name) for name in ("main", "feature", "main~1"))
    assert select("main..feature").source == ("range", main, feature)
    assert select("main...feature").source == ("range", base, feature)
    assert select("v1", "feature").source == ("range", main, feature)
    assert select().source == ("worktree", main, None)
    assert select("feature").source == ("worktree", feature, None)
    assert select(staged=True).source == ("staged", main, None)
    assert select("feature", staged=True).source == ("staged", feature, None)
    assert open_repository().commit("v1").source == ("commit", base, main)


def test_the_index_against_another_revision(branches: GitRepo) -> None:
    branches.stage("s.py", "s\n")
    assert added(select("main~1", staged=True)) == {**M, "s.py": [(1, "s")]}
    assert added(select("main~1", paths=["s.py"], staged=True)) == {"s.py": [(1, "s")]}


def test_two_dots_alone_are_the_folder_above(branches: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    branches.stage("sub/a.py", "a\n")
    branches.write("sub/a.py", "a\nb\n")
    branches.write("README.md", "# sample\nmore\n")
    monkeypatch.chdir(branches.path / "sub")
    assert set(added(select(".."))) == {"README.md", "sub/a.py"}
    assert set(added(select("."))) == {"sub/a.py"}
    assert set(added(select("../README.md"))) == {"README.md"}
    assert added(select("..", paths=[])) == {}  # HEAD..HEAD, as behind `--` it can be nothing else


def test_a_revision_with_dots_in_it(branches: GitRepo) -> None:
    branches.stage("a.py", "a\n")
    branches.commit("from a..b on")
    assert added(select("HEAD~1", "HEAD^{/a..b}")) == {"a.py": [(1, "a")]}


@pytest.mark.parametrize(
    ("words", "paths", "staged", "message"),
    [
        pytest.param(["-x"], [], False, "'-x' begins with a dash, so it is no revision", id="dash"),
        pytest.param(["--output=x"], None, False, "'--output=x' begins with a dash", id="option, a file has its name"),
        pytest.param(["HEAD", "-p"], None, False, "'-p' begins with a dash", id="dash behind a revision"),
        pytest.param(["f.py", "-p"], None, False, "'f.py' is neither a revision nor a path", id="dash behind a path"),
        pytest.param(["m.py", "-p"], None, False, "'-p' is neither a revision nor a path", id="path and dash"),
        pytest.param(["HEAD..-x"], None, False, "neither a revision nor a path", id="dash behind dots"),
        pytest.param(["HEAD..-x"], [], False, "'-x' begins with a dash", id="dash behind dots, then --"),
        pytest.param(["none"], [], False, "git knows no revision 'none'", id="unknown"),
        pytest.param(["none"], None, False, "'none' is neither a revision nor a path", id="unknown, no --"),
        pytest.param(["main..none"], [], False, "git knows no revision 'none'", id="unknown end"),
        pytest.param(["none...main"], [], False, "git knows no revision 'none'", id="unknown begin"),
        pytest.param(["main", "none"], [], False, "git knows no revision 'none'", id="second unknown"),
        pytest.param(["HEAD:m.py"], [], False, "git knows no revision 'HEAD:m.py'", id="a file"),
        pytest.param([""], [], False, "git knows no revision ''", id="empty"),
        pytest.param(["a\nb\x1b[0m"], [], False, "'a\\nb\\x1b[0m'", id="control characters"),
        pytest.param(["main", "v1", "feature"], None, False, "a change has two ends", id="three"),
        pytest.param(["main..v1", "feature"], None, False, "a change has two ends", id="a range and one more"),
        pytest.param(["main..feature"], None, True, "--staged compares the index with one revision", id="staged range"),
        pytest.param(["both"], None, False, "'both' is both a revision and a path", id="ambiguous"),
        pytest.param([], ["/etc/passwd"], False, "outside repository", id="a path outside"),
        pytest.param([], ["../../x"], True, "outside repository", id="a relative path outside"),
    ],
)
def test_errors(branches: GitRepo, words: list[str], paths: list[str] | None, staged: bool, message: str) -> None:
    branches.write("both", "")
    branches.git("branch", "both")
    branches.write("--output=x", "")
    with pytest.raises(RepoError) as caught:
        select(*words, paths=paths, staged=staged)
    assert message in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE
    assert not (branches.path / "x").exists()


@pytest.mark.parametrize("rev", ["-x", "--output=x", "none", "HEAD:m.py", "HEAD^{tree}", "HEAD:docs", "", "HEAD~9"])
def test_show_needs_a_commit(branches: GitRepo, rev: str) -> None:
    with pytest.raises(RepoError) as caught:
        open_repository().commit(rev)
    assert caught.value.exit_code is ExitCode.USAGE
    assert not (branches.path / "x").exists()


def test_what_is_both_is_told_apart_by_two_dashes(branches: GitRepo) -> None:
    branches.git("branch", "both", "main~1")
    branches.stage("both", "b\n")
    assert added(select("both", paths=[], staged=True)) == {**M, "both": [(1, "b")]}
    assert added(select(paths=["both"], staged=True)) == {"both": [(1, "b")]}


def test_several_merge_bases_are_said(branches: GitRepo) -> None:
    """Each branch merges the other's first commit: both of these are merge bases."""
    branches.git("branch", "old", "main")
    branches.git("merge", "-q", "feature", "-m", "one way")
    branches.git("checkout", "-q", "feature")
    branches.git("merge", "-q", "old", "-m", "the other way")
    change = select("main...feature")
    assert change.source.base in (oid(branches, "old"), oid(branches, "feature~1"))
    assert change.notes == (f"main...feature has 2 merge bases; {str(change.source.base)[:12]} is used",)


def test_before_the_first_commit(repo: GitRepo) -> None:
    repo.git("update-ref", "-d", "HEAD")
    assert added(select(staged=True)) == {"README.md": [(1, "# sample")]}
    assert select(staged=True).source.base is None
    for ask in (lambda: open_repository().commit(), lambda: select("HEAD", paths=[])):
        with pytest.raises(RepoError, match="there is no commit yet") as caught:
            ask()
        assert caught.value.hint == "reviewbot diff --staged"
