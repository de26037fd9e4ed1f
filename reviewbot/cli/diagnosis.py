"""One line of what `reviewbot doctor` says."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How a check ended. A note stops no review."""

    OK = "ok"
    FAILED = "failed"
    NOTE = "note"


class Check(NamedTuple):
    """One line of the answer; `hint` is what to type."""

    name: str
    state: State
    message: str
    hint: str | None = None
