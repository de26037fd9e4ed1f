"""Pack hunks into chunks that fit the model's window, and list what is not sent, with the reason."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.diff import SUBMODULE_MODE, SYMLINK_MODE, FileChange, Hunk, Line, LineKind, Segment
from reviewbot.layout import show_heading, show_line
from reviewbot.tokens import Counter

TOO_LONG = "line too long for the window"

SMALL_SHARE = 0.4
"""A hunk that takes less than this share of a request is not torn to fill the request before it."""


class Budget(Struct, frozen=True):
    """How much of a change goes into one request: `chunk_tokens` for the shown lines, counted by `counter`.

    A single line may take up to `line_tokens` (what the window has room for); None means `chunk_tokens`.
    """

    chunk_tokens: int
    counter: Counter
    line_tokens: int | None = None


class Chunk(Struct, frozen=True):
    """What one request asks about, in the order of the diff."""

    segments: tuple[Segment, ...]

    @property
    def added(self) -> int:
        """How many added lines it holds."""
        return sum(line.kind is LineKind.ADDED for segment in self.segments for line in segment.lines)


class Omission(Struct, frozen=True):
    """Added lines `start` to `end` (inclusive, `lines` of them added) that no model reads, and why.

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


class Rules(Struct, frozen=True):
    """Which files are left out: globs over whole paths; `include` brings back what `exclude` drops."""

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


def select_files(changes: Sequence[FileChange], rules: Rules) -> tuple[tuple[FileChange, ...], tuple[Omission, ...]]:
    """The changes that a model can and should read, and what is skipped instead."""
    kept = []
    skipped: list[Omission] = []
    for change in changes:
        reason = _skip_reason(change, rules)
        if reason is None:
            kept.append(change)
        else:
            skipped += omit(change, reason) or [Omission(change.path, None, None, 0, reason)]
    return tuple(kept), tuple(skipped)


def _skip_reason(change: FileChange, rules: Rules) -> str | None:
    if change.binary:
        return "binary"
    if change.mode == SUBMODULE_MODE:
        return "submodule"
    if change.mode == SYMLINK_MODE:
        return "symbolic link"
    added = change.added
    if added and added[0].new == 1 and added[0].text == "version https://git-lfs.github.com/spec/v1":
        return "LFS pointer"
    if added:
        for pattern in rules.exclude:
            if matches(change.path, pattern) and not any(matches(change.path, p) for p in rules.include):
                return f"exclude {pattern}"
    return None


def matches(path: str, pattern: str) -> bool:
    """Whether a glob names the path, the file's name, or a folder above it (`docs/`, `*.lock`, `src/*.py`)."""
    if pattern.endswith("/"):
        return fnmatchcase(path, pattern + "*") or fnmatchcase(path, "*/" + pattern + "*")
    return fnmatchcase(path, pattern) or ("/" not in pattern and fnmatchcase(path.rsplit("/", 1)[-1], pattern))


def omit(change: FileChange, reason: str) -> list[Omission]:
    """All added lines of a file as omissions, one for each hunk that has any."""
    return [found for hunk in change.hunks if (found := _omit_lines(change.path, hunk.lines, reason))]


def omit_chunk(chunk: Chunk, reason: str) -> list[Omission]:
    """All added lines of a chunk as omissions, one for each segment."""
    return [found for s in chunk.segments if (found := _omit_lines(s.path, s.lines, reason))]


def _omit_lines(path: str, lines: Iterable[Line], reason: str) -> Omission | None:
    numbers = [line.new for line in lines if line.kind is LineKind.ADDED and line.new is not None]
    return Omission(path, numbers[0], numbers[-1], len(numbers), reason) if numbers else None


