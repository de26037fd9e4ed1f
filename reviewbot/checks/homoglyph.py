"""Names that mix alphabets, so that they look like others: Cyrillic letters among Latin ones (UTS 39, confusables.txt),
and letters that Python reads as others (NFKC)."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache, partial

from reviewbot.diff import FileChange, Line, LineKind
from reviewbot.findings import Finding, Severity, about_line, about_name
from reviewbot.prose import Part, part_at, text_parts

RULE = "check/homoglyph"

_LOOKALIKES = (
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u0475\u04af\u04bb\u04cf\u0501\u051b\u051d"  # Cyrillic
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0405\u0406\u0408\u04ae\u04c0"  # capital
    "\u051a\u051c"
    "\u03bf\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"  # Greek
    "\u0561\u0570\u0578\u057d\u0585\u0555\u054f\u054d"  # Armenian
    "\u13a0\u13a1\u13a2\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13be\u13da\u13d2\u13dd\u13e2\u13e6"  # Cherokee
    "\ua4d0-\ua4d4\ua4d6\ua4d7\ua4d9\ua4da\ua4dc\ua4dd\ua4df-\ua4e3\ua4e6\ua4e7\ua4ea\ua4ec\ua4ee\ua4f0"  # Lisu
    "\ua4f2-\ua4f4"
    "\u2c8e\u2c92\u2c94\u2c98\u2c9a\u2c9e\u2c9f\u2ca2\u2ca3\u2ca4\u2ca5\u2ca6\u2ca8\u2cac"  # Coptic
)
_GREEK_INSIDE = "\u03b1\u03b9\u03ba\u03bd\u03c1\u03c4\u03c5\u03c7\u03b3\u03c9"
"""Small letters that look Latin among Latin ones, and are what they are at the side of most names."""

_SKELETON = str.maketrans(
    "\u03b1\u03b3\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c3\u03c4\u03c5\u03c7\u03c9\u03f3"  # Greek
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d"  # Cyrillic
    "\u0131\u0251\u0261\u01c0\u10e7",  # Latin, a click, Georgian
    "ayenikvopotuxwjaeopcyxsijhdqwiagly",
)
"""What small letters look like. Most names with them, such as `\u03b1_max`, deceive nobody; one that looks like another
name of the change does, or like one that access hangs on."""
_DOTLESS = {0x131: "i"}
"""A letter of Turkish, whose words are often written without it as well."""
_WORTH_POSING = frozenset(
    "access admin allow api auth client config data default delete eval exec execute get host id import input is key "
    "login name open option output owner param parameter password path permission query read request response result "
    "role root secret self server session set sudo super system token type update url user username value verify "
    "version write".split()
)
_MIN_POSING = 3

_LATIN = "A-Za-z\u00c0-\u024f"
_OTHER = "\u0400-\u058f\u13a0-\u13ff\u2c80-\u2cff\ua4d0-\ua4ff"

_NAME = re.compile(r"\w+")
_WORD = re.compile(r"[^\W\d_]+")
_PLAIN = re.compile(r"(?<![^\W\d_])[A-Za-z]+(?![^\W\d_])")
_FOREIGN = re.compile(f"[{_LOOKALIKES}{_OTHER}{_GREEK_INSIDE}]")
_POSING = re.compile(f"[{''.join(map(chr, _SKELETON))}]")
_HAS_LATIN = re.compile(f"[{_LATIN}]")
_LOOKALIKE = re.compile(f"[{_LOOKALIKES}]")
_INSIDE = re.compile(f"[{_LATIN}][{_OTHER}]+[{_LATIN}]")
_GREEK_AMONG_LATIN = re.compile(f"(?=(?:[^{_LATIN}]*[{_LATIN}]){{3}})(?!d.d.$)[{_LATIN}]+[{_GREEK_INSIDE}]+[{_LATIN}]")
"""Not a derivative such as `d\u03c1dt`, nor a product of a few letters."""
_NO_NAME = re.compile(r"\\[A-Za-z]|%(?:\(\w{1,80}\))?[a-z]|(?<=-)[^\W\d_]{2}(?=-)")
"""Escapes and places of a format, and where two ranges of a set of letters meet, as in `[a-zA-Z]`."""

_SHAPED = "\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff\u017f\u2102-\u2139\u2145-\u2149\u2160-\u217f\ufb00-\ufb06"
_RAISED = "\u00aa\u00ba\u02b0-\u02b8\u02e1-\u02e3\u1d2c-\u1d6a\u2071\u207f\u2090-\u209c\u2c7c\u2c7d"
_FOLDED = re.compile(f"[{_SHAPED}]")
_FOLDED_BY_PYTHON = re.compile(f"[{_SHAPED}{_RAISED}]")
"""Letters of full width, of mathematics, long, joined, and of signs such as that of kelvin; where Python reads them,
those above and below the line too, which are names of their own elsewhere."""


def find_homoglyphs(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line, and for the name of a file, with a name that has Latin letters and others.

    In one of its words are letters of another alphabet that look like Latin ones, or any between Latin ones. A word
    that is wholly of another alphabet counts only if all of its letters look Latin. Greek letters as in `Δt` look like
    none, small ones only between Latin ones, or where a word then looks like another one of the change. In code, a
    name that Python reads as another one, in plain letters, is found as well."""
    found: list[Finding] = []
    mixed = _mixed_name(change.raw_path.decode("utf-8", "replace"))
    if mixed is not None:
        message = _mixed_in("the name of a file", mixed)
        found += about_name(change, rule=RULE, severity=Severity.WARNING, message=message)
    names = cache(lambda: _names(change))
    for hunk in change.hunks:
        parts = cache(partial(text_parts, change.path, hunk.lines))
        for at, line in enumerate(hunk.lines):
            if line.kind is not LineKind.ADDED or line.text.isascii():
                continue
            problem = _problem(change.path, line, names, parts)
            if problem is not None:
                found.append(
                    about_line(change.path, hunk.lines, at, rule=RULE, severity=Severity.WARNING, message=problem)
                )
    return tuple(found)


