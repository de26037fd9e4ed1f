"""The report as JSON, version 1; its JSON Schema is report.schema.json beside this module."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from reviewbot import __version__
from reviewbot.engines import EngineInfo
from reviewbot.findings import Finding
from reviewbot.plan import Omission
from reviewbot.prompts import Prompt, PromptName
from reviewbot.reporters import Style
from reviewbot.review import Review
from reviewbot.text import visible, visible_line
from reviewbot.verdict import Verdict

SeverityWord = Literal["info", "warning", "error"]


class ToolPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What wrote the report."""

    name: str
    version: str


class SourcePart(Struct, frozen=True, forbid_unknown_fields=True):
    """What was reviewed; `base` and `head` are object ids, null for the index, the work tree or stdin."""

    kind: Literal["staged", "worktree", "range", "commit", "stdin"]
    base: str | None
    head: str | None


class EnginePart(Struct, frozen=True, forbid_unknown_fields=True):
    """What answered, and where the change was sent."""

    kind: str
    model: str
    digest: str | None
    endpoint: str
    server_version: str | None
    window_tokens: int


class PromptPart(Struct, frozen=True, forbid_unknown_fields=True):
    """The instructions: the name that was chosen, the version of a built-in one, and the SHA-256 of the text as it was
    sent."""

    name: str
    version: int | None
    sha256: str


class VerdictPart(Struct, frozen=True, forbid_unknown_fields=True):
    """The outcome in one word, and the exit code that goes with it."""

    outcome: Literal["clean", "findings", "blocked", "incomplete", "not_reviewed", "nothing", "demo", "part"]
    exit_code: int
    block_at: Literal["never", "info", "warning", "error"]
    reasons: list[str]


class FilePart(Struct, frozen=True, forbid_unknown_fields=True):
    """Added lines of one file by fate; the last three add up to the first."""

    path: str
    added: int
    reviewed: int
    skipped: int
    failed: int


class CoveragePart(Struct, frozen=True, forbid_unknown_fields=True):
    """Added lines by fate; the last three add up to the first."""

    added: int
    reviewed: int
    skipped: int
    failed: int
    files: list[FilePart]


class FindingPart(Struct, frozen=True, forbid_unknown_fields=True):
    """One remark; `line` and `end_line` are 1-based lines of the new file, null when nothing anchors it."""

    fingerprint: str
    path: str
    line: int | None
    end_line: int | None
    severity: SeverityWord
    category: str
    rule: str
    message: str
    suggestion: str | None
    evidence: str | None
    source: Literal["model", "check"]
    confirmed: Literal["yes", "no", "unsure", "not_asked"]
    blocking: bool
    note: str | None


class SuppressedPart(FindingPart, frozen=True, forbid_unknown_fields=True):
    """A finding that is not shown, and why."""

    by: Literal["ignore", "baseline", "cap", "excluded"]


class OmissionPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Added lines that no model read; `start` and `end` are null for a file without text lines."""

    path: str
    start: int | None
    end: int | None
    lines: int
    reason: str


class UsagePart(Struct, frozen=True, forbid_unknown_fields=True):
    """What the run cost."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    cached_hunks: int
    seconds: float


