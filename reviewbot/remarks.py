"""Wordings of remarks that are no defects.

A row matches one whole sentence. Names never count as words of it, for whoever writes the change chooses them. The
wordings are English.
"""

import re
from functools import cache
from typing import NamedTuple

NAME = "\0"
"""What stands for a name or for quoted code in a message."""


class Exclusion(NamedTuple):
    """A kind of remark: `reason` stands in the report, `pattern` matches one whole sentence without its full stop, in
    which one of the `needed` stands. `unless` is found in a message that names a defect in such words all the same."""

    reason: str
    needed: tuple[str, ...]
    pattern: str
    unless: str | None = None

    def matches(self, sentence: str, message: str) -> bool:
        """Whether a sentence of a message is such a remark. The pattern is compiled when it is first needed: that takes
        longer than most else that a review of a few lines loads, and most findings are no remarks."""
        if not any(word in sentence.casefold() for word in self.needed):
            return False
        if compiled(self.pattern).fullmatch(sentence) is None:
            return False
        return self.unless is None or compiled(self.unless).search(message) is None


def _sentence(*patterns: str) -> str:
    return rf"(?:{'|'.join(patterns)})"


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_REST = r"(?![\w-])(?:(?! and (?!(?:the|its|their|why|how|what|when)\b))[^,:])*"
_SOFTLY = (
    r"(?:(?:please|also|maybe|perhaps|(?:you|we|one) (?:should|could|might|may)(?: also)?(?: want to)?|i (?:would )?"
    r"(?:suggest|recommend)|it (?:is|would be|might be|may be) (?:good|better|best|helpful|useful|recommended|important"
    r"|a good idea|good practice) to),? )?(?:consider )?"
)
_OBJECT = (
    r"(?:functions?|methods?|class(?:es)?|modules?|code|files?|variables?|parameters?|arguments?|constants?|changes?"
    rf"|fields?|helpers?|implementation|logic|it|this|{NAME})"
)
_SUBJECT = rf"(?:(?:the|this|that|these|each|new|added|public|whole) )*(?:{NAME} )?{_OBJECT}(?: {NAME})?"
_SHORT_OF = r"(?:lacks?|has no|have no|(?:is|are) missing|needs?|should have|could use|does not have|doesn't have)"
_ADDING = r"(?:add|adding|write|writing|provide|providing|include|including)"
_REST_OF_ONE = r"(?![\w-])(?:(?! and )[^,:])*"
"""What may follow where another object would be one that matters."""
_SOME = r"(?:(?:an?|any|some|more|the|its|proper|brief|short|clear|detailed|inline|appropriate|descriptive) )*"
_TEXT = (
    rf"{_SOME}(?:code |doc )?(?:comments?|docstrings?|documentation|javadoc|jsdoc"
    r"|(?:return )?type (?:hints?|annotations?))"
)
_AND_TEXT = rf"(?:(?: and|,? or) {_TEXT})*(?! and\b){_REST}"
"""A second thing that is asked for may be one that matters, unless it is a text as well."""
_TESTS = rf"{_SOME}(?:(?:unit |regression )?tests|(?:unit|regression) test|tests? cases?|test coverage)"
_BETTER = (
    r"(?:(?:more|better|clear|clearer|descriptive|meaningful|expressive|readable|self-explanatory|specific|shorter|longer)"
    r" )+"
)
_NAMED = r"(?:variable|function|method|parameter|argument|class|field|module|constant|test)"
_NO = r"(?:missing|no|there (?:is|are) no|lack of)"
_WORD_LIKE_NAME = rf"(?:{NAME}|(?!(?:it|this|that|everything|nothing|something|content|\w*data|which)\b)[a-z]\w*)"
_IMPORTABLE = (
    rf"(?:(?:the )?(?:modules?|functions?|class(?:es)?|packages?|library)(?: {NAME})?|{NAME}"
    rf"|(?:the )?{_WORD_LIKE_NAME} (?:module|package|library))"
)
_MODULES = (
    rf"(?:{_WORD_LIKE_NAME}(?:(?:, and|,| and) {_WORD_LIKE_NAME})*"
    rf"|the {_WORD_LIKE_NAME}(?: and {_WORD_LIKE_NAME})? (?:modules?|packages?|library))"
)
_KNOWN_MODULE = (
    r"(?:os|sys|re|json|math|time|datetime|random|logging|pathlib|typing|subprocess|asyncio|collections|itertools"
    r"|functools|contextlib|dataclasses|shutil|threading|numpy|pandas|requests|torch|react|lodash|axios|fmt)"
)
"""A bare word that is not imported may as well be a record of somebody's, so only modules that everybody knows."""
_SEEN = r"(?:defined|declared|imported)"
_CODE = r"(?:the|this) (?:(?:shown|given|provided|visible) )?(?:code|diff|change|snippet|lines|context|hunk|file)"
_VERSIONS = r"(?:versions?|releases?|python ?\d[\d.]*)(?: of (?:the )?\w+)?"

