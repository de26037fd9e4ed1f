"""What is not sent to a model: each rule, what brings a file back, and that no change can hide itself."""

import pytest
from values import change

from reviewbot.diff import SUBMODULE_MODE, SYMLINK_MODE, FileChange
from reviewbot.skips import Rules, matches, select_files


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        pytest.param(change("a.png", binary=True), "binary", id="binary"),
        pytest.param(change("sub", "+Subproject commit 1", mode=SUBMODULE_MODE), "submodule", id="submodule"),
        pytest.param(change("link", "+target", mode=SYMLINK_MODE), "symbolic link", id="symlink"),
        pytest.param(
            change("big.bin", "+version https://git-lfs.github.com/spec/v1\n+oid sha256:0"), "LFS pointer", id="lfs"
        ),
        pytest.param(change("docs/x.md", "+x"), "exclude docs/", id="excluded"),
    ],
)
def test_what_is_no_code_is_skipped_with_its_reason(made: FileChange, reason: str) -> None:
    kept, skipped = select_files([made, change("a.py", "+x")], Rules(exclude=("docs/",)))
    assert [c.path for c in kept] == ["a.py"]
    assert {(o.path, o.reason) for o in skipped} == {(made.path, reason)}
    assert sum(o.lines for o in skipped) == len(made.added)


def test_include_brings_back_what_exclude_drops() -> None:
    kept, skipped = select_files(
        [change("docs/a.md", "+x"), change("docs/b.md", "+x")], Rules(exclude=("docs/",), include=("b.md",))
    )
    assert [c.path for c in kept] == ["docs/b.md"]
    assert [o.path for o in skipped] == ["docs/a.md"]


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        pytest.param("src/a.lock", "*.lock", True, id="file name anywhere"),
        pytest.param("docs/x/y.md", "docs/", True, id="folder"),
        pytest.param("a/docs/y.md", "docs/", True, id="folder below"),
        pytest.param("mydocs/y.md", "docs/", False, id="folder's whole name"),
        pytest.param("src/a.py", "src/*.py", True, id="path"),
        pytest.param("other/src/a.py", "src/*.py", False, id="path from the root"),
        pytest.param("a.PY", "*.py", False, id="case counts"),
    ],
)
def test_globs(path: str, pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected
