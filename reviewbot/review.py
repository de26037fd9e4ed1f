"""Everything that is known at the end of a run: plan, ask, count, sort."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.advice import slow_note
from reviewbot.ask import Manner, Progress, ask_chunks
from reviewbot.confirm import demote
from reviewbot.coverage import FileCoverage, cover, lines_to_read
from reviewbot.dialogue import Dialogue
from reviewbot.diff import FileChange, Segment
from reviewbot.duplicates import merge_claims, merge_duplicates, tell_repeats
from reviewbot.engines import Engine, EngineInfo
from reviewbot.errors import EngineError
from reviewbot.exclusions import exclude_findings
from reviewbot.findings import Finding, Severity
from reviewbot.fingerprints import mark
from reviewbot.functions import Functions, unknown, views_of_hunk
from reviewbot.gpu import probe
from reviewbot.ignores import Ignore, tell_ignores
from reviewbot.opinions import Settled, Terms, ask_opinions
from reviewbot.plan import Omission, omit, plan_review
from reviewbot.prompts import Prompt
from reviewbot.replies import MAX_FINDINGS
from reviewbot.repo import Source
from reviewbot.sieves import Sieve, Sifted, cap_findings, keep_all, sift
from reviewbot.window import Sizing, load_window

DEMO_S = 60.0
"""The demo model stops after so many seconds and lists the rest: nobody should wait for it."""

DEMO_CHUNK_TOKENS = 800
DEMO_FINDINGS = 2
"""It reads some 100 tokens a second on one core, writes 65, and does not stop by itself: a request of ordinary size,
and an answer of ordinary length, would take most of that time."""


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
    prompt: Prompt | None = None
    usage: Usage = Usage()
    answer_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    unconfirmed: int = 0
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


class Options(Struct, frozen=True):
    """How to review; see the settings of the same names. `votes` 0 asks for no second opinion."""

    sizing: Sizing
    max_findings: int
    votes: int
    block_at: Severity | None
    deadline: float | None = None
    reply_findings: int = MAX_FINDINGS
    max_confirmations: int = 20


class Material(Struct, frozen=True):
    """What there is to review: the selected changes (secrets masked), what the checks found, what is left out.

    `functions` reads more of the changed files; it is called once, for the findings to ask about again. `sieve` takes
    out of the model's findings what people have decided about already, as `suppressed` was taken out of the checks'.
    `ignores` are the comments by which they did.
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


def run_review(
    material: Material,
    engine: Engine,
    options: Options,
    on_progress: Callable[[Progress], None],
    recall_speed: Callable[[EngineInfo], float | None],
) -> Review:
    """Have `engine` read all of the material. An engine that is down is data: every line is then failed.

    `recall_speed` tells how many tokens per second this engine read and wrote in an earlier run, if that is known.
    """
    started = time.monotonic()
    look = cache(probe)
    try:
        info = engine.describe(options.deadline)
        options = for_demo(options) if info.demo else options
        window, loaded = load_window(engine, info, material.changes, options.sizing, options.deadline, look)
        deadline = _deadline(options, info, started)
        plan = plan_review(material.changes, options.sizing.budget(window), deadline)
        manner = Manner(options.sizing, recall_speed(info), options.reply_findings)
    except EngineError as error:
        return unread(material, error.message, (error.hint,) if error.hint else ())
    except KeyboardInterrupt:
        return interrupted(material)
    dialogue = Dialogue(engine, window, deadline)
    asked = ask_chunks(dialogue, plan, manner, on_progress)
    marked = mark(asked.findings, material.changes)
    said = _belittled(marked) if info.demo else marked
    settled, sifted = _settle(said, dialogue, material, options, "interrupted" if asked.interrupted else None)
    failed = material.failed + asked.failed
    slow = slow_note(info, loaded, look)
    return Review(
        source=material.source,
        files=cover(lines_to_read(material.changes, material.failed), material.skipped, failed, asked.reviewed),
        findings=_sorted(material.findings + sifted.kept),
        skipped=material.skipped,
        failed=failed,
        suppressed=material.suppressed + sifted.suppressed,
        engine=replace(info, window_tokens=dialogue.window.tokens),
        prompt=options.sizing.prompt,
        usage=_usage(dialogue, time.monotonic() - started),
        answer_seconds=dialogue.seconds,
        notes=material.notes + ((slow,) if slow else ()),
        hints=tuple(dict.fromkeys(asked.hints + settled.hints)),
        unconfirmed=settled.unconfirmed,
        interrupted=asked.interrupted or settled.interrupted,
    )


