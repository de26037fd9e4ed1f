"""Packing: every added line ends up in one chunk or is listed, and no chunk is over its budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from values import change

from reviewbot.diff import SUBMODULE_MODE, SYMLINK_MODE, FileChange, Hunk, Line, LineKind
from reviewbot.layout import show_segments
from reviewbot.plan import Budget, Chunk, Omission, Rules, matches, omit, plan_review, select_files, split_chunk
from reviewbot.tokens import BoundCounter


class OneALine:
    """Counts one token for each shown line, headings included, so that budgets can be written by hand."""

    def count(self, text: str) -> int:
        return text.count("\n")


def plan(budget: int, *changes: FileChange):
    return plan_review(changes, Budget(budget, OneALine()))


def numbers(chunk: Chunk) -> list[tuple[str, list[int]]]:
    return [
        (s.path, [line.new for line in s.lines if line.kind is LineKind.ADDED and line.new is not None])
        for s in chunk.segments
    ]


def test_a_change_that_fits_exactly_is_one_chunk() -> None:
    found = plan(5, change("a", "+x\n+y\n+z"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1, 2, 3])]]
    assert found.failed == ()


def test_one_line_over_the_budget_makes_a_second_chunk() -> None:
    found = plan(4, change("a", "+x\n+y\n+z"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1, 2])], [("a", [3])]]


def test_files_share_a_chunk_in_the_order_of_the_diff() -> None:
    found = plan(20, change("b", "+x"), change("a", "+y", "+z"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("b", [1]), ("a", [1]), ("a", [101])]]


def test_a_small_hunk_is_not_torn_to_fill_a_chunk() -> None:
    found = plan(10, change("a", "+1\n+2\n+3\n+4\n+5\n+6"), change("b", "+1\n+2"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1, 2, 3, 4, 5, 6])], [("b", [1, 2])]]


def test_a_hunk_without_added_lines_is_not_sent() -> None:
    found = plan(10, change("a", " x\n-y", "+z"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [101])]]


def test_an_added_line_that_fits_no_request_is_failed_with_the_reason() -> None:
    long = "x" * 300
    found = plan_review([change("a", f"+short\n+{long}\n+end")], Budget(100, BoundCounter()))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1]), ("a", [3])]]
    assert found.failed == (Omission("a", 2, 2, 1, "line too long for the window"),)


def test_a_line_may_take_the_whole_window_but_then_alone() -> None:
    long = "x" * 300
    found = plan_review([change("a", f"+short\n+{long}\n+end")], Budget(100, BoundCounter(), line_tokens=400))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1])], [("a", [2])], [("a", [3])]]
    assert found.failed == ()


def test_long_context_is_clipped_and_does_not_fail() -> None:
    found = plan_review([change("a", " " + "c" * 5000 + "\n+x")], Budget(600, BoundCounter()))
    assert found.failed == ()
    assert "[cut]" in show_segments(found.chunks[0].segments)


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


def test_splitting_halves_the_added_lines_and_ends_at_one() -> None:
    (chunk,) = plan(50, change("a", " c\n+1\n+2\n-r\n+3"), change("b", "+4")).chunks
    first, second = split_chunk(chunk)
    assert numbers(first) == [("a", [2, 3])]
    assert numbers(second) == [("a", [4]), ("b", [1])]
    (single,) = plan(50, change("a", " c\n+1")).chunks
    assert split_chunk(single) == ()


LINES = st.lists(st.tuples(st.sampled_from("+- "), st.text("ab</s>[INST]é\u2028 \x00", max_size=60)), min_size=1)


@st.composite
def changes(draw: st.DrawFn) -> tuple[FileChange, ...]:
    made = []
    for i in range(draw(st.integers(1, 4))):
        hunks = []
        number = 1
        for rows in draw(st.lists(LINES, min_size=1, max_size=3)):
            built = []
            for mark, text in rows:
                kind = LineKind(mark)
                new = None if kind is LineKind.REMOVED else number
                number += new is not None
                built.append(Line(kind, None if kind is LineKind.ADDED else 1, new, text))
            hunks.append(Hunk(draw(st.text("def f():", max_size=20)), tuple(built)))
        made.append(FileChange(f"f{i}.py", f"f{i}.py".encode(), tuple(hunks)))
    return tuple(made)


def added(segments) -> list[tuple[str, int | None, str]]:
    return [(s.path, x.new, x.text) for s in segments for x in s.lines if x.kind is LineKind.ADDED]


@given(changes(), st.integers(30, 400))
def test_every_added_line_is_in_one_chunk_or_failed_and_no_chunk_is_over(
    made: tuple[FileChange, ...], tokens: int
) -> None:
    found = plan_review(made, Budget(tokens, BoundCounter()))
    sent = [line for chunk in found.chunks for line in added(chunk.segments)]
    failed = [(o.path, o.start) for o in found.failed]
    every = [(c.path, x.new, x.text) for c in made for x in c.added]
    assert sorted([(p, n) for p, n, _ in sent] + failed) == sorted((p, n) for p, n, _ in every)
    assert [line for line in every if line in sent] == sent
    for chunk in found.chunks:
        assert len(show_segments(chunk.segments).encode()) <= tokens
        assert chunk.added > 0
    assert plan_review(made, Budget(tokens, BoundCounter())) == found


@given(changes())
def test_splitting_loses_no_added_line(made: tuple[FileChange, ...]) -> None:
    for chunk in plan_review(made, Budget(2000, BoundCounter())).chunks:
        halves = split_chunk(chunk)
        if halves:
            assert [line for half in halves for line in added(half.segments)] == added(chunk.segments)
            assert all(half.added < chunk.added for half in halves)
        else:
            assert chunk.added == 1


def test_omitting_a_file_lists_each_hunk_with_its_lines() -> None:
    made = replace(change("a", " c\n+1\n+2", "-r", "+3"), path="shown")
    assert omit(made, "why") == [Omission("shown", 2, 3, 2, "why"), Omission("shown", 201, 201, 1, "why")]
