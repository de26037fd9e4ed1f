"""Where each line of a run is by now: not planned, waiting, asked about, read or failed."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.diff import FileChange
from reviewbot.findings import Finding
from reviewbot.plan import Chunk, Omission, Plan, omit, omit_chunk


class Portion(NamedTuple):
    """Files that are planned together, and about how many characters they have when they are shown."""

    changes: tuple[FileChange, ...]
    chars: int


class Read(NamedTuple):
    """A chunk that the model has read, and what it found there."""

    chunk: Chunk
    findings: tuple[Finding, ...]


class State(Struct, frozen=True):
    """It changes as a whole, for Ctrl-C may come between any two steps. `known` was read in an earlier run."""

    unplanned: tuple[Portion, ...]
    waiting: tuple[Chunk, ...] = ()
    sent: tuple[Chunk, ...] = ()
    read: tuple[Read, ...] = ()
    known: tuple[Read, ...] = ()
    failed: tuple[Omission, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Whether there is anything left to do."""
        return bool(self.unplanned or self.waiting or self.sent)

    @property
    def unplanned_chars(self) -> int:
        """About how many characters are not planned yet."""
        return sum(portion.chars for portion in self.unplanned)

    @property
    def reviewed(self) -> Counter[str]:
        """Added lines that were read, by path."""
        counts: Counter[str] = Counter()
        for unit in (unit for entry in (*self.known, *self.read) for unit in entry.chunk.units):
            counts[unit.path] += unit.added
        return counts

    def plan(self, plan: Plan, known: tuple[Read, ...]) -> "State":
        """The first portion becomes these; what waited by now comes before them."""
        return replace(
            self,
            unplanned=self.unplanned[1:],
            waiting=self.waiting + plan.chunks,
            known=self.known + known,
            failed=self.failed + plan.failed,
        )

    def end(
        self,
        chunk: Chunk,
        waiting: tuple[Chunk, ...] = (),
        read: tuple[Read, ...] = (),
        failed: Sequence[Omission] = (),
    ) -> "State":
        """A chunk that was sent becomes these; what waits of it comes before all that waits."""
        return replace(
            self,
            waiting=waiting + self.waiting,
            sent=tuple(other for other in self.sent if other is not chunk),
            read=self.read + read,
            failed=(*self.failed, *failed),
        )

    def recall(self) -> "State":
        """Nothing is waited for; what was asked about waits again."""
        return replace(self, waiting=self.sent + self.waiting, sent=())

    def give_up(self, reason: str) -> "State":
        """Everything that waits or is not planned is failed."""
        waiting = tuple(omission for chunk in self.waiting for omission in omit_chunk(chunk, reason))
        files = (change for portion in self.unplanned for change in portion.changes)
        unplanned = tuple(omission for change in files for omission in omit(change, reason))
        return replace(self, waiting=(), unplanned=(), failed=self.failed + waiting + unplanned)
