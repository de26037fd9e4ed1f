"""Pack hunks into chunks that fit the model's window, and list what is not sent, with the reason."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from reviewbot.diff import FileChange, Hunk, Line, LineKind, Segment
from reviewbot.tokens import Counter


class Budget(Struct, frozen=True):
    """How much of a change fits one request: tokens for the lines, counted by `counter`."""

    chunk_tokens: int
    counter: Counter


class Chunk(Struct, frozen=True):
    """What one request asks about."""

    segments: tuple[Segment, ...]


class Omission(Struct, frozen=True):
    """Added lines `start` to `end` (inclusive, `lines` of them) that no model reads, and why.

    `start` and `end` are None for a file without text lines (binary).
    """

    path: str
    start: int | None
    end: int | None
    lines: int
    reason: str


class Plan(Struct, frozen=True):
    """Every added line is in exactly one chunk, in `skipped` or in `failed`."""

    chunks: tuple[Chunk, ...] = ()
    skipped: tuple[Omission, ...] = ()
    failed: tuple[Omission, ...] = ()
