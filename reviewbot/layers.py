"""The places that settings come from: files, environment and flags, each read but not yet checked."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from reviewbot.errors import ConfigError
from reviewbot.settings import BY_KEY
from reviewbot.text import visible_line

REPOSITORY_FILES = (".reviewbot.toml", "pyproject.toml")
NOT_SETTINGS = frozenset({"REVIEWBOT_SKIP", "REVIEWBOT_TEST_SERVERS", "REVIEWBOT_TEST_WHEELHOUSE"})
_PREFIX = "REVIEWBOT_"


class Layer(NamedTuple):
    """What one place says, by key. `file` is shown to people; relative paths of the values start at `base`."""

    kind: str
    raw: Mapping[str, Any]
    file: str
    base: str

    @property
    def foreign(self) -> bool:
        """Whether whoever wrote the repository decides what it says."""
        return self.kind == "repository file"

    def place(self, key: str) -> str:
        """Where it sets the key, for people."""
        if self.file:
            return f"{self.kind} {self.file}"
        if key not in BY_KEY:
            return self.kind
        return BY_KEY[key].flag if self.kind == "flags" else BY_KEY[key].variable


def read_layers(
    root: str | None,
    flags: Mapping[str, str | list[str]],
    config_file: str | None,
    isolated: bool,
    environ: Mapping[str, str],
) -> Iterator[Layer]:
    """The places that exist, the weakest first; raises ConfigError for a file that cannot be used."""
    here = current_folder()
    if not isolated:
        yield from _user_layer(config_file)
        if root is not None:
            yield from _repository_layer(root)
    yield Layer("environment", dict(_variables(environ)), "", here)
    yield Layer("flags", flags, "", here)


def user_file() -> str:
    """The path of the user's own configuration file, whether it exists or not."""
    from platformdirs import user_config_dir

    return os.path.join(user_config_dir("reviewbot", appauthor=False), "config.toml")


def hooks_folder() -> str:
    """The folder for git hooks of ours that run in all repositories, beside `user_file`."""
    return os.path.join(os.path.dirname(user_file()), "git-hooks")


OUTCOMES = "outcomes.sqlite"
"""The file in the folder for caches that has what models said."""


def cache_folder() -> str:
    """The platform's folder for caches, our part of it."""
    from platformdirs import user_cache_dir

    return user_cache_dir("reviewbot", appauthor=False)


def current_folder() -> str:
    """The folder that relative paths of flags and variables start at; ConfigError when it is gone."""
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise ConfigError("the current folder no longer exists", "cd to a folder that does") from error


def read_table(name: str, data: bytes, place: str) -> Mapping[str, Any] | None:
    """The settings in a file of the repository, or None if it has no part for reviewbot."""
    if name != "pyproject.toml":
        return _parse(data, place)
    # Most projects configure nothing here; then neither the time for parsing is spent, nor does a file that is
    # broken for other reasons stop a commit.
    if b"reviewbot" not in data:
        return None
    tool = _parse(data, place).get("tool")
    table = tool.get("reviewbot") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{place}: tool.reviewbot has to be a table, [tool.reviewbot]")
    return table


def unknown_key(place: str, name: str, known: Mapping[str, str]) -> ConfigError:
    """The error for a name that is no setting; `known` maps what may be typed to the form it is compared in."""
    from difflib import get_close_matches

    plain = {compared: typed for typed, compared in known.items()}
    near = get_close_matches(name.removeprefix(_PREFIX).lower().replace("-", "_"), plain, 1, 0.5)
    nearest = f"; the nearest is {plain[near[0]]}" if near else ""
    return ConfigError(f"{place}: {show(name)} is no setting{nearest}", f"one of {', '.join(known)}")


def show(value: object) -> str:
    """A value as it may be printed, cut at 80 characters."""
    plain = str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else repr(value)
    text = visible_line(plain)
    return (text if len(text) <= 80 else text[:77] + "...") or "empty"


def _user_layer(config_file: str | None) -> Iterator[Layer]:
    path = user_file() if config_file is None else os.path.abspath(config_file)
    data = _read(path, f"user file {show(path)}")
    if data is not None:
        yield Layer("user file", _parse(data, f"user file {show(path)}"), show(path), os.path.dirname(path))
    elif config_file is not None:
        raise ConfigError(f"--config: {show(config_file)} does not exist")


def _repository_layer(root: str) -> Iterator[Layer]:
    found = []
    for name in REPOSITORY_FILES:
        place = f"repository file {name}"
        data = _read(os.path.join(root, name), place)
        table = None if data is None else read_table(name, data, place)
        if table is not None:
            found.append(Layer("repository file", table, name, root))
    if len(found) > 1:
        raise ConfigError(
            "both .reviewbot.toml and [tool.reviewbot] in pyproject.toml configure this repository",
            "move all settings into one of them",
        )
    yield from found


def _variables(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Keys and texts of the variables that set something; an empty one counts as not set."""
    for name, text in environ.items():
        if not text or not name.startswith(_PREFIX) or name in NOT_SETTINGS:
            continue
        key = name.removeprefix(_PREFIX).lower()
        if key not in BY_KEY or name != BY_KEY[key].variable:
            raise unknown_key("environment", name, {s.variable: s.key for s in BY_KEY.values()})
        yield key, text


def _read(path: str, place: str) -> bytes | None:
    """A file's bytes, or None if there is none."""
    try:
        # Opening a pipe would wait for ever, and a link of a repository may lead to a device without an end.
        if os.path.exists(path) and not os.path.isfile(path):
            raise ConfigError(f"{place} is no regular file")
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{place} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{place} cannot be read: {error}") from error


def _parse(data: bytes, place: str) -> Mapping[str, Any]:
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{place} is not UTF-8 text: see byte {error.start}") from error
    except RecursionError as error:
        raise ConfigError(f"{place} is nested too deeply") from error
    except ValueError as error:
        raise ConfigError(f"{place} is not valid TOML: {visible_line(str(error))}") from error
