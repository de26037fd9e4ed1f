"""How lines are shown to a model, and how strings that its template gives a meaning are disarmed on the way.

Servers tokenise the flat prompt with special tokens parsed, so that a `</s>` in a diff would end the user's turn.
One blank inside is enough to make it plain text; quotes are compared without blanks, so nothing has to be undone
to anchor them.
"""

import re

from reviewbot.diff import Line, LineKind, Segment

MAX_CONTEXT_CHARS = 400
"""An unchanged or removed line is shown up to here: it is only context, and one of them must not fill a request."""

MAX_HEADING_CHARS = 120

_SPECIAL = re.compile(
    r"(<)(/?s>|unk>|pad>|bos>|eos>|PRE>|SUF>|MID>|EOT>|step>|/?think>|/?SYS>>|(?:start|end)_of_turn>"
    r"|fim_\w{1,12}>|\|[^|<>\s]{1,40}\|>|\uff5c[^\uff5c<>\s]{1,40}\uff5c>)"
    r"|(\[)(/?INST\])|(Source|Destination)(:)"
)
_DISARMED = re.compile(_SPECIAL.pattern.replace(")(", ") ("))
# A NUL ends a string in the C parts of a server; others may begin a new line, or have no meaning for a model.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def disarm(text: str) -> str:
    """The text with one blank inside each special string, and U+FFFD for control characters and line ends but TAB and
    LF."""
    return _SPECIAL.sub(_with_blank, _CONTROL.sub("\ufffd", text))


def rearm(text: str) -> str:
    """The text of a reply with those blanks taken out again."""
    return _DISARMED.sub(lambda match: "".join(part for part in match.groups() if part), text)


def _with_blank(match: re.Match[str]) -> str:
    return " ".join(part for part in match.groups() if part)


def show_line(line: Line) -> str:
    """A line as the model sees it: its new number, `+` for added, `-` for removed (which has no number)."""
    if line.kind is LineKind.REMOVED:
        return f"  -{_clip(disarm(line.text))}\n"
    if line.kind is LineKind.ADDED:
        return f"{line.new} +{disarm(line.text)}\n"
    return f"{line.new}  {_clip(disarm(line.text))}\n"


def show_heading(segment: Segment, *, new_file: bool) -> str:
    """What stands above a segment: the file's name where it begins, then the enclosing line."""
    name = f"File: {disarm(segment.path)}\n" if new_file else ""
    return f"{name}@@ {disarm(segment.heading)[:MAX_HEADING_CHARS]}".rstrip() + "\n"


def show_segments(segments: tuple[Segment, ...]) -> str:
    """The lines of a request, file by file."""
    parts = []
    path = None
    for segment in segments:
        parts.append(show_heading(segment, new_file=segment.path != path))
        parts += [show_line(line) for line in segment.lines]
        path = segment.path
    return "".join(parts)


def _clip(text: str) -> str:
    return text if len(text) <= MAX_CONTEXT_CHARS else text[:MAX_CONTEXT_CHARS] + " [cut]"
