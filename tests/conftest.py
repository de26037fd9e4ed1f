"""A clean environment for every test, and a real repository to work in."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are shared and noisy: no test of ours depends on how long an example takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read them afterwards")


class GitRepo:
    """A real repository in a temporary folder, driven by real git."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *args: str | bytes, check: bool = True, **kwargs) -> subprocess.CompletedProcess[bytes]:
        """Run git here; fails the test when git fails, unless `check` is False."""
        done = subprocess.run(["git", *args], cwd=self.path, capture_output=True, **kwargs)
        if check and done.returncode:
            raise AssertionError(f"git {args} failed: {done.stderr.decode(errors='replace')}")
        return done

    def write(self, name: str | bytes, content: str | bytes) -> Path:
        """Write a file of the work tree; text as UTF-8, line ends as given."""
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def stage(self, name: str | bytes, content: str | bytes) -> None:
        """Write a file and add it to the index."""
        self.write(name, content)
        self.git("add", "--", name)

    def commit(self, message: str = "change") -> str:
        """Commit what is staged; the new commit's id."""
        self.git("commit", "-q", "--no-verify", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").stdout.decode().strip()

    def conflict(self, theirs: Mapping[str, str] | None = None) -> None:
        """Stop in a merge with branch other: both sides have changed a.py. `theirs` are further files of that one."""
        self.stage("a.py", "base\n")
        self.commit()
        self.git("checkout", "-qb", "other")
        for name, content in {"a.py": "theirs\n", **(theirs or {})}.items():
            self.stage(name, content)
        self.commit()
        self.git("checkout", "-q", "main")
        self.stage("a.py", "ours\n")
        self.commit()
        self.git("merge", "-q", "other", check=False)


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a suite that runs in the background has SIGINT ignored, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No setting of the host reaches a test: the suite may itself run inside a hook. Returns the HOME in use."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "REVIEWBOT_", "OLLAMA_", "PRE_COMMIT")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("SKIP", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "LC_ALL", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
        monkeypatch.setenv(f"GIT_{role}_DATE", "2026-01-01T00:00:00Z")
    return home


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """A repository on branch main with one commit (README.md), and the current folder inside it."""
    path = tmp_path / "repo"
    path.mkdir()
    made = GitRepo(path)
    made.git("init", "-q", "-b", "main")
    made.stage("README.md", "# sample\n")
    made.commit("first")
    monkeypatch.chdir(path)
    return made


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty work tree, which is the current folder."""
    path = tmp_path / "tree"
    path.mkdir()
    monkeypatch.chdir(path)
    return path
