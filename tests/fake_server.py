"""A scripted stand-in for Ollama, for what no real server does on command: an ordinary HTTP server on loopback."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

MODEL = "codellama:7b-instruct"
TOO_LONG_OLD = {"error": "the input length exceeds the context length"}
TOO_LONG_NEW = {
    "error": json.dumps(
        {
            "error": {
                "code": 400,
                "message": "request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 9000,
                "n_ctx": 4096,
            }
        }
    )
}

Answer = Callable[["Exchange"], None]


class Exchange:
    """One chat request, and the ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: dict[str, Any], released: threading.Event) -> None:
        self._handler = handler
        self.body = body
        self.released = released
        self.prompt_tokens = round(sum(len(message["content"]) for message in body["messages"]) / 1.75)
        self.user = str(body["messages"][-1]["content"])

    def status(self, code: int, body: Any, content_type: str = "application/json", **headers: str) -> None:
        """A whole answer that is no stream; `body` is JSON unless it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._handler.send_response(code)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(data)), **headers}.items():
            self._handler.send_header(name, value)
        self._handler.end_headers()
        self._handler.wfile.write(data)

    def begin(self, content_type: str = "application/x-ndjson") -> None:
        """The head of a stream that ends with the connection."""
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", content_type)
        self._handler.send_header("Connection", "close")
        self._handler.end_headers()
        self._handler.close_connection = True

    def send(self, *events: dict[str, Any] | bytes) -> None:
        """Lines of the stream; bytes go out as they are."""
        for event in events:
            data = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
            self._handler.wfile.write(data)
            self._handler.wfile.flush()

    def wait(self) -> None:
        """Block until the test or the end of the server releases everybody."""
        self.released.wait(60)


def part(text: str) -> dict[str, Any]:
    """A line of a stream that holds a piece of the answer."""
    return {"model": MODEL, "message": {"role": "assistant", "content": text}, "done": False}


def done(reason: str = "stop", prompt_tokens: int = 100, tokens: int = 10, **more: Any) -> dict[str, Any]:
    """The last line of a stream."""
    counts = {"prompt_eval_count": prompt_tokens, "eval_count": tokens}
    return {"model": MODEL, "message": {"content": ""}, "done": True, "done_reason": reason, **counts, **more}


def say(text: str, **last: Any) -> Answer:
    """An ordinary streamed answer."""

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        half = len(text) // 2
        exchange.send(part(text[:half]), part(text[half:]), done(**{"prompt_tokens": exchange.prompt_tokens, **last}))

    return answer


def find(marker: str = "BUG") -> Answer:
    """A severe finding for each added line with the marker, a confirmation when asked again, digits for doctor."""

    def answer(exchange: Exchange) -> None:
        asked = exchange.body["format"].get("properties", {})
        if "digits" in asked:
            return say(json.dumps({"digits": list(range(10))}))(exchange)
        if "verdict" in asked:
            return say(json.dumps({"verdict": "confirmed", "quote": ""}))(exchange)
        path, found = "", []
        for row in exchange.user.split("\n"):
            if row.startswith("File: "):
                path = row[6:]
            number, _, code = row.partition(" +")
            if number.isdigit() and marker in code:
                found.append(
                    {
                        "file": path,
                        "line": int(number),
                        "quote": code.strip(),
                        "message": "this is a defect",
                        "category": "bug",
                        "severity": "error",
                        "suggestion": "",
                    }
                )
        return say(json.dumps({"findings": found[:8]}))(exchange)

    return answer


def _loads(body: dict[str, Any]) -> bool:
    return bool(body["options"]["num_predict"] == 1)


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class FakeServer:
    """An Ollama that has one model and answers each chat request with `answers`, the last one for ever.

    `requests` holds path and body of every request. `overrides` answers other paths: status and JSON by path. The
    request for a single token, by which a model is loaded, is answered by `loading`: the model is loaded from then on.
    A `deaf` server reads no chat request.
    With `path` it listens on a Unix socket.
    """

    def __init__(
        self, *answers: Answer, version: str = "0.32.0", trained: int = 16384, path: Path | None = None
    ) -> None:
        self.answers = list(answers) or [find()]
        self.version = version
        self.trained = trained
        self.loading: Answer = say("{", reason="length", tokens=1)
        self.deaf = False
        self.overrides: dict[str, tuple[int, Any]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.released = threading.Event()
        self._server: socketserver.BaseServer
        if path is not None:
            self._server = _UnixServer(str(path), self._handler_class())
        else:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
            self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Where it listens."""
        address = self._server.server_address
        return f"http://127.0.0.1:{address[1]}" if isinstance(address, tuple) else f"unix://{address}"

    @property
    def chats(self) -> list[dict[str, Any]]:
        """The bodies of the chat requests, but for those that only load the model."""
        return [body for path, body in self.requests if path == "/api/chat" and not _loads(body)]

    @property
    def loaded(self) -> list[int]:
        """The windows that the model was loaded with."""
        return [body["options"]["num_ctx"] for path, body in self.requests if path == "/api/chat" and _loads(body)]

    def __enter__(self) -> "FakeServer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def facts(self, path: str) -> tuple[int, Any]:
        """Status and JSON of the requests that are no chat."""
        entry = {"name": MODEL, "model": MODEL, "digest": "d1" * 32, "size": 3825910662}
        running = [{**entry, "context_length": min(window, self.trained)} for window in self.loaded[-1:]]
        known = {
            "/api/version": {"version": self.version},
            "/api/tags": {"models": [entry]},
            "/api/ps": {"models": running},
            "/api/show": {
                "template": "[INST] {{ .Prompt }} [/INST]",
                "model_info": {"general.architecture": "llama", "llama.context_length": self.trained},
            },
        }
        return (200, known[path]) if path in known else (404, {"error": "404 page not found"})

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                if fake.deaf and self.path == "/api/chat":
                    fake.released.wait(60)
                    return
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, body: dict[str, Any]) -> None:
                fake.requests.append((self.path, body))
                try:
                    if self.path in fake.overrides or self.path != "/api/chat":
                        code, facts = fake.overrides.get(self.path) or fake.facts(self.path)
                        Exchange(self, {"messages": [{"content": ""}]}, fake.released).status(code, facts)
                    elif _loads(body):
                        fake.loading(Exchange(self, body, fake.released))
                    else:
                        answer = fake.answers[0] if len(fake.answers) == 1 else fake.answers.pop(0)
                        answer(Exchange(self, body, fake.released))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client went away, which many tests are about

        return Handler


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    """A server that finds every line with BUG in it."""
    with FakeServer() as server:
        yield server
