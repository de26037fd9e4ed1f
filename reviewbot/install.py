"""Write and remove git hooks.

A hook that is already there is kept beside ours and run first, with the same arguments and the same stdin; uninstall
puts it back byte for byte. It stays in its folder, beside which many look for others; those that also go by their own
name are left as they are.
"""

import os
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from reviewbot.errors import UsageError
from reviewbot.files import replacing
from reviewbot.hookmanagers import LEGACY, is_of_pre_commit, refuse_owned
from reviewbot.hookscripts import (
    ALL_STAGES,
    GIT_HOOKS,
    KEPT,
    Scope,
    forwarding_script,
    hook_script,
    script_of,
    seal,
    second_line,
)
from reviewbot.text import visible_line

EDITED = ".edited"
"""The end of the name that a hook of ours is kept under when it is removed and somebody has edited it."""


class Done(NamedTuple):
    """What became of one hook: `action` is written, unchanged, removed, restored or absent, with what else to know."""

    stage: str
    path: str
    action: str


def install(
    hooks_dir: str,
    stages: tuple[str, ...],
    python: str,
    on_failure: str,
    scope: Scope = Scope.REPOSITORY,
    tracked: Collection[str] = (),
) -> tuple[Done, ...]:
    """Write the hooks; a second time changes nothing. UsageError, before anything is written, for a hook that cannot be
    replaced (`tracked`: those that are files of the repository), and for a folder that cannot be written."""
    folder = Path(hooks_dir)
    refuse_owned(folder, stages, tracked)
    places = {stage: place_of(folder / stage) for stage in stages}
    try:
        for path in places.values():
            _refuse_to_lose(path)
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(
            _install_one(path, stage, hook_script(stage, python, on_failure, scope)) for stage, path in places.items()
        )
    except OSError as error:
        raise unwritable(hooks_dir, error) from error


def uninstall(hooks_dir: str) -> tuple[Done, ...]:
    """Remove every hook of ours, and put back what was there before. One that was edited by hand is kept aside."""
    done = []
    try:
        for stage in ALL_STAGES:
            path = Path(hooks_dir) / stage
            ours = [each for each in (path, path.with_name(stage + LEGACY)) if is_ours(each)]
            done += [_uninstall_one(each) for each in ours] or [_left(path)]
    except OSError as error:
        raise unwritable(hooks_dir, error) from error
    return tuple(done)


