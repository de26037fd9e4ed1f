"""Annotations as GitHub workflow commands.

A step shows at most 10 errors, 10 warnings and 10 notices, so the worst come first and the rest is summed up. Values
are escaped as the runner unescapes them (actions/toolkit, command.ts), so that no text can begin a command of its own.
"""

from collections.abc import Iterator

from reviewbot.findings import Finding, Severity
from reviewbot.reporters import Style
from reviewbot.reporters.omissions import count_words
from reviewbot.reporters.sentences import run_lines
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Verdict

LIMIT = 10
MAX_MESSAGE_CHARS = 3000
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """One command a line: findings by severity, then a notice that sums up the run."""
    lines: list[str] = []
    hidden = 0
    anchored = [finding for finding in verdict.findings if finding.line is not None]
    for severity in reversed(Severity):
        room = LIMIT - 1 if severity is Severity.INFO else LIMIT  # one notice is kept for the summary
        of_kind = sorted((f for f in anchored if f.severity is severity), key=lambda f: not f.blocking)
        lines += [_annotation(finding) for finding in of_kind[:room]]
        hidden += len(of_kind[room:])
    loose = len(verdict.findings) - len(anchored)
    lines.append(f"::notice title=reviewbot::{_data('; '.join(_summary(review, verdict, hidden, loose)))}")
    return "".join(f"{line}\n" for line in lines)


def _annotation(finding: Finding) -> str:
    # No column: the runner refuses columns where line and endLine differ, and findings are about whole lines.
    fields = {
        "file": visible_line(finding.path),
        "line": str(finding.line),
        "endLine": str(finding.end_line or finding.line),
        "title": f"reviewbot {finding.rule}",
    }
    properties = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    parts = [finding.message, finding.note, f"Try: {finding.suggestion}" if finding.suggestion else None]
    message = "\n".join(visible_line(part) for part in parts if part)
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(message[:MAX_MESSAGE_CHARS])}"


def _summary(review: Review, verdict: Verdict, hidden: int, loose: int) -> Iterator[str]:
    coverage, *others = run_lines(review, verdict)
    yield coverage
    if hidden:
        yield f"{count_words(hidden, 'finding')} more than GitHub shows"
    if loose:
        yield f"{count_words(loose, 'remark')} that no line proves"
    yield from others


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
