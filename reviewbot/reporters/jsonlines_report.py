"""JSON, an object a line: for programs that read along.

While requests are answered there are lines of type `progress`, which name the added lines that were read, and those
that failed, as that comes to be; it does not change again. The report follows when all is decided, for a finding may
still change until then: `run`, the findings and the lines that nobody read, and `end` with the verdict. Where `end` is
missing, the run was cut off.
"""

from collections import Counter
from typing import Any, Literal

import msgspec
from msgspec import Struct

from reviewbot.pace import Progress
from reviewbot.reporters import Style
from reviewbot.reporters.json_report import (
    CoveragePart,
    EnginePart,
    FindingPart,
    OmissionPart,
    PromptPart,
    SourcePart,
    SuppressedPart,
    ToolPart,
    UsagePart,
    VerdictPart,
    build_report,
    omission_part,
)
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Verdict


class ReviewedPart(Struct, frozen=True):
    """So many more added lines of a file were read."""

    path: str
    lines: int


class ProgressLine(Struct, frozen=True, tag_field="type", tag="progress"):
    """So many requests are answered, of as many as are expected; `seconds_left` is null where there is no measure for
    it. `reviewed` and `failed` are what came to be so since the line before."""

    done: int
    total: int
    tokens_per_second: float
    seconds_left: float | None
    reviewed: list[ReviewedPart]
    failed: list[OmissionPart]


class RunLine(Struct, frozen=True, tag_field="type", tag="run"):
    """What was reviewed, by what."""

    version: Literal[1]
    tool: ToolPart
    source: SourcePart
    engine: EnginePart | None
    prompt: PromptPart | None


class FindingLine(Struct, frozen=True, tag_field="type", tag="finding"):
    """A finding, as it stands in the JSON report."""

    finding: FindingPart


class SuppressedLine(Struct, frozen=True, tag_field="type", tag="suppressed"):
    """A finding that is not shown, and why."""

    finding: SuppressedPart


class SkippedLine(Struct, frozen=True, tag_field="type", tag="skipped"):
    """Lines that a rule leaves out."""

    lines: OmissionPart


class FailedLine(Struct, frozen=True, tag_field="type", tag="failed"):
    """Lines that should have been read and were not."""

    lines: OmissionPart


class EndLine(Struct, frozen=True, tag_field="type", tag="end"):
    """The verdict; the last line of every run that came to its end."""

    verdict: VerdictPart
    coverage: CoveragePart
    usage: UsagePart


Line = ProgressLine | RunLine | FindingLine | SuppressedLine | SkippedLine | FailedLine | EndLine


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """All lines but those of progress."""
    report = build_report(review, verdict)
    lines: list[Line] = [
        RunLine(1, report.tool, report.source, report.engine, report.prompt),
        *map(FindingLine, report.findings),
        *map(SuppressedLine, report.suppressed),
        *map(SkippedLine, report.skipped),
        *map(FailedLine, report.failed),
        EndLine(report.verdict, report.coverage, report.usage),
    ]
    return "".join(f"{msgspec.json.encode(line).decode()}\n" for line in lines)


def render_progress(step: Progress) -> str:
    """One line of progress."""
    counts: Counter[str] = Counter()
    for unit in (unit for chunk in step.read for unit in chunk.units):
        counts[visible_line(unit.path)] += unit.added
    reviewed = [ReviewedPart(path, lines) for path, lines in counts.items() if lines]
    failed = list(map(omission_part, step.failed))
    speed = round(step.tokens_per_second, 1)
    line = ProgressLine(step.done, step.total, speed, step.seconds_left, reviewed, failed)
    return f"{msgspec.json.encode(line).decode()}\n"


def line_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Line)}
