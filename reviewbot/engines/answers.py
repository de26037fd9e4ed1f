"""What servers answer, decoded: JSON, counts, the end of a reply, the words of an error."""

import json
from typing import Any

from reviewbot.engines import Reply
from reviewbot.errors import ReplyCut, ReplyError, ReplyTorn


def decode_json(data: bytes) -> Any:
    """The value, or None for what is no JSON, or nested so deeply that nobody means it."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def decode_event(line: bytes) -> Any:
    """The value of one line of a streamed answer. ReplyTorn for an object that breaks off, ReplyError for no JSON."""
    event = decode_json(line)
    if event is None and line.lstrip().startswith(b"{"):
        raise ReplyTorn("the answer broke off in the middle of a line")
    if event is None:
        raise ReplyError("the server's answer is not JSON")
    return event


def dig(value: Any, *keys: str | int) -> Any:
    """The value at a path of keys and indexes, None where there is none."""
    for key in keys:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def table(answer: object, key: str) -> dict[str, Any]:
    """The object under a key; {} without one."""
    value = answer.get(key) if isinstance(answer, dict) else None
    return value if isinstance(value, dict) else {}


def number(value: object) -> int:
    """A count of the server; 0 for what is none (Ollama leaves zero out)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def error_text(body: bytes) -> str:
    """The words in `{"error": ...}`, whose value may be JSON inside a string; at most 300 characters."""
    text = body.decode("utf-8", "replace").strip()
    for _ in range(3):
        inner = decode_json(text.encode())
        if isinstance(inner, dict) and ("error" in inner or "message" in inner):
            value = inner.get("error", inner.get("message"))
            kind = f" ({inner['type']})" if isinstance(inner.get("type"), str) else ""
            text = value + kind if isinstance(value, str) else json.dumps(value)
        else:
            break
    return text[:300]


def finish(text: str, reason: object, prompt_tokens: int, completion_tokens: int) -> Reply:
    """The reply of an answer that ended for a reason; an EngineError for one that is torn (None), cut or empty."""
    if reason is None:
        raise ReplyTorn("the answer broke off before its end")
    if reason == "length":
        raise ReplyCut(
            "the answer hit its length limit", prompt_tokens=prompt_tokens, completion_tokens=completion_tokens
        )
    if reason != "stop":
        raise ReplyError(f"the answer ended with {str(reason)[:40]!r}")
    if not text.strip():
        raise ReplyTorn("the model answered nothing")
    return Reply(text, prompt_tokens, completion_tokens)
