"""What each rule means, for formats that explain the rules of a report."""

from msgspec import Struct

from reviewbot.findings import Severity


class Rule(Struct, frozen=True):
    """`severity` is the usual one; a finding has its own. `security` is a score of 0.1 to 10.0 where the rule is about
    security (over 9 is critical, from 7 high, from 4 medium), and `sure` tells whether a check decides and no model."""

    name: str
    short: str
    help: str
    severity: Severity = Severity.WARNING
    security: str | None = None
    sure: bool = False


_MODEL = (
    " A model on your own machine said so and quoted the line; whether a second look agreed stands with the finding. "
    "Models err: read the code before you believe it. A comment `reviewbot: ignore[{rule}] REASON` overrules it."
)
_CHECK = " A deterministic check found it, no model. A comment `reviewbot: ignore[{rule}] REASON` overrules it."

_RULES = {
    "model/bug": Rule("Bug", "A wrong result or a crash", "The line computes something wrong, or crashes."),
    "model/security": Rule(
        "Security",
        "A security hole",
        "Somebody who controls the input can do what he should not.",
        severity=Severity.ERROR,
        security="7.0",
    ),
    "model/concurrency": Rule(
        "Concurrency", "A race or a deadlock", "It goes wrong when two things happen at one time."
    ),
    "model/resource": Rule("Resource", "A leak", "A file, a connection, a lock or memory is not given back."),
    "model/error-handling": Rule("ErrorHandling", "A lost error", "An error is ignored, hidden or handled wrongly."),
    "model/performance": Rule("Performance", "Work that grows too fast", "The cost grows much faster than the input."),
    "model/api": Rule(
        "Api", "A call that breaks its contract", "An interface is used as it must not be, or is broken."
    ),
    "model/test": Rule("Test", "A test that proves nothing", "The test passes although the code is wrong."),
    "check/secret": Rule(
        "Secret",
        "A secret in the change",
        "The line looks like a key, a token or a password. Take it out, and revoke it if it was real: what was pushed "
        "counts as known. The report shows it masked. A deterministic check found it, no model; only a comment "
        "`pragma: allowlist secret` with a reason allows it.",
        severity=Severity.ERROR,
        security="8.0",
        sure=True,
    ),
    "check/conflict-marker": Rule(
        "ConflictMarker",
        "A left-over marker of a merge",
        "A conflict was committed without being resolved.",
        severity=Severity.ERROR,
        sure=True,
    ),
    "check/bidi": Rule(
        "Bidi",
        "Invisible characters, or code shown in another order",
        "What a reader sees is not what runs (CVE-2021-42574, Trojan Source).",
        severity=Severity.ERROR,
        security="7.0",
        sure=True,
    ),
    "check/homoglyph": Rule(
        "Homoglyph",
        "A name in mixed alphabets",
        "Characters that look like others make two names look the same.",
        security="5.0",
        sure=True,
    ),
    "check/injection": Rule(
        "Injection",
        "Text that speaks to its reviewer",
        "The line gives orders to whoever reviews it with a model.",
        security="5.0",
        sure=True,
    ),
    "check/config-change": Rule(
        "ConfigChange",
        "A change of what decides about reviews",
        "Settings, prompts, guidelines, ignores or attributes that the review itself goes by are changed.",
        severity=Severity.INFO,
        sure=True,
    ),
    "check/ignore": Rule(
        "Ignore",
        "A comment that overrules nothing",
        "A comment `reviewbot: ignore[...]` is not honoured, or overrules no finding.",
        severity=Severity.INFO,
        sure=True,
    ),
}

RULES = tuple(_RULES)
"""The ids that have an explanation of their own."""


def rule_named(rule: str) -> Rule:
    """What a rule means, with how to overrule it; a rule that is not known has its id for a name."""
    found = _RULES.get(rule, Rule(rule, rule, "A defect."))
    if rule in ("check/secret", "check/ignore"):
        return found
    ending = (_CHECK if found.sure else _MODEL).replace("{rule}", rule)
    return Rule(found.name, found.short, found.help + ending, found.severity, found.security, found.sure)
