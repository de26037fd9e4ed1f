"""Findings and coverage against a policy: the one place where a run gets its outcome and exit code."""

from enum import StrEnum

from msgspec import Struct

from reviewbot.errors import ExitCode
from reviewbot.findings import Finding, Severity


class Outcome(StrEnum):
    """The word for a whole run."""

    CLEAN = "clean"
    FINDINGS = "findings"
    BLOCKED = "blocked"
    INCOMPLETE = "incomplete"
    NOT_REVIEWED = "not_reviewed"
    NOTHING = "nothing"
    DEMO = "demo"


class Policy(Struct, frozen=True):
    """What blocks. `block_at` None never blocks; `confirm` tells whether a model's finding needs a second opinion."""

    block_at: Severity | None = Severity.ERROR
    confirm: bool = True
    block_on_failure: bool = True
    exit_zero: bool = False


class Verdict(Struct, frozen=True):
    """`findings` are those of the review with `blocking` set; `reasons` are sentences for people."""

    outcome: Outcome
    exit_code: ExitCode
    block_at: Severity | None
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...] = ()
