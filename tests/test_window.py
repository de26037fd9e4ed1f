"""The window: how large, what fits, and that no line counts as read which a server has cut away."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scripted_engine import INFO
from simulated_server import TEMPLATE, Habit, SimulatedServer, Words
from test_plan import changes
from values import OPENING

from reviewbot.diff import FileChange
from reviewbot.engines import Loaded, ModelFacts, Reply, Request
from reviewbot.errors import EngineDown
from reviewbot.findings import Severity
from reviewbot.plan import plan_review
from reviewbot.prompts import load_prompt, render_change
from reviewbot.reading import run_review
from reviewbot.repo import Source
from reviewbot.review import Material, Options, Review
from reviewbot.tokens import BoundCounter, EstimateCounter, ExactCounter
from reviewbot.window import TEMPLATE_TOKENS, TRUSTED, Sizing, Window, choose_window, foresee_window, open_window

OPTIONS = Options(Sizing(load_prompt("reviewer"), 3500, 0.7), 5, 0, Severity.ERROR)
HABITS: tuple[Habit, ...] = (
    "refuses",
    "refuses and tells",
    "cuts to the window",
    "cuts to half",
    "drops the instructions",
)


def review(server: SimulatedServer, made: tuple[FileChange, ...], chunk_tokens: int | None = 3500) -> Review:
    options = replace(OPTIONS, sizing=replace(OPTIONS.sizing, chunk_tokens=chunk_tokens))
    return run_review(Material(Source("range"), made), server, options, lambda step: None, lambda info: None)


def shown_lines(prompts: list[str]) -> list[tuple[str, int]]:
    """Path and number of every added line in these messages."""
    found = []
    for text in prompts:
        path = ""
        for row in text.split("\n"):
            if row.startswith("File: "):
                path = row[6:]
            elif match := re.match(r"(\d+) \+", row):
                found.append((path, int(match[1])))
    return found


def big(lines: int, path: str = "a.py") -> FileChange:
    from values import change

    return change(path, "\n".join(f"+    value_{i} = compute(item[{i}], 'text')" for i in range(lines)))


@given(
    changes(),
    st.sampled_from(HABITS),
    st.integers(1024, 131072),
    st.integers(600, 131072),
    st.sampled_from([None, 400]),
)
def test_with_a_vocabulary_only_what_was_read_to_the_last_token_counts_as_reviewed(
    made: tuple[FileChange, ...], habit: Habit, claimed: int, real: int, chunk_tokens: int | None
) -> None:
    server = SimulatedServer(habit, claimed=claimed, real=real, tells_vocabulary=True)
    check(server, made, review(server, made, chunk_tokens))


@given(changes(), st.sampled_from(HABITS), st.integers(1024, 131072), st.sampled_from([None, 400]))
def test_without_a_vocabulary_less_is_sent_and_nothing_is_cut(
    made: tuple[FileChange, ...], habit: Habit, window: int, chunk_tokens: int | None
) -> None:
    server = SimulatedServer(habit, claimed=window, real=window, tells_vocabulary=False)
    check(server, made, review(server, made, chunk_tokens))
    assert server.cut == []


def check(server: SimulatedServer, made: tuple[FileChange, ...], done: Review) -> None:
    """Each added line is in exactly one of reviewed and failed, and reviewed ones were read to the last token."""
    every = [(change.path, line.new) for change in made for line in change.added]
    read = shown_lines(server.whole)
    failed = [line for omission in done.failed for line in every if _holds(omission, line)]
    assert (done.added, done.reviewed + done.lines_failed) == (len(every), len(every))
    assert len(read) == done.reviewed
    assert sorted(read + failed) == sorted(every)


def _holds(omission, line) -> bool:
    return omission.path == line[0] and omission.start <= line[1] <= omission.end


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("window", [2048, 4096, 8192, 16384])
@pytest.mark.parametrize("tells", [True, False])
def test_a_large_change_is_read_whole_on_every_kind_of_server(habit: Habit, window: int, tells: bool) -> None:
    server = SimulatedServer(habit, claimed=window, real=window, tells_vocabulary=tells)
    done = review(server, (big(1500), big(500, "b.py")))
    assert (done.reviewed, done.failed, server.cut) == (2000, (), [])
    if tells:
        assert server.refused == 0


@pytest.mark.parametrize("habit", HABITS)
def test_a_server_with_less_window_than_it_says_is_found_out(habit: Habit) -> None:
    server = SimulatedServer(habit, claimed=16384, real=2048, tells_vocabulary=True)
    done = review(server, (big(1500),), None)
    assert (done.reviewed, done.failed) == (1500, ())
    assert 1 <= len(server.cut) + server.refused <= 12
    assert done.engine is not None and done.engine.window_tokens <= 2048


@pytest.mark.parametrize("window", [4096, 8192, 16384])
def test_requests_are_filled(window: int) -> None:
    server = SimulatedServer("refuses", claimed=window, real=window, tells_vocabulary=True)
    review(server, (big(3000),), None)
    sent = sorted(TEMPLATE + Words().count(OPTIONS.sizing.prompt.system) + Words().count(user) for user in server.whole)
    reply = max(256, min(1024, window // 6))
    assert sent[len(sent) // 2] >= 0.85 * (window - reply)


def test_a_window_that_holds_hardly_more_than_the_instructions_is_refused() -> None:
    server = SimulatedServer("cuts to half", claimed=1536, real=1536, tells_vocabulary=False)
    done = review(server, (big(10),))
    assert done.reviewed == 0 and "leaves no room for code" in done.failed[0].reason


def test_instructions_that_the_server_cuts_are_no_review() -> None:
    server = SimulatedServer("drops the instructions", claimed=4096, real=300, tells_vocabulary=True)
    done = review(server, (big(10),))
    assert done.reviewed == 0 and "it cut even the instructions" in done.failed[0].reason
    assert server.whole == server.cut == []


FACTS = ModelFacts(trained_window=16384)


@pytest.mark.parametrize(
    ("facts", "change_bytes", "largest", "expected"),
    [
        pytest.param(replace(FACTS, asked_window=6000), 10**9, 10**6, 6000, id="as asked"),
        pytest.param(replace(FACTS, asked_window=32768), 10, 10**6, 16384, id="asked for more than was trained"),
        pytest.param(replace(FACTS, loaded_window=5000), 10**9, 10**6, 5000, id="as it is loaded"),
        pytest.param(replace(FACTS, loaded_window=32768), 10, 10**6, 16384, id="loaded with more than was trained"),
        pytest.param(FACTS, 1000, 10**6, 4096, id="a small change"),
        pytest.param(FACTS, 60_000, 10**6, 8192, id="a larger change"),
        pytest.param(FACTS, 10**9, 8192, 8192, id="as much as the memory holds"),
        pytest.param(FACTS, 10**9, 8191, 4096, id="not more than the memory holds"),
        pytest.param(FACTS, 10**9, 1024, 4096, id="never less than 4096"),
        pytest.param(replace(FACTS, trained_window=2048), 10**9, 10**6, 2048, id="never more than was trained"),
        pytest.param(
            replace(FACTS, trained_window=131072), 400_000, 10**6, 65536, id="a long window for a long change"
        ),
    ],
)
def test_the_window_is_chosen(facts: ModelFacts, change_bytes: int, largest: int, expected: int) -> None:
    assert choose_window(replace(INFO, facts=facts), change_bytes, 700, None, lambda: largest) == expected


def test_memory_is_looked_at_only_when_the_smallest_window_is_too_small() -> None:
    def look() -> int:
        raise AssertionError

    assert choose_window(replace(INFO, facts=FACTS), 1000, 700, None, look) == 4096


def test_a_window_for_whole_chunks_is_large_enough() -> None:
    assert choose_window(replace(INFO, facts=FACTS), 10**9, 700, 3500, lambda: 10**6) == 8192


def test_long_instructions_raise_the_window() -> None:
    assert choose_window(replace(INFO, facts=FACTS), 1000, 3500, None, lambda: 10**6) == 8192


@given(st.sampled_from([0, 30, 96]), st.booleans())
def test_requests_are_sized_alike_whether_the_template_was_counted_or_not(template: int, exact: bool) -> None:
    counter = ExactCounter(Words()) if exact else EstimateCounter()
    counted = window(counter, counter.count(OPENING.system) + counter.count(OPENING.user) + template)
    assert (counted.room, counted.cost(ONE)) == (window(counter).room, window(counter).cost(ONE))


def test_a_template_with_more_than_is_reserved_is_reserved_for() -> None:
    counter = ExactCounter(Words())
    own = counter.count(OPENING.system) + counter.count(OPENING.user)
    assert window(counter, own + 500).cost(ONE) == window(counter).cost(ONE) - TEMPLATE_TOKENS + 500


@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("chunk_tokens", [None, 3500, 700])
@pytest.mark.parametrize("lines", [3, 40, 400])
def test_a_review_sends_what_was_foreseen(habit: Habit, tells: bool, chunk_tokens: int | None, lines: int) -> None:
    server = SimulatedServer(habit, claimed=8192, real=8192, tells_vocabulary=tells)
    sizing = replace(OPTIONS.sizing, chunk_tokens=chunk_tokens)
    foreseen, loaded = foresee_window(server.describe(None), server.vocabulary(None), (big(lines),), sizing)
    plan = plan_review((big(lines),), sizing.budget(foreseen))
    review(server, (big(lines),), chunk_tokens)
    assert loaded.window_tokens == server.claimed
    if tells:
        assert server.whole == [render_change(chunk.segments, sizing.prompt.boundary) for chunk in plan.chunks]


def test_a_cutting_server_without_a_vocabulary_is_asked_for_no_more_than_is_used() -> None:
    server = SimulatedServer("cuts to half", claimed=16384, real=16384, tells_vocabulary=False)
    review(server, (big(10),))
    assert server.claimed == TRUSTED


def test_a_larger_window_that_is_loaded_stays_loaded_though_less_of_it_is_used() -> None:
    facts = ModelFacts(trained_window=16384, loaded_window=16384)
    info = replace(INFO, refuses_long=False, facts=facts)
    foreseen, loaded = foresee_window(info, None, (big(10),), OPTIONS.sizing)
    assert (foreseen.tokens, loaded.window_tokens) == (TRUSTED, 16384)


def window(counter, opening_tokens: int = 0, tokens: int = 4096) -> Window:
    return Window(tokens, counter, OPENING, opening_tokens)


ONE = Request(OPENING.system, "x = 1\ny = 2\n", {}, 100)


@pytest.mark.parametrize(
    ("counter", "opening_tokens", "read", "cut"),
    [
        pytest.param(ExactCounter(Words()), 30, 0, False, id="a server that does not count"),
        pytest.param(ExactCounter(Words()), 30, 35, False, id="to the token"),
        pytest.param(ExactCounter(Words()), 30, 34, True, id="one token less"),
        pytest.param(BoundCounter(), 30, 4096, True, id="as many as the window holds"),
        pytest.param(BoundCounter(), 30, 5, True, id="less than the instructions"),
        pytest.param(BoundCounter(), 30, 50, False, id="plausible"),
    ],
)
def test_a_cut_shows_in_the_count(counter, opening_tokens: int, read: int, cut: bool) -> None:
    assert window(counter, opening_tokens).was_cut(ONE, Reply("", read)) is cut


def test_an_estimate_follows_the_server_with_a_margin() -> None:
    start = window(EstimateCounter())
    request = replace(ONE, user="x" * 3000)
    once = start.corrected(request, Reply("", 1000))
    assert isinstance(once.counter, EstimateCounter)
    assert once.counter.bytes_per_token == pytest.approx(3012 / 1000 / 1.25)
    denser = once.corrected(request, Reply("", 2000))
    assert isinstance(denser.counter, EstimateCounter)
    assert denser.counter.bytes_per_token == pytest.approx(3012 / 2000 / 1.25)
    assert denser.corrected(request, Reply("", 1000)) is denser  # the densest text so far decides
    assert start.corrected(request, Reply("", 0)) is start
    exact = window(ExactCounter(Words()))
    assert exact.corrected(request, Reply("", 10)) is exact


def test_a_window_without_room_is_an_error_that_says_what_to_type() -> None:
    with pytest.raises(EngineDown) as caught:
        open_window(BoundCounter(), Loaded(400), OPENING)
    assert caught.value.message.startswith("a window of 400 tokens leaves no room for code: prompt and reply take ")
    assert caught.value.hint == "reviewbot --num-ctx 4096"
    with pytest.raises(EngineDown):
        open_window(BoundCounter(), Loaded(4096), OPENING).smaller(300)
    with pytest.raises(EngineDown) as caught:
        open_window(BoundCounter(), Loaded(16384), replace(OPENING, system="x" * 5000))
    assert caught.value.hint == "reviewbot --prompt reviewer --guidelines none"


@pytest.mark.parametrize("habit", ["cuts to the window", "cuts to half"])
@pytest.mark.parametrize("real", [2048, 3000])
def test_a_server_that_lies_and_cuts_is_sent_less_without_a_vocabulary(habit: Habit, real: int) -> None:
    server = SimulatedServer(habit, claimed=16384, real=real, tells_vocabulary=False)
    done = review(server, (big(1500),), None)
    assert server.cut == [] and len(shown_lines(server.whole)) == done.reviewed == 1500
    assert done.reviewed + done.lines_failed == 1500
