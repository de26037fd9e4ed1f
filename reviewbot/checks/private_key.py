"""What stands between the first and the last line of a private key."""

import re

from reviewbot.masks import MASK

_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}")
_KEY_LINE = re.compile(r"""[\s"'+,(#*/]*?([A-Za-z0-9+/]+={0,2})(?:\\[nr])*[\s"'+,;)\\]*""")
"""A line inside a key, short as the last one is, within what a literal or a comment puts around it."""
OUTSIDE, _BEGUN, _IN_BODY = range(3)
"""Where a line stands: outside of a key, behind its first line, or behind a line of its body."""


def mask_key(text: str, place: int) -> tuple[str, int]:
    """The line without what it holds of a private key, and the place in the key behind it.

    Code may speak of a key without one, so a short line is a key's last one only behind a long one.
    """
    begin = _KEY_BEGIN.search(text) if place == OUTSIDE else None
    if place == OUTSIDE and begin is None:
        return text, OUTSIDE
    start = begin.end() if begin else 0
    end = _KEY_END.search(text, start)
    stop = end.start() if end else len(text)
    part = text[start:stop]
    last = _KEY_LINE.fullmatch(part) if place == _IN_BODY else None
    if begin and end:
        masked = MASK
    elif last:
        masked = part[: last.start(1)] + MASK + part[last.end(1) :]
    else:
        masked = _KEY_BODY.sub(MASK, part)
    inside = _IN_BODY if masked != part else _BEGUN
    return text[:start] + masked + text[stop:], OUTSIDE if end else inside
