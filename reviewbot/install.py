"""Write and remove git hooks.

A hook that is already there is kept beside ours and run first, with the same arguments and the same stdin; uninstall
puts it back byte for byte.
"""

import os
import shlex
from pathlib import Path
from typing import NamedTuple

from reviewbot.errors import UsageError
from reviewbot.files import replacing
from reviewbot.text import visible_line

STAGES = ("pre-commit", "pre-merge-commit", "pre-push")
DEFAULT_STAGES = ("pre-commit", "pre-merge-commit")
MARKER = "# reviewbot hook"
"""Begins the second line of a hook of ours; the whole line tells it from others."""

KEPT = ".before-reviewbot"


class Done(NamedTuple):
    """What became of one hook: `action` is written, unchanged, removed, restored or absent."""

    stage: str
    path: str
    action: str


def hook_script(stage: str, python: str | None = None, on_failure: str = "allow") -> str:
    """The POSIX script of a hook: run what was there before, then reviewbot.

    `python` is the absolute path of the interpreter that has reviewbot; None takes `reviewbot` from PATH. When the
    interpreter or its package is gone, the script says so and lets git go on, or stops it where `on_failure` is block.
    """
    if python is None:
        there, command = "command -v reviewbot >/dev/null 2>&1", "reviewbot"
    else:
        package = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
        there = f"[ -x {shlex.quote(python)} ] && [ -e {shlex.quote(package)} ]"
        command = f"{shlex.quote(python)} -m reviewbot"
    code = 3 if on_failure == "block" else 0
    gone = f"reviewbot: the program of the {stage} hook is gone; nothing was reviewed (try: reviewbot install)"
    save, again, run = "", "", f'exec {command} hook {stage} "$@"'
    if stage == "pre-push":  # both hooks read stdin
        save, again = "lines=$(cat; echo .)\n", 'printf %s "${lines%.}" | '
        run = f'{again}{command} hook {stage} "$@"; exit $?'
    return (
        "#!/bin/sh\n"
        f"{_second_line(stage)}\n"
        f"{save}"
        f'before="$0{KEPT}"\n'
        f'if [ -x "$before" ]; then {again}"$before" "$@" || exit $?; fi\n'
        f"if {there}; then\n"
        f"    {run}\n"
        "fi\n"
        f"echo {shlex.quote(gone)} >&2\n"
        f"exit {code}\n"
    )


def install(hooks_dir: str, stages: tuple[str, ...], python: str, on_failure: str) -> tuple[Done, ...]:
    """Write the hooks; a second time changes nothing. UsageError, with nothing half done, where that is impossible."""
    folder = Path(hooks_dir)
    done = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stage in stages:
            done.append(_install_one(folder / stage, stage, hook_script(stage, python, on_failure)))
    except OSError as error:
        raise _unwritable(hooks_dir, error) from error
    return tuple(done)


def uninstall(hooks_dir: str) -> tuple[Done, ...]:
    """Remove every hook of ours, and put back what was there before."""
    done = []
    try:
        for stage in STAGES:
            path = Path(hooks_dir) / stage
            kept = _kept(path)
            if not is_ours(path):
                done.append(Done(stage, str(path), "absent"))
            elif os.path.lexists(kept):
                os.replace(kept, path)
                done.append(Done(stage, str(path), "restored"))
            else:
                path.unlink()
                done.append(Done(stage, str(path), "removed"))
    except OSError as error:
        raise _unwritable(hooks_dir, error) from error
    return tuple(done)


def is_ours(path: Path) -> bool:
    """Whether a hook was written by `install`."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")[1:2] == [_second_line(path.name)]
    except OSError:
        return False


def _second_line(stage: str) -> str:
    return f"{MARKER} {stage}: written by `reviewbot install`; `reviewbot uninstall` removes it"


def _install_one(path: Path, stage: str, script: str) -> Done:
    exists = os.path.lexists(path)
    if exists and is_ours(path):
        if path.read_bytes() == script.encode() and os.access(path, os.X_OK):
            return Done(stage, str(path), "unchanged")
    elif exists:
        if os.path.lexists(_kept(path)):
            raise UsageError(
                f"{visible_line(str(path))} changed since reviewbot kept an older hook beside it",
                f"compare it with {visible_line(str(_kept(path)))}, and remove one of the two",
            )
        _write(path, script, keep=True)
        return Done(stage, str(path), "written, after the hook that was there")
    _write(path, script, keep=False)
    return Done(stage, str(path), "written")


def _write(path: Path, script: str, *, keep: bool) -> None:
    """Write through a temporary file; the old hook is moved aside only when the new one is ready."""
    with replacing(path) as file:
        file.write(script.encode("utf-8", "surrogateescape"))
        os.fchmod(file.fileno(), 0o755)
        if keep:
            os.rename(path, _kept(path))


def _kept(path: Path) -> Path:
    return path.with_name(path.name + KEPT)


def _unwritable(hooks_dir: str, error: OSError) -> UsageError:
    reason = error.strerror or type(error).__name__
    return UsageError(
        f"cannot write hooks into {visible_line(hooks_dir)}: {reason}", f"ls -ld {shlex.quote(hooks_dir)}"
    )
