"""Run the middle once per chunk: prompt, engine, findings; count what was read and what was not."""

from msgspec import Struct

from reviewbot.engines import EngineInfo
from reviewbot.findings import Finding
from reviewbot.plan import Omission
from reviewbot.repo import Source


class FileCoverage(Struct, frozen=True):
    """Added lines of one file by what became of them; the last three add up to the first."""

    path: str
    added: int
    reviewed: int
    skipped: int
    failed: int


class Usage(Struct, frozen=True):
    """What the run cost."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_hunks: int = 0
    seconds: float = 0.0


class Review(Struct, frozen=True):
    """Everything that is known at the end of a run; findings are sorted by path and line."""

    source: Source
    files: tuple[FileCoverage, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Omission, ...] = ()
    failed: tuple[Omission, ...] = ()
    suppressed: tuple[tuple[Finding, str], ...] = ()
    engine: EngineInfo | None = None
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()
    no_model: bool = False
    interrupted: bool = False
    skip_reason: str | None = None

    @property
    def added(self) -> int:
        """All added lines."""
        return sum(file.added for file in self.files)

    @property
    def reviewed(self) -> int:
        """Added lines that a model read."""
        return sum(file.reviewed for file in self.files)

    @property
    def lines_skipped(self) -> int:
        """Added lines left out by a rule."""
        return sum(file.skipped for file in self.files)

    @property
    def lines_failed(self) -> int:
        """Added lines that should have been read and were not."""
        return sum(file.failed for file in self.files)
