"""What every format says in words: coverage, a finding with its remarks, lines that no model read."""

from collections.abc import Iterator

from reviewbot.findings import Confirmed, Finding
from reviewbot.plan import Omission
from reviewbot.reporters.omissions import count_words
from reviewbot.review import Review
from reviewbot.text import visible, visible_line
from reviewbot.verdict import Verdict

MAX_CHARS = 3000
"""Of one finding in words; hosts cut longer texts (GitHub near 4,096 characters)."""

_OVERRULED = {
    "ignore": "ignored by a comment",
    "baseline": "accepted in .reviewbot-baseline",
    "cap": "milder than the max_findings that are shown",
    "excluded": "dropped as a remark that is no defect",
}


def coverage_line(review: Review, verdict: Verdict) -> str:
    """The outcome and the three numbers."""
    return (
        f"{verdict.outcome.value}: {review.reviewed} of {review.added} added lines reviewed, "
        f"{review.lines_skipped} skipped, {review.lines_failed} failed"
    )


def is_whole(review: Review) -> bool:
    """Whether everything was done that a review does: nothing failed, was interrupted or left out on purpose."""
    stopped = review.interrupted or review.no_model or review.skip_reason is not None
    return not (review.failed or review.unconfirmed or stopped)


def run_lines(review: Review, verdict: Verdict) -> Iterator[str]:
    """What is said about the run as a whole, one line each: coverage, reasons, what is not shown, what answered."""
    yield coverage_line(review, verdict)
    yield from (visible_line(reason) for reason in verdict.reasons)
    if review.suppressed:
        yield f"{count_words(len(review.suppressed), 'finding')} overruled or not shown"
    if review.engine is not None:
        yield visible_line(f"read by {review.engine.model} on {review.engine.endpoint}")


def finding_lines(finding: Finding) -> list[str]:
    """The message, what is known of it and what to try; one line each, MAX_CHARS in all."""
    parts = [
        finding.message,
        "Confirmed by a second look" if finding.confirmed is Confirmed.YES else None,
        finding.note,
        f"Try: {finding.suggestion}" if finding.suggestion else None,
    ]
    text = "\n".join(visible_line(part) for part in parts if part)
    return (text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]} ...").split("\n")


def omission_line(omission: Omission) -> str:
    """How many added lines of a place no model read, and why."""
    reason = visible_line(omission.reason)
    if not omission.lines:
        return f"not read by a model: {reason}"
    lines = "1 added line was" if omission.lines == 1 else f"{omission.lines} added lines were"
    return f"{lines} not read by a model: {reason}"


def overruled(finding: Finding, by: str) -> str:
    """Why a finding is suppressed."""
    return visible(": ".join(part for part in (_OVERRULED.get(by, by), finding.note) if part))
