"""`reviewbot demo` as a stranger sees it: with a server, and with nothing at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_server import FakeServer, fake

__all__ = ["fake"]


def demo(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        [sys.executable, "-m", "reviewbot", "demo"],
        cwd=folder,
        env={**kept, "TMPDIR": str(temporary), **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


def check(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    output = done.stdout + done.stderr
    assert "[check/secret]" in output and "[check/conflict-marker]" in output
    assert "# Blocked." in output and "# Committed." in output
    assert "reviewbot install" in output.split("# Committed.")[1]
    assert list((folder / "tmp").iterdir()) == []


def test_with_a_server(tmp_path: Path, fake: FakeServer) -> None:
    done = demo(tmp_path, REVIEWBOT_ENDPOINT=fake.url)
    check(done, tmp_path)
    assert "clean" in done.stdout + done.stderr
    assert "No model" not in done.stdout
    assert "AKIA" not in str(fake.chats)


def test_with_nothing_it_says_that_no_model_read_the_lines(tmp_path: Path) -> None:
    done = demo(tmp_path, REVIEWBOT_ENDPOINT="http://127.0.0.1:9", REVIEWBOT_ENGINE="ollama")
    check(done, tmp_path)
    assert "No model read these lines" in done.stdout
    assert "ollama pull codellama:7b-instruct" in done.stdout


def test_nothing_of_the_user_gets_in_but_the_engine(tmp_path: Path, fake: FakeServer) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[core]\n\thooksPath = /nonexistent\n[commit]\n\tgpgSign = true\n")
    mine = home / ".config" / "reviewbot"
    mine.mkdir(parents=True)
    (mine / "config.toml").write_text(f'block_at = "never"\nexclude = ["*.py"]\nendpoint = "{fake.url}"\n')
    done = demo(tmp_path, HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"), REVIEWBOT_SKIP="always")
    check(done, tmp_path)
    assert len(fake.chats) >= 2


def test_without_git_it_is_one_sentence(tmp_path: Path, fake: FakeServer) -> None:
    done = demo(tmp_path, PATH="/nonexistent", REVIEWBOT_ENDPOINT=fake.url)
    assert done.returncode == 2
    assert "git cannot be run" in done.stderr and "Traceback" not in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("words", [["demo", "extra"], ["demo", "--nonsense"]])
def test_wrong_words(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "reviewbot", *words], capture_output=True, text=True)
    assert done.returncode == 2
