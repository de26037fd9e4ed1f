"""JUnit's XML, read by junitparser."""

import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from hypothesis import given
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from msgspec.structs import replace
from samples import BASE, REVIEWS, SQL, UNSURE, verdict

from reviewbot.reporters import Style, render
from reviewbot.review import Review
from reviewbot.verdict import Policy, decide


def parse(review: Review, **policy) -> JUnitXml:
    """The document; its sums are those of its cases."""
    text = render("junit", review, decide(review, Policy(**policy)), Style())
    root = JUnitXml.fromstring(text.encode())
    counted = [kind for suite in root for case in suite for kind in [result_of(case)]]
    assert (root.tests, root.failures, root.errors) == (len(counted), counted.count(Failure), counted.count(Error))
    assert root.skipped == counted.count(Skipped)
    assert root.tests == sum(suite.tests for suite in root)
    return root


def result_of(case: TestCase) -> type | None:
    results = case.result
    assert len(results) <= 1
    return type(results[0]) if results else None


def cases_of(root: JUnitXml, name: str) -> list[TestCase]:
    return [case for suite in root if suite.name == name for case in suite]


def run_of(root: JUnitXml) -> tuple[TestSuite, TestCase]:
    suite = next(iter(root))
    (case,) = suite
    return suite, case


@pytest.mark.parametrize("name", REVIEWS)
def test_every_sample_has_the_numbers_and_what_answered(name: str) -> None:
    review, decided = REVIEWS[name], verdict(name)
    suite, case = run_of(parse(review))
    found = {one.name: one.value for one in suite.properties()}
    assert found["outcome"] == decided.outcome.value
    assert [found[key] for key in ("added", "reviewed", "skipped", "failed", "suppressed")] == [
        str(number)
        for number in (
            review.added,
            review.reviewed,
            review.lines_skipped,
            review.lines_failed,
            len(review.suppressed),
        )
    ]
    assert found.get("model") == (review.engine and review.engine.model)
    assert case.name.startswith(f"{decided.outcome.value}: {review.reviewed} of {review.added} added lines reviewed")


def test_what_blocks_is_a_failure_and_nothing_else_is() -> None:
    review = replace(BASE, findings=(SQL, UNSURE))
    (blocking,) = cases_of(parse(review), "app/db.py")
    assert blocking.name == "line 42: error: SQL is built from user input [model/security]"
    assert (blocking.classname, result_of(blocking)) == ("app/db.py", Failure)
    assert blocking.result[0].type == "model/security"
    assert "Confirmed by a second look\nTry: cur.execute" in blocking.result[0].text
    (mild,) = cases_of(parse(review), "app/views.py")
    assert result_of(mild) is None and mild.system_out.startswith("the list may be empty\n")
    assert parse(review, block_at=None).failures == 0


def test_lines_that_were_not_read_are_errors() -> None:
    root = parse(REVIEWS["incomplete"])
    assert [result_of(case) for case in cases_of(root, "big.js")] == [Error, Error]
    assert (
        cases_of(root, "big.js")[0].result[0].message == "5 added lines were not read by a model: the answer broke off"
    )
    assert result_of(run_of(root)[1]) is Error


@pytest.mark.parametrize("name", ["not_reviewed", "no_model", "skipped"])
def test_nothing_read_never_passes(name: str) -> None:
    assert result_of(run_of(parse(REVIEWS[name]))[1]) is Error


def test_what_rules_skip_and_people_overrule_is_skipped() -> None:
    (case,) = cases_of(parse(REVIEWS["nothing"]), "package-lock.json")
    assert case.result[0].message == "500 added lines were not read by a model: lock file"
    dropped = parse(REVIEWS["dropped"])
    assert dropped.skipped == 4 and dropped.failures == dropped.errors == 0


def test_a_file_without_findings_says_how_much_was_read() -> None:
    (case,) = cases_of(parse(BASE), "app/db.py")
    assert (case.name, result_of(case)) == ("57 of 57 added lines reviewed", None)


def test_what_no_document_may_hold_is_escaped_where_it_blocks() -> None:
    finding = replace(SQL, message="a\ufffe", rule="b\uffff", path="c\ufffe", suggestion="d\uffff")
    (case,) = cases_of(parse(replace(BASE, findings=(finding,))), "c\\ufffe")
    assert (case.result[0].message, case.result[0].type) == ("error: a\\ufffe [b\\uffff]", "b\\uffff")


@given(ANY_REVIEW)
def test_any_text_makes_a_document(review: Review) -> None:
    assert parse(review).tests > len(review.findings) + len(review.failed) + len(review.suppressed)
