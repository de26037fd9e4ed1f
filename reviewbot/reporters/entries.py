"""A report as one list, for formats that hold issues and nothing else: a finding, lines that no model read and a run
that was not whole are all entries there, so that none of them can be taken for a clean one."""

import hashlib
from collections.abc import Iterator

from msgspec import Struct

from reviewbot.findings import Finding, Severity
from reviewbot.reporters.sentences import finding_lines, is_whole, omission_line, run_lines
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Outcome, Verdict

NOT_READ = "reviewbot/not-read"
RUN = "reviewbot/run"


class Entry(Struct, frozen=True):
    """One issue. `line` is None for a file as a whole, `path` "." for the run; `text` has one line for each remark."""

    path: str
    line: int | None
    end_line: int | None
    severity: Severity
    rule: str
    text: str
    fingerprint: str
    blocking: bool = False
    finding: Finding | None = None


def entries(review: Review, verdict: Verdict) -> Iterator[Entry]:
    """Findings, then added lines that should have been read and were not, then the run where it says less than
    "clean" would; what rules skip and what is overruled has no place."""
    for finding in verdict.findings:
        yield Entry(
            path=visible_line(finding.path),
            line=finding.line,
            end_line=finding.end_line or finding.line,
            severity=finding.severity,
            rule=visible_line(finding.rule),
            text="\n".join(finding_lines(finding)) or "no message",
            fingerprint=visible_line(finding.fingerprint),
            blocking=finding.blocking,
            finding=finding,
        )
    for omission in review.failed:
        path, text = visible_line(omission.path), omission_line(omission)
        mark = _digest(NOT_READ, path, str(omission.start), text)
        yield Entry(path, omission.start, omission.end, Severity.WARNING, NOT_READ, text, mark)
    if not is_whole(review) or verdict.outcome in (Outcome.NOTHING, Outcome.DEMO):
        severity = Severity.INFO if is_whole(review) else Severity.WARNING
        yield Entry(
            ".", None, None, severity, RUN, "\n".join(run_lines(review, verdict)), _digest(RUN, verdict.outcome)
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
