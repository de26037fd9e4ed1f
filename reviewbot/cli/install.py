"""The commands install and uninstall."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from reviewbot.errors import ExitCode, UsageError
from reviewbot.globalhooks import (
    HOOKS_PATH,
    Place,
    find_place,
    folder_for_all,
    global_setting,
    install_for_all,
    runner,
    uninstall_for_all,
)
from reviewbot.hookscripts import DEFAULT_STAGES, OPT_OUT, STAGES, WARM_STAGE, Scope
from reviewbot.hookstate import Hook, State, look_at, look_at_forwarding, look_in, remarks, why_off
from reviewbot.install import Done, install, uninstall
from reviewbot.layers import hooks_folder
from reviewbot.repo import Repository, open_repository
from reviewbot.text import visible_line


def run_install(options: argparse.Namespace) -> int:
    """Write the hooks of `--stage` (default: pre-commit and pre-merge-commit) where git looks for them, or check."""
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
    repository = None if options.everywhere else open_repository()
    settings = load_config(root=None, flags={}, in_hook=True, config_file=options.config, isolated=options.isolated)
    on_failure = settings.config.on_failure
    if options.check:
        return _check(repository, stages, on_failure)
    # Not resolved: the interpreter of a virtual environment is a link, and knows its packages only by that name.
    python = os.path.abspath(sys.executable)
    if repository is None:
        _print_for_all(*install_for_all(runner(), stages, python, on_failure))
    elif _is_for_all(repository):
        _need_for_all(repository, stages, on_failure)
    else:
        _need_hooks(repository)
        folder = repository.hooks_dir
        _print(install(folder, stages, python, on_failure, tracked=repository.tracked(folder)))
        _note_shared(repository)
    return ExitCode.OK


def run_uninstall(options: argparse.Namespace) -> int:
    """Remove the hooks again, and restore those that they kept."""
    if options.everywhere:
        return _uninstall_for_all()
    repository = open_repository()
    shared = _is_for_all(repository)
    folder = os.path.join(repository.common_dir, "hooks") if shared else repository.hooks_dir
    done = [one for one in uninstall(folder) if one.action != "absent"]
    if not done and shared:
        raise UsageError(
            f"the hooks that run here are those for all repositories, in {visible_line(repository.hooks_dir)}",
            f"git config {OPT_OUT} false, or for all of them: reviewbot uninstall --global",
        )
    if not done:
        print("reviewbot: no hook of reviewbot is installed here")
    _print(done)
    if done and not shared:
        _note_shared(repository)
    return ExitCode.OK


def _check(repository: Repository | None, stages: tuple[str, ...], on_failure: str) -> int:
    """Say of each hook whether it is in order; 1 where one is not."""
    git = runner()
    hooks: Iterable[Hook]
    if repository is not None:
        hooks = look_in(repository, stages, on_failure)
        notes = tuple(remarks(repository, git))
    else:
        place = find_place(git)
        hooks, notes = _look_for_all(place, stages, on_failure), ()
        if global_setting(git, place.key) is None:
            notes = (f"your {place.key} does not name {visible_line(place.folder)}",)
    code = ExitCode.OK
    for hook in hooks:
        rest = f" ({hook.detail})" if hook.detail else f"; try: {hook.hint}" if hook.hint else ""
        print(f"{hook.stage}: {hook.state}: {hook.message}{rest}")
        code = code if hook.state is State.IN_ORDER else ExitCode.BLOCKED
    for note in notes:
        print(f"note: {note}")
    return code


def _look_for_all(place: Place, stages: tuple[str, ...], on_failure: str) -> Iterator[Hook]:
    for stage in stages:
        yield look_at(Path(place.folder), stage, None, on_failure, " --global")
    yield from look_at_forwarding(place)


def _is_for_all(repository: Repository) -> bool:
    """Whether git looks for this repository's hooks in the folder for all of them."""
    folder = folder_for_all(runner())
    here = os.path.realpath(repository.hooks_dir)
    return here == os.path.realpath(hooks_folder()) or (folder is not None and os.path.realpath(folder) == here)


def _need_hooks(repository: Repository) -> None:
    """UsageError where git would run no hook, whatever is written."""
    if why := why_off(repository):
        raise UsageError(*why)


def _need_for_all(repository: Repository, stages: tuple[str, ...], on_failure: str) -> None:
    """Print that nothing is to be done here; UsageError where something is, but not in this repository."""
    hooks = look_in(repository, stages, on_failure)
    for hook in hooks:
        if hook.state is not State.IN_ORDER:
            raise UsageError(f"{hook.message}, and the hooks here are those for all repositories", hook.hint)
    for hook in hooks:
        print(f"{hook.stage}: unchanged, for all repositories: {hook.message}")


def _uninstall_for_all() -> int:
    own = hooks_folder()
    done, left = uninstall_for_all(runner())
    if not done:
        print("reviewbot: no hook of reviewbot is installed for all repositories")
    _print(done)
    if left:
        print(f"note: {visible_line(own)} keeps what is not of reviewbot: {visible_line(', '.join(left))}")
    return ExitCode.OK


def _print_for_all(place: Place, done: tuple[Done, ...]) -> None:
    _print(done)
    folder = visible_line(place.folder)
    if place.scope is Scope.OWN_FOLDER:
        print(
            f"note: your {HOOKS_PATH} names {folder}: its hooks run in each repository without a {HOOKS_PATH} of its "
            "own, after the hooks in .git/hooks"
        )
    elif place.key == HOOKS_PATH:
        print(f"note: your {HOOKS_PATH} names {folder}, so these hooks run in each repository without one of its own")
    else:
        print(
            f"note: your {place.key} has git copy {folder} into each new repository; in those that there are: git init"
        )
    print(f"note: to have none of it in one repository: git config {OPT_OUT} false")


def _print(done: Iterable[Done]) -> None:
    for one in done:
        print(f"{one.stage}: {one.action}: {visible_line(one.path)}")


def _note_shared(repository: Repository) -> None:
    folder, shown = os.path.realpath(repository.hooks_dir), visible_line(repository.hooks_dir)
    if not repository.hooks_path_configured or _is_in(folder, repository.common_dir):
        return
    if repository.root is not None and _is_in(folder, repository.root):
        print(f"note: {HOOKS_PATH} names {shown}, in the work tree; do not commit these hooks, made for this machine")
    else:
        print(f"note: {HOOKS_PATH} names {shown}, which other repositories may share")


def _is_in(folder: str, other: str) -> bool:
    return folder.startswith(os.path.realpath(other) + os.sep)
