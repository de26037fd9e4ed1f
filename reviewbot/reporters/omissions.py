"""Lines of text about what no model read, and why."""

from collections import Counter
from collections.abc import Iterator, Sequence

from reviewbot.plan import Kind, Omission
from reviewbot.text import show_place, visible_line

MAX_ROWS = 10

_NOUNS = frozenset({Kind.LOCK, Kind.LFS_POINTER, Kind.SUBMODULE, Kind.SYMLINK})


def skipped_lines(omissions: Sequence[Omission], *, verbose: bool) -> Iterator[str]:
    """One sum of what rules left out, their details for those who want more, and what was left out by wish."""
    by_rule = [omission for omission in omissions if omission.kind is not None]
    if by_rule:
        yield _sum(by_rule)
    yield from omission_lines("skipped", [o for o in omissions if o.kind is None or verbose], verbose=verbose)


def _sum(omissions: Sequence[Omission]) -> str:
    """How many files and lines no model read, by kind of rule, the most frequent first."""
    files = {omission.path for omission in omissions}
    kinds = Counter(kind for kind, _ in {(omission.kind, omission.path) for omission in omissions} if kind is not None)
    order = {kind: place for place, kind in enumerate(Kind)}
    ranked = sorted(kinds.items(), key=lambda item: (-item[1], order[item[0]]))
    counts = ", ".join(count_words(number, kind) if kind in _NOUNS else f"{number:,} {kind}" for kind, number in ranked)
    lines = sum(omission.lines for omission in omissions)
    what = (
        f"{count_words(len(files), 'file')}, {count_words(lines, 'line')}" if lines else count_words(len(files), "file")
    )
    hint = f"; --include to review {'it' if len(files) == 1 else 'them'}" if set(kinds) != {Kind.BINARY} else ""
    return f"{what} not reviewed: {counts}{hint}"


def omission_lines(word: str, omissions: Sequence[Omission], *, verbose: bool) -> Iterator[str]:
    """One row for each reason, with the places it holds for."""
    by_reason: dict[str, list[Omission]] = {}
    for omission in omissions:
        by_reason.setdefault(omission.reason, []).append(omission)
    rows = list(by_reason.items())
    shown = rows if verbose else rows[:MAX_ROWS]
    for reason, places in shown:
        lines = sum(place.lines for place in places)
        what = f"{count_words(lines, 'line')} " if lines else ""
        yield f"{word}: {what}{_places(places, verbose)}: {visible_line(reason)}"
    if len(shown) < len(rows):
        yield f"{word}: and for {count_words(len(rows) - len(shown), 'more reason')} (-v lists all)"


def _places(places: Sequence[Omission], verbose: bool) -> str:
    shown = places if verbose else places[:3]
    names = ", ".join(show_place(place.path, place.start, place.end) for place in shown)
    more = f" and {count_words(len(places) - len(shown), 'more place')}" if len(shown) < len(places) else ""
    return f"in {names}{more}"


def count_words(number: int, word: str) -> str:
    """The number with its word, in the plural where it is not one."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
