"""Markdown, read by a parser with the extensions of GitHub."""

import re
from collections.abc import Iterator

import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace
from samples import BASE, LOOSE, REVIEWS, SQL, UNSURE, verdict

from reviewbot.findings import ExcerptLine
from reviewbot.reporters import Style, render
from reviewbot.reporters.markdown_report import MAX_CHARS
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Policy, decide

GITHUB = MarkdownIt("gfm-like", {"html": True})
OURS = {"heading", "paragraph", "bullet_list", "list_item", "inline", "text", "text_special", "code_inline", "fence"}
OURS |= {"softbreak", "hardbreak", "em"}


REFERENCE = re.compile(
    r"""[@#!~%&$^][\w"]|://\w|www\.\w|(?i:g[hl]-\d)|\[\[|\[[a-z_]+:|\*iteration:|\b[0-9a-f]{7,40}\b|:[\w+-]+:"""
)
"""What GitHub or GitLab make a link, a mention or a picture of, as they read the text of a page."""


def text_of(review: Review) -> str:
    return render("markdown", review, decide(review, Policy()), Style())


def tokens(text: str) -> Iterator[Token]:
    for token in GITHUB.parse(text):
        yield token
        yield from token.children or ()


def words(text: str) -> str:
    """What a reader sees outside of code; what stands apart has line ends between."""
    return "".join(token.content if token.type in ("text", "text_special") else "\n" for token in tokens(text))


@pytest.mark.parametrize("name", REVIEWS)
def test_every_sample_has_the_outcome_and_the_numbers(name: str) -> None:
    review, decided = REVIEWS[name], verdict(name)
    text = text_of(review)
    assert text.split("\n")[0].endswith(f" reviewbot: {decided.outcome.value.replace('_', ' ')}")
    numbers = f"{review.reviewed} of {review.added} added lines reviewed, {review.lines_skipped} skipped"
    assert f"\n{numbers}, {review.lines_failed} failed  \n" in text
    assert ("codellama:7b" in words(text)) is (review.engine is not None and not review.engine.demo)
    shown = words(text)
    assert all(omission.reason[:20] in shown for omission in review.failed + review.skipped)
    assert shown.count("not read by a model") == len(review.failed + review.skipped)


def test_what_blocks_stands_first() -> None:
    text = text_of(replace(BASE, findings=(LOOSE, UNSURE, SQL)))
    heads = [line for line in text.split("\n") if line.startswith("### ")]
    assert heads == [
        "### `app/db.py:42`: error, blocks (`model/security`)",
        "### `app/views.py:7`: warning (`model/bug`)",
        "### `app/db.py`: info (`model/bug`)",
    ]


def test_a_finding_shows_its_code() -> None:
    code = "x = '''```'''; y = '````'"
    finding = replace(SQL, excerpt=(ExcerptLine(9, "a", False), ExcerptLine(10, code, True)))
    (fence,) = [token for token in tokens(text_of(replace(BASE, findings=(finding,)))) if token.type == "fence"]
    assert fence.content == f"   9 | a\n> 10 | {code}\n"


@pytest.mark.parametrize("path", ["a`b``c.py", "`", "``` x", "a b"])
def test_a_path_is_code_whatever_it_holds(path: str) -> None:
    text = text_of(replace(BASE, findings=(replace(LOOSE, path=path),)))
    assert path in [token.content.strip() for token in tokens(text) if token.type == "code_inline"]


def test_what_is_suppressed_says_why() -> None:
    shown = words(text_of(REVIEWS["dropped"]))
    assert "Overruled or not shown" in shown
    assert "Consider adding a test. [model/bug] (dropped as a remark that is no defect: asks for a test)" in shown


@pytest.mark.parametrize(
    "count",
    [pytest.param(1, id="all fit"), pytest.param(400, id="more than fit"), pytest.param(5000, id="many more")],
)
def test_a_report_fits_into_a_comment(count: int) -> None:
    mild = tuple(replace(UNSURE, message="m" * 300, line=line, end_line=line) for line in range(count))
    text = text_of(replace(BASE, findings=(*mild, SQL)))
    assert len(text) <= MAX_CHARS < 65_536
    shown = text.count("### ")
    assert text.index("blocks (`model/security`)") < text.index("mmm")
    if count > 1:
        assert shown > 50 and f"*{count + 1 - shown:,} parts more of this report than fit here.*" in text
    else:
        assert shown == 2 and "more of this report" not in text


@pytest.mark.parametrize(
    "text",
    [
        "@team look",
        "closes #12",
        "merges !7 with ~urgent in %release, see &3 and $4",
        '~"feature request" %"next one" group/project!12 project&3',
        "^alert#12 [vulnerability:123] [feature_flag:12] *iteration:3 [[home]] gl-12 GH-7",
        "since 0123456789abcdef0123456789abcdef01234567 and deadbee",
        ":tada: :+1:",
        "see https://evil.example",
        "www.evil.example",
        "me@evil.example",
        "[x](http://evil.example)",
        "![x](http://evil.example/p.png)",
        "<script>x</script>",
        "<!-- x -->",
        "**b** __c__ ~~d~~ `e`",
        "&#64;team &lt;",
        "/close",
        "1. a",
        "# a",
    ],
)
def test_text_stays_text(text: str) -> None:
    made = text_of(replace(BASE, findings=(replace(UNSURE, message=text, note=text),)))
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(made)} <= OURS
    shown = words(made)
    assert text in shown.replace("\u200b", "")
    assert not REFERENCE.search(shown.replace("://127", ""))


@given(ANY_REVIEW)
def test_any_text_makes_a_report_of_our_own_parts(review: Review) -> None:
    text = text_of(review)
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(text)} <= OURS
    assert not re.search(r"[@#!~%&$^][\w\"]", words(text))
    assert text.count("\n### ") >= len(review.findings)
    assert sum(token.type == "heading_open" and token.tag == "h2" for token in tokens(text)) == 1
    codes = [token.content for token in tokens(text) if token.type == "code_inline"]
    for finding in review.findings:
        assert any(visible_line(finding.path).strip() in code for code in codes)
