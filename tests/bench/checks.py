"""Measure what the deterministic checks cost: all of them together, and each alone, on 20,000 added lines of code.

    python tests/bench/checks.py

The text is the standard library's own code, in files of 500 lines, with one secret in each tenth file.
"""

import time
from pathlib import Path
from sysconfig import get_path

LINES = 20_000
FILE_LINES = 500
LIMIT_S = 4.0
SECRET = "AKIA" + "Q7X2M4K9P1R5T8W3"


def main() -> None:
    """Print one line for all checks, and one for each."""
    from reviewbot.checks import CHECKS, run_checks
    from reviewbot.checks.secret import scan_secrets
    from reviewbot.diff import FileChange, Hunk, Line, LineKind

    rows = code()
    changes = []
    for start in range(0, LINES, FILE_LINES):
        texts = rows[start : start + FILE_LINES]
        if start % (10 * FILE_LINES) == 0:
            texts[0] = f'key = "{SECRET}"'
        lines = tuple(Line(LineKind.ADDED, None, i, text) for i, text in enumerate(texts, 1))
        changes.append(FileChange(f"f{start}.py", b"f.py", (Hunk("", lines),)))
    run_checks(changes[:1])  # loads the detectors, which a first commit pays for and this figure does not
    seconds, found = timed(lambda: run_checks(changes).findings)
    mark = "ok" if seconds <= LIMIT_S else "OVER"
    print(f"all: {seconds:.2f} s for {LINES:,} lines, {len(found)} findings: {mark} (at most {LIMIT_S:g} s)")
    print(f"  secret: {timed(lambda: [scan_secrets(change) for change in changes])[0]:.2f} s")
    for name, check in CHECKS.items():
        print(f"  {name}: {timed(lambda check=check: [check(change) for change in changes])[0]:.2f} s")


def code() -> list[str]:
    """LINES lines of Python."""
    rows: list[str] = []
    for path in sorted(Path(get_path("stdlib")).glob("*.py")):
        rows += path.read_text(encoding="utf-8", errors="replace").split("\n")
        if len(rows) >= LINES:
            break
    return rows[:LINES]


def timed(work):
    """Wall seconds, and what came of it."""
    started = time.perf_counter()
    made = work()
    return time.perf_counter() - started, made


if __name__ == "__main__":
    main()
