"""The texts of git hooks: POSIX sh, with LF alone, whatever the machine that they are written on."""

import os
import re
import shlex
from enum import StrEnum
from typing import TYPE_CHECKING

from reviewbot.warmhook import warm_script

if TYPE_CHECKING:
    from pathlib import Path

STAGES = ("pre-commit", "pre-merge-commit", "pre-push")
WARM_STAGE = "post-index-change"
ALL_STAGES = (*STAGES, WARM_STAGE)
DEFAULT_STAGES = ("pre-commit", "pre-merge-commit")
MARKER = "# reviewbot hook"
"""Begins the second line of a hook of ours; the whole line tells it from others."""

KEPT = ".before-reviewbot"

OPT_OUT = "reviewbot.enabled"
"""The key of git's configuration by which a repository has nothing to do with hooks for all repositories."""

GIT_HOOKS = tuple(
    "applypatch-msg pre-applypatch post-applypatch pre-commit pre-merge-commit prepare-commit-msg commit-msg "
    "post-commit pre-rebase post-checkout post-merge pre-push pre-receive update proc-receive post-receive post-update "
    "reference-transaction push-to-checkout pre-auto-gc post-rewrite sendemail-validate fsmonitor-watchman "
    "p4-changelist p4-prepare-changelist p4-post-changelist p4-pre-submit post-index-change".split()
)
"""Every hook that git looks for: githooks(5) of git 2.55."""

_SEAL = "# "
_SEALED = ": what follows, as it was written; `reviewbot install` replaces no hook that was edited"

# A hook starts at the root of the work tree, or in a bare repository. git is asked only in linked work trees and
# submodules, because some hooks run whenever a file or a reference is touched.
_FIND_REPOSITORY = """\
dir=${GIT_COMMON_DIR:-${GIT_DIR:-.git}}
if [ ! -d "$dir" ] || [ -e "$dir/commondir" ]; then dir=$(git rev-parse --git-common-dir) || dir=/dev/null; fi
"""

# What git does by itself where there is no such hook, if that is not nothing (builtin/receive-pack.c: push_to_deploy).
_WITHOUT = {
    "proc-receive": "exit 1\n",
    "push-to-checkout": """\
git update-index -q --ignore-submodules --refresh
git diff-files --quiet --ignore-submodules -- || { echo 'Working directory has unstaged changes' >&2; exit 1; }
head=$(git rev-parse -q --verify HEAD) || head=$(git hash-object -t tree /dev/null)
git diff-index --quiet --cached --ignore-submodules "$head" -- ||
    { echo 'Working directory has staged changes' >&2; exit 1; }
exec git read-tree -u -m "$1"
""",
}


class Scope(StrEnum):
    """Where a hook is meant to run: in one repository; in all that take it from a shared folder or a template; or in
    all, from the folder of ours, which stands in the way of the repository's own hooks and has to run them."""

    REPOSITORY = "repository"
    SHARED = "shared"
    OWN_FOLDER = "own folder"


def hook_script(
    stage: str,
    python: str | None = None,
    on_failure: str = "allow",
    scope: Scope = Scope.REPOSITORY,
    package: str | None = None,
) -> str:
    """The script of a hook: run what was there before, then reviewbot.

    `python` is the absolute path of the interpreter that has reviewbot; None takes `reviewbot` from PATH. When the
    interpreter or `package` (a file of it; default: ours) is gone, the script says so and lets git go on, or stops it
    where `on_failure` is block. For all repositories it heeds OPT_OUT, before anything of Python starts.
    """
    if python is None:
        there, command = "command -v reviewbot >/dev/null 2>&1", "reviewbot"
    else:
        there = f"[ -x {_quote(python)} ] && [ -e {_quote(package or own_package())} ]"
        command = f"{_quote(python)} -P -m reviewbot"  # -P: what lies in the work tree is no module
    flag = "" if scope is Scope.REPOSITORY else " --global"
    if stage == WARM_STAGE:  # whatever the other hook says: what is staged is staged
        other = f'{_before(stage, scope)}if [ -x "$before" ]; then "$before" "$@"; fi\n'
        return _signed(stage, flag, f"{other}{warm_script(there, command, _opt_out(scope))}")
    gone = f"reviewbot: the program of the {stage} hook is gone; nothing was reviewed (try: reviewbot install{flag})"
    save, again, run = _review(stage, command)
    script = (
        f"{save}"
        f"{_before(stage, scope)}"
        f'if [ -x "$before" ]; then {again}"$before" "$@" || exit $?; fi\n'
        f"{_opt_out(scope)}"
        f"if {there}; then\n"
        f"    {run}\n"
        "fi\n"
        f"echo {shlex.quote(gone)} >&2\n"
        f"exit {3 if on_failure == 'block' else 0}\n"
    )
    return _signed(stage, flag, script)


