"""Cut hunks into units, the parts that a plan moves as a whole, and show units as segments.

A hunk is cut where a reader would cut it: at blank lines and where the indentation is least. A part that does not
begin where its hunk begins repeats the line that encloses it, and a few lines around it as context.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.diff import Hunk, Line, LineKind, Segment

AROUND = 3
"""Lines repeated on each side of a part of a hunk, as git shows around a change."""

RADII = (None, AROUND, 1, 0)
"""How much context a unit may be shown with, the most first."""

MAX_WALK = 2000
"""Lines that are searched upwards for the enclosing one."""

_DEFINITION = re.compile(
    r"\s*(?:(?:export|default|pub(?:\([^)]*\))?|public|private|protected|internal|static|final|abstract|async|unsafe"
    r"|extern|inline|const|override|virtual|sealed|partial|open|data)\s+)*"
    r"(?:def|class|func|function|fn|fun|sub|interface|struct|enum|impl|trait|module|namespace|package|type|object"
    r"|procedure|proc|method|constructor)\b"
    r"|\s*[\w:<>~*&\[\], ]+\([^;]*\)[^;]*\{\s*$"
)
_BLOCK = re.compile(r"\s*(?:if|else|elif|for|while|switch|catch|try|with|do|return|match|case|when|finally|except)\b")


class Unit(Struct, frozen=True):
    """Lines `start` to `stop` (excluded) of a hunk. Lines that are not added are shown up to `radius` lines from an
    added one; None shows all."""

    path: str
    hunk: Hunk
    start: int
    stop: int
    radius: int | None = None

    @property
    def added(self) -> int:
        """How many added lines it holds."""
        return sum(line.kind is LineKind.ADDED for line in self.hunk.lines[self.start : self.stop])

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines that are shown."""
        return tuple(self.hunk.lines[i] for i in shown(self.hunk.lines, self.start, self.stop, self.radius))

    def continues(self, other: "Unit") -> bool:
        """Whether it goes on where the other one ends."""
        return self.hunk is other.hunk and self.start == other.stop


def shown(lines: Sequence[Line], start: int, stop: int, radius: int | None) -> Sequence[int]:
    """The places of the lines that a radius leaves."""
    if radius is None:
        return range(start, stop)
    added = [i for i in range(start, stop) if lines[i].kind is LineKind.ADDED]
    kept = {near for i in added for near in range(max(start, i - radius), min(stop, i + radius + 1))}
    return sorted(kept)


def to_segments(units: Sequence[Unit]) -> tuple[Segment, ...]:
    """The units as they are shown, neighbours joined."""
    segments = []
    at = 0
    while at < len(units):
        end = at + 1
        while end < len(units) and units[end].continues(units[end - 1]):
            end += 1
        run = units[at:end]
        lines = [*before(run[0]), *(line for unit in run for line in unit.lines), *after(run[-1])]
        segments.append(Segment(run[0].path, heading(run[0]), tuple(lines)))
        at = end
    return tuple(segments)


def before(unit: Unit) -> list[Line]:
    """The lines repeated above a unit."""
    return _as_context(unit, max(unit.start - AROUND, 0), unit.start)


def after(unit: Unit) -> list[Line]:
    """The lines repeated below a unit."""
    return _as_context(unit, unit.stop, unit.stop + AROUND)


def _as_context(unit: Unit, start: int, stop: int) -> list[Line]:
    if unit.radius is not None and unit.radius < AROUND:
        return []
    return [
        replace(line, kind=LineKind.CONTEXT) if line.kind is LineKind.ADDED else line
        for line in unit.hunk.lines[start:stop]
    ]


def heading(unit: Unit) -> str:
    """The line that encloses a unit: git's own for the beginning of a hunk, else found in the hunk, else git's."""
    if unit.start == 0:
        return unit.hunk.heading
    lines = unit.hunk.lines
    upwards = (
        line.text for line in reversed(lines[max(unit.start - MAX_WALK, 0) : unit.start]) if line.new is not None
    )
    found = _walk_up(upwards, lines[unit.start].text)
    return found[1].strip() if found else unit.hunk.heading


def enclosing_line(above: Sequence[str], text: str) -> str:
    """The nearest line above `text` that is indented less and begins a function or a class; "" when none does."""
    place = enclosing_place(above, text)
    return "" if place is None else above[place].strip()


def enclosing_place(above: Sequence[str], text: str) -> int | None:
    """Where that line stands in `above`, from 0."""
    found = _walk_up(reversed(above), text)
    return len(above) - 1 - found[0] if found else None


def _walk_up(upwards: Iterable[str], text: str) -> tuple[int, str] | None:
    """That line, and how many are in between."""
    limit = indentation(text) if text.strip() else None
    for between, line in enumerate(upwards):
        if limit == 0:  # nothing is indented less
            return None
        if not line.strip():
            continue
        depth = indentation(line)
        if limit is None:
            limit = depth + 1
        if depth < limit:
            if is_definition(line):
                return between, line
            limit = depth
    return None


def is_definition(line: str) -> bool:
    """Whether a line begins a function or a class."""
    return _DEFINITION.match(line) is not None and not _BLOCK.match(line)


def indentation(text: str) -> int:
    """The width of the blanks that a line begins with; a tab counts eight."""
    rest = text.lstrip(" ")
    if rest.startswith("\t"):
        text = text.expandtabs(8)
        rest = text.lstrip(" ")
    return len(text) - len(rest)


def cut_hunk(lines: Sequence[Line], costs: Sequence[int], limit: int, room: int) -> Iterator[tuple[int, int]]:
    """The units of a hunk as places (start, stop): each costs at most `limit` tokens, or is one line.

    Lines that cost more than `room` are in none of them.
    """
    start = 0
    for at, cost in enumerate([*costs, room + 1]):
        if cost > room:
            yield from _cut(lines, costs, start, at, limit)
            start = at + 1


def _cut(lines: Sequence[Line], costs: Sequence[int], start: int, stop: int, limit: int) -> Iterator[tuple[int, int]]:
    """Halve at the best place, again and again; the places lie in the middle half, so that the depth is bounded."""
    waiting = [(start, stop)]
    while waiting:
        start, stop = waiting.pop()
        if stop <= start:
            continue
        if stop - start == 1 or sum(costs[start:stop]) <= limit:
            yield start, stop
            continue
        cut = _best_cut(lines, start, stop)
        waiting += [(cut, stop), (start, cut)]


def _best_cut(lines: Sequence[Line], start: int, stop: int) -> int:
    """The place in the middle half where the next line is indented least, behind a blank line if there is one."""
    quarter = (stop - start) // 4
    places = range(start + max(quarter, 1), stop - quarter) or range(start + 1, stop)
    middle = (start + stop) / 2

    def badness(at: int) -> tuple[bool, int, bool, float]:
        text, previous = lines[at].text, lines[at - 1].text
        closes = text.strip()[:1] in ("}", ")", "]")
        return not text.strip() or closes, indentation(text), bool(previous.strip()), abs(at - middle)

    return min(places, key=badness)
