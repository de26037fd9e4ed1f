"""Ask one engine: what does not fit is not sent, and a cut does not go unnoticed."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from msgspec.structs import replace

from reviewbot.engines import Engine, Reply, Request
from reviewbot.errors import (
    OUT_OF_TIME,
    DeadlineReached,
    EngineDown,
    PromptCut,
    PromptTooLong,
    ReplyCut,
    ReplyError,
    ReplyTorn,
)
from reviewbot.patience import patiently
from reviewbot.prompts import ASK_AGAIN
from reviewbot.window import Window

T = TypeVar("T")


class Asker(Protocol):
    """Who can be asked."""

    def ask_readable(self, request: Request, read: Callable[[str], T]) -> tuple[Reply, T]:
        """The reply and what `read` makes of it; an EngineError when there is none."""
        ...


class Silence:
    """Nobody, because of `why`: every question is in vain."""

    def __init__(self, why: str) -> None:
        self._why = why

    def ask_readable(self, request: Request, read: Callable[[str], T]) -> tuple[Reply, T]:
        """EngineDown, always."""
        raise EngineDown(self._why)


class Dialogue:
    """All requests of a run, and what they cost; `answers` of them came to an end and took `seconds`, in all. `window`
    may be replaced when more is known of it; `deadline` is a time of `time.monotonic()`; after `max_requests` no more
    are sent. Several threads may ask."""

    def __init__(self, engine: Engine, window: Window, deadline: float | None, max_requests: int | None = None) -> None:
        self.window = window
        self.requests = self.answers = self.prompt_tokens = self.completion_tokens = 0
        self.seconds = 0.0
        self.deadline = deadline
        self._max_requests = max_requests
        self._engine = engine
        self._counting = threading.Lock()

    def ask_readable(self, request: Request, read: Callable[[str], T]) -> tuple[Reply, T]:
        """The reply and what `read` makes of it. A reply that raises ReplyError there, or is torn, is asked for once
        more, in other words: the same ones might well end the same way."""
        with suppress(ReplyTorn):
            reply = self._ask(request)
            with suppress(ReplyError):
                return reply, read(reply.text)
        reply = self._ask(replace(request, user=request.user + ASK_AGAIN))
        return reply, read(reply.text)

    def _ask(self, request: Request) -> Reply:
        return patiently(partial(self._ask_once, request), self.deadline)

    def _ask_once(self, request: Request) -> Reply:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise DeadlineReached(OUT_OF_TIME)
        window = self.window
        if not window.fits(request):
            cost = window.cost(request)
            raise PromptTooLong(f"prompt and reply may take {cost} of {window.tokens} tokens", window=window.tokens)
        with self._counting:
            if self._max_requests is not None and self.requests >= self._max_requests:
                raise EngineDown(f"the budget of {self._max_requests} requests is spent (max_requests)")
            self.requests += 1
        started = time.monotonic()
        try:
            reply = self._engine.ask(request, self.deadline)
        except ReplyCut as cut:
            self._count(cut, started)
            raise
        self._count(reply, started)
        if window.was_cut(request, reply):
            raise PromptCut(f"the server cut the prompt: it read {reply.prompt_tokens} tokens of a longer one")
        return reply

    def _count(self, answer: Reply | ReplyCut, started: float) -> None:
        with self._counting:
            self.seconds += time.monotonic() - started
            self.answers += 1
            self.prompt_tokens += answer.prompt_tokens
            self.completion_tokens += answer.completion_tokens
