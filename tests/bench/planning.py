"""Measure how long a large change takes to plan, and the memory: 100,000 and 1,000,000 added lines.

    python tests/bench/planning.py

Nobody is asked: the window is set, and the vocabulary is the one of the tiny model. The slope is what a line more
costs; it should not grow with the change.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from run import clean_environment

TESTS = Path(__file__).parent.parent
WORDS = "value item count result node index buffer total parse read write load store check find merge split".split()


class Size(NamedTuple):
    """A change, and the seconds and megabytes that planning it may take."""

    lines: int
    files: int
    seconds: float
    megabytes: float


SIZES = (Size(10_000, 200, 2, 150), Size(100_000, 2_000, 5, 300), Size(1_000_000, 20_000, 60, 500))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="reviewbot-bench-") as name:
        folder = Path(name)
        environment = clean_environment(folder, "http://127.0.0.1:9")
        vocabulary = folder / "tiny.gguf"
        maker = TESTS / "make_tiny_gguf.py"
        subprocess.run([sys.executable, maker, vocabulary], check=True, capture_output=True)
        command = [sys.executable, "-m", "reviewbot", "plan", "--staged", "--num-ctx", "16384", "--vocab", vocabulary]
        print(f"{'lines':>9}{'files':>7}{'seconds':>9}{'peak MB':>9}{'us a line':>11}")
        before = (0, 0.0)
        for size in SIZES:
            stage(folder / str(size.lines), size, environment)
            seconds, megabytes = measure(command, folder / str(size.lines), environment)
            slope = (seconds - before[1]) / (size.lines - before[0]) * 1e6
            before = (size.lines, seconds)
            verdict = "ok" if seconds <= size.seconds and megabytes <= size.megabytes else "OVER"
            limits = f"{verdict} (at most {size.seconds:g} s, {size.megabytes:g} MB)"
            print(f"{size.lines:>9}{size.files:>7}{seconds:>9.1f}{megabytes:>9.0f}{slope:>11.0f} {limits}")


def stage(folder: Path, size: Size, environment: dict[str, str]) -> None:
    """A repository whose index holds a change of that size."""
    rng = random.Random(1)
    for number in range(size.files):
        path = folder / f"pkg_{number % 50}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(code_line(rng, i) for i in range(size.lines // size.files)))
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True)


def code_line(rng: random.Random, number: int) -> str:
    """One line of something like Python; functions of a dozen lines."""
    if number % 12 == 11:
        return "\n"
    first, second, third = rng.choices(WORDS, k=3)
    if number % 12 == 0:
        return f"def {first}_{number}({second}, {third}):\n"
    return f"    {first}_{number} = {second}.{third}({first}[{number}], {rng.randint(0, 999)})\n"


def measure(command: list[str | Path], folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Wall seconds and peak megabytes of one run."""
    started = time.perf_counter()
    run = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise SystemExit(f"reviewbot plan ended with {run.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
