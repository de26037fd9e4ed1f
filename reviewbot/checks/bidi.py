"""Characters that nobody sees, and such that show code in another order than it runs (CVE-2021-42574).

Hebrew, Arabic and other scripts need some of them: marks beside their letters, balanced isolates around their text,
joiners inside their words, and emoji are glued together by joiners and selectors. Those are no findings.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from reviewbot.diff import FileChange, Hunk, LineKind
from reviewbot.findings import Finding, Severity, about_line

RULE = "check/bidi"

_OPENING = "\u202a\u202b\u2066\u2067\u2068"
_OVERRIDES = "\u202d\u202e"
_CLOSING = "\u202c\u2069"
_MARKS = "\u200e\u200f\u061c"
_JOINERS = "\u200c\u200d"
_INVISIBLE = "\u200b\u2060-\u2064\u206a-\u206f\ufeff\u034f\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0\ufff9-\ufffb"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0000-\U000e007f"

_SUSPECT = re.compile(f"[{_OPENING}{_OVERRIDES}{_CLOSING}{_MARKS}{_JOINERS}{_INVISIBLE}{_SELECTORS}{_TAGS}]")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""The flag of a part of a country: a black flag, its name in tags, an end."""

_DELIMITER = re.compile(r"\*/|[\"'`]")


def find_bidi(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line with such characters, and one for a file's name, on its first added line."""
    found = []
    in_name = list(_suspects(change.raw_path.decode("utf-8", "replace")))
    for hunk in change.hunks:
        for at, line in enumerate(hunk.lines):
            if line.kind is not LineKind.ADDED:
                continue
            if in_name:
                found.append(_finding(change, "the name of this file holds", in_name, hunk, at))
                in_name = []
            if line.text.isascii():
                continue
            text = line.text.removeprefix("\ufeff") if line.new == 1 else line.text
            suspects = list(_suspects(text))
            if suspects:
                found.append(_finding(change, "this line holds", suspects, hunk, at))
    return tuple(found)


def _finding(change: FileChange, where: str, suspects: Sequence[str], hunk: Hunk, at: int) -> Finding:
    names = ", ".join(dict.fromkeys(f"U+{ord(c):04X} {unicodedata.name(c, 'without a name')}" for c in suspects))
    return about_line(
        change.path,
        hunk.lines,
        at,
        rule=RULE,
        severity=Severity.ERROR,
        message=f"{where} characters that are invisible or change the order of what is shown: {names}",
    )


def _suspects(text: str) -> Iterator[str]:
    """The characters of a line that have no good reason to be there."""
    if not _SUSPECT.search(text):
        return
    text = _FLAG.sub("", text)
    rightward = any(map(_is_rightward, text))
    waiting: list[int] = []
    for at, character in enumerate(text):
        if not _SUSPECT.match(character):
            continue
        if character in _OPENING:
            waiting.append(at)
        elif character in _CLOSING:
            if not waiting or not _is_ordinary(text[waiting.pop() + 1 : at]):
                yield character
        elif character in _MARKS:
            if not rightward:
                yield character
        elif character in _JOINERS:
            if not _joins(text, at):
                yield character
        elif not (_is_selector(character) and _selects(text, at)):
            yield character
    yield from (text[at] for at in waiting)


def _is_rightward(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def _is_ordinary(span: str) -> bool:
    """Whether text between two controls is a script that needs them, and closes no comment or string. A quotation mark
    inside a word is a letter of Hebrew."""
    if not any(map(_is_rightward, span)):
        return False
    for found in _DELIMITER.finditer(span):
        beside = span[found.start() - 1 : found.start()] + span[found.end() : found.end() + 1]
        if found[0] == "*/" or len(beside) < 2 or not all(map(_is_rightward, beside)):
            return False
    return True


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands where one is needed: in a word of a script that has joined letters, or in an emoji."""
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if text[at] == "\u200d" and before and after and all(map(_is_pictorial, (before, after))):
        return True
    return bool(before) and before.isalnum() | (unicodedata.category(before) in ("Mn", "Mc")) and not before.isascii()


def _is_pictorial(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk") or _is_selector(character)


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _selects(text: str, at: int) -> bool:
    """Whether a selector follows one visible character: a row of them carries hidden data."""
    before = text[at - 1 : at] if at else ""
    return bool(before) and not before.isspace() and not _SUSPECT.match(before)
