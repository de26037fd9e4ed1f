"""What reviewdog makes of the formats that it reads; `.ci/install-servers` builds it."""

import json
import subprocess
from pathlib import Path

import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace
from samples import BASE, HOSTILE, LOOSE, REVIEWS, SQL, UNSURE, verdict
from servers import FOLDER, need

from reviewbot.findings import Repeat
from reviewbot.reporters import Style, render
from reviewbot.review import Review
from reviewbot.verdict import Outcome, Policy, decide

REVIEWDOG = FOLDER / "reviewdog-0.21.0" / "reviewdog"
READ = ("rdjson", "rdjsonl", "sarif", "checkstyle")
DIFF = "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -{1},0 +{1},1 @@\n+x\n"


def text_of(format: str, review: Review) -> str:
    return render(format, review, decide(review, Policy()), Style())


def diagnostics(review: Review) -> list[dict]:
    """Those of the object, which are the lines of the other format too."""
    found = json.loads(text_of("rdjson", review))["diagnostics"]
    assert [json.loads(line) for line in text_of("rdjsonl", review).split("\n")[:-1]] == found
    return found


def reviewdog(tmp_path: Path, format: str, text: str, *options: str, diff: str = "") -> subprocess.CompletedProcess:
    """What it prints of a report, and its exit code."""
    (tmp_path / "d.diff").write_text(diff)
    command = [need(REVIEWDOG), f"-f={format}", "-reporter=local", "-diff=cat d.diff", *options]
    return subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, text=True)


@pytest.mark.parametrize("name", REVIEWS)
def test_only_a_clean_sample_has_no_diagnostic(name: str) -> None:
    assert (diagnostics(REVIEWS[name]) == []) is (verdict(name).outcome is Outcome.CLEAN)


def test_a_diagnostic_has_place_severity_words_and_rule() -> None:
    (found,) = diagnostics(replace(BASE, findings=(replace(SQL, repeats=(Repeat(50, "again"),)),)))
    assert found["location"] == {"path": "app/db.py", "range": {"start": {"line": 42}, "end": {"line": 42}}}
    assert (found["severity"], found["code"]) == ("ERROR", {"value": "model/security"})
    assert found["message"].startswith("SQL is built from user input\n") and "suggestions" not in found
    (again,) = found["related_locations"]
    assert (again["message"], again["location"]["range"]["start"]["line"]) == ("again", 50)


def test_what_no_line_proves_has_no_range() -> None:
    (found,) = diagnostics(replace(BASE, findings=(LOOSE,)))
    assert found["location"] == {"path": "app/db.py"}


def test_lines_that_were_not_read_are_diagnostics() -> None:
    *unread, run = diagnostics(REVIEWS["incomplete"])
    assert [found["location"]["range"]["start"]["line"] for found in unread] == [5, 11]
    assert (run["severity"], run["location"], run["code"]["value"]) == ("WARNING", {"path": "."}, "reviewbot/run")


@pytest.mark.parametrize("format", READ)
def test_reviewdog_shows_what_stands_on_an_added_line(format: str, tmp_path: Path) -> None:
    text = text_of(format, replace(BASE, findings=(LOOSE, SQL, UNSURE)))
    done = reviewdog(tmp_path, format, text, "-fail-level=error", diff=DIFF.format("app/db.py", 42))
    assert done.returncode == 1
    assert "SQL is built from user input" in done.stdout
    assert "the list may be empty" not in done.stdout and "something is off" not in done.stdout
    assert reviewdog(tmp_path, format, text, "-fail-level=error").returncode == 0


@pytest.mark.parametrize("format", READ)
@pytest.mark.parametrize("name", ["blocked", "hostile", "incomplete", "not_reviewed", "skips", "clean"])
def test_reviewdog_reads_every_kind_of_sample(format: str, name: str, tmp_path: Path) -> None:
    review = REVIEWS[name]
    done = reviewdog(tmp_path, format, text_of(format, review), "-filter-mode=nofilter", "-fail-level=none")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(finding.message.split("\r")[0] in done.stdout for finding in review.findings)
    if format != "sarif":  # which says so elsewhere
        assert done.stdout.count("not read by a model") == len(review.failed)


@pytest.mark.parametrize("format", READ)
def test_no_text_of_a_finding_reaches_the_reader_as_something_else(format: str, tmp_path: Path) -> None:
    review = replace(BASE, findings=(replace(HOSTILE, path="a.py"),))
    done = reviewdog(tmp_path, format, text_of(format, review), diff=DIFF.format("a.py", 1))
    assert "%0A::error::forged" in done.stdout and "\x1b" not in done.stdout


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ANY_REVIEW)
def test_reviewdog_reads_any_text(tmp_path: Path, review: Review) -> None:
    for format in READ:
        done = reviewdog(tmp_path, format, text_of(format, review), "-filter-mode=nofilter", "-fail-level=none")
        assert (done.returncode, done.stderr) == (0, "")


@given(ANY_REVIEW)
def test_any_text_makes_valid_diagnostics(review: Review) -> None:
    assert len(diagnostics(review)) >= len(review.findings) + len(review.failed)
