"""`reviewbot doctor`, in real repositories and against a server on loopback."""

import json
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reviewbot.cli import main
from reviewbot.cli.exposure import listens_everywhere
from reviewbot.engines import EngineInfo, Loaded, Reply
from reviewbot.errors import ReplyError
from reviewbot.gpu import Gpu, Probe
from reviewbot.install import install

MODEL = "codellama:7b-instruct"
DIGITS = json.dumps({"digits": list(range(10))})


class FakeOllama:
    """A server that answers as Ollama 0.24 does; change `answers` (path -> status and body) to make it fail."""

    def __init__(self) -> None:
        entry = {
            "name": MODEL,
            "model": MODEL,
            "digest": "8fdf8f752f6e80de33e82f381aba784c025982752cd1ae9377add66449d2225f",
        }
        self.answers: dict[str, tuple[int, Any]] = {
            "/api/version": (200, {"version": "0.24.0"}),
            "/api/tags": (200, {"models": [entry]}),
            "/api/ps": (200, {"models": []}),
            "/api/show": (
                200,
                {
                    "details": {"parameter_size": "7B", "quantization_level": "Q4_0"},
                    "model_info": {"general.architecture": "llama", "llama.context_length": 16384},
                },
            ),
            "/api/chat": (
                200,
                {
                    "message": {"role": "assistant", "content": DIGITS},
                    "done": True,
                    "done_reason": "stop",
                    "prompt_eval_count": 40,
                    "eval_count": 21,
                },
            ),
        }
        self.asked: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                fake.asked.append(self.path)
                status, body = fake.answers.get(self.path, (404, {"error": "404 page not found"}))
                data = body if isinstance(body, bytes) else json.dumps(body).encode() + b"\n"
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOllama]:
    """A server that works, named by the environment; no GPU."""
    fake = FakeOllama()
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    monkeypatch.setattr("reviewbot.cli.hardware.probe", lambda: Probe(why="no driver"))
    yield fake
    fake.close()


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint on loopback that refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("REVIEWBOT_ENDPOINT", url)
        yield url


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """Exit code, and for each check its states and texts."""
    code = main(["doctor", *words])
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in out.partition("\n\n")[0].splitlines():  # a table of models follows
        state, name, text = re.split(r"  +", line, maxsplit=2)
        found.setdefault(name, []).append((state, text))
    return code, found


def test_all_is_well(server, repo, capsys):
    code, found = doctor(capsys)
    assert code == 0
    assert {name: [state for state, _ in lines] for name, lines in found.items()} == {
        "git": ["ok"],
        "repository": ["ok"],
        "hook": ["note"],
        "configuration": ["ok"],
        "endpoint": ["ok"],
        "server": ["ok"],
        "cloud": ["note"],
        "model": ["ok"],
        "window": ["ok"],
        "GPU": ["note"],
        "memory": ["ok"],
        "test request": ["ok"],
    }
    assert found["repository"] == [("ok", str(repo.path))]
    assert found["hook"][0][1].endswith(".git/hooks; try: reviewbot install")
    assert found["endpoint"] == [("ok", f"{server.url} (REVIEWBOT_ENDPOINT) is loopback: nothing leaves this machine")]
    assert found["server"] == [("ok", "Ollama 0.24.0")]
    assert found["model"] == [
        ("ok", f"{MODEL}, digest 8fdf8f752f6e, parameters 7B, quantization Q4_0, trained window 16384")
    ]
    assert re.fullmatch(
        r"4096 tokens, of which up to \d+ for code in each request; tokens are estimated", found["window"][0][1]
    )
    assert re.fullmatch(r"\d+ tokens per second, first answer after 0\.\d s", found["test request"][0][1])


