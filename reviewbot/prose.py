"""Which parts of a line are text for people rather than code: comments, strings, prose.

A hunk is read as a whole, for comments and strings that go over many lines. Where one begins inside of those, or the
language is not known, the looks of a line decide, and in doubt it is text.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum
from itertools import accumulate
from typing import NamedTuple

from reviewbot.diff import Line, LineKind
from reviewbot.languages import language_of


class Kind(Enum):
    """What a part is. DATA is a string of a file of data; LIKELY a line that nothing marks as text, and that does not
    look like code; NAME the name of a file; PROSE text of a page or a translation, or a line of a file without code."""

    COMMENT = "comment"
    STRING = "string"
    DATA = "data"
    LIKELY = "likely"
    NAME = "name"
    PROSE = "prose"


class Part(NamedTuple):
    """The characters `start` to `end` of a line, the end exclusive."""

    start: int
    end: int
    kind: Kind


_PROSE_FILE = re.compile(r"(?i)(?<!cmakelists)\.(?:adoc|csv|ftl|markdown|md|rst|srt|tex|tsv|txt|vtt)$")

_RIGHTWARD = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
_TWO_WORDS = re.compile(f"[{_RIGHTWARD}]{{2}} [{_RIGHTWARD}]{{2}}")
"""Two words of such a script side by side: no language has two names with nothing in between."""

_CODE = re.compile(
    r"[\w)\]] ?[-+*/%&|^:<>!=]{0,3}=|\w[(\[]|[;{}]\s*$|^\s*from\s+\S+\s+import\b"
    r"|^\s*(?:if|elif|else|for|while|with|switch|case|except)\b.*:\s*$"
    r"|^\s*(?:return|import|def|fn|func|class|raise|yield|assert|del|let|var|const)\s"
)
_KINDS = {"string": Kind.STRING, "comment": Kind.COMMENT, "text": Kind.PROSE}
_MARKUP = re.compile(r"<[^<>]*>|&#?\w+;")


def text_parts(path: str, lines: Sequence[Line]) -> dict[int, list[Part]]:
    """The parts of each line of a hunk as it is after the change, by the number of the line, in order."""
    new = [line for line in lines if line.new is not None and line.kind is not LineKind.REMOVED]
    rows = parts_of(path, [line.text for line in new], is_whole=not new or new[0].new == 1)
    return {line.new: row for line, row in zip(new, rows, strict=True) if line.new is not None}


def parts_of(path: str, texts: Sequence[str], *, is_whole: bool) -> list[list[Part]]:
    """The parts of each of some lines of a file that follow each other. `is_whole` where the first of them is the
    first of the file."""
    if _PROSE_FILE.search(path):
        return [[Part(0, len(text), Kind.PROSE)] for text in texts]
    language = language_of(path)
    starts = list(accumulate((len(text) + 1 for text in texts), initial=0))
    rows: list[list[Part]] = [[] for _ in texts]
    for found in language.marks.finditer("\n".join(texts)):
        if is_whole and found.groupdict().get("inside") is not None:
            continue
        kind = _KINDS[found.lastgroup or ""]
        if kind is Kind.STRING:
            kind = Kind.PROSE if language.is_translation else Kind.DATA if language.is_data else kind
        row = bisect_right(starts, found.start()) - 1
        while row < len(texts) and starts[row] < found.end():
            begin = max(0, found.start() - starts[row])
            rows[row].append(Part(begin, min(len(texts[row]), found.end() - starts[row]), kind))
            row += 1
    looks_like_text = _reads_as_text if language.is_code else _may_be_text
    likely = Kind.PROSE if language.is_translation and not language.is_code else Kind.LIKELY
    return [
        [Part(0, len(text), likely)] if not text.isascii() and looks_like_text(_beside(text, parts)) else parts
        for text, parts in zip(texts, rows, strict=True)
    ]


def part_at(parts: Sequence[Part], at: int) -> Part | None:
    """The part that has the character `at`; None where that is code."""
    index = bisect_right(parts, at, key=lambda part: part.start) - 1
    return parts[index] if index >= 0 and at < parts[index].end else None


def is_rightward(text: str) -> bool:
    """Whether there is a letter of a script that reads from right to left."""
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def has_two_rightward_words(text: str) -> bool:
    """Whether two words of such scripts stand side by side, as they do in a sentence."""
    return _TWO_WORDS.search(text) is not None


def _beside(text: str, parts: Sequence[Part]) -> str:
    """What stands beside the parts of a line, without markup and what is not seen."""
    begins = [0, *(part.end for part in parts)]
    ends = [*(part.start for part in parts), len(text)]
    rest = " ".join(text[begin:end] for begin, end in zip(begins, ends, strict=True))
    return "".join(c for c in _MARKUP.sub(" ", rest) if unicodedata.category(c) not in ("Cf", "Mn", "Mc"))


def _may_be_text(rest: str) -> bool:
    """Whether there are words, and they do not look like code."""
    return any(map(str.isalnum, rest)) and (not _CODE.search(rest) or has_two_rightward_words(rest))


def _reads_as_text(rest: str) -> bool:
    """Whether the words can be no code of any language."""
    return has_two_rightward_words(rest) and not _CODE.search(rest)
