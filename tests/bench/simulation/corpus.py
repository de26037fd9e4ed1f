"""The changes that are reviewed: each one twice, clean, and with one defect that is known."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from reviewbot.checks import run_checks
from reviewbot.diff import FileChange, LineKind, Segment, parse_diff
from reviewbot.findings import Finding
from reviewbot.functions import function_around
from reviewbot.repo import Source
from reviewbot.review import Material

FOLDER = Path(__file__).parent.parent.parent / "data" / "simulation"


class Defect(Struct, frozen=True):
    """What is wrong with a change: the added line, and what a reviewer who sees it says."""

    line: int
    code: str
    category: str
    message: str


class Case(Struct, frozen=True):
    """One change of one file. `rows` are those of its only hunk, each with its sign; a clean one has no defect."""

    name: str
    path: str
    rows: tuple[str, ...]
    defect: Defect | None = None

    @property
    def diff(self) -> bytes:
        """As git would show it."""
        old, new = (sum(row[0] != sign for row in self.rows) for sign in "+-")
        head = f"diff --git a/{self.path} b/{self.path}\n--- a/{self.path}\n+++ b/{self.path}\n"
        return (head + f"@@ -1,{old} +1,{new} @@\n" + "".join(f"{row}\n" for row in self.rows)).encode()

    @property
    def content(self) -> bytes:
        """The file after the change."""
        return "".join(f"{row[1:]}\n" for row in self.rows if row[0] != "-").encode()


@cache
def load_cases() -> tuple[Case, ...]:
    """All of the corpus; a clean change and the same with its defect stand next to each other."""
    return tuple(
        case
        for path in sorted(FOLDER.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["case"]
        for case in _both(entry)
    )


def _both(entry: dict[str, str]) -> tuple[Case, Case]:
    rows = tuple(row or " " for row in entry["hunk"].strip("\n").split("\n"))
    at = rows.index(f"+{entry['good']}")
    line = sum(row[0] != "-" for row in rows[: at + 1])
    defect = Defect(line, entry["bad"], entry["category"], entry["message"])
    bad = (*rows[:at], f"+{entry['bad']}", *rows[at + 1 :])
    return Case(entry["name"], entry["path"], rows), Case(entry["name"], entry["path"], bad, defect)


@cache
def material_of(case: Case) -> Material:
    """What the command line would give the review of this change: parsed, checked, with its functions."""
    checked = run_checks(parse_diff(case.diff))
    (change,) = checked.changes

    def functions(findings: Sequence[Finding]) -> list[Segment | None]:
        return [function_around(change, case.content, finding.line or 0) for finding in findings]

    return Material(Source("stdin"), checked.changes, checked.findings, functions=functions)


def added_lines(change: FileChange) -> dict[int, str]:
    """The added lines of a change by number."""
    lines = [line for hunk in change.hunks for line in hunk.lines if line.kind is LineKind.ADDED]
    return {line.new: line.text for line in lines if line.new is not None}
