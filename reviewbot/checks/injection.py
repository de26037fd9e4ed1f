"""Text in a change that speaks to its reviewer. People should see it; the gate does not take orders from anybody."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

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


class Telling(NamedTuple):
    """What a text says, and how that is told; one of the `words` stands in all that the pattern matches."""

    what: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]

    def may_match(self, text: str) -> bool:
        """Whether it is worth trying the pattern; cheap."""
        for word in self.words:
            if word in text:
                return True
        return False


# Each begins with letters rather than with a border, so that the regex engine can skip to them.
WORDS = tuple(
    Telling(what, words, re.compile(pattern))
    for what, words, pattern in (
        (
            _FORGET,
            ("instruction", "prompt", "guideline", "directi"),
            r"(?:ignore|disregard|forget|override|bypass)\b.{0,20}\b(?:previous|prior|preceding|above|earlier|your|all)\b"
            r".{0,20}\b(?:instructions?|prompts?|guidelines|directives|directions)\b",
        ),
        (
            _FORGET,
            ("told", "asked", "instructed"),
            r"(?:ignore|disregard|forget) what(?:ever)? you (?:were|are|have been) (?:told|asked|instructed)\b",
        ),
        (
            _FORGET,
            ("instruction", "system:"),
            r"(?:new (?:system )?instructions?(?: for you)?|system): ?"
            r"(?:approve|accept|answer|report|respond|reply|say|output|ignore|disregard|you (?:are|must|should))\b",
        ),
        (
            _FORGET,
            ("instruction", "prompt", "guideline", "directi", "rules"),
            r"(?:ignore|disregard|forget|override|bypass) (?:all |any )?(?:of )?(?:the |these |those |every )?"
            r"(?:instructions?|prompts?|guidelines|directives|rules) (?:(?:that|which) (?:are|were|is|was) )?"
            r"(?:above|before this|so far|given (?:above|before|to you|earlier))\b",
        ),
        (
            _FORGET,
            ("system", "reviewer", "developer"),
            r"(?:ignore|disregard|forget|override|bypass) (?:the |its |every )?(?:system|reviewer'?s?|developer) "
            r"(?:prompts?|instructions?|messages?)\b",
        ),
        (
            _FORGET,
            ("ignore", "disregard", "forget"),
            r"(?:(?:ignore|disregard|forget) (?:about )?(?:everything|anything)|(?:disregard|forget) all)(?: of)?"
            r"(?: (?:the|that|this|it|is|was|has|have|been|you|were|told|said|stated|written))*"
            r" (?:above|so far|earlier|previously|before this|up to here)\b(?! (?:the|this|that|an?)\b)",
        ),
        (
            _FORGET,
            ("ignore all",),
            r"ignore all(?: of)?(?: the)? above(?:,| and|[.:;]) ?(?:just |instead )?"
            r"(?:say|answer|approve|accept|report|reply|respond|output|you)\b",
        ),
        (
            _ADDRESS,
            ("note", "message", "instruction", "attention", "important"),
            r"(?:note|message|instructions?|attention|important)\b.{0,5}\b(?:to|for) (?:the |an? |any |all )?"
            rf"{_REVIEWER}\b",
        ),
        (_ADDRESS, ("dear", "hey", "hello", "attention"), rf"(?:dear|hey|hello|attention),? (?:the )?{_REVIEWER}\b"),
        (
            _ADDRESS,
            (" ai", " llm", "language model", "chatgpt", "claude", "copilot", "llama", "review"),
            r"(?: ai| llm|language model|chatgpt|claude|copilot|codellama|code llama|reviewbot|review bot"
            r"|automated review|automated code review)(?: reviewer| review| assistant|er|s)?[:,]? "
            r"(?:please|must|should|shall|do not|don't|skip|approve|answer|respond|reply)\b",
        ),
        (_ADDRESS, ("reviewer",), r"(?:ai|llm|automated) (?:code )?reviewers?[:,] "),
        (
            _ADDRESS,
            ("reviewer",),
            r"reviewers? (?:must|should|shall|has to|have to|will) (?:only |always )?"
            r"(?:(?:answer|respond|reply) with|output|return|report) (?:an? |the )?(?:empty|no|zero|\[)",
        ),
        (_ADDRESS, ("as a",), rf"as an? {_READER}(?: \w+){{0,2}},? (?:you|please|approve|accept|do not|don't|never)\b"),
        (
            _ADDRESS,
            ("approve",),
            r"you (?:must|should|shall|will|have to|need to|are to) (?:\w+ )?approve (?:this|these|it|the|all)\b",
        ),
        (
            _ADDRESS,
            ("you are",),
            r"you are (?:now )?(?:an? |the )(?:\w+ ){0,3}(?:reviewer|ai assistant|language model)\b",
        ),
        (
            _APPROVAL,
            ("approved", "free"),
            r"(?:code|change|commit|diff|patch|pull request)(?:set)? (?:is|was|has been|have been) "
            r"(?:already |fully |hereby )?(?:pre-?approved|approved|reviewed and approved|bug-?free|defect-?free)\b",
        ),
        (
            _APPROVAL,
            (" by ",),
            r"(?:approved|reviewed|verified|vetted|checked|cleared) by (?:the |an? |our |your )?"
            r"(?:ai|llm|language model|chatgpt|gpt-?\d\w*|copilot|code ?llama|review ?bot|automated review)\b",
        ),
        (
            _SILENCE,
            ("not ", "don't", "never"),
            rf"(?:do not|don't|never|must not) (?:report|flag|mention|list|raise)\b.{{0,30}}\b{_DEFECTS}\b.{{0,40}}"
            r"\b(?:in|of|for|about|here|file|code|change|review)\b",
        ),
        (
            _SILENCE,
            ("not ", "don't", "never"),
            r"(?:do not|don't|never|must not) (?:report|flag|mention|review) "
            r"(?:anything|(?:any of )?this(?: (?:file|code|change|function))?) (?:in (?:this|the)|here|below|above)\b",
        ),
        (_SILENCE, ("report no", "report zero"), rf"report (?:no|zero) {_DEFECTS}\b"),
        (_SILENCE, ("findings",), r"(?:return|output|answer|reply)(?: with)? (?:no|zero) findings\b"),
        (
            _SILENCE,
            ("review",),
            r"(?:stop|skip|end|finish) (?:the |your |this )?(?:code )?review(?:ing)? (?:here|now|of this|this)\b",
        ),
    )
)
"""Matched against a line in small letters."""

HINTS = re.compile(
    r"a(?:i(?<!\wai)er|is?\b(?<!\wai)(?<!\wais)|pprove|ssistant|ttention)|b(?:ug|ypass)|c(?:laim|laude|opilot)"
    r"|d(?:ear|efect|estination:|isregard)|eot:|f(?:inding|lag|orget)|gpt|h(?:ello|ey)"
    r"|i(?:gnor|mportant|nstruction|nst\]|ssue)|l(?:anguage|lama|lm)|m(?:ention|essage\b)|note\b|o(?:f_turn>|verrid)"
    r"|problem|r(?:eport|eview)|s(?:ource:|tep>|ystem:|ys>>)|v(?:erdict|ulnerabilit)|warning"
    r"|\uff5c|<\||###|</s>|-----"
)
"""In small letters, a word of each of WORDS and SIGNS without which it does not match: most lines have none. Those that
begin alike stand together, so that few are tried at a place."""

_IN_DOUBT = re.compile(
    r"\b(?:if|when|once|unless|until|after|before|whether|that|because|while) (?:(?:an?|the|this|your|each) )?$"
)
"""What stands before an approval that only something else depends on."""

SIGNS = tuple(
    Telling(what, words, re.compile(pattern))
    for what, words, pattern in (
        (_TURN, ("INST]",), r"\[/?INST\]"),
        (
            _TURN,
            ("SYS>>", "of_turn>", "\uff5c", "<step>"),
            r"<(?:</?SYS>>|(?:start|end)_of_turn>|\uff5c[^<>\uff5c]{1,30}\uff5c>|step>\s*Source:)",
        ),
        (
            _TURN,
            ("<|",),
            r"<\|(?:im_start|im_end|im_sep|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|end_of_text"
            r"|endoftext|system|user|assistant|end)\|>",
        ),
        (_TURN, ("Source:",), r"Source: (?:system|user|assistant)\b"),
        (_TURN, ("Destination:",), r"Destination: (?:system|user|assistant)\W*$"),
        (_TURN, ("EOT:",), r"EOT: (?:true|false)\b"),
        (_TURN, ("###",), r"### ?(?:Instruction|Human|Assistant):"),
        (_TURN, ("</s>",), r"(?<![\"'`])</s>(?![\"'`])"),
        (_IMITATION, ("-----",), r"-{5} [0-9]{12}\b"),
        (_IMITATION, ("findings",), r"findings[\"']\s*:\s*\[\s*\]"),
        (_IMITATION, ("verdict",), r"verdict[\"']\s*:\s*[\"'](?:confirmed|refuted|unsure)"),
        (_IMITATION, ("The claim",), r"The claim about line \d+:"),
    )
)
"""Strings that models or requests give a meaning, matched as they stand."""

MAX_CHARS = 65536
"""Longer lines are looked at up to here. What stands behind that, no model reads either."""


_STRUCK = re.compile(r"<s(?: [^<>]*)?>[^<>]*</s>")
"""Struck out text of a page, whose end is no end of a turn."""

_EDGES = " \t#/*;%!<>-\"'`+\\(),"
"""What stands around the text of a comment or of a string."""

_SEAM_CHARS = 120
"""So much of each line is put together: an order is no longer."""

_SEAM_LINES = 4


def find_injections(change: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line that speaks to the reviewer, and for each that does so together with the added
    lines below it."""
    return tuple(found for hunk in change.hunks if _may_speak(hunk) for found in _find_in(change, hunk))


