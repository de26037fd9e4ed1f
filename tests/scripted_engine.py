"""An engine that answers from a list and remembers what it was asked."""

import json
from collections.abc import Sequence

from reviewbot.engines import EngineInfo, Loaded, Reply, Request

INFO = EngineInfo("ollama", "codellama:7b-instruct", "http://127.0.0.1:11434", 4096, True, "d1", "0.32.0")


def findings(*items: dict) -> str:
    """A reply that holds these findings; what is left out of one is a severe bug in a.py line 1."""
    base = {
        "file": "a.py",
        "line": 1,
        "quote": "x = 1",
        "message": "it is wrong",
        "category": "bug",
        "severity": "error",
        "suggestion": "",
    }
    return json.dumps({"findings": [{**base, **item} for item in items]})


def verdict(word: str, quote: str = "") -> str:
    """A second opinion."""
    return json.dumps({"verdict": word, "quote": quote})


CLEAN = findings()


class ScriptedEngine:
    """Answers each request with the next item: a text, or an exception that is raised. The last item repeats."""

    def __init__(self, *script: str | BaseException, info: EngineInfo | BaseException = INFO) -> None:
        self.script: list[str | BaseException] = list(script)
        self.info = info
        self.requests: list[Request] = []

    def describe(self, deadline: float | None) -> EngineInfo:
        if isinstance(self.info, BaseException):
            raise self.info
        return self.info

    def vocabulary(self, deadline: float | None) -> None:
        return None

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        assert not isinstance(self.info, BaseException)
        return Loaded(min(window_tokens, self.info.window_tokens))

    def ask(self, request: Request, deadline: float | None) -> Reply:
        self.requests.append(request)
        item = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        if isinstance(item, BaseException):
            raise item
        return Reply(item, prompt_tokens=round(len(request.system + request.user) / 1.75), completion_tokens=10)

    def close(self) -> None:
        pass

    @property
    def asked(self) -> Sequence[str]:
        return [request.user for request in self.requests]
