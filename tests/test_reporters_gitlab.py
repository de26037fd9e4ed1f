"""GitLab's Code Quality report, against the fields that its documentation names."""

import json
from pathlib import Path

import jsonschema
import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from hypothesis import given
from msgspec.structs import replace
from samples import BASE, LEAK, LOOSE, REVIEWS, SQL, UNSURE, verdict

from reviewbot.findings import Severity
from reviewbot.reporters import Style, render
from reviewbot.review import Review
from reviewbot.verdict import Outcome, Policy, decide

SCHEMA = json.loads((Path(__file__).parent / "data" / "gitlab-code-quality.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def issues_of(review: Review) -> list[dict]:
    """The issues, after the schema has accepted them; no two have one fingerprint."""
    issues = json.loads(render("gitlab", review, decide(review, Policy()), Style()))
    VALIDATOR.validate(issues)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return issues


@pytest.mark.parametrize("name", REVIEWS)
def test_every_sample_is_valid_and_only_a_clean_one_is_empty(name: str) -> None:
    assert (issues_of(REVIEWS[name]) == []) is (verdict(name).outcome is Outcome.CLEAN)


def test_severities() -> None:
    unproven = replace(SQL, evidence=None)
    found = issues_of(replace(BASE, findings=(LEAK, unproven, UNSURE, replace(UNSURE, severity=Severity.INFO))))
    assert [issue["severity"] for issue in found] == ["blocker", "critical", "major", "info"]


def test_an_issue_has_rule_place_and_words() -> None:
    (issue,) = issues_of(replace(BASE, findings=(UNSURE,)))
    assert issue["check_name"] == "model/bug"
    assert issue["location"] == {"path": "app/views.py", "lines": {"begin": 7}}
    assert issue["description"].startswith("the list may be empty\n")
    assert issue["fingerprint"] == UNSURE.fingerprint


def test_a_path_has_no_dot_in_front() -> None:
    (issue,) = issues_of(replace(BASE, findings=(replace(UNSURE, path="./a.py"),)))
    assert issue["location"]["path"] == "a.py"


def test_what_no_line_proves_stands_on_the_first() -> None:
    (issue,) = issues_of(replace(BASE, findings=(LOOSE,)))
    assert issue["location"]["lines"] == {"begin": 1}


def test_lines_that_were_not_read_are_issues() -> None:
    *unread, run = issues_of(REVIEWS["incomplete"])
    assert [(issue["check_name"], issue["location"]["lines"]["begin"]) for issue in unread] == [
        ("reviewbot/not-read", 5),
        ("reviewbot/not-read", 11),
    ]
    assert unread[1]["description"] == "15 added lines were not read by a model: the deadline"
    assert run["location"]["path"] == "."
    assert run["description"].startswith("incomplete: 67 of 87 added lines reviewed, 0 skipped, 20 failed\n")
    assert {issue["severity"] for issue in (*unread, run)} == {"major"}


@given(ANY_REVIEW)
def test_any_text_makes_a_valid_report(review: Review) -> None:
    assert len(issues_of(review)) >= len(review.findings) + len(review.failed)
