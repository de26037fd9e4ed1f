"""A model that is wrong as often as its parameters say. It sees only the requests that it is sent.

Every decision is drawn by itself: whether a defect is seen does not depend on its kind, its language or the size of
the change; false findings are as frequent in a change with a defect as in a clean one, and as likely on each line;
severity, place, quote and second opinion of a finding do not depend on each other; the votes about a finding do not
either, unless `memory` says so. Real models err in company: what is wrong in one respect is more often wrong in the
next, and a model that is asked again repeats itself.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.engines import EngineInfo, Loaded, Reply, Request
from simulation.corpus import Defect
from simulation.dice import Dice
from simulation.parameters import Parameters
from simulation.wordings import FALSE_CLAIMS, INVENTED_QUOTES, REMARKS, REPEATS

INFO = EngineInfo("ollama", "scripted", "http://127.0.0.1:11434", 4096, refuses_long=False)
_SHOWN = re.compile(r"^(\d+) ([+ ])(.*)$", re.MULTILINE)
_FILE = re.compile(r"^File: (.*)$", re.MULTILINE)
_CLAIM = re.compile(r"^The claim about line \d+: (.*)$", re.MULTILINE)
_NAME = re.compile(r"[^\W\d]\w{2,}")
_NO_CODE = re.compile(r"\s*(?:#|//|/\*|\*|--|\"\"\"|\W*$)")


class Said(Struct, frozen=True):
    """A finding as the model gave it: what stands in the answer, whether it is true, and on which line it belongs.

    `claim` is the message with which it was said first.
    """

    message: str
    claim: str
    true: bool
    category: str
    severity: str
    quote: str
    line: int
    meant: int


class PairsOfBytes:
    """A vocabulary that takes no time to count with: a token for each two bytes."""

    def count(self, text: str) -> int:
        return (len(text.encode()) + 1) // 2

    count_prompt = count


class ScriptedModel:
    """An engine for the review of one change; `said` holds its findings, in the order of its answer."""

    def __init__(self, dice: Dice, parameters: Parameters, defect: Defect | None) -> None:
        self._dice = dice
        self._is = parameters
        self._defect = defect
        self.said: list[Said] = []

    def describe(self, deadline: float | None) -> EngineInfo:
        return INFO

    def vocabulary(self, deadline: float | None) -> "PairsOfBytes":
        return PairsOfBytes()

    def load(self, window_tokens: int, opening: Request, deadline: float | None) -> Loaded:
        return Loaded(min(window_tokens, INFO.window_tokens))

    def close(self) -> None:
        pass

    def ask(self, request: Request, deadline: float | None) -> Reply:
        """A review, or a second opinion: the request's schema tells which is wanted."""
        if "verdict" in request.schema["properties"]:
            return Reply(json.dumps(self._judge(request)))
        (path,) = set(_FILE.findall(request.user))
        most = request.schema["properties"]["findings"]["maxItems"]
        said = list(islice(self._review(request.user), most))
        self.said += said
        return Reply(json.dumps({"findings": [_as_json(finding, path) for finding in said]}))

    def _review(self, shown: str) -> Iterator[Said]:
        lines = {int(number): (sign, code) for number, sign, code in _SHOWN.findall(shown)}
        added = {number: code for number, (sign, code) in lines.items() if sign == "+" and not _NO_CODE.match(code)}
        taken: dict[str, bool] = {}
        for finding in [*self._true(added), *self._false(added)]:
            for said in [finding, *self._again(finding)]:
                if taken.setdefault(said.message, said.true) is said.true:  # a message tells whether it is true
                    yield self._misplace(said, sorted(lines))

    def _true(self, added: dict[int, str]) -> Iterator[Said]:
        defect = self._defect
        if defect is None or added.get(defect.line) != defect.code or not self._dice.chance(self._is.detection, "seen"):
            return
        severity = "error" if self._dice.chance(self._is.severe_true, "true", "severity") else "warning"
        quote = self._quote(defect.code, self._is.invented_true, "true")
        said, line = defect.message, defect.line
        yield Said(said, said, True, defect.category, severity, quote, line, line)

    def _false(self, added: dict[int, str]) -> Iterator[Said]:
        for number in range(self._dice.poisson(self._is.false_per_diff, "false")):
            name = ("false", number)
            line = self._dice.pick(sorted(added), *name, "line")
            category, wording = self._dice.pick(FALSE_CLAIMS, *name, "wording")
            if self._dice.chance(self._is.remarks, *name, "remark"):
                wording = self._dice.pick(REMARKS, *name, "wording")
            message = wording.format(name=self._name_in(added[line], *name))
            severity = "warning" if self._dice.chance(0.5, *name, "mild") else "info"
            if self._dice.chance(self._is.severe_false, *name, "severity"):
                severity = "error"
            quote = self._quote(added[line], self._is.invented_false, *name)
            yield Said(message, message, False, category, severity, quote, line, line)

    def _again(self, said: Said) -> Iterator[Said]:
        if self._dice.chance(self._is.repeats, said.message, "repeat"):
            wording = self._dice.pick(REPEATS, said.message, "wording")
            name = self._name_in(said.quote, said.message)
            message = wording.format(message=said.message, name=name)
            yield replace(said, message=message)

    def _quote(self, code: str, invented: float, *name: object) -> str:
        if self._dice.chance(invented, *name, "quote"):
            return self._dice.pick(INVENTED_QUOTES, *name, "invented")
        return code.strip()

    def _name_in(self, code: str, *name: object) -> str:
        return self._dice.pick(_NAME.findall(code) or ["value"], *name, "name")

    def _misplace(self, said: Said, numbers: list[int]) -> Said:
        if not self._dice.chance(self._is.misplaced, said.message, "place"):
            return said
        others = [number for number in numbers if number != said.meant]
        return replace(said, line=self._dice.pick(others, said.message, "number"))

    def _judge(self, request: Request) -> dict[str, str]:
        """One vote. A refutation comes with a line of the code that it was shown."""
        (claim,) = _CLAIM.findall(request.user)
        true = next(said.true for said in self.said if said.message == claim)
        odds = self._is.opinion_true if true else self._is.opinion_false
        vote = 0 if self._dice.chance(self._is.memory, claim, request.seed, "memory") else request.seed
        drawn = self._dice.number(claim, "vote", vote)
        code = [code for _, _, code in _SHOWN.findall(request.user) if not _NO_CODE.match(code)]
        if drawn < odds.confirmed:
            return {"verdict": "confirmed", "quote": ""}
        if drawn < odds.confirmed + odds.unsure:
            return {"verdict": "unsure", "quote": ""}
        return {"verdict": "refuted", "quote": self._dice.pick(code, claim, "proof")}


def _as_json(said: Said, path: str) -> dict[str, Any]:
    return {
        "file": path,
        "line": said.line,
        "quote": said.quote,
        "category": said.category,
        "severity": said.severity,
        "message": said.message,
        "suggestion": "",
    }
