"""A large change is planned in portions while the model answers, and nothing in its report tells of that."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scripted_engine import CLEAN, INFO, ScriptedEngine, findings
from test_outcomes import MANNERS, Dictionary
from test_plan import OneALine, allow
from values import change

from reviewbot.diff import FileChange
from reviewbot.engines import Reply, Request
from reviewbot.errors import DeadlineReached, EngineDown, PromptTooLong, ReplyCut, ReplyError
from reviewbot.findings import Severity
from reviewbot.outcomes import Outcomes
from reviewbot.pace import Progress
from reviewbot.plan import plan_review
from reviewbot.portions import PORTION_CHARS, plan_all, portions_of
from reviewbot.prompts import load_prompt
from reviewbot.reading import run_review
from reviewbot.repo import Source
from reviewbot.review import Material, Options, Review
from reviewbot.window import Sizing, shown_bytes

OPTIONS = Options(Sizing(load_prompt("reviewer"), 300, 0.7), 1000, 0, Severity.ERROR)
SMALL = 2000
"""Characters of a portion in most of these tests."""

PATHS = st.sampled_from(["a.py", "b/login.py", "tests/test_a.py", "docs/a.md", "src/crypto.c", "z.py"])


def sized(path: str, number: int, chars: int) -> FileChange:
    return change(f"{number}/{path}", "+" + "x" * chars)


@given(st.lists(st.tuples(PATHS, st.integers(1, SMALL + 500)), max_size=20))
def test_each_file_is_in_one_portion_that_is_small_unless_it_is_alone(files: list[tuple[str, int]]) -> None:
    made = tuple(sized(path, number, chars) for number, (path, chars) in enumerate(files))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reviewbot.portions.PORTION_CHARS", SMALL)
        portions = portions_of(made)
    order = {file.path: at for at, file in enumerate(made)}
    assert sorted(order[file.path] for portion in portions for file in portion.changes) == list(range(len(made)))
    for portion in portions:
        places = [order[file.path] for file in portion.changes]
        assert places == sorted(places) and places
        assert portion.chars == shown_bytes(portion.changes)
        assert portion.chars <= SMALL or len(places) == 1
    assert len(portions) <= 1 + 2 * sum(portion.chars for portion in portions) / SMALL


def test_names_of_security_are_planned_first_and_tests_and_documents_last() -> None:
    names = ["README.md", "a.py", "login.py", "tests/b.py", "c.py", "crypto.py"]
    made = tuple(sized(name, number, PORTION_CHARS // 2 - 10) for number, name in enumerate(names))
    planned = [[file.path.split("/", 1)[1] for file in portion.changes] for portion in portions_of(made)]
    assert planned == [["login.py", "crypto.py"], ["a.py", "c.py"], ["README.md", "tests/b.py"]]


def test_what_is_no_larger_than_a_portion_keeps_the_order_of_the_diff() -> None:
    made = (sized("README.md", 1, 10), sized("login.py", 2, PORTION_CHARS - 30))
    assert [portion.changes for portion in portions_of(made)] == [made]
    assert portions_of(()) == ()


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewbot.portions.PORTION_CHARS", SMALL)


def many(count: int, rows: int = 20) -> Material:
    """Files that take about a quarter of a small portion each, the tests among them first."""
    names = [f"{'tests/' if number < count // 4 else ''}f{number}.py" for number in range(count)]
    bodies = ["\n".join(f"+value_{number} = {row}  # BUG" for row in range(rows)) for number in range(count)]
    return Material(Source("staged"), tuple(map(change, names, bodies)))


def review(engine: ScriptedEngine, material: Material, options: Options = OPTIONS, steps: list | None = None) -> Review:
    note = (lambda step: None) if steps is None else steps.append
    return run_review(material, engine, options, note, lambda info: None)


def asked_about(user: str) -> list[tuple[str, str]]:
    """Each added line of a request: its file and its number."""
    found, path = [], ""
    for row in user.split("\n"):
        if row.startswith("File: "):
            path = row.removeprefix("File: ")
        elif said := re.match(r"(\d+) \+(.*)", row):
            found.append((path, said[1]))
    return found


LARGE = "\n".join(f"+number_{row} = {row}" for row in range(200))
"""A hunk that is cut, and that makes a portion of its own."""


class Counting:
    """One token a line; knows how many lines were counted."""

    exact = True

    def __init__(self) -> None:
        self.texts: Counter[str] = Counter()

    def count(self, text: str) -> int:
        self.texts[text] += 1
        return text.count("\n")

    at_least = count


class Watching(ScriptedEngine):
    """Its vocabulary counts lines, and notes how many were counted before each request."""

    def __init__(self, *script: str | BaseException) -> None:
        super().__init__(*script, info=replace(INFO, refuses_long=False))
        self.counter = Counting()
        self.counted: list[int] = []

    def vocabulary(self, deadline: float | None) -> Counting:
        return self.counter

    def ask(self, request: Request, deadline: float | None) -> Reply:
        self.counted.append(sum("# BUG" in text and text.startswith(tuple("123456789")) for text in self.counter.texts))
        return replace(super().ask(request, deadline), prompt_tokens=0)


@pytest.mark.usefixtures("small_portions")
def test_the_first_request_goes_out_before_all_is_planned() -> None:
    engine = Watching(CLEAN)
    made = review(engine, many(40))
    assert (made.added, made.reviewed) == (800, 800)
    assert engine.counted[0] <= 120 and engine.counted[-1] == 800


class Knowing(ScriptedEngine):
    """Finds something on each line that ends in a 7."""

    def ask(self, request: Request, deadline: float | None) -> Reply:
        self.script = [findings(*map(self.say, [row for row in asked_about(request.user) if row[1].endswith("7")]))]
        return replace(super().ask(request, deadline), prompt_tokens=0)

    def say(self, row: tuple[str, str]) -> dict:
        number = re.sub(r"\D", "", row[0])
        return {"file": row[0], "line": int(row[1]), "quote": f"value_{number} = {int(row[1]) - 1}  # BUG"}


def test_the_report_is_that_of_a_change_that_is_planned_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    material = many(24)
    whole = Knowing()
    before = review(whole, material)
    monkeypatch.setattr("reviewbot.portions.PORTION_CHARS", SMALL)
    parts = Knowing()
    after = review(parts, material)
    assert after.findings == before.findings and len(after.findings) == 48
    assert after.files == before.files and after.failed == before.failed == ()
    lines = [[place for user in engine.asked for place in asked_about(user)] for engine in (whole, parts)]
    assert sorted(lines[0]) == sorted(lines[1]) and lines[0] != lines[1]


ENDINGS = st.sampled_from(
    [
        EngineDown("gone", "start it"),
        DeadlineReached("the deadline was reached"),
        KeyboardInterrupt(),
        ReplyError("unreadable"),
        ReplyCut("cut"),
        PromptTooLong("too long"),
        PromptTooLong("too long", window=2500),
    ]
)


@given(st.lists(st.one_of(st.just(CLEAN), ENDINGS), min_size=1, max_size=12), st.integers(1, 4))
def test_each_line_is_read_or_failed_however_it_ends(script: list[str | BaseException], parallel: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reviewbot.portions.PORTION_CHARS", SMALL)
        material = many(12)
        engine = ScriptedEngine(*script)
        options = replace(OPTIONS, parallel=1 if any(isinstance(i, KeyboardInterrupt) for i in script) else parallel)
        made = review(engine, material, options)
    assert made.reviewed + made.lines_failed == made.added == 240
    failed = Counter({file.path: file.failed for file in made.files})
    listed: Counter[str] = Counter()
    for entry in made.failed:
        assert entry.start is not None and entry.end is not None and entry.reason
        listed[entry.path] += entry.end - entry.start + 1
    assert +listed == +failed
    order = {file.path: at for at, file in enumerate(material.changes)}
    places = [(order[entry.path], entry.start) for entry in made.failed]
    assert places == sorted(places)


@pytest.mark.usefixtures("small_portions")
def test_a_server_that_goes_down_leaves_what_was_not_planned_failed() -> None:
    engine = Watching(CLEAN, EngineDown("gone", "start it"))
    made = review(engine, many(40))
    assert made.reviewed > 0 and made.lines_failed == 800 - made.reviewed
    assert {entry.reason for entry in made.failed} == {"gone"} and made.hints == ("start it",)
    assert engine.counted[-1] < 400


@pytest.mark.usefixtures("small_portions")
def test_a_budget_of_requests_leaves_what_was_not_planned_failed() -> None:
    made = review(ScriptedEngine(CLEAN), many(40), replace(OPTIONS, max_requests=2))
    assert made.usage.requests == 2 and made.reviewed + made.lines_failed == 800 and made.reviewed > 0
    assert {entry.reason for entry in made.failed} == {"the budget of 2 requests is spent (max_requests)"}


@pytest.mark.usefixtures("small_portions")
def test_a_run_goes_on_where_one_stopped_in_a_later_portion() -> None:
    material = Material(Source("staged"), many(9).changes + (change("large.py", LARGE),) + many(20).changes[9:])
    memory = Dictionary()
    engines = [Watching(CLEAN), Watching(CLEAN)]
    for engine, budget in zip(engines, (5, None), strict=True):
        options = replace(OPTIONS, sizing=replace(OPTIONS.sizing, chunk_tokens=60), max_requests=budget)
        made = run_review(
            material, engine, options, lambda at: None, lambda info: None, lambda info: Outcomes(memory, MANNERS)
        )
    first, second = ([place for user in engine.asked for place in asked_about(user)] for engine in engines)
    assert (made.reviewed, made.failed) == (made.added, ()) and made.added == 600
    assert len(first) + len(second) == len({*first, *second}) == 600
    assert {path for path, _ in first} & {path for path, _ in second} == {"large.py"}


class Failing(Watching):
    """Its answers about one file cannot be read."""

    def ask(self, request: Request, deadline: float | None) -> Reply:
        self.script = [ReplyError("torn") if "File: login.py" in request.user else CLEAN]
        return super().ask(request, deadline)


@pytest.mark.usefixtures("small_portions")
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_file_that_fails_does_not_keep_those_from_being_read_that_are_not_planned(parallel: int) -> None:
    large = "\n".join(f"+number_{row} = {row}" for row in range(900))
    material = Material(Source("staged"), (change("login.py", large), *many(20).changes))
    options = replace(OPTIONS, sizing=replace(OPTIONS.sizing, chunk_tokens=40), parallel=parallel)
    made = review(Failing(CLEAN), material, options)
    assert {file.path: file.reviewed for file in made.files if file.failed} == {"login.py": 0}
    assert made.reviewed == 400


class Stopping(Counting):
    """Ctrl-C comes while it counts."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def count(self, text: str) -> int:
        self.after -= 1
        if self.after == 0:
            raise KeyboardInterrupt
        return super().count(text)

    at_least = Counting.at_least


