"""What goes into a review and what is known at its end."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.coverage import FileCoverage, cover, lines_to_read
from reviewbot.diff import FileChange
from reviewbot.engines import EngineInfo
from reviewbot.findings import Finding, Severity
from reviewbot.fingerprints import mark
from reviewbot.functions import Functions, unknown
from reviewbot.ignores import Ignore, tell_ignores
from reviewbot.masks import NO_MASK, Mask
from reviewbot.plan import Omission, omit
from reviewbot.prompts import Prompt, PromptName
from reviewbot.replies import MAX_FINDINGS
from reviewbot.repo import Source
from reviewbot.shares import Share
from reviewbot.sieves import Sieve, keep_all
from reviewbot.window import Sizing


class Usage(Struct, frozen=True):
    """What the run cost."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_hunks: int = 0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens


class Review(Struct, frozen=True):
    """Everything that is known at the end of a run; findings are sorted by path and line.

    `unconfirmed` counts findings whose second opinion could not be had; `answer_seconds` is what the model's whole
    answers took; `notes` are sentences for people, `hints` what to type so that the next run goes better.
    """

    source: Source
    files: tuple[FileCoverage, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Omission, ...] = ()
    failed: tuple[Omission, ...] = ()
    suppressed: tuple[tuple[Finding, str], ...] = ()
    engine: EngineInfo | None = None
    prompt: Prompt | PromptName | None = None
    usage: Usage = Usage()
    answer_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    unconfirmed: int = 0
    no_model: bool = False
    interrupted: bool = False
    skip_reason: str | None = None
    share: Share | None = None

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


class Options(Struct, frozen=True):
    """How to review; see the settings of the same names. `votes` 0 asks for no second opinion."""

    sizing: Sizing
    max_findings: int
    votes: int
    block_at: Severity | None
    deadline: float | None = None
    reply_findings: int = MAX_FINDINGS
    max_confirmations: int = 20
    parallel: int = 1
    max_requests: int | None = None


class Material(Struct, frozen=True):
    """What there is to review: the selected changes (secrets masked), what the checks found, what is left out.

    `functions` reads more of the changed files; it is called once, for the findings to ask about again. `sieve` takes
    out of the model's findings what people have decided about already, as `suppressed` was taken out of the checks'.
    `ignores` are the comments by which they did. `mask` has the secrets: paths and all that was found are without them.
    """

    source: Source
    changes: tuple[FileChange, ...]
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Omission, ...] = ()
    failed: tuple[Omission, ...] = ()
    notes: tuple[str, ...] = ()
    functions: Functions = unknown
    sieve: Sieve = keep_all
    suppressed: tuple[tuple[Finding, str], ...] = ()
    ignores: tuple[Ignore, ...] = ()
    mask: Mask = NO_MASK


def unread(material: Material, reason: str, hints: tuple[str, ...] = ()) -> Review:
    """The review of a run in which a model should have read the lines and read none: all of them failed."""
    failed = material.failed + _left_out(material, reason)
    return Review(
        source=material.source,
        files=cover(lines_to_read(material.changes, material.failed), material.skipped, failed, Counter()),
        findings=sort_findings(material.findings),
        skipped=material.skipped,
        failed=failed,
        suppressed=material.suppressed,
        notes=material.notes,
        hints=hints,
    )


def interrupted(material: Material) -> Review:
    """The review of a run that was interrupted before the first request."""
    return replace(unread(material, "interrupted"), interrupted=True)


def checks_only(material: Material, reason: str) -> Review:
    """The review of a run in which no model was to read anything: all lines are skipped, as the user wished."""
    skipped = material.skipped + _left_out(material, reason)
    return Review(
        source=material.source,
        files=cover(lines_to_read((), material.failed), skipped, material.failed, Counter()),
        findings=sort_findings(material.findings),
        skipped=skipped,
        failed=material.failed,
        suppressed=material.suppressed,
        notes=material.notes,
        no_model=True,
    )


def tell_idle_ignores(review: Review, material: Material) -> Review:
    """The review with an information for each comment that overrules nothing."""
    if not material.ignores:
        return review
    unread: dict[str, set[int]] = {}
    for omission in (*review.skipped, *review.failed):
        if omission.start is not None and omission.end is not None:
            unread.setdefault(omission.path, set()).update(range(omission.start, omission.end + 1))
    told = tell_ignores(material.ignores, material.changes, review.suppressed, unread)
    return replace(review, findings=sort_findings(review.findings + mark(told, material.changes))) if told else review


def _left_out(material: Material, reason: str) -> tuple[Omission, ...]:
    return tuple(found for change in material.changes for found in omit(change, reason))


def sort_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """By path and line, the worst first."""
    return tuple(sorted(findings, key=lambda f: (f.path, f.line or 0, -f.severity, f.rule, f.message)))
