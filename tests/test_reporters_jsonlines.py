"""JSON, an object a line: its schema, the same findings as in the JSON report, and lines while a review runs."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from arbitrary import REVIEWS as ANY_REVIEW
from conftest import GitRepo
from fake_server import Exchange, FakeServer, fake, find, say
from hypothesis import given
from samples import REVIEWS, verdict

from reviewbot.cli import main
from reviewbot.reporters import Style, render
from reviewbot.reporters.jsonlines_report import line_schema
from reviewbot.review import Review
from reviewbot.verdict import Policy, decide

__all__ = ["fake"]

SCHEMA_FILE = Path(__file__).parent.parent / "reviewbot" / "reporters" / "line.schema.json"


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def parts(schema: dict) -> dict[str, tuple[list[str], list[str]]]:
    return {name: (list(part["properties"]), part["required"]) for name, part in schema["$defs"].items()}


def test_the_schema_is_the_shipped_one() -> None:
    assert parts(json.loads(SCHEMA_FILE.read_text())) == parts(line_schema())


@pytest.mark.parametrize("name", REVIEWS)
def test_the_lines_are_the_report(name: str) -> None:
    review, decided = REVIEWS[name], verdict(name)
    lines = lines_of(render("json-lines", review, decided, Style()))
    report = json.loads(render("json", review, decided, Style()))
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
    for line in lines:
        schema.validate(line)
    assert [line["type"] for line in (lines[0], lines[-1])] == ["run", "end"]
    assert [line["finding"] for line in lines if line["type"] == "finding"] == report["findings"]
    assert [line["finding"] for line in lines if line["type"] == "suppressed"] == report["suppressed"]
    assert [line["lines"] for line in lines if line["type"] == "skipped"] == report["skipped"]
    assert [line["lines"] for line in lines if line["type"] == "failed"] == report["failed"]
    assert all(lines[0][key] == report[key] for key in ("version", "tool", "source", "engine", "prompt"))
    assert all(lines[-1][key] == report[key] for key in ("verdict", "coverage", "usage"))


@given(ANY_REVIEW)
def test_no_text_breaks_a_line(review: Review) -> None:
    decided = decide(review, Policy())
    text = render("json-lines", review, decided, Style())
    count = len(decided.findings) + len(review.suppressed) + len(review.skipped) + len(review.failed) + 2
    assert len(lines_of(text)) == text.count("\n") == count


@pytest.fixture
def staged(repo: GitRepo, fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> GitRepo:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    for number in range(4):
        repo.stage(f"f{number}.py", "".join(f"value_{i} = compute(one, two, {i})\n" for i in range(40)) + "y = BUG\n")
    return repo


WORDS = ["diff", "--staged", "--format", "json-lines", "--num-ctx", "4096", "--chunk-tokens", "400", "--no-cache"]


def test_progress_comes_while_the_review_runs(staged: GitRepo, fake: FakeServer) -> None:
    answered = 0

    def answer(exchange: Exchange) -> None:
        nonlocal answered
        answered += 1
        if answered == 3:
            exchange.released.wait(60)
        find()(exchange)

    fake.answers = [answer]
    with subprocess.Popen([sys.executable, "-m", "reviewbot", *WORDS], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        seen = [json.loads(run.stdout.readline()) for _ in range(3)]  # the third request has no answer yet
        run.kill()
        rest = run.stdout.read()
    assert [(line["type"], line["done"]) for line in seen] == [("progress", 0), ("progress", 1), ("progress", 2)]
    assert '"type":"end"' not in rest


def test_a_whole_run(staged: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(WORDS) == 1
    lines = lines_of(capfd.readouterr().out)
    kinds = [line["type"] for line in lines]
    assert kinds[0] == "progress" and kinds[-1] == "end"
    assert kinds == sorted(kinds, key=["progress", "run", "finding", "end"].index)
    assert kinds.count("finding") == 4
    assert lines[-1]["verdict"]["outcome"] == "blocked"


@pytest.mark.parametrize("torn", ["no file", "f2.py"])
def test_each_line_of_the_change_is_told_of_once_as_it_is_settled(
    staged: GitRepo, fake: FakeServer, capfd: pytest.CaptureFixture[str], torn: str
) -> None:
    def answer(exchange: Exchange) -> None:
        (say("no json") if torn in str(exchange.body["messages"]) else find())(exchange)

    fake.answers = [answer]
    main(WORDS)
    lines = lines_of(capfd.readouterr().out)
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text()))
    told: dict[str, Counter[str]] = {"reviewed": Counter(), "failed": Counter()}
    for line in lines:
        schema.validate(line)
        for fate in told:
            for part in line[fate] if line["type"] == "progress" else ():
                told[fate][part["path"]] += part["lines"]
    files = lines[-1]["coverage"]["files"]
    assert lines[-1]["coverage"]["added"] == 164
    for fate, counts in told.items():
        assert counts == Counter({file["path"]: file[fate] for file in files})
    assert list(+told["failed"]) == [name for name in [torn] if name == "f2.py"]
    parts = [part for line in lines if line["type"] == "progress" for part in line["failed"]]
    assert sorted(parts, key=lambda part: part["start"]) == [
        line["lines"] for line in lines if line["type"] == "failed"
    ]


def test_a_reader_that_goes_away(staged: GitRepo) -> None:
    command = f"{sys.executable} -m reviewbot {' '.join(WORDS)} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert json.loads(done.stdout)["type"] == "progress"
    assert "Traceback" not in done.stderr


def test_nothing_staged_is_a_whole_report(repo: GitRepo, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--format", "json-lines"]) == 0
    lines = lines_of(capfd.readouterr().out)
    assert [line["type"] for line in lines] == ["run", "end"]
    assert lines[-1]["verdict"]["outcome"] == "nothing"
