"""Write and remove git hooks.

A hook that is already there is kept beside ours and run first, with the same arguments and the same stdin; uninstall
puts it back byte for byte. It stays in its folder, beside which many look for others; only husky's hooks also go by
their own name.
"""

import os
import shlex
from pathlib import Path
from typing import NamedTuple

from reviewbot.errors import UsageError
from reviewbot.files import replacing
from reviewbot.text import visible_line
from reviewbot.warmhook import warm_script

STAGES = ("pre-commit", "pre-merge-commit", "pre-push")
WARM_STAGE = "post-index-change"
DEFAULT_STAGES = ("pre-commit", "pre-merge-commit")
MARKER = "# reviewbot hook"
"""Begins the second line of a hook of ours; the whole line tells it from others."""

KEPT = ".before-reviewbot"

_SEAL = "# "
_SEALED = ": what follows, as it was written; `reviewbot install` replaces no hook that was edited"


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
    if stage == WARM_STAGE:
        script = f'before="$0{KEPT}"\nif [ -x "$before" ]; then "$before" "$@"; fi\n{warm_script(there, command)}'
        return f"#!/bin/sh\n{_second_line(stage)}\n{_seal(script)}\n{script}"
    code = 3 if on_failure == "block" else 0
    gone = f"reviewbot: the program of the {stage} hook is gone; nothing was reviewed (try: reviewbot install)"
    save, again, run = "", "", f'exec {command} hook {stage} "$@"'
    if stage == "pre-push":  # both hooks read stdin
        save, again = "lines=$(cat; echo .)\n", 'printf %s "${lines%.}" | '
        run = f'{again}{command} hook {stage} "$@"; exit $?'
    script = (
        f"{save}"
        f'before="$0{KEPT}"\n'
        f'if [ -x "$before" ]; then {again}"$before" "$@" || exit $?; fi\n'
        f"if {there}; then\n"
        f"    {run}\n"
        "fi\n"
        f"echo {shlex.quote(gone)} >&2\n"
        f"exit {code}\n"
    )
    return f"#!/bin/sh\n{_second_line(stage)}\n{_seal(script)}\n{script}"


def install(hooks_dir: str, stages: tuple[str, ...], python: str, on_failure: str) -> tuple[Done, ...]:
    """Write the hooks; a second time changes nothing. UsageError, before anything is written, for a hook that cannot be
    replaced, and for a folder that cannot be written."""
    folder = Path(hooks_dir)
    if is_of_husky(folder):
        raise _of_husky(folder, stages)
    try:
        for stage in stages:
            _refuse_to_lose(folder / stage)
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(_install_one(folder / stage, stage, hook_script(stage, python, on_failure)) for stage in stages)
    except OSError as error:
        raise _unwritable(hooks_dir, error) from error


def uninstall(hooks_dir: str) -> tuple[Done, ...]:
    """Remove every hook of ours, and put back what was there before."""
    done = []
    try:
        for stage in (*STAGES, WARM_STAGE):
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


def runs_us(path: Path) -> bool:
    """Whether a hook starts reviewbot: one of ours, or one that somebody wrote. What a comment says does not count."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return False
    return is_ours(path) or any("reviewbot hook" in line and not line.lstrip().startswith("#") for line in lines)


def is_of_husky(folder: Path) -> bool:
    """Whether it is the folder in which husky (9 and newer) keeps hooks that run the user's, one folder above."""
    return folder.name == "_" and (folder / "h").is_file()


def _second_line(stage: str) -> str:
    return f"{MARKER} {stage}: written by `reviewbot install`; `reviewbot uninstall` removes it"


def _seal(script: str) -> str:
    """The third line of a hook of ours, by which it shows whether the rest is as it was written."""
    import hashlib

    return f"{_SEAL}{hashlib.sha256(script.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}{_SEALED}"


def _refuse_to_lose(path: Path) -> None:
    """Raise UsageError where writing a hook of ours would lose what somebody else wrote."""
    if not os.path.lexists(path):
        return
    if is_ours(path):
        lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
        if lines[2:3] != [_seal("\n".join(lines[3:]))]:
            raise UsageError(
                f"{visible_line(str(path))} was edited by hand since `reviewbot install` wrote it",
                f"rm {shlex.quote(str(path))} && reviewbot install",
            )
    elif os.path.lexists(_kept(path)):
        raise UsageError(
            f"{visible_line(str(path))} changed since reviewbot kept an older hook beside it",
            f"diff {shlex.quote(str(path))} {shlex.quote(str(_kept(path)))}, then remove one of the two",
        )


def _of_husky(folder: Path, stages: tuple[str, ...]) -> UsageError:
    lines = [f"echo 'reviewbot hook {stage} \"$@\"' >> {shlex.quote(str(folder.parent / stage))}" for stage in stages]
    return UsageError(
        f"{visible_line(str(folder))} belongs to husky, which writes it anew and takes hooks from the folder above",
        " && ".join(lines),
    )


def _install_one(path: Path, stage: str, script: str) -> Done:
    exists = os.path.lexists(path)
    if exists and is_ours(path):
        if path.read_bytes() == script.encode("utf-8", "surrogateescape") and os.access(path, os.X_OK):
            return Done(stage, str(path), "unchanged")
    elif exists:
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
