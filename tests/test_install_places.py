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
from reviewbot.hookscripts import KEPT, hook_script
from reviewbot.install import is_ours, runs_us

__all__ = ["program"]

PYTHON = sys.executable
DATA = Path(__file__).parent / "data" / "hooks"
"""Hooks as husky 9.1, lefthook 2.2 and pre-commit 4.7 wrote them, but for the paths of the machine."""


def commit(repo: GitRepo, name: str = "a.py") -> subprocess.CompletedProcess[bytes]:
    repo.stage(name, "a\n")
    return repo.git("commit", "-qm", "change", check=False)


@pytest.fixture
def in_path(program: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program as `reviewbot`, where shells find it."""
    command = tmp_path / "bin" / "reviewbot"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{program.path}" -P -m reviewbot "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")


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


def test_a_folder_that_takes_no_hooks(repo: GitRepo, program: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    repo.git("config", "core.hooksPath", "/proc/hooks")
    assert main(["install"]) == 2
    assert "reviewbot: cannot write hooks into /proc/hooks: " in capfd.readouterr().err
    assert main(["install", "--check"]) == 1
    assert main(["uninstall"]) == 0


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "core.hooksPath is empty, so git runs no hook here"),
        ("/dev/null", "core.hooksPath is /dev/null, which is no folder, so git runs no hook here"),
    ],
)
def test_where_git_runs_no_hook(
    repo: GitRepo, program: StandIn, value: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.git("config", "core.hooksPath", value)
    (repo.path / "pre-commit").symlink_to(program.path)  # git does not look there
    assert commit(repo).returncode == 0 and program.calls == []
    assert main(["install"]) == 2
    assert capfd.readouterr().err == f"reviewbot: {why}\n  try: git config --show-origin core.hooksPath\n"
    assert main(["install", "--check", "--stage", "pre-commit"]) == 1
    assert capfd.readouterr().out == f"pre-commit: absent: {why}; try: git config --show-origin core.hooksPath\n"
    assert main(["uninstall"]) == 0
    assert not (repo.path / ".git/hooks/pre-commit").exists()


def test_a_file_in_place_of_the_folder_is_called_no_setting(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(repo.path / ".git/hooks")
    (repo.path / ".git/hooks").write_text("")
    assert main(["install", "--check", "--stage", "pre-commit"]) == 1
    folder = repo.path / ".git/hooks"
    assert capfd.readouterr().out == (
        f"pre-commit: absent: {folder} is no folder, so git runs no hook here; try: ls -ld {folder}\n"
    )
    assert main(["install"]) == 2
    assert f"{folder} is no folder, so git runs no hook here\n  try: ls -ld {folder}" in capfd.readouterr().err


def test_a_folder_in_the_work_tree_is_told_of(
    repo: GitRepo, program: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.git("config", "core.hooksPath", "hooks")
    assert main(["install", "--stage", "pre-commit"]) == 0
    note = f"note: core.hooksPath names {repo.path}/hooks, in the work tree; do not commit these hooks"
    assert note in capfd.readouterr().out


@pytest.mark.parametrize("text", [None, "#!/bin/bash\necho first >> ran\n"])
@pytest.mark.parametrize("stage", ["pre-commit", "pre-push"])
def test_hooks_that_are_files_of_the_repository_are_not_rewritten(
    repo: GitRepo, program: StandIn, in_path: None, text: str | None, stage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.git("config", "core.hooksPath", ".githooks")
    path = repo.write(f".githooks/{stage}", text or "")
    if text is None:  # ours, as an earlier version wrote it into such a folder
        path.write_text(hook_script(stage, str(program.path)))
    path.chmod(0o755)
    repo.git("add", "-A")
    before = path.read_bytes()
    assert main(["install", "--check", "--stage", stage]) == (0 if text is None else 1)
    assert main(["install", "--stage", stage]) == 2
    assert path.read_bytes() == before
    told = capfd.readouterr()
    assert f"{path} is a file of the repository, which others have too" in told.err
    do_what_is_told(path, told.err.split("try: ")[1])
    assert main(["install", "--check", "--stage", stage]) == 0
    push_or_commit(repo, stage)
    assert [call.split()[:2] for call in program.calls] == [["hook", stage]]
    assert (repo.path / "ran").exists() is (text is not None)


def do_what_is_told(path: Path, hint: str) -> None:
    """Run the command of a hint, or add its lines to the hook."""
    told, *lines = hint.splitlines()
    if not lines:
        subprocess.run(["sh", "-c", told], check=True)
        return
    assert told.startswith(("add this line to", "add these lines to")) and told.endswith("below the first:")
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first, *lines, *rest, ""]))


def push_or_commit(repo: GitRepo, stage: str) -> None:
    """Have git run the hook."""
    if stage == "pre-commit":
        assert commit(repo).returncode == 0
    else:
        repo.git("init", "-q", "--bare", "../remote.git")
        repo.git("commit", "-qm", "x", "--no-verify", "--allow-empty")
        repo.git("push", "-q", "../remote.git", "HEAD")


# --- hooks that go by their own name

FOLDER_OF_HOOKS = '#!/bin/sh\nrefs=$(cat)\nfor hook in "$0".d/*; do printf %s "$refs" | "$hook" "$@" || exit; done\n'


@pytest.mark.parametrize("stage", ["pre-commit", "pre-push"])
def test_a_hook_that_goes_by_its_name_is_left_as_it_is(
    repo: GitRepo, program: StandIn, in_path: None, stage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    hook = repo.write(f".git/hooks/{stage}", FOLDER_OF_HOOKS)
    repo.write(f".git/hooks/{stage}.d/10-own", f"#!/bin/sh\ncat > '{repo.path}/ran'\n").chmod(0o755)
    hook.chmod(0o755)
    assert main(["install", "--stage", stage]) == 2
    err = capfd.readouterr().err
    assert f"{hook} goes by its own name, as far as can be told" in err
    assert hook.read_text() == FOLDER_OF_HOOKS
    do_what_is_told(hook, err.split("try: ")[1])
    push_or_commit(repo, stage)
    assert [call.split()[:2] for call in program.calls] == [["hook", stage]]
    if stage == "pre-push":
        assert (repo.path / "ran").read_text() == program.stdin.rstrip("\n") != ""
    else:
        assert (repo.path / "ran").exists()


def test_a_program_behind_a_link_may_go_by_its_name(
    repo: GitRepo, program: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    hook = repo.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.symlink_to("/bin/true")
    assert main(["install"]) == 2
    assert capfd.readouterr().err == (
        f"reviewbot: {hook} goes by its own name, as far as can be told, and would not do the same under another\n"
        f"  try: have {hook} run, with its own arguments and stdin: reviewbot hook pre-commit\n"
    )
    assert hook.is_symlink()


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
        f"reviewbot: {hook} belongs to lefthook, which takes hooks from its own file\n"
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


def test_husky_8_is_left_alone_and_shown_its_lines(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.write(".husky/_/husky.sh", "")
    hook = repo.write(".husky/pre-commit", '#!/usr/bin/env sh\n. "$(dirname -- "$0")/_/husky.sh"\n\nnpm test\n')
    hook.chmod(0o755)
    repo.git("config", "core.hooksPath", ".husky")
    assert main(["install"]) == 2
    err = capfd.readouterr().err
    assert f"{hook} belongs to husky, whose hooks are files of the repository" in err
    assert err.split("try: ")[1] == (
        f"npx husky add {hook} 'reviewbot hook pre-commit \"$@\"'"
        f" && npx husky add {hook.parent}/pre-merge-commit 'reviewbot hook pre-merge-commit \"$@\"'\n"
    )
    assert hook.read_text().endswith("npm test\n")
    hook.write_text(hook.read_text() + 'reviewbot hook pre-commit "$@"\n')  # what that command does
    assert main(["install", "--check", "--stage", "pre-commit"]) == 0


def test_pre_commit_is_shown_its_lines_and_they_work(
    repo: GitRepo, program: StandIn, in_path: None, capfd: pytest.CaptureFixture[str]
) -> None:
    config = repo.write(".pre-commit-config.yaml", "repos:\n")
    repo.git("add", "-A")
    pre_commit(repo, "install")
    hook = repo.path / ".git/hooks/pre-commit"
    before = hook.read_bytes()
    assert main(["install"]) == 2
    err = capfd.readouterr().err
    assert f"{hook} belongs to pre-commit, which takes hooks from its own file" in err
    assert hook.read_bytes() == before and os.listdir(hook.parent).count("pre-merge-commit") == 0
    told, _, lines = err.partition("  try: ")[2].partition("\n")
    command = told.removeprefix("add these lines to .pre-commit-config.yaml, under `repos:`, then: pre-commit ")
    config.write_text(f"repos:\n{lines}")
    repo.git("add", "-A")
    pre_commit(repo, *command.split())
    assert main(["install", "--check"]) == 0
    done = commit(repo)
    assert done.returncode == 0, done.stderr
    assert program.calls == ["hook"] and (hook.parent / "pre-merge-commit").exists()


def test_pre_commit_that_comes_later_runs_ours_as_its_legacy_hook(
    repo: GitRepo, program: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    theirs = repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho >> ran\n")
    theirs.chmod(0o755)
    before = theirs.read_bytes()
    assert main(["install", "--stage", "pre-commit"]) == 0
    repo.write(".pre-commit-config.yaml", "repos: []\n")
    repo.git("add", "-A")
    pre_commit(repo, "install")
    legacy = repo.path / ".git/hooks/pre-commit.legacy"
    assert runs_us(legacy)
    capfd.readouterr()
    assert main(["install", "--check", "--stage", "pre-commit"]) == 0
    assert f"pre-commit: in order: {legacy} (ours, current, executable" in capfd.readouterr().out
    assert main(["install", "--stage", "pre-commit"]) == 0
    assert capfd.readouterr().out == f"pre-commit: unchanged: {legacy}\n"
    assert commit(repo).returncode == 0
    assert program.calls == ["hook pre-commit"] and (repo.path / "ran").read_text() == "\n"
    assert main(["uninstall"]) == 0
    assert legacy.read_bytes() == before and not legacy.with_name(f"pre-commit{KEPT}").exists()
    assert commit(repo, "b.py").returncode == 0
    assert len(program.calls) == 1 and (repo.path / "ran").read_text() == "\n\n"


def pre_commit(repo: GitRepo, *words: str) -> None:
    """The real one."""
    subprocess.run([PYTHON, "-m", "pre_commit", *words], check=True, capture_output=True, cwd=repo.path)


@pytest.mark.parametrize("hook", ["husky-9", "lefthook-2", "pre-commit-4"])
def test_no_hook_of_another_program_is_ours(hook: str, tmp_path: Path) -> None:
    shutil.copy(DATA / hook, tmp_path / "pre-commit")
    assert not is_ours(tmp_path / "pre-commit") and not runs_us(tmp_path / "pre-commit")
    assert not (tmp_path / f"pre-commit{KEPT}").exists()
