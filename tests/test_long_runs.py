"""Runs that go on where an earlier one stopped, and runs that end at a budget."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import GitRepo
from fake_server import Exchange, FakeServer, fake, find

from reviewbot.cli import main

__all__ = ["fake"]

WORDS = ["diff", "--staged", "--format", "json", "--num-ctx", "4096", "--chunk-tokens", "400"]


@pytest.fixture
def staged(repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """Eight files of 30 lines each, with a defect in two of them."""
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    for number in range(8):
        rows = [f"value_{i} = {'BUG' if i == number * 10 else 'compute'}(one, two, {i})" for i in range(30)]
        repo.stage(f"f{number}.py", "\n".join(rows) + "\n")
    return repo


def reviewed(capfd: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main([*WORDS, *words])
    return json.loads(capfd.readouterr().out)


def without_cost(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "usage"}


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_that_was_killed_goes_on(
    staged: GitRepo, fake: FakeServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = reviewed(capfd, "--no-cache")
    asked = len(fake.chats)
    answered = 0
    full = threading.Event()

    def answer(exchange: Exchange) -> None:
        nonlocal answered
        if answered == asked // 2:
            full.set()
            exchange.released.wait(60)
        answered += 1
        find()(exchange)

    fake.answers = [answer]
    state = ["--state", str(tmp_path / "state")]
    run = subprocess.Popen([sys.executable, "-m", "reviewbot", *WORDS, *state], stdout=subprocess.DEVNULL)
    assert full.wait(60)
    run.send_signal(signal.SIGKILL)
    run.wait()
    fake.answers = [find()]
    before = len(fake.chats)
    report = reviewed(capfd, *state)
    assert len(fake.chats) - before == asked - asked // 2
    assert without_cost(report) == without_cost(whole)
    again = reviewed(capfd, *state)
    assert len(fake.chats) - before == asked - asked // 2
    assert again["findings"] == whole["findings"] != []
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600


def test_a_state_is_not_what_is_kept_of_all_runs(
    staged: GitRepo, fake: FakeServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    reviewed(capfd)
    asked = len(fake.chats)
    reviewed(capfd, "--state", str(tmp_path / "state"))
    assert len(fake.chats) == 2 * asked


@pytest.mark.parametrize(
    ("words", "another"),
    [
        (["--prompt", "security"], "prompt"),
        (["--seed", "7"], "seed"),
        (["--temperature", "0.5"], "temperature"),
        (["--model", "codellama:13b"], "model"),
    ],
)
def test_a_state_of_another_run_is_refused(
    words: list[str], another: str, staged: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path / "state")]
    reviewed(capfd, *state)
    assert main([*WORDS, *state, *words]) == 2
    assert f"state is the state of a run with another {another}\n  try: --state ANOTHER-FILE" in capfd.readouterr().err


def test_a_state_of_another_change_is_refused(
    staged: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path / "state")]
    reviewed(capfd, *state)
    staged.stage("more.py", "x = 1\n")
    assert main([*WORDS, *state]) == 2
    assert "with another change" in capfd.readouterr().err


def test_a_model_that_was_replaced_is_another_one(
    staged: GitRepo, fake: FakeServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path / "state"), "--max-requests", "2"]
    reviewed(capfd, *state)
    model = "codellama:7b-instruct"
    fake.overrides["/api/tags"] = (200, {"models": [{"name": model, "model": model, "digest": "f" * 64, "size": 1}]})
    assert main([*WORDS, *state]) == 2
    assert "with another model" in capfd.readouterr().err


def test_a_file_of_somebody_else_stays(staged: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    staged.write("notes.txt", "mine\n")
    assert main([*WORDS, "--state", "notes.txt"]) == 2
    assert "notes.txt is no state of reviewbot" in capfd.readouterr().err
    assert (staged.path / "notes.txt").read_text() == "mine\n"
    assert main([*WORDS, "--state", str(tmp_path / "none" / "state")]) == 2
    assert "cannot be written: No such file or directory" in capfd.readouterr().err


def test_a_state_is_used_by_one_run_at_a_time(
    staged: GitRepo, fake: FakeServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fake.answers = [lambda exchange: exchange.released.wait(60) and None]
    state = ["--state", str(tmp_path / "state")]
    run = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", *WORDS, *state], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: bool(fake.chats))
    assert main([*WORDS, *state]) == 2
    assert "another run is using" in capfd.readouterr().err
    run.kill()
    run.wait()


def test_a_budget_of_requests(staged: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    report = reviewed(capfd, "--no-cache", "--max-requests", "3")
    coverage = report["coverage"]
    assert len(fake.chats) == report["usage"]["requests"] == 3
    assert coverage["added"] == 240 == coverage["reviewed"] + coverage["failed"]
    assert coverage["reviewed"] > 0 < coverage["failed"]
    reasons = {entry["reason"] for entry in report["failed"]}
    assert reasons == {"the budget of 3 requests is spent (max_requests)"}
    assert report["verdict"]["outcome"] == "incomplete" and report["verdict"]["exit_code"] == 3


def test_a_budget_is_no_more_with_several_slots(
    staged: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    reviewed(capfd, "--no-cache", "--max-requests", "3", "--parallel", "8")
    assert len(fake.chats) == 3


def test_several_budgets_read_it_all(
    staged: GitRepo, fake: FakeServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = reviewed(capfd, "--no-cache")
    words = ["--state", str(tmp_path / "state"), "--max-requests", "4"]
    for _ in range(12):
        report = reviewed(capfd, *words)
        if report["verdict"]["outcome"] != "incomplete":
            break
    assert without_cost(report) == without_cost(whole)


def test_a_budget_of_minutes(staged: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    fake.answers = [lambda exchange: exchange.released.wait(60) and None]
    report = reviewed(capfd, "--no-cache", "--max-minutes", "0.1")
    assert {entry["reason"] for entry in report["failed"]} == {"the deadline was reached"}
    assert report["coverage"]["failed"] == 240


def test_a_job_goes_on_by_itself(
    staged: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    staged.commit()
    state = Path(staged.path, ".git", "reviewbot-state")
    words = ["ci", "--base", "HEAD~1", *WORDS[2:]]
    assert main([*words, "--max-requests", "3"]) == 3
    assert state.exists() and len(fake.chats) == 3
    capfd.readouterr()
    main(words)
    report = json.loads(capfd.readouterr().out)
    assert report["coverage"]["failed"] == 0
    assert not list(state.parent.glob("reviewbot-state*"))
    assert os.listdir(staged.path / ".git") == [n for n in os.listdir(staged.path / ".git") if "state" not in n]


def ci_report(capfd: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capfd.readouterr()
    main(["ci", "--base", "HEAD~1", *WORDS[2:], *words])
    return json.loads(capfd.readouterr().out)


def test_a_job_begins_anew_with_another_model(
    staged: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    staged.commit()
    assert ci_report(capfd, "--max-requests", "3")["verdict"]["outcome"] == "incomplete"
    before = fake.facts

    def replaced(path: str) -> tuple[int, Any]:
        status, facts = before(path)
        for model in facts.get("models", []):
            model["digest"] = "e2" * 32
        return status, facts

    fake.facts = replaced  # type: ignore[method-assign]
    asked = len(fake.chats)
    report = ci_report(capfd)
    assert report["coverage"]["failed"] == 0
    assert len(fake.chats) - asked == report["usage"]["requests"] > 5


@pytest.mark.parametrize("how", ["used", "no state", "no folder"])
def test_a_job_that_can_keep_no_state_reviews_all_the_same(
    how: str, staged: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    staged.commit()
    state = Path(staged.path, ".git", "reviewbot-state")
    lock = Path(f"{state}.lock")
    if how == "no folder":
        lock.mkdir()
    elif how == "no state":
        state.write_text("this is something else")
    with open(lock if how == "used" else os.devnull, "w") as file:
        if how == "used":
            fcntl.flock(file, fcntl.LOCK_EX)
        capfd.readouterr()
        main(["ci", "--base", "HEAD~1", *WORDS[2:]])
    told = capfd.readouterr()
    coverage = json.loads(told.out)["coverage"]
    assert coverage["failed"] == 0 < coverage["reviewed"]
    assert "the next one would begin anew: " in told.err
    assert (lock.exists(), state.exists()) == (how != "no state", False)


def test_a_job_whose_cache_folder_cannot_be_written(
    staged: GitRepo,
    fake: FakeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    staged.commit()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    capfd.readouterr()
    main(["ci", "--base", "HEAD~1", *WORDS[2:]])
    told = capfd.readouterr()
    assert json.loads(told.out)["coverage"]["failed"] == 0
    assert "reviewbot: this job waits for no other one: " in told.err


@pytest.mark.parametrize(("block_at", "lost", "code"), [("never", 3, 0), ("error", 1, 1)])
def test_a_job_whose_report_was_not_written_goes_on_from_its_state(
    staged: GitRepo, fake: FakeServer, block_at: str, lost: int, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    staged.commit()
    words = ["ci", "--base", "HEAD~1", *WORDS[2:], "--block-at", block_at]
    assert main([*words, "--output", "sarif=nosuch/report.sarif"]) == 3
    assert "cannot write the report to nosuch/report.sarif: No such file or directory" in capfd.readouterr().err
    assert main([*words, "--output", "sarif=.git"]) == 3
    assert "cannot write the report to .git: Is a directory" in capfd.readouterr().err
    assert fake.chats == []  # a review of hours would have been for nothing
    assert main([*words, "--output", "sarif=/dev/full"]) == lost
    assert "No space left on device" in capfd.readouterr().err
    asked = len(fake.chats)
    assert asked > 0
    assert main([*words, "--output", "sarif=report.sarif"]) == code
    assert len(fake.chats) == asked
    assert not list(Path(staged.path, ".git").glob("reviewbot-state*"))
