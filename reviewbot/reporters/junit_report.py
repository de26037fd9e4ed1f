"""JUnit's XML, for the test pages of CI servers. There is no standard; these are the parts that all readers know.

A suite is a file of the change. What blocks is a failure, lines that should have been read and were not are an error,
lines that a rule leaves out and findings that are overruled are skipped, and what does not block is a passed case
that says so in `system-out`: a page is red when, and only when, there is something that people have to look at.
"""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from reviewbot.findings import Finding
from reviewbot.plan import Omission
from reviewbot.reporters import Style
from reviewbot.reporters.sentences import coverage_line, finding_lines, is_whole, omission_line, overruled, run_lines
from reviewbot.reporters.xmltext import document, legal
from reviewbot.review import Review
from reviewbot.text import visible_line
from reviewbot.verdict import Verdict


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """A document with a suite for the run and one for each file."""
    suites: dict[str, list[ET.Element]] = {visible_line(file.path): [] for file in review.files}
    for path, case in _cases(review, verdict):
        suites.setdefault(visible_line(path), []).append(case)
    for file in review.files:
        if not (cases := suites[visible_line(file.path)]):
            cases.append(_case(file.path, None, f"{file.reviewed} of {file.added} added lines reviewed"))
    root = ET.Element("testsuites", name="reviewbot")
    made = [_run(review, verdict), *(_suite(path, cases) for path, cases in suites.items())]
    root.extend(made)
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in made)))
    root.set("time", f"{review.usage.seconds:.3f}")
    return document(root)


def _cases(review: Review, verdict: Verdict) -> Iterator[tuple[str, ET.Element]]:
    for finding in verdict.findings:
        case = _case(finding.path, finding.line, _title(finding))
        text = legal("\n".join(finding_lines(finding)))
        if finding.blocking:
            failure = ET.SubElement(case, "failure", message=_title(finding), type=legal(visible_line(finding.rule)))
            failure.text = text
        else:
            ET.SubElement(case, "system-out").text = text
        yield finding.path, case
    for kind, omissions in (("error", review.failed), ("skipped", review.skipped)):
        for omission in omissions:
            yield omission.path, _left_out(kind, omission)
    for finding, by in review.suppressed:
        case = _case(finding.path, finding.line, _title(finding))
        ET.SubElement(case, "skipped", message=legal(overruled(finding, by)))
        yield finding.path, case


def _left_out(kind: str, omission: Omission) -> ET.Element:
    text = legal(omission_line(omission))
    case = _case(omission.path, omission.start, text)
    ET.SubElement(case, kind, message=text, type="reviewbot/not-read" if kind == "error" else "reviewbot/skipped")
    return case


def _title(finding: Finding) -> str:
    return legal(f"{finding.severity.word}: {visible_line(finding.message)} [{visible_line(finding.rule)}]")


def _case(path: str, line: int | None, name: str) -> ET.Element:
    shown = legal(visible_line(path))
    place = {} if line is None else {"line": str(line)}
    title = name if line is None else f"line {line}: {name}"
    return ET.Element("testcase", {"classname": shown, "name": title, "file": shown, **place})


def _run(review: Review, verdict: Verdict) -> ET.Element:
    """The run itself: an error where it was not whole, so that one without a file is none that passed."""
    case = ET.Element("testcase", classname="reviewbot", name=legal(coverage_line(review, verdict)))
    text = legal("\n".join(run_lines(review, verdict)))
    if is_whole(review):
        ET.SubElement(case, "system-out").text = text
    else:
        ET.SubElement(case, "error", message=case.get("name", ""), type="reviewbot/run").text = text
    suite = _suite("reviewbot", [case])
    properties = ET.Element("properties")
    for name, value in _properties(review, verdict).items():
        ET.SubElement(properties, "property", name=name, value=legal(visible_line(value)))
    suite.insert(0, properties)
    return suite


def _properties(review: Review, verdict: Verdict) -> dict[str, str]:
    numbers = {
        "added": review.added,
        "reviewed": review.reviewed,
        "skipped": review.lines_skipped,
        "failed": review.lines_failed,
        "suppressed": len(review.suppressed),
        "exit_code": int(verdict.exit_code),
    }
    engine = {} if review.engine is None else {"model": review.engine.model, "endpoint": review.engine.endpoint}
    return {"outcome": verdict.outcome.value, **{name: str(number) for name, number in numbers.items()}, **engine}


def _suite(name: str, cases: list[ET.Element]) -> ET.Element:
    def count(tag: str) -> str:
        return str(sum(case.find(tag) is not None for case in cases))

    suite = ET.Element("testsuite", name=legal(name), tests=str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, count(tag))
    suite.extend(cases)
    return suite
