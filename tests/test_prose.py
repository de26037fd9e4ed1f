"""Which parts of lines are comments, strings or prose, and which are code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import lines

from reviewbot.prose import part_at, text_parts

MARK = "\u00e9"
"""What the place of is asked: no ASCII, so that lines are looked at."""


def kinds(*rows: str, path: str = "a.py") -> list[str | None]:
    """The kind of the part around each mark; None in code."""
    hunk = lines("\n".join(f"+{row}" for row in rows))
    parts = text_parts(path, hunk)
    found = [part_at(parts[line.new], at) for line in hunk for at, c in enumerate(line.text) if c == MARK]
    return [part and part.kind.value for part in found]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (f"x = 1  # {MARK}", "comment"),
        (f"f(); // {MARK}", "comment"),
        (f"f(/* {MARK} */);", "comment"),
        (f" * {MARK} f();", "comment"),
        (f"-- {MARK}", "comment"),
        (f"<!-- {MARK} -->", "comment"),
        (f"x = 'it\\'s {MARK}'", "string"),
        (f'x = "# {MARK}" + y', "string"),
        (f"x = `{MARK}` + y", "string"),
        (f"f('https://a.example') + {MARK}", None),
        (f"/* a */ f({MARK})", None),
        (f"* a */ f({MARK})", None),
        (f"x = '#' + {MARK}", None),
        (f"for {MARK} in x:", None),
        (f"from {MARK} import x", None),
        (f"f({MARK})", None),
        (f"{MARK} += 1", None),
        (f"a caf{MARK} (in town) - and more", "likely"),
        (f"<b class='x'>a caf{MARK} &amp; more</b>;", "string"),
    ],
)
def test_the_kind_of_a_place(row: str, kind: str | None) -> None:
    assert kinds(row) == [kind]


def test_what_goes_over_many_lines() -> None:
    assert kinds(f"x = '''{MARK}", f"y = {MARK}", f"{MARK}''' + f({MARK})") == ["string", "string", "string", None]


def test_a_file_without_code() -> None:
    assert kinds(f"x = {MARK}", path="docs/README.md") == ["prose"]


@given(st.lists(st.text(st.characters(exclude_characters="\n")), min_size=1))
def test_parts_are_in_order_and_inside_their_lines(rows: list[str]) -> None:
    hunk = lines("\n".join(f"+{row}" for row in rows))
    for line in hunk:
        parts = text_parts("a.py", hunk)[line.new]
        edges = [edge for part in parts for edge in part[:2]]
        assert edges == sorted(edges) and (not edges or edges[-1] <= len(line.text))
