"""From diff bytes to changes: names, encodings and line ends of real repositories; whatever is cut off is an error."""

import difflib
import os
import unicodedata

import pytest
from conftest import GitRepo
from hypothesis import given
from hypothesis import strategies as st
from unidiff import PatchSet

from reviewbot.diff import FileChange, LineKind, parse_diff
from reviewbot.errors import DiffError
from reviewbot.repo import open_repository

DECOMPOSED = unicodedata.normalize("NFD", "größe.py")


def staged() -> tuple[FileChange, ...]:
    return parse_diff(open_repository().select([], None, staged=True).diff)


def only(repo: GitRepo, content: bytes, name: str | bytes = "a.py") -> FileChange:
    repo.stage(name, content)
    (change,) = staged()
    return change


def texts(change: FileChange) -> list[str]:
    return [line.text for line in change.added]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("with space.py", "with space.py", id="space"),
        pytest.param('quo"te.py', 'quo"te.py', id="quote"),
        pytest.param("back\\slash.py", "back\\slash.py", id="backslash"),
        pytest.param("tab\there.py", "tab\\there.py", id="tab"),
        pytest.param("line\nbreak.py", "line\\nbreak.py", id="newline"),
        pytest.param("-dash.py", "-dash.py", id="leading dash"),
        pytest.param(unicodedata.normalize("NFC", "größe.py"), "größe.py", id="composed"),
        pytest.param(
            unicodedata.normalize("NFD", "größe.py"), unicodedata.normalize("NFD", "größe.py"), id="decomposed"
        ),
        pytest.param(b"latin\xe9.py", "latin\\xe9.py", id="no UTF-8"),
        pytest.param("esc\x1b[31m.py", "esc\\x1b[31m.py", id="escape sequence"),
        pytest.param("rtl\u202e.py", "rtl\\u202e.py", id="bidirectional control"),
        pytest.param("a b/c d.py", "a b/c d.py", id="folder with space"),
        pytest.param(" b/x.py", " b/x.py", id="looks like a prefix"),
    ],
)
@pytest.mark.parametrize("content", [b"x = 1\n", b"", b"\0\n"], ids=["text", "empty", "binary"])
def test_names(repo: GitRepo, name: str | bytes, shown: str, content: bytes) -> None:
    change = only(repo, content, name)
    assert (change.path, change.raw_path) == (shown, os.fsencode(name))
    repo.commit()
    repo.git("mv", "--", name, "moved.py")
    (moved,) = staged()
    if content:
        assert (moved.path, moved.raw_old_path) == ("moved.py", os.fsencode(name))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a\nb", ["a", "b"], id="no newline at the end"),
        pytest.param(b"a\r\nb\r\n", ["a", "b"], id="CRLF"),
        pytest.param(b"a\r\nb\nc\r", ["a", "b", "c"], id="mixed line ends"),
        pytest.param(b"a\x0cb\n", ["a\x0cb"], id="form feed"),
        pytest.param("a\u2028b\u2029c\x85d\n".encode(), ["a\u2028b\u2029c\x85d"], id="Unicode line separators"),
        pytest.param(b"a\rb\n", ["a\rb"], id="lone CR"),
        pytest.param(b"\xef\xbb\xbfa\n", ["\ufeffa"], id="BOM"),
        pytest.param(b"caf\xe9\n", ["caf\ufffd"], id="Latin-1"),
        pytest.param(b"x" * 1_000_000 + b"\n", ["x" * 1_000_000], id="a line of 1 MB"),
        pytest.param(b"--- a/b\n+++ b/c\n@@ -1 +1 @@\n", ["--- a/b", "+++ b/c", "@@ -1 +1 @@"], id="looks like a diff"),
        pytest.param(b"diff --git a/x b/x\n", ["diff --git a/x b/x"], id="looks like a header"),
        pytest.param(b"\n\n", ["", ""], id="empty lines"),
        pytest.param(b"\\ No newline at end of file\n", ["\\ No newline at end of file"], id="looks like git's remark"),
        pytest.param(b"a\n" * 5000 + b"\0", ["a"] * 5000 + ["\0"], id="NUL behind git's look"),
    ],
)
def test_contents(repo: GitRepo, content: bytes, expected: list[str]) -> None:
    change = only(repo, content)
    assert texts(change) == expected
    assert [line.new for line in change.added] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("content", ["a\nb\n".encode("utf-16"), b"a\0b\n"], ids=["UTF-16", "NUL"])
