"""What stands between the first and the last line of a private key."""

import re
from collections.abc import Iterator, Sequence

from reviewbot.diff import Line, LineKind
from reviewbot.masks import MASK

_KEY_BEGIN = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 [A-Z0-9 ]*PRIVATE KEY ----"
    r"|PuTTY-User-Key-File-\d: ?[a-z]"
)
_KEY_END = re.compile(
    r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|---- END SSH2 [A-Z0-9 ]*PRIVATE KEY ----|Private-(?:MAC|Hash):"
)
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}")
_KEY_LINE = re.compile(r"""[\s"'+,(#*/]*?([A-Za-z0-9+/]+={0,2})(?:\\[nr])*[\s"'+,;)\\]*""")
"""A line inside a key, short as the last one is, within what a literal or a comment puts around it."""
_MIN_LINE_CHARS = 40
"""The first line of a key's body is longer, and a name in code hardly ever stands alone with so many."""

_SIGNS = ("PRIVATE KEY", "PuTTY-User-Key-File-")
"""One of them stands in each first line."""

OUTSIDE, _BEGUN, _IN_BODY = range(3)
"""Where a line stands: outside of a key, behind its first line, or behind a line of its body."""


def may_begin_key(lines: Sequence[Line]) -> bool:
    """Whether a key may begin in any of the lines; cheap."""
    text = "\n".join(line.text for line in lines)
    return any(sign in text for sign in _SIGNS)


def mask_key(text: str, place: int) -> tuple[str, int]:
    """The line without what it holds of private keys, and the place in a key behind it.

    Code may speak of a key without one, so a short line is a key's last one only behind a long one.
    """
    masked: list[str] = []
    at = 0
    while True:
        begin = _KEY_BEGIN.search(text, at) if place == OUTSIDE else None
        if place == OUTSIDE and begin is None:
            return "".join(masked) + text[at:], OUTSIDE
        start = begin.end() if begin else at
        end = _KEY_END.search(text, start)
        part = text[start : end.start() if end else len(text)]
        body = MASK if begin and end else _mask_part(part, place)
        masked += [text[at:start], body]
        if end is None:
            return "".join(masked), _IN_BODY if body != part else _BEGUN
        masked.append(end[0])
        at, place = end.end(), OUTSIDE


def _mask_part(part: str, place: int) -> str:
    """What a line holds of one key, masked; `place` is where that begins."""
    last = _KEY_LINE.fullmatch(part) if place == _IN_BODY else None
    if last:
        return part[: last.start(1)] + MASK + part[last.end(1) :]
    return _KEY_BODY.sub(MASK, part)


def added_bodies(lines: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """For each key with added lines in its body the place of its first line, and that of the first such one."""
    place = OUTSIDE
    begin: int | None = None
    for at, line in enumerate(lines):
        if line.kind is LineKind.REMOVED:
            continue
        if place == OUTSIDE:
            begin = at
        elif begin is not None and line.kind is LineKind.ADDED and _is_body(line.text):
            yield begin, at
            begin = None
        place = mask_key(line.text, place)[1]


def _is_body(text: str) -> bool:
    found = _KEY_LINE.fullmatch(text)
    return found is not None and len(found[1]) >= _MIN_LINE_CHARS
