"""Second opinions: what is asked again, in which order, how, and what becomes of it."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from samples import SQL
from scripted_engine import ScriptedEngine, findings, verdict
from values import BOUNDARY, change, segment

from reviewbot.confirm import Opinion, confirm_request, is_decided, read_opinion, settle
from reviewbot.diff import Segment
from reviewbot.engines import Reply, Request
from reviewbot.errors import DeadlineReached, EngineDown, PromptTooLong, ReplyCut, ReplyError
from reviewbot.findings import Confirmed, Finding, Severity
from reviewbot.opinions import Terms, candidates
from reviewbot.prompts import load_prompt
from reviewbot.reading import run_review
from reviewbot.repo import Source
from reviewbot.review import Material, Options, Review
from reviewbot.sieves import Sifted
from reviewbot.window import Sizing

OPTIONS = Options(Sizing(load_prompt("reviewer"), 3500, 0.7), 5, 1, Severity.ERROR)
BODY = "+x1 = 1\n+y1 = 2\n z1 = 3\n-old = 1\n+# w1 is checked upstream\n+w1 = 4"
MATERIAL = Material(Source("staged"), (change("a.py", BODY), change("b.py", "+v1 = 5")))
SHOWN = segment("a.py", BODY)
FOUND = replace(SQL, path="a.py", line=1, evidence="x1 = 1", message="x1 is wrong", confirmed=Confirmed.NOT_ASKED)


def claim(quote: str, **fields: object) -> dict:
    name = quote.split(" ")[0]
    return {
        "quote": quote,
        "file": "b.py" if name == "v1" else "a.py",
        "line": None,
        "message": f"{name} is wrong",
        **fields,
    }


def review(engine: ScriptedEngine, options: Options = OPTIONS, material: Material = MATERIAL) -> Review:
    return run_review(material, engine, options, lambda at: None, lambda info: None)


def asked_about(engine: ScriptedEngine) -> list[str]:
    """The first word of each claim that was put to the model."""
    parts = [text.split("The claim about line ")[1] for text in engine.asked if "The claim about line " in text]
    return [part.split(": ")[1].split(" ")[0] for part in parts]


def test_the_worst_come_first_and_each_file_has_its_turn() -> None:
    said = findings(
        claim("x1 = 1", severity="warning"),
        claim("y1 = 2"),
        claim("w1 = 4"),
        claim("v1 = 5"),
        claim("v1 = 5", severity="low"),
    )
    engine = ScriptedEngine(said, verdict("confirmed"))
    review(engine, replace(OPTIONS, block_at=Severity.WARNING))
    assert asked_about(engine) == ["y1", "v1", "w1", "x1"]


def test_decoys_in_one_file_do_not_use_up_the_questions_about_another() -> None:
    said = findings(claim("x1 = 1"), claim("y1 = 2"), claim("w1 = 4"), claim("v1 = 5"))
    engine = ScriptedEngine(said, verdict("confirmed"))
    made = review(engine, replace(OPTIONS, max_confirmations=2))
    assert asked_about(engine) == ["x1", "v1"]
    assert made.unconfirmed == 2
    assert [(f.path, f.severity, f.confirmed) for f in made.findings] == [
        ("a.py", Severity.ERROR, Confirmed.YES),
        ("a.py", Severity.WARNING, Confirmed.NOT_ASKED),
        ("a.py", Severity.WARNING, Confirmed.NOT_ASKED),
        ("b.py", Severity.ERROR, Confirmed.YES),
    ]
    assert made.findings[1].note == "no second look: more than 2 findings to confirm (max_confirmations)"


def test_remarks_are_dropped_and_sieves_work_before_anything_is_asked_again() -> None:
    def ignore_v1(said: tuple[Finding, ...]) -> Sifted:
        return Sifted(
            tuple(f for f in said if "v1" not in f.message), tuple((f, "ignore") for f in said if "v1" in f.message)
        )

    said = findings(claim("x1 = 1", message="Consider adding a test."), claim("v1 = 5"), claim("w1 = 4"))
    engine = ScriptedEngine(said, verdict("confirmed"))
    made = review(engine, material=replace(MATERIAL, sieve=ignore_v1))
    assert asked_about(engine) == ["w1"]
    assert [(f.message, by) for f, by in made.suppressed] == [
        ("Consider adding a test.", "excluded"),
        ("v1 is wrong", "ignore"),
    ]
    assert [f.message for f in made.findings] == ["w1 is wrong"]


def test_the_first_rating_is_not_shown_and_the_instructions_are_the_same() -> None:
    engine = ScriptedEngine(findings(claim("x1 = 1", severity="critical"), claim("v1 = 5")), verdict("unsure"))
    review(engine, replace(OPTIONS, votes=3))
    again = engine.requests[1:]
    assert len(again) == 4 and len({request.system for request in again}) == 1
    for request in again:
        for word in ("critical", "error", "security", "bug", "severity"):
            assert word not in request.user


def test_each_vote_has_another_seed_and_another_order() -> None:
    requests = [confirm_request(FOUND, SHOWN, vote, BOUNDARY) for vote in range(3)]
    assert [request.seed for request in requests] == [0, 1, 2]
    first_words = [request.schema["properties"]["verdict"]["enum"][0] for request in requests]
    assert first_words == ["confirmed", "refuted", "unsure"]
    places = [
        (request.user.find("File: a.py"), request.user.find("The claim about line 1: x1 is wrong"))
        for request in requests
    ]
    assert [code < said for code, said in places] == [True, False, True]
    assert all(min(place) >= 0 for place in places)
    assert len({"".join(sorted(request.user.split("\n"))) for request in requests}) == 1  # the same, in another order


@pytest.mark.parametrize(
    ("quote", "confirmed", "line"),
    [
        pytest.param("z1 = 3", Confirmed.NO, 3, id="an unchanged line"),
        pytest.param("5 +w1 =4", Confirmed.NO, 5, id="as it was shown"),
        pytest.param("x1 = 1\ny1 = 2", Confirmed.NO, 1, id="two lines"),
        pytest.param("old = 1", Confirmed.UNSURE, None, id="a line that is gone"),
        pytest.param("w1 is checked upstream", Confirmed.UNSURE, None, id="a comment proves nothing"),
        pytest.param("invented()", Confirmed.UNSURE, None, id="invented"),
        pytest.param("", Confirmed.UNSURE, None, id="none"),
        pytest.param("= ", Confirmed.UNSURE, None, id="a sign"),
    ],
)
def test_a_refutation_needs_a_line_of_the_code(quote: str, confirmed: Confirmed, line: int | None) -> None:
    assert read_opinion(verdict("refuted", quote), SHOWN, 99) == Opinion(confirmed, line)


COMMENTED = segment(
    "a.unknown",
    """\
