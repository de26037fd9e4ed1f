"""Leaked secrets, found by the detectors of detect-secrets; nothing is verified over the network.

Entropy detectors are left out (too many false alarms), and addresses are no secrets. Importing detect-secrets takes
longer than all other start-up work together, so a cheap pattern tells first whether any line can hold a secret; the
tests prove that it lets through all that the detectors find.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from msgspec.structs import replace

from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.findings import SECRET, Finding, Severity, about_line
from reviewbot.masks import MIN_CHARS, Mask, Where, mask_value
from reviewbot.privatekeys import OUTSIDE, added_bodies, mask_key

RULE = SECRET
WINDOW_CHARS = 4000
OVERLAP_CHARS = 400
"""Longer lines are looked at in windows, for some detectors take quadratic time. The windows overlap by more than what
tells a secret stands before it."""

_RUNS_ON = re.compile(r"[^\s\"'`]{0,4096}+")
"""Each window goes on to where no secret can, or by the longest there is."""

_KEYWORD = "Secret Keyword"
_PRIVATE_KEY = "Private Key"
_ADVISORY = (_KEYWORD, "Basic Auth Credentials")

_OF_URL = r"[^:/?#\[\]@!$&'()*+,;=\s]"
_ASSIGNED = (
    r"(?:api|auth|service|account|db|database|priv|private|client)_?key|(?:db|database|key)_?pass|passw|pwd|secret"
    r"|contrase"
)
_TOKEN = (
    r"(?:key|token|pass(?:word)?|pwd?)(?:.{0,60}?[\"']|[\"'\]]{0,2}(?: *[=:>]{1,2})? *[\"']?)[\w/+-]{24}"
    r"|accountkey=|akc[a-z0-9]{10}|ap[\da-f][a-z0-9]{8}|(?:a3t[a-z0-9]|abia|acca|akia|asia)[0-9a-z]{16}"
    rf"|://{_OF_URL}+:{_OF_URL}+@"
    r"|[mno][\w-]{23,25}\.[\w-]{6}\.|gh[pousr]_|gl[a-z]{1,6}-|glcbt|gr1348941|eyj|-us\d|_authtoken|sk-|pypi-ag|sg\."
    r"|xox[a-z]-|hooks\.slack|api.softlayer|sq0csp-|[rs]k_live|\d{8}:|ac[a-z0-9]{32}|sk[a-z0-9]{32}"
    r"|private key|putty-user-key"
)
_MAY_BE_ASSIGNED = re.compile(_ASSIGNED)
_MAY_HOLD_TOKEN = re.compile(_TOKEN)
_MAY_HOLD_SECRET = re.compile(f"{_ASSIGNED}|{_TOKEN}")
"""The cheap look at folded text: the first for what the keyword detector finds, the second for what all others do."""

_LIKE_I = str.maketrans("\u0130\u0131", "ii")
"""Letters that a pattern without regard to case takes for an i, and `casefold` does not."""

_ALLOWED = re.compile(r"pragma: ?(?:allow|white)list[ -]secret", re.IGNORECASE)
_ALLOWED_NEXT = re.compile(r"pragma: ?(?:allow|white)list[ -]nextline[ -]secret", re.IGNORECASE)

_SIGNATURE = re.compile(r"[\w.+/=-]+")

_REASON = re.compile(r"\w{2}")

_LIKE_PASSWORD = re.compile(r"[\w.@!#$%^&*+/=~-]+")


class Secret(NamedTuple):
    """A value that gives access to something, and what kind of thing it is."""

    kind: str
    value: str


Scan = Mapping[str, tuple[Secret, ...]]
"""The secrets of one change by the text of the line that holds them; lines without any are left out."""


def scan_secrets(change: FileChange) -> Scan:
    """Look at every line of a change once: added, unchanged and removed ones, the headings of hunks, and its path."""
    lines = (text for hunk in change.hunks for text in (hunk.heading, *(x.text for x in hunk.lines)))
    texts = dict.fromkeys((change.path, *lines))
    if not _MAY_HOLD_SECRET.search(_fold("\n".join(texts))):
        return {}
    return {text: found for text in texts if (found := secrets_in(text, change.path))}


def find_secrets(change: FileChange, scan: Scan, masked: FileChange) -> tuple[Finding, ...]:
    """A finding for each added line that holds a secret, for each private key with a new body behind an old first
    line, and for each secret that is allowed without a reason; what it shows is taken from the masked change."""
    found = []
    for hunk, shown in zip(change.hunks, masked.hunks, strict=True):
        bodies = _bodies(hunk.lines, scan)
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
        at: (Secret(_PRIVATE_KEY, ""),)
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


def secrets_in(text: str, path: str) -> tuple[Secret, ...]:
    """The secrets on one line, each once; `path` tells which way of assigning is usual there."""
    found: dict[str, Secret] = {}
    for window in _windows(text):
        for detector in _likely(window):
            for value in _detect(detector, window, path):
                found.setdefault(value, Secret(str(detector.secret_type), value))
    return tuple(found.values())


def _windows(text: str) -> Iterator[str]:
    for start in range(0, max(len(text), 1), WINDOW_CHARS - OVERLAP_CHARS):
        runs_on = _RUNS_ON.match(text, start + WINDOW_CHARS)
        end = runs_on.end() if runs_on else len(text)
        yield text[start:end]
        if end >= len(text):
            break


def _likely(text: str) -> Iterator[Any]:
    """The detectors that may find something."""
    folded = _fold(text)
    assigned, token = _MAY_BE_ASSIGNED.search(folded), _MAY_HOLD_TOKEN.search(folded)
    if assigned or token:
        yield from (each for each in _detectors() if (assigned if each.secret_type == _KEYWORD else token))


def _fold(text: str) -> str:
    """The text without regard to case. ASCII letters stay side by side."""
    return text.lower() if text.isascii() else text.translate(_LIKE_I).casefold()


def mask_of(scans: Sequence[Scan]) -> Mask:
    """A mask for all secrets that are long enough to be looked for everywhere."""
    secrets = (secret for scan in scans for found in scan.values() for secret in found if _maskable(secret))
    return Mask((secret.value, _where(secret)) for secret in secrets)


def _where(secret: Secret) -> Where:
    """Where a secret is masked on other lines.

    What only its name gives away may be an ordinary word or a piece of code, which must not be blanked all over a
    change: it is then masked as a whole literal alone.
    """
    if secret.kind not in _ADVISORY:
        return Where.ANYWHERE
    like_password = any(map(str.isdigit, secret.value)) and _LIKE_PASSWORD.fullmatch(secret.value)
    return Where.WHOLE if like_password else Where.QUOTED


def _maskable(secret: Secret) -> bool:
    """The detector of private keys finds the words above the key, which are no secret."""
    return secret.kind != _PRIVATE_KEY


def _mask_hunk(hunk: Hunk, scan: Scan, mask: Mask) -> Hunk:
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
        where = Where.WHOLE if secret.kind in _ADVISORY else Where.ANYWHERE
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
    sure = [secret for secret in secrets if secret.kind not in _ADVISORY]
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


def _detect(detector: Any, text: str, path: str) -> Iterator[str]:
    """The values that a detector finds, without those that only look like a secret."""
    kind = detector.secret_type
    found = {str(secret.secret_value) for secret in detector.analyze_line(filename=path, line=text)}
    for value in sorted(found):
        if value and not (kind in _ADVISORY and _harmless(value, text, path, detector)):
            yield from _whole(value, text, detector)


def _whole(value: str, text: str, detector: Any) -> Iterator[str]:
    """The whole match where a pattern's group holds only the beginning of a secret, such as `ghp` of a token, and a
    token with its signature, too, where the pattern ends before that."""
    if len(value) < MIN_CHARS:
        matches = (match for regex in getattr(detector, "denylist", ()) for match in regex.finditer(text))
        value = next((str(match.group()) for match in matches if value in match.groups()), value)
    yield value
    if detector.secret_type == "JSON Web Token":
        at = text.find(value)
        while at >= 0:
            end = at + len(value)
            signature = _SIGNATURE.match(text, end)
            yield value + (signature[0] if signature else "")
            at = text.find(value, end)


def _harmless(value: str, text: str, path: str, detector: Any) -> bool:
    """What detect-secrets itself takes for a placeholder, a reference or a name."""
    from detect_secrets.filters import heuristic

    return bool(
        heuristic.is_sequential_string(value)
        or heuristic.is_potential_uuid(value)
        or heuristic.is_likely_id_string(value, text, detector)
        or heuristic.is_templated_secret(value)
        or heuristic.is_prefixed_with_dollar_sign(value)
        or heuristic.is_indirect_reference(text)
        or heuristic.is_not_alphanumeric_string(value)
        or heuristic.is_lock_file(path)
        or _PLACEHOLDER.fullmatch(value)
    )


_PLACEHOLDER = re.compile(
    r"[x*.\-_ ]+|pass(?:word|wd|phrase|code)?s?|pwd|secrets?|tokens?|(?:api[_-]?)?keys?|credentials?"
    r"|(?:your|my|the|example|sample|dummy|fake|test|change|replace|insert|todo|none|null)[\w\- ]*"
    r"|<.*>|\{.*\}|%.*",
    re.IGNORECASE,
)


@cache
def _detectors() -> tuple[Any, ...]:
    """All of detect-secrets' detectors but those by entropy and the one for addresses."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    left_out = {"Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector"}
    classes: Any = get_mapping_from_secret_type_to_class().values()
    return tuple(cls() for cls in classes if cls.__name__ not in left_out)