def test_json_says_the_same(server, repo, capsys):
    assert main(["doctor", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert err == "" and answer["works"] is True
    assert answer["checks"][2] == {
        "name": "hook",
        "state": "note",
        "message": f"none of ours in {repo.path}/.git/hooks",
        "hint": "reviewbot install",
    }
    server.answers["/api/version"] = (500, {})
    assert main(["doctor", "--format", "json", "--engine", "ollama"]) == 3
    assert json.loads(capsys.readouterr().out)["works"] is False


def test_quiet_leaves_out_what_works(server, repo, capsys):
    code, found = doctor(capsys, "-q")
    assert code == 0 and set(found) == {"hook", "GPU", "cloud"}


def test_no_server(no_server, repo, capsys):
    code, found = doctor(capsys, "--engine", "ollama")
    assert code == 3
    ((state, text),) = found["server"]
    assert state == "FAILED" and text.endswith(f"{no_server} cannot be reached; try: ollama serve")
    assert "model" not in found and "test request" not in found


@pytest.mark.parametrize(
    ("path", "answer", "name", "text"),
    [
        pytest.param(
            "/api/version", (200, b"hello"), "server", "is no Ollama server; try: ollama serve", id="not JSON"
        ),
        pytest.param("/api/version", (302, b""), "server", "redirects", id="redirect"),
        pytest.param("/api/show", (404, {}), "model", f"no model {MODEL}; try: ollama pull {MODEL}", id="no model"),
        pytest.param("/api/show", (200, {"remote_host": "https://x"}), "model", "another machine", id="cloud stub"),
        pytest.param("/api/show", (500, {"error": "no memory"}), "model", "no memory", id="show fails"),
        pytest.param("/api/chat", (500, {"error": "no memory"}), "test request", "no memory", id="chat fails"),
        pytest.param("/api/chat", (200, {"error": "gone"}), "test request", "gone", id="error line"),
        pytest.param("/api/chat", (200, b""), "test request", "broke off", id="empty stream"),
    ],
)
def test_what_fails_on_the_server(path, answer, name, text, server, repo, capsys):
    server.answers[path] = answer
    code, found = doctor(capsys, "--engine", "ollama")
    assert code == 3
    ((state, message),) = found[name]
    assert state == "FAILED" and text in message and "; try: ollama " in message


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Sure! 0 1 2 3", "the reply holds no JSON object; it said 'Sure! 0 1 2 3'"),
        ('{"numbers": [1]}', "another shape than asked for"),
        ("x" * 500, "it said '" + "x" * 80 + "'"),
    ],
)
def test_an_answer_that_no_review_could_read_is_a_failure(server, repo, capsys, said, problem):
    message = {"message": {"role": "assistant", "content": said}, "done": True, "done_reason": "stop"}
    server.answers["/api/chat"] = 200, message
    code, found = doctor(capsys, "--engine", "ollama")
    ((state, shown),) = found["test request"]
    assert (code, state) == (3, "FAILED") and problem in shown and "; try: ollama run" in shown


def test_an_unsafe_answer_is_shown_escaped(server, repo, capsys):
    server.answers["/api/version"] = (200, {"version": "0.24.0\x1b[31m\nok"})
    _, found = doctor(capsys)
    assert found["server"] == [("ok", r"Ollama 0.24.0\x1b[31m\nok")]


def test_windows(server, repo, capsys):
    _, found = doctor(capsys, "--num-ctx", "32768")
    assert found["window"][0][0] == "note" and "does not allow the 32768 of num_ctx" in found["window"][0][1]
    code, found = doctor(capsys, "--num-ctx", "1024")
    assert code == 3 and found["window"][0][0] == "FAILED" and "no room for code" in found["window"][0][1]
    server.answers["/api/version"] = (200, {"version": "0.11.4"})
    code, found = doctor(capsys)
    assert code == 0 and found["window"][0][0] == "note" and "cuts long prompts silently" in found["window"][0][1]


def test_a_prompt_that_does_not_load(server, repo, capsys):
    repo.write("empty.md", "")
    code, found = doctor(capsys, "--prompt", "empty.md")
    assert code == 3 and found["window"][0][0] == "FAILED" and "is empty" in found["window"][0][1]


def test_gpus(server, repo, capsys, monkeypatch):
    gpus = (Gpu("First", 24 * 2**30, 18 * 2**30), Gpu("Second", 2**30, 0))
    monkeypatch.setattr("reviewbot.cli.hardware.probe", lambda: Probe(gpus))
    _, found = doctor(capsys)
    assert found["GPU"] == [("ok", "First, 18.0 of 24.0 GiB free"), ("ok", "Second, 0.0 of 1.0 GiB free")]


