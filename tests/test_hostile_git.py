"""The same change under every setting that could change it, and no configured command ever run."""

from pathlib import Path

import pytest
from conftest import GitRepo

from reviewbot.diff import Hunk, Line, LineKind, parse_diff
from reviewbot.gitrun import staged_is_empty
from reviewbot.repo import open_repository

NAME = "sub folder/größe.py"
OLD = "".join(f"line {i}\n" for i in range(1, 21))
NEW = OLD.replace("line 4\n", "changed 4\n").replace("line 7\n", "changed 7\nadded\n").replace("line 12\n", "")


def context(*numbers: tuple[int, int]) -> list[Line]:
    return [Line(LineKind.CONTEXT, old, new, f"line {old}") for old, new in numbers]


# By hand: three lines of context, one hunk because the changes are near each other.
EXPECTED = Hunk(
    "",
    (
        *context((1, 1), (2, 2), (3, 3)),
        Line(LineKind.REMOVED, 4, None, "line 4"),
        Line(LineKind.ADDED, None, 4, "changed 4"),
        *context((5, 5), (6, 6)),
        Line(LineKind.REMOVED, 7, None, "line 7"),
        Line(LineKind.ADDED, None, 7, "changed 7"),
        Line(LineKind.ADDED, None, 8, "added"),
        *context((8, 9), (9, 10), (10, 11), (11, 12)),
        Line(LineKind.REMOVED, 12, None, "line 12"),
        *context((13, 13), (14, 14), (15, 15)),
    ),
)

