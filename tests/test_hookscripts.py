"""The texts of hooks: what any sh reads, on any machine, with next to nothing in the environment."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from stand_in import stand_in

from reviewbot.hookscripts import ALL_STAGES, GIT_HOOKS, Scope, forwarding_script, hook_script, programs

SHELLS = [shell for shell in ("dash", "bash", "busybox", "zsh", "ksh") if shutil.which(shell)]

# Words of bash that dash takes for something else, or not at all.
BASHISMS = re.compile(r"\[\[|==|\bfunction\b|\blocal\b|\bsource\b|<<<|<\(|\$'|&>|\becho -[en]\b|\$\{\w+//")


def texts() -> dict[str, str]:
    """Every script that is ever written, by a name for it."""
    found = {
        f"{stage}, {scope}": hook_script(stage, "/a b/python", scope=scope) for stage in ALL_STAGES for scope in Scope
    }
    return {**found, **{name: forwarding_script(name) for name in GIT_HOOKS}}


@pytest.mark.parametrize("name", texts())
def test_a_script_is_posix_sh_with_lf_alone(name: str, tmp_path: Path) -> None:
    text = texts()[name]
    assert text.startswith("#!/bin/sh\n") and text.endswith("\n") and text.isascii()
    assert "\r" not in text and BASHISMS.search(text) is None
    for shell in SHELLS:
        command = [shell, "sh", "-n"] if shell == "busybox" else [shell, "-n"]
        assert subprocess.run(command, input=text.encode()).returncode == 0


@pytest.mark.parametrize("python", [r"C:\Program Files\it's\python.exe", "C:/Program Files/it's/python.exe"])
def test_paths_of_windows_are_written_as_git_bash_takes_them(python: str) -> None:
    text = hook_script("pre-commit", python, package=r"D:\site packages\reviewbot\__main__.py")
    quoted = shlex.quote("C:/Program Files/it's/python.exe")
    assert f"[ -x {quoted} ] && [ -e 'D:/site packages/reviewbot/__main__.py' ]" in text
    assert f"exec {quoted} -P -m reviewbot hook pre-commit" in text
    assert "\\" not in text.replace("'\"'\"'", "")
    assert programs(text) == ("C:/Program Files/it's/python.exe", "D:/site packages/reviewbot/__main__.py")


def test_a_backslash_of_another_path_is_a_part_of_a_name() -> None:
    assert programs(hook_script("pre-commit", "/a\\b/python"))[0] == "/a\\b/python"


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_the_programs_of_a_script(stage: str, scope: Scope) -> None:
    python = "/a b/it's/$(x)/python"
    assert programs(hook_script(stage, python, scope=scope, package="/p")) == (python, "/p")
    assert programs(hook_script(stage, scope=scope)) == ()


@pytest.mark.parametrize("shell", [s for s in SHELLS if s in ("dash", "bash")])
@pytest.mark.parametrize("path", [None, "", "/nowhere"])
def test_a_push_is_read_whatever_path_holds(shell: str, path: str | None, tmp_path: Path) -> None:
    program = stand_in(tmp_path / "it's a venv")
    hook = tmp_path / "pre-push"
    hook.write_text(hook_script("pre-push", str(program.path)))
    environment = {} if path is None else {"PATH": path}
    lines = "refs/heads/a 1 refs/heads/a 2\n\n"
    done = subprocess.run(
        [shutil.which(shell) or shell, hook, "origin", "a url"],
        env=environment,
        input=lines,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (program.calls, program.stdin) == (["hook pre-push origin a url"], lines)


def test_every_hook_that_git_has_a_sample_of_is_known() -> None:
    samples = Path("/usr/share/git-core/templates/hooks")
    if not samples.is_dir():
        pytest.skip("git's templates are elsewhere")
    assert {path.stem for path in samples.glob("*.sample")} <= set(GIT_HOOKS)
    assert set(ALL_STAGES) <= set(GIT_HOOKS)
