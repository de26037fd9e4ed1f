"""What there is of git hooks: whether one is there, ours, current and executable, and whether its program exists."""

import os
import shlex
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from reviewbot.gitrun import Runner
from reviewbot.globalhooks import FIND_HOOKS_PATH, HOOKS_PATH, Place, folder_for_all
from reviewbot.hookmanagers import LEGACY, Owner, lines_to_add, manager_of, owner_of
from reviewbot.hookscripts import (
    DEFAULT_STAGES,
    GIT_HOOKS,
    OPT_OUT,
    WARM_STAGE,
    Scope,
    forwarding_script,
    hook_script,
    programs,
    script_of,
)
from reviewbot.install import is_edited, is_for_all, is_forwarding, is_ours, place_of, runs_us
from reviewbot.repo import Repository
from reviewbot.text import visible_line


class State(StrEnum):
    """In order: reviewbot runs. Absent: nothing here would run it. Broken: something would, but cannot, or not so."""

    IN_ORDER = "in order"
    ABSENT = "absent"
    BROKEN = "broken"


class Hook(NamedTuple):
    """One stage in one folder; `hint` is the command that mends it, `detail` more about one that is in order."""

    stage: str
    state: State
    message: str
    hint: str | None = None
    detail: str = ""


def look_at(
    folder: Path,
    stage: str,
    root: str | None,
    on_failure: str | None,
    flag: str = "",
    tracked: Collection[str] = (),
) -> Hook:
    """The hook of a stage. With `on_failure` one that was written for another value of it is not current.

    `root` is the work tree, where other managers of hooks have their files; `flag` belongs to `reviewbot install`;
    `tracked` are the hooks that are files of the repository.
    """
    path = place_of(folder / stage)
    shown = visible_line(str(path))
    chosen = "" if stage in DEFAULT_STAGES else " --warm-only" if stage == WARM_STAGE else f" --stage {stage}"
    again = f"reviewbot install{flag}{chosen}"
    manager = manager_of(folder, stage, root)
    not_executable = Hook(
        stage, State.BROKEN, f"{shown} is not executable, so git passes over it", f"chmod +x {shlex.quote(str(path))}"
    )
    if manager is not None:
        return Hook(stage, State.IN_ORDER, f"{manager} runs reviewbot") if os.access(path, os.X_OK) else not_executable
    owner = owner_of(folder, stage, tracked)
    if owner is not None and not runs_us(path):
        return _foreign(folder, stage, owner)
    if not os.path.lexists(path):
        return Hook(stage, State.ABSENT, f"there is no {shown}", again)
    if is_forwarding(path):
        return Hook(stage, State.ABSENT, f"{shown} only runs a repository's own hook", again)
    if not runs_us(path):
        return Hook(stage, State.ABSENT, f"{shown} is a hook of somebody else and runs no reviewbot", again)
    if not os.access(path, os.X_OK):
        return not_executable
    if script_of(path).partition("\n")[0].endswith("\r"):
        hint = f"perl -pi -e 's/\\r//' {shlex.quote(str(path))}"
        return Hook(stage, State.BROKEN, f"{shown} has Windows line ends, so git cannot run it", hint)
    return (
        _of_ours(path, stage, on_failure, again)
        if is_ours(path)
        else Hook(stage, State.IN_ORDER, shown, detail="executable, written by hand")
    )


def why_off(repository: Repository) -> tuple[str, str] | None:
    """Why git runs no hook here at all, whatever is written, and what shows it; None where it looks into a folder."""
    if repository.git_setting(HOOKS_PATH, "path") == "":
        return f"{HOOKS_PATH} is empty, so git runs no hook here", FIND_HOOKS_PATH
    folder = repository.hooks_dir
    if os.path.exists(folder) and not os.path.isdir(folder):
        if not repository.hooks_path_configured:
            return f"{visible_line(folder)} is no folder, so git runs no hook here", f"ls -ld {shlex.quote(folder)}"
        return f"{HOOKS_PATH} is {visible_line(folder)}, which is no folder, so git runs no hook here", FIND_HOOKS_PATH
    return None