CONFIG = {
    "external diff": [("diff.external", "{trap}")],
    "diff driver": [("diff.py.command", "{trap}"), ("diff.py.textconv", "{trap}"), ("diff.py.binary", "true")],
    "no prefix": [("diff.noprefix", "true")],
    "mnemonic prefix": [("diff.mnemonicPrefix", "true")],
    "other prefixes": [("diff.srcPrefix", "x/"), ("diff.dstPrefix", "y/")],
    "colour": [("color.ui", "always"), ("color.diff", "always"), ("diff.colorMoved", "zebra")],
    "quoted names": [("core.quotePath", "true")],
    "no context": [("diff.context", "0"), ("diff.interHunkContext", "50")],
    "no renames": [("diff.renames", "false"), ("diff.renameLimit", "1")],
    "copies": [("diff.renames", "copies")],
    "order file": [("diff.orderFile", "{folder}/order")],
    "fsmonitor": [("core.fsmonitor", "{trap}")],
    "pager": [("core.pager", "{trap}"), ("pager.diff", "{trap}")],
    "algorithm": [("diff.algorithm", "patience"), ("diff.indentHeuristic", "false")],
    "submodules": [("diff.submodule", "log"), ("diff.ignoreSubmodules", "all")],
    "attributes": [("core.attributesFile", "{folder}/attributes")],
    "status": [("status.relativePaths", "false"), ("status.showUntrackedFiles", "no"), ("status.renames", "false")],
    "encoding": [("i18n.logOutputEncoding", "ISO-8859-1"), ("i18n.commitEncoding", "UTF-16")],
    "empty context": [("diff.suppressBlankEmpty", "true"), ("diff.wsErrorHighlight", "all")],
    "relative": [("diff.relative", "true")],
    "stat": [("diff.statGraphWidth", "3"), ("diff.dirstat", "files"), ("diff.wordRegex", ".")],
    "filter": [("filter.f.clean", "{trap}"), ("filter.f.process", "{trap}"), ("filter.f.required", "true")],
    "big files": [("core.bigFileThreshold", "1")],
    "white space": [("core.whitespace", "cr-at-eol,tab-in-indent"), ("apply.whitespace", "fix")],
    "hooks": [("core.hooksPath", "{folder}/hooks"), ("core.alternateRefsCommand", "{trap}")],
    "programs": [("core.sshCommand", "{trap}"), ("core.editor", "{trap}"), ("gpg.program", "{trap}")],
    "logs": [("log.showSignature", "true"), ("log.decorate", "full"), ("log.diffMerges", "separate")],
    "aliases": [("alias.diff", "!{trap}"), ("alias.rev-parse", "!{trap}")],
    "refresh": [("diff.autoRefreshIndex", "true"), ("core.untrackedCache", "true"), ("core.splitIndex", "true")],
}
ENVIRONMENT = {
    "external": {"GIT_EXTERNAL_DIFF": "{trap}"},
    "options": {"GIT_DIFF_OPTS": "-u0"},
    "pager": {"GIT_PAGER": "{trap}", "PAGER": "{trap}"},
    "literal paths": {"GIT_LITERAL_PATHSPECS": "1"},
    "language": {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"},
    "config": {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "diff.external", "GIT_CONFIG_VALUE_0": "{trap}"},
    "parameters": {"GIT_CONFIG_PARAMETERS": "'diff.external={trap}' 'diff.context=0' 'core.fsmonitor={trap}'"},
    "trace": {"GIT_TRACE": "1", "GIT_TRACE2": "1", "GIT_TRACE_SETUP": "1"},
    "paths": {"GIT_ICASE_PATHSPECS": "1", "GIT_GLOB_PATHSPECS": "1"},
    "programs": {"GIT_SSH_COMMAND": "{trap}", "GIT_ASKPASS": "{trap}", "GIT_EDITOR": "{trap}"},
    "quiet": {"GIT_PYTHON_REFRESH": "error", "GIT_PYTHON_TRACE": "full"},
}


class Trap:
    """A command that leaves a mark when it is run."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "ran"
        self.command = folder / "trap"
        self.command.write_text(f"#!/bin/sh\ntouch '{self.mark}'\ncat\n")
        self.command.chmod(0o755)

    @property
    def sprung(self) -> bool:
        return self.mark.exists()


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    (tmp_path / "order").write_text("*.md\n")
    (tmp_path / "attributes").write_text("*.py diff=py -text\n")
    return Trap(tmp_path)


@pytest.fixture
def changed(repo: GitRepo) -> GitRepo:
    repo.stage(NAME, OLD)
    repo.stage("moved.py", OLD)
    repo.commit()
    repo.stage(NAME, NEW)
    repo.git("mv", "moved.py", "renamed.py")
    return repo


def check_the_change(trap: Trap) -> None:
    for change in (
        open_repository().select([], None, staged=True),
        open_repository().select(["HEAD"], None, staged=False),
    ):
        files = {file.path: file for file in parse_diff(change.diff)}
        assert set(files) == {NAME, "renamed.py"}
        assert files[NAME].hunks == (EXPECTED,)
        assert (files["renamed.py"].old_path, files["renamed.py"].hunks) == ("moved.py", ())
    assert not staged_is_empty()
    assert not trap.sprung


@pytest.mark.parametrize("case", CONFIG)
def test_settings_do_not_change_the_diff(
    changed: GitRepo, trap: Trap, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in CONFIG[case]:
        changed.git("config", key, value.format(trap=trap.command, folder=trap.command.parent))
    check_the_change(trap)
    monkeypatch.chdir(changed.path / "sub folder")
    check_the_change(trap)


@pytest.mark.parametrize("case", ENVIRONMENT)
def test_the_environment_does_not_change_the_diff(
    changed: GitRepo, trap: Trap, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT[case].items():
        monkeypatch.setenv(name, value.format(trap=trap.command))
    check_the_change(trap)


def test_every_setting_at_once_and_every_kind_of_change(
    changed: GitRepo, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`diff.renames=copies` and `false` and the like stand beside each other: git takes the last one."""
    hooks = trap.command.parent / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout"):
        (hooks / name).symlink_to(trap.command)
    base, head = "HEAD~1", "HEAD"
    changed.commit()
    changed.git("branch", "other", "HEAD~1")
    changed.git("checkout", "-q", "other")
    changed.stage("other.txt", "other\n")
    changed.commit()
    changed.git("checkout", "-q", "main")
    changed.git("merge", "-q", "--no-commit", "--no-ff", "other")
    # `filter.f` is no filter of any file here, so that the work tree can be read as well
    for key, value in (setting for settings in CONFIG.values() for setting in settings):
        changed.git("config", "--replace-all", key, value.format(trap=trap.command, folder=trap.command.parent))
    for variables in ENVIRONMENT.values():
        for name, value in variables.items():
            monkeypatch.setenv(name, value.format(trap=trap.command))
    trap.mark.unlink(missing_ok=True)
    here = open_repository()
    for change in (
        here.select([f"{base}..{head}"], None, staged=False),
        here.commit(head),
        here.select([base], [":(exclude)other.txt"], staged=True),
        here.select([base], [":(exclude)other.txt"], staged=False),
    ):
        files = {file.path: file for file in parse_diff(change.diff)}
        assert set(files) == {NAME, "renamed.py"}
        assert files[NAME].hunks == (EXPECTED,)
        assert files["renamed.py"].old_path == "moved.py"
    merge = here.merge()
    assert merge is not None and merge.diff == b""
    assert here.push(f"HEAD {here.commit().source.head} HEAD {'0' * 40}\n".encode(), "origin") != ()
    assert not staged_is_empty()
    assert not trap.sprung


def test_a_submodule_is_one_line_however_it_is_configured(repo: GitRepo, trap: Trap) -> None:
    one, two = "1" * 40, "2" * 40
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{one},sub")
    repo.stage(".gitmodules", '[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n\tignore = all\n')
    repo.commit()
    repo.git("update-index", "--cacheinfo", f"160000,{two},sub")
    for key, value in (("diff.submodule", "log"), ("diff.ignoreSubmodules", "all"), ("submodule.sub.ignore", "all")):
        repo.git("config", key, value)
    (bump,) = parse_diff(open_repository().select([], None, staged=True).diff)
    assert (bump.path, bump.mode) == ("sub", "160000")
    assert [line.text for hunk in bump.hunks for line in hunk.lines] == [
        f"Subproject commit {one}",
        f"Subproject commit {two}",
    ]
    assert not staged_is_empty()


def test_the_trap_works(changed: GitRepo, trap: Trap) -> None:
    changed.git("config", "diff.external", str(trap.command))
    changed.git("diff", "--cached")
    assert trap.sprung


def test_a_filter_is_not_run_and_its_files_are_listed(repo: GitRepo, trap: Trap) -> None:
    repo.stage("plain.py", "old\n")
    repo.stage("secret.txt", "old\n")
    repo.stage(".gitattributes", "*.txt filter=f\n")
    repo.commit()
    for kind in ("clean", "smudge", "process"):
        repo.git("config", f"filter.f.{kind}", str(trap.command))
    repo.git("config", "filter.f.required", "true")
    repo.write("plain.py", "new\n")
    repo.write("secret.txt", "new\n")
    change = open_repository().select([], None, staged=False)
    assert [file.path for file in parse_diff(change.diff)] == ["plain.py"]
    assert change.unreadable == ((b"secret.txt", "its filter 'f' is a configured command, which is not run"),)
    assert not trap.sprung


@pytest.mark.parametrize("attribute", ["-diff", "binary", "diff=py"])
def test_an_attribute_does_not_hide_text(repo: GitRepo, trap: Trap, attribute: str) -> None:
    repo.git("config", "diff.py.binary", "true")
    repo.stage(".gitattributes", f"*.py {attribute}\n*.png {attribute}\n")
    repo.stage("a.py", "hidden = 1\n")
    repo.stage("b.png", b"\x89PNG\0\n")
    files = {file.path: file for file in parse_diff(open_repository().select([], None, staged=True).diff)}
    assert [line.text for line in files["a.py"].added] == ["hidden = 1"]
    assert files["b.png"].binary
    assert set(files) == {".gitattributes", "a.py", "b.png"}
