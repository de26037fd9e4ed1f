"""From material to review: what is asked, what is believed, and what is counted."""

import time

import pytest
from msgspec.structs import replace
from scripted_engine import CLEAN, INFO, ScriptedEngine, findings, verdict
from values import change

from reviewbot.ask import MAX_FAILURES
from reviewbot.engines import Loaded, ModelFacts
from reviewbot.errors import DeadlineReached, EngineDown, ModelMissing, PromptTooLong, ReplyCut, ReplyError, ReplyTorn
from reviewbot.findings import Confirmed, Severity
from reviewbot.gpu import Gpu, Probe
from reviewbot.plan import Omission
from reviewbot.prompts import ASK_AGAIN, load_prompt
from reviewbot.reading import run_review
from reviewbot.replies import MAX_FINDINGS
from reviewbot.repo import Source
from reviewbot.review import Material, Options, Review, checks_only
from reviewbot.tokens import EstimateCounter
from reviewbot.window import Sizing

OPTIONS = Options(Sizing(load_prompt("reviewer"), 3500, 0.7), 5, 1, Severity.ERROR)
ONE = Material(Source("staged"), (change("a.py", "+x = 1"),))
TWO = Material(Source("staged"), (change("a.py", "+x = 1\n+y = 2"),))


def sized(chunk_tokens: int | None) -> Options:
    return replace(OPTIONS, sizing=replace(OPTIONS.sizing, chunk_tokens=chunk_tokens))


BODY = "\n".join(f"+x = {i}" for i in range(40))
SHOWN = ["File: f0.py\n", "@@\n", *(f"{i + 1} +x = {i}\n" for i in range(40))]
EACH = sized(sum(EstimateCounter().count(line) for line in SHOWN))


def many(count: int) -> Material:
    """Files that each fill a chunk of their own under EACH."""
    return Material(Source("staged"), tuple(change(f"f{i}.py", BODY) for i in range(count)))


def review(engine: ScriptedEngine, material: Material = ONE, options: Options = OPTIONS) -> Review:
    return run_review(material, engine, options, lambda at: None, lambda info: None)


def numbers(made: Review) -> tuple[int, int, int, int]:
    return made.added, made.reviewed, made.lines_skipped, made.lines_failed


def test_an_empty_list_is_a_reviewed_chunk_without_findings() -> None:
    engine = ScriptedEngine(CLEAN)
    made = review(engine)
    assert (made.findings, numbers(made), made.usage.requests) == ((), (1, 1, 0, 0), 1)
    assert "File: a.py\n@@\n1 +x = 1\n" in engine.asked[0]


def test_instructions_come_first_and_are_the_same_for_each_chunk() -> None:
    engine = ScriptedEngine(CLEAN)
    made = review(engine, many(3), EACH)
    assert made.reviewed == 120 and len(engine.requests) == 3
    assert len({request.system for request in engine.requests}) == 1


def test_a_severe_finding_is_put_to_the_model_again_and_kept_when_confirmed() -> None:
    engine = ScriptedEngine(findings({}), verdict("confirmed", "x = 1"))
    made = review(engine)
    (found,) = made.findings
    assert (found.severity, found.confirmed, found.evidence) == (Severity.ERROR, Confirmed.YES, "x = 1")
    assert "error" not in engine.asked[1] and "The claim about line 1: it is wrong" in engine.asked[1]


@pytest.mark.parametrize(
    ("answer", "severity", "confirmed", "note"),
    [
        pytest.param(verdict("unsure"), Severity.WARNING, "unsure", "a second look was unsure", id="unsure"),
        pytest.param(
            verdict("refuted", "y = 2"), Severity.INFO, "no", "a second look refuted it by line 2", id="refuted"
        ),
        pytest.param(
            verdict("refuted", "invented"), Severity.WARNING, "unsure", "a second look was unsure", id="no evidence"
        ),
    ],
)
def test_a_finding_that_is_not_confirmed_loses_its_severity(
    answer: str, severity: Severity, confirmed: str, note: str
) -> None:
    (found,) = review(ScriptedEngine(findings({}), answer), TWO).findings
    assert (found.severity, found.confirmed, found.note) == (severity, confirmed, note)


def test_a_second_opinion_that_fails_makes_the_run_incomplete() -> None:
    made = review(ScriptedEngine(findings({}), ReplyError("torn")))
    (found,) = made.findings
    assert made.unconfirmed == 1
    assert (found.severity, found.confirmed, found.note) == (
        Severity.WARNING,
        Confirmed.NOT_ASKED,
        "no second look: torn",
    )


