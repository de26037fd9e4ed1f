"""HTML, read as browsers read it, and by one: nothing breaks out, nothing is loaded, filters work by keyboard."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from hypothesis import given
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, sync_playwright
from samples import HOSTILE, LEAK, LOOSE, REVIEWS, SQL, UNSURE, verdict

from reviewbot.findings import ExcerptLine, Finding
from reviewbot.reporters import Style, render
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Policy, decide

OURS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "ul", "li", "main", "form",
    "label", "input", "output", "section", "article", "code", "strong", "pre", "span", "b", "details", "summary",
    "footer", "script", "svg", "rect", "select", "option", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTACKS = (
    "<script>document.title='broken out'</script>",
    "<img src=x onerror=\"document.title='broken out'\">",
    '"><svg onload=alert(1)>',
    "</pre></style></script><iframe src=http://192.0.2.1/></iframe>",
    "<!-- --!> <a href='javascript:alert(1)'>x</a>",
    "]]>&lt;b&gt;&#x3c;script&#x3e;",
)


def page_of(review: Review) -> str:
    return render("html", review, decide(review, Policy()), Style())


def tree_of(text: str) -> Element:
    return html5lib.parse(text, namespaceHTMLElements=False)


def elements(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for element in tree_of(text).iter():
        if isinstance(element.tag, str):
            yield element.tag.rpartition("}")[2], element.attrib


def words_of(text: str) -> str:
    return " ".join(tree_of(text).itertext())


@pytest.mark.parametrize("name", REVIEWS)
def test_every_sample_has_the_outcome_the_numbers_and_the_findings(name: str) -> None:
    review, decided = REVIEWS[name], verdict(name)
    text = page_of(review)
    html5lib.HTMLParser(strict=True).parse(text)
    words = words_of(text)
    assert f"reviewbot: {decided.outcome.value.replace('_', ' ')}" in words
    numbers = f"{review.reviewed} of {review.added} added lines reviewed, {review.lines_skipped} skipped"
    assert f"{numbers}, {review.lines_failed} failed" in words
    assert all(visible_line(finding.message) in words for finding in decided.findings)
    assert all(visible_line(omission.reason) in words for omission in review.failed + review.skipped)
    assert all(visible_line(finding.message) in words for finding, _ in review.suppressed)
    assert all(visible_line(text) in words for text in review.notes + review.hints)
    rows = [[part.strip() for part in row.itertext()] for row in tree_of(text).iter("tr")][1:]
    assert rows == [[f.path, *(f"{n:,}" for n in (f.added, f.reviewed, f.skipped, f.failed))] for f in review.files]
    assert (review.engine is not None) is (review.engine is not None and review.engine.model in words)


@given(ANY_REVIEW)
def test_no_text_is_markup(review: Review) -> None:
    text = page_of(review)
    html5lib.HTMLParser(strict=True).parse(text)
    for tag, attributes in elements(text):
        assert tag in OURS
        assert not any(name.startswith("on") or name in ("href", "src", "style") for name in attributes)
    assert sum(tag == "script" for tag, _ in elements(text)) == 1
    for finding in decide(review, Policy()).findings:
        said = visible_line(finding.message)
        told = re.sub("[\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", said)
        assert told in words_of(text)


def attacked(text: str) -> Finding:
    excerpt = (ExcerptLine(1, text, True),)
    return replace(SQL, path=f"a/{text}.py", message=text, suggestion=text, note=text, rule=text, excerpt=excerpt)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        reason = "needs chromium: run .ci/install-servers"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield found
        found.close()


class Seen:
    """A page that is open, what it asked the network for, and what its policy refused."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(path.as_uri())
        self.url = path.as_uri()

    def shown(self) -> list[str]:
        return [text.split("\n")[0] for text in self.page.locator("article:visible").all_inner_texts()]


def open_page(browser: Browser, folder: Path, review: Review, **options: object) -> Seen:
    path = folder / "report.html"
    path.write_text(page_of(review), encoding="utf-8")
    return Seen(browser.new_page(**options), path)


