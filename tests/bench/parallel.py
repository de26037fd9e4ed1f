"""Measure how much faster a review is with as many requests at one time as a server has slots; no assertion on time.

    python tests/bench/parallel.py [REQUESTS]

The server has four slots and takes 200 ms for each answer; both reviews are of the same run. A row ends in "OVER"
when it is not at least 3.5 times as fast, or when its report is another one.
"""

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from fake_server import MODEL, Exchange, FakeServer, find  # noqa: E402  (it lies beside the tests)
from msgspec.structs import replace  # noqa: E402
from values import change  # noqa: E402

from reviewbot.engines.ollama import OllamaEngine  # noqa: E402
from reviewbot.prompts import load_prompt  # noqa: E402
from reviewbot.reading import run_review  # noqa: E402
from reviewbot.repo import Source  # noqa: E402
from reviewbot.review import Material, Options, Review  # noqa: E402
from reviewbot.window import Sizing  # noqa: E402

SLOTS = 4
ANSWER_S = 0.2
TARGET = 3.5
SIZING = Sizing(load_prompt("reviewer"), 600, 0.7)


def main() -> None:
    """Print the table."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    bodies = ("\n".join(f"+value_{i} = compute({i}, 'a word')" for i in range(25)) for _ in range(requests))
    material = Material(Source("staged"), tuple(change(f"f{n:03}.py", body) for n, body in enumerate(bodies)))
    print(f"{'parallel':>8}{'requests':>9}{'seconds':>9}{'x':>6}")
    alone, base = review(material, 1)
    print(f"{1:>8}{alone.usage.requests:>9}{base:>9.2f}{1:>6.1f}")
    for parallel in (2, SLOTS, 2 * SLOTS):
        made, seconds = review(material, parallel)
        target = TARGET / SLOTS * min(parallel, SLOTS)
        good = (
            base / seconds >= target and replace(made, usage=alone.usage, answer_seconds=alone.answer_seconds) == alone
        )
        print(f"{parallel:>8}{made.usage.requests:>9}{seconds:>9.2f}{base / seconds:>6.2f} {'ok' if good else 'OVER'}")


def review(material: Material, parallel: int) -> tuple[Review, float]:
    """The review, and its wall seconds."""
    slots = threading.Semaphore(SLOTS)

    def answer(exchange: Exchange) -> None:
        with slots:
            time.sleep(ANSWER_S)
        find()(exchange)

    with FakeServer(answer) as server:
        engine = OllamaEngine(endpoint=server.url, model=MODEL)
        started = time.perf_counter()
        made = run_review(
            material, engine, Options(SIZING, 5, 0, None, parallel=parallel), lambda step: None, lambda info: None
        )
        seconds = time.perf_counter() - started
        engine.close()
    assert made.engine is not None and made.lines_failed == 0
    unnamed = replace(made.engine, endpoint="")
    return replace(made, engine=unnamed), seconds


if __name__ == "__main__":
    main()
