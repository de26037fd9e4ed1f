"""Give a hunk the line that encloses it where git finds none: git looks only for lines that are not indented."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from reviewbot.diff import FileChange, Hunk, LineKind, first_number
from reviewbot.units import MAX_WALK, enclosing_line


def lacking_headings(changes: Sequence[FileChange]) -> list[bytes]:
    """Raw paths of the files that have to be read for it."""
    return [change.raw_path for change in changes if any(map(_lacks, change.hunks))]


def add_headings(changes: Sequence[FileChange], contents: Mapping[bytes, bytes]) -> tuple[FileChange, ...]:
    """The changes with such a line. `contents` has their files, or the beginnings, as they are after the change."""
    return tuple(
        replace(change, hunks=tuple(_with_heading(hunk, contents[change.raw_path]) for hunk in change.hunks))
        if change.raw_path in contents
        else change
        for change in changes
    )


def _lacks(hunk: Hunk) -> bool:
    adds = any(line.kind is LineKind.ADDED for line in hunk.lines)
    return adds and not hunk.heading and (first_number(hunk.lines) or 0) > 1


def _with_heading(hunk: Hunk, content: bytes) -> Hunk:
    first = first_number(hunk.lines)
    if first is None or not _lacks(hunk):
        return hunk
    rows = content.split(b"\n")[max(first - 1 - MAX_WALK, 0) : first - 1]
    above = [row.decode("utf-8", "replace").removesuffix("\r") for row in rows]
    text = next(line.text for line in hunk.lines if line.new == first)
    return replace(hunk, heading=enclosing_line(above, text))