+def mean(values):
+    \'\'\'The values are never empty.\'\'\'
+    \"\"\"
+    values is checked by the caller
+    \"\"\"
+    /* values has been
+       checked above */
+    self.check("values is never empty", 'nor is values None')
+    if (not values):
+        return (0)  # values is not empty here
+    -- values is a list; here
+    rate = total // values  // never divides by zero
+    #include values is checked
+    return sum(values) / len(values)""",
)


@pytest.mark.parametrize(
    ("quote", "line"),
    [
        pytest.param("The values are never empty", None, id="docstring"),
        pytest.param("values is checked by the caller", None, id="docstring of several lines"),
        pytest.param("values has been\n checked above", None, id="block comment"),
        pytest.param("checked above", None, id="end of a block comment"),
        pytest.param("values is never empty", None, id="string"),
        pytest.param("nor is values None", None, id="string in single quotes"),
        pytest.param("values is not empty here", None, id="trailing comment"),
        pytest.param("# values is not empty here", None, id="trailing comment with its sign"),
        pytest.param("values is a list", None, id="comment of two dashes"),
        pytest.param("never divides by zero", None, id="comment of two slashes"),
        pytest.param("return sum(values) / len(values)", None, id="the line that is accused"),
        pytest.param("len(values)", None, id="a part of it"),
        pytest.param("def", None, id="one word"),
        pytest.param("10 +return", None, id="one word as it was shown"),
        pytest.param("if (not values):", 9, id="code"),
        pytest.param("return (0)  # values is not empty here", 10, id="code with its comment"),
        pytest.param("if (not values):\n        return (0)", 9, id="two lines"),
        pytest.param("self.check(\"values is never empty\", 'nor is values None')", 8, id="a call with its strings"),
        pytest.param("#include values is checked", None, id="a comment that looks like a directive"),
    ],
)
def test_a_refutation_is_not_what_is_claimed_in_words(quote: str, line: int | None) -> None:
    expected = Opinion(Confirmed.NO if line else Confirmed.UNSURE, line)
    assert read_opinion(verdict("refuted", quote), COMMENTED, 14) == expected


@pytest.mark.parametrize(
    ("path", "text", "quote"),
    [
        pytest.param("a.sh", "cat <<EOF\nname is checked\nEOF", "name is checked", id="here document"),
        pytest.param("a.hs", "{- name is\nchecked -}", "name is", id="block comment of Haskell"),
        pytest.param("a.vb", "' name is checked", "name is checked", id="comment of Visual Basic"),
        pytest.param("a.html", "<p>name is checked</p>", "name is checked", id="text of a page"),
        pytest.param("a.py", 'name is checked\n"""', "name is checked", id="end of a docstring"),
        pytest.param("a.c", "name is checked\n*/", "name is checked", id="end of a comment"),
        pytest.param("a.sh", "echo name is checked", "name is checked", id="words that are printed"),
        pytest.param("LICENSE", "if name is checked", "if name is checked", id="no language"),
        pytest.param("a.md", "name is checked", "name is checked", id="prose"),
        pytest.param("a.rb", "x = <<~EOS\n  name is checked\nEOS", "name is checked", id="here document of Ruby"),
    ],
)
def test_what_a_language_does_not_run_refutes_nothing(path: str, text: str, quote: str) -> None:
    shown = segment(path, "".join(f"+{row}\n" for row in text.split("\n")) + "+run(name)")
    assert read_opinion(verdict("refuted", quote), shown, 99) == Opinion(Confirmed.UNSURE)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.sh", 'if [ -n "$name" ]; then'),
        ("a.hs", "check name = valid name"),
        ("a.html", "<script>if (name) check(name)</script>"),
        ("a.unknown", "if (name is valid)"),
        ("a.py", "share = total // name_count"),
        ("a.py", "return None if name is None else 1"),
    ],
)
def test_code_of_any_language_refutes(path: str, code: str) -> None:
    shown = segment(path, f"+{code}\n+run(name)")
    assert read_opinion(verdict("refuted", code), shown, 2) == Opinion(Confirmed.NO, 1)


