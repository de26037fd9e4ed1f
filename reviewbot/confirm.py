"""A second opinion on one finding, asked without the first answer's rating."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from reviewbot.diff import LineKind, Segment
from reviewbot.engines import Request
from reviewbot.findings import Confirmed, Finding, Severity, add_note
from reviewbot.prompts import CONFIRM, load_builtin, render_claim
from reviewbot.replies import decode_reply, line_with

REPLY_TOKENS = 160

_WORDS = ("confirmed", "refuted", "unsure")
_COMMENT = re.compile(r"\s*(?:#(?!include|define|if|el|endif)|//|/\*|\*|--|;|<!--|%|\"\"\"|''')")


class _Reply(Struct, frozen=True):
    verdict: Annotated[str, Meta(pattern="^(confirmed|refuted|unsure)$")]
    quote: str = ""


class Opinion(Struct, frozen=True):
    """One vote; `line` is the number of the line that refutes, None unless `confirmed` is NO."""

    confirmed: Confirmed
    line: int | None = None


def confirm_request(finding: Finding, shown: Segment, vote: int, boundary: str) -> Request:
    """The request for opinion number `vote` (from 0) on a finding whose line is in `shown`.

    The instructions are the same for all, so that the server reads them once. Each vote has another seed and another
    order: of the words to choose from, and of claim and code.
    """
    user = render_claim(shown, finding.line or 0, finding.message, boundary, claim_first=vote % 2 == 1)
    return Request(load_builtin(CONFIRM).text, user, _schema(vote), REPLY_TOKENS, seed=vote)


def _schema(vote: int) -> dict[str, Any]:
    turn = vote % len(_WORDS)
    return {
        "type": "object",
        "properties": {
            "verdict": {"type": "string", "enum": [*_WORDS[turn:], *_WORDS[:turn]]},
            "quote": {"type": "string", "maxLength": 300},
        },
        "required": ["verdict", "quote"],
    }


def read_opinion(text: str, shown: Segment) -> Opinion:
    """What a reply says; ReplyError when it says nothing. A refutation counts only with a quote of the code that it
    rests on, as it is after the change; what a comment claims is no code."""
    reply = decode_reply(text, _Reply)
    if reply.verdict == "confirmed":
        return Opinion(Confirmed.YES)
    if reply.verdict == "refuted":
        code = [line for line in shown.lines if line.kind is not LineKind.REMOVED and not _COMMENT.match(line.text)]
        proof = line_with(reply.quote, code)
        if proof is not None:
            return Opinion(Confirmed.NO, proof.new)
    return Opinion(Confirmed.UNSURE)


def is_decided(opinions: Sequence[Opinion], votes: int) -> bool:
    """Whether all have voted, or those to come cannot change what the majority says."""
    most = max(Counter(opinion.confirmed for opinion in opinions).values(), default=0)
    return len(opinions) == votes or 2 * most > votes


def settle(finding: Finding, opinions: Sequence[Opinion]) -> Finding:
    """The finding after its votes: the majority decides; without one it is unsure. Only a confirmed one keeps
    its severity: unsure becomes a warning, refuted an info."""
    winner, count = Counter(opinion.confirmed for opinion in opinions).most_common(1)[0]
    if 2 * count <= len(opinions):
        winner = Confirmed.UNSURE
    if winner is Confirmed.YES:
        return replace(finding, confirmed=winner)
    if winner is Confirmed.NO:
        proof = next(opinion.line for opinion in opinions if opinion.confirmed is winner)
        return demote(finding, winner, Severity.INFO, f"a second look refuted it by line {proof}")
    return demote(finding, winner, Severity.WARNING, "a second look was unsure")


def demote(finding: Finding, confirmed: Confirmed, severity: Severity, why: str) -> Finding:
    """The finding with at most that severity, and the reason added to its note."""
    return replace(add_note(finding, why), confirmed=confirmed, severity=min(finding.severity, severity))
