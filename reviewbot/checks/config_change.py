"""A change of what decides about reviews: it should be seen, for it may weaken the next one."""

import re

from msgspec import Struct

from reviewbot import baseline
from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.findings import Finding, Severity, about_line, about_no_line
from reviewbot.settings import BY_KEY
from reviewbot.text import show_path

RULE = "check/config-change"

_WHOLE = (".reviewbot.toml", baseline.FILE)
_HOOKS, _PROJECT = _PARTLY = (".pre-commit-config.yaml", "pyproject.toml")
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
    """At most one finding for a file, on the first added line that was changed there; on none where none was added, or
    where the diff shows nothing of what decides: in a file that was renamed, or is empty or binary."""
    message = f"{change.path} takes part in deciding what is reviewed, and how"
    hunks = [hunk for hunk in change.hunks if _decides(change.path, hunk, watched)]
    for hunk in hunks:
        for at, line in enumerate(hunk.lines):
            if line.kind is LineKind.ADDED:
                return (about_line(change.path, hunk.lines, at, rule=RULE, severity=watched.severity, message=message),)
    if not hunks:
        unshown = _unshown(change, watched)
        if unshown is None:
            return ()
        message = f"{unshown} takes part in deciding what is reviewed, and how"
    return (about_no_line(change.path, rule=RULE, severity=watched.severity, message=message),)


def _unshown(change: FileChange, watched: Watched) -> str | None:
    """The name that decides of a file whose diff does not show it, the old one with the reason."""
    old = show_path(change.raw_old_path) if change.raw_old_path else None
    renamed = old is not None and old != change.path
    if _is_whole(change.path, watched) and (old is None or renamed or change.deleted or change.binary):
        return change.path
    if change.path in _PARTLY and (renamed or change.binary):
        return change.path
    if old is not None and renamed and (_is_whole(old, watched) or old in _PARTLY):
        return f"{old}, renamed here,"
    return None


def _is_whole(path: str, watched: Watched) -> bool:
    """Whether all that a file has decides."""
    return path in _WHOLE or path in watched.paths or path.rpartition("/")[2] == ".gitattributes"


def _decides(path: str, hunk: Hunk, watched: Watched) -> bool:
    if _is_whole(path, watched):
        return True
    if path == _HOOKS:
        return any("reviewbot" in line.text for line in hunk.lines)
    return path == _PROJECT and any(_OURS.match(x.text) or _is_ours(hunk, x) for x in _changed(hunk))


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
