"""Requests in a file, and the review by its results: the same as a live run with the same answers."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import GitRepo
from fake_vllm import MODEL, FakeVllm, tokens
from servers import tiny_gguf

from reviewbot.cli import main
from reviewbot.vocabulary import vocabulary_of_file


@pytest.fixture
def topic(repo: GitRepo, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    monkeypatch.setenv("REVIEWBOT_MODEL", MODEL)
    for number in range(5):
        rows = [f"value_{number}_{i} = compute(one, two, {i})" for i in range(80)]
        if number % 2 == 0:
            rows[40] = f"value_{number} = BUG(one, {number})"
        repo.stage(f"f{number}.py", "\n".join(rows) + "\n")
    repo.stage("package-lock.json", "{}\n")
    repo.commit()
    return repo


WORDS = ["--num-ctx", "4096", "--chunk-tokens", "900"]


def exported(folder: Path, capfd: pytest.CaptureFixture[str], *words: str) -> Path:
    assert main(["batch", "export", "HEAD~1..HEAD", *WORDS, *words]) == 0
    path = folder / "requests.jsonl"
    path.write_text(capfd.readouterr().out)
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run_batch(requests: Path, results: Path) -> None:
    """What `vllm run-batch` makes of a file."""
    fake = FakeVllm()
    rows = []
    for row in rows_of(requests):
        _, events = fake.find(row["body"])
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in events if event["choices"])
        usage = {"prompt_tokens": tokens(row["body"]["messages"]), "completion_tokens": 10}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = {"id": "chat", "model": MODEL, "choices": [choice], "usage": usage}
        response = {"status_code": 200, "request_id": "x", "body": body}
        rows.append({"id": "vllm-1", "custom_id": row["custom_id"], "response": response, "error": None})
    fake.server.server_close()
    write(results, rows)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def imported(capfd: pytest.CaptureFixture[str], *words: str | Path) -> dict[str, Any]:
    capfd.readouterr()
    main(["batch", "import", *map(str, words), *WORDS, "--format", "json"])
    return json.loads(capfd.readouterr().out)


def test_the_rows_are_what_a_batch_takes(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(exported(tmp_path, capfd))
    assert len({row["custom_id"] for row in rows}) == len(rows) > 4
    for row in rows:
        assert (row["method"], row["url"]) == ("POST", "/v1/chat/completions")
        assert set(row) == {"custom_id", "method", "url", "body"}
        assert row["body"]["model"] == MODEL and "stream" not in row["body"]
        assert row["body"]["response_format"]["json_schema"]["name"] == "answer"
    shown = "".join(row["body"]["messages"][1]["content"] for row in rows)
    assert all(f"value_{n}_{i} = compute" in shown for n in (1, 3) for i in range(80))


def test_two_rounds_are_a_live_run(
    topic: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    requests = exported(tmp_path, capfd)
    first, more, second = (tmp_path / name for name in ("first.jsonl", "more.jsonl", "second.jsonl"))
    run_batch(requests, first)
    report = imported(capfd, requests, first, "--next", more)
    assert report["verdict"]["outcome"] == "incomplete"  # nobody took a second look at the defects
    assert report["coverage"]["failed"] == 0
    assert {finding["severity"] for finding in report["findings"]} == {"warning"}
    assert len(rows_of(more)) == 3
    run_batch(more, second)
    report = imported(capfd, requests, first, second)
    with FakeVllm(4096) as vllm:
        monkeypatch.setenv("REVIEWBOT_ENDPOINT", vllm.url)
        main(["diff", "HEAD~1..HEAD", "--engine", "openai", *WORDS, "--format", "json"])
        live = json.loads(capfd.readouterr().out)
    for key in ("source", "prompt", "verdict", "coverage", "findings", "skipped", "failed", "suppressed"):
        assert report[key] == live[key], key
    assert report["verdict"]["outcome"] == "blocked"
    assert report["usage"]["requests"] == len(rows_of(requests)) + len(rows_of(more))


def test_with_a_vocabulary_a_cut_shows(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    gguf = tiny_gguf(tmp_path)
    counted = vocabulary_of_file(gguf, None)
    assert counted is not None
    words = ["--vocab", str(gguf), "--confirm", "off"]
    requests, results = exported(tmp_path, capfd, *words), tmp_path / "results.jsonl"
    run_batch(requests, results)
    rows = rows_of(results)
    for request, row in zip(rows_of(requests), rows, strict=True):
        whole = sum(counted.count(message["content"]) for message in request["body"]["messages"])
        row["response"]["body"]["usage"]["prompt_tokens"] = whole + 30
    write(results, rows)
    assert imported(capfd, requests, results, *words)["coverage"]["failed"] == 0
    rows[0]["response"]["body"]["usage"]["prompt_tokens"] = 600
    write(results, rows)
    report = imported(capfd, requests, results, *words)
    assert report["coverage"]["failed"] > 0


def damage(rows: list[dict[str, Any]]) -> None:
    """One is gone, one doubled, one failed, one cut off, and one is somebody else's."""
    gone, twice, failed, cut, *_ = rows
    rows.remove(gone)
    rows.append(twice)
    error = {"code": "server_error", "message": "out of memory"}
    rows[rows.index(failed)] = {**failed, "response": None, "error": error}
    cut["response"]["body"]["choices"][0]["finish_reason"] = "length"
    rows.append({**cut, "custom_id": "somebody.else"})


