"""Ollama's own API: `/api/chat`, streamed.

Versions differ in what they do with a prompt over the window: from 0.12.6 on, `truncate: false` makes them refuse it
with one of two bodies; older ones cut it without a word, and up to 0.15.4 may drop the whole system message. Nothing
that might be cut is sent to those. A stream that ends without `"done": true` (a repeat guard, a dead runner) is torn.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reviewbot.engines import DEFAULT_WINDOW, FIRST_BYTE_S, SILENCE_S, EngineInfo, Reply, Request
from reviewbot.errors import EngineDown, ModelMissing, PrivacyError, PromptTooLong, ReplyCut, ReplyError
from reviewbot.tokens import TEMPLATE_TOKENS, BoundCounter
from reviewbot.values import is_cloud_name

if TYPE_CHECKING:
    import httpx

KEEP_ALIVE = "30m"
REFUSES_LONG_SINCE = (0, 12, 6)

START_HINT = "start it with `ollama serve`; `reviewbot doctor` says what else is missing"

_TOO_LONG = ("exceeds the context length", "exceed_context_size_error", "longer than the context length")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class OllamaEngine:
    """One model on one Ollama server. `num_ctx` None chooses: the loaded window, else 4,096 tokens."""

    def __init__(
        self,
        *,
        endpoint: str,
        model: str,
        num_ctx: int | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        allow_remote: bool = False,
        silence_s: float = SILENCE_S,
        first_byte_s: float = FIRST_BYTE_S,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        from reviewbot.engines.http import Client, local_url

        refuse_cloud_name(model)
        self._endpoint = endpoint
        self._model = model
        self._num_ctx = num_ctx
        self._temperature = temperature
        self._seed = seed
        self._silence_s = silence_s
        self._first_byte_s = first_byte_s
        self._client = Client(local_url(endpoint, allow_remote=allow_remote), transport=transport)
        self._info: EngineInfo | None = None

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def server_version(self, deadline: float | None = None) -> str:
        """The version that `/api/version` tells; EngineDown when nobody, or somebody else, answers."""
        try:
            status, answer = self._client.call_json("/api/version", deadline=deadline)
        except (EngineDown, ReplyError) as error:
            raise EngineDown(f"no Ollama server answers: {error.message}", START_HINT) from error
        version = answer.get("version") if isinstance(answer, dict) else None
        if status != 200 or not isinstance(version, str):
            raise EngineDown(f"{self._endpoint} answers, but it is no Ollama server", START_HINT)
        return version

    def describe(self, deadline: float | None) -> EngineInfo:
        """What answers here, asked once: version, model, digest and window."""
        if self._info is None:
            version = self.server_version(deadline)
            trained = self._trained_window(deadline)
            window = min(self._num_ctx or self._loaded_window(deadline) or DEFAULT_WINDOW, trained)
            self._info = EngineInfo(
                kind="ollama",
                model=self._model,
                endpoint=self._endpoint,
                window_tokens=window,
                refuses_long=_refuses_long(version),
                digest=self._digest(deadline),
                server_version=version,
            )
        return self._info

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The model's whole reply; an EngineError for anything less."""
        info = self.describe(deadline)
        if not info.refuses_long:
            self._refuse_what_may_be_cut(request, info.window_tokens)
        with self._client.stream(
            "/api/chat",
            self._chat_body(request, info.window_tokens),
            deadline=deadline,
            first_byte_s=self._first_byte_s,
            silence_s=self._silence_s,
        ) as (status, lines):
            if status != 200:
                raise self._failure(status, b"\n".join(lines))
            return self._read_stream(lines, info.window_tokens)

    def _chat_body(self, request: Request, window: int) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.user},
            ],
            "stream": True,
            "format": request.schema,
            "keep_alive": KEEP_ALIVE,
            "truncate": False,
            "shift": False,
            "options": {
                "num_ctx": window,
                "num_predict": max(request.reply_tokens, 1),
                "temperature": self._temperature,
                "seed": self._seed + request.seed,
                # The model's own stop strings ("[INST]", "Source:") would end an answer that quotes them.
                "stop": [],
            },
        }

    def _refuse_what_may_be_cut(self, request: Request, window: int) -> None:
        bound = BoundCounter()
        at_most = bound.count(request.system) + bound.count(request.user) + TEMPLATE_TOKENS
        if at_most + request.reply_tokens > window:
            raise PromptTooLong(f"the prompt may take {at_most} of {window} tokens, and this server cuts silently")

    def _read_stream(self, lines: Iterator[bytes], window: int) -> Reply:
        parts = []
        for line in lines:
            event = _event(line)
            _refuse_remote(event, self._model)
            if "error" in event:
                raise self._failure(200, line)
            message = event.get("message")
            if isinstance(message, dict):
                parts.append(str(message.get("content") or ""))
            if event.get("done") is True:
                return self._finished("".join(parts), event, window)
        raise ReplyError("the answer broke off before its end")

    def _finished(self, text: str, event: Mapping[str, Any], window: int) -> Reply:
        reason = event.get("done_reason", "stop")
        prompt_tokens = _number(event.get("prompt_eval_count"))
        if prompt_tokens >= window:
            raise PromptTooLong(f"the server cut the prompt to its window of {window} tokens")
        if reason == "length":
            raise ReplyCut("the answer hit its length limit")
        if reason != "stop":
            raise ReplyError(f"the answer ended with {str(reason)[:40]!r}")
        if not text.strip():
            raise ReplyError("the model answered nothing")
        return Reply(text, prompt_tokens, _number(event.get("eval_count")))

    def _failure(self, status: int, body: bytes) -> Exception:
        """The error that a body stands for. Wordings differ by version; only the stable parts are matched."""
        text = _error_text(body)
        if any(sign in text for sign in _TOO_LONG):
            return PromptTooLong(f"the server refuses the prompt as too long: {text}")
        if status == 404:
            return self._missing()
        if status in (401, 403):
            return EngineDown(f"{self._endpoint} refuses this request ({status}): {text or 'no reason given'}")
        return ReplyError(f"the server failed ({status}): {text or 'no reason given'}")

    def _missing(self) -> ModelMissing:
        return ModelMissing(f"{self._endpoint} has no model {self._model}", f"ollama pull {self._model}")

    def _trained_window(self, deadline: float | None) -> int:
        status, answer = self._client.call_json("/api/show", {"model": self._model}, deadline=deadline)
        if status == 404:
            raise self._missing()
        if status != 200 or not isinstance(answer, dict):
            reason = _error_text(json.dumps(answer).encode())
            raise EngineDown(f"{self._endpoint} cannot show {self._model} ({status}): {reason}", "reviewbot doctor")
        _refuse_remote(answer, self._model)
        facts = answer.get("model_info")
        facts = facts if isinstance(facts, dict) else {}
        trained = _number(facts.get(f"{facts.get('general.architecture')}.context_length"))
        return trained or DEFAULT_WINDOW

    def _loaded_window(self, deadline: float | None) -> int | None:
        """The window that the model is loaded with, unless it is too small: another one would reload the model."""
        for entry in self._listed("/api/ps", deadline):
            if _same_model(entry, self._model):
                loaded = _number(entry.get("context_length"))
                return loaded if loaded >= DEFAULT_WINDOW else None
        return None

    def _digest(self, deadline: float | None) -> str | None:
        for entry in self._listed("/api/tags", deadline):
            if _same_model(entry, self._model):
                _refuse_remote(entry, self._model)
                digest = entry.get("digest")
                return digest if isinstance(digest, str) else None
        return None

    def _listed(self, path: str, deadline: float | None) -> list[dict[str, Any]]:
        status, answer = self._client.call_json(path, deadline=deadline)
        models = answer.get("models") if status == 200 and isinstance(answer, dict) else None
        return [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []


def refuse_cloud_name(model: str) -> None:
    """Raise PrivacyError for a name that Ollama forwards to its cloud (since 0.18: tag `cloud` or `*-cloud`)."""
    if is_cloud_name(model):
        raise PrivacyError(f"{model} runs in a cloud, and nothing may leave this machine", "ollama list")


def _refuse_remote(answer: Mapping[str, Any], model: str) -> None:
    if answer.get("remote_host") or answer.get("remote_model"):
        raise PrivacyError(f"{model} is forwarded to another machine by the server", "ollama list")


def _refuses_long(version: str) -> bool:
    found = _VERSION.match(version)
    return found is not None and tuple(map(int, found.groups())) >= REFUSES_LONG_SINCE


def _same_model(entry: Mapping[str, Any], model: str) -> bool:
    full = model if ":" in model.rpartition("/")[2] else f"{model}:latest"
    return full in (entry.get("name"), entry.get("model"))


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise ReplyError("the server's answer is not JSON") from error
    if not isinstance(event, dict):
        raise ReplyError("the server's answer is not what Ollama sends")
    return event


def _error_text(body: bytes) -> str:
    """The words in `{"error": ...}`, whose value may be JSON inside a string; at most 300 characters."""
    text = body.decode("utf-8", "replace").strip()
    for _ in range(3):
        try:
            inner = json.loads(text)
        except ValueError:
            break
        if isinstance(inner, dict) and ("error" in inner or "message" in inner):
            value = inner.get("error", inner.get("message"))
            kind = f" ({inner['type']})" if isinstance(inner.get("type"), str) else ""
            text = value + kind if isinstance(value, str) else json.dumps(value)
        else:
            break
    return text[:300]


def _number(value: object) -> int:
    """A count of the server; absent statistics are zero (Ollama leaves zero out)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