def look_in(repository: Repository, stages: Iterable[str], on_failure: str | None = None) -> list[Hook]:
    """The hooks of some stages in the folder where git looks; where that is the one for all repositories and has none
    of ours, those in the repository that it runs."""
    if why := why_off(repository):
        return [Hook(stage, State.ABSENT, *why) for stage in stages]
    tracked = repository.tracked(repository.hooks_dir)
    return [_look_in(repository, stage, on_failure, tracked) for stage in stages]


def _look_in(repository: Repository, stage: str, on_failure: str | None, tracked: Collection[str]) -> Hook:
    folder = Path(repository.hooks_dir)
    if is_forwarding(folder / stage):
        own = Path(repository.common_dir) / "hooks"
        found = look_at(own, stage, repository.root, on_failure)
        return found if found.state is not State.ABSENT else look_at(folder, stage, None, on_failure, " --global")
    flag = " --global" if is_for_all(folder / stage) else ""
    return look_at(folder, stage, repository.root, on_failure, flag, tracked)


def look_at_forwarding(place: Place) -> Iterator[Hook]:
    """The hooks of the folder for all repositories that do not run a repository's own as they should."""
    if place.scope is not Scope.OWN_FOLDER or not os.path.isdir(place.folder):
        return
    for name in GIT_HOOKS:
        path = Path(place.folder) / name
        if not is_ours(path) and (script_of(path) != forwarding_script(name) or not os.access(path, os.X_OK)):
            message = f"{visible_line(str(path))} does not run a repository's own hook"
            yield Hook(name, State.BROKEN, message, "reviewbot install --global")


def remarks(repository: Repository, git: Runner) -> Iterator[str]:
    """What else decides whether hooks run: the opt-out, and a folder that goes before the one for all repositories."""
    for_all = folder_for_all(git)
    passed_over = for_all is not None and os.path.realpath(for_all) != os.path.realpath(repository.hooks_dir)
    if passed_over:
        yield (
            f"the hooks for all repositories, in {visible_line(str(for_all))}, do not run here: this repository's "
            f"{HOOKS_PATH} is {visible_line(repository.hooks_dir)}"
        )
    if repository.git_setting(OPT_OUT, "bool") != "false":
        return
    if for_all is not None and not passed_over:
        yield f"reviewbot is off here: {OPT_OUT} is false"
    else:
        yield f"{OPT_OUT} is false, which only the hooks of `reviewbot install --global` heed"


def _foreign(folder: Path, stage: str, owner: Owner) -> Hook:
    legacy = folder / f"{stage}{LEGACY}"
    if owner is Owner.PRE_COMMIT and runs_us(legacy):
        return Hook(stage, State.IN_ORDER, f"pre-commit runs {visible_line(str(legacy))}")
    shown = visible_line(str(folder / stage))
    return Hook(stage, State.ABSENT, f"{owner} runs no reviewbot in {shown}", lines_to_add(folder, (stage,), owner))


def _of_ours(path: Path, stage: str, on_failure: str | None, again: str) -> Hook:
    shown, script = visible_line(str(path)), script_of(path)
    if is_edited(script):
        hint = f"rm {shlex.quote(str(path))} && {again}"
        return Hook(stage, State.BROKEN, f"{shown} was edited by hand", hint)
    named = programs(script)
    for program in named:
        if not os.path.exists(program):
            return Hook(stage, State.BROKEN, f"{shown} runs what is gone: {visible_line(program)}", again)
    python, package = named if len(named) == 2 else (None, None)
    current = (
        hook_script(stage, python, failure, scope, package)
        for failure in ((on_failure,) if on_failure else ("allow", "block"))
        for scope in Scope
    )
    if script not in current:
        message = f"{shown} was written by another version of reviewbot, or for another on_failure"
        return Hook(stage, State.BROKEN, message, again)
    detail = f"ours, current, executable, run by {visible_line(python or 'reviewbot in PATH')}"
    return Hook(stage, State.IN_ORDER, shown, detail=detail)