def test_votes_ask_with_different_seeds_and_the_majority_decides() -> None:
    engine = ScriptedEngine(findings({}), verdict("confirmed"), verdict("unsure"), verdict("confirmed"))
    made = review(engine, options=replace(OPTIONS, votes=3))
    assert [request.seed for request in engine.requests] == [0, 0, 1, 2]
    assert made.findings[0].confirmed is Confirmed.YES


def test_without_votes_nothing_is_asked_again() -> None:
    engine = ScriptedEngine(findings({}))
    review(engine, options=replace(OPTIONS, votes=0))
    assert len(engine.requests) == 1


def test_findings_without_evidence_are_not_worth_a_second_look() -> None:
    engine = ScriptedEngine(findings({"quote": "not there"}))
    made = review(engine)
    assert len(engine.requests) == 1
    assert made.findings[0].severity is Severity.INFO


@pytest.mark.parametrize("first", ["Sure, looks fine!", ReplyTorn("the answer broke off before its end")])
def test_an_unreadable_or_torn_reply_is_asked_again_once(first: str | Exception) -> None:
    engine = ScriptedEngine(first, CLEAN)
    made = review(engine)
    assert numbers(made) == (1, 1, 0, 0)
    assert engine.asked[1] == engine.asked[0] + ASK_AGAIN


def test_two_unreadable_replies_fail_the_chunk() -> None:
    made = review(ScriptedEngine("Sure!"))
    assert numbers(made) == (1, 0, 0, 1)
    assert made.failed == (Omission("a.py", 1, 1, 1, "the reply holds no JSON object"),)
    assert made.usage.requests == 2


def test_a_reply_that_is_torn_twice_fails_the_chunk_and_any_other_failure_at_once() -> None:
    torn, failed = ScriptedEngine(ReplyTorn("torn")), ScriptedEngine(ReplyError("the server failed (500)"))
    assert (review(torn).lines_failed, len(torn.requests)) == (1, 2)
    assert (review(failed).lines_failed, len(failed.requests)) == (1, 1)


@pytest.mark.parametrize(
    "error", [pytest.param(PromptTooLong("too long"), id="long"), pytest.param(ReplyCut("cut"), id="cut")]
)
def test_a_chunk_that_does_not_fit_is_halved(error: Exception) -> None:
    engine = ScriptedEngine(error, CLEAN)
    made = review(engine, TWO)
    assert numbers(made) == (2, 2, 0, 0)
    assert ["+y = 2" in asked for asked in engine.asked] == [True, False, True]


def test_one_line_that_never_fits_is_failed() -> None:
    made = review(ScriptedEngine(PromptTooLong("too long")))
    assert made.failed == (Omission("a.py", 1, 1, 1, "too long"),)


def test_a_server_that_goes_down_fails_the_rest_at_once() -> None:
    made = review(ScriptedEngine(CLEAN, EngineDown("gone", "ollama serve")), many(4), EACH)
    assert made.usage.requests == 2
    assert (made.reviewed, made.lines_failed) == (40, 120)
    assert {omission.reason for omission in made.failed} == {"gone"}
    assert made.hints == ("ollama serve",)


def test_a_dozen_failures_in_a_row_end_the_asking() -> None:
    made = review(ScriptedEngine(ReplyError("the server failed (500)")), many(15), EACH)
    assert made.usage.requests == MAX_FAILURES == 12
    assert made.lines_failed == 600


def test_what_fails_in_one_file_has_no_say_in_what_happens_to_another() -> None:
    class Poisoned(ScriptedEngine):
        def ask(self, request, deadline):
            self.script = ["no JSON" if "File: a.py" in request.user else findings({"file": "z.py", "quote": "z = 0"})]
            return super().ask(request, deadline)

    body = "\n".join(f"+x = {i}" for i in range(400))
    engine = Poisoned(CLEAN)
    made = review(engine, Material(Source("staged"), (change("a.py", body), change("z.py", "+z = 0"))), sized(300))
    assert [f.path for f in made.findings] == ["z.py"]
    assert {omission.path for omission in made.failed} == {"a.py"}
    assert "given up" in {omission.reason[:8] for omission in made.failed}


def test_a_model_that_never_comes_to_an_end_is_not_asked_about_every_line() -> None:
    engine = ScriptedEngine(ReplyCut("cut"))
    made = review(engine, many(9), EACH)
    assert made.lines_failed == 360 and len(engine.requests) < 25  # three files, each down to one line


