"""Shares of a change: complete, disjoint, the same everywhere; and their reports joined."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import GitRepo
from fake_server import FakeServer, fake
from hypothesis import given
from hypothesis import strategies as st
from test_plan import changes

from reviewbot.cli import main
from reviewbot.diff import FileChange
from reviewbot.shares import take_share

__all__ = ["fake"]


def numbers(changes: tuple[FileChange, ...]) -> list[tuple[str, int | None]]:
    return [(change.path, line.new) for change in changes for line in change.added]


@given(changes(), st.integers(1, 7))
def test_shares_are_complete_and_disjoint(found: tuple[FileChange, ...], count: int) -> None:
    shares = [take_share(found, index, count) for index in range(1, count + 1)]
    taken = [place for mine, _ in shares for place in numbers(mine)]
    assert sorted(taken) == sorted(numbers(found))
    assert len({share.plan for _, share in shares}) == 1
    assert all(len(numbers(mine)) + share.elsewhere == len(taken) for mine, share in shares)
    assert shares == [take_share(found, index, count) for index in range(1, count + 1)]


@pytest.fixture
def topic(repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    """A commit of nine files of different sizes, three defects, a conflict and a lock file."""
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    for number in range(9):
        count = 20 + 30 * number
        rows = [f"value_{number}_{i} = compute(one, two, {i})" for i in range(count)]
        if number % 3 == 0:
            rows[count // 2] = f"value_{number} = BUG(one, {number})"
        repo.stage(f"f{number}.py", "\n".join(rows) + "\n")
    repo.stage("merge.txt", "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n")
    repo.stage("package-lock.json", "{}\n")
    repo.commit()
    return repo


WORDS = ["diff", "HEAD~1..HEAD", "--no-cache", "--num-ctx", "4096", "--chunk-tokens", "900"]


def sharded(folder: Path, count: int) -> list[str]:
    paths = [str(folder / f"{index}.json") for index in range(1, count + 1)]
    for index, path in enumerate(paths, 1):
        main([*WORDS, "--shard", f"{index}/{count}", "--output", f"json={path}"])
    return paths


def report_of(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text())


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_joined_report_is_that_of_one_run(
    count: int, topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = sharded(tmp_path, count)
    capfd.readouterr()
    assert main(["merge", *reversed(paths), "--format", "json"]) == 1
    joined = json.loads(capfd.readouterr().out)
    assert main([*WORDS, "--format", "json"]) == 1
    whole = json.loads(capfd.readouterr().out)
    for key in ("source", "engine", "prompt", "verdict", "findings", "skipped", "failed", "suppressed"):
        assert joined[key] == whole[key], key
    by_path = {file["path"]: file for file in whole["coverage"].pop("files")}
    assert {file["path"]: file for file in joined["coverage"].pop("files")} == by_path
    assert joined["coverage"] == whole["coverage"]
    assert joined["usage"]["requests"] == sum(report_of(path)["usage"]["requests"] for path in paths)


def test_a_share_is_no_whole_review(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = sharded(tmp_path, 4)
    told = capfd.readouterr().err
    outcomes = [report_of(path)["verdict"]["outcome"] for path in paths]
    assert set(outcomes) <= {"part", "blocked"} and "part" in outcomes
    quiet = report_of(paths[outcomes.index("part")])
    index = outcomes.index("part") + 1
    assert quiet["verdict"]["exit_code"] == 0
    assert (
        f"{quiet['share']['elsewhere']} added lines are in other shares: this is {index} of 4"
        in quiet["verdict"]["reasons"]
    )
    assert f"reviewbot: share {index} of 4, which is no whole review" in told
    sizes = [report_of(path)["usage"]["prompt_tokens"] for path in paths]
    assert max(sizes) < 1.5 * min(sizes)


def test_a_share_that_is_missing_is_not_read(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = sharded(tmp_path, 4)
    absent = report_of(paths[2])["coverage"]["added"]
    capfd.readouterr()
    main(["merge", paths[0], paths[1], paths[3], "--format", "json"])
    joined = json.loads(capfd.readouterr().out)
    assert [(entry["path"], entry["lines"]) for entry in joined["failed"]] == [("(share 3 of 4)", absent)]
    whole = sum(report_of(path)["coverage"]["added"] for path in paths)
    assert (joined["coverage"]["added"], joined["coverage"]["failed"]) == (whole, absent)
    assert main(["merge", paths[1], "--block-at", "never"]) == 3


def test_what_does_not_belong_together(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paths = sharded(tmp_path, 2)
    main([*WORDS, "--output", f"json={tmp_path / 'whole.json'}"])
    main([*WORDS, "--prompt", "security", "--shard", "2/2", "--output", f"json={tmp_path / 'prompt.json'}"])
    main([*WORDS, "--shard", "2/3", "--output", f"json={tmp_path / 'third.json'}"])
    (tmp_path / "broken.json").write_text("{")
    for names, reason in (
        ([paths[0], paths[0]], "are both share 1"),
        ([paths[0], str(tmp_path / "whole.json")], "is no report of a share"),
        ([paths[0], str(tmp_path / "prompt.json")], "is about another prompt than"),
        ([paths[0], str(tmp_path / "third.json")], "is about another change than"),
        ([str(tmp_path / "broken.json")], "is no JSON report of reviewbot"),
        ([str(tmp_path / "none.json")], "cannot be read: No such file or directory"),
    ):
        capfd.readouterr()
        assert main(["merge", *names]) == 2
        assert reason in capfd.readouterr().err


def test_the_gate_is_that_of_the_shares(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    topic.stage(".reviewbot.toml", 'block_at = "warning"\n')
    topic.commit()
    topic.stage("name.py", "is_p\u0430id = 1\n")
    topic.commit()
    paths = sharded(tmp_path, 2)
    for words, code in (
        ([], 1),
        (["--block-at", "error"], 0),
        (["--exit-zero"], 0),
    ):
        assert main(["merge", *paths, *words]) == code, words
    assert main([*WORDS, "--shard", "2/2", "--block-at", "error", "--output", f"json={paths[1]}"]) == 0
    capfd.readouterr()
    assert main(["merge", *paths]) == 2
    assert "is about another block_at than" in capfd.readouterr().err


def test_without_a_second_look_on_the_shares_none_is_needed_to_join_them(
    topic: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (topic.path / "merge.txt").unlink()
    topic.git("rm", "-q", "--cached", "merge.txt")
    topic.git("commit", "-q", "--amend", "-m", "no conflict")
    monkeypatch.setenv("REVIEWBOT_CONFIRM", "off")
    paths = sharded(tmp_path, 2)
    monkeypatch.delenv("REVIEWBOT_CONFIRM")
    assert main(["merge", *paths]) == 1


def test_a_failure_that_is_allowed_on_the_shares_is_allowed(topic: GitRepo, tmp_path: Path) -> None:
    (topic.path / "merge.txt").unlink()
    topic.git("rm", "-q", "--cached", "merge.txt")
    topic.git("commit", "-q", "--amend", "-m", "no conflict")
    path = tmp_path / "1.json"
    words = ["--endpoint", "http://127.0.0.1:9", "--on-failure", "allow", "--output", f"json={path}"]
    assert main([*WORDS, "--shard", "1/1", *words]) == 0
    assert main(["merge", str(path)]) == 0
    assert main(["merge", str(path), "--on-failure", "block"]) == 3


def test_shares_that_the_demo_model_read_are_never_clean(
    topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    topic.stage("plain.py", "plain = 1\n")
    topic.commit()
    (path,) = sharded(tmp_path, 1)
    report = report_of(path)
    assert report["share"]["demo"] is False
    report["share"]["demo"] = True
    Path(path).write_text(json.dumps(report))
    capfd.readouterr()
    assert main(["merge", path, "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["verdict"]["outcome"] == "demo"


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "1/2000", "-1/2"])
def test_a_share_that_is_none(text: str, topic: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, f"--shard={text}"]) == 2
    assert "--shard takes K/N" in capfd.readouterr().err


def test_a_job_of_many_machines(
    topic: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    paths = [str(tmp_path / f"{index}.json") for index in (1, 2)]
    for index, path in enumerate(paths, 1):
        assert main(["ci", "--base", "HEAD~1", "--shard", f"{index}/2", "--output", f"json={path}"]) in (0, 1)
    capfd.readouterr()
    assert main(["merge", *paths]) == 1
    joined = capfd.readouterr()
    assert joined.out.count(": error: ") == 4
    assert "reviewbot: blocked by 4 errors" in joined.err and "not read:" not in joined.err
