"""Whatever a server does, a run ends at its deadline, with what was done and the lines that were not read."""

import json
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from conftest import GitRepo
from stalling import STALLING

from reviewbot.cli import main
from reviewbot.engines.http import Client
from reviewbot.errors import DeadlineReached

PATIENCE_S = 10.0
"""Far more than a second after the deadline, for machines are busy, and far less than any time-out of ours."""


@pytest.mark.parametrize("what", STALLING)
def test_a_hook_ends_at_its_deadline(what: str, repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("a.py", "b.py"):
        repo.stage(name, "".join(f"{name[0]}{i} = compute(one, two, three, {i})\n" for i in range(60)))
    words = ["hook", "--format", "json", "--deadline-s", "1.5", "--num-ctx", "4096", "--chunk-tokens", "1900"]
    with STALLING[what]() as url:
        started = time.monotonic()
        assert main([*words, "--endpoint", url]) == 0
        assert time.monotonic() - started < PATIENCE_S
    report = json.loads(capfd.readouterr().out)
    assert report["verdict"]["outcome"] == "not_reviewed"
    unread = [(entry["path"], entry["lines"], entry["reason"]) for entry in report["failed"]]
    assert sum(lines for _, lines, _ in unread) == 120
    assert {reason for _, _, reason in unread} == {"the deadline was reached"}
    places = [(entry["path"], entry["start"]) for entry in report["failed"]]
    assert places == sorted(places)


def test_a_request_that_nobody_reads_is_given_up_at_the_deadline() -> None:
    with STALLING["accepts and never answers"]() as url, Client(url) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineReached):
            client.call_json("/x", {"text": "x" * 50_000_000}, deadline=started + 0.5)
        assert time.monotonic() - started < PATIENCE_S


def test_an_encrypted_answer_that_trickles_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    files = [str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-keyout", files[0]]
    subprocess.run([*make, "-out", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            try:
                while not over.wait(0.05):
                    encrypted.sendall(b"x")
            except OSError:
                over.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        guard = threading.Timer(PATIENCE_S, over.set)
        guard.start()
        with Client(url, transport=httpx.HTTPTransport(verify=False)) as client:
            started = time.monotonic()
            with pytest.raises(DeadlineReached):
                client.call_json("/x", deadline=started + 0.5)
            assert time.monotonic() - started < PATIENCE_S / 2
        guard.cancel()
        over.set()
        thread.join()
