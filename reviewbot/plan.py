"""Pack hunks into chunks that fit the model's window, and list what fits none, with the reason."""

import time
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.diff import FileChange, Hunk, Line, LineKind, Segment
from reviewbot.errors import OUT_OF_TIME
from reviewbot.layout import show_heading, show_line
from reviewbot.tokens import TokenCounter
from reviewbot.units import RADII, Unit, after, before, cut_hunk, heading, shown, to_segments

TOO_LONG = "line too long for the window"

UNIT_SHARE = 8
"""A hunk that is larger than one part in so many of a request may be cut."""

HUGE = 65536
SLICE = 4096
"""A line of more than HUGE characters is counted slice by slice."""


class Budget(Struct, frozen=True):
    """How much of a change goes into one request: `chunk_tokens` for the shown lines, counted by `counter`.

    A single line may take up to `line_tokens` (what the window has room for). Lines that are not
    added take at most `context_share` of the request, but for what is repeated around a cut.
    """

    chunk_tokens: int
    counter: TokenCounter
    line_tokens: int
    context_share: float

    @property
    def unit_tokens(self) -> int:
        """Tokens of the largest part that is never torn."""
        return self.chunk_tokens // UNIT_SHARE

    @property
    def context_tokens(self) -> float:
        """Tokens of lines that are not added, at most."""
        return self.chunk_tokens * self.context_share