def _problem(
    path: str, line: Line, names: Callable[[], Set[str]], parts: Callable[[], Mapping[int, Sequence[Part]]]
) -> str | None:
    """What to say of an added line; `names` and `parts` are those of its change and hunk, made when they are needed."""
    mixed = _mixed_name(line.text)
    if mixed is not None:
        return _mixed_in("one name", mixed)
    if _POSING.search(line.text):
        posing = _posing_name(line.text, names())
        if posing is not None:
            return f"letters that only look alike make one name look like {posing}"
    folded = _FOLDED_BY_PYTHON if path.endswith((".py", ".pyi", ".pyx")) else _FOLDED
    if folded.search(line.text):
        return _folded_name(line.text, parts()[line.new or 0], folded)
    return None


def _names(change: FileChange) -> frozenset[str]:
    """The words in plain letters that a change shows, and those that a name may want to look like in any."""
    words = (_PLAIN.findall(line.text) for hunk in change.hunks for line in hunk.lines)
    return _WORTH_POSING.union(*words)


def _mixed_in(what: str, name: str) -> str:
    return f"letters that only look alike are mixed in {what}: {_spelled(name)}"


def _mixed_name(text: str) -> str | None:
    """The first name that mixes alphabets."""
    if not _FOREIGN.search(text):
        return None
    for name in _NAME.findall(_NO_NAME.sub(" ", text)):
        if _FOREIGN.search(name) and _HAS_LATIN.search(name):
            for part in _WORD.findall(name):
                if any(map(_deceives, _words(part))):
                    return str(name)
    return None


def _posing_name(text: str, names: Set[str]) -> str | None:
    """The first of these names that a word looks like and is not."""
    for part in _WORD.findall(_NO_NAME.sub(" ", text)):
        for word in _words(part):
            plain = word.translate(_SKELETON)
            known = _WORTH_POSING if word.translate(_DOTLESS).isascii() else names
            if len(word) >= _MIN_POSING and not word.isascii() and not known.isdisjoint((plain, plain.lower())):
                return plain[:60]
    return None


def _words(part: str) -> list[str]:
    """The words of a name without underscores: `getName` has two, and so has an ending on a Latin abbreviation."""
    words = []
    begin = 0
    for at in range(1, len(part)):
        hump = part[at - 1].islower() and part[at].isupper()
        ending = at > 1 and part[at - 2 : at].isupper() and part[at].islower()
        if hump or (ending and _is_latin(part[at - 1]) != _is_latin(part[at])):
            words.append(part[begin:at])
            begin = at
    return [*words, part[begin:]]


def _is_latin(letter: str) -> bool:
    return _HAS_LATIN.match(letter) is not None


def _deceives(word: str) -> bool:
    """Whether a word looks Latin and is not wholly so. Its name has Latin letters, if not the word."""
    if not _HAS_LATIN.search(word):
        return not _LOOKALIKE.sub("", word)
    return bool(_LOOKALIKE.search(word) or _INSIDE.search(word) or _GREEK_AMONG_LATIN.match(word))


def _folded_name(text: str, parts: Sequence[Part], folded: re.Pattern[str]) -> str | None:
    """What to say of the first name in code that is another one, in ASCII, to Python (PEP 3131)."""
    for found in _NAME.finditer(text):
        name = found[0]
        if len(name) > 1 and folded.search(name) and name.isidentifier() and part_at(parts, found.start()) is None:
            read = unicodedata.normalize("NFKC", name)
            if read.isascii():
                return f"letters of other shapes stand for plain ones in one name, which Python reads as {read[:60]}"
    return None


def _spelled(name: str) -> str:
    """The name with the letters that are not Latin as escapes."""
    return _FOREIGN.sub(lambda match: f"\\u{ord(match[0]):04x}", name[:60])
