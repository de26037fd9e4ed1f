"""Hooks for all repositories: real git, whose global configuration is a file of the test."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from changes import make, snapshot
from conftest import GitRepo
from stand_in import StandIn, program

from reviewbot.cli import main
from reviewbot.hookscripts import GIT_HOOKS, KEPT
from reviewbot.install import is_ours

__all__ = ["program"]

TYPED = "[user]\n\tname = Tester ; mine\n[core]\n\tautocrlf = input\n# the end\n"


@pytest.fixture
def home(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a configuration of git in it."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(clean_environment / ".gitconfig"))
    (clean_environment / ".gitconfig").write_text(TYPED)
    return clean_environment


@pytest.fixture
def own(home: Path) -> Path:
    """The folder that reviewbot makes for hooks."""
    return home / ".config/reviewbot/git-hooks"


def set_global(key: str, value: str) -> None:
    subprocess.run(["git", "config", "--global", key, value], check=True)


def get_global(key: str) -> str:
    return subprocess.run(["git", "config", "--global", key], capture_output=True, text=True).stdout.strip()


def commit(repo: GitRepo, *args: str) -> subprocess.CompletedProcess[bytes]:
    return repo.git("commit", "-qm", "change", "--allow-empty", *args, check=False)


def hook(repo: GitRepo, name: str, code: int = 0, folder: str = ".git/hooks") -> Path:
    """A hook that writes down its arguments, its folder and its stdin, into a file of its own name."""
    seen = repo.path.parent / f"seen-{name}"
    script = f'#!/bin/sh\necho "$@" >> "{seen}"\npwd >> "{seen}"\n[ -t 0 ] || cat >> "{seen}"\nexit {code}\n'
    path = repo.write(f"{folder}/{name}", script)
    path.chmod(0o755)
    return seen


# --- a folder of ours


def test_every_repository_is_reviewed(
    repo: GitRepo, program: StandIn, own: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--global"]) == 0
    assert get_global("core.hooksPath") == str(own)
    assert capfd.readouterr().out.splitlines() == [
        f"pre-commit: written: {own}/pre-commit",
        f"pre-merge-commit: written: {own}/pre-merge-commit",
        f"note: your core.hooksPath names {own}: its hooks run in each repository without a core.hooksPath of its own, "
        "after the hooks in .git/hooks",
        "note: to have none of it in one repository: git config reviewbot.enabled false",
    ]
    other = make(tmp_path / "other repository")
    assert commit(repo).returncode == commit(other).returncode == 0
    assert (program.calls, program.folders) == (["hook pre-commit"] * 2, [str(repo.path), str(other.path)])
    assert sorted(path.name for path in own.iterdir()) == sorted(GIT_HOOKS)
    assert all(os.access(path, os.X_OK) for path in own.iterdir())


@pytest.mark.parametrize("name", ["Application Support", "it's $(touch x)", "größe"])
def test_a_configuration_folder_of_any_name(
    repo: GitRepo, program: StandIn, home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / name))
    seen = hook(repo, "pre-commit")
    assert main(["install", "--global"]) == 0
    assert commit(repo).returncode == 0
    assert seen.exists() and program.calls == ["hook pre-commit"]
    assert main(["install", "--global", "--check"]) == main(["uninstall", "--global"]) == 0
    assert get_global("core.hooksPath") == "" and not (home / name / "reviewbot/git-hooks").exists()


def test_outside_a_repository(program: StandIn, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["install", "--global"]) == main(["install", "--global", "--check"]) == 0
    assert main(["uninstall", "--global"]) == 0
    assert not own.exists()


@pytest.mark.parametrize("text", [TYPED, "", "[core]\n\thooksPathx = 1\n"])
def test_everything_is_put_back(repo: GitRepo, program: StandIn, home: Path, own: Path, text: str) -> None:
    (home / ".gitconfig").write_text(text)
    own.parent.mkdir(parents=True)
    before = {name: (entry[0], entry[2]) for name, entry in snapshot(home).items()}
    assert main(["install", "--global", "--stage", "pre-push"]) == main(["install", "--global"]) == 0
    assert is_ours(own / "pre-push") and is_ours(own / "pre-commit")
    assert main(["uninstall", "--global"]) == 0
    assert {name: (entry[0], entry[2]) for name, entry in snapshot(home).items()} == before


def test_a_second_time_changes_nothing(
    program: StandIn, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["install", "--global"]) == 0
    before = snapshot(home)
    capfd.readouterr()
    assert main(["install", "--global"]) == 0
    assert snapshot(home) == before
    assert "pre-commit: unchanged: " in capfd.readouterr().out


def test_what_others_put_into_the_folder_stays(
    program: StandIn, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["install", "--global"]) == 0
    (own / "commit-msg").write_text("#!/bin/sh\n")
    assert main(["install", "--global"]) == 2
    assert f"{own}/commit-msg is not of reviewbot" in capfd.readouterr().err
    assert main(["uninstall", "--global"]) == 0
    assert f"{own} keeps what is not of reviewbot: commit-msg" in capfd.readouterr().out
    assert [path.name for path in own.iterdir()] == ["commit-msg"] and get_global("core.hooksPath") == ""
    assert main(["uninstall", "--global"]) == 0
    assert "no hook of reviewbot is installed for all repositories" in capfd.readouterr().out


def test_a_configuration_that_is_no_file_is_not_replaced_by_one(
    program: StandIn, home: Path, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    """git would rename its new file over /dev/null. Here it is a device of the test's own."""
    null = tmp_path / "null"
    try:
        os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(null))
    assert main(["install", "--global"]) == 2
    assert f"reviewbot: your git configuration {null} is no regular file" in capfd.readouterr().err
    assert stat.S_ISCHR(null.stat().st_mode) and not own.exists()
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    (home / ".gitconfig").unlink()
    (home / ".gitconfig").symlink_to(null)
    assert main(["install", "--global"]) == 2
    assert stat.S_ISCHR(null.stat().st_mode) and not own.exists()


