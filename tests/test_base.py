"""What is read from the base: odd names, what git must not run or write, and what it costs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from changes import make, snapshot
from conftest import GitRepo

from reviewbot.base import HEAD_BYTES, AtBase
from reviewbot.cli import main
from reviewbot.repo import Source, open_repository

NAMES = [
    pytest.param("plain.py", id="plain"),
    pytest.param("with space.py", id="space"),
    pytest.param(" lead and trail ", id="spaces around"),
    pytest.param("line\nbreak.py", id="newline"),
    pytest.param("a\nb/line\nbreak.py", id="newline in a folder"),
    pytest.param("return.py\r", id="carriage return at the end"),
    pytest.param("tab\there.py", id="tab"),
    pytest.param('quo"te.py', id="quote"),
    pytest.param("back\\slash.py", id="backslash"),
    pytest.param(b"latin\xe9.py", id="no UTF-8"),
    pytest.param("größe/ü.py", id="UTF-8"),
    pytest.param("-dash.py", id="leading dash"),
    pytest.param(":(top)x.py", id="pathspec"),
    pytest.param("a missing", id="looks like an answer"),
    pytest.param("x blob 7", id="looks like another answer"),
]


def at_base(*names: str | bytes, base: str = "HEAD") -> dict[bytes, AtBase]:
    raw = [os.fsencode(name) for name in names]
    return open_repository().at_base(Source("staged", base), [(name, name) for name in raw])


def said(known: AtBase) -> list[str]:
    """The attributes that say something."""
    return [f"{name}={value}" for name, value in known.attributes.items() if value != "unspecified"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", [".", "sub"])
def test_odd_names(repo: GitRepo, name: str | bytes, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo.path / "sub").mkdir()
    folder = os.path.dirname(os.fsencode(name))
    repo.stage(os.path.join(folder, b".gitattributes"), "* linguist-generated\n")
    repo.stage("other.py", "other\n")
    repo.write(name, "first\nsecond\n")
    repo.git("add", "-A")
    repo.commit()
    repo.write(name, "changed\n")
    repo.git("add", "-A")
    monkeypatch.chdir(repo.path / where)
    found = at_base("nothing.py", name, "other.py")
    assert found[b"nothing.py"].head == b"" and found[b"other.py"].head == b"other\n"
    known = found[os.fsencode(name)]
    assert (known.head, said(known)) == (b"first\nsecond\n", ["linguist-generated=set"])
    assert bool(said(found[b"other.py"])) is (folder == b"")


def test_a_moved_file_has_its_old_text_and_the_attributes_of_its_new_name(repo: GitRepo) -> None:
    repo.stage(".gitattributes", "new.py linguist-generated\nold.py linguist-vendored\n")
    repo.stage("old.py", "text\n")
    repo.commit()
    found = open_repository().at_base(Source("range", "HEAD"), [(b"new.py", b"old.py"), (b"added.py", None)])
    assert found[b"new.py"].head == b"text\n"
    assert said(found[b"new.py"]) == ["linguist-generated=set"]
    assert found[b"added.py"].head == b""


def test_what_is_no_file_has_no_text(repo: GitRepo) -> None:
    repo.stage("folder/a.py", "x\n")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo.stage("z.py", "last\n")
    repo.commit()
    found = at_base("folder", "sub", "sub/x", "a.py/x", "z.py")
    assert [known.head for known in found.values()] == [b"", b"", b"", b"", b"last\n"]


def test_of_large_files_the_beginning_is_read(repo: GitRepo) -> None:
    repo.stage("large.py", b"x" * 100_000)
    repo.stage("small.py", b"small\n")
    repo.stage(".gitattributes", "#" * 20_000 + "\nsmall.py -diff\n")
    repo.commit()
    found = at_base("large.py", "small.py")
    assert (found[b"large.py"].head, found[b"small.py"].head) == (b"x" * HEAD_BYTES, b"small\n")
    assert said(found[b"small.py"]) == ["diff=unset"]


def test_the_binary_macro(repo: GitRepo) -> None:
    repo.stage(".gitattributes", "*.bin binary\n*.txt diff\n*.py linguist-generated=false\n")
    repo.commit()
    found = at_base("a.bin", "a.txt", "a.py", "a.c")
    assert [said(known) for known in found.values()] == [
        ["diff=unset", "binary=set"],
        ["diff=set"],
        ["linguist-generated=false"],
        [],
    ]


def test_a_base_that_is_no_commit_or_none(repo: GitRepo) -> None:
    empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    assert at_base("README.md", base=empty)[b"README.md"] == AtBase()
    assert at_base("README.md", base="HEAD^{tree}")[b"README.md"].head == b"# sample\n"
    assert open_repository().at_base(Source("stdin"), [(b"README.md", b"README.md")]) == {}
    assert at_base() == {}


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)], ids=["sha1", "sha256"])
def test_in_a_bare_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]) -> None:
    made = make(tmp_path / "made", *options)
    made.stage("sub/.gitattributes", "*.py linguist-vendored\n")
    made.stage("sub/a.py", "text\n")
    made.commit()
    made.git("clone", "-q", "--bare", str(made.path), str(tmp_path / "bare.git"))
    monkeypatch.chdir(tmp_path / "bare.git")
    known = at_base("sub/a.py")[b"sub/a.py"]
    assert (known.head, said(known)) == (b"text\n", ["linguist-vendored=set"])


def test_in_a_linked_work_tree_your_own_attributes_are_those_of_the_repository(
    repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write(".git/info/attributes", "*.md linguist-generated\n")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    monkeypatch.chdir(tmp_path / "linked")
    assert said(at_base("README.md")[b"README.md"]) == ["linguist-generated=set"]


def test_nothing_is_written_and_no_hook_runs(repo: GitRepo, tmp_path: Path) -> None:
    repo.stage(".gitattributes", "*.py linguist-generated\n")
    for name in ("a.py", "b/c.py"):
        repo.stage(name, "x\n")
    repo.commit()
    hook = repo.write(".git/hooks/post-index-change", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    for key in ("core.splitIndex", "core.untrackedCache", "core.sparseCheckout", "core.sparseCheckoutCone"):
        repo.git("config", key, "true")
    repo.git("config", "index.sparse", "true")
    repo.git("config", "core.hooksPath", str(hook.parent))
    before = snapshot(repo.path)
    assert said(at_base("a.py", "b/c.py")[b"b/c.py"]) == ["linguist-generated=set"]
    assert snapshot(repo.path) == before
    assert not (tmp_path / "ran").exists()


# --- what it costs


@contextmanager
def processes(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The git commands that run in the block, one a process."""
    commands: list[str] = []
    with monkeypatch.context() as patch:
        patch.setenv("GIT_TRACE", str(path))
        yield commands
    text = path.read_text() if path.exists() else ""
    commands += [line.split("trace: built-in: ")[1] for line in text.split("\n") if "trace: built-in: " in line]
    path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("attributes", "extra"),
    [
        pytest.param(None, ["cat-file"], id="no attributes"),
        pytest.param("* text=auto\n*.sh eol=lf\n", ["cat-file"], id="attributes that do not matter"),
        pytest.param("*.c linguist-vendored\n", ["cat-file", "update-index", "check-attr"], id="attributes that may"),
    ],
)
def test_a_small_commit_gains_one_process(
    repo: GitRepo, tmp_path: Path, attributes: str | None, extra: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.stage("a.py", "x\n")
    if attributes:
        repo.stage(".gitattributes", attributes)
    repo.commit()
    repo.stage("a.py", "x\n" * 13)
    main(["--no-model"])  # what git or Python would cache is cached
    with processes(tmp_path / "trace", monkeypatch) as without:
        main(["--no-model", "--include", "*"])
    with processes(tmp_path / "trace", monkeypatch) as with_rules:
        main(["--no-model"])
    assert [command.split()[1] for command in with_rules] == [command.split()[1] for command in without] + extra
