"""HTTP to a model on this machine; the only importer of httpx.

Proxies and .netrc of the environment are ignored, redirects refused, connection errors translated. The address
that was checked to be this machine is the one connected to: a name is resolved once, here.
"""

import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

# httpx's own command line, which a plain import loads, takes a quarter of the start of a small review (with click and
# rich installed). httpx goes on without it, as it does where click is missing.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx

from reviewbot.address import UNIX, UnknownHost, loopback_address
from reviewbot.engines.answers import decode_json
from reviewbot.errors import OUT_OF_TIME, ConfigError, DeadlineReached, EngineDown, PrivacyError, ReplyError, ReplyTorn

if TYPE_CHECKING:
    import ssl

CONNECT_S = 2.0
METADATA_S = 10.0
WHOLE_S = 60.0
"""How long a short answer may take in all: a server that sends a little now and then would otherwise never end it."""

MAX_REPLY_BYTES = 4 * 1024 * 1024

_CONNECTED = frozenset(f"connection.{step}.complete" for step in ("connect_tcp", "connect_unix_socket", "start_tls"))


def local_url(endpoint: str, *, allow_remote: bool) -> str:
    """The endpoint with its name replaced by the loopback address that it resolves to; a Unix socket as it is.

    With `allow_remote` the endpoint is kept. Without it, raises PrivacyError for another machine, and ConfigError for
    a name that does not resolve.
    """
    if allow_remote or endpoint.startswith(UNIX):
        return endpoint
    parts = urlsplit(endpoint)
    try:
        address = loopback_address(endpoint)
    except UnknownHost as error:
        raise ConfigError(f"the host of {endpoint} does not resolve to an address", f"getent hosts {error}") from error
    if address is None:
        raise PrivacyError(
            f"{endpoint} is not on this machine, and nothing may leave it",
            "--endpoint http://127.0.0.1:11434, or --allow-remote to let code leave this machine",
        )
    netloc = f"[{address}]" if ":" in address else address
    return urlunsplit((parts.scheme, f"{netloc}:{parts.port}" if parts.port else netloc, parts.path, "", ""))