def test_a_configuration_that_cannot_be_written(
    program: StandIn, home: Path, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    monkeypatch.chdir(tmp_path)
    (home / ".gitconfig.lock").write_text("")
    assert main(["install", "--global"]) == 2
    assert "reviewbot: git cannot write your configuration: error: could not lock" in capfd.readouterr().err
    (home / ".gitconfig.lock").unlink()
    assert main(["install", "--global"]) == 0
    (home / ".gitconfig.lock").write_text("")
    assert main(["uninstall", "--global"]) == 2
    assert is_ours(own / "pre-commit")


# --- a repository's own hooks


@pytest.mark.parametrize("code", [0, 1, 77])
@pytest.mark.parametrize("name", GIT_HOOKS)
def test_each_hook_of_a_repository_runs_as_if_alone(
    repo: GitRepo, program: StandIn, own: Path, name: str, code: int
) -> None:
    """Its words, its stdin and its exit code pass through."""
    assert main(["install", "--global"]) == 0
    seen = hook(repo, name, code)
    done = subprocess.run(
        [own / name, "a b", "*"], cwd=repo.path, input=b"two\nlines", capture_output=True, stderr=None
    )
    assert done.returncode == code
    assert seen.read_text() == f"a b *\n{repo.path}\ntwo\nlines"
    assert program.calls == ([f"hook {name} a b *"] if name in ("pre-commit", "pre-merge-commit") and not code else [])


@pytest.mark.parametrize("name", sorted({*GIT_HOOKS} - {"proc-receive", "push-to-checkout"}))
def test_no_hook_is_no_obstacle(repo: GitRepo, program: StandIn, own: Path, name: str) -> None:
    assert main(["install", "--global"]) == 0
    done = subprocess.run([own / name], cwd=repo.path, input=b"x" * 100_000, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_hooks_of_one_commit(repo: GitRepo, program: StandIn, own: Path) -> None:
    before = commit(repo)
    names = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-index-change")
    seen = {name: hook(repo, name) for name in (*names, "reference-transaction")}
    alone = {}
    for turn in ("alone", "with ours"):
        for path in seen.values():
            path.unlink(missing_ok=True)
        if turn == "with ours":
            assert main(["install", "--global"]) == 0
        repo.stage(f"{turn}.txt", "x\n")
        assert commit(repo).returncode == before.returncode == 0
        lines = {name: len(path.read_text().splitlines()) for name, path in seen.items()}
        alone = alone or lines
        assert lines == alone and all(lines.values())
    assert program.calls == ["hook pre-commit"]


def test_a_hook_that_fails_stops_the_commit_before_ours(repo: GitRepo, program: StandIn, own: Path) -> None:
    assert main(["install", "--global"]) == 0
    hook(repo, "pre-commit", 1)
    assert commit(repo).returncode == 1 and program.calls == []


def test_linked_work_trees_submodules_and_bare_repositories(
    repo: GitRepo, program: StandIn, own: Path, tmp_path: Path
) -> None:
    library = make(tmp_path / "library")
    library.commit("first")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library.path), "lib")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    assert main(["install", "--global"]) == 0
    seen = hook(repo, "commit-msg")
    assert commit(GitRepo(tmp_path / "linked")).returncode == 0
    assert f"{tmp_path}/linked" in seen.read_text()
    seen.unlink()
    hook(repo, "commit-msg", folder=".git/modules/lib/hooks")
    assert commit(GitRepo(repo.path / "lib")).returncode == 0
    assert seen.read_text() == f".git/modules/lib/COMMIT_EDITMSG\n{repo.path}/lib\n".replace(
        ".git/modules", f"{repo.path}/.git/modules"
    )
    bare = make(tmp_path / "bare.git", "--bare")
    seen = hook(bare, "post-receive", folder="hooks")
    repo.git("push", "-q", str(bare.path), "main")
    assert f"{bare.path}\n" in seen.read_text() and "refs/heads/main" in seen.read_text()


