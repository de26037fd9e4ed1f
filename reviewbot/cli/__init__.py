"""Parse, wire, print; turn errors into exit codes. `main` returns the code, `__main__` exits with it."""

import sys
import time
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    started = time.monotonic()  # bare Python's own start, some 10 ms, is not counted
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        from reviewbot import __version__

        print(f"reviewbot {__version__}")
        return 0
    from reviewbot.errors import ExitCode, ReviewbotError

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words, started)
    except ReviewbotError as error:
        _print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("reviewbot: interrupted; nothing was reviewed", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return ExitCode.NOT_REVIEWED
    except Exception as error:
        _print_bug(error)
        return ExitCode.NOT_REVIEWED


def _run(words: Sequence[str], started: float) -> int:
    from reviewbot.cli.arguments import parse_arguments

    options = parse_arguments(words)
    match options.command:
        case "diff" | "show" | "hook":
            from reviewbot.cli import review

            return review.run(options, started=started)
        case "plan":
            from reviewbot.cli import plan

            return plan.run(options)
        case "config":
            from reviewbot.cli import config

            return config.run(options)
        case "doctor":
            from reviewbot.cli import doctor

            return doctor.run(options)
        case "demo":
            from reviewbot.cli import demo

            return demo.run(options)
        case _:
            from reviewbot.cli import install

            return install.run_install(options) if options.command == "install" else install.run_uninstall(options)


def _print_error(error: Exception) -> None:
    from reviewbot.text import visible

    print(f"reviewbot: {visible(str(error))}", file=sys.stderr)
    hint = getattr(error, "hint", None)
    if hint:
        print(f"  try: {visible(hint)}", file=sys.stderr)


def _silence_stdout() -> None:
    """Whoever read our output is gone: keep Python from complaining about that when it flushes at the end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_bug(error: Exception) -> None:
    """An error of our own: one line for people, and the traceback in a file for the report of it."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="reviewbot-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    print(f"reviewbot: this is a bug in reviewbot: {type(error).__name__}; nothing was reviewed", file=sys.stderr)
    print(f"  the traceback is in {file.name}", file=sys.stderr)
