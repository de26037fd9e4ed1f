"""The commands that review: diff, show and hook."""

import argparse
import os
import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from reviewbot.cli.publication import interrupted, outputs, publish, skipped_by_user
from reviewbot.errors import ExitCode, ReviewbotError
from reviewbot.gitrun import staged_is_empty
from reviewbot.repo import Change, Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from reviewbot.cli.consult import Manner
    from reviewbot.config import Config, Settings
    from reviewbot.progress import Progress
    from reviewbot.review import Review

SKIP_VARIABLE = "REVIEWBOT_SKIP"


def run(options: argparse.Namespace, *, started: float) -> int:
    """Review what the command names, print the report, and return the verdict's code.

    `started` is the time of `time.monotonic()` at which the process began: the deadline counts from there.
    """
    from reviewbot.cli.selection import hook_stage, means_staged

    if options.command == "hook":
        hook_stage(options)
    outputs(options)  # what is wrong with them is said before anything is read
    reason = os.environ.get(SKIP_VARIABLE)
    if reason:
        return skipped_by_user(options, reason)
    if (
        means_staged(options)
        and options.format not in ("json", "json-lines")
        and not options.output
        and staged_is_empty()
    ):
        if options.settings or options.config:
            _refuse_wrong_settings(options)
        return _nothing_staged(options)
    try:
        done = _review(options, started)
    except KeyboardInterrupt:
        return interrupted(options)
    return _finish(done, options)


class _Done(NamedTuple):
    """A review, and what it was made of."""

    repository: Repository | None
    settings: "Settings"
    changes: tuple[Change, ...]
    review: "Review"
    deadline: float | None


def _review(options: argparse.Namespace, started: float) -> _Done:
    """Review what the command names."""
    from msgspec.structs import replace

    from reviewbot.cli.selection import select_changes

    if not options.no_model:
        _load_client(options)
    repository, changes = select_changes(options)
    settings = load_settings(options, repository, changes)
    deadline = deadline_of(settings.config, started)
    from reviewbot.cli.consult import review_material
    from reviewbot.cli.material import select_material
    from reviewbot.cli.sharing import share_of
    from reviewbot.review import tell_idle_ignores

    manner = _manner(options, repository, changes, settings.config, deadline)
    material = select_material(changes, settings, repository, deadline)
    material, share = share_of(material, options.shard)
    review = review_material(material, settings.config, manner, deadline)
    review = replace(review, share=share) if share else tell_idle_ignores(review, material)
    return _Done(repository, settings, changes, review, deadline)


def deadline_of(config: "Config", started: float) -> float | None:
    """When nothing more is asked, a time of `time.monotonic()`: the sooner of the deadline and the budget."""
    limits = [config.deadline_s, None if config.max_minutes is None else 60 * config.max_minutes]
    return min((started + limit for limit in limits if limit is not None), default=None)


def _finish(done: _Done, options: argparse.Namespace) -> int:
    """Publish, remember, and see to what goes on unread."""
    from reviewbot.cli.remembered import remember

    repository, settings, changes, review, deadline = done
    if repository is not None:
        remember(repository, settings.config, review)
    code = publish(review, settings.config, options)
    if options.command == "hook" and repository is not None:
        from reviewbot.cli.late import follow_up

        with suppress(ReviewbotError, OSError):  # what comes behind the verdict does not change it
            in_time = deadline is None or time.monotonic() < deadline
            follow_up(repository, settings, changes, review, code, in_time=in_time)
    return code


def _manner(
    options: argparse.Namespace,
    repository: Repository | None,
    changes: tuple[Change, ...],
    config: "Config",
    deadline: float | None,
) -> "Manner":
    """How to go about it; a commit has no use for a review in the background that has not begun, and joins one that
    has."""
    from reviewbot.cli.consult import Manner, nothing_before
    from reviewbot.cli.join import join_worker, review_digest, stop_waiting
    from reviewbot.cli.state import named_state
    from reviewbot.progress import open_progress

    in_hook = options.command == "hook"
    join = nothing_before
    if in_hook and repository is not None and changes and changes[0].source.kind == "staged":
        stop_waiting(repository)
        diff, fills_it = changes[0].diff, not (options.no_cache or options.state)

        def join() -> bool:
            return join_worker(repository, review_digest(diff, config) if fills_it else "", deadline)

    return Manner(
        interactive=not in_hook,
        no_model=options.no_model,
        no_cache=options.no_cache,
        progress=streamed(options) or partial(open_progress, in_hook=in_hook, quiet=options.quiet),
        before_asking=join,
        state=named_state(options.state, changes),
    )


def streamed(
    options: argparse.Namespace, beside: "Callable[[], Progress] | None" = None
) -> "Callable[[], Progress] | None":
    """How to show progress on stdout, where the format has lines for it; a terminal's own line would take them."""
    if options.format != "json-lines":
        return None
    from reviewbot.progress import Progress, StreamedProgress
    from reviewbot.reporters.jsonlines_report import render_progress

    return lambda: StreamedProgress(render_progress, (beside or Progress)())


def _load_client(options: argparse.Namespace) -> None:
    """Import what speaks HTTP in another thread, for this one waits for git meanwhile; not where outcomes are kept, for
    then perhaps nobody has to be asked."""
    from importlib import import_module
    from threading import Thread

    from reviewbot.layers import OUTCOMES, cache_folder

    if not options.no_cache and os.path.exists(os.path.join(cache_folder(), OUTCOMES)):
        return
    Thread(target=import_module, args=("reviewbot.engines.http",)).start()


def _refuse_wrong_settings(options: argparse.Namespace) -> None:
    """What was typed has to be right although nothing comes of it."""
    from reviewbot.config import load_config

    load_config(root=None, flags=options.settings, config_file=options.config, isolated=options.isolated)


def _nothing_staged(options: argparse.Namespace) -> int:
    """Say what to type, or nothing at all in a git hook."""
    if options.command != "hook":
        print("reviewbot: nothing staged; `reviewbot diff` reviews the work tree", file=sys.stderr)
    elif os.environ.get("PRE_COMMIT") and "GIT_INDEX_FILE" not in os.environ:  # git names the index to a hook
        print(
            "reviewbot: nothing staged, and only changes are reviewed, not whole files; "
            "for a range: pre-commit run --from-ref main --to-ref HEAD",
            file=sys.stderr,
        )
    return ExitCode.OK


def load_settings(
    options: argparse.Namespace, repository: Repository | None, changes: tuple[Change, ...]
) -> "Settings":
    """The settings that hold for these changes: the repository's own count as their base has them."""
    from reviewbot.cli.config import settings_here

    base = (changes[0].source.base if changes else None) or "HEAD"
    return settings_here(options, repository, base, in_hook=options.command == "hook")
