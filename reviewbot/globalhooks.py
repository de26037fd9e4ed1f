"""Hooks for all repositories of a user: where git is told to look for them, and what it is told."""

import os
import shlex
from pathlib import Path
from typing import NamedTuple

from reviewbot.errors import UsageError
from reviewbot.gitrun import Answer, Runner
from reviewbot.hookscripts import ALL_STAGES, Scope
from reviewbot.install import Done, install, install_forwarding, is_for_all, uninstall, uninstall_forwarding
from reviewbot.layers import current_folder, hooks_folder
from reviewbot.text import visible_line

HOOKS_PATH = "core.hooksPath"
TEMPLATE = "init.templateDir"

FIND_HOOKS_PATH = f"git config --show-origin {HOOKS_PATH}"
"""Shows which file of git's configuration has it."""


class Place(NamedTuple):
    """Where hooks for all repositories are written. `key` is the setting of git that names the folder."""

    folder: str
    key: str
    scope: Scope


def find_place(git: Runner) -> Place:
    """The folder that the user's own configuration of git names, else one of ours; UsageError where git looks for hooks
    elsewhere, whatever is written."""
    configured = global_setting(git, HOOKS_PATH)
    own = hooks_folder()
    if configured is not None and not os.path.isabs(configured):
        raise UsageError(
            f"your {HOOKS_PATH} is {visible_line(configured)}, which is another folder in each repository",
            "reviewbot install (in each of them)",
        )
    if configured is not None and os.path.exists(configured) and not os.path.isdir(configured):
        raise UsageError(
            f"your {HOOKS_PATH} is {visible_line(configured)}, which is no folder, so git runs no hooks",
            FIND_HOOKS_PATH,
        )
    if configured is not None and not _same(configured, own):
        return Place(configured, HOOKS_PATH, Scope.SHARED)
    template = global_setting(git, TEMPLATE)
    if configured is None and template is not None:
        return Place(os.path.join(template, "hooks"), TEMPLATE, Scope.SHARED)
    machine = _get(git, "--system", HOOKS_PATH)
    if configured is None and machine is not None:
        raise UsageError(
            f"{HOOKS_PATH} of this machine is {visible_line(machine)}, and the hooks there would not run any more",
            "git config --system --show-origin core.hooksPath",
        )
    return Place(own, HOOKS_PATH, Scope.OWN_FOLDER)


def install_for_all(
    git: Runner, stages: tuple[str, ...], python: str, on_failure: str
) -> tuple[Place, tuple[Done, ...]]:
    """Write the hooks, and then tell git where they are unless it knows. UsageError as `install` raises it, and where
    git's configuration cannot be written."""
    _need_regular_file()
    place = find_place(git)
    if place.scope is Scope.OWN_FOLDER:
        install_forwarding(place.folder)  # first: from the moment that git looks there, it looks nowhere else
    done = install(place.folder, stages, python, on_failure, place.scope)
    if place.scope is Scope.OWN_FOLDER and global_setting(git, HOOKS_PATH) is None:
        _need(git.run("config", "--global", HOOKS_PATH, place.folder))
    return place, done


def uninstall_for_all(git: Runner) -> tuple[tuple[Done, ...], tuple[str, ...]]:
    """Undo `install_for_all`, wherever it wrote; what was done, and what else is in the folder of ours, which stays."""
    own = hooks_folder()
    configured, template = global_setting(git, HOOKS_PATH), global_setting(git, TEMPLATE)
    if configured is not None and _same(configured, own):
        _need_regular_file()
        _need(git.run("config", "--global", "--unset", HOOKS_PATH))
    folders = [own, template and os.path.join(template, "hooks")]
    if configured is not None and os.path.isabs(configured) and not _same(configured, own):
        folders.append(configured)
    done = [
        one
        for folder in filter(None, folders)
        if any(is_for_all(Path(folder) / stage) for stage in ALL_STAGES)
        for one in uninstall(folder)
        if one.action != "absent"
    ]
    return tuple(done), uninstall_forwarding(own)


def folder_for_all(git: Runner) -> str | None:
    """The folder of the hooks that git runs in every repository without a core.hooksPath of its own, if any is ours."""
    folder = global_setting(git, HOOKS_PATH)
    if folder is None or not any(is_for_all(Path(folder) / stage) for stage in ALL_STAGES):
        return None
    return folder


def global_setting(git: Runner, key: str) -> str | None:
    """A path of the user's own configuration of git, files that it includes among it; None where it has none."""
    return _get(git, "--global", key)


def runner() -> Runner:
    """git in the current folder, which need not be in a repository."""
    return Runner(current_folder())


def _get(git: Runner, where: str, key: str) -> str | None:
    answer = git.run("config", where, "--includes", "--type=path", "--get", key)
    return os.fsdecode(answer.stdout.removesuffix(b"\n")) if answer.status == 0 and answer.stdout.strip() else None


def _need_regular_file() -> None:
    """git renames a new file over the old one, whatever that is: over /dev/null too, if root asks for it."""
    home = os.environ.get("HOME", "")
    usual = (
        os.path.join(home, ".gitconfig"),
        os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "git", "config"),
    )
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    for path in usual if named is None else (named,):
        if os.path.exists(path) and not os.path.isfile(path):
            raise UsageError(
                f"your git configuration {visible_line(path)} is no regular file", f"ls -lL {shlex.quote(path)}"
            )


def _need(answer: Answer) -> None:
    if answer.status:
        raise UsageError(
            f"git cannot write your configuration: {visible_line(answer.stderr)}",
            "git config --global --list --show-origin",
        )


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
