"""Where requests may go, and how lines of a stream are split."""

import socket
from itertools import count
from types import SimpleNamespace

import httpx
import pytest

from reviewbot.engines.http import Client, local_url
from reviewbot.engines.ollama import OllamaEngine
from reviewbot.errors import ConfigError, EngineDown, PrivacyError, ReplyError, ReplyTorn
from reviewbot.values import is_cloud_name, refuse_cloud_name


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        pytest.param("http://127.0.0.1:11434", "http://127.0.0.1:11434", id="address"),
        pytest.param("http://127.8.9.1:1", "http://127.8.9.1:1", id="other loopback address"),
        pytest.param("http://[::1]:11434", "http://[::1]:11434", id="IPv6"),
        pytest.param("http://localhost:11434", "http://127.0.0.1:11434", id="name is resolved once"),
        pytest.param("http://localhost:11434/ollama", "http://127.0.0.1:11434/ollama", id="path is kept"),
    ],
)
def test_loopback_is_allowed_and_pinned_to_its_address(endpoint: str, expected: str) -> None:
    assert local_url(endpoint, allow_remote=False) == expected


@pytest.mark.parametrize(
    "endpoint",
    ["http://192.0.2.1:11434", "http://[2001:db8::1]:11434", "http://0.0.0.0:1"],
)
def test_another_machine_is_refused_unless_allowed(endpoint: str) -> None:
    with pytest.raises(PrivacyError, match="is not on this machine"):
        local_url(endpoint, allow_remote=False)
    assert local_url(endpoint, allow_remote=True) == endpoint


@pytest.mark.parametrize("endpoint", ["http://model.invalid", "http://a..b:80", "http://nowhere.invalid:11434/x"])
def test_a_name_without_address_is_called_that(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="does not resolve") as caught:
        local_url(endpoint, allow_remote=False)
    assert "not on this machine" not in caught.value.message and caught.value.hint
    assert local_url(endpoint, allow_remote=True) == endpoint


def test_a_name_with_one_foreign_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host, port, **kwargs):
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", port)), (*kind, ("192.0.2.7", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(PrivacyError):
        local_url("http://two.example:80", allow_remote=False)


@pytest.mark.parametrize("model", ["x:cloud", "x:7b-cloud", "lib/x:cloud", "X:CLOUD", "host:5000/lib/x:480b-cloud"])
def test_cloud_models_are_refused_by_name(model: str) -> None:
    with pytest.raises(PrivacyError, match="is a cloud model"):
        refuse_cloud_name(model)
    with pytest.raises(PrivacyError):
        OllamaEngine(endpoint="http://127.0.0.1:1", model=model)


@pytest.mark.parametrize("model", ["x-cloud", "cloud", "x:cloudy", "cloud/x:7b"])
def test_names_that_only_look_like_it_are_local(model: str) -> None:
    refuse_cloud_name(model)
    assert not is_cloud_name(model)


def streamed(*chunks: bytes) -> list[bytes]:
    class Stream(httpx.SyncByteStream):
        def __iter__(self):
            yield from chunks

    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Stream()))
    with Client("http://127.0.0.1:1", transport=transport) as client:
        with client.stream("/x", {}, deadline=None, first_byte_s=1, silence_s=1) as (_, lines):
            return list(lines)


def test_lines_are_split_at_line_feeds_alone() -> None:
    text = '{"a": "\u2028\x85\x0c"}\n'.encode()
    assert streamed(text[:8], text[8:] + b"\n", b'{"b"', b": 1}") == [text[:-1], b'{"b": 1}']


def test_a_short_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    times = count(0, 20.0)
    monkeypatch.setattr("reviewbot.engines.http.time", SimpleNamespace(monotonic=lambda: next(times)))
    chunks = (b" " for _ in count())
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=chunks))
    with Client("http://127.0.0.1:1", transport=transport) as client:
        with pytest.raises(ReplyError, match="did not end within 60 s"):
            client.call_json("/api/version")
    assert next(times) == 80.0


def test_an_answer_without_end_is_given_up() -> None:
    with pytest.raises(ReplyError, match="is over 4194304 bytes"):
        streamed(*[b"x" * 1024 * 1024] * 5)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        pytest.param(httpx.ConnectError("refused"), EngineDown, id="refused"),
        pytest.param(httpx.ConnectTimeout("slow"), EngineDown, id="connect time-out"),
        pytest.param(httpx.ReadTimeout("slow"), EngineDown, id="silence"),
        pytest.param(httpx.RemoteProtocolError("torn"), ReplyTorn, id="torn"),
        pytest.param(httpx.ReadError("reset"), ReplyTorn, id="reset"),
        pytest.param(httpx.InvalidURL("odd"), EngineDown, id="odd address"),
        pytest.param(httpx.UnsupportedProtocol("ftp"), EngineDown, id="protocol"),
        pytest.param(httpx.DecodingError("gzip"), ReplyError, id="encoding"),
    ],
)
def test_errors_of_the_library_are_ours(raised: Exception, expected: type[Exception]) -> None:
    def fail(request):
        raise raised

    with Client("http://127.0.0.1:1", transport=httpx.MockTransport(fail)) as client:
        with pytest.raises(expected) as caught:
            client.call_json("/x")
    assert caught.type is expected


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_refused(status: int) -> None:
    seen = []

    def answer(request):
        seen.append(str(request.url))
        return httpx.Response(status, headers={"location": "http://192.0.2.1/"})

    with Client("http://127.0.0.1:1", transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(EngineDown, match="redirects"):
            client.call_json("/x")
    assert seen == ["http://127.0.0.1:1/x"]


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            with Client(f"http://127.0.0.1:{closed.getsockname()[1]}") as client, pytest.raises(EngineDown):
                client.call_json("/x")
        with pytest.raises(BlockingIOError):
            listener.accept()