def test_rows_that_are_none_are_lines_that_were_not_read(
    topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    requests = exported(tmp_path, capfd, "--confirm", "off")
    results, more = tmp_path / "results.jsonl", tmp_path / "more.jsonl"
    run_batch(requests, results)
    rows = rows_of(results)
    damage(rows)
    write(results, rows)
    report = imported(capfd, requests, results, "--next", more, "--confirm", "off")
    coverage = report["coverage"]
    assert coverage["added"] == coverage["reviewed"] + coverage["skipped"] + coverage["failed"]
    assert coverage["failed"] > 0 and report["verdict"]["outcome"] in ("blocked", "incomplete")
    reasons = {entry["reason"] for entry in report["failed"]}
    assert {"there is no answer in the results", "there are two answers in the results"} <= reasons
    used = [r for r in rows if r["response"] and not r["custom_id"].startswith("somebody")]
    counts = Counter(r["custom_id"] for r in used)
    assert report["usage"]["completion_tokens"] == sum(
        r["response"]["body"]["usage"]["completion_tokens"] for r in used if counts[r["custom_id"]] == 1
    )
    asked = sum(entry["lines"] for entry in report["failed"])
    assert asked == coverage["failed"]
    for _ in range(8):
        round_ = tmp_path / f"{_}.jsonl"
        rest = rows_of(more)
        if not rest:
            break
        run_batch(more, round_)
        results.write_text(results.read_text() + round_.read_text())
        report = imported(capfd, requests, results, "--next", more, "--confirm", "off")
    left = {entry["reason"] for entry in report["failed"]}
    assert left <= {"there are two answers in the results"}


def test_rows_that_cannot_be_used_say_why(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    requests, results = exported(tmp_path, capfd, "--confirm", "off"), tmp_path / "results.jsonl"
    run_batch(requests, results)
    rows = rows_of(results)
    error = {"code": "server_error", "message": "out of memory"}
    rows[:2] = [{**row, "response": None, "error": error} for row in rows[:2]]
    write(results, [*rows, {**rows[2], "custom_id": "somebody.else"}])
    assert (
        main(["batch", "import", str(requests), str(results), *WORDS, "--confirm", "off", "--block-at", "never"]) == 3
    )
    told = capfd.readouterr().err
    assert "note: 2 rows of the results cannot be used, as the batch failed here: out of memory\n" in told
    assert "note: 1 row of the results answered no request of this review\n" in told


@pytest.mark.parametrize(
    "words", [["--prompt", "security"], ["--seed", "3"], ["--model", "other"], ["--num-ctx", "2048"]]
)
def test_other_settings_are_refused(
    words: list[str], topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    requests = exported(tmp_path, capfd)
    run_batch(requests, tmp_path / "results.jsonl")
    assert main(["batch", "import", str(requests), str(tmp_path / "results.jsonl"), *WORDS, *words]) == 2
    assert "was made with another prompt, model or setting" in capfd.readouterr().err


def test_what_is_no_batch(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    requests = exported(tmp_path, capfd)
    empty, broken = tmp_path / "empty.jsonl", tmp_path / "broken.jsonl"
    empty.write_text("")
    broken.write_text('{"custom_id": "a"}\n[1]\n')
    for words, reason in (
        ([], "batch takes `export RANGE`"),
        (["export"], "batch takes `export RANGE`"),
        (["import", str(requests)], "batch takes `export RANGE`"),
        (["import", str(empty), str(requests), *WORDS], "has no requests of one change"),
        (["import", str(requests), str(broken), *WORDS], "line 2 is no row with a custom_id"),
        (["import", str(requests), str(tmp_path / "none"), *WORDS], "cannot be read: No such file or directory"),
        (["export", "HEAD~1..HEAD", *WORDS, "--output", "x.json"], "to stdout, and no report"),
        (["export", "HEAD~1..HEAD", *WORDS, "--next", "x.jsonl"], "to stdout, and no report"),
        (["export", "HEAD~1..HEAD"], "the window of the model has to be told"),
        (["export", "HEAD", *WORDS], "a batch is about the change between two commits"),
    ):
        assert main(["batch", *words]) == 2, words
        assert reason in capfd.readouterr().err


def test_secrets_are_masked(topic: GitRepo, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "AKIA" + "Q7X2M4K9P1R5T8W3"
    topic.stage("key.py", f"key = '{secret}'\nother = 1\n")
    topic.commit()
    text = exported(tmp_path, capfd).read_text()
    assert secret not in text and "[secret]" in text


def test_one_is_no_plural(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    repo.stage("a.py", "x = 1\n")
    repo.commit()
    assert main(["batch", "export", "HEAD~1..HEAD", *WORDS]) == 0
    assert capfd.readouterr().err == "reviewbot: 1 request for 1 added line (0 skipped)\n"
