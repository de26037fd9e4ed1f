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
from reviewbot.replies import SHOWN_PREFIX, line_with

REPLY_TOKENS = 160

_WORDS = ("confirmed", "refuted", "unsure")
_NO_CODE = re.compile(
    r"""
      (?P<open>"{3}|'{3}).*?(?:(?P=open)|\Z)
    | /\*.*?(?:\*/|\Z) | <!--.*?(?:-->|\Z)
    | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `[^`]*`
    | (?<![\w&$])\#[^\n]*
    | //[^\n]*
    | ^[ \t]*(?:--|;|%|\*|REM\b)[^\n]* | [ \t]--[ \t][^\n]*
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""Comments and literals of the common languages. What is taken for one though it is code proves nothing, which costs
no more than a warning."""

_DIRECTIVE = re.compile(r"#[ \t]*(?:include|define|undef|if|ifdef|ifndef|el|else|endif|pragma|error|region)")
_WITH_DIRECTIVES = (".c", ".h", ".cc", ".hh", ".cpp", ".hpp", ".cxx", ".hxx", ".m", ".mm", ".cs", ".cu", ".inl")

_WORD = re.compile(r"\w+")
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
        quote = _code(SHOWN_PREFIX.sub("", str(reply.quote or "")), shown.path)
        lines = [line for line in shown.lines if line.kind is not LineKind.REMOVED]
        codes = _code("\n".join(line.text for line in lines), shown.path).split("\n")
        code = [replace(line, text=text) for line, text in zip(lines, codes, strict=True)]
        others = [line for line in code if line.new != about]
        proof = line_with(quote, others) if len(_WORD.findall(quote)) >= MIN_WORDS else None
        if proof is not None and _is_code(shown.path, lines, proof, quote):
            return Opinion(Confirmed.NO, proof.new)
    return Opinion(Confirmed.UNSURE)


def _is_code(path: str, lines: Sequence[Line], proof: Line, quote: str) -> bool:
    """Whether the words that a quote begins with are code on the line `proof`, as far as its language is known."""
    from reviewbot.syntax import code_words

    words = set(_WORD.findall(quote.strip().partition("\n")[0]))
    rows = code_words(path, "\n".join(line.text for line in lines))
    return rows is None or any(words <= row for row, line in zip(rows, lines, strict=True) if line.new == proof.new)


def _code(text: str, path: str) -> str:
    """The text without its comments, and without what stands in its literals; the lines stay."""

    has_directives = path.lower().endswith(_WITH_DIRECTIVES)

    def rest(found: re.Match[str]) -> str:
        if has_directives and _DIRECTIVE.match(found[0]):
            return found[0]
        mark = found[0][0]
        return (mark if mark in "\"'`" else "") + "\n" * found[0].count("\n")

    return _NO_CODE.sub(rest, text)


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
