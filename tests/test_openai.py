"""Servers that speak OpenAI's protocol: a real llama-server, a scripted vLLM, keys, certificates, windows."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import GitRepo
from fake_vllm import MODEL, FakeVllm, chunks
from servers import serve_llama, tiny_gguf

from reviewbot.cli import main
from reviewbot.engines import embedded_child

KEY = "sk-" + "q7x2m4k9p1r5t8w3"


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVllm]:
    with FakeVllm() as server:
        monkeypatch.setenv("REVIEWBOT_ENGINE", "openai")
        monkeypatch.setenv("REVIEWBOT_ENDPOINT", server.url)
        monkeypatch.setenv("REVIEWBOT_MODEL", MODEL)
        yield server


def reviewed(capfd: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["--format", "json", *words])
    return json.loads(capfd.readouterr().out)


def test_a_defect_blocks(vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = 1\ny = BUG(x)\n")
    report = reviewed(capfd)
    assert report["verdict"]["outcome"] == "blocked"
    assert [(f["line"], f["confirmed"]) for f in report["findings"]] == [(2, "yes")]
    engine = report["engine"]
    assert (engine["kind"], engine["model"], engine["window_tokens"]) == ("openai", MODEL, 16384)
    schema = vllm.chats[0]["response_format"]["json_schema"]
    assert schema["name"] == "answer" and schema["strict"] is True
    assert vllm.chats[0]["stream"] is True


@pytest.mark.parametrize("flat", [False, True])
def test_a_prompt_and_its_answer_fit_together(
    flat: bool, vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    vllm.flat_errors = flat
    vllm.window = 2048
    repo.stage("a.py", "".join(f"value_{i} = compute(one, two, {i})\n" for i in range(400)))
    report = reviewed(capfd)
    assert report["coverage"]["reviewed"] == 400
    assert report["engine"]["window_tokens"] == 2048
    assert sum(vllm.too_long(body) is None for body in vllm.chats) == len(vllm.chats) > 2


@pytest.mark.parametrize("flat", [False, True])
def test_a_server_that_counts_more_than_we_do_is_asked_in_parts(
    flat: bool, vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    vllm.flat_errors = flat

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        if len(body["messages"][-1]["content"]) > 2500:
            words = "This model's maximum context length is 16384 tokens. However, you requested 20000 tokens"
            return 400, vllm.error(words, "BadRequestError", 400)
        return vllm.find(body)

    vllm.answer = answer
    repo.stage("a.py", "".join(f"value_{i} = compute(one, two, {i})\n" for i in range(200)))
    assert reviewed(capfd)["coverage"]["reviewed"] == 200


def test_a_count_below_ours_is_a_cut(
    vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gguf = tiny_gguf(tmp_path)
    vllm.window = None
    vllm.extra["/props"] = {"default_generation_settings": {"n_ctx": 4096}, "model_path": str(gguf)}
    vllm.answer = lambda body: (200, chunks('{"findings": []}', usage={"prompt_tokens": 35, "completion_tokens": 2}))
    repo.stage("a.py", "x = 1\ny = 2\n")
    report = reviewed(capfd)
    assert report["verdict"]["outcome"] == "not_reviewed"
    assert "cut the prompt" in report["failed"][0]["reason"]


def test_a_server_that_tells_no_window_needs_a_word(
    vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    vllm.window = None
    repo.stage("a.py", "x = 1\n")
    report = reviewed(capfd)
    assert report["failed"][0]["reason"] == f"{vllm.url} does not tell the window of {MODEL}"
    assert reviewed(capfd, "--num-ctx", "8192")["coverage"]["reviewed"] == 1
    sent = vllm.chats[0]
    size = sum(len(message["content"].encode()) for message in sent["messages"])
    assert size + sent["max_tokens"] < 4096  # it may cut, and nobody can count: as if each byte were a token


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (chunks('{"findings": [', None), "the answer broke off before its end"),
        (chunks('{"findings": [', "length"), "the answer hit its length limit"),
        (chunks("", "stop"), "the model answered nothing"),
        (chunks('{"findings": []}', "content_filter"), "the answer ended with 'content_filter'"),
        ([{"object": "error", "message": "engine dead", "code": 500}], "the server failed (200): engine dead"),
        ([{"error": {"message": "engine dead", "code": 500}}], "the server failed (200): engine dead"),
        ([b'data: {"choices": [\n\n'], "the answer broke off in the middle of a line"),
    ],
)
def test_an_answer_that_is_none_is_no_review(
    events: list[Any], reason: str, vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    vllm.answer = lambda body: (200, events)
    repo.stage("a.py", "x = 1\n")
    report = reviewed(capfd)
    assert report["verdict"]["outcome"] == "not_reviewed"
    assert report["failed"][0]["reason"] == reason


def test_what_a_cut_answer_cost_counts(vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    vllm.answer = lambda body: (200, chunks('{"findings": [', "length"))
    repo.stage("a.py", "x = 1\n")
    assert reviewed(capfd)["usage"]["completion_tokens"] == 10 * len(vllm.chats)


def test_the_key_is_sent_and_never_shown(
    vllm: FakeVllm, repo: GitRepo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    vllm.key = KEY
    monkeypatch.setenv("TEAM", "reviewers")
    monkeypatch.setenv("MY_KEY", "wrong-" + KEY[::-1])
    repo.stage("a.py", "x = 1\n")
    words = ["--api-key-env", "MY_KEY", "--headers", "X-Team=TEAM"]
    assert main(words) == 3
    told = capfd.readouterr()
    assert "wants a key, or another one (401)" in told.err and KEY[::-1] not in told.out + told.err
    monkeypatch.setenv("MY_KEY", KEY)
    for more in ([], ["--format", "json"], ["-v"], ["--show-dropped"]):
        assert main([*words, *more]) == 0
    for command in ("config", "doctor", "plan"):
        main([command, *words])
    told = capfd.readouterr()
    assert KEY not in told.out + told.err
    assert vllm.headers[-1]["X-Team"] == "reviewers"
    assert vllm.headers[-1]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--api-key-env", "NOT_SET"], "api_key_env: the variable NOT_SET is not set"),
        (["--api-key-env", KEY], "it has to be the name of a variable, not the key itself"),
        (["--headers", "X-Team: reviewers"], "headers cannot be"),
        (["--headers", "X-Team=NOT_SET"], "headers: the variable NOT_SET is not set"),
        (["--ca-file", "README.md", "--endpoint", "https://127.0.0.1:9"], "has no certificates to trust"),
        (["--endpoint", "http://192.0.2.1:8000"], "is not on this machine, and nothing may leave it"),
        (["--model", "gpt-oss:120b-cloud"], "cloud"),
    ],
)
def test_what_is_refused(
    words: list[str], reason: str, vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main(words) == 2
    assert reason in capfd.readouterr().err
    assert vllm.chats == []


@pytest.mark.parametrize("key", ["api_key_env", "headers", "ca_file"])
def test_a_repository_may_not_set_it(key: str, repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    value = '["X=Y"]' if key == "headers" else '"HOME"'
    repo.write(".reviewbot.toml", f"{key} = {value}\n")
    repo.stage("a.py", "x = 1\n")
    assert main(["--no-model"]) == 2
    assert f"may not set {key}" in capfd.readouterr().err


def test_another_model_is_named(vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main(["--model", "other"]) == 3
    told = capfd.readouterr().err
    assert f"has no model other; it has {MODEL}" in told and f"try: --model {MODEL}" in told


def test_an_ollama_server_is_sent_back_to_its_engine(
    vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    vllm.extra["/api/version"] = {"version": "0.32.0"}
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 3
    told = capfd.readouterr().err
    assert "is an Ollama server, which cuts long prompts silently in this protocol" in told
    assert "try: --engine ollama" in told and vllm.chats == []


def test_a_busy_server_is_asked_again(vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    answers = [(429, vllm.error("slow down", "rate_limit", 429)), (503, vllm.error("loading", "unavailable", 503))]
    vllm.answer = lambda body: answers.pop(0) if answers else vllm.find(body)
    repo.stage("a.py", "x = 1\n")
    assert reviewed(capfd)["coverage"]["reviewed"] == 1
    assert len(vllm.chats) == 3


def test_many_requests_at_one_time_give_the_same_report(
    vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        rows = [f"value_{i} = {'BUG' if i == number else 'compute'}({i})" for i in range(60)]
        repo.stage(f"f{number}.py", "\n".join(rows) + "\n")
    words = ["--chunk-tokens", "400"]
    alone, together = reviewed(capfd, *words), reviewed(capfd, *words, "--parallel", "200")
    assert len(vllm.chats) > 24
    assert together["findings"] == alone["findings"] != []
    assert together["coverage"] == alone["coverage"]


def test_doctor_and_plan(vllm: FakeVllm, repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = 1\n")
    assert main(["doctor"]) == 0
    told = capfd.readouterr().out
    assert "speaks OpenAI's protocol" in told
    assert f"{MODEL}, window 16384" in told
    assert main(["plan", "--staged", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["window"]["tokens"] == 16384


def test_a_certificate_of_ones_own(
    vllm: FakeVllm, repo: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = [str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", files[0]]
    subprocess.run([*make, "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    vllm.server.socket = context.wrap_socket(vllm.server.socket, server_side=True)
    repo.stage("a.py", "x = 1\n")
    words = ["--endpoint", f"https://127.0.0.1:{vllm.port}"]
    assert main(words) == 3
    assert "cannot be reached" in capfd.readouterr().err
    assert main([*words, "--ca-file", files[1]]) == 0


def test_the_server_of_xllamacpp_with_a_key(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("xllamacpp")
    gguf = tiny_gguf(tmp_path)
    repo.stage("a.py", "".join(f"value_{i} = compute({i})\n" for i in range(60)))
    child = Path(embedded_child.__file__)
    order = {"model": str(gguf), "n_ctx": 4096, "threads": 1, "api_key": KEY}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-P", child], stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        url = json.loads(server.stdout.readline())["address"]
        for name, value in (("ENGINE", "openai"), ("ENDPOINT", url), ("API_KEY_ENV", "MY_KEY")):
            monkeypatch.setenv(f"REVIEWBOT_{name}", value)
        monkeypatch.setenv("MY_KEY", "wrong")
        assert main([]) == 3
        assert "wants a key, or another one (401)" in capfd.readouterr().err
        monkeypatch.setenv("MY_KEY", KEY)
        assert main([]) == 3
        model = capfd.readouterr().err.partition("try: --model ")[2].split()[0]
        report = reviewed(capfd, "--model", model)
        server.stdin.close()
    coverage = report["coverage"]
    assert coverage["added"] == 60 == coverage["reviewed"] + coverage["failed"]
    assert all("the answer hit its length limit" in entry["reason"] for entry in report["failed"])
    assert report["engine"]["window_tokens"] == 4096


@pytest.mark.real_server
@pytest.mark.parametrize("slots", [1, 2])
def test_a_real_llama_server(
    slots: int, repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gguf = tiny_gguf(tmp_path)
    repo.stage("a.py", "".join(f"value_{i} = compute({i})\n" for i in range(200)))
    options = ["-c", str(4096 * slots), "-np", str(slots), "--no-kv-unified"]
    with serve_llama(gguf, tmp_path / "log", *options) as url:
        for name, value in (("ENGINE", "openai"), ("ENDPOINT", f"{url}/v1"), ("PARALLEL", str(slots))):
            monkeypatch.setenv(f"REVIEWBOT_{name}", value)
        assert main([]) == 3
        told = capfd.readouterr().err
        model = told.partition("try: --model ")[2].split()[0]
        report = reviewed(capfd, "--model", model)
        assert main(["doctor", "--model", model]) == 0
        assert "tokens are counted exactly" in capfd.readouterr().out
    coverage = report["coverage"]
    assert coverage["added"] == 200 == coverage["reviewed"] + coverage["failed"]
    assert all("the answer hit its length limit" in entry["reason"] for entry in report["failed"])
    assert report["engine"]["window_tokens"] == 4096
    assert report["verdict"]["outcome"] != "blocked"