def test_a_directive_is_code_where_there_are_directives() -> None:
    shown = segment("a.c", "+#if COUNT > 0\n+return total / count;\n+#endif")
    assert read_opinion(verdict("refuted", "#if COUNT > 0"), shown, 2) == Opinion(Confirmed.NO, 1)


@pytest.mark.parametrize("quote", [None, 7, ""])
def test_a_quote_that_is_none(quote: object) -> None:
    said = json.dumps({"verdict": "Confirmed ", "quote": quote})
    assert read_opinion(said, SHOWN, 1).confirmed is Confirmed.YES
    assert read_opinion(said.replace("Confirmed ", "refuted"), SHOWN, 1).confirmed is Confirmed.UNSURE


@given(st.lists(st.text("ab \"'`#/*-<!>\\", max_size=12), min_size=1, max_size=8))
def test_code_after_whatever_mixes_quotes_and_comments_is_still_on_its_line(rows: list[str]) -> None:
    shown = segment("a.py", "\n".join(f"+{row}" for row in ["if all is well:", *rows]))
    assert read_opinion(verdict("refuted", "if all is well"), shown, None).line == 1
    for row in rows:
        said = read_opinion(verdict("refuted", row), shown, 1)
        # Not the first character of the row: that may be a sign before the line, or begin a comment.
        assert said.line is None or (said.line > 1 and set(row) & set(shown.lines[said.line - 1].text) - {" "})


@pytest.mark.parametrize(
    "text", ["", "confirmed", '{"verdict": "approved"}', '{"verdict": null}', '["confirmed"]', "{}"]
)
def test_what_is_no_opinion_is_an_error(text: str) -> None:
    with pytest.raises(ReplyError):
        read_opinion(text, SHOWN, 1)


