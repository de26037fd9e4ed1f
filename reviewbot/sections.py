"""The lines of a unified diff by file: headers, names and whole hunks; what is malformed or cut off is an error."""

import re

from reviewbot.errors import DiffError

WHOLE_DIFF = "git diff main..HEAD | reviewbot diff -"
_GIT_HEADER = b"diff --git "
_COMBINED = (b"diff --cc ", b"diff --combined ", b"@@@ ")
_EXTENDED = (
    *(b"old mode ", b"new mode ", b"deleted file mode ", b"new file mode "),
    *(b"copy from ", b"copy to ", b"rename from ", b"rename to "),
    *(b"similarity index ", b"dissimilarity index ", b"index ", b"--- ", b"+++ "),
)
_BINARY = (b"Binary files ", b"GIT binary patch")
_BINARY_NAMES = re.compile(rb"Binary files (.*) and (.*) differ\r?")
_HUNK = re.compile(rb"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
_NO_CONTENT = re.compile(rb"0+|e69de29[0-9a-f]*|473a0f4[0-9a-f]*")
"""No file, and the empty file in repositories with SHA-1 and with SHA-256."""

_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')
_PREFIX = re.compile(rb"[abciow12]/")
_PREFIX_PAIRS = {b"ab", b"ba", b"iw", b"wi", b"ci", b"ic", b"cw", b"wc", b"ow", b"wo", b"12", b"21"}
"""What stands before the two names: git's own, those of diff.mnemonicPrefix and of --no-index; reversed with -R."""


class Section:
    """The lines of one file: its header, and those of its hunks without "\\ No newline at end of file"."""

    def __init__(self, *header: bytes) -> None:
        self.header = list(header)
        self.hunks: list[bytes] = []
        self.binary = False
        self.closed = False

    @property
    def is_git(self) -> bool:
        return self.header[0].startswith(_GIT_HEADER)

    def value(self, key: bytes) -> bytes | None:
        """What stands behind a key of the header."""
        return next((line[len(key) :] for line in self.header if line.startswith(key)), None)


def split_sections(lines: list[bytes]) -> list[Section]:
    """The files of a diff, in its order; DiffError for a hunk that is malformed or cut off and for a combined diff."""
    sections: list[Section] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        current = sections[-1] if sections else None
        if line.startswith(b"@@ "):
            if current is None or current.binary or (current.closed and not current.hunks):
                raise DiffError(f"line {number + 1} of the diff is a hunk of no file", WHOLE_DIFF)
            number = _take_hunk(lines, number, current)
            continue
        if line.startswith(_COMBINED):
            raise DiffError(
                "this is the combined diff of a merge, which is not read", "git diff MERGE^1 MERGE | reviewbot diff -"
            )
        if line.startswith(_GIT_HEADER):
            sections.append(Section(line.rstrip(b"\r")))
        elif current is not None and not current.closed and line.startswith((*_EXTENDED, *_BINARY)):
            current.header.append(line.rstrip(b"\r"))
            current.binary = current.closed = line.startswith(_BINARY)
        elif _begins_plain_file(lines, number):
            sections.append(Section(line, lines[number + 1]))
            number += 1
        elif _BINARY_NAMES.fullmatch(line):
            sections.append(Section(line))
            sections[-1].binary = sections[-1].closed = True
        elif current is not None:
            current.closed = True
        number += 1
    return sections


def _begins_plain_file(lines: list[bytes], number: int) -> bool:
    if not lines[number].startswith(b"--- "):
        return False
    if number + 1 == len(lines):
        raise DiffError("the diff is cut off in its last line", WHOLE_DIFF)
    return lines[number + 1].startswith(b"+++ ")


def _take_hunk(lines: list[bytes], number: int, section: Section) -> int:
    """Add the hunk at `number` to its section; the number of the line behind it."""
    header = _HUNK.match(lines[number])
    malformed = DiffError(f"the hunk in line {number + 1} of the diff is malformed or cut off", WHOLE_DIFF)
    if not header:
        raise malformed
    old, new = (1 if count is None else int(count) for count in header.groups())
    if not old and not new:
        raise malformed
    section.hunks.append(lines[number])
    section.closed = True
    changes = False
    while old or new:
        number += 1
        if number == len(lines):
            raise malformed
        line = lines[number]
        kind = line[:1]
        if kind == b"+":
            new, changes = new - 1, True
        elif kind == b"-":
            old, changes = old - 1, True
        elif kind in (b" ", b"", b"\r"):  # an editor or a mailer may have taken the blank of an empty line
            old, new = old - 1, new - 1
        elif kind == b"\\":
            continue
        else:
            raise malformed
        if old < 0 or new < 0:
            raise malformed
        section.hunks.append(line)
    number += 1
    if not changes:  # as `--word-diff` shows lines that begin with a blank
        raise malformed
    if lines[number : number + 1] and lines[number].startswith(b"\\"):
        number += 1
    if number < len(lines) and _goes_on(lines, number):
        raise malformed
    return number


def _goes_on(lines: list[bytes], number: int) -> bool:
    """Whether a line behind a whole hunk looks like one of its own; `-- ` ends a mail, `--- ` may begin a file."""
    line = lines[number]
    ends = line.rstrip(b"\r") == b"-- " or _begins_plain_file(lines, number)
    return line.startswith((b" ", b"+", b"-")) and not ends


def is_cut(section: Section, *, last: bool) -> bool:
    """Whether something is missing behind the header; what git prints of an empty file is whole."""
    if section.hunks or section.binary:
        return False
    if section.value(b"--- ") is not None or section.value(b"+++ ") is not None:
        return True
    pairs = ((b"old mode ", b"new mode "), (b"rename from ", b"rename to "), (b"copy from ", b"copy to "))
    if any((section.value(one) is None) != (section.value(other) is None) for one, other in pairs):
        return True
    moved = section.value(b"rename to ") is not None or section.value(b"copy to ") is not None
    if section.value(b"similarity index ") is not None and not moved:
        return True
    index = section.value(b"index ")
    # `git diff -w` prints headers of files that it shows no line of, so this holds for the end alone.
    empty = index is None or all(_NO_CONTENT.fullmatch(oid) for oid in index.split(b" ")[0].split(b".."))
    return last and not moved and (len(section.header) == 1 or not empty)


def names(section: Section) -> tuple[bytes | None, bytes | None]:
    """Old and new name, from the most to the least explicit header line; None for one that does not exist."""
    if section.is_git:
        for verb in (b"rename", b"copy"):
            old, new = section.value(verb + b" from "), section.value(verb + b" to ")
            if old is not None and new is not None:
                return _unquote(old), _unquote(new)
        both = _split_names(section.header[0][len(_GIT_HEADER) :])
        if both:
            return both
    old, new = section.value(b"--- "), section.value(b"+++ ")
    if old is not None and new is not None:
        return _without_prefixes(_file_name(old), _file_name(new))
    binary = _BINARY_NAMES.fullmatch(section.header[-1])
    if binary:
        return _without_prefixes(_file_name(binary.group(1)), _file_name(binary.group(2)))
    name = section.header[0][len(_GIT_HEADER) :]
    return name, name


def _split_names(rest: bytes) -> tuple[bytes, bytes] | None:
    """Both names of a `diff --git` line, which are equal but for their prefixes, or None."""
    quoted = _QUOTED.match(rest)
    middle = quoted.end() if quoted else len(rest) // 2
    old, new = _unquote(rest[:middle]), _unquote(rest[middle + 1 :])
    if rest[middle : middle + 1] != b" ":
        return None
    if old == new:
        return old, new
    old_name, new_name = _without_prefixes(old, new)
    return (old[2:], new[2:]) if old_name == new_name else None


def _file_name(text: bytes) -> bytes | None:
    """The name in a `---` or `+++` line, or None for /dev/null. A TAB ends it: git's for blanks, or before a date."""
    quoted = _QUOTED.match(text)
    name = _unquote(quoted.group()) if quoted else text.split(b"\t", 1)[0].rstrip(b"\r")
    return None if name == b"/dev/null" else name


def _without_prefixes(old: bytes | None, new: bytes | None) -> tuple[bytes | None, bytes | None]:
    """The names without `a/` and `b/`, or another pair that git puts before them."""
    if old is None or new is None:
        return old and old.removeprefix(b"a/"), new and new.removeprefix(b"b/")
    if _PREFIX.match(old) and _PREFIX.match(new) and old[:1] + new[:1] in _PREFIX_PAIRS:
        return old[2:], new[2:]
    return old, new


def _unquote(name: bytes) -> bytes:
    """A name without git's C-style quotes (git, quote.c)."""
    if not _QUOTED.fullmatch(name):
        return name

    def byte(match: re.Match[bytes]) -> bytes:
        code = match.group(1).decode()
        return bytes([int(code, 8) & 0xFF if code.isdigit() else _ESCAPES[code]])

    return _ESCAPE.sub(byte, name[1:-1])
