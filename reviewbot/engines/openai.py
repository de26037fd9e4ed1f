"""Any server that speaks OpenAI's chat protocol: vLLM, llama-server, SGLang, LM Studio, LocalAI.

The window is what the server tells: `max_model_len` of `/v1/models` (vLLM, SGLang), `n_ctx` of `/props` (llama-server,
per slot), else what the user says. Only servers that tell one are known to refuse a prompt that is too long; any other
might cut it, and is sent no more than surely fits. Ollama speaks the protocol, too, but ignores the window there and
cuts silently (ollama #2722), so it is sent back to its own engine.
"""

from pathlib import Path
from typing import Any, NamedTuple

from reviewbot.address import is_here
from reviewbot.engines import FIRST_BYTE_S, SILENCE_S, EngineInfo, Loaded, ModelFacts, Reply, Request
from reviewbot.engines.answers import dig, error_text, number
from reviewbot.engines.completions import messages, read_stream, too_long
from reviewbot.errors import ConfigError, EngineDown, ModelMissing, ReplyError, ServerBusy
from reviewbot.values import refuse_cloud_name
from reviewbot.vocabulary import Vocabulary, vocabulary_of_file

CHAT = "/v1/chat/completions"


class Access(NamedTuple):
    """How to be let in: a bearer key, further headers, and a file of certificates to trust."""

    key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    ca_file: str | None = None


