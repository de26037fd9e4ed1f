"""Merge conflicts that were committed with their markers."""

import re

from reviewbot.diff import FileChange, Line, LineKind
from reviewbot.findings import Finding, Severity, excerpt, fingerprint

RULE = "check/conflict-marker"

_OPEN = re.compile(r"<{7}( |$)")
_BASE = re.compile(r"\|{7}( |$)")
_MIDDLE = re.compile(r"={7}$")
_CLOSE = re.compile(r">{7}( |$)")


def find_conflict_markers(change: FileChange) -> tuple[Finding, ...]:
    """One finding for each full set of markers of which a line was added; a lone `=======` underlines a heading."""
    lines = [line for hunk in change.hunks for line in hunk.lines if line.kind is not LineKind.REMOVED]
    found: list[Finding] = []
    current: list[Line] = []
    for line in lines:
        text = line.text.rstrip()
        if _OPEN.match(text):
            current = [line]
        elif current and (_BASE.match(text) or _MIDDLE.match(text)):
            current.append(line)
        elif len(current) > 1 and _MIDDLE.match(current[-1].text.rstrip()) and _CLOSE.match(text):
            added = [marker for marker in (*current, line) if marker.kind is LineKind.ADDED]
            if added:
                found.append(_finding(change, lines, added[0]))
            current = []
    return tuple(found)


def _finding(change: FileChange, lines: list[Line], line: Line) -> Finding:
    return Finding(
        path=change.path,
        line=line.new,
        end_line=line.new,
        severity=Severity.ERROR,
        category="bug",
        rule=RULE,
        message="a merge conflict is committed with its markers",
        source="check",
        evidence=line.text.strip(),
        fingerprint=fingerprint(change.path, RULE, line.text),
        excerpt=excerpt(lines, line),
    )
