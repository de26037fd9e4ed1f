"""The code around one line, to judge a claim about it: the function that it stands in, or its part of the hunk."""

from collections.abc import Callable, Sequence

from reviewbot.diff import FileChange, Hunk, Line, LineKind, Segment, first_number
from reviewbot.findings import Finding
from reviewbot.units import MAX_WALK, enclosing_line, enclosing_place, indentation, is_definition

Functions = Callable[[Sequence[Finding]], Sequence[Segment | None]]
"""For each finding the function that its line stands in, secrets masked; None where that is not known."""

MAX_ROWS = 60
"""A function of more lines is shown in part: small models judge worse as prompts grow."""

NEAR = 12
"""Lines shown on each side where no function is known, or it is longer."""


def unknown(findings: Sequence[Finding]) -> list[Segment | None]:
    """None for each: where there is no repository to read from."""
    return [None] * len(findings)


def views_of_hunk(changes: Sequence[FileChange], path: str, number: int, code: str) -> tuple[Segment, ...]:
    """The lines of the hunk around an added line whose code is `code`, then that line alone; () where there is none
    such in the change."""
    for hunk in (hunk for change in changes if change.path == path for hunk in change.hunks):
        for at, line in enumerate(hunk.lines):
            if line.kind is LineKind.ADDED and line.new == number and line.text.strip() == code:
                return tuple(_part(path, hunk, max(at - around, 0), at + around + 1) for around in (NEAR, 0))
    return ()


def _part(path: str, hunk: Hunk, start: int, stop: int) -> Segment:
    above = [line.text for line in hunk.lines[max(start - MAX_WALK, 0) : start] if line.new is not None]
    heading = enclosing_line(above, hunk.lines[start].text) or hunk.heading
    return Segment(path, heading, hunk.lines[start:stop])


def function_around(change: FileChange, content: bytes, number: int) -> Segment | None:
    """The function around line `number`, from the file's content after the change and the lines that the change
    removes there; None when the content does not hold what the change adds."""
    rows = [row.decode("utf-8", "replace").removesuffix("\r") for row in content.split(b"\n")]
    if not 1 <= number <= len(rows):
        return None
    heading, first, last = function_extent(rows, number)
    changed: dict[int, list[Line]] = {}
    for place, line in (placed for hunk in change.hunks for placed in _placed(hunk)):
        changed.setdefault(place, []).append(line)
    lines: list[Line] = []
    for at in range(first, last + 1):
        here = changed.get(at, [])
        if any(line.new is not None and line.text != rows[at - 1] for line in here):
            return None
        if not any(line.new is not None for line in here):
            here = [*here, Line(LineKind.CONTEXT, None, at, rows[at - 1])]
        lines += here
    return Segment(change.path, heading, tuple(lines))


def _placed(hunk: Hunk) -> list[tuple[int, Line]]:
    """The lines of a hunk, each with the number of the line of the new file that it is or stands before."""
    placed: list[tuple[int, Line]] = []
    first = first_number(hunk.lines)
    if first is None:
        return placed
    before = first - 1
    for line in hunk.lines:
        before = before if line.new is None else line.new
        placed.append((before if line.new is not None else before + 1, line))
    return placed


def function_extent(rows: Sequence[str], number: int) -> tuple[str, int, int]:
    """The line that encloses line `number`, and the first and last line to show, 1-based and inclusive.

    That is the whole function when it is known and has up to MAX_ROWS lines, else NEAR lines on both sides of it.
    """
    at = number - 1
    lowest = max(at - MAX_WALK, 0)
    place = at if is_definition(rows[at]) else enclosing_place(rows[lowest:at], rows[at])
    if place is None:
        return "", max(number - NEAR, 1), min(number + NEAR, len(rows))
    head = at if is_definition(rows[at]) else lowest + place
    end = _end(rows, head, at)
    if end - head < MAX_ROWS:
        return enclosing_line(rows[max(head - MAX_WALK, 0) : head], rows[head]), head + 1, end + 1
    return rows[head].strip(), min(number, max(number - NEAR, head + 2)), min(number + NEAR, end + 1)


def _end(rows: Sequence[str], head: int, at: int) -> int:
    """The last line of a function that begins at `head` and holds `at`: before the next one that is indented as little,
    but with a bracket that closes it."""
    depth = indentation(rows[head])
    end = at
    for i in range(at + 1, min(len(rows), max(head + MAX_ROWS, at + NEAR) + 1)):
        if rows[i].strip():
            if indentation(rows[i]) <= depth:
                return i if rows[i].lstrip()[:1] in ("}", ")", "]") else end
            end = i
    return end