def plan_review(changes: Sequence[FileChange], budget: Budget) -> Plan:
    """Pack the hunks of `changes` into as few chunks as fit, in diff order.

    A hunk that does not fit is split at line borders; its parts keep path, heading and line numbers. An added line
    that fits no request by itself is listed in `Plan.failed`. Hunks and parts without added lines are not sent.
    """
    packer = _Packer(budget)
    for change in changes:
        for hunk in change.hunks:
            packer.add(change.path, hunk)
    packer.close()
    return Plan(tuple(packer.chunks), (), tuple(packer.failed))


def split_chunk(chunk: Chunk) -> tuple[Chunk, ...]:
    """The chunk in two halves by added lines, or () when it holds but one added line."""
    half = chunk.added // 2
    if half == 0:
        return ()
    first: list[Segment] = []
    second: list[Segment] = []
    seen = 0
    for segment in chunk.segments:
        cut = 0
        while cut < len(segment.lines) and seen < half:
            seen += segment.lines[cut].kind is LineKind.ADDED
            cut += 1
        first += _with_added(segment, segment.lines[:cut])
        second += _with_added(segment, segment.lines[cut:])
    return Chunk(tuple(first)), Chunk(tuple(second))


def _with_added(segment: Segment, lines: tuple[Line, ...]) -> list[Segment]:
    return [replace(segment, lines=lines)] if any(line.kind is LineKind.ADDED for line in lines) else []


class _Packer:
    """Fills one chunk after the other, line by line."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.chunks: list[Chunk] = []
        self.failed: list[Omission] = []
        self._segments: list[Segment] = []
        self._left = budget.chunk_tokens

    def add(self, path: str, hunk: Hunk) -> None:
        for run in self._sendable(path, hunk):
            self._add_run(path, hunk.heading, run)

    def close(self) -> None:
        if self._segments:
            self.chunks.append(Chunk(tuple(self._segments)))
        self._segments = []
        self._left = self.budget.chunk_tokens

    def _sendable(self, path: str, hunk: Hunk) -> Iterator[tuple[Line, ...]]:
        """The hunk without the added lines that fit no request, as runs of neighbouring lines."""
        room = (self.budget.line_tokens or self.budget.chunk_tokens) - self._heading_cost(
            path, hunk.heading, new_file=True
        )
        run: list[Line] = []
        for line in hunk.lines:
            cost = self._cost(line)
            if cost <= room:
                run.append(line)
                continue
            if line.kind is LineKind.ADDED:
                self.failed.append(Omission(path, line.new, line.new, 1, TOO_LONG))
            yield tuple(run)
            run = []
        yield tuple(run)

    def _add_run(self, path: str, heading: str, lines: tuple[Line, ...]) -> None:
        costs = [self._cost(line) for line in lines]
        while any(line.kind is LineKind.ADDED for line in lines):
            head = self._heading_cost(path, heading, new_file=not self._continues(path))
            total = head + sum(costs)
            fits = _how_many(costs, self._left - head)
            small = total <= SMALL_SHARE * self.budget.chunk_tokens
            if self._segments and fits < len(lines) and (small or _no_added(lines[:fits])):
                self.close()
                continue
            fits = max(fits, 1)
            if not _no_added(lines[:fits]):
                self._segments.append(Segment(path, heading, lines[:fits]))
                self._left -= head + sum(costs[:fits])
            lines, costs = lines[fits:], costs[fits:]
            if lines:
                self.close()

    def _continues(self, path: str) -> bool:
        return bool(self._segments) and self._segments[-1].path == path

    def _cost(self, line: Line) -> int:
        return self.budget.counter.count(show_line(line))

    def _heading_cost(self, path: str, heading: str, *, new_file: bool) -> int:
        return self.budget.counter.count(show_heading(Segment(path, heading, ()), new_file=new_file))


def _no_added(lines: Sequence[Line]) -> bool:
    return not any(line.kind is LineKind.ADDED for line in lines)


def _how_many(costs: Sequence[int], room: int) -> int:
    """How many of the first costs fit into `room`."""
    for count, cost in enumerate(costs):
        room -= cost
        if room < 0:
            return count
    return len(costs)
