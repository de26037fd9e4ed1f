"""Accepted findings: the file, the command, and what it never accepts."""

import json
import subprocess

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.baseline import FILE, Baseline, Entry, add, plain, read_baseline, write_baseline
from reviewbot.cli import main
from reviewbot.errors import ConfigError

__all__ = ["fake"]

AWS = "AKIA" + "IOSFODNN7" + "EXAMPLE"


@pytest.fixture(autouse=True)
def server(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    return fake


def report(capfd: pytest.CaptureFixture[str], *words: str) -> dict:
    main([*words, "--format", "json"])
    return json.loads(capfd.readouterr().out)


NAME = st.text("0123456789abcdef", min_size=16, max_size=16)
WORD = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).map(plain).filter(bool)
PATHS = WORD.map(lambda text: text.replace(" # ", "_")).filter(
    lambda text: not text.startswith("# ") and text[-2:] != " #"
)
ENTRIES = st.lists(st.builds(Entry, PATHS, st.sampled_from(["model/bug", "check/bidi"]), NAME, WORD))


@given(ENTRIES)
def test_what_is_written_can_be_read(entries: list[Entry]) -> None:
    made = add(Baseline(), entries)
    data = write_baseline(made)
    assert read_baseline(data) == made
    assert data.decode().splitlines()[1:] == [
        f"{e.fingerprint} {e.rule} {e.path} # {e.reason}" for e in sorted(made.entries.values())
    ]


