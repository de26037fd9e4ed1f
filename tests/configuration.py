"""Settings read from files that a test writes, and what a person is told of wrong ones."""

from pathlib import Path

import pytest

from reviewbot.config import Settings, load_config
from reviewbot.errors import ConfigError
from reviewbot.layers import user_file


def load(tree: Path | None = None, **kwargs) -> Settings:
    """The settings in that tree; the environment is empty unless given."""
    kwargs = {"flags": {}, "environ": {}} | kwargs
    return load_config(root=None if tree is None else str(tree), **kwargs)


def write_user_file(text: str | bytes) -> str:
    path = Path(user_file())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def message(error: pytest.ExceptionInfo[ConfigError]) -> str:
    """What a person reads."""
    return f"{error.value.message}\n{error.value.hint}"
