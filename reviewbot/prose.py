"""Which parts of a line are text for people rather than code: comments, strings, prose.

The language is not known, so signs tell that most languages share. A hunk is read as a whole, for comments and strings
that go over many lines. Where a hunk begins inside one, the looks of a line decide, and in doubt it is text.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from reviewbot.diff import Line, LineKind


class Kind(Enum):
    """What a part is. LIKELY is a line that nothing marks as text, and that does not look like code; NAME the name of
    a file; PROSE a line of a file that has no code."""

    COMMENT = "comment"
    STRING = "string"
    LIKELY = "likely"
    NAME = "name"
    PROSE = "prose"


class Part(NamedTuple):
    """The characters `start` to `end` of a line, the end exclusive."""

    start: int
    end: int
    kind: Kind


_PROSE_FILE = re.compile(r"(?i)\.(?:adoc|csv|ftl|ini|markdown|md|properties|rst|srt|tex|tsv|txt|vtt)$")

_RIGHTWARD = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
_TWO_WORDS = re.compile(f"[{_RIGHTWARD}]{{2}} [{_RIGHTWARD}]{{2}}")
"""Two words of such a script side by side: no language has two names with nothing in between."""

# Each way to begin a part also matches where its end is missing, so that no text is looked at twice.
_MARKED = re.compile(
    r"""
    (?P<string>
        (?s: (?P<quotes>\"{3}|'{3}) .*? (?:(?P=quotes)|\Z) )
      | "(?:[^"\\\n]|\\.)*+"?
      | (?<!\w\w\w)'(?:[^'\\\n]|\\.)*+'?
      | `(?:[^`\\\n]|\\.)*+`?
      | (?<=>)(?:[^<>{}=;()&\n]|&\#?\w+;)++(?=</)
    )
  | (?P<comment>
        (?s: /\*.*?(?:\*/|\Z) )
      | (?s: <!--.*?(?:-->|\Z) )
      | (?<![:\w])//[^\n]*
      | (?<!\S)(?:\#|--)[^\n]*
      | ^[ \t]*[;%!][^\n]*
      | ^[ \t]*\*(?!/)(?:(?!\*/)[^\n])*
    )
    """,
    re.VERBOSE | re.MULTILINE,
)
_CODE = re.compile(
    r"[\w)\]] ?[-+*/%&|^:<>!=]{0,3}=|\w[(\[]|[;{}]\s*$|^\s*from\s+\S+\s+import\b"
    r"|^\s*(?:if|elif|else|for|while|with|switch|case|except)\b.*:\s*$"
    r"|^\s*(?:return|import|def|fn|func|class|raise|yield|assert|del|let|var|const)\s"
)
_MARKUP = re.compile(r"<[^<>]*>|&#?\w+;")


def text_parts(path: str, lines: Sequence[Line]) -> dict[int, list[Part]]:
    """The parts of each line of a hunk as it is after the change, by the number of the line, in order."""
    new = [line for line in lines if line.new is not None and line.kind is not LineKind.REMOVED]
    if _PROSE_FILE.search(path):
        return {line.new: [Part(0, len(line.text), Kind.PROSE)] for line in new if line.new is not None}
    starts: list[int] = []
    at = 0
    for line in new:
        starts.append(at)
        at += len(line.text) + 1
    rows: list[list[Part]] = [[] for _ in new]
    for found in _MARKED.finditer("\n".join(line.text for line in new)):
        kind = Kind.COMMENT if found["comment"] is not None else Kind.STRING
        row = bisect_right(starts, found.start()) - 1
        while row < len(new) and starts[row] < found.end():
            begin = max(0, found.start() - starts[row])
            rows[row].append(Part(begin, min(len(new[row].text), found.end() - starts[row]), kind))
            row += 1
    return {line.new: _by_looks(line.text, parts) for line, parts in zip(new, rows, strict=True) if line.new}


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


def _by_looks(text: str, parts: list[Part]) -> list[Part]:
    """The parts of a line; all of it as one where there are words beside them and those do not look like code."""
    if text.isascii():
        return parts
    begins = [0, *(part.end for part in parts)]
    ends = [*(part.start for part in parts), len(text)]
    rest = " ".join(text[begin:end] for begin, end in zip(begins, ends, strict=True))
    rest = "".join(c for c in _MARKUP.sub(" ", rest) if unicodedata.category(c) not in ("Cf", "Mn", "Mc"))
    if not any(map(str.isalnum, rest)) or _CODE.search(rest) and not has_two_rightward_words(rest):
        return parts
    return [Part(0, len(text), Kind.LIKELY)]
