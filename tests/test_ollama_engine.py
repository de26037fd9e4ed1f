"""The Ollama client against everything a server can do wrong: never a reply that is less than whole."""

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_server import MODEL, TOO_LONG_NEW, TOO_LONG_OLD, Answer, Exchange, FakeServer, done, part, say
from hypothesis import given
from hypothesis import strategies as st
from values import OPENING

from reviewbot.engines import Request, ollama
from reviewbot.engines.answers import decode_event
from reviewbot.engines.ollama import OllamaEngine
from reviewbot.errors import (
    DeadlineReached,
    EngineDown,
    EngineError,
    ModelMissing,
    PrivacyError,
    PromptTooLong,
    ReplyCut,
    ReplyError,
    ReplyTorn,
    ServerBusy,
)

REQUEST = Request("instructions", "the change", {"type": "object"}, reply_tokens=200)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """How long a silent server is waited for, in seconds: half of one, unless a test says otherwise."""

    def wait(seconds: float) -> None:
        monkeypatch.setattr(ollama, "FIRST_BYTE_S", seconds)
        monkeypatch.setattr(ollama, "SILENCE_S", seconds)

    wait(0.5)
    return wait


def engine(server: FakeServer, **options) -> OllamaEngine:
    return OllamaEngine(endpoint=server.url, model=MODEL, **options)


def ask(answer: Answer, deadline: float | None = None, **options):
    with FakeServer(answer) as server:
        asked = engine(server, **options)
        try:
            asked.load(4096, OPENING, None)
            return asked.ask(REQUEST, deadline)
        finally:
            asked.close()


def test_what_is_sent_is_constant_and_bounded() -> None:
    with FakeServer(say("{}")) as server:
        asked = engine(server, temperature=0.3, seed=7)
        asked.load(8192, OPENING, None)
        asked.ask(REQUEST, None)
        asked.close()
    (body,) = server.chats
    assert body["options"] == {"num_ctx": 8192, "num_predict": 200, "temperature": 0.3, "seed": 7, "stop": []}
    assert (body["truncate"], body["shift"], body["stream"], body["format"]) == (False, False, True, REQUEST.schema)
    assert [m["role"] for m in body["messages"]] == ["system", "user"]


@pytest.mark.parametrize(("setting", "sent"), [("30m", "30m"), ("1h30m", "1h30m"), ("0", 0), ("-1", -1)])
def test_the_model_stays_loaded_as_long_as_is_set(setting: str, sent: object) -> None:
    with FakeServer(say("{}")) as server:
        asked = engine(server, keep_alive=setting)
        asked.load(4096, OPENING, None)
        asked.ask(REQUEST, None)
        asked.close()
    bodies = [body for path, body in server.requests if path == "/api/chat"]
    assert [body["keep_alive"] for body in bodies] == [sent, sent]


def test_a_whole_answer_is_returned_with_its_counts() -> None:
    reply = ask(say('{"findings": []}', prompt_tokens=77, tokens=5))
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ('{"findings": []}', 77, 5)


def test_absent_statistics_are_zero() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(part("{}"), {"done": True, "done_reason": "stop"})

    assert ask(answer).prompt_tokens == 0


def stream(*events) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(*events)

    return answer


def status(code: int, body, **headers) -> Answer:
    return lambda exchange: exchange.status(code, body, **headers)


