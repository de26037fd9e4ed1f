"""Servers that never come to an end, each in its own way."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from fake_server import MODEL, Answer, Exchange, FakeServer, part


def _begins(*events: bytes) -> Answer:
    """The head of an answer, these bytes, and nothing more."""

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(*events)
        exchange.wait()

    return answer


def _goes_on(event: dict | bytes, pause_s: float) -> Answer:
    """The same again and again, until the client goes away."""

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        while not exchange.released.wait(pause_s):
            exchange.send(event)

    return answer


@contextmanager
def _silent() -> Iterator[str]:
    """Accepts connections, as the system does for whoever listens, and does nothing with them."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def _answering(answer: Answer) -> Iterator[str]:
    with FakeServer(answer) as server:
        yield server.url


@contextmanager
def _loading() -> Iterator[str]:
    with FakeServer() as server:
        server.loading = Exchange.wait
        yield server.url


@contextmanager
def _deaf() -> Iterator[str]:
    """The model is loaded by now, so that the first chat request is one of the review."""
    with FakeServer() as server:
        server.deaf = True
        entry = {"name": MODEL, "model": MODEL, "context_length": 4096}
        server.overrides["/api/ps"] = (200, {"models": [entry]})
        yield server.url


STALLING: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "accepts and never answers": _silent,
    "stalls in load": _loading,
    "does not read the request": _deaf,
    "answers nothing": lambda: _answering(Exchange.wait),
    "sends headers only": lambda: _answering(_begins()),
    "stops in the middle of a line": lambda: _answering(_begins(b'{"mess')),
    "sends a byte a second": lambda: _answering(_goes_on(b" ", 1.0)),
    "streams tokens for ever": lambda: _answering(_goes_on(part("x"), 0.005)),
}
"""What each does, and how to run it; the value is its address."""
