"""A change of what decides about reviews: it should be seen, for it may weaken the next one."""

import re

from msgspec import Struct

from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.findings import Finding, Severity, about_line
from reviewbot.settings import BY_KEY
from reviewbot.text import show_path

RULE = "check/config-change"

BASELINE = ".reviewbot-baseline"
_WHOLE = (".reviewbot.toml", BASELINE)
_SECTION = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+")
_OURS = re.compile(r"\s*(?:tool\s*\.\s*)?reviewbot\b")
_KEY = re.compile(r"\s*([A-Za-z_-]+)\s*=")


class Watched(Struct, frozen=True):
    """Which files decide, beside those with fixed names: the prompt and the guidelines in use, as paths of the
    repository; and how much a change of them matters."""

    paths: frozenset[str] = frozenset()
    severity: Severity = Severity.INFO


FIXED_NAMES = Watched()
"""Where no files of one's own are in use."""


def find_config_change(change: FileChange, watched: Watched) -> tuple[Finding, ...]:
    """At most one finding for a file, on the first added line that was changed there; on none where none was added."""
    old = show_path(change.raw_old_path) if change.raw_old_path else change.path
    hunks = [hunk for hunk in change.hunks if _decides(change.path, hunk, watched)]
    if not hunks and old != change.path and _decides(old, Hunk("", ()), watched):
        return (
            _on_no_line(change.path, watched, f"{old}, renamed here, takes part in deciding what is reviewed, and how"),
        )
    if not hunks:
        return ()
    message = f"{change.path} takes part in deciding what is reviewed, and how"
    for hunk in hunks:
        for at, line in enumerate(hunk.lines):
            if line.kind is LineKind.ADDED:
                return (about_line(change.path, hunk.lines, at, rule=RULE, severity=watched.severity, message=message),)
    return (_on_no_line(change.path, watched, message),)


def _on_no_line(path: str, watched: Watched, message: str) -> Finding:
    return Finding(
        path=path,
        line=None,
        end_line=None,
        severity=watched.severity,
        category="security",
        rule=RULE,
        message=message,
        source="check",
    )


def _decides(path: str, hunk: Hunk, watched: Watched) -> bool:
    name = path.rpartition("/")[2]
    if path in _WHOLE or path in watched.paths or name == ".gitattributes":
        return True
    if path == ".pre-commit-config.yaml":
        return any("reviewbot" in line.text for line in hunk.lines)
    return path == "pyproject.toml" and any(_OURS.match(x.text) or _is_ours(hunk, x) for x in _changed(hunk))


def _changed(hunk: Hunk) -> list[Line]:
    return [line for line in hunk.lines if line.kind is not LineKind.CONTEXT]


def _is_ours(hunk: Hunk, changed: Line) -> bool:
    """Whether a line stands in the table of reviewbot. Where the hunk does not show which table it is, a key of ours
    is enough."""
    table = None
    for line in hunk.lines:
        if section := _SECTION.match(line.text):
            table = section[1].replace('"', "").replace(" ", "")
        if line is changed:
            break
    if table is not None:
        return table == "tool.reviewbot"
    key = _KEY.match(changed.text)
    return key is not None and key[1].replace("-", "_") in BY_KEY
