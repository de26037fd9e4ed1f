"""The files for CI hosts that are ready to copy, and the whole way on a machine without a network."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from conftest import GitRepo
from jsonschema import validators
from namespaces import ALONE, namespaces
from ruamel.yaml import YAML
from servers import FOLDER, TEMPLATE, TINY, need, serve, tiny_gguf
from wheels import wheelhouse

from reviewbot.cli.arguments import parse_arguments

__all__ = ["namespaces"]

ROOT = Path(__file__).parent.parent
FOLDER_OF_FILES = ROOT / "docs" / "ci"
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "schema"), [("github.yml", "vendor.github-workflows"), ("gitlab.yml", "vendor.gitlab-ci")]
)
def test_a_file_is_what_its_host_reads(name: str, schema: str) -> None:
    rules = get_builtin_schema(schema)
    document = YAML(typ="safe").load((FOLDER_OF_FILES / name).read_text(encoding="utf-8"))
    validator = validators.validator_for(rules)(rules)
    assert list(validator.iter_errors(document)) == []
    assert list(validator.iter_errors({**document, "review": {"script": 3}, "jobs": 3})) != []


def calls() -> Iterator[str]:
    for path in (*FOLDER_OF_FILES.iterdir(), ROOT / "docs" / "ci.md", ROOT / "README.md"):
        yield from re.findall(r"(?:run: |- |sh '|^|bin/)(reviewbot ci[^`#'\n|]*)", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("call", sorted(set(calls())))
def test_the_program_takes_what_they_type(call: str) -> None:
    assert parse_arguments(shlex.split(call)[1:]).command == "ci"


def test_all_files_are_named_and_call_it() -> None:
    assert {path.name for path in FOLDER_OF_FILES.iterdir()} == set(re.findall(r"\(ci/([\w.]+)\)", PAGE))
    assert all("reviewbot ci --output" in path.read_text() for path in FOLDER_OF_FILES.iterdir())


def test_a_workflow_gives_nothing_away() -> None:
    workflow = YAML(typ="safe").load((FOLDER_OF_FILES / "github.yml").read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read", "security-events": "write"}
    assert "pull_request_target" not in workflow["on"]
    (checkout,) = [step for step in workflow["jobs"]["review"]["steps"] if "checkout" in step.get("uses", "")]
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}


@pytest.mark.network_namespace
@pytest.mark.real_server
def test_the_whole_way_without_a_network(
    namespaces: None, repo: GitRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = wheelhouse()
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-index", "--no-deps", "--find-links", wheels]
        + ["--wheel-dir", tmp_path / "own", ROOT],
        check=True,
        env={**os.environ, "PIP_FIND_LINKS": str(wheels)},
    )
    with serve("0.24.0", tmp_path) as server:
        server.create(TINY, tiny_gguf(tmp_path), template=TEMPLATE)
    models = tmp_path / "carried" / "models"
    models.parent.mkdir()
    (tmp_path / "models").rename(models)
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheels} {tmp_path / 'own'}")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    python = tmp_path / "review" / "bin"
    subprocess.run([*ALONE, sys.executable, "-m", "venv", tmp_path / "review"], check=True)
    subprocess.run([*ALONE, python / "pip", "install", "-q", "--no-index", "reviewbot"], check=True)
    repo.stage("a.py", "".join(f"value_{i} = {i}\n" for i in range(20)))
    repo.git("checkout", "-q", "-b", "topic")
    repo.commit()
    program = need(FOLDER / "ollama-0.24.0" / "bin" / "ollama")
    environ = {"PATH": f"{python}{os.pathsep}{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [*ALONE, "reviewbot", "ci", "--serve", "--base", "main", "--model", TINY, "--format", "json"],
        cwd=repo.path,
        capture_output=True,
        text=True,
        env={**os.environ, **environ, "OLLAMA_MODELS": str(models)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["coverage"]["reviewed"] == report["coverage"]["added"] == 20
    configure_system_hook(repo)
    repo.stage("b.txt", "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n")
    done = subprocess.run(
        [*ALONE, sys.executable, "-m", "pre_commit", "run"],
        cwd=repo.path,
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=300,
    )
    assert done.returncode == 1 and "[check/conflict-marker]" in done.stdout, done.stdout + done.stderr


def configure_system_hook(repo: GitRepo) -> None:
    """The configuration that the page shows."""
    (shown,) = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
    repo.stage(".pre-commit-config.yaml", shown)
