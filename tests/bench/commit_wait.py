"""How long `git commit` waits with the plain hook: cold, joined, warm and cached, for 12, 60 and 600 added lines.

    python tests/bench/commit_wait.py [RUNS [CASE ...]]

Without a CASE all four, and the hook of `git add`.

The server reads 800 and writes 40 tokens a second, as a 7B on a 12 GB card does. Only commits count that were wholly
reviewed. Wait is the time that `git commit` takes beyond one without hooks, median and worst of RUNS (default 5).

cold: nothing was reviewed before. joined: the commit starts one second after the review in the background. warm: that
review is over. cached: the same was committed before, and taken back. Below stands what the hook of `git add` costs.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from run import clean_environment, start_server

SIZES = (12, 60, 600)
FILES = 4


class Bench:
    """A repository with the hooks of `install --warm`, and the server's address in its environment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.path = folder / "work"
        self.path.mkdir()
        self.environment = environment
        self._made = 0
        self.git("init", "-q")
        self.git("config", "user.name", "Bench")
        self.git("config", "user.email", "bench@example.org")
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "first")
        self.run(sys.executable, "-m", "reviewbot", "install", "--warm")

    def run(self, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=self.path, env={**self.environment, **more}, capture_output=True, text=True, check=True
        )

    def git(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return self.run("git", *words, **more)

    def write(self, lines: int) -> None:
        """So many lines that were never there before, in a few files."""
        self._made += 1
        each = max(lines // FILES, 1)
        for n in range(lines // each):
            rows = [f"    total_{self._made}_{n}_{row} = price * {row} + tax(region, {row})" for row in range(each - 1)]
            (self.path / f"module_{n}.py").write_text("\n".join([f"def order_{self._made}(price, region):", *rows, ""]))

    def is_idle(self) -> bool:
        return not list((self.path / ".git").glob("reviewbot-*"))

    def phase(self) -> str:
        try:
            return (self.path / ".git" / "reviewbot-worker").read_text().split()[2]
        except (OSError, IndexError):
            return ""

    def commit(self) -> float:
        """Seconds of a commit that was wholly reviewed."""
        started = time.perf_counter()
        done = self.git("commit", "-m", "change")
        seconds = time.perf_counter() - started
        if "clean ·" not in done.stderr:
            raise RuntimeError(f"not wholly reviewed: {done.stderr}")
        return seconds


def until(happened: Callable[[], object]) -> None:
    while not happened():
        time.sleep(0.02)


def cold(bench: Bench, lines: int) -> float:
    bench.write(lines)
    bench.git("-c", "core.hooksPath=/dev/null", "add", "-A")
    return bench.commit()


def joined(bench: Bench, lines: int) -> float:
    bench.write(lines)
    bench.git("add", "-A")
    until(lambda: bench.phase() == "reviewing")
    time.sleep(1)
    return bench.commit()


def warm(bench: Bench, lines: int) -> float:
    bench.write(lines)
    bench.git("add", "-A")
    until(bench.is_idle)
    return bench.commit()


def cached(bench: Bench, lines: int) -> float:
    warm(bench, lines)
    bench.git("-c", "core.hooksPath=/dev/null", "reset", "-q", "--soft", "HEAD~1")
    return bench.commit()


CASES = (cold, joined, warm, cached)


def bare(bench: Bench, runs: int) -> float:
    """Seconds of a commit without hooks."""
    times = []
    for _ in range(runs):
        bench.write(12)
        bench.git("-c", "core.hooksPath=/dev/null", "add", "-A")
        started = time.perf_counter()
        bench.git("-c", "core.hooksPath=/dev/null", "commit", "-m", "change")
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def hook_cost(bench: Bench, runs: int) -> tuple[float, float]:
    """Milliseconds that the hook adds to a write of the index: when it starts a worker, and when one waits already;
    against a hook that does nothing."""
    idle_hooks = bench.path.parent / "idle-hooks"
    idle_hooks.mkdir()
    (idle_hooks / "post-index-change").write_text("#!/bin/sh\nexit 0\n")
    (idle_hooks / "post-index-change").chmod(0o755)

    def write_index(*words: str) -> float:
        started = time.perf_counter()
        bench.git(*words, "update-index", "--force-write-index", REVIEWBOT_DEBOUNCE_S="2")
        return time.perf_counter() - started

    starting, waiting, nothing = [], [], []
    for _ in range(runs):
        until(bench.is_idle)
        nothing.append(write_index("-c", f"core.hooksPath={idle_hooks}"))
        starting.append(write_index())
        until(lambda: bench.phase() == "waiting")
        waiting.append(write_index())
        until(bench.is_idle)
    base = statistics.median(nothing)
    return (statistics.median(starting) - base) * 1000, (statistics.median(waiting) - base) * 1000


def main() -> None:
    """Print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cases = [case for case in CASES if not sys.argv[2:] or case.__name__ in sys.argv[2:]]
    with tempfile.TemporaryDirectory(prefix="reviewbot-bench-") as name:
        folder = Path(name)
        server, url = start_server(folder / "log", ("fake_ollama.py",), "--prompt-speed", "800", "--speed", "40")
        environment = {
            **clean_environment(folder, url),
            "REVIEWBOT_BACKGROUND": "always",
            "REVIEWBOT_DEADLINE_S": "120",
        }
        try:
            bench = Bench(folder, environment)
            plain = bare(bench, runs)
            print(f"`git commit` without hooks: {plain:.3f} s, {runs} runs of each\n")
            names = " | ".join(case.__name__ for case in cases)
            print(f"| added lines | {names} |\n|{' --- |' * (len(cases) + 1)}")
            for lines in SIZES:
                cells = []
                for case in cases:
                    times = [case(bench, lines) - plain for _ in range(runs)]
                    cells.append(f"{statistics.median(times):.2f} s (worst {max(times):.2f})")
                print(f"| {lines} | {' | '.join(cells)} |", flush=True)
            if cases == list(CASES):
                starting, waiting = hook_cost(bench, runs)
                print(
                    f"\nthe hook of `git add`: {starting:.1f} ms that starts a review, {waiting:.1f} ms while one waits"
                )
            rows = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
            print(f"prompts that were cut: {sum(bool(row.get('truncated')) for row in rows)}; {os.cpu_count()} cores")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
