"""Ask about every chunk; keep count of what was read."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.dialogue import Dialogue
from reviewbot.engines import Request
from reviewbot.errors import EngineDown, EngineError, PromptCut, PromptTooLong, ReplyCut
from reviewbot.findings import Finding, add_note
from reviewbot.masks import NO_MASK, Mask
from reviewbot.plan import Chunk, Omission, Plan, omit_chunk, part_hunks, repack, split_chunk
from reviewbot.prompts import render_change
from reviewbot.replies import MAX_FINDINGS, parse_findings, reply_schema
from reviewbot.risk import riskiest_first
from reviewbot.window import Sizing, Window

MAX_FAILURES = 3
"""After so many unusable replies in a row the rest is not tried: each may cost a time-out."""

FULL = "the answer about this hunk was full, there may be more"


def keep_nothing(chunk: Chunk, findings: tuple[Finding, ...]) -> None:
    """Where no outcomes are kept."""


class Manner(Struct, frozen=True):
    """How to ask. `reply_findings` bounds the findings of one answer. `tokens_per_s` is what an earlier run measured,
    read and written together (None: nothing). `keep` is told of each chunk that was read, with what was found. `mask`
    hides secrets in answers."""

    sizing: Sizing
    tokens_per_s: float | None = None
    reply_findings: int = MAX_FINDINGS
    keep: Callable[[Chunk, tuple[Finding, ...]], None] = keep_nothing
    mask: Mask = NO_MASK


class Progress(NamedTuple):
    """How far a run is: chunks done and planned, tokens per second so far (read and written together; 0 before the
    first answer), and the seconds that the rest will take, where there is a measure for it."""

    done: int
    total: int
    tokens_per_second: float
    seconds_left: float | None = None


class Asked(NamedTuple):
    """What came of it, in the order of the diff. `reviewed` counts added lines by path; `hints` say what to type after
    a failure."""

    findings: tuple[Finding, ...]
    reviewed: Counter[str]
    failed: tuple[Omission, ...]
    hints: tuple[str, ...]
    interrupted: bool


def ask_chunks(dialogue: Dialogue, plan: Plan, manner: Manner, on_progress: Callable[[Progress], None]) -> Asked:
    """Ask about each chunk, the riskiest first. A failure is data; Ctrl-C ends the asking and is noted, not raised.

    The dialogue's window may turn out smaller than the server said, and is then replaced.
    """
    run = _Run(dialogue, plan, manner, on_progress)
    interrupted = False
    try:
        run.ask_chunks()
    except KeyboardInterrupt:
        interrupted = True
        run.give_up("interrupted")
    read = sorted(run.state.read, key=lambda entry: run.place(entry.chunk))
    return Asked(
        findings=tuple(finding for _, findings in read for finding in findings),
        reviewed=_added_lines(read),
        failed=run.state.failed,
        hints=tuple(dict.fromkeys(run.hints)),
        interrupted=interrupted,
    )


def _added_lines(read: Sequence["_Read"]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for unit in (unit for entry in read for unit in entry.chunk.units):
        counts[unit.path] += unit.added
    return counts


class _Read(NamedTuple):
    """A chunk that the model has read, and what it found there."""

    chunk: Chunk
    findings: tuple[Finding, ...]


class _State(Struct, frozen=True):
    """Where each line is by now. It changes as a whole, for Ctrl-C may come between any two steps."""

    waiting: tuple[Chunk, ...]
    read: tuple[_Read, ...] = ()
    failed: tuple[Omission, ...] = ()


class _Run:
    """Every chunk leaves `waiting` for `read` or `failed`, or is split or packed anew."""

    def __init__(self, dialogue: Dialogue, plan: Plan, manner: Manner, on_progress: Callable[[Progress], None]) -> None:
        self.dialogue = dialogue
        self.manner = manner
        self.on_progress = on_progress
        self.state = _State(riskiest_first(plan.chunks), (), plan.failed)
        self.hints: list[str] = []
        hunks = (unit.hunk for chunk in plan.chunks for unit in chunk.units)
        self._places = {id(hunk): place for place, hunk in enumerate(hunks)}

    @property
    def window(self) -> Window:
        """As it is known by now."""
        return self.dialogue.window

    def place(self, chunk: Chunk) -> tuple[int, int]:
        """Where it stands in the diff: its first hunk there, and the first line in that."""
        first = chunk.units[0]
        return self._places[id(first.hunk)], first.start

    def ask_chunks(self) -> None:
        """Until nothing waits."""
        failures = 0
        while self.state.waiting:
            self._report_progress()
            chunk = self.state.waiting[0]
            try:
                self._ask_chunk(chunk)
                failures = 0
            except EngineDown as error:
                self.give_up(error.message, error.hint)
            except EngineError as error:
                failed = len(self.state.failed)
                if isinstance(error, PromptTooLong):
                    self._fit(chunk, error)
                elif isinstance(error, ReplyCut):
                    self._split(chunk, error)
                else:
                    self._fail(chunk, error)
                failures += len(self.state.failed) > failed
                if failures == MAX_FAILURES:
                    self.give_up(f"given up after {failures} failures in a row: {error.message}")
        self._report_progress()

    def give_up(self, reason: str, hint: str | None = None) -> None:
        """Everything that still waits is failed."""
        omitted = tuple(omission for chunk in self.state.waiting for omission in omit_chunk(chunk, reason))
        if omitted and hint:
            self.hints.append(hint)
        self.state = replace(self.state, waiting=(), failed=self.state.failed + omitted)

    def _ask_chunk(self, chunk: Chunk) -> None:
        segments = chunk.segments
        user = render_change(segments, self.manner.sizing.prompt.boundary)
        schema = reply_schema(segments, self.manner.reply_findings)
        request = Request(self.manner.sizing.prompt.system, user, schema, self.window.reply_tokens)
        reply, findings = self.dialogue.ask_readable(
            request, lambda text: parse_findings(text, segments, self.manner.mask)
        )
        self._file(chunk, findings)
        corrected = self.window.corrected(request, reply)
        if corrected is not self.window:
            self._pack_anew(corrected)

    def _file(self, chunk: Chunk, findings: tuple[Finding, ...]) -> None:
        """A full answer had no room for the last hunks, so they are asked about again, until a hunk is alone."""
        full = len(findings) >= MAX_FINDINGS
        parts = part_hunks(chunk) if full else ()
        if parts:
            self.state = replace(self.state, waiting=parts + self.state.waiting[1:])
            return
        if full:
            findings = tuple(add_note(finding, FULL) for finding in findings)
        read = (*self.state.read, _Read(chunk, findings))
        self.state = replace(self.state, waiting=self.state.waiting[1:], read=read)
        self.manner.keep(chunk, findings)

    def _fit(self, chunk: Chunk, error: PromptTooLong) -> None:
        """Split the chunk; where the window turned out to be smaller than known, pack all that waits anew. How much
        smaller is not always told: it is then halved."""
        real = error.window
        if isinstance(error, PromptCut) or (real is None and self.window.counter.exact):
            real = self.window.tokens // 2
        if real is None or real >= self.window.tokens:
            self._split(chunk, error)
            return
        try:
            self._pack_anew(self.window.smaller(real))
        except EngineDown as down:
            self.give_up(f"{error.message}; {down.message}", down.hint)

    def _pack_anew(self, window: Window) -> None:
        waiting = sorted(self.state.waiting, key=self.place)  # neighbours are packed together, which saves context
        plan = repack(waiting, self.manner.sizing.budget(window))
        self.dialogue.window = window
        self.state = replace(self.state, waiting=riskiest_first(plan.chunks), failed=self.state.failed + plan.failed)

    def _split(self, chunk: Chunk, error: EngineError) -> None:
        halves = split_chunk(chunk)
        if halves:
            self.state = replace(self.state, waiting=halves + self.state.waiting[1:])
        else:
            self._fail(chunk, error)

    def _fail(self, chunk: Chunk, error: EngineError) -> None:
        if error.hint:
            self.hints.append(error.hint)
        failed = (*self.state.failed, *omit_chunk(chunk, error.message))
        self.state = replace(self.state, waiting=self.state.waiting[1:], failed=failed)

    def _report_progress(self) -> None:
        done, waiting = len(self.state.read), self.state.waiting
        talk, speed, left = self.dialogue, self.manner.tokens_per_s or 0.0, None
        if talk.answers:
            speed = (talk.prompt_tokens + talk.completion_tokens) / max(talk.seconds, 1e-6)
            left = talk.seconds / talk.answers * len(waiting)
        elif speed:
            left = expected_tokens(waiting, self.window) / speed
        self.on_progress(Progress(done, done + len(waiting), speed, left))


def expected_tokens(chunks: Sequence[Chunk], window: Window) -> int:
    """Tokens that a model reads for these chunks, the instructions of each request included."""
    return len(chunks) * window.fixed_tokens + sum(chunk.tokens for chunk in chunks)
