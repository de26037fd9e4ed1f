"""How much a long review costs beside the model: 600,000 added lines on a server that answers at once, and how much
faster several slots are.

    python tests/bench/load.py [LINES]

The server is scripted (tests/fake_vllm.py) and runs in this process, so its own time is in none of the figures but
those per second.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from run import clean_environment

sys.path.insert(0, str(Path(__file__).parent.parent))
from fake_vllm import MODEL, FakeVllm, chunks

LINES = 600_000
FILE_LINES = 300
SLOW_LINES = 12_000
SLOW_S = 0.05
PROGRAM = """
import json, resource, sys
from reviewbot.cli import main
main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print("USED", json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss]), file=sys.stderr)
"""


class Measured(NamedTuple):
    """Seconds until the first request, and of all after it; CPU seconds, peak memory in MB, and requests."""

    first_s: float
    rest_s: float
    cpu_s: float
    peak_mb: float
    requests: int


def main() -> None:
    """Print one line for each figure."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    with tempfile.TemporaryDirectory(prefix="reviewbot-bench-") as name:
        large = repository(Path(name, "large"), lines)
        found = measure(large, Path(name), delay_s=0, slots=32)
        print(f"{lines:,} added lines, 32 slots, a server that answers at once: {found.requests:,} requests")
        tell("first request", found.first_s, 3, "s")
        tell("peak memory", found.peak_mb, 400, "MB")
        tell("own CPU a request, planning included", 1000 * found.cpu_s / found.requests, 6, "ms")
        rate = found.requests / found.rest_s
        print(f"  requests a second: {rate:.0f} {'ok' if rate >= 120 else 'missed'} (at least 120)")
        small = repository(Path(name, "small"), min(lines, SLOW_LINES))
        one, four = (measure(small, Path(name), delay_s=SLOW_S, slots=slots).rest_s for slots in (1, 4))
        share = one / four / 4
        print(f"4 slots of 50 ms: {share:.0%} of linear {'ok' if share >= 0.9 else 'missed'} (at least 90 %)")


def tell(what: str, value: float, limit: float, unit: str) -> None:
    print(f"  {what}: {value:.1f} {unit} {'ok' if value <= limit else 'missed'} (at most {limit:g})")


def repository(path: Path, lines: int) -> Path:
    path.mkdir()

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=path, check=True, capture_output=True)

    git("init", "-q")
    git("config", "user.name", "Bench")
    git("config", "user.email", "bench@example.org")
    git("commit", "-q", "--allow-empty", "-m", "first")
    for number in range(lines // FILE_LINES):
        folder = path / f"part_{number % 40}"
        folder.mkdir(exist_ok=True)
        rows = (f"    value_{number}_{row} = compute(order_{row}, price, {row})\n" for row in range(FILE_LINES))
        (folder / f"module_{number}.py").write_text("".join(rows))
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    return path


def measure(path: Path, folder: Path, *, delay_s: float, slots: int) -> Measured:
    asked: list[float] = []
    events = chunks('{"findings": []}', usage={"prompt_tokens": 3500, "completion_tokens": 5})

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        asked.append(time.monotonic())
        time.sleep(delay_s)
        return 200, events

    with FakeVllm(16384) as server:
        server.answer = answer
        words = ["diff", "HEAD~1..HEAD", "--engine", "openai", "--model", MODEL, "--endpoint", server.url]
        words += ["--parallel", str(slots), "--no-cache", "--format", "json"]
        started = time.monotonic()
        environment = {**os.environ, **clean_environment(folder, server.url)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words], cwd=path, env=environment, capture_output=True, text=True
        )
        ended = time.monotonic()
    report = json.loads(done.stdout)
    coverage = report["coverage"]
    if coverage["reviewed"] != coverage["added"]:
        raise RuntimeError(f"not wholly reviewed: {done.stderr}")
    cpu_s, peak_kib = json.loads(done.stderr.rpartition("USED ")[2])
    return Measured(asked[0] - started, ended - asked[0], cpu_s, peak_kib / 1024, report["usage"]["requests"])


if __name__ == "__main__":
    main()
