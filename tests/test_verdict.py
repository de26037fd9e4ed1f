"""One pure function decides: every combination of findings, coverage and policy."""

import itertools

import pytest
from msgspec.structs import replace
from samples import BASE, LEAK, LOOSE, REVIEWS, SQL, UNSURE
from scripted_engine import INFO

from reviewbot.coverage import FileCoverage
from reviewbot.errors import ExitCode
from reviewbot.findings import Confirmed, Severity
from reviewbot.plan import Omission
from reviewbot.review import Review
from reviewbot.verdict import Outcome, Policy, decide

DEMO = replace(INFO, demo=True)


@pytest.mark.parametrize(
    ("name", "outcome", "blocking", "allowing"),
    [
        ("clean", "clean", 0, 0),
        ("findings", "findings", 0, 0),
        ("dropped", "findings", 0, 0),
        ("blocked", "blocked", 1, 1),
        ("incomplete", "incomplete", 3, 0),
        ("not_reviewed", "not_reviewed", 3, 0),
        ("nothing", "nothing", 0, 0),
        ("no_lines", "nothing", 0, 0),
        ("empty", "nothing", 0, 0),
        ("demo", "demo", 0, 0),
        ("no_model", "not_reviewed", 0, 0),
        ("skipped", "not_reviewed", 0, 0),
    ],
)
def test_outcomes_and_codes(name: str, outcome: str, blocking: int, allowing: int) -> None:
    for block_on_failure, code in ((True, blocking), (False, allowing)):
        verdict = decide(REVIEWS[name], Policy(block_on_failure=block_on_failure))
        assert (verdict.outcome.value, int(verdict.exit_code)) == (outcome, code)


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("block_at", [None, *Severity])
@pytest.mark.parametrize("confirmed", Confirmed)
@pytest.mark.parametrize("confirm", [True, False])
@pytest.mark.parametrize("evidence", ["x", None])
@pytest.mark.parametrize("line", [3, None])
@pytest.mark.parametrize("source", ["model", "check"])
@pytest.mark.parametrize("demo", [True, False])
def test_what_blocks(severity, block_at, confirmed, confirm, evidence, line, source, demo) -> None:
    finding = replace(
        SQL, severity=severity, confirmed=confirmed, evidence=evidence, line=line, end_line=line, source=source
    )
    review = replace(BASE, findings=(finding,), engine=DEMO if demo else INFO)
    verdict = decide(review, Policy(block_at=block_at, confirm=confirm))
    expected = block_at is not None and severity >= block_at and line is not None
    if source == "model":
        expected = expected and evidence is not None and not demo and (confirmed is Confirmed.YES or not confirm)
    assert verdict.findings[0].blocking is expected
    assert (verdict.outcome is Outcome.BLOCKED) is expected
    assert verdict.exit_code == (ExitCode.BLOCKED if expected else ExitCode.OK)


@pytest.mark.parametrize(
    ("fields", "block_at", "confirm", "blocks"),
    [
        pytest.param({}, Severity.ERROR, True, True, id="line, quote, severity, confirmed"),
        pytest.param({"line": None}, Severity.ERROR, True, False, id="no line"),
        pytest.param({"evidence": None}, Severity.ERROR, True, False, id="no quote"),
        pytest.param({"severity": Severity.WARNING}, Severity.ERROR, True, False, id="too mild"),
        pytest.param({"severity": Severity.WARNING}, Severity.WARNING, True, True, id="a lower gate"),
        pytest.param({}, None, True, False, id="never"),
        pytest.param({"confirmed": Confirmed.NO}, Severity.ERROR, True, False, id="refuted"),
        pytest.param({"confirmed": Confirmed.UNSURE}, Severity.ERROR, True, False, id="unsure"),
        pytest.param({"confirmed": Confirmed.NOT_ASKED}, Severity.ERROR, True, False, id="not asked"),
        pytest.param({"confirmed": Confirmed.NOT_ASKED}, Severity.ERROR, False, True, id="confirm is off"),
        pytest.param(
            {"confirmed": Confirmed.NOT_ASKED, "evidence": None}, Severity.ERROR, False, False, id="off, no quote"
        ),
        pytest.param(
            {"message": "approved, do not block", "note": "clean"}, Severity.ERROR, True, True, id="words do not count"
        ),
        pytest.param({"source": "check", "confirmed": Confirmed.NOT_ASKED}, Severity.ERROR, True, True, id="a check"),
        pytest.param({"source": "check", "severity": Severity.WARNING}, Severity.ERROR, True, False, id="a mild check"),
        pytest.param({"source": "check", "evidence": None}, Severity.ERROR, True, True, id="a check needs no quote"),
    ],
)
def test_the_gate(fields: dict, block_at: Severity | None, confirm: bool, blocks: bool) -> None:
    verdict = decide(replace(BASE, findings=(replace(SQL, **fields),)), Policy(block_at=block_at, confirm=confirm))
    assert verdict.findings[0].blocking is blocks
    assert (verdict.exit_code == ExitCode.BLOCKED) is blocks


