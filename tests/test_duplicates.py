"""One defect said several times is one finding, and no finding that could block vanishes in a milder one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from samples import SQL

from reviewbot.duplicates import merge_claims, merge_duplicates, tell_repeats
from reviewbot.findings import Confirmed, Finding, Severity, passes_gate

CODE = "send(user_name, load_key(path))"
HOLE = "user_name reaches load_key unchecked"


def said(line: int | None, message: str = "the key is sent in the clear", **fields: object) -> Finding:
    base = replace(
        SQL, path="a.py", line=line, end_line=line, message=message, evidence=CODE, suggestion=None, note=None
    )
    return replace(base, **{"category": "bug", "severity": Severity.WARNING, **fields})


def merged(*findings: Finding) -> list[tuple[int | None, Severity, str | None]]:
    sifted = merge_duplicates(findings)
    assert sifted.suppressed == ()
    return [(finding.line, finding.severity, finding.note) for finding in map(tell_repeats, sifted.kept)]


ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@pytest.mark.parametrize(
    ("other", "note"),
    [
        pytest.param(
            said(5, "something else altogether"),
            "said 2 times; also as: something else altogether",
            id="line and category",
        ),
        pytest.param(said(5, category="security"), "said 2 times", id="line and words"),
        pytest.param(said(8), "said 2 times (also of line 8)", id="a neighbour in the same words"),
        pytest.param(said(3, "The KEY is sent -- in the clear!"), "said 2 times (also of line 3)", id="near words"),
    ],
)
def test_the_same_said_again_is_one(other: Finding, note: str) -> None:
    assert merged(said(5), other) == [(5, WARNING, note)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(said(5, path="b.py"), id="another file"),
        pytest.param(said(5, HOLE, category="security"), id="another category in other words"),
        pytest.param(said(6, "something else altogether"), id="another line in other words"),
        pytest.param(said(9), id="the same words, further away"),
        pytest.param(said(None, "the key is sent in the clear"), id="on no line"),
    ],
)
def test_what_is_about_something_else_stays(other: Finding) -> None:
    assert len(merged(said(5), other)) == 2


def test_two_shared_names_nearby_are_one() -> None:
    again = "with `load_key` the secret of user_name is read"
    assert merged(said(5, HOLE), said(12, again)) == [(5, WARNING, f"said 2 times (also of line 12); also as: {again}")]
    assert len(merged(said(5, HOLE), said(16, again))) == 2  # too far away
    assert len(merged(said(5, HOLE), said(12, again, category="security"))) == 2
    assert len(merged(said(5, HOLE), said(12, "load_key is slow"))) == 2  # one name
    assert len(merged(said(5, HOLE), said(12, again, path="b.py"))) == 2


def test_the_worst_that_is_proven_survives() -> None:
    mild, severe = said(5, severity=INFO), said(6, severity=ERROR)
    unproven = said(5, severity=INFO, evidence=None)
    assert merged(mild, severe, unproven) == [(6, ERROR, "said 3 times (also of line 5)")]
    assert merged(unproven, mild) == [(5, INFO, "said 2 times")]
    kept = merge_duplicates((unproven, mild)).kept
    assert kept[0].evidence == CODE


def test_the_survivor_takes_a_suggestion_from_the_others() -> None:
    (kept,) = merge_duplicates((said(5, severity=ERROR), said(5, suggestion="send(None)"))).kept
    assert (kept.severity, kept.suggestion) == (ERROR, "send(None)")


def claims(*findings: Finding) -> int:
    return len(merge_claims(findings).kept)


def test_two_claims_that_could_block_are_each_put_to_the_model() -> None:
    decoy, real = said(5, "the name is unused", severity=ERROR), said(5, "divides by nothing at all", severity=ERROR)
    assert claims(decoy, real) == 2
    assert claims(said(5, severity=ERROR), said(6, severity=ERROR)) == 2
    assert claims(said(5, HOLE, severity=ERROR), said(5, "load_key gets user_name unchecked", severity=ERROR)) == 1
    assert claims(said(5, HOLE, severity=ERROR), said(5, "load_key leaks user_name to logs", severity=ERROR)) == 2
    assert claims(decoy, replace(real, severity=WARNING)) == 2  # a mild one is not gone with a severe one either
    assert claims(said(5, "value n may be zero"), said(5, "value p may be zero")) == 1  # no words of the code
    code = {"evidence": "rate = n / p", "severity": ERROR}
    assert claims(said(5, "value n may be zero", **code), said(5, "value p may be zero", **code)) == 2
    assert len(merged(decoy, real)) == 1


def test_one_that_blocks_is_not_hidden_by_a_worse_one_that_does_not() -> None:
    unsure = said(5, severity=WARNING, confirmed=Confirmed.UNSURE)
    sure = said(5, severity=INFO, confirmed=Confirmed.YES)
    (kept,) = merge_duplicates((unsure, sure)).kept
    assert (kept.confirmed, kept.severity) == (Confirmed.YES, WARNING)


def test_what_was_merged_twice_is_counted_once() -> None:
    first = merge_claims((said(5, severity=ERROR), said(5))).kept
    assert merged(*first, said(6)) == [(5, ERROR, "said 3 times (also of line 6)")]


def test_remarks_on_no_line_are_one_when_they_say_the_same() -> None:
    assert len(merged(said(None), said(None), said(None, "something else"))) == 2


FINDINGS = st.lists(
    st.builds(
        said,
        line=st.none() | st.integers(1, 40),
        message=st.sampled_from(["the key is sent", HOLE, "load_key and user_name", "slow", "", "7"]),
        path=st.sampled_from(["a.py", "b.py"]),
        category=st.sampled_from(["bug", "security"]),
        severity=st.sampled_from(Severity),
        evidence=st.sampled_from([CODE, None]),
        confirmed=st.sampled_from(Confirmed),
    ),
    max_size=12,
)


@given(FINDINGS, st.sampled_from([None, *Severity]), st.booleans())
def test_nothing_is_invented_lost_or_made_milder(
    findings: list[Finding], block_at: Severity | None, confirm: bool
) -> None:
    claims = merge_claims(tuple(findings)).kept
    kept = merge_duplicates(claims).kept
    assert sum(len(finding.repeats) + 1 for finding in kept) == len(findings)
    for finding in findings:
        same_file = [f for f in kept if f.path == finding.path and (f.line is None) == (finding.line is None)]
        assert any(f.severity >= finding.severity for f in same_file) or not finding.evidence
        assert any(f.evidence for f in same_file) or not finding.evidence
    for before in (findings, claims):
        for finding in before:
            if passes_gate(finding, block_at, confirm=confirm) and finding.confirmed is Confirmed.YES:
                assert any(
                    passes_gate(f, block_at, confirm=confirm) and abs((f.line or 0) - (finding.line or 0)) <= 20
                    for f in kept
                    if f.path == finding.path
                )


def test_many_findings_take_no_long() -> None:
    many = tuple(said(line, f"word{'x' * (line % 7)} of line") for line in range(1, 8001))
    assert merge_duplicates(many).kept
