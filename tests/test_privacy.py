"""Nothing leaves the machine: whole runs where every packet would be seen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GitRepo
from namespaces import ALONE, WATCHED, namespaces

__all__ = ["namespaces"]

TESTS = Path(__file__).parent
ALONE_REVIEW = """
import subprocess, sys
from fake_server import FakeServer
with FakeServer() as server:
    command = [sys.executable, "-m", "reviewbot", "diff", "--staged", "--endpoint", server.url]
    sys.exit(subprocess.run(command).returncode)
"""


def inside(prefix: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.run(
        [*prefix, sys.executable, *words], env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.network_namespace
def test_a_review_needs_loopback_alone(namespaces: None, repo: GitRepo) -> None:
    repo.stage("a.py", "x = BUG()\n")
    done = inside(ALONE, "-c", ALONE_REVIEW)
    assert done.returncode == 1
    assert "a.py:1: error: this is a defect" in done.stdout
    assert "1 of 1 added line reviewed" in done.stderr


@pytest.mark.network_namespace
def test_no_packet_leaves(namespaces: None, repo: GitRepo) -> None:
    repo.stage("a.py", "x = BUG()\n")
    done = inside(WATCHED, str(TESTS / "overheard.py"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert any("is anybody there?" in packet for packet in found["control"])
    assert found["codes"] == [1, 1, 0, 0, 2, 2, 2, 2]
    assert found["chats"] == 6  # twice the change and its second look, and twice the doctor's test request
    # A name has to be looked up before it can be refused: that question, without any code in it, is all that leaves.
    assert [packet for packet in found["heard"] if "example" not in packet] == []
    assert not any("BUG" in packet for packet in found["heard"])