@pytest.mark.parametrize(
    ("size", "on_gpu", "state", "text"),
    [
        pytest.param(7 * 2**30, 7 * 2**30, "ok", "7.0 GiB, all of it on the GPU", id="wholly"),
        pytest.param(8 * 2**30, 6 * 2**30, "note", "25 % of codellama:7b-instruct is on the processor", id="partly"),
        pytest.param(8 * 2**30, 0, "note", "8.0 GiB, none of it on a GPU", id="not at all"),
        pytest.param(0, 0, None, None, id="unknown"),
        pytest.param(0, 2**30, None, None, id="a size of zero"),
    ],
)
def test_where_the_model_is(size, on_gpu, state, text, server, repo, capsys, monkeypatch):
    monkeypatch.setattr("reviewbot.gpu.probe", Probe)
    entry = {"name": MODEL, "context_length": 4096, "size": size, "size_vram": on_gpu}
    server.answers["/api/ps"] = (200, {"models": [entry]})
    _, found = doctor(capsys)
    if state is None:
        assert "model memory" not in found
    else:
        assert found["model memory"][0][0] == state and found["model memory"][0][1].startswith(text)


def test_a_gpu_that_ollama_does_not_use(server, repo, capsys, monkeypatch):
    monkeypatch.setattr("reviewbot.gpu.probe", lambda: Probe((Gpu("A", 12 * 2**30, 12 * 2**30),)))
    entry = {"name": MODEL, "context_length": 4096, "size": 2**30}
    server.answers["/api/ps"] = (200, {"models": [entry]})
    _, found = doctor(capsys)
    assert found["model memory"][0][0] == "note" and "though a GPU has 12.0 GiB free" in found["model memory"][0][1]


@pytest.mark.parametrize("system", ["Talk like a pirate.", "", None])
def test_a_system_text_of_the_model_is_said_to_be_replaced(system, server, repo, capsys):
    server.answers["/api/show"][1]["system"] = system
    _, found = doctor(capsys)
    notes = [text for state, text in found["model"] if state == "note"]
    expected = ["the model's own SYSTEM text (19 characters) is replaced by reviewbot's instructions"]
    assert notes == (expected if system else [])


@pytest.mark.parametrize(
    ("version", "state"),
    [("0.17.0", "note"), ("0.17.1", "ok"), ("0.17.1-rc2", "ok"), ("0.9.6", "note"), ("0.0.0", "ok"), ("dev", "ok")],
)
def test_a_version_with_a_known_hole(version, state, server, repo, capsys):
    server.answers["/api/version"] = (200, {"version": version})
    _, found = doctor(capsys)
    assert found["server"][0][0] == state
    assert ("CVE-2026-7482" in found["server"][0][1]) is (state == "note")


@pytest.mark.parametrize(
    ("version", "answer", "expected"),
    [
        ("0.32.0", (200, {"cloud": {"disabled": True, "source": "env"}}), ["ok"]),
        ("0.32.0", (200, {"cloud": {"disabled": False, "source": "none"}}), ["note"]),
        ("0.12.0", (404, {}), ["note"]),
        ("0.0.0", (200, ["nonsense"]), ["note"]),
        ("0.11.4", (404, {}), []),
    ],
)
def test_how_the_cloud_is_switched_off(version, answer, expected, server, repo, capsys):
    server.answers["/api/version"] = (200, {"version": version})
    server.answers["/api/status"] = answer
    _, found = doctor(capsys)
    assert [state for state, _ in found.get("cloud", [])] == expected
    assert all(
        ("OLLAMA_NO_CLOUD=1 ollama serve" in text) is (state == "note") for state, text in found.get("cloud", [])
    )


