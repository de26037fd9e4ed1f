"""Several requests at one time: the report is that of one at a time, and whatever happens no line is lost."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from conftest import GitRepo, heed_ctrl_c
from fake_server import Answer, Exchange, FakeServer, fake, find
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scripted_engine import CLEAN, INFO, ScriptedEngine, findings, verdict
from test_review import EACH, many, numbers, review, sized
from values import change

from reviewbot.cli import main
from reviewbot.engines import Reply, Request
from reviewbot.engines.http import Client
from reviewbot.errors import EngineDown, EngineError, PromptTooLong, ReplyCut, ReplyError, ReplyTorn
from reviewbot.pace import Progress
from reviewbot.reading import run_review
from reviewbot.repo import Source
from reviewbot.review import Material, Options, Review
from reviewbot.slots import Slots

__all__ = ["fake"]

FOUR = replace(EACH, parallel=4)
SMALL = replace(sized(200), max_findings=99)


class Together(ScriptedEngine):
    """Answers when as many requests as `groups` says next are under way."""

    def __init__(self, *groups: int, **fields) -> None:
        super().__init__(CLEAN, **fields)
        self.gates = [gate for size in groups for gate in [threading.Barrier(size)] * size]
        self.threads: list[threading.Thread] = []

    def ask(self, request: Request, deadline: float | None) -> Reply:
        self.threads.append(threading.current_thread())
        self.gates.pop(0).wait(20)
        return self.answer(request, deadline)

    def answer(self, request: Request, deadline: float | None) -> Reply:
        return super().ask(request, deadline)


def test_as_many_requests_are_under_way_as_there_are_slots() -> None:
    engine = Together(4, 4)
    made = review(engine, many(8), FOUR)
    assert numbers(made) == (320, 320, 0, 0) and made.usage.requests == 8
    assert threading.main_thread() not in engine.threads


def test_fewer_requests_than_slots() -> None:
    assert review(Together(3), many(3), FOUR).reviewed == 120


def test_one_at_a_time_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewbot.slots.threading", None)
    engine = Together(1, 1, 1)
    assert review(engine, many(3), EACH).reviewed == 120
    assert set(engine.threads) == {threading.current_thread()}


def test_the_embedded_engine_has_one_slot() -> None:
    engine = Together(1, 1, 1, info=replace(INFO, kind="embedded"))
    assert review(engine, many(3), FOUR).reviewed == 120
    assert set(engine.threads) == {threading.current_thread()}


def test_a_slot_returns_what_its_call_returns_or_raises() -> None:
    slots = Slots[str, int](2)
    slots.start("a", lambda: 1)
    assert slots.wait(None)[1]() == 1
    slots.start("b", lambda: 1 // 0)
    key, answer = slots.wait(None)
    with pytest.raises(ZeroDivisionError):
        answer()
    assert key == "b"


def test_a_call_that_does_not_heed_the_deadline_is_left_alone() -> None:
    over = threading.Event()
    engine = ScriptedEngine(CLEAN)
    engine.ask = lambda request, deadline: over.wait(60)  # type: ignore[method-assign,assignment]
    started = time.monotonic()
    made = review(engine, many(6), replace(FOUR, deadline=started + 0.3))
    assert time.monotonic() - started < 10
    over.set()
    assert numbers(made) == (240, 0, 0, 240)
    assert {omission.reason for omission in made.failed} == {"the deadline was reached"}


class Fails(Together):
    """Fails about f1.py, and with `later` about the rest, when that was received; None answers."""

    def __init__(self, error: BaseException | None, *groups: int, later: BaseException | None = None) -> None:
        super().__init__(*groups)
        self.error = error
        self.later = later
        self.steps = 0
        self.received = threading.Event()

    def answer(self, request: Request, deadline: float | None) -> Reply:
        first = "File: f1.py\n" in request.user
        if not first:
            self.received.wait(20)
        if error := self.error if first else self.later:
            raise error
        return super().answer(request, deadline)

    def review(self, material: Material, options: Options) -> Review:
        return run_review(material, self, options, self.step, lambda info: None)

    def step(self, step: Progress) -> None:
        self.steps += 1
        if self.steps == 2:
            self.received.set()


def test_what_was_under_way_when_the_server_went_down_still_counts() -> None:
    made = Fails(EngineDown("gone", "ollama serve"), 4).review(many(9), FOUR)
    assert numbers(made) == (360, 120, 0, 240)
    assert {omission.reason for omission in made.failed} == {"gone"} and made.hints == ("ollama serve",)


def test_what_comes_back_in_parts_when_the_rest_is_given_up_is_not_asked_about() -> None:
    made = Fails(EngineDown("gone"), 4, later=ReplyCut("cut")).review(many(9), FOUR)
    assert numbers(made) == (360, 0, 0, 360)
    assert {omission.reason for omission in made.failed} == {"gone"}


def test_ctrl_c_fails_what_is_under_way() -> None:
    made = Fails(KeyboardInterrupt(), 4).review(many(5), FOUR)
    assert made.interrupted and numbers(made) == (200, 0, 0, 200)
    assert {omission.reason for omission in made.failed} == {"interrupted"}


def test_what_was_answered_before_ctrl_c_counts_in_whatever_order_it_came() -> None:
    made = Fails(None, 4, 1, later=KeyboardInterrupt()).review(many(5), FOUR)
    assert made.interrupted and numbers(made) == (200, 40, 0, 160)
    assert [omission.path for omission in made.failed] == ["f0.py", "f2.py", "f3.py", "f4.py"]


def test_a_window_that_is_smaller_is_learnt_once_although_several_requests_say_so() -> None:
    class Small(Together):
        def answer(self, request, deadline):
            if request.reply_tokens > 2048 // 6:
                raise PromptTooLong("too long", window=2048)
            return super().answer(request, deadline)

    engine = Small(4, *[1] * 6)
    made = review(engine, many(6), FOUR)
    assert made.engine is not None and made.engine.window_tokens == 2048
    assert numbers(made) == (240, 240, 0, 0)
    assert len(engine.requests) == 6  # none was split


FAILURES: dict[str, Callable[[str], Exception]] = {
    "torn": lambda name: ReplyTorn("torn"),
    "cut": lambda name: ReplyCut("cut"),
    "long": lambda name: PromptTooLong("too long"),
    "broken": lambda name: ReplyError("broken", f"mend {name}"),
}
NAMES = ("f0.py", "f1.py", "auth2.py", "f3.py", "test_4.py", "5.md", "sql6.py")


class Random(ScriptedEngine):
    """Answers after a random while; what it says, and how it fails, depends only on what it is asked about."""

    def __init__(self, failures: dict[str, str], seed: int) -> None:
        super().__init__(CLEAN)
        self.failures = failures
        self.random = random.Random(seed)
        self.never = threading.Event()

    def ask(self, request: Request, deadline: float | None) -> Reply:
        self.never.wait(self.random.random() / 300)
        if "claim about line" in request.user:
            return Reply(verdict("confirmed"), 0, 10)
        name = request.user.split("File: ")[1].split("\n")[0]
        rows = [row for row in request.user.split("\n") if " +x = " in row]
        failure = self.failures.get(name)
        if failure == "unreadable":
            return Reply("no JSON", 0, 10)
        if failure and (failure in ("torn", "broken") or len(rows) > 3):
            raise FAILURES[failure](name)
        said = {"file": name, "severity": "error" if "7" in rows[0] else "warning"}
        here = {"quote": rows[0].partition("+")[2], "message": f"the value at {rows[0]} is wrong", **said}
        nowhere = {"quote": "nowhere()", "message": f"the loop over values is wrong from {rows[0]} on", **said}
        return Reply(findings(here, nowhere), 0, 10)


def without_costs(made: Review) -> Review:
    return replace(made, usage=replace(made.usage, seconds=0.0), answer_seconds=0.0)


@settings(max_examples=60)
@given(
    st.permutations(NAMES),
    st.lists(st.sampled_from([*FAILURES, "unreadable"]), min_size=2, max_size=2),
    st.integers(2, 8),
    st.integers(0, 999),
    st.integers(0, 4),
)
def test_the_report_is_that_of_one_request_at_a_time(
    names: list[str], failures: list[str], parallel: int, seed: int, size: int
) -> None:
    body = "\n".join(f"+x = {i}" for i in range(8 + size))
    material = Material(Source("staged"), tuple(change(name, body) for name in names))
    failing = dict(zip(names[1::3], failures, strict=True))  # too many failures in a row would end it
    alone = review(Random(failing, seed), material, SMALL)
    together = review(Random(failing, seed), material, replace(SMALL, parallel=parallel))
    assert without_costs(together) == without_costs(alone)


def staged(repo: GitRepo, count: int) -> None:
    """Files that each fill a request."""
    for number in range(count):
        repo.stage(
            f"f{number}.py",
            "".join(f"v{i} = compute(one, {'BUG' if i == 3 else 'two'}, three, {i})\n" for i in range(60)),
        )


WORDS = ["--format", "json", "--num-ctx", "4096", "--chunk-tokens", "1900", "--no-cache"]


def in_step(size: int) -> Answer:
    """Answers when so many requests are under way."""
    gate = threading.Barrier(size)

    def answer(exchange: Exchange) -> None:
        if "verdict" not in exchange.body["format"].get("properties", {}):
            gate.wait(20)
        find()(exchange)

    return answer


def test_four_requests_reach_a_server_at_one_time(
    repo: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    staged(repo, 8)
    reports = []
    for answer, parallel in ((find(), "1"), (in_step(4), "4")):
        fake.answers = [answer]
        assert main(["--endpoint", fake.url, "--parallel", parallel, *WORDS]) == 1
        report = json.loads(capfd.readouterr().out)
        report["usage"]["seconds"] = 0
        reports.append(report)
    assert reports[0] == reports[1]
    assert reports[0]["usage"]["requests"] == 16 and reports[0]["coverage"]["reviewed"] == 480


def test_ctrl_c_cancels_all_that_is_under_way(repo: GitRepo, fake: FakeServer) -> None:
    staged(repo, 6)
    gone = threading.Semaphore(0)

    def trickle(exchange: Exchange) -> None:
        exchange.begin()
        try:
            while not exchange.released.wait(0.02):
                exchange.send(b" ")
        except OSError:
            gone.release()
            raise

    fake.answers = [trickle]
    run = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "--endpoint", fake.url, "--parallel", "3", *WORDS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_ctrl_c,
    )
    end = time.monotonic() + 20
    while len(fake.chats) < 3 and time.monotonic() < end:
        fake.released.wait(0.02)
    run.send_signal(2)
    out, err = run.communicate(timeout=20)
    assert run.returncode == 130 and b"Traceback" not in err
    assert json.loads(out)["coverage"]["failed"] == 360
    assert all(gone.acquire(timeout=20) for _ in range(3))


def test_the_deadline_cancels_all_that_is_under_way(
    repo: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    staged(repo, 5)
    fake.answers = [find(), Exchange.wait]
    assert main(["hook", "--endpoint", fake.url, "--parallel", "3", "--deadline-s", "2", *WORDS]) in (0, 1)
    report = json.loads(capfd.readouterr().out)
    assert (report["coverage"]["reviewed"], report["coverage"]["failed"]) == (60, 240)
    assert {entry["reason"] for entry in report["failed"]} == {"the deadline was reached"}


def test_closing_a_client_ends_its_requests() -> None:
    with FakeServer(Exchange.wait) as server:
        client = Client(server.url)
        body = {"options": {"num_predict": 2}, "messages": [{"content": ""}]}
        slots = Slots[str, object](2)
        slots.start("x", lambda: client.call_json("/api/chat", body))
        end = time.monotonic() + 20
        while not server.requests and time.monotonic() < end:
            server.released.wait(0.02)
        client.close()
        started = time.monotonic()
        with pytest.raises(EngineError):
            slots.wait(None)[1]()
        assert time.monotonic() - started < 5
        with pytest.raises(EngineDown, match="is not asked any more"):
            client.call_json("/api/version")
