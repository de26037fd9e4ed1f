"""Reply text to findings on real added lines.

A reply is `{"findings": [{"file", "line", "quote", "message", "category", "severity", "suggestion"}]}`, and it is
data: it may be fenced, chatted around, preceded by a <think> block, hold a trailing comma or come in several objects,
but what is in it is validated, nothing that it says is dropped, and a finding counts only where its quote is found.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from reviewbot.decoding import decode_reply
from reviewbot.diff import Line, LineKind, Segment
from reviewbot.findings import CATEGORIES, ExcerptLine, Finding, Severity, excerpt, squeeze
from reviewbot.layout import disarm, rearm
from reviewbot.masks import NO_MASK, Mask

MAX_FINDINGS = 8
"""How many findings one reply is asked for at most; a small model that is let loose goes on for ever."""

NO_REPLY = 100
"""A list that is longer, from a server that does not keep to the schema, is no answer."""

_SEVERITIES = {
    **dict.fromkeys(("error", "critical", "blocker", "high", "p0", "p1"), Severity.ERROR),
    **dict.fromkeys(("warning", "major", "medium", "p2"), Severity.WARNING),
    **dict.fromkeys(("info", "minor", "low", "nit", "note", "p3"), Severity.INFO),
}


REPLY_KEYS = ("file", "line", "quote", "category", "severity", "message", "suggestion")
"""Of a finding in an answer, in their order."""

MAX_MESSAGE = 500
MIN_QUOTE = 3
MIN_PART = 6
"""A quote of fewer characters says something only when it is a whole line: `def` or `[0]` stands everywhere."""

MAX_FILE_ENUM = 50
_WORD = re.compile(r"\w")
SHOWN_PREFIX = re.compile(r"^\s*\d*\s*[+-]")
"""What a model may quote of the way that an added line was shown to it."""


class _RawFinding(Struct, frozen=True):
    """Servers that do not keep to the schema write some fields as other types."""

    file: str
    severity: str | int | float | None
    message: str | None
    line: int | None = None
    category: str | None = None
    quote: str | None = None
    suggestion: str | None = None


class _RawReply(Struct, frozen=True):
    findings: Annotated[list[_RawFinding], Meta(max_length=NO_REPLY)]


def reply_schema(segments: Sequence[Segment], max_findings: int = MAX_FINDINGS) -> dict[str, Any]:
    """The JSON Schema that a server is asked to keep to, for a request about `segments`.

    Inside the subset that Ollama 0.5 to 0.33 turn into a grammar without crashing: lengths below 1,000, a plain
    enum, an integer range. Required keys come in this order: the judgement before its explanation, which a model
    that has to explain first makes up reasons for (arXiv 2603.00539).
    """
    numbers = [line.new for segment in segments for line in segment.lines if line.new is not None]
    paths = list(dict.fromkeys(disarm(segment.path) for segment in segments))
    text = {"type": "string", "maxLength": 300}
    fields: dict[str, Any] = {
        "file": {"type": "string", "enum": paths} if len(paths) <= MAX_FILE_ENUM else text,
        "line": {"type": "integer", "minimum": min(numbers), "maximum": max(numbers)},
        "quote": text,
        "category": {"type": "string", "enum": list(CATEGORIES)},
        "severity": {"type": "string", "enum": [severity.word for severity in reversed(Severity)]},
        "message": {**text, "minLength": 1},
        "suggestion": text,
    }
    item = {"type": "object", "properties": fields, "required": list(REPLY_KEYS)}
    return {
        "type": "object",
        "properties": {"findings": {"type": "array", "items": item, "maxItems": max_findings}},
        "required": ["findings"],
    }


def parse_findings(text: str, segments: Sequence[Segment], mask: Mask = NO_MASK) -> tuple[Finding, ...]:
    """The findings of a reply about `segments`, each anchored or carrying the reason why not, without what `mask`
    hides.

    Raises ReplyError when the reply is empty, not JSON, or JSON of another shape.
    """
    reply = decode_reply(text, _RawReply)
    return tuple(_anchor(_plain(raw, mask), segments) for raw in reply.findings)


def _plain(raw: _RawFinding, mask: Mask) -> _RawFinding:
    """As it would be, had it been written with nothing but masked text to look at, and with special strings as they
    stand in the code."""
    return replace(
        raw,
        file=mask(raw.file),
        quote=mask(raw.quote or ""),
        message=mask(rearm(raw.message or "").strip()),
        suggestion=mask(rearm(raw.suggestion or "").strip()),
    )


def _anchor(raw: _RawFinding, segments: Sequence[Segment]) -> Finding:
    """The finding on the added line that its quote names, else on the one with its number, else on none."""
    place = _locate(raw, segments)
    severity = _SEVERITIES.get(str(raw.severity).strip().lower(), Severity.WARNING)
    if place.evidence is None:
        severity = Severity.INFO
    category = (raw.category or "bug").strip().lower()
    rule = f"model/{category if category in CATEGORIES else 'bug'}"
    path = place.segment.path if place.segment else rearm(raw.file).strip()[:MAX_MESSAGE]
    number = place.line.new if place.line else None
    return Finding(
        path=path,
        line=number,
        end_line=number,
        severity=severity,
        category=rule.removeprefix("model/"),
        rule=rule,
        message=(raw.message or "")[:MAX_MESSAGE] or "the answer gives no reason",
        suggestion=(raw.suggestion or "")[:MAX_MESSAGE] or None,
        source="model",
        evidence=place.evidence,
        note=place.note,
        excerpt=_excerpt(place),
    )


class _Place(Struct, frozen=True):
    """Where a finding was anchored; `note` says how, when it was not by an agreeing quote and number."""

    segment: Segment | None = None
    line: Line | None = None
    evidence: str | None = None
    note: str | None = None


def _excerpt(place: _Place) -> tuple[ExcerptLine, ...]:
    if place.segment is None or place.line is None or place.evidence is None:
        return ()
    return excerpt(place.segment.lines, place.segment.lines.index(place.line))


def _locate(raw: _RawFinding, segments: Sequence[Segment]) -> _Place:
    own = _named(raw.file, segments)
    for quote in _quotes(raw.quote or ""):
        hits = [hit for segment in own for hit in _added_with(segment, quote)]
        if hits:
            return _by_quote(raw, hits)
    if not any(line_with(raw.quote or "", segment.lines) for segment in own):
        for quote in _quotes(raw.quote or ""):
            hits = [hit for segment in segments for hit in _added_with(segment, quote)]
            if len(hits) == 1:  # in another file than the one named a quote counts only when it is unique
                return _by_quote(raw, hits)
    return _by_number(raw, own or (segments if len({s.path for s in segments}) == 1 else ()))


def _named(file: str, segments: Sequence[Segment]) -> list[Segment]:
    """The segments of the file that an answer names: as it was shown, else with other blanks or special strings."""
    exact = [segment for segment in segments if disarm(segment.path) == file]
    loose = rearm(file).strip()
    return exact or [s for s in segments if loose in (s.path.strip(), rearm(disarm(s.path)).strip())]


def line_with(quote: str, lines: Sequence[Line]) -> Line | None:
    """The first of these lines that holds the quote, or on which a quote of several lines begins, whatever its
    blanks."""
    return next((covered[0] for q in _quotes(quote) for covered in _covered(lines, q)), None)


def _quotes(quote: str) -> list[str]:
    """The quote without blanks, as given and without the line number that the prompt showed before it. One of signs
    alone says nothing: it stands everywhere."""
    variants = dict.fromkeys((squeeze(quote), squeeze(SHOWN_PREFIX.sub("", quote))))
    return [variant for variant in variants if len(variant) >= MIN_QUOTE and _WORD.search(variant)]


def _added_with(segment: Segment, quote: str) -> list[tuple[Segment, Line]]:
    """The added lines that hold the quote, or on which a quote of several lines begins; where it is the whole of some
    of them, only those."""
    lines = [line for line in segment.lines if line.kind is not LineKind.REMOVED]
    hits: dict[int, Line] = {}
    whole: dict[int, Line] = {}
    for covered in _covered(lines, quote):
        added = [line for line in covered if line.kind is LineKind.ADDED]
        if added:
            if len(quote) == sum(len(squeeze(line.text)) for line in covered):
                whole.setdefault(added[0].new or 0, added[0])
            elif len(quote) >= MIN_PART:
                hits.setdefault(added[0].new or 0, added[0])
    return [(segment, line) for line in (whole or hits).values()]


def _covered(lines: Sequence[Line], quote: str) -> Iterator[list[Line]]:
    """The lines that each place where the quote stands reaches over."""
    texts = [squeeze(line.text) for line in lines]
    starts = list(accumulate(map(len, texts), initial=0))
    joined = "".join(texts)
    found = joined.find(quote)
    while found >= 0:
        first = bisect_right(starts, found) - 1
        last = bisect_left(starts, found + len(quote)) - 1
        yield [line for line, text in zip(lines[first : last + 1], texts[first : last + 1], strict=True) if text]
        found = joined.find(quote, starts[first + 1])


def _by_quote(raw: _RawFinding, hits: Sequence[tuple[Segment, Line]]) -> _Place:
    segment, line = min(hits, key=lambda hit: abs((hit[1].new or 0) - (raw.line or 0)))
    notes = []
    if segment not in _named(raw.file, (segment,)):
        notes.append(f"the answer said {rearm(raw.file).strip()[:100]}, the quote is in {segment.path}")
    if raw.line is not None and raw.line != line.new:
        notes.append(f"the answer said {raw.line}, the quote is on {line.new}")
    return _Place(segment, line, line.text.strip(), "; ".join(notes) or None)


def _by_number(raw: _RawFinding, segments: Sequence[Segment]) -> _Place:
    """Where the quote is found on no added line: the added line with that number, without evidence."""
    if not segments:
        return _Place(note="the answer names a file that is not in this change")
    problem = _quote_problem(raw, segments)
    for segment in segments:
        for line in segment.lines:
            if line.kind is LineKind.ADDED and line.new == raw.line:
                return _Place(segment, line, None, problem)
    return _Place(segments[0], None, None, f"{problem}, and line {raw.line} is not an added line")


def _quote_problem(raw: _RawFinding, segments: Sequence[Segment]) -> str:
    quotes = _quotes(raw.quote or "")
    if not quotes:
        return "the answer quotes no code"
    for kind, place in ((LineKind.CONTEXT, "on an unchanged line"), (LineKind.REMOVED, "on a removed line")):
        for segment in segments:
            if any(q in squeeze(line.text) for q in quotes for line in segment.lines if line.kind is kind):
                return f"the quoted code is {place}"
    if any(line_with(quote, segment.lines) for quote in quotes for segment in segments):
        return "the answer quotes too little of a line"
    return "the quoted code is nowhere in the change"
