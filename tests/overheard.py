"""Run inside a namespace whose only way out leads to the interface `ear`: review, and print what was heard there.

The current folder is a repository with something staged.
"""

import json
import os
import select
import socket
import subprocess
import sys

from fake_server import FakeServer

EVERY_PROTOCOL = 3
ELSEWHERE = "198.51.100.7"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
COMMANDS = (
    ["diff", "--staged"],
    ["hook", "pre-commit", "--no-cache"],
    ["plan", "--staged"],
    ["doctor"],
    ["diff", "--staged", "--endpoint", f"http://{ELSEWHERE}:11434"],
    ["hook", "pre-commit", "--endpoint", f"http://{ELSEWHERE}:11434"],
    ["diff", "--staged", "--endpoint", "http://ollama.example.org"],
    ["diff", "--staged", "--model", "x:cloud"],
)


def main() -> None:
    """Make sure that the ear hears; then run every command."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL)) as ear:
        ear.bind(("ear", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
            mouth.sendto(b"is anybody there?", (ELSEWHERE, 9))
            select.select([ear], [], [], 10)
            control = heard(ear)
        with FakeServer() as server:
            codes = [run(words, server.url) for words in COMMANDS]
            chats = len(server.chats)
        print(json.dumps({"control": control, "codes": codes, "chats": chats, "heard": heard(ear)}))


def run(words: list[str], url: str) -> int:
    """The exit code of one command, with everything in its environment that could lead it astray."""
    environment = {
        **os.environ,
        **dict.fromkeys(PROXIES, f"http://{ELSEWHERE}:3128"),
        "REVIEWBOT_ENDPOINT": url,
        "OLLAMA_HOST": ELSEWHERE,
    }
    command = [sys.executable, "-m", "reviewbot", *words]
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def heard(ear: socket.socket) -> list[str]:
    """All packets that have come so far."""
    ear.setblocking(False)
    packets = []
    while True:
        try:
            packets.append(repr(ear.recv(65536)))
        except BlockingIOError:
            return packets


if __name__ == "__main__":
    main()
