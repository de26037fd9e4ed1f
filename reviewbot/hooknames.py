"""Whether a git hook goes by its own name: such a one does something else, or nothing, under another."""

import re
from pathlib import Path

from reviewbot.hookscripts import script_of

# What a script is called, as sh, bash, Perl, Python, Ruby, PHP, Lua and Node.js know it.
_NAME = re.compile(
    r"\$\{?0\b(?!%/)|BASH_SOURCE(?!(?:\[0\])?%/)|BASH_ARGV0|__file__|__FILE__|argv\[[01]\]|\barg\[0\]"
    r"|=\s*(?:sys|process)\.argv\s*(?:;|$)|\bPROGRAM_NAME\b|__filename",
    re.MULTILINE,
)

# Where it leads to the folder alone, which stays the same; and $0 of awk, which is a line.
_HARMLESS = re.compile(
    r"""dirname\s+(?:--\s+)?["']?\$(?:\{0\}|0\b|\{?BASH_SOURCE(?:\[0\])?\}?)"""
    r"|dirname\((?:[\w.]+\()*(?:__file__|__FILE__|__filename)"
    r"|Path\(__file__\)(?:\.\w+\(\))*\.parent"
    r"|\bg?awk\b[^'|;&\n]*'[^']*'"
    r"|^\s*#(?!!).*$",
    re.MULTILINE,
)

# The folder may be kept in a variable, or be the current one by then.
_SOURCED = re.compile(
    r"""(?:^|[;&|]|\b(?:then|do|else)\b)\s*(?:\.|source)\s+"""
    r"""["']?(?:\$\(dirname[^)\n]*\)|\$\{0%/\*\}|\$\{?\w+\}?|\.)["']?/([\w./-]+)""",
    re.MULTILINE,
)


def goes_by_name(path: Path) -> bool:
    """Whether the hook, or what it reads in beside it, looks at its own name, or may: of a compiled one nobody can
    tell. The text of a link is that of what it leads to."""
    text = script_of(path)
    if "\0" in text:
        return True
    sourced = (path.parent / name for name in _SOURCED.findall(text))
    return _looks(text) or any(_looks(script_of(beside)) for beside in sourced)


def _looks(text: str) -> bool:
    return _NAME.search(_HARMLESS.sub("", text)) is not None
