"""What an Ollama server tells of itself and its models: version, show, ps, tags."""

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewbot.engines.answers import error_text, number, table
from reviewbot.errors import DeadlineReached, EngineDown, ModelMissing, PrivacyError, ReplyError, ServerBusy
from reviewbot.patience import patiently

if TYPE_CHECKING:
    from reviewbot.engines.http import Client

START_HINT = "ollama serve"

BUSY = 503
"""The status of Ollama with OLLAMA_MAX_QUEUE requests waiting, and of a proxy with nothing behind it."""

REFUSES_LONG_SINCE = (0, 12, 6)
"""`truncate: false` makes a server refuse a prompt over its window from here on; older ones ignore the field."""

COUNTS_WHOLE_PROMPTS_SINCE = (0, 2, 0)
COUNTS_ONLY_NEW_TOKENS = (0, 30, 0)
"""The versions whose `prompt_eval_count` leaves out what the prompt cache held, which looks like a cut."""

SAFE_SINCE = (0, 17, 1)
"""A crafted model file makes older ones give away memory (CVE-2026-7482)."""

CLOUD_SINCE = (0, 12, 0)

MAX_VOCABULARY_BYTES = 64 * 1024 * 1024

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class LoadedModel(NamedTuple):
    """An entry of `/api/ps`: window in tokens (0 before 0.10), bytes in all and on GPUs (0 where unknown)."""

    window_tokens: int
    bytes: int
    gpu_bytes: int


class OllamaServer:
    """One server; EngineDown when nobody, or somebody else, answers."""

    def __init__(self, client: "Client", name: str) -> None:
        self.client = client
        self.name = name
        self._version: str | None = None

    def version(self, deadline: float | None) -> str:
        """What `/api/version` tells, asked once."""
        if self._version is None:
            try:
                self._version = patiently(partial(self._ask_version, deadline), deadline)
            except ServerBusy as error:
                raise EngineDown(error.message) from error
        return self._version

    def _ask_version(self, deadline: float | None) -> str:
        try:
            status, answer = self.client.call_json("/api/version", deadline=deadline)
        except DeadlineReached:
            raise
        except EngineDown as error:
            raise EngineDown(f"no Ollama server answers: {error.message}", START_HINT) from error
        except ReplyError as error:
            raise EngineDown(f"{self.name} answers, but not as Ollama does: {error.message}", START_HINT) from error
        if status == BUSY:
            raise ServerBusy(f"{self.name} is too busy to answer, or what is behind it is not there (503)")
        version = answer.get("version") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(version, str):
            raise EngineDown(f"{self.name} answers, but it is no Ollama server", START_HINT)
        return version

    def show(self, model: str, deadline: float | None) -> dict[str, Any]:
        """`/api/show`; ModelMissing without the model, PrivacyError for one that is forwarded elsewhere."""
        return self._show({"model": model}, deadline)

    def vocabulary(self, model: str, deadline: float | None) -> dict[str, Any]:
        """The model's metadata with the lists of its vocabulary."""
        return table(self._show({"model": model, "verbose": True}, deadline), "model_info")

    def loaded(self, model: str, deadline: float | None) -> LoadedModel | None:
        """How the model is loaded at this time, or None."""
        for entry in self._listed("/api/ps", deadline):
            if _same_model(entry, model):
                return _loaded(entry)
        return None

    def all_loaded(self, deadline: float | None) -> list[tuple[str, LoadedModel]]:
        """Every model that is loaded at this time, with its name."""
        return [(str(entry.get("name")), _loaded(entry)) for entry in self._listed("/api/ps", deadline)]

    def others_loaded(self, model: str, deadline: float | None) -> list[str]:
        """The names of other models that are loaded at this time: for somebody else, who would lose them."""
        return [str(e.get("name")) for e in self._listed("/api/ps", deadline) if not _same_model(e, model)]

    def tag(self, model: str, deadline: float | None) -> dict[str, Any]:
        """The model's entry in `/api/tags` (digest, size); {} without one."""
        for entry in self.models(deadline):
            if _same_model(entry, model):
                refuse_remote(entry, model)
                return entry
        return {}

    def models(self, deadline: float | None) -> list[dict[str, Any]]:
        """All entries of `/api/tags`."""
        return self._listed("/api/tags", deadline)

    def cloud_disabled(self, deadline: float | None) -> bool:
        """Whether it says that it forwards nothing to ollama.com (`/api/status`, from 0.16.2 on)."""
        status, answer = self.client.call_json("/api/status", deadline=deadline)
        return status == 200 and table(answer, "cloud").get("disabled") is True

    def missing(self, model: str) -> ModelMissing:
        """The error for a model that the server does not have."""
        return ModelMissing(f"{self.name} has no model {model}", f"ollama pull {model}")

    def _show(self, body: Mapping[str, Any], deadline: float | None) -> dict[str, Any]:
        model = body["model"]
        status, answer = self.client.call_json("/api/show", body, deadline=deadline, limit_bytes=MAX_VOCABULARY_BYTES)
        if status == 404:
            raise self.missing(model)
        if status != 200 or not isinstance(answer, dict):
            reason = error_text(json.dumps(answer).encode())
            raise EngineDown(f"{self.name} cannot show {model} ({status}): {reason}", "reviewbot doctor")
        refuse_remote(answer, model)
        return answer

    def _listed(self, path: str, deadline: float | None) -> list[dict[str, Any]]:
        status, answer = self.client.call_json(path, deadline=deadline)
        models = answer.get("models") if status == 200 and isinstance(answer, dict) else None
        return [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []


def refuses_long(version: str) -> bool:
    """Whether it refuses a prompt over its window; a version that cannot be told counts as the worst."""
    found = _parsed(version)
    return found is not None and found >= REFUSES_LONG_SINCE


def counts_whole_prompts(version: str) -> bool:
    """Whether `prompt_eval_count` is the whole prompt that the model read."""
    found = _parsed(version)
    return found is None or found == (0, 0, 0) or COUNTS_WHOLE_PROMPTS_SINCE <= found != COUNTS_ONLY_NEW_TOKENS


def has_known_hole(version: str) -> bool:
    """Whether it is older than SAFE_SINCE; a version that cannot be told is not accused."""
    found = _parsed(version)
    return found is not None and (0, 0, 0) < found < SAFE_SINCE


def has_cloud(version: str) -> bool:
    """Whether it can forward models to ollama.com; a version that cannot be told counts as one that can."""
    found = _parsed(version)
    return found is None or found == (0, 0, 0) or found >= CLOUD_SINCE


def _parsed(version: str) -> tuple[int, ...] | None:
    found = _VERSION.match(version)
    return None if found is None else tuple(map(int, found.groups()))


def refuse_remote(answer: Mapping[str, Any], model: str) -> None:
    """Raise PrivacyError for an answer about, or of, a model that runs elsewhere."""
    if answer.get("remote_host") or answer.get("remote_model"):
        raise PrivacyError(f"{model} is forwarded to another machine by the server", "ollama list")


def _loaded(entry: Mapping[str, Any]) -> LoadedModel:
    sizes = number(entry.get("size")), number(entry.get("size_vram"))
    return LoadedModel(number(entry.get("context_length")), *sizes)


def _same_model(entry: Mapping[str, Any], model: str) -> bool:
    full = model if ":" in model.rpartition("/")[2] else f"{model}:latest"
    return full in (entry.get("name"), entry.get("model"))
