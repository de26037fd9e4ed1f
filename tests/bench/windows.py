"""Measure what reaches the model of a large change, on servers with all kinds of windows.

    python tests/bench/windows.py

L is 6,000 added lines in 40 files with 20 defects (make_repos.py). "intact" counts only prompts that were not cut.
Tokens are bytes / 3.5, as the server counts; "new" ones are those that the prompt before does not begin with alike,
which a server's prompt cache has to read. All of a request counts: instructions, headings, line numbers.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from run import HERE, clean_environment, start_server

BYTES_PER_TOKEN = 3.5


class Case(NamedTuple):
    """A server and how it is asked; `limit` is the most tokens a line that are allowed, of all or of new ones."""

    name: str
    server: tuple[str, ...]
    options: tuple[str, ...]
    limit: tuple[str, float] | None = None


FAKE = ("fake_ollama.py",)
FAKE_16K = (*FAKE, "--default-num-ctx", "16384")  # this is also what its /api/ps tells
CASES = (
    Case("4k asked, model has 16k", FAKE, ("--num-ctx", "4096")),
    Case("4k asked, model has 8k", FAKE, ("--num-ctx", "4096", "--model", "llama3:latest")),
    Case("16k asked, model has 8k", FAKE, ("--num-ctx", "16384", "--model", "llama3:latest")),
    Case("4k asked, says 4k, has 2k, refuses", ("liar.py", "2048", "0.32.0"), ("--num-ctx", "4096")),
    Case("16k asked, says 16k, has 2k, cuts", ("liar.py", "2048", "0.11.4", *FAKE_16K[1:]), ("--num-ctx", "16384")),
    Case("16k, whole window", FAKE_16K, ("--num-ctx", "16384", "--chunk-tokens", "max"), ("all", 18)),
    Case("16k, default chunks", FAKE_16K, ("--num-ctx", "16384"), ("new", 17)),
)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="reviewbot-bench-") as name:
        folder = Path(name)
        subprocess.run([sys.executable, HERE / "make_repos.py", folder, "L"], check=True, capture_output=True)
        manifest = json.loads((folder / "manifest.json").read_text())["L"]
        print(
            f"{'case':<37}{'requests':>9}{'cut':>5}{'lines':>7}{'markers':>9}{'fill':>6}{'tokens a line':>15}{'new':>6}"
        )
        for number, case in enumerate(CASES):
            log = folder / f"{number}.jsonl"
            server, url = start_server(log, case.server, "--keep-body")
            try:
                environment = {**clean_environment(folder, url), "XDG_CACHE_HOME": str(folder / str(number))}
                review(folder, case, environment)
            finally:
                server.terminate()
                server.wait()
            print_row(case, log, manifest)


def review(folder: Path, case: Case, environment: dict[str, str]) -> None:
    """One review of L as a user would type it."""
    command = [sys.executable, "-m", "reviewbot", *case.options]
    subprocess.run(command, cwd=folder / "L", env=environment, capture_output=True, stdin=subprocess.DEVNULL)


def print_row(case: Case, log: Path, manifest: dict[str, list[str]]) -> None:
    """What one case sent, and whether it keeps its limit."""
    rows = [row for row in map(json.loads, log.read_text().splitlines()) if row["path"] == "/api/chat"]
    whole = [row for row in rows if not row["truncated"] and row["status"] == 200]
    ids = {number for row in whole for number in row["ids_delivered"]} & set(manifest["added_ids"])
    markers = {marker for row in whole for marker in row["markers_delivered"]} & set(manifest["markers"])
    asked = [row for row in rows if row["options"]["num_predict"] > 1 and "The claim about" not in row["body"]]
    prompts = [prompt(row) for row in asked]
    every = sum(map(len, prompts)) / BYTES_PER_TOKEN / len(manifest["added_ids"])
    new = sum(new_bytes(prompts)) / BYTES_PER_TOKEN / len(manifest["added_ids"])
    room = max(map(len, prompts))
    fill = statistics.median(len(prompt) / room for prompt in prompts)
    verdict = ""
    if case.limit is not None:
        figure = every if case.limit[0] == "all" else new
        verdict = f" {'ok' if figure <= case.limit[1] else 'OVER'} (at most {case.limit[1]:g} {case.limit[0]})"
    cut = sum(bool(row["truncated"]) for row in rows)
    print(
        f"{case.name:<37}{len(asked):>9}{cut:>5}{len(ids):>7}{len(markers):>9}{fill:>6.0%}{every:>15.1f}{new:>6.1f}{verdict}"
    )


def prompt(row: dict[str, str]) -> bytes:
    """All text of a request."""
    return "\n".join(message["content"] for message in json.loads(row["body"])["messages"]).encode()


def new_bytes(prompts: list[bytes]) -> Iterator[int]:
    """Of each prompt, the bytes behind what it has in common with the one before."""
    before = b""
    for text in prompts:
        yield len(text) - len(os.path.commonprefix([before, text]))
        before = text


if __name__ == "__main__":
    main()
