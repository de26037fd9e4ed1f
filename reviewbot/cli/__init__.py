"""Parse, wire, print; turn errors into exit codes. `main` returns the code, `__main__` exits with it."""

import errno
import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import argparse

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    started = time.monotonic()  # bare Python's own start, some 10 ms, is not counted
    words = list(sys.argv[1:] if argv is None else argv)
    from reviewbot.errors import ExitCode

    _open_streams()
    try:
        return _answer(words, started)
    except OSError:  # not even what went wrong can be said
        _silence(sys.stdout)
        _silence(sys.stderr)
        return ExitCode.NOT_REVIEWED


def _answer(words: Sequence[str], started: float) -> int:
    """Run the command and say on stderr what went wrong; OSError when that cannot be written."""
    from reviewbot.errors import ExitCode, ReviewbotError

    try:
        code = _version() if words == ["--version"] else _run(words, started)
        sys.stdout.flush()  # here, where it can still be said that it failed
        return code
    except ReviewbotError as error:
        _print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("reviewbot: interrupted; nothing was reviewed", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _silence(sys.stdout)
        return ExitCode.NOT_REVIEWED
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            _print_bug(error)
            return ExitCode.NOT_REVIEWED
        print(f"reviewbot: the output cannot be written: {error.strerror}", file=sys.stderr)
        _silence(sys.stdout)
        return ExitCode.NOT_REVIEWED
    except Exception as error:
        _print_bug(error)
        return ExitCode.NOT_REVIEWED


def _open_streams() -> None:
    """A stream that the caller closed is None: it then reads or swallows nothing. What a terminal cannot show is
    escaped rather than an error."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _version() -> int:
    from reviewbot import __version__

    print(f"reviewbot {__version__}")
    return 0


def _run(words: Sequence[str], started: float) -> int:
    from reviewbot.cli.arguments import parse_arguments

    options = parse_arguments(words)
    if getattr(options, "version", False):
        return _version()
    if options.format != "text" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's: what reads such a format expects that
    match options.command:
        case "hook" if options.args[:1] == ["post-index-change"]:
            from reviewbot.cli import background

            return background.run(options)
        case "diff" | "show" | "hook":
            from reviewbot.cli import review

            return review.run(options, started=started)
        case "ci":
            from reviewbot.cli import ci

            return ci.run(options, started=started)
        case _:
            return _run_without_deadline(options)


def _run_without_deadline(options: "argparse.Namespace") -> int:
    """Run a command that has no use for the time at which the process began."""
    match options.command:
        case "batch":
            from reviewbot.cli import batch

            return batch.run(options)
        case "merge":
            from reviewbot.cli import merge

            return merge.run(options)
        case "status":
            from reviewbot.cli import status

            return status.run(options)
        case "plan":
            from reviewbot.cli import plan

            return plan.run(options)
        case "config":
            from reviewbot.cli import config

            return config.run(options)
        case "prompts":
            from reviewbot.cli import prompts

            return prompts.run(options)
        case "cache":
            from reviewbot.cli import cache

            return cache.run(options)
        case "baseline":
            from reviewbot.cli import baseline

            return baseline.run(options)
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


def _silence(stream: TextIO) -> None:
    """Nobody reads this output any more: keep Python from complaining about that when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print_bug(error: Exception) -> None:
    """An error of our own: one line for people, and the traceback in a file for the report of it."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="reviewbot-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    print(f"reviewbot: this is a bug in reviewbot: {type(error).__name__}; nothing was reviewed", file=sys.stderr)
    print(f"  the traceback is in {file.name}", file=sys.stderr)
