"""Defaults < user file < repository file < environment < flags, as one frozen value; who may set what."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from reviewbot.errors import ConfigError
from reviewbot.layers import (
    REPOSITORY_FILES,
    Layer,
    current_folder,
    read_layers,
    read_table,
    show,
    unknown_key,
    user_file,
)
from reviewbot.setting import BOUNDED, NEVER, STRICTER, Setting, strictness
from reviewbot.settings import BY_KEY, SETTINGS
from reviewbot.values import Refused

ReadBase = Callable[[bytes], bytes | None]

_LOWEST_S, _HIGHEST_S = 15, 600
"""A repository may set the deadline only between these, inclusive: time for an answer, but no endless commit."""

_INTERNAL_PROMPTS = frozenset({"confirm"})
_PATHS = frozenset({"prompt", "guidelines", "model_file", "cache_dir", "ca_file"})


class Config(NamedTuple):
    """Every effective setting, in the order of SETTINGS, which has the defaults and the accepted values.

    `endpoint` is a whole URL with its port. `model_file`, `ca_file`, `cache_dir` and `guidelines` are absolute paths or
    None; `headers` are texts NAME=VARIABLE; `prompt` is a built-in name or an absolute path. `num_ctx` and
    `chunk_tokens` are in tokens, None where the program chooses and for all that the window has room for. `deadline_s`
    counts from the start of the process; None is no deadline. `exclude` and `include` are globs over whole paths;
    `max_file_kib` None is no limit.
    """

    engine: str
    endpoint: str
    allow_remote: bool
    api_key_env: str | None
    headers: tuple[str, ...]
    ca_file: str | None
    model_file: str | None
    cache_dir: str | None
    cache_mib: int
    model: str
    prompt: str
    guidelines: str | None
    language: str
    temperature: float
    seed: int
    num_ctx: int | None
    chunk_tokens: int | None
    context_share: float
    block_at: str
    confirm: str
    max_confirmations: int
    on_failure: str
    deadline_s: float | None
    max_requests: int | None
    max_minutes: float | None
    keep_alive: str
    background: str
    debounce_s: float
    parallel: int
    exclude: tuple[str, ...]
    include: tuple[str, ...]
    max_file_kib: int | None
    max_findings: int

    @property
    def votes(self) -> int:
        """How often the model is asked again about a finding that would block: 0 for off, 1 for once."""
        words = {"off": 0, "once": 1}
        return words[self.confirm] if self.confirm in words else int(self.confirm.removeprefix("votes:"))


class Settings(NamedTuple):
    """The configuration; for each key the place that it came from; and what was not applied, as sentences."""

    config: Config
    origins: Mapping[str, str]
    notes: tuple[str, ...] = ()


def load_config(
    *,
    root: str | None,
    flags: Mapping[str, str | list[str]],
    git_dir: str | None = None,
    in_hook: bool = False,
    config_file: str | None = None,
    isolated: bool = False,
    read_base: ReadBase | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The effective settings of one run; raises ConfigError, and PrivacyError for a model in the cloud.

    `root` is the work tree, and `git_dir` git's own folder, None outside a repository. `flags` maps keys to what was
    typed. `config_file` replaces the user's file; `isolated` reads no file at all. `read_base` gives a file of the
    repository as it was before the change; without it the repository's `exclude` counts as it stands.
    """
    environ = os.environ if environ is None else environ
    if config_file is not None and isolated:
        raise ConfigError("--config names a file and --isolated reads none", "leave out one of the two")
    merger = _Merger(root or current_folder(), in_hook, read_base)
    for layer in read_layers(root, flags, config_file, isolated, environ):
        merger.add(layer)
    merger.add_ollama_host(environ.get("OLLAMA_HOST", ""))
    for folder in filter(None, (root, git_dir)):
        merger.refuse_cache_in(folder)
    return Settings(Config(**merger.values), merger.origins, tuple(merger.notes))


def show_value(key: str, value: object) -> str:
    """A value of Config as one would write it in a TOML file."""
    import json

    if value is None:
        value = BY_KEY[key].none_word
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


