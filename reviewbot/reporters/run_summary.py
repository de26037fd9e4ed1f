"""What a run says about itself on stderr: outcome, coverage, what was left out and why, where the bytes went."""

from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from reviewbot.errors import ExitCode
from reviewbot.findings import Severity
from reviewbot.plan import Kind, Omission
from reviewbot.reporters import Style
from reviewbot.reporters.colours import paint
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Outcome, Verdict

MAX_ROWS = 10

_COLOURS = {
    Outcome.CLEAN: "green",
    Outcome.FINDINGS: "yellow",
    Outcome.BLOCKED: "red",
    Outcome.INCOMPLETE: "red",
    Outcome.NOT_REVIEWED: "red",
    Outcome.NOTHING: "dim",
    Outcome.DEMO: "yellow",
}


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """Lines that each end in LF; "" where there is nothing to say."""
    problem = verdict.outcome in (Outcome.BLOCKED, Outcome.INCOMPLETE, Outcome.NOT_REVIEWED)
    if style.quiet and not problem:
        return ""
    return "".join(f"{line}\n" for line in _lines(review, verdict, style))


def _lines(review: Review, verdict: Verdict, style: Style) -> Iterator[str]:
    headline = f"reviewbot: {' · '.join(_headline(review, verdict))}"
    yield paint(headline, _COLOURS[verdict.outcome], style.colour)
    if review.skip_reason is not None:
        return
    if review.failed and review.reviewed == 0:
        yield paint("NOTHING WAS REVIEWED: no model read these lines.", "red", style.colour)
    yield from _omissions("not read", review.failed, style)
    yield from _skipped(review.skipped, style)
    if verdict.outcome is Outcome.NOTHING and review.added == 0 and not review.skipped:
        yield "no line was added; removed lines alone are not reviewed" if review.files else "the change is empty"
    if review.unconfirmed:
        yield f"{_count(review.unconfirmed, 'finding')} got no second look"
    if review.no_model:
        yield "only the deterministic checks ran"
    if review.suppressed:
        yield f"{_count(len(review.suppressed), 'milder finding')} not shown (max_findings)"
    for note in review.notes:
        yield f"note: {visible_line(note)}"
    for hint in review.hints:
        yield f"  try: {visible_line(hint)}"
    yield from _engine(review, verdict)


def _headline(review: Review, verdict: Verdict) -> Iterator[str]:
    yield _outcome(review, verdict)
    anchored = [finding for finding in verdict.findings if finding.line is not None]
    for severity in reversed(Severity):
        count = sum(finding.severity is severity and not finding.blocking for finding in anchored)
        if count:
            yield _count(count, severity.word) if severity is not Severity.INFO else f"{count} info"
    loose = len(verdict.findings) - len(anchored)
    if loose:
        yield f"{_count(loose, 'remark')} that no line proves"
    if review.skip_reason is None:
        yield f"{review.reviewed:,} of {_count(review.added, 'added line')} reviewed{_details(review)}"


def _outcome(review: Review, verdict: Verdict) -> str:
    match verdict.outcome:
        case Outcome.BLOCKED:
            blocking = [finding for finding in verdict.findings if finding.blocking]
            worst = max(finding.severity for finding in blocking)
            word = worst.word if all(finding.severity is worst for finding in blocking) else "finding"
            return f"blocked by {_count(len(blocking), word)}"
        case Outcome.NOT_REVIEWED if review.skip_reason is not None:
            return f"not reviewed: skipped ({visible_line(review.skip_reason)})"
        case Outcome.NOT_REVIEWED:
            return "not reviewed"
        case Outcome.INCOMPLETE:
            return "INCOMPLETE"
        case Outcome.NOTHING:
            return "nothing to review"
        case Outcome.DEMO:
            return "read by the demo model only, which is too small to find bugs"
        case other:
            return other.value


def _details(review: Review) -> str:
    parts = [_count(len(review.files), "file")] if review.files else []
    if review.lines_skipped:
        parts.append(f"{review.lines_skipped:,} skipped")
    if review.lines_failed:
        parts.append(f"{review.lines_failed:,} not read")
    if review.usage.requests:
        parts += [_count(review.usage.requests, "request"), f"{review.usage.seconds:.1f} s"]
    return f" ({', '.join(parts)})" if parts else ""


_NOUNS = frozenset({Kind.LOCK, Kind.LFS_POINTER, Kind.SUBMODULE, Kind.SYMLINK})


def _skipped(omissions: Sequence[Omission], style: Style) -> Iterator[str]:
    """One sum of what rules left out, their details for those who want more, and what was left out by wish."""
    by_rule = [omission for omission in omissions if omission.kind is not None]
    if by_rule:
        yield _sum(by_rule)
    yield from _omissions("skipped", [o for o in omissions if o.kind is None or style.verbose], style)


def _sum(omissions: Sequence[Omission]) -> str:
    """How many files and lines no model read, by kind of rule, the most frequent first."""
    files = {omission.path for omission in omissions}
    kinds = Counter(kind for kind, _ in {(omission.kind, omission.path) for omission in omissions} if kind is not None)
    order = {kind: place for place, kind in enumerate(Kind)}
    ranked = sorted(kinds.items(), key=lambda item: (-item[1], order[item[0]]))
    counts = ", ".join(_count(number, kind) if kind in _NOUNS else f"{number:,} {kind}" for kind, number in ranked)
    lines = sum(omission.lines for omission in omissions)
    what = f"{_count(len(files), 'file')}, {_count(lines, 'line')}" if lines else _count(len(files), "file")
    hint = f"; --include to review {'it' if len(files) == 1 else 'them'}" if set(kinds) != {Kind.BINARY} else ""
    return f"{what} not reviewed: {counts}{hint}"


def _omissions(word: str, omissions: Sequence[Omission], style: Style) -> Iterator[str]:
    """One row for each reason, with the places it holds for."""
    by_reason: dict[str, list[Omission]] = {}
    for omission in omissions:
        by_reason.setdefault(omission.reason, []).append(omission)
    rows = list(by_reason.items())
    shown = rows if style.verbose else rows[:MAX_ROWS]
    for reason, places in shown:
        lines = sum(place.lines for place in places)
        what = f"{_count(lines, 'line')} " if lines else ""
        yield f"{word}: {what}{_places(places, style)}: {visible_line(reason)}"
    if len(shown) < len(rows):
        yield f"{word}: and for {len(rows) - len(shown)} more reasons (-v lists all)"


def _places(places: Sequence[Omission], style: Style) -> str:
    shown = places if style.verbose else places[:3]
    names = ", ".join(_place(place) for place in shown)
    more = f" and {len(places) - len(shown)} more places" if len(shown) < len(places) else ""
    return f"in {names}{more}"


def _place(omission: Omission) -> str:
    if omission.start is None:
        return visible_line(omission.path)
    end = f"-{omission.end}" if omission.end != omission.start else ""
    return f"{visible_line(omission.path)}:{omission.start}{end}"


def _engine(review: Review, verdict: Verdict) -> Iterator[str]:
    parts = []
    engine = review.engine
    if engine is not None:
        host = urlsplit(engine.endpoint).hostname or engine.endpoint
        parts.append(f"{visible_line(engine.model)} on {host}")
        if engine.demo:
            parts.append("for a real review: install Ollama, then ollama pull codellama:7b-instruct")
    if verdict.exit_code is ExitCode.BLOCKED and review.source.kind == "staged":
        parts.append("to commit anyway: REVIEWBOT_SKIP='why' git commit ...")
    if parts:
        yield " · ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