@pytest.mark.parametrize(
    ("address", "port", "state", "expected"),
    [
        ("00000000", "2CAA", "0A", True),
        ("0" * 32, "2CAA", "0A", True),
        ("0100007F", "2CAA", "0A", False),
        ("00000000", "2CAB", "0A", False),
        ("00000000", "2CAA", "01", False),
        ("nonsense", "2CAA", "0A", False),
    ],
)
def test_who_listens_on_all_addresses(address, port, state, expected, monkeypatch, tmp_path):
    table = tmp_path / "tcp"
    table.write_text(f"  sl  local_address rem_address   st\n   0: {address}:{port} 00000000:0000 {state} 00000000\n")
    monkeypatch.setattr("reviewbot.cli.exposure.LISTENERS", (str(tmp_path / "none"), str(table)))
    assert listens_everywhere(11434) is expected


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens where")
def test_a_server_on_loopback_is_not_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not listens_everywhere(server.getsockname()[1])


def test_an_open_server_is_said_to_be_one(server, repo, capsys, monkeypatch, tmp_path):
    port = urlsplit(server.url).port
    table = tmp_path / "tcp"
    table.write_text(f"  sl  local_address rem_address   st\n   0: 00000000:{port:04X} 00000000:0000 0A 00000000\n")
    monkeypatch.setattr("reviewbot.cli.exposure.LISTENERS", (str(table), str(tmp_path / "none")))
    _, found = doctor(capsys)
    assert found["exposure"] == [
        (
            "note",
            f"port {port} is open to the network around this machine: others can use the server; "
            "try: OLLAMA_HOST=127.0.0.1 ollama serve",
        )
    ]


def test_a_remote_endpoint_is_never_asked_without_leave(repo, capsys):
    code, found = doctor(capsys, "--endpoint", "http://192.0.2.1:11434")
    assert code == 3 and found["endpoint"][0][0] == "FAILED" and "server" not in found
    assert "--allow-remote" in found["endpoint"][0][1]


@pytest.mark.parametrize("leave", [[], ["--allow-remote"]])
def test_a_host_without_an_address_is_called_that(repo, capsys, leave):
    code, found = doctor(capsys, "--endpoint", "http://nowhere.invalid:1", *leave)
    assert code == 3 and found["endpoint"][0][0] == "FAILED" and "server" not in found
    assert "does not resolve" in found["endpoint"][0][1]


def test_a_remote_endpoint_with_leave_is_said_to_be_one(repo, capsys):
    code, found = doctor(capsys, "--endpoint", "http://240.0.0.1:9", "--allow-remote", "--engine", "ollama")
    assert code == 3 and found["server"][0][0] == "FAILED"
    assert found["endpoint"] == [
        ("note", "http://240.0.0.1:9 (--endpoint) is not this machine: code is sent there, as allow_remote permits")
    ]


def test_a_broken_configuration(server, repo, capsys):
    repo.write(".reviewbot.toml", "modle = 'x'")
    code, found = doctor(capsys)
    assert code == 3 and server.asked == []
    assert found["configuration"][0][0] == "FAILED" and "the nearest is model; try: " in found["configuration"][0][1]
    assert found["server"] == [("FAILED", "not asked, because the configuration cannot be used")]


def test_what_is_not_applied_is_said(server, repo, capsys):
    repo.write(".reviewbot.toml", "block_at = 'never'\nexclude = ['x']\nseed = 3\n")
    code, found = doctor(capsys)
    states = [state for state, _ in found["configuration"]]
    assert code == 0 and states == ["ok", "note", "note"]
    assert found["configuration"][0][1].startswith("repository file .reviewbot.toml")


