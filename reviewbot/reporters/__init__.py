"""A verdict as text: one module for each format. A reporter does not filter, sort, print or decide."""

from importlib import import_module

from msgspec import Struct

from reviewbot.review import Review
from reviewbot.verdict import Verdict

REPORTERS = {
    "text": "reviewbot.reporters.text_report",
    "json": "reviewbot.reporters.json_report",
    "json-lines": "reviewbot.reporters.jsonlines_report",
    "github": "reviewbot.reporters.github_report",
    "sarif": "reviewbot.reporters.sarif_report",
    "gitlab": "reviewbot.reporters.gitlab_report",
    "checkstyle": "reviewbot.reporters.checkstyle_report",
    "junit": "reviewbot.reporters.junit_report",
    "rdjson": "reviewbot.reporters.rdjson_report",
    "rdjsonl": "reviewbot.reporters.rdjsonl_report",
    "markdown": "reviewbot.reporters.markdown_report",
    "html": "reviewbot.reporters.html_report",
}


class Style(Struct, frozen=True):
    """How text looks: ANSI colours, more about the run, or findings and problems only; what is not shown is counted,
    and with `show_dropped` listed."""

    colour: bool = False
    verbose: bool = False
    quiet: bool = False
    show_dropped: bool = False


def render(format: str, review: Review, verdict: Verdict, style: Style) -> str:
    """The report in one of REPORTERS, for stdout or a file; it ends in a line end unless it is empty."""
    text: str = import_module(REPORTERS[format]).render(review, verdict, style)
    return text


def summary(review: Review, verdict: Verdict, style: Style) -> str:
    """What is said about the run on stderr, whatever the format of the report is."""
    from reviewbot.reporters.run_summary import render as render_summary

    return render_summary(review, verdict, style)
