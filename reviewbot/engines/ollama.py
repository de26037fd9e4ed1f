"""Ollama's own API: `/api/chat`, streamed.

Versions differ in what they do with a prompt over the window: from 0.12.6 on, `truncate: false` makes them refuse it
with one of two bodies; older ones cut it without a word, and up to 0.15.4 may drop the whole system message. Before
a run on those, the server is asked how many tokens the prompt takes without a change, so that a cut shows. A stream
that ends without `"done": true` (a repeat guard, a dead runner) is torn.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reviewbot.engines import (
    DEFAULT_WINDOW,
    FIRST_BYTE_S,
    SILENCE_S,
    EngineInfo,
    Loaded,
    ModelFacts,
    Reply,
    Request,
    trained_window,
)
from reviewbot.engines.answers import decode_event, error_text, finish, number, table
from reviewbot.engines.ollama_server import (
    BUSY,
    LoadedModel,
    OllamaServer,
    counts_whole_prompts,
    refuse_remote,
    refuses_long,
)
from reviewbot.errors import EngineDown, PromptTooLong, ReplyError, ReplyTorn, ServerBusy
from reviewbot.values import refuse_cloud_name
from reviewbot.vocabulary import Vocabulary, countable, open_vocabulary

_TOO_LONG = ("exceeds the context length", "exceed_context_size_error", "longer than the context length")
_REAL_WINDOW = re.compile(r"available context size \((\d+) tokens\)")


class OllamaEngine:
    """One model on one Ollama server. `num_ctx` is the window that the user wishes, `cache_dir` where vocabularies
    are kept (None: nowhere)."""

    def __init__(
        self,
        *,
        endpoint: str,
        model: str,
        num_ctx: int | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        keep_alive: str = "30m",
        allow_remote: bool = False,
        cache_dir: str | None = None,
    ) -> None:
        from reviewbot.engines.http import Client, local_url

        refuse_cloud_name(model)
        self._endpoint = endpoint
        self._model = model
        self._num_ctx = num_ctx
        self._temperature = temperature
        self._seed = seed
        # A string is a duration with its unit; without one only a number is read (api/types.go).
        self._keep_alive = int(keep_alive) if keep_alive in ("0", "-1") else keep_alive
        self._cache_dir = cache_dir
        self._client = Client(local_url(endpoint, allow_remote=allow_remote))
        self.server = OllamaServer(self._client, endpoint)
        self._info: EngineInfo | None = None
        self._loaded: LoadedModel | None = None
        self._has_turns = False
        self._asked_window = 0

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def describe(self, deadline: float | None) -> EngineInfo:
        """What answers here, asked once: version, model, digest and what is known of its window."""
        if self._info is None:
            version = self.server.version(deadline)
            shown = self.server.show(self._model, deadline)
            metadata = table(shown, "model_info")
            self._has_turns = bool(shown.get("messages"))
            self._loaded = self.server.loaded(self._model, deadline)
            loaded = self._loaded.window_tokens if self._loaded is not None else 0
            tag = self.server.tag(self._model, deadline)
            self._info = EngineInfo(
                kind="ollama",
                model=self._model,
                endpoint=self._endpoint,
                window_tokens=0,
                refuses_long=refuses_long(version),
                digest=tag["digest"] if isinstance(tag.get("digest"), str) else None,
                server_version=version,
                facts=ModelFacts(
                    trained_window=trained_window(metadata),
                    asked_window=self._num_ctx,
                    loaded_window=loaded if loaded >= DEFAULT_WINDOW else None,
                    metadata=metadata,
                    weights_bytes=number(tag.get("size")),
                ),
            )
        return self._info

    def vocabulary(self, deadline: float | None) -> Vocabulary | None:
        """The model's own, asked for once for each digest and then kept in the cache folder."""
        info = self.describe(deadline)
        if not countable(info.facts.metadata):
            return None
        key = info.digest or f"{self._endpoint} {self._model}"
        folder = self._cache_dir if info.digest else None
        return open_vocabulary(key, folder, lambda: self.server.vocabulary(self._model, deadline))

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        """Load the model, unless it is loaded with this window by now and nothing has to be counted."""
        info = self.describe(deadline)
        self._asked_window = window_tokens
        prompt_tokens = 0
        known = self._loaded is not None and self._loaded.window_tokens == window_tokens
        if not (known and info.refuses_long) or self._has_turns:
            body = self._chat_body(opening)
            body["options"]["num_predict"] = 1
            event = self._chat(body, deadline)[1]
            prompt_tokens = self._prompt_tokens(event)
            self._loaded = self.server.loaded(self._model, deadline)
        loaded = self._loaded or LoadedModel(0, 0, 0)
        # What is asked for stays the same all the time: another value would load the model anew.
        real = min(window_tokens, info.facts.trained_window, loaded.window_tokens or window_tokens)
        return Loaded(real, prompt_tokens, loaded.bytes, loaded.gpu_bytes)

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The model's whole reply; an EngineError for anything less."""
        text, event = self._chat(self._chat_body(request), deadline)
        reason = str(event.get("done_reason", "stop"))
        return finish(text, reason, self._prompt_tokens(event), number(event.get("eval_count")))

    def _prompt_tokens(self, event: Mapping[str, Any]) -> int:
        version = self._info.server_version if self._info is not None else None
        return number(event.get("prompt_eval_count")) if counts_whole_prompts(version or "") else 0

    def _chat(self, body: Mapping[str, Any], deadline: float | None) -> tuple[str, dict[str, Any]]:
        """The text and the last event of one answer."""
        with self._client.stream(
            "/api/chat", body, deadline=deadline, first_byte_s=FIRST_BYTE_S, silence_s=SILENCE_S
        ) as (status, lines):
            if status != 200:
                raise self._failure(status, b"\n".join(lines))
            return self._read_stream(lines)

    def _chat_body(self, request: Request) -> dict[str, Any]:
        return {
            "model": self._model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.user},
            ],
            "stream": True,
            "format": request.schema,
            "keep_alive": self._keep_alive,
            "truncate": False,
            "shift": False,
            "options": {
                "num_ctx": self._asked_window,
                "num_predict": max(request.reply_tokens, 1),
                "temperature": self._temperature,
                "seed": self._seed + request.seed,
                # The model's own stop strings ("[INST]", "Source:") would end an answer that quotes them.
                "stop": [],
            },
        }

    def _read_stream(self, lines: Iterator[bytes]) -> tuple[str, dict[str, Any]]:
        parts = []
        for line in lines:
            event = _event(line)
            refuse_remote(event, self._model)
            if "error" in event:
                raise self._failure(200, line)
            message = event.get("message")
            if isinstance(message, dict):
                parts.append(str(message.get("content") or ""))
            if event.get("done") is True:
                return "".join(parts), event
        raise ReplyTorn("the answer broke off before its end")

    def _failure(self, status: int, body: bytes) -> Exception:
        """The error that a body stands for. Wordings differ by version; only the stable parts are matched."""
        text = error_text(body)
        if any(sign in text for sign in _TOO_LONG):
            window = _REAL_WINDOW.search(text)
            real = int(window.group(1)) if window else None
            return PromptTooLong(f"the server refuses the prompt as too long: {text}", window=real)
        if status == 404:
            return self.server.missing(self._model)
        if status in (401, 403):
            return EngineDown(f"{self._endpoint} refuses this request ({status}): {text or 'no reason given'}")
        kind = ServerBusy if status == BUSY else ReplyError
        return kind(f"the server failed ({status}): {text or 'no reason given'}")


def _event(line: bytes) -> dict[str, Any]:
    event = decode_event(line)
    if not isinstance(event, dict):
        raise ReplyError("the server's answer is not what Ollama sends")
    return event
