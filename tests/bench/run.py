"""Measure start-up, small and large reviews as ratios to a bare Python of the same run; no assertion on time.

    python tests/bench/run.py [RUNS]

S is 12 added lines in one file, L 6,000 in 40 files with 20 defects (make_repos.py); "known" is a second review of
it, and "edited" one that finds only other outcomes in the cache. The server (fake_ollama.py)
answers at once and emulates how real ones cut prompts. A row ends in "ok" or "OVER" its target.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory(prefix="reviewbot-bench-") as name:
        folder = Path(name)
        subprocess.run([sys.executable, HERE / "make_repos.py", folder, "S", "L"], check=True, capture_output=True)
        server, url = start_server(folder / "requests.jsonl")
        try:
            environment = clean_environment(folder, url)
            measure(folder, environment, url, runs)
        finally:
            server.terminate()
            server.wait()


def measure(folder: Path, environment: dict[str, str], url: str, runs: int) -> None:
    """Run every case `runs` times, in turn with a bare Python."""
    me = [sys.executable, "-m", "reviewbot"]
    clean = folder / "S-clean"
    subprocess.run(["git", "clone", "-q", folder / "S", clean], check=True, env=environment)
    cases: list[tuple[str, list[str], Path, float]] = [
        ("--version", [*me, "--version"], folder, 2.5),
        ("--help", [*me, "--help"], folder, 3.5),
        ("nothing staged", me, clean, 6),
        ("S: 12 staged lines", [*me, "--no-cache"], folder / "S", 25),
        ("S: known", me, folder / "S", 16),
        ("S: edited", [*me, "--seed", "{}"], folder / "S", 25),
    ]
    print(f"{'case':<22}{'median s':>9}{'x bare':>8}{'target':>8}")
    for name, command, cwd, target in cases:
        bare, times = [], []
        timed(command, cwd, environment)  # nothing else is cold in the first one
        for run in range(runs):
            bare.append(timed([sys.executable, "-c", "pass"], folder, environment))
            times.append(timed([word.format(run) for word in command], cwd, environment))
        ratio = statistics.median(times) / statistics.median(bare)
        verdict = "ok" if ratio <= target else "OVER"
        print(f"{name:<22}{statistics.median(times):>9.3f}{ratio:>8.1f}{target:>8} {verdict}")
    large(folder, environment, url, me, runs)


def large(folder: Path, environment: dict[str, str], url: str, me: Sequence[str], runs: int) -> None:
    """L at a window of 4,096 tokens: time, memory, and what reached the model in prompts that were not cut."""
    log = folder / "L.jsonl"
    control(url, {"log": str(log)})
    command = [*me, "--num-ctx", "4096", "--no-cache"]
    times = [timed(command, folder / "L", environment) for _ in range(max(1, runs // 2))]
    control(url, {"log": str(folder / "other.jsonl")})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    chats = [row for row in rows if row["path"] == "/api/chat"]
    manifest = json.loads((folder / "manifest.json").read_text())["L"]
    whole = [row for row in chats if not row["truncated"]]
    ids = {number for row in whole for number in row["ids_delivered"]}
    markers = {marker for row in whole for marker in row["markers_delivered"]}
    seconds = statistics.median(times)
    print(f"{'L: 6,000 lines':<22}{seconds:>9.3f}{'':>8}{'3 s':>8} {'ok' if seconds <= 3 else 'OVER'}")
    print(f"  peak memory {peak:.0f} MB (target 120) {'ok' if peak <= 120 else 'OVER'}")
    print(f"  markers intact {len(markers & set(manifest['markers']))} of {len(manifest['markers'])}")
    print(f"  lines intact {len(ids & set(manifest['added_ids']))} of {len(manifest['added_ids'])}")
    print(f"  requests {len(chats) // len(times)} a run, {sum(bool(row['truncated']) for row in chats)} cut")


def timed(command: Sequence[str], cwd: Path, environment: dict[str, str]) -> float:
    """Wall seconds of one run, whatever its exit code."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=environment, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def start_server(
    log: Path, script: Sequence[str] = ("fake_ollama.py",), *options: str
) -> tuple["subprocess.Popen[bytes]", str]:
    """The fake server, or another script of this folder, on a free port, once it answers."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name, *words = script
    command = [sys.executable, HERE / name, *words, "--port", str(port), "--log", log, *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: urllib.request.urlopen(f"{url}/api/version", timeout=1).close())
    return server, url


def wait_for(attempt: Callable[[], None]) -> None:
    """Try again until it works, for ten seconds."""
    end = time.monotonic() + 10
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def control(url: str, settings: dict[str, str]) -> None:
    """Change the running server's settings."""
    urllib.request.urlopen(f"{url}/__ctl", data=json.dumps(settings).encode(), timeout=5).close()


def clean_environment(folder: Path, url: str) -> dict[str, str]:
    """An environment in which no setting of this machine counts; modules are kept compiled, as where pip put them."""
    left_out = ("GIT_", "REVIEWBOT_", "OLLAMA_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {
        **kept,
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "REVIEWBOT_ENDPOINT": url,
    }


if __name__ == "__main__":
    main()
