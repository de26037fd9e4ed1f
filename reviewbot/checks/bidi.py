"""Characters that nobody sees, and such that show code in another order than it runs (CVE-2021-42574).

Hebrew, Arabic and other scripts need some of them: in comments, strings and prose marks beside their letters and
balanced isolates around words of either direction, joiners inside their words. Emoji are glued together by joiners and
selectors. Those are no findings.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from reviewbot.diff import FileChange, Hunk, LineKind
from reviewbot.findings import Finding, Severity, about_line
from reviewbot.prose import Kind, Part, is_rightward, part_at, text_parts

RULE = "check/bidi"

_CLOSES = {"\u202a": "\u202c", "\u202b": "\u202c", "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
_OPENING = "".join(_CLOSES)
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

_DELIMITER = re.compile(r"\*/|-->|[\"'`]")

MAX_DEPTH = 125
"""How deep controls may nest (UAX 9, BD2)."""


def find_bidi(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line with such characters, and one for a file's name, on its first added line."""
    found = []
    name = change.raw_path.decode("utf-8", "replace")
    in_name = list(_suspects(name, [Part(0, len(name), Kind.NAME)]))
    for hunk in change.hunks:
        parts: dict[int, list[Part]] | None = None
        for at, line in enumerate(hunk.lines):
            if line.kind is not LineKind.ADDED:
                continue
            if in_name:
                found.append(_finding(change, "the name of this file holds", in_name, hunk, at))
                in_name = []
            if line.text.isascii() or not _SUSPECT.search(line.text):
                continue
            if parts is None:
                parts = text_parts(change.path, hunk.lines)
            suspects = list(_suspects(line.text, parts[line.new or 0], first=line.new == 1))
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


def _suspects(text: str, parts: Sequence[Part], *, first: bool = False) -> Iterator[str]:
    """The characters of a line that have no good reason to be there. The `first` line of a file may begin with a byte
    order mark."""
    flags = {at for found in _FLAG.finditer(text) for at in range(*found.span())}
    rightward = {part for part in parts if is_rightward(text[part.start : part.end])}
    waiting: list[int] = []
    for found in _SUSPECT.finditer(text):
        at, character = found.start(), found[0]
        if at in flags or (first and at == 0 and character == "\ufeff"):
            continue
        if character in _CLOSES and len(waiting) < MAX_DEPTH:
            waiting.append(at)
        elif character in _CLOSING:
            begin = waiting.pop() if waiting else at
            part = part_at(parts, begin)
            if part not in rightward or _CLOSES.get(text[begin]) != character or not _is_inside(part, text, begin, at):
                yield character
        elif not _is_needed(text, at, rightward=part_at(parts, at) in rightward):
            yield character
    yield from (text[at] for at in waiting)


def _is_needed(text: str, at: int, *, rightward: bool) -> bool:
    """Whether a character has its use where it stands."""
    if text[at] in _MARKS:
        return rightward
    if text[at] in _JOINERS:
        return _joins(text, at)
    return _is_selector(text[at]) and _selects(text, at)


def _is_inside(part: Part, text: str, begin: int, end: int) -> bool:
    """Whether what stands between two controls stays in the part, and closes no comment or string. A quotation mark
    inside a word is a letter of Hebrew."""
    if end >= part.end:
        return False
    if part.kind is Kind.PROSE:
        return True
    for found in _DELIMITER.finditer(text, begin, end):
        beside = (text[found.start() - 1], text[found.end()])
        if len(found[0]) > 1 or not all(map(is_rightward, beside)):
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
