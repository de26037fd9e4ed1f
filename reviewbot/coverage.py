"""What became of each added line, counted by file."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from reviewbot.diff import FileChange
from reviewbot.plan import Omission


class FileCoverage(Struct, frozen=True):
    """Added lines of one file by what became of them; the last three add up to the first."""

    path: str
    added: int
    reviewed: int
    skipped: int
    failed: int


def lines_to_read(changes: Sequence[FileChange], unchecked: Sequence[Omission]) -> Counter[str]:
    """Added lines by path that a model should read: those of `changes`, and those that there was no time to check."""
    lines = Counter[str]()
    for change in changes:
        lines[change.path] += len(change.added)
    for omission in unchecked:
        lines[omission.path] += omission.lines
    return lines


def cover(
    to_read: Counter[str], skipped: Sequence[Omission], failed: Sequence[Omission], reviewed: Counter[str]
) -> tuple[FileCoverage, ...]:
    """Added lines by file and fate; `skipped` lines are none of those to read.

    They add up, or the run ends as our own bug rather than with a false number.
    """
    left_out, missed = Counter[str](), Counter[str]()
    for omission in skipped:
        left_out[omission.path] += omission.lines
    for omission in failed:
        missed[omission.path] += omission.lines
    for path, lines in to_read.items():
        if reviewed[path] + missed[path] != lines:
            raise RuntimeError(f"{path}: {lines} lines to read, {reviewed[path]} read, {missed[path]} failed")
    return tuple(
        FileCoverage(path, to_read[path] + left_out[path], reviewed[path], left_out[path], missed[path])
        for path in dict.fromkeys([*to_read, *left_out, *missed])
    )
