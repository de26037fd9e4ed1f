"""Names that mix alphabets, so that they look like others: Cyrillic letters among Latin ones (UTS 39)."""

import re

from reviewbot.diff import FileChange
from reviewbot.findings import Finding, Severity, about_added_lines

RULE = "check/homoglyph"

_LOOKALIKES = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d"  # Cyrillic, small
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0405\u0406\u0408\u04ae"  # Cyrillic, capital
    "\u03bf\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"  # Greek
    "\u0561\u0570\u0578\u057d\u0585\u0555\u054f\u054d"  # Armenian
    "\u13a0\u13a1\u13a2\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13be\u13da\u13d2\u13dd\u13e2\u13e6"  # Cherokee
)
_LATIN = "A-Za-z\u00c0-\u024f"
_PART = re.compile(r"[^\W\d_]+")
_MIXED = re.compile(f"(?=.*[{_LATIN}]).*[{_LOOKALIKES}]")
_ANY = re.compile(f"[{_LOOKALIKES}]")


def find_homoglyphs(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line on which a word, or a part of a name between underscores and digits, has Latin
    letters and others that look like Latin ones. Greek letters as in `Δt` look like none."""
    return about_added_lines(change, _tell, rule=RULE, severity=Severity.WARNING)


def _tell(text: str) -> str | None:
    if text.isascii() or not _ANY.search(text):
        return None
    mixed = next((part for part in _PART.findall(text) if _MIXED.match(part)), None)
    return None if mixed is None else f"letters that only look alike are mixed in one name: {_spelled(mixed)}"


def _spelled(word: str) -> str:
    """The word with its look-alikes as escapes."""
    return _ANY.sub(lambda match: f"\\u{ord(match[0]):04x}", word[:60])
