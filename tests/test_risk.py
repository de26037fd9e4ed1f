"""Which requests come first: what may do harm before the rest, tests and documents last."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import change

from reviewbot.diff import FileChange
from reviewbot.plan import Chunk
from reviewbot.risk import LARGE, LONGEST_DEFINITION, REASONS, is_test_or_doc, riskiest_first
from reviewbot.units import Unit

DOCUMENT = (Path(__file__).parent.parent / "docs" / "when-time-is-short.md").read_text()
PLAIN = "+x = 1"


def chunk(*changes: FileChange) -> Chunk:
    units = [Unit(c.path, hunk, 0, len(hunk.lines)) for c in changes for hunk in c.hunks]
    return Chunk(tuple(units), 1)


def first(*chunks: Chunk) -> int:
    """The place of the one that comes first."""
    return chunks.index(riskiest_first(chunks)[0])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("src/auth/views.py", PLAIN, id="path"),
        pytest.param("src/Login.java", PLAIN, id="path in capitals"),
        pytest.param("a.py", "+cursor.execute(query)", id="query"),
        pytest.param("a.js", "+node.innerHTML = text", id="words in capitals"),
        pytest.param("a.py", " x = 1\n-if not user.is_admin:\n+y = 2", id="if is gone"),
        pytest.param("a.go", "-\tif err != nil {\n-\t\treturn err\n-\t}\n+x()", id="error is not looked at"),
        pytest.param("a.c", "-    } else if (n > size) {\n+    } else {", id="condition of a branch"),
        pytest.param("a.py", "-    return sanitize(text)\n+    return text", id="call of a check"),
        pytest.param("a.py", "+def f():", id="function"),
        pytest.param("a.c", "+static int f(int a) {", id="function of C"),
        pytest.param("a.py", "\n".join([PLAIN] * LARGE), id="large"),
    ],
)
def test_each_reason_puts_a_request_first(path: str, body: str) -> None:
    assert first(chunk(change("b.py", PLAIN)), chunk(change(path, body))) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("src/authors.py", PLAIN, id="authors are no authentication"),
        pytest.param("a.py", "-if a:\n-    b()\n+    if a:\n+        b()", id="a check that only moved"),
        pytest.param("a.py", "-x = iffy\n+x = 2", id="a word that begins like a check"),
        pytest.param("a.py", "+f" + "(a)" * LONGEST_DEFINITION + " {", id="a long line is data"),
        pytest.param("a.py", "\n".join([PLAIN] * (LARGE - 1)), id="not large"),
    ],
)
def test_what_only_looks_like_a_reason_is_none(path: str, body: str) -> None:
    assert first(chunk(change("b.py", PLAIN)), chunk(change(path, body))) == 0


def test_heavier_reasons_come_first_and_each_counts_once() -> None:
    removed = chunk(change("a.py", "-assert ok\n+x = 1"))
    functions = chunk(change("b.py", "+def f():\n+def g():\n+def h():"))
    both = chunk(change("c.py", "-assert ok\n+def f():"))
    assert riskiest_first((functions, removed, both)) == (both, removed, functions)


def test_tests_and_documents_come_last_the_riskiest_of_them_first() -> None:
    test = chunk(change("tests/test_login.py", "+def test_password():"))
    document = chunk(change("docs/a.rst", PLAIN))
    plain = chunk(change("a.py", PLAIN))
    assert riskiest_first((document, test, plain)) == (plain, test, document)


def test_a_test_beside_code_adds_nothing_to_it() -> None:
    mixed = chunk(change("a.py", PLAIN), change("tests/test_login.py", "+def test_password():"))
    assert first(chunk(change("b.py", PLAIN)), mixed) == 0
    assert first(chunk(change("README.md", PLAIN)), mixed) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("tests/a.py", True, id="folder"),
        pytest.param("pkg/spec/a.rb", True, id="folder below"),
        pytest.param("pkg/a_test.go", True, id="name in Go"),
        pytest.param("src/a.spec.ts", True, id="name in TypeScript"),
        pytest.param("test_a.py", True, id="name in Python"),
        pytest.param("CHANGELOG", True, id="document without ending"),
        pytest.param("docs/conf.py", True, id="code of documents"),
        pytest.param("a.MD", True, id="ending in capitals"),
        pytest.param("requirements.txt", False, id="no document"),
        pytest.param("src/latest.py", False, id="ends like test"),
        pytest.param("attests/a.py", False, id="folder ends like tests"),
        pytest.param("src/contest.go", False, id="name ends like test"),
    ],
)
def test_tests_and_documents_are_known_by_their_names(path: str, expected: bool) -> None:
    assert is_test_or_doc(path) is expected


@given(st.lists(st.tuples(st.sampled_from(["a.py", "auth.py", "tests/b.py"]), st.text("ab\n def(){", max_size=20))))
def test_all_requests_are_there_and_equals_keep_their_order(said: list[tuple[str, str]]) -> None:
    chunks = [chunk(change(path, "\n".join(f"+{row}" for row in body.split("\n")))) for path, body in said]
    ordered = riskiest_first(chunks)
    assert sorted(map(id, ordered)) == sorted(map(id, chunks))
    assert riskiest_first(ordered) == ordered
    alike = [chunk(change(path, PLAIN)) for path, _ in said if path == "a.py"]
    assert [id(c) for c in riskiest_first(alike)] == [id(c) for c in alike]


def test_the_document_has_the_table_of_the_program() -> None:
    rows = [f"| {reason.points} | {reason.what} |" for reason in REASONS]
    shown = DOCUMENT.split("<!-- reasons -->\n")[1].split("\n<!-- end of reasons -->")[0]
    assert shown == "\n".join(["| points | where there is |", "| --- | --- |", *rows])
