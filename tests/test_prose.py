"""Which parts of lines are comments, strings or prose, and which are code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import lines

from reviewbot.prose import part_at, parts_of, text_parts

MARK = "\u00e9"
"""What the place of is asked: no ASCII, so that lines are looked at."""


def kinds(*rows: str, path: str = "a.unknown") -> list[str | None]:
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
        (f"<b class='x'>a caf{MARK} &amp; more</b>;", "prose"),
    ],
)
def test_the_kind_of_a_place(row: str, kind: str | None) -> None:
    assert kinds(row) == [kind]


@pytest.mark.parametrize(
    ("path", "row", "kind"),
    [
        ("a.py", f"x = a // {MARK}", None),
        ("a.py", f"x # {MARK}", "comment"),
        ("a.py", f"-- {MARK}", None),
        ("a.js", f"#{MARK} = 1", None),
        ("a.js", f"; {MARK} % {MARK}", None),
        ("a.js", f"f();//{MARK}", "comment"),
        ("a.rb", f"puts {MARK}, admin", None),
        ("CMakeLists.txt", f"set({MARK} admin)", None),
        ("CMakeLists.txt", f"if(a) # {MARK}", "comment"),
        ("a.sql", f"x --{MARK}", "comment"),
        ("a.lua", f"--[[ a ]] {MARK}", None),
        ("a.hs", f"{{- {MARK} -}}", "comment"),
        ("a.vb", f"x = 1 ' {MARK}", "comment"),
        ("a.clj", f"; {MARK}", "comment"),
        ("a.erl", f"% {MARK}", "comment"),
        ("a.rs", f"fn f<'a>({MARK}: &'a T)", None),
        ("a.rs", f"x = '{MARK}'", "string"),
        ("a.ini", f"{MARK} = 1", None),
        ("a.ini", f"x = {MARK}", "data"),
        ("a.ini", f"; {MARK}", "comment"),
        ("a.json", f'"x": "{MARK}"', "data"),
        ("src/locale/de.js", f"x = '{MARK}'", "prose"),
        ("de.po", f'msgstr "{MARK}"', "prose"),
        ("a.js", f"x = <b>{MARK}</b>", "prose"),
        ("a.html", f"{MARK} a", "likely"),
        ("a.yaml", f"x: {MARK} a", "likely"),
    ],
)
def test_a_mark_is_one_in_its_language(path: str, row: str, kind: str | None) -> None:
    assert set(kinds(row, path=path)) == {kind}


def test_lines_with_stars_are_a_comment_that_began_before_the_hunk() -> None:
    code = f" * {MARK}\n * b\n */\n * {MARK}".split("\n")
    found = parts_of("a.c", code, is_whole=False)
    assert [[part.kind.value for part in parts] for parts in found] == [["comment"], ["comment"], [], []]
    assert parts_of("a.c", code, is_whole=True)[0] == []


def test_what_goes_over_many_lines() -> None:
    assert kinds(f"x = '''{MARK}", f"y = {MARK}", f"{MARK}''' + f({MARK})") == ["string", "string", "string", None]


def test_a_file_without_code() -> None:
    assert kinds(f"x = {MARK}", path="docs/README.md") == ["prose"]


@given(
    st.sampled_from(["a.py", "a.c", "a.hs", "a.lua", "a.rs", "a.vb", "a.ini", "a.html", "a.pas", "a.unknown"]),
    st.lists(st.text(st.characters(exclude_characters="\n") | st.sampled_from("\"'`#/*<>-{}[]()=:;%!")), min_size=1),
)
def test_parts_are_in_order_and_inside_their_lines(path: str, rows: list[str]) -> None:
    hunk = lines("\n".join(f"+{row}" for row in rows))
    for line in hunk:
        parts = text_parts(path, hunk)[line.new]
        edges = [edge for part in parts for edge in part[:2]]
        assert edges == sorted(edges) and (not edges or edges[-1] <= len(line.text))
