"""Ask about every chunk; keep count of what was read."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.dialogue import Dialogue
from reviewbot.diff import FileChange
from reviewbot.engines import Reply, Request
from reviewbot.errors import AnswerMissing, DeadlineReached, EngineDown, EngineError, PromptCut, PromptTooLong, ReplyCut
from reviewbot.findings import Finding, add_note, mask_finding
from reviewbot.masks import NO_MASK, Mask
from reviewbot.pace import Pace, Progress
from reviewbot.plan import Chunk, Omission, omit_chunk, part_hunks, repack, split_chunk
from reviewbot.portions import RecallParts, plan_portion, portions_of, recall_nothing
from reviewbot.prompts import render_change
from reviewbot.replies import MAX_FINDINGS, parse_findings, reply_schema
from reviewbot.risk import riskiest_first
from reviewbot.slots import Slots
from reviewbot.standing import Read, State
from reviewbot.window import Sizing, Window

MAX_FAILURES = 12
"""After so many unusable replies in a row it is the model or the server: the rest is not tried, for each may cost a
time-out. What stands in one file has no say in what happens to others: after a failure they have their turn first."""

CUT_COUNTS = 4
"""An answer that does not come to an end takes the longest of all, and a hunk is asked about in ever smaller parts."""

FULL = "the answer about this hunk was full, there may be more"


def keep_nothing(chunk: Chunk, findings: tuple[Finding, ...]) -> None:
    """Where no outcomes are kept."""


class Manner(Struct, frozen=True):
    """How to ask. `reply_findings` bounds the findings of one answer. `tokens_per_s` is what an earlier run measured,
    read and written together (None: nothing). `keep` is told of each chunk that was read, with what was found; `recall`
    takes out of a plan what was read before. `mask` hides secrets in what is said. `parallel` is how many requests are
    under way at one time."""

    sizing: Sizing
    tokens_per_s: float | None = None
    reply_findings: int = MAX_FINDINGS
    keep: Callable[[Chunk, tuple[Finding, ...]], None] = keep_nothing
    recall: RecallParts = recall_nothing
    mask: Mask = NO_MASK
    parallel: int = 1


class Asked(NamedTuple):
    """What came of it, in the order of the diff. `reviewed` counts added lines by path; `hints` say what to type after
    a failure."""

    findings: tuple[Finding, ...]
    reviewed: Counter[str]
    failed: tuple[Omission, ...]
    hints: tuple[str, ...]
    interrupted: bool


def ask_changes(
    dialogue: Dialogue, changes: Sequence[FileChange], manner: Manner, on_progress: Callable[[Progress], None]
) -> Asked:
    """Plan the changes and ask about each chunk, the riskiest first. A failure is data; Ctrl-C ends the asking and is
    noted, not raised.

    The dialogue's window may turn out smaller than the server said, and is then replaced.
    """
    run = _Run(dialogue, changes, manner, on_progress)
    interrupted = False
    try:
        run.ask_chunks()
    except KeyboardInterrupt:
        interrupted = True
        run.recall()
        run.give_up("interrupted")
    known = (mask_finding(finding, manner.mask) for _, findings in run.state.known for finding in findings)
    read = sorted(run.state.read, key=lambda entry: run.place(entry.chunk))
    return Asked(
        findings=(*known, *(finding for _, findings in read for finding in findings), *run.full),
        reviewed=run.state.reviewed,
        failed=run.state.failed,
        hints=tuple(dict.fromkeys(hint for _, hint in sorted(run.hints))),
        interrupted=interrupted,
    )


_Answer = tuple[Reply, tuple[Finding, ...]]


class _Sent(NamedTuple):
    """A chunk that is asked about, with which request, and what was known of the window then."""

    chunk: Chunk
    request: Request
    window: Window


class _Run:
    """Every portion goes from `unplanned` to chunks that are `waiting`, every chunk from there to `sent`, and on to
    `read` or `failed`, or back in parts or packed anew.

    The state belongs to this thread: others, where there are any, only ask and read the answer.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        changes: Sequence[FileChange],
        manner: Manner,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.dialogue = dialogue
        self.manner = manner
        self.on_progress = on_progress
        self.slots = Slots[_Sent, _Answer](manner.parallel)
        self.state = State(portions_of(changes))
        self.hints: list[tuple[tuple[int, int], str]] = []
        self.failures = 0
        self.full: list[Finding] = []
        self.over: tuple[str, str | None] | None = None
        self.pace = Pace(dialogue, self.state, manner.parallel, manner.tokens_per_s)
        hunks = (hunk for change in changes for hunk in change.hunks)
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
        """Until all is planned, nothing waits and nothing is under way. What was sent is answered while the next
        portion is planned."""
        while self.state.goes_on:
            while self.state.waiting and len(self.state.sent) < self.manner.parallel:
                self._send(self.state.waiting[0])
            if self.state.unplanned and len(self.state.waiting) < self.manner.parallel:
                self._plan_portion()
                continue
            self.on_progress(self.pace.step(self.state))
            try:
                sent, answer = self.slots.wait(self.dialogue.deadline)
            except DeadlineReached as error:
                self.recall()
                self.give_up(error.message)
            else:
                self._receive(sent, answer)
            if self.over:  # what was under way then may come back in parts
                self.give_up(*self.over)
        self.on_progress(self.pace.step(self.state))

    def recall(self) -> None:
        """Wait no longer for what is under way."""
        self.state = self.state.recall()

    def give_up(self, reason: str, hint: str | None = None) -> None:
        """Everything that is not asked about by now is failed, and nothing more is sent."""
        self.over = self.over or (reason, hint)
        waiting = self.state.waiting
        if waiting and hint:
            self.hints.append((min(map(self.place, waiting)), hint))
        self.state = self.state.give_up(reason)

    def _plan_portion(self) -> None:
        budget = self.manner.sizing.budget(self.window)
        made = plan_portion(self.state.unplanned[0], budget, self.dialogue.deadline, self.manner.recall)
        self.state = self.state.plan(*made)

    def _send(self, chunk: Chunk) -> None:
        segments = chunk.segments
        user = render_change(segments, self.manner.sizing.prompt.boundary)
        schema = reply_schema(segments, self.manner.reply_findings)
        request = Request(self.manner.sizing.prompt.system, user, schema, self.window.reply_tokens)
        call = partial(
            self.dialogue.ask_readable, request, partial(parse_findings, segments=segments, mask=self.manner.mask)
        )
        self.state = replace(self.state, waiting=self.state.waiting[1:], sent=(*self.state.sent, chunk))
        self.slots.start(_Sent(chunk, request, self.window), call)

    def _receive(self, sent: _Sent, answer: Callable[[], _Answer]) -> None:
        """What became of a request. An answer counts although the rest is given up or packed anew by now."""
        chunk = sent.chunk
        failed = len(self.state.failed)
        try:
            reply, findings = answer()
        except EngineDown as error:
            self.state = self.state.end(chunk, waiting=(chunk,))
            self.give_up(error.message, error.hint)
        except EngineError as error:
            if isinstance(error, AnswerMissing):
                self._fail(chunk, error)
                return
            if isinstance(error, PromptTooLong):
                self._fit(sent, error)
            elif isinstance(error, ReplyCut):
                self._split(chunk, error)
            elif parts := part_hunks(chunk):  # perhaps one of them alone is to blame
                self.state = self.state.end(chunk, waiting=parts)
                self._count_failure(chunk, error)
            else:
                self._fail(chunk, error)
            if len(self.state.failed) > failed:
                self._count_failure(chunk, error)
        else:
            self.failures = 0
            self._file(chunk, findings)
            corrected = self.window.corrected(sent.request, reply)
            if corrected is not self.window:
                self._pack_anew(corrected)

    def _count_failure(self, chunk: Chunk, error: EngineError) -> None:
        self.failures += CUT_COUNTS if isinstance(error, ReplyCut) else 1
        if self.failures >= MAX_FAILURES:
            self.give_up(f"given up after several failures in a row: {error.message}")
        paths = {unit.path for unit in chunk.units}

        def is_suspect(other: Chunk) -> bool:
            return paths.issuperset(unit.path for unit in other.units)

        if self.state.unplanned and all(map(is_suspect, self.state.waiting)):
            self._plan_portion()
        self.state = replace(self.state, waiting=tuple(sorted(self.state.waiting, key=is_suspect)))

    def _file(self, chunk: Chunk, findings: tuple[Finding, ...]) -> None:
        """A full answer had no room for the last hunks, so they are asked about again, until a hunk is alone. What it
        said counts all the same."""
        full = len(findings) >= MAX_FINDINGS
        parts = part_hunks(chunk) if full else ()
        if parts:
            self.full += findings
            self.state = self.state.end(chunk, waiting=parts)
            return
        if full:
            findings = tuple(add_note(finding, FULL) for finding in findings)
        findings = self._with_earlier(chunk, findings)
        self.state = self.state.end(chunk, read=(Read(chunk, findings),))
        self.manner.keep(chunk, findings)

    def _with_earlier(self, chunk: Chunk, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """These and what a full answer said of the same lines in other words."""
        places = {(unit.path, line.new) for unit in chunk.units for line in unit.hunk.lines[unit.start : unit.stop]}
        paths = {unit.path for unit in chunk.units}
        own = [f for f in self.full if (f.path, f.line) in places or (f.line is None and f.path in paths)]
        self.full = [finding for finding in self.full if finding not in own]
        said = {(finding.path, finding.line, finding.message) for finding in findings}
        return findings + tuple(finding for finding in own if (finding.path, finding.line, finding.message) not in said)

    def _fit(self, sent: _Sent, error: PromptTooLong) -> None:
        """Split the chunk; where the window turned out to be smaller than known, pack all that waits anew. How much
        smaller is not always told: it is then halved. What was sent before that was known says nothing new."""
        if sent.window is not self.window:
            self._wait_again(sent.chunk, self.window)
            return
        real = error.window
        if isinstance(error, PromptCut) or (real is None and self.window.counter.exact):
            real = self.window.tokens // 2
        if real is None or real >= self.window.tokens:
            self._split(sent.chunk, error)
            return
        try:
            self._wait_again(sent.chunk, self.window.smaller(real))
        except EngineDown as down:
            self.state = self.state.end(sent.chunk, waiting=(sent.chunk,))
            self.give_up(f"{error.message}; {down.message}", down.hint)

    def _wait_again(self, chunk: Chunk, window: Window) -> None:
        self.state = self.state.end(chunk, waiting=(chunk,))
        self._pack_anew(window)

    def _pack_anew(self, window: Window) -> None:
        waiting = sorted(self.state.waiting, key=self.place)  # neighbours are packed together, which saves context
        plan = repack(waiting, self.manner.sizing.budget(window), self.dialogue.deadline)
        self.dialogue.window = window
        self.state = replace(self.state, waiting=riskiest_first(plan.chunks), failed=self.state.failed + plan.failed)

    def _split(self, chunk: Chunk, error: EngineError) -> None:
        halves = split_chunk(chunk)
        if halves:
            self.state = self.state.end(chunk, waiting=halves)
        else:
            self._fail(chunk, error)

    def _fail(self, chunk: Chunk, error: EngineError) -> None:
        if error.hint:
            self.hints.append((self.place(chunk), error.hint))
        self.state = self.state.end(chunk, failed=omit_chunk(chunk, error.message))
