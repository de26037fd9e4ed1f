"""Whatever a user gets wrong: one clear sentence, the right exit code, no traceback, nothing half-written."""

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake

from reviewbot.cli import main

__all__ = ["fake"]

DIFF = b"--- a/app.py\n+++ b/app.py\n@@ -1 +1,2 @@\n a\n+b\n"


@pytest.fixture(autouse=True)
def server(fake: FakeServer, repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A server that works, and one staged line: what goes wrong is what the test is about."""
    repo.stage("app.py", "x = 1\n")
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    return fake


def check(capfd: pytest.CaptureFixture[str], args: list[str], code: int, *words: str) -> str:
    """Run the command line; its one message holds the words."""
    assert main(args) == code
    captured = capfd.readouterr()
    for word in words:
        assert word in captured.err
    assert "Traceback" not in captured.err + captured.out
    first = captured.err.split("\n")[0]
    assert first.startswith("reviewbot: ") and len(first) < 300
    assert "this is a bug" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        pytest.param(["--nonsense"], ["--nonsense"], id="unknown flag"),
        pytest.param(["diff", "--fmt", "json"], ["--fmt"], id="unknown flag of a command"),
        pytest.param(["nonsense"], ["nonsense"], id="unknown command"),
        pytest.param(["dif"], ["reviewbot diff"], id="misspelt command"),
        pytest.param(["app.py"], ["reviews changes, not files", "reviewbot diff -- app.py"], id="a file"),
        pytest.param(["--fix"], ["changes no files"], id="--fix"),
        pytest.param(["diff", "--fix"], ["changes no files"], id="diff --fix"),
        pytest.param(["--format", "yaml"], ["yaml", "json"], id="unknown format"),
        pytest.param(["diff", "nothing"], ["neither a revision nor a path"], id="unknown revision"),
        pytest.param(["show", "nothing"], ["no revision"], id="unknown commit"),
        pytest.param(["show", "--", "x"], ["show takes no paths"], id="show with paths"),
        pytest.param(["hook", "post-commit"], ["post-commit", "pre-commit"], id="unknown hook"),
        pytest.param(["diff", "HEAD", "HEAD", "HEAD"], ["two ends"], id="three revisions"),
        pytest.param(["diff", "--staged", "--", "/etc/passwd"], ["outside"], id="path outside"),
        pytest.param(["show", "^HEAD"], ["no revision"], id="what a revision leaves out"),
        pytest.param(["show", ""], ["no revision"], id="no revision at all"),
        pytest.param(["install", "--block-at", "never"], ["no settings into a hook", "set block_at in"], id="install"),
        pytest.param(["--num-ctx", "0"], ["num-ctx", "1024"], id="num_ctx 0"),
        pytest.param(["--num-ctx", "1000000000"], ["num-ctx"], id="num_ctx 1e9"),
        pytest.param(["--num-ctx", "many"], ["num-ctx"], id="num_ctx no number"),
        pytest.param(["--model", "a\nb"], ["model"], id="model with a newline"),
        pytest.param(["--model", "x:cloud"], ["cloud"], id="cloud model"),
        pytest.param(["--endpoint", "http://192.0.2.1:11434"], ["not on this machine", "allow"], id="remote address"),
        pytest.param(["--endpoint", "http://model.invalid:1"], ["does not resolve"], id="unknown name"),
        pytest.param(["--endpoint", "http://[::1"], ["endpoint"], id="broken address"),
        pytest.param(["--endpoint", "ftp://127.0.0.1"], ["endpoint"], id="other protocol"),
        pytest.param(["--prompt", "nosuch.md"], ["prompt"], id="no such prompt"),
        pytest.param(["--config", "nosuch.toml"], ["nosuch.toml"], id="no such configuration"),
        pytest.param(["--engine", "embedded", "--model-file", "no.gguf"], ["no.gguf"], id="no such model file"),
        pytest.param(["--engine", "gpu"], ["gpu", "ollama"], id="unknown engine"),
        pytest.param(["--confirm", "votes:2"], ["votes"], id="even votes"),
        pytest.param(["--deadline-s", "-1"], ["deadline"], id="negative deadline"),
        pytest.param(["install", "--stage", "post-commit"], ["post-commit"], id="install an unknown hook"),
    ],
)
def test_wrong_words(capfd: pytest.CaptureFixture[str], server: FakeServer, args: list[str], words: list[str]) -> None:
    check(capfd, args, 2, *words)
    assert server.chats == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({".reviewbot.toml": "model = "}, [".reviewbot.toml", "TOML"], id="bad TOML"),
        pytest.param({".reviewbot.toml": "modle = 'x'"}, ["modle", "model"], id="unknown key"),
        pytest.param({".reviewbot.toml": "num_ctx = 'many'"}, ["num_ctx", ".reviewbot.toml"], id="wrong type"),
        pytest.param(
            {".reviewbot.toml": "endpoint = 'http://x'"}, ["endpoint", "repository"], id="not the repository's"
        ),
        pytest.param({".reviewbot.toml": "model = 'x:cloud'"}, ["cloud"], id="cloud model"),
        pytest.param({".reviewbot.toml": b"\xff\xfe"}, [".reviewbot.toml"], id="no text"),
        pytest.param(
            {".reviewbot.toml": "seed = 1", "pyproject.toml": "[tool.reviewbot]\nseed = 2\n"}, ["both"], id="both files"
        ),
    ],
)
def test_wrong_files(
    capfd: pytest.CaptureFixture[str],
    repo: GitRepo,
    server: FakeServer,
    files: dict[str, str | bytes],
    words: list[str],
) -> None:
    for name, content in files.items():
        repo.write(name, content)
    check(capfd, ["diff", "--staged"], 2, *words)
    assert server.chats == []


def test_wrong_variables(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEWBOT_MODLE", "x")
    check(capfd, [], 2, "REVIEWBOT_MODLE", "REVIEWBOT_MODEL")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"hello\n", "no unified diff", id="no diff"),
        pytest.param(DIFF[:-3], "cut off", id="truncated"),
        pytest.param(DIFF[:-1], "cut off", id="truncated in the last line"),
        pytest.param(b"\x00\x01\xff\n", "no unified diff", id="bytes"),
    ],
)
def test_stdin_that_is_no_diff(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: bytes, words: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    check(capfd, ["diff", "-"], 2, words)


def test_an_empty_stdin_is_nothing(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    check(capfd, ["diff", "-"], 0, "nothing to review")


def test_a_diff_on_stdin_needs_no_repository(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(DIFF)))
    check(capfd, ["diff", "-"], 0, "clean", "1 of 1 added line reviewed")
    check(capfd, ["diff"], 2, "in no git repository")


def test_a_port_that_refuses(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("REVIEWBOT_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("REVIEWBOT_ENGINE", "ollama")
        check(capfd, [], 3, "not reviewed", "NOTHING WAS REVIEWED", "ollama serve")
        check(capfd, ["hook", "pre-commit"], 0, "NOTHING WAS REVIEWED", "ollama serve")
        check(capfd, ["hook", "pre-commit", "--on-failure", "block"], 3, "NOTHING WAS REVIEWED")
        check(capfd, ["--engine", "openai"], 3, "cannot be reached", "  try: reviewbot doctor")


def test_a_host_that_does_not_resolve_but_is_allowed(capfd: pytest.CaptureFixture[str]) -> None:
    args = ["--engine", "ollama", "--endpoint", "http://model.invalid:1", "--allow-remote"]
    check(capfd, args, 3, "NOTHING WAS REVIEWED", "cannot be reached")


@pytest.mark.parametrize("target", ["nosuch/report.json", "json=nosuch/report.json"])
def test_a_report_that_cannot_be_written(capfd: pytest.CaptureFixture[str], repo: GitRepo, target: str) -> None:
    assert main(["--output", target]) == 3
    assert "cannot write the report" in capfd.readouterr().err
    assert not (repo.path / "nosuch").exists()


def test_a_full_disk_leaves_the_old_report(capfd: pytest.CaptureFixture[str], repo: GitRepo, monkeypatch) -> None:
    repo.write("report.json", "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["--output", "json=report.json"]) == 3
    assert "No space left on device" in capfd.readouterr().err
    assert (repo.path / "report.json").read_text() == "old"
    assert [path.name for path in repo.path.iterdir() if "report" in path.name] == ["report.json"]


def test_the_device_that_is_always_full(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--output", "json=/dev/full"]) == 3
    assert "No space left on device" in capfd.readouterr().err


@pytest.mark.parametrize("args", [["--num-ctx", "0"], ["--config", "/nope"]])
def test_what_was_typed_has_to_be_right_even_when_nothing_is_staged(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], args: list[str]
) -> None:
    repo.git("reset", "-q", "--hard")
    check(capfd, args, 2)


def test_a_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    check(capfd, ["diff", "--staged"], 2, "no longer exists")


@pytest.mark.parametrize("words", ["--no-model", "--no-model --format json", "nonsense", "show none", "--format yaml"])
@pytest.mark.parametrize("streams", ["2>/dev/full", ">/dev/full 2>/dev/full"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_an_error_output_that_cannot_be_written(repo: GitRepo, words: str, streams: str) -> None:
    repo.stage("a.py", "x = 1\n")
    command = f"{sys.executable} -m reviewbot {words} {streams}"
    assert subprocess.run(command, shell=True, capture_output=True).returncode == 3


@pytest.mark.parametrize("words", ["--version", "--help", "diff --help", "config", "--no-model --format json"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_output_that_cannot_be_written(words: str) -> None:
    command = f"{sys.executable} -m reviewbot {words} >/dev/full"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert "reviewbot: the output cannot be written: No space left on device\n" in done.stderr
    assert "Traceback" not in done.stderr and "bug" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [("--no-model --format json >&-", 0), ("diff - <&-", 0), ("hook pre-push <&-", 0), ("--no-model 2>&-", 0)],
)
def test_streams_that_are_closed(words: str, code: int) -> None:
    done = subprocess.run(f"{sys.executable} -m reviewbot {words}", shell=True, capture_output=True, text=True)
    assert (done.returncode, "bug" in done.stdout + done.stderr) == (code, False)


def test_json_is_utf_8_whatever_the_terminal_is(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.stage("\u00e9.py", "x = 1\n")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    command = [sys.executable, "-m", "reviewbot", "--no-model", "--format", "json"]
    done = subprocess.run(command, capture_output=True)
    assert "\u00e9.py" in {entry["path"] for entry in json.loads(done.stdout)["coverage"]["files"]}


@pytest.mark.parametrize("args", [["--model", "show"], ["--output", "show"]])
def test_a_value_that_is_also_a_command(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, args: list[str]
) -> None:
    assert main([*args, "--no-model", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["source"]["kind"] == "staged"


def test_what_is_repeated_on_both_sides_of_the_command_counts(repo: GitRepo, tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    assert main(["--output", str(first), "diff", "--staged", "--no-model", "--output", str(second)]) == 0
    assert first.exists() and second.exists()


def test_the_cache_folder_is_a_folder(repo: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "not yet there"
    assert main(["--cache-dir", str(folder)]) == 0
    assert (folder / "speeds").is_dir()
    (tmp_path / "file").write_text("")
    check(capfd, ["--cache-dir", str(tmp_path / "file")], 2, "it is no folder")


@pytest.mark.parametrize("name", [".", "kept", ".git/kept", "link/kept"])
def test_the_cache_folder_is_not_in_the_repository(
    repo: GitRepo, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(repo.path)
    folder = (tmp_path if name.startswith("link") else repo.path) / name
    check(capfd, ["--cache-dir", str(folder)], 2, "it lies in the repository, where it might be committed")
    monkeypatch.setenv("REVIEWBOT_CACHE_DIR", str(folder))
    check(capfd, ["cache", "info"], 2, "it lies in the repository")
    assert not os.path.exists(folder / "outcomes.sqlite")


def test_nor_in_the_git_folder_of_a_linked_work_tree(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    monkeypatch.chdir(tmp_path / "linked")
    for args in (["diff", "HEAD"], ["cache", "info"]):
        check(capfd, [*args, "--cache-dir", str(repo.path / ".git/kept")], 2, "it lies in the repository")
    assert not (repo.path / ".git/kept").exists()


def test_the_stages_of_hooks_are_listed(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    check(
        capfd, ["hook", "nonsense"], 2, "no hook 'nonsense'", "pre-commit|pre-merge-commit|pre-push|post-index-change"
    )


def test_a_coloured_diff_is_refused_although_a_part_of_it_could_be_read(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.stage("logo.bin", b"a\0b")
    coloured = repo.git("diff", "--staged", "--color=always").stdout
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(coloured)))
    check(capfd, ["diff", "-"], 2, "it is coloured", "--no-color")


def test_a_file_name_is_no_workflow_command(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.write("::error::x.py", "<<<<<<< a\n=======\n>>>>>>> b\n")
    repo.git("add", "-A")
    assert main(["--no-model"]) == 1
    assert "\n./::error::x.py:1: error: " in "\n" + capfd.readouterr().out
