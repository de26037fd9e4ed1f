"""Real Ollama servers of three generations, installed by `.ci/install-servers`; one runs at a time."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

VERSIONS = ("0.11.4", "0.24.0", "0.32.0")
FOLDER = Path(
    os.environ.get("REVIEWBOT_TEST_SERVERS")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reviewbot-test-servers"
)
"""Read when this module is loaded: the tests change HOME."""

TINY = "tiny:latest"
TINY_LLAMA = "tiny-llama:latest"
"""The same shape with the 32,000 pieces of Llama 2."""
SMOLLM2 = "smollm2:latest"
TEMPLATE = "[INST] <<SYS>>{{ .System }}<</SYS>>\n\n{{ .Prompt }} [/INST]\n"


def need(path: Path) -> Path:
    """The path, or the end of the test: a skip on a developer's machine, a failure in CI."""
    if not path.exists():
        message = f"{path} is missing: run .ci/install-servers"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


def tiny_gguf(folder: Path, *options: str | Path) -> Path:
    """The tiny random-weights model in the shape of Code Llama, made anew."""
    path = folder / "tiny.gguf"
    maker = Path(__file__).with_name("make_tiny_gguf.py")
    subprocess.run([sys.executable, maker, path, *options], check=True, capture_output=True)
    return path


def vocabulary(name: str) -> Path:
    """A GGUF file that holds a vocabulary alone; llama.cpp's own vectors lie beside it (`.inp`, `.out`)."""
    return need(FOLDER / "vocabularies" / f"{name}.gguf")


def smollm2_gguf() -> Path:
    """SmolLM2, a small real model."""
    return need(FOLDER / "smollm2.gguf")


class Server:
    """A running server."""

    def __init__(self, version: str, url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.version = version
        self.url = url
        self.process = process
        self.log = log

    def post(self, path: str, body: object, timeout_s: float = 120) -> dict:
        """The last JSON line of an answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method="POST")
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            lines = answer.read().strip().split(b"\n")
        return json.loads(lines[-1]) if lines[-1] else {}

    def create(self, name: str, gguf: Path, **fields: str) -> None:
        """Make a model of a file."""
        digest = f"sha256:{hashlib.sha256(gguf.read_bytes()).hexdigest()}"
        self.post(f"/api/blobs/{digest}", gguf.read_bytes())
        self.post("/api/create", {"model": name, "files": {gguf.name: digest}, **fields})


@contextmanager
def serve(version: str, folder: Path) -> Iterator[Server]:
    """A server with its models in `folder`; ended by pid, and its runners with it."""
    program = need(FOLDER / f"ollama-{version}" / "bin" / "ollama")
    port = _free_port()
    home = folder / f"home-{version}"
    home.mkdir(exist_ok=True)
    log = folder / f"{version}.log"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OLLAMA_")},
        "HOME": str(home),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(folder / "models"),
        "OLLAMA_NO_CLOUD": "1",
        "OLLAMA_NOPRUNE": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "serve"], env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = Server(version, f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a server that was killed leaves its runner behind


@contextmanager
def serve_llama(model: Path, log: Path, *options: str) -> Iterator[str]:
    """The address of a llama-server with one model; ended by pid."""
    program = need(FOLDER / "ollama-0.32.0" / "lib" / "ollama" / "llama-server")
    port = _free_port()
    command = [program, "-m", model, "--host", "127.0.0.1", "--port", str(port), "-t", "1", *(options or ("-c", "512"))]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    server = Server("llama-server", f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_ready(server, "/health")
        yield server.url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_ready(server: Server, path: str = "/api/version") -> None:
    end = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(server.url + path, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            if server.process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{server.version} did not start: {server.log.read_text()[-1000:]}")
            time.sleep(0.05)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store holds all test models; 0.24.0 writes it, for 0.32.0 cannot make a model of a file."""
    folder = tmp_path_factory.mktemp("ollama")
    with serve("0.24.0", folder) as server:
        server.create(TINY, tiny_gguf(folder), template=TEMPLATE)
        (folder / "llama").mkdir()
        server.create(
            TINY_LLAMA, tiny_gguf(folder / "llama", "--vocab-from", vocabulary("llama-spm")), template=TEMPLATE
        )
        server.create(SMOLLM2, smollm2_gguf())
    return folder


@pytest.fixture(scope="module", params=VERSIONS)
def ollama(request: pytest.FixtureRequest, models: Path) -> Iterator[Server]:
    """Each generation in turn, for all tests of a module that want it."""
    with serve(request.param, models) as server:
        yield server