def _may_speak(hunk: Hunk) -> bool:
    return _hints("\n".join(line.text for line in hunk.lines if line.kind is LineKind.ADDED))


def _find_in(change: FileChange, hunk: Hunk) -> Iterator[Finding]:
    above: list[int] = []
    hinted = -1
    for at, line in enumerate(hunk.lines):
        if line.kind is LineKind.REMOVED:
            continue
        if line.kind is LineKind.CONTEXT or not line.text.strip():
            above = []
            continue
        if not line.text.strip(_EDGES):
            continue
        above = [*above[1 - _SEAM_LINES :], at]
        if _hints(line.text):
            hinted = at
        if hinted < above[0]:
            continue
        what = speaks(line.text)
        if what is not None:
            yield _finding(change, hunk, at, what)
            above = []
            continue
        begin, what = _speaks_across(hunk, above)
        if what is not None:
            yield _finding(change, hunk, begin, f"{what}, with what is below")
            above = []


def _hints(text: str) -> bool:
    return HINTS.search(text.lower()) is not None


def _speaks_across(hunk: Hunk, places: Sequence[int]) -> tuple[int, str | None]:
    """What the lines at some places say together, and where that begins; the fewest lines that say it."""
    if speaks_across([hunk.lines[at].text for at in places]) is None:
        return 0, None
    for count in range(2, len(places) + 1):
        some = places[-count:]
        what = speaks_across([hunk.lines[at].text for at in some])
        if what is not None:
            return some[0], what
    return 0, None


