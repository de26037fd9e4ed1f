"""`reviewbot merge`: the reports of all shares of a change as one, and the verdict on all of it."""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import asdict

from reviewbot.cli.config import settings_here
from reviewbot.cli.publication import outputs, publish
from reviewbot.config import Config, Settings
from reviewbot.coverage import FileCoverage
from reviewbot.duplicates import merge_duplicates, tell_repeats
from reviewbot.engines import EngineInfo
from reviewbot.errors import UsageError
from reviewbot.findings import Confirmed, ExcerptLine, Finding, severity_named
from reviewbot.plan import Omission
from reviewbot.prompts import PromptName
from reviewbot.repo import Source
from reviewbot.reporters.json_report import EnginePart, FindingPart, OmissionPart, Report, SharePart
from reviewbot.review import Review, Usage, sort_findings
from reviewbot.settings import BY_KEY
from reviewbot.sieves import cap_findings
from reviewbot.text import visible_line

USAGE = "reviewbot merge REPORT ..."
MAX_BYTES = 256 * 1024 * 1024


class Part(NamedTuple):
    """The report of one share, and the file that it was read from."""

    name: str
    report: Report
    share: SharePart


def run(options: argparse.Namespace) -> int:
    """Read the reports, print the joined one, and return the verdict's code."""
    outputs(options)
    parts = sorted(map(_read, options.args), key=lambda part: part.share.index)
    settings = settings_here(options, None)
    _refuse_strangers(parts)
    config = _with_gate_of(parts[0], settings)
    return publish(join(parts, config), config, options)


def _read(name: str) -> Part:
    shown = visible_line(name)
    try:
        with open(name, "rb") as file:
            report = msgspec.json.decode(file.read(MAX_BYTES), type=Report)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", USAGE) from error
    except msgspec.MsgspecError as error:
        raise UsageError(f"{shown} is no JSON report of reviewbot: {error}", "--output json=FILE") from error
    if report.share is None:
        raise UsageError(f"{shown} is no report of a share", "reviewbot diff A..B --shard 1/4 --output json=FILE")
    return Part(shown, report, report.share)


def _refuse_strangers(parts: Sequence[Part]) -> None:
    """UsageError for reports that do not belong together, and for a share that is there twice."""
    first = parts[0]
    for part in parts[1:]:
        for (what, one), (_, other) in zip(_marks(first), _marks(part), strict=True):
            if one is not None and other is not None and one != other:
                raise UsageError(f"{part.name} is about another {what} than {first.name}", USAGE)
    for part, after in zip(parts, parts[1:], strict=False):
        if part.share.index == after.share.index:
            raise UsageError(f"{part.name} and {after.name} are both share {part.share.index}", USAGE)


def _marks(part: Part) -> tuple[tuple[str, object], ...]:
    """What has to be the same in all reports, as far as they tell."""
    report = part.report
    return (
        ("change", part.share.plan),
        ("model", report.engine and (report.engine.model, report.engine.digest)),
        ("prompt", report.prompt and report.prompt.sha256),
        ("version of reviewbot", report.tool.version),
        *_gate(part).items(),
    )


def _gate(part: Part) -> dict[str, str]:
    """What decided about the share, as settings."""
    return {
        "block_at": str(part.report.verdict.block_at),
        "confirm": "once" if part.share.confirm else "off",
        "on_failure": "block" if part.share.block_on_failure else "allow",
    }


def _with_gate_of(part: Part, settings: Settings) -> Config:
    """The settings with the gate of the shares, which the repository had a say in; what is typed here is stronger."""
    typed = {place for key in _gate(part) for place in (BY_KEY[key].flag, BY_KEY[key].variable)}
    theirs = {key: word for key, word in _gate(part).items() if settings.origins[key] not in typed}
    return settings.config._replace(**theirs)  # type: ignore[arg-type]


