"""Text in a change that speaks to its reviewer. People should see it; the gate does not take orders from anybody."""

import re

from reviewbot.diff import FileChange
from reviewbot.findings import Finding, Severity, about_added_lines

RULE = "check/injection"

_READER = r"(?:ai|llm|language model|chatgpt|gpt-?\d\w*|claude|copilot|code ?llama|review ?bot|ai assistant)"
_REVIEWER = rf"(?:(?:{_READER}|automated|automatic|machine)[ -](?:code[ -])?review(?:er|s)?|{_READER}s?)"
_DEFECTS = r"(?:findings?|issues?|problems?|bugs?|defects?|vulnerabilit(?:y|ies)|warnings?)"

_FORGET = "an order to forget instructions"
_ADDRESS = "a word to the reviewer"
_APPROVAL = "an approval of itself"
_SILENCE = "a demand for silence"
_TURN = "a sign that ends a turn of a model"
_IMITATION = "what only a request or an answer of a review holds"

# Each begins with letters rather than with a border, so that the regex engine can skip to them.
WORDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (what, re.compile(pattern))
    for what, pattern in (
        (
            _FORGET,
            r"(?:ignore|disregard|forget|override|bypass)\b.{0,20}\b(?:previous|prior|preceding|above|earlier|your|all)\b"
            r".{0,20}\b(?:instructions?|prompts?|guidelines|directives)\b",
        ),
        (
            _ADDRESS,
            r"(?:note|message|instructions?|attention|important)\b.{0,5}\b(?:to|for) (?:the |an? |any |all )?"
            rf"{_REVIEWER}\b",
        ),
        (_ADDRESS, rf"(?:dear|hey|hello|attention),? (?:the )?{_REVIEWER}\b"),
        (
            _ADDRESS,
            r"(?: ai| llm|language model|chatgpt|claude|copilot|codellama|code llama|reviewbot|review bot"
            r"|automated review|automated code review)(?: reviewer| review| assistant|er|s)?[:,]? "
            r"(?:please|must|should|shall|do not|don't|skip|approve|answer|respond|reply)\b",
        ),
        (_ADDRESS, r"you are (?:now )?(?:an? |the )(?:\w+ ){0,3}(?:reviewer|ai assistant|language model)\b"),
        (
            _APPROVAL,
            r"(?:code|change|commit|diff|patch|pull request)(?:set)? (?:is|was|has been|have been) "
            r"(?:already |fully |hereby )?(?:pre-?approved|approved|reviewed and approved|bug-?free|defect-?free)\b",
        ),
        (
            _SILENCE,
            rf"(?:do not|don't|never|must not) (?:report|flag|mention|list|raise)\b.{{0,30}}\b{_DEFECTS}\b.{{0,40}}"
            r"\b(?:in|of|for|about|here|file|code|change|review)\b",
        ),
        (_SILENCE, rf"report (?:no|zero) {_DEFECTS}\b"),
    )
)
"""What such text says, and how it is told; matched against a line in small letters."""

SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (what, re.compile(pattern))
    for what, pattern in (
        (_TURN, r"\[/?INST\]"),
        (_TURN, r"<(?:</?SYS>>|(?:start|end)_of_turn>|\uff5c[^<>\uff5c]{1,30}\uff5c>|step>\s*Source:)"),
        (
            _TURN,
            r"<\|(?:im_start|im_end|im_sep|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|end_of_text"
            r"|endoftext|system|user|assistant|end)\|>",
        ),
        (_TURN, r"Source: (?:system|user|assistant)\b"),
        (_IMITATION, r"-{5} [0-9]{12}\b"),
        (_IMITATION, r"findings[\"']\s*:\s*\[\s*\]"),
        (_IMITATION, r"verdict[\"']\s*:\s*[\"'](?:confirmed|refuted|unsure)"),
        (_IMITATION, r"The claim about line \d+:"),
    )
)
"""Strings that models or requests give a meaning, matched as they stand."""

MAX_CHARS = 2000
"""Longer lines are looked at up to here: nobody writes to a reader behind that."""


def find_injections(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line that speaks to the reviewer."""
    return about_added_lines(change, _tell, rule=RULE, severity=Severity.WARNING)


def _tell(text: str) -> str | None:
    what = speaks(text)
    return what and f"this text speaks to its reviewer ({what}); read for yourself what it is for"


def speaks(text: str) -> str | None:
    """What a line says to a reviewer; None for an ordinary one."""
    text = text[:MAX_CHARS]
    for what, pattern in SIGNS:
        if pattern.search(text):
            return what
    lower = text.lower()
    return next((what for what, pattern in WORDS if pattern.search(lower)), None)
