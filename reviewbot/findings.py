"""What is remarked about a line, whoever said it: the values that checks, model replies and reports share."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, StrEnum
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.diff import FileChange, Line, LineKind
from reviewbot.masks import Mask


class Severity(IntEnum):
    """Ordered, so that the worst is `max(...)`."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """The name that settings and reports use."""
        return self.name.lower()


def severity_named(word: str) -> Severity | None:
    """The severity of a setting's word; None for "never"."""
    return next((severity for severity in Severity if severity.word == word), None)


class Confirmed(StrEnum):
    """What a second opinion said of a finding."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"
    NOT_ASKED = "not_asked"


SECRET = "check/secret"
"""The rule that no comment of ours and no baseline overrules."""

CATEGORIES = ("bug", "security", "concurrency", "resource", "error-handling", "performance", "api", "test")


class ExcerptLine(Struct, frozen=True):
    """A line of code shown below a finding; `marked` is the one that it is about."""

    number: int
    text: str
    marked: bool


class Repeat(Struct, frozen=True):
    """Another finding that is about the same: its line and its message."""

    line: int | None
    message: str


class Finding(Struct, frozen=True):
    """One remark. `line` and `end_line` are added lines of the new file, or None when nothing anchors it.

    `evidence` is the code of the anchored line, taken from the diff and not from the model; None when the quote
    was not found. `source` is "model" or "check". `blocking` is set by the verdict alone. `repeats` has each
    finding that said the same.
    """

    path: str
    line: int | None
    end_line: int | None
    severity: Severity
    category: str
    rule: str
    message: str
    source: str
    suggestion: str | None = None
    evidence: str | None = None
    confirmed: Confirmed = Confirmed.NOT_ASKED
    blocking: bool = False
    note: str | None = None
    fingerprint: str = ""
    excerpt: tuple[ExcerptLine, ...] = ()
    repeats: tuple[Repeat, ...] = ()


def add_note(finding: Finding, why: str) -> Finding:
    """The finding with one more remark behind what its note says."""
    return replace(finding, note="; ".join(part for part in (finding.note, why) if part))


def mask_finding(finding: Finding, mask: Mask) -> Finding:
    """The finding without the values in what is said of it; its code is masked where it comes from."""
    message, suggestion, note = (text and mask(text) for text in (finding.message, finding.suggestion, finding.note))
    if (message, suggestion, note) == (finding.message, finding.suggestion, finding.note):
        return finding
    return replace(finding, message=message, suggestion=suggestion, note=note)


def turns(findings: Sequence[Finding]) -> list[int]:
    """For each finding how many of its file and severity come before it: by that, one of each file has its turn before
    the second of any."""
    seen: Counter[tuple[str, Severity]] = Counter()
    found = []
    for finding in findings:
        found.append(seen[finding.path, finding.severity])
        seen[finding.path, finding.severity] += 1
    return found


def passes_gate(finding: Finding, block_at: Severity | None, *, confirm: bool) -> bool:
    """Whether a finding may stop a commit, by all that is known of it: it stands on an added line, at or above
    `block_at`, and a check made it, or a model that quoted the line and, with `confirm`, stood by it when asked again.
    """
    if block_at is None or finding.line is None or finding.severity < block_at:
        return False
    proven = finding.evidence is not None and (finding.confirmed is Confirmed.YES or not confirm)
    return finding.source == "check" or proven


_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ufffd]+")


AROUND = 2
"""Lines of code that are shown with a finding, on either side of its own."""


def excerpt(lines: Sequence[Line], at: int) -> tuple[ExcerptLine, ...]:
    """`lines[at]` and up to AROUND lines of the new file on both sides of it."""
    before = islice(_there(lines, range(at - 1, -1, -1)), AROUND)
    after = islice(_there(lines, range(at + 1, len(lines))), AROUND)
    shown = (*reversed([*before]), lines[at], *after)
    return tuple(ExcerptLine(line.new or 0, line.text, line is lines[at]) for line in shown)


def _there(lines: Sequence[Line], places: Iterable[int]) -> Iterator[Line]:
    """Those of the lines in these places that are there after the change."""
    return (lines[place] for place in places if lines[place].kind is not LineKind.REMOVED)


def about_line(
    path: str,
    lines: Sequence[Line],
    at: int,
    *,
    rule: str,
    severity: Severity,
    message: str,
    category: str = "security",
    suggestion: str | None = None,
) -> Finding:
    """A check's finding on the added line `lines[at]`."""
    made = about_no_line(path, rule=rule, severity=severity, message=message)
    line = lines[at]
    return replace(
        made,
        line=line.new,
        end_line=line.new,
        category=category,
        suggestion=suggestion,
        evidence=line.text.strip(),
        excerpt=excerpt(lines, at),
    )


def about_no_line(path: str, *, rule: str, severity: Severity, message: str, note: str | None = None) -> Finding:
    """A check's finding on a file in which no line was added."""
    return Finding(
        path=path,
        line=None,
        end_line=None,
        severity=severity,
        category="security",
        rule=rule,
        message=message,
        source="check",
        note=note,
    )


def about_name(change: FileChange, *, rule: str, severity: Severity, message: str) -> tuple[Finding, ...]:
    """A check's finding on the name of a file: on its first added line, else, where the file is new or renamed, as an
    information on none."""
    for hunk in change.hunks:
        for at, line in enumerate(hunk.lines):
            if line.kind is LineKind.ADDED:
                return (about_line(change.path, hunk.lines, at, rule=rule, severity=severity, message=message),)
    if change.deleted or change.raw_path == change.raw_old_path:
        return ()
    note = "no line of it is added"
    return (about_no_line(change.path, rule=rule, severity=Severity.INFO, message=message, note=note),)


def squeeze(text: str) -> str:
    """The text without blanks and control characters: what code is compared by."""
    return _BLANKS.sub("", text)