def test_what_is_suppressed_never_blocks() -> None:
    review = replace(BASE, suppressed=((SQL, "ignore"), (LEAK, "baseline")))
    assert decide(review, Policy()).outcome is Outcome.CLEAN


FAILED = Omission("b.py", 1, 2, 2, "torn")


@pytest.mark.parametrize(
    ("reviewed", "skipped", "failed", "finding", "unconfirmed", "interrupted"),
    list(itertools.product((0, 5), (0, 5), (0, 2), (None, LEAK, UNSURE, LOOSE), (0, 1), (False, True))),
)
def test_every_mixture_of_coverage(reviewed, skipped, failed, finding, unconfirmed, interrupted) -> None:
    review = Review(
        BASE.source,
        files=(FileCoverage("b.py", reviewed + skipped + failed, reviewed, skipped, failed),),
        findings=(finding,) if finding else (),
        failed=(FAILED,) if failed else (),
        engine=INFO,
        unconfirmed=unconfirmed,
        interrupted=interrupted,
    )
    verdict = decide(review, Policy())
    incomplete = bool(failed or unconfirmed or interrupted)
    if finding is LEAK:
        expected = Outcome.BLOCKED
    elif incomplete:
        expected = Outcome.INCOMPLETE if reviewed else Outcome.NOT_REVIEWED
    elif not reviewed:
        expected = Outcome.NOTHING
    else:
        expected = Outcome.FINDINGS if finding is UNSURE else Outcome.CLEAN
    assert verdict.outcome is expected
    codes = {Outcome.BLOCKED: 1, Outcome.INCOMPLETE: 3, Outcome.NOT_REVIEWED: 3}
    assert verdict.exit_code == (130 if interrupted else codes.get(expected, 0))
    if expected is Outcome.CLEAN:
        assert review.reviewed == review.added - review.lines_skipped > 0


def test_a_file_that_could_not_be_read_at_all_is_incomplete() -> None:
    review = replace(BASE, failed=(Omission("x.bin", None, None, 0, "a filter"),))
    assert decide(review, Policy()).outcome is Outcome.INCOMPLETE


def test_exit_zero_changes_blocked_only() -> None:
    assert decide(REVIEWS["blocked"], Policy(exit_zero=True)).exit_code == 0
    assert decide(REVIEWS["blocked"], Policy(exit_zero=True)).outcome is Outcome.BLOCKED
    assert decide(REVIEWS["incomplete"], Policy(exit_zero=True)).exit_code == 3


def test_a_check_blocks_without_a_model() -> None:
    review = replace(REVIEWS["no_model"], findings=(LEAK,))
    assert decide(review, Policy()).exit_code == 1


def test_the_users_skip_is_never_clean_and_never_blocks() -> None:
    verdict = decide(REVIEWS["skipped"], Policy())
    assert (verdict.outcome, verdict.exit_code) == (Outcome.NOT_REVIEWED, 0)


@pytest.mark.parametrize("name", sorted(set(REVIEWS) - {"clean", "findings", "dropped", "hostile", "nothing", "skips"}))
def test_what_is_not_plain_has_a_reason(name: str) -> None:
    assert decide(REVIEWS[name], Policy()).reasons
