"""Second opinions: each finding that could block is put to the model again, alone."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from reviewbot.confirm import Opinion, confirm_request, demote, is_decided, read_opinion, settle
from reviewbot.dialogue import Asker
from reviewbot.diff import Segment
from reviewbot.errors import AnswerMissing, EngineDown, EngineError, PromptTooLong
from reviewbot.findings import Confirmed, Finding, Severity, turns
from reviewbot.outcomes import Outcomes

MAX_FAILURES = 3
"""After so many unusable opinions in a row no more are asked for: each may cost a time-out."""

Views = Callable[[Sequence[Finding]], Sequence[Sequence[Segment]]]
"""For each finding the code to show with it, the most first: the next is taken where the one before does not fit."""


class Terms(Struct, frozen=True):
    """Which findings are put to the model again: those at or above `block_at` (None: none), `votes` times each (0: not
    at all), and `limit` of them in one run. `boundary` stands on the lines around the code; `stopped` says why nothing
    more is to be asked, if so."""

    votes: int
    block_at: Severity | None
    limit: int
    boundary: str
    stopped: str | None = None


class Settled(NamedTuple):
    """The findings in their order, as the opinions left them. `unconfirmed` of them could not be asked about, which
    makes a run incomplete; `hints` say what to type."""

    findings: tuple[Finding, ...]
    unconfirmed: int
    hints: tuple[str, ...]
    interrupted: bool


def ask_opinions(
    dialogue: Asker, findings: Sequence[Finding], terms: Terms, views: Views, outcomes: Outcomes | None = None
) -> Settled:
    """Ask about each candidate, the worst first; of what `outcomes` know nobody is asked. A failure is data, and so is
    Ctrl-C: the rest is then not asked."""
    order = candidates(findings, terms)
    asking = _Asking(dialogue, terms.votes, terms.boundary, outcomes)
    try:
        chosen = [] if terms.stopped else [findings[place] for place in order[: terms.limit]]
        asking.ask_each(chosen, views(chosen) if chosen else ())
    except KeyboardInterrupt:
        asking.why, asking.interrupted = "interrupted", True
    why = terms.stopped or asking.why or f"more than {terms.limit} findings to confirm (max_confirmations)"
    rest = [_unasked(findings[place], why) for place in order[len(asking.settled) :]]
    made = dict(zip(order, [*asking.settled, *rest], strict=True))
    return Settled(
        findings=tuple(made.get(place, finding) for place, finding in enumerate(findings)),
        unconfirmed=sum(finding.confirmed is Confirmed.NOT_ASKED for finding in made.values()),
        hints=tuple(asking.hints),
        interrupted=asking.interrupted,
    )


def candidates(findings: Sequence[Finding], terms: Terms) -> list[int]:
    """The places of the findings that could block if they were confirmed, in the order in which to ask about them.

    The worst come first, and among equals one of each file before the second of any: what a change says in one file
    does not use up the questions about another.
    """
    if not terms.votes or terms.block_at is None:
        return []
    block_at = terms.block_at
    found = [i for i, f in enumerate(findings) if f.severity >= block_at and f.evidence is not None]
    turn = dict(zip(found, turns([findings[place] for place in found]), strict=True))
    return sorted(found, key=lambda place: (-findings[place].severity, turn[place]))


class _Asking:
    """`settled` are the first findings of those asked about; `why` says why no more were, when something failed."""

    def __init__(self, dialogue: Asker, votes: int, boundary: str, outcomes: Outcomes | None) -> None:
        self._dialogue = dialogue
        self._outcomes = outcomes
        self._boundary = boundary
        self._votes = votes
        self._failures = 0
        self.settled: list[Finding] = []
        self.why: str | None = None
        self.hints: list[str] = []
        self.interrupted = False

    def ask_each(self, findings: Sequence[Finding], views: Sequence[Sequence[Segment]]) -> None:
        """Until nothing more can be asked."""
        for finding, shown in zip(findings, views, strict=True):
            try:
                self.settled.append(self._ask(finding, shown))
            except EngineDown as error:
                self.why = error.message
                self.hints += [error.hint] if error.hint else []
            if self.why is not None:
                return

    def _ask(self, finding: Finding, views: Sequence[Segment]) -> Finding:
        """The finding after its votes; EngineDown when nothing more can be asked."""
        opinions: list[Opinion] = []
        try:
            while not is_decided(opinions, self._votes):
                opinions.append(self._vote(finding, views, len(opinions)))
        except EngineDown:
            raise
        except AnswerMissing as error:
            return _unasked(finding, error.message)
        except EngineError as error:
            self._failures += 1
            if self._failures == MAX_FAILURES:
                self.why = f"given up after {MAX_FAILURES} failures in a row: {error.message}"
            return _unasked(finding, error.message)
        self._failures = 0
        return settle(finding, opinions)

    def _vote(self, finding: Finding, views: Sequence[Segment], vote: int) -> Opinion:
        """One opinion, with as much code as fits."""
        for shown in views[:-1]:
            try:
                return self._put(finding, shown, vote)
            except PromptTooLong:
                continue
        return self._put(finding, views[-1], vote)

    def _put(self, finding: Finding, shown: Segment, vote: int) -> Opinion:
        known = self._outcomes.recall_opinion(finding, shown, vote) if self._outcomes else None
        if known is not None:
            return known
        request = confirm_request(finding, shown, vote, self._boundary)
        opinion = self._dialogue.ask_readable(request, lambda text: read_opinion(text, shown, finding.line))[1]
        if self._outcomes:
            self._outcomes.keep_opinion(finding, shown, vote, opinion)
        return opinion


def _unasked(finding: Finding, why: str) -> Finding:
    return demote(finding, Confirmed.NOT_ASKED, Severity.WARNING, f"no second look: {why}")
