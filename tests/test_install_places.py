"""`reviewbot install` and real git, wherever git may look for hooks and whoever else writes some."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from changes import make
from conftest import GitRepo
from stand_in import StandIn, program

from reviewbot.cli import main
from reviewbot.hookscripts import KEPT
from reviewbot.install import is_ours, runs_us

__all__ = ["program"]

PYTHON = sys.executable
DATA = Path(__file__).parent / "data" / "hooks"
"""Hooks as husky 9.1, lefthook 2.2 and pre-commit 4.7 wrote them, but for the paths of the machine."""


def commit(repo: GitRepo, name: str = "a.py") -> subprocess.CompletedProcess[bytes]:
    repo.stage(name, "a\n")
    return repo.git("commit", "-qm", "change", check=False)


def test_a_plain_repository(repo: GitRepo, program: StandIn) -> None:
    assert main(["install"]) == 0
    assert commit(repo).returncode == 0
    assert (program.calls, program.folders) == (["hook pre-commit"], [str(repo.path)])
    assert main(["uninstall"]) == 0
    assert commit(repo, "b.py").returncode == 0
    assert len(program.calls) == 1


@pytest.mark.parametrize("name", ["with space", "quo\"te's", "größe", "a$(touch x)b", "-dash"])
def test_a_repository_in_a_folder_of_any_name(
    tmp_path: Path, name: str, program: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make(tmp_path / name)
    monkeypatch.chdir(repo.path)
    assert main(["install"]) == 0
    assert commit(repo).returncode == 0
    assert program.folders == [str(repo.path)]


@pytest.mark.parametrize(("code", "allowed"), [(0, True), (9, False)])
def test_a_hook_that_was_there_runs_first_and_comes_back(
    repo: GitRepo, program: StandIn, code: int, allowed: bool
) -> None:
    hook = repo.write(".git/hooks/pre-commit", b"#!/bin/sh\n# caf\xe9\r\necho > ran\nexit %d" % code)
    hook.chmod(0o711)
    before = hook.read_bytes()
    assert main(["install"]) == 0
    assert (commit(repo).returncode == 0) is allowed
    assert (repo.path / "ran").exists() and program.calls == ["hook pre-commit"] * allowed
    assert main(["uninstall"]) == 0
    assert hook.read_bytes() == before and hook.stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("where", [".", "sub"])
def test_core_hooks_path(
    repo: GitRepo, program: StandIn, inside: bool, absolute: bool, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repo.path / "my hooks" if inside else repo.path.parent / "shared hooks"
    repo.git("config", "core.hooksPath", str(folder) if absolute else os.path.relpath(folder, repo.path))
    (repo.path / "sub").mkdir()
    monkeypatch.chdir(repo.path / where)
    assert main(["install"]) == 0
    assert is_ours(folder / "pre-commit")
    done = subprocess.run(["git", "commit", "-qm", "x", "--allow-empty"], capture_output=True)
    assert done.returncode == 0 and program.calls == ["hook pre-commit"]
    assert main(["uninstall"]) == 0
    assert not (folder / "pre-commit").exists()


def test_a_linked_work_tree_has_the_hooks_of_the_repository(
    repo: GitRepo, program: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = GitRepo(tmp_path / "linked")
    monkeypatch.chdir(linked.path)
    assert main(["install"]) == 0
    assert commit(linked).returncode == commit(repo).returncode == 0
    assert program.folders == [str(linked.path), str(repo.path)]


def test_a_submodule_has_hooks_of_its_own(
    repo: GitRepo, program: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make(tmp_path / "library")
    library.commit("first")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.path), "lib")
    repo.commit("with a submodule")
    sub = GitRepo(repo.path / "lib")
    monkeypatch.chdir(sub.path)
    assert main(["install"]) == 0
    assert is_ours(repo.path / ".git/modules/lib/hooks/pre-commit")
    assert commit(sub).returncode == commit(repo).returncode == 0
    assert program.folders == [str(sub.path)]


@pytest.mark.parametrize("told_by", ["environment", "configuration"])
def test_a_bare_repository_with_a_work_tree_elsewhere(
    told_by: str, program: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare, tree = make(tmp_path / "dot files.git", "--bare"), tmp_path / "home"
    tree.mkdir()
    monkeypatch.setenv("GIT_DIR", str(bare.path))
    if told_by == "environment":
        monkeypatch.setenv("GIT_WORK_TREE", str(tree))
    else:
        bare.git("config", "core.bare", "false")
        bare.git("config", "core.worktree", str(tree))
    monkeypatch.chdir(tree)
    assert main(["install"]) == 0
    assert is_ours(bare.path / "hooks/pre-commit")
    assert commit(GitRepo(tree)).returncode == 0
    assert (program.calls, program.folders) == (["hook pre-commit"], [str(tree)])


@pytest.mark.parametrize(("on_failure", "allowed"), [("allow", True), ("block", False)])
@pytest.mark.parametrize("what", ["moved", "deleted"])
def test_a_virtual_environment_that_is_no_longer_there(
    repo: GitRepo, program: StandIn, what: str, on_failure: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVIEWBOT_ON_FAILURE", on_failure)
    assert main(["install"]) == 0
    environment = program.path.parent.parent
    environment.rename(environment.with_name("moved")) if what == "moved" else shutil.rmtree(environment)
    done = commit(repo)
    assert (done.returncode == 0) is allowed
    assert done.stderr.decode() == (
        "reviewbot: the program of the pre-commit hook is gone; nothing was reviewed (try: reviewbot install)\n"
    )


def test_a_package_that_is_gone_from_its_interpreter(
    repo: GitRepo, program: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site packages" / "__main__.py"
    package.parent.mkdir()
    package.touch()
    monkeypatch.setattr("reviewbot.hookscripts.own_package", lambda: str(package))
    assert main(["install"]) == 0
    assert commit(repo).returncode == 0 and program.calls == ["hook pre-commit"]
    package.unlink()
    assert b"nothing was reviewed" in commit(repo, "b.py").stderr and len(program.calls) == 1


@pytest.mark.parametrize("folder", ["/dev/null", "/proc/hooks"])
def test_a_folder_that_takes_no_hooks(
    repo: GitRepo, program: StandIn, folder: str, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.git("config", "core.hooksPath", folder)
    assert main(["install"]) == 2
    assert f"reviewbot: cannot write hooks into {folder}: " in capfd.readouterr().err
    assert main(["install", "--check"]) == 1
    assert main(["uninstall"]) == 0


# --- other managers of hooks


def manage(repo: GitRepo, name: str, text: str | None = None) -> Path:
    """A hook in .git/hooks as another program writes it."""
    hook = repo.write(".git/hooks/pre-commit", (DATA / name).read_text() if text is None else text)
    hook.chmod(0o755)
    return hook


def test_husky_runs_the_line_that_install_shows(
    repo: GitRepo, program: StandIn, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.write(".husky/_/h", (DATA / "husky-9-h").read_bytes())
    for stage in ("pre-commit", "pre-merge-commit"):
        repo.write(f".husky/_/{stage}", (DATA / "husky-9").read_bytes()).chmod(0o755)
    repo.git("config", "core.hooksPath", ".husky/_")
    assert main(["install", "--check"]) == 1
    assert [line.split("; try: ") for line in capfd.readouterr().out.splitlines()] == [
        [
            f"{stage}: absent: husky runs no reviewbot in {repo.path}/.husky/_/{stage}",
            f"echo 'reviewbot hook {stage} \"$@\"' >> {repo.path}/.husky/{stage}",
        ]
        for stage in ("pre-commit", "pre-merge-commit")
    ]
    assert main(["install"]) == 2
    assert (repo.path / ".husky/_/pre-commit").read_bytes() == (DATA / "husky-9").read_bytes()
    hint = capfd.readouterr().err.split("try: ")[1].strip()
    subprocess.run(["sh", "-c", hint], check=True)
    bin_folder = repo.write("node_modules/.bin/reviewbot", f'#!/bin/sh\nexec "{program.path}" -P -m reviewbot "$@"\n')
    bin_folder.chmod(0o755)
    assert commit(repo).returncode == 0
    assert program.calls == ["hook pre-commit"]
    assert main(["install", "--check"]) == 0
    assert "pre-commit: in order: husky runs reviewbot" in capfd.readouterr().out


def test_lefthook_is_left_alone_and_shown_its_lines(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    hook = manage(repo, "lefthook-2")
    assert main(["install", "--check", "--stage", "pre-commit"]) == 1
    assert capfd.readouterr().out == (
        f"pre-commit: absent: lefthook runs no reviewbot in {hook}"
        "; try: add these lines to lefthook.yml, then: lefthook install\n"
        "pre-commit:\n  commands:\n    reviewbot:\n      run: reviewbot hook pre-commit {0}\n"
    )
    assert main(["install", "--stage", "pre-commit", "--stage", "pre-push"]) == 2
    assert capfd.readouterr().err == (
        f"reviewbot: the hooks in {repo.path}/.git/hooks belong to lefthook, which takes them from its own file\n"
        "  try: add these lines to lefthook.yml, then: lefthook install\n"
        "pre-commit:\n  commands:\n    reviewbot:\n      run: reviewbot hook pre-commit {0}\n"
        "pre-push:\n  commands:\n    reviewbot:\n      run: reviewbot hook pre-push {0}\n      use_stdin: true\n"
    )
    assert hook.read_text() == (DATA / "lefthook-2").read_text()
    assert not (repo.path / ".git/hooks/pre-push").exists()
    repo.write("lefthook.yml", "pre-commit:\n  commands:\n    reviewbot:\n      run: reviewbot hook pre-commit {0}\n")
    assert main(["install", "--check", "--stage", "pre-commit"]) == 0
    assert capfd.readouterr().out == "pre-commit: in order: lefthook runs reviewbot\n"


def test_a_hook_beside_those_of_lefthook(repo: GitRepo, program: StandIn) -> None:
    manage(repo, "lefthook-2")
    assert main(["install", "--stage", "pre-push"]) == 0
    assert is_ours(repo.path / ".git/hooks/pre-push")


def test_the_hook_of_pre_commit_is_kept_and_run_first(
    repo: GitRepo, program: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = manage(repo, "pre-commit-4")
    before = hook.read_bytes()
    ran = tmp_path / "ran"
    framework = tmp_path / "bin" / "pre-commit"
    framework.parent.mkdir()
    framework.write_text(f'#!/bin/sh\necho "$@" > "{ran}"\n')
    framework.chmod(0o755)
    monkeypatch.setenv("PATH", f"{framework.parent}:{os.environ['PATH']}")
    assert main(["install"]) == 0
    assert commit(repo).returncode == 0
    assert (
        f"hook-impl --config=.pre-commit-config.yaml --hook-type=pre-commit --hook-dir {hook.parent}" in ran.read_text()
    )
    assert program.calls == ["hook pre-commit"]
    assert main(["uninstall"]) == 0
    assert hook.read_bytes() == before


def test_pre_commit_that_comes_later_runs_ours_as_its_legacy_hook(
    repo: GitRepo, program: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--stage", "pre-commit"]) == 0
    repo.write(".pre-commit-config.yaml", "repos: []\n")
    repo.git("add", "-A")
    subprocess.run([PYTHON, "-m", "pre_commit", "install"], check=True, capture_output=True, cwd=repo.path)
    assert runs_us(repo.path / ".git/hooks/pre-commit.legacy")
    capfd.readouterr()
    assert main(["install", "--check", "--stage", "pre-commit"]) == 0
    legacy = f"{repo.path}/.git/hooks/pre-commit.legacy"
    assert capfd.readouterr().out == f"pre-commit: in order: pre-commit runs {legacy}\n"
    assert commit(repo).returncode == 0
    assert program.calls == ["hook pre-commit"]


@pytest.mark.parametrize("hook", ["husky-9", "lefthook-2", "pre-commit-4"])
def test_no_hook_of_another_program_is_ours(hook: str, tmp_path: Path) -> None:
    shutil.copy(DATA / hook, tmp_path / "pre-commit")
    assert not is_ours(tmp_path / "pre-commit") and not runs_us(tmp_path / "pre-commit")
    assert not (tmp_path / f"pre-commit{KEPT}").exists()
