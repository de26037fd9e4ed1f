"""Which chunks to ask about first: what is most likely to do harm is read before the time is up.

Cheap guesses from paths and words, without a model. They order requests and decide nothing else.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from reviewbot.diff import LineKind
from reviewbot.plan import Chunk
from reviewbot.units import is_definition

LARGE = 50
"""Added lines from which a chunk is large."""

LONGEST_DEFINITION = 120
"""Characters of a line that may begin a function; longer ones are data."""

_PATH = re.compile(
    r"auth(?!or)|login|passw|secret|credential|token|session|crypt|certif|permission|access|polic(?:y|ies)|admin|secur"
    r"|sanitiz|valid|sql|payment|billing|upload|deploy|sudo"
)
_WORDS = (
    *(
        "passw",
        "secret",
        "token",
        "credential",
        "api_key",
        "private_key",
        "authoriz",
        "authentic",
        "permission",
        "cookie",
    ),
    *("crypt", "md5", "sha1", "verify=false", "eval(", "exec(", "system(", "popen", "subprocess", "execute(", "pickle"),
    *("deserializ", "innerhtml", "unsafe", "strcpy", "sprintf(", "memcpy", "malloc(", "free(", "chmod", "setuid"),
    *("select ", "insert into", "delete from", "0.0.0.0"),
)
_CHECK = re.compile(
    r"^[ \t}]*(?:if|elif|else if|unless|guard|assert|raise|throw|panic|except|catch|rescue|abort|require|ensure)"
    r"(?![a-z0-9])",
    re.MULTILINE,
)
_CHECK_WORDS = "check valid verif sanitiz escape denied reject forbid authoriz authentic".split()
_DEFINING = (
    "{",
    "def ",
    "class ",
    "fn ",
    "fun ",
    "func ",
    "sub ",
    "function ",
    "struct ",
    "trait ",
    "module ",
    "type ",
)
"""Without any of these there is no line that begins a function, and none has to be looked at."""

_TEST_OR_DOC = re.compile(
    r"(?:.*/)?(?:tests?|specs?|__tests__|testdata|fixtures|docs?|examples?)/.*"
    r"|(?:.*/)?(?:test_[^/]*|[^/]*[._-](?:test|tests|spec)\.\w+|conftest\.py|(?:readme|changelog|license|notice)[^/]*"
    r"|[^/]*\.(?:md|rst|adoc))",
)


class Part(NamedTuple):
    """What a chunk changes: paths in lower case, the added and the removed lines; `text` is the added ones in lower
    case."""

    paths: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    text: str


class Reason(NamedTuple):
    """Why a chunk goes before others: so many points, once, where `holds`."""

    points: int
    what: str
    holds: Callable[[Part], bool]


def _names_security(part: Part) -> bool:
    return any(_PATH.search(path) for path in part.paths)


def _drops_a_check(part: Part) -> bool:
    kept = {line.strip() for line in part.added}
    gone = "\n".join(line for line in part.removed if line.strip() not in kept).lower()
    return any(word in gone for word in _CHECK_WORDS) or _CHECK.search(gone) is not None


def _speaks_of_security(part: Part) -> bool:
    return any(word in part.text for word in _WORDS)


def _begins_a_function(part: Part) -> bool:
    may = any(word in part.text for word in _DEFINING)
    return may and any(is_definition(line) for line in part.added if len(line) <= LONGEST_DEFINITION)


def _is_large(part: Part) -> bool:
    return len(part.added) >= LARGE


REASONS = (
    Reason(4, "a path that names security (`auth`, `login`, `crypto`, `session`, `sql` ...)", _names_security),
    Reason(4, "a removed line with a check (`if`, `assert`, `raise`, `validate` ...), not added again", _drops_a_check),
    Reason(3, "an added line with secrets, queries, commands or memory (`password`, `eval(` ...)", _speaks_of_security),
    Reason(2, "an added line that begins a function or a class", _begins_a_function),
    Reason(1, f"{LARGE} added lines or more", _is_large),
)
"""The table in docs/when-time-is-short.md; a chunk gets the points for what in it is neither test nor document."""


def riskiest_first(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The chunks by their points, the most first; those of tests and documents alone come last. Equals keep their
    order."""
    return tuple(sorted(chunks, key=_rank)) if len(chunks) > 1 else tuple(chunks)


def _rank(chunk: Chunk) -> tuple[bool, int]:
    code = {path for path in {unit.path for unit in chunk.units} if not is_test_or_doc(path)}
    part = _part(chunk, code)
    return not code, -sum(reason.points for reason in REASONS if reason.holds(part))


def path_rank(path: str) -> tuple[bool, bool]:
    """Where a file stands by its name alone, the least first: names of security, others, tests and documents."""
    return is_test_or_doc(path), _PATH.search(path.lower()) is None


def is_test_or_doc(path: str) -> bool:
    """Whether a file is a test or a document by its name or its folder."""
    return _TEST_OR_DOC.fullmatch(path.lower()) is not None


def _part(chunk: Chunk, code: set[str]) -> Part:
    """What the chunk changes in these files; without any, in all of its files."""
    units = [unit for unit in chunk.units if unit.path in code or not code]
    changed = [line for unit in units for line in unit.hunk.lines[unit.start : unit.stop]]
    added = tuple(line.text for line in changed if line.kind is LineKind.ADDED)
    removed = tuple(line.text for line in changed if line.kind is LineKind.REMOVED)
    return Part(tuple({unit.path.lower() for unit in units}), added, removed, "\n".join(added).lower())