def install_forwarding(hooks_dir: str) -> None:
    """Fill the folder for all repositories with hooks that run a repository's own, but for those that run reviewbot.

    UsageError, before anything is written, where the folder has a hook of somebody else, or cannot be written.
    """
    folder = Path(hooks_dir)
    names = [name for name in GIT_HOOKS if not is_ours(folder / name)]
    for name in names:
        if os.path.lexists(folder / name) and not is_forwarding(folder / name):
            path = visible_line(str(folder / name))
            raise UsageError(
                f"{path} is not of reviewbot, whose folder this is", f"rm {shlex.quote(str(folder / name))}"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            _install_one(folder / name, name, forwarding_script(name), keep=False)
    except OSError as error:
        raise unwritable(hooks_dir, error) from error


def uninstall_forwarding(hooks_dir: str) -> tuple[str, ...]:
    """Remove the hooks that `install_forwarding` wrote, and the folder; the names of what others put into it, which
    stays."""
    folder = Path(hooks_dir)
    try:
        for name in GIT_HOOKS:
            if is_forwarding(folder / name):
                (folder / name).unlink()
        left = tuple(sorted(path.name for path in folder.iterdir()))
        if not left:
            folder.rmdir()
        return left
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise unwritable(hooks_dir, error) from error


def place_of(path: Path) -> Path:
    """Where a hook of ours is, or is to be: pre-commit runs the one that it found under another name."""
    legacy = path.with_name(path.name + LEGACY)
    return legacy if is_of_pre_commit(script_of(path)) and is_ours(legacy) else path


def is_ours(path: Path) -> bool:
    """Whether a hook was written by `install`."""
    return script_of(path).split("\n")[1:2] == [second_line(_stage(path))] or is_for_all(path)


def is_installed(stage: str, hooks_dir: str, common_dir: str) -> bool:
    """Whether a hook of ours runs: the one in git's folder, or the repository's own, which that passes on to."""
    path = Path(hooks_dir, stage)
    return is_ours(path) or (is_forwarding(path) and is_ours(Path(common_dir, "hooks", stage)))


def is_for_all(path: Path) -> bool:
    """Whether a hook was written by `install --global`."""
    return script_of(path).split("\n")[1:2] == [second_line(_stage(path), " --global")]


def is_forwarding(path: Path) -> bool:
    """Whether a hook only runs a repository's own: the second line tells, also in what another version wrote."""
    return script_of(path).split("\n")[1:2] == forwarding_script(path.name).split("\n")[1:2]


def is_edited(script: str) -> bool:
    """Whether the text of a hook of ours is not as it was written."""
    lines = script.split("\n")
    return lines[2:3] != [seal("\n".join(lines[3:]))]


def runs_us(path: Path) -> bool:
    """Whether a hook starts reviewbot: one of ours, or one that somebody wrote. What a comment says does not count."""
    lines = script_of(path).split("\n")
    return is_ours(path) or any("reviewbot hook" in line and not line.lstrip().startswith("#") for line in lines)


def unwritable(hooks_dir: str, error: OSError) -> UsageError:
    """What to say of a folder that hooks cannot be written into."""
    reason = error.strerror or type(error).__name__
    return UsageError(
        f"cannot write hooks into {visible_line(hooks_dir)}: {reason}", f"ls -ld {shlex.quote(hooks_dir)}"
    )


def _refuse_to_lose(path: Path) -> None:
    """Raise UsageError where writing a hook of ours would lose what somebody else wrote."""
    if not os.path.lexists(path) or is_forwarding(path):
        return
    if path.is_dir():
        raise UsageError(f"{visible_line(str(path))} is a folder, and no hook", f"ls -ld {shlex.quote(str(path))}")
    if is_ours(path):
        if is_edited(script_of(path)):
            raise UsageError(
                f"{visible_line(str(path))} was edited by hand since `reviewbot install` wrote it",
                f"rm {shlex.quote(str(path))} && reviewbot install",
            )
    elif os.path.lexists(_kept(path)):
        raise UsageError(
            f"{visible_line(str(path))} changed since reviewbot kept an older hook beside it",
            f"diff {shlex.quote(str(path))} {shlex.quote(str(_kept(path)))}, then remove one of the two",
        )


def _install_one(path: Path, stage: str, script: str, *, keep: bool = True) -> Done:
    exists = os.path.lexists(path)
    if exists and (is_ours(path) or is_forwarding(path)):
        if path.read_bytes() == script.encode("utf-8", "surrogateescape") and os.access(path, os.X_OK):
            return Done(stage, str(path), "unchanged")
    elif exists and keep:
        _write(path, script, keep=True)
        return Done(stage, str(path), "written, after the hook that was there")
    _write(path, script, keep=False)
    return Done(stage, str(path), "written")


def _left(path: Path) -> Done:
    """Where nothing of ours runs: nothing, or what was kept for somebody who has written another hook since."""
    if os.path.lexists(_kept(path)):
        return Done(path.name, str(_kept(path)), "left, for another hook has taken the place of ours")
    return Done(path.name, str(path), "absent")


def _uninstall_one(path: Path) -> Done:
    aside = ""
    if is_edited(script_of(path)):
        path.with_name(path.name + EDITED).write_bytes(path.read_bytes())
        aside = f" (it was edited by hand, and is kept as {path.name}{EDITED})"
    if os.path.lexists(_kept(path)):
        os.replace(_kept(path), path)
        return Done(_stage(path), str(path), f"restored{aside}")
    path.unlink()
    return Done(_stage(path), str(path), f"removed{aside}")


def _write(path: Path, script: str, *, keep: bool) -> None:
    """Write through a temporary file; the old hook is moved aside only when the new one is ready."""
    with replacing(path) as file:
        file.write(script.encode("utf-8", "surrogateescape"))
        os.fchmod(file.fileno(), 0o755)
        if keep:
            os.rename(path, _kept(path))


def _stage(path: Path) -> str:
    return path.name.removesuffix(LEGACY)


def _kept(path: Path) -> Path:
    return path.with_name(_stage(path) + KEPT)
