"""How many tokens a text takes: never too few.

Measured on 720 windows of natural code in ten languages with Code Llama's vocabulary: at least 1.48 bytes a token,
so bytes / 1.4 counted none too low; digests, number lists, base64 and rare scripts go down to 1.0. A byte-level
vocabulary never takes more tokens than bytes; SentencePiece adds at most one for its leading blank and one for BOS.
"""

import math
import re
from typing import Protocol

BYTES_PER_TOKEN = 1.4
TEMPLATE_TOKENS = 96
"""More than a chat template adds around one system and one user message (Code Llama: about 30)."""

_DENSE = re.compile(r"[0-9]|[^\x00-\x7f]|[A-Za-z0-9+/=_-]{24,}")


class Counter(Protocol):
    """Counts so that the sum over the parts of a text is never below the count of the whole."""

    def count(self, text: str) -> int:
        """Tokens that `text` takes at most, as a part of a longer prompt."""
        ...


class BoundCounter:
    """The hard bound, for servers that cut what is too long without a word: a token for each UTF-8 byte."""

    def count(self, text: str) -> int:
        """UTF-8 bytes."""
        return len(text.encode("utf-8", "replace"))


class EstimateCounter:
    """Bytes / 1.4, and bytes for dense text; for servers that refuse what is too long."""

    def count(self, text: str) -> int:
        """UTF-8 bytes / 1.4 rounded up, or all bytes where more than half are digits, digests or non-ASCII."""
        size = len(text.encode("utf-8", "replace"))
        dense = sum(len(found.encode("utf-8", "replace")) for found in _DENSE.findall(text))
        return size if 2 * dense > size else math.ceil(size / BYTES_PER_TOKEN)


def counter_for(*, refuses_long: bool) -> Counter:
    """The estimate where the server refuses a prompt that is too long, the hard bound where it would cut it."""
    return EstimateCounter() if refuses_long else BoundCounter()