class OpenAIEngine:
    """One model on one server. `num_ctx` is the window in tokens that the user knows or wishes, `cache_dir` where
    vocabularies are kept (None: nowhere)."""

    def __init__(
        self,
        *,
        endpoint: str,
        model: str,
        access: Access = Access(),  # noqa: B008 (a frozen value)
        num_ctx: int | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        allow_remote: bool = False,
        cache_dir: str | None = None,
    ) -> None:
        from reviewbot.engines.http import Client, local_url

        refuse_cloud_name(model)
        self._endpoint = endpoint.removesuffix("/v1")
        self._model = model
        self._num_ctx = num_ctx
        self._temperature = temperature
        self._seed = seed
        self._cache_dir = cache_dir
        headers = dict(access.headers)
        if access.key:
            headers["Authorization"] = f"Bearer {access.key}"
        url = local_url(self._endpoint, allow_remote=allow_remote)
        self._client = Client(url, headers=headers, ca_file=access.ca_file)
        self._info: EngineInfo | None = None
        self._model_path: str | None = None

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def describe(self, deadline: float | None) -> EngineInfo:
        """What answers here, asked once: the model and its window."""
        if self._info is None:
            self._refuse_ollama(deadline)
            entry = self._entry(deadline)
            told = number(entry.get("max_model_len")) or self._window_of_llama(deadline)
            trained = number(dig(entry, "meta", "n_ctx_train"))
            window = min(filter(None, (told, trained or told))) if told else self._num_ctx
            if not window:
                raise EngineDown(f"{self._endpoint} does not tell the window of {self._model}", "--num-ctx TOKENS")
            asked = None if self._num_ctx is None else min(self._num_ctx, window)
            self._info = EngineInfo(
                kind="openai",
                model=self._model,
                endpoint=self._endpoint,
                window_tokens=0,
                refuses_long=bool(told) and self._file_here() is None,  # what can be counted need not be believed
                facts=ModelFacts(trained_window=window, asked_window=asked, loaded_window=window),
            )
        return self._info

    def vocabulary(self, deadline: float | None) -> Vocabulary | None:
        """That of the file which a llama-server on this machine serves; other servers tell none."""
        self.describe(deadline)
        path = self._file_here()
        if path is None:
            return None
        try:
            return vocabulary_of_file(path, self._cache_dir)
        except ConfigError:
            return None

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        """The model is loaded; the server is asked how many tokens the opening takes, where it can tell."""
        info = self.describe(deadline)
        return Loaded(min(window_tokens, info.facts.trained_window), self._count(opening, deadline))

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The model's whole reply; an EngineError for anything less."""
        with self._client.stream(
            CHAT, self._chat_body(request), deadline=deadline, first_byte_s=FIRST_BYTE_S, silence_s=SILENCE_S
        ) as (status, lines):
            if status != 200:
                raise self._failure(status, b"\n".join(lines))
            return read_stream(lines, self._failure)

    def _chat_body(self, request: Request) -> dict[str, Any]:
        return chat_body(request, self._model, self._temperature, self._seed) | {
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def _refuse_ollama(self, deadline: float | None) -> None:
        status, answer = self._client.call_json("/api/version", deadline=deadline)
        if status == 200 and isinstance(dig(answer, "version"), str):
            raise EngineDown(
                f"{self._endpoint} is an Ollama server, which cuts long prompts silently in this protocol",
                "--engine ollama",
            )

    def _entry(self, deadline: float | None) -> dict[str, Any]:
        """The model's entry in `/v1/models`."""
        status, answer = self._client.call_json("/v1/models", deadline=deadline)
        listed = dig(answer, "data")
        if status != 200 or not isinstance(listed, list):
            raise self._refused(status) or EngineDown(
                f"{self._endpoint} answers, but it is no server that speaks OpenAI's protocol ({status})",
                "reviewbot doctor",
            )
        entries = [entry for entry in listed if isinstance(entry, dict)]
        for entry in entries:
            if entry.get("id") == self._model:
                return entry
        names = [str(entry.get("id")) for entry in entries]
        raise ModelMissing(
            f"{self._endpoint} has no model {self._model}; it has {', '.join(names[:5]) or 'none'}",
            f"--model {names[0]}" if names else None,
        )

    def _window_of_llama(self, deadline: float | None) -> int:
        """What llama-server gives to each of its slots; 0 for any other server."""
        status, props = self._client.call_json("/props", deadline=deadline)
        window = number(dig(props, "default_generation_settings", "n_ctx")) if status == 200 else 0
        path = dig(props, "model_path")
        if window and isinstance(path, str):
            self._model_path = path
        return window

    def _file_here(self) -> Path | None:
        """The file of the model that a server on this machine has."""
        if self._model_path is None or not is_here(self._endpoint):
            return None
        path = Path(self._model_path)
        return path if path.is_file() else None

    def _count(self, opening: Request, deadline: float | None) -> int:
        """Tokens of a prompt with its template, by the calls of llama-server and vLLM; 0 where neither is there."""
        for path, key in ((f"{CHAT}/input_tokens", "input_tokens"), ("/tokenize", "count")):
            body = {"model": self._model, "messages": messages(opening)}
            status, answer = self._client.call_json(path, body, deadline=deadline)
            if status == 200 and number(dig(answer, key)):
                return number(dig(answer, key))
        return 0

    def _refused(self, status: int) -> EngineDown | None:
        if status not in (401, 403):
            return None
        hint = "--api-key-env NAME, the variable that holds the key"
        return EngineDown(f"{self._endpoint} wants a key, or another one ({status})", hint)

    def _failure(self, status: int, body: bytes) -> Exception:
        text = body.decode("utf-8", "replace")
        error = too_long(text[:2000]) or self._refused(status)
        if error is not None:
            return error
        reason = error_text(body) or "no reason given"
        if status == 404:
            return ModelMissing(f"{self._endpoint} does not know {self._model}: {reason}")
        kind = ServerBusy if status in (429, 503) else ReplyError
        return kind(f"the server failed ({status}): {reason}")


def chat_body(request: Request, model: str, temperature: float, seed: int) -> dict[str, Any]:
    """The body of one question, without how the answer shall come. vLLM needs a name for the schema."""
    return {
        "model": model,
        "messages": messages(request),
        "max_tokens": max(request.reply_tokens, 1),
        "temperature": temperature,
        "seed": seed + request.seed,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": request.schema},
        },
    }
