"""Diffs of every origin by file: no line gets lost in silence, and a cut is noticed wherever it is."""

import subprocess
from pathlib import Path

import pytest
from conftest import GitRepo
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewbot.diff import FileChange, LineKind, parse_diff
from reviewbot.errors import DiffError

HEADER = b"diff --git a/a.py b/a.py\nindex 1111111..2222222 100644\n--- a/a.py\n+++ b/a.py\n"
HUNK = b"@@ -1 +1 @@\n-a\n+b\n"
PLAIN = b"--- q.py\n+++ q.py\n" + HUNK


def found(data: bytes) -> list[tuple[str, list[tuple[int | None, str]]]]:
    return [(change.path, [(line.new, line.text) for line in change.added]) for change in parse_diff(data)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HEADER + b"@@ -1 +1,2 @@\n-a\n+b\n+c\n+lost\n", id="an added line too many"),
        pytest.param(HEADER + b"@@ -1,2 +1,2 @@\n-a\n+b\n c\n d\n", id="a context line too many"),
        pytest.param(HEADER + HUNK + b"-c\n", id="a removed line too many"),
        pytest.param(HEADER + b"@@ -1 +1,2 @@\n-a\n-b\n+c\n+d\n", id="wrong on one side"),
        pytest.param(PLAIN + b"+lost\n", id="too many in a plain diff"),
        pytest.param(HEADER + b"@@ -1,2 +1,3 @@\n a\n+b\n", id="too few"),
        pytest.param(HEADER + b"@@ -1,2 +1,3 @@\n a\n+b\n" + HEADER + HUNK, id="too few, and a file behind"),
        pytest.param(HEADER + HUNK + b"@@ -x +1 @@\n+lost\n", id="a header without numbers"),
        pytest.param(HEADER + "@@ -١ +1 @@\n-a\n+b\n".encode(), id="digits that are not ASCII"),
        pytest.param(HEADER + b"@@ -1 +99999999999999999999 @@\n-a\n+b\n", id="a number beyond reason"),
        pytest.param(HEADER + b"@@ -0,0 +0,0 @@\n+lost\n", id="a hunk of nothing"),
        pytest.param(HUNK, id="a hunk of no file"),
        pytest.param(b"diff --git a/x b/x\nBinary files a/x and b/x differ\n" + HUNK, id="a hunk of a binary file"),
        pytest.param(HEADER + HUNK + b"diff --cc x\nindex 1,2..3\n--- a/x\n+++ b/x\n@@@ -1 -1 +1 @@@\n++x\n", id="cc"),
        pytest.param(HEADER + HUNK + b"diff --combined x\n", id="combined"),
        pytest.param(HEADER + b"@@ -1 +1 @@\n[-a-]{+b+}\n", id="word diff"),
        pytest.param(HEADER + b"@@ -1,2 +1,2 @@\n  x = [-a-]{+b+}\n\n", id="word diff of an indented line"),
        pytest.param(HEADER + b"@@ -1 +1 @@\n\x1b[31m-a\x1b[m\n\x1b[32m+b\x1b[m\n", id="colour"),
        pytest.param(b"*** a\n--- b\n***************\n*** 1 ****\n! a\n--- 1 ----\n! b\n", id="context diff"),
        pytest.param(b" a.py | 2 +-\n 1 file changed\n", id="stat"),
        pytest.param(b"* Unmerged path a.py\n", id="nothing but a conflict"),
        pytest.param(b"Submodule sub 111..222:\n  > x\n", id="nothing but a submodule's log"),
    ],
)
def test_no_line_is_left_out_in_silence(data: bytes) -> None:
    with pytest.raises(DiffError):
        parse_diff(data)


