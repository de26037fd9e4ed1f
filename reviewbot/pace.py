"""How far a run is, and how long the rest will take."""

import math
from typing import NamedTuple

from reviewbot.dialogue import Dialogue
from reviewbot.plan import Chunk, Omission
from reviewbot.portions import expected_tokens
from reviewbot.standing import State


class Progress(NamedTuple):
    """How far a run is: chunks done, and all of them, which is expected only as long as not all is planned; tokens per
    second so far (read and written together; 0 before the first answer), and the seconds that the rest will take, where
    there is a measure for it. `read` and `failed` are what has come to that since the step before, and stays so."""

    done: int
    total: int
    tokens_per_second: float
    seconds_left: float | None = None
    read: tuple[Chunk, ...] = ()
    failed: tuple[Omission, ...] = ()


class Pace:
    """Measures a run from the `start` on; `tokens_per_s` is what an earlier one measured (None: nothing)."""

    def __init__(self, dialogue: Dialogue, start: State, parallel: int, tokens_per_s: float | None) -> None:
        self._dialogue = dialogue
        self._chars = start.unplanned_chars
        self._parallel = parallel
        self._tokens_per_s = tokens_per_s or 0.0
        self._told = (0, 0)

    def step(self, state: State) -> Progress:
        """Where the run is now. What is not planned is taken to need as many requests as what is."""
        done, under_way = len(state.read), state.sent + state.waiting
        planned = done + len(under_way)
        total = planned + math.ceil(planned * state.unplanned_chars / max(self._chars - state.unplanned_chars, 1))
        talk, speed, left = self._dialogue, self._tokens_per_s, None
        at_once = max(min(self._parallel, total - done), 1)
        if talk.answers:
            speed = (talk.prompt_tokens + talk.completion_tokens) / max(talk.seconds, 1e-6)
            left = talk.seconds / talk.answers * (total - done) / at_once
        elif speed:
            tokens = expected_tokens(under_way, talk.window) * (total - done) / max(len(under_way), 1)
            left = tokens / speed / at_once
        (known, lost), self._told = self._told, (done, len(state.failed))
        read = tuple(entry.chunk for entry in state.read[known:])
        return Progress(done, total, speed, left, read, state.failed[lost:])
