"""A busy server is asked again, but not for ever, and not after the deadline."""

import json
import time
from collections.abc import Callable

import pytest
from conftest import GitRepo
from fake_server import Exchange, FakeServer, fake, find

from reviewbot.cli import main
from reviewbot.errors import DeadlineReached, ReplyError, ServerBusy
from reviewbot.patience import PAUSES_S, patiently

__all__ = ["fake"]

BUSY = ServerBusy("the server failed (503): busy")


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    slept: list[float] = []
    monkeypatch.setattr("reviewbot.patience.sleep", slept.append)
    return slept


def failing(*errors: Exception) -> Callable[[], str]:
    """Raises one after the other, then answers."""
    waiting = list(errors)

    def call() -> str:
        if waiting:
            raise waiting.pop(0)
        return "answer"

    return call


def test_what_was_refused_is_asked_again_after_longer_and_longer_pauses(pauses: list[float]) -> None:
    assert patiently(failing(BUSY, BUSY, BUSY), None) == "answer"
    assert pauses == list(PAUSES_S[:3])
    assert pauses == sorted(pauses)


def test_in_the_end_the_refusal_is_the_answer(pauses: list[float]) -> None:
    with pytest.raises(ServerBusy):
        patiently(failing(*[BUSY] * (len(PAUSES_S) + 1)), None)
    assert pauses == list(PAUSES_S)


def test_other_failures_are_not_tried_again(pauses: list[float]) -> None:
    with pytest.raises(ReplyError, match="broken"):
        patiently(failing(ReplyError("broken")), None)
    assert pauses == []


def test_no_pause_goes_beyond_the_deadline(pauses: list[float]) -> None:
    with pytest.raises(DeadlineReached):
        patiently(failing(BUSY, BUSY, DeadlineReached("over")), time.monotonic() - 1)
    assert pauses == [0, 0]


@pytest.mark.parametrize(("refusals", "reason"), [(0, "over"), (1, "over: the server failed (503): busy")])
def test_what_was_wrong_is_said_at_the_deadline(refusals: int, reason: str) -> None:
    with pytest.raises(DeadlineReached) as raised:
        patiently(failing(*[BUSY] * refusals, DeadlineReached("over")), None)
    assert raised.value.message == reason


def test_no_other_model_is_asked_when_a_busy_server_took_all_the_time(
    repo: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviewbot.patience.sleep", time.sleep)
    fake.overrides["/api/version"] = (503, {"error": "server busy"})
    repo.stage("a.py", "x = 1\n")
    assert main(["--endpoint", fake.url, "--deadline-s", "2"]) == 3
    assert "a.py:1: the deadline was reached\n" in capfd.readouterr().err
    assert main(["hook", "pre-commit", "--endpoint", fake.url, "--deadline-s", "2"]) == 0
    because = f"{fake.url} is too busy to answer, or what is behind it is not there (503)"
    assert f"a.py:1: the deadline was reached: {because}" in capfd.readouterr().err


def test_a_review_waits_for_a_busy_server(
    repo: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str], pauses: list[float]
) -> None:
    def refuse(exchange: Exchange) -> None:
        exchange.status(503, {"error": "server busy, please try again.  maximum pending requests exceeded"})

    loading = fake.loading
    refusals = [refuse, refuse]
    fake.loading = lambda exchange: (refusals.pop() if refusals else loading)(exchange)
    fake.answers = [refuse, refuse, find()]
    repo.stage("a.py", "x = 1\n")
    assert main(["--endpoint", fake.url, "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["verdict"]["outcome"] == "clean"
    assert pauses == [PAUSES_S[0], PAUSES_S[1]] * 2
