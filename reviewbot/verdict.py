"""Findings and coverage against a policy: the one place where a run gets its outcome and exit code."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.errors import ExitCode
from reviewbot.findings import Finding, Severity, passes_gate
from reviewbot.review import Review


class Outcome(StrEnum):
    """The word for a whole run."""

    CLEAN = "clean"
    FINDINGS = "findings"
    BLOCKED = "blocked"
    INCOMPLETE = "incomplete"
    NOT_REVIEWED = "not_reviewed"
    NOTHING = "nothing"
    DEMO = "demo"
    PART = "part"


class Policy(Struct, frozen=True):
    """What blocks. `block_at` None never blocks; `confirm` tells whether a model's finding needs a second opinion."""

    block_at: Severity | None = Severity.ERROR
    confirm: bool = True
    block_on_failure: bool = True
    exit_zero: bool = False


class Verdict(Struct, frozen=True):
    """`findings` are those of the review with `blocking` set; `reasons` are sentences for people; the rest is the
    policy that decided."""

    outcome: Outcome
    exit_code: ExitCode
    block_at: Severity | None
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...] = ()
    confirm: bool = True
    block_on_failure: bool = True


def decide(review: Review, policy: Policy) -> Verdict:
    """The outcome, the exit code and, for each finding, whether it blocks."""
    findings = tuple(replace(finding, blocking=_blocks(finding, review, policy)) for finding in review.findings)
    outcome = _outcome(review, findings)
    return Verdict(
        outcome=outcome,
        exit_code=_exit_code(outcome, review, policy),
        block_at=policy.block_at,
        findings=findings,
        reasons=tuple(_reasons(outcome, review, findings)),
        confirm=policy.confirm,
        block_on_failure=policy.block_on_failure,
    )


def _blocks(finding: Finding, review: Review, policy: Policy) -> bool:
    """The demo model blocks nothing, whatever it says."""
    demo = review.engine is not None and review.engine.demo
    return passes_gate(finding, policy.block_at, confirm=policy.confirm) and (finding.source == "check" or not demo)


def _outcome(review: Review, findings: tuple[Finding, ...]) -> Outcome:
    if any(finding.blocking for finding in findings):
        return Outcome.BLOCKED
    if review.skip_reason is not None:
        return Outcome.NOT_REVIEWED
    if review.failed or review.unconfirmed or review.interrupted:
        return Outcome.INCOMPLETE if review.reviewed else Outcome.NOT_REVIEWED
    if review.no_model:
        return Outcome.NOT_REVIEWED
    if review.reviewed == 0:
        return Outcome.PART if review.share is not None and review.share.elsewhere else Outcome.NOTHING
    if review.engine is not None and review.engine.demo:
        return Outcome.DEMO
    if review.share is not None and review.share.elsewhere:
        return Outcome.PART
    return Outcome.FINDINGS if any(finding.line is not None for finding in findings) else Outcome.CLEAN


def _exit_code(outcome: Outcome, review: Review, policy: Policy) -> ExitCode:
    if review.interrupted:
        return ExitCode.INTERRUPTED
    if outcome is Outcome.BLOCKED:
        return ExitCode.OK if policy.exit_zero else ExitCode.BLOCKED
    by_wish = review.skip_reason is not None or (review.no_model and not review.failed)
    failed = outcome in (Outcome.INCOMPLETE, Outcome.NOT_REVIEWED) and not by_wish
    return ExitCode.NOT_REVIEWED if failed and policy.block_on_failure else ExitCode.OK


def _reasons(outcome: Outcome, review: Review, findings: tuple[Finding, ...]) -> Iterator[str]:
    if review.skip_reason is not None:
        yield f"skipped by the user: {review.skip_reason}"
        return
    blocking = sum(finding.blocking for finding in findings)
    if blocking:
        yield f"{blocking} finding{'s' if blocking > 1 else ''} at or above the gate"
    for reason in dict.fromkeys(omission.reason for omission in review.failed):
        lines = sum(omission.lines for omission in review.failed if omission.reason == reason)
        yield f"{lines} of {review.added} added lines were not read: {reason}"
    if review.interrupted and not review.failed:
        yield "interrupted before anything was read"
    if review.unconfirmed:
        yield f"{review.unconfirmed} of the findings got no second look"
    if review.share is not None and review.share.elsewhere:
        share = review.share
        yield f"{share.elsewhere} added lines are in other shares: this is {share.index} of {share.count}"
    if review.no_model:
        yield "only the deterministic checks ran"
    if outcome is Outcome.NOTHING and review.added == 0:
        yield "no line was added, and removed lines alone are not reviewed" if review.files else "the change is empty"
    if review.engine is not None and review.engine.demo:
        yield "the demo model is too small to find bugs"
