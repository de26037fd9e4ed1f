"""What every engine offers: it describes itself once, then answers requests."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from reviewbot.vocabulary import Vocabulary

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
    """The model's whole text, and what the server counted (0 where it counted nothing that can be relied on)."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


class ModelFacts(Struct, frozen=True):
    """What is known of a model before it is loaded. Windows are in tokens.

    `asked_window` is the user's wish, `loaded_window` the one it is loaded with by now (None: not loaded, or smaller
    than DEFAULT_WINDOW). `metadata` holds GGUF pairs without the long lists, `weights_bytes` is the file's size.
    """

    trained_window: int = DEFAULT_WINDOW
    asked_window: int | None = None
    loaded_window: int | None = None
    metadata: Mapping[str, Any] = {}
    weights_bytes: int = 0


class EngineInfo(Struct, frozen=True):
    """What answers: `kind` is "ollama", "openai", "embedded", or "none" in a plan for which nobody could be asked.

    `window_tokens` are for prompt and reply together, 0 before the model is loaded.
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
    facts: ModelFacts = ModelFacts()


class Loaded(NamedTuple):
    """A model ready to be asked. `window_tokens` is the window that it really has.

    `prompt_tokens` is the server's own count of the opening request (0: not asked); `bytes` is what the model takes,
    `gpu_bytes` the part of it on GPUs (both 0 where that is unknown).
    """

    window_tokens: int
    prompt_tokens: int = 0
    bytes: int = 0
    gpu_bytes: int = 0


class Engine(Protocol):
    """A model that can be asked. Several threads may `ask` at one time; one calls everything else.

    `deadline` is a time of `time.monotonic()`, or None. Whatever goes wrong is an EngineError; a reply that is torn,
    cut or empty is never returned.
    """

    def describe(self, deadline: float | None) -> EngineInfo:
        """Make sure that the server and the model are there; `window_tokens` is 0 before `load`."""
        ...

    def vocabulary(self, deadline: float | None) -> Vocabulary | None:
        """To count with as the model does; None when that is not possible."""
        ...

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        """Load the model with a window, the same for the whole run. `opening` is a request without a change: where
        it has to be known, the server is asked how many tokens it takes."""
        ...

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The model's reply to one request; only after `load`."""
        ...

    def close(self) -> None:
        """Let go of connections, those of requests under way included, and of child processes."""
        ...


def trained_window(metadata: Mapping[str, Any]) -> int:
    """The window in tokens that a model was trained with; DEFAULT_WINDOW where its metadata does not tell."""
    found = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    return found if isinstance(found, int) and found > 0 else DEFAULT_WINDOW
