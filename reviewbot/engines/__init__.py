"""What every engine offers: it describes itself once, then answers requests."""

from typing import Any, Protocol

from msgspec import Struct

DEFAULT_WINDOW = 4096
"""Tokens, where neither the user nor a loaded model says otherwise; the smallest that Ollama itself takes."""

FIRST_BYTE_S = 300.0
"""How long an engine may load a model and read a prompt before it says anything."""

SILENCE_S = 60.0
"""How long it may be silent after that."""


class Request(Struct, frozen=True):
    """One question. `schema` is a JSON Schema inside the subset that all servers keep to; `reply_tokens` >= 1."""

    system: str
    user: str
    schema: dict[str, Any]
    reply_tokens: int
    seed: int = 0


class Reply(Struct, frozen=True):
    """The model's whole text, and what the server counted (0 where it counted nothing)."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class EngineInfo(Struct, frozen=True):
    """What answers: `kind` is "ollama" or "embedded"; `window_tokens` are for prompt and reply together.

    `refuses_long` tells whether a prompt over the window is refused (else it is cut without a word).
    `demo` marks the model that is too small to find bugs.
    """

    kind: str
    model: str
    endpoint: str
    window_tokens: int
    refuses_long: bool
    digest: str | None = None
    server_version: str | None = None
    demo: bool = False


class Engine(Protocol):
    """A model that can be asked, one request at a time.

    `deadline` is a time of `time.monotonic()`, or None. Whatever goes wrong is an EngineError; a reply that is torn,
    cut or empty is never returned.
    """

    def describe(self, deadline: float | None) -> EngineInfo:
        """Make sure that the server and the model are there; the same answer for the whole run."""
        ...

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The model's reply to one request."""
        ...

    def close(self) -> None:
        """Let go of connections and child processes."""
        ...