@pytest.mark.parametrize(("options", "refused"), [(["-r"], True), (["-rc"], True), (["-ru"], False)], ids=str)
@pytest.mark.parametrize("text", [("a\n", "b\n"), ("a\n", "a\nb\n"), ("a\nb\n", "a\n")], ids=["edit", "add", "cut"])
def test_another_dialect_is_none_for_a_binary_file_beside_it(
    tmp_path: Path, options: list[str], refused: bool, text: tuple[str, str]
) -> None:
    for folder, code, data in zip(("one", "two"), text, (b"\0a", b"\0b"), strict=True):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text(code)
        (tmp_path / folder / "data.bin").write_bytes(data)
    told = subprocess.run(["diff", *options, "one", "two"], cwd=tmp_path, capture_output=True).stdout
    assert b"Binary files" in told
    if refused:
        with pytest.raises(DiffError, match="no unified diff"):
            parse_diff(told)
    else:
        assert [(change.path, change.binary) for change in parse_diff(told)] == [
            ("two/code.py", False),
            ("two/data.bin", True),
        ]


def test_a_coloured_diff_says_how_to_take_the_colour_out() -> None:
    with pytest.raises(DiffError) as caught:
        parse_diff(b"\x1b[1mdiff --git a/x b/x\x1b[m\n\x1b[36m@@ -1 +1 @@\x1b[m\n")
    assert caught.value.hint == "git diff --no-color main..HEAD | reviewbot diff -"


B = [(1, "b")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(HEADER + HUNK + PLAIN, [("a.py", B), ("q.py", B)], id="plain behind git"),
        pytest.param(PLAIN + HEADER + HUNK, [("q.py", B), ("a.py", B)], id="git behind plain"),
        pytest.param(HEADER + HUNK + HEADER + HUNK, [("a.py", B), ("a.py", B)], id="one file twice"),
        pytest.param(HEADER + HUNK + HUNK.replace(b"1 +1", b"9 +9"), [("a.py", [*B, (9, "b")])], id="two hunks"),
        pytest.param(
            HEADER + HUNK + b"-- \n2.39.5\n\nFrom 1\nSubject: x\n\n+ a bullet\n---\n a.py | 2 +-\n\n" + HEADER + HUNK,
            [("a.py", B), ("a.py", B)],
            id="two mails",
        ),
        pytest.param(
            b"commit 1\n\n    diff --git a/x b/x\n    @@ -1 +1 @@\n\n" + HEADER + HUNK, [("a.py", B)], id="log"
        ),
        pytest.param(b"* Unmerged path x\n" + HEADER + HUNK, [("a.py", B)], id="a conflict elsewhere"),
        pytest.param(HEADER + HUNK + b"Submodule sub 1..2:\n  > x\n", [("a.py", B)], id="a submodule's log"),
        pytest.param(
            HEADER + b"@@ -1 +1 @@\n-a\n\\ Kein Zeilenumbruch\n+b\n\\ Kein Zeilenumbruch\n",
            [("a.py", B)],
            id="no newline",
        ),
        pytest.param(HEADER + b"@@ -1,3 +1,4 @@\n a\n\n+b\n c\n", [("a.py", [(3, "b")])], id="blanks taken away"),
        pytest.param(
            (HEADER + b"@@ -1,3 +1,4 @@\n a\n\n+b\n c\n").replace(b"\n", b"\r\n"), [("a.py", [(3, "b")])], id="CRLF"
        ),
        pytest.param(
            b"Index: x.py\n=====\n--- x.py\t(revision 1)\n+++ x.py\t(working copy)\n" + HUNK, [("x.py", B)], id="svn"
        ),
        pytest.param(
            b"diff --git a/x.py b/x.py\n--- a/x.py\tThu Jan 01\n+++ b/x.py\tThu Jan 02\n" + HUNK, [("x.py", B)], id="hg"
        ),
        pytest.param(HEADER.replace(b"a/a", b"b/a") + HUNK, [("b/a.py", B)], id="no prefix, in folder b"),
        pytest.param(
            b"diff --git b/x b/x\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n",
            [("b/x", B)],
            id="new without prefix, in folder b",
        ),
        pytest.param(b"--- c/x.py\n+++ c/x.py\n" + HUNK, [("c/x.py", B)], id="plain, in folder c"),
        pytest.param(b"--- a/x.py\n+++ b/x.py\n" + HUNK, [("x.py", B)], id="plain, with prefixes"),
        pytest.param(b"--- /dev/null\n+++ b/x.py\n@@ -0,0 +1 @@\n+b\n", [("x.py", B)], id="plain, new"),
        pytest.param(b"--- /dev/null\n+++ w/x.py\n@@ -0,0 +1 @@\n+b\n", [("w/x.py", B)], id="plain, new in folder w"),
        pytest.param(b"--- a/x.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n", [("x.py", [])], id="plain, deleted"),
        pytest.param(
            HEADER.replace(b" a/", b" b/").replace(b" b/a.py\nindex", b" a/a.py\nindex") + HUNK, None, id="-R"
        ),
        pytest.param(b'--- "a/q\\tx"\n+++ "b/q\\tx"\n' + HUNK, [("q\\tx", B)], id="plain, quoted"),
        pytest.param(
            b"diff --git a/x y b/z w\n--- a/x y\t\n+++ b/z w\t\n" + HUNK, [("z w", B)], id="two files compared"
        ),
    ],
)
def test_diffs_of_every_origin(data: bytes, expected: list[tuple[str, list[tuple[int, str]]]] | None) -> None:
    assert found(data) == (expected or [("a.py", B)])