def test_outside_a_repository(server, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, found = doctor(capsys)
    assert code == 0 and found["repository"][0][0] == "note" and "hook" not in found


def test_a_bare_repository(server, repo, tmp_path, monkeypatch, capsys):
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    monkeypatch.chdir(tmp_path / "bare.git")
    code, found = doctor(capsys)
    assert code == 0 and found["repository"][0][0] == "note" and "is bare" in found["repository"][0][1]


@pytest.mark.parametrize(
    ("answer", "state", "text"),
    [
        pytest.param("echo git version 2.29.9", "FAILED", "version 2.29.9; try: install git 2.30", id="too old"),
        pytest.param("echo git version 2.30.0", "ok", "version 2.30.0", id="just new enough"),
        pytest.param("echo git version 3.0.rc1", "ok", "version 3.0", id="candidate of a next one"),
        pytest.param("echo git version 2.39.5 '(Apple Git-154)'", "ok", "version 2.39.5", id="with a vendor"),
        pytest.param("exit 1", "FAILED", "does not tell its version; try: install git 2.30", id="broken"),
        pytest.param(None, "FAILED", "cannot be run: No such file or directory; try: install git", id="absent"),
    ],
)
def test_versions_of_git(answer, state, text, tmp_path, monkeypatch):
    from reviewbot.cli.doctor import _check_git, _line

    monkeypatch.setenv("PATH", str(tmp_path))
    if answer:
        (tmp_path / "git").write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / "git").chmod(0o755)
    line = _line(_check_git())
    assert line.startswith(state) and text in line


# Hooks


def write_hook(path: Path, text: str, mode: int = 0o755) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_hooks_of_ours(server, repo, capsys):
    write_hook(repo.path / ".git/hooks/pre-commit", "#!/bin/sh\nexec reviewbot hook pre-commit\n")
    write_hook(repo.path / ".git/hooks/pre-push", "#!/bin/sh\nexec reviewbot hook pre-push\n", 0o644)
    code, found = doctor(capsys)
    path = repo.path / ".git/hooks/pre-push"
    assert code == 3 and found["hook"] == [
        ("ok", f"pre-commit: {repo.path}/.git/hooks/pre-commit"),
        ("FAILED", f"{path} is not executable, so git passes over it; try: chmod +x {path}"),
    ]


def test_the_hooks_that_install_writes(server, repo, tmp_path, capsys):
    folder = repo.path / ".git/hooks"
    install(str(folder), ("pre-commit",), sys.executable, "allow")
    code, found = doctor(capsys)
    assert code == 0 and found["hook"] == [("ok", f"pre-commit: {folder}/pre-commit")]
    gone = tmp_path / "old 'venv'/bin/python"
    install(str(folder), ("pre-commit",), str(gone), "allow")
    code, found = doctor(capsys)
    assert code == 3 and found["hook"] == [
        ("FAILED", f"{folder}/pre-commit runs what is gone: {gone}; try: reviewbot install")
    ]


def test_a_hook_that_was_edited_by_hand(server, repo, capsys):
    write_hook(repo.path / ".git/hooks/pre-commit", "#!/bin/sh\nif [ -x '/a ]; then\nreviewbot hook pre-commit\nfi\n")
    code, found = doctor(capsys)
    assert code == 0 and found["hook"][0][0] == "ok"


def test_hooks_elsewhere(server, repo, tmp_path, capsys):
    repo.git("config", "core.hooksPath", str(tmp_path / "hooks"))
    write_hook(repo.path / ".git/hooks/pre-commit", "#!/bin/sh\nexec reviewbot hook pre-commit\n")
    write_hook(tmp_path / "hooks/pre-merge-commit", "#!/bin/sh\nexec reviewbot hook pre-merge-commit\n")
    _, found = doctor(capsys)
    assert found["hook"] == [("ok", f"pre-merge-commit: {tmp_path}/hooks/pre-merge-commit")]


@pytest.mark.parametrize(
    ("hook", "config", "state"),
    [
        pytest.param("exec pre-commit hook-impl", "- id: reviewbot", "ok", id="pre-commit runs it"),
        pytest.param("exec pre-commit hook-impl", "- id: ruff", "note", id="pre-commit runs others"),
        pytest.param("exec pre-commit hook-impl", None, "note", id="pre-commit without configuration"),
        pytest.param("make lint", "- id: reviewbot", "note", id="another hook"),
        pytest.param("# pre-commit run\nnpm test", "- id: reviewbot", "note", id="a comment that names it"),
        pytest.param("pre-commit run", "- id: reviewbot", "ok", id="by hand"),
    ],
)
def test_hooks_of_others(hook, config, state, server, repo, capsys):
    write_hook(repo.path / ".git/hooks/pre-commit", f"#!/bin/sh\n{hook}\n")
    if config:
        repo.write(".pre-commit-config.yaml", f"repos:\n- repo: local\n  hooks:\n  {config}\n")
    _, found = doctor(capsys)
    assert [line[0] for line in found["hook"]] == [state]


