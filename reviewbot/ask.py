"""Ask the engine about every chunk, then for second opinions; keep count of what was read."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.confirm import confirm_request, demote, read_opinion, settle
from reviewbot.diff import LineKind, Segment
from reviewbot.engines import Engine, Reply, Request
from reviewbot.errors import DeadlineReached, EngineDown, EngineError, PromptTooLong, ReplyCut, ReplyError
from reviewbot.findings import Confirmed, Finding, Severity
from reviewbot.plan import Chunk, Omission, omit_chunk, split_chunk
from reviewbot.prompts import Prompt, render_change
from reviewbot.replies import parse_findings, reply_schema

MAX_FAILURES = 3
"""After so many unusable replies in a row the rest is not tried: each may cost a time-out."""

MAX_CONFIRMATIONS = 20
"""Second opinions in one run; findings over it make the run incomplete, so that decoys cannot starve a real one."""


class Manner(Struct, frozen=True):
    """How to ask. `votes` second opinions on each finding at or above `block_at` (0: none); `deadline` is a time
    of `time.monotonic()`; `reply_tokens` bounds each answer."""

    prompt: Prompt
    reply_tokens: int
    votes: int = 0
    block_at: Severity | None = None
    deadline: float | None = None


class Progress(NamedTuple):
    """How far a run is: chunks done and planned, and tokens per second so far."""

    done: int
    total: int
    tokens_per_second: float


class Asked(NamedTuple):
    """What came of it. `reviewed` counts added lines by path; `hints` say what to type after a failure."""

    findings: tuple[Finding, ...]
    reviewed: Counter[str]
    failed: tuple[Omission, ...]
    unconfirmed: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    hints: tuple[str, ...]
    interrupted: bool


def ask_all(engine: Engine, chunks: Sequence[Chunk], manner: Manner, on_progress: Callable[[Progress], None]) -> Asked:
    """Ask about each chunk in order. A failure is data; Ctrl-C ends the asking and is noted, not raised."""
    run = _Run(engine, manner, on_progress)
    interrupted = False
    try:
        run.ask_chunks(list(chunks))
        run.ask_opinions()
    except KeyboardInterrupt:
        interrupted = True
        run.give_up("interrupted")
    return Asked(
        findings=tuple(finding for finding, _ in run.found),
        reviewed=run.reviewed,
        failed=tuple(run.failed),
        unconfirmed=run.unconfirmed,
        requests=run.requests,
        prompt_tokens=run.prompt_tokens,
        completion_tokens=run.completion_tokens,
        hints=tuple(dict.fromkeys(run.hints)),
        interrupted=interrupted,
    )


class _Run:
    """The state of one run; every chunk leaves `waiting` for `reviewed` or `failed`, or is split."""

    def __init__(self, engine: Engine, manner: Manner, on_progress: Callable[[Progress], None]) -> None:
        self.engine = engine
        self.manner = manner
        self.on_progress = on_progress
        self.waiting: list[Chunk] = []
        self.found: list[tuple[Finding, Segment | None]] = []
        self.reviewed: Counter[str] = Counter()
        self.failed: list[Omission] = []
        self.hints: list[str] = []
        self.unconfirmed = 0
        self.requests = self.prompt_tokens = self.completion_tokens = 0
        self._done = 0
        self._started = time.monotonic()

    def ask_chunks(self, chunks: list[Chunk]) -> None:
        self.waiting = chunks
        failures = 0
        while self.waiting:
            self._report_progress()
            try:
                self._ask_chunk(self.waiting[0])
                failures = 0
            except (PromptTooLong, ReplyCut) as error:
                self._split(self.waiting[0], error)
            except EngineDown as error:
                self.give_up(error.message, error.hint)
            except EngineError as error:
                failures += 1
                self._fail(self.waiting[0], error.message, error.hint)
                if failures == MAX_FAILURES:
                    self.give_up(f"given up after {failures} failures in a row: {error.message}")
        self._report_progress()

    def give_up(self, reason: str, hint: str | None = None) -> None:
        """Everything that still waits is failed."""
        while self.waiting:
            self._fail(self.waiting[0], reason, hint)

    def ask_opinions(self) -> None:
        """Put each finding that could block to the model again, alone."""
        if not self.manner.votes or self.manner.block_at is None:
            return
        asked = 0
        for i, (finding, segment) in enumerate(self.found):
            if finding.severity < self.manner.block_at or finding.evidence is None or segment is None:
                continue
            asked += 1
            if asked > MAX_CONFIRMATIONS:
                why = f"no second look: more than {MAX_CONFIRMATIONS} findings to confirm"
                self.found[i] = (self._unconfirmed(finding, why), segment)
                continue
            self.found[i] = (self._opinion(finding, segment), segment)

    def _ask_chunk(self, chunk: Chunk) -> None:
        user = render_change(chunk.segments)
        schema = reply_schema(chunk.segments)
        request = Request(self.manner.prompt.system, user, schema, self.manner.reply_tokens)
        reply = self._ask(request)
        try:
            findings = parse_findings(reply.text, chunk.segments)
        except ReplyError as error:
            problem = f"Your last answer could not be read ({error.message[:100]}). Answer with the JSON object only."
            again = replace(request, user=f"{user}\n{problem}\n")
            findings = parse_findings(self._ask(again).text, chunk.segments)
        self.found += [(finding, _segment_of(finding, chunk)) for finding in findings]
        for segment in chunk.segments:
            self.reviewed[segment.path] += sum(line.kind is LineKind.ADDED for line in segment.lines)
        self.waiting.pop(0)
        self._done += 1

    def _ask(self, request: Request) -> Reply:
        deadline = self.manner.deadline
        if deadline is not None and time.monotonic() >= deadline:
            raise DeadlineReached("the deadline was reached")
        self.requests += 1
        reply = self.engine.ask(request, deadline)
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        return reply

    def _split(self, chunk: Chunk, error: EngineError) -> None:
        halves = split_chunk(chunk)
        if halves:
            self.waiting[:1] = halves
        else:
            self._fail(chunk, error.message, error.hint)

    def _fail(self, chunk: Chunk, reason: str, hint: str | None) -> None:
        self.failed += omit_chunk(chunk, reason)
        if hint:
            self.hints.append(hint)
        self.waiting.remove(chunk)

    def _opinion(self, finding: Finding, segment: Segment) -> Finding:
        opinions: list[Confirmed] = []
        try:
            for vote in range(self.manner.votes):
                opinions.append(self._vote(finding, segment, vote))
        except EngineError as error:
            return self._unconfirmed(finding, f"no second look: {error.message}")
        return settle(finding, opinions)

    def _vote(self, finding: Finding, segment: Segment, vote: int) -> Confirmed:
        try:
            reply = self._ask(confirm_request(finding, segment, vote))
        except PromptTooLong:
            reply = self._ask(confirm_request(finding, segment, vote, around=0))
        return read_opinion(reply.text, segment)

    def _unconfirmed(self, finding: Finding, why: str) -> Finding:
        self.unconfirmed += 1
        return demote(finding, Confirmed.NOT_ASKED, Severity.WARNING, why)

    def _report_progress(self) -> None:
        seconds = max(time.monotonic() - self._started, 1e-6)
        speed = self.completion_tokens / seconds
        self.on_progress(Progress(self._done, self._done + len(self.waiting), speed))


def _segment_of(finding: Finding, chunk: Chunk) -> Segment | None:
    """The segment that holds the finding's line."""
    for segment in chunk.segments:
        if segment.path == finding.path and any(
            line.kind is LineKind.ADDED and line.new == finding.line for line in segment.lines
        ):
            return segment
    return None
