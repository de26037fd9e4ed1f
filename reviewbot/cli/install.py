"""The commands install and uninstall."""

import argparse
import os
import sys

from reviewbot.errors import ExitCode, UsageError
from reviewbot.hookscripts import DEFAULT_STAGES, STAGES, WARM_STAGE
from reviewbot.install import Done, install, uninstall
from reviewbot.repo import Repository, open_repository
from reviewbot.text import visible_line


def run_install(options: argparse.Namespace) -> int:
    """Write the hooks of `--stage` (default: pre-commit and pre-merge-commit) where git looks for them."""
    from reviewbot.config import load_config
    from reviewbot.layers import user_file

    stages = tuple(getattr(options, "stage", None) or DEFAULT_STAGES)
    if options.warm_only and hasattr(options, "stage"):
        raise UsageError("--warm-only writes no other hook", "reviewbot install --warm-only")
    for stage in stages:
        if stage not in STAGES:
            raise UsageError(f"reviewbot has no hook for {stage!r}", f"--stage {'|'.join(STAGES)}")
    if options.settings:
        key = next(iter(options.settings))
        raise UsageError(
            f"install writes no settings into a hook, which reads them when it runs: {key} was given",
            f"set {key} in {user_file()}",
        )
    if options.warm_only:
        stages = (WARM_STAGE,)
    elif options.warm:
        stages = (*stages, WARM_STAGE)
    repository = open_repository()
    settings = load_config(root=None, flags={}, in_hook=True, config_file=options.config, isolated=options.isolated)
    # Not resolved: the interpreter of a virtual environment is a link, and knows its packages only by that name.
    done = install(repository.hooks_dir, stages, os.path.abspath(sys.executable), settings.config.on_failure)
    _print(done, repository)
    return ExitCode.OK


def run_uninstall(options: argparse.Namespace) -> int:
    """Remove the hooks again, and restore those that they kept."""
    repository = open_repository()
    done = [one for one in uninstall(repository.hooks_dir) if one.action != "absent"]
    if not done:
        print("reviewbot: no hook of reviewbot is installed here")
    _print(tuple(done), repository)
    return ExitCode.OK


def _print(done: tuple[Done, ...], repository: Repository) -> None:
    for one in done:
        print(f"{one.stage}: {one.action}: {visible_line(one.path)}")
    inside = os.path.realpath(repository.hooks_dir).startswith(os.path.realpath(repository.common_dir) + os.sep)
    if done and repository.hooks_path_configured and not inside:
        print(f"note: core.hooksPath names {visible_line(repository.hooks_dir)}, which other repositories may share")
