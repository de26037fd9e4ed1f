"""Checks of single values: each returns the value in its final form, or raises Refused."""

import re
from collections.abc import Callable, Mapping

from reviewbot.errors import PrivacyError
from reviewbot.text import visible_line

MAX_TEXT_CHARS = 4096
MAX_MODEL_CHARS = 300

Check = Callable[[object], object]


class Refused(Exception):
    """A value is not accepted; the message, if any, says why."""


_SWITCH_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def _read_switch(text: str) -> object:
    return _SWITCH_WORDS.get(text.lower())


def _read_whole(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        raise Refused from None


def _read_number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        raise Refused from None


READERS: Mapping[str, Callable[[str], object]] = {
    "switch": _read_switch,
    "whole": _read_whole,
    "number": _read_number,
    "text": str,
}
"""How the text of a variable or a flag becomes what a TOML file would hold, by kind of setting."""


def switch(raw: object) -> object:
    """True or False."""
    if not isinstance(raw, bool):
        raise Refused
    return raw


_DURATION = re.compile(r"0|-1|(?:\d{1,6}[hms]){1,3}")


def choice(*names: str) -> Check:
    """A check for one of these words."""

    def check(raw: object) -> object:
        if raw not in names:
            raise Refused
        return raw

    return check


def whole(low: int, high: int) -> Check:
    """A check for a whole number; both ends are accepted."""

    def check(raw: object) -> object:
        if isinstance(raw, bool) or not isinstance(raw, int) or not low <= raw <= high:
            raise Refused
        return raw

    return check


def number(low: float, high: float) -> Check:
    """A check for a number, returned as a float; both ends are accepted."""

    def check(raw: object) -> object:
        if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not low <= raw <= high:
            raise Refused
        return float(raw)

    return check


def duration(raw: object) -> str:
    """A time as Go writes it, such as 30m or 1h30m; 0 is none at all, -1 is for ever."""
    if not isinstance(raw, str) or not _DURATION.fullmatch(raw):
        raise Refused
    return raw


_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,200})=([A-Za-z_][A-Za-z0-9_]{0,199})")


def variable_name(raw: object) -> str:
    """The name of a variable of the environment, never its value."""
    if not isinstance(raw, str) or not _VARIABLE.fullmatch(raw):
        raise Refused("it has to be the name of a variable, not the key itself")
    return raw


def headers(raw: object) -> tuple[str, ...]:
    """Texts NAME=VARIABLE: the names of headers, and of the variables that hold their values."""
    if not isinstance(raw, list) or not all(isinstance(entry, str) and _HEADER.fullmatch(entry) for entry in raw):
        raise Refused
    return tuple(raw)


def text(raw: object) -> str:
    """A text of one line that can be shown as it is."""
    if not isinstance(raw, str):
        raise Refused
    if not raw.strip():
        raise Refused("it is empty")
    if len(raw) > MAX_TEXT_CHARS:
        raise Refused(f"it has {len(raw)} characters")
    if visible_line(raw) != raw:
        raise Refused("it holds a control or invisible character")
    return raw


def is_cloud_name(model: str) -> bool:
    """Whether Ollama would forward requests for a model of this name to its cloud (since 0.18: tag `cloud`, `*-cloud`).

    It does so even when no model of that name is installed. Any part of the tag counts, so that no later reading of
    `name:tag:more` opens a way around it.
    """
    tags = model.lower().split("/")[-1].split(":")[1:]
    return any(tag == "cloud" or tag.endswith("-cloud") for tag in tags)


def refuse_cloud_name(model: str) -> None:
    """Raise PrivacyError for the name of a model that Ollama would forward to its cloud."""
    if is_cloud_name(model):
        raise PrivacyError(
            f"{model} is a cloud model: Ollama would send your code to a server on the internet",
            "--model codellama:7b-instruct",
        )


def model(raw: object) -> object:
    """A model's name; raises PrivacyError for one that Ollama would forward to its cloud."""
    name = text(raw)
    if len(name) > MAX_MODEL_CHARS:
        raise Refused(f"it has {len(name)} characters")
    if any(character.isspace() for character in name):
        raise Refused("it holds a blank")
    refuse_cloud_name(name)
    return name


def endpoint(raw: object) -> object:
    """The URL of a server, with its port."""
    from reviewbot.address import BadAddress, connectable

    try:
        return connectable(text(raw))
    except BadAddress as error:
        raise Refused(str(error)) from None


def language(raw: object) -> object:
    """One word with parts, because it is put into the instructions and a repository may set it."""
    name = text(raw)
    first, *parts = name.split("-")
    if not (2 <= len(first) <= 20 and first.isalpha() and len(parts) <= 2):
        raise Refused
    if not all(2 <= len(part) <= 8 and part.isalnum() and part.isascii() for part in parts):
        raise Refused
    return name


def globs(raw: object) -> object:
    """A tuple of globs."""
    if not isinstance(raw, (list, tuple)):
        raise Refused
    return tuple(text(pattern) for pattern in raw)


def confirm(raw: object) -> object:
    """off, once or votes:N; N is odd, so that there is a majority."""
    if not isinstance(raw, str):
        raise Refused
    word, _, votes = raw.partition(":")
    if raw not in ("off", "once") and not (word == "votes" and votes in ("1", "3", "5", "7", "9")):
        raise Refused
    return raw
