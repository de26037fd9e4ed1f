"""A stand-in for the interpreter in a hook, which writes down how it was called."""

import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import pytest


class StandIn(NamedTuple):
    """The program, and what it was called with: its words, its folder and its stdin."""

    path: Path

    @property
    def calls(self) -> list[str]:
        """One line a call, oldest first: the words after `-P -m reviewbot`."""
        return self._read("calls").splitlines()

    @property
    def folders(self) -> list[str]:
        """Where each call was made."""
        return self._read("folders").splitlines()

    @property
    def stdin(self) -> str:
        """All that was read."""
        return self._read("stdin")

    def _read(self, name: str) -> str:
        file = self.path.parent / name
        return file.read_text() if file.exists() else ""


def stand_in(folder: Path, code: int = 0) -> StandIn:
    """Write the program into a folder; it ends with `code`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "python"
    here = shlex.quote(str(folder))
    path.write_text(
        f'#!/bin/sh\nPATH=/usr/bin:/bin\nshift 3\necho "$@" >> {here}/calls\npwd >> {here}/folders\n'
        f"cat >> {here}/stdin\nexit {code}\n"
    )
    path.chmod(0o755)
    return StandIn(path)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """What `reviewbot install` writes into a hook, in place of this Python."""
    made = stand_in(tmp_path / "a venv" / "bin")
    monkeypatch.setattr(sys, "executable", str(made.path))
    return made