def forwarding_script(name: str) -> str:
    """The script of the folder for all repositories that runs a repository's own hook, as if it were not in between."""
    line = f"# reviewbot passes {name} on: written by `reviewbot install --global`, removed by `uninstall --global`"
    own = f'if [ -x "$dir/hooks/{name}" ]; then exec "$dir/hooks/{name}" "$@"; fi\n'
    return f"#!/bin/sh\n{line}\n{_FIND_REPOSITORY}{own}{_WITHOUT.get(name, 'exit 0' + chr(10))}"


def own_package() -> str:
    """The file of this package that shows whether it is still there."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")


def programs(script: str) -> tuple[str, ...]:
    """The interpreter and the file of the package that a hook makes sure of; nothing where it names none."""
    for line in script.split("\n"):
        if line.startswith("if [ -x "):
            try:
                words = shlex.split(line)
            except ValueError:  # edited by hand
                return ()
            found = tuple(word for before, word in zip(words, words[1:], strict=False) if before in ("-x", "-e"))
            if found and not found[0].startswith("$"):
                return found
    return ()


def script_of(path: "Path") -> str:
    """A hook's text, with surrogates for what is not UTF-8; empty where there is none to read."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def second_line(stage: str, flag: str = "") -> str:
    """What tells a hook of ours from others; `flag` is " --global" in one for all repositories."""
    return f"{MARKER} {stage}: written by `reviewbot install{flag}`; `reviewbot uninstall{flag}` removes it"


def seal(script: str) -> str:
    """The third line of a hook of ours, by which it shows whether the rest is as it was written."""
    import hashlib

    return f"{_SEAL}{hashlib.sha256(script.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}{_SEALED}"


def _signed(stage: str, flag: str, script: str) -> str:
    return f"#!/bin/sh\n{second_line(stage, flag)}\n{seal(script)}\n{script}"


def _review(stage: str, command: str) -> tuple[str, str, str]:
    """What keeps stdin, what gives it again, and what runs reviewbot."""
    if stage != "pre-push":
        return "", "", f'exec {command} hook {stage} "$@"'
    # Both hooks read stdin. cat is no part of sh, and a program may call git with next to nothing in PATH.
    again = 'printf %s "${lines%.}" | '
    return 'lines=$(PATH="$PATH:/usr/bin:/bin"; cat; echo .)\n', again, f'{again}{command} hook {stage} "$@"; exit $?'


def _before(stage: str, scope: Scope) -> str:
    """Finds the hook that runs first."""
    if scope is not Scope.OWN_FOLDER:
        return f'before="${{0%/*}}/{stage}{KEPT}"\n'  # not $0 alone: pre-commit gives our hook another name
    # A hook of ours in the repository would review the same a second time.
    return (
        f"{_FIND_REPOSITORY}"
        f'before="$dir/hooks/{stage}"\n'
        'if [ -r "$before" ] && { read -r line; read -r line; } <"$before"; then\n'
        f'    case $line in "{MARKER} "*) before="$before{KEPT}";; esac\n'
        "fi\n"
    )


def _opt_out(scope: Scope) -> str:
    if scope is Scope.REPOSITORY:
        return ""
    return f'if [ "$(git config --type=bool {OPT_OUT} 2>/dev/null)" = false ]; then exit 0; fi\n'


def _quote(path: str) -> str:
    """A path for sh, also that of Git for Windows, which takes C:/folder."""
    return shlex.quote(path.replace("\\", "/") if re.match(r"[A-Za-z]:[\\/]", path) else path)
