"""One defect that a model remarks several times is one finding."""

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.findings import Confirmed, Finding, Repeat, add_note
from reviewbot.sieves import Sifted

NEIGHBOURS = 3
"""So many lines apart, the same words are about the same thing."""

NEAR = 10
"""So many lines apart, two names that both messages have are (two findings that share two names were one, mostly, in a
public benchmark of 166 review comments; there precision rose from 17 to 25 %)."""

SHARED = 2

MAX_OTHER_WORDS = 200
"""Of a message that another one stands for, so many characters are shown."""

_WORD = re.compile(r"[^\W\d]\w*")
_NAME = re.compile(r"`([^`]+)`|(\w*(?:_\w|[a-z\d][A-Z])\w*|\w+(?=\())")
_COMMON = frozenset(
    "about above after again all also and any are because been before below being but can could does each else for "
    "from has have here how into its line may might more must not now one only other out over same shall should some "
    "such than that the their them then there these they this those too under until was were what when where which "
    "while who will with without would you your".split()
)


class _Said(Struct, frozen=True):
    """A finding with what it is compared by: its message without signs and numbers, the words in it that say
    something, and the names."""

    finding: Finding
    text: tuple[str, ...]
    words: frozenset[str]
    names: frozenset[str]
    in_code: frozenset[str]


def merge_claims(findings: tuple[Finding, ...]) -> Sifted:
    """The findings in their order, each claim once, before the model is asked again.

    One is only what is said of the same line, names the same words of it, and is the same by half of its words or
    more: when a claim is refuted, another one must not be gone with it.
    """
    return _merge(findings, _is_same_claim)


def merge_duplicates(findings: tuple[Finding, ...]) -> Sifted:
    """The findings in their order, each defect once, after the model was asked again. Nothing is suppressed by that:
    they are one, and the worst that was proven stands for all. Findings of different files are never one."""
    return _merge(findings, _is_same)


def tell_repeats(finding: Finding) -> Finding:
    """The finding with a note that says how often it was said, of which other lines, and in which other words: two
    defects of one line may look like one."""
    if not finding.repeats:
        return finding
    others = sorted({repeat.line for repeat in finding.repeats if repeat.line not in (None, finding.line)})
    where = f" (also of line{'s' if len(others) > 1 else ''} {', '.join(map(str, others))})" if others else ""
    texts = {_words(repeat.message): repeat.message[:MAX_OTHER_WORDS] for repeat in reversed(finding.repeats)}
    texts.pop(_words(finding.message), None)
    words = "".join(f"; also as: {text}" for text in reversed(texts.values()))
    return add_note(finding, f"said {len(finding.repeats) + 1} times{where}{words}")


def _merge(findings: tuple[Finding, ...], is_one: Callable[[_Said, _Said], bool]) -> Sifted:
    groups: list[list[int]] = []
    said = [_said(finding) for finding in findings]
    regions: dict[tuple[str, int], list[list[int]]] = {}
    for place in sorted(range(len(findings)), key=lambda place: _rank(findings[place])):
        path, region = findings[place].path, (findings[place].line or -NEAR * NEAR) // NEAR
        near = [group for at in (region - 1, region, region + 1) for group in regions.get((path, at), ())]
        group = next((group for group in near if is_one(said[group[0]], said[place])), None)
        if group is None:
            groups.append([place])
            regions.setdefault((path, region), []).append(groups[-1])
        else:
            group.append(place)
    groups.sort(key=lambda group: group[0])
    return Sifted(tuple(_survivor([findings[place] for place in group]) for group in groups))


def _rank(finding: Finding) -> tuple[bool, bool, int]:
    """The proven ones first, of those the ones that block, and of those the worst."""
    return finding.evidence is None, finding.confirmed is not Confirmed.YES, -finding.severity


def _words(message: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _WORD.findall(message))


def _said(finding: Finding) -> _Said:
    text = _words(finding.message)
    words = frozenset(word for word in text if len(word) > 2) - _COMMON
    in_code = frozenset(_WORD.findall(finding.evidence or ""))
    marked = {name for found in _NAME.findall(finding.message) for name in _WORD.findall(found[0] or found[1])}
    named = in_code & set(_WORD.findall(finding.message))
    return _Said(finding, text, words, frozenset(name for name in marked | named if len(name) > 2), named)


def _is_same_claim(first: _Said, second: _Said) -> bool:
    one, other = first.finding, second.finding
    if (one.line, one.category, one.evidence is None) != (other.line, other.category, other.evidence is None):
        return False
    alike = 2 * len(first.words & second.words) >= len(first.words | second.words)
    return first.text == second.text or (alike and first.in_code == second.in_code)


def _is_same(first: _Said, second: _Said) -> bool:
    one, other = first.finding, second.finding
    if one.line is None or other.line is None:
        return one.line == other.line and first.text == second.text
    apart = abs(one.line - other.line)
    if apart <= NEIGHBOURS and first.text == second.text:
        return True
    if one.category != other.category:
        return False
    return apart == 0 or (apart <= NEAR and len(first.names & second.names) >= SHARED)


def _survivor(same: Sequence[Finding]) -> Finding:
    """The first of them, which is the worst, for all; the severity is the highest that was proven."""
    first, *others = same
    repeats = tuple(r for finding in others for r in (Repeat(finding.line, finding.message), *finding.repeats))
    proven = [finding.severity for finding in others if finding.evidence is not None]
    return replace(
        first,
        severity=max([first.severity, *proven]),
        suggestion=first.suggestion or next((finding.suggestion for finding in others if finding.suggestion), None),
        repeats=first.repeats + repeats,
    )