def hang(*events) -> Answer:
    def answer(exchange: Exchange) -> None:
        if events:
            exchange.begin()
            exchange.send(*events)
        exchange.wait()

    return answer


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        pytest.param(stream(part("x")), ReplyTorn, "broke off", id="no last line"),
        pytest.param(stream(part("x"), b'{"mess'), ReplyTorn, "middle of a line", id="torn line"),
        pytest.param(status(200, b"{", **{"Content-Length": "9"}), ReplyTorn, "broke off", id="torn connection"),
        pytest.param(stream({"error": "runner died"}), ReplyError, "runner died", id="error line first"),
        pytest.param(stream(part("x"), {"error": "out of memory"}), ReplyError, "out of memory", id="error line later"),
        pytest.param(stream(part("x"), done("length")), ReplyCut, "length limit", id="cut"),
        pytest.param(stream(done("load")), ReplyError, "load", id="only loaded"),
        pytest.param(stream(part(" \n"), done()), ReplyTorn, "answered nothing", id="empty answer"),
        pytest.param(stream(b"<html>\n"), ReplyError, "not JSON", id="no JSON"),
        pytest.param(stream(b"[1]\n"), ReplyError, "not what Ollama sends", id="other JSON"),
        pytest.param(stream(part("x" * 1000) | {"pad": "y" * 5_000_000}), ReplyError, "bytes", id="10 MB"),
        pytest.param(status(500, {"error": "boom"}), ReplyError, "boom", id="500"),
        pytest.param(status(503, {"error": "server busy"}), ServerBusy, "server busy", id="503"),
        pytest.param(status(404, {"error": "model not found"}), ModelMissing, MODEL, id="404"),
        pytest.param(status(403, b""), EngineDown, "refuses", id="403 without body"),
        pytest.param(status(400, TOO_LONG_OLD), PromptTooLong, "too long", id="too long, 0.12 to 0.24"),
        pytest.param(status(400, TOO_LONG_NEW), PromptTooLong, "too long", id="too long, from 0.30"),
        pytest.param(status(302, b"", Location="http://127.0.0.1:1/"), EngineDown, "redirects", id="redirect"),
        pytest.param(status(200, b"hello", content_type="text/html"), ReplyError, "not JSON", id="content type"),
        pytest.param(stream(part("x") | {"remote_host": "x"}, done()), PrivacyError, "another machine", id="forwarded"),
        pytest.param(hang(), EngineDown, "silent", id="hangs before its head"),
        pytest.param(hang(b""), EngineDown, "silent", id="hangs after its head"),
        pytest.param(hang(part("x")), EngineDown, "silent", id="hangs in mid-answer"),
    ],
)
def test_less_than_a_whole_answer_is_an_error(answer: Answer, expected: type[Exception], words: str) -> None:
    started = time.monotonic()
    with pytest.raises(expected, match=words) as caught:
        ask(answer)
    assert caught.type is expected
    assert time.monotonic() - started < 5


def test_a_cut_answer_tells_what_it_cost() -> None:
    with pytest.raises(ReplyCut) as caught:
        ask(stream(part("x"), done("length")))
    assert (caught.value.prompt_tokens, caught.value.completion_tokens) == (100, 10)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()), st.data())
def test_any_line_that_is_cut_is_torn(event: dict, data: st.DataObject) -> None:
    line = json.dumps(event).encode()
    assert decode_event(line) == event
    with pytest.raises(ReplyTorn):
        decode_event(line[: data.draw(st.integers(1, len(line) - 1))])


def trickle(exchange: Exchange) -> None:
    exchange.begin()
    while not exchange.released.wait(0.05):
        exchange.send(part("x"))


@pytest.mark.parametrize(
    "answer", [pytest.param(hang(), id="silence"), pytest.param(trickle, id="a byte now and then")]
)
def test_the_deadline_ends_every_answer(answer: Answer, patience: Callable[[float], None]) -> None:
    patience(30)
    started = time.monotonic()
    with pytest.raises(DeadlineReached):
        ask(answer, deadline=started + 0.4)
    assert time.monotonic() - started < 3


def test_a_deadline_closes_the_socket() -> None:
    gone = []

    def answer(exchange: Exchange) -> None:
        try:
            trickle(exchange)
        except OSError:
            gone.append(True)
            raise

    with FakeServer(answer) as server:
        asked = engine(server)
        asked.load(4096, OPENING, None)
        with pytest.raises(DeadlineReached):
            asked.ask(REQUEST, time.monotonic() + 0.3)
        end = time.monotonic() + 5
        while not gone and time.monotonic() < end:
            server.released.wait(0.02)
        asked.close()
    assert gone


def test_a_unix_socket_is_this_machine(tmp_path: Path) -> None:
    with FakeServer(path=tmp_path / "s.sock") as server:
        asked = OllamaEngine(endpoint=server.url, model=MODEL)
        assert asked.describe(None).endpoint == f"unix://{tmp_path}/s.sock"
        asked.load(4096, OPENING, None)
        assert asked.ask(REQUEST, time.monotonic() + 60).text
        asked.close()


