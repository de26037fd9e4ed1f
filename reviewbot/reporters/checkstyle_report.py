"""Checkstyle's XML, which Jenkins, reviewdog and many other readers take.

What is about a whole file has no `line`, as in PHPStan's reports; what is about the run stands under the name ".". The
numbers of lines stand in a comment.
"""

from xml.etree import ElementTree as ET

from reviewbot import __version__
from reviewbot.reporters import Style
from reviewbot.reporters.entries import Entry, entries
from reviewbot.reporters.sentences import run_lines
from reviewbot.reporters.xmltext import comment, document, legal
from reviewbot.review import Review
from reviewbot.verdict import Verdict


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """A document with a `file` for each path, in the order of the first entry."""
    root = ET.Element("checkstyle", version=f"reviewbot {__version__}")
    root.append(comment("; ".join(run_lines(review, verdict))))
    files: dict[str, ET.Element] = {}
    for entry in entries(review, verdict):
        if entry.path not in files:
            files[entry.path] = ET.SubElement(root, "file", name=legal(entry.path))
        ET.SubElement(files[entry.path], "error", _attributes(entry))
    return document(root)


def _attributes(entry: Entry) -> dict[str, str]:
    place = {} if entry.line is None else {"line": str(entry.line)}
    return {
        **place,
        "severity": entry.severity.word,
        "message": legal(entry.text),
        "source": legal(entry.rule),
    }