@given(ENTRIES, ENTRIES)
def test_duplicates_after_a_merge_are_fine(ours: list[Entry], theirs: list[Entry]) -> None:
    joined = read_baseline(write_baseline(add(Baseline(), ours)) + write_baseline(add(Baseline(), theirs)))
    assert joined.entries == add(add(Baseline(), ours), theirs).entries
    assert len(joined.comments) == 1


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read_baseline(data)
    except ConfigError as error:
        assert error.message.startswith(f"{FILE}:")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0123", f"{FILE}:1 is no entry"),
        ("# ours\n\n0123456789abcdef model/bug a.py\n", f"{FILE}:3 is no entry"),
        ("<<<<<<" + "< HEAD\n", f"{FILE}:1 is a marker of a merge conflict"),
        ("x" * 5_000_000, "has more than"),
    ],
)
def test_a_file_that_cannot_be_read_is_wrong_configuration(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    repo.write(FILE, text)
    repo.stage("a.py", "x = 1\n")
    assert main([]) == 2
    assert message in capfd.readouterr().err


def test_two_branches_that_add_entries_merge(repo: GitRepo) -> None:
    lines = [f"{i:016x} model/bug src/{name}.py # why" for i, name in enumerate("abcdefgh")]
    repo.stage(FILE, "\n".join(lines) + "\n")
    repo.commit()
    repo.git("checkout", "-qb", "other")
    repo.stage(FILE, "\n".join(sorted([*lines, f"{99:016x} model/bug src/a2.py # why"], key=lambda r: r[17:])) + "\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.stage(FILE, "\n".join([*lines, f"{98:016x} model/bug src/i.py # why"]) + "\n")
    repo.commit()
    repo.git("merge", "-q", "other")
    assert len(read_baseline((repo.path / FILE).read_bytes()).entries) == 10


def test_a_finding_is_accepted_by_its_fingerprint(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "def f():\n    return BUG(1)\n")
    assert main(["-v"]) == 1
    name = capfd.readouterr().out.split("fingerprint ")[1].split()[0]
    assert main(["baseline", "add", name, "--reason", "known since the first version"]) == 0
    assert capfd.readouterr().out == f"{FILE}: 1 added, 0 there before\n"
    rows = (repo.path / FILE).read_text().splitlines()
    assert rows[1:] == [f"{name} model/bug a.py # known since the first version"]
    found = report(capfd)
    assert (found["findings"], found["verdict"]["outcome"]) == ([], "clean")
    assert found["suppressed"][0]["by"] == "baseline"
    assert found["suppressed"][0]["note"].endswith(f"accepted in {FILE}: known since the first version")
    repo.stage("a.py", "import os\n\n\ndef f():\n        return BUG(1)\n")  # moved and indented
    assert report(capfd)["findings"] == []
    repo.stage("a.py", "def f():\n    return BUG(2)\n")
    assert len(report(capfd)["findings"]) == 1


def test_a_path_that_looks_like_the_beginning_of_a_reason(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a # b.py", "BUG()\n")
    main(["-v"])
    name = capfd.readouterr().out.split("fingerprint ")[1].split()[0]
    assert main(["baseline", "add", name, "--reason", "known"]) == 0
    assert (repo.path / FILE).read_text().splitlines()[1:] == [f"{name} model/bug a \\x23 b.py # known"]


def test_it_costs_no_second_look(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "BUG()\n")
    assert main(["baseline", "write", "--staged", "--reason", "old"]) == 0
    server.requests.clear()
    assert main(["--no-cache"]) == 0
    assert len(server.chats) == 1
    assert f"1 finding accepted in {FILE}; --show-dropped" in capfd.readouterr().err


def test_a_whole_range_is_accepted_shown_or_not(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "".join(f"BUG({i})\nx = {i}\n" for i in range(7)) + "y\u200b = 1\n")
    repo.commit()
    assert report(capfd, "diff", "HEAD~1..HEAD")["verdict"]["outcome"] == "blocked"
    assert main(["baseline", "write", "HEAD~1..HEAD", "--reason", "before we began"]) == 0
    assert "8 added, 0 there before" in capfd.readouterr().out
    assert main(["baseline", "write", "HEAD~1..HEAD", "--reason", "again"]) == 0
    assert "0 added, 8 there before" in capfd.readouterr().out
    found = report(capfd, "diff", "HEAD~1..HEAD")
    assert (found["findings"], found["verdict"]["exit_code"], len(found["suppressed"])) == ([], 0, 8)


def test_entries_that_the_change_brings_in_are_listed(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "BUG()\n")
    assert main(["baseline", "write", "--staged", "--reason", "old"]) == 0
    capfd.readouterr()
    repo.git("add", FILE)
    found = report(capfd)
    assert found["suppressed"][0]["note"].endswith(f"accepted in {FILE}, added by this change: old")
    assert [finding["rule"] for finding in found["findings"]] == ["check/config-change"]
    main([])
    assert "1 finding accepted in .reviewbot-baseline, 1 of them added by this change" in capfd.readouterr().err
    repo.commit()
    repo.stage("a.py", "import os\n\nBUG()\n")
    assert ", added by this change" not in json.dumps(report(capfd))


def test_secrets_are_never_accepted(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", f'key = "{AWS}"\n')
    assert main(["-v"]) == 1
    name = capfd.readouterr().out.split("fingerprint ")[1].split()[0]
    assert main(["baseline", "add", name, "--reason", "known"]) == 2
    assert "is a secret in a.py, which no baseline accepts" in capfd.readouterr().err
    assert main(["baseline", "write", "--staged", "--reason", "known"]) == 0
    assert "not accepted: 1 secret\n" in capfd.readouterr().out
    repo.write(FILE, f"{name} check/secret a.py # known\n")
    assert main([]) == 1
    repo.stage("a.py", f'key = "{AWS[:-1]}X"\n')
    main(["-v"])
    assert f"fingerprint {name}" in capfd.readouterr().out  # it is not made of the value


def test_prune_forgets_what_is_gone(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "BUG(1)\nx = 1\ny = 2\nBUG(2)\n")
    repo.stage("b.py", "BUG(3)\n")
    assert main(["baseline", "write", "--staged", "--reason", "old"]) == 0
    assert main(["baseline", "prune"]) == 0
    assert "removed 0 of 3 entries" in capfd.readouterr().out
    repo.write("a.py", "import os\nBUG(1)\nx = 1\ny = 2\n")
    repo.git("rm", "-qf", "b.py")
    before = (repo.path / FILE).read_text()
    repo.write(FILE, before + "# a word of ours\n")
    assert main(["baseline", "prune"]) == 0
    assert "removed 3 of 3 entries" in capfd.readouterr().out  # the line above is a neighbour of BUG(1)
    assert (repo.path / FILE).read_text().splitlines()[1:] == ["# a word of ours"]


def test_prune_keeps_what_stands_elsewhere(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "a = 1\nBUG(1)\nx = 1\n")
    assert main(["baseline", "write", "--staged", "--reason", "old"]) == 0
    repo.write("a.py", "import os\n\n\nif os:\n    a = 1\n\n    BUG(1)\n    x = 1\n")
    assert main(["baseline", "prune"]) == 0
    assert "removed 0 of 1 entries" in capfd.readouterr().out


def test_prune_keeps_what_a_hunk_shows_without_neighbours(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "a = 1\n\n\n\n\n\n\n\n\nz = 1\n")
    repo.commit()
    repo.stage("a.py", "a = 1\n\n\n\n\nBUG(1)\n\n\n\n\nz = 1\n")
    assert main(["baseline", "write", "--staged", "--reason", "old"]) == 0
    assert main(["baseline", "prune"]) == 0
    assert "removed 0 of 1 entries" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["a\tb.py", "a\u202eb.py", b"\xff.py", "a # b.py", "a\x1bb.py"])
def test_prune_keeps_entries_of_names_that_are_shown_otherwise(
    repo: GitRepo, capfd: pytest.CaptureFixture[str], name: str | bytes
) -> None:
    repo.stage(name, "BUG(1)\n")
    assert main(["baseline", "write", "--staged", "--reason", "old"]) == 0
    assert main(["baseline", "prune"]) == 0
    assert "removed 0 of " in capfd.readouterr().out


def test_a_range_that_cannot_be_read_whole_says_so(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    from fake_server import say

    server.answers = [say("nonsense")]
    repo.stage("a.py", "y\u200b = 1\n")
    assert main(["baseline", "write", "--staged", "--reason", "old"]) == 3
    captured = capfd.readouterr()
    assert "NOTHING WAS REVIEWED" in captured.err and "1 added" in captured.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "0123456789abcdef", "--reason", "x"], "the last review here had no finding 0123456789abcdef"),
        (["add", "0123456789abcdef"], "try: reviewbot baseline add 0123456789abcdef --reason 'why'"),
        (["write"], "needs a reason"),
        (["write", "nowhere", "--reason", "x"], "nowhere"),
        (["add"], "baseline cannot do 'add'"),
        (["forget"], "baseline cannot do 'forget'"),
    ],
)
def test_wrong_use(repo: GitRepo, capfd: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["baseline", *words]) == 2
    assert message in capfd.readouterr().err
    assert not (repo.path / FILE).exists()


def test_list(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.write(FILE, f"{1:016x} model/bug b.py # second\n{2:016x} model/bug a.py # first\n")
    assert main(["baseline"]) == 0
    assert capfd.readouterr().out.splitlines()[1:] == [
        f"{2:016x} model/bug a.py # first",
        f"{1:016x} model/bug b.py # second",
    ]


def test_in_a_bare_repository_there_is_none(tmp_path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "b"], check=True)
    monkeypatch.chdir(tmp_path / "b")
    assert main(["baseline"]) == 2
    assert "is bare" in capfd.readouterr().err
