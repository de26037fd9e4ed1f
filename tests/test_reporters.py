"""Every format on the same samples, against golden files; and no text can break out of any."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from samples import BASE, HOSTILE, REVIEWS, SQL, UNSURE, verdict

from reviewbot.findings import Severity
from reviewbot.plan import Kind, Omission
from reviewbot.reporters import REPORTERS, Style, render, summary
from reviewbot.reporters.json_report import report_schema
from reviewbot.text import visible, visible_line
from reviewbot.verdict import Policy, decide

GOLDEN = Path(__file__).parent / "data" / "reports"
SCHEMA_FILE = Path(__file__).parent.parent / "reviewbot" / "reporters" / "report.schema.json"
PLAIN = Style()


def check_golden(name: str, text: str, update: bool) -> None:
    path = GOLDEN / name
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.mark.parametrize("name", REVIEWS)
@pytest.mark.parametrize("format", [*REPORTERS, "summary"])
def test_golden(name: str, format: str, update: bool) -> None:
    review = REVIEWS[name]
    decided = decide(review, Policy())
    made = summary(review, decided, PLAIN) if format == "summary" else render(format, review, decided, PLAIN)
    check_golden(f"{name}.{format}.txt", made, update)


def parts(schema: dict) -> dict[str, tuple[list[str], list[str], object]]:
    """Names and required names of every part; the details of the rest are worded differently by each msgspec."""
    return {
        name: (list(part["properties"]), part["required"], part["additionalProperties"])
        for name, part in schema["$defs"].items()
    }


def test_the_schema_is_the_shipped_one() -> None:
    assert parts(json.loads(SCHEMA_FILE.read_text())) == parts(report_schema())


@pytest.mark.parametrize("name", REVIEWS)
def test_every_report_keeps_to_the_schema(name: str) -> None:
    report = json.loads(render("json", REVIEWS[name], verdict(name), PLAIN))
    jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text())).validate(report)
    coverage = report["coverage"]
    assert coverage["added"] == coverage["reviewed"] + coverage["skipped"] + coverage["failed"]
    for key in ("added", "reviewed", "skipped", "failed"):
        assert coverage[key] == sum(file[key] for file in coverage["files"])


def test_the_schema_refuses_what_it_does_not_know() -> None:
    report = json.loads(render("json", BASE, verdict("clean"), PLAIN))
    report["findings"] = [{"path": "x"}]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report, report_schema())


def test_colour_is_only_where_it_is_wanted() -> None:
    decided = verdict("blocked")
    coloured = render("text", REVIEWS["blocked"], decided, Style(colour=True))
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render("text", REVIEWS["blocked"], decided, PLAIN)


@pytest.mark.parametrize("name", REVIEWS)
def test_every_summary_has_the_outcome_and_the_three_numbers(name: str) -> None:
    review = REVIEWS[name]
    text = summary(review, verdict(name), PLAIN)
    assert text.startswith("reviewbot: ")
    if review.skip_reason is None:
        assert f"{review.reviewed:,} of {review.added:,} added line" in text
        for count, word in ((review.lines_skipped, "skipped"), (review.lines_failed, "not read")):
            assert (f"{count:,} {word}" in text) is (count > 0)


EVERYTHING = replace(
    REVIEWS["incomplete"],
    files=(*REVIEWS["incomplete"].files, *REVIEWS["nothing"].files),
    skipped=REVIEWS["nothing"].skipped,
    suppressed=((SQL, "ignore"), (UNSURE, "baseline")),
)


@pytest.mark.parametrize("format", [*({*REPORTERS} - {"text", "json", "json-lines"}), "summary"])
def test_every_format_says_what_was_read_by_whom_and_what_is_not_shown(format: str) -> None:
    decided = decide(EVERYTHING, Policy())
    made = summary(EVERYTHING, decided, PLAIN) if format == "summary" else render(format, EVERYTHING, decided, PLAIN)
    text = re.sub(r"\\(?=[^\w\s])", "", made).replace("&#8203;", "")
    said = ["codellama:7b-instruct on", "67 of 587 added lines reviewed", "500 skipped", "the answer broke off"]
    if format == "summary":
        said += ["20 not read", "1 finding ignored by a comment", "1 finding accepted in .reviewbot-baseline"]
    else:
        said += ["20 failed", "2 findings overruled or not shown"]
    assert [words for words in said if words not in text] == []


def test_what_was_dropped_is_counted_and_listed_on_request() -> None:
    counted = summary(REVIEWS["dropped"], verdict("dropped"), PLAIN)
    assert "3 remarks dropped: asks for a test (2), is praise (1); --show-dropped lists them\n" in counted
    listed = summary(REVIEWS["dropped"], verdict("dropped"), Style(show_dropped=True)).split("\n")
    assert [line for line in listed if line.startswith(("dropped: ", "not shown: "))] == [
        "dropped: app/views.py:2: warning: Consider adding a test. [model/bug] (asks for a test)",
        "dropped: app/db.py: info: \\x1b[31mlgtm\\n::error::x [model/bug] (the answer quotes no code; is praise)",
        "dropped: app/views.py:3: warning: the list may be empty [model/bug] (asks for a test)",
        "not shown: app/views.py:4: warning: the list may be empty [model/bug]",
    ]


def skipped(path: str, lines: int, kind: Kind | None) -> Omission:
    return Omission(path, 1, lines, lines, f"{kind or 'no model asked'}", kind)


@pytest.mark.parametrize(
    ("omissions", "expected"),
    [
        pytest.param(
            [*(skipped(f"{i}/go.sum", 4382, Kind.LOCK) for i in range(11)), skipped("a.min.js", 8, Kind.MINIFIED)],
            "12 files, 48,210 lines not reviewed: 11 lock files, 1 minified; --include to review them",
            id="many",
        ),
        pytest.param(
            [skipped("go.sum", 1, Kind.LOCK)],
            "1 file, 1 line not reviewed: 1 lock file; --include to review it",
            id="one",
        ),
        pytest.param(
            [skipped("a.c", 1, Kind.VENDORED), skipped("a.c", 2, Kind.VENDORED), skipped("s", 1, Kind.SUBMODULE)],
            "2 files, 4 lines not reviewed: 1 vendored, 1 submodule; --include to review them",
            id="two hunks of one file",
        ),
        pytest.param(
            [skipped("a", 1, Kind.SYMLINK), skipped("b", 1, Kind.SYMLINK), skipped("c", 1, Kind.LFS_POINTER)],
            "3 files, 3 lines not reviewed: 2 symbolic links, 1 LFS pointer; --include to review them",
            id="the most frequent first",
        ),
        pytest.param(
            [skipped("a.png", 0, Kind.BINARY), skipped("b.png", 0, Kind.BINARY)],
            "2 files not reviewed: 2 binary",
            id="nothing that include brings back",
        ),
        pytest.param([skipped("a.py", 2, None)], "skipped: 2 lines in a.py:1-2: no model asked", id="no rule"),
    ],
)
def test_what_rules_left_out_is_summed_up_in_one_line(omissions: list[Omission], expected: str) -> None:
    review = replace(BASE, skipped=tuple(omissions))
    assert summary(review, decide(review, Policy()), PLAIN).split("\n")[1] == expected
    reasons = {o.reason for o in omissions}
    detailed = summary(review, decide(review, Policy()), Style(verbose=True))
    assert all(f": {reason}\n" in detailed for reason in reasons)


def test_quiet_says_only_what_is_wrong() -> None:
    quiet = Style(quiet=True)
    assert summary(REVIEWS["clean"], verdict("clean"), quiet) == ""
    assert "NOTHING WAS REVIEWED" in summary(REVIEWS["not_reviewed"], verdict("not_reviewed"), quiet)


def test_github_shows_the_worst_within_its_limits() -> None:
    many = tuple(replace(UNSURE, line=i, message=f"warning {i}") for i in range(1, 15))
    severe = tuple(replace(SQL, line=i) for i in range(1, 13))
    mild = tuple(replace(UNSURE, severity=Severity.INFO, line=i) for i in range(1, 13))
    review = replace(BASE, findings=many + mild + severe)
    rows = render("github", review, decide(review, Policy()), PLAIN).split("\n")[:-1]
    kinds = [row.split(" ")[0] for row in rows]
    assert kinds == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"] * 10
    assert "9 findings more than GitHub shows" in rows[-1]


COMMAND = re.compile(r"::([a-z]+)(?: ([^\r\n]*?))?::([^\r\n]*)")


@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_no_text_forges_a_workflow_command(message: str, path: str, suggestion: str) -> None:
    finding = replace(UNSURE, message=message, path=path, suggestion=suggestion, note=message)
    review = replace(BASE, findings=(finding,))
    text = render("github", review, decide(review, Policy()), PLAIN)
    rows = text.split("\n")
    assert rows.pop() == "" and len(rows) == 2
    for row in rows:
        found = COMMAND.fullmatch(row)
        assert found is not None and found.group(1) in ("warning", "notice")
    names = [pair.split("=")[0] for pair in (COMMAND.fullmatch(rows[0]) or [""])[2].split(",")]
    assert names == ["file", "line", "endLine", "title"]


@given(st.text(max_size=200), st.text(max_size=60))
def test_no_text_reaches_a_terminal_raw(message: str, path: str) -> None:
    finding = replace(UNSURE, message=message, path=path, suggestion=message, note=message)
    review = replace(BASE, findings=(finding,), notes=(message,))
    decided = decide(review, Policy())
    for text in (render("text", review, decided, PLAIN), summary(review, decided, PLAIN)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert render("text", review, decided, PLAIN).split("\n")[0].endswith("[model/bug]")


def test_the_hostile_sample_is_harmless_everywhere() -> None:
    for format in REPORTERS:
        text = render(format, REVIEWS["hostile"], verdict("hostile"), PLAIN)
        assert "\x1b" not in text and "\u202e" not in text and "\x9b" not in text
    assert HOSTILE.message.startswith("%0A")


@pytest.mark.parametrize("character", "\u00ad\u180e\u200b\u2028\u206a\ufeff\ufff9\U0001bca0\U0001d173\U000e0041")
def test_what_nobody_sees_is_shown_as_an_escape(character: str) -> None:
    assert re.fullmatch(r"\\[xuU][0-9a-f]+", visible(character))


@given(st.text())
def test_visible_text_is_stable_and_loses_nothing(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert visible_line(shown).count("\n") == 0
    if text.isascii() and text.isprintable():
        assert shown == text
