"""`reviewbot ci`: what each host tells, what the base of a change says, and jobs that share a machine."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import GitRepo
from fake_server import Exchange, FakeServer, fake, say
from servers import FOLDER, TINY, need

from reviewbot.cli import main
from reviewbot.hosts import host_of
from reviewbot.pace import Progress
from reviewbot.progress import Heartbeat, StreamedProgress
from reviewbot.reporters.jsonlines_report import render_progress

__all__ = ["fake"]

JOBS = tomllib.loads(Path(__file__).with_name("data").joinpath("hosts.toml").read_text(encoding="utf-8"))["job"]
HOST_VARIABLES = {name for job in JOBS for name in job["environ"]}


@pytest.fixture
def clone(repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """A clone with a branch `topic` of two commits, of which `main` has one more than they began from."""
    for name in HOST_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    repo.git("checkout", "-q", "-b", "topic")
    repo.stage("first.py", "first = 1\n")
    repo.commit()
    repo.stage("second.py", "second = 2\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.stage("other.py", "other = 3\n")
    repo.commit()
    repo.git("clone", "-q", str(repo.path), str(tmp_path / "clone"))
    clone = GitRepo(tmp_path / "clone")
    clone.git("checkout", "-q", "topic")
    monkeypatch.chdir(clone.path)
    return clone


def fill(value: Any, places: dict[str, str]) -> Any:
    """The value with what stands in braces put in."""
    if isinstance(value, dict):
        return {key: fill(entry, places) for key, entry in value.items()}
    return value.format(**places) if isinstance(value, str) else value


def places_in(clone: GitRepo, tmp_path: Path) -> dict[str, str]:
    def commit(rev: str) -> str:
        return clone.git("rev-parse", rev).stdout.decode().strip()

    clone.git("checkout", "-q", "--detach", "origin/main")
    clone.git("merge", "-q", "--no-edit", "topic")
    merge = commit("HEAD")
    clone.git("checkout", "-q", "topic")
    return {
        "base": commit("origin/main"),
        "head": commit("topic"),
        "first": commit("topic~1"),
        "parted": commit("topic~2"),
        "merge": merge,
        "event": str(tmp_path / "event.json"),
    }


RANGES = {"topic": ("parted", "head"), "push": ("first", "head")}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job["name"])
def test_the_change_of_a_job(
    job: dict[str, Any],
    clone: GitRepo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    places = places_in(clone, tmp_path)
    if job["name"].startswith("GitLab, merge"):
        places["first"] = places["parted"]  # GitLab tells where the branch began
    (tmp_path / "event.json").write_text(json.dumps(fill(job.get("event", {}), places)))
    for name, value in fill(job["environ"], places).items():
        monkeypatch.setenv(name, value)
    code = main(["ci", "--no-model", "--format", "json"])
    told = capfd.readouterr()
    if job["range"] in RANGES:
        base, head = RANGES[job["range"]]
        source = json.loads(told.out)["source"]
        assert (source["base"], source["head"]) == (places[base], places[head])
    elif job["range"] == "whole":
        files = json.loads(told.out)["coverage"]["files"]
        assert [entry["path"] for entry in files] == ["README.md", "other.py"]
    else:
        assert (code, told.out) == (2, "")
        assert job["range"] in told.err
        assert "try: reviewbot ci --base REV" in told.err
    assert host_of(os.environ).format == job.get("format", "github" if "GitHub" in job["name"] else "text")


def ci(*words: str) -> int:
    return main(["ci", "--base", "origin/main", *words])


def test_a_shallow_clone_says_what_to_set(
    clone: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source = f"file://{clone.path}"
    clone.git("clone", "-q", "--depth", "1", "--no-single-branch", source, str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    head = clone.git("rev-parse", "topic").stdout.decode().strip()
    told = {"pull_request": {"base": {"sha": head[::-1]}, "head": {"sha": head}}}
    (tmp_path / "event.json").write_text(json.dumps(told))
    for name, value in (("ACTIONS", "true"), ("EVENT_NAME", "pull_request"), ("EVENT_PATH", tmp_path / "event.json")):
        monkeypatch.setenv(f"GITHUB_{name}", str(value))
    assert main(["ci", "--no-model"]) == 2
    assert f"does not have {head[::-1]}\n  try: fetch-depth: 0 (actions/checkout)\n" in capfd.readouterr().err
    assert main(["ci", "--no-model", "--base", "HEAD~1"]) == 2
    clone.git("checkout", "-q", "-b", "grafted", "origin/main")
    assert main(["ci", "--no-model", "--base", "origin/main", "--head", "origin/topic"]) == 2
    assert capfd.readouterr().err.count("fetch-depth: 0") == 2


@pytest.mark.parametrize("depth", [4, 6, 8, 12])
def test_a_shallow_clone_that_knows_an_older_common_commit_alone(
    depth: int, repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def commit(name: str) -> None:
        repo.stage(f"{name}.py", "x = 1\n")
        repo.commit(name)

    for name in HOST_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    repo.git("branch", "side")
    commit("main1")
    repo.git("checkout", "-q", "-b", "topic")
    for number in range(8):
        commit(f"topic{number}")
    repo.git("checkout", "-q", "side")
    commit("side1")
    repo.git("checkout", "-q", "topic")
    repo.git("merge", "-q", "--no-edit", "side")
    repo.git("branch", "-q", "-D", "side")
    repo.git("checkout", "-q", "main")
    commit("main2")
    source = f"file://{repo.path}"
    repo.git("clone", "-q", "--depth", str(depth), "--no-single-branch", source, str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    code = main(["ci", "--no-model", "--format", "json", "--base", "origin/main", "--head", "origin/topic"])
    told = capfd.readouterr()
    if depth < 12:
        assert code == 2 and "too shallow to tell where the change begins" in told.err
    else:
        paths = {file["path"] for file in json.loads(told.out)["coverage"]["files"]}
        assert paths == {"side1.py", *(f"topic{number}.py" for number in range(8))}


def test_a_branch_that_was_not_fetched(
    clone: GitRepo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("JENKINS_URL", "x"), ("CHANGE_TARGET", "release"), ("GIT_COMMIT", "HEAD")):
        monkeypatch.setenv(name, value)
    assert main(["ci", "--no-model"]) == 2
    assert "this clone does not have origin/release\n  try: git fetch origin release\n" in capfd.readouterr().err


@pytest.mark.parametrize("kept", [False, True])
def test_a_forced_push_is_what_the_default_branch_lacks(
    kept: bool, clone: GitRepo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = clone.git("rev-parse", "HEAD").stdout.decode().strip() if kept else "1" * 40
    if kept:  # a clone that is used again has what was there before
        clone.git("rebase", "-q", "origin/main")
    told = {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": "HEAD", "CI_COMMIT_BEFORE_SHA": gone}
    for name, value in {**told, "CI_COMMIT_BRANCH": "topic", "CI_DEFAULT_BRANCH": "main"}.items():
        monkeypatch.setenv(name, value)
    assert main(["ci", "--no-model", "--format", "json"]) == 0
    files = report_of(capfd)["coverage"]["files"]
    assert [file["path"] for file in files] == ["first.py", "second.py"]
    monkeypatch.setenv("CI_COMMIT_BRANCH", "main")
    assert main(["ci", "--no-model"]) == (0 if kept else 2)
    assert (f"this clone does not have {gone}" in capfd.readouterr().err) != kept


def test_histories_without_a_common_commit(clone: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    clone.git("checkout", "-q", "--orphan", "alone")
    clone.commit()
    assert ci("--no-model") == 2
    assert "have no commit in common" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["pull_request", "merge_group"])
@pytest.mark.parametrize("event", ["", "nothing here", "[1]", '{"pull_request": 3, "merge_group": {}}'])
def test_an_event_file_that_says_nothing(
    event: str,
    name: str,
    clone: GitRepo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "event.json").write_text(event)
    for key, value in (("ACTIONS", "true"), ("EVENT_NAME", name), ("EVENT_PATH", tmp_path / "event.json")):
        monkeypatch.setenv(f"GITHUB_{key}", str(value))
    assert main(["ci", "--no-model"]) == 2
    told = capfd.readouterr().err
    assert "event" in told and "try: reviewbot ci --base REV" in told and "Traceback" not in told


def settled(clone: GitRepo, files: dict[str, str], later: dict[str, str]) -> None:
    """Commit files to the base of `topic`, and others, or other versions, to `topic`."""
    clone.git("checkout", "-q", "-B", "base", "topic~2")
    for name, text in files.items():
        clone.stage(name, text)
    clone.commit("files")
    clone.git("update-ref", "refs/remotes/origin/main", "base")
    clone.git("checkout", "-q", "-B", "work")
    for name, text in later.items():
        clone.stage(name, text)
    clone.commit("later")


def report_of(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capfd.readouterr().out)


def test_settings_are_those_of_the_base(clone: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    settled(
        clone,
        {".reviewbot.toml": 'block_at = "warning"\nexclude = ["old/*"]\ndeadline_s = 20\n'},
        {".reviewbot.toml": 'block_at = "error"\nexclude = ["*"]\n', "old/a.py": "a = 1\n", "b.py": "b = 1\n"},
    )
    assert ci("--no-model", "--format", "json") == 1  # the change of the settings is a warning here
    report = report_of(capfd)
    assert report["verdict"]["block_at"] == "warning"
    assert [(f["rule"], f["severity"], f["blocking"]) for f in report["findings"]] == [
        ("check/config-change", "warning", True)
    ]
    excluded = [entry["path"] for entry in report["skipped"] if "exclude" in entry["reason"]]
    assert excluded == ["old/a.py"]


def test_prompt_and_guidelines_are_those_of_the_base(clone: GitRepo, fake: FakeServer) -> None:
    settled(
        clone,
        {
            ".reviewbot.toml": 'prompt = "rules/prompt.md"\nguidelines = "rules/link.md"\n',
            "rules/prompt.md": "You are strict. OLD PROMPT\n",
            "rules/house.md": "OLD HOUSE RULE\n",
        },
        {"rules/prompt.md": "NEW PROMPT\n", "rules/house.md": "NEW HOUSE RULE\n", "b.py": "b = 1\n"},
    )
    clone.git("checkout", "-q", "base")
    (clone.path / "rules/link.md").symlink_to("house.md")
    clone.git("add", "-A")
    clone.commit("link")
    clone.git("update-ref", "refs/remotes/origin/main", "base")
    clone.git("checkout", "-q", "work")
    clone.git("rebase", "-q", "base")
    assert ci("--endpoint", fake.url) == 0
    system = fake.chats[0]["messages"][0]["content"]
    assert "OLD PROMPT" in system and "OLD HOUSE RULE" in system
    assert "NEW" not in system


def test_guidelines_that_are_named_by_a_flag_are_those_of_the_base(
    clone: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    settled(clone, {"rules.md": "OLD RULE\n"}, {"rules.md": "NEW RULE\n", "new.md": "NEW\n", "b.py": "b = 1\n"})
    assert ci("--endpoint", fake.url, "--guidelines", "rules.md") == 0
    assert "OLD RULE" in fake.chats[0]["messages"][0]["content"]
    assert ci("--endpoint", fake.url, "--guidelines", "new.md") == 2
    assert "has no new.md, and a change cannot bring in what decides about it" in capfd.readouterr().err


def test_the_baseline_is_that_of_the_base(clone: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    marker = "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n"
    settled(clone, {}, {"b.txt": marker})
    assert ci("--no-model", "--format", "json") == 1
    fingerprint = report_of(capfd)["findings"][0]["fingerprint"]
    assert main(["baseline", "add", fingerprint, "--reason", "a sample"]) == 0
    accepted = (clone.path / ".reviewbot-baseline").read_text()
    clone.git("add", "-A")
    clone.commit("accept")
    capfd.readouterr()
    assert ci("--no-model", "--format", "json") == 1
    assert [f["rule"] for f in report_of(capfd)["findings"]] == ["check/config-change", "check/conflict-marker"]
    settled(clone, {".reviewbot-baseline": accepted}, {"b.txt": marker})
    assert ci("--no-model", "--format", "json") == 0
    assert [f["by"] for f in report_of(capfd)["suppressed"]] == ["baseline"]


def test_comments_that_the_change_brings_in_need_a_word(clone: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    line = "is_p\u0430id = 1  # reviewbot: ignore[homoglyph] a sample\n"
    settled(clone, {}, {"b.py": line})
    assert ci("--no-model", "--block-at", "warning") == 1
    capfd.readouterr()
    assert ci("--no-model", "--block-at", "warning", "--allow-new-ignores", "--format", "json") == 0
    assert [f["by"] for f in report_of(capfd)["suppressed"]] == ["ignore"]


def test_a_skip_needs_a_word(
    clone: GitRepo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REVIEWBOT_SKIP", "in a hurry")
    settled(clone, {}, {"b.txt": "<<<<<<< a\n=======\n>>>>>>> b\n"})
    assert ci("--no-model") == 1
    assert "REVIEWBOT_SKIP is ignored in CI without --allow-skip" in capfd.readouterr().err
    assert ci("--no-model", "--allow-skip") == 0
    assert capfd.readouterr().err == "reviewbot: not reviewed: skipped (in a hurry)\n"


def test_a_server_that_is_down_fails_the_job(clone: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    assert ci("--endpoint", "http://127.0.0.1:9", "--wait", "0") == 3
    assert "NOTHING WAS REVIEWED" in capfd.readouterr().err


def test_nothing_is_kept_unless_a_folder_is_given(clone: GitRepo, fake: FakeServer, tmp_path: Path) -> None:
    for expected in (1, 2):
        assert ci("--endpoint", fake.url) == 0
        assert len(fake.chats) == expected
    for _ in range(2):
        assert ci("--endpoint", fake.url, "--cache-dir", str(tmp_path / "kept")) == 0
        assert len(fake.chats) == 3


def test_several_reports_of_one_run(clone: GitRepo, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    formats = ("sarif", "junit", "gitlab")
    words = [word for name in formats for word in ("--output", f"{name}={tmp_path / name}")]
    assert ci("--no-model", *words) == 0
    assert all((tmp_path / name).stat().st_size for name in formats)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def start(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "reviewbot", "ci", "--base", "origin/main", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def hang(exchange: Exchange) -> None:
    exchange.released.wait(30)


def test_a_job_that_is_cancelled_writes_its_reports(clone: GitRepo, tmp_path: Path) -> None:
    rows = "".join(f"value_{i} = compute(one, two, three, {i})\n" for i in range(300))
    settled(clone, {}, {"a.py": rows, "b.py": rows})
    with FakeServer(say('{"findings": []}'), hang) as server:
        words = ["--endpoint", server.url, "--format", "json", "--chunk-tokens", "1500", "--num-ctx", "4096"]
        run = start(*words, "--output", f"sarif={tmp_path / 'report.sarif'}")
        wait_for(lambda: len(server.chats) == 2)
        started = time.monotonic()
        run.send_signal(signal.SIGTERM)
        out, err = run.communicate(timeout=30)
        assert time.monotonic() - started < 5
    assert run.returncode == 130
    coverage = json.loads(out)["coverage"]
    assert coverage["reviewed"] > 0 < coverage["failed"]
    assert json.loads((tmp_path / "report.sarif").read_text())["runs"]
    assert "Traceback" not in err


def test_a_job_that_is_cancelled_while_it_waits_tells_what_it_did_not_read(clone: GitRepo) -> None:
    settled(clone, {}, {"a.py": "a = 1\n", "b.txt": "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n"})
    run = start("--endpoint", "http://127.0.0.1:9", "--wait", "60", "--format", "json")
    assert run.stderr is not None
    assert any("waiting for http://127.0.0.1:9" in line for line in iter(run.stderr.readline, ""))
    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=5)
    assert run.returncode == 130, err
    report = json.loads(out)
    assert [finding["rule"] for finding in report["findings"]] == ["check/conflict-marker"]
    assert (report["coverage"]["added"], report["coverage"]["failed"]) == (6, 6)
    assert {entry["reason"] for entry in report["failed"]} == {"interrupted"}


def test_a_server_that_comes_late_is_waited_for(clone: GitRepo) -> None:
    with FakeServer() as server:
        server.overrides["/api/version"] = (503, {"error": "loading"})
        run = start("--endpoint", server.url, "--wait", "60", "--format", "json")
        wait_for(lambda: len(server.requests) > 2)
        server.overrides.clear()
        out, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert json.loads(out)["coverage"]["reviewed"] == 2


def test_jobs_ask_one_server_after_the_other(clone: GitRepo, clean_environment: Path) -> None:
    with FakeServer(hang) as server:
        first = start("--endpoint", server.url)
        wait_for(lambda: len(server.chats) == 1)
        second = start("--endpoint", server.url)
        assert second.stderr is not None
        told = []
        while "waiting for another job" not in "".join(told):
            told.append(second.stderr.readline())
        assert len(server.chats) == 1
        server.answers = [say('{"findings": []}')]
        first.kill()
        first.communicate()
        assert second.wait(timeout=60) == 0
        second.communicate()


def test_a_job_with_its_own_server_waits_for_the_machine_too(
    clone: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "ollama"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'served'}\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with FakeServer(hang) as server:
        first = start("--endpoint", server.url)
        wait_for(lambda: len(server.chats) == 1)
        second = start("--endpoint", server.url, "--serve")
        assert second.stderr is not None
        told = [second.stderr.readline(), second.stderr.readline()]
        assert "waiting for another job" in told[1]
        assert not (tmp_path / "served").exists()
        first.kill()
        first.communicate()
        wait_for((tmp_path / "served").exists)
        second.send_signal(signal.SIGTERM)
        _, err = second.communicate(timeout=5)
    assert second.returncode == 130, err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_server_of_a_job_that_is_killed_ends_too(
    clone: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, pid = tmp_path / "bin" / "ollama", tmp_path / "pid"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $$ > {pid}.new\nmv {pid}.new {pid}\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    run = start("--serve")
    wait_for(pid.exists)
    run.kill()
    run.communicate()
    stat = Path("/proc", pid.read_text().strip(), "stat")
    wait_for(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z")
    assert run.returncode == -signal.SIGKILL  # it did not end its server itself


def test_a_server_of_ones_own(
    clone: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = need(FOLDER / "ollama-0.24.0" / "bin" / "ollama")
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "models"))
    assert ci("--serve", "--model", TINY) == 3
    told = capfd.readouterr().err
    assert "started `ollama serve` on 127.0.0.1:" in told
    assert f"has no model {TINY}" in told
    log = Path(told.partition("its log is ")[2].partition("\n")[0])
    assert "OLLAMA_NO_CLOUD:true" in log.read_text()
    log.unlink()
    address = told.partition("`ollama serve` on ")[2].partition(";")[0]
    assert main(["diff", "HEAD~1", "--engine", "ollama", "--endpoint", f"http://{address}", "--format", "json"]) == 3
    assert "cannot be reached" in capfd.readouterr().out


def test_a_server_that_ends_at_once_is_not_waited_for(
    clone: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "bin" / "ollama"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    started = time.monotonic()
    assert ci("--serve", "--format", "json") == 3
    assert time.monotonic() - started < 20  # it would have been waited for 60 seconds
    told = capfd.readouterr()
    assert "reviewbot: `ollama serve` ended by itself, with exit code 7\n" in told.err
    assert json.loads(told.out)["coverage"]["failed"] == 2


def test_no_program_to_serve(
    clone: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    git = Path(subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip())
    (tmp_path / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ci("--serve") == 2
    assert "--serve finds no program `ollama`" in capfd.readouterr().err


def test_signs_of_life_beside_lines_for_programs(capfd: pytest.CaptureFixture[str]) -> None:
    out, err = [], []

    def seen() -> bool:
        captured = capfd.readouterr()
        out.append(captured.out)
        err.append(captured.err)
        return "reviewbot: 3 of 4 requests are answered (0 s)\n" in "".join(err)

    with StreamedProgress(render_progress, Heartbeat("nothing yet", every_s=0.01, first_s=0.01)) as progress:
        progress.update(Progress(3, 4, 0.0))
        wait_for(seen)
    (line,) = map(json.loads, "".join(out).splitlines())
    assert (line["type"], line["done"], line["total"]) == ("progress", 3, 4)


def test_signs_of_life(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    with Heartbeat("no request is answered yet", every_s=0.01, first_s=0.01):
        wait_for(lambda: bool(told.append(capfd.readouterr().err) or "".join(told).count("\n") > 2))
    lines = "".join(told).splitlines()
    assert set(lines) == {"reviewbot: no request is answered yet (0 s)"}
