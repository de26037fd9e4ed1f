"""Diff bytes to typed changes.

Line numbers are 1-based. Text is decoded once, here: UTF-8, with U+FFFD for what is none. Lines end at LF alone;
form feeds, U+2028 and lone carriage returns stay inside their line (a CR before the LF is dropped).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

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

    @property
    def adds(self) -> bool:
        """Whether there are any."""
        return any(line.kind is LineKind.ADDED for hunk in self.hunks for line in hunk.lines)


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
    if b"\x1b[" in data and _COLOURED.search(data):
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
        hunks=tuple(_parse_hunks(section.hunks)),
        mode=mode,
        deleted=deleted,
        binary=section.binary,
        raw_old_path=None if created else old,
    )


def _parse_hunks(rows: Sequence[bytes]) -> Iterator[Hunk]:
    """The hunks of one file, which `split_sections` has found to be whole."""
    at = 0
    while at < len(rows):
        header = _HUNK.match(rows[at])
        assert header is not None
        old, new, end = int(header[1]), int(header[2]), at + 1
        lines: list[Line] = []
        while end < len(rows) and not rows[end].startswith(b"@@"):
            kind, text = rows[end][:1], _clean(rows[end][1:])
            if kind == b"+":
                lines.append(Line(LineKind.ADDED, None, new, text))
                new += 1
            elif kind == b"-":
                lines.append(Line(LineKind.REMOVED, old, None, text))
                old += 1
            else:  # a blank, which somebody may have taken away from before an empty line
                lines.append(Line(LineKind.CONTEXT, old, new, text))
                old, new = old + 1, new + 1
            end += 1
        yield Hunk(_clean(header[3]), tuple(lines))
        at = end


_HUNK = re.compile(rb"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)", re.DOTALL)


def _clean(row: bytes) -> str:
    """The line without the CR of its end, undecodable bytes as U+FFFD."""
    return row.removesuffix(b"\r").decode("utf-8", "replace")
