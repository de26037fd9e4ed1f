"""What a finding is known by: what changes it, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from values import change

from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.findings import Finding, Severity
from reviewbot.fingerprints import fingerprints_of, mark

ROW = st.text("ab =()\t", max_size=5)
ROWS = st.lists(ROW, min_size=1, max_size=12)


def finding(line: int | None, path: str = "a.py", rule: str = "model/bug", message: str = "it is wrong") -> Finding:
    return Finding(path, line, line, Severity.ERROR, "bug", rule, message, "model")


def of(rows: list[str], at: int, first: int = 1, **fields) -> str:
    """The fingerprint of a finding on row `at` of a file that is added whole."""
    path = fields.get("path", "a.py")
    lines = tuple(Line(LineKind.ADDED, None, first + i, text) for i, text in enumerate(rows))
    made = FileChange(path, path.encode(), (Hunk("", lines),))
    (marked,) = mark([finding(first + at, **fields)], [made])
    return marked.fingerprint


@given(ROWS, st.data())
def test_moving_indenting_and_rewording_keep_it(rows: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    same = of(rows, at)
    assert len(same) == 16
    assert of(rows, at, first=data.draw(st.integers(2, 1000))) == same
    assert of([f"    {row}" for row in rows], at) == same
    assert of([f"{row}  " for row in rows], at) == same
    assert of(rows, at, message="another word for it") == same
    spaced = [part for row in rows for part in (row, "")]
    assert not rows[at].strip() or of(spaced, 2 * at) == same


@given(ROWS, st.data())
def test_another_path_rule_line_or_neighbour_is_another_one(rows: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    same = of(rows, at)
    assert of(rows, at, path="b.py") != same
    assert of(rows, at, rule="model/security") != same
    assert of([*rows[:at], rows[at] + "x", *rows[at + 1 :]], at) != same
    assert of([*rows[:at], "x", *rows[at:]], at + 1) != same
    assert of([*rows[: at + 1], "x", *rows[at + 1 :]], at) != same


@given(ROWS)
def test_no_two_lines_of_a_file_share_one_and_a_file_knows_all(rows: list[str]) -> None:
    made = [of(rows, at) for at in range(len(rows))]
    assert len(set(made)) == len(made)
    assert set(made) == fingerprints_of("a.py", "model/bug", rows)


@given(ROWS, ROWS, ROWS)
def test_a_diff_that_shows_less_gives_the_same(above: list[str], rows: list[str], below: list[str]) -> None:
    """git shows three lines around a change; a neighbour that is not blank is nearly always among them."""
    whole = ["top", *above, "a", "b", *rows, "c", "d", *below]
    part = ["b", *rows, "c"]
    first = len(above) + 4
    if any(whole[i : i + len(part)] == part for i in range(first - 1)):
        return  # an equal part above counts as the first
    for at, row in enumerate(rows, 1):
        if row.strip() and rows.count(row) == 1 and whole.count(row) == 1:
            assert of(part, at, first=first) == of(whole, first - 2 + at)


def test_equal_places_are_told_apart_by_their_order_among_the_lines_that_are_shown() -> None:
    rows = ["begin", "x = 1", "end"]
    twice = [*rows, "y = 2", *rows]
    first, second = of(twice, 1), of(twice, 5)
    assert first != second
    assert of(["z = 3", *twice, "z = 4"], 6) == second and of([*rows, "other", *twice[3:]], 6) == second
    assert of(rows, 1, first=5) == first  # the second alone, as a diff shows it that leaves out the first
    assert {first, second} <= fingerprints_of("a.py", "model/bug", twice)


def test_without_a_line_the_message_counts() -> None:
    made = change("a.py", "+x = 1")
    one, other = mark([finding(None), finding(None, message="another")], [made])
    assert one.fingerprint != other.fingerprint
    assert mark([replace(one, fingerprint="")], []) == (one,)


def test_it_is_made_of_the_lines_after_the_change() -> None:
    marked = [mark([finding(2)], [change("a.py", text)])[0].fingerprint for text in (" a\n-old\n+x\n b", " a\n+x\n b")]
    assert marked[0] == marked[1]


@pytest.mark.parametrize("rows", [["x = 1"], ["", "x = 1", ""]])
def test_a_file_of_one_line(rows: list[str]) -> None:
    assert of(rows, rows.index("x = 1")) == of(["x = 1"], 0)