def test_what_cut_replies_cost_counts() -> None:
    engine = ScriptedEngine(ReplyCut("cut", prompt_tokens=70, completion_tokens=3))
    usage = review(engine, many(1), EACH).usage
    asked = len(engine.requests)
    assert asked > 1 and (usage.prompt_tokens, usage.completion_tokens) == (70 * asked, 3 * asked)


def test_a_failure_now_and_then_does_not_end_the_asking() -> None:
    down = ReplyError("busy")
    script = [*[down] * (MAX_FAILURES - 1), CLEAN] * 2
    made = review(ScriptedEngine(*script), many(2 * MAX_FAILURES), EACH)
    assert made.reviewed + made.lines_failed == 40 * 2 * MAX_FAILURES and made.reviewed > 0
    assert "given up" not in {omission.reason[:8] for omission in made.failed}


@pytest.mark.parametrize(
    "error",
    [pytest.param(EngineDown("no server", "ollama serve"), id="down"), pytest.param(ModelMissing("no model"), id="no")],
)
def test_an_engine_that_is_not_there_fails_every_line(error: EngineDown) -> None:
    made = review(ScriptedEngine(CLEAN, info=error), TWO)
    assert numbers(made) == (2, 0, 0, 2)
    assert made.failed == (Omission("a.py", 1, 2, 2, error.message),)


def test_a_window_without_room_for_code_fails_every_line() -> None:
    made = review(ScriptedEngine(CLEAN, info=replace(INFO, window_tokens=1024, refuses_long=False)))
    assert made.lines_failed == 1
    assert "leaves no room for code" in made.failed[0].reason


def test_ctrl_c_keeps_what_was_done_and_fails_the_rest() -> None:
    made = review(ScriptedEngine(CLEAN, KeyboardInterrupt()), many(3), EACH)
    assert made.interrupted
    assert (made.reviewed, made.lines_failed) == (40, 80)
    assert {omission.reason for omission in made.failed} == {"interrupted"}


class Named(ScriptedEngine):
    """Finds something in the first line of each file that it is asked about."""

    def ask(self, request, deadline):
        name = request.user.split("File: ")[1].split("\n")[0]
        said = {"file": name, "quote": "x = 0", "message": f"wrong in {name}", "severity": "warning"}
        if isinstance(self.script[0], str):
            self.script[0] = findings(said)
        return super().ask(request, deadline)

    @property
    def names(self) -> list[str]:
        return [text.split("File: ")[1].split("\n")[0] for text in self.asked]


RISKS = Material(
    Source("staged"),
    tuple(change(name, BODY) for name in ("0a.md", "aa.py", "sql.c", "sql.d", "z.rst")),
)


def test_the_riskiest_is_asked_first_and_the_report_has_the_order_of_the_diff() -> None:
    engine = Named(CLEAN)
    made = review(engine, RISKS, EACH)
    assert engine.names == ["sql.c", "sql.d", "aa.py", "0a.md", "z.rst"]
    assert [f.path for f in made.findings] == ["0a.md", "aa.py", "sql.c", "sql.d", "z.rst"]


def test_what_there_was_no_time_for_is_listed_by_file_and_line() -> None:
    engine = Named(CLEAN, DeadlineReached("the deadline was reached"))
    made = review(engine, RISKS, EACH)
    assert engine.names == ["sql.c", "sql.d"]
    unread = [(o.path, o.start, o.end, o.reason) for o in made.failed]
    assert unread == [(name, 1, 40, "the deadline was reached") for name in ("0a.md", "aa.py", "sql.d", "z.rst")]


def test_a_smaller_window_packs_neighbours_together_again_and_keeps_the_riskiest_first() -> None:
    body = "\n".join(f"+x = {i}" for i in range(60)) + "\n+eval(x)"
    engine = ScriptedEngine(PromptTooLong("too long", window=2048), CLEAN)
    made = review(engine, Material(Source("staged"), (change("a.py", body),)), EACH)
    assert made.engine is not None and made.engine.window_tokens == 2048
    assert numbers(made) == (61, 61, 0, 0)
    assert ["eval(x)" in asked for asked in engine.asked] == [True, True, False]
    shown = [[int(row.split(" ")[0]) for row in asked.split("\n") if " +x" in row] for asked in engine.asked]
    assert all(row == sorted(row) for row in shown)


