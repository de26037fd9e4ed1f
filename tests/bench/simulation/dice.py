"""Random numbers that have names: what one decision draws does not depend on how many were drawn before it.

So two scenarios that differ in one parameter are reviewed with the same luck, and differ by that parameter alone.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import exp
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """All that happens by chance in one review."""

    def __init__(self, *seed: object) -> None:
        self._seed = "/".join(map(str, seed))

    def number(self, *name: object) -> float:
        """From 0 to below 1, always the same for a name."""
        drawn = blake2b("/".join(map(str, (self._seed, *name))).encode(), digest_size=6).digest()
        return int.from_bytes(drawn) / 256**6

    def chance(self, probability: float, *name: object) -> bool:
        """True with that probability."""
        return self.number(*name) < probability

    def pick(self, items: Sequence[T], *name: object) -> T:
        """One of the items, each as likely."""
        return items[int(self.number(*name) * len(items))]

    def poisson(self, mean: float, *name: object) -> int:
        """A number from a Poisson distribution."""
        left, count, part = self.number(*name), 0, exp(-mean)
        while left >= part and part > 1e-12:
            left -= part
            count += 1
            part *= mean / count
        return count
