"""The chat protocol of OpenAI, as llama.cpp, vLLM and others speak it: messages, streamed answers, errors.

Two bodies say that a prompt is too long: llama.cpp's `exceed_context_size_error` with the size of its window, and
vLLM's sentence about the "maximum context length", which counts prompt and answer together (vllm #33418).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reviewbot.engines import Reply, Request
from reviewbot.engines.answers import decode_event, dig, finish, number
from reviewbot.errors import PromptTooLong

_TOO_LONG = re.compile(
    r"exceed_context_size_error|maximum context length|longer than the maximum|max_tokens.{0,3} is too"
)
_REAL_WINDOW = re.compile(
    r"\"n_ctx\\?\":\s*(\d+)|available context size \((\d+) tokens\)|maximum context length (?:is|of) (\d+)"
)


def messages(request: Request) -> list[dict[str, str]]:
    """The instructions and the change."""
    return [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]


def read_stream(lines: Iterator[bytes], failure: Callable[[int, bytes], Exception]) -> Reply:
    """Server-sent events to one reply; without a finish_reason it is torn. `failure` makes an error of an event."""
    parts: list[str] = []
    reason = None
    usage: Mapping[str, Any] = {}
    for line in lines:
        if not line.startswith(b"data:") or line.strip() == b"data: [DONE]":
            continue
        event = decode_event(line[5:])
        if not isinstance(event, dict) or "error" in event or event.get("object") == "error":
            raise failure(200, line[5:])
        usage = event.get("usage") or usage
        parts.append(str(dig(event, "choices", 0, "delta", "content") or ""))
        reason = dig(event, "choices", 0, "finish_reason") or reason
    return counted_reply("".join(parts), reason, usage)


def counted_reply(text: str, reason: object, usage: object) -> Reply:
    """The reply of an answer that is over, with the counts of its `usage`; an EngineError as `finish` raises it."""
    return finish(text, reason, number(dig(usage, "prompt_tokens")), number(dig(usage, "completion_tokens")))


def too_long(text: str) -> PromptTooLong | None:
    """The error that a body stands for where it says that the prompt does not fit, with the real window if it tells."""
    if not _TOO_LONG.search(text):
        return None
    found = _REAL_WINDOW.search(text)
    real = next((int(size) for size in found.groups() if size), None) if found else None
    return PromptTooLong("the prompt is longer than the window", window=real)
