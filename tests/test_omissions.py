"""Lines of text about what no model read."""

from reviewbot.plan import Omission
from reviewbot.reporters.omissions import omission_lines


def places(count: int) -> list[Omission]:
    return [Omission(f"f{number}.py", 1, 2, 2, "a reason") for number in range(count)]


def reasons(count: int) -> list[Omission]:
    return [Omission("f.py", number, number, 1, f"reason {number}") for number in range(1, count + 1)]


def test_three_places_are_named_and_the_others_counted() -> None:
    names = "f0.py:1-2, f1.py:1-2, f2.py:1-2"
    assert list(omission_lines("not read", places(3), verbose=False)) == [f"not read: 6 lines in {names}: a reason"]
    for count, more in ((4, "1 more place"), (5, "2 more places")):
        (line,) = omission_lines("not read", places(count), verbose=False)
        assert line == f"not read: {2 * count} lines in {names} and {more}: a reason"
    (line,) = omission_lines("not read", places(4), verbose=True)
    assert line == f"not read: 8 lines in {names}, f3.py:1-2: a reason"


def test_ten_reasons_are_named_and_the_others_counted() -> None:
    for count, more in ((11, "1 more reason"), (12, "2 more reasons")):
        *rows, last = omission_lines("skipped", reasons(count), verbose=False)
        assert rows == [f"skipped: 1 line in f.py:{number}: reason {number}" for number in range(1, 11)]
        assert last == f"skipped: and for {more} (-v lists all)"
    assert len(list(omission_lines("skipped", reasons(10), verbose=False))) == 10
    assert len(list(omission_lines("skipped", reasons(12), verbose=True))) == 12
