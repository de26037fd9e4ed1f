"""Untrusted text made safe to show: file names, code and model replies."""

import re

# C0 but TAB and LF, DEL, C1, soft hyphens, bidirectional controls, zero-width and tag characters, line separators,
# other characters of format that show nothing, surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """The text with control, bidirectional and invisible characters as escapes; LF and TAB stay."""
    return _UNSAFE.sub(_escape, text)


def visible_line(text: str) -> str:
    """The text as one line: like `visible`, with line ends and tabs escaped as well."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def show_path(path: bytes) -> str:
    r"""A path of git as UTF-8, with `\xNN` for bytes that are none and for control characters."""
    decoded = path.decode("utf-8", "backslashreplace")
    return visible_line(decoded)


def show_place(path: str, start: int | None, end: int | None = None) -> str:
    """Lines of a file as `path:start-end`, ends inclusive, on one line; the path alone where there is no line."""
    lines = "" if start is None else f":{start}" if end in (None, start) else f":{start}-{end}"
    return f"{visible_line(path)}{lines}"
