"""Count tokens as llama.cpp does for SentencePiece vocabularies (Llama 2, Code Llama, Mistral, Gemma).

The text is cut into characters, then the two neighbours whose joint piece scores best are joined, again and again;
a character that is no piece takes a token for each of its UTF-8 bytes. Joins never cross two characters that stand
side by side in no piece, so the text falls into short segments, whose counts are kept.
"""

import heapq
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from reviewbot.gguf import whole_pieces

SPACE = "\u2581"
"""Stands for a blank inside a vocabulary."""

MAX_KEPT = 200_000
"""Segments whose counts are kept; then all are forgotten, to bound the memory of a long run."""

_WORDS = re.compile(f"{SPACE}+[^{SPACE}\n]*|[^{SPACE}\n]+|\n+")


class Pieces(Struct, frozen=True, tag=True):
    """One vocabulary, in the form in which it is kept on disk.

    `scores` of all pieces, `special` those with a meaning of their own. `neighbours` are all pairs of characters that
    stand side by side in a piece; `words_apart` tells that no piece goes on behind its first word. `space_prefix`:
    a blank is put before the text at its start and after each special piece. `bos`: a prompt begins with a token.
    """

    scores: dict[str, float]
    special: tuple[str, ...]
    neighbours: frozenset[str]
    words_apart: bool
    space_prefix: bool = True
    bos: bool = True


def build_pieces(
    texts: Sequence[str], scores: Sequence[float], types: Sequence[int], *, space_prefix: bool, bos: bool
) -> Pieces:
    """A vocabulary of the parallel lists that GGUF files hold (`tokenizer.ggml.tokens`, `.scores`, `.token_type`)."""
    neighbours = frozenset(text[i : i + 2] for text in texts for i in range(len(text) - 1))
    return Pieces(
        scores=dict(zip(texts, scores, strict=True)),
        special=whole_pieces(texts, types),
        neighbours=neighbours,
        words_apart=not any(
            (pair[1] == SPACE != pair[0]) or ((pair[0] == "\n") != (pair[1] == "\n")) for pair in neighbours
        ),
        space_prefix=space_prefix,
        bos=bos,
    )


class SentencePiece:
    """Counts with one vocabulary."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._kept: dict[str, int] = {}
        longest_first = sorted(pieces.special, key=len, reverse=True)
        self._special = re.compile(f"({'|'.join(map(re.escape, longest_first))})") if longest_first else None

    def count(self, text: str) -> int:
        """Tokens of a text in the middle of a prompt, after a line end."""
        return self._count(text, at_start=False)

    def count_prompt(self, text: str) -> int:
        """Tokens of a whole prompt, the one that begins it included."""
        return int(self._pieces.bos) + self._count(text, at_start=True)

    def _count(self, text: str, *, at_start: bool) -> int:
        if self._special is None:
            return self._count_plain(text, prefix=at_start)
        total = 0
        for index, part in enumerate(self._special.split(text)):
            if index % 2:
                total += 1
            elif part:
                total += self._count_plain(part, prefix=at_start or index > 0)
        return total

    def _count_plain(self, text: str, *, prefix: bool) -> int:
        text = text.replace(" ", SPACE)
        if prefix and self._pieces.space_prefix:
            text = SPACE + text
        if not self._pieces.words_apart:
            return sum(map(self._join, self._segments(text)))
        total = 0
        kept = self._kept
        for word in _WORDS.findall(text):
            known = kept.get(word)
            if known is None:
                if len(kept) >= MAX_KEPT:
                    kept.clear()
                known = kept[word] = sum(map(self._join, self._segments(word)))
            total += known
        return total

    def _segments(self, text: str) -> list[str]:
        """The text cut wherever no piece holds both neighbours."""
        pairs = self._pieces.neighbours
        cuts = [i for i in range(1, len(text)) if text[i - 1 : i + 1] not in pairs]
        return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    def _join(self, text: str) -> int:
        """Tokens of one segment."""
        scores = self._pieces.scores
        symbols: list[str] = list(text)
        if len(symbols) > 1:
            symbols = _joined(symbols, scores)
        return sum(1 if symbol in scores else len(symbol.encode("utf-8", "replace")) for symbol in symbols)


def _joined(symbols: list[str], scores: Mapping[str, float]) -> list[str]:
    """The symbols after all joins, the best score first, the leftmost of equals."""
    following = [*range(1, len(symbols)), -1]
    before = list(range(-1, len(symbols) - 1))
    queue: list[tuple[float, int, str]] = []

    def offer(left: int, right: int) -> None:
        if left >= 0 and right >= 0:
            piece = symbols[left] + symbols[right]
            score = scores.get(piece)
            if score is not None:
                heapq.heappush(queue, (-score, left, piece))

    for left in range(len(symbols) - 1):
        offer(left, left + 1)
    while queue:
        _, left, piece = heapq.heappop(queue)
        right = following[left]
        if right < 0 or not symbols[left] or symbols[left] + symbols[right] != piece:
            continue  # one of the two was joined with somebody else meanwhile
        symbols[left], symbols[right] = piece, ""
        after = following[left] = following[right]
        if after >= 0:
            before[after] = left
        offer(before[left], left)
        offer(left, after)
    return [symbol for symbol in symbols if symbol]
