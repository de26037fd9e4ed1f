"""Text as XML 1.0, which has no way to write some characters."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from reviewbot.text import visible

_ILLEGAL = re.compile("[\ufffe\uffff]")


def legal(text: str) -> str:
    """The text with escapes for what no XML document may hold."""
    return _ILLEGAL.sub(lambda match: f"\\u{ord(match.group()):04x}", visible(text))


def comment(text: str) -> ET.Element[Any]:
    """A comment, which two hyphens would end."""
    return ET.Comment(f" {re.sub('-(?=-)', '- ', legal(text))} ")


def document(root: ET.Element) -> str:
    """The document with its declaration, indented by two blanks; it ends in a line end."""
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