def test_a_deadline_that_is_over_asks_nothing() -> None:
    engine = ScriptedEngine(CLEAN)
    made = review(engine, options=replace(OPTIONS, deadline=time.monotonic() - 1))
    assert engine.requests == []
    assert made.failed[0].reason == "the deadline was reached"


def test_the_demo_model_gets_no_second_opinion() -> None:
    engine = ScriptedEngine(findings({}), info=replace(INFO, kind="embedded", demo=True))
    made = review(engine)
    assert len(engine.requests) == 1
    assert made.engine is not None and made.engine.demo
    assert (made.findings[0].severity, made.findings[0].note) == (Severity.INFO, "said by the demo model")


def test_the_demo_model_stops_after_a_while_and_the_rest_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewbot.reading.DEMO_S", 0.0)
    made = review(ScriptedEngine(CLEAN, info=replace(INFO, kind="embedded", demo=True)), many(3), EACH)
    assert (made.reviewed, made.lines_failed) == (0, 120)
    assert {omission.reason for omission in made.failed} == {"the deadline was reached"}


def test_advisory_findings_over_the_cap_are_suppressed_the_mildest_first() -> None:
    kinds = ("bug", "api", "test")
    said = [{"message": f"this {kind} is wrong", "category": kind, "severity": "warning"} for kind in kinds]
    said.append({"message": "this hole is open", "category": "security", "severity": "info"})
    made = review(ScriptedEngine(findings(*said)), options=replace(OPTIONS, max_findings=3))
    assert [f.rule for f in made.findings] == ["model/api", "model/bug", "model/test"]
    assert [(f.rule, by) for f, by in made.suppressed] == [("model/security", "cap")]


def test_the_same_line_and_rule_is_one_finding() -> None:
    said = findings({"severity": "warning"}, {"severity": "warning", "message": "again"})
    assert len(review(ScriptedEngine(said)).findings) == 1


class PerFile(ScriptedEngine):
    """Has so many findings of each file that is in a request, but never more than fit an answer."""

    def __init__(self, of_each: dict[str, int]) -> None:
        super().__init__(CLEAN)
        self.of_each = of_each

    def ask(self, request, deadline):
        names = [name for name in self.of_each if f"File: {name}\n" in request.user]
        said = [
            {"file": name, "quote": f"x = {n}", "message": f"value{n} is wrong", "severity": "warning", "line": None}
            for name in names
            for n in range(self.of_each[name])
        ]
        self.script = [findings(*said[:MAX_FINDINGS])]
        return super().ask(request, deadline)


def test_an_answer_full_of_one_file_does_not_starve_another() -> None:
    engine = PerFile({"f0.py": 0, "f1.py": MAX_FINDINGS + 3, "f2.py": 1, "f3.py": 0})
    body = "\n".join(f"+x = {i}" for i in range(9))
    files = Material(Source("staged"), tuple(change(name, body) for name in engine.of_each))
    made = review(engine, files, replace(OPTIONS, max_findings=99))
    assert [(f.path, f.message) for f in made.findings if f.path != "f1.py"] == [("f2.py", "value0 is wrong")]
    full = [f for f in made.findings if f.path == "f1.py"]
    assert len(full) == MAX_FINDINGS
    assert {f.note for f in full} == {"the answer about this hunk was full, there may be more"}
    assert numbers(made) == (36, 36, 0, 0)
    asked = [[name[:2] for name in engine.of_each if f"File: {name}\n" in text] for text in engine.asked]
    assert asked == [["f0", "f1", "f2", "f3"], ["f0", "f1"], ["f0"], ["f1"], ["f2", "f3"]]


def test_what_a_full_answer_says_is_not_taken_back() -> None:
    decoys = [{"quote": f"x = {n}", "message": f"value{n} is wrong", "severity": "warning"} for n in range(7)]
    true = {"file": "z.py", "quote": "z = 1 / n", "message": "n may be zero"}
    body = "\n".join(f"+x = {i}" for i in range(9))
    files = Material(Source("staged"), (change("a.py", body), change("z.py", "+z = 1 / n")))
    for behind in (CLEAN, "no JSON"):
        engine = ScriptedEngine(findings(true, *decoys), behind, behind, behind, behind, verdict("confirmed"))
        made = review(engine, files, replace(OPTIONS, votes=0, max_findings=99))
        assert [f.message for f in made.findings if f.path == "z.py"] == ["n may be zero"]
        assert len(made.findings) == 8