@pytest.mark.usefixtures("small_portions")
@pytest.mark.parametrize("after", [600, 900])
def test_ctrl_c_while_a_portion_is_planned_loses_no_line(after: int) -> None:
    engine = Watching(CLEAN)
    engine.counter = Stopping(after)
    made = review(engine, many(40))
    assert made.interrupted and 0 < made.reviewed < 800 and made.lines_failed == 800 - made.reviewed
    assert {entry.reason for entry in made.failed} == {"interrupted"}


@pytest.mark.usefixtures("small_portions")
def test_progress_expects_the_requests_that_are_not_planned() -> None:
    steps: list[Progress] = []
    engine = Watching(CLEAN)
    review(engine, many(40), steps=steps)
    requests = len(engine.requests)
    assert [step.done for step in steps] == list(range(requests + 1))
    assert steps[-1].total == requests
    assert all(0.8 * requests <= step.total <= 1.2 * requests for step in steps)


@pytest.mark.usefixtures("small_portions")
def test_a_plan_lists_the_requests_in_the_order_in_which_they_are_sent() -> None:
    engine = Watching(CLEAN)
    material = many(24)
    review(engine, material)
    budget = replace(allow(1, OneALine()), chunk_tokens=300, line_tokens=10_000)
    planned = plan_all(material.changes, budget)
    assert planned.failed == ()
    sent = [asked_about(user) for user in engine.asked]
    assert [{path for path, _ in rows} for rows in sent] == [
        {unit.path for unit in chunk.units} for chunk in planned.chunks
    ]
    assert sorted(unit.path for chunk in planned.chunks for unit in chunk.units) == sorted(
        unit.path for chunk in plan_review(material.changes, budget).chunks for unit in chunk.units
    )