class SharePart(Struct, frozen=True, forbid_unknown_fields=True):
    """That this is the report of one share: `index` of `count`, from 1. `plan` is the same in all reports that belong
    together, `elsewhere` how many added lines the others have. The rest is what joining them takes: findings without a
    second look, whether the run was interrupted, asked nobody or the demo model, and by which policy it was decided."""

    index: int
    count: int
    plan: str
    elsewhere: int
    unconfirmed: int
    interrupted: bool
    no_model: bool
    demo: bool
    confirm: bool
    block_on_failure: bool


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole report of reviewbot."""

    version: Literal[1]
    tool: ToolPart
    source: SourcePart
    engine: EnginePart | None
    prompt: PromptPart | None
    verdict: VerdictPart
    coverage: CoveragePart
    findings: list[FindingPart]
    skipped: list[OmissionPart]
    failed: list[OmissionPart]
    suppressed: list[SuppressedPart]
    usage: UsagePart
    share: SharePart | None = None


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """The report, indented by two blanks."""
    return msgspec.json.format(msgspec.json.encode(build_report(review, verdict)), indent=2).decode() + "\n"


def report_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a report."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Report)}


def build_report(review: Review, verdict: Verdict) -> Report:
    """The values of a report; untrusted text without control characters."""
    return Report(
        version=1,
        tool=ToolPart("reviewbot", __version__),
        source=SourcePart(review.source.kind, review.source.base, review.source.head),  # type: ignore[arg-type]
        engine=_engine(review.engine),
        prompt=_prompt(review.prompt),
        verdict=VerdictPart(
            outcome=verdict.outcome.value,
            exit_code=int(verdict.exit_code),
            block_at=verdict.block_at.word if verdict.block_at else "never",  # type: ignore[arg-type]
            reasons=[visible_line(reason) for reason in verdict.reasons],
        ),
        coverage=CoveragePart(
            review.added,
            review.reviewed,
            review.lines_skipped,
            review.lines_failed,
            [
                FilePart(visible_line(file.path), file.added, file.reviewed, file.skipped, file.failed)
                for file in review.files
            ],
        ),
        findings=[FindingPart(**_fields(finding)) for finding in verdict.findings],
        skipped=[omission_part(omission) for omission in review.skipped],
        failed=[omission_part(omission) for omission in review.failed],
        suppressed=[SuppressedPart(**_fields(finding), by=by) for finding, by in review.suppressed],  # type: ignore[arg-type]
        usage=UsagePart(**msgspec.structs.asdict(review.usage)),
        share=_share(review, verdict),
    )


def _share(review: Review, verdict: Verdict) -> SharePart | None:
    if review.share is None:
        return None
    share = review.share
    return SharePart(
        index=share.index,
        count=share.count,
        plan=share.plan,
        elsewhere=share.elsewhere,
        unconfirmed=review.unconfirmed,
        interrupted=review.interrupted,
        no_model=review.no_model,
        demo=review.engine is not None and review.engine.demo,
        confirm=verdict.confirm,
        block_on_failure=verdict.block_on_failure,
    )


def _engine(info: EngineInfo | None) -> EnginePart | None:
    if info is None:
        return None
    model, endpoint = visible_line(info.model), visible_line(info.endpoint)
    digest, version = (text and visible_line(text) for text in (info.digest, info.server_version))
    return EnginePart(info.kind, model, digest, endpoint, version, info.window_tokens)


def _prompt(prompt: Prompt | PromptName | None) -> PromptPart | None:
    return None if prompt is None else PromptPart(visible_line(prompt.name), prompt.version, prompt.sha256)


def _fields(finding: Finding) -> dict[str, Any]:
    """The fields of a finding as the report names them; untrusted text without control characters."""
    return {
        "fingerprint": visible_line(finding.fingerprint),
        "path": visible_line(finding.path),
        "line": finding.line,
        "end_line": finding.end_line,
        "severity": finding.severity.word,
        "category": visible_line(finding.category),
        "rule": visible_line(finding.rule),
        "message": visible(finding.message),
        "suggestion": None if finding.suggestion is None else visible(finding.suggestion),
        "evidence": None if finding.evidence is None else visible(finding.evidence),
        "source": finding.source,
        "confirmed": finding.confirmed.value,
        "blocking": finding.blocking,
        "note": None if finding.note is None else visible(finding.note),
    }


def omission_part(omission: Omission) -> OmissionPart:
    """As the report names it; untrusted text without control characters."""
    reason = visible_line(omission.reason)
    return OmissionPart(visible_line(omission.path), omission.start, omission.end, omission.lines, reason)