def test_binaries(repo: GitRepo, content: bytes) -> None:
    assert only(repo, content).binary


def test_adds_edits_deletes_and_modes(repo: GitRepo) -> None:
    for name in ("edited", "deleted", "mode", "link", "typed"):
        repo.stage(name, "old\n")
    repo.commit()
    repo.stage("edited", "new\n")
    repo.git("rm", "-q", "deleted")
    (repo.path / "mode").chmod(0o755)
    os.symlink("edited", repo.path / "new-link")
    (repo.path / "typed").unlink()
    os.symlink("edited", repo.path / "typed")
    repo.git("add", "-A")
    found = [(c.path, c.mode, c.deleted, texts(c)) for c in staged()]
    assert found == [
        ("deleted", "100644", True, []),
        ("edited", "100644", False, ["new"]),
        ("mode", "100755", False, []),
        ("new-link", "120000", False, ["edited"]),
        ("typed", "100644", True, []),
        ("typed", "120000", False, ["edited"]),
    ]


def test_renames_with_and_without_edits(repo: GitRepo) -> None:
    body = "".join(f"line {i}\n" for i in range(40))
    repo.stage("one.py", body)
    repo.stage("two.py", body.replace("line", "row"))
    repo.commit()
    repo.git("mv", "one.py", "uno.py")
    repo.git("mv", "two.py", "due.py")
    repo.stage("due.py", body.replace("line", "row").replace("row 9\n", "row nine\n"))
    assert [(c.path, c.raw_old_path, texts(c)) for c in staged()] == [
        ("due.py", b"two.py", ["row nine"]),
        ("uno.py", b"one.py", []),
    ]


def test_a_copy_is_read_as_new(repo: GitRepo) -> None:
    repo.stage("a.py", "x\ny\n")
    repo.commit()
    change = only(repo, b"x\ny\n", "copy.py")
    assert texts(change) == ["x", "y"]


def test_the_heading_is_the_enclosing_line(repo: GitRepo) -> None:
    body = "def outer():\n" + "".join(f"    x = {i}\n" for i in range(20))
    repo.stage("a.py", body)
    repo.commit()
    change = only(repo, body.replace("x = 15\n", "y = 15\n").encode())
    assert change.hunks[0].heading == "def outer():"


GIT = b"""\
diff --git a/app.py b/app.py
index 1111111..2222222 100644
--- a/app.py
+++ b/app.py
@@ -1,2 +1,3 @@ def f():
 a
-b
+c
+d
"""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(GIT[:-1], id="in the last line"),
        pytest.param(GIT[:-3], id="without the last line"),
        pytest.param(GIT[: GIT.index(b"@@")], id="before the hunk"),
        pytest.param(GIT[: GIT.index(b"+c")], id="in the hunk"),
        pytest.param(GIT + b"diff --git a/b b/b\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n", id="second file"),
        pytest.param(b"--- a/q\n+++ b/q\n", id="plain, no hunk"),
        pytest.param(b"--- a/q\n+++ b/q\n@@ -1,3 +1,3 @@\n-x\n+y\n", id="plain, short hunk"),
        pytest.param(b"hello\n", id="no diff"),
        pytest.param(b"\x00\xff\n", id="bytes"),
        pytest.param(b"diff --cc a\nindex 1,2..3\n--- a/a\n+++ b/a\n@@@ -1 -1 +1 @@@\n++x\n", id="combined"),
    ],
)
def test_what_is_no_whole_diff_is_an_error(data: bytes) -> None:
    with pytest.raises(DiffError):
        parse_diff(data)


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\n"])
def test_nothing_is_no_change(data: bytes) -> None:
    assert parse_diff(data) == ()


