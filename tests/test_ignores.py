"""Findings that a comment overrules, and comments that overrule nothing."""

import json

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake
from hypothesis import given
from hypothesis import strategies as st
from values import change

from reviewbot.checks import RULES, run_checks
from reviewbot.cli import main
from reviewbot.ignores import find_ignores

__all__ = ["fake"]

AWS = "AKIA" + "IOSFODNN7" + "EXAMPLE"
WORDS = "reviewbot: " + "ignore"


@pytest.fixture(autouse=True)
def server(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    return fake


def report(capfd: pytest.CaptureFixture[str], *words: str) -> dict:
    main([*words, "--format", "json"])
    return json.loads(capfd.readouterr().out)


def shown(found: dict) -> list[tuple[int | None, str]]:
    return [(finding["line"], finding["rule"]) for finding in found["findings"]]


@pytest.mark.parametrize(
    "line",
    [
        "x = BUG()  # {} because it is a test",
        "x = BUG();  // {} because it is a test",
        "x = BUG(); /* {} because it is a test */",
        "x = BUG() -- {} because it is a test",
        "x = BUG() ; {} because it is a test",
        "x = BUG() % {} because it is a test",
        "<p>BUG</p> <!-- {} because it is a test -->",
        "REM {} because it is a test BUG",
        "'{} because it is a test BUG",
        '"""{} because it is a test BUG"""',
    ],
)
@pytest.mark.parametrize("rule", ["[bug]", "[model/bug]", "[security, model/bug]"])
def test_a_comment_of_any_style_overrules_its_line(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], line: str, rule: str
) -> None:
    repo.stage("a.py", line.format(WORDS + rule) + "\n")
    found = report(capfd)
    assert (found["findings"], found["verdict"]["outcome"], found["verdict"]["exit_code"]) == ([], "clean", 0)
    (suppressed,) = found["suppressed"]
    assert (suppressed["rule"], suppressed["by"], suppressed["blocking"]) == ("model/bug", "ignore", False)
    assert suppressed["note"].startswith("ignored at a.py:1, added by this change: because it is a test")


def test_it_holds_for_the_next_line_and_for_no_other(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f"# {WORDS}[bug] known\nBUG(1)\nBUG(2)\n")
    found = report(capfd)
    assert shown(found) == [(3, "model/bug")]
    assert [finding["line"] for finding in found["suppressed"]] == [2]


def test_one_on_an_unchanged_line_above_counts_and_is_not_new(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f"# {WORDS}[bug] known\nx = 1\n")
    repo.commit()
    repo.stage("a.py", f"# {WORDS}[bug] known\nx = BUG()\n")
    found = report(capfd)
    assert shown(found) == []
    assert found["suppressed"][0]["note"] == "ignored at a.py:1: known"


def test_what_is_ignored_costs_no_second_look(repo: GitRepo, server: FakeServer) -> None:
    repo.stage("a.py", f"BUG()  # {WORDS}[bug] known\n")
    assert main([]) == 0
    assert len(server.chats) == 1


def test_checks_can_be_overruled_too(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f"x\u200b = 1  # {WORDS}[bidi] data of a test\n")
    assert shown(report(capfd, "diff", "--staged", "--no-model")) == []


def test_a_secret_cannot(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f'key = "{AWS}"  # {WORDS}[secret] of a test\n')
    found = report(capfd)
    assert found["verdict"]["outcome"] == "blocked"
    assert sorted(shown(found)) == [(1, "check/ignore"), (1, "check/secret")]
    assert AWS not in json.dumps(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bug]", "it gives no reason"),
        ("[bug] */", "it gives no reason"),
        ("[] known", "it names no rule"),
        (" known", "it names no rule"),
        ("[bugg] known", "there is no rule bugg"),
        ("[check/secret] known", "a secret is allowed by a comment"),
    ],
)
def test_one_that_is_not_honoured_says_why(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    repo.stage("a.py", f"BUG()  # {WORDS}{text}\n")
    found = report(capfd)
    assert sorted(shown(found)) == [(1, "check/ignore"), (1, "model/bug")]
    (told,) = [finding for finding in found["findings"] if finding["rule"] == "check/ignore"]
    assert message in told["message"] and told["severity"] == "info"


def test_an_unused_one_is_told_where_a_model_read_the_line(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f"x = 1  # {WORDS}[bug] known\n")
    found = report(capfd)
    assert shown(found) == [(1, "check/ignore")]
    assert "nothing was found there" in found["findings"][0]["message"]
    assert shown(report(capfd, "diff", "--staged", "--no-model")) == []


def test_one_on_an_unchanged_line_is_told_on_no_line(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f"# {WORDS}[bug] known\nx = 1\ny = 1\n")
    repo.commit()
    repo.stage("a.py", f"# {WORDS}[bug] known\nx = 2\ny = 1\n")
    found = report(capfd)
    assert shown(found) == [(None, "check/ignore")]
    assert found["verdict"]["outcome"] == "clean"
    repo.stage("a.py", f"# {WORDS}[bug] known\nx = 1\ny = 2\n")
    assert shown(report(capfd)) == []  # neither line that it holds for is part of the change


def test_the_summary_counts_them_and_lists_new_ones(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f"BUG()  # {WORDS}[bug] known\n")
    assert main([]) == 0
    err = capfd.readouterr().err
    assert "1 finding ignored by a comment, 1 of them added by this change\n" in err
    assert "ignored by a comment: a.py:1: error: this is a defect [model/bug] (ignored at a.py:1, added" in err


def test_a_later_command_need_not_honour_new_ones() -> None:
    made = [change("a.py", f"+x = 1  # {WORDS}[bug] known\n y = 1  # {WORDS}[bug] known")]
    problems = [ignore.problem for ignore in find_ignores(made, RULES, allow_new=False)]
    assert problems == ["this change brings it in", None]
    assert [ignore.problem for ignore in find_ignores(made, RULES, allow_new=True)] == [None, None]


@pytest.mark.parametrize(
    "words", ["reviewbot:ignore", "REVIEWBOT: IGNORE", "ReviewBot:\t\u0130gnore", "rev\u0131ewbot: ignore"]
)
def test_a_comment_is_seen_however_it_is_written(words: str) -> None:
    (found,) = find_ignores([change("a.py", f"+x = 1  # {words}[bug] known")], RULES, allow_new=True)
    assert (found.line, found.rules, found.problem) == (1, ("bug",), None)


@given(st.text(st.characters(exclude_characters="\n")))
def test_no_text_crashes_it(text: str) -> None:
    for ignore in find_ignores([change("a.py", f"+{WORDS}{text}\n+x{text}")], RULES, allow_new=True):
        assert ignore.line in (1, 2) and (ignore.problem is None) <= bool(ignore.rules and ignore.reason)


def test_a_reason_cannot_write_to_the_terminal(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f"BUG()  # {WORDS}[bug] known\u001b[2J\u202e\n")
    main([])
    err = capfd.readouterr().err
    assert "\x1b" not in err and "\u202e" not in err


def test_a_comment_counts_in_a_file_that_there_was_no_time_for(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reviewbot.cli.material.run_checks", lambda files, watched, _: run_checks(files, watched, 0.0))
    repo.stage("a.py", f"x\u202e = 1  # {WORDS}[check/bidi] a sample\n")
    assert [f["rule"] for f in report(capfd, "--no-model")["findings"]] == []
    repo.stage("a.py", "x\u202e = 1\n")
    assert [f["rule"] for f in report(capfd, "--no-model")["findings"]] == ["check/bidi"]
