"""fake_ollama.py, but with a window that is smaller than it says.

    python tests/bench/liar.py REAL_WINDOW VERSION [fake_ollama's options]

A VERSION below 0.12.6 cuts silently, whatever `truncate` says; a newer one refuses.
"""

import sys

import fake_ollama


def main() -> None:
    """Serve until SIGTERM."""
    real, version, *options = sys.argv[1:]
    refuses = tuple(map(int, version.split("."))) >= (0, 12, 6)
    honest = fake_ollama.apply_window

    def apply_window(
        messages: fake_ollama.Messages, num_ctx: int, truncate: bool, shift: bool
    ) -> fake_ollama.Delivered:
        return honest(messages, min(num_ctx, int(real)), truncate or not refuses, shift or not refuses)

    fake_ollama.apply_window = apply_window
    fake_ollama.VERSION = version
    fake_ollama.main(options)


if __name__ == "__main__":
    main()
