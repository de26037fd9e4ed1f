"""Where each line of a run is by now: waiting, asked about, read or failed."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from reviewbot.findings import Finding
from reviewbot.plan import Chunk, Omission


class Read(NamedTuple):
    """A chunk that the model has read, and what it found there."""

    chunk: Chunk
    findings: tuple[Finding, ...]


class State(Struct, frozen=True):
    """It changes as a whole, for Ctrl-C may come between any two steps."""

    waiting: tuple[Chunk, ...]
    sent: tuple[Chunk, ...] = ()
    read: tuple[Read, ...] = ()
    failed: tuple[Omission, ...] = ()

    @property
    def reviewed(self) -> Counter[str]:
        """Added lines that were read, by path."""
        counts: Counter[str] = Counter()
        for unit in (unit for entry in self.read for unit in entry.chunk.units):
            counts[unit.path] += unit.added
        return counts

    def end(
        self,
        chunk: Chunk,
        waiting: tuple[Chunk, ...] = (),
        read: tuple[Read, ...] = (),
        failed: Sequence[Omission] = (),
    ) -> "State":
        """A chunk that was sent becomes these; what waits of it comes before all that waits."""
        return State(
            waiting=waiting + self.waiting,
            sent=tuple(other for other in self.sent if other is not chunk),
            read=self.read + read,
            failed=(*self.failed, *failed),
        )
