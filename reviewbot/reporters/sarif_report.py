"""SARIF 2.1.0 (OASIS, errata 01), for GitHub code scanning and other readers.

What GitHub takes: at most 25,000 results, each with a place, in 10 MB of compressed JSON; texts of rules up to 1,024
characters. What does not fit is left out, the mildest first, and the report says how much. Of fingerprints it uses
`primaryLocationLineHash` alone; its upload action warns that ours is not the one that it would make of the file, and
keeps it. `automationDetails` is left to that action's `category`. Regions have no columns, which stands for whole
lines: findings are about lines, and code with masked secrets has other columns than the file.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from reviewbot import __version__
from reviewbot.findings import Finding, Severity
from reviewbot.plan import Omission
from reviewbot.reporters import Style
from reviewbot.reporters.json_report import build_report
from reviewbot.reporters.rules import Rule, rule_named
from reviewbot.reporters.sentences import finding_lines, is_whole, omission_line, overruled, run_lines
from reviewbot.review import Review
from reviewbot.text import visible, visible_line
from reviewbot.verdict import Verdict

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_RESULTS = 25_000
MAX_BYTES = 9_500_000
"""As compressed here; others compress a little worse."""
MAX_PLACES = 1000
"""Of one notification; further ones are counted."""
_LEVELS = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}
_PROBLEMS = {Severity.INFO: "recommendation", Severity.WARNING: "warning", Severity.ERROR: "error"}
_NOTIFICATIONS = {
    "not-read": ("NotRead", "Added lines that should have been read by a model, and were not"),
    "skipped": ("SkippedByRule", "Added lines that a rule leaves out"),
    "run": ("AboutTheRun", "What is known about the run as a whole"),
}

_Pair = tuple[Finding, str | None]
"""A finding, and by what it is overruled."""


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """One run, indented by two blanks."""
    pairs: list[_Pair] = [*((f, None) for f in verdict.findings), *review.suppressed]
    shown = min(len(pairs), MAX_RESULTS)
    while True:
        chosen = pairs if shown == len(pairs) else sorted(pairs, key=_rank)[:shown]
        log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(review, verdict, chosen, len(pairs) - shown)]}
        text = msgspec.json.format(msgspec.json.encode(log), indent=2)
        size = _size(text)
        if size <= MAX_BYTES or not shown:
            return text.decode() + "\n"
        shown = min(shown - 1, int(shown * MAX_BYTES / size))


def _size(text: bytes) -> int:
    """How many bytes GitHub is sent; without compressing, which takes long, where they fit anyhow."""
    return len(text) if len(text) <= MAX_BYTES else len(zlib.compress(text))


def _run(review: Review, verdict: Verdict, shown: Sequence[_Pair], hidden: int) -> dict[str, Any]:
    rules = list(dict.fromkeys(visible_line(finding.rule) for finding, _ in shown))
    places = {rule: place for place, rule in enumerate(rules)}
    return {
        "tool": {
            "driver": {
                "name": "reviewbot",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule, rule_named(rule)) for rule in rules],
                "notifications": [_kind(name, *about) for name, about in _NOTIFICATIONS.items()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": is_whole(review),
                "exitCode": int(verdict.exit_code),
                "toolExecutionNotifications": list(_notifications(review, verdict, hidden)),
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, by, places) for finding, by in shown],
        "properties": _properties(review, verdict),
    }


def _kind(kind: str, name: str, text: str) -> dict[str, Any]:
    """A kind of notification, with all the texts that GitHub requires of a descriptor."""
    said = {"text": text}
    return {"id": kind, "name": name, "shortDescription": said, "fullDescription": said, "help": said}


def _rank(pair: _Pair) -> tuple[bool, bool, int]:
    """What goes first where not all fits: shown, blocking, severe."""
    finding, by = pair
    return by is not None, not finding.blocking, -finding.severity


def _rule(rule: str, about: Rule) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "tags": [rule.split("/")[0], *(["security"] if about.security else [])],
        "precision": "high" if about.sure else "medium",
        "problem.severity": _PROBLEMS[about.severity],
    }
    if about.security:
        properties["security-severity"] = about.security
    return {
        "id": rule,
        "name": about.name[:255],
        "shortDescription": {"text": about.short[:1024]},
        "fullDescription": {"text": about.help[:1024]},
        "help": {"text": about.help, "markdown": about.help},
        "defaultConfiguration": {"level": _LEVELS[about.severity]},
        "properties": properties,
    }


def _result(finding: Finding, by: str | None, places: dict[str, int]) -> dict[str, Any]:
    rule = visible_line(finding.rule)
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": places[rule],
        "level": _LEVELS[finding.severity],
        "message": {"text": _plain("\n".join(finding_lines(finding)) or rule)},
        "locations": [_location(finding.path, finding.line, finding.end_line, finding.evidence)],
        "properties": {
            "category": visible_line(finding.category),
            "source": visible_line(finding.source),
            "confirmed": finding.confirmed.value,
            "blocking": finding.blocking,
        },
    }
    if finding.fingerprint:
        mark = visible_line(finding.fingerprint)
        result["partialFingerprints"] = {"primaryLocationLineHash": f"{mark}:1", "reviewbot/v1": mark}
    if finding.repeats:
        result["relatedLocations"] = _once(
            {**_location(finding.path, repeat.line), "message": {"text": _plain(visible_line(repeat.message))}}
            for repeat in finding.repeats
        )
    if by is not None:
        kind = "inSource" if by == "ignore" else "external"
        result["suppressions"] = [{"kind": kind, "status": "accepted", "justification": overruled(finding, by)}]
    return result


def _location(path: str, start: int | None, end: int | None = None, code: str | None = None) -> dict[str, Any]:
    """A place in a file, or the file."""
    # A first part that is empty or has a colon would make it another kind of address.
    uri = quote(visible_line(path).lstrip("/"), safe="/") or "."
    place: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}}
    if start is not None:
        place["region"] = {"startLine": max(start, 1), "endLine": max(end or start, start, 1)}
        if code is not None and (end or start) == start:
            place["region"]["snippet"] = {"text": visible(code)}
    return {"physicalLocation": place}


def _plain(text: str) -> str:
    """A message in which nothing is a link: readers make one of `[text](address)` (SARIF 2.1.0, 3.11.6)."""
    return text.replace("](", "\\](")


def _notifications(review: Review, verdict: Verdict, hidden: int) -> Iterator[dict[str, Any]]:
    yield from _by_reason("not-read", "error", review.failed)
    yield from _by_reason("skipped", "note", review.skipped)
    if hidden:
        yield _notification("run", "warning", f"{hidden:,} milder results are left out: GitHub takes no larger report")
    for line in run_lines(review, verdict):
        yield _notification("run", "note" if is_whole(review) else "warning", line)
    for note in review.notes:
        yield _notification("run", "note", visible_line(note))


def _by_reason(name: str, level: str, omissions: Sequence[Omission]) -> Iterator[dict[str, Any]]:
    """One notification for each reason, with all places that it holds for."""
    reasons: dict[str, list[Omission]] = {}
    for omission in omissions:
        reasons.setdefault(omission.reason, []).append(omission)
    for reason, places in reasons.items():
        text = omission_line(Omission("", None, None, sum(place.lines for place in places), reason))
        if len(places) > MAX_PLACES:
            text += f"; {len(places) - MAX_PLACES:,} of the {len(places):,} places are left out here"
        yield _notification(name, level, text, (_location(o.path, o.start, o.end) for o in places[:MAX_PLACES]))


def _notification(name: str, level: str, text: str, locations: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"descriptor": {"id": name}, "level": level, "message": {"text": _plain(text)}}
    if found := _once(locations):
        made["locations"] = found
    return made


def _once(locations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that stand there already, which the schema forbids."""
    return list({msgspec.json.encode(location): location for location in locations}.values())


def _properties(review: Review, verdict: Verdict) -> dict[str, Any]:
    """The parts of the JSON report that SARIF has no place of its own for."""
    report = build_report(review, verdict)
    parts = ("source", "engine", "prompt", "verdict", "coverage", "usage")
    return {part: msgspec.to_builtins(getattr(report, part)) for part in parts if getattr(report, part) is not None}
