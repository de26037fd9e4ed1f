"""reviewdog's own JSON (Reviewdog Diagnostic Format), as one object.

No columns, which stands for whole lines. What a model says to try is no replacement that a tool could make, so it
stands in the message and not among `suggestions`.
"""

from typing import Any

import msgspec

from reviewbot.findings import Severity
from reviewbot.reporters import Style
from reviewbot.reporters.entries import Entry, entries
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Verdict

_SEVERITIES = {Severity.INFO: "INFO", Severity.WARNING: "WARNING", Severity.ERROR: "ERROR"}


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """The object, indented by two blanks."""
    result = {"source": {"name": "reviewbot"}, "diagnostics": diagnostics(review, verdict)}
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def diagnostics(review: Review, verdict: Verdict) -> list[dict[str, Any]]:
    """One for each entry."""
    return [_diagnostic(entry) for entry in entries(review, verdict)]


def _diagnostic(entry: Entry) -> dict[str, Any]:
    made: dict[str, Any] = {
        "message": entry.text,
        "location": _location(entry.path, entry.line, entry.end_line),
        "severity": _SEVERITIES[entry.severity],
        "source": {"name": "reviewbot"},
        "code": {"value": entry.rule},
    }
    if entry.finding is not None and entry.finding.repeats:
        made["related_locations"] = [
            {"message": visible_line(repeat.message), "location": _location(entry.path, repeat.line, repeat.line)}
            for repeat in entry.finding.repeats
        ]
    return made


def _location(path: str, start: int | None, end: int | None) -> dict[str, Any]:
    lines = {} if start is None else {"range": {"start": {"line": start}, "end": {"line": end or start}}}
    return {"path": path, **lines}
