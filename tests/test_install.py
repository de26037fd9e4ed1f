"""Writing and removing hooks: what was there before is kept, run first and restored byte for byte."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GitRepo

from reviewbot.cli import main
from reviewbot.errors import UsageError
from reviewbot.hookscripts import KEPT, STAGES, hook_script
from reviewbot.install import install, is_ours, runs_us, uninstall

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
    assert f"{shlex.quote(python)} -P -m reviewbot hook {stage}" in script


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
    assert (tmp_path / name / "calls").read_text() == "-P -m reviewbot hook pre-push origin url with space\n"
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
    (left, *rest) = uninstall(str(tmp_path))
    assert (left.path, left.action) == (
        str(tmp_path / f"pre-commit{KEPT}"),
        "left, for another hook has taken the place of ours",
    )
    assert [one.action for one in rest] == ["absent"] * 3
    assert not is_ours(tmp_path / "pre-commit")


def test_a_folder_in_the_place_of_a_hook_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pre-push").mkdir()
    with pytest.raises(UsageError, match="pre-push is a folder, and no hook"):
        install(str(tmp_path), ("pre-commit", "pre-push"), PYTHON, "allow")
    assert [path.name for path in tmp_path.iterdir()] == ["pre-push"]


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


def test_nothing_is_written_when_one_of_the_hooks_cannot_be(tmp_path: Path) -> None:
    foreign(tmp_path / "pre-merge-commit")
    install(str(tmp_path), ("pre-merge-commit",), PYTHON, "allow")
    foreign(tmp_path / "pre-merge-commit")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match="changed since"):
        install(str(tmp_path), ("pre-commit", "pre-merge-commit"), PYTHON, "allow")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("edit", ["echo mine\n", "\r\n", ""])
def test_a_hook_that_was_edited_is_kept(tmp_path: Path, edit: str, capfd: pytest.CaptureFixture[str]) -> None:
    install(str(tmp_path), ("pre-commit", "pre-push"), PYTHON, "allow")
    hook = tmp_path / "pre-commit"
    text = hook.read_text()
    edited = (text + edit if edit else "\n".join(text.split("\n")[:2])).encode()
    hook.write_bytes(edited)
    with pytest.raises(UsageError, match="edited by hand") as caught:
        install(str(tmp_path), ("pre-push", "pre-commit"), "/other/python", "allow")
    assert hook.read_bytes() == edited and "/other/python" not in (tmp_path / "pre-push").read_text()
    assert caught.value.hint == f"rm {hook} && reviewbot install"


def test_a_hook_for_an_odd_interpreter_counts_as_written(tmp_path: Path) -> None:
    python = os.fsdecode(b"/caf\xe9/python")
    install(str(tmp_path), ("pre-commit",), python, "allow")
    (again,) = install(str(tmp_path), ("pre-commit",), python, "allow")
    assert again.action == "unchanged"
    (other,) = install(str(tmp_path), ("pre-commit",), PYTHON, "block")
    assert other.action == "written"


def test_husky_is_left_alone_and_the_line_for_it_works(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    dispatch = '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n'
    husky = 'n=$(basename "$0")\ns=$(dirname "$(dirname "$0")")/$n\n[ ! -f "$s" ] && exit 0\nsh -e "$s" "$@"\nexit $?\n'
    repo.write(".husky/_/h", husky)
    for stage in STAGES:
        repo.write(f".husky/_/{stage}", dispatch).chmod(0o755)
    repo.git("config", "core.hooksPath", ".husky/_")
    assert main(["install"]) == 2
    err = capfd.readouterr().err
    assert "belongs to husky" in err
    assert (repo.path / ".husky/_/pre-commit").read_text() == dispatch
    hint = err.split("try: ")[1].strip()
    subprocess.run(["sh", "-c", hint], check=True)
    assert (repo.path / ".husky/pre-commit").read_text() == 'reviewbot hook pre-commit "$@"\n'
    main(["doctor", "--format", "json", "--endpoint", "http://127.0.0.1:9"])
    checks = json.loads(capfd.readouterr().out)["checks"]
    assert [c["message"] for c in checks if c["name"] == "hook"] == [
        "pre-commit: husky runs reviewbot",
        "pre-merge-commit: husky runs reviewbot",
    ]


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("exec reviewbot hook pre-commit", True),
        ("/opt/bin/python -m reviewbot hook pre-commit || exit 1", True),
        ("# the reviewbot hook comes later", False),
        ("make lint", False),
    ],
)
def test_only_a_hook_that_starts_reviewbot_is_said_to(tmp_path: Path, line: str, runs: bool) -> None:
    (tmp_path / "pre-commit").write_text(f"#!/bin/sh\n{line}\n")
    assert runs_us(tmp_path / "pre-commit") is runs


def test_a_hook_that_was_edited_is_kept_aside_by_uninstall(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["install", "--stage", "pre-commit"]) == 0
    hook = repo.path / ".git/hooks/pre-commit"
    edited = hook.read_text() + "# mine\n"
    hook.write_text(edited)
    capfd.readouterr()
    assert main(["uninstall"]) == 0
    told = f"pre-commit: removed (it was edited by hand, and is kept as pre-commit.edited): {hook}\n"
    assert capfd.readouterr().out == told
    assert not hook.exists() and hook.with_name("pre-commit.edited").read_text() == edited
