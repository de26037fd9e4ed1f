"""Merge conflicts that were committed with their markers."""

import re

from reviewbot.diff import FileChange, LineKind
from reviewbot.findings import Finding, Severity, about_line

RULE = "check/conflict-marker"

_OPEN = re.compile(r"<{7}( |$)")
_BASE = re.compile(r"\|{7}( |$)")
_MIDDLE = re.compile(r"={7}$")
_CLOSE = re.compile(r">{7}( |$)")


def find_conflict_markers(change: FileChange) -> tuple[Finding, ...]:
    """One finding for each full set of markers of which a line was added; a lone `=======` underlines a heading."""
    lines = [line for hunk in change.hunks for line in hunk.lines if line.kind is not LineKind.REMOVED]
    found: list[Finding] = []
    current: list[int] = []
    for at, line in enumerate(lines):
        text = line.text.rstrip()
        if _OPEN.match(text):
            current = [at]
        elif current and (_BASE.match(text) or _MIDDLE.match(text)):
            current.append(at)
        elif _CLOSE.match(text) and any(_MIDDLE.match(lines[place].text.rstrip()) for place in current):
            added = [place for place in (*current, at) if lines[place].kind is LineKind.ADDED]
            if added:
                found.append(
                    about_line(
                        change.path,
                        lines,
                        added[0],
                        rule=RULE,
                        severity=Severity.ERROR,
                        category="bug",
                        message="a merge conflict is committed with its markers",
                    )
                )
            current = []
    return tuple(found)
