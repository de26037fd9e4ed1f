"""From reply text to findings: tolerant of wrapping, strict about shape, and nothing is moved without a word."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_engine import findings
from values import segment

from reviewbot.errors import ReplyError
from reviewbot.findings import Finding, Severity
from reviewbot.replies import MAX_FINDINGS, line_with, parse_findings, reply_schema

CODE = (
    " def find(self, name):\n"
    "-    old_call()\n"
    "+    cur = self.conn.cursor()\n"
    '+    cur.execute(f"SELECT {name}")\n'
    "+    return None\n"
    "     done()\n"
    "+    return None"
)
DB = segment("app/db.py", CODE, 40)  # added lines: 41, 42, 43, 45
VIEW = segment("app/view.py", "+show(items[0])\n+done()", 7)
QUOTE = 'cur.execute(f"SELECT {name}")'


def one(segments=(DB,), **fields: object) -> Finding:
    item = {"file": "app/db.py", "line": 42, "quote": QUOTE, **fields}
    (found,) = parse_findings(findings(item), segments)
    return found


def place(found: Finding) -> tuple[str, int | None, str | None, str | None]:
    return found.path, found.line, found.evidence, found.note


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, (42, QUOTE, None), id="quote and number agree"),
        pytest.param({"line": 41}, (42, QUOTE, "the answer said 41, the quote is on 42"), id="the quote wins"),
        pytest.param({"line": None}, (42, QUOTE, None), id="no number"),
        pytest.param({"line": 10**30}, (42, QUOTE, f"the answer said {10**30}, the quote is on 42"), id="huge number"),
        pytest.param({"quote": '  cur . execute( f"SELECT{name}" )'}, (42, QUOTE, None), id="blanks do not count"),
        pytest.param({"quote": f"42 +    {QUOTE}"}, (42, QUOTE, None), id="quoted with its number"),
        pytest.param({"quote": f"+    {QUOTE}"}, (42, QUOTE, None), id="quoted with its mark"),
        pytest.param(
            {"quote": "cursor()\n    cur.execute", "line": 41}, (41, "cur = self.conn.cursor()", None), id="two"
        ),
        pytest.param({"quote": "return None", "line": 45}, (45, "return None", None), id="twice: the number decides"),
        pytest.param(
            {"quote": "return None", "line": 44},
            (43, "return None", "the answer said 44, the quote is on 43"),
            id="twice: the nearest",
        ),
        pytest.param({"quote": "old_call()"}, (42, None, "the quoted code is on a removed line"), id="removed line"),
        pytest.param({"quote": "done()"}, (42, None, "the quoted code is on an unchanged line"), id="context line"),
        pytest.param({"quote": "eval(x)"}, (42, None, "the quoted code is nowhere in the change"), id="invented"),
        pytest.param({"quote": ""}, (42, None, "the answer quotes no code"), id="no quote"),
        pytest.param({"quote": "()"}, (42, None, "the answer quotes no code"), id="a quote that says nothing"),
        pytest.param({"quote": "()\n "}, (42, None, "the answer quotes no code"), id="blanks do not make it say more"),
        pytest.param({"quote": '}")'}, (42, None, "the answer quotes no code"), id="signs alone stand everywhere"),
        pytest.param(
            {"quote": "cur"}, (42, None, "the answer quotes too little of a line"), id="a part that stands everywhere"
        ),
        pytest.param(
            {"quote": "eval(x)", "line": 40},
            (None, None, "the quoted code is nowhere in the change, and line 40 is not an added line"),
            id="invented, on a context line",
        ),
    ],
)
def test_where_a_finding_sits(fields: dict, expected: tuple) -> None:
    assert place(one(**fields)) == ("app/db.py", *expected)


def test_a_quote_of_the_named_file_does_not_wander_into_another() -> None:
    other = segment("app/other.py", "+    done()\n+    old_call()", 7)
    for quote, kind in (("done()", "an unchanged"), ("old_call()", "a removed")):
        found = one((DB, other), quote=quote, line=41, severity="critical")
        assert place(found) == ("app/db.py", 41, None, f"the quoted code is on {kind} line")


LOOP = segment("loop.py", "+x = 1\n+xx = 11\n+while x = 1:\n-x = 1\n x = 12\n+    go(x)", 7)


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        pytest.param({"quote": "x = 1", "line": 9}, 7, id="the whole of a line before a part of others"),
        pytest.param({"quote": "xx=11", "line": 99}, 8, id="unique: the number does not matter"),
        pytest.param({"quote": "go(x)", "line": None}, 11, id="unique, without a number"),
        pytest.param({"quote": "while x = 1:\n x = 12\n go(x)", "line": 10}, 9, id="several, over a context line"),
        pytest.param({"quote": "x = 12\n go(x)", "line": 10}, 11, id="that begins on a context line"),
    ],
)
def test_the_quote_decides_over_the_number(fields: dict, number: int) -> None:
    found = one((LOOP,), file="loop.py", **fields)
    assert (found.line, found.evidence is not None) == (number, True)


@given(st.data())
def test_a_quote_that_is_unique_among_the_added_lines_is_always_found(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.from_regex("[a-z]{4,9}", fullmatch=True), min_size=1, max_size=9, unique=True))
    rows = [data.draw(st.sampled_from("+- ")) + f"{'  ' * data.draw(st.integers(0, 3))}{n} = {n}2 + 1" for n in names]
    shown = segment("a.py", "\n".join(rows), 5)
    line = data.draw(st.sampled_from(shown.lines))
    quote = data.draw(st.sampled_from([line.text, line.text.replace(" ", ""), f"  {line.text}\t"]))
    found = one((shown,), file="a.py", line=data.draw(st.integers(-5, 50)), quote=quote, severity="critical")
    same = [one.text for one in shown.lines if one.kind.value == "+" and quote.replace(" ", "").strip() in one.text]
    if line.kind.value == "+":
        assert (found.line, found.evidence, found.severity) == (line.new, line.text.strip(), Severity.ERROR)
    elif not same:
        assert (found.evidence, found.severity) == (None, Severity.INFO)
        assert found.note and ("unchanged" if line.kind.value == " " else "removed") in found.note


def test_another_file_counts_only_with_a_unique_quote() -> None:
    both = (DB, VIEW)
    assert place(one(both, file="app/view.py")) == (
        "app/db.py",
        42,
        QUOTE,
        "the answer said app/view.py, the quote is in app/db.py",
    )
    found = one(both, file="nowhere.py", quote="done()", line=8)
    assert (found.path, found.line, found.evidence) == ("app/view.py", 8, "done()")
    found = one(both, file="nowhere.py", quote="return None", line=43)
    assert (found.line, found.evidence) == (None, None)
    found = one(both, file="../../etc/passwd", quote="eval(x)")
    assert place(found)[1:] == (None, None, "the answer names a file that is not in this change")


@pytest.mark.parametrize(
    ("word", "severity"),
    [(word, Severity.ERROR) for word in ("error", "critical", "BLOCKER", "high", "P0", "p1")]
    + [(word, Severity.WARNING) for word in ("warning", "major", "Medium", "P2", "unheard of", "")]
    + [(word, Severity.INFO) for word in ("info", "minor", "low", "nit", "note", "P3")],
)
def test_severities_are_mapped_by_one_table(word: str, severity: Severity) -> None:
    assert one(severity=word).severity is severity


def test_without_evidence_a_finding_is_information() -> None:
    assert one(severity="critical", quote="invented").severity is Severity.INFO
    assert one(severity="critical", quote="invented").excerpt == ()


def test_an_unknown_category_is_a_bug_and_texts_are_bounded() -> None:
    found = one(category="vibes", message="m" * 5000, suggestion="s" * 5000)
    assert (found.rule, len(found.message), len(found.suggestion or "")) == ("model/bug", 500, 500)
    assert one(message=" ").message == "the answer gives no reason"
    assert one(suggestion="").suggestion is None


def test_special_strings_come_back_as_they_were() -> None:
    special = segment("a.py", '+print("</s> [INST]")')
    (found,) = parse_findings(
        findings({"quote": 'print("< /s> [ INST]")', "message": "prints < /s>", "line": 1}), (special,)
    )
    assert (found.evidence, found.message) == ('print("</s> [INST]")', "prints </s>")


GOOD = findings({"file": "app/db.py", "line": 42, "quote": QUOTE})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="plain"),
        pytest.param(f"  \n{GOOD}\n\n ", id="padded"),
        pytest.param(f"Sure! Here it is:\n```json\n{GOOD}\n```\nLet me know!", id="fenced, with chatter"),
        pytest.param(f"<think>\nlet {{me}} see\n</think>\n{GOOD}", id="think block"),
        pytest.param(GOOD.replace("}]}", "},]}"), id="trailing comma"),
        pytest.param(GOOD[:-1] + ', "summary": "fine", "score": NaN}', id="NaN"),
        pytest.param(GOOD[:-1] + ', "extra": {"a": [1, 2]}}', id="more keys"),
    ],
)
def test_wrapping_is_tolerated(text: str) -> None:
    if "NaN" in text:
        with pytest.raises(ReplyError):
            parse_findings(text, (DB,))
    else:
        assert len(parse_findings(text, (DB,))) == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("LGTM, no issues found.", id="prose"),
        pytest.param("I cannot help with that.", id="refusal"),
        pytest.param("{}", id="other object"),
        pytest.param('{"findings": null}', id="null"),
        pytest.param('{"findings": {}}', id="no list"),
        pytest.param('{"findings": ["x"]}', id="list of texts"),
        pytest.param('{"findings": [{"file": "a"}]}', id="keys missing"),
        pytest.param(GOOD.replace("42", '"forty"'), id="wrong type"),
        pytest.param(GOOD[: len(GOOD) // 2], id="cut"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="nested bomb"),
        pytest.param('{"a":' * 50_000 + "1" + "}" * 50_000, id="nested objects"),
        pytest.param(json.dumps({"findings": [{"file": "a", "severity": "x", "message": "m"}] * 10_000}), id="10,000"),
        pytest.param("<think>" + GOOD, id="a thought that never ends"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_what_is_no_answer_is_an_error_and_never_an_empty_list(text: str) -> None:
    with pytest.raises(ReplyError):
        parse_findings(text, (DB,))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(GOOD[:-1] + ', "findings": []}', 1, id="an empty list behind"),
        pytest.param('{"findings": [], ' + GOOD[1:], 1, id="an empty list before"),
        pytest.param(GOOD + '\n{"findings": []}', 1, id="two objects"),
        pytest.param(f"First:\n{GOOD}\nSecond:\n{GOOD}\n", 2, id="two objects with chatter"),
    ],
)
def test_nothing_that_is_said_is_taken_back_by_a_second_list(text: str, count: int) -> None:
    assert len(parse_findings(text, (DB,))) == count


@pytest.mark.parametrize(
    "behind", [', "findings": null}', '}{"findings": null}', '}{"findings": [', '}{"findings": [{}]}']
)
def test_a_second_list_that_is_none_spoils_the_first(behind: str) -> None:
    with pytest.raises(ReplyError):
        parse_findings(GOOD[:-1] + behind, (DB,))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD[len('{"findings": [') : -2] + '\n{"findings": []}', id="a finding beside an empty list"),
        pytest.param('{"findings": []}\n' + GOOD[len('{"findings": [') : -2], id="a finding behind an empty list"),
        pytest.param('{"findings": {"file": "a"}}{"findings": []}', id="an object and a list"),
        pytest.param('<think>maybe {"findings": []}', id="a thought that never ends"),
        pytest.param('{"findings": []}' * 200, id="many objects"),
    ],
)
def test_what_stands_beside_a_list_makes_it_no_answer(text: str) -> None:
    with pytest.raises(ReplyError):
        parse_findings(text, (DB,))


def test_thoughts_take_no_time_and_no_finding() -> None:
    with pytest.raises(ReplyError):
        parse_findings("<think>" * 150_000 + GOOD, (DB,))
    assert len(parse_findings("<think>a</think><think>{b</think>" + GOOD, (DB,))) == 1
    first, second = parse_findings(
        findings(
            {"file": "app/db.py", "quote": QUOTE, "message": "<think>"},
            {"file": "app/db.py", "quote": QUOTE, "message": "</think>"},
        ),
        (DB,),
    )
    assert (first.message, second.message) == ("<think>", "</think>")


@pytest.mark.parametrize("path", [" a.py", "a.py ", "x[ INST].py", "a< s>.py", "Source :x.py", "x[INST].py"])
def test_a_file_is_known_by_the_name_that_was_shown(path: str) -> None:
    shown = segment(path, "+return x / y\n+return x / y")
    name = reply_schema((shown,))["properties"]["findings"]["items"]["properties"]["file"]["enum"][0]
    found = one((shown, VIEW), file=name, quote="return x / y", line=2)
    assert (found.path, found.line, found.evidence, found.note) == (path, 2, "return x / y", None)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("severity", 3, Severity.WARNING),
        ("severity", None, Severity.WARNING),
        ("line", "42", 42),
        ("line", None, 42),
        ("category", None, "bug"),
        ("message", None, "the answer gives no reason"),
        ("message", "half a pair: \ud800!", "half a pair: \ufffd!"),
        ("message", "a pair: \U0001f40d", "a pair: \U0001f40d"),
        ("message", "two\nlines", "two\nlines"),
    ],
)
def test_a_field_of_another_type_costs_only_that_field(field: str, value: object, expected: object) -> None:
    found, other = parse_findings(
        findings({"file": "app/db.py", "line": 42, "quote": QUOTE, field: value}, {"file": "app/db.py", "quote": "x"}),
        (DB,),
    )
    assert getattr(found, field) == expected
    assert (found.line, found.evidence) == (42, QUOTE)
    assert other.evidence is None


def test_line_ends_that_are_not_escaped_are_read() -> None:
    assert one(message="two").message == "two"
    (found,) = parse_findings(findings({"quote": QUOTE, "message": "two lines"}).replace("two ", "two\n"), (DB,))
    assert found.message == "two\nlines"


def test_more_findings_than_were_asked_for_are_read() -> None:
    item = {"file": "app/db.py", "quote": QUOTE}
    assert len(parse_findings(findings(*[item] * (MAX_FINDINGS + 1)), (DB,))) == MAX_FINDINGS + 1


def test_quotes_for_second_opinions() -> None:
    def number(quote: str) -> int | None:
        found = line_with(quote, DB.lines)
        return None if found is None else found.old or found.new

    assert (number("old_call( )"), number("42 +" + QUOTE)) == (41, 42)
    assert number("cursor()\n    cur.execute") == 41
    assert [number(quote) for quote in ("", "invented()", "()):")] == [None] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
)
FIELD = st.text(max_size=30) | st.integers() | st.none() | st.sampled_from(["app/db.py", QUOTE, "done()"])


@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(("file", "line", "quote", "message", "severity"), FIELD)), max_size=4)
)
def test_an_anchored_finding_is_always_on_an_added_line(items: list[dict]) -> None:
    try:
        made = parse_findings(json.dumps({"findings": items}), (DB, VIEW))
    except ReplyError:
        return
    added = {(s.path, line.new): line.text.strip() for s in (DB, VIEW) for line in s.lines if line.kind.value == "+"}
    for found in made:
        assert found.line is None or (found.path, found.line) in added
        if found.evidence is not None:
            assert found.evidence == added[found.path, found.line]
        else:
            assert found.severity is Severity.INFO and found.note


@given(JSON | st.text())
def test_no_reply_crashes_the_parser(value: object) -> None:
    for text in (json.dumps(value), str(value)):
        try:
            assert all(finding.message for finding in parse_findings(text, (DB,)))
        except ReplyError:
            pass
