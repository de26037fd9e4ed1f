"""Short ways to make the values that the pure stages take."""

from reviewbot.diff import FileChange, Hunk, Line, LineKind, Segment
from reviewbot.engines import Request

BOUNDARY = "271828182845"
"""The number on the lines around what is shown to a model."""

OPENING = Request("instructions", "The change:\n\n", {"type": "object"}, reply_tokens=1)
"""A request without a change."""


def lines(text: str, start: int = 1) -> tuple[Line, ...]:
    """Lines of a hunk from rows that begin with `+`, `-` or a blank; both sides are numbered from `start`."""
    old = new = start
    made = []
    for row in text.split("\n"):
        kind = LineKind(row[0])
        made.append(
            Line(
                kind,
                None if kind is LineKind.ADDED else old,
                None if kind is LineKind.REMOVED else new,
                row[1:],
            )
        )
        old += kind is not LineKind.ADDED
        new += kind is not LineKind.REMOVED
    return tuple(made)


def change(path: str, *hunks: str, **fields) -> FileChange:
    """A change of one file; each hunk's numbers start 100 lines after the one before."""
    made = tuple(Hunk("", lines(text, 1 + 100 * i)) for i, text in enumerate(hunks))
    return FileChange(path, path.encode(), made, **fields)


def segment(path: str, text: str, start: int = 1, heading: str = "") -> Segment:
    """A part of a file as it is shown to a model."""
    return Segment(path, heading, lines(text, start))
