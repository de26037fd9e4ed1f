"""GitLab's Code Quality report: a JSON array of issues, each on a line (docs.gitlab.com, "Code Quality report format").

Two issues with one fingerprint would be shown as one, so each further one counts up.
"""

from collections import Counter

import msgspec

from reviewbot.findings import Severity
from reviewbot.reporters import Style
from reviewbot.reporters.entries import Entry, entries
from reviewbot.review import Review
from reviewbot.verdict import Verdict

_SEVERITIES = {Severity.INFO: "info", Severity.WARNING: "major", Severity.ERROR: "critical"}


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """The array, indented by two blanks."""
    seen: Counter[str] = Counter()
    issues = []
    for entry in entries(review, verdict):
        seen[entry.fingerprint] += 1
        issues.append(_issue(entry, seen[entry.fingerprint]))
    return msgspec.json.format(msgspec.json.encode(issues), indent=2).decode() + "\n"


def _issue(entry: Entry, number: int) -> dict[str, object]:
    return {
        "description": entry.text,
        "check_name": entry.rule,
        "fingerprint": entry.fingerprint if number == 1 else f"{entry.fingerprint}-{number}",
        "severity": "blocker" if entry.blocking else _SEVERITIES[entry.severity],
        # A line is required: what is about a whole file stands on the first one.
        "location": {
            "path": entry.path.removeprefix("./"),
            "lines": {"begin": entry.line or 1},
        },
    }
