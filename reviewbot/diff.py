"""Diff bytes to typed changes; the only importer of unidiff.

Line numbers are 1-based. Text is decoded once, here: UTF-8, with U+FFFD for what is none. Lines end at LF alone;
form feeds, U+2028 and lone carriage returns stay inside their line (a CR before the LF is dropped).
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct

from reviewbot.errors import DiffError
from reviewbot.text import show_path


class LineKind(Enum):
    """What a diff says of a line."""

    CONTEXT = " "
    ADDED = "+"
    REMOVED = "-"


class Line(Struct, frozen=True, gc=False):
    """One line of a hunk, without its line end. `new` is None for a removed line, `old` for an added one."""

    kind: LineKind
    old: int | None
    new: int | None
    text: str


class Hunk(Struct, frozen=True):
    """Neighbouring changed lines; `heading` is the enclosing line that git printed after the second @@."""

    heading: str
    lines: tuple[Line, ...]


class FileChange(Struct, frozen=True):
    """What happened to one file. `path` is fit to show; `raw_path` holds git's own bytes (the new name)."""

    path: str
    raw_path: bytes
    hunks: tuple[Hunk, ...] = ()
    old_path: str | None = None
    mode: str | None = None
    deleted: bool = False
    binary: bool = False

    @property
    def added(self) -> tuple[Line, ...]:
        """The added lines, in order."""
        return tuple(line for hunk in self.hunks for line in hunk.lines if line.kind is LineKind.ADDED)


class Segment(Struct, frozen=True):
    """Neighbouring lines of one file, as they are shown to a model."""

    path: str
    heading: str
    lines: tuple[Line, ...]


SUBMODULE_MODE = "160000"
SYMLINK_MODE = "120000"

_WHOLE_DIFF = "git diff main..HEAD | reviewbot diff -"
_GIT_HEADER = b"diff --git "
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_PREFIX = re.compile(rb"[abciow12]/")
_MODE = re.compile(rb"(?:new file mode|new mode|deleted file mode|index [0-9a-f]+\.\.[0-9a-f]+) ([0-7]{6})$")


def parse_diff(data: bytes) -> tuple[FileChange, ...]:
    """The files of a unified diff, in its order; git's extended headers are understood, plain `diff -u` too.

    Raises DiffError when hunks are malformed or cut off, or when there is text but no diff in it.
    """
    if not data.strip():
        return ()
    if not data.endswith(b"\n"):
        raise DiffError("the diff is cut off: its last line has no end", _WHOLE_DIFF)
    sections = _git_sections(data)
    if sections is not None:
        return tuple(_parse_git_section(section) for section in sections)
    changes = _parse_plain(data.split(b"\n"))
    if not changes:
        raise DiffError("this is no unified diff", _WHOLE_DIFF)
    return changes


def _git_sections(data: bytes) -> list[list[bytes]] | None:
    """The lines of each file, or None when no line is a git header. Body lines never start like one."""
    sections: list[list[bytes]] = []
    for line in data.split(b"\n"):
        if line.startswith(_GIT_HEADER):
            sections.append([])
        if sections:
            sections[-1].append(line)
    return sections or None


def _parse_git_section(lines: list[bytes]) -> FileChange:
    start = next((i for i, line in enumerate(lines) if line.startswith(b"@@ ")), len(lines))
    header = [line.rstrip(b"\r") for line in lines[:start]]
    old_raw, new_raw = _header_names(header)
    mode = None
    for line in header:
        if found := _MODE.match(line):
            mode = found.group(1).decode()
    deleted = any(line.startswith(b"deleted file mode") for line in header)
    binary = any(line.startswith((b"Binary files ", b"GIT binary patch")) for line in header)
    raw = old_raw if deleted else new_raw
    renamed = any(line.startswith((b"rename from ", b"copy from ")) for line in header)
    body = [] if binary else lines[start:]
    if not body and any(line.startswith(b"+++ ") for line in header):
        raise DiffError(f"the diff is cut off in {show_path(raw)}", _WHOLE_DIFF)
    return FileChange(
        path=show_path(raw),
        raw_path=raw,
        hunks=_parse_hunks(body, show_path(raw)) if body else (),
        old_path=show_path(old_raw) if renamed else None,
        mode=mode,
        deleted=deleted,
        binary=binary,
    )


