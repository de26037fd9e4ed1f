"""One page for a browser: no network, nothing to load, readable without its script.

Its Content-Security-Policy allows the one style and the one script of this package, by their digests, and nothing else
(https://www.w3.org/TR/CSP3/). No text of a model or a diff is markup: all of it goes through `_text`.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path

from reviewbot import __version__
from reviewbot.coverage import FileCoverage
from reviewbot.findings import ExcerptLine, Finding, Severity
from reviewbot.plan import Omission
from reviewbot.reporters import Style
from reviewbot.reporters.omissions import count_words
from reviewbot.reporters.sentences import finding_lines, omission_line, overruled, run_lines
from reviewbot.review import Review
from reviewbot.syntax import coloured
from reviewbot.text import show_place, visible, visible_line
from reviewbot.verdict import Verdict

MAX_CODE_CHARS = 400
MAX_COLOURED = 200
"""Findings whose code is coloured; of a page with more nobody reads the last ones for their colours."""

_PLANE_ENDS = "".join(f"{chr(end - 1)}{chr(end)}" for end in range(0xFFFF, 0x110000, 0x10000))
_NO_CHARACTER = re.compile(f"[\ufdd0-\ufdef{_PLANE_ENDS}]")
"""Code points that are no characters, and that no page may have (https://infra.spec.whatwg.org/#noncharacter)."""

_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Information"}


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """The whole page."""
    outcome = verdict.outcome.value.replace("_", " ")
    style_text, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style_text)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>reviewbot: {_text(outcome)}</title>",
            f"<style>{style_text}</style>",
            "</head>",
            "<body>",
            *_head(review, verdict, outcome),
            "<main>",
            *_filters(verdict.findings),
            *_findings(verdict.findings),
            *_unread(review),
            "</main>",
            f"<footer>reviewbot {_text(__version__)}</footer>",
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


@cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(text: str) -> str:
    """Text that stays text, on one line; it may stand in an attribute, too."""
    return _code(visible_line(text))