@pytest.mark.parametrize(
    ("data", "path"),
    [
        pytest.param(b"Binary files a.bin and b.bin differ\n", "b.bin", id="diff"),
        pytest.param(b"diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n", "x", id="git"),
        pytest.param(b"diff --git a/x y b/z\nindex 1..2 100644\nBinary files a/x y and b/z differ\n", "z", id="two"),
        pytest.param(
            b"diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZ\n\nliteral 0\nHcmV\n\n",
            "x",
            id="p",
        ),
    ],
)
def test_binary_files(data: bytes, path: str) -> None:
    (change,) = parse_diff(data)
    assert (change.path, change.binary, change.hunks) == (path, True, ())


WHOLE = {
    b"diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n": "an empty file",
    b"diff --git a/e b/e\nnew file mode 100644\nindex 0000000..473a0f4\n": "an empty file, SHA-256",
    b"diff --git a/e b/e\ndeleted file mode 100644\nindex e69de29..0000000\n": "an empty file deleted",
    b"diff --git a/e b/e\nnew file mode 100644\n": "an empty file of hg",
    b"diff --git a/m b/m\nold mode 100644\nnew mode 100755\n": "a mode",
    b"diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n": "a rename",
    b"diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n": "a copy",
}


@pytest.mark.parametrize("data", WHOLE, ids=WHOLE.values())
def test_headers_without_a_line(data: bytes) -> None:
    (change,) = parse_diff(data)
    assert (change.hunks, change.binary) == ((), False)


