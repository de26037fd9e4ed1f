"""A model that is asked through files, in the batch format of OpenAI: what has no answer yet is noted as a request.

A request is known by what it says, without the number that each run draws for its boundaries. So the answers of any
number of rounds lead to the report that the same answers would have led to at once.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reviewbot.engines import EngineInfo, Loaded, ModelFacts, Reply, Request
from reviewbot.engines.answers import decode_json, dig, error_text
from reviewbot.engines.completions import counted_reply, too_long
from reviewbot.engines.openai import CHAT, chat_body
from reviewbot.errors import AnswerMissing, EngineError, PromptCut, ReplyCut, ReplyError
from reviewbot.tokens import EstimateCounter
from reviewbot.vocabulary import Vocabulary

OK = 200


class BatchEngine:
    """`answers` has rows of results by custom id; a row that is there twice is None. `about` stands before each custom
    id, `boundary` is this run's. `requests` are those without an answer, by custom id; `failures` says what is wrong
    with rows that are there."""

    def __init__(
        self,
        answers: Mapping[str, Mapping[str, Any] | None],
        *,
        about: str,
        boundary: str,
        model: str,
        num_ctx: int,
        vocabulary: Vocabulary | None,
        temperature: float,
        seed: int,
    ) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        self.used: set[str] = set()
        self.failures: dict[str, str] = {}
        self.prompt_tokens = self.completion_tokens = 0
        self._answers = answers
        self._about = about
        self._boundary = boundary
        self._model = model
        self._num_ctx = num_ctx
        self._vocabulary = vocabulary
        self._temperature = temperature
        self._seed = seed

    def describe(self, deadline: float | None) -> EngineInfo:
        """A model with the window that the user tells, which refuses what does not fit, as vLLM does."""
        facts = ModelFacts(trained_window=self._num_ctx, asked_window=self._num_ctx)
        refuses = self._vocabulary is None
        return EngineInfo("openai", self._model, "batch", 0, refuses_long=refuses, facts=facts)

    def vocabulary(self, deadline: float | None) -> Vocabulary | None:
        """That of the file that the user names."""
        return self._vocabulary

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        """Nobody is asked."""
        return Loaded(window_tokens)

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """The answer in the results; AnswerMissing where there is none, or none that can be used."""
        body = chat_body(request, self._model, self._temperature, self._seed)
        name = self._name(body)
        if name not in self._answers:
            self.requests[name] = {"custom_id": name, "method": "POST", "url": CHAT, "body": body}
            raise AnswerMissing("there is no answer in the results")
        self.used.add(name)
        row = self._answers[name]
        if row is None:
            raise AnswerMissing("there are two answers in the results")
        try:
            reply = _reply(row)
        except ReplyCut as cut:
            self._count(cut)
            raise
        except EngineError as error:
            self.failures[name] = error.message
            raise
        self._count(reply)
        if self._vocabulary is not None:
            return reply
        if 0 < reply.prompt_tokens < EstimateCounter().at_least(request.system + request.user):
            raise PromptCut(f"the server cut the prompt: it read {reply.prompt_tokens} tokens of a longer one")
        return Reply(reply.text)  # a count would correct the estimate, and the rest be packed in another way

    def close(self) -> None:
        """There is nothing to let go of."""

    def _count(self, answer: Reply | ReplyCut) -> None:
        self.prompt_tokens += answer.prompt_tokens
        self.completion_tokens += answer.completion_tokens

    def _name(self, body: dict[str, Any]) -> str:
        text = json.dumps(body, sort_keys=True).replace(self._boundary, "")
        return f"{self._about}.{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _reply(row: Mapping[str, Any]) -> Reply:
    """The reply of one row of results; an EngineError for a failed one."""
    status, body = dig(row, "response", "status_code"), dig(row, "response", "body")
    if row.get("error") or status != OK:
        text = json.dumps(row.get("error") or body)
        code = "" if status is None else f" ({status})"
        raise too_long(text) or ReplyError(f"the batch failed here{code}: {error_text(text.encode())}")
    choice = dig(body, "choices", 0)
    content = dig(choice, "message", "content")
    text = content if isinstance(content, str) else ""
    return counted_reply(text, dig(choice, "finish_reason"), dig(body, "usage"))


def rows_of(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The objects with a custom id in a file of requests or results; ValueError with its number for any other line."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = decode_json(line)
            if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
                raise ValueError(f"line {number} is no row with a custom_id")
            yield row
