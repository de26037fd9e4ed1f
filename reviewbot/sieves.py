"""Stages that take findings out of sight: what each keeps, and what it suppresses and by which rule."""

from collections.abc import Callable

from msgspec import Struct

from reviewbot.findings import Confirmed, Finding, Severity, passes_gate, turns

NEW = ", added by this change"
"""Stands in the note of a finding that the change under review itself overrules."""


class Sifted(Struct, frozen=True):
    """`suppressed` pairs a finding with what took it out: excluded, ignore, baseline or cap."""

    kept: tuple[Finding, ...]
    suppressed: tuple[tuple[Finding, str], ...] = ()


Sieve = Callable[[tuple[Finding, ...]], Sifted]


def keep_all(findings: tuple[Finding, ...]) -> Sifted:
    """All of them."""
    return Sifted(findings)


def sift(findings: tuple[Finding, ...], *sieves: Sieve) -> Sifted:
    """What is left after these sieves, one behind the other, and all that they suppressed."""
    suppressed: tuple[tuple[Finding, str], ...] = ()
    for sieve in sieves:
        sifted = sieve(findings)
        findings = sifted.kept
        suppressed += sifted.suppressed
    return Sifted(findings, suppressed)


def cap_findings(
    findings: tuple[Finding, ...], max_findings: int, block_at: Severity | None, *, confirm: bool
) -> Sifted:
    """All findings that pass the gate and all that no line proves, but of the others only the `max_findings` worst.

    Among equals those go first that were put to the model again, for they were rated higher before, and then one of
    each file before the second of any.
    """
    advisory = [f for f in findings if f.line is not None and not passes_gate(f, block_at, confirm=confirm)]
    turn = {id(finding): at for finding, at in zip(advisory, turns(advisory), strict=True)}
    advisory.sort(key=lambda f: (-f.severity, f.confirmed is Confirmed.NOT_ASKED, turn[id(f)]))
    capped = {id(finding) for finding in advisory[max_findings:]}
    return Sifted(
        tuple(f for f in findings if id(f) not in capped),
        tuple((f, "cap") for f in findings if id(f) in capped),
    )
