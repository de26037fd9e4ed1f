"""Jobs on one machine: each has the server to itself, waits until it answers, or brings its own."""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

from reviewbot.cli.cachefolder import cache_part
from reviewbot.cli.engine import open_engine
from reviewbot.config import Config
from reviewbot.engines import Engine
from reviewbot.errors import ConfigError, EngineError, ModelMissing
from reviewbot.progress import Heartbeat
from reviewbot.text import visible_line

POLL_S = 0.5
SOON_S = 2.0
"""After so long a job says what it waits for."""

START_S = 60.0
"""How long a server of our own may take until it answers."""


@contextmanager
def one_at_a_time(config: Config) -> Iterator[None]:
    """Wait until no other job of this user asks the same server. The lock goes with its process, however that ends."""
    folder = Path(cache_part(config, "locks"))
    name = hashlib.sha256(config.endpoint.encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = open(folder / name, "w", encoding="ascii")  # noqa: SIM115 (held below)
    except OSError as error:
        shown = visible_line(str(folder))
        print(
            f"reviewbot: this job waits for no other one: {shown} cannot be written: {error.strerror}", file=sys.stderr
        )
        yield
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with Heartbeat(f"waiting for another job that asks {visible_line(config.endpoint)}", first_s=SOON_S):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def wait_for_server(config: Config, limit_s: float, ended: Callable[[], int | None] = lambda: None) -> None:
    """Wait until the server answers, up to a limit, or until it has `ended`; what is wrong with it then, the review
    says."""
    if config.engine == "embedded":
        return
    engine = open_engine(config, interactive=False, deadline=None)
    end = time.monotonic() + limit_s
    try:
        with Heartbeat(f"waiting for {visible_line(config.endpoint)}", first_s=SOON_S):
            while not _answers(engine, end) and ended() is None and time.monotonic() < end:
                time.sleep(POLL_S)
    finally:
        engine.close()


def _answers(engine: Engine, end: float) -> bool:
    """Whether somebody is there, if only to say that something else is wrong."""
    try:
        engine.describe(end)
    except ModelMissing:
        return True
    except EngineError:
        return False
    return True


@contextmanager
def own_server(config: Config, wanted: bool) -> Iterator[Config]:
    """The settings with the address of an Ollama server that lives as long as this job, where one is wanted: on this
    machine alone, with its cloud switched off (ollama's envconfig: OLLAMA_NO_CLOUD)."""
    if not wanted:
        yield config
        return
    program = shutil.which("ollama")
    if program is None:
        raise ConfigError("--serve finds no program `ollama`", "https://ollama.com/download")
    address = f"127.0.0.1:{_free_port()}"
    with tempfile.NamedTemporaryFile("wb", prefix="reviewbot-ollama-", suffix=".log", delete=False) as log:
        server = _start(program, address, log)
    try:
        print(f"reviewbot: started `ollama serve` on {address}; its log is {log.name}", file=sys.stderr)
        config = config._replace(engine="ollama", endpoint=f"http://{address}")
        wait_for_server(config, START_S, server.poll)
        if server.returncode is not None:
            print(f"reviewbot: `ollama serve` ended by itself, with exit code {server.returncode}", file=sys.stderr)
        yield config
    finally:
        _stop(server)


def _start(program: str, address: str, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [program, "serve"],
        env={**os.environ, "OLLAMA_HOST": address, "OLLAMA_NO_CLOUD": "1"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_ending_with_us(),
    )


def _ending_with_us() -> Callable[[], object] | None:
    """What has the kernel end a child whose parent is killed, and so cannot end it; only Linux can (prctl(2):
    PR_SET_PDEATHSIG is 1)."""
    if sys.platform != "linux":
        return None
    import ctypes

    return partial(ctypes.CDLL(None).prctl, 1, int(signal.SIGTERM))


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End a server and the runners that it started, which are in its session."""
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(timeout=3)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
