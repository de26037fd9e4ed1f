"""The same change under every setting that could change it, and no configured command ever run."""

import os
from pathlib import Path

import pytest
from conftest import GitRepo

from reviewbot.diff import parse_diff
from reviewbot.gitrun import staged_is_empty
from reviewbot.repo import Source, open_repository

NAME = "sub folder/größe.py"
LINES = "".join(f"line {i}\n" for i in range(1, 41))


def rows(word: str) -> str:
    return "".join(f"{word} {i}\n" for i in range(9))


OLD = {
    NAME: LINES,
    "algorithm.txt": "b\nd\nd\n",
    "indent.py": "def a():\n    x\n\ndef c():\n    x\n",
    "one.py": rows("one"),
    "two.py": rows("two"),
}
NEW = {
    NAME: LINES.replace("line 4\n", "changed 4\n").replace("line 7\n", "changed 7\nadded\n").replace("line 30\n", ""),
    "algorithm.txt": "d\na\nb\n",
    "indent.py": "def a():\n    x\n\ndef b():\n    x\n\ndef c():\n    x\n",
    "due.py": rows("two") + "more\n",
    "uno.py": rows("one") + "more\n",
}
EXPECTED = """\
diff --git a/algorithm.txt b/algorithm.txt
index 7ee86395fee6dbcc6dda0509e36ddac5e18453ca..346d6aa36d4f73e599b1273a1bd51a53c1c2903d 100644
--- a/algorithm.txt
+++ b/algorithm.txt
@@ -1,3 +1,3 @@
-b
-d
 d
+a
+b
diff --git a/two.py b/due.py
similarity index 91%
rename from two.py
rename to due.py
index d58c9d8b64f6efadc05a25dc7409d012821625e8..56cb5e0b0cad9fc95c0f96002c43fc615c89be1e 100644
--- a/two.py
+++ b/due.py
@@ -7,3 +7,4 @@ two 5
 two 6
 two 7
 two 8
+more
diff --git a/indent.py b/indent.py
index b928439c3be5876252ca53da3433b7d9f2306ab9..f923b0ecf94590f107b32400ac67f7b0c8d80348 100644
--- a/indent.py
+++ b/indent.py
@@ -1,5 +1,8 @@
 def a():
     x
 
+def b():
+    x
+
 def c():
     x
diff --git a/sub folder/größe.py b/sub folder/größe.py
index bab081fdb7372d4e471fcbb12b886e1a7cddcae2..4b76f2ff702ae70894fa56f4331e2ce784136ae1 100644
--- a/sub folder/größe.py	
+++ b/sub folder/größe.py	
@@ -1,10 +1,11 @@
 line 1
 line 2
 line 3
-line 4
+changed 4
 line 5
 line 6
-line 7
+changed 7
+added
 line 8
 line 9
 line 10
@@ -27,7 +28,6 @@ line 26
 line 27
 line 28
 line 29
-line 30
 line 31
 line 32
 line 33
diff --git a/one.py b/uno.py
similarity index 91%
rename from one.py
rename to uno.py
index 1b0b725ceed6499b4eb26ac79b4b2bb2fec423e2..80b414e0a5713347b9a21bc53a47dabeb6bf254e 100644
--- a/one.py
+++ b/uno.py
@@ -7,3 +7,4 @@ one 5
 one 6
 one 7
 one 8
+more
""".encode()
"""By hand: three lines of context, the blank of an empty line kept, hunks 20 lines apart not joined, the added function
whole, and what myers makes of algorithm.txt (patience and histogram keep another `d`)."""

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
    (tmp_path / "order").write_text("uno.py\n*.txt\n")
    (tmp_path / "attributes").write_text("*.py diff=py -text\n")
    return Trap(tmp_path)


@pytest.fixture
def changed(repo: GitRepo) -> GitRepo:
    """OLD is committed, NEW is staged. The attributes take effect where a setting gives their driver a meaning."""
    repo.write(".git/info/attributes", "* diff=py\n")
    repo.stage("sub folder/.gitattributes", "* -text\n")
    for name, text in OLD.items():
        repo.stage(name, text)
    repo.commit()
    repo.git("mv", "one.py", "uno.py")
    repo.git("mv", "two.py", "due.py")
    for name, text in NEW.items():
        repo.stage(name, text)
    return repo


def check_the_change(trap: Trap) -> None:
    for change in (
        open_repository().select([], None, staged=True),
        open_repository().select(["HEAD"], None, staged=False),
    ):
        assert change.diff == EXPECTED
        check_the_base(change.source)
    assert not staged_is_empty()
    assert not trap.sprung


def check_the_base(source: Source) -> None:
    """The attributes of `changed` are those of info/attributes, and the text is that of the base."""
    name = os.fsencode(NAME)
    known = open_repository().at_base(source, [(name, name), (b"due.py", b"two.py")])
    assert (known[name].head, known[b"due.py"].head) == (LINES.encode(), OLD["two.py"].encode())
    assert [values.attributes["diff"] for values in known.values()] == ["py", "py"]


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
        assert change.diff == EXPECTED
        assert change.source.base is not None
        check_the_base(Source("range", change.source.base))
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
