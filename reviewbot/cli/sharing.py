"""`--shard K/N`: one share of a change, as a report that says so."""

import re

from msgspec.structs import replace

from reviewbot.errors import UsageError
from reviewbot.review import Material
from reviewbot.shares import Share, take_share

MAX_SHARES = 1000


def share_of(material: Material, text: str | None) -> tuple[Material, Share | None]:
    """What `text` (K/N) has of the material; all of it without one. What needs no model is in the first share alone."""
    if text is None:
        return material, None
    index, count = _read(text)
    changes, share = take_share(material.changes, index, count)
    if index == 1:
        return replace(material, changes=changes), share
    return replace(material, changes=changes, findings=(), skipped=(), failed=(), suppressed=(), ignores=()), share


def _read(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
    index, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= count <= MAX_SHARES:
        raise UsageError(f"--shard takes K/N with K from 1 to N, and {text!r} is no such share", "--shard 1/4")
    return index, count
