"""Which words of a text are code, by the lexer for its file: no comments, no strings, no prose."""

import re

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


def code_words(path: str, text: str) -> list[frozenset[str]] | None:
    """The words of each line of `text` that its language runs, None where the language of `path` is not known.

    A file of a language without code, such as Markdown, has none. A part of a file of PHP need not say that it is code.
    """
    lexer = find_lexer_class_for_filename(path.rpartition("/")[2])
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
