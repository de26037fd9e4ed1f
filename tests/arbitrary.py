"""Reviews with any text in every field, for hypothesis."""

from hypothesis import strategies as st

from reviewbot.coverage import FileCoverage
from reviewbot.engines import EngineInfo
from reviewbot.findings import Confirmed, ExcerptLine, Finding, Repeat, Severity
from reviewbot.plan import Omission
from reviewbot.prompts import Prompt
from reviewbot.repo import Source
from reviewbot.review import Review, Usage

NASTY = (
    *("]]>", "<!--", "--", "*/", "&#x1b;", "</details><script>", "\x00\ufffe\uffff\ud800", "\u2028\x85\r\n\n"),
    *("](http://evil.example)", "[x]: http://evil.example", "@team #1 www.evil.example", "\x1b]0;x\x07\u202e"),
    *("```\n# x", "| a | b |\n| - | - |"),
)
TEXT = st.text(max_size=12) | st.sampled_from(NASTY) | st.lists(st.sampled_from(NASTY), max_size=3).map("".join)
LINE = st.integers(1, 10_000)

FINDINGS = st.builds(
    Finding,
    path=TEXT,
    line=LINE | st.none(),
    end_line=st.none(),
    severity=st.sampled_from(Severity),
    category=TEXT,
    rule=TEXT | st.sampled_from(["model/bug", "check/secret"]),
    message=TEXT,
    source=st.sampled_from(["model", "check"]),
    suggestion=TEXT | st.none(),
    evidence=TEXT | st.none(),
    confirmed=st.sampled_from(Confirmed),
    note=TEXT | st.none(),
    fingerprint=TEXT,
    excerpt=st.lists(st.builds(ExcerptLine, LINE, TEXT, st.booleans()), max_size=2).map(tuple),
    repeats=st.lists(st.builds(Repeat, LINE | st.none(), TEXT), max_size=2).map(tuple),
)
OMISSIONS = st.builds(Omission, TEXT, LINE, st.just(20_000), LINE, TEXT) | st.builds(
    Omission, TEXT, st.none(), st.none(), st.just(0), TEXT
)
ENGINES = st.builds(
    EngineInfo,
    kind=st.just("ollama"),
    model=TEXT,
    endpoint=TEXT.map(lambda text: f"http://127.0.0.1/{text}"),
    window_tokens=LINE,
    refuses_long=st.booleans(),
    digest=TEXT | st.none(),
    server_version=TEXT | st.none(),
    demo=st.booleans(),
)


def many(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(strategy, max_size=3).map(tuple)


REVIEWS = st.builds(
    Review,
    source=st.just(Source("staged")),
    files=many(st.builds(FileCoverage, TEXT, *[st.integers(0, 9)] * 4)),
    findings=many(FINDINGS),
    skipped=many(OMISSIONS),
    failed=many(OMISSIONS),
    suppressed=many(st.tuples(FINDINGS, st.sampled_from(["ignore", "baseline", "cap", "excluded"]))),
    engine=ENGINES | st.none(),
    prompt=st.builds(Prompt, TEXT, TEXT, st.none(), st.just("1")) | st.none(),
    usage=st.just(Usage()),
    notes=many(TEXT),
    hints=many(TEXT),
    unconfirmed=st.integers(0, 1),
    no_model=st.booleans(),
    interrupted=st.booleans(),
    skip_reason=TEXT | st.none(),
)
