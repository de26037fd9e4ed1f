"""Stages that take findings out of sight, and the cap."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from samples import LOOSE, SQL, UNSURE

from reviewbot.findings import Confirmed, Finding, Severity
from reviewbot.sieves import Sifted, cap_findings, keep_all, sift


def numbered(count: int, **fields: object) -> tuple[Finding, ...]:
    return tuple(replace(UNSURE, line=n, **fields) for n in range(1, count + 1))


def lines(findings: tuple[Finding, ...]) -> list[int | None]:
    return [finding.line for finding in findings]


def test_sieves_work_one_behind_the_other() -> None:
    def drop(line: int, by: str, findings: tuple[Finding, ...]) -> Sifted:
        return Sifted(tuple(f for f in findings if f.line != line), tuple((f, by) for f in findings if f.line == line))

    sifted = sift(
        numbered(3), partial(drop, 1, "ignore"), keep_all, partial(drop, 1, "baseline"), partial(drop, 3, "cap")
    )
    assert lines(sifted.kept) == [2]
    assert [(f.line, by) for f, by in sifted.suppressed] == [(1, "ignore"), (3, "cap")]


@pytest.mark.parametrize(
    ("fields", "confirm", "capped"),
    [
        pytest.param({"severity": Severity.ERROR, "confirmed": Confirmed.YES}, True, 0, id="blocks"),
        pytest.param({"severity": Severity.ERROR, "confirmed": Confirmed.UNSURE}, True, 7, id="not confirmed"),
        pytest.param({"severity": Severity.ERROR, "confirmed": Confirmed.NOT_ASKED}, False, 0, id="confirm is off"),
        pytest.param({"severity": Severity.WARNING, "confirmed": Confirmed.YES}, True, 7, id="below the gate"),
        pytest.param({"severity": Severity.ERROR, "evidence": None}, False, 7, id="without evidence"),
        pytest.param({"line": None}, True, 0, id="on no line"),
    ],
)
def test_what_blocks_and_what_no_line_proves_is_never_capped(fields: dict, confirm: bool, capped: int) -> None:
    findings = tuple(replace(finding, **fields) for finding in numbered(12))
    sifted = cap_findings(findings, 5, Severity.ERROR, confirm=confirm)
    assert (len(sifted.kept), [by for _, by in sifted.suppressed]) == (12 - capped, ["cap"] * capped)


def test_the_worst_are_shown_in_their_order() -> None:
    mild, bad = replace(UNSURE, severity=Severity.INFO), replace(UNSURE, line=9)
    plain = replace(UNSURE, line=8, confirmed=Confirmed.NOT_ASKED)
    sifted = cap_findings((mild, plain, LOOSE, bad, SQL), 1, Severity.ERROR, confirm=True)
    assert sifted.kept == (LOOSE, bad, SQL)
    assert sifted.suppressed == ((mild, "cap"), (plain, "cap"))


@given(
    st.lists(st.sampled_from([SQL, UNSURE, LOOSE, replace(UNSURE, severity=Severity.INFO)]), max_size=20),
    st.integers(1, 9),
    st.booleans(),
)
def test_all_are_kept_or_counted(findings: list[Finding], most: int, confirm: bool) -> None:
    given = tuple(replace(finding) for finding in findings)
    sifted = cap_findings(given, most, Severity.ERROR, confirm=confirm)
    assert len(sifted.kept) + len(sifted.suppressed) == len(findings)
    assert (
        sum(
            finding == UNSURE or finding.severity is Severity.INFO and finding.line is not None
            for finding in sifted.kept
        )
        <= most
    )
    worst_capped = max((finding.severity for finding, _ in sifted.suppressed), default=Severity.INFO)
    assert all(finding.severity >= worst_capped or finding.line is None for finding in sifted.kept)
