"""Read the metadata at the head of a GGUF file: the model's shape, window and vocabulary.

Layout as in the GGUF specification, versions 2 and 3, little-endian: magic, version, counts of tensors and of pairs,
then the pairs. Tensors are not touched, so that a file of 20 GB takes no longer than its vocabulary.
"""

import mmap
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from reviewbot.errors import ConfigError

MAX_PAIRS = 65536
MAX_ITEMS = 4_000_000
"""More than any model has; a broken file must not take all memory."""

_WHOLE = (2, 3, 4)
"""Types of pieces (`token_type`: unknown, control, user-defined) that are found before anything is joined."""

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


def read_metadata(path: Path) -> dict[str, object]:
    """All pairs of the file. Numbers and strings come as themselves, arrays as lists; ConfigError for anything else.

    Strings are decoded as UTF-8, with U+FFFD for what is none.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return dict(_pairs(_Cursor(data)))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "--model-file MODEL.gguf") from error
    except (ValueError, struct.error, KeyError) as error:  # an empty file cannot be mapped: ValueError too
        raise ConfigError(f"{path} is no GGUF file, or it is cut off", "--model-file MODEL.gguf") from error


def whole_pieces(texts: Sequence[str], types: Sequence[int]) -> tuple[str, ...]:
    """The pieces of a vocabulary that stand for themselves wherever they occur, such as `</s>`."""
    return tuple(text for text, kind in zip(texts, types, strict=True) if kind in _WHOLE and text)


class _Cursor:
    """A position in the file; struct.error or ValueError beyond its end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def numbers(self, form: str, count: int = 1) -> tuple[object, ...]:
        code = f"<{count}{form}"
        found = struct.unpack_from(code, self.data, self.at)
        self.at += struct.calcsize(code)
        return found

    def whole(self, form: str, limit: int) -> int:
        (number,) = self.numbers(form)
        if not isinstance(number, int) or number > limit:
            raise ValueError("a count beyond reason")
        return number

    def text(self) -> str:
        size = self.whole("Q", len(self.data) - self.at)
        start = self.at
        self.at += size
        return self.data[start : self.at].decode("utf-8", "replace")


def _pairs(cursor: _Cursor) -> Iterator[tuple[str, object]]:
    if cursor.data[:4] != _MAGIC:
        raise ValueError("not a GGUF file")
    cursor.at = 4
    if cursor.whole("I", 2**32) not in _VERSIONS:
        raise ValueError("an unknown version")
    cursor.numbers("Q")  # how many tensors
    for _ in range(cursor.whole("Q", MAX_PAIRS)):
        yield cursor.text(), _value(cursor, cursor.whole("I", _NUMBERS_END))


_NUMBERS_END = max(_NUMBERS)


def _value(cursor: _Cursor, kind: int) -> object:
    if kind == _STRING:
        return cursor.text()
    if kind != _ARRAY:
        return cursor.numbers(_NUMBERS[kind])[0]
    kind = cursor.whole("I", _NUMBERS_END)
    count = cursor.whole("Q", MAX_ITEMS)
    if kind == _STRING:
        return [cursor.text() for _ in range(count)]
    return list(cursor.numbers(_NUMBERS[kind], count))
