"""Load a prompt text, and render a chunk into the two messages of a request.

The instructions come first and are the same for all requests of a run, so that the server's prompt cache holds
them; the change comes last, between two lines with a number that nobody can foresee. Prompts are Markdown files in
this folder, each with its version and its purpose in a first line that is not sent, or files of the user.
"""

import hashlib
import os
import re
from functools import cache
from pathlib import Path

from msgspec import Struct

from reviewbot.checks.secret import mask_texts
from reviewbot.diff import Segment
from reviewbot.errors import ConfigError
from reviewbot.layout import disarm, show_segments

MAX_PROMPT_BYTES = 1800
"""So that a window of 4,096 tokens has room for code even where only the bound of a byte a token is safe."""

MAX_GUIDELINES_BYTES = 4000

ASK_AGAIN = "\nYour last answer could not be read. Answer with the JSON object only.\n"
"""Added to a request whose reply could not be read."""

CONFIRM = "confirm"
"""The prompt for second opinions, which is none for reviews."""

BOUNDARY_DIGITS = 12
"""Decimal digits, for most vocabularies take the same number of tokens for any of them."""

_FOLDER = Path(__file__).parent
_HEADER = re.compile(r"<!-- (?:version (\d+): )?(.*?) -->\n")


class Prompt(Struct, frozen=True):
    """The instructions of a run. `name` is what the user chose, `version` None for a file of his own, `boundary` the
    number on the lines around what is shown."""

    name: str
    system: str
    version: int | None
    boundary: str

    @property
    def sha256(self) -> str:
        """Of the text as it is sent, guidelines included; 64 hex digits."""
        return hashlib.sha256(self.system.encode("utf-8", "replace")).hexdigest()


class PromptName(Struct, frozen=True):
    """A prompt as a report tells of it."""

    name: str
    version: int | None
    sha256: str


class Builtin(Struct, frozen=True):
    """A prompt of this folder."""

    name: str
    version: int
    purpose: str
    text: str


def prompt_names() -> tuple[str, ...]:
    """The built-in prompts for reviews."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.md") if path.stem != CONFIRM))


@cache
def load_builtin(name: str) -> Builtin:
    """One of `prompt_names()`, or CONFIRM."""
    text = (_FOLDER / f"{name}.md").read_text(encoding="utf-8")
    header = _HEADER.match(text)
    assert header is not None and header[1], f"{name}.md does not begin with its version"
    return Builtin(name, int(header[1]), header[2], text[header.end() :].strip())


def load_prompt(
    name: str, *, language: str = "en", guidelines: Path | None = None, boundary: str | None = None
) -> Prompt:
    """The prompt of that built-in name, or of that file, with the project's guidelines and the reply's language.

    `boundary` is drawn unless it is given. ConfigError for a file that cannot be used.
    """
    builtin = load_builtin(name) if name in prompt_names() else None
    parts = [builtin.text if builtin else _masked("prompt", read_prompt_file(Path(name)))]
    if language != "en":
        parts.append(f"Write message and suggestion in this language: {language}.")
    if guidelines is not None:
        rules = _read(guidelines, "guidelines", MAX_GUIDELINES_BYTES)
        rules = disarm(_masked("guidelines", rules))
        # Its own digest: the same in every run, so that the server's prompt cache holds it, and no text can hold it.
        own = _digits(hashlib.sha256(rules.encode()).digest())
        parts.append(f"Rules of this project, to judge the change by:\n{_between(own, rules + chr(10))}".rstrip())
    version = builtin.version if builtin else None
    return Prompt(name, "\n\n".join(parts), version, boundary or _digits(os.urandom(16)))


def read_prompt_file(path: Path) -> str:
    """The text of a user's prompt; ConfigError when it cannot be read, is no text, empty or too long."""
    return _HEADER.sub("", _read(path, "prompt", MAX_PROMPT_BYTES), count=1)


def render_change(segments: tuple[Segment, ...], boundary: str) -> str:
    """The user's message that shows a part of the change."""
    return f"The change:\n\n{_between(boundary, show_segments(segments))}"


def render_claim(segment: Segment, line: int, message: str, boundary: str, *, claim_first: bool = False) -> str:
    """The user's message that asks for a second opinion about one line."""
    shown = _between(boundary, show_segments((segment,)))
    parts = [shown, f"The claim about line {line}: {' '.join(disarm(message).split())}\n"]
    return "\n".join(reversed(parts) if claim_first else parts)


def _masked(name: str, text: str) -> str:
    return "\n".join(mask_texts(name, text.split("\n")))


def _between(boundary: str, text: str) -> str:
    return f"----- {boundary}\n{text}----- {boundary}\n"


def _digits(drawn: bytes) -> str:
    return f"{int.from_bytes(drawn, 'big') % 10**BOUNDARY_DIGITS:0{BOUNDARY_DIGITS}}"


def _read(path: Path, key: str, limit: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
        text = data.decode()
    except OSError as error:
        raise ConfigError(f"{key}: cannot read {path}: {error.strerror}", _names_hint(key)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{key}: {path} is not UTF-8 text", _names_hint(key)) from error
    if len(data) > limit:
        raise ConfigError(f"{key}: {path} has more than the {limit} bytes that fit a small window", f"shorten {path}")
    if not text.strip():
        raise ConfigError(f"{key}: {path} is empty", _names_hint(key))
    return text.strip()


def _names_hint(key: str) -> str:
    if key == "prompt":
        return f"--prompt {'|'.join(prompt_names())}"
    return "reviewbot config (it says where the setting comes from)"
