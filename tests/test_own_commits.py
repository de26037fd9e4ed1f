"""What this project is made of does not block its own commits, test data included."""

import subprocess
from pathlib import Path

import pytest

from reviewbot.checks import run_checks
from reviewbot.diff import FileChange, Hunk, Line, LineKind
from reviewbot.findings import Severity

ROOT = Path(__file__).parent.parent


def test_no_file_of_this_project_has_an_error() -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("needs a clone")
    names = [name.decode() for name in listed.stdout.split(b"\0") if name and (ROOT / name.decode()).is_file()]
    assert "reviewbot/cli/demo.py" in names
    found = run_checks([as_added(name) for name in names]).findings
    assert [(f.path, f.line, f.rule) for f in found if f.severity is Severity.ERROR] == []


def as_added(name: str) -> FileChange:
    texts = (ROOT / name).read_bytes().decode("utf-8", "replace").split("\n")
    lines = tuple(Line(LineKind.ADDED, None, number, text) for number, text in enumerate(texts, 1))
    return FileChange(name, name.encode(), (Hunk("", lines),))