@pytest.mark.parametrize(
    "votes", [list(one) for n in (1, 3, 5) for one in itertools.product(list(Confirmed)[:3], repeat=n)]
)
def test_the_majority_decides_and_is_not_asked_further_than_needed(votes: list[Confirmed]) -> None:
    opinions = [Opinion(vote, 7 if vote is Confirmed.NO else None) for vote in votes]
    heard = next(n for n in range(1, len(votes) + 1) if is_decided(opinions[:n], len(votes)))
    assert not is_decided([], len(votes))
    decided = settle(FOUND, opinions[:heard])
    most = [word for word in Confirmed if 2 * votes.count(word) > len(votes)]
    assert decided.confirmed is (most[0] if most else Confirmed.UNSURE)
    assert settle(FOUND, opinions).confirmed is decided.confirmed
    levels = {Confirmed.YES: Severity.ERROR, Confirmed.UNSURE: Severity.WARNING, Confirmed.NO: Severity.INFO}
    assert decided.severity is levels[decided.confirmed]
    assert (decided.note is None) is (decided.confirmed is Confirmed.YES)


def test_votes_end_when_the_majority_is_there() -> None:
    engine = ScriptedEngine(findings(claim("x1 = 1")), verdict("confirmed"))
    assert review(engine, replace(OPTIONS, votes=5)).findings[0].confirmed is Confirmed.YES
    assert len(engine.requests) == 1 + 3


@pytest.mark.parametrize(
    "error",
    [
        ReplyError("the server failed (500)"),
        ReplyCut("cut"),
        EngineDown("gone", "ollama serve"),
        DeadlineReached("over"),
        "LGTM",
    ],
)
def test_a_second_look_that_fails_leaves_a_warning_and_an_incomplete_run(error: Exception | str) -> None:
    engine = ScriptedEngine(findings(claim("x1 = 1"), claim("v1 = 5")), error)
    made = review(engine, replace(OPTIONS, votes=3))
    assert made.unconfirmed == 2 and made.reviewed == made.added
    assert {(f.severity, f.confirmed) for f in made.findings} == {(Severity.WARNING, Confirmed.NOT_ASKED)}
    assert made.hints == (("ollama serve",) if isinstance(error, EngineDown) and error.hint else ())


def test_a_vote_that_fails_is_no_majority() -> None:
    engine = ScriptedEngine(findings(claim("x1 = 1")), verdict("confirmed"), ReplyError("no"))
    made = review(engine, replace(OPTIONS, votes=3))
    assert (made.findings[0].confirmed, made.unconfirmed) == (Confirmed.NOT_ASKED, 1)


def test_three_failures_in_a_row_end_the_second_looks() -> None:
    said = findings(claim("x1 = 1"), claim("y1 = 2"), claim("w1 = 4"), claim("v1 = 5"))
    engine = ScriptedEngine(said, ReplyError("the server failed (500)"))
    made = review(engine)
    assert (len(engine.requests), made.unconfirmed) == (1 + 3, 4)


def test_a_failure_now_and_then_does_not_end_the_second_looks() -> None:
    said = findings(claim("x1 = 1"), claim("y1 = 2"), claim("w1 = 4"), claim("v1 = 5"), claim("u1 = 6", file="c.py"))
    busy, yes = ReplyError("busy"), verdict("confirmed")
    engine = ScriptedEngine(said, busy, busy, yes, busy, yes)
    material = replace(MATERIAL, changes=(*MATERIAL.changes, change("c.py", "+u1 = 6")))
    assert review(engine, material=material).unconfirmed == 3
    assert len(engine.requests) == 1 + 5


@pytest.mark.parametrize("at", [1, 2])
def test_ctrl_c_leaves_the_rest_unasked(at: int) -> None:
    script: list = [findings(claim("x1 = 1"), claim("v1 = 5")), verdict("confirmed"), KeyboardInterrupt()]
    made = review(ScriptedEngine(script[0], *script[3 - at :]))
    assert made.interrupted
    assert made.unconfirmed == 3 - at
    assert made.reviewed == made.added == 5


