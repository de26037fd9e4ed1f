"""A scripted stand-in for vLLM: what it documents, and what goes wrong on command.

Bodies: https://docs.vllm.ai/en/latest/serving/openai_compatible_server/ (2026-11-27); a token is four bytes here.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "codellama/CodeLlama-13b-Instruct-hf"
Answer = Callable[[dict[str, Any]], tuple[int, Any]]


def tokens(messages: list[dict[str, str]]) -> int:
    return sum(len(message["content"]) // 4 for message in messages) + 20


def chunks(text: str, reason: str | None = "stop", usage: dict[str, int] | None = None) -> list[Any]:
    """The events of one answer."""
    half = len(text) // 2
    events: list[Any] = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
    events += [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in (text[:half], text[half:])]
    if reason is not None:
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        events.append({"choices": [], "usage": usage or {"prompt_tokens": 100, "completion_tokens": 10}})
    return events


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


class FakeVllm:
    """`answer` makes status and body, or events, of a chat request; `headers` are those of every request."""

    def __init__(self, window: int | None = 16384) -> None:
        self.window = window
        self.key: str | None = None
        self.flat_errors = False
        self.answer: Answer = self.find
        self.chats: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.extra: dict[str, Any] = {}
        self.server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "FakeVllm":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()

    def find(self, body: dict[str, Any]) -> tuple[int, Any]:
        """A severe finding for each added line with BUG, confirmed when asked again."""
        user = body["messages"][-1]["content"]
        usage = {"prompt_tokens": tokens(body["messages"]), "completion_tokens": 10}
        properties = body["response_format"]["json_schema"]["schema"].get("properties", {})
        if "verdict" in properties:
            return 200, chunks(json.dumps({"verdict": "confirmed", "quote": ""}), usage=usage)
        if "digits" in properties:
            return 200, chunks(json.dumps({"digits": list(range(10))}), usage=usage)
        path, found = "", []
        for row in user.split("\n"):
            if row.startswith("File: "):
                path = row[6:]
            number, _, code = row.partition(" +")
            if number.isdigit() and "BUG" in code:
                said = {"message": "this is a defect", "category": "bug", "severity": "error", "suggestion": ""}
                found.append({"file": path, "line": int(number), "quote": code.strip(), **said})
        return 200, chunks(json.dumps({"findings": found[:8]}), usage=usage)

    def error(self, message: str, kind: str, code: int) -> Any:
        """Both of its styles."""
        inner = {"message": message, "type": kind, "param": None, "code": code}
        return {"object": "error", **inner} if self.flat_errors else {"error": inner}

    def too_long(self, body: dict[str, Any]) -> tuple[int, Any] | None:
        asked = tokens(body["messages"])
        if self.window is None or asked + body["max_tokens"] <= self.window:
            return None
        message = (
            f"This model's maximum context length is {self.window} tokens. However, you requested "
            f"{asked + body['max_tokens']} tokens ({asked} in the messages, {body['max_tokens']} in the completion)."
        )
        return 400, self.error(message, "BadRequestError", 400)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                fake.headers.append(dict(self.headers))
                if self.path == "/v1/models" and self._may_come_in():
                    entry: dict[str, Any] = {"id": MODEL, "object": "model", "owned_by": "vllm"}
                    if fake.window:
                        entry["max_model_len"] = fake.window
                    self._send(200, {"object": "list", "data": [entry]})
                elif self.path in fake.extra:
                    self._send(200, fake.extra[self.path])
                elif self.path != "/v1/models":
                    self._send(404, {"detail": "Not Found"})

            def do_POST(self) -> None:
                fake.headers.append(dict(self.headers))
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not self._may_come_in():
                    return
                if self.path == "/tokenize" and fake.window:
                    count = tokens(body["messages"])
                    self._send(200, {"count": count, "max_model_len": fake.window, "tokens": []})
                elif self.path == "/v1/chat/completions":
                    fake.chats.append(body)
                    status, answer = fake.too_long(body) or fake.answer(body)
                    self._stream(answer) if isinstance(answer, list) else self._send(status, answer)
                else:
                    self._send(404, {"detail": "Not Found"})

            def _may_come_in(self) -> bool:
                if fake.key is None or self.headers.get("Authorization") == f"Bearer {fake.key}":
                    return True
                self._send(401, {"error": "Unauthorized"})
                return False

            def _send(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, events: list[Any]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for event in events:
                    data = event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\n\n"
                    self.wfile.write(data)
                self.wfile.write(b"data: [DONE]\n\n")

        return Handler