def test_nobody_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        asked = OllamaEngine(endpoint=f"http://127.0.0.1:{closed.getsockname()[1]}", model=MODEL)
        with pytest.raises(EngineDown, match="no Ollama server answers") as caught:
            asked.describe(None)
    assert "ollama serve" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("path", "answer", "expected", "words"),
    [
        pytest.param("/api/version", (404, {}), EngineDown, "no Ollama server", id="another server"),
        pytest.param("/api/version", (200, ["x"]), EngineDown, "no Ollama server", id="other JSON"),
        pytest.param(
            "/api/version",
            (200, {"version": "0" * 11_000_000}),
            EngineDown,
            "but not as Ollama",
            id="endless",
        ),
        pytest.param("/api/show", (404, {"error": "x"}), ModelMissing, "has no model", id="model is missing"),
        pytest.param("/api/show", (500, {"error": "x"}), EngineDown, "cannot show", id="broken"),
        pytest.param("/api/show", (200, {"remote_host": "https://x"}), PrivacyError, "another machine", id="stub"),
        pytest.param(
            "/api/tags",
            (200, {"models": [{"name": MODEL, "remote_model": "y"}]}),
            PrivacyError,
            "another",
            id="listed stub",
        ),
    ],
)
def test_what_a_server_says_of_itself_is_checked(path: str, answer, expected: type[EngineError], words: str) -> None:
    with FakeServer() as server:
        server.overrides[path] = answer
        asked = engine(server)
        with pytest.raises(expected, match=words):
            asked.describe(None)
        asked.close()
    assert server.chats == []


def test_a_busy_server_is_asked_for_its_version_again() -> None:
    with FakeServer() as server:
        server.overrides["/api/version"] = (503, {"error": "server busy"})
        asked = engine(server)
        with pytest.raises(DeadlineReached):
            asked.describe(time.monotonic() + 1)
        assert len(server.requests) > 1

        def recover() -> None:
            while len(server.requests) == refused:
                time.sleep(0.01)
            del server.overrides["/api/version"]

        refused = len(server.requests)
        recovery = threading.Thread(target=recover)
        recovery.start()
        assert asked.describe(None).server_version == "0.32.0"
        recovery.join()
        asked.close()


def test_a_server_that_stays_busy_is_not_called_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewbot.patience.PAUSES_S", (0.01,))
    with FakeServer() as server:
        server.overrides["/api/version"] = (503, {"error": "server busy"})
        asked = engine(server)
        with pytest.raises(EngineDown, match="is too busy to answer") as caught:
            asked.describe(None)
        assert caught.value.hint is None and len(server.requests) == 2
        asked.close()


@pytest.mark.parametrize(
    ("asked_for", "trained", "loaded", "facts"),
    [
        pytest.param(None, 16384, None, (None, None, 16384), id="nothing known"),
        pytest.param(2048, 2048, None, (2048, None, 2048), id="asked for"),
        pytest.param(None, 16384, 8192, (None, 8192, 16384), id="loaded"),
        pytest.param(None, 16384, 2048, (None, None, 16384), id="loaded with a window that is too small"),
    ],
)
def test_what_is_known_of_the_window(
    asked_for: int | None, trained: int, loaded: int | None, facts: tuple[int | None, ...]
) -> None:
    with FakeServer(trained=trained) as server:
        if loaded:
            server.overrides["/api/ps"] = (200, {"models": [{"name": MODEL, "context_length": loaded}]})
        asked = engine(server, num_ctx=asked_for)
        info = asked.describe(None)
        asked.close()
    known = info.facts
    assert (known.asked_window, known.loaded_window, known.trained_window) == facts
    assert (info.digest, info.server_version, known.weights_bytes) == ("d1" * 32, "0.32.0", 3825910662)


