"""The whole command line: what goes to stdout and stderr, and with which code it ends."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from conftest import GitRepo, heed_ctrl_c
from fake_server import Exchange, FakeServer, fake, say

from reviewbot.cli import main
from reviewbot.cli.arguments import FORMATS
from reviewbot.reporters.json_report import report_schema

__all__ = ["fake"]


@pytest.fixture(autouse=True)
def server(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    return fake


def test_a_finding_that_blocks(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("app/db.py", "def find(name):\n    return BUG(name)\n")
    assert main([]) == 1
    captured = capfd.readouterr()
    assert captured.out == (
        "app/db.py:2: error: this is a defect [model/bug]\n"
        "     1 | def find(name):\n"
        "   > 2 |     return BUG(name)\n"
        "       = confirmed by a second look\n"
        "\n"
    )
    first, second = captured.err.splitlines()
    assert first.startswith("reviewbot: blocked by 1 error · 2 of 2 added lines reviewed (1 file, 2 requests, ")
    assert second == "codellama:7b-instruct on 127.0.0.1 · to commit anyway: REVIEWBOT_SKIP='why' git commit ..."


def test_nothing_staged(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "reviewbot: nothing staged; `reviewbot diff` reviews the work tree\n"
    assert main(["hook", "pre-commit"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main(["--format", "json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["verdict"]["outcome"], report["coverage"]["added"]) == ("nothing", 0)
    assert server.requests == []


def test_a_change_that_only_removes_asks_nobody(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.git("rm", "-q", "README.md")
    assert main([]) == 0
    assert "removed lines alone are not reviewed" in capfd.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize("args", [["--format", "json"], ["diff", "--staged", "--format", "json"]])
def test_json_on_stdout_is_pure_and_valid(repo: GitRepo, capfd: pytest.CaptureFixture[str], args: list[str]) -> None:
    repo.stage("a.py", "x = BUG()\n")
    assert main(args) == 1
    report = json.loads(capfd.readouterr().out)
    jsonschema.validate(report, report_schema())
    (finding,) = report["findings"]
    assert (finding["line"], finding["blocking"], finding["confirmed"]) == (1, True, "yes")
    assert report["verdict"] == {
        "outcome": "blocked",
        "exit_code": 1,
        "block_at": "error",
        "reasons": ["1 finding at or above the gate"],
    }


def test_several_reports_of_one_run(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = BUG()\n")
    assert main(["--output", "json=r.json", "--output", "github=r.txt", "--output", "plain.txt"]) == 1
    assert json.loads((repo.path / "r.json").read_text())["verdict"]["outcome"] == "blocked"
    assert (repo.path / "r.txt").read_text().startswith("::error file=a.py,line=1,")
    assert (repo.path / "plain.txt").read_text() == capfd.readouterr().out


def test_all_formats_of_one_run_have_one_exit_code(repo: GitRepo, server: FakeServer) -> None:
    repo.stage("a.py", "x = BUG()\n")
    assert main([word for format in FORMATS for word in ("--output", f"{format}=r.{format}")]) == 1
    assert all("this is a defect" in (repo.path / f"r.{format}").read_text() for format in FORMATS)
    assert {main(["--format", format]) for format in FORMATS} == {1}
    assert {main(["--format", format, "--block-at", "never"]) for format in FORMATS} == {0}
    server.answers[:] = [say("no json")]
    assert {main(["--format", format, "--no-cache"]) for format in FORMATS} == {3}


@pytest.mark.parametrize("reports", [["xml=r.xml"], ["JSON=r.json"], ["text=a.txt", "check-style=x"], ["json="]])
def test_a_report_in_no_known_format_is_refused_before_anything_is_read(
    repo: GitRepo, server: FakeServer, reports: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main([word for report in reports for word in ("--output", report)]) == 2
    assert re.search(r"text, json, json-lines, github|names no file", capfd.readouterr().err)
    assert server.requests == [] and not (repo.path / "a.txt").exists()


@pytest.mark.parametrize("name", ["./xml=r", "r=1=2.txt", "2026=r"])
def test_a_file_may_have_any_name(repo: GitRepo, name: str) -> None:
    assert main(["--no-model", "--output", f"json={name}"]) == 0
    assert json.loads((repo.path / name).read_text())["version"] == 1


@pytest.mark.parametrize("name", ["./xml=r", "out/xml=r", "r_1=2.txt", "=r"])
def test_a_file_whose_name_begins_with_no_word_needs_no_format(repo: GitRepo, name: str) -> None:
    (repo.path / "out").mkdir()
    assert main(["--no-model", "--format", "json", "--output", name]) == 0
    assert json.loads((repo.path / name).read_text())["version"] == 1


def test_exit_zero_and_block_at(repo: GitRepo) -> None:
    repo.stage("a.py", "x = BUG()\n")
    assert main(["--exit-zero"]) == 0
    assert main(["--block-at", "never"]) == 0
    assert main(["--block-at", "info"]) == 1


def test_without_a_second_look_a_proven_finding_blocks_but_no_repository_can_have_it_so(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.stage("a.py", "x = BUG()\n")
    assert main(["--confirm", "off"]) == 1
    assert len(server.chats) == 1
    repo.write(".reviewbot.toml", 'confirm = "off"\n')
    assert main(["--no-cache"]) == 1
    assert len(server.chats) == 1 + 2
    assert "confirm = off is not applied" in capfd.readouterr().err


def test_checks_alone(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = BUG()\n")
    assert main(["--no-model"]) == 0
    assert "only the deterministic checks ran" in capfd.readouterr().err
    repo.stage("a.py", "<<<<<<< a\n=======\n>>>>>>> b\n")
    assert main(["--no-model"]) == 1
    assert server.requests == []


def test_excluded_files_are_skipped_and_counted(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = 1\n")
    repo.stage("docs/b.md", "BUG\nBUG\n")
    assert main(["--exclude", "docs/"]) == 0
    first, second, _ = capfd.readouterr().err.splitlines()
    assert "1 of 3 added lines reviewed (2 files, 2 skipped" in first
    assert second == "1 file, 2 lines not reviewed: 1 excluded; --include to review it"
    assert main(["--exclude", "docs/", "-v"]) == 0
    assert "skipped: 2 lines in docs/b.md:1-2: exclude docs/" in capfd.readouterr().err.splitlines()
    assert main(["--exclude", "docs/", "--include", "docs/b.md"]) == 1


def test_a_staged_exclude_does_not_hide_its_own_change(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("bad.py", "BUG()\n")
    repo.stage(".reviewbot.toml", "exclude = ['*.py']\n")
    assert main([]) == 1
    assert main(["hook", "pre-commit"]) == 1
    repo.git("commit", "-qm", "accepted", "--no-verify")
    repo.stage("bad.py", "BUG()\nBUG()\n")
    assert main([]) == 0


def test_show_and_ranges(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = BUG()\n")
    repo.commit()
    assert main(["show"]) == 1
    assert main(["diff", "HEAD~1..HEAD"]) == 1
    assert main(["diff", "HEAD~1..HEAD", "--", "README.md"]) == 0
    assert main(["diff"]) == 0


def test_secrets_never_leave_not_even_to_the_model(repo: GitRepo, server: FakeServer, capfd) -> None:
    key = "AKIA" + "IOSFODNN7" + "EXAMPLE"
    repo.stage("a.py", f'key = "{key}"\nBUG("{key}")\n')
    assert main([word for format in FORMATS for word in ("--output", f"{format}=r.{format}")]) == 1
    captured = capfd.readouterr()
    files = "".join((repo.path / f"r.{format}").read_text() for format in FORMATS)
    assert key not in captured.out + captured.err + files + json.dumps(server.requests)
    assert "[secret]" in json.dumps(server.chats)


def test_an_incomplete_review_is_3_by_hand_and_0_in_a_hook(repo: GitRepo, server: FakeServer, capfd) -> None:
    server.answers[:] = [say("no json")]
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 3
    assert main(["hook", "pre-commit"]) == 0
    assert "NOTHING WAS REVIEWED" in capfd.readouterr().err


def test_the_deadline_of_a_hook(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    server.answers[:] = [Exchange.wait]
    repo.stage("a.py", "x = 1\n")
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "reviewbot", "hook", "--deadline-s", "1.5"], capture_output=True, text=True
    )
    assert time.monotonic() - started < 6
    assert run.returncode == 0 and "the deadline was reached" in run.stderr


def hanging(server: FakeServer, repo: GitRepo) -> None:
    """Two files in two requests, of which the second is never answered."""
    first = server.answers[0]
    server.answers[:] = [first, Exchange.wait]
    for name in ("a.py", "b.py"):
        repo.stage(name, "".join(f"{name[0]}{i} = compute(one, two, three, {i})\n" for i in range(60)))


def wait_for(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_files_that_there_is_no_time_to_check_are_not_read_and_not_sent(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    line = "    value = compute(item, 'password = hunter2hunter2', 12345678)\n"
    for number in range(60):
        repo.stage(f"f{number}.py", line * 2000)
    assert main(["hook", "pre-commit", "--deadline-s", "1", "--format", "json", "--max-file-kib", "none"]) == 0
    report = json.loads(capfd.readouterr().out)
    coverage = report["coverage"]
    assert coverage["added"] == 120_000 == coverage["reviewed"] + coverage["failed"]
    assert coverage["failed"] > 0
    assert {entry["reason"] for entry in report["failed"]} == {"the deadline was reached"}
    sent = [set(re.findall(r"File: (f\d+\.py)", json.dumps(body))) for body in server.chats]
    read = {file["path"] for file in coverage["files"] if file["reviewed"]}
    assert set().union(*sent[:-1]) <= read and len(read) < 60  # the last one may not have been answered in time


def test_ctrl_c_ends_with_the_partial_report(repo: GitRepo, server: FakeServer) -> None:
    hanging(server, repo)
    run = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "--format", "json", "--num-ctx", "4096", "--chunk-tokens", "1900"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    wait_for(lambda: len(server.chats) == 2)
    started = time.monotonic()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=10)
    assert time.monotonic() - started < 2
    assert run.returncode == 130
    report = json.loads(out)
    assert report["coverage"]["reviewed"] > 0 < report["coverage"]["failed"]
    assert {omission["reason"] for omission in report["failed"]} == {"interrupted"}
    assert "Traceback" not in err


@pytest.mark.parametrize("engine", ["auto", "ollama"])
def test_ctrl_c_before_the_first_request_gives_a_whole_report(repo: GitRepo, engine: str) -> None:
    repo.stage("a.py", "x = 1\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        words = ["--format", "json", "--engine", engine, "--endpoint", endpoint]
        run = start(words, stdin=subprocess.DEVNULL)
        connection, _ = silent.accept()
        run.send_signal(signal.SIGINT)
        report = interrupted_report(run)
        connection.close()
    assert report["coverage"]["failed"] == report["coverage"]["added"] == 1
    assert report["failed"][0]["reason"] == "interrupted"


def test_ctrl_c_before_the_change_is_known_gives_a_whole_report(repo: GitRepo) -> None:
    run = start(["diff", "-", "--format", "json"], stdin=subprocess.PIPE)
    assert run.stdin is not None
    run.stdin.write("x" * 1_000_000)  # more than a pipe holds: it is being read
    run.stdin.flush()
    run.send_signal(signal.SIGINT)
    report = interrupted_report(run)
    assert (report["source"]["kind"], report["coverage"]["added"]) == ("stdin", 0)
    assert report["verdict"]["reasons"] == ["interrupted before anything was read"]


def start(words: list[str], stdin: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "reviewbot", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed_ctrl_c)


def interrupted_report(run: "subprocess.Popen[str]") -> dict:
    out, err = run.communicate(timeout=10)
    assert run.returncode == 130
    assert "Traceback" not in err and "not reviewed: interrupted" in err
    report = json.loads(out)
    assert (report["verdict"]["outcome"], report["verdict"]["exit_code"]) == ("not_reviewed", 130)
    return report


def test_progress_is_shown_on_a_terminal_and_vanishes(repo: GitRepo, server: FakeServer) -> None:
    hanging(server, repo)
    master, slave = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "--num-ctx", "4096", "--chunk-tokens", "1900"],
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(slave)
    seen = b""
    end = time.monotonic() + 20
    while b"reviewing chunk 2 of" not in seen and time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
    assert b"reviewing chunk 2 of" in seen
    server.released.set()
    run.wait(20)
    while select.select([master], [], [], 0.2)[0]:
        try:
            seen += os.read(master, 65536)
        except OSError:
            break
    os.close(master)
    assert b"\x1b[2K" in seen.split(b"reviewing chunk")[-1]  # the line is wiped


@pytest.mark.parametrize(
    ("words", "told"), [pytest.param([], True, id="a person"), pytest.param(["hook", "pre-commit"], False, id="a hook")]
)
def test_a_long_review_is_foreseen_before_it_starts(
    repo: GitRepo, server: FakeServer, clean_environment: Path, words: list[str], told: bool
) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 0
    (kept,) = (clean_environment / ".cache" / "reviewbot" / "speeds").iterdir()
    kept.write_text("0.9")
    asked = len(server.chats)
    shown = on_a_terminal([*words, "--deadline-s", "600", "--no-cache"])
    assert (re.search(rb"about \d+ minutes at 1 tokens/s; --deadline-s bounds that", shown) is not None) is told
    assert len(server.chats) == asked + 1
    assert float(kept.read_text()) > 1


def on_a_terminal(words: list[str]) -> bytes:
    """What a run writes to stderr when that is a terminal."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    command = [sys.executable, "-m", "reviewbot", *words]
    run = subprocess.Popen(command, stdin=slave, stdout=subprocess.DEVNULL, stderr=slave, env=environment)
    os.close(slave)
    seen = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other side is closed: that is the end on Linux
            break
        if not data:
            break
        seen += data
    os.close(master)
    assert run.wait(20) == 0
    return seen


