"""Checkstyle's XML, read by libxml2 and held against a schema of what Checkstyle itself writes."""

from pathlib import Path

import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from hypothesis import given
from lxml import etree
from msgspec.structs import replace
from samples import BASE, LOOSE, REVIEWS, SQL, UNSURE, verdict

from reviewbot.findings import Severity
from reviewbot.reporters import Style, render
from reviewbot.review import Review
from reviewbot.verdict import Outcome, Policy, decide

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "data" / "checkstyle.xsd"))


def parse(review: Review) -> etree._Element:
    """The document, after the schema has accepted it."""
    root = etree.fromstring(render("checkstyle", review, decide(review, Policy()), Style()).encode())
    SCHEMA.assertValid(root)
    return root


@pytest.mark.parametrize(
    "wrong",
    ['<error line="0" severity="info" message="" source=""/>', '<error severity="x" message="" source=""/>', "<more/>"],
)
def test_the_schema_refuses_what_is_no_report(wrong: str) -> None:
    with pytest.raises(etree.DocumentInvalid):
        SCHEMA.assertValid(etree.fromstring(f'<checkstyle version="1"><file name="a">{wrong}</file></checkstyle>'))


def errors_of(review: Review) -> list[tuple[str, etree._Element]]:
    return [(file.get("name", ""), error) for file in parse(review).iter("file") for error in file]


@pytest.mark.parametrize("name", REVIEWS)
def test_every_sample_has_the_numbers_and_only_a_clean_one_no_error(name: str) -> None:
    review, decided = REVIEWS[name], verdict(name)
    assert (errors_of(review) == []) is (decided.outcome is Outcome.CLEAN)
    text = render("checkstyle", review, decided, Style())
    comment = text.split("<!-- ")[1].split(" -->")[0]
    assert f"{review.reviewed} of {review.added} added lines reviewed, {review.lines_skipped} skipped" in comment
    assert ("codellama:7b-instruct" in comment) is (review.engine is not None and not review.engine.demo)


def test_an_error_has_place_severity_words_and_rule() -> None:
    ((path, error),) = errors_of(replace(BASE, findings=(UNSURE,)))
    assert path == "app/views.py"
    assert (error.get("line"), error.get("severity"), error.get("source")) == ("7", "warning", "model/bug")
    assert error.get("message", "").startswith("the list may be empty\n")


def test_findings_of_one_file_stand_together() -> None:
    root = parse(replace(BASE, findings=(SQL, UNSURE, replace(SQL, line=50, end_line=50, severity=Severity.INFO))))
    assert [(file.get("name"), len(file)) for file in root.iter("file")] == [("app/db.py", 2), ("app/views.py", 1)]


def test_what_no_line_proves_has_no_line() -> None:
    ((_, error),) = errors_of(replace(BASE, findings=(LOOSE,)))
    assert "line" not in error.attrib


def test_lines_that_were_not_read_are_errors() -> None:
    found = errors_of(REVIEWS["incomplete"])
    assert [(path, error.get("line"), error.get("source")) for path, error in found] == [
        ("big.js", "5", "reviewbot/not-read"),
        ("big.js", "11", "reviewbot/not-read"),
        (".", None, "reviewbot/run"),
    ]


@given(ANY_REVIEW)
def test_any_text_makes_a_document(review: Review) -> None:
    assert len(errors_of(review)) >= len(review.findings) + len(review.failed)
