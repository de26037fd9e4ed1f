"""What a finding is known by from one run to the next: 16 hex digits that survive moved lines, another indentation and
other words for the same defect.

They are made of the path, the rule, the code of the line and its nearest neighbours that are not blank, never of the
line's number or the message. Of lines that agree in all of that the second and each further one count up.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from reviewbot.diff import FileChange, LineKind
from reviewbot.findings import Finding, squeeze

CONTEXT = 3
"""Unchanged lines that a hunk shows on each side."""


def mark(findings: Sequence[Finding], changes: Sequence[FileChange]) -> tuple[Finding, ...]:
    """The findings with their fingerprints. `changes` have their lines, secrets masked."""
    wanted = {finding.path for finding in findings if finding.line is not None}
    known = {
        (change.path, number): identity
        for change in changes
        if change.path in wanted
        for number, identity in _numbered(change)
    }
    return tuple(replace(f, fingerprint=_digest(f, known.get((f.path, f.line or 0)))) for f in findings)


def fingerprints_of(path: str, rule: str, texts: Sequence[str]) -> set[str]:
    """All that findings of a rule in a file with these lines can have."""
    return {_hash(path, rule, identity) for (identities,) in [_identities([texts])] for identity in identities}


def fingerprints_in_hunks(path: str, rule: str, texts: Sequence[str]) -> set[str]:
    """Those of lines of which a hunk shows no neighbour, because its few unchanged lines are blank."""
    windows = ((texts[max(at - CONTEXT, 0) : at + CONTEXT + 1], min(at, CONTEXT)) for at in range(len(texts)))
    return {_hash(path, rule, _identities([window])[0][place]) for window, place in windows}


def _digest(finding: Finding, identity: str | None) -> str:
    """Without a line in the change a finding is known by its message."""
    return _hash(finding.path, finding.rule, identity if identity is not None else finding.message)


def _hash(path: str, rule: str, identity: str) -> str:
    return hashlib.sha256("\0".join((path, rule, identity)).encode("utf-8", "replace")).hexdigest()[:16]


def _numbered(change: FileChange) -> Iterator[tuple[int, str]]:
    """Number and identity of each line that is there after the change."""
    blocks = [[line for line in hunk.lines if line.kind is not LineKind.REMOVED] for hunk in change.hunks]
    identities = _identities([[line.text for line in block] for block in blocks])
    for block, found in zip(blocks, identities, strict=True):
        for line, identity in zip(block, found, strict=True):
            if line.new is not None:
                yield line.new, identity


def _identities(blocks: Sequence[Sequence[str]]) -> list[list[str]]:
    """For each line of each part of a file: it and its neighbours without blanks, and how many such came before."""
    seen: Counter[str] = Counter()
    made = []
    for block in blocks:
        texts = [squeeze(text) for text in block]
        before = _last_seen(texts)
        after = _last_seen(texts[::-1])[::-1]
        identities = []
        for around in zip(before, texts, after, strict=True):
            identity = "\0".join(around)
            seen[identity] += 1
            identities.append(identity if seen[identity] == 1 else f"{identity}\0{seen[identity]}")
        made.append(identities)
    return made


def _last_seen(texts: Sequence[str]) -> list[str]:
    """For each text the nearest one before it that is not empty; "" where there is none."""
    found = []
    last = ""
    for text in texts:
        found.append(last)
        last = text or last
    return found
