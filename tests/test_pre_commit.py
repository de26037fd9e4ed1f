"""The real pre-commit framework runs our hooks on real commits; once without any network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake
from namespaces import ALONE, namespaces
from wheels import wheelhouse

__all__ = ["fake", "namespaces"]

ROOT = Path(__file__).parent.parent
CONFLICT = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> topic\n"


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds this checkout as it is now, committed or not."""
    folder = tmp_path_factory.mktemp("source") / "reviewbot"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    identity = {"GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.org"}
    identity |= {"GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.org", "GIT_CONFIG_GLOBAL": os.devnull}
    for args in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"], ["tag", "v0.1.0"]):
        subprocess.run(["git", *args], cwd=folder, env={**os.environ, **identity}, check=True)
    return folder


def configure(repo: GitRepo, source: Path, hook: str, args: str = "[]") -> None:
    repo.write(
        ".pre-commit-config.yaml",
        f"repos:\n- repo: {source}\n  rev: v0.1.0\n  hooks:\n  - id: {hook}\n    args: {args}\n",
    )
    repo.git("add", ".pre-commit-config.yaml")
    repo.git("commit", "-qm", "configure", "--no-verify")
    repo.git("config", "--local", "user.name", "T")
    pre_commit(repo, "install")


def pre_commit(repo: GitRepo, *args: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", *args], cwd=repo.path, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def commit(repo: GitRepo) -> tuple[int, str]:
    done = repo.git("commit", "-m", "change", check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A `reviewbot` in PATH, as where it is installed for the whole system."""
    program = tmp_path / "bin" / "reviewbot"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reviewbot "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def framed(repo: GitRepo, source: Path, fake: FakeServer, on_path: None, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    configure(repo, source, "reviewbot-system")
    return repo


def test_the_installed_reviewbot_blocks_and_passes(framed: GitRepo, fake: FakeServer) -> None:
    framed.stage("a.py", "BUG()\n")
    framed.write("a.py", "edited but not staged\n")
    code, output = commit(framed)
    assert code == 1 and "a.py:1: error: this is a defect" in output
    assert (framed.path / "a.py").read_text() == "edited but not staged\n"
    framed.stage("a.py", "fine\n")
    code, output = commit(framed)
    assert code == 0
    assert "Passed" in output and "clean · 1 of 1 added line reviewed" in output  # verbose: advice is seen


def test_a_change_that_only_deletes_runs_the_hook_too(framed: GitRepo) -> None:
    framed.stage("a.py", "fine\n")
    commit(framed)
    framed.git("rm", "-q", "a.py")
    code, output = commit(framed)
    assert code == 0 and "removed lines alone are not reviewed" in output


def test_arguments_of_the_users_configuration_count(
    repo: GitRepo, source: Path, fake: FakeServer, on_path: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    configure(repo, source, "reviewbot-system", "[--block-at, never]")
    repo.stage("a.py", "BUG()\n")
    code, output = commit(repo)
    assert code == 0 and "a.py:1: error: this is a defect" in output


def test_ranges_all_files_and_the_frameworks_own_skip(framed: GitRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    framed.git("checkout", "-qb", "topic")
    framed.stage("a.py", "BUG()\n")
    framed.git("commit", "-qm", "bad", "--no-verify")
    code, output = pre_commit(framed, "run", "--from-ref", "main", "--to-ref", "HEAD")
    assert code == 1 and "a.py:1: error" in output
    code, output = pre_commit(framed, "run", "--all-files")
    assert code == 0 and "--from-ref main --to-ref HEAD" in output
    reworded = framed.git("commit", "--amend", "-m", "other words").stderr.decode()
    assert "reviewbot" in reworded and "reviewbot:" not in reworded
    framed.stage("a.py", "BUG() again\n")
    monkeypatch.setenv("SKIP", "reviewbot-system")
    assert commit(framed)[0] == 0


def test_pushing_through_the_framework(framed: GitRepo, tmp_path: Path) -> None:
    framed.git("init", "-q", "--bare", str(tmp_path / "remote.git"))
    framed.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    pre_commit(framed, "install", "--hook-type", "pre-push")
    framed.stage("a.py", "fine\n")
    framed.git("commit", "-qm", "good", "--no-verify")
    done = framed.git("push", "origin", "main", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"added lines reviewed" in done.stdout + done.stderr  # the first push: the whole history
    framed.stage("a.py", "BUG()\n")
    framed.git("commit", "-qm", "bad", "--no-verify")
    done = framed.git("push", "origin", "main", check=False)
    assert done.returncode == 1 and b"a.py:1: error" in done.stdout + done.stderr


@pytest.mark.network_namespace
def test_the_python_hook_installs_and_runs_without_any_network(
    namespaces: None, repo: GitRepo, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = wheelhouse()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    configure(repo, source, "reviewbot")
    alone = [*ALONE, "git", "commit", "-m", "change"]
    repo.stage("a.py", CONFLICT)
    done = subprocess.run(alone, cwd=repo.path, capture_output=True, text=True, timeout=300)
    output = done.stdout + done.stderr
    assert done.returncode == 1 and "a.py:1: error" in output and "[check/conflict-marker]" in output, output
    assert "NOTHING WAS REVIEWED" in output
    repo.stage("a.py", "fine\n")
    done = subprocess.run(alone, cwd=repo.path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "NOTHING WAS REVIEWED" in done.stdout + done.stderr
