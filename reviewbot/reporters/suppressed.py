"""Lines of text about findings that are not shown, and why."""

from collections import Counter
from collections.abc import Iterator, Sequence

from reviewbot.findings import Finding
from reviewbot.reporters.omissions import count_words
from reviewbot.sieves import NEW
from reviewbot.text import show_place, visible_line

HINT = "--show-dropped lists them"


def suppressed_lines(suppressed: Sequence[tuple[Finding, str]], *, show: bool) -> Iterator[str]:
    """A sum for each rule that hides findings, then the findings themselves for those who ask."""
    excluded = [finding for finding, by in suppressed if by == "excluded"]
    capped = [finding for finding, by in suppressed if by == "cap"]
    if excluded:
        reasons = Counter(_reason(finding) for finding in excluded)
        counts = ", ".join(f"{visible_line(reason)} ({number:,})" for reason, number in reasons.most_common())
        yield f"{count_words(len(excluded), 'remark')} dropped: {counts}{'' if show else f'; {HINT}'}"
        yield from (_row("dropped", finding) for finding in excluded if show)
    for by, word in (("ignore", "ignored by a comment"), ("baseline", "accepted in .reviewbot-baseline")):
        overruled = [finding for finding, reason in suppressed if reason == by]
        new = sum(f"{NEW}: " in (finding.note or "") for finding in overruled)
        if overruled:
            mark = f", {new:,} of them added by this change" if new else ""
            yield f"{count_words(len(overruled), 'finding')} {word}{mark}{'' if show or new else f'; {HINT}'}"
            yield from (_row(word, finding) for finding in overruled if show or new)
    if capped:
        yield f"{count_words(len(capped), 'milder finding')} not shown (max_findings)"
        yield from (_row("not shown", finding) for finding in capped if show)


def _reason(finding: Finding) -> str:
    """Why it was excluded: the last remark of its note."""
    return (finding.note or "").rsplit("; ", 1)[-1]


def _row(word: str, finding: Finding) -> str:
    place = show_place(finding.path, finding.line)
    note = f" ({finding.note})" if finding.note else ""
    text = f"{place}: {finding.severity.word}: {finding.message} [{finding.rule}]{note}"
    return f"{word}: {visible_line(text)}"
