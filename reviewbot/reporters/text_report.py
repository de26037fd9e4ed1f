"""Findings for people, editors and grep: `path:line: severity: message [rule]`, then the code."""

from collections.abc import Iterator

from reviewbot.findings import Confirmed, Finding, Severity
from reviewbot.reporters import Style
from reviewbot.reporters.colours import paint
from reviewbot.review import Review
from reviewbot.text import show_place, visible, visible_line
from reviewbot.verdict import Verdict

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
MAX_CODE_CHARS = 200


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """Every finding with its code and a blank line behind it."""
    return "".join("".join(_finding(finding, style)) + "\n" for finding in verdict.findings)


def _finding(finding: Finding, style: Style) -> Iterator[str]:
    # On GitHub a line that begins so would be a command to the runner.
    path = f"./{finding.path}" if finding.path.startswith(("::", "##[")) else finding.path
    place = show_place(path, finding.line)
    severity = paint(finding.severity.word, _COLOURS[finding.severity], style.colour)
    message = visible_line(finding.message)
    yield f"{paint(place, 'bold', style.colour)}: {severity}: {message} [{finding.rule}]\n"
    width = max((len(str(line.number)) for line in finding.excerpt), default=0)
    for line in finding.excerpt:
        mark = ">" if line.marked else " "
        code = visible(line.text).expandtabs(4)
        code = code if len(code) <= MAX_CODE_CHARS else code[:MAX_CODE_CHARS] + " ..."
        row = f"{mark} {line.number:>{width}} | {code}".rstrip()
        yield f"   {row if line.marked else paint(row, 'dim', style.colour)}\n"
    remarks = list(_remarks(finding))
    if remarks:
        rest = (f". {remark[0].upper()}{remark[1:]}" for remark in remarks[1:])
        yield f"   {' ' * width}   = {remarks[0]}{''.join(rest)}\n"
    if style.verbose:
        yield f"   {' ' * width}   = fingerprint {finding.fingerprint}\n"


def _remarks(finding: Finding) -> Iterator[str]:
    if finding.confirmed is Confirmed.YES:
        yield "confirmed by a second look"
    if finding.note:
        yield visible_line(finding.note)
    if finding.suggestion:
        yield f"Try: {visible_line(finding.suggestion)}"
