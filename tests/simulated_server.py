"""An engine that treats prompts over its window as one generation of servers or another does, and keeps a record."""

import re
from typing import Literal

from scripted_engine import CLEAN

from reviewbot.engines import EngineInfo, Loaded, ModelFacts, Reply, Request
from reviewbot.errors import EngineDown, PromptTooLong
from reviewbot.vocabulary import Vocabulary

TEMPLATE = 24
"""Tokens that the template adds."""

Habit = Literal["refuses", "refuses and tells", "cuts to the window", "cuts to half", "drops the instructions"]
REFUSING = ("refuses", "refuses and tells")


class Words:
    """A vocabulary that is easy to reason about: up to six letters are a token, everything else by itself."""

    def count(self, text: str) -> int:
        """Tokens of a part of a prompt; a line end is a token of its own, so lines add up."""
        return len(re.findall(r"[ \t]*\w{1,6}|\n|.", text))

    count_prompt = count


class SimulatedServer:
    """Finds nothing in anything. `whole` are the users' messages that it read to the last token, `cut` the others
    that it answered nevertheless; it claims to have `claimed` tokens of window and has `real` ones."""

    def __init__(self, habit: Habit, *, claimed: int, real: int, tells_vocabulary: bool, trained: int = 131072) -> None:
        self.habit = habit
        self.claimed = claimed
        self.real = min(real, claimed)
        self.tells_vocabulary = tells_vocabulary
        self.trained = trained
        self.whole: list[str] = []
        self.cut: list[str] = []
        self.refused = 0

    def describe(self, deadline: float | None) -> EngineInfo:
        facts = ModelFacts(trained_window=self.trained, asked_window=self.claimed)
        return EngineInfo("ollama", "m:1", "http://127.0.0.1:1", 0, self.habit in REFUSING, facts=facts)

    def vocabulary(self, deadline: float | None) -> Vocabulary | None:
        return Words() if self.tells_vocabulary else None

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        assert window_tokens <= self.claimed
        self.claimed = window_tokens
        self.real = min(self.real, window_tokens)
        read = self._tokens_read(opening)
        if read is None:
            raise EngineDown("not even the instructions fit")
        return Loaded(self.claimed, read)

    def ask(self, request: Request, deadline: float | None) -> Reply:
        sent = self._tokens(request)
        assert request.reply_tokens > 0
        read = self._tokens_read(request)
        if read is None:
            self.refused += 1
            raise PromptTooLong("too long", window=self.real if self.habit == "refuses and tells" else None)
        (self.whole if read == sent else self.cut).append(request.user)
        return Reply(CLEAN, prompt_tokens=read, completion_tokens=5)

    def close(self) -> None:
        pass

    def _tokens(self, request: Request) -> int:
        return TEMPLATE + Words().count(request.system) + Words().count(request.user)

    def _tokens_read(self, request: Request) -> int | None:
        """None when the prompt is refused."""
        sent = self._tokens(request)
        if sent < self.real:
            return sent
        match self.habit:
            case "refuses" | "refuses and tells":
                return None
            case "cuts to the window":
                return self.real
            case "cuts to half":
                return self.real - (self.real - 5) // 2
            case _:
                return min(self.real, TEMPLATE + Words().count(request.user))