def test_a_pipe_has_no_progress_and_no_colour(repo: GitRepo, server: FakeServer) -> None:
    repo.stage("a.py", "x = BUG()\n")
    run = subprocess.run([sys.executable, "-m", "reviewbot"], capture_output=True)
    assert b"\x1b" not in run.stdout + run.stderr


def test_a_reader_that_goes_away_is_no_traceback(repo: GitRepo) -> None:
    repo.stage("a.py", "".join(f"BUG({i})\n" for i in range(8)))
    run = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m reviewbot --format json | head -c 1"], capture_output=True, text=True
    )
    assert "Traceback" not in run.stderr and "Exception" not in run.stderr


def test_a_terminal_that_cannot_show_everything(repo: GitRepo) -> None:
    repo.stage("größe.py", "x = BUG()  # ü\n")
    run = subprocess.run(
        [sys.executable, "-m", "reviewbot"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert run.returncode == 1 and b"gr\\xf6\\xdfe.py:1: error" in run.stdout


@pytest.mark.parametrize("format", sorted({*FORMATS} - {"text", "sarif"}))  # where an address of SARIF is all ASCII
def test_a_report_for_programs_is_utf_8_whatever_the_terminal_can_show(repo: GitRepo, format: str) -> None:
    repo.stage("naïve.py", "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n")
    command = [sys.executable, "-m", "reviewbot", "--no-model", "--format", format]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 1
    assert "naïve.py" in done.stdout.decode("utf-8")


def test_version_and_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == "reviewbot 0.1.0\n"
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("command", "useless"),
    [
        ("plan", ["-q", "--no-model", "--exit-zero"]),
        ("doctor", ["-v", "--no-model", "--exit-zero"]),
        ("config", ["-q", "-v", "--no-model", "--exit-zero"]),
        ("demo", ["-q", "-v", "--format=json", "--no-model", "--exit-zero"]),
        ("install", ["-q", "-v", "--format=json", "--output=x", "--no-model", "--exit-zero", "--seed=1"]),
        (
            "uninstall",
            ["-q", "-v", "--format=json", "--output=x", "--no-model", "--exit-zero", "--seed=1", "--isolated"],
        ),
    ],
)
def test_an_option_without_a_use_is_refused_and_not_offered(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], command: str, useless: list[str]
) -> None:
    for flag in useless:
        assert main([command, flag]) == 2, flag
        assert main([flag, command]) == 2, flag
        captured = capfd.readouterr()
        assert captured.out == "" and command in captured.err and "  try: " in captured.err
    with pytest.raises(SystemExit):
        main([command, "--help"])
    offered = re.findall(r"--?[a-z-]+", capfd.readouterr().out)
    assert not {flag.partition("=")[0] for flag in useless} & set(offered)
    assert not (repo.path / ".git/hooks/pre-commit").exists()


def test_a_bug_of_ours_is_3_with_its_traceback_in_a_file(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("reviewbot.cli.selection.means_staged", broken)
    assert main([]) == 3
    err = capfd.readouterr().err
    assert "Traceback" not in err
    (path,) = [line.split()[-1] for line in err.splitlines() if "traceback is in" in line]
    assert "ZeroDivisionError" in Path(path).read_text()
