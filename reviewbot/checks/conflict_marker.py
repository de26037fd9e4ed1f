"""Merge conflicts that were committed with their markers."""

import re
from collections.abc import Sequence

from reviewbot.diff import FileChange, Line, LineKind
from reviewbot.findings import Finding, Severity, about_line

RULE = "check/conflict-marker"

_OPEN = re.compile(r"<{7}( |$)")
_BASE = re.compile(r"\|{7}( |$)")
_MIDDLE = re.compile(r"={7}$")
_CLOSE = re.compile(r">{7}( |$)")


def find_conflict_markers(change: FileChange) -> tuple[Finding, ...]:
    """One finding for each full set of markers of which a line was added; a lone `=======` underlines a heading."""
    lines = [line for hunk in change.hunks for line in hunk.lines if line.kind is not LineKind.REMOVED]
    if "<<<<<<<" not in "\n".join(line.text for line in lines):
        return ()
    found: list[Finding] = []
    current: list[int] = []
    has_middle = False
    for at, line in enumerate(lines):
        text = line.text.rstrip()
        if _OPEN.match(text) and not has_middle:
            current = [at]
        elif current and (_OPEN.match(text) or _BASE.match(text) or _MIDDLE.match(text)):
            current.append(at)
            has_middle = has_middle or _MIDDLE.match(text) is not None
        elif has_middle and _CLOSE.match(text):
            added = [place for place in (*current, at) if lines[place].kind is LineKind.ADDED]
            found += [_finding(change.path, lines, place) for place in added[:1]]
            current, has_middle = [], False
    return tuple(found)


def _finding(path: str, lines: Sequence[Line], at: int) -> Finding:
    message = "a merge conflict is committed with its markers"
    return about_line(path, lines, at, rule=RULE, severity=Severity.ERROR, category="bug", message=message)
