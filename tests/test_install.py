"""Writing and removing hooks: what was there before is kept, run first and restored byte for byte."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GitRepo

from reviewbot.cli import main
from reviewbot.errors import UsageError
from reviewbot.install import KEPT, STAGES, hook_script, install, is_ours, uninstall

PYTHON = sys.executable


def run_hook(path: Path, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([path, *args], capture_output=True, text=True, input=stdin, cwd=path.parent)


@pytest.mark.parametrize("python", ["/usr/bin/python3", "/a b/py$(x)'\"ö\\/python", "/no/where"])
@pytest.mark.parametrize("stage", STAGES)
def test_the_script_is_sh_and_short(stage: str, python: str, tmp_path: Path) -> None:
    script = hook_script(stage, python)
    assert script.count("\n") < 20
    path = tmp_path / "hook"
    path.write_text(script)
    assert subprocess.run(["sh", "-n", path]).returncode == 0
    assert f"{shlex.quote(python)} -m reviewbot hook {stage}" in script


def fake_python(folder: Path, code: int = 0) -> Path:
    """A stand-in for the interpreter that writes down how it was called."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python"
    here = shlex.quote(str(folder))
    path.write_text(f'#!/bin/sh\necho "$@" >> {here}/calls\ncat >> {here}/stdin\nexit {code}\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["plain", "with space", "quote'n\"$(touch x)", "größe"])
@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_hook_runs_its_interpreter_wherever_it_lies(tmp_path: Path, name: str, code: int) -> None:
    python = fake_python(tmp_path / name, code)
    install(str(tmp_path / "hooks"), ("pre-push",), str(python), "allow")
    done = run_hook(tmp_path / "hooks" / "pre-push", "origin", "url with space", stdin="line one\nline two\n")
    assert done.returncode == code
    assert (tmp_path / name / "calls").read_text() == "-m reviewbot hook pre-push origin url with space\n"
    assert (tmp_path / name / "stdin").read_text() == "line one\nline two\n"


@pytest.mark.parametrize(("on_failure", "code"), [("allow", 0), ("block", 3)])
def test_an_interpreter_that_is_gone_is_said_in_one_line(tmp_path: Path, on_failure: str, code: int) -> None:
    install(str(tmp_path), ("pre-commit",), "/no/where/python", on_failure)
    done = run_hook(tmp_path / "pre-commit")
    assert done.returncode == code
    assert done.stderr.count("\n") == 1 and "nothing was reviewed" in done.stderr and "reviewbot install" in done.stderr


def foreign(path: Path, code: int = 0) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho foreign "$@" >> {path.parent}/order\ncat >> {path.parent}/order\nexit {code}\n')
    path.chmod(0o750)
    return path.read_bytes()


def test_a_hook_that_was_there_is_run_first_and_restored(tmp_path: Path) -> None:
    hook = tmp_path / "hooks" / "pre-push"
    before = foreign(hook)
    python = fake_python(tmp_path / "py")
    install(str(hook.parent), ("pre-push",), str(python), "allow")
    done = run_hook(hook, "origin", "url", stdin="a ref\n")
    assert done.returncode == 0
    assert (hook.parent / "order").read_text() == "foreign origin url\na ref\n"
    assert (tmp_path / "py" / "stdin").read_text() == "a ref\n"
    uninstall(str(hook.parent))
    assert hook.read_bytes() == before
    assert hook.stat().st_mode & 0o777 == 0o750
    assert not hook.with_name(hook.name + KEPT).exists()


def test_a_failing_hook_that_was_there_blocks_alone(tmp_path: Path) -> None:
    hook = tmp_path / "hooks" / "pre-commit"
    foreign(hook, code=7)
    python = fake_python(tmp_path / "py")
    install(str(hook.parent), ("pre-commit",), str(python), "allow")
    assert run_hook(hook).returncode == 7
    assert not (tmp_path / "py" / "calls").exists()


def test_installing_twice_changes_nothing_and_a_new_interpreter_is_taken(tmp_path: Path) -> None:
    foreign(tmp_path / "pre-commit")
    install(str(tmp_path), ("pre-commit",), PYTHON, "allow")
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (again,) = install(str(tmp_path), ("pre-commit",), PYTHON, "allow")
    assert again.action == "unchanged"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    install(str(tmp_path), ("pre-commit",), "/other/python", "allow")
    assert "/other/python" in (tmp_path / "pre-commit").read_text()
    assert (tmp_path / f"pre-commit{KEPT}").exists()


def test_a_foreign_hook_in_the_place_of_ours_is_not_overwritten(tmp_path: Path) -> None:
    foreign(tmp_path / "pre-commit")
    install(str(tmp_path), ("pre-commit",), PYTHON, "allow")
    foreign(tmp_path / "pre-commit")
    with pytest.raises(UsageError, match="changed since"):
        install(str(tmp_path), ("pre-commit",), PYTHON, "allow")
    assert [one.action for one in uninstall(str(tmp_path))] == ["absent"] * 3
    assert not is_ours(tmp_path / "pre-commit")


def test_a_hook_that_speaks_of_ours_is_still_a_foreign_one(tmp_path: Path) -> None:
    hook = tmp_path / "pre-commit"
    own = "#!/bin/sh\n# reviewbot hook first, then my own\nreviewbot hook pre-commit || exit 1\nmake lint\n"
    hook.write_text(own)
    install(str(tmp_path), ("pre-commit",), PYTHON, "allow")
    assert hook.with_name(hook.name + KEPT).read_text() == own
    uninstall(str(tmp_path))
    assert hook.read_text() == own


def test_a_dangling_link_is_restored(tmp_path: Path) -> None:
    (tmp_path / "pre-commit").symlink_to("later")
    install(str(tmp_path), ("pre-commit",), PYTHON, "allow")
    uninstall(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["pre-commit"]
    assert os.readlink(tmp_path / "pre-commit") == "later"


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write hooks into"):
        install(str(tmp_path / "file"), ("pre-commit",), PYTHON, "allow")


def test_a_link_in_the_place_of_the_hook_is_kept_as_a_link(tmp_path: Path) -> None:
    foreign(tmp_path / "elsewhere" / "script")
    os.symlink("elsewhere/script", tmp_path / "pre-commit")
    install(str(tmp_path), ("pre-commit",), PYTHON, "allow")
    assert not (tmp_path / "pre-commit").is_symlink()
    uninstall(str(tmp_path))
    assert os.readlink(tmp_path / "pre-commit") == "elsewhere/script"


def test_the_commands(repo: GitRepo, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    hooks = repo.path / ".git" / "hooks"
    assert main(["install"]) == 0
    out = capfd.readouterr().out
    assert f"pre-commit: written: {hooks}/pre-commit" in out and "pre-merge-commit" in out
    assert is_ours(hooks / "pre-commit") and not (hooks / "pre-push").exists()
    assert main(["install", "--stage", "pre-push"]) == 0
    assert is_ours(hooks / "pre-push")
    assert main(["uninstall"]) == 0
    assert not any((hooks / stage).exists() for stage in STAGES)
    assert main(["uninstall"]) == 0
    assert "no hook of reviewbot" in capfd.readouterr().out
    shared = tmp_path / "shared hooks"
    repo.git("config", "core.hooksPath", str(shared))
    assert main(["install"]) == 0
    assert is_ours(shared / "pre-commit")
    assert "other repositories may share" in capfd.readouterr().out


def test_on_failure_of_the_user_goes_into_the_hook(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVIEWBOT_ON_FAILURE", "block")
    assert main(["install"]) == 0
    assert "exit 3" in (repo.path / ".git" / "hooks" / "pre-commit").read_text()
