"""Findings that a comment in the code overrules: `reviewbot: ignore[rule] reason`, on the line or the line above.

Comments are not parsed: the words count wherever they stand on a line. `rule` is an id such as `model/security`, or
what stands behind its stroke; several are parted by commas. Secrets are overruled by the pragma of detect-secrets
alone, which every scanner knows.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.findings import CATEGORIES, SECRET, Finding, Severity, about_line, add_note
from reviewbot.sieves import NEW, Sifted

RULE = "check/ignore"

MAX_REASON = 200

_IGNORE = re.compile(r"\breviewbot:\s*ignore\b(?:\[([^\]]*)\])?[ \t:]*(.*)", re.IGNORECASE)
_SIGN = "bot:"
"""In small letters, what each such comment holds; there is no other letter that the pattern takes for one of these."""

_END = re.compile(r"\s*(?:\*/|-->|\*\)|\"\"\"|'''|--\]\]|%>)\s*$")
_WORD = re.compile(r"\w{2}")


class Ignore(Struct, frozen=True):
    """One such comment. It holds for `line` and the next one; `added` tells that the change brings it in, `problem`
    why it is not honoured."""

    path: str
    line: int
    rules: tuple[str, ...]
    reason: str
    added: bool
    problem: str | None = None

    def holds_for(self, finding: Finding) -> bool:
        """Whether it overrules a finding."""
        if self.problem is not None or finding.rule == SECRET or finding.path != self.path:
            return False
        near = finding.line in (self.line, self.line + 1)
        return near and (finding.rule in self.rules or finding.rule.partition("/")[2] in self.rules)


def find_ignores(changes: Sequence[FileChange], rules: Sequence[str], *, allow_new: bool) -> tuple[Ignore, ...]:
    """All that the changes show, on added and on unchanged lines. `rules` are the ids of all checks; without
    `allow_new` those that the changes themselves bring in are not honoured."""
    return tuple(
        _read(change.path, line, match, rules, allow_new=allow_new)
        for change in changes
        for hunk in change.hunks
        if _SIGN in "\n".join(line.text for line in hunk.lines).lower()
        for line in hunk.lines
        if line.kind is not LineKind.REMOVED and (match := _IGNORE.search(line.text))
    )


def _read(path: str, line: Line, match: re.Match[str], rules: Sequence[str], *, allow_new: bool) -> Ignore:
    named = tuple(part for part in (rule.strip() for rule in (match[1] or "").split(",")) if part)
    reason = _END.sub("", match[2]).strip()[:MAX_REASON]
    added = line.kind is LineKind.ADDED
    return Ignore(
        path=path,
        line=line.new or 0,
        rules=named,
        reason=reason,
        added=added,
        problem=_problem(named, reason, rules) or (None if allow_new or not added else "this change brings it in"),
    )


def _problem(named: tuple[str, ...], reason: str, rules: Sequence[str]) -> str | None:
    known = {*rules, *(f"model/{category}" for category in CATEGORIES)}
    known |= {rule.partition("/")[2] for rule in known}
    if not named:
        return "it names no rule: reviewbot: ignore[rule] reason"
    if SECRET in named or "secret" in named:
        return "a secret is allowed by a comment `pragma: allowlist secret` and the reason, by nothing else"
    unknown = [rule for rule in named if rule not in known]
    if unknown:
        return f"there is no rule {unknown[0][:40]}"
    return None if _WORD.search(reason) else "it gives no reason"


def suppress_ignored(findings: tuple[Finding, ...], ignores: Sequence[Ignore]) -> Sifted:
    """Findings without those that a comment overrules; these say where and why."""
    kept: list[Finding] = []
    suppressed: list[tuple[Finding, str]] = []
    for finding in findings:
        ignore = next((one for one in ignores if one.holds_for(finding)), None)
        if ignore is None:
            kept.append(finding)
            continue
        new = NEW if ignore.added else ""
        note = f"ignored at {ignore.path}:{ignore.line}{new}: {ignore.reason}"
        suppressed.append((add_note(finding, note), "ignore"))
    return Sifted(tuple(kept), tuple(suppressed))


def tell_ignores(
    ignores: Sequence[Ignore],
    changes: Sequence[FileChange],
    suppressed: Sequence[tuple[Finding, str]],
    unread: Mapping[str, set[int]],
) -> tuple[Finding, ...]:
    """An information for each comment that is not honoured, and for each that overrules nothing though it might: of
    the lines that it holds for one was added and none is in `unread`, which has the numbers of the lines by path that
    no model read. `changes` show the comments."""
    ignored = [finding for finding, by in suppressed if by == "ignore"]
    paths = {ignore.path for ignore in ignores}
    shown = [(change.path, hunk) for change in changes if change.path in paths for hunk in change.hunks]
    lines = {(path, line.new): (hunk, at) for path, hunk in shown for at, line in enumerate(hunk.lines)}
    told: list[Finding] = []
    for ignore in ignores:
        why = ignore.problem
        if why is None and _is_unused(ignore, ignored, lines, unread):
            why = "nothing was found there"
        if why is not None:
            told.append(_tell(ignore, why, lines))
    return tuple(told)


_Lines = Mapping[tuple[str, int | None], tuple[Hunk, int]]


def _is_unused(ignore: Ignore, ignored: Sequence[Finding], lines: _Lines, unread: Mapping[str, set[int]]) -> bool:
    if any(ignore.holds_for(finding) for finding in ignored):
        return False
    places = (ignore.line, ignore.line + 1)
    if unread.get(ignore.path, set()) & set(places):
        return False
    found = (lines[key] for number in places if (key := (ignore.path, number)) in lines)
    return any(hunk.lines[at].kind is LineKind.ADDED for hunk, at in found)


def _tell(ignore: Ignore, why: str, lines: _Lines) -> Finding:
    """On its own line, where that was added; else on none."""
    hunk, at = lines[ignore.path, ignore.line]
    message = f"the comment at line {ignore.line} overrules nothing: {why}"
    if ignore.added:
        return about_line(
            ignore.path, hunk.lines, at, rule=RULE, severity=Severity.INFO, category="test", message=message
        )
    return Finding(ignore.path, None, None, Severity.INFO, "test", RULE, message, "check")