class _Merger:
    """Lays one layer over the other; `values`, `origins` and `notes` are the result so far."""

    def __init__(self, root: str, in_hook: bool, read_base: ReadBase | None) -> None:
        self._root = root
        self._read_base = read_base
        self.values: dict[str, Any] = {s.key: s.default_for(in_hook=in_hook) for s in SETTINGS}
        self.origins = {s.key: "default" if self.values[s.key] == s.default else "default in a hook" for s in SETTINGS}
        self.notes: list[str] = []

    def add(self, layer: Layer) -> None:
        for key, raw in layer.raw.items():
            if key not in BY_KEY:
                raise unknown_key(layer.place(key), key, {name: name for name in BY_KEY})
            setting = BY_KEY[key]
            if layer.foreign and setting.repository == NEVER:
                raise _not_yours(layer, setting)
            value = self._accept(layer, setting, raw)
            if not layer.foreign or self._trusts(layer, setting, value):
                self.values[key], self.origins[key] = value, layer.place(key)
            elif key == "exclude":
                self._add_known_patterns(layer, setting, value)

    def add_ollama_host(self, text: str) -> None:
        """The address that Ollama's own programs would use, where nothing else names one."""
        if self.origins["endpoint"] == "default" and text.strip("\"' \t"):
            setting = BY_KEY["endpoint"]
            try:
                self.values["endpoint"], self.origins["endpoint"] = setting.check(text), "OLLAMA_HOST"
            except Refused as error:
                raise _refusal("OLLAMA_HOST", setting, text, error) from None

    def refuse_cache_in(self, place: str) -> None:
        """Raise ConfigError where what models said would be kept in the repository, and might be committed."""
        folder = self.values["cache_dir"]
        if folder is not None and (os.path.realpath(folder) + os.sep).startswith(os.path.realpath(place) + os.sep):
            error = Refused("it lies in the repository, where it might be committed")
            raise _refusal(self.origins["cache_dir"], BY_KEY["cache_dir"], folder, error)

    def _accept(self, layer: Layer, setting: Setting, raw: Any) -> Any:
        """The value in its final form, with paths resolved."""
        try:
            value = setting.parse(raw) if layer.file else setting.parse_text(raw)
            if layer.foreign and setting.repository == BOUNDED:
                if not isinstance(value, float) or not _LOWEST_S <= value <= _HIGHEST_S:
                    raise Refused(f"a repository may set it only between {_LOWEST_S} and {_HIGHEST_S}")
            if value is not None and setting.key in _PATHS:
                return _resolve(layer, setting, str(value), self._root)
            return value
        except Refused as error:
            raise _refusal(layer.place(setting.key), setting, raw, error) from None

    def _trusts(self, layer: Layer, setting: Setting, value: Any) -> bool:
        """Whether a repository's value counts as it stands; if not, a note says why."""
        key, place = setting.key, layer.place(setting.key)
        if setting.repository == STRICTER and strictness(key, value) < strictness(key, self.values[key]):
            self.notes.append(
                f"{place}: {key} = {setting.word(value)} is not applied: a repository may only be stricter than "
                f"{setting.word(self.values[key])} ({self.origins[key]})"
            )
            return False
        return key != "exclude" or self._read_base is None

    def _add_known_patterns(self, layer: Layer, setting: Setting, patterns: tuple[str, ...]) -> None:
        """Apply those of the repository's `exclude` patterns that were there before the change."""
        assert self._read_base is not None
        before = _patterns_before(self._read_base) if patterns else set()
        known = tuple(pattern for pattern in patterns if pattern in before)
        if known or not patterns:
            self.values[setting.key], self.origins[setting.key] = known, layer.place(setting.key)
        new = [show(pattern) for pattern in patterns if pattern not in before]
        if new:
            self.notes.append(
                f"{layer.place(setting.key)}: exclude {', '.join(new)} is not applied: it does not stand in what the "
                "change is based on, and a change cannot hide itself"
            )


def _not_yours(layer: Layer, setting: Setting) -> ConfigError:
    why = {
        "engine": "a repository must not choose which program reads your code",
        "model_file": "a repository must not choose which file is loaded on your machine",
        "cache_dir": "a repository must not choose where files are written on your machine",
        "cache_mib": "a repository must not choose how much is kept on your machine",
        "parallel": "a repository must not choose how busy your server is",
    }.get(setting.key, "a repository could send your code elsewhere")
    return ConfigError(
        f"{layer.place(setting.key)} may not set {setting.key}: {why}",
        f"remove it there; your own choice goes into {user_file()}, {setting.variable} or {setting.flag}",
    )


def _refusal(place: str, setting: Setting, raw: object, error: Refused) -> ConfigError:
    why = f" ({error})" if str(error) else ""
    return ConfigError(f"{place}: {setting.key} cannot be {show(raw)}{why}; accepted: {setting.accepts}")


def _patterns_before(read_base: ReadBase) -> set[str]:
    """The `exclude` patterns of the repository before the change; a file that is unusable there has none."""
    patterns: set[str] = set()
    for name in REPOSITORY_FILES:
        data = read_base(name.encode())
        try:
            table = None if data is None else read_table(name, data, name)
        except ConfigError:
            continue
        listed = table.get("exclude") if table else None
        if isinstance(listed, list):
            patterns.update(pattern for pattern in listed if isinstance(pattern, str))
    return patterns


def _resolve(layer: Layer, setting: Setting, value: str, root: str) -> str:
    """The absolute path of a file that exists, or the name of a built-in prompt.

    Guidelines, and whatever the repository's own file names, have to lie inside the work tree, links resolved.
    """
    if setting.key == "prompt" and value in _builtin_prompts():
        return value
    of_repository = layer.foreign or setting.key == "guidelines"
    base = root if of_repository and layer.kind != "flags" else layer.base
    path = os.path.abspath(os.path.join(base, value if layer.foreign else os.path.expanduser(value)))
    if setting.key == "cache_dir":  # made when something is kept there
        if os.path.exists(path) and not os.path.isdir(path):
            raise Refused("it is no folder")
        return path
    if of_repository:
        path = os.path.realpath(path)
        parts = os.path.relpath(path, os.path.realpath(root)).split(os.sep)
        if os.pardir in parts:
            raise Refused("it lies outside the repository")
        if ".git" in parts:
            raise Refused("it lies in git's own folder")
    if not os.path.exists(path):
        names = f"; built-in are {', '.join(sorted(_builtin_prompts()))}" if setting.key == "prompt" else ""
        raise Refused(f"there is no such file{names}")
    # A pipe is fine where the user names it (`--prompt <(...)`), never where a repository does.
    if not os.path.isfile(path) and (layer.foreign or os.path.isdir(path)):
        raise Refused("it is no regular file")
    if not os.access(path, os.R_OK):
        raise Refused("it cannot be read")
    return path


def _builtin_prompts() -> set[str]:
    names = os.listdir(os.path.join(os.path.dirname(__file__), "prompts"))
    return {name.removesuffix(".md") for name in names if name.endswith(".md")} - _INTERNAL_PROMPTS
