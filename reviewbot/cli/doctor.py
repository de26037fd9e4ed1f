"""`reviewbot doctor`: what works here, what does not, and the command that mends it."""

import argparse
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reviewbot.cli.config import repository_here, settings_here
from reviewbot.cli.diagnosis import Check, State
from reviewbot.cli.hardware import Hardware, hardware_checks, hardware_json, survey_hardware
from reviewbot.cli.hardware_table import hardware_lines
from reviewbot.cli.probes import check_engine
from reviewbot.errors import ExitCode, RepoError, UsageError
from reviewbot.text import visible_line

if TYPE_CHECKING:
    from reviewbot.config import Config, Settings
    from reviewbot.repo import Repository

OLDEST_GIT = (2, 30)


def run(options: argparse.Namespace) -> int:
    """Print one line a check, as soon as it is done; 0 only if a review would work here."""
    checks: list[Check] = []
    hardware = None
    for found in _all_checks(options):
        if isinstance(found, Hardware):
            hardware = found
            continue
        checks.append(found)
        if options.format == "text" and not (options.quiet and found.state is State.OK):
            print(_line(found), flush=True)
    works = all(check.state is not State.FAILED for check in checks)
    if options.format == "json":
        import json

        answer = {"works": works, "checks": [check._asdict() for check in checks]}
        print(json.dumps({**answer, "hardware": hardware and hardware_json(hardware)}, indent=2))
    elif hardware is not None and not options.quiet:
        print("", *hardware_lines(hardware), sep="\n")
    return ExitCode.OK if works else ExitCode.NOT_REVIEWED


def _line(check: Check) -> str:
    word = "FAILED" if check.state is State.FAILED else check.state.value
    mend = f"; try: {check.hint}" if check.hint else ""
    return visible_line(f"{word:6}  {check.name:13}  {check.message}{mend}")


def _all_checks(options: argparse.Namespace) -> Iterator[Check | Hardware]:
    """Every check in the order in which it is made; the hardware once among them."""
    yield _check_git()
    repository, problem = repository_here()
    yield _check_repository(repository, problem)
    if repository is not None:
        yield from _check_hooks(repository)
    try:
        settings = settings_here(options, repository)
    except UsageError as error:
        yield Check("configuration", State.FAILED, error.message, error.hint)
        yield from _check_hardware(None)
        yield Check("server", State.FAILED, "not asked, because the configuration cannot be used")
        return
    yield from _show_settings(settings)
    yield from _check_hardware(settings.config)  # before a model is loaded, which takes what is free
    yield from check_engine(settings)


def _check_hardware(config: "Config | None") -> Iterator[Check | Hardware]:
    hardware = survey_hardware(config)
    yield hardware
    yield from hardware_checks(hardware)


def _check_git() -> Check:
    import re

    install = "install git 2.30 or newer, for example: apt install git"
    try:
        done = subprocess.run(["git", "version"], capture_output=True, check=False)
    except OSError as error:
        return Check("git", State.FAILED, f"git cannot be run: {error.strerror}", install)
    found = re.search(rb"(\d+)\.(\d+)(?:\.\d+)?", done.stdout)
    if found is None:
        return Check("git", State.FAILED, "git does not tell its version", install)
    version = (int(found[1]), int(found[2]))
    state, hint = (State.OK, None) if version >= OLDEST_GIT else (State.FAILED, install)
    return Check("git", state, f"version {found[0].decode()}", hint)


def _check_repository(repository: "Repository | None", problem: RepoError | None) -> Check:
    if repository is None:
        message = "not in a repository" if problem is None else problem.message
        return Check("repository", State.NOTE, message, problem.hint if problem else None)
    if repository.root is None:
        return Check("repository", State.NOTE, f"{repository.git_dir} is bare: only ranges can be reviewed")
    return Check("repository", State.OK, repository.root)


def _check_hooks(repository: "Repository") -> Iterator[Check]:
    """One line for each hook that runs us or should, or one that says that there is none; then what else decides."""
    from reviewbot import hookstate
    from reviewbot.globalhooks import runner
    from reviewbot.hookscripts import ALL_STAGES

    hooks = hookstate.look_in(repository, ALL_STAGES)
    for hook in hooks:
        if hook.state is hookstate.State.IN_ORDER:
            yield Check("hook", State.OK, f"{hook.stage}: {hook.message}")
        elif hook.state is hookstate.State.BROKEN:
            yield Check("hook", State.FAILED, hook.message, hook.hint)
    if all(hook.state is hookstate.State.ABSENT for hook in hooks):
        yield Check("hook", State.NOTE, f"none of ours in {repository.hooks_dir}", "reviewbot install")
    for remark in hookstate.remarks(repository, runner()):
        yield Check("hook", State.NOTE, remark)


def _show_settings(settings: "Settings") -> Iterator[Check]:
    files = [place for place in settings.origins.values() if " file " in place]
    places = ", ".join(dict.fromkeys(files)) or "no file, defaults"
    yield Check("configuration", State.OK, f"{places} (all values: reviewbot config)")
    for note in settings.notes:
        yield Check("configuration", State.NOTE, note)
