"""Which words of a file are code, and which parts of it have which colour."""

import subprocess
import sys

import pytest
from arbitrary import NASTY
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.syntax import code_words, coloured

PATHS = ("a.py", "a.c", "a.sh", "a.html", "a.md", "a.rb", "a.hs", "a.sql", "a.yaml", "a.php", "Makefile", "src/x/a.ts")


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("a.py", "x = 1  # a b\ns = 'c d'", ["1 x", "s"]),
        ("a.py", 'def f():\n    """a\n    b"""\n    return c', ["def f", "", "", "c return"]),
        ("a.c", "#if COUNT > 0\nint x; /* a */", ["0 COUNT if", "int x"]),
        ("a.sh", "cat <<EOF\na b\nEOF\nrm -f c", ["cat", "", "", "c f rm"]),
        ("a.php", "if ($a) { b('c'); }", ["a b if"]),
        ("a.php", "a b\n<?php c();", ["", "c php"]),
        ("a.rb", "a.permit(:b)", ["a b permit"]),
        ("a.js", "const a = /b+/;", ["a b const"]),
        ("a.md", "# a\nb `c`", ["", ""]),
    ],
)
def test_the_words_of_each_line(path: str, text: str, words: list[str]) -> None:
    found = code_words(path, text)
    assert found is not None
    assert [" ".join(sorted(row, key=str.casefold)) for row in found] == words


def test_an_unknown_language() -> None:
    assert code_words("a.unknown", "x = 1") is None


@given(st.sampled_from(PATHS), st.text(alphabet=st.sampled_from("ab \r\n\t\"'#/*<>-{}()=`$\x00\ufeff\u2028é")))
def test_each_line_has_its_row_and_no_words_but_its_own(path: str, text: str) -> None:
    rows = code_words(path, text)
    assert rows is not None
    lines = text.split("\n")
    assert len(rows) == len(lines)
    assert all(word in line for row, line in zip(rows, lines, strict=True) for word in row)


@pytest.mark.parametrize("text", ["((((((((", "<!-- x", "".join(NASTY), "{[(<%$#" * 9, "\"'`" * 20])
def test_any_name_and_text_come_to_an_end(text: str) -> None:
    code = (
        "import resource, sys\n"
        "from pygments.lexers import get_all_lexers\n"
        "from reviewbot.syntax import coloured\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (60, 60))\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "for _, _, patterns, _ in get_all_lexers(plugins=False):\n"
        "    for pattern in patterns:\n"
        "        parts = coloured(pattern.replace('*', 'x'), sys.argv[1])\n"
        "        assert ''.join(part for _, part in parts) == sys.argv[1], pattern\n"
    )
    shown = text.encode("utf-8", "replace").decode().replace("\0", "")
    subprocess.run([sys.executable, "-c", code, shown], check=True)


def test_parts_have_their_colours() -> None:
    assert coloured("a.py", "def f(): return 'a' + 12  # b") == [
        ("keyword", "def"),
        (None, " "),
        ("name", "f"),
        (None, "(): "),
        ("keyword", "return"),
        (None, " "),
        ("string", "'a'"),
        (None, " + "),
        ("number", "12"),
        (None, "  "),
        ("comment", "# b"),
    ]
