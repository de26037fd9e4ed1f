"""Secrets of a change in file names and in what a model says: no report, no request and no file of ours has them."""

import json
from pathlib import Path

import pytest
from conftest import GitRepo
from fake_server import Exchange, FakeServer, fake, say
from values import change

from reviewbot.checks import run_checks
from reviewbot.cli import main
from reviewbot.masks import MASK, Mask, Where, mask_names

__all__ = ["fake"]

KEY = "AKIA" + "IOSFODNN7" + "EXAMPLE"


@pytest.fixture(autouse=True)
def server(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
    fake.answers[:] = [blab]
    return fake


def blab(exchange: Exchange) -> None:
    """Findings that repeat the key wherever they can, on the second line of each file that is shown, and on none."""
    if "verdict" in exchange.body["format"]["properties"]:
        return say(json.dumps({"verdict": "confirmed", "quote": KEY}))(exchange)
    paths = [row.removeprefix("File: ") for row in exchange.user.split("\n") if row.startswith("File: ")]
    places = [*((path, 2, "return pay(key)") for path in paths), (f"lost/{KEY}", 9, f"nothing like {KEY}")]
    found = [
        {
            "file": path,
            "line": line,
            "quote": quote,
            "message": f"the key {KEY} of {path} is paid out",
            "category": "bug",
            "severity": "error",
            "suggestion": f"return pay('{KEY}')",
        }
        for path, line, quote in places
    ]
    return say(json.dumps({"findings": found}))(exchange)


def stage(repo: GitRepo, *paths: str) -> None:
    for path in paths:
        repo.stage(path, "def run(key):\n    return pay(key)\n")


def everything_written(home: Path) -> bytes:
    files = [path for path in (home / ".cache").rglob("*") if path.is_file()]
    assert files
    return b"".join(path.read_bytes() for path in files)


@pytest.mark.parametrize("where", ["in a line", "in names alone"])
def test_names_and_answers_are_masked(
    where: str, repo: GitRepo, server: FakeServer, clean_environment: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stage(repo, f"app/{KEY}.py", f"app/x{KEY}.py", f"app/{KEY}/a.py")
    if where == "in a line":
        repo.stage("config.py", f'key = "{KEY}"\n')
    formats = [f"--output={kind}={kind}.out" for kind in ("text", "github", "json")]
    for _ in ("asked", "recalled"):
        assert main(["-v", *formats]) == 1
        captured = capfd.readouterr()
        shown = "".join((repo.path / f"{kind}.out").read_text() for kind in ("text", "github", "json"))
        assert KEY not in captured.out + captured.err + shown
        assert f"app/{MASK}.py:2: error: the key {MASK} of app/{MASK}.py is paid out" in captured.out
        assert f"Try: return pay('{MASK}')" in captured.out
        files = json.loads((repo.path / "json.out").read_text())["coverage"]["files"]
        assert [file["path"] for file in files if file["added"] == 2] == sorted(
            [f"app/{MASK}.py", f"app/x{MASK}.py", f"app/{MASK}/a.py"]
        )
    assert KEY not in json.dumps(server.requests)
    assert KEY.encode() not in everything_written(clean_environment)


def test_the_function_is_read_from_a_file_with_such_a_name(repo: GitRepo, server: FakeServer) -> None:
    repo.stage("app.py", "x = 1\n")
    rows = "".join(f"    a{i} = {i}\n" for i in range(30))
    repo.stage(f"{KEY}.py", f"def run(key):\n    first = 1\n{rows}")
    repo.commit()
    repo.stage(f"{KEY}.py", f"def run(key):\n    return pay(key)\n{rows}")
    assert main([]) == 1
    claim = server.chats[-1]["messages"][-1]["content"]
    assert f"File: {MASK}.py\n" in claim and "a29 = 29" in claim


def test_a_plan_has_masked_names(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    stage(repo, f"{KEY}.py")
    repo.stage(f"{KEY}.lock", "x\n")
    assert main(["plan", "-v"]) == 0
    assert main(["--no-model", "--show-dropped", "-v"]) == 0
    captured = capfd.readouterr()
    assert f"{MASK}.py" in captured.out + captured.err
    assert KEY not in captured.out + captured.err


def test_rules_go_by_the_true_name(repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]) -> None:
    stage(repo, f"{KEY}.py")
    assert main(["--format", "json", "--exclude", f"{KEY}.py"]) == 0
    (skipped,) = json.loads(capfd.readouterr().out)["skipped"]
    assert skipped["path"] == f"{MASK}.py" and f"{MASK}.py" in skipped["reason"]
    assert KEY not in json.dumps(skipped) and server.chats == []


def test_masked_names_stay_apart() -> None:
    mask = Mask([(f"hunter2hunter{i}", Where.ANYWHERE) for i in range(3)])
    names = ["a/hunter2hunter0", "a/hunter2hunter1", f"a/{MASK} (2)", "b", "a/hunter2hunter2"]
    assert list(mask_names(names, mask).values()) == [
        f"a/{MASK}",
        f"a/{MASK} (3)",
        f"a/{MASK} (2)",
        "b",
        f"a/{MASK} (4)",
    ]


def test_a_file_that_there_was_no_time_for_has_its_name_masked() -> None:
    checked = run_checks([change(f"{KEY}.py", "+x = 1")], deadline=0.0)
    assert checked.mask(checked.unchecked[0].path) == f"{MASK}.py"


def test_what_was_said_before_the_secret_was_known_is_masked(
    repo: GitRepo, server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    item = {"file": "a.py", "line": 2, "quote": "return pay(key)", "message": f"as {KEY}", "severity": "error"}
    server.answers[:] = [say(json.dumps({"findings": [item]}))]
    stage(repo, "a.py")
    assert main(["--confirm", "off"]) == 1
    assert KEY in capfd.readouterr().out
    server.answers[:] = [say('{"findings": []}')]
    repo.stage("b.py", f'key = "{KEY}"\n')
    assert main(["--confirm", "off"]) == 1
    assert KEY not in capfd.readouterr().out
    assert len(server.chats) == 2