def _code(text: str) -> str:
    return escape(_NO_CHARACTER.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _head(review: Review, verdict: Verdict, outcome: str) -> Iterator[str]:
    numbers, *others = run_lines(review, verdict)
    yield f'<header class="{verdict.outcome.value}">'
    yield f"<h1>reviewbot: {_text(outcome)}</h1>"
    yield f"<p>{_text(numbers.partition(': ')[2])}</p>"
    yield from _bar(review)
    if others:
        yield "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in others) + "</ul>"
    source = review.source
    ends = "..".join(end[:12] for end in (source.base, source.head) if end)
    usage = review.usage
    cost = f"{count_words(usage.requests, 'request')}, {usage.seconds:.1f} s" if usage.requests else "nobody was asked"
    yield f'<p class="quiet">{_text(f"{source.kind} {ends}".strip())} · {_text(cost)}</p>'
    yield "</header>"


def _bar(review: Review) -> Iterator[str]:
    """The three numbers as a picture, with a description for those who do not see it."""
    shares = [("reviewed", review.reviewed), ("skipped", review.lines_skipped), ("failed", review.lines_failed)]
    if not review.added:
        return
    words = ", ".join(f"{lines} {name}" for name, lines in shares)
    yield f'<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="{_text(words)}">'
    at = 0.0
    for name, lines in shares:
        width = 100 * lines / review.added
        yield f'<rect class="{name}" x="{at:.3f}" y="0" width="{width:.3f}" height="4"></rect>'
        at += width
    yield "</svg>"
    yield '<p class="legend">' + " ".join(f'<span class="{n}">{lines:,} {n}</span>' for n, lines in shares) + "</p>"


def _filters(findings: Sequence[Finding]) -> Iterator[str]:
    """Hidden until the script can work them."""
    if not findings:
        return
    yield '<form class="filters" hidden aria-label="filters">'
    for severity in reversed(Severity):
        if any(finding.severity is severity for finding in findings):
            word = severity.word
            yield f'<label><input type="checkbox" name="severity" value="{word}" checked> {word}</label>'
    for source in ("model", "check"):
        if any(finding.source == source for finding in findings):
            yield f'<label><input type="checkbox" name="source" value="{source}" checked> {source}</label>'
    categories = sorted({visible_line(finding.category) for finding in findings})
    options = "".join(f'<option value="{_text(category)}">{_text(category)}</option>' for category in categories)
    yield f'<label>category <select name="category"><option value="">all</option>{options}</select></label>'
    yield '<label>containing <input type="search" name="words" placeholder="path, rule or words"></label>'
    yield '<output aria-live="polite"></output>'
    yield "</form>"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    shown = 0
    for severity in reversed(Severity):
        group = [finding for finding in findings if finding.severity is severity]
        if not group:
            continue
        yield f'<section aria-labelledby="{severity.word}">'
        yield f'<h2 id="{severity.word}">{_TITLES[severity]} ({len(group)})</h2>'
        for finding in group:
            shown += 1
            yield from _finding(finding, colour=shown <= MAX_COLOURED)
        yield "</section>"


def _finding(finding: Finding, *, colour: bool) -> Iterator[str]:
    message, *remarks = finding_lines(finding)
    word = finding.severity.word
    source, category = _text(finding.source), _text(finding.category)
    yield f'<article class="{word}" data-severity="{word}" data-source="{source}" data-category="{category}">'
    blocks = ' <strong class="blocks">blocks</strong>' if finding.blocking else ""
    yield f"<h3><code>{_place(finding.path, finding.line, finding.end_line)}</code>{blocks}</h3>"
    yield f'<p class="message">{_text(message)} <code class="rule">{_text(finding.rule)}</code></p>'
    if finding.excerpt:
        yield (
            '<pre tabindex="0">'
            + "".join(_row(finding.path, line, colour=colour) for line in finding.excerpt)
            + "</pre>"
        )
    for remark in remarks:
        yield f'<p class="remark">{_text(remark)}</p>'
    if finding.fingerprint:
        yield f'<p class="quiet">fingerprint {_text(finding.fingerprint)}</p>'
    yield "</article>"


def _row(path: str, line: ExcerptLine, *, colour: bool) -> str:
    code = visible(line.text.expandtabs(4)).replace("\n", "\\n")
    code = code if len(code) <= MAX_CODE_CHARS else f"{code[:MAX_CODE_CHARS]} ..."
    parts = coloured(path, code) if colour else [(None, code)]
    inner = "".join(f'<span class="{name}">{_code(part)}</span>' if name else _code(part) for name, part in parts)
    mark = ' class="marked"' if line.marked else ""
    return f"<span{mark}><b>{line.number:>5} {'>' if line.marked else ' '} </b>{inner}\n</span>"


def _place(path: str, start: int | None, end: int | None = None) -> str:
    return _text(show_place(path, start, end))


def _unread(review: Review) -> Iterator[str]:
    """What no model read, what is not shown, and what else there is to say: open, for paper and for those without a
    pointer."""
    yield from _list("Not read", review.lines_failed, map(_omission, review.failed))
    yield from _list("Skipped", review.lines_skipped, map(_omission, review.skipped))
    yield from _list("Overruled or not shown", None, (_overruled(finding, by) for finding, by in review.suppressed))
    hints = (f"try: <code>{_text(hint)}</code>" for hint in review.hints)
    yield from _list("Notes", None, (*map(_text, review.notes), *hints))
    if review.files:
        yield f"<details open><summary>Files ({len(review.files)})</summary>"
        names = ("file", "added", "reviewed", "skipped", "failed")
        heads = "".join(f'<th scope="col">{name}</th>' for name in names)
        yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
        yield from map(_file, review.files)
        yield "</tbody></table></details>"


def _list(title: str, lines: int | None, items: Iterable[str]) -> Iterator[str]:
    rows = [f"<li>{item}</li>" for item in items]
    if rows:
        count = len(rows) if lines is None else count_words(lines, "added line")
        yield f"<details open><summary>{title} ({count})</summary><ul>"
        yield from rows
        yield "</ul></details>"


def _omission(omission: Omission) -> str:
    place = _place(omission.path, omission.start, omission.end)
    return f"<code>{place}</code>: {_text(omission_line(omission))}"


def _overruled(finding: Finding, by: str) -> str:
    words = f"{finding.message} [{finding.rule}] ({overruled(finding, by)})"
    return f"<code>{_place(finding.path, finding.line, finding.end_line)}</code>: {_text(words)}"


def _file(file: FileCoverage) -> str:
    numbers = "".join(
        f'<td class="{name if lines else "none"}">{lines:,}</td>'
        for name, lines in (("reviewed", file.reviewed), ("skipped", file.skipped), ("failed", file.failed))
    )
    return f'<tr><th scope="row"><code>{_text(file.path)}</code></th><td>{file.added:,}</td>{numbers}</tr>'