_AT_STAKE = (
    # What a resource, a guard or a value has to be: where it is not, the defect has a name.
    r"\b(?:clos(?:e|ed|es|ing)|releas\w+|unlock\w*|lock(?:ed|ing|s)?|dispos(?:e|ed|ing)|flush\w*|clean(?:ed|s|ing)? ?up"
    r"|roll(?:ed|s)? ?back|committed|cancel(?:l?ed)?|awaited|joined|synchroni[sz]\w+|atomic\w*|thread[- ]saf\w+"
    r"|sanitiz\w+|sanitis\w+|quoted|encrypted|hashed|redacted|authenticat\w+|authori[sz]\w+|permissions?|unhandled"
    r"|caught|initiali[sz]ed|encod\w+|escap\w+|inside|outside|within|random\w*|logged in|owners?|signed|unique|trusted"
    r"|allowed|log(?:s|ged)?|threads?|hash|admin\w*|belong\w*|binary|modes?|tokens?"
    r"|zero|out of range|time[sd]? ?out|timeouts?|expir\w+|malicious|duplicates?)\b"
)
_ALL_OR_NOTHING = r"\b(?:only|not|both|each|exactly)\b"
"""What a call to check says is at stake."""

EXCLUSIONS = (
    Exclusion(
        "asks for a comment or documentation",
        ("comment", "docstring", "document", "typo", "type hint", "type annotation", "javadoc", "jsdoc"),
        _sentence(
            rf"{_SOFTLY}{_ADDING} {_TEXT}{_AND_TEXT}",
            rf"{_SOFTLY}(?:use|using|update|updating) {_TEXT}{_REST_OF_ONE}",
            rf"{_SUBJECT} {_SHORT_OF} {_TEXT}{_AND_TEXT}",
            rf"{_NO} {_TEXT}{_AND_TEXT}",
            r"typos?(?: in (?:the|an?|this) (?:comment|docstring))?",
            rf"{_SUBJECT} (?:is|are) (?:not documented|undocumented)",
        ),
    ),
    Exclusion(
        "asks for a test",
        ("test",),
        _sentence(
            rf"{_SOFTLY}{_ADDING} (?:{_TESTS}|a test)(?! and\b){_REST}",
            rf"{_SOFTLY}(?:update|updating) {_TESTS}{_REST_OF_ONE}",
            rf"{_SUBJECT} {_SHORT_OF} {_TESTS}(?: (?:for|of) {_SUBJECT})?",
            rf"{_NO} {_TESTS}(?: (?:for|of) {_SUBJECT})?",
            rf"{_SUBJECT} (?:is|are) (?:not tested|untested|not covered by (?:any )?tests?)",
        ),
    ),
    Exclusion(
        "asks about imports, or what stands elsewhere",
        ("import", "defined", "declared", "shown", "visible"),
        _sentence(
            rf"(?:missing|unused) imports?(?: (?:of|for|statement for) {_SUBJECT}| statements?)?",
            rf"(?:missing|unused) imports?(?: (?:of|for|statement for))?:? {_MODULES}",
            rf"(?:the )?imports? (?:of|for|statement for) {_MODULES} (?:is|are) (?:missing|unused|not used)",
            rf"(?:it (?:seems|appears|looks like)(?: that)? )?(?:you|we) (?:forgot|have forgotten|forget|need|have) to "
            rf"import {_MODULES}",
            rf"(?:{_IMPORTABLE}|{_WORD_LIKE_NAME}) (?:(?:is|are) used without (?:being imported|an import|importing "
            rf"(?:it|them))|(?:needs?|has|have) to be imported|(?:must|should) be imported)",
            rf"(?:{_IMPORTABLE}|{_WORD_LIKE_NAME}) (?:is|are) (?:undefined|not defined), (?:is|are) (?:it|they) {_SEEN}"
            r"(?: (?:elsewhere|somewhere|anywhere)(?: else)?)?",
            rf"(?:the )?(?:{NAME} )?imports?(?: {NAME})? (?:is|are) (?:missing|unused|not used)",
            rf"{_KNOWN_MODULE} is (?:imported but not used|not imported)(?: in {_CODE}| here)?",
            rf"(?:the )?(?:module|package|library) {_KNOWN_MODULE} (?:is|are) not imported(?: in {_CODE}| here)?",
            rf"{_IMPORTABLE} (?:is|are) (?:imported but not used|not imported)(?: in {_CODE}| here)?",
            rf"(?:where )?(?:is|are) {_SUBJECT} {_SEEN}(?: (?:elsewhere|somewhere|anywhere)(?: else)?)?",
            rf"{_SUBJECT} (?:is|are) not (?:{_SEEN}|shown|visible) (?:anywhere )?in {_CODE}",
            rf"it is (?:unclear|not clear) (?:where|whether|if) {_SUBJECT} (?:is|are) {_SEEN}(?: elsewhere)?",
        ),
    ),
    Exclusion(
        "is about naming or style",
        (
            "nam",
            "format",
            "style",
            "coding",
            "pep",
            "f-string",
            "constant",
            "simpl",
            "refactor",
            "clean",
            "short",
            "extract",
            "mov",
            "magic",
            "long",
            "space",
            "spacing",
            "blank",
            "readab",
            "maintain",
            "clear",
            "clarity",
            "eas",
            "hard",
        ),
        _sentence(
            rf"{_SOFTLY}(?:rename|renaming|reformat|reformatting) {_SUBJECT}{_REST}",
            rf"{_SOFTLY}(?:use|using) (?:an? )?{_BETTER}(?:{_NAMED} )?names?{_REST}",
            r"(?:the )?(?:naming|coding|style) (?:conventions?|guidelines?|rules?) (?:is|are) not followed",
            rf"{_SUBJECT} (?:could|should|can) be (?:more readable|cleaner|simplified|shorter)",
            rf"{_SOFTLY}(?:refactor|refactoring|simplify|simplifying|clean(?:ing)? up)(?: {_SUBJECT})?"
            r"(?: for (?:better )?(?:readability|clarity|maintainability))?",
            rf"magic (?:numbers?|strings?|values?)(?: {NAME})?",
            rf"{_SOFTLY}(?:extract|extracting|move|moving) {_SUBJECT} (?:in)?to (?:an? )?(?:named )?constants?",
            r"(?:(?:the |this )?(?:line|function|method|class) is|line|function|method) too long",
            rf"{_SOFTLY}(?:use|using) (?:an? )?(?:f-strings?|named constants?|consistent (?:naming|style)){_REST}",
            rf"(?:{_SUBJECT} |the )?(?:\w+ )?names? (?:{NAME} )?(?:is|are|(?:should|could) be) "
            r"(?:not |too |very |more )*"
            r"(?:descriptive|meaningful|vague|generic|confusing|misleading|(?:in )?(?:snake|camel|pascal)[ _]?case)",
            rf"{_SUBJECT}(?: names?)? (?:does not|do not|doesn't|should) (?:follow|adhere to|conform to|comply with) "
            r"(?:the )?(?:\w+ )?(?:pep ?-?8|naming|style|coding|formatting)"
            rf"(?: (?:conventions?|guidelines?|guide|rules?|standards?))?{_REST}",
            r"(?:inconsistent|bad|poor|unclear) (?:naming|formatting|spacing|(?:code |coding )?style|(?:\w+ )?names?)",
            r"(?:trailing|extra|unnecessary) (?:whitespace|blank lines?|spaces?)(?: at the end of the (?:line|file))?",
            r"(?:this|it|which) (?:would|will|could|can|helps?|makes?|improves?) [^,:]*(?:readability|maintainability"
            r"|clearer|clarity|(?:easier|harder) to (?:read|understand|maintain))",
        ),
        unless=_AT_STAKE,
    ),
    Exclusion(
        "is praise",
        (
            "good",
            "fine",
            "great",
            "correct",
            "clean",
            "ok",
            "well",
            "reasonable",
            "lgtm",
            "nice",
            "excellent",
            "issue",
            "defect",
            "problem",
            "bug",
        ),
        _sentence(
            rf"{_SUBJECT} (?:looks?|is|are|seems?|appears?)(?: to be)? (?:very )?(?:good|fine|great|correct|clean"
            r"|okay|ok|well[- ](?:written|structured|formatted|documented|tested)|reasonable)(?: to me| overall)?",
            r"(?:lgtm|looks (?:good|fine|great)(?: to me)?|well done|nice|well[- ]written(?: code)?)",
            r"(?:good|great|nice) (?:job|work|change|idea|improvement)",
            rf"(?:good|great|nice|excellent) (?:use|practice|refactoring)(?: of {_SUBJECT})?",
            r"(?:there are )?no (?:\w+ )?(?:issues?|defects?|problems?|bugs?)(?: (?:were )?(?:found|here|detected))?",
        ),
    ),
    Exclusion(
        "asks to check, and names no defect",
        ("ensur", "verify", "check", "confirm", "sure"),
        _sentence(
            rf"{_SOFTLY}(?:ensure|ensuring|verify|verifying|double-check|check|checking|confirm|be sure) "
            rf"(?:that|if|whether){_REST}",
            rf"{_SOFTLY}(?:make|making) sure{_REST}",
        ),
        unless=rf"{_AT_STAKE}|{_ALL_OR_NOTHING}",
    ),
    Exclusion(
        "guesses about versions",
        ("version", "release", "python", "deprecated", "incompatible", "unsupported"),
        _sentence(
            rf"{_SUBJECT} (?:may|might|could) (?:not |no longer )?(?:be (?:available|supported|removed|compatible)"
            rf"|work|exist|behave differently|change) [^,:]*{_VERSIONS}",
            rf"{_SUBJECT} (?:may|might|could) be (?:deprecated|incompatible|unsupported)",
            rf"(?:this |it )?(?:depends|depending) on (?:the|your|which) (?:\w+ )?{_VERSIONS}{_REST}",
        ),
    ),
)