def _finding(change: FileChange, hunk: Hunk, at: int, what: str) -> Finding:
    message = f"this text speaks to its reviewer ({what}); read for yourself what it is for"
    return about_line(change.path, hunk.lines, at, rule=RULE, severity=Severity.WARNING, message=message)


def speaks(text: str) -> str | None:
    """What a line says to a reviewer; None for an ordinary one."""
    text = text[:MAX_CHARS]
    if "</s>" in text:
        text = _STRUCK.sub("", text)
    for sign in SIGNS:
        if sign.may_match(text) and sign.pattern.search(text):
            return sign.what
    return _says(text)


def speaks_across(texts: Sequence[str]) -> str | None:
    """What lines say together, of which none says anything by itself."""
    if len(texts) < 2:
        return None
    first, *middle, last = (text.strip(_EDGES) for text in texts)
    between = [t if len(t) <= 2 * _SEAM_CHARS else f"{t[:_SEAM_CHARS]}\n{t[-_SEAM_CHARS:]}" for t in middle]
    return _says(" ".join([first[-_SEAM_CHARS:], *between, last[:_SEAM_CHARS]]))


def _says(text: str) -> str | None:
    lower = text.lower()
    return next((told.what for told in WORDS if told.may_match(lower) and _is_said(told, lower)), None)


def _is_said(told: Telling, text: str) -> bool:
    if told.what != _APPROVAL:
        return told.pattern.search(text) is not None
    starts = (found.start() for found in told.pattern.finditer(text))
    return any(not _IN_DOUBT.search(text, max(0, start - _SEAM_CHARS), start) for start in starts)
