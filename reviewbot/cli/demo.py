"""The command demo: a bad commit blocked, and the mended one let through, in a repository that is thrown away."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reviewbot.errors import ExitCode, RepoError

if TYPE_CHECKING:
    from reviewbot.config import Config

# Assembled here, so that this file does not itself look like a leak or a conflict. AWS gives this key in its
# documentation.
_KEY = "AKIA" + "IOSFODNN7" + "EXAMPLE"
_BAD = f"""\
ACCESS_KEY = "{_KEY}"

{"<" * 7} HEAD
RETRIES = 3
{"=" * 7}
RETRIES = 5
{">" * 7} feature
"""
_GOOD = """\
import os

ACCESS_KEY = os.environ["ACCESS_KEY"]
RETRIES = 5
"""
_NEXT = """\
In a repository of yours:

  reviewbot                    review what is staged
  reviewbot diff main..HEAD    review a branch
  reviewbot install            review every commit (git hook)
  reviewbot doctor             what works here, and what is missing
"""
_NO_OLLAMA = """\
The demo model is too small to find bugs: only the deterministic checks counted here. For a real review install
Ollama (https://ollama.com), then: ollama pull codellama:7b-instruct
"""
_NO_MODEL = """\
No model read these lines: only the deterministic checks ran. For a real review install Ollama
(https://ollama.com), then: ollama pull codellama:7b-instruct
"""


def run(options: argparse.Namespace) -> int:
    """Show both commits; 0 when the bad one was blocked and the good one went through, else 3."""
    from reviewbot.config import load_config

    settings = load_config(root=None, flags=options.settings, config_file=options.config, isolated=options.isolated)
    engine = _engine(settings.config)
    with tempfile.TemporaryDirectory(prefix="reviewbot-demo-") as folder:
        worked = _play(_Stage(Path(folder), _environment(folder, settings.config, engine)))
    if not worked:
        print("reviewbot: the demonstration did not go as announced", file=sys.stderr)
        return ExitCode.NOT_REVIEWED
    print(_NEXT)
    if engine != "ollama":
        print(_NO_MODEL if engine is None else _NO_OLLAMA)
    return ExitCode.OK


def _play(stage: "_Stage") -> bool:
    stage.quietly("git", "init", "-q", "-b", "main")
    stage.quietly("git", "commit", "-q", "--allow-empty", "--no-verify", "-m", "start")
    stage.say("A throw-away repository, with the hook installed:")
    stage.show("reviewbot install", sys.executable, "-m", "reviewbot", "install")
    stage.say("A file with a leaked key and a conflict marker:")
    stage.write("settings.py", _BAD)
    stage.show("git add settings.py", "git", "add", "settings.py")
    blocked = stage.show("git commit -m 'Add settings'", "git", "commit", "-m", "Add settings") != 0
    stage.say("Blocked." if blocked else "The bad commit went through, which it should not.")
    stage.say("The same file, mended:")
    stage.write("settings.py", _GOOD)
    stage.show("git add settings.py", "git", "add", "settings.py")
    passed = stage.show("git commit -m 'Add settings'", "git", "commit", "-m", "Add settings") == 0
    stage.say("Committed." if passed else "The mended commit was refused, which it should not be.")
    return blocked and passed


def _engine(config: "Config") -> str | None:
    """What reads the demonstration: ollama, embedded, or nothing."""
    from reviewbot.cli.engine import embedded_engine, ollama_engine
    from reviewbot.errors import EngineError

    if config.engine in ("auto", "ollama"):
        ollama = ollama_engine(config)
        try:
            ollama.describe(None)
            return "ollama"
        except EngineError:
            pass  # whatever is missing, the demonstration goes on without it, and says so at its end
        finally:
            ollama.close()
    embedded = embedded_engine(config) if config.engine in ("auto", "embedded") else None
    if embedded is None:
        return None
    embedded.close()
    return "embedded"


def _environment(folder: str, config: "Config", engine: str | None) -> dict[str, str]:
    """The user's environment without what git and reviewbot would take from it, but with the engine at hand."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "REVIEWBOT_"))}
    kept |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TEMPLATE_DIR": ""}
    for role in ("AUTHOR", "COMMITTER"):
        kept |= {f"GIT_{role}_NAME": "reviewbot demo", f"GIT_{role}_EMAIL": "demo@example.org"}
    # HOME stays: an interpreter may find its packages through it.
    kept |= {"XDG_CONFIG_HOME": folder, "REVIEWBOT_BLOCK_AT": "error", "REVIEWBOT_DEADLINE_S": "45"}
    kept |= {"REVIEWBOT_ENGINE": engine or "ollama", "REVIEWBOT_ENDPOINT": config.endpoint}
    kept |= {"REVIEWBOT_MODEL": config.model, "REVIEWBOT_ALLOW_REMOTE": str(config.allow_remote).lower()}
    return kept | ({"REVIEWBOT_MODEL_FILE": config.model_file} if config.model_file else {})


class _Stage:
    """A folder in which commands run before the user's eyes."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment

    def say(self, text: str) -> None:
        print(f"\n# {text}", flush=True)

    def write(self, name: str, text: str) -> None:
        """Write a file, and show it."""
        (self._folder / name).write_text(text, encoding="utf-8")
        print("".join(f"    {line}\n" for line in text.split("\n")[:-1]), flush=True)

    def quietly(self, *command: str) -> None:
        """Run a command that has to work."""
        done = self._run(*command, capture=True)
        if done.returncode:
            raise RepoError(f"{' '.join(command)} failed: {done.stdout.strip()}", "git --version")

    def show(self, shown: str, *command: str) -> int:
        """Run a command with its output on the screen; its exit code."""
        print(f"$ {shown}", flush=True)
        return self._run(*command, capture=False).returncode

    def _run(self, *command: str, capture: bool) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(
                command,
                cwd=self._folder,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if capture else None,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except FileNotFoundError as error:
            raise RepoError("git cannot be run: it is not installed, or not in PATH", "git --version") from error