@pytest.mark.parametrize("data", WHOLE, ids=WHOLE.values())
def test_headers_that_are_cut(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    accepted = [b"".join(lines[:n]) for n in range(1, len(lines)) if _is_accepted(b"".join(lines[:n]))]
    assert set(accepted) <= set(WHOLE) | {b"diff --git a/e b/e\ndeleted file mode 100644\n"}


def _is_accepted(data: bytes) -> bool:
    try:
        return bool(parse_diff(data))
    except DiffError:
        return False


@pytest.fixture
def everything(repo: GitRepo) -> bytes:
    """A real diff with every kind of section."""
    body = {
        name: "".join(f"{name} {i}\n" for i in range(30))
        for name in ("edited.py", "moved.py", "deleted.py", "mode.py", 'quo"te.py', "with space.py")
    }
    for name, text in body.items():
        repo.stage(name, text)
    repo.stage("picture.png", b"\x89PNG\0old")
    repo.stage("emptied", "")
    repo.commit()
    edited = body["edited.py"].replace("edited.py 3\n", "new 3\n")
    repo.stage("edited.py", edited.replace("edited.py 25\n", "+++ b/x\n--- a/x\n@@ -1 +1 @@\n"))
    repo.git("mv", "moved.py", "renamed.py")
    repo.stage("renamed.py", body["moved.py"] + "more\n")
    repo.git("rm", "-q", "deleted.py")
    (repo.path / "mode.py").chmod(0o755)
    repo.stage('quo"te.py', body['quo"te.py'] + "more\n")
    repo.stage("with space.py", "short\n")
    repo.stage("picture.png", b"\x89PNG\0new")
    repo.stage("emptied", "no longer")
    repo.stage("new-empty", "")
    repo.stage("new.py", "x = 1\r\ny = 2")
    repo.git("add", "-A")
    return repo.git("diff", "--cached", "-M").stdout


def test_a_cut_anywhere_is_an_error_or_leaves_whole_hunks(everything: bytes) -> None:
    whole = parse_diff(everything)
    assert [change.path for change in whole] == [
        "deleted.py",
        "edited.py",
        "emptied",
        "mode.py",
        "new-empty",
        "new.py",
        "picture.png",
        'quo"te.py',
        "renamed.py",
        "with space.py",
    ]
    accepted = 0
    for end in range(1, len(everything)):
        try:
            part = parse_diff(everything[:end])
        except DiffError:
            continue
        accepted += 1
        assert everything[end - 1 : end] == b"\n"
        _check_prefix(part, whole)
    assert accepted < 30  # where a file or a hunk ends


def _check_prefix(part: tuple[FileChange, ...], whole: tuple[FileChange, ...]) -> None:
    assert part[:-1] == whole[: len(part) - 1]
    last, same = part[-1], whole[len(part) - 1]
    assert last.raw_path == same.raw_path
    assert last.hunks == same.hunks[: len(last.hunks)]


ODD = [b"", b" ", b"\r", b"+", b"-", b"--- a/f", b"+++ b/f", b"@@ -1 +1 @@", b"diff --git a/f b/f", b"\\ No", b"-- "]
LINES = st.lists(
    st.sampled_from([b"a", b"b", b"c\r", *ODD])
    | st.binary(max_size=12).filter(lambda line: b"\n" not in line and b"\0" not in line),
    max_size=25,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rebuilt")


@settings(max_examples=60)
@given(old=LINES, new=LINES, last=st.booleans(), context=st.sampled_from([0, 1, 3]))
def test_the_new_file_is_rebuilt_from_what_git_prints(
    folder: Path, old: list[bytes], new: list[bytes], last: bool, context: int
) -> None:
    """Unchanged lines come from the old file, the others from the hunks; every number must be right for that."""
    sides = [b"".join(line + b"\n" for line in lines) for lines in (old, new)]
    (folder / "old").write_bytes(sides[0])
    (folder / "new").write_bytes(sides[1] if last else sides[1].removesuffix(b"\n"))
    command = ["git", "diff", "--no-index", "--no-color", "--text", f"-U{context}", "old", "new"]
    data = subprocess.run(command, cwd=folder, capture_output=True).stdout
    hunks = [hunk for change in parse_diff(data) for hunk in change.hunks]
    before = [_text(line) for line in old]
    rebuilt: list[str] = []
    taken = 0  # lines of the old file that are dealt with
    for line in (line for hunk in hunks for line in hunk.lines):
        gap = line.old - 1 - taken if line.old is not None else (line.new or 0) - 1 - len(rebuilt)
        assert gap >= 0
        rebuilt += before[taken : taken + gap]
        taken += gap
        if line.kind is not LineKind.ADDED:
            assert before[taken] == line.text
            taken += 1
        if line.kind is not LineKind.REMOVED:
            assert line.new == len(rebuilt) + 1
            rebuilt.append(line.text)
    rebuilt += before[taken:]
    expected = [_text(line) for line in new]
    if expected and not last and not new[-1]:
        expected.pop()  # without its line end, an empty last line is none
    assert rebuilt == expected


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode("utf-8", "replace")
