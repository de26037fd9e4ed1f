"""Text in a change that speaks to its reviewer. People should see it; the gate does not take orders from anybody."""

import re

from reviewbot.diff import FileChange, Hunk, LineKind
from reviewbot.findings import Finding, Severity, about_line

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
            _FORGET,
            r"(?:(?:ignore|disregard|forget) (?:about )?(?:everything|anything)|(?:disregard|forget) all)(?: of)?"
            r"(?: (?:the|that|this|it|is|was|has|have|been|you|were|told|said|stated|written))*"
            r" (?:above|so far|earlier|previously|before this|up to here)\b(?! (?:the|this|that|an?)\b)",
        ),
        (
            _FORGET,
            r"ignore all(?: of)?(?: the)? above(?:,| and|[.:;]) ?(?:just |instead )?"
            r"(?:say|answer|approve|accept|report|reply|respond|output|you)\b",
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
        (_ADDRESS, rf"as an? {_READER}(?: \w+){{0,2}},? (?:you|please|approve|accept|do not|don't|never)\b"),
        (
            _ADDRESS,
            r"you (?:must|should|shall|will|have to|need to|are to) (?:\w+ )?approve (?:this|these|it|the|all)\b",
        ),
        (_ADDRESS, r"you are (?:now )?(?:an? |the )(?:\w+ ){0,3}(?:reviewer|ai assistant|language model)\b"),
        (
            _APPROVAL,
            r"(?:code|change|commit|diff|patch|pull request)(?:set)? (?:is|was|has been|have been) "
            r"(?:already |fully |hereby )?(?:pre-?approved|approved|reviewed and approved|bug-?free|defect-?free)\b",
        ),
        (
            _APPROVAL,
            r"(?:approved|reviewed|verified|vetted|checked|cleared) by (?:the |an? |our |your )?"
            r"(?:ai|llm|language model|chatgpt|gpt-?\d\w*|copilot|code ?llama|review ?bot|automated review)\b",
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
        (_TURN, r"Destination: (?:system|user|assistant)\W*$"),
        (_TURN, r"EOT: (?:true|false)\b"),
        (_TURN, r"### ?(?:Instruction|Human|Assistant):"),
        (_TURN, r"(?<![\"'`])</s>(?![\"'`])"),
        (_IMITATION, r"-{5} [0-9]{12}\b"),
        (_IMITATION, r"findings[\"']\s*:\s*\[\s*\]"),
        (_IMITATION, r"verdict[\"']\s*:\s*[\"'](?:confirmed|refuted|unsure)"),
        (_IMITATION, r"The claim about line \d+:"),
    )
)
"""Strings that models or requests give a meaning, matched as they stand."""

MAX_CHARS = 2000
"""Longer lines are looked at up to here: nobody writes to a reader behind that."""


_STRUCK = re.compile(r"<s(?: [^<>]*)?>[^<>]*</s>")
"""Struck out text of a page, whose end is no end of a turn."""

_EDGES = " \t#/*;%!<>-\"'`+\\(),"
"""What stands around the text of a comment or of a string."""

_SEAM_CHARS = 120
"""So much of two lines is put together: an order is no longer."""


def find_injections(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line that speaks to the reviewer, and for each that does so together with the added line
    below it."""
    found = []
    for hunk in change.hunks:
        above: int | None = None
        for at, line in enumerate(hunk.lines):
            if line.kind is LineKind.REMOVED:
                continue
            if line.kind is LineKind.CONTEXT:
                above = None
                continue
            what = speaks(line.text)
            if what is not None:
                found.append(_finding(change, hunk, at, what))
                above = None
                continue
            if above is not None and (what := speaks_across(hunk.lines[above].text, line.text)) is not None:
                found.append(_finding(change, hunk, above, f"{what}, with the line below"))
            above = at
    return tuple(found)


def _finding(change: FileChange, hunk: Hunk, at: int, what: str) -> Finding:
    message = f"this text speaks to its reviewer ({what}); read for yourself what it is for"
    return about_line(change.path, hunk.lines, at, rule=RULE, severity=Severity.WARNING, message=message)


def speaks(text: str) -> str | None:
    """What a line says to a reviewer; None for an ordinary one."""
    text = text[:MAX_CHARS]
    if "</s>" in text:
        text = _STRUCK.sub("", text)
    for what, pattern in SIGNS:
        if pattern.search(text):
            return what
    return _says(text)


def speaks_across(above: str, below: str) -> str | None:
    """What two lines say together, of which none says anything by itself."""
    above, below = above.strip(_EDGES), below.strip(_EDGES)
    if not above or not below:
        return None
    return _says(f"{above[-_SEAM_CHARS:]} {below[:_SEAM_CHARS]}")


def _says(text: str) -> str | None:
    lower = text.lower()
    return next((what for what, pattern in WORDS if pattern.search(lower)), None)
