"""The address of a server, read as Ollama reads OLLAMA_HOST, turned into one that can be connected to."""

import re

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_.])?")
_PATH = re.compile(r"[A-Za-z0-9._~%/-]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_SOCKET_PATH = re.compile(r"/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]")

UNIX = "unix://"
"""An address that begins so names a Unix socket of this machine by its absolute path."""


class BadAddress(Exception):
    """The text names no server; the message says why, in words that fit into a sentence."""


class UnknownHost(Exception):
    """A name that does not resolve to any address; the message is the name."""


def connectable(text: str) -> str:
    """The URL `scheme://host:port[/path]`, or `unix:///path`, that `text` means; raises BadAddress.

    A host, host:port, :port or URL, as in OLLAMA_HOST: the port is 11434 without a scheme, 80 after http://, 443
    after https://. An address to listen on (0.0.0.0, [::], no host) becomes the loopback address.
    """
    text = text.strip().strip("\"'")
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "http", text
    scheme = scheme.lower()
    if scheme == "unix":
        if not _SOCKET_PATH.fullmatch(rest):
            raise BadAddress("unix:// needs the absolute path of a socket, of letters, digits and ._~/- only")
        return UNIX + rest
    if scheme not in _DEFAULT_PORTS:
        raise BadAddress(f"the scheme has to be http, https or unix, not {scheme[:20]}")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        raise BadAddress("a user name or password does not belong into an address")
    if not _PATH.fullmatch(path):
        raise BadAddress("the path may hold letters, digits and ._~%/- only")
    host, port = _split(authority)
    number = _port(port) if port is not None else _DEFAULT_PORTS[scheme] if found else 11434
    return f"{scheme}://{_reachable(host)}:{number}{(slash + path).rstrip('/')}"


def loopback_address(endpoint: str) -> str | None:
    """The address that the host of a URL resolves to, when all of its addresses are loopback; else None.

    IPv4 comes before IPv6. Raises UnknownHost for a name that has no address.
    """
    import ipaddress
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(endpoint)
    host = parts.hostname
    if not host:
        return None
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(host, parts.port or 80, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        raise UnknownHost(host) from error
    if not all(ipaddress.ip_address(address.split("%")[0]).is_loopback for address in found):
        return None
    return next((address for address in found if "." in address), found[0])


def is_here(endpoint: str) -> bool:
    """Whether an endpoint is on this machine: a Unix socket, or a host all of whose addresses are loopback."""
    if endpoint.startswith(UNIX):
        return True
    try:
        return loopback_address(endpoint) is not None
    except UnknownHost:
        return False


def _split(authority: str) -> tuple[str, str | None]:
    """Host and port; an IPv6 address comes without its brackets, which it may lack when no port follows."""
    if authority.startswith("["):
        host, closed, rest = authority[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise BadAddress("the bracket of an IPv6 address is not closed")
        return host, rest[1:] if rest else None
    if authority.count(":") == 1:
        host, _, port = authority.partition(":")
        return host, port
    return authority, None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 65535):
        raise BadAddress("the port has to be a number from 1 to 65535")
    return int(text)


def _reachable(host: str) -> str:
    """The host as it stands in a URL; what is only good for listening becomes loopback."""
    import ipaddress

    if not host:
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host) or len(host) > 253:
            raise BadAddress("the host is no name and no IP address") from None
        return host.lower()
    if address.is_unspecified:
        return "[::1]" if address.version == 6 else "127.0.0.1"
    return f"[{address}]" if address.version == 6 else str(address)
