"""Remarks that are no defects, dropped by their wording before the model is asked again.

A finding goes only when each sentence of its message is such a remark and nothing in it names a defect or a reason:
what is dropped by mistake is lost, what is kept by mistake still gets a second look. Names never count as words of a
message, for whoever writes the change chooses them. The wordings are English; what is said in another language is kept.
"""

import re

from msgspec.structs import replace

from reviewbot.findings import Finding, add_note, squeeze
from reviewbot.remarks import EXCLUSIONS, NAME, compiled
from reviewbot.sieves import Sifted

REPEATS_THE_CODE = "suggests the code as it is"

_DEFECT = (
    r"\b(?:because|since|otherwise|but|however|although|so|as(?! (?:expected|intended|designed)\b)|when|unless|until"
    r"|caus\w+|leads?|leading|results?|resulting|allows?|allowing|lets|crash\w*|rais\w+|throw\w*|panic\w*|exception\w*|fail\w*|\w*error|overflow\w*|underflow\w*"
    r"|inject\w*|leak\w*|race\w*|deadlock\w*|wrong\w*|incorrect\w*|corrupt\w*|truncat\w*|los[est]\w*|infinite\w*|bounds"
    r"|vulnerab\w*|exploit\w*|attack\w*|unsafe\w*|unescaped|escap\w+|unchecked|unvalidated|unsaniti[sz]ed|untrusted"
    r"|bypass\w*|divi(?:d|s)\w+|undefined(?!, (?:is|are) (?:it|they) (?:defined|declared|imported)\b)"
    r"|freed?|hang\w*|forever|null\w*|none|nil|nan|dereferenc\w*|traversal|never|always"
    r"|ignor\w+|swallow\w*|overwrit\w*|delet\w*|stale|invert\w*|negat\w*|breaks?|broken|skips?|twice|before|after|instead"
    r"|secrets?|passwords?|credentials?)\b"
)
_QUOTED = re.compile(r"`+[^`]*`+|\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|[\u2018\u201c][^\u2019\u201d]*[\u2019\u201d]")
_LIKE_CODE = re.compile(
    r"[\w.]+\([^()]*\)|\w+\[[^\]]*\]|\b(?!(?:PEP|pep)-?8\b)(?:\w*_\w*|\w*[a-z\d][A-Z]\w*|\w+\.\w+|[a-zA-Z]+\d\w*)(?:\.\w+)*"
)
_WORD = re.compile(r"[^\W\d]\w*")
_RESERVED = frozenset(
    "a an and are as class code def else for from function functions i if import in is it method methods name names "
    "new not of or parameter parameters return test tests the this to try use variable variables with".split()
)
"""Words of languages and of English that are left in a message although they stand in the code as well."""

_SENTENCE_END = re.compile(r"[.!?;](?:\s+|\Z)|\n+|(?<!import)(?<!imports):\s+", re.IGNORECASE)
_NAMES = re.compile(rf"{NAME}(?:[\s,/]*(?:and |or )?{NAME})*(?:'s)?")


def exclude_findings(findings: tuple[Finding, ...]) -> Sifted:
    """What a model says apart from such remarks; the reason stands in the note of each that was excluded.

    A suggestion that repeats the code goes in any case, and the finding with it where its message names no defect.
    """
    kept: list[Finding] = []
    excluded: list[tuple[Finding, str]] = []
    for finding in findings:
        reason = exclusion_of(finding)
        if reason is not None:
            excluded.append((add_note(finding, reason), "excluded"))
        else:
            kept.append(replace(finding, suggestion=None) if _repeats_the_code(finding) else finding)
    return Sifted(tuple(kept), tuple(excluded))


def exclusion_of(finding: Finding) -> str | None:
    """Why a finding of a model is none; None where it may be one, and for every finding of a check."""
    if finding.source != "model" or compiled(_DEFECT).search(finding.message):
        return None
    sentences = [part.strip(" ,-*") for part in _SENTENCE_END.split(_without_names(finding))]
    reasons = [_reason(sentence, finding.message) for sentence in sentences if sentence]
    if reasons and all(reasons):
        return reasons[0]
    return REPEATS_THE_CODE if _repeats_the_code(finding) else None


def _reason(sentence: str, message: str) -> str | None:
    return next((row.reason for row in EXCLUSIONS if row.matches(sentence, message)), None)


def _without_names(finding: Finding) -> str:
    """The message with NAME for what is quoted, for what looks like code, and for each word that the code has."""
    code = " ".join([finding.evidence or "", *(line.text for line in finding.excerpt)])
    names = {word.casefold() for word in _WORD.findall(code)} - _RESERVED
    text = _LIKE_CODE.sub(NAME, _QUOTED.sub(NAME, finding.message.replace(NAME, " ")))
    text = _WORD.sub(lambda word: NAME if word.group().casefold() in names else word.group(), text)
    return _NAMES.sub(NAME, " ".join(text.split(" ")))


def _repeats_the_code(finding: Finding) -> bool:
    said, code = (squeeze((text or "").strip().strip("`;")) for text in (finding.suggestion, finding.evidence))
    return finding.source == "model" and bool(said) and said == code
