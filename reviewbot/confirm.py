"""A second opinion on one finding, asked without the first answer's rating."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.decoding import decode_reply
from reviewbot.diff import Line, LineKind, Segment
from reviewbot.engines import Request
from reviewbot.errors import ReplyError
from reviewbot.findings import Confirmed, Finding, Severity, add_note
from reviewbot.prompts import CONFIRM, load_builtin, render_claim
from reviewbot.prose import Part, parts_of
from reviewbot.replies import SHOWN_PREFIX, line_with

REPLY_TOKENS = 160

_WORDS = ("confirmed", "refuted", "unsure")
_WORD = re.compile(r"\w+")
_LIKE_PROSE = re.compile(r"(?!(?:return|raise|throw|yield|assert|import)\b)[A-Za-z]+,?(?: [A-Za-z]+,?){2,}[.;]?")
"""Nothing but words: a sentence where the code that is shown begins inside of a comment."""
_CODE_SIGN = re.compile(r"[=(){}\[\];<>|$@]")
"""What the lines of a file without a known language show, if they are code."""
_NO_QUOTE = re.compile("[^\"'`]")

MIN_WORDS = 2
"""A quote of one word, such as `return`, stands everywhere."""


class _Reply(Struct, frozen=True):
    verdict: str
    quote: str | int | float | None = None


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


def read_opinion(text: str, shown: Segment, about: int | None) -> Opinion:
    """What a reply says of a claim about line `about`; ReplyError when it says nothing.

    A refutation counts only with a quote of the code that it rests on, as it is after the change: of another line than
    the claim's, and of more than a word. What a comment or a string says is no code.
    """
    reply = decode_reply(text, _Reply)
    verdict = reply.verdict.strip().lower()
    if verdict not in _WORDS:
        raise ReplyError(f"the second look said {verdict[:40]!r}")
    if verdict == "confirmed":
        return Opinion(Confirmed.YES)
    if verdict == "refuted":
        lines = [line for line in shown.lines if line.kind is not LineKind.REMOVED]
        proof = _proof(SHOWN_PREFIX.sub("", str(reply.quote or "")), shown.path, lines, about)
        if proof is not None:
            return Opinion(Confirmed.NO, proof.new)
    return Opinion(Confirmed.UNSURE)


def _proof(said: str, path: str, lines: Sequence[Line], about: int | None) -> Line | None:
    """The line whose code a quote has, other than the one that is claimed about; None where that proves nothing."""
    quote = "\n".join(_code(path, said.split("\n")))
    if len(_WORD.findall(quote)) < MIN_WORDS:
        return None
    codes = _code(path, [line.text for line in lines])
    others = [replace(line, text=code) for line, code in zip(lines, codes, strict=True) if line.new != about]
    proof = line_with(quote, others)
    if proof is None or _LIKE_PROSE.fullmatch(proof.text.strip()) or not _is_run(path, lines, proof, quote):
        return None
    return proof


def _is_run(path: str, lines: Sequence[Line], proof: Line, quote: str) -> bool:
    """Whether the words that a quote begins with are code on the line `proof`, as far as its language is known."""
    from reviewbot.syntax import code_words

    words = set(_WORD.findall(quote.strip().partition("\n")[0]))
    rows = code_words(path, "\n".join(line.text for line in lines))
    if rows is None:
        return _CODE_SIGN.search(proof.text) is not None
    return any(words <= row for row, line in zip(rows, lines, strict=True) if line.new == proof.new)


def _code(path: str, texts: Sequence[str]) -> list[str]:
    """The lines without their comments, and without what stands in their literals."""
    rows = parts_of(path, texts, is_whole=False)
    return [_without(text, parts) for text, parts in zip(texts, rows, strict=True)]


def _without(text: str, parts: Sequence[Part]) -> str:
    pieces = []
    done = 0
    for part in parts:
        pieces += [text[done : part.start], _NO_QUOTE.sub("", text[part.start : part.start + 1])]
        done = part.end
    return "".join((*pieces, text[done:]))


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
