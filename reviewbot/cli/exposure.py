"""The checks of `reviewbot doctor` on what a server could let out: to its cloud, and to the network around."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reviewbot.address import is_here
from reviewbot.cli.diagnosis import Check, State
from reviewbot.engines.ollama_server import has_cloud

if TYPE_CHECKING:
    from reviewbot.engines.ollama_server import OllamaServer

LISTENERS = ("/proc/net/tcp", "/proc/net/tcp6")
"""Linux's tables of TCP sockets; elsewhere it is not known who listens where."""

_LISTENS = "0A"
_ROW = re.compile(r"\s*\d+: ([0-9A-F]{8,32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) ")


def check_exposure(server: "OllamaServer", endpoint: str, version: str, deadline: float) -> Iterator[Check]:
    """A line for each way out of a server on this machine."""
    if not is_here(endpoint):
        return
    port = urlsplit(endpoint).port
    if port is not None and listens_everywhere(port):
        message = f"port {port} is open to the network around this machine: others can use the server"
        yield Check("exposure", State.NOTE, message, "OLLAMA_HOST=127.0.0.1 ollama serve")
    if not has_cloud(version):
        return
    if server.cloud_disabled(deadline):
        yield Check("cloud", State.OK, "switched off in this server")
    else:
        message = "this server can forward models to ollama.com; reviewbot uses none of those"
        yield Check("cloud", State.NOTE, message, "OLLAMA_NO_CLOUD=1 ollama serve")


def listens_everywhere(port: int) -> bool:
    """Whether somebody listens at a TCP port on all addresses of this machine; False where that cannot be told."""
    for table in LISTENERS:
        try:
            with open(table, encoding="ascii") as file:
                rows = file.read().split("\n")
        except OSError:
            continue
        for row in rows:
            found = _ROW.match(row)
            if found and found[3] == _LISTENS and int(found[2], 16) == port and not found[1].strip("0"):
                return True
    return False
