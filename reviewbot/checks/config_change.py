"""A change of what decides about reviews: it should be seen, for it may weaken the next one."""

import posixpath
import re

from msgspec import Struct

from reviewbot import baseline
from reviewbot.diff import SYMLINK_MODE, FileChange, Hunk, Line, LineKind
from reviewbot.findings import Finding, Severity, about_line, about_no_line
from reviewbot.settings import BY_KEY
from reviewbot.text import show_path

RULE = "check/config-change"

_WHOLE = (".reviewbot.toml", baseline.FILE)
_HOOKS, _PROJECT = _PARTLY = (".pre-commit-config.yaml", "pyproject.toml")
_SECTION = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+")
_OURS = re.compile(r"""(?:^|[\s{.,"'])reviewbot["']?\s*[.=]""")
_KEY = re.compile(r"\s*([\w.\"'-]+)\s*=")
_SAYS_NOTHING = re.compile(r"\s*(?:#|$)")
_HOOK = re.compile(r"\s*(?:-\s*)?(?:id|repo)\s*:")


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
    hunks = [hunk for hunk in change.hunks if _decides(change, hunk, watched)]
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


def _decides(change: FileChange, hunk: Hunk, watched: Watched) -> bool:
    if _is_whole(change.path, watched) or change.mode == SYMLINK_MODE and _leads(change, hunk, watched):
        return True
    if change.path not in _PARTLY:
        return False
    whole = change.raw_old_path != change.raw_path  # or renamed, which counts anyway
    changed = [line for line in hunk.lines if line.kind is not LineKind.CONTEXT and not _SAYS_NOTHING.match(line.text)]
    if change.path == _HOOKS:
        if any("reviewbot" in line.text for line in hunk.lines):
            return True
        return not whole and any(_last(_HOOK, hunk, line) is None for line in changed)
    return change.path == _PROJECT and any(
        _OURS.search(line.text) or _is_ours(hunk, line, whole=whole) for line in changed
    )


def _leads(change: FileChange, hunk: Hunk, watched: Watched) -> bool:
    """Whether a link leads to a file that decides, or to a folder above one. Its diff shows where to."""
    folder = posixpath.dirname(change.path)
    ends = {posixpath.normpath(posixpath.join(folder, x.text)) for x in hunk.lines if x.kind is LineKind.ADDED}
    return any(path == end or path.startswith(f"{end}/") for path in watched.paths for end in ends)


def _last(pattern: re.Pattern[str], hunk: Hunk, changed: Line) -> re.Match[str] | None:
    """The match that is next above a line of a hunk, or on it."""
    last = None
    for line in hunk.lines:
        last = pattern.match(line.text) or last
        if line is changed:
            break
    return last


def _is_ours(hunk: Hunk, changed: Line, *, whole: bool) -> bool:
    """Whether a line stands in the table of reviewbot. Where the hunk does not show which table it is, a key of ours
    is enough, and so is a value that may be one's unless the `whole` file is shown."""
    if section := _last(_SECTION, hunk, changed):
        table = re.sub(r"[\s\"']", "", section[1])
        return f"{table}.".startswith("tool.reviewbot.")
    key = _last(_KEY, hunk, changed)
    if key is None:
        return not whole
    return key[1].replace("-", "_") in BY_KEY
