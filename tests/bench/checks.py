"""Measure what the deterministic checks cost: all of them together, and each alone, on 20,000 added lines of code, and
all of them on lines that are made to take long.

    python tests/bench/checks.py

The code is the standard library's own, in files of 500 lines, with one secret in each tenth file.
"""

import string
import time
from pathlib import Path
from random import Random
from sysconfig import get_path

LINES = 20_000
FILE_LINES = 500
LIMIT_S = 4.0
SECRET = "AKIA" + "Q7X2M4K9P1R5T8W3"
SECRETS = 4_000
SECRETS_LIMIT_S = 2.0


def main() -> None:
    """Print one line for all checks on code, one for each of them, and one for each kind of hard lines."""
    from reviewbot.checks import CHECKS, run_checks
    from reviewbot.checks.secret import scan_secrets

    rows = code()
    changes = []
    for start in range(0, LINES, FILE_LINES):
        texts = rows[start : start + FILE_LINES]
        if start % (10 * FILE_LINES) == 0:
            texts[0] = f'key = "{SECRET}"'
        changes.append(file(f"f{start}.py", texts))
    run_checks(changes[:1])  # loads the detectors, which a first commit pays for and this figure does not
    tell("code", changes, LIMIT_S)
    print(f"  secret: {timed(lambda: [scan_secrets(change) for change in changes])[0]:.2f} s")
    for name, check in CHECKS.items():
        print(f"  {name}: {timed(lambda check=check: [check(change) for change in changes])[0]:.2f} s")
    for name, texts in hard().items():
        tell(name, [file("f.py", texts)], LIMIT_S if len(texts) > SECRETS else SECRETS_LIMIT_S)


def tell(name, changes, limit_s: float) -> None:
    """Print what all checks together take."""
    from reviewbot.checks import run_checks

    seconds, found = timed(lambda: run_checks(changes).findings)
    lines = sum(len(change.added) for change in changes)
    mark = "ok" if seconds <= limit_s else "OVER"
    print(f"{name}: {seconds:.2f} s for {lines:,} lines, {len(found):,} findings: {mark} (at most {limit_s:g} s)")


def file(path: str, texts: list[str]):
    """A new file with these lines."""
    from reviewbot.diff import FileChange, Hunk, Line, LineKind

    lines = tuple(Line(LineKind.ADDED, None, i, text) for i, text in enumerate(texts, 1))
    return FileChange(path, path.encode(), (Hunk("", lines),))


def code() -> list[str]:
    """LINES lines of Python."""
    rows: list[str] = []
    for path in sorted(Path(get_path("stdlib")).glob("*.py")):
        rows += path.read_text(encoding="utf-8", errors="replace").split("\n")
        if len(rows) >= LINES:
            break
    return rows[:LINES]


def hard() -> dict[str, list[str]]:
    """Lines that each hold a secret, or look as if they did, by what they are."""
    draw = Random(1)
    words = [f"password, api_key, secret = check_password(user{i}, secret_key)" for i in range(LINES)]
    return {
        "tokens": [f'k{i} = "AKIA{"".join(draw.choices(string.ascii_uppercase, k=16))}"' for i in range(SECRETS)],
        "passwords": [f'password = "{"".join(draw.choices(string.ascii_letters, k=14))}"' for _ in range(SECRETS)],
        "passwords that begin alike": [f'password = "correct-horse-{i:04}"' for i in range(SECRETS)],
        "words that announce a secret": words,
        "one long line of such words": ["; ".join(words[: LINES // 10])],
    }


def timed(work):
    """Wall seconds, and what came of it."""
    started = time.perf_counter()
    made = work()
    return time.perf_counter() - started, made


if __name__ == "__main__":
    main()
