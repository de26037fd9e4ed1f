"""What a run says about itself on stderr: outcome, coverage, what was left out and why, where the bytes went."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from reviewbot.errors import ExitCode
from reviewbot.findings import Severity
from reviewbot.prompts import Prompt, PromptName
from reviewbot.reporters import Style
from reviewbot.reporters.colours import paint
from reviewbot.reporters.omissions import count_words, omission_lines, skipped_lines
from reviewbot.reporters.suppressed import suppressed_lines
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Outcome, Verdict

_COLOURS = {
    Outcome.CLEAN: "green",
    Outcome.FINDINGS: "yellow",
    Outcome.BLOCKED: "red",
    Outcome.INCOMPLETE: "red",
    Outcome.NOT_REVIEWED: "red",
    Outcome.NOTHING: "dim",
    Outcome.DEMO: "yellow",
    Outcome.PART: "dim",
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
    yield from omission_lines("not read", review.failed, verbose=style.verbose)
    yield from skipped_lines(review.skipped, verbose=style.verbose)
    if verdict.outcome is Outcome.NOTHING and review.added == 0 and not review.skipped:
        yield "no line was added; removed lines alone are not reviewed" if review.files else "the change is empty"
    if review.unconfirmed:
        yield f"{count_words(review.unconfirmed, 'finding')} got no second look"
    if review.share is not None and review.share.elsewhere:
        lines = count_words(review.share.elsewhere, "added line")
        yield f"{lines} in other shares; `reviewbot merge` joins the reports"
    if review.no_model:
        yield "only the deterministic checks ran"
    yield from suppressed_lines(review.suppressed, show=style.show_dropped)
    for note in review.notes:
        yield f"note: {visible_line(note)}"
    for hint in review.hints:
        yield f"  try: {visible_line(hint)}"
    if style.verbose and review.prompt is not None:
        yield _prompt(review.prompt)
    yield from _engine(review, verdict)


def _prompt(prompt: Prompt | PromptName) -> str:
    version = "a file of yours" if prompt.version is None else f"version {prompt.version}"
    return f"prompt: {visible_line(prompt.name)}, {version}, sha256 {prompt.sha256[:12]}"


def _headline(review: Review, verdict: Verdict) -> Iterator[str]:
    yield _outcome(review, verdict)
    anchored = [finding for finding in verdict.findings if finding.line is not None]
    for severity in reversed(Severity):
        count = sum(finding.severity is severity and not finding.blocking for finding in anchored)
        if count:
            yield count_words(count, severity.word) if severity is not Severity.INFO else f"{count} info"
    loose = len(verdict.findings) - len(anchored)
    if loose:
        yield f"{count_words(loose, 'remark')} that no line proves"
    if review.skip_reason is None:
        yield f"{review.reviewed:,} of {count_words(review.added, 'added line')} reviewed{_details(review)}"


def _outcome(review: Review, verdict: Verdict) -> str:
    match verdict.outcome:
        case Outcome.BLOCKED:
            blocking = [finding for finding in verdict.findings if finding.blocking]
            worst = max(finding.severity for finding in blocking)
            word = worst.word if all(finding.severity is worst for finding in blocking) else "finding"
            return f"blocked by {count_words(len(blocking), word)}"
        case Outcome.NOT_REVIEWED if review.skip_reason is not None:
            return f"not reviewed: skipped ({visible_line(review.skip_reason)})"
        case Outcome.NOT_REVIEWED:
            return "not reviewed: interrupted" if review.interrupted else "not reviewed"
        case Outcome.INCOMPLETE:
            return "INCOMPLETE"
        case Outcome.NOTHING:
            return "nothing to review"
        case Outcome.PART if review.share is not None:
            return f"share {review.share.index} of {review.share.count}, which is no whole review"
        case Outcome.DEMO:
            return "read by the demo model only, which is too small to find bugs"
        case other:
            return other.value


def _details(review: Review) -> str:
    parts = [count_words(len(review.files), "file")] if review.files else []
    if review.lines_skipped:
        parts.append(f"{review.lines_skipped:,} skipped")
    if review.lines_failed:
        parts.append(f"{review.lines_failed:,} not read")
    if review.usage.requests:
        parts += [count_words(review.usage.requests, "request"), f"{review.usage.seconds:.1f} s"]
    return f" ({', '.join(parts)})" if parts else ""


def _engine(review: Review, verdict: Verdict) -> Iterator[str]:
    parts = []
    engine = review.engine
    if engine is not None:
        host = urlsplit(engine.endpoint).hostname or engine.endpoint
        parts.append(f"{visible_line(engine.model)} on {host}")
        if engine.demo:
            if verdict.outcome is not Outcome.DEMO:  # which says so by itself
                parts.append("the demo model is too small to find bugs")
            parts.append("for a real review: install Ollama, then ollama pull codellama:7b-instruct")
    if verdict.exit_code is ExitCode.BLOCKED and review.source.kind == "staged":
        parts.append("to commit anyway: REVIEWBOT_SKIP='why' git commit ...")
    if parts:
        yield " · ".join(parts)
