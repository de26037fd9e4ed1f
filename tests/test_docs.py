"""What the documents say is what the program does."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from docs import card_table, need_table, settings_table
from reviewbot import __version__, ignores
from reviewbot.cli.arguments import COMMANDS, FORMATS
from reviewbot.errors import ExitCode
from reviewbot.hookscripts import STAGES, hook_script
from reviewbot.reporters import REPORTERS

ROOT = Path(__file__).parent.parent
CHECKS = ROOT / "reviewbot" / "checks"
README = (ROOT / "README.md").read_text()


def help_of(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", "reviewbot", *words, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    return " ".join(done.stdout.split())


def test_the_readme_has_the_settings_of_the_program() -> None:
    shown = README.split("<!-- settings -->\n")[1].split("\n<!-- end of settings -->")[0]
    assert shown == settings_table()


@pytest.mark.parametrize(("name", "table"), [("cards", card_table()), ("needs", need_table())])
def test_the_readme_has_the_figures_of_the_program(name: str, table: str) -> None:
    assert README.split(f"<!-- {name} -->\n")[1].split(f"\n<!-- end of {name} -->")[0] == table


def test_the_readme_has_every_check() -> None:
    rows = README.split("<!-- checks -->\n")[1].split("<!-- end of checks -->")[0].splitlines()[2:]
    modules = [import_module(f"reviewbot.checks.{path.stem}") for path in CHECKS.glob("[a-z]*.py")]
    assert sorted(row.split("`")[1] for row in rows) == sorted(module.RULE for module in (ignores, *modules))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help(command: str) -> None:
    assert f"`reviewbot {command}" in README or f"`{command}`" in README
    assert command in help_of()
    assert help_of(command).startswith(f"usage: reviewbot {command} ")


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"`reviewbot ([a-z]+)", README))
    assert named == set(COMMANDS)


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_in_the_readme(code: ExitCode) -> None:
    assert f"\n| {int(code)} | " in README
    assert f"{int(code)} " in help_of().split("exit codes:")[1]


def test_formats_agree() -> None:
    assert set(FORMATS) == set(REPORTERS)
    assert f"--format {'|'.join(FORMATS)}" in README
    assert f"--format {{{','.join(FORMATS)}}}" in help_of("diff")
    rows = README.split("<!-- formats -->\n")[1].split("<!-- end of formats -->")[0].splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(FORMATS)


def test_versions_agree() -> None:
    assert f"rev: v{__version__}" in README
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_the_hooks_in_the_repository_are_the_template(stage: str) -> None:
    path = ROOT / "hooks" / stage
    assert path.read_text() == hook_script(stage)
    assert len(path.read_text().split("\n")) < 20
    assert path.stat().st_mode & 0o111


@pytest.mark.parametrize("name", ["try", "test"])
def test_the_readme_has_the_commands_that_ci_runs(name: str) -> None:
    (block,) = re.findall(rf"<!-- command: {name} -->\n```sh\n(.+)\n```", README)
    assert block.startswith("python3 -m venv .venv && ")