def test_a_hook_that_starts_where_dot_git_is_a_file(repo: GitRepo, program: StandIn, own: Path, tmp_path: Path) -> None:
    assert main(["install", "--global"]) == 0
    seen = hook(repo, "post-checkout")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    assert f"\n{tmp_path}/linked\n" in seen.read_text()
    seen.unlink()
    subprocess.run([own / "post-checkout"], cwd=tmp_path / "linked", check=True, stdin=subprocess.DEVNULL)
    assert f"\n{tmp_path}/linked\n" in seen.read_text()


def test_a_clone_inside_another_repository_runs_none_of_its_hooks(
    repo: GitRepo, program: StandIn, own: Path, tmp_path: Path
) -> None:
    source = make(tmp_path / "source")
    source.stage("a", "a\n")
    source.commit()
    assert main(["install", "--global"]) == 0
    seen = [hook(repo, name) for name in ("post-checkout", "reference-transaction", "post-index-change")]
    repo.git("clone", "-q", str(source.path), "inner")
    repo.git("init", "-q", "fresh")
    assert not any(path.exists() for path in seen)


@pytest.mark.parametrize("hindrance", [None, "unstaged", "staged"])
def test_a_push_into_a_work_tree_does_what_git_does_by_itself(
    repo: GitRepo, program: StandIn, own: Path, tmp_path: Path, hindrance: str | None
) -> None:
    """A hook push-to-checkout takes the place of that, also one that only passes on."""
    results = []
    for turn in ("alone", "with ours"):
        if turn == "with ours":
            assert main(["install", "--global"]) == 0
        target = make(tmp_path / turn)
        target.git("config", "receive.denyCurrentBranch", "updateInstead")
        repo.git("push", "-q", str(target.path), "main")
        repo.stage(f"{turn}.py", "a\n")
        repo.commit()
        if hindrance:
            target.write("README.md", "mine\n")
        if hindrance == "staged":
            target.git("add", "README.md")
        done = repo.git("push", str(target.path), "main", check=False)
        results.append((done.returncode, (target.path / f"{turn}.py").exists(), target.git("status", "--short").stdout))
    assert results[0] == results[1]
    assert results[0][:2] == ((0, True) if hindrance is None else (1, False))


