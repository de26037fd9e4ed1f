"""Shares of a change, for several machines: each the same on all of them, whatever their models and windows are.

The hunks are cut into parts as for requests of a fixed size, counted by bytes; the largest part goes to the share that
has least so far. Nothing of the machine, its model or what is kept there has a say in it.
"""

import hashlib
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.diff import FileChange, Hunk
from reviewbot.plan import Budget, plan_review
from reviewbot.tokens import EstimateCounter
from reviewbot.units import Unit

VERSION = 1
"""Raised whenever shares would be cut differently."""

PART_TOKENS = 1000
ANY_LINE = 2**62


class Share(Struct, frozen=True):
    """The share `index` (from 1) of `count`. `plan` is the same for all shares of one change, `elsewhere` how many of
    its added lines the others have."""

    index: int
    count: int
    plan: str
    elsewhere: int


def take_share(changes: Sequence[FileChange], index: int, count: int) -> tuple[tuple[FileChange, ...], Share]:
    """What share `index` of `count` has of the changes, in their order."""
    budget = Budget(PART_TOKENS, EstimateCounter(), ANY_LINE, 1.0)
    chunks = plan_review(changes, budget).chunks
    own: list[Unit] = []
    filled = [0] * count
    for place in sorted(range(len(chunks)), key=lambda place: (-chunks[place].tokens, place)):
        least = filled.index(min(filled))
        filled[least] += chunks[place].tokens
        if least == index - 1:
            own += chunks[place].units
    mine = _changes_of(own, changes)
    total = sum(len(change.added) for change in changes)
    taken = sum(len(change.added) for change in mine)
    return mine, Share(index, count, _plan_of(changes, count), total - taken)


def _changes_of(units: Sequence[Unit], changes: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """The changes with these parts of their hunks alone; neighbours are joined again."""
    by_hunk: dict[int, list[Unit]] = {}
    for unit in units:
        by_hunk.setdefault(id(unit.hunk), []).append(unit)
    found = []
    for change in changes:
        hunks = tuple(part for hunk in change.hunks for part in _parts_of(hunk, by_hunk.get(id(hunk), [])))
        if hunks:
            found.append(replace(change, hunks=hunks))
    return tuple(found)


def _parts_of(hunk: Hunk, units: Sequence[Unit]) -> list[Hunk]:
    spans: list[tuple[int, int]] = []
    for unit in sorted(units, key=lambda unit: unit.start):
        if spans and spans[-1][1] == unit.start:
            spans[-1] = (spans[-1][0], unit.stop)
        else:
            spans.append((unit.start, unit.stop))
    return [Hunk(hunk.heading, hunk.lines[start:stop]) for start, stop in spans]


def _plan_of(changes: Sequence[FileChange], count: int) -> str:
    """A digest of everything that is shared out, and of how."""
    parts = hashlib.sha256(f"{VERSION} {count}".encode())
    for change in changes:
        parts.update(b"\0" + change.raw_path)
        for line in (line for hunk in change.hunks for line in hunk.lines):
            parts.update(f"\n{line.kind.value}{line.new or 0} {line.text}".encode("utf-8", "surrogatepass"))
    return parts.hexdigest()
