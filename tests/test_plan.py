"""Packing: every added line ends up in one chunk or is listed, and no chunk is over its budget."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from values import change

from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.layout import show_segments
from reviewbot.plan import (
    Budget,
    Chunk,
    Omission,
    omit,
    part_hunks,
    plan_review,
    repack,
    split_chunk,
)
from reviewbot.tokens import BoundCounter, TokenCounter
from reviewbot.units import cut_hunk, enclosing_line, indentation


class OneALine:
    """Counts one token for each shown line, headings included, so that budgets can be written by hand."""

    exact = True

    def count(self, text: str) -> int:
        return text.count("\n")

    at_least = count


def allow(tokens: int, counter: TokenCounter, line_tokens: int | None = None, context_share: float = 0.7) -> Budget:
    """A budget whose single lines may take a whole request, unless more is said."""
    return Budget(tokens, counter, tokens if line_tokens is None else line_tokens, context_share)


def plan(budget: int, *changes: FileChange):
    return plan_review(changes, allow(budget, OneALine()))


def numbers(chunk: Chunk) -> list[tuple[str, list[int]]]:
    return [
        (s.path, [line.new for line in s.lines if line.kind is LineKind.ADDED and line.new is not None])
        for s in chunk.segments
    ]


@given(st.text(" \t\rab\u2028"))
def test_the_indentation_is_what_blanks_take_with_tabs_of_eight(text: str) -> None:
    blanks = len(text) - len(text.lstrip(" \t"))
    width = 0
    for character in text[:blanks]:
        width += 1 if character == " " else 8 - width % 8
    assert indentation(text) == width


def cost(chunk: Chunk, counter) -> int:
    """Tokens of what a chunk shows, line by line."""
    return sum(counter.count(row + "\n") for row in show_segments(chunk.segments).split("\n")[:-1])


def shown(chunk: Chunk) -> list[str]:
    """The lines of a chunk as the model sees them, without headings."""
    return [row for row in show_segments(chunk.segments).split("\n") if row and not row.startswith(("@@", "File"))]


def test_a_change_that_fits_exactly_is_one_chunk() -> None:
    found = plan(5, change("a", "+x\n+y\n+z"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1, 2, 3])]]
    assert found.failed == ()


def test_one_line_over_the_budget_makes_a_second_chunk() -> None:
    body = "\n".join(f"+{i}" for i in range(1, 10))
    found = plan(10, change("a", body))  # two headings, five lines, three of context below
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1, 2, 3, 4, 5])], [("a", [6, 7, 8, 9])]]
    first, second = found.chunks
    assert cost(first, OneALine()) == first.tokens == 10
    assert shown(second) == ["3  3", "4  4", "5  5", "6 +6", "7 +7", "8 +8", "9 +9"]


def test_files_share_a_chunk_in_the_order_of_the_diff() -> None:
    found = plan(20, change("b", "+x"), change("a", "+y", "+z"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("b", [1]), ("a", [1]), ("a", [101])]]


def test_a_hunk_that_is_small_beside_the_budget_is_not_torn() -> None:
    found = plan(26, change("a", *["+1\n+2"] * 7), change("b", "+1\n+2"), change("c", "+1\n+2"))
    assert [[path for path, _ in numbers(chunk)] for chunk in found.chunks] == [["a"] * 7 + ["b"], ["c"]]
    assert all(len(unit) == 2 for chunk in found.chunks for _, unit in numbers(chunk))


def test_a_hunk_without_added_lines_is_not_sent() -> None:
    found = plan(10, change("a", " x\n-y", "+z"))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [101])]]


def test_an_added_line_that_fits_no_request_is_failed_with_the_reason() -> None:
    long = "x" * 300
    found = plan_review([change("a", f"+short\n+{long}\n+end")], allow(100, BoundCounter()))
    assert [n for chunk in found.chunks for n in numbers(chunk)] == [("a", [1]), ("a", [3])]
    assert found.failed == (Omission("a", 2, 2, 1, "line too long for the window"),)


def test_a_line_may_take_the_whole_window_but_then_alone() -> None:
    long = "x" * 300
    found = plan_review([change("a", f"+short\n+{long}\n+end")], allow(100, BoundCounter(), line_tokens=400))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1])], [("a", [2])], [("a", [3])]]
    assert found.failed == ()


def test_after_the_deadline_the_rest_is_failed_with_its_lines() -> None:
    made = (change("a", "+x\n+y"), change("b", "-old\n-older"), change("c", "+z"))
    assert plan_review(made, allow(9, OneALine(), 9), time.monotonic() + 60).failed == ()
    found = plan_review(made, allow(9, OneALine(), 9), time.monotonic())
    assert found.chunks == ()
    assert found.failed == (
        Omission("a", 1, 2, 2, "the deadline was reached"),
        Omission("c", 1, 1, 1, "the deadline was reached"),
    )


class Counted(BoundCounter):
    """A token a byte; remembers how much it was given."""

    def __init__(self) -> None:
        self.bytes = 0

    def count(self, text: str) -> int:
        self.bytes += len(text)
        return super().count(text)


def test_a_huge_line_is_not_counted_to_its_end() -> None:
    counter = Counted()
    found = plan_review((change("a", "+" + "x" * 5_000_000),), allow(1000, counter, 1000))
    assert [(o.start, o.reason) for o in found.failed] == [(1, "line too long for the window")]
    assert counter.bytes < 20_000


def test_a_huge_line_of_few_tokens_is_read() -> None:
    found = plan_review((change("a", "+" + "x" * 200_000),), allow(9, OneALine(), 9))
    assert [numbers(chunk) for chunk in found.chunks] == [[("a", [1])]]


def test_long_context_is_clipped_and_does_not_fail() -> None:
    found = plan_review([change("a", " " + "c" * 5000 + "\n+x")], allow(600, BoundCounter()))
    assert found.failed == ()
    assert "[cut]" in show_segments(found.chunks[0].segments)


def test_splitting_halves_the_added_lines_and_ends_at_one() -> None:
    (chunk,) = plan(50, change("a", " c\n+1\n+2\n-r\n+3"), change("b", "+4")).chunks
    first, second = split_chunk(chunk)
    assert numbers(first) == [("a", [2, 3])]
    assert shown(first)[-3:] == ["3 +2", "  -r", "4  3"]
    assert numbers(second) == [("a", [4]), ("b", [1])]
    (single,) = plan(50, change("a", " c\n+1")).chunks
    assert split_chunk(single) == ()


LINES = st.lists(st.tuples(st.sampled_from("+- "), st.text("ab</s>[INST]é\u2028 \x00", max_size=60)), min_size=1)


@st.composite
def changes(draw: st.DrawFn) -> tuple[FileChange, ...]:
    made = []
    for i in range(draw(st.integers(1, 4))):
        hunks = []
        number = 1
        for rows in draw(st.lists(LINES, min_size=1, max_size=3)):
            built = []
            for mark, text in rows:
                kind = LineKind(mark)
                new = None if kind is LineKind.REMOVED else number
                number += new is not None
                built.append(Line(kind, None if kind is LineKind.ADDED else 1, new, text))
            hunks.append(Hunk(draw(st.text("def f():", max_size=20)), tuple(built)))
        made.append(FileChange(f"f{i}.py", f"f{i}.py".encode(), tuple(hunks)))
    return tuple(made)


def added(segments) -> list[tuple[str, int | None, str]]:
    return [(s.path, x.new, x.text) for s in segments for x in s.lines if x.kind is LineKind.ADDED]


@given(changes(), st.integers(30, 400), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_every_added_line_is_in_one_chunk_or_failed_and_no_chunk_is_over(
    made: tuple[FileChange, ...], tokens: int, share: float
) -> None:
    budget = allow(tokens, BoundCounter(), context_share=share)
    found = plan_review(made, budget)
    sent = [line for chunk in found.chunks for line in added(chunk.segments)]
    failed = [(o.path, o.start) for o in found.failed]
    every = [(c.path, x.new, x.text) for c in made for x in c.added]
    assert sorted([(p, n) for p, n, _ in sent] + failed) == sorted((p, n) for p, n, _ in every)
    assert [line for line in every if line in sent] == sent
    for chunk in found.chunks:
        assert len(show_segments(chunk.segments).encode()) == chunk.tokens <= tokens
        assert chunk.added > 0
    assert plan_review(made, budget) == found


@given(changes(), st.integers(100, 2000))
def test_the_next_unit_would_not_have_fitted(made: tuple[FileChange, ...], tokens: int) -> None:
    found = plan_review(made, allow(tokens, BoundCounter()))
    for chunk, following in itertools.pairwise(found.chunks):
        unit = next(unit for unit in following.units if unit.added)
        fuller = Chunk((*chunk.units, replace(unit, radius=None)), 0)
        assert cost(fuller, BoundCounter()) > tokens


@given(changes(), st.integers(100, 2000), st.integers(100, 2000))
def test_packing_anew_keeps_every_line(made: tuple[FileChange, ...], tokens: int, others: int) -> None:
    before = plan_review(made, allow(tokens, BoundCounter()))
    after = repack(before.chunks, allow(others, BoundCounter()))
    sent = [line[:2] for chunk in after.chunks for line in added(chunk.segments)]
    failed = [(o.path, o.start) for o in after.failed]
    assert sorted(sent + failed) == sorted(line[:2] for chunk in before.chunks for line in added(chunk.segments))
    assert all(cost(chunk, BoundCounter()) <= others for chunk in after.chunks)


class Late(BoundCounter):
    """A token a byte, and a clock on which the deadline 1.0 is reached when so many texts were counted."""

    def __init__(self, texts: int) -> None:
        self.left = texts

    def count(self, text: str) -> int:
        self.left -= 1
        return super().count(text)

    def monotonic(self) -> float:
        return 0.0 if self.left > 0 else 1.0


@given(changes(), st.integers(30, 400), st.integers(0, 60))
def test_whenever_the_deadline_is_reached_every_added_line_is_sent_or_failed(
    made: tuple[FileChange, ...], tokens: int, texts: int
) -> None:
    whole = plan_review(made, allow(10_000, BoundCounter()))
    every = sorted((c.path, x.new) for c in made for x in c.added)
    for again in (False, True):
        clock = Late(texts)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("reviewbot.plan.time", clock)
            budget = allow(tokens, clock)
            found = repack(whole.chunks, budget, 1.0) if again else plan_review(made, budget, 1.0)
        sent = [line[:2] for chunk in found.chunks for line in added(chunk.segments)]
        lines = dict.fromkeys(every)
        for omission in found.failed:
            span = [(p, n) for p, n in lines if p == omission.path and omission.start <= n <= omission.end]
            alone = [line for line in span if line not in sent]
            assert omission.lines <= len(alone) and {omission.start, omission.end} <= {n for _, n in alone}
        assert len(sent) + sum(omission.lines for omission in found.failed) == len(every)
        assert len(set(sent)) == len(sent) and set(sent) <= set(every)


def test_a_deadline_within_a_hunk_leaves_the_rest_of_it_as_one_range() -> None:
    made = change("a", "\n".join(["+" + "x" * 40] * 9 + ["+" + "y" * 500] + ["+" + "x" * 40] * 9))
    with pytest.MonkeyPatch.context() as patched:
        clock = Late(21)
        patched.setattr("reviewbot.plan.time", clock)
        found = plan_review((made,), allow(200, clock), 1.0)
    assert [numbers(chunk) for chunk in found.chunks] == []
    assert found.failed == (
        Omission("a", 10, 10, 1, "line too long for the window"),
        Omission("a", 1, 19, 18, "the deadline was reached"),
    )


@given(LINES, st.integers(1, 500), st.integers(1, 100))
def test_the_units_of_a_hunk_make_up_the_hunk(rows: list, limit: int, room: int) -> None:
    lines = tuple(Line(LineKind(mark), None, i, text) for i, (mark, text) in enumerate(rows))
    costs = [len(line.text) for line in lines]
    units = list(cut_hunk(lines, costs, limit, room))
    covered = [i for start, stop in units for i in range(start, stop)]
    assert covered == [i for i, cost in enumerate(costs) if cost <= room]
    assert all(stop - start == 1 or sum(costs[start:stop]) <= limit for start, stop in units)


CODE = """\
class Store:
    def get(self, key):
        value = self.items.get(key)
        if value is None:
            value = self.load(key)

        return value

    def put(self, key, value):
        if key in self.items:
            self.evict(key)
        self.items[key] = value
        self.count += 1

        return self

    def drop(self, key):
        del self.items[key]"""
DEFS = ("    def get", "    def put", "    def drop")


def test_a_cut_is_where_a_reader_would_cut_and_repeats_what_encloses_it() -> None:
    rows = CODE.split("\n") * 10
    found = plan(64, change("store.py", "\n".join("+" + row for row in rows)))
    starts = [numbers(chunk)[0][1][0] for chunk in found.chunks]
    assert len(starts) == 4
    assert {rows[number - 1].split("(")[0] for number in starts} <= {"class Store:", *DEFS}
    assert [chunk.segments[0].heading for chunk in found.chunks[1:]] == [
        "class Store:" if rows[number - 1] != "class Store:" else "" for number in starts[1:]
    ]


@pytest.mark.parametrize(
    ("above", "text", "expected"),
    [
        (["def f(x):", "    if x:"], "        y = 1", "def f(x):"),
        (["class A:", "    def f(self):", "        pass", ""], "    x = 1", "class A:"),
        (["func (s *Server) Run() error {"], "\treturn nil", "func (s *Server) Run() error {"),
        (["static int parse(const char *s)", "{"], "\tint n;", ""),
        (["int parse(const char *s) {", "  for (;;) {"], "    n++;", "int parse(const char *s) {"),
        (["  async handle(request) {", "    if (x) {"], "      go();", "async handle(request) {"),
        (["x = 1", "y = 2"], "z = 3", ""),
        ([], "    z", ""),
        (["pub(crate) async fn run() {"], "    go();", "pub(crate) async fn run() {"),
    ],
)
def test_the_enclosing_line(above: list[str], text: str, expected: str) -> None:
    assert enclosing_line(above, text) == expected


def test_context_keeps_to_its_share_the_nearest_lines_first() -> None:
    rows = "\n".join([*(f" c{i}" for i in range(3)), "+x", *(f" d{i}" for i in range(3))])
    many = [rows] * 8
    (whole,) = plan_review([change("a", *many)], allow(200, OneALine(), context_share=1.0)).chunks
    assert sum(row.split()[1] != "+x" for row in shown(whole)) == 48
    (spare,) = plan_review([change("a", *many)], allow(200, OneALine(), context_share=0.06)).chunks
    context = [row for row in shown(spare) if "+x" not in row]
    assert len(context) == 12  # 0.06 of 200: two hunks whole
    (none,) = plan_review([change("a", *many)], allow(200, OneALine(), context_share=0)).chunks
    assert [row.split()[1] for row in shown(none)] == ["+x"] * 8


@given(changes())
def test_splitting_loses_no_added_line(made: tuple[FileChange, ...]) -> None:
    for chunk in plan_review(made, allow(2000, BoundCounter())).chunks:
        halves = split_chunk(chunk)
        if halves:
            assert [line for half in halves for line in added(half.segments)] == added(chunk.segments)
            assert all(half.added < chunk.added for half in halves)
        else:
            assert chunk.added == 1


@given(changes(), st.integers(20, 400))
def test_parting_loses_no_added_line_and_makes_no_part_without_one(made: tuple[FileChange, ...], tokens: int) -> None:
    for chunk in plan_review(made, allow(tokens, BoundCounter())).chunks:
        parts = part_hunks(chunk)
        assert len(parts) == (2 if sum(unit.added > 0 for unit in chunk.units) > 1 else 0)
        assert all(part.added for part in parts)
        assert not parts or [line for part in parts for line in added(part.segments)] == added(chunk.segments)


def test_removed_lines_alone_are_no_part() -> None:
    (chunk,) = plan(8, change("a", "-r\n-s\n-t\n-u\n+1\n c")).chunks
    assert [unit.added for unit in chunk.units] == [0, 0, 0, 0, 1, 0] and part_hunks(chunk) == ()


def test_omitting_a_file_lists_each_hunk_with_its_lines() -> None:
    made = replace(change("a", " c\n+1\n+2", "-r", "+3"), path="shown")
    assert omit(made, "why") == [Omission("shown", 2, 3, 2, "why"), Omission("shown", 201, 201, 1, "why")]
