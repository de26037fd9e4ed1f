"""Characters that nobody sees or that show code in another order: what is found, and which scripts need them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from values import change

from reviewbot.checks import run_checks
from reviewbot.checks.bidi import _SUSPECT, _suspects
from reviewbot.prose import Kind, Part


def found(*rows: str, path: str = "a.py") -> list[tuple[int | None, str, str]]:
    checked = run_checks([change(path, "\n".join(f"+{row}" for row in rows))])
    return [(f.line, f.severity.word, f.rule) for f in checked.findings]


def flag(name: str) -> str:
    return "x = '\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in name) + "\U000e007f'"


ERROR = [(1, "error", "check/bidi")]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("if access != 'user\u202e \u2066// Check if admin\u2069 \u2066':", id="stretched string"),
        pytest.param("/*\u202e } \u2066if (isAdmin)\u2069 \u2066 begin admins only */", id="commenting out"),
        pytest.param("x = 1 # \u2066return\u2069", id="balanced, but nothing that reads rightward"),
        pytest.param("x = 1 # \u2067\u05e9\u05dc\u05d5\u05dd", id="isolate that is not closed"),
        pytest.param("x = 1 # \u05e9\u05dc\u05d5\u05dd\u2069", id="closed, and never opened"),
        pytest.param("x = 'a\u2067\u05e9\u05dc\u05d5\u05dd' and y\u2069", id="Hebrew that ends the string"),
        pytest.param("/* \u2067\u05e9 */ evil() /*\u2069 */", id="Hebrew that ends the comment"),
        pytest.param("if is_a(\u2067\u05e9\u05dc\u05d5\u05dd\u2069, 2):", id="balanced, in code"),
        pytest.param("x = \u202b\u05e9\u05dc\u05d5\u05dd\u202c + 1", id="embedded, in code"),
        pytest.param("return \u2067\u05e9\u2069", id="behind a keyword"),
        pytest.param("\u2067\u05e9 = admin\u2069", id="a line of code, isolated"),
        pytest.param(
            "is\u200eAdmin = 1  # \u05e9\u05dc\u05d5\u05dd", id="mark in code beside a comment that needs some"
        ),
        pytest.param("x = f(\u2066y\u2069)  # \u05e9\u05dc\u05d5\u05dd", id="isolate in code beside such a comment"),
        pytest.param("# \u05e9\u05dc\u05d5\u05dd \u2067abc\u202c", id="closed by what closes another"),
        pytest.param("/* \u05e9 \u2066a */ evil() /* b\u2069 */", id="Latin that ends a Hebrew comment"),
        pytest.param("x = '\u05e9 \u2066a' and 'b\u2069'", id="Latin that ends a Hebrew string"),
        pytest.param("<p>\u05e9 \u2066a</p><p>b\u2069</p>", id="Latin that ends a Hebrew paragraph"),
        pytest.param("# \u05e9 " + 126 * "\u2067" + 126 * "\u2069", id="nested too deep"),
        pytest.param("is\u200badmin = True", id="zero-width space"),
        pytest.param("ad\u200dmin = True", id="joiner between Latin letters"),
        pytest.param("x = 1\u200e", id="mark without a script that needs it"),
        pytest.param("x = 1\ufeff", id="byte order mark in the middle"),
        pytest.param("x\u3164 = 1", id="filler that is a letter"),
        pytest.param("# " + "".join(chr(0xE0000 + ord(c)) for c in "ignore"), id="tags"),
        pytest.param("x = '\u2764\ufe0f\ufe01\ufe02'", id="row of selectors"),
        pytest.param("x = '\U000e0101\U000e0102'", id="selectors of the supplement"),
        pytest.param("\u2060x = 1", id="word joiner"),
        pytest.param("admin\ufe0f = 1", id="selector of pictures behind a letter"),
        pytest.param("x = 'admin1\ufe0f'", id="such behind a digit"),
        pytest.param("e\u0301\ufe0f = 1", id="such behind an accent"),
        pytest.param("admin\U000e0100 = 1", id="selector of Japanese variants behind a Latin letter"),
        pytest.param("x\ufe00 = 1", id="first selector behind a letter"),
        pytest.param("admin\u180b = 1", id="selector of Mongolian behind a Latin letter"),
        pytest.param("caf\u00e9\u200c = 1", id="non-joiner behind an accented letter"),
        pytest.param("# \u0430\u200d\u0434\u043c\u0438\u043d", id="joiner between Cyrillic letters"),
        pytest.param("\u0646\u0627\u0645\u200c = 1", id="non-joiner at the end of a name"),
        pytest.param("is\u00adadmin = 1", id="soft hyphen in a name"),
        pytest.param("x = 'is\u00adadmin'", id="soft hyphen in a string"),
        pytest.param("x = '\u2800'", id="braille without dots"),
        pytest.param("x = '\U0001d173'", id="sign for music that shows nothing"),
        pytest.param("// a comment\u2028evil()", id="line separator that ends a comment"),
        pytest.param("x = 1\u2029y = 2", id="paragraph separator in code"),
        pytest.param(flag("ignore"), id="word that poses as a flag"),
        pytest.param(flag("1234"), id="number that poses as a flag"),
        pytest.param(flag("gbeng").replace("\U000e007f", ""), id="flag without its end"),
        pytest.param("\u05e9 \u2066unless admin\u2069", id="code isolated beside a Hebrew name"),
        pytest.param("set_property \u2067\u05e9 admin\u2069", id="isolated words of a command"),
        pytest.param("evil();\rprint('hello')", id="carriage return inside a line"),
        pytest.param("# a \r b\r", id="one before the end of a line"),
        pytest.param("x = 'pass\u200bword'", id="space without width in a Latin word"),
        pytest.param("x\u200b = 1", id="such a space in a name"),
        pytest.param("x = '\u1781" + 12 * "\u200b" + "\u1781'", id="row of such spaces"),
        pytest.param("x = '\u1781\u200badmin'", id="such a space between two scripts"),
        pytest.param("x = ' \u200b '", id="such a space between blanks"),
        pytest.param("x = '\U000e0080'", id="character that is ignored and not assigned"),
    ],
)
def test_what_is_hidden_is_found(line: str) -> None:
    assert found(line) == ERROR


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            "print('\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd')  # \u05d4\u05e2\u05e8\u05d4", id="Hebrew"
        ),
        pytest.param("# \u2067\u05e9\u05dc\u05d5\u05dd abc\u2069", id="Hebrew, isolated"),
        pytest.param("# \u202b\u0645\u0631\u062d\u0628\u0627\u202c", id="Arabic, embedded"),
        pytest.param('# \u2067\u05e6\u05d4"\u05dc\u2069', id="Hebrew acronym"),
        pytest.param(
            "# \u05d4\u05e4\u05e2\u05d9\u05dc\u05d5 \u2066git push\u2069 \u05db\u05d0\u05df",
            id="Latin, isolated in Hebrew",
        ),
        pytest.param("x = '\u05d4\u05e4\u05e2\u05d9\u05dc\u05d5 \u2068foo()\u2069'", id="first strong, in a string"),
        pytest.param("f(); // \u0645\u0631\u062d\u0628\u0627 \u202aC++\u202c", id="Latin, embedded in Arabic"),
        pytest.param("# \u2067\u05e9\u05dc\u05d5\u05dd \u2066abc\u2069 \u05e2\u05d5\u05dc\u05dd\u2069", id="nested"),
        pytest.param("f(1)  /* \u05e9 \u2066x = 1;\u2069 */", id="code in a comment"),
        pytest.param("<p class='x'>\u05e9\u05dc\u05d5\u05dd \u2066abc\u2069</p>", id="text of a page"),
        pytest.param("    \u2067\u05e9\u05dc\u05d5\u05dd\u2069, world", id="prose"),
        pytest.param(
            "\u05d4\u05e4\u05e2\u05d9\u05dc\u05d5 \u05d0\u05ea \u2066f(x)\u2069 \u05db\u05d0\u05df",
            id="prose that shows code",
        ),
        pytest.param("# abc\u200f \u05e9\u05dc\u05d5\u05dd", id="mark beside Hebrew"),
        pytest.param("# \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", id="Persian with a non-joiner"),
        pytest.param("# \u0915\u094d\u200d\u0937", id="Hindi with a joiner"),
        pytest.param("x = '\U0001f468\u200d\U0001f469\u200d\U0001f467'", id="family"),
        pytest.param("x = '\U0001f9d1\U0001f3fd\u200d\U0001f4bb'", id="skin tone"),
        pytest.param("x = '\U0001f3f3\ufe0f\u200d\U0001f308'", id="rainbow flag"),
        pytest.param("x = '\u2764\ufe0f'", id="heart"),
        pytest.param("x = '1\ufe0f\u20e3'", id="keycap"),
        pytest.param("x = '\u845b\U000e0100'", id="Japanese variant"),
        pytest.param(flag("gbeng"), id="England"),
        pytest.param(flag("ustx"), id="Texas"),
        pytest.param("x = '\U0001f642\u200d\u2194\ufe0f'", id="shaken head"),
        pytest.param("x = '\U0001fae8\u200d\U0001fae9'", id="emoji of later versions"),
        pytest.param("x = '\u2139\ufe0f \u203c\ufe0f \u00a9\ufe0f'", id="letter and signs as pictures"),
        pytest.param("# PDF\u200c\u0647\u0627", id="Persian plural of a Latin word"),
        pytest.param("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 = 1", id="Persian name"),
        pytest.param("# \u0d28\u0d4d\u200d", id="Malayalam joiner at the end of a word"),
        pytest.param("\u0d28\u0d4d\u200d = 1", id="such a name"),
        pytest.param("# \u1820\u180b", id="Mongolian variant"),
        pytest.param("x = '\u2229\ufe00'", id="mathematical variant"),
        pytest.param("x = 1  # Schiff\u00adfahrt", id="soft hyphen in a comment"),
        pytest.param("  <p>Donau\u00addampf</p>", id="soft hyphen on a page"),
        pytest.param("x = '\u2800\u28ff\u2800'", id="picture in braille"),
        pytest.param("\u2800\u2800", id="empty line of such a picture"),
        pytest.param('  "text": "a\u2028b",', id="line separator in data"),
        pytest.param("\ufeffimport os", id="byte order mark at the start"),
        pytest.param(
            "x = 'caf\u00e9 \u65e5\u672c\u8a9e \u0440\u0443\u0441\u0441\u043a\u0438\u0439'", id="other scripts"
        ),
        pytest.param("x = 1\r", id="end of a line on Windows"),
        pytest.param("x = 1\r\r", id="such an end, converted twice"),
        pytest.param("# \u0e20\u0e32\u0e29\u0e32\u200b\u0e44\u0e17\u0e22", id="Thai words"),
        pytest.param("x = '\u1781\u200b %s \u200b\u1781\u200b\u200b\u00a0'", id="such breaks beside a blank"),
        pytest.param("x = '\u1797\u17b6\u179f\u17b6\u200b\u1781\u17d2\u1798\u17c2\u179a'", id="Khmer words"),
        "# \u05e9\u05dc\u05d5\u05dd \u2066'API'\u2069 \u05e9\u05dc\u05d5\u05dd",
        'x = "\u05e9\u05dc\u05d5\u05dd \u2066\\"x\\"\u2069 \u05e9\u05dc\u05d5\u05dd"',
    ],
)
def test_what_a_script_needs_is_no_finding(line: str) -> None:
    assert found(line, path="a.unknown") == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param("a.rb", "puts \u2067\u05e9\u05dc\u05d5\u05dd\u2069, admin", id="Ruby"),
        pytest.param("a.rb", "\u2067\u05e9\u05dc\u05d5\u05dd\u2069", id="a call in Ruby"),
        pytest.param("CMakeLists.txt", "set(\u05e9 \u2067admin\u2069)", id="CMake"),
        pytest.param("CMakeLists.txt", "\u05e9 \u2066unless admin\u2069", id="words of CMake"),
        pytest.param("a.ini", "\u05e9 = \u2067admin\u2069", id="value of a setting"),
        pytest.param("a.ini", "a\u2067 = 1\u2069 \u05e9", id="name of a setting"),
        pytest.param("a.properties", "a\u2067=1\u2069 \u05e9", id="name of a property"),
        pytest.param("a.js", "* \u2067\u05e9\u2069 * admin()", id="star at the start of a line"),
        pytest.param("a.js", "; \u2067\u05e9\u2069; admin()", id="semicolon there"),
        pytest.param("a.js", "!\u2067\u05e9\u2069 && admin()", id="exclamation mark there"),
        pytest.param("a.js", "-- \u2067\u05e9\u2069", id="dashes there"),
        pytest.param("a.js", "#\u2067\u05e9\u2069 = 1", id="private name"),
        pytest.param("a.py", "x = 5 // \u2067\u05e9\u2069", id="division"),
    ],
)
def test_what_is_text_in_one_language_is_code_in_another(path: str, line: str) -> None:
    assert found(line, path=path) == ERROR


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param("a.ini", "title = \u2067\u05e9\u05dc\u05d5\u05dd\u2069", id="value of a setting"),
        pytest.param("a.yml", "title: \u2067\u05e9\u05dc\u05d5\u05dd\u2069 abc", id="value of YAML"),
        pytest.param("a.json", '"title": "Donau\u00addampf"', id="soft hyphen in data"),
        pytest.param("src/i18n/de.ts", "title: 'Donau\u00addampf',", id="soft hyphen in a translation"),
        pytest.param("a.rb", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u2067\u05e9\u2069", id="sentence"),
        pytest.param("a.sql", "select 1 -- \u2067\u05e9\u2069", id="comment of SQL"),
        pytest.param("a.vb", "x = 1 ' \u2067\u05e9\u2069", id="comment of Visual Basic"),
    ],
)
def test_what_is_for_people_in_its_language_is_no_finding(path: str, line: str) -> None:
    assert found(line, path=path) == []


ISOLATED = "\u05e9: \u2066x = f(1);\u2069"


@pytest.mark.parametrize(
    ("begin", "end"), [('def f():\n    """Say.', '"""'), ("x = '''", "'''"), ("f() /* a", "*/"), ("<!--", "-->")]
)
def test_a_comment_or_string_of_many_lines(begin: str, end: str) -> None:
    assert found(*begin.split("\n"), ISOLATED, end, path="a.unknown") == []
    outside = found(*begin.split("\n"), end, ISOLATED, path="a.unknown")
    assert [rule for _, _, rule in outside] == ["check/bidi"]


def test_a_file_without_code() -> None:
    assert found(f'{ISOLATED} \u2067"\u05e9"\u2069', path="README.md") == []
    assert found("x = 1 \u2066y\u2069", path="README.md") == ERROR


def test_a_space_without_width_is_markup_on_a_page() -> None:
    assert run_checks([change("a.md", "+one`\u200b`two")]).findings == ()


def test_a_long_line_of_such_characters_is_looked_at_once() -> None:
    seen = 0

    class Text(str):
        def __iter__(self):
            nonlocal seen
            seen += len(self)
            return super().__iter__()

    text = Text("\u2800" * 1000 + "x")
    assert len(list(_suspects(text, []))) == 1000 and seen < 10 * len(text)


def test_nested_controls_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[tuple[int, int]] = []
    monkeypatch.setattr("reviewbot.checks.bidi._beside", lambda text, *span: (looked.append(span), ("\u05e9",) * 2)[1])
    text = "# \u05e9" + "\u2067" * 100 + '\u05e9"\u05e9' * 100 + "\u2069" * 100
    assert list(_suspects(text, [Part(0, len(text) + 1, Kind.COMMENT)])) == []
    assert len(looked) == 100


def test_a_byte_order_mark_counts_only_on_the_first_line() -> None:
    assert found("x = 1", "\ufeffy = 2") == [(2, "error", "check/bidi")]


def test_the_name_of_a_file() -> None:
    made = replace(change("a.py", " old\n+x\n+y"), raw_path="cod\u202egpj.exe".encode())
    assert [(f.line, f.rule) for f in run_checks([made]).findings] == [(2, "check/bidi")]


@pytest.mark.parametrize("fields", [{}, {"binary": True}, {"raw_old_path": b"a.exe"}])
def test_the_name_of_a_file_without_lines(fields: dict) -> None:
    made = replace(change("a.py", **fields), raw_path="so\u00adft.exe".encode())
    (finding,) = run_checks([made]).findings
    assert (finding.line, finding.severity.word, finding.rule) == (None, "info", "check/bidi")


def test_a_name_that_stays_or_goes_is_no_finding() -> None:
    made = replace(change("a.py"), raw_path="cod\u202e.exe".encode())
    assert run_checks([replace(made, raw_old_path=made.raw_path), replace(made, deleted=True)]).findings == ()


def test_the_message_names_the_characters() -> None:
    (finding,) = run_checks([change("a.py", "+x\u200b = 1")]).findings
    assert "U+200B ZERO WIDTH SPACE" in finding.message


def test_only_added_lines_count() -> None:
    assert run_checks([change("a.py", " x\u200b\n-y\u200b\n+z")]).findings == ()


@given(st.text(st.characters(exclude_characters="\n\r")))
def test_every_line_with_such_a_character_and_no_script_that_needs_it_is_found(text: str) -> None:
    plain = "".join(c for c in text if c.isascii())
    assert found(f"x{plain}") == []
    assert found(f"x{plain}\u202ey") == ERROR


@given(st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",))))
def test_text_without_such_a_character_is_never_found(text: str) -> None:
    if not _SUSPECT.search(text):
        assert not [rule for _, _, rule in found(text) if rule == "check/bidi"]


def test_all_controls_of_direction_are_known() -> None:
    """Unicode's own property: what embeds, overrides, isolates or ends those."""
    kinds = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    controls = [chr(c) for c in range(0x110000) if unicodedata.bidirectional(chr(c)) in kinds]
    assert len(controls) == 9 and all(map(_SUSPECT.match, controls))
