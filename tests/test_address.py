"""The address of a server, as Ollama reads OLLAMA_HOST."""

import ipaddress
import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.address import BadAddress, UnknownHost, connectable, is_here, loopback_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param("127.0.0.1", "http://127.0.0.1:11434", id="bare host"),
        pytest.param("127.0.0.1:1234", "http://127.0.0.1:1234", id="host and port"),
        pytest.param("example", "http://example:11434", id="bare name"),
        pytest.param("gpu_box.lan:80", "http://gpu_box.lan:80", id="name with underscore"),
        pytest.param("Example.ORG", "http://example.org:11434", id="name in capitals"),
        pytest.param(":11434", "http://127.0.0.1:11434", id="port alone"),
        pytest.param(":5000", "http://127.0.0.1:5000", id="another port alone"),
        pytest.param("", "http://127.0.0.1:11434", id="nothing"),
        pytest.param("http://", "http://127.0.0.1:80", id="scheme alone"),
        pytest.param("http://example", "http://example:80", id="http without port"),
        pytest.param("https://example", "https://example:443", id="https without port"),
        pytest.param("HTTPS://example:8443", "https://example:8443", id="scheme in capitals"),
        pytest.param("http://example/ollama/", "http://example:80/ollama", id="path"),
        pytest.param("example/a/b", "http://example:11434/a/b", id="path without scheme"),
        pytest.param("example/", "http://example:11434", id="slash at the end"),
        pytest.param("0.0.0.0", "http://127.0.0.1:11434", id="every address"),
        pytest.param("0.0.0.0:8080", "http://127.0.0.1:8080", id="every address and port"),
        pytest.param("[::]", "http://[::1]:11434", id="every IPv6 address"),
        pytest.param("[::]:8080", "http://[::1]:8080", id="every IPv6 address and port"),
        pytest.param("::", "http://[::1]:11434", id="every IPv6 address, no brackets"),
        pytest.param("::1", "http://[::1]:11434", id="IPv6 without brackets"),
        pytest.param("[::1]", "http://[::1]:11434", id="IPv6 with brackets"),
        pytest.param("http://[2001:db8::1]:9", "http://[2001:db8::1]:9", id="IPv6 in a URL"),
        pytest.param("unix:///run/ollama.sock", "unix:///run/ollama.sock", id="Unix socket"),
        pytest.param(" '127.0.0.1:9' ", "http://127.0.0.1:9", id="blanks and quotes"),
    ],
)
def test_reads_what_ollama_reads(text, url):
    assert connectable(text) == url


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("ftp://example", "http, https or unix", id="another scheme"),
        pytest.param("unix://run/ollama.sock", "absolute path", id="socket by a relative path"),
        pytest.param("unix:///", "absolute path", id="no socket"),
        pytest.param("unix:///a b", "absolute path", id="socket with a blank"),
        pytest.param("http://user:secret@example", "user name", id="credentials"),
        pytest.param("example:port", "1 to 65535", id="port is a word"),
        pytest.param("example:0", "1 to 65535", id="port 0"),
        pytest.param("example:65536", "1 to 65535", id="port too large"),
        pytest.param("example:9999999999999", "1 to 65535", id="port far too large"),
        pytest.param("example:", "1 to 65535", id="no port after the colon"),
        pytest.param("http://example:80\u0662", "1 to 65535", id="digits of another script"),
        pytest.param("[::1", "bracket", id="open bracket"),
        pytest.param("[::1]80", "bracket", id="text after the bracket"),
        pytest.param("a:b:c", "no name", id="two colons"),
        pytest.param("exa mple", "no name", id="blank inside"),
        pytest.param("-example", "no name", id="leading dash"),
        pytest.param("ex\u00e4mple", "no name", id="letters that are not ASCII"),
        pytest.param("http://example/?q=1", "path", id="query"),
        pytest.param("http://example/#x", "path", id="fragment"),
        pytest.param("http:\\\\example", "1 to 65535", id="backslashes"),
    ],
)
def test_refuses_with_the_reason(text, why):
    with pytest.raises(BadAddress, match=why):
        connectable(text)


@given(st.text() | st.text("0123456789abc:/[].@%-_ h", max_size=30))
def test_any_text_is_refused_or_gives_a_url_with_host_and_port(text):
    try:
        url = connectable(text)
    except BadAddress:
        return
    parts = urlsplit(url)
    if parts.scheme == "unix":
        assert parts.path.startswith("/") and connectable(url) == url
        return
    assert parts.scheme in ("http", "https") and parts.hostname and 1 <= (parts.port or 0) <= 65535
    assert parts.username is None and not parts.query and not parts.fragment
    assert connectable(url) == url


@given(st.ip_addresses())
def test_every_ip_address_stays_itself_unless_it_is_for_listening(address):
    host = f"[{address}]" if address.version == 6 else str(address)
    found = ipaddress.ip_address(urlsplit(connectable(host)).hostname or "")
    assert found.is_loopback if address.is_unspecified else found == address


KNOWN = {"gpu.here": ["::1", "127.0.1.1"], "two.example": ["127.0.0.1", "192.0.2.7"], "away.example": ["192.0.2.7"]}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that knows the names of KNOWN, and addresses."""
    resolve = socket.getaddrinfo

    def look_up(host, port, **options):
        if host not in KNOWN:
            return resolve(host, port, flags=socket.AI_NUMERICHOST, **options)
        return [found for address in KNOWN[host] for found in resolve(address, port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("http://127.0.0.1:11434", "127.0.0.1"),
        ("http://[::1]:11434/x", "::1"),
        ("http://gpu.here:11434", "127.0.1.1"),
        ("http://192.0.2.1:11434", None),
        ("http://away.example:80", None),
        ("http://two.example:80", None),
        ("http:///x", None),
    ],
)
def test_a_host_is_here_when_all_of_its_addresses_are(names: None, endpoint: str, address: str | None) -> None:
    assert loopback_address(endpoint) == address
    assert is_here(endpoint) is (address is not None)


def test_a_socket_is_here_and_a_name_that_nobody_knows_is_not(names: None) -> None:
    assert is_here("unix:///run/ollama.sock")
    with pytest.raises(UnknownHost, match=r"^nowhere\.example$"):
        loopback_address("http://nowhere.example:80")
    assert not is_here("http://nowhere.example:80")
