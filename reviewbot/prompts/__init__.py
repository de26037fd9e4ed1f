"""Load a prompt text, and render a chunk into the two messages of a request.

The instructions come first and are the same for all requests of a run, so that the server's prompt cache holds
them; the change comes last. Prompts are Markdown files in this folder, or files of the user.
"""

from pathlib import Path

from msgspec import Struct

from reviewbot.diff import Segment
from reviewbot.errors import ConfigError
from reviewbot.layout import disarm, show_segments

MAX_PROMPT_BYTES = 1800
"""So that a window of 4,096 tokens has room for code even where only the bound of a byte a token is safe."""

MAX_GUIDELINES_BYTES = 4000

ASK_AGAIN = "\nYour last answer could not be read. Answer with the JSON object only.\n"
"""Added to a request whose reply could not be read."""

_FOLDER = Path(__file__).parent
_NOT_FOR_REVIEWS = {"confirm"}


class Prompt(Struct, frozen=True):
    """The instructions of a run; `name` is what the user chose."""

    name: str
    system: str


def prompt_names() -> tuple[str, ...]:
    """The built-in prompts for reviews."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.md") if path.stem not in _NOT_FOR_REVIEWS))


def load_prompt(name: str, *, language: str = "en", guidelines: Path | None = None) -> Prompt:
    """The prompt of that built-in name, or of that file, with the project's guidelines and the reply's language."""
    builtin = name in prompt_names()
    text = _read(_FOLDER / f"{name}.md" if builtin else Path(name), "prompt", MAX_PROMPT_BYTES)
    parts = [text]
    if language != "en":
        parts.append(f"Write message and suggestion in this language: {language}.")
    if guidelines is not None:
        rules = disarm(_read(guidelines, "guidelines", MAX_GUIDELINES_BYTES))
        parts.append(f"Rules of this project, to judge the change by:\n{rules}")
    return Prompt(name, "\n\n".join(parts))


def confirm_prompt() -> Prompt:
    """The instructions for a second opinion."""
    return Prompt("confirm", _read(_FOLDER / "confirm.md", "prompt", MAX_PROMPT_BYTES))


def render_change(segments: tuple[Segment, ...]) -> str:
    """The user's message that shows a part of the change."""
    return f"The change:\n\n{show_segments(segments)}"


def render_claim(segment: Segment, line: int, message: str, *, claim_first: bool = False) -> str:
    """The user's message that asks for a second opinion about one line."""
    parts = [show_segments((segment,)), f"The claim about line {line}: {disarm(message)}\n"]
    return "\n".join(reversed(parts) if claim_first else parts)


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
        raise ConfigError(f"{key}: {path} has more than the {limit} bytes that fit a small window")
    if not text.strip():
        raise ConfigError(f"{key}: {path} is empty", _names_hint(key))
    return text.strip()


def _names_hint(key: str) -> str | None:
    return f"--prompt {'|'.join(prompt_names())}" if key == "prompt" else None
