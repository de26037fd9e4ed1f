"""A change that attacks its own review: nothing in it changes what happens to another file."""

import json
import os
import subprocess
import sys
import tomllib
import unicodedata
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake

__all__ = ["fake"]

ATTACKS = tomllib.loads((Path(__file__).parent / "data/attacks/diffs.toml").read_text(encoding="utf-8"))["attack"]
PLACES = [
    pytest.param(attack, path, id=f"{attack['name']}, {place}")
    for attack in ATTACKS
    for place, path in (
        {"by its name": attack["path"]} if "path" in attack else {"before": "app/notes.txt", "behind": "zzz.txt"}
    ).items()
]
VICTIM = "def pay(name):\n    amount = 1\n    return BUG(name)\n"


def added(attack: dict) -> bytes:
    """The text of the attacking file."""
    rows = ["0123456789abcdef" * 20000 if row == "LONG" else row for row in attack["lines"]]
    return ("\n".join(rows * attack.get("times", 1)) + "\n").encode(attack.get("encoding", "utf-8"))


def change(attack: dict, path: str, repo: GitRepo) -> bytes:
    """A diff of both files, made by git where it takes the name."""
    repo.stage("app/pay.py", VICTIM)
    if path.startswith(".."):
        rows = added(attack).splitlines()
        head = f"diff --git a/{path} b/{path}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{len(rows)} @@\n"
        return repo.git("diff", "--staged").stdout + head.encode() + b"".join(b"+" + row + b"\n" for row in rows)
    repo.stage(path, added(attack))
    return repo.git("diff", "--staged").stdout


def review(repo: GitRepo, server: FakeServer, diff: bytes | None, folder: Path) -> tuple[dict, str, str]:
    """The report as JSON, all that stands on a terminal, and the annotations, of a review that blocks."""
    command = [sys.executable, "-m", "reviewbot", "diff", "-v", "--max-findings=100"]
    command += [f"--output={kind}={folder}/{kind}" for kind in ("json", "github")]
    command.append("--staged" if diff is None else "-")
    environment = {**os.environ, "REVIEWBOT_ENDPOINT": server.url}
    run = subprocess.run(command, input=diff, cwd=repo.path, capture_output=True, env=environment, check=False)
    assert run.returncode == 1, run.stderr.decode()
    return (
        json.loads((folder / "json").read_bytes()),
        run.stdout.decode() + run.stderr.decode(),
        (folder / "github").read_text(encoding="utf-8"),
    )


@pytest.mark.parametrize(("attack", "path"), PLACES)
def test_an_attack_changes_nothing_for_another_file(
    attack: dict, path: str, repo: GitRepo, fake: FakeServer, tmp_path: Path
) -> None:
    diff = change(attack, path, repo)
    for given in (diff,) if path.startswith("..") else (diff, None):
        report, shown, annotations = review(repo, fake, given, tmp_path)
        (finding,) = [one for one in report["findings"] if one["path"] == "app/pay.py"]
        assert (finding["line"], finding["evidence"], finding["blocking"]) == (3, "return BUG(name)", True)
        files = report["coverage"]["files"]
        (covered,) = [one for one in files if one["path"] == "app/pay.py"]
        assert covered == {"path": "app/pay.py", "added": 3, "reviewed": 3, "skipped": 0, "failed": 0}
        assert all(one["added"] == one["reviewed"] + one["skipped"] + one["failed"] for one in files)
        assert sum(one["added"] for one in files) == report["coverage"]["added"]
        for text in (shown, annotations):
            assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c != "\n"]
        assert not [row for row in shown.split("\n") if row.startswith(("::", "##["))]
        assert all(row.startswith(("::error ", "::warning ", "::notice ")) for row in annotations.splitlines())
