"""Measure how fast tokens are counted, and how long the start takes once a vocabulary is kept.

    python tests/bench/counting.py [MODEL.gguf]

Without a model the tiny one is taken; `.ci/install-servers` brings the vocabulary of Llama 2 with 32,000 pieces
(vocabularies/llama-spm.gguf), which is Code Llama's. The text is 1 MB of the standard library's own code.
"""

import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parent.parent
MEGABYTE = 1_000_000
START = "from reviewbot.vocabulary import open_vocabulary; open_vocabulary('key', {!r}, dict)"


def main() -> None:
    """Print two figures."""
    from reviewbot.gguf import read_metadata
    from reviewbot.vocabulary import open_vocabulary

    with tempfile.TemporaryDirectory(prefix="reviewbot-bench-") as folder:
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder, "tiny.gguf")
        if len(sys.argv) == 1:
            subprocess.run([sys.executable, TESTS / "make_tiny_gguf.py", model], check=True, capture_output=True)
        vocabulary = open_vocabulary("key", folder, lambda: read_metadata(model))
        if vocabulary is None:
            raise SystemExit(f"{model} has no vocabulary that can be counted with")
        text = code()
        started = time.perf_counter()
        tokens = sum(vocabulary.count(line) for line in text.splitlines(keepends=True))
        seconds = time.perf_counter() - started
        print(f"1 MB, {tokens} tokens: {seconds:.2f} s {'ok' if seconds <= 2 else 'OVER'} (at most 2 s)")
        loading = statistics.median(timed(START.format(folder)) for _ in range(9))
        bare = statistics.median(timed("pass") for _ in range(9))
        extra = (loading - bare) * 1000
        print(
            f"import and load, kept: {extra:.0f} ms {'ok' if extra <= 60 else 'OVER'} (at most 60 ms over bare Python)"
        )


def code() -> str:
    """1 MB of Python."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)[:MEGABYTE]


def timed(statement: str) -> float:
    """Wall seconds of one Python."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