def _settle(
    said: tuple[Finding, ...], dialogue: Dialogue, material: Material, options: Options, stopped: str | None
) -> tuple[Settled, Sifted]:
    """What becomes of all that the model said: the second opinions, and what is shown and suppressed in the end.

    `stopped` says why nothing more can be asked.
    """
    before = sift(said, exclude_findings, partial(merge_claims, block_at=options.block_at), material.sieve)
    boundary = options.sizing.prompt.boundary
    terms = Terms(options.votes, options.block_at, options.max_confirmations, boundary, stopped)
    settled = ask_opinions(dialogue, before.kept, terms, partial(_views, material))
    told = tuple(map(tell_repeats, merge_duplicates(settled.findings).kept))
    after = cap_findings(told, options.max_findings, options.block_at, confirm=options.votes > 0)
    return settled, Sifted(after.kept, before.suppressed + after.suppressed)


def _views(material: Material, findings: Sequence[Finding]) -> list[tuple[Segment, ...]]:
    """The code to show with each finding: its function where that is known, its part of the hunk, its line."""
    return [
        ((function,) if function else ()) + views_of_hunk(material.changes, f.path, f.line or 0, f.evidence or "")
        for f, function in zip(findings, material.functions(findings), strict=True)
    ]


def for_demo(options: Options) -> Options:
    """The same for the demo model: small requests, short answers, no second opinions."""
    asked = options.sizing.chunk_tokens
    chunk_tokens = DEMO_CHUNK_TOKENS if asked is None else min(asked, DEMO_CHUNK_TOKENS)
    sizing = replace(options.sizing, chunk_tokens=chunk_tokens)
    return replace(options, sizing=sizing, votes=0, reply_findings=DEMO_FINDINGS)


def _deadline(options: Options, info: EngineInfo, started: float) -> float | None:
    if not info.demo:
        return options.deadline
    return min(options.deadline or started + DEMO_S, started + DEMO_S)


def unread(material: Material, reason: str, hints: tuple[str, ...] = ()) -> Review:
    """The review of a run in which a model should have read the lines and read none: all of them failed."""
    failed = material.failed + _left_out(material, reason)
    return Review(
        source=material.source,
        files=cover(lines_to_read(material.changes, material.failed), material.skipped, failed, Counter()),
        findings=_sorted(material.findings),
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
        findings=_sorted(material.findings),
        skipped=skipped,
        failed=material.failed,
        suppressed=material.suppressed,
        notes=material.notes,
        no_model=True,
    )


def tell_idle_ignores(review: Review, material: Material) -> Review:
    """The review with an information for each comment that overrules nothing."""
    unread: dict[str, set[int]] = {}
    for omission in (*review.skipped, *review.failed):
        if omission.start is not None and omission.end is not None:
            unread.setdefault(omission.path, set()).update(range(omission.start, omission.end + 1))
    told = tell_ignores(material.ignores, material.changes, review.suppressed, unread)
    return replace(review, findings=_sorted(review.findings + mark(told, material.changes))) if told else review


def _left_out(material: Material, reason: str) -> tuple[Omission, ...]:
    return tuple(found for change in material.changes for found in omit(change, reason))


def _belittled(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What the demo model says, as information: it is shown only to prove that the way to a model works."""
    return tuple(demote(finding, finding.confirmed, Severity.INFO, "said by the demo model") for finding in findings)


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (f.path, f.line or 0, -f.severity, f.rule, f.message)))


def _usage(dialogue: Dialogue, seconds: float) -> Usage:
    return Usage(dialogue.requests, dialogue.prompt_tokens, dialogue.completion_tokens, 0, round(seconds, 3))
