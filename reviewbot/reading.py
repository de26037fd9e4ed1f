"""Have an engine read what there is to review: recall, plan, ask, settle, count."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

from msgspec.structs import replace

from reviewbot.advice import slow_note
from reviewbot.ask import FULL, Manner, ask_changes, keep_nothing
from reviewbot.confirm import demote
from reviewbot.coverage import cover, lines_to_read
from reviewbot.dialogue import Asker, Dialogue, Silence
from reviewbot.diff import FileChange, Segment
from reviewbot.duplicates import merge_claims, merge_duplicates, tell_repeats
from reviewbot.engines import Engine, EngineInfo
from reviewbot.errors import EngineError
from reviewbot.exclusions import exclude_findings
from reviewbot.findings import Finding, Severity, mask_finding
from reviewbot.fingerprints import mark
from reviewbot.functions import views_of_hunk
from reviewbot.gpu import probe
from reviewbot.opinions import Settled, Terms, ask_opinions
from reviewbot.outcomes import Known, Outcomes
from reviewbot.pace import Progress
from reviewbot.patience import patiently
from reviewbot.plan import Omission, omit
from reviewbot.portions import recall_nothing
from reviewbot.review import Material, Options, Review, Usage, sort_findings, unread
from reviewbot.sieves import Sifted, cap_findings, sift
from reviewbot.window import load_window

DEMO_S = 60.0
"""The demo model stops after so many seconds and lists the rest: nobody should wait for it."""

DEMO_CHUNK_TOKENS = 800
DEMO_FINDINGS = 2
"""It reads some 100 tokens a second on one core, writes 65, and does not stop by itself: a request of ordinary size,
and an answer of ordinary length, would take most of that time."""

OutcomesOf = Callable[[EngineInfo], Outcomes | None]


class Recalled(NamedTuple):
    """What was said before by `engine`; `seen` says when it was there last."""

    engine: EngineInfo
    seen: str
    outcomes: Outcomes


def no_outcomes(info: EngineInfo) -> None:
    """Nothing is known of what an engine said, and nothing is kept."""


def nothing_known(changes: Sequence[FileChange]) -> Known:
    """All of the changes are left."""
    return Known((), Counter(), 0, tuple(changes))


def run_review(
    material: Material,
    engine: Engine,
    options: Options,
    on_progress: Callable[[Progress], None],
    recall_speed: Callable[[EngineInfo], float | None],
    outcomes_of: OutcomesOf = no_outcomes,
    recalled: Recalled | None = None,
) -> Review:
    """Have `engine` read all of the material that is not known. An engine that is down is data: what it should have
    read is then failed, but for what was `recalled` before anybody was asked.

    `recall_speed` tells how many tokens per second this engine read and wrote in an earlier run, if that is known;
    `outcomes_of` what it said in earlier ones.
    """
    started = time.monotonic()
    look = cache(probe)
    try:
        info = engine.describe(options.deadline)
        if recalled is not None and recalled.engine.digest != info.digest:
            recalled = None  # another model by now
        options = for_demo(options) if info.demo else options
        outcomes = outcomes_of(info)
        known = outcomes.take_known(material.changes) if outcomes else nothing_known(material.changes)
        load = partial(load_window, engine, info, known.rest, options.sizing, options.deadline, look)
        window, loaded = patiently(load, options.deadline)
        manner = Manner(
            options.sizing,
            recall_speed(info),
            options.reply_findings,
            keep=outcomes.keep if outcomes else keep_nothing,
            recall=outcomes.take_known_parts if outcomes else recall_nothing,
            mask=material.mask,
            parallel=1 if info.kind == "embedded" else options.parallel,  # it has one slot
        )
    except EngineError as error:
        return _unanswered(material, options, recalled, error.message, (error.hint,) if error.hint else ())
    except KeyboardInterrupt:
        return replace(_unanswered(material, options, recalled, "interrupted"), interrupted=True)
    dialogue = Dialogue(engine, window, _deadline(options, info, started), options.max_requests)
    asked = ask_changes(dialogue, known.rest, manner, on_progress)
    marked = mark(_in_order(_masked(known, material) + asked.findings, material.changes), material.changes)
    said = _belittled(marked) if info.demo else marked
    stopped = "interrupted" if asked.interrupted else None
    settled, sifted = _settle(said, dialogue, material, options, stopped, outcomes)
    failed = material.failed + _in_order_of_lines(asked.failed, material.changes)
    slow = slow_note(info, loaded, look)
    reviewed = asked.reviewed + known.reviewed
    return Review(
        source=material.source,
        files=cover(lines_to_read(material.changes, material.failed), material.skipped, failed, reviewed),
        findings=sort_findings(material.findings + sifted.kept),
        skipped=material.skipped,
        failed=failed,
        suppressed=material.suppressed + sifted.suppressed,
        engine=replace(info, window_tokens=dialogue.window.tokens),
        prompt=options.sizing.prompt,
        usage=_usage(dialogue, known.hunks, time.monotonic() - started),
        answer_seconds=dialogue.seconds,
        notes=material.notes + ((slow,) if slow else ()) + _told_of_full(said),
        hints=tuple(dict.fromkeys(asked.hints + settled.hints)),
        unconfirmed=settled.unconfirmed,
        interrupted=asked.interrupted or settled.interrupted,
    )


def recall_review(material: Material, options: Options, recalled: Recalled) -> Review | None:
    """The review of a change of which every line and every second opinion is known, without asking anybody; None for
    any other."""
    known = recalled.outcomes.take_known(material.changes)
    if any(change.adds for change in known.rest):
        return None
    review = _by_what_is_known(material, options, recalled, known, "nobody is asked")
    if review.unconfirmed or review.interrupted:
        return None
    note = f"all of it was reviewed before; nobody was asked now ({recalled.seen})"
    return replace(review, notes=(*review.notes, note))


def _unanswered(
    material: Material, options: Options, recalled: Recalled | None, why: str, hints: tuple[str, ...] = ()
) -> Review:
    """The review of a run in which nobody could be asked: what is not known is failed."""
    if recalled is None:
        return unread(material, why, hints)
    known = recalled.outcomes.take_known(material.changes)
    if not known.hunks:
        return unread(material, why, hints)
    return replace(_by_what_is_known(material, options, recalled, known, why), hints=hints)


def _by_what_is_known(material: Material, options: Options, recalled: Recalled, known: Known, why: str) -> Review:
    """The review without a request; `why` says for the rest, and for second opinions, why there is none."""
    started = time.monotonic()
    said = mark(_in_order(_masked(known, material), material.changes), material.changes)
    settled, sifted = _settle(said, Silence(why), material, options, None, recalled.outcomes)
    failed = material.failed + tuple(omission for change in known.rest for omission in omit(change, why))
    to_read = lines_to_read(material.changes, material.failed)
    return Review(
        source=material.source,
        files=cover(to_read, material.skipped, failed, known.reviewed),
        findings=sort_findings(material.findings + sifted.kept),
        skipped=material.skipped,
        failed=failed,
        suppressed=material.suppressed + sifted.suppressed,
        engine=recalled.engine,
        prompt=options.sizing.prompt,
        usage=Usage(cached_hunks=known.hunks, seconds=round(time.monotonic() - started, 3)),
        notes=material.notes + _told_of_full(said),
        unconfirmed=settled.unconfirmed,
        interrupted=settled.interrupted,
    )


def _told_of_full(said: Sequence[Finding]) -> tuple[str, ...]:
    """That there may be more than an answer had room for, whatever becomes of what it says."""
    paths = dict.fromkeys(finding.path for finding in said if FULL in (finding.note or ""))
    return (f"the answer about a hunk was full, there may be more: {', '.join(paths)}",) if paths else ()


def _masked(known: Known, material: Material) -> tuple[Finding, ...]:
    """What was said before: of a change that has other secrets, perhaps."""
    return tuple(mask_finding(finding, material.mask) for finding in known.findings)


def _in_order(findings: tuple[Finding, ...], changes: Sequence[FileChange]) -> tuple[Finding, ...]:
    """As they come in a review of everything at once: by file and line."""
    order = {change.path: place for place, change in enumerate(changes)}
    return tuple(sorted(findings, key=lambda f: (order.get(f.path, len(order)), f.line or 0)))


def _in_order_of_lines(omissions: tuple[Omission, ...], changes: Sequence[FileChange]) -> tuple[Omission, ...]:
    """By file and line, in whatever order they came to be."""
    order = {change.path: place for place, change in enumerate(changes)}
    return tuple(sorted(omissions, key=lambda o: (order[o.path], o.start or 0)))


def _settle(
    said: tuple[Finding, ...],
    dialogue: Asker,
    material: Material,
    options: Options,
    stopped: str | None,
    outcomes: Outcomes | None,
) -> tuple[Settled, Sifted]:
    """What becomes of all that the model said: the second opinions, and what is shown and suppressed in the end.

    `stopped` says why nothing more can be asked.
    """
    before = sift(said, exclude_findings, merge_claims, material.sieve)
    boundary = options.sizing.prompt.boundary
    terms = Terms(options.votes, options.block_at, options.max_confirmations, boundary, stopped)
    settled = ask_opinions(dialogue, before.kept, terms, partial(_views, material), outcomes)
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


def _belittled(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What the demo model says, as information: it is shown only to prove that the way to a model works."""
    return tuple(demote(finding, finding.confirmed, Severity.INFO, "said by the demo model") for finding in findings)


def _usage(dialogue: Dialogue, known: int, seconds: float) -> Usage:
    return Usage(dialogue.requests, dialogue.prompt_tokens, dialogue.completion_tokens, known, round(seconds, 3))