class Client:
    """JSON over HTTP to one server. Every failure is an EngineError; times are seconds, deadlines monotonic.

    Several threads may ask: each request has a connection of its own.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url
        self._closed = False
        self._watchdogs: set[_Watchdog] = set()
        if base_url.startswith(UNIX):
            base_url, transport = "http://localhost", httpx.HTTPTransport(uds=base_url.removeprefix(UNIX))
        self._client = httpx.Client(
            base_url=base_url,
            headers=headers,
            transport=transport,
            trust_env=False,
            verify=_trusted(base_url, ca_file),
            follow_redirects=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=httpx.Timeout(METADATA_S, connect=CONNECT_S),
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; requests that are under way in other threads end with an error."""
        self._closed = True
        for watchdog in tuple(self._watchdogs):
            watchdog.close_socket()
        self._client.close()

    def call_json(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        deadline: float | None = None,
        limit_bytes: int = MAX_REPLY_BYTES,
    ) -> tuple[int, Any]:
        """Status and decoded JSON of a short request (GET without a body, POST with one); None if it is no JSON."""
        with self._stream(path, body, deadline, METADATA_S, METADATA_S, limit_bytes) as (status, chunks):
            return status, decode_json(b"".join(_in_time(chunks)))

    @contextmanager
    def stream(
        self, path: str, body: Mapping[str, Any], *, deadline: float | None, first_byte_s: float, silence_s: float
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Status and lines (without their LF) of a streamed answer, read while they come."""
        with self._stream(path, body, deadline, first_byte_s, silence_s) as (status, chunks):
            yield status, _lines(chunks)

    @contextmanager
    def _stream(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: float | None,
        first_byte_s: float,
        silence_s: float,
        limit_bytes: int = MAX_REPLY_BYTES,
    ) -> Iterator[tuple[int, Iterator[bytes]]]:
        with _Watchdog(deadline) as watchdog, self._watched(watchdog):
            timeout = httpx.Timeout(
                watchdog.cap(silence_s), connect=watchdog.cap(CONNECT_S), read=watchdog.cap(first_byte_s)
            )
            method = "GET" if body is None else "POST"
            request = self._client.build_request(method, path, json=body, timeout=timeout)
            request.extensions["trace"] = watchdog.observe
            with self._translated(watchdog):
                response = self._client.send(request, stream=True)
            try:
                if response.is_redirect:
                    raise EngineDown(f"{self.base_url} redirects to another address, which is refused")
                # httpcore takes the read time-out for the whole body from here when the body is first read.
                request.extensions["timeout"]["read"] = silence_s
                yield response.status_code, self._body(response, watchdog, limit_bytes)
            finally:
                response.close()

    @contextmanager
    def _watched(self, watchdog: "_Watchdog") -> Iterator[None]:
        """Known to `close` for as long as the request lasts."""
        self._watchdogs.add(watchdog)
        try:
            if self._closed:
                raise EngineDown(f"{self.base_url} is not asked any more")
            yield
        finally:
            self._watchdogs.discard(watchdog)

    def _body(self, response: httpx.Response, watchdog: "_Watchdog", limit_bytes: int) -> Iterator[bytes]:
        size = 0
        with self._translated(watchdog):
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > limit_bytes:
                    raise ReplyError(f"the answer is over {limit_bytes} bytes")
                yield chunk
        if watchdog.fired:  # a closed socket is an ordinary end where the server told no length
            raise DeadlineReached(OUT_OF_TIME)

    @contextmanager
    def _translated(self, watchdog: "_Watchdog") -> Iterator[None]:
        """httpx's errors as ours. InvalidURL is no subclass of HTTPError."""
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if watchdog.reached:
                raise DeadlineReached(OUT_OF_TIME) from error
            if isinstance(error, httpx.ConnectTimeout):
                raise self._down("did not accept a connection in time") from error
            if isinstance(error, httpx.TimeoutException):
                raise self._down("stayed silent for too long") from error
            if isinstance(error, (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL)):
                raise self._down("cannot be reached") from error
            if isinstance(error, httpx.TransportError):
                raise ReplyTorn(f"the answer broke off: {error}") from error
            raise ReplyError(f"the answer cannot be read: {error}") from error

    def _down(self, what: str) -> EngineDown:
        return EngineDown(f"{self.base_url} {what}", "reviewbot doctor")


class _Watchdog:
    """Closes the socket of one request at the deadline, however the server behaves: time-outs of a read alone
    would let a server that sends a byte now and then go on for ever."""

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self.fired = False
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "_Watchdog":
        if self._deadline is not None:
            self._timer = threading.Timer(max(self._deadline - time.monotonic(), 0), self.close_socket)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def reached(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline - 0.01

    def cap(self, seconds: float) -> float:
        """The time-out, or what is left until the deadline."""
        if self._deadline is None:
            return seconds
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise DeadlineReached(OUT_OF_TIME)
        return min(seconds, left)

    def observe(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the socket: httpcore reports each new connection, and none is kept for a second request. TLS takes
        the socket over and leaves an empty one."""
        if event in _CONNECTED:
            self._socket = info["return_value"].get_extra_info("socket")
            if self.reached or self.fired:
                self.close_socket()

    def close_socket(self) -> None:
        """End the request, from another thread."""
        self.fired = True
        if self._socket is not None:
            with suppress(OSError):  # it may be closed already
                # An encrypted socket's own method also takes away what the reading thread is about to use.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _trusted(base_url: str, ca_file: str | None) -> "ssl.SSLContext | bool":
    """Whose certificates count: those of a file, else the usual ones. Loading them takes longer than a request on
    loopback. ConfigError for a file that has none."""
    if ca_file is None or not base_url.startswith("https://"):
        return base_url.startswith("https://")
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca_file: {ca_file} has no certificates to trust: {error}", "--ca-file FILE") from error


def _in_time(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same, as long as they do not take too long."""
    end = time.monotonic() + WHOLE_S
    for chunk in chunks:
        if time.monotonic() >= end:
            raise ReplyError(f"the answer did not end within {WHOLE_S:.0f} s")
        yield chunk


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Split at LF alone: httpx's own line iterator also splits at U+2028 and form feeds inside JSON strings."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest
