"""Everything that is known at the end of a run: plan, ask, count, sort."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from reviewbot.ask import Asked, Manner, Progress, ask_all
from reviewbot.confirm import demote
from reviewbot.diff import FileChange
from reviewbot.engines import Engine, EngineInfo
from reviewbot.errors import EngineDown
from reviewbot.findings import Finding, Severity
from reviewbot.plan import Budget, Omission, omit, plan_review
from reviewbot.prompts import Prompt
from reviewbot.repo import Source
from reviewbot.tokens import TEMPLATE_TOKENS, counter_for

RETRY_TOKENS = 80
"""What the request for a readable answer adds to a prompt."""

MIN_CHUNK_TOKENS = 128
DEMO_S = 60.0
"""The demo model stops after so many seconds and lists the rest: nobody should wait for it."""


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
    """Everything that is known at the end of a run; findings are sorted by path and line.

    `unconfirmed` counts findings whose second opinion could not be had; `notes` are
    sentences for people, `hints` what to type so that the next run goes better.
    """

    source: Source
    files: tuple[FileCoverage, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Omission, ...] = ()
    failed: tuple[Omission, ...] = ()
    suppressed: tuple[tuple[Finding, str], ...] = ()
    engine: EngineInfo | None = None
    usage: Usage = Usage()
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

    prompt: Prompt
    chunk_tokens: int
    max_findings: int
    votes: int
    block_at: Severity | None
    deadline: float | None = None


class Material(Struct, frozen=True):
    """What there is to review: the selected changes (secrets masked), what the checks found, what is left out."""

    source: Source
    changes: tuple[FileChange, ...]
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Omission, ...] = ()
    failed: tuple[Omission, ...] = ()
    notes: tuple[str, ...] = ()


def run_review(material: Material, engine: Engine, options: Options, on_progress: Callable[[Progress], None]) -> Review:
    """Have `engine` read all of the material. An engine that is down is data: every line is then failed."""
    started = time.monotonic()
    try:
        info = engine.describe(options.deadline)
        budget = request_budget(info, options.prompt, options.chunk_tokens)
    except EngineDown as error:
        return unread(material, error.message, hints=(error.hint,) if error.hint else ())
    plan = plan_review(material.changes, budget)
    deadline = options.deadline
    if info.demo:
        deadline = min(deadline or started + DEMO_S, started + DEMO_S)
    manner = Manner(
        prompt=options.prompt,
        reply_tokens=_reply_tokens(info.window_tokens),
        votes=0 if info.demo else options.votes,
        block_at=options.block_at,
        deadline=deadline,
    )
    asked = ask_all(engine, plan.chunks, manner, on_progress)
    said = _belittled(asked.findings) if info.demo else asked.findings
    kept, suppressed = _cap(_distinct(said), options)
    failed = material.failed + plan.failed + asked.failed
    return Review(
        source=material.source,
        files=_coverage(material.changes, material.skipped, failed, asked.reviewed),
        findings=_sorted(material.findings + kept),
        skipped=material.skipped,
        failed=failed,
        suppressed=suppressed,
        engine=info,
        usage=_usage(asked, time.monotonic() - started),
        notes=material.notes,
        hints=asked.hints,
        unconfirmed=asked.unconfirmed,
        interrupted=asked.interrupted,
    )


def unread(
    material: Material, reason: str, *, hints: tuple[str, ...] = (), skipped: bool = False, interrupted: bool = False
) -> Review:
    """The review of a run in which no model read anything: every line failed, or skipped by the user's wish."""
    left_out = tuple(found for change in material.changes for found in omit(change, reason))
    left_out_skipped, left_out_failed = (left_out, ()) if skipped else ((), left_out)
    failed = material.failed + left_out_failed
    return Review(
        source=material.source,
        files=_coverage(() if skipped else material.changes, material.skipped + left_out_skipped, failed, Counter()),
        findings=_sorted(material.findings),
        skipped=material.skipped + left_out_skipped,
        failed=failed,
        notes=material.notes,
        hints=hints,
        no_model=skipped,
        interrupted=interrupted,
    )


def _reply_tokens(window: int) -> int:
    """A sixth of the window, which holds eight findings of ordinary length at 4,096 tokens."""
    return max(256, min(1024, window // 6))


def request_budget(info: EngineInfo, prompt: Prompt, chunk_tokens: int) -> Budget:
    """What is left for code in each request; EngineDown when the window holds hardly more than the prompt."""
    counter = counter_for(refuses_long=info.refuses_long)
    fixed = counter.count(prompt.system) + TEMPLATE_TOKENS + RETRY_TOKENS + _reply_tokens(info.window_tokens)
    room = info.window_tokens - 1 - fixed
    if room < MIN_CHUNK_TOKENS:
        raise EngineDown(
            f"a window of {info.window_tokens} tokens leaves no room for code: prompt and reply take {fixed}",
            "reviewbot --num-ctx 4096",
        )
    return Budget(min(room, chunk_tokens), counter, room)


def _belittled(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What the demo model says, as information: it is shown only to prove that the way to a model works."""
    return tuple(demote(finding, finding.confirmed, Severity.INFO, "said by the demo model") for finding in findings)


def _distinct(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """One finding for each line and rule, the worst of them."""
    best: dict[tuple[str, int, str], Finding] = {}
    loose = []
    for finding in findings:
        if finding.line is None:
            loose.append(finding)
            continue
        key = (finding.path, finding.line, finding.rule)
        if key not in best or finding.severity > best[key].severity:
            best[key] = finding
    return (*best.values(), *loose)


def _cap(findings: Sequence[Finding], options: Options) -> tuple[tuple[Finding, ...], tuple[tuple[Finding, str], ...]]:
    """The findings with at most `max_findings` that cannot block, the worst of them; and the rest."""
    kept = [f for f in findings if f.line is None or _could_block(f, options.block_at)]
    advisory = [f for f in findings if f.line is not None and not _could_block(f, options.block_at)]
    advisory.sort(key=lambda f: -f.severity)
    rest = advisory[options.max_findings :]
    return (*kept, *advisory[: options.max_findings]), tuple((finding, "cap") for finding in rest)


def _could_block(finding: Finding, block_at: Severity | None) -> bool:
    return block_at is not None and finding.severity >= block_at


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (f.path, f.line or 0, -f.severity, f.rule, f.message)))


def _coverage(
    changes: Sequence[FileChange], skipped: Sequence[Omission], failed: Sequence[Omission], reviewed: Counter[str]
) -> tuple[FileCoverage, ...]:
    """Added lines by file and fate. `changes` are those that were to be read; `skipped` lines are none of theirs.

    They add up, or the run ends as our own bug rather than with a false number.
    """
    to_read, left_out, missed = Counter[str](), Counter[str](), Counter[str]()
    for change in changes:
        to_read[change.path] += len(change.added)
    for omission in skipped:
        left_out[omission.path] += omission.lines
    for omission in failed:
        missed[omission.path] += omission.lines
    for path, lines in to_read.items():
        if reviewed[path] + missed[path] != lines:
            raise RuntimeError(f"{path}: {lines} lines to read, {reviewed[path]} read, {missed[path]} failed")
    return tuple(
        FileCoverage(path, to_read[path] + left_out[path], reviewed[path], left_out[path], missed[path])
        for path in dict.fromkeys([*to_read, *left_out, *missed])
    )


def _usage(asked: Asked, seconds: float) -> Usage:
    return Usage(asked.requests, asked.prompt_tokens, asked.completion_tokens, 0, round(seconds, 3))
