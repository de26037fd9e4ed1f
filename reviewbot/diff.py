"""Diff bytes to typed changes; the only importer of unidiff.

Line numbers are 1-based. Text is decoded once, here: UTF-8, with U+FFFD for what is none. Lines end at LF alone;
form feeds, U+2028 and lone carriage returns stay inside their line (a CR before the LF is dropped).
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any

from msgspec import Struct

from reviewbot.errors import DiffError
from reviewbot.sections import WHOLE_DIFF, Section, is_cut, names, split_sections
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


def first_number(lines: Iterable[Line]) -> int | None:
    """The number of the first line that is there after the change."""
    return next((line.new for line in lines if line.new is not None), None)


class Hunk(Struct, frozen=True):
    """Neighbouring changed lines; `heading` is the enclosing line that git printed after the second @@."""

    heading: str
    lines: tuple[Line, ...]


class FileChange(Struct, frozen=True):
    """What happened to one file. `path` is fit to show; `raw_path` holds git's own bytes (the new name).

    `raw_old_path` is the name that it had before, None for a new file.
    """

    path: str
    raw_path: bytes
    hunks: tuple[Hunk, ...] = ()
    mode: str | None = None
    deleted: bool = False
    binary: bool = False
    raw_old_path: bytes | None = None

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

_COLOURED = re.compile(rb"^\x1b\[[0-9;]*m(?:diff --git |--- |\+\+\+ |@@ )", re.MULTILINE)
_OTHER_DIALECT = re.compile(rb"^(?:\d+(?:,\d+)?[acd]\d+(?:,\d+)?\r?\n[<>] |\*{15}\r?\n\*\*\* \d)", re.MULTILINE)
"""Changes as plain `diff` and `diff -c` show them; what those say of binary files is as in a unified diff."""

_MODE = re.compile(rb"(?:new file mode|new mode|deleted file mode|index [0-9a-f]+\.\.[0-9a-f]+) ([0-7]{6})$")


def parse_diff(data: bytes) -> tuple[FileChange, ...]:
    """The files of a unified diff, in its order; git's extended headers are understood, plain `diff -u` too.

    Text around the diffs (commit messages, mail) is left out. Raises DiffError when a hunk is malformed, longer or
    shorter than its header says, or cut off, when the diff is combined, or when there is text but no diff in it.
    """
    if not data.strip():
        return ()
    if not data.endswith(b"\n"):
        raise DiffError("the diff is cut off: its last line has no end", WHOLE_DIFF)
    sections = split_sections(data.split(b"\n")[:-1])
    if _COLOURED.search(data):
        raise DiffError("this is no unified diff: it is coloured", "git diff --no-color main..HEAD | reviewbot diff -")
    only_named = all(section.binary and not section.is_git for section in sections)
    if only_named and (not sections or _OTHER_DIALECT.search(data)):
        raise DiffError("this is no unified diff", WHOLE_DIFF)
    changes = tuple(_file_change(section) for section in sections)
    for section, change in zip(sections, changes, strict=True):
        if is_cut(section, last=section is sections[-1]):
            raise DiffError(f"the diff is cut off in {change.path}", WHOLE_DIFF)
    return changes


def _file_change(section: Section) -> FileChange:
    old, new = names(section)
    deleted = section.value(b"deleted file mode ") is not None or new is None
    raw = (old if deleted else new) or old or b""
    created = section.value(b"new file mode ") is not None
    mode = None
    for line in section.header:
        if found := _MODE.match(line):
            mode = found.group(1).decode()
    path = show_path(raw)
    return FileChange(
        path=path,
        raw_path=raw,
        hunks=_parse_hunks(section.hunks, path) if section.hunks else (),
        mode=mode,
        deleted=deleted,
        binary=section.binary,
        raw_old_path=None if created else old,
    )


def _parse_hunks(lines: list[bytes], path: str) -> tuple[Hunk, ...]:
    """The hunks of one file. unidiff sees nothing else: it leaves out in silence what it takes for no part of one."""
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    text = [line.decode("utf-8", "surrogateescape") + "\n" for line in (b"--- a/file", b"+++ b/file", *lines)]
    try:
        (patch,) = PatchSet(text)
    except (UnidiffParseError, ValueError) as error:
        raise DiffError(f"{path} has a hunk that is malformed or cut off", WHOLE_DIFF) from error
    return tuple(_hunk(hunk) for hunk in patch)


def _hunk(hunk: Any) -> Hunk:
    return Hunk(_clean(hunk.section_header or ""), tuple(_line(line) for line in hunk))


_KINDS = {" ": LineKind.CONTEXT, "+": LineKind.ADDED, "-": LineKind.REMOVED}


def _line(line: Any) -> Line:
    return Line(_KINDS[line.line_type], line.source_line_no, line.target_line_no, _clean(line.value))


def _clean(text: str) -> str:
    """The line without its end, undecodable bytes as U+FFFD."""
    text = text.removesuffix("\n").removesuffix("\r")
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
