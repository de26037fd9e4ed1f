"""The enclosing line of a hunk, where git finds none."""

from pathlib import Path

import pytest
from conftest import GitRepo
from values import change

from reviewbot.cli import main
from reviewbot.headings import add_headings, lacking_headings

# No line begins with a letter, so git finds nothing to put behind the second @@.
SCRIPT = """\
<?php
  class Store {
    function load($key) {
      $a = 1;
      $b = 2;
      $c = 3;
      $d = 4;
      $e = 5;
      return $a;
    }
  }
"""
CHANGED = SCRIPT.replace("$e = 5;", "$e = 6;")


def shown(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """The first request of a plan."""
    capfd.readouterr()
    assert main(["plan", *words, "--show", "1", "--num-ctx", "4096", "--engine", "ollama"]) == 0
    return capfd.readouterr().out


@pytest.fixture
def changed(repo: GitRepo) -> GitRepo:
    repo.stage("odd 0:name\n.php", SCRIPT)
    repo.commit()
    repo.write("odd 0:name\n.php", CHANGED)
    return repo


def test_it_is_found_in_the_index(changed: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    changed.git("add", "-A")
    changed.write("odd 0:name\n.php", "work tree\n" * 20)
    assert "@@ function load($key) {\n5        $b = 2;\n" in shown(capfd, "--staged")


def test_it_is_found_in_the_work_tree(changed: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    assert "@@ function load($key) {\n5        $b = 2;\n" in shown(capfd)


def test_it_is_found_in_a_commit(changed: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    changed.git("add", "-A")
    changed.commit()
    (changed.path / "odd 0:name\n.php").unlink()
    assert "@@ function load($key) {\n5        $b = 2;\n" in shown(capfd, "HEAD^..HEAD")


def test_a_link_is_not_followed(changed: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret.php").write_text("  function elsewhere() {\n" * 20)
    path = changed.path / "odd 0:name\n.php"
    path.unlink()
    path.symlink_to(tmp_path / "secret.php")
    capfd.readouterr()
    assert main(["plan", "--num-ctx", "4096", "--engine", "ollama"]) == 0
    assert "elsewhere" not in capfd.readouterr().out


def test_a_secret_above_the_hunk_is_masked_there_too(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    key = "AKIA" + "IOSFODNN7" + "EXAMPLE"
    repo.stage("a.php", SCRIPT.replace("$key", f"$key = '{key}'"))
    repo.commit()
    repo.stage("a.php", CHANGED.replace("$key", f"$key = '{key}'"))
    assert "@@ function load($key = '[secret]') {\n" in shown(capfd, "--staged")


def test_only_what_lacks_one_is_read() -> None:
    first = change("a", "+x")  # begins with the first line: nothing encloses it
    later = change("b", "-y", "+x")
    removed = change("c", " x", "-y")
    assert lacking_headings([first, later, removed]) == [b"b"]
    assert add_headings([first, later], {b"a": b"def f():\n" * 9}) == (first, later)


def test_a_file_that_is_shorter_than_the_hunk_says_is_no_error() -> None:
    (made,) = add_headings([change("b", " y", "+    x")], {b"b": b"def f():\n"})
    assert [hunk.heading for hunk in made.hunks] == ["", "def f():"]
