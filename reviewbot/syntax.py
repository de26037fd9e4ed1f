"""What the parts of a text are, by the lexer for its file: code, comments, strings, prose."""

import re

from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_for_filename
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Text, is_token_subtype

_CODE = (
    Keyword,
    Name,
    Number,
    Operator,
    Comment.Preproc,
    Comment.PreprocFile,
    String.Affix,
    String.Regex,
    String.Symbol,
)
_OF_SHELLS = (*_CODE, Text)
_SHELLS = ("Bash", "Batchfile", "Fish", "Tcsh")
"""Lexers for which the words of a command are plain text."""

_WORD = re.compile(r"\w+")

_ENDLESS = ("MCSchema", "Typographic Number Theory")
"""Lexers that come to no end with some texts, and take ever more memory."""

COLOURED = {"comment": Comment, "string": String, "keyword": Keyword, "number": Number, "name": Name.Function}
"""Parts that are shown in a colour of their own, by what they are called; a part has the first that it is."""


def coloured(path: str, text: str) -> list[tuple[str | None, str]]:
    """The parts of a text, each with its name in COLOURED, or None; joined they are the text."""
    lexer = _lexer_for(path)
    if lexer is None or "\r" in text or text.startswith("\ufeff"):  # which a lexer would replace or leave out
        return [(None, text)]
    parts: list[tuple[str | None, str]] = []
    for kind, value in lexer(stripnl=False, ensurenl=False).get_tokens(text):
        name = next((name for name, each in COLOURED.items() if is_token_subtype(kind, each)), None)
        if parts and parts[-1][0] == name:
            parts[-1] = (name, parts[-1][1] + value)
        else:
            parts.append((name, value))
    return parts if "".join(value for _, value in parts) == text else [(None, text)]


def code_words(path: str, text: str) -> list[frozenset[str]] | None:
    """The words of each line of `text` that its language runs, None where the language of `path` is not known.

    A file of a language without code, such as Markdown, has none. A part of a file of PHP need not say that it is code.
    """
    lexer = _lexer_for(path)
    if lexer is None or lexer.name == "Docker":  # whose lexer calls every argument a string
        return None
    is_inside = lexer.name == "PHP" and "<?" not in text
    kinds = _OF_SHELLS if lexer.name in _SHELLS else _CODE
    rows: list[set[str]] = [set() for _ in range(text.count("\n") + 1)]
    row = 0
    for kind, value in lexer(stripnl=False, ensurenl=False, startinline=is_inside).get_tokens(text.replace("\r", " ")):
        is_code = any(is_token_subtype(kind, each) for each in kinds)
        for at, part in enumerate(value.split("\n")):
            row += at > 0
            if is_code:
                rows[row] |= set(_WORD.findall(part))
    return [frozenset(words) for words in rows]


def _lexer_for(path: str) -> type[Lexer] | None:
    lexer = find_lexer_class_for_filename(path.rpartition("/")[2])
    return None if lexer is None or lexer.name in _ENDLESS else lexer
