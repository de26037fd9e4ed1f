"""Mask values in any text, in one pass however many there are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import IntEnum

MASK = "[secret]"

MIN_CHARS = 8
"""Shorter values are not looked for: they stand in too much that is no secret."""

FEW = 32
"""So many beginnings of values are looked for one after the other, before a text is gone through."""

_QUOTES = frozenset("\"'`")


class Where(IntEnum):
    """Where a value is masked, in the order of how much that is."""

    ANYWHERE = 0
    WHOLE = 1
    """Not inside of a word."""
    QUOTED = 2
    """As a whole literal."""


class Mask:
    """Put MASK in the place of each of the values, where it may stand; the longest one of those that begin at a place.
    Values of less than MIN_CHARS are left out."""

    def __init__(self, values: Iterable[tuple[str, Where]]) -> None:
        self._where: dict[str, Where] = {}
        self._lengths: dict[str, list[int]] = {}
        for value, where in values:
            if len(value) >= MIN_CHARS:
                self._where[value] = min(where, self._where.get(value, where))
        lengths: dict[str, set[int]] = {}
        for value in self._where:
            lengths.setdefault(value[:MIN_CHARS], set()).add(len(value))
        self._lengths = {start: sorted(found, reverse=True) for start, found in lengths.items()}

    @property
    def values(self) -> Iterable[tuple[str, Where]]:
        """Those that are masked."""
        return self._where.items()

    def has(self, value: str, where: Where) -> bool:
        """Whether it masks the value in all such places."""
        return self._where.get(value, Where.QUOTED + 1) <= where

    def __call__(self, text: str) -> str:
        """The text without the values."""
        lengths = self._lengths
        if len(lengths) <= FEW and not any(start in text for start in lengths):
            return text
        parts: list[str] = []
        done = 0
        for at in range(len(text) - MIN_CHARS + 1):
            if text[at : at + MIN_CHARS] in lengths and at >= done and (end := self._end(text, at)):
                parts += (text[done:at], MASK)
                done = end
        return "".join((*parts, text[done:])) if parts else text

    def _end(self, text: str, at: int) -> int:
        """Where the value ends that begins at `at`; 0 where none does."""
        for length in self._lengths[text[at : at + MIN_CHARS]]:
            where = self._where.get(text[at : at + length])
            if where is not None and _may_stand(where, text, at, at + length):
                return at + length
        return 0


NO_MASK = Mask(())
"""Where there is nothing to mask."""


def join_masks(masks: Sequence[Mask]) -> Mask:
    """One mask for the values of all."""
    return Mask(pair for mask in masks for pair in mask.values)


def mask_names(names: Iterable[str], mask: Mask) -> dict[str, str]:
    """What to show of each name, no two alike: what belongs to one must not be taken for another's."""
    shown = {name: mask(name) for name in names}
    taken = set(shown)
    numbers: Counter[str] = Counter()
    for name, masked in shown.items():
        if masked != name:
            made = masked
            while made in taken:
                numbers[masked] += 1
                made = f"{masked} ({numbers[masked] + 1})"
            taken.add(made)
            shown[name] = made
    return shown


def mask_value(text: str, value: str, where: Where) -> str:
    """The text without one value, however short that is."""
    parts: list[str] = []
    done = at = 0
    while (at := text.find(value, at)) >= 0:
        end = at + len(value)
        if _may_stand(where, text, at, end):
            parts += (text[done:at], MASK)
            done = at = end
        else:
            at += 1
    return "".join((*parts, text[done:])) if parts else text


def _may_stand(where: Where, text: str, start: int, end: int) -> bool:
    before, behind = text[start - 1 : start] if start else "", text[end : end + 1]
    if where is Where.WHOLE:
        return not (_is_of_word(before) or _is_of_word(behind))
    return where is Where.ANYWHERE or (before in _QUOTES and behind in _QUOTES)


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"