FOUR = replace(
    REVIEWS["incomplete"],
    findings=(SQL, LEAK, UNSURE, LOOSE),
    suppressed=((SQL, "ignore"),),
    hints=("ollama serve",),
)


def test_filters_work_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    seen = open_page(browser, tmp_path, FOUR)
    page = seen.page
    assert len(seen.shown()) == 4
    assert page.locator("output").inner_text() == "4 of 4 shown"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "error"
    page.keyboard.press("Space")
    assert seen.shown() == ["app/views.py:7", "app/db.py"]
    assert page.locator("section:visible h2").all_inner_texts() == ["Warnings (1)", "Information (1)"]
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("Tab")
    page.keyboard.type("security")
    assert seen.shown() == ["app/db.py:42 blocks", "settings.py:3 blocks"]
    page.keyboard.press("Home")
    assert len(seen.shown()) == 4
    page.keyboard.press("Tab")
    page.keyboard.type("SECRET settings")
    assert seen.shown() == ["settings.py:3 blocks"]
    assert page.locator("output").inner_text() == "1 of 4 shown"
    page.keyboard.press("Enter")
    assert page.url == seen.url
    assert (seen.requests, seen.problems) == ([seen.url], [])


def test_all_is_there_without_the_script(browser: Browser, tmp_path: Path) -> None:
    seen = open_page(browser, tmp_path, FOUR, java_script_enabled=False)
    assert len(seen.shown()) == 4
    assert not seen.page.locator("form").is_visible()
    assert_all_lists_are_shown(seen.page)


def assert_all_lists_are_shown(page: Page) -> None:
    lists = page.locator("details li, details tbody tr")
    assert lists.count() == 6 and all(item.is_visible() for item in lists.all())


@pytest.mark.parametrize("text", ATTACKS)
def test_a_hostile_report_runs_and_loads_nothing(text: str, browser: Browser, tmp_path: Path) -> None:
    review = replace(
        REVIEWS["incomplete"],
        findings=(attacked(text), HOSTILE),
        suppressed=((attacked(text), "ignore"),),
        failed=tuple(replace(omission, reason=text) for omission in REVIEWS["incomplete"].failed),
        notes=(text,),
    )
    seen = open_page(browser, tmp_path, review)
    assert seen.page.title().startswith("reviewbot: ")
    assert (seen.requests, seen.problems) == ([seen.url], [])
    assert seen.page.locator("iframe, img, a, object, embed, link").count() == 0
    assert text in seen.page.locator("article .message").first.inner_text()


def test_the_policy_refuses_what_is_not_ours(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    added = "<script>document.title='run'</script><img src='http://127.0.0.1:9/x'><p style='color:red'>x</p></main>"
    path.write_text(page_of(FOUR).replace("</main>", added), encoding="utf-8")
    seen = Seen(browser.new_page(), path)
    assert seen.page.title() == "reviewbot: blocked"
    assert sum("Content Security Policy" in problem for problem in seen.problems) == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_a_screen_and_can_be_read(scheme: str, width: int, browser: Browser, tmp_path: Path) -> None:
    long = replace(SQL, path="a/" * 80 + "b.py", message="word" * 80)
    review = replace(FOUR, findings=(SQL, long, UNSURE))
    seen = open_page(browser, tmp_path, review, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    colours = seen.page.evaluate(
        """() => [...document.querySelectorAll("h1, p, .rule, pre *, summary, li, th, td")].map(e => {
            let around = e;
            while (getComputedStyle(around).backgroundColor === "rgba(0, 0, 0, 0)" && around.parentElement)
                around = around.parentElement;
            return [getComputedStyle(e).color, getComputedStyle(around).backgroundColor];
        })"""
    )
    assert colours
    assert [pair for pair in colours if contrast(*pair) < 4.5] == []  # WCAG 2.2, 1.4.3


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_it_can_be_printed(browser: Browser, tmp_path: Path) -> None:
    seen = open_page(browser, tmp_path, FOUR)
    seen.page.emulate_media(media="print")
    assert not seen.page.locator("form").is_visible()
    assert_all_lists_are_shown(seen.page)
    assert seen.page.pdf().startswith(b"%PDF")
