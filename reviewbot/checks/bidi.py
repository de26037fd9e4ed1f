"""Characters that nobody sees, and such that show code in another order than it runs (CVE-2021-42574).

Hebrew, Arabic and other scripts need some of them: in comments, strings and prose marks beside their letters and
balanced isolates around words of either direction, joiners inside their words. Thai and its neighbours mark where a
line may break, and a soft hyphen where a word may, in text for people. Emoji are glued together by joiners and
selectors. Those are no findings.
"""

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence

from reviewbot.diff import FileChange, LineKind
from reviewbot.findings import Finding, Severity, about_line, about_name
from reviewbot.prose import Kind, Part, has_two_rightward_words, is_rightward, part_at, text_parts

RULE = "check/bidi"

_CLOSES = {"\u202a": "\u202c", "\u202b": "\u202c", "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
_OPENING = "".join(_CLOSES)
_OVERRIDES = "\u202d\u202e"
_CLOSING = "\u202c\u2069"
_MARKS = "\u200e\u200f\u061c"
_JOINERS = "\u200c\u200d"
_INVISIBLE = (
    "\u200b\u2060-\u2065\u206a-\u206f\ufeff\u034f\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_MONGOLIAN = "\u180b\u180c\u180d\u180f"
_PICTURE_OR_TEXT = "\ufe0e\ufe0f"
_SELECTORS = _MONGOLIAN + "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SOFT_HYPHEN = "\u00ad"
_SEPARATORS = "\u2028\u2029"
_NO_DOTS = "\u2800"
_RETURN = r"\r(?!\r*$)"
"""A carriage return inside a line: a terminal shows what follows it in the place of what stands before it."""

_BREAKS = "\u200b\u2060"
_MAX_BREAKS = 5
"""Of so many side by side no word is in sight."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf]"
)
"""Scripts of South East Asia and Tibet, which put no spaces between words (UAX 14)."""


_SUSPECT = re.compile(
    f"[{_OPENING}{_OVERRIDES}{_CLOSING}{_MARKS}{_JOINERS}{_INVISIBLE}{_SELECTORS}{_SOFT_HYPHEN}{_SEPARATORS}{_NO_DOTS}]|{_RETURN}"
)
_SELECTOR = re.compile(f"[{_SELECTORS}]")
_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{2}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,3}\U000e007f")
"""The flag of a part of a country: a black flag, its name by ISO 3166-2 in tags, an end."""

_JOINED = re.compile(
    "[\u0600-\u0dff\u0f00-\u109f\u1700-\u18af\u1900-\u1c7f\u1cd0-\u1cff\ua800-\uab2f\uabc0-\uabff\ufb50-\ufdff"
    "\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
"""Scripts whose letters change where they join, from Arabic to those of India and Mongolia."""

_VARIED = re.compile(
    "[\u1000-\u109f\u2190-\u23ff\u2a00-\u2aff\u3000-\u303f\u3400-\u9fff\ua840-\ua87f\uaa60-\uaa7f\uf900-\ufaff"
    "\uff01\uff0c\uff0e\uff1a\uff1b\uff1f\U00010ac0-\U00010aff\U00013000-\U0001345f\U00020000-\U000323af]"
)
"""Characters with variants by Unicode's StandardizedVariants and the Ideographic Variation Database."""

_BARE = re.compile(f"[{_OPENING}{_CLOSING}{_MARKS}]")
_DELIMITER = re.compile(r"\*/|-->|[\"'`]")

MAX_DEPTH = 125
"""How deep controls may nest (UAX 9, BD2)."""


def find_bidi(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line with such characters, and one for a file's name."""
    found: list[Finding] = []
    name = change.raw_path.decode("utf-8", "replace")
    suspects = list(_suspects(name, [Part(0, len(name), Kind.NAME)]))
    if suspects:
        message = _message("the name of this file holds", suspects)
        found += about_name(change, rule=RULE, severity=Severity.ERROR, message=message)
    for hunk in change.hunks:
        parts: dict[int, list[Part]] | None = None
        for at, line in enumerate(hunk.lines):
            if (
                line.kind is not LineKind.ADDED
                or (line.text.isascii() and "\r" not in line.text)
                or not _SUSPECT.search(line.text)
            ):
                continue
            if parts is None:
                parts = text_parts(change.path, hunk.lines)
            suspects = list(_suspects(line.text, parts[line.new or 0], first=line.new == 1))
            if suspects:
                message = _message("this line holds", suspects)
                found.append(
                    about_line(change.path, hunk.lines, at, rule=RULE, severity=Severity.ERROR, message=message)
                )
    return tuple(found)


def _message(where: str, suspects: Sequence[str]) -> str:
    names = ", ".join(dict.fromkeys(f"U+{ord(c):04X} {_name(c)}" for c in suspects))
    return f"{where} characters that are invisible or change the order of what is shown: {names}"


def _name(character: str) -> str:
    return "CARRIAGE RETURN" if character == "\r" else unicodedata.name(character, "without a name")


def _suspects(text: str, parts: Sequence[Part], *, first: bool = False) -> Iterator[str]:
    """The characters of a line that have no good reason to be there. The `first` line of a file may begin with a byte
    order mark."""
    flags = {at for found in _FLAG.finditer(text) for at in range(*found.span())}
    rightward = {part for part in parts if is_rightward(text[part.start : part.end])}
    draws = _NO_DOTS in text and _is_picture(text)
    ends = _ends(text)
    waiting: list[int] = []
    for found in _SUSPECT.finditer(text):
        at, character = found.start(), found[0]
        if at in flags or (first and at == 0 and character == "\ufeff") or (draws and character == _NO_DOTS):
            continue
        if character in _CLOSES and len(waiting) < MAX_DEPTH:
            waiting.append(at)
        elif character in _CLOSING:
            begin = waiting.pop() if waiting else at
            part = part_at(parts, begin)
            is_pair = _CLOSES.get(text[begin]) == character
            if not (
                is_pair and part in rightward and _is_inside(part, ends, begin, at) and _is_text(text, part, begin, at)
            ):
                yield character
        elif not _is_needed(text, at, part_at(parts, at), rightward):
            yield character
    yield from (text[at] for at in waiting)


def _is_needed(text: str, at: int, part: Part | None, rightward: set[Part]) -> bool:
    """Whether a character has its use where it stands. `rightward` are the parts that read from right to left."""
    character = text[at]
    is_name = part is None or part.kind is Kind.NAME
    if character in _MARKS:
        return part in rightward
    if character in _JOINERS:
        return _joins(text, at, is_name=is_name)
    if character == _SOFT_HYPHEN:
        return part is not None and part.kind not in (Kind.NAME, Kind.STRING)
    if character in _BREAKS:
        return part is not None and not is_name and (part.kind is Kind.PROSE or _breaks_words(text, at))
    if character in _SEPARATORS:
        return part is not None and part.kind in (Kind.STRING, Kind.DATA, Kind.PROSE)
    return bool(_SELECTOR.match(character)) and _selects(text, at)


def _ends(text: str) -> dict[Kind, list[int]]:
    """Where a part of a kind may end, in order. A quotation mark inside a word is a letter of Hebrew."""
    found = list(_DELIMITER.finditer(text))
    signs = [one for one in found if len(one[0]) > 1 or not all(map(is_rightward, _beside(text, *one.span())))]
    comments = [one.start() for one in found if len(one[0]) > 1]
    return {Kind.COMMENT: comments, Kind.LIKELY: [one.start() for one in signs]}


def _beside(text: str, start: int, end: int) -> tuple[str, str]:
    """The characters around a place; nothing at an end of the text."""
    return text[start - 1 : start] if start else "", text[end : end + 1]


def _is_inside(part: Part, ends: Mapping[Kind, Sequence[int]], begin: int, end: int) -> bool:
    """Whether what stands between two controls stays in the part, and closes no comment or string. A quotation mark
    in a comment closes nothing, and one that closed a string would be its end."""
    places = ends.get(part.kind, [])
    return end < part.end and bisect(places, begin) == bisect(places, end)


def _is_text(text: str, part: Part, begin: int, end: int) -> bool:
    """Whether what two controls order is no code. Where nothing but its looks makes a line text, Latin letters between
    them may be code, unless the line has a sentence."""
    latin = any(character.isascii() and character.isalpha() for character in text[begin:end])
    return part.kind is not Kind.LIKELY or not latin or has_two_rightward_words(_BARE.sub("", text))


def _joins(text: str, at: int, *, is_name: bool) -> bool:
    """Whether a joiner stands where one is needed: in an emoji, behind a virama, or at a letter of a script that joins
    its letters; in names between two of those (UAX 31, A1, A2 and B)."""
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if text[at] == "\u200d" and before and after and all(map(_is_pictorial, (before, after))):
        return True
    if before and unicodedata.combining(before) == VIRAMA:
        return True
    joined = [bool(_JOINED.match(beside)) for beside in (before, after)]
    return all(joined) if is_name else any(joined)


VIRAMA = 9
"""The combining class of the signs that take the vowel from a letter."""


def _is_pictorial(character: str) -> bool:
    """Whether a character is a part of an emoji; those that this Python does not know yet are in one block."""
    if "\U0001f000" <= character <= "\U0001faff" or character == "\u2194" or _SELECTOR.match(character):
        return True
    return unicodedata.category(character) == "So"


def _breaks_words(text: str, at: int) -> bool:
    """Whether a place without width stands at a letter of a script without spaces, and at none of another script."""
    before = text[max(at - _MAX_BREAKS, 0) : at].rstrip(_BREAKS)[-1:]
    after = text[at + 1 : at + 1 + _MAX_BREAKS].lstrip(_BREAKS)[:1]
    sides = [side for side in (before, after) if not _UNSPACED.match(side)]
    return len(sides) < 2 and not any(map(str.isalnum, sides))


def _selects(text: str, at: int) -> bool:
    """Whether a selector follows a character that it has a variant of. Letters of most scripts have none, and a row of
    selectors carries hidden data."""
    before = text[at - 1 : at] if at else ""
    if not before or before.isspace() or _SUSPECT.match(before):
        return False
    if text[at] in _MONGOLIAN:
        return "\u1820" <= before <= "\u18aa"
    if text[at] not in _PICTURE_OR_TEXT:
        return bool(_VARIED.match(before))
    if before.isascii():
        return before in "#*0123456789" and text[at + 1 : at + 2] == "\u20e3"
    return before == "\u2139" or unicodedata.category(before) in ("So", "Sk", "Sm", "Po", "Pd", "Cn")


def _is_picture(text: str) -> bool:
    """Whether a line draws with braille, or is an empty line of such a picture."""
    return any("\u2800" < character <= "\u28ff" for character in text) or not text.strip("\u2800 \t")