@pytest.mark.parametrize(
    ("says", "wanted", "expected"),
    [
        pytest.param(None, 4096, 4096, id="before 0.10 it does not say"),
        pytest.param(4096, 4096, 4096, id="as asked"),
        pytest.param(2048, 4096, 2048, id="less"),
        pytest.param(32768, 32768, 16384, id="a server that overstates"),
    ],
)
def test_the_window_that_is_loaded_counts(says: int | None, wanted: int, expected: int) -> None:
    with FakeServer(version="0.11.4") as server:
        entry = {"name": MODEL, "size": 10, "size_vram": 4, **({"context_length": says} if says else {})}
        server.overrides["/api/ps"] = (200, {"models": [entry]})
        asked = engine(server)
        loaded = asked.load(wanted, OPENING, None)
        asked.ask(REQUEST, None)
        asked.close()
    assert (loaded.window_tokens, loaded.bytes, loaded.gpu_bytes) == (expected, 10, 4)
    sent = {*server.loaded, *(body["options"]["num_ctx"] for body in server.chats)}
    assert sent == {wanted}  # another value would load the model anew
    assert loaded.prompt_tokens == round(len(OPENING.system + OPENING.user) / 1.75)


def test_a_loaded_model_is_loaded_again_only_where_the_prompt_has_to_be_counted() -> None:
    for version, messages, requests in (("0.32.0", [], 0), ("0.32.0", [{"role": "user"}], 1), ("0.12.5", [], 1)):
        with FakeServer(version=version) as server:
            shown = server.facts("/api/show")[1]
            server.overrides["/api/show"] = (200, {**shown, "messages": messages})
            server.overrides["/api/ps"] = (200, {"models": [{"name": MODEL, "context_length": 4096}]})
            asked = engine(server)
            loaded = asked.load(4096, OPENING, None)
            asked.close()
        assert len(server.loaded) == requests and bool(loaded.prompt_tokens) == bool(requests)


@pytest.mark.parametrize(
    ("version", "refuses"),
    [("0.12.5", False), ("0.12.6", True), ("0.33.0-rc2", True), ("0.0.0", False), ("", False), ("odd", False)],
)
def test_only_known_versions_are_trusted_to_refuse_a_long_prompt(version: str, refuses: bool) -> None:
    with FakeServer(version=version) as server:
        asked = engine(server)
        assert asked.describe(None).refuses_long is refuses
        asked.close()


@pytest.mark.parametrize(
    ("version", "tokens"), [("0.1.48", 0), ("0.2.0", 77), ("0.30.0", 0), ("0.30.1", 77), ("0.0.0", 77), ("odd", 77)]
)
def test_counts_that_leave_out_cached_tokens_do_not_count(version: str, tokens: int) -> None:
    with FakeServer(say("{}", prompt_tokens=77), version=version) as server:
        asked = engine(server)
        asked.load(4096, OPENING, None)
        assert asked.ask(REQUEST, None).prompt_tokens == tokens
        asked.close()


@pytest.mark.parametrize(("body", "window"), [(TOO_LONG_OLD, None), (TOO_LONG_NEW, 4096)])
def test_a_refusal_tells_the_real_window_where_it_does(body: dict, window: int | None) -> None:
    with pytest.raises(PromptTooLong) as caught:
        ask(status(400, body))
    assert caught.value.window == window


def test_the_vocabulary_is_asked_for_once(tmp_path: Path) -> None:
    with FakeServer() as server:
        shown = server.facts("/api/show")[1]
        pieces = {
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": ["<s>", "a", "b", "ab"],
            "tokenizer.ggml.scores": [0, -3, -3, -1],
            "tokenizer.ggml.token_type": [3, 1, 1, 1],
        }
        server.overrides["/api/show"] = (200, {**shown, "model_info": {**shown["model_info"], **pieces}})
        for _ in range(2):
            asked = engine(server, cache_dir=str(tmp_path))
            vocabulary = asked.vocabulary(None)
            assert vocabulary is not None and vocabulary.count("abb") == 2
            asked.close()
        verbose = [body for path, body in server.requests if path == "/api/show" and body.get("verbose")]
        assert len(verbose) == 1
        server.overrides["/api/show"] = (200, shown)
        asked = engine(server, cache_dir=str(tmp_path))
        assert asked.vocabulary(None) is None
        asked.close()


def test_a_name_without_tag_is_the_latest_one() -> None:
    with FakeServer() as server:
        listed = {"models": [{"name": "codellama:latest", "digest": "abc"}]}
        server.overrides["/api/tags"] = (200, listed)
        asked = OllamaEngine(endpoint=server.url, model="codellama")
        assert asked.describe(None).digest == "abc"
        asked.close()