# The embedded engine


class ScriptedEngine:
    """An embedded engine without a model: answers digits, or fails."""

    def __init__(self, *, demo: bool = False, fails: bool = False) -> None:
        self.demo, self.fails, self.closed = demo, fails, False

    def describe(self, deadline):
        return EngineInfo("embedded", "tiny.gguf", "in this process", 0, True, demo=self.demo)

    def vocabulary(self, deadline):
        return None

    def load(self, window_tokens, opening, deadline):
        return Loaded(window_tokens)

    def ask(self, request, deadline):
        if self.fails:
            raise ReplyError("the model broke")
        return Reply(DIGITS, 40, 21)

    def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("engine", "code", "model", "request_state"),
    [
        pytest.param(ScriptedEngine(), 0, "ok", "ok", id="works"),
        pytest.param(ScriptedEngine(fails=True), 3, "ok", "FAILED", id="fails"),
        pytest.param(ScriptedEngine(demo=True), 3, "FAILED", "ok", id="demo model"),
    ],
)
def test_an_embedded_engine(engine, code, model, request_state, server, repo, capsys, monkeypatch):
    monkeypatch.setattr("reviewbot.cli.engine.embedded_engine", lambda config: engine)
    exit_code, found = doctor(capsys, "--engine", "embedded")
    assert exit_code == code and engine.closed and server.asked == []
    assert (found["model"][0][0], found["test request"][0][0]) == (model, request_state)
    assert "tiny.gguf" in found["model"][0][1]


def test_an_embedded_engine_without_a_model(repo, capsys, monkeypatch):
    monkeypatch.setattr("reviewbot.cli.engine.embedded_engine", lambda config: None)
    code, found = doctor(capsys, "--engine", "embedded")
    assert code == 3 and found["engine"] == [
        ("FAILED", "the embedded engine needs a model file; try: --model-file MODEL.gguf")
    ]


def test_your_model_file_stands_in_for_a_server(no_server, repo, capsys, monkeypatch):
    monkeypatch.setattr("reviewbot.cli.engine.embedded_engine", lambda config: ScriptedEngine())
    repo.write("m.gguf", "GGUF")
    code, found = doctor(capsys, "--model-file", "m.gguf")
    assert code == 0 and found["server"][0][0] == "note"
    assert "in a git hook it does so only when it is named" in found["engine"][0][1]


@pytest.mark.parametrize("present", [True, False])
def test_the_demo_model_is_no_review(present, no_server, repo, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("reviewbot.engines.embedded.find_demo_model", lambda: tmp_path if present else None)
    monkeypatch.setattr("reviewbot.engines.embedded.embedded_available", lambda: True)
    code, found = doctor(capsys)
    assert code == 3 and found["server"][0][0] == "FAILED"
    assert ("demo model" in found) is present


# Both commands


@pytest.mark.parametrize("command", ["doctor", "config"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--format", "github"], "prints text or json", id="format"),
        pytest.param(["--output", "x.json"], "writes no report", id="output"),
    ],
)
def test_options_of_reports_are_refused(command, words, message, repo, capsys):
    assert main([command, *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and f"{command} {message}" in err and "try: reviewbot" in err
    assert not os.path.exists("x.json")


def test_without_git(server, repo, tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    code, found = doctor(capsys)
    assert code == 3 and found["git"][0][0] == "FAILED" and found["repository"][0][0] == "note"
    assert main(["config"]) == 0
    assert "no repository file was read" in capsys.readouterr().err


def test_neither_command_changes_the_repository(server, repo, capsys):
    def state():
        return sorted(
            (str(path), path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in repo.path.rglob("*")
        )

    repo.stage("a.txt", "x")
    before = state()
    assert main(["doctor"]) == 0 and main(["config"]) == 0
    assert state() == before