def join(parts: Sequence[Part], config: Config) -> Review:
    """All that the shares say, as one review; what a share without a report has is failed."""
    reports = [part.report for part in parts]
    missing = _missing(parts)
    shown = tuple(_finding(finding) for report in reports for finding in report.findings)
    capped = tuple(_finding(f) for report in reports for f in report.suppressed if f.by == "cap")
    left_out = tuple((_finding(f), str(f.by)) for report in reports for f in report.suppressed if f.by != "cap")
    told = tuple(map(tell_repeats, merge_duplicates(shown + capped).kept))
    block_at, confirm = severity_named(config.block_at), config.votes > 0
    after = cap_findings(told, config.max_findings, block_at, confirm=confirm)
    engine = next((report.engine for report in reports if report.engine is not None), None)
    prompt = next((report.prompt for report in reports if report.prompt is not None), None)
    source = reports[0].source
    return Review(
        source=Source(source.kind, source.base, source.head),
        files=_files(reports, missing),
        findings=sort_findings(after.kept),
        skipped=_omissions(part for report in reports for part in report.skipped),
        failed=_omissions(part for report in reports for part in report.failed) + missing,
        suppressed=left_out + after.suppressed,
        engine=None if engine is None else _engine(engine, demo=any(part.share.demo for part in parts)),
        prompt=None if prompt is None else PromptName(prompt.name, prompt.version, prompt.sha256),
        usage=_usage(reports),
        unconfirmed=sum(part.share.unconfirmed for part in parts),
        no_model=any(part.share.no_model for part in parts),
        interrupted=any(part.share.interrupted for part in parts),
    )


def _missing(parts: Sequence[Part]) -> tuple[Omission, ...]:
    """What the shares have of which there is no report."""
    first = parts[0].share
    absent = sorted(set(range(1, first.count + 1)) - {part.share.index for part in parts})
    if not absent:
        return ()
    there = sum(part.report.coverage.added for part in parts[1:])  # only the first share has lines that are skipped
    name = f"(share {', '.join(map(str, absent))} of {first.count})"
    return (Omission(name, None, None, first.elsewhere - there, "there is no report of this share"),)


def _files(reports: Sequence[Report], missing: Sequence[Omission]) -> tuple[FileCoverage, ...]:
    counts: dict[str, Counter[str]] = {}
    for file in (file for report in reports for file in report.coverage.files):
        numbers = {key: value for key, value in asdict(file).items() if key != "path"}
        counts.setdefault(file.path, Counter()).update(numbers)
    files = [FileCoverage(path, n["added"], n["reviewed"], n["skipped"], n["failed"]) for path, n in counts.items()]
    files += [FileCoverage(omission.path, omission.lines, 0, 0, omission.lines) for omission in missing]
    return tuple(sorted(files, key=lambda file: file.path))


def _finding(part: FindingPart) -> Finding:
    """The finding; of the code around it a report has the line alone."""
    excerpt = () if part.line is None or part.evidence is None else (ExcerptLine(part.line, part.evidence, True),)
    fields = {key: getattr(part, key) for key in FindingPart.__struct_fields__}
    return Finding(
        **{
            **fields,
            "severity": severity_named(part.severity),
            "confirmed": Confirmed(part.confirmed),
            "blocking": False,
            "excerpt": excerpt,
        }
    )


def _omissions(parts: Iterable[OmissionPart]) -> tuple[Omission, ...]:
    found = (Omission(part.path, part.start, part.end, part.lines, part.reason) for part in parts)
    return tuple(sorted(found, key=lambda omission: (omission.path, omission.start or 0)))


def _engine(part: EnginePart, *, demo: bool) -> EngineInfo:
    return EngineInfo(
        kind=part.kind,
        model=part.model,
        endpoint=part.endpoint,
        window_tokens=part.window_tokens,
        refuses_long=True,
        digest=part.digest,
        server_version=part.server_version,
        demo=demo,
    )


def _usage(reports: Sequence[Report]) -> Usage:
    """What all of them cost; they ran side by side, so that the slowest took the time."""
    sums = [[getattr(report.usage, key) for report in reports] for key in Usage.__struct_fields__]
    requests, prompt, completion, cached, seconds = sums
    return Usage(sum(requests), sum(prompt), sum(completion), sum(cached), max(seconds))
