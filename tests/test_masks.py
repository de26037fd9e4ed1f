"""Masks: the one pass over a text finds what a pattern of all values would."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import change

from reviewbot.checks import run_checks
from reviewbot.masks import FEW, MASK, MIN_CHARS, Mask, Where, mask_value

PATTERNS = {Where.ANYWHERE: "{}", Where.WHOLE: r"(?<!\w){}(?!\w)", Where.QUOTED: "(?<=[\"'`]){}(?=[\"'`])"}


def by_pattern(text: str, values: list[tuple[str, Where]]) -> str:
    """What one pattern of all values leaves of a text, the longest value first."""
    ordered = sorted(values, key=lambda pair: (-len(pair[0]), pair[1]))
    return re.sub("|".join(PATTERNS[where].format(re.escape(value)) for value, where in ordered), MASK, text)


LETTERS = st.sampled_from("aab2_\u00e9\u00b2.\"'` ")
VALUES = st.lists(
    st.tuples(st.text(LETTERS, min_size=MIN_CHARS, max_size=MIN_CHARS + 4), st.sampled_from(Where)),
    min_size=1,
    max_size=FEW + 8,
)


@given(VALUES, st.data())
def test_one_pass_masks_what_a_pattern_would(values: list[tuple[str, Where]], data: st.DataObject) -> None:
    pieces = st.one_of(LETTERS, st.sampled_from([value for value, _ in values]))
    text = "".join(data.draw(st.lists(pieces, max_size=12)))
    assert Mask(values)(text) == by_pattern(text, values)


@given(st.text(LETTERS, min_size=1, max_size=5), st.sampled_from(Where), st.data())
def test_one_value_is_masked_as_its_pattern_would(value: str, where: Where, data: st.DataObject) -> None:
    text = "".join(data.draw(st.lists(st.one_of(LETTERS, st.just(value)), max_size=12)))
    assert mask_value(text, value, where) == by_pattern(text, [(value, where)])


@pytest.mark.parametrize(
    ("where", "masked"),
    [
        (Where.ANYWHERE, "[secret] '[secret]' x[secret]"),
        (Where.WHOLE, "[secret] '[secret]' xhunter2hunter2"),
        (Where.QUOTED, "hunter2hunter2 '[secret]' xhunter2hunter2"),
    ],
)
def test_where_a_value_is_masked(where: Where, masked: str) -> None:
    value = "hunter2" * 2
    assert Mask([(value, where)])(f"{value} '{value}' x{value}") == masked


def test_the_longest_value_is_masked_whole() -> None:
    assert Mask([("abcdefgh", Where.ANYWHERE), ("abcdefghij", Where.ANYWHERE)])("abcdefghij abcdefghi") == (
        f"{MASK} {MASK}i"
    )


def test_short_values_are_left_out() -> None:
    assert Mask([("abcdefg", Where.ANYWHERE)])("abcdefg") == "abcdefg"
    assert Mask([])("abcdefgh") == "abcdefgh"


@pytest.mark.parametrize("where", Where)
def test_what_a_mask_has_it_masks(where: Where) -> None:
    mask = Mask([("hunter2hunter2", where)])
    assert [mask.has("hunter2hunter2", other) for other in Where] == [other >= where for other in Where]
    assert not mask.has("hunter2", Where.QUOTED)


def test_a_line_full_of_secrets_is_not_searched_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr("reviewbot.checks.secret.mask_value", lambda text, value, where: looked.append(value) or text)
    keys = [f"AKIA{number:016}" for number in range(50)]
    (masked,) = run_checks([change("a.py", "+" + " ".join(keys))]).changes
    assert masked.added[0].text == " ".join([MASK] * 50) and not looked
