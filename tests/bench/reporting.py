"""Measure how long each format takes for 1,000 findings, 100 places that were not read and 100 that were skipped.

    python tests/bench/reporting.py

Nobody is asked. A second is the most that a format may take; the bytes are those of the report.
"""

import time

from msgspec.structs import replace

from reviewbot.coverage import FileCoverage
from reviewbot.findings import Confirmed, ExcerptLine, Finding, Severity
from reviewbot.plan import Kind, Omission
from reviewbot.repo import Source
from reviewbot.reporters import REPORTERS, Style, render
from reviewbot.review import Review
from reviewbot.verdict import Policy, decide

FINDINGS, PLACES = 1000, 100
SECONDS = 1.0


def main() -> None:
    """Print the table; the first time of a format includes the loading of its module."""
    review = large_review()
    verdict = decide(review, Policy())
    print(f"{'format':<12}{'seconds':>9}{'again':>9}{'bytes':>11}")
    for format in REPORTERS:
        times = []
        for _ in range(2):
            started = time.perf_counter()
            text = render(format, review, verdict, Style())
            times.append(time.perf_counter() - started)
        word = "ok" if times[0] <= SECONDS else "OVER"
        print(f"{format:<12}{times[0]:>9.3f}{times[1]:>9.3f}{len(text.encode()):>11,} {word} (at most {SECONDS:g} s)")


def large_review() -> Review:
    """Findings in every tenth file, of every severity, with code."""
    return Review(
        Source("staged"),
        files=tuple(FileCoverage(f"pkg/module_{i}.py", 300, 100, 100, 100) for i in range(PLACES)),
        findings=tuple(finding(number) for number in range(FINDINGS)),
        failed=tuple(Omission(f"pkg/module_{i}.py", 1, 100, 100, f"reason {i % 7}") for i in range(PLACES)),
        skipped=tuple(Omission(f"pkg/module_{i}.py", 101, 200, 100, "lock file", Kind.LOCK) for i in range(PLACES)),
        suppressed=tuple((finding(number), "baseline") for number in range(PLACES)),
    )


def finding(number: int) -> Finding:
    """One of them."""
    code = f"    value_{number} = self.items[{number}] or [fallback(`{number}`)]"
    made = Finding(
        path=f"pkg/module_{number % PLACES}.py",
        line=201 + number % 100,
        end_line=201 + number % 100,
        severity=list(Severity)[number % 3],
        category="bug",
        rule="model/bug",
        message=f"the list may be empty, and then [this](crashes) with an IndexError at {number} (see #{number})",
        source="model",
        suggestion="if self.items:",
        evidence=code.strip(),
        fingerprint=f"{number:016x}",
        excerpt=tuple(ExcerptLine(200 + i, code, i == 2) for i in range(5)),
    )
    return replace(made, confirmed=Confirmed.YES) if number % 2 else made


if __name__ == "__main__":
    main()