class Chunk(Struct, frozen=True):
    """What one request asks about, in the order of the diff. `tokens` is what the shown lines and headings take, as
    it was packed; of a chunk that was split, about half."""

    units: tuple[Unit, ...]
    tokens: int

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The lines as they are shown."""
        return to_segments(self.units)

    @property
    def added(self) -> int:
        """How many added lines it holds."""
        return sum(unit.added for unit in self.units)


class Kind(StrEnum):
    """The rules that leave files out, by what they are counted as."""

    LOCK = "lock file"
    GENERATED = "generated"
    VENDORED = "vendored"
    MINIFIED = "minified"
    BINARY = "binary"
    MARKED_BINARY = "marked binary"
    LFS_POINTER = "LFS pointer"
    SUBMODULE = "submodule"
    SYMLINK = "symbolic link"
    TOO_LARGE = "too large"
    EXCLUDED = "excluded"


class Omission(Struct, frozen=True):
    """Added lines `start` to `end` (inclusive, `lines` of them added) that no model reads, and why.

    `start` and `end` are None for a file without text lines (binary). `kind` is None where no rule left them out.
    """

    path: str
    start: int | None
    end: int | None
    lines: int
    reason: str
    kind: Kind | None = None


class Plan(Struct, frozen=True):
    """Every added line is in exactly one chunk or in `failed`."""

    chunks: tuple[Chunk, ...] = ()
    failed: tuple[Omission, ...] = ()


def omit(change: FileChange, reason: str, kind: Kind | None = None) -> list[Omission]:
    """All added lines of a file as omissions, one for each hunk that has any."""
    return [found for hunk in change.hunks for found in _omit_lines(change.path, hunk.lines, reason, kind)]


def omit_chunk(chunk: Chunk, reason: str) -> list[Omission]:
    """All added lines of a chunk as omissions, one for each segment."""
    return [found for s in chunk.segments for found in _omit_lines(s.path, s.lines, reason)]


def _omit_lines(path: str, lines: Iterable[Line], reason: str, kind: Kind | None = None) -> list[Omission]:
    """One omission, or none where no line is added."""
    numbers = [line.new for line in lines if line.kind is LineKind.ADDED and line.new is not None]
    return [Omission(path, numbers[0], numbers[-1], len(numbers), reason, kind)] if numbers else []


def plan_review(changes: Sequence[FileChange], budget: Budget, deadline: float | None = None) -> Plan:
    """Pack the hunks of `changes` into as few chunks as fit, in diff order.

    A unit goes into the first chunk that it does not overfill, so no chunk is left emptier than it has to be. An
    added line that fits no request by itself is listed in `Plan.failed`, and so is what is not packed by `deadline`,
    a time of `time.monotonic()`. What has no added lines is not sent.
    """
    packer = _Packer(budget, deadline)
    for change in changes:
        for hunk in change.hunks:
            if any(line.kind is LineKind.ADDED for line in hunk.lines):
                packer.add_part(change.path, hunk, 0, len(hunk.lines))
    packer.close()
    return Plan(tuple(packer.chunks), tuple(packer.failed))


def repack(chunks: Sequence[Chunk], budget: Budget, deadline: float | None = None) -> Plan:
    """The same lines in chunks of another budget, as far as there is time."""
    packer = _Packer(budget, deadline)
    for unit in (unit for chunk in chunks for unit in chunk.units):
        packer.add_part(unit.path, unit.hunk, unit.start, unit.stop)
    packer.close()
    return Plan(tuple(packer.chunks), tuple(packer.failed))


def _cost(text: str, counter: TokenCounter) -> int:
    return sum(counter.count(line + "\n") for line in text.split("\n")[:-1])


def split_chunk(chunk: Chunk) -> tuple[Chunk, ...]:
    """The chunk in two halves by added lines, or () when it holds but one added line."""
    half = chunk.added // 2
    if half == 0:
        return ()
    first: list[Unit] = []
    second: list[Unit] = []
    seen = 0
    for unit in chunk.units:
        cut = unit.start
        while cut < unit.stop and seen < half:
            seen += unit.hunk.lines[cut].kind is LineKind.ADDED
            cut += 1
        first += _with_added(replace(unit, stop=cut))
        second += _with_added(replace(unit, start=cut))
    return Chunk(tuple(first), chunk.tokens // 2), Chunk(tuple(second), chunk.tokens // 2)


def part_hunks(chunk: Chunk) -> tuple[Chunk, ...]:
    """The chunk in two by its hunks, or () when no more than one hunk, or part of one, has added lines."""
    places = [place for place, unit in enumerate(chunk.units) if unit.added]
    if len(places) < 2:
        return ()
    half = places[len(places) // 2]
    tokens = chunk.tokens // 2
    return Chunk(chunk.units[:half], tokens), Chunk(chunk.units[half:], tokens)


def _with_added(unit: Unit) -> list[Unit]:
    return [unit] if unit.added else []


class _Packer:
    """Fills one chunk after the other, unit by unit."""

    def __init__(self, budget: Budget, deadline: float | None) -> None:
        self.budget = budget
        self._deadline = deadline
        self.chunks: list[Chunk] = []
        self.failed: list[Omission] = []
        self._units: list[Unit] = []
        self._used = self._context = self._after = 0

    def add_part(self, path: str, hunk: Hunk, start: int, stop: int) -> None:
        """Lines `start` to `stop` of a hunk; those that the time does not reach to are failed."""
        lines = hunk.lines[start:stop]
        if self._is_late():
            self.failed += _omit_lines(path, lines, OUT_OF_TIME)
            return
        room = self.budget.line_tokens - self._heading_cost(Unit(path, hunk, start, stop), new_file=True)
        costs: list[int] = []
        for line in lines:
            if self._is_late():
                break
            costs.append(self._count_up_to(show_line(line), room))
        too_long = {at for at, cost in enumerate(costs) if cost > room}
        for at in sorted(too_long):
            self.failed += _omit_lines(path, lines[at : at + 1], TOO_LONG)
        placed = 0
        for first, end in cut_hunk(lines[: len(costs)], costs, self.budget.unit_tokens, room):
            if self._is_late():
                break
            self._place(Unit(path, hunk, start + first, start + end), costs[first:end])
            placed = end
        rest = (line for at, line in enumerate(lines[placed:], placed) if at not in too_long)
        self.failed += _omit_lines(path, rest, OUT_OF_TIME)

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def close(self) -> None:
        if any(unit.added for unit in self._units):
            self.chunks.append(Chunk(tuple(self._units), self._used))
        self._units = []
        self._used = self._context = self._after = 0

    def _place(self, unit: Unit, costs: Sequence[int]) -> None:
        """Into this chunk, else into the next one. Removed lines alone do not begin a chunk."""
        if self._put(unit, costs) or not unit.added:
            return
        self.close()
        if not self._put(unit, costs):
            self._put_alone(unit)

    def _put(self, unit: Unit, costs: Sequence[int]) -> bool:
        """With as much context as the budget's share of it allows; False when there is no room."""
        goes_on = bool(self._units) and unit.continues(self._units[-1])
        for radius in RADII if unit.added else RADII[:1]:
            tried = replace(unit, radius=radius)
            places = shown(unit.hunk.lines, unit.start, unit.stop, radius)
            context = sum(costs[i - unit.start] for i in places if unit.hunk.lines[i].kind is not LineKind.ADDED)
            if radius != 0 and self._context + context > self.budget.context_tokens:
                continue
            below = self._lines_cost(after(tried))
            above = -self._after if goes_on else self._cost_above(tried)
            used = self._used + above + sum(costs[i - unit.start] for i in places) + below
            if used > self.budget.chunk_tokens:
                if self._units:
                    return False
                continue
            self._units.append(tried)
            self._used, self._context, self._after = used, self._context + context, below
            return True
        return False

    def _put_alone(self, unit: Unit) -> None:
        """A line that takes a whole request, without anything around it."""
        self._units.append(replace(unit, radius=0))
        self._used = self._heading_cost(unit, new_file=True) + self._lines_cost(unit.lines)
        self.close()

    def _cost_above(self, unit: Unit) -> int:
        """What stands above the first unit of a segment."""
        new_file = not self._units or self._units[-1].path != unit.path
        return self._heading_cost(unit, new_file=new_file) + self._lines_cost(before(unit))

    def _heading_cost(self, unit: Unit, *, new_file: bool) -> int:
        return _cost(show_heading(Segment(unit.path, heading(unit), ()), new_file=new_file), self.budget.counter)

    def _lines_cost(self, lines: Sequence[Line]) -> int:
        return sum(self._count(show_line(line)) for line in lines)

    def _count_up_to(self, text: str, limit: int) -> int:
        """Tokens of the text, or some number over the limit. Of a huge text no more is counted than it takes to see
        that it is over twice the limit: where a text is cut changes its count by far less than that."""
        if len(text) <= HUGE:
            return self._count(text)
        tokens = 0
        for start in range(0, len(text), SLICE):
            tokens += self._count(text[start : start + SLICE])
            if tokens > 2 * limit:
                return tokens
        return self._count(text)

    def _count(self, text: str) -> int:
        return self.budget.counter.count(text)
