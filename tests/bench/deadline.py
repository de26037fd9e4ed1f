"""Measure how late a hook ends on servers that never come to an end; no assertion on time.

    python tests/bench/deadline.py [SECONDS]

The deadline counts from the start of the process. A row ends in "OVER" when the process ended more than a second
after it, in which the report is written.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import HERE, clean_environment

sys.path.insert(0, str(HERE.parent))
from stalling import STALLING  # noqa: E402  (it lies beside the tests)


def main() -> None:
    """Print the table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    with tempfile.TemporaryDirectory(prefix="reviewbot-bench-") as name:
        folder = Path(name)
        subprocess.run([sys.executable, HERE / "make_repos.py", folder, "L"], check=True, capture_output=True)
        print(f"{'the server':<32}{'parallel':>9}{'seconds':>9}{'late by':>9}")
        for what, serve in STALLING.items():
            for parallel in ("1", "4"):
                with serve() as url:
                    late = ends_after(folder, url, seconds, parallel) - seconds
                print(
                    f"{what:<32}{parallel:>9}{seconds + late:>9.2f}{late:>9.2f} {'ok' if late <= 1 else 'OVER'}",
                    flush=True,
                )


def ends_after(folder: Path, url: str, seconds: float, parallel: str) -> float:
    """Wall seconds of one hook, from before its process starts."""
    command = [sys.executable, "-m", "reviewbot", "hook", "--no-cache", "--num-ctx", "4096", "--parallel", parallel]
    started = time.monotonic()
    done = subprocess.run(
        [*command, "--deadline-s", str(seconds)],
        cwd=folder / "L",
        env=clean_environment(folder, url),
        capture_output=True,
        text=True,
    )
    took = time.monotonic() - started
    if "the deadline was reached" not in done.stderr:
        raise SystemExit(f"it ended otherwise: {done.stderr}")
    return took


if __name__ == "__main__":
    main()