def _header_names(header: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Old and new name, from the most to the least explicit header line."""
    named: dict[bytes, bytes] = {}
    for line in header[1:]:
        for key in (b"rename from ", b"rename to ", b"copy from ", b"copy to ", b"--- ", b"+++ "):
            if line.startswith(key):
                named[key.split()[-1]] = line[len(key) :]
    if b"from" in named and b"to" in named:
        return _unquote(named[b"from"]), _unquote(named[b"to"])
    both = _split_names(header[0][len(_GIT_HEADER) :])
    old = _file_name(named[b"---"]) if b"---" in named else None
    new = _file_name(named[b"+++"]) if b"+++" in named else None
    fallback = both or (old or new or b"", new or old or b"")
    return old or fallback[0], new or fallback[1]


def _split_names(rest: bytes) -> tuple[bytes, bytes] | None:
    """Both names of a `diff --git` line: equal but for their prefixes, or quoted."""
    quoted = _QUOTED.match(rest)
    if quoted:
        return _strip_prefix(_unquote(quoted.group())), _strip_prefix(_unquote(rest[quoted.end() + 1 :]))
    middle = len(rest) // 2
    old, new = rest[:middle], rest[middle + 1 :]
    if rest[middle : middle + 1] == b" " and (old == new or _strip_prefix(old) == _strip_prefix(new)):
        return (old, new) if old == new else (_strip_prefix(old), _strip_prefix(new))
    return None


def _file_name(text: bytes) -> bytes | None:
    """The name in a `---` or `+++` line, or None for /dev/null. git ends names with blanks by a TAB."""
    if text.startswith(b'"'):
        quoted = _QUOTED.match(text)
        return _strip_prefix(_unquote(quoted.group() if quoted else text))
    name = text.split(b"\t", 1)[0]
    return None if name == b"/dev/null" else _strip_prefix(name)


def _strip_prefix(name: bytes) -> bytes:
    return name[2:] if _PREFIX.match(name) else name


def _unquote(name: bytes) -> bytes:
    """A name without git's C-style quotes (git, quote.c)."""
    if not _QUOTED.fullmatch(name):
        return name

    def byte(match: re.Match[bytes]) -> bytes:
        code = match.group(1).decode()
        return bytes([int(code, 8) & 0xFF if code.isdigit() else _ESCAPES[code]])

    return _ESCAPE.sub(byte, name[1:-1])


def _parse_hunks(body: list[bytes], path: str) -> tuple[Hunk, ...]:
    (patch,) = _unidiff([b"--- a/file", b"+++ b/file", *body], path)
    return tuple(_hunk(hunk) for hunk in patch)


def _parse_plain(lines: list[bytes]) -> tuple[FileChange, ...]:
    """Files of a diff without git's headers."""
    changes = []
    for patch in _unidiff(lines, "the diff"):
        raw = _plain_name(patch.target_file)
        deleted = raw is None
        raw = raw or _plain_name(patch.source_file) or b""
        hunks = tuple(_hunk(hunk) for hunk in patch)
        if not hunks and not patch.is_binary_file:
            raise DiffError(f"the diff is cut off in {show_path(raw)}", _WHOLE_DIFF)
        changes.append(FileChange(show_path(raw), raw, hunks, deleted=deleted, binary=bool(patch.is_binary_file)))
    return tuple(changes)


def _plain_name(name: str) -> bytes | None:
    return _file_name(name.encode("utf-8", "surrogateescape"))


def _unidiff(lines: Iterable[bytes], where: str) -> Any:
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    try:
        return PatchSet([line.decode("utf-8", "surrogateescape") + "\n" for line in _without_tail(lines)])
    except UnidiffParseError as error:
        raise DiffError(f"{where} has a hunk that is malformed or cut off", _WHOLE_DIFF) from error


def _without_tail(lines: Iterable[bytes]) -> list[bytes]:
    """The lines without the empty ones that follow the last line end (a hunk's own empty line has its blank)."""
    kept = list(lines)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _hunk(hunk: Any) -> Hunk:
    heading = _clean(hunk.section_header or "")
    return Hunk(heading, tuple(_line(line) for line in hunk if line.line_type in _KINDS))


_KINDS = {" ": LineKind.CONTEXT, "": LineKind.CONTEXT, "+": LineKind.ADDED, "-": LineKind.REMOVED}


def _line(line: Any) -> Line:
    return Line(_KINDS[line.line_type], line.source_line_no, line.target_line_no, _clean(line.value))


def _clean(text: str) -> str:
    """The line without its end, undecodable bytes as U+FFFD."""
    text = text.removesuffix("\n").removesuffix("\r")
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
