"""`reviewbot plan`: what a review would send, said without a model."""

import json
import re
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake
from servers import tiny_gguf

from reviewbot.cli import main

__all__ = ["fake"]


@pytest.fixture(autouse=True)
def server(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    return fake


def stage_two_files(repo: GitRepo) -> None:
    repo.stage("a.py", "".join(f"value_{i} = compute({i})\n" for i in range(100)))
    repo.stage("b.py", "def f():\n    return 1\n")
    repo.stage("logo.png", b"\x89PNG\0\0")


def test_the_table_of_requests(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    stage_two_files(repo)
    assert main(["plan", "--staged", "--chunk-tokens", "1500"]) == 0
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == (
        "request   lines  tokens  fill  files\n"
        "      1      34     743   50%  a.py:69-100, b.py:1-2\n"
        "      2      68    1411   94%  a.py:1-68\n"
        "\n"
        "2 requests for 102 added lines in 2 files\n"
        "1 file not reviewed: 1 binary\n"
        "window: 4096 tokens, of which up to 1500 for code in each request (codellama:7b-instruct on 127.0.0.1)\n"
        "tokens: estimated: the vocabulary of this model cannot be counted with here\n"
        "time: not known before this model has answered once on this machine; `reviewbot doctor` measures\n"
    )


def test_what_it_shows_is_what_a_review_sends(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    stage_two_files(repo)
    options = ["--staged", "--chunk-tokens", "1500", "--format", "json"]
    shown = []
    for number in ("1", "2"):
        assert main(["plan", "--show", number, *options]) == 0
        shown.append(json.loads(capfd.readouterr().out))
    assert main(["diff", *options]) == 0
    sent = [
        {
            "system": body["messages"][0]["content"],
            "user": body["messages"][1]["content"],
            "format": body["format"],
            "num_ctx": body["options"]["num_ctx"],
            "num_predict": body["options"]["num_predict"],
        }
        for body in server.chats
    ]
    assert without_boundary(shown) == without_boundary(sent)


def without_boundary(requests: list[dict]) -> list[dict]:
    """Each run draws its own number for the lines around what it shows."""
    return [{**request, "user": re.sub("----- [0-9]{12}\n", "", request["user"])} for request in requests]


def test_a_request_as_text_with_what_is_invisible_shown(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = '\u202e'\n")
    assert main(["plan", "--staged", "--show", "1"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("--- system\nYou ") and out.endswith(
        "File: a.py\n@@\n1 +x = '\\u202e'\n" + out.splitlines()[-1] + "\n"
    )


def test_the_server_is_shown_no_code(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    stage_two_files(repo)
    assert main(["plan", "--staged"]) == 0
    assert {path for path, _ in server.requests} <= {"/api/version", "/api/show", "/api/ps", "/api/tags"}
    assert "compute" not in json.dumps(server.requests)


def test_json_adds_up(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    stage_two_files(repo)
    repo.stage("long.py", "x" * 20000 + "\n")
    assert main(["plan", "--staged", "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert sum(request["added"] for request in found["requests"]) + sum(e["lines"] for e in found["failed"]) == 103
    assert [(e["path"], e["reason"]) for e in found["failed"]] == [("long.py", "line too long for the window")]
    assert [(e["path"], e["reason"]) for e in found["skipped"]] == [("logo.png", "binary")]
    assert found["estimate"]["requests"] == len(found["requests"])
    assert found["estimate"]["seconds"] is None
    assert all(request["tokens"] <= found["window"]["chunk_tokens"] for request in found["requests"])


@pytest.mark.parametrize("words", [["diff", "--staged"], ["doctor"]])
def test_time_is_foreseen_once_the_model_has_answered(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    stage_two_files(repo)
    assert main(words) == 0
    capfd.readouterr()
    assert main(["plan", "--staged"]) == 0
    assert re.search(r"\ntime: about \d+ seconds? at \d+ tokens/s, as measured last\n$", capfd.readouterr().out)


def test_offline_nobody_is_asked(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stage_two_files(repo)
    vocabulary = str(tiny_gguf(tmp_path))
    assert main(["plan", "--staged", "--num-ctx", "8192", "--vocab", vocabulary]) == 0
    out = capfd.readouterr().out
    assert "window: 8192 tokens, of which up to 3500 for code in each request (as set; no server was asked)\n" in out
    assert "tokens: counted exactly\n" in out
    assert server.requests == []


def test_without_a_server_the_worst_is_assumed(
    repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    stage_two_files(repo)
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("REVIEWBOT_ENGINE", "ollama")
    assert main(["plan", "--staged"]) == 0
    out = capfd.readouterr().out
    assert "(assumed; no server answered)\n" in out
    assert "tokens: counted as one a byte, which is the most that there can be: no Ollama server answers" in out
    assert main(["plan", "--staged", "--num-ctx", "4096"]) == 0
    assert "window: 4096 tokens" in (out := capfd.readouterr().out) and "(as set; no server answered)\n" in out
    assert main(["plan", "--staged", "--num-ctx", "16384"]) == 0
    out = capfd.readouterr().out
    assert "window: 4096 tokens" in out
    assert "(not the 16384 of num_ctx, for a server that cuts silently is not sent more; no server answered)\n" in out


def test_lines_that_are_only_removed_in_a_request_are_no_place_of_it(
    repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.stage("a.py", "")
    repo.stage("b.py", "".join(f"old_{i} = {i}\n" for i in range(60)))
    repo.commit()
    repo.stage("a.py", "".join(f"new_{i} = compute({i})\n" for i in range(60)))
    repo.stage("b.py", "".join(f"other_{i} = {i} * {i}\n" for i in range(200)))
    for window in ("2000", "2200", "2500", "3000"):
        assert main(["plan", "--staged", "--num-ctx", window, "--format", "json"]) == 0
        found = json.loads(capfd.readouterr().out)
        files = [file for request in found["requests"] for file in request["files"]]
        assert sum(file["added"] for file in files) == 260
        assert all(file["added"] > 0 for file in files)


def test_nothing_to_send(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0
    assert capfd.readouterr().out == "nothing would be sent\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["--show", "0"], 2, "--show takes the number of a request, and '0' is none", id="zero"),
        pytest.param(["--show", "x"], 2, "--show takes the number of a request, and 'x' is none", id="word"),
        pytest.param(["--show", "9"], 2, "there is no request 9: the last is 1", id="beyond"),
        pytest.param(["--vocab", "gone.gguf"], 2, "--vocab: there is no file gone.gguf", id="no file"),
        pytest.param(["--vocab", "a.py"], 2, "a.py is no GGUF file, or it is cut off", id="no model"),
        pytest.param(["--format", "github"], 2, "plan prints text or json", id="format"),
        pytest.param(["--output", "x"], 2, "plan writes no report", id="output"),
        pytest.param(["--model", "x:cloud"], 2, "x:cloud is a cloud model", id="cloud"),
        pytest.param(["--num-ctx", "1024", "--prompt", "big.md"], 3, "leaves no room for code", id="no room"),
    ],
)
def test_wrong_use(repo: GitRepo, capfd: pytest.CaptureFixture[str], words: list[str], code: int, message: str) -> None:
    repo.stage("a.py", "x = 1\n")
    repo.write("big.md", "word " * 350)
    assert main(["plan", "--staged", *words]) == code
    captured = capfd.readouterr()
    assert message in captured.err and captured.out == ""
