"""How languages mark comments and strings, by the name of a file.

A mark is taken for what it is in that language alone: `//` divides in Python, and `#` begins the name of a member in
JavaScript. Of a language that is not listed all marks count.
"""

import re
from functools import cache
from typing import NamedTuple

# Each way to begin a part also matches where its end is missing, so that no text is looked at twice.
_STRINGS = r"""(?P<string>
    (?s: (?P<quotes>\"{3}|'{3}) .*? (?:(?P=quotes)|\Z) )
  | "(?:[^"\\\n]|\\.)*+"?
  | (?<!\w\w\w)'(?:[^'\\\n]|\\.)*+'?
  | `(?:[^`\\\n]|\\.)*+`?
)"""
_STRINGS_AND_SIGNS = r"""(?P<string>
    "(?:[^"\\\n]|\\.)*+"?
  | (?<!\w)'(?:[^'\\\n]|\\[^'\n]{1,9}|\\')'
)"""
"""Where a single quotation mark also begins names, or quotes one sign alone."""

_DOUBLE_QUOTED = r"""(?P<string> "(?:[^"\n]|"")*+"? )"""
_VALUES = r"(?P<string> (?<=[=:])[^\n]++ )"
_TEXT = r"(?P<text> (?<=>)(?:[^<>{}=;()&\n]|&\#?\w+;)++(?=</) )"

_HASH = r"(?<![\w&$\\{])\#[^\n]*"
_SLASHES = r"(?s: /\*.*?(?:\*/|\Z) ) | (?<![:\w])//[^\n]* | (?P<inside>\A(?:[ \t]*\*(?!/)(?:(?!\*/)[^\n])*\n?)+)"
_DASHES = r"--[^\n]*"
_SEMICOLON = r";[^\n]*"
_LINE_OF = r"^[ \t]*[{}][^\n]*"
_MARKUP = r"(?s: <!--.*?(?:-->|\Z) )"

_COMMENTS = {
    "hash": _HASH,
    "slashes": _SLASHES,
    "slashes or hash": f"{_SLASHES} | {_HASH}",
    "dashes": rf"(?s: --\[(?P<level>=*)\[.*?(?:\](?P=level)\]|\Z) ) | {_DASHES}",
    "dashes or braces": rf"(?s: \{{-.*?(?:-\}}|\Z) ) | {_DASHES}",
    "dashes or slashes": rf"(?s: /\*.*?(?:\*/|\Z) ) | {_DASHES}",
    "semicolon": _SEMICOLON,
    "percent": r"%[^\n]*",
    "bang": r"![^\n]*",
    "apostrophe": r"'[^\n]*|(?i:\bREM\b)[^\n]*",
    "braces": r"(?s: \(\*.*?(?:\*\)|\Z) ) | (?s: \{.*?(?:\}|\Z) ) | //[^\n]*",
    "lines": _LINE_OF.format(r";\#!"),
    "markup": _MARKUP,
    "data": _HASH,
    "any": (
        rf"(?s: /\*.*?(?:\*/|\Z) ) | {_MARKUP} | (?<![:\w])//[^\n]* | {_HASH} | (?<!\S)--[^\n]* | "
        rf"{_LINE_OF.format(';%!')} | ^[ \t]*\*(?!/)(?:(?!\*/)[^\n])* | ^[ \t]*REM\b[^\n]*"
    ),
}


_WITH_PAGES = ("slashes", "slashes or hash", "markup", "any")


class Language(NamedTuple):
    """`marks` matches a comment, a `string`, or the `text` of a page. `is_code` where nothing else is text, `is_data`
    where a string may be for people, `is_translation` where it is."""

    marks: re.Pattern[str]
    is_code: bool
    is_data: bool
    is_translation: bool


_FAMILIES = {
    "hash": (
        "awk bash cmake coffee cr ex exs fish gd gemspec graphql hcl jl ksh mk nim nix pl pm ps1 psm1 py pyi pyx r rake"
        " rb ru sh tcl tf zsh gemfile rakefile makefile gnumakefile cmakelists.txt dockerfile containerfile vagrantfile"
    ),
    "slashes": (
        "c cc cpp cs css cts cu cxx dart frag go gradle groovy h hh hpp hxx inl java js kt kts less mjs cjs mts proto"
        " scss sol swift ts vert zig jenkinsfile go.mod"
    ),
    "slashes, signs": "rs scala",
    "dashes or braces, signs": "hs elm",
    "dashes": "lua",
    "dashes or slashes": "sql adb ads vhd vhdl",
    "semicolon, signs": "lisp el cl clj cljs scm rkt",
    "semicolon": "asm nsi",
    "percent": "erl hrl",
    "bang": "f f03 f08 f90 f95 for",
    "apostrophe": "vb bas vbs",
    "braces": "pas dpr",
}
"""Of code."""
_MIXED = {
    "slashes or hash": "php jsx tsx",
    "markup": "htm html svg vue svelte xhtml xml erb ejs hbs jinja j2",
}
"""Of pages with code."""
_DATA = {
    "slashes": "json json5 jsonc arb",
    "data": "po pot toml yaml yml",
    "markup": "resx xlf xliff strings",
    "lines": "cfg conf ini properties",
}

_BY_NAME = {
    name: (family, table is _FAMILIES, table is _DATA)
    for table in (_FAMILIES, _MIXED, _DATA)
    for family, names in table.items()
    for name in names.split()
}
_TRANSLATIONS = (".arb", ".po", ".pot", ".properties", ".resx", ".strings", ".xlf", ".xliff")
_FOR_PEOPLE = re.compile(r"(?i)(?:^|[/._-])(?:locales?|i18n|l10n|lang(?:uage)?s?|translations?|messages)(?:[/._-]|$)")
"""Where a project keeps what it says in each language."""


def language_of(path: str) -> Language:
    """How the language of a file marks what is no code."""
    name = path.rpartition("/")[2].lower()
    family, is_code, is_data = _BY_NAME.get(name) or _BY_NAME.get(name.rpartition(".")[2], ("any", False, False))
    is_translation = name.endswith(_TRANSLATIONS) or _FOR_PEOPLE.search(path) is not None
    return Language(_marks(family), is_code, is_data, is_translation)


@cache
def _marks(family: str) -> re.Pattern[str]:
    name, _, signs = family.partition(", ")
    comment = f"(?P<comment> {_COMMENTS[name]} )"
    if name == "lines":
        parts = [comment, _VALUES]
    else:
        strings = _DOUBLE_QUOTED if name == "apostrophe" else _STRINGS_AND_SIGNS if signs else _STRINGS
        parts = [strings, comment]
    if name in _WITH_PAGES:
        parts.append(_TEXT)
    return re.compile(" | ".join(parts), re.VERBOSE | re.MULTILINE)
