"""What a model says that is no defect, dropped by its wording, and what sounds like it and must stay."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from samples import LEAK, SQL

from reviewbot.exclusions import REPEATS_THE_CODE, exclude_findings, exclusion_of
from reviewbot.findings import ExcerptLine, Finding
from reviewbot.remarks import EXCLUSIONS, Exclusion

COMMENT, TEST, IMPORT, STYLE, PRAISE, CHECK, VERSION = (row.reason for row in EXCLUSIONS)


def said(message: str, code: str = "total = compute(rows, limit)", suggestion: str | None = None) -> Finding:
    return replace(SQL, message=message, evidence=code, excerpt=(ExcerptLine(1, code, True),), suggestion=suggestion)


DROPPED = {
    COMMENT: [
        "Add a docstring and type hints.",
        "Add comments to explain the limit and the total.",
        "Function is missing a return type annotation.",
        "Typo in the comment.",
        "Consider adding a comment to explain the magic.",
        "Add a docstring.",
        "Consider using type hints.",
        "Update the documentation to explain the limit.",
        "The function `compute` lacks a docstring.",
        "Missing docstring for the function compute",
        "You should add documentation. This will improve readability.",
        "It would be better to add type hints for the parameters.",
        "No type annotations.",
        "compute() has no docstring.",
        "This method is not documented",
    ],
    TEST: [
        "Consider adding a test for this function.",
        "Consider adding unit tests to cover the new code.",
        "Please add test cases for the limit",
        "There are no unit tests for compute.",
        "The new function is not covered by tests.",
    ],
    IMPORT: [
        "The module os is not imported.",
        "Missing import for `json`.",
        "os is not imported",
        "Unused import.",
        "`json` is not imported",
        "The function `load` is not imported in this file.",
        "Is `compute` defined elsewhere?",
        "The function compute is not defined in the shown code.",
        "It is unclear where compute is defined.",
        "The `os` import is unused.",
        "The os module is not imported",
        "The `os` module is not imported.",
        "Import of os is missing",
        "The import of `os` and `sys` is missing.",
        "Missing import: os",
        "Missing imports: os, sys and `json`.",
        "Missing import os",
        "`os` is used without being imported",
        "you forgot to import os",
        "It seems that you forgot to import the os module.",
        "os is undefined, is it defined elsewhere?",
        "json needs to be imported",
        "The json package must be imported.",
    ],
    STYLE: [
        "The code could be more readable.",
        "Consider refactoring for readability.",
        "Magic number.",
        "Consider extracting this into a constant.",
        "Line too long.",
        "This function is too long.",
        "The variable name `x` is not very descriptive.",
        "Naming conventions are not followed.",
        "The variable name `x` is not descriptive.",
        "Consider renaming the variable total to something more meaningful.",
        "The function name does not follow PEP 8 naming conventions.",
        "Inconsistent naming.",
        "Trailing whitespace",
        "Consider using a more descriptive name.",
        "Use an f-string for readability.",
    ],
    PRAISE: [
        "Nice!",
        "Well written code.",
        "The code looks good.",
        "LGTM!",
        "Good job. Nice work.",
        "No issues found.",
        "This change looks correct to me.",
        "Great use of `with`.",
    ],
    CHECK: [
        "Ensure that the limit is positive.",
        "Verify that `compute` handles large inputs.",
        "Please make sure that the callers are updated.",
        "You should check whether rows is sorted.",
        "Make sure the database is available.",
        "Ensure that the input is valid.",
        "Make sure the configuration is loaded.",
        "Verify that the output is what callers expect.",
        "Check that the file exists.",
        "Verify that this works as expected.",
        "Double-check that the new parameter is passed.",
    ],
    VERSION: [
        "This function may not be available in older versions of Python.",
        "The module might be removed in future releases.",
        "This method could be deprecated.",
        "This depends on the version of the library.",
    ],
}

KEPT = {
    COMMENT: [
        "Add documentation and a permission check.",
        "Consider adding type hints and a default.",
        "Add a comment and close the file.",
        "Add a docstring for it and a lock.",
        "Update the documentation and the migration.",
        "The comment ends the SQL statement, so the rest is never run.",
        "The docstring is returned instead of the total.",
        "Consider adding a comment: the last row is skipped.",
        "Add a comment, for the index reads past the end.",
        "compute has no docstring. It returns the rows of another user.",
        "The comments of every user are shown to guests.",
    ],
    TEST: [
        "Add tests and validation.",
        "Update the tests and the schema.",
        "The test compares the result with itself and cannot fail.",
        "No test of the sign, so a negative limit returns all rows.",
        "Missing test for zero: compute divides by limit.",
        "Consider adding a test because the limit may be None.",
        "The tests delete the user's home folder.",
        "The loop drops the last row; consider adding a test.",
        "There is no test for an empty list before rows[0] is read.",
    ],
    IMPORT: [
        "json is not imported, so this raises NameError.",
        "The import runs code of the user.",
        "The imported rows are counted twice.",
        "The last row is not imported.",
        "csv is not imported.",
        "The file is not imported.",
        "limit is used before it is defined.",
        "compute is defined twice, and the second one wins.",
        "name `foo` is not defined",
        "`foo` is undefined.",
        "os is undefined",
        "limit is undefined, it is assigned in the other branch.",
        "Missing import: the total is of another year",
        "Missing import: rows of the second file",
        "The last row needs to be imported.",
        "The file is used without being imported.",
        "Data is used without being imported.",
        "The user table needs to be imported in the order of its keys.",
        "It has to be imported.",
        "You need to import the rows.",
        "Missing import: the total",
    ],
    STYLE: [
        "Use different names for the two variables.",
        "Use consistent names in the query and the model.",
        "The line is too long for the column.",
        "The function could be called twice.",
        "The file name is not escaped.",
        "Use unique names.",
        "Consider using unique names for the temporary files.",
        "The name is too long for the column and is cut.",
        "rename() is not atomic across file systems.",
        "The style attribute takes text of the user, which runs scripts.",
        "The variable is short, and the value does not fit into it.",
        "Renaming the file while it is open loses the data.",
        "Consistency of the two tables is not kept.",
        "This makes the lock useless.",
    ],
    PRAISE: [
        "The code is correct only for ASCII.",
        "The check looks fine but compares the wrong field.",
        "A good password is rejected.",
        "No issue tracker is asked when the token is empty.",
        "No defects are counted for the last row.",
        "It is clean data that gets thrown away.",
    ],
    CHECK: [
        "Make sure the token goes elsewhere.",
        "Make sure that this is not called from two threads.",
        "Make sure to hash the value.",
        "Ensure that the file is opened in binary mode.",
        "Verify that the email belongs to the user.",
        "Ensure that only admins can call this.",
        "Make sure both branches return a value.",
        "Ensure that the mode is 0600.",
        "Nothing ensures that the limit is positive, and compute divides by it.",
        "Ensure that the file is closed: it leaks a descriptor.",
        "Verify the signature before the payload is used.",
        "The check that the user is an admin is inverted.",
        "Make sure the path stays inside of the root. It is joined as it comes.",
        "Ensure that name is escaped, SQL injection is possible.",
        "The certificate is not verified.",
        "It does not work as expected.",
        "Make sure the handle is closed",
        "Ensure that the lock is released on error.",
        "Please make sure to close the connection.",
        "Ensure that the mutex is unlocked.",
        "Verify that the transaction is rolled back.",
        "Make sure the buffer is flushed.",
        "Ensure that temporary files are cleaned up.",
        "Make sure that the coroutine is awaited.",
        "Ensure that access to the map is synchronized.",
        "Ensure that the name is sanitized.",
        "Make sure the password hash is compared in constant time.",
        "Verify that the user is authorized.",
        "Check whether rows is None.",
        "Make sure the divisor is not zero.",
        "Ensure that the index is not out of range.",
        "Verify that the sum cannot overflow.",
        "Make sure there is no race.",
        "Ensure that the request has a timeout.",
    ],
    VERSION: [
        "The versions are compared as text, 1.10 sorts in front of 1.9.",
        "The migration drops rows of older versions.",
        "Older releases of the client send no token and get in.",
        "rows may change while it is iterated.",
    ],
}


@pytest.mark.parametrize(("reason", "message"), [(reason, text) for reason, texts in DROPPED.items() for text in texts])
def test_remarks_are_dropped_with_the_reason(reason: str, message: str) -> None:
    assert exclusion_of(said(message)) == reason


@pytest.mark.parametrize("message", [text for texts in KEPT.values() for text in texts])
def test_defects_in_similar_words_stay(message: str) -> None:
    assert exclusion_of(said(message)) is None


def test_every_row_has_examples_of_both() -> None:
    assert set(DROPPED) == set(KEPT) == {row.reason for row in EXCLUSIONS}
    assert all(DROPPED.values()) and all(KEPT.values())


@pytest.mark.parametrize("message", [text for texts in DROPPED.values() for text in texts])
def test_a_check_may_say_anything(message: str) -> None:
    assert exclude_findings((replace(LEAK, message=message),)).kept == (replace(LEAK, message=message),)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("tests = load(user)", "No tests are run for an empty list", id="as a word of the message"),
        pytest.param("naming = None", "inconsistent naming", id="the whole of a remark"),
        pytest.param("lgtm(rows)", "LGTM", id="a word of praise"),
        pytest.param("docstring = read()", "Missing docstring", id="a thing that is asked for"),
        pytest.param("ensure = that(limit)", "ensure that limit", id="two words of the code"),
        pytest.param("x = 1", "`Ensure that` drops the limit", id="quoted with backticks"),
        pytest.param("x = 1", "'add a docstring' is sent to the shell", id="quoted"),
        pytest.param("x = 1", "“looks good” is printed for every input", id="quoted in the typesetter's way"),
        pytest.param("x = 1", "make_sure that(x) drops the limit", id="looks like code"),
        pytest.param("closed = f.closed", "Make sure the handle is closed", id="what is at stake"),
    ],
)
def test_names_that_a_change_chooses_drop_no_finding(code: str, message: str) -> None:
    assert exclusion_of(said(message, code)) is None


@given(st.sampled_from([text for texts in DROPPED.values() for text in texts]))
def test_no_remark_survives_as_the_reason_to_drop_what_stands_beside_it(remark: str) -> None:
    assert exclusion_of(said(f"{remark} The last row is counted twice.")) is None
    assert exclusion_of(said(f"The limit is applied to the other list. {remark}")) is None


def test_a_suggestion_that_repeats_the_code() -> None:
    code = "total = compute(rows, limit)"
    repeats = said("the total is not what one expects", code, f"  {code} ")
    assert exclude_findings((repeats,)).suppressed[0][0].note == REPEATS_THE_CODE
    assert exclusion_of(said("the total is not what one expects", code, "total = compute(rows, limit + 1)")) is None
    for suggestion in (code, f"`{code}`", "total=compute( rows,limit );"):
        (kept,) = exclude_findings((said("compute raises KeyError", code, suggestion),)).kept
        assert kept.suggestion is None
    check = replace(said("compute raises KeyError", code, code), source="check")
    assert exclude_findings((check,)).kept == (check,)
    nothing = said("compute raises KeyError", code, "``")
    assert exclude_findings((nothing,)).kept == (nothing,)
    unproven = replace(said("the total is not what one expects"), evidence=None)
    assert exclude_findings((unproven,)).kept == (unproven,)


def test_what_is_excluded_carries_the_reason() -> None:
    remark, defect = said("Consider adding a docstring."), said("the limit is off by one")
    sifted = exclude_findings((remark, defect))
    assert sifted.kept == (defect,)
    assert sifted.suppressed == ((replace(remark, note=COMMENT), "excluded"),)


@pytest.mark.parametrize(
    "piece", ["the ", "please consider ", "\0 ", "a test ", "consider adding a ", ", ", "`", "'", "a(", "x_"]
)
def test_no_message_takes_long(piece: str) -> None:
    started = time.process_time()
    exclusion_of(said(piece * (500 // len(piece))))
    assert time.process_time() - started < 5  # a pattern that runs away takes minutes


@given(st.text(max_size=500), st.text(max_size=80))
def test_no_message_crashes(message: str, code: str) -> None:
    sifted = exclude_findings((said(message, code),))
    assert len(sifted.kept) + len(sifted.suppressed) == 1


@pytest.mark.parametrize("row", EXCLUSIONS, ids=lambda row: row.reason)
@given(st.data())
def test_what_is_looked_for_first_stands_in_each_such_sentence(row: Exclusion, data: st.DataObject) -> None:
    sentence = data.draw(st.from_regex(re.compile(row.pattern, re.ASCII), fullmatch=True))
    assert any(word in sentence.casefold() for word in row.needed), sentence


def test_a_variable_called_like_an_article_keeps_no_remark() -> None:
    for code, message in (
        ("return a / b", "Consider adding a docstring."),
        ("total += a", "Missing tests for this function."),
        ("def greet(name):", "The variable name is not descriptive."),
    ):
        assert exclusion_of(said(message, code)) is not None


@pytest.mark.parametrize(
    "message",
    ["Add a comment and close the file handle", "Add a test and sanitize the name", "Check that the path stays inside"],
)
def test_a_remark_that_goes_on_to_a_defect_stays(message: str) -> None:
    assert exclusion_of(said(message)) is None