@pytest.mark.parametrize(
    ("data", "path"),
    [
        pytest.param(GIT, "app.py", id="git"),
        pytest.param(b"commit 1\n\n    text\n\n" + GIT, "app.py", id="git show"),
        pytest.param(b"From 1\nSubject: x\n\n---\n app.py | 3 +-\n\n" + GIT + b"-- \n2.39.5\n\n", "app.py", id="patch"),
        pytest.param(GIT.replace(b"a/app", b"app").replace(b"b/app", b"app"), "app.py", id="no prefix"),
        pytest.param(GIT.replace(b"a/app", b"i/app").replace(b"b/app", b"w/app"), "app.py", id="mnemonic"),
        pytest.param(
            b"--- app.py\t2026-01-01\n+++ app.py\t2026-01-02\n" + GIT[GIT.index(b"@@") :], "app.py", id="diff -u"
        ),
        pytest.param(GIT.replace(b"\n", b"\r\n"), "app.py", id="CRLF throughout"),
    ],
)
def test_diffs_of_other_tools(data: bytes, path: str) -> None:
    (change,) = parse_diff(data)
    assert (change.path, texts(change)) == (path, ["c", "d"])


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=20)


@given(st.lists(TEXT, max_size=30), st.lists(TEXT, max_size=30))
def test_the_new_file_can_be_rebuilt_from_the_hunks(old: list[str], new: list[str]) -> None:
    rows = list(difflib.unified_diff(old, new, "a/f", "b/f", lineterm="", n=len(old) + len(new)))
    data = "".join(f"{row}\n" for row in rows).encode()
    changes = parse_diff(data)
    if old == new:
        assert changes == ()
        return
    (change,) = changes
    lines = [line for hunk in change.hunks for line in hunk.lines]
    kept = [line for line in lines if line.kind is not LineKind.REMOVED]
    assert [line.text for line in kept] == new
    assert [line.new for line in kept] == list(range(1, len(new) + 1))
    assert [line.text for line in lines if line.kind is not LineKind.ADDED] == old


@given(st.lists(TEXT, max_size=30), st.lists(TEXT, max_size=30), st.integers(0, 3), st.sampled_from(["", "\r"]))
def test_another_parser_reads_the_same(old: list[str], new: list[str], context: int, end: str) -> None:
    rows = list(difflib.unified_diff(old, new, "a/f", "b/f", lineterm="", n=context))
    text = [f"{row}{end if number > 1 and not row.startswith('@@') else ''}\n" for number, row in enumerate(rows)]
    expected = [
        [
            (line.line_type, line.source_line_no, line.target_line_no, line.value.removesuffix("\n").removesuffix("\r"))
            for line in hunk
        ]
        for file in PatchSet(text)
        for hunk in file
    ]
    found = [
        [(line.kind.value, line.old, line.new, line.text) for line in hunk.lines]
        for change in parse_diff("".join(text).encode())
        for hunk in change.hunks
    ]
    assert found == expected


@given(st.lists(st.binary(max_size=6).map(lambda row: row.replace(b"\n", b"")), min_size=1, max_size=6))
def test_bytes_that_are_no_text_stay_in_their_line(rows: list[bytes]) -> None:
    head = b"--- a/f\n+++ b/f\n@@ -0,0 +1,%d @@\n" % len(rows)
    (change,) = parse_diff(head + b"".join(b"+%b\n" % row for row in rows))
    assert texts(change) == [row.removesuffix(b"\r").decode("utf-8", "replace") for row in rows]


def test_what_is_behind_the_place_of_a_hunk_is_its_heading() -> None:
    rows = ["--- a/f", "+++ b/f", "@@ -1 +1,2 @@ def f(x):\r", " x", "+y", "@@ -9,1 +10,2 @@", " a", "+@@ b", ""]
    (change,) = parse_diff("\n".join(rows).encode())
    assert [hunk.heading for hunk in change.hunks] == ["def f(x):", ""]
    assert [(line.new, line.text) for line in change.added] == [(2, "y"), (11, "@@ b")]


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    for text in (data, GIT[:60] + data, GIT[:110] + data):
        try:
            assert all(change.hunks or not change.added for change in parse_diff(text))
        except DiffError:
            pass
