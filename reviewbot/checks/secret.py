"""Leaked secrets: found on added lines, masked on all."""

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from reviewbot.detectors import ADVISORY, PRIVATE_KEY, Secret, may_hold_secret, secrets_in
from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.findings import SECRET, Finding, Severity, about_line
from reviewbot.masks import Mask, Where, mask_value
from reviewbot.privatekeys import OUTSIDE, added_bodies, mask_key, may_begin_key

RULE = SECRET
_ALLOWED = re.compile(r"pragma: ?(?:allow|white)list[ -]secret", re.IGNORECASE)
_ALLOWED_NEXT = re.compile(r"pragma: ?(?:allow|white)list[ -]nextline[ -]secret", re.IGNORECASE)

_REASON = re.compile(r"\w{2}")

_LIKE_PASSWORD = re.compile(r"[\w.@!#$%^&*+/=~-]+")


Scan = Mapping[str, tuple[Secret, ...]]
"""The secrets of one change by the text of the line that holds them; lines without any are left out."""


def scan_secrets(change: FileChange) -> Scan:
    """Look at every line of a change once: added, unchanged and removed ones, the headings of hunks, and its path."""
    lines = (text for hunk in change.hunks for text in (hunk.heading, *(x.text for x in hunk.lines)))
    texts = dict.fromkeys((change.path, *lines))
    if not may_hold_secret("\n".join(texts)):
        return {}
    return {text: found for text in texts if (found := secrets_in(text, change.path))}


def find_secrets(change: FileChange, scan: Scan, masked: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line that holds a secret, for each private key with a new body behind an old first
    line, and for each secret that is allowed without a reason; what it shows is taken from the masked change."""
    found = []
    for hunk, shown in zip(change.hunks, masked.hunks, strict=True):
        bodies = _bodies(hunk.lines, scan) if may_begin_key(hunk.lines) else {}
        if not scan and not bodies:
            continue
        for i, line in enumerate(hunk.lines):
            secrets = scan.get(line.text) or bodies.get(i)
            if line.kind is not LineKind.ADDED or secrets is None:
                continue
            pragma = _pragma(hunk.lines, i)
            if pragma is None:
                found.append(_finding(change.path, shown.lines, i, secrets))
            elif not _REASON.search(pragma.string, pragma.end()):
                found.append(_unexplained(change.path, shown.lines, i))
    return tuple(found)


def _bodies(lines: Sequence[Line], scan: Scan) -> Mapping[int, tuple[Secret, ...]]:
    """The keys whose first line makes no finding, by the place of the first added line of their bodies."""
    return {
        at: (Secret(PRIVATE_KEY, ""),)
        for begin, at in added_bodies(lines)
        if not (lines[begin].kind is LineKind.ADDED and lines[begin].text in scan) and _pragma(lines, begin) is None
    }


def mask_secrets(changes: Sequence[FileChange], scans: Sequence[Scan], mask: Mask) -> tuple[FileChange, ...]:
    """The changes with MASK in the place of every secret, on added, unchanged and removed lines and in headings.

    `mask` has the secrets of all. Paths stay: rules go by them.
    """
    return tuple(
        replace(change, hunks=tuple(_mask_hunk(hunk, scan, mask) for hunk in change.hunks))
        for change, scan in zip(changes, scans, strict=True)
    )


def mask_texts(path: str, texts: Sequence[str]) -> list[str]:
    """The lines of a file, masked."""
    lines = tuple(Line(LineKind.ADDED, None, i, text) for i, text in enumerate(texts, 1))
    file = FileChange(path, path.encode("utf-8", "replace"), (Hunk("", lines),))
    scans = [scan_secrets(file)]
    (masked,) = mask_secrets([file], scans, mask_of(scans))
    return [line.text for hunk in masked.hunks for line in hunk.lines]


def mask_of(scans: Sequence[Scan]) -> Mask:
    """A mask for all secrets that are long enough to be looked for everywhere."""
    secrets = (secret for scan in scans for found in scan.values() for secret in found if _maskable(secret))
    return Mask((secret.value, _where(secret)) for secret in secrets)


def _where(secret: Secret) -> Where:
    """Where a secret is masked on other lines.

    What only its name gives away may be an ordinary word or a piece of code, which must not be blanked all over a
    change: it is then masked as a whole literal alone.
    """
    if secret.kind not in ADVISORY:
        return Where.ANYWHERE
    like_password = any(map(str.isdigit, secret.value)) and _LIKE_PASSWORD.fullmatch(secret.value)
    return Where.WHOLE if like_password else Where.QUOTED


def _maskable(secret: Secret) -> bool:
    """The detector of private keys finds the words above the key, which are no secret."""
    return secret.kind != PRIVATE_KEY


def _mask_hunk(hunk: Hunk, scan: Scan, mask: Mask) -> Hunk:
    if not scan and not mask.values and not may_begin_key(hunk.lines):
        return hunk
    lines = []
    place = OUTSIDE
    for line in hunk.lines:
        text, place = mask_key(_mask_text(line.text, scan, mask), place)
        lines.append(line if text == line.text else replace(line, text=text))
    return Hunk(_mask_text(hunk.heading, scan, mask), tuple(lines))


def _mask_text(text: str, scan: Scan, mask: Mask) -> str:
    masked = mask(text)
    for secret in filter(_maskable, scan.get(text, ())):
        # Not inside of a name: `password_field="password"` is no reason to blank the name.
        where = Where.WHOLE if secret.kind in ADVISORY else Where.ANYWHERE
        if not mask.has(secret.value, where):
            masked = mask_value(masked, secret.value, where)
    return masked


def _pragma(lines: Sequence[Line], at: int) -> re.Match[str] | None:
    """detect-secrets' own pragma, where it allows the line: on it, or on the one before it in the new file."""
    above = at - 1
    while above >= 0 and lines[above].kind is LineKind.REMOVED:
        above -= 1
    before = lines[above].text if above >= 0 else ""
    return _ALLOWED.search(lines[at].text) or _ALLOWED_NEXT.search(before)


def _finding(path: str, lines: Sequence[Line], at: int, secrets: Sequence[Secret]) -> Finding:
    sure = [secret for secret in secrets if secret.kind not in ADVISORY]
    kinds = ", ".join(dict.fromkeys(secret.kind for secret in sure or secrets))
    return about_line(
        path,
        lines,
        at,
        rule=RULE,
        severity=Severity.ERROR if sure else Severity.WARNING,
        message=f"this looks like a secret ({kinds}): take it out, and revoke it if it was real",
        suggestion="for a false alarm, end the line with a comment: pragma: allowlist secret, and why",
    )


def _unexplained(path: str, lines: Sequence[Line], at: int) -> Finding:
    return about_line(
        path,
        lines,
        at,
        rule=RULE,
        severity=Severity.INFO,
        message="a secret is allowed here, and nothing says why",
        suggestion="write the reason behind the pragma",
    )
