"""Against real Ollama servers: 0.11.4 cuts what is too long, 0.24.0 refuses it, 0.32.0 runs llama-server."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import GitRepo
from msgspec.structs import replace
from servers import SMOLLM2, TINY, TINY_LLAMA, Server, models, ollama, serve, smollm2_gguf, tiny_gguf
from texts import draw
from values import BOUNDARY, OPENING, segment

from reviewbot.diff import Segment
from reviewbot.engines import Request
from reviewbot.engines.ollama import OllamaEngine
from reviewbot.errors import EngineError, ModelMissing, PromptTooLong, ReplyCut, ReplyError
from reviewbot.prompts import load_prompt, render_change
from reviewbot.replies import parse_findings, reply_schema
from reviewbot.tokens import ExactCounter
from reviewbot.window import TEMPLATE_TOKENS, open_window

__all__ = ["models", "ollama"]
pytestmark = pytest.mark.real_server

SEGMENTS = (segment("app/db.py", " def find(self):\n-    old()\n+    new()\n+    return x", 40),)


def engine(server: Server, model: str = TINY, num_ctx: int = 2048, **options) -> OllamaEngine:
    return OllamaEngine(endpoint=server.url, model=model, num_ctx=num_ctx, **options)


def request(segments: tuple[Segment, ...] = SEGMENTS, tokens: int = 400, seed: int = 0) -> Request:
    return Request(
        load_prompt("reviewer").system, render_change(segments, BOUNDARY), reply_schema(segments), tokens, seed
    )


def reviewbot(repo: GitRepo, url: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {"REVIEWBOT_ENDPOINT": url, "REVIEWBOT_MODEL": TINY, "REVIEWBOT_NUM_CTX": "4096", **env}
    return subprocess.run(
        [sys.executable, "-m", "reviewbot", *args],
        cwd=repo.path,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=600,  # a guard against hanging, not a measure: a slow machine takes minutes
    )


def test_the_server_is_described(ollama: Server) -> None:
    asked = engine(ollama)
    info = asked.describe(None)
    loaded = asked.load(32768, OPENING, None)
    asked.close()
    assert (loaded.window_tokens, info.server_version) == (16384, ollama.version)
    assert info.facts.metadata["llama.block_count"] == 2 and info.facts.weights_bytes > 500_000
    assert info.refuses_long is (ollama.version != "0.11.4")
    assert info.digest


def test_the_schema_holds(ollama: Server) -> None:
    asked = engine(ollama, temperature=0.8)
    asked.load(2048, OPENING, None)
    whole = 0
    for seed in range(6):
        try:
            parse_findings(asked.ask(request(seed=seed), None).text, SEGMENTS)
            whole += 1
        except ReplyCut:
            pass  # a random model may not come to an end; what matters is that no reply has another shape
    asked.close()
    assert whole > 0


@pytest.mark.parametrize("window", ["2048", "8192"])
def test_a_review_accounts_for_every_line_and_the_server_cuts_nothing(
    ollama: Server, repo: GitRepo, window: str
) -> None:
    cuts = ollama.log.read_text().count("truncating input prompt")
    repo.stage("a.py", "".join(f"value_{i} = compute({i})\n" for i in range(200)))
    done = reviewbot(repo, ollama.url, "--format", "json", "--num-ctx", window)
    report = json.loads(done.stdout)
    coverage = report["coverage"]
    assert coverage["added"] == 200 == coverage["reviewed"] + coverage["failed"]
    assert ollama.log.read_text().count("truncating input prompt") == cuts
    assert report["engine"]["window_tokens"] == int(window)
    assert done.returncode == report["verdict"]["exit_code"] == (3 if coverage["failed"] else 0)
    assert report["engine"]["server_version"] == ollama.version
    assert report["verdict"]["outcome"] != "blocked"


def test_a_prompt_over_the_window_is_refused_or_read_in_part_and_counted_so(ollama: Server) -> None:
    asked = engine(ollama)
    opening = Request(load_prompt("reviewer").system, render_change((), BOUNDARY), {"type": "object"}, 1)
    vocabulary = asked.vocabulary(None)
    assert vocabulary is not None
    loaded = asked.load(2048, opening, None)
    window = open_window(ExactCounter(vocabulary), loaded, opening)
    fitting = request((segment("a.py", "+x = 1"),), tokens=100)
    reply = asked.ask(replace(fitting, schema={"type": "array", "items": {}, "maxItems": 0}), None)
    assert window.fits(fitting) and not window.was_cut(fitting, reply)
    assert window.was_cut(fitting, replace(reply, prompt_tokens=reply.prompt_tokens - 1))  # known to the token
    assert window.cost(fitting) - TEMPLATE_TOKENS < reply.prompt_tokens + fitting.reply_tokens <= window.cost(fitting)
    long = request((segment("a.py", "\n".join(f"+value_{i} = compute({i})" for i in range(200))),))
    assert not window.fits(long)
    if ollama.version == "0.11.4":
        reply = asked.ask(replace(long, schema={"type": "array", "items": {}, "maxItems": 0}), None)
        assert window.was_cut(long, reply)
    else:
        with pytest.raises(PromptTooLong):
            asked.ask(long, None)
        assert "truncating input prompt" not in ollama.log.read_text()
    asked.close()


@pytest.mark.parametrize("model", [TINY, TINY_LLAMA])
def test_500_texts_count_as_the_server_counts_them(ollama: Server, model: str) -> None:
    asked = engine(ollama, model=model)
    counts = asked.vocabulary(None)
    asked.close()
    assert counts is not None
    wrong = []
    for text in map(draw, range(500)):
        body = {"model": model, "prompt": text, "raw": True, "stream": False}
        done = ollama.post("/api/generate", {**body, "options": {"num_predict": 1, "num_ctx": 4096}})
        if done.get("prompt_eval_count", 0) != counts.count_prompt(text):
            wrong.append((text, done.get("prompt_eval_count"), counts.count_prompt(text)))
    assert wrong == []


SPECIAL = ["</s>", "<s>", "<unk>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"]


def count_tokens(server: Server, text: str) -> int:
    """Tokens of a prompt as the server counts them."""
    body = {
        "model": TINY,
        "messages": [{"role": "user", "content": text}],
        "stream": False,
        "options": {"num_predict": 1, "num_ctx": 2048},
    }
    return int(server.post("/api/chat", body)["prompt_eval_count"])


@pytest.mark.parametrize("special", SPECIAL)
def test_special_strings_in_a_diff_are_plain_text(ollama: Server, special: str) -> None:
    # As plain text each further copy costs as many tokens as the one before it, and at least one a character group;
    # a control token would cost one.
    shown = [render_change((segment("a.py", f"+{special * copies}"),), BOUNDARY) for copies in (1, 2, 3)]
    counts = [count_tokens(ollama, text) for text in shown]
    raw = [count_tokens(ollama, text) for text in (f"a {special}", f"a {special * 2}")]
    assert counts[1] - counts[0] == counts[2] - counts[1] >= 3
    if special in ("</s>", "<s>", "<unk>"):
        assert raw[1] - raw[0] < counts[1] - counts[0]


def test_a_nul_byte_cuts_nothing_off(ollama: Server) -> None:
    tail = "\n".join(f"+value_{i} = compute({i})" for i in range(20))
    with_nul = count_tokens(ollama, render_change((segment("a.py", f"+a\x00b\n{tail}"),), BOUNDARY))
    assert with_nul >= count_tokens(ollama, render_change((segment("a.py", f"+ab\n{tail}"),), BOUNDARY))


def test_doctor_finds_that_a_review_would_work(ollama: Server, repo: GitRepo) -> None:
    done = reviewbot(repo, ollama.url, "doctor", "--format", "json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0
    assert checks["window"]["message"].endswith("tokens are counted exactly")
    assert "tokens per second" in checks["test request"]["message"]


def test_a_missing_model_names_the_command(ollama: Server, repo: GitRepo) -> None:
    asked = engine(ollama, model="nosuch:7b")
    with pytest.raises(ModelMissing) as caught:
        asked.describe(None)
    asked.close()
    assert caught.value.hint == "ollama pull nosuch:7b"
    repo.stage("a.py", "x = 1\n")
    done = reviewbot(repo, ollama.url, REVIEWBOT_MODEL="nosuch:7b")
    assert done.returncode == 3
    assert "NOTHING WAS REVIEWED" in done.stderr and "ollama pull nosuch:7b" in done.stderr


def test_a_server_killed_in_mid_answer_is_not_a_review(models) -> None:
    with serve("0.24.0", models) as server:
        asked = engine(server)
        asked.load(2048, OPENING, None)
        endless = Request("s", "count", {"type": "array", "items": {"type": "integer"}}, 100_000)
        caught: list[EngineError] = []

        def ask() -> None:
            try:
                asked.ask(endless, None)
            except EngineError as error:
                caught.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        end = time.monotonic() + 60
        while "POST" not in server.log.read_text() and b"runner" not in server.log.read_bytes():
            assert time.monotonic() < end
            time.sleep(0.05)
        server.process.send_signal(signal.SIGKILL)
        asking.join(60)
        asked.close()
    assert len(caught) == 1


def test_a_small_real_model_reviews(models, repo: GitRepo) -> None:
    """It answers in whole sentences, but not alike on each processor: now and then one runs into its length limit, and
    on a machine that is busy with something else there may be no time for all."""
    repo.stage("a.py", "mean = lambda values: sum(values) / len(values)\n")
    with serve("0.24.0", models) as server:
        settings = {"REVIEWBOT_MODEL": SMOLLM2, "REVIEWBOT_NUM_CTX": "2048", "REVIEWBOT_DEADLINE_S": "300"}
        done = reviewbot(repo, server.url, "--format", "json", **settings)
    report = json.loads(done.stdout)
    assert report["coverage"]["reviewed"] + report["coverage"]["failed"] == 1
    reasons = {"the answer hit its length limit", "the deadline was reached"}
    assert {omission["reason"] for omission in report["failed"]} <= reasons
    assert report["usage"]["completion_tokens"] > 0
    assert report["engine"]["model"] == SMOLLM2


def test_the_tiny_model_is_made_alike_each_time(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert tiny_gguf(tmp_path / "a").read_bytes() == tiny_gguf(tmp_path / "b").read_bytes()
    assert smollm2_gguf().stat().st_size == 98362432


def test_unusable_replies_are_reply_errors() -> None:
    with pytest.raises(ReplyError):
        parse_findings("value value value", SEGMENTS)
