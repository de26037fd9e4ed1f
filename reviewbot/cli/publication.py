"""Decide about a review, print it, and write the reports that were asked for."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from reviewbot.cli.arguments import FORMATS
from reviewbot.errors import ExitCode, OutputError, UsageError
from reviewbot.text import visible_line

if TYPE_CHECKING:
    from reviewbot.config import Config
    from reviewbot.review import Review


def publish(review: "Review", config: "Config", options: argparse.Namespace) -> int:
    """Decide, print, write the files that were asked for, and return the exit code. OutputError where one of
    them cannot be written, with the verdict's exit code unless that is 0."""
    from reviewbot.findings import severity_named
    from reviewbot.output import write_report
    from reviewbot.reporters import Style, render, summary
    from reviewbot.verdict import Policy, decide

    in_hook = options.command == "hook"
    policy = Policy(
        block_at=severity_named(config.block_at),
        confirm=config.votes > 0,
        block_on_failure=config.on_failure == "block",
        exit_zero=options.exit_zero,
    )
    verdict = decide(review, policy)
    style = Style(colour=_colour(sys.stdout, in_hook), verbose=options.verbose, quiet=options.quiet)
    sys.stdout.write(render(options.format, review, verdict, style))
    sys.stdout.flush()
    style = Style(_colour(sys.stderr, in_hook), options.verbose, options.quiet, options.show_dropped)
    sys.stderr.write(summary(review, verdict, style))
    if verdict.exit_code is ExitCode.BLOCKED and in_hook and review.source.kind == "range":
        sys.stderr.write("to push anyway: REVIEWBOT_SKIP='why' git push ...\n")
    plain = Style(verbose=options.verbose)
    try:
        for kind, path in outputs(options):
            write_report(path, render(kind, review, verdict, plain))
    except OutputError as error:
        if verdict.exit_code is not ExitCode.OK:
            error.exit_code = verdict.exit_code
        raise
    return verdict.exit_code


def skipped_by_user(options: argparse.Namespace, reason: str) -> int:
    """The report of a run that the user does without."""
    from reviewbot.repo import Source
    from reviewbot.review import Review

    return publish(Review(Source("staged"), skip_reason=reason), _default_config(options), options)


def interrupted(options: argparse.Namespace) -> int:
    """The report of a run that was interrupted before it was known what there is to read."""
    from reviewbot.repo import Source
    from reviewbot.review import Review

    if options.command == "diff" and options.args == ["-"]:
        kind = "stdin"
    elif options.command == "ci":
        kind = "range"
    elif options.command == "diff" and not options.staged:
        kind = "range" if options.args else "worktree"
    else:
        kind = "commit" if options.command == "show" else "staged"
    return publish(Review(Source(kind), interrupted=True), _default_config(options), options)


def outputs(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Format and path of each `--output [FORMAT=]FILE`.

    A word before a `=` is a format, and a wrong one where there is none of that name: UsageError. `./word=x` is a file.
    OutputError for a file in no folder: that is better said before a review of hours than after it.
    """
    found = []
    for text in options.output:
        kind, separator, path = text.partition("=")
        if not separator or not kind.replace("-", "").isalpha():
            found.append((options.format, text))
        elif kind not in FORMATS or not path:
            what = "names no file" if kind in FORMATS else f"names no format of {', '.join(FORMATS)}"
            raise UsageError(f"--output {visible_line(text)} {what}", f"--output {FORMATS[0]}=FILE, or --output ./FILE")
        else:
            found.append((kind, path))
    if found:
        from reviewbot.output import refuse_target

        for _, path in found:
            refuse_target(path)
    return found


def _default_config(options: argparse.Namespace) -> "Config":
    """What holds where no setting makes a difference."""
    from reviewbot.config import load_config

    return load_config(root=None, flags={}, in_hook=options.command == "hook", isolated=True, environ={}).config


def _colour(stream: object, in_hook: bool) -> bool:
    """Whether to colour: on a real terminal, which a pty of pre-commit is not."""
    isatty = getattr(stream, "isatty", lambda: False)
    return not in_hook and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and bool(isatty())