def test_a_repository_with_a_hook_of_ours_is_reviewed_once(repo: GitRepo, program: StandIn, own: Path) -> None:
    seen = hook(repo, "pre-commit")
    assert main(["install"]) == 0
    assert main(["install", "--global"]) == 0
    assert commit(repo).returncode == 0
    assert seen.exists() and program.calls == ["hook pre-commit"]


def test_a_push_reaches_both(repo: GitRepo, program: StandIn, own: Path, tmp_path: Path) -> None:
    bare = make(tmp_path / "bare.git", "--bare")
    assert main(["install", "--global", "--stage", "pre-push"]) == 0
    seen = hook(repo, "pre-push")
    repo.git("push", "-q", str(bare.path), "main")
    assert program.calls == [f"hook pre-push {bare.path} {bare.path}"]
    assert program.stdin.startswith("refs/heads/main ") and seen.read_text().endswith(program.stdin)


def test_reviews_while_people_stage_run_everywhere_too(
    repo: GitRepo, program: StandIn, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = hook(repo, "post-index-change", 1)
    assert main(["install", "--global", "--warm-only"]) == main(["install", "--check", "--warm-only"]) == 0
    assert "post-index-change: in order: " in capfd.readouterr().out
    assert sorted(path.name for path in own.iterdir()) == sorted(GIT_HOOKS) and not is_ours(own / "pre-commit")
    started = program.path.with_name("started")  # a process of its own, which git does not wait for
    os.mkfifo(started)
    program.path.write_text(f'#!/bin/sh\necho "$@" > "{started}"\n')
    repo.git("config", "reviewbot.enabled", "false")
    repo.stage("a.py", "a\n")
    assert seen.exists() and not list((repo.path / ".git").glob("*queue*"))
    repo.git("config", "--unset", "reviewbot.enabled")
    repo.stage("a.py", "b\n")
    assert started.read_text() == "-P -m reviewbot hook post-index-change\n"
    main(["status"])
    assert "no hook reviews while you stage" not in capfd.readouterr().out
    assert main(["uninstall", "--global"]) == 0
    assert not own.exists()


def test_a_hook_of_one_repository_that_reviews_while_people_stage(
    repo: GitRepo, program: StandIn, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--warm-only"]) == main(["install", "--global"]) == 0
    main(["status"])
    assert "no hook reviews while you stage" not in capfd.readouterr().out
    assert main(["install", "--check", "--warm-only"]) == 0
    assert f"in order: {repo.path}/.git/hooks/post-index-change" in capfd.readouterr().out


# --- one repository without


def test_a_repository_opts_out_without_starting_python(
    repo: GitRepo, program: StandIn, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--global"]) == 0
    seen = hook(repo, "pre-commit")
    repo.git("config", "reviewbot.enabled", "off")
    done = commit(repo)
    assert (done.returncode, done.stdout, done.stderr, program.calls) == (0, b"", b"", [])
    assert seen.exists()
    capfd.readouterr()
    assert main(["install", "--check"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "note: reviewbot is off here: reviewbot.enabled is false"
    main(["doctor", "--format", "json", "--endpoint", "http://127.0.0.1:9"])
    messages = [one["message"] for one in json.loads(capfd.readouterr().out)["checks"] if one["name"] == "hook"]
    assert messages[-1] == "reviewbot is off here: reviewbot.enabled is false"


@pytest.mark.parametrize(("value", "runs"), [("true", True), ("maybe", True), ("0", False)])
def test_values_of_the_opt_out(repo: GitRepo, program: StandIn, own: Path, value: str, runs: bool) -> None:
    assert main(["install", "--global"]) == 0
    repo.git("config", "reviewbot.enabled", value)
    done = commit(repo)
    assert (done.returncode, done.stderr, program.calls) == (0, b"", ["hook pre-commit"] * runs)


def test_all_are_out_but_those_that_opt_in(repo: GitRepo, program: StandIn, own: Path, tmp_path: Path) -> None:
    assert main(["install", "--global"]) == 0
    set_global("reviewbot.enabled", "false")
    repo.git("config", "reviewbot.enabled", "true")
    other = make(tmp_path / "other")
    assert commit(repo).returncode == commit(other).returncode == 0
    assert program.folders == [str(repo.path)]


def test_a_repository_with_a_folder_of_its_own_is_told(
    repo: GitRepo, program: StandIn, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--global"]) == 0
    repo.git("config", "core.hooksPath", ".husky")
    assert commit(repo).returncode == 0 and program.calls == []
    capfd.readouterr()
    assert main(["install", "--check"]) == 1
    assert capfd.readouterr().out.splitlines() == [
        f"pre-commit: absent: there is no {repo.path}/.husky/pre-commit; try: reviewbot install",
        f"pre-merge-commit: absent: there is no {repo.path}/.husky/pre-merge-commit; try: reviewbot install",
        f"note: the hooks for all repositories, in {own}, do not run here: this repository's core.hooksPath is "
        f"{repo.path}/.husky",
    ]
    assert main(["install"]) == 0
    assert commit(repo).returncode == 0 and program.calls == ["hook pre-commit"]
    assert main(["uninstall"]) == 0
    assert is_ours(own / "pre-commit")


# --- the commands for one repository, where hooks are those for all


def test_install_and_check_see_the_hooks_for_all(
    repo: GitRepo, program: StandIn, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--global"]) == 0
    before = snapshot(own)
    capfd.readouterr()
    assert main(["install"]) == 0
    assert capfd.readouterr().out.startswith(f"pre-commit: unchanged, for all repositories: {own}/pre-commit\n")
    assert main(["install", "--check"]) == 0
    assert capfd.readouterr().out.startswith(f"pre-commit: in order: {own}/pre-commit (ours, current, ")
    assert main(["install", "--stage", "pre-push"]) == 2
    assert capfd.readouterr().err == (
        f"reviewbot: {own}/pre-push only runs a repository's own hook, and the hooks here are those for all "
        "repositories\n  try: reviewbot install --global --stage pre-push\n"
    )
    assert main(["uninstall"]) == 2
    assert "git config reviewbot.enabled false, or for all of them: reviewbot uninstall --global" in (
        capfd.readouterr().err
    )
    assert snapshot(own) == before


def test_hooks_of_one_repository_that_run_from_those_for_all(
    repo: GitRepo, program: StandIn, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--stage", "pre-push"]) == 0
    assert main(["install", "--global"]) == 0
    capfd.readouterr()
    assert main(["install", "--check", "--stage", "pre-push"]) == 0
    assert capfd.readouterr().out.startswith(f"pre-push: in order: {repo.path}/.git/hooks/pre-push (ours, ")
    assert main(["uninstall"]) == 0
    assert capfd.readouterr().out == f"pre-push: removed: {repo.path}/.git/hooks/pre-push\n"
    assert not (repo.path / ".git/hooks/pre-push").exists() and is_ours(own / "pre-commit")


def test_the_check_of_the_hooks_for_all(
    program: StandIn, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["install", "--global", "--check"]) == 1
    assert capfd.readouterr().out.splitlines() == [
        f"pre-commit: absent: there is no {own}/pre-commit; try: reviewbot install --global",
        f"pre-merge-commit: absent: there is no {own}/pre-merge-commit; try: reviewbot install --global",
        f"note: your core.hooksPath does not name {own}",
    ]
    assert main(["install", "--global"]) == 0
    (own / "commit-msg").chmod(0o644)
    (own / "post-merge").unlink()
    capfd.readouterr()
    assert main(["install", "--global", "--check"]) == 1
    out = capfd.readouterr().out
    assert "pre-commit: in order: " in out
    for name in ("commit-msg", "post-merge"):
        line = f"{name}: broken: {own}/{name} does not run a repository's own hook; try: reviewbot install --global\n"
        assert line in out
    assert main(["install", "--global"]) == main(["install", "--global", "--check"]) == 0


def test_a_program_that_is_gone_is_said_and_mended_for_all(
    repo: GitRepo, program: StandIn, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["install", "--global"]) == 0
    program.path.unlink()
    done = commit(repo)
    assert done.returncode == 0
    assert done.stderr.decode() == (
        "reviewbot: the program of the pre-commit hook is gone; nothing was reviewed "
        "(try: reviewbot install --global)\n"
    )
    capfd.readouterr()
    assert main(["install", "--check"]) == 1
    assert f"runs what is gone: {program.path}; try: reviewbot install --global\n" in capfd.readouterr().out


# --- folders that the user has set


def test_the_users_own_folder_for_all_hooks(
    repo: GitRepo, program: StandIn, home: Path, own: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = home / "my hooks"
    set_global("core.hooksPath", "~/my hooks")
    hook(GitRepo(home), "pre-commit", folder="my hooks")
    seen = home.parent / "seen-pre-commit"
    before = {**snapshot(folder), **snapshot(home / ".gitconfig")}
    assert main(["install", "--global"]) == 0
    assert f"note: your core.hooksPath names {folder}, so these hooks run in each repository" in capfd.readouterr().out
    assert not own.exists() and sorted(path.name for path in folder.iterdir()) == [
        "pre-commit",
        f"pre-commit{KEPT}",
        "pre-merge-commit",
    ]
    assert commit(repo).returncode == 0
    assert seen.exists() and program.calls == ["hook pre-commit"]
    repo.git("config", "reviewbot.enabled", "false")
    assert commit(repo).returncode == 0 and len(program.calls) == 1
    assert main(["install"]) == 0  # leaves them as they are
    assert main(["install", "--global", "--check"]) == 0
    assert main(["uninstall"]) == 2
    assert main(["uninstall", "--global"]) == 0
    after = {**snapshot(folder), **snapshot(home / ".gitconfig")}
    assert {name: (entry[0], entry[2]) for name, entry in after.items()} == {
        name: (entry[0], entry[2]) for name, entry in before.items()
    }


def test_the_users_template_folder(
    program: StandIn, home: Path, own: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    old = make(tmp_path / "old")
    set_global("init.templateDir", str(home / "template"))
    hook(GitRepo(home), "pre-commit", folder="template/hooks")
    seen = home.parent / "seen-pre-commit"
    before = snapshot(home / "template" / "hooks" / "pre-commit")
    os.chdir(tmp_path)
    assert main(["install", "--global"]) == 0
    template = home / "template/hooks"
    assert f"note: your init.templateDir has git copy {template} into each new repository; in those" in (
        capfd.readouterr().out
    )
    assert not own.exists() and get_global("core.hooksPath") == ""
    new = make(tmp_path / "new")
    assert commit(new).returncode == 0 and program.folders == [str(new.path)] and seen.exists()
    assert commit(old).returncode == 0 and len(program.calls) == 1
    old.git("init", "-q")
    assert commit(old).returncode == 0 and len(program.calls) == 2
    new.git("config", "reviewbot.enabled", "false")
    assert commit(new).returncode == 0 and len(program.calls) == 2
    os.chdir(new.path)
    assert main(["install", "--check"]) == 0
    assert main(["uninstall"]) == 0
    assert [path.name for path in (new.path / ".git/hooks").iterdir()] == ["pre-commit"]
    assert main(["uninstall", "--global"]) == 0
    assert snapshot(template / "pre-commit").keys() == before.keys() and len(list(template.iterdir())) == 1


def test_a_relative_folder_is_another_one_in_each_repository(
    program: StandIn, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    set_global("core.hooksPath", ".githooks")
    assert main(["install", "--global"]) == 2
    assert "your core.hooksPath is .githooks, which is another folder in each repository" in capfd.readouterr().err


def test_no_folder_takes_hooks_for_all(
    program: StandIn, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    set_global("core.hooksPath", "/dev/null")
    assert main(["install", "--global"]) == 2
    assert "your core.hooksPath is /dev/null, which is no folder, so git runs no hooks" in capfd.readouterr().err


def test_the_folder_of_the_whole_machine_is_not_pushed_aside(
    program: StandIn, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "system").write_text("[core]\n\thooksPath = /company/hooks\n")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "system"))
    monkeypatch.delenv("GIT_CONFIG_NOSYSTEM")
    assert main(["install", "--global"]) == 2
    assert "core.hooksPath of this machine is /company/hooks, and the hooks there would not run" in (
        capfd.readouterr().err
    )
    assert not own.exists() and get_global("core.hooksPath") == ""