def test_an_answer_full_of_remarks_says_that_there_may_be_more() -> None:
    remarks = [{"message": "Consider adding a docstring.", "quote": "x = 1"}] * 8
    made = review(ScriptedEngine(findings(*remarks)))
    assert made.findings == () and made.notes == ("the answer about a hunk was full, there may be more: a.py",)


def test_an_answer_with_room_left_is_not_asked_for_again() -> None:
    engine = PerFile({"f0.py": MAX_FINDINGS - 2, "f1.py": 1})
    made = review(engine, many(2), replace(OPTIONS, max_findings=99))
    assert len(engine.asked) == 1 and len(made.findings) == MAX_FINDINGS - 1


def test_without_a_model_lines_are_skipped_by_the_users_wish() -> None:
    made = checks_only(TWO, "no model asked (--no-model)")
    assert numbers(made) == (2, 0, 2, 0)
    assert made.no_model


def test_files_that_cannot_be_read_stay_in_the_report() -> None:
    unreadable = Omission("w.bin", None, None, 0, "a filter is configured for it")
    made = review(ScriptedEngine(CLEAN), Material(Source("worktree"), ONE.changes, failed=(unreadable,)))
    assert unreadable in made.failed
    assert [file.path for file in made.files] == ["a.py", "w.bin"]


def test_more_findings_than_may_be_confirmed_make_the_run_incomplete() -> None:
    class Severe(ScriptedEngine):
        def ask(self, request, deadline):
            if "claim about line" in request.user:
                self.script = [verdict("confirmed")]
            else:
                name = request.user.split("File: ")[1].split("\n")[0]
                said = [{"file": name, "quote": f"x = {n}", "message": f"value{n} is wrong"} for n in range(1, 8)]
                self.script = [findings(*said)]
            return super().ask(request, deadline)

    made = review(Severe(CLEAN), many(4), EACH)
    confirmed = [f for f in made.findings if f.confirmed is Confirmed.YES]
    assert len(confirmed) == 20
    assert made.unconfirmed == len(made.findings) + len(made.suppressed) - 20 == 8
    assert {path: sum(f.path == path for f in confirmed) for path in ("f0.py", "f1.py", "f2.py", "f3.py")} == {
        "f0.py": 5,
        "f1.py": 5,
        "f2.py": 5,
        "f3.py": 5,
    }
    rest = [f for f in (*made.findings, *(f for f, _ in made.suppressed)) if f.confirmed is Confirmed.NOT_ASKED]
    why = "no second look: more than 20 findings to confirm (max_confirmations)"
    assert len(rest) == 8
    assert all(f.severity is Severity.WARNING and (f.note or "").endswith(why) for f in rest)


SEVEN = ModelFacts(
    trained_window=16384,
    metadata={
        "general.architecture": "llama",
        "llama.block_count": 32,
        "llama.embedding_length": 4096,
        "llama.attention.head_count": 32,
        "llama.context_length": 16384,
        "tokenizer.ggml.model": "llama",
    },
    weights_bytes=3_825_000_000,
)


class LoadedEngine(ScriptedEngine):
    """Loads the window that is wanted, `gpu_bytes` of 100 on a GPU."""

    gpu_bytes = 100

    def load(self, window_tokens, opening, deadline):
        return Loaded(window_tokens, 0, 100, self.gpu_bytes)


@pytest.mark.parametrize(("gib", "window"), [pytest.param(8, 4096, id="8 GiB"), pytest.param(24, 16384, id="24 GiB")])
def test_the_window_for_a_large_change_is_what_fits_the_gpu(
    gib: int, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes: list[int] = []

    def probe() -> Probe:
        probes.append(1)
        return Probe((Gpu("A", gib * 2**30, gib * 2**30),))

    monkeypatch.setattr("reviewbot.reading.probe", probe)
    engine = LoadedEngine(CLEAN, info=replace(INFO, facts=SEVEN))
    engine.gpu_bytes = 0
    made = review(engine, many(150), sized(None))
    assert made.engine is not None and made.engine.window_tokens == window
    assert len(probes) == 1
    (note,) = made.notes
    assert "is on the processor alone" in note


def test_a_model_that_is_partly_on_the_processor_is_said_once() -> None:
    engine = LoadedEngine(CLEAN, info=replace(INFO, facts=SEVEN))
    engine.gpu_bytes = 70
    made = review(engine, many(3), EACH)
    (note,) = made.notes
    assert note.startswith("30 % of codellama:7b-instruct is on the processor")
    engine.gpu_bytes = 100
    assert review(engine).notes == ()
