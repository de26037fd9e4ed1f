"""The function around a line, for a second opinion."""

import json

import pytest
from conftest import GitRepo
from fake_server import Exchange, FakeServer, fake, find, say
from hypothesis import given
from hypothesis import strategies as st
from values import change

from reviewbot.cli import main
from reviewbot.diff import FileChange, LineKind, parse_diff
from reviewbot.functions import MAX_ROWS, NEAR, function_around, function_extent, views_of_hunk

__all__ = ["fake"]

PYTHON = """\
import os

class Store:
    limit = 3

    def load(self, key):
        row = self.find(key)

        if row:
            return row
        return None

    def save(self, key):
        pass

x = 1
""".split("\n")
C = """\
#include <a.h>

static int add(int a, int b) {
    int c = a;
    if (a) {
        c += b;
    }
    return c;
}

int main(void) {
    return add(1, 2);
}""".split("\n")


@pytest.mark.parametrize(
    ("rows", "number", "heading", "first", "last"),
    [
        pytest.param(PYTHON, 7, "class Store:", 6, 11, id="first line of a method"),
        pytest.param(PYTHON, 10, "class Store:", 6, 11, id="inside of a block"),
        pytest.param(PYTHON, 6, "class Store:", 6, 11, id="the head itself"),
        pytest.param(PYTHON, 4, "", 3, 14, id="of a class"),
        pytest.param(PYTHON, 16, "", 4, 17, id="of none"),
        pytest.param(C, 6, "", 3, 9, id="braces"),
        pytest.param(C, 12, "", 11, 13, id="at the end of the file"),
        pytest.param(["x"], 1, "", 1, 1, id="one line"),
    ],
)
def test_extent(rows: list[str], number: int, heading: str, first: int, last: int) -> None:
    assert function_extent(rows, number) == (heading, first, last)


def test_a_long_function_is_shown_in_part_and_named() -> None:
    rows = ["def long():", *("    x = 1" for _ in range(MAX_ROWS + 40)), "y = 2"]
    assert function_extent(rows, 50) == ("def long():", 50 - NEAR, 50 + NEAR)
    assert function_extent(rows, 3) == ("def long():", 2, 3 + NEAR)
    exact = ["def long():", *("    x = 1" for _ in range(MAX_ROWS - 1)), "y = 2"]
    assert function_extent(exact, 50) == ("", 1, MAX_ROWS)


@given(
    st.lists(st.sampled_from(["", "def f():", "class A:", "  x", "    y", "}", "\tz {", "if (a) {"]), min_size=1),
    st.data(),
)
def test_an_extent_holds_its_line_and_is_bounded(rows: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(rows)))
    _, first, last = function_extent(rows, number)
    assert 1 <= first <= number <= last <= len(rows)
    assert last - first < max(MAX_ROWS, 2 * NEAR + 1)


def diff_of(repo: GitRepo, before: str, after: str) -> FileChange:
    repo.stage("a.py", before)
    repo.commit()
    repo.stage("a.py", after)
    (file,) = parse_diff(repo.git("diff", "--cached").stdout)
    return file


OLD = "def load(key):\n" + "".join(f"    a{n} = key\n" for n in range(20)) + "    return a1\n\ndef other():\n    pass\n"
NEW = OLD.replace("    a2 = key\n", "").replace("    a15 = key\n", "    a15 = BUG(key)\n    more()\n")


def test_the_function_has_the_lines_of_the_change_and_those_around(repo: GitRepo) -> None:
    file = diff_of(repo, OLD, NEW)
    assert len(file.hunks) == 2
    function = function_around(file, NEW.encode(), 16)
    assert function is not None
    kept = [line.text for line in function.lines if line.kind is not LineKind.REMOVED]
    assert kept == NEW.split("\n")[:22]
    assert [line.new for line in function.lines if line.new is not None] == list(range(1, 23))
    marked = [(line.kind.value, line.text.strip()) for line in function.lines if line.kind is not LineKind.CONTEXT]
    assert marked == [("-", "a2 = key"), ("-", "a15 = key"), ("+", "a15 = BUG(key)"), ("+", "more()")]
    assert [line.text for line in function.lines].index("    a2 = key") == 3  # where it was


def test_a_content_that_is_not_the_changed_one_is_not_shown(repo: GitRepo) -> None:
    file = diff_of(repo, OLD, NEW)
    assert function_around(file, NEW.replace("more()", "less()").encode(), 16) is None
    assert function_around(file, b"", 16) is None
    assert function_around(file, NEW.encode(), 400) is None


def test_the_part_of_a_hunk() -> None:
    body = "\n".join(["+def f():", *(f"+    x{n} = 1" for n in range(60))])
    file = change("a.py", body)
    near, alone = views_of_hunk((change("b.py", body), file), "a.py", 40, "x38 = 1")
    assert (near.heading, [line.new for line in near.lines]) == ("def f():", list(range(40 - NEAR, 41 + NEAR)))
    assert [line.text for line in alone.lines] == ["    x38 = 1"]
    assert views_of_hunk((file,), "a.py", 40, "x39 = 1") == ()


def claims(server: FakeServer) -> list[str]:
    return [chat["messages"][-1]["content"] for chat in server.chats if "The claim" in chat["messages"][-1]["content"]]


SECRET = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"


@pytest.mark.parametrize("where", ["--staged", "HEAD~1..HEAD", "HEAD", "-"])
def test_the_whole_function_is_shown_from_the_repository(
    repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    old = OLD.replace("a5 = key", f"a5 = '{SECRET}'")
    new = NEW.replace("a5 = key", f"a5 = '{SECRET}'")
    repo.stage("a.py", old)
    repo.commit()
    repo.stage("a.py", new)
    args = ["diff", where]
    diff = repo.write("change.diff", repo.git("diff", "--cached").stdout)
    if where == "HEAD~1..HEAD":
        repo.commit()
        repo.stage("a.py", "something else\n")
    with diff.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(args) == 1
    (claim,) = claims(fake)
    assert "BUG(key)" in claim and SECRET not in claim
    assert ("    return a1\n" in claim and "\n5      a4 = key\n" in claim) is (where != "-")
    if where != "-":
        assert "[secret]" in claim and "def other" not in claim
        assert "+    a15 = BUG(key)" in claim and "  -    a2 = key" in claim


def test_several_files_take_one_more_process_of_git(
    repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    for n in range(4):
        repo.stage(f"f{n}.py", f"def f{n}():\n    return BUG\n")
    started: list[str] = []
    from reviewbot.repo import Repository

    after = Repository.after

    def counted(self, source, names):
        started.append(b" ".join(names).decode())
        return after(self, source, names)

    monkeypatch.setattr(Repository, "after", counted)
    assert main([]) == 1
    assert started[-1] == "f0.py f1.py f2.py f3.py" and len([names for names in started if names]) == 1
    assert len(claims(fake)) == 4


def test_a_refutation_may_rest_on_a_line_outside_of_the_hunk(
    repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    repo.stage("a.py", OLD)
    repo.commit()
    repo.stage("a.py", NEW)

    def answer(exchange: Exchange) -> None:
        if "The claim" in exchange.user:
            return say(json.dumps({"verdict": "refuted", "quote": "return a1"}))(exchange)
        return find()(exchange)

    fake.answers = [answer]
    assert main([]) == 0
    assert "a second look refuted it by line 22" in capfd.readouterr().out
