"""Reply text to findings on real added lines.

The shape of a reply is `{"findings": [{"file", "line", "severity", "category", "quote", "message", "suggestion"}]}`.
A reply is data: it may be fenced, chatted around, preceded by a <think> block or end in a trailing comma, but what it
holds is validated, and a finding counts only where its quote is found.
"""

import hashlib
import re
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from reviewbot.diff import Line, LineKind, Segment
from reviewbot.errors import ReplyError


class Severity(IntEnum):
    """Ordered, so that the worst is `max(...)`."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """The name that settings and reports use."""
        return self.name.lower()


class Confirmed(StrEnum):
    """What a second opinion said of a finding."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"
    NOT_ASKED = "not_asked"


CATEGORIES = ("bug", "security", "concurrency", "resource", "error-handling", "performance", "api", "test")

_SEVERITIES = {
    **dict.fromkeys(("error", "critical", "blocker", "high", "p0", "p1"), Severity.ERROR),
    **dict.fromkeys(("warning", "major", "medium", "p2"), Severity.WARNING),
    **dict.fromkeys(("info", "minor", "low", "nit", "note", "p3"), Severity.INFO),
}


class ExcerptLine(Struct, frozen=True):
    """A line of code shown below a finding; `marked` is the one that it is about."""

    number: int
    text: str
    marked: bool


class Finding(Struct, frozen=True):
    """One remark. `line` and `end_line` are added lines of the new file, or None when nothing anchors it.

    `evidence` is the code of the anchored line, taken from the diff and not from the model; None when the quote was
    not found. `source` is "model" or "check". `blocking` is set by the verdict alone.
    """

    path: str
    line: int | None
    end_line: int | None
    severity: Severity
    category: str
    rule: str
    message: str
    source: str
    suggestion: str | None = None
    evidence: str | None = None
    confirmed: Confirmed = Confirmed.NOT_ASKED
    blocking: bool = False
    note: str | None = None
    fingerprint: str = ""
    excerpt: tuple[ExcerptLine, ...] = ()


class _RawFinding(Struct):
    file: str
    severity: str
    message: Annotated[str, Meta(min_length=1)]
    line: int | None = None
    category: str = "bug"
    quote: str = ""
    suggestion: str | None = None


class _RawReply(Struct):
    findings: Annotated[list[_RawFinding], Meta(max_length=50)]


MAX_MESSAGE = 500
_THINK = re.compile(r"<think>.*?</think>", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_BLANKS = re.compile(r"\s+")


def parse_findings(text: str, segments: Sequence[Segment]) -> tuple[Finding, ...]:
    """The findings of a reply about `segments`, each anchored or carrying the reason why not.

    Raises ReplyError when the reply is empty, not JSON, or JSON of another shape.
    """
    reply = decode_reply(text, _RawReply)
    return tuple(_anchor(raw, segments) for raw in reply.findings)


Shape = TypeVar("Shape", bound=Struct)


def decode_reply(text: str, shape: type[Shape]) -> Shape:
    """The JSON object of a reply, validated against `shape`; ReplyError says what is wrong with it."""
    body = _THINK.sub("", text).strip()
    if not body:
        raise ReplyError("the model answered nothing")
    problem = "the reply holds no JSON object"
    for candidate in _json_candidates(body):
        try:
            return msgspec.json.decode(candidate, type=shape)
        except msgspec.ValidationError as error:
            problem = f"the reply has another shape than asked for: {error}"
        except (msgspec.DecodeError, UnicodeEncodeError):
            continue
    raise ReplyError(problem)


def _json_candidates(body: str) -> list[str]:
    """What may be the object, likeliest first: the whole text, then from the first brace to the last."""
    start, end = body.find("{"), body.rfind("}")
    inner = body[start : end + 1] if 0 <= start < end else ""
    found = [body, inner, _TRAILING_COMMA.sub(r"\1", inner)]
    return [candidate for candidate in found if candidate]


def _anchor(raw: _RawFinding, segments: Sequence[Segment]) -> Finding:
    """The finding on the added line that its quote names, else on the one that its number names, else on none."""
    named = [segment for segment in segments if segment.path == raw.file.strip()]
    place = _locate(raw, named or segments, named=bool(named))
    severity = _SEVERITIES.get(raw.severity.strip().lower(), Severity.WARNING)
    if place.evidence is None:
        severity = min(severity, Severity.WARNING if place.line else Severity.INFO)
    category = raw.category.strip().lower()
    category = category if category in CATEGORIES else "bug"
    number = place.line.new if place.line else None
    return Finding(
        path=place.path or raw.file[:MAX_MESSAGE],
        line=number,
        end_line=number,
        severity=severity,
        category=category,
        rule=f"model/{category}",
        message=raw.message.strip()[:MAX_MESSAGE],
        suggestion=(raw.suggestion or "").strip()[:MAX_MESSAGE] or None,
        source="model",
        evidence=place.evidence,
        note=place.note,
        fingerprint=fingerprint(place.path or raw.file, f"model/{category}", place.line.text if place.line else raw.message),
        excerpt=excerpt(place.segment, place.line) if place.segment and place.line else (),
    )


class _Place(Struct, frozen=True):
    """Where a finding was anchored; `note` says how, when it was not by an agreeing quote and number."""

    path: str | None = None
    segment: Segment | None = None
    line: Line | None = None
    evidence: str | None = None
    note: str | None = None


def _locate(raw: _RawFinding, segments: Sequence[Segment], *, named: bool) -> _Place:
    quote = _squeeze(raw.quote)
    hits = [
        (segment, line)
        for segment in segments
        for line in segment.lines
        if line.kind is LineKind.ADDED and len(quote) >= MIN_QUOTE and quote in _squeeze(line.text)
    ]
    if hits:
        return _by_quote(raw, hits, named=named)
    return _by_number(raw, segments if named or len({s.path for s in segments}) == 1 else ())