def test_ctrl_c_while_chunks_are_read_asks_nothing_more() -> None:
    big = "\n".join(f"+x{n} = {'1' * 60}" for n in range(1, 200))
    material = Material(Source("staged"), (change("a.py", big), change("b.py", "+v1 = 5")))
    first = findings(claim(f"x1 = {'1' * 60}"))
    engine = ScriptedEngine(first, KeyboardInterrupt())
    made = review(engine, material=material)
    assert len(engine.requests) == 2 and made.interrupted
    assert [(f.confirmed, f.note) for f in made.findings] == [(Confirmed.NOT_ASKED, "no second look: interrupted")]
    assert made.unconfirmed == 1


class Narrow(ScriptedEngine):
    """Takes no claim that is shown with more than so many lines of code."""

    lines = 1

    def ask(self, request: Request, deadline: float | None) -> Reply:
        if "The claim" in request.user and sum(row[:1].isdigit() for row in request.user.split("\n")) > self.lines:
            self.requests.append(request)
            raise PromptTooLong("too long")
        return super().ask(request, deadline)


def test_the_function_is_shown_where_it_is_known_and_less_where_it_does_not_fit() -> None:
    function = Segment("a.py", "def f():", segment("a.py", " def f():\n+x1 = 1\n+y1 = 2\n     return x1 / y1").lines)
    asked: list[list[str]] = []

    def known(chosen) -> list[Segment | None]:
        asked.append([f.message for f in chosen])
        return [function if f.path == "a.py" else None for f in chosen]

    material = replace(MATERIAL, functions=known)
    said = findings(claim("x1 = 1"), claim("v1 = 5"), claim("w1 = 4", severity="warning"))
    engine = ScriptedEngine(said, verdict("refuted", "return x1 / y1"))
    made = review(engine, material=material)
    assert asked == [["x1 is wrong", "v1 is wrong"]]  # once, for what is asked again
    assert "return x1 / y1" in engine.asked[1] and "return x1 / y1" not in engine.asked[2]
    assert [(f.message, f.confirmed) for f in made.findings if f.severity is not Severity.WARNING] == [
        ("x1 is wrong", Confirmed.NO)
    ]
    narrow = Narrow(findings(claim("x1 = 1")), verdict("confirmed"))
    assert review(narrow, material=material).findings[0].confirmed is Confirmed.YES
    shown = [sum(row[:1].isdigit() for row in text.split("\n")) for text in narrow.asked[1:]]
    assert shown == [4, 5, 1]  # the function, the hunk, the line
    narrow.lines, narrow.script = 0, [findings(claim("x1 = 1"))]
    assert review(narrow, material=material).unconfirmed == 1


def test_nothing_is_read_where_nothing_is_asked() -> None:
    def fail(chosen) -> list[Segment | None]:
        raise AssertionError("the repository was asked")

    said = findings(claim("x1 = 1", severity="warning"))
    assert review(ScriptedEngine(said), material=replace(MATERIAL, functions=fail)).unconfirmed == 0


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(Severity), st.booleans()), max_size=12),
    st.sampled_from([None, *Severity]),
)
def test_candidates(items: list[tuple[str, Severity, bool]], block_at: Severity | None) -> None:
    said = [
        replace(FOUND, path=path, severity=severity, evidence="x" if proven else None)
        for path, severity, proven in items
    ]
    order = candidates(said, Terms(1, block_at, 20, BOUNDARY))
    expected = {
        i for i, f in enumerate(said) if block_at is not None and f.severity >= block_at and f.evidence is not None
    }
    assert set(order) == expected and len(order) == len(expected)
    severities = [said[place].severity for place in order]
    assert severities == sorted(severities, reverse=True)
    for first, second in itertools.pairwise(order):
        if said[first].severity == said[second].severity:
            before = [order[: order.index(place)] for place in (first, second)]
            ranks = [
                sum(said[p].path == said[place].path and said[p].severity == said[place].severity for p in done)
                for place, done in zip((first, second), before, strict=True)
            ]
            assert ranks[0] <= ranks[1]


def test_what_json_says_twice_counts_as_the_last() -> None:
    assert (
        read_opinion('{"verdict": "confirmed", "verdict": "unsure", "quote": ""}', SHOWN, 1).confirmed
        is Confirmed.UNSURE
    )
