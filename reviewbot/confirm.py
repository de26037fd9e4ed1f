"""A second opinion on one finding, asked without the first answer's rating."""

from collections import Counter
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from reviewbot.diff import LineKind, Segment
from reviewbot.engines import Request
from reviewbot.findings import Confirmed, Finding, Severity
from reviewbot.prompts import confirm_prompt, render_claim
from reviewbot.replies import decode_reply, quoted_in

REPLY_TOKENS = 160
CONTEXT_LINES = 12
"""Lines shown on each side of the line in question: few, because small models judge worse as prompts grow."""

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["confirmed", "refuted", "unsure"]},
        "quote": {"type": "string", "maxLength": 300},
    },
    "required": ["verdict", "quote"],
}


class _Opinion(Struct, frozen=True):
    verdict: Annotated[str, Meta(pattern="^(confirmed|refuted|unsure)$")]
    quote: str = ""


def confirm_request(finding: Finding, segment: Segment, vote: int, around: int = CONTEXT_LINES) -> Request:
    """The request for opinion number `vote` (from 0) on a finding that is anchored in `segment`."""
    shown = _around(segment, finding.line or 0, around)
    user = render_claim(shown, finding.line or 0, finding.message)
    return Request(confirm_prompt().system, user, _SCHEMA, REPLY_TOKENS, seed=vote)


def read_opinion(text: str, segment: Segment) -> Confirmed:
    """What a reply says. A refutation counts only with a quote of the code that it rests on."""
    opinion = decode_reply(text, _Opinion)
    if opinion.verdict == "confirmed":
        return Confirmed.YES
    if opinion.verdict == "refuted" and quoted_in(opinion.quote, segment):
        return Confirmed.NO
    return Confirmed.UNSURE


def settle(finding: Finding, opinions: list[Confirmed]) -> Finding:
    """The finding after its votes: the majority decides; without one it is unsure. Only a confirmed one keeps
    its severity: unsure becomes a warning, refuted an info."""
    winner, count = Counter(opinions).most_common(1)[0]
    if 2 * count <= len(opinions):
        winner = Confirmed.UNSURE
    if winner is Confirmed.YES:
        return replace(finding, confirmed=winner)
    if winner is Confirmed.NO:
        return demote(finding, winner, Severity.INFO, "a second look refuted it")
    return demote(finding, winner, Severity.WARNING, "a second look was unsure")


def demote(finding: Finding, confirmed: Confirmed, severity: Severity, why: str) -> Finding:
    """The finding with at most that severity, and the reason added to its note."""
    note = "; ".join(part for part in (finding.note, why) if part)
    return replace(finding, confirmed=confirmed, severity=min(finding.severity, severity), note=note)


def _around(segment: Segment, number: int, around: int) -> Segment:
    at = next(
        (i for i, line in enumerate(segment.lines) if line.kind is LineKind.ADDED and line.new == number),
        0,
    )
    return replace(segment, lines=segment.lines[max(0, at - around) : at + around + 1])
