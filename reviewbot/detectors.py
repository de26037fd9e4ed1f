"""Which values on a line give access to something, by the detectors of detect-secrets.

Nothing is verified over the network. Entropy detectors are left out (too many false alarms), and addresses are no
secrets. Importing detect-secrets takes longer than all other start-up work together, so a cheap pattern tells first
whether any line can hold a secret; the tests prove that it lets through all that the detectors find.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from reviewbot.masks import MIN_CHARS

WINDOW_CHARS = 4000
OVERLAP_CHARS = 400
"""Longer lines are looked at in windows, for some detectors take quadratic time. The windows overlap by more than what
tells a secret stands before it."""

_RUNS_ON = re.compile(r"[^\s\"'`]{0,4096}+")
"""Each window goes on to where no secret can, or by the longest there is."""

_KEYWORD = "Secret Keyword"
_JSON_WEB_TOKEN = "JSON Web Token"
_OPENAI_TOKEN = "OpenAI Token"
PRIVATE_KEY = "Private Key"
ADVISORY = (_KEYWORD, "Basic Auth Credentials")

_OF_URL = r"[^:/?#\[\]@!$&'()*+,;=\s]"


class Look(NamedTuple):
    """A pattern of folded text, and words of which one stands in all that it matches: to look for those is cheaper.
    A pattern that begins with letters of its own is, too, so some look back from there."""

    words: tuple[str, ...]
    pattern: re.Pattern[str]


def _looks(*rows: tuple[str, str]) -> tuple[Look, ...]:
    return tuple(Look(tuple(words.split()), re.compile(pattern)) for words, pattern in rows)


ASSIGNED = _looks(
    ("key", r"(?:api|auth|service|account|db|database|priv|private|client)_?key"),
    ("pass", r"pass(?:w|(?<=dbpass)|(?<=db_pass)|(?<=databasepass)|(?<=database_pass)|(?<=keypass)|(?<=key_pass))"),
    ("pwd secret contrase", r"pwd|secret|contrase"),
)
TOKEN = _looks(
    (
        "key token pass pw",
        r"(?:key|token|pass(?:word)?|pwd?)(?:.{0,60}?[\"']|[\"'\]]{0,2}(?: *[=:>]{1,2})? *[\"']?)[\w/+-]{24}",
    ),
    ("accountkey= gr1348941 eyj _authtoken sk-", r"accountkey=|gr1348941|eyj|_authtoken|sk-"),
    ("pypi-ag sg. hooks.slack sq0csp- k_live", r"pypi-ag|sg\.|hooks\.slack|sq0csp-|[rs]k_live"),
    ("akc", r"akc[a-z0-9]{10}"),
    ("ap", r"ap[\da-f][a-z0-9]{8}"),
    ("a3t abia acca akia asia", r"(?:a3t[a-z0-9]|abia|acca|akia|asia)[0-9a-z]{16}"),
    ("://", rf"://{_OF_URL}+:{_OF_URL}+@"),
    (".", r"\.[\w-]{6}\.(?:" + "|".join(rf"(?<=[mno][\w-]{{{n}}}\.[\w-]{{6}}\.)" for n in (23, 24, 25)) + ")"),
    ("gh", r"gh[pousr]_"),
    ("gl", r"gl(?:[a-z]{1,6}-|cbt)"),
    ("-us", r"-us\d"),
    ("xox", r"xox[a-z]-"),
    ("softlayer", r"api.{1,3}softlayer"),
    (":", r":(?<=\d{8}:)"),
    ("ac", r"ac[a-z0-9]{32}"),
    ("sk", r"sk[a-z0-9]{32}"),
    ("private putty-user-key", r"private key|putty-user-key"),
)
"""The cheap look at folded text: the first for what the keyword detector finds, the second for what all others do."""

_LIKE_I = str.maketrans("\u0130\u0131", "ii")
"""Letters that a pattern without regard to case takes for an i, and `casefold` does not."""

_HEADER = re.compile(r"(?<![\w=-])[\w=-]++\.(?=[\w=-])")
_OPENAI = re.compile(r"(?<![\w-])(?>[\w-]*?sk-)[\w-]*[A-Za-z\d]{20}T3BlbkFJ[A-Za-z\d]{20}", re.ASCII)
"""Such a token behind the first `sk-` of a word. Its detector begins anew behind each, which takes quadratic time."""
_CLOSED = re.compile(r"[^])]*[])]")
_LAST_NAME = re.compile(r"[\w.-]{1,200}[\"'\])]{0,3} {0,8}[:=<>]{0,3} {0,8}[\"'`]?$")
_SIGNATURE = re.compile(r"[\w.+/=-]+")


class Secret(NamedTuple):
    """A value that gives access to something, and what kind of thing it is."""

    kind: str
    value: str


def may_hold_secret(text: str) -> bool:
    """Whether it is worth asking the detectors about any line of a text; cheap."""
    folded = _fold(text)
    return _may_hold(ASSIGNED, folded) or _may_hold(TOKEN, folded)


def _may_hold(looks: Sequence[Look], folded: str) -> bool:
    for words, pattern in looks:
        for word in words:
            if word in folded:
                if pattern.search(folded):
                    return True
                break
    return False


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
    assigned, token = _may_hold(ASSIGNED, folded), _may_hold(TOKEN, folded)
    may_find = {
        _KEYWORD: assigned,
        _JSON_WEB_TOKEN: token and _has_web_token(text),
        _OPENAI_TOKEN: token and _OPENAI.search(text),
    }
    if assigned or token:
        yield from (each for each in _detectors() if may_find.get(each.secret_type, token))


def _has_web_token(text: str) -> bool:
    """Whether there may be a JSON Web Token. Without the dot behind its header its detector takes quadratic time."""
    return any("eyJ" in found[0] for found in _HEADER.finditer(text))


def _fold(text: str) -> str:
    """The text without regard to case. ASCII letters stay side by side."""
    return text.lower() if text.isascii() else text.translate(_LIKE_I).casefold()


def _detect(detector: Any, text: str, path: str) -> Iterator[str]:
    """The values that a detector finds, without those that only look like a secret."""
    kind = detector.secret_type
    found = set(_values(detector, text, path))
    for value in sorted(found):
        if value and not (kind in ADVISORY and _harmless(value, text, path, detector)):
            yield from _whole(value, text, detector)


def _values(detector: Any, text: str, path: str) -> Iterator[str]:
    """All values on the line. The keyword detector tells one value at a time, and is asked again behind it."""
    rest = text
    while True:
        values = {str(secret.secret_value) for secret in detector.analyze_line(filename=path, line=rest)}
        yield from values
        behind = min((rest.find(value) + len(value) for value in values if value in rest), default=0)
        if detector.secret_type != _KEYWORD or behind == 0:
            return
        rest = rest[behind:]


def _whole(value: str, text: str, detector: Any) -> Iterator[str]:
    """The whole match where a pattern's group holds only the beginning of a secret, such as `ghp` of a token, and a
    token with its signature, too, where the pattern ends before that."""
    if len(value) < MIN_CHARS:
        matches = (match for regex in getattr(detector, "denylist", ()) for match in regex.finditer(text))
        value = next((str(match.group()) for match in matches if value in match.groups()), value)
    yield value
    if detector.secret_type == _JSON_WEB_TOKEN:
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
        or heuristic.is_likely_id_string(value, _named(value, text), detector)
        or heuristic.is_templated_secret(value)
        or heuristic.is_prefixed_with_dollar_sign(value)
        or heuristic.is_indirect_reference(_assignment(value, text))
        or heuristic.is_not_alphanumeric_string(value)
        or heuristic.is_lock_file(path)
        or _PLACEHOLDER.fullmatch(value)
    )


def _assignment(value: str, text: str) -> str:
    """What a value is assigned by: from the sign before it to where a bracket in it closes. A call elsewhere on the
    line, or in a comment, makes no reference of it."""
    at = max(text.find(value), 0)
    begin = max(text.rfind("=", 0, at), text.rfind(":", 0, at), 0)
    closed = _CLOSED.match(text, at + len(value)) if "(" in value or "[" in value else None
    return text[begin : closed.end() if closed else at + len(value)]


def _named(value: str, text: str) -> str:
    """A value with the name before it: another one on the line says nothing of it."""
    name = _LAST_NAME.search(text, 0, max(text.find(value), 0))
    return (name[0] if name else "") + value


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
