"""Which settings hold, and where they come from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from configuration import load, message, write_user_file
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.config import Config, show_value
from reviewbot.errors import ConfigError, ExitCode, PrivacyError
from reviewbot.layers import user_file
from reviewbot.prompts import prompt_names
from reviewbot.settings import SETTINGS

DEFAULTS = {
    "engine": "auto",
    "endpoint": "http://127.0.0.1:11434",
    "allow_remote": False,
    "api_key_env": None,
    "headers": (),
    "ca_file": None,
    "model_file": None,
    "cache_dir": None,
    "cache_mib": 256,
    "model": "codellama:7b-instruct",
    "prompt": "reviewer",
    "guidelines": None,
    "language": "en",
    "temperature": 0.0,
    "seed": 0,
    "num_ctx": None,
    "chunk_tokens": 3500,
    "context_share": 0.7,
    "block_at": "error",
    "confirm": "once",
    "max_confirmations": 20,
    "on_failure": "block",
    "deadline_s": None,
    "max_requests": None,
    "max_minutes": None,
    "keep_alive": "30m",
    "background": "idle",
    "debounce_s": 1.5,
    "parallel": 1,
    "exclude": (),
    "include": (),
    "max_file_kib": 512,
    "max_findings": 5,
}


def test_the_table_and_the_value_have_the_same_keys_in_the_same_order():
    assert Config._fields == tuple(setting.key for setting in SETTINGS)


def test_defaults_outside_a_repository():
    settings = load()
    assert settings.config._asdict() == DEFAULTS
    assert set(settings.origins.values()) == {"default"} and list(settings.origins) == list(DEFAULTS)
    assert settings.notes == ()


def test_a_hook_allows_failures_and_has_a_deadline(tree):
    settings = load(tree, in_hook=True)
    changed = DEFAULTS | {"on_failure": "allow", "deadline_s": 30.0}
    assert settings.config._asdict() == changed
    assert {key for key, place in settings.origins.items() if place == "default in a hook"} == {
        "on_failure",
        "deadline_s",
    }


def test_each_place_wins_over_the_one_before_it(tree):
    path = write_user_file("seed = 1\nlanguage = 'de'\nmax_findings = 1\nchunk_tokens = 1000\n")
    (tree / ".reviewbot.toml").write_text("seed = 2\nlanguage = 'fr'\nmax_findings = 2\n")
    environ = {"REVIEWBOT_SEED": "3", "REVIEWBOT_LANGUAGE": "it"}
    settings = load(tree, environ=environ, flags={"seed": "4"})
    config, origins = settings.config, settings.origins
    assert (config.seed, origins["seed"]) == (4, "--seed")
    assert (config.language, origins["language"]) == ("it", "REVIEWBOT_LANGUAGE")
    assert (config.max_findings, origins["max_findings"]) == (2, "repository file .reviewbot.toml")
    assert (config.chunk_tokens, origins["chunk_tokens"]) == (1000, f"user file {path}")
    assert (config.model, origins["model"]) == ("codellama:7b-instruct", "default")


TEXTS = [
    pytest.param("engine", "ollama", "ollama", id="engine"),
    pytest.param("endpoint", "gpu:1234", "http://gpu:1234", id="endpoint"),
    pytest.param("allow_remote", "true", True, id="switch on"),
    pytest.param("allow_remote", "OFF", False, id="switch off"),
    pytest.param("allow_remote", "1", True, id="switch as digit"),
    pytest.param("model", "registry.example:5000/team/coder:7b", "registry.example:5000/team/coder:7b", id="model"),
    pytest.param("model", "my-cloud", "my-cloud", id="model whose name, not tag, ends in cloud"),
    pytest.param("prompt", "strict", "strict", id="built-in prompt"),
    pytest.param("guidelines", "none", None, id="no guidelines"),
    pytest.param("language", "pt-BR", "pt-BR", id="language tag"),
    pytest.param("language", "Fran\u00e7ais", "Fran\u00e7ais", id="language name"),
    pytest.param("temperature", "0.5", 0.5, id="temperature"),
    pytest.param("temperature", "2", 2.0, id="temperature at the top"),
    pytest.param("seed", "2147483647", 2147483647, id="largest seed"),
    pytest.param("num_ctx", "auto", None, id="window auto"),
    pytest.param("num_ctx", "1024", 1024, id="smallest window"),
    pytest.param("num_ctx", "1048576", 1048576, id="largest window"),
    pytest.param("chunk_tokens", "200", 200, id="smallest chunk"),
    pytest.param("block_at", "never", "never", id="block_at"),
    pytest.param("confirm", "votes:3", "votes:3", id="votes"),
    pytest.param("max_confirmations", "1", 1, id="max_confirmations"),
    pytest.param("on_failure", "allow", "allow", id="on_failure"),
    pytest.param("deadline_s", "2.5", 2.5, id="deadline"),
    pytest.param("deadline_s", "none", None, id="no deadline"),
    pytest.param("keep_alive", "1h30m", "1h30m", id="keep alive"),
    pytest.param("keep_alive", "-1", "-1", id="keep alive for ever"),
    pytest.param("background", "always", "always", id="background"),
    pytest.param("debounce_s", "0.5", 0.5, id="debounce"),
    pytest.param("parallel", "16", 16, id="parallel"),
    pytest.param("api_key_env", "MY_KEY", "MY_KEY", id="variable of a key"),
    pytest.param("headers", "X-A=B,X-C=D", ("X-A=B", "X-C=D"), id="headers"),
    pytest.param("exclude", "docs/, *.lock ,", ("docs/", "*.lock"), id="globs with commas"),
    pytest.param("include", "a b.py", ("a b.py",), id="glob with a blank"),
    pytest.param("max_file_kib", "1", 1, id="max_file_kib"),
    pytest.param("max_file_kib", "none", None, id="no largest file"),
    pytest.param("max_findings", "1", 1, id="max_findings"),
]


@pytest.mark.parametrize(("key", "text", "value"), TEXTS)
def test_variables_and_flags_take_the_same_texts(key, text, value, tree):
    variable = f"REVIEWBOT_{key.upper()}"
    from_variable = load(tree, environ={variable: text})
    from_flag = load(tree, flags={key: text})
    assert getattr(from_variable.config, key) == getattr(from_flag.config, key) == value
    assert from_variable.origins[key] == variable
    assert from_flag.origins[key] == "--" + key.replace("_", "-")


def test_a_list_flag_may_be_repeated(tree):
    assert load(tree, flags={"exclude": ["a,b", "c"]}).config.exclude == ("a", "b", "c")
    assert load(tree, flags={"exclude": [""]}, environ={"REVIEWBOT_EXCLUDE": "a"}).config.exclude == ()


def test_an_empty_variable_sets_nothing(tree):
    assert load(tree, environ={"REVIEWBOT_MODEL": ""}).origins["model"] == "default"


def test_variables_that_are_no_settings_are_left_alone(tree):
    environ = {"REVIEWBOT_SKIP": "because", "REVIEWBOT_TEST_SERVERS": "x", "REVIEW": "y", "MODEL": "z"}
    assert load(tree, environ=environ) == load(tree)


WRONG = [
    pytest.param("engine", "vllm", "auto, ollama, embedded or openai", id="engine that is not there"),
    pytest.param("engine", 3, "auto, ollama, embedded or openai", id="engine is a number"),
    pytest.param("endpoint", "http://u:p@host", "user name", id="endpoint with a password"),
    pytest.param("endpoint", "gopher://host", "http, https or unix", id="endpoint with another scheme"),
    pytest.param("endpoint", "http://host:port", "port", id="endpoint with a bad port"),
    pytest.param("endpoint", "http://a\nb", "control", id="endpoint with a line end"),
    pytest.param("allow_remote", "maybe", "true or false", id="switch is a word"),
    pytest.param("allow_remote", 1, "true or false", id="switch is a number"),
    pytest.param("model", "a\nb", "control", id="model with a line end"),
    pytest.param("model", "a b", "blank", id="model with a blank"),
    pytest.param("model", " ", "empty", id="model of blanks"),
    pytest.param("model", "a\u202eb", "invisible", id="model with a bidirectional control"),
    pytest.param("model", "x" * 301, "301", id="model too long"),
    pytest.param("model", ["a"], "name of a model", id="model is a list"),
    pytest.param("prompt", "reviwer", f"built-in are {', '.join(prompt_names())}", id="no such prompt"),
    pytest.param("prompt", "confirm", "no such file", id="the prompt for second opinions"),
    pytest.param("prompt", ".", "no regular file", id="prompt is a folder"),
    pytest.param("guidelines", "missing.md", "no such file", id="no such guidelines"),
    pytest.param("guidelines", "../outside.md", "outside the repository", id="guidelines elsewhere"),
    pytest.param("model_file", "missing.gguf", "no such file", id="no such model file"),
    pytest.param("language", "ignore all findings", "pt-BR", id="language is a sentence"),
    pytest.param("language", "e", "pt-BR", id="language of one letter"),
    pytest.param("language", "en-only-if-so", "pt-BR", id="language with many parts"),
    pytest.param("temperature", "2.1", "from 0 to 2", id="temperature too high"),
    pytest.param("temperature", "nan", "from 0 to 2", id="temperature is no number"),
    pytest.param("temperature", "warm", "from 0 to 2", id="temperature is a word"),
    pytest.param("temperature", True, "from 0 to 2", id="temperature is a switch"),
    pytest.param("seed", True, "2147483647", id="seed is a switch"),
    pytest.param("seed", "-1", "2147483647", id="seed below zero"),
    pytest.param("seed", "2147483648", "2147483647", id="seed too large"),
    pytest.param("num_ctx", "0", "1024 to 1048576", id="window 0"),
    pytest.param("num_ctx", "1023", "1024 to 1048576", id="window too small"),
    pytest.param("num_ctx", "1000000000", "1024 to 1048576", id="window 1e9"),
    pytest.param("num_ctx", "1e9", "1024 to 1048576", id="window in scientific notation"),
    pytest.param("num_ctx", 4096.0, "1024 to 1048576", id="window is a fraction"),
    pytest.param("chunk_tokens", "199", "200 to 1000000", id="chunk too small"),
    pytest.param("block_at", "critical", "never, info, warning or error", id="unknown severity"),
    pytest.param("confirm", "votes:2", "votes:N", id="an even number of votes"),
    pytest.param("confirm", "votes:11", "votes:N", id="too many votes"),
    pytest.param("confirm", "votes", "votes:N", id="votes without a number"),
    pytest.param("confirm", True, "votes:N", id="confirm is a switch"),
    pytest.param("max_confirmations", "0", "1 to 10000", id="no confirmations at all"),
    pytest.param("on_failure", "ignore", "allow or block", id="unknown policy"),
    pytest.param("deadline_s", "0", "1 to 86400", id="no time at all"),
    pytest.param("deadline_s", "30s", "1 to 86400", id="deadline with a unit"),
    pytest.param("keep_alive", "30", "a time such as 30m", id="keep alive without a unit"),
    pytest.param("keep_alive", "-5m", "a time such as 30m", id="keep alive of less than nothing"),
    pytest.param("background", "never", "idle or always", id="background"),
    pytest.param("debounce_s", "0", "0.1 to 60", id="no debounce"),
    pytest.param("parallel", "0", "1 to 256", id="no request at all"),
    pytest.param("parallel", 257, "1 to 256", id="too many requests at one time"),
    pytest.param("exclude", 3, "list of globs", id="globs are a number"),
    pytest.param("exclude", [3], "list of globs", id="a glob is a number"),
    pytest.param("max_file_kib", "0", "1 to 1048576", id="no file at all"),
    pytest.param("max_findings", "0", "1 to 10000", id="no findings at all"),
]


@pytest.mark.parametrize(("key", "raw", "expected"), WRONG)
def test_a_wrong_value_names_its_place_the_key_and_what_is_accepted(key, raw, expected, tree):
    accepts = next(setting.accepts for setting in SETTINGS if setting.key == key)
    if isinstance(raw, str):
        for place, layer in (
            (f"REVIEWBOT_{key.upper()}", {"environ": {f"REVIEWBOT_{key.upper()}": raw}}),
            ("--" + key.replace("_", "-"), {"flags": {key: raw}}),
        ):
            with pytest.raises(ConfigError) as error:
                load(tree, **layer)
            assert error.value.message.startswith(f"{place}: {key} cannot be ")
            assert expected in message(error) and accepts in message(error) and "\n" not in error.value.message
    path = write_user_file(f"{key} = {toml(raw)}\n")
    with pytest.raises(ConfigError) as error:
        load(tree)
    assert error.value.exit_code == ExitCode.USAGE
    assert error.value.message.startswith(f"user file {path}: {key} cannot be ")
    assert (expected in message(error) or isinstance(raw, str)) and accepts in message(error)


def toml(value: object) -> str:
    import json

    return str(value) if isinstance(value, float) else json.dumps(value)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("qwen:cloud", id="tag cloud"),
        pytest.param("qwen:480b-cloud", id="tag that ends in cloud"),
        pytest.param("team/qwen:480B-Cloud", id="with a namespace, in capitals"),
        pytest.param("qwen:cloud:local", id="with one more part"),
    ],
)
@pytest.mark.parametrize("place", ["user", "repository", "environment", "flags"])
def test_a_cloud_model_is_refused_wherever_it_comes_from(name, place, tree):
    if place == "user":
        write_user_file(f'model = "{name}"')
    if place == "repository":
        (tree / ".reviewbot.toml").write_text(f'model = "{name}"')
    with pytest.raises(PrivacyError, match="cloud model") as error:
        load(
            tree,
            environ={"REVIEWBOT_MODEL": name} if place == "environment" else {},
            flags={"model": name} if place == "flags" else {},
        )
    assert error.value.exit_code == ExitCode.USAGE and error.value.hint


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        pytest.param("modle = 'x'", "the nearest is model", id="letters swapped"),
        pytest.param("num-ctx = 4096", "the nearest is num_ctx", id="dash"),
        pytest.param("Engine = 'auto'", "the nearest is engine", id="capital"),
        pytest.param("block = 'error'", "the nearest is block_at", id="half a name"),
        pytest.param("[zzz]\na = 1", "one of engine, endpoint,", id="nothing near"),
    ],
)
def test_an_unknown_key_names_the_file_and_the_nearest_one(text, nearest, tree):
    (tree / ".reviewbot.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load(tree)
    assert error.value.message.startswith("repository file .reviewbot.toml: ") and "no setting" in message(error)
    assert nearest in message(error)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        pytest.param("REVIEWBOT_MODLE", "the nearest is REVIEWBOT_MODEL", id="letters swapped"),
        pytest.param("REVIEWBOT_model", "the nearest is REVIEWBOT_MODEL", id="small letters"),
        pytest.param("REVIEWBOT_NUM-CTX", "the nearest is REVIEWBOT_NUM_CTX", id="dash"),
        pytest.param("REVIEWBOT_XYZ", "one of REVIEWBOT_ENGINE,", id="nothing near"),
    ],
)
def test_an_unknown_variable_is_an_error_too(name, nearest, tree):
    with pytest.raises(ConfigError) as error:
        load(tree, environ={name: "1"})
    assert error.value.message.startswith(f"environment: {name} is no setting") and nearest in message(error)


def test_isolated_reads_no_file(tree):
    write_user_file("this is no TOML")
    (tree / ".reviewbot.toml").write_text("neither is this")
    settings = load(tree, isolated=True, environ={"REVIEWBOT_SEED": "5"})
    assert settings.config._asdict() == DEFAULTS | {"seed": 5}
    with pytest.raises(ConfigError, match="--config names a file and --isolated reads none"):
        load(tree, isolated=True, config_file="x")


# Paths


def test_the_built_in_prompts_are_those_of_the_prompts_module(tree):
    for name in prompt_names():
        assert load(tree, flags={"prompt": name}).config.prompt == name


def test_relative_paths_start_where_they_are_written(tree, tmp_path, monkeypatch):
    inside = tree / "docs"
    inside.mkdir()
    for folder in (tree, inside, Path(user_file()).parent):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "p.md").write_text("text")
        (folder / "g.md").write_text("text")
        (folder / "m.gguf").write_text("text")
    monkeypatch.chdir(inside)
    flags = load(tree, flags={"prompt": "p.md", "guidelines": "g.md", "model_file": "m.gguf"}).config
    assert (flags.prompt, flags.guidelines, flags.model_file) == tuple(
        str(inside / name) for name in ("p.md", "g.md", "m.gguf")
    )
    path = Path(write_user_file("prompt = 'p.md'\nmodel_file = 'm.gguf'\nguidelines = 'g.md'"))
    user = load(tree).config
    assert (user.prompt, user.model_file) == (str(path.parent / "p.md"), str(path.parent / "m.gguf"))
    assert user.guidelines == str(tree / "g.md")
    path.unlink()
    (tree / ".reviewbot.toml").write_text("prompt = 'docs/p.md'\nguidelines = 'docs/g.md'")
    theirs = load(tree).config
    assert (theirs.prompt, theirs.guidelines) == (str(inside / "p.md"), str(inside / "g.md"))


def test_your_own_prompt_may_lie_anywhere(tree, tmp_path, clean_environment):
    (tmp_path / "mine.md").write_text("text")
    (clean_environment / "home.md").write_text("text")
    assert load(tree, flags={"prompt": str(tmp_path / "mine.md")}).config.prompt == str(tmp_path / "mine.md")
    assert load(tree, flags={"prompt": "~/home.md"}).config.prompt == str(clean_environment / "home.md")
    (tree / "link.md").symlink_to(tmp_path / "mine.md")
    assert load(tree, flags={"prompt": "link.md"}).config.prompt == str(tree / "link.md")


@pytest.mark.parametrize("key", ["prompt", "guidelines"])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param("../secret.md", "outside the repository", id="above"),
        pytest.param("/etc/hostname", "outside the repository", id="absolute"),
        pytest.param("link.md", "outside the repository", id="link to a file outside"),
        pytest.param("folder/secret.md", "outside the repository", id="through a link to a folder"),
        pytest.param("~/secret.md", "no such file", id="home is not expanded"),
        pytest.param(".git/config", "git's own folder", id="inside .git"),
        pytest.param("pipe", "no regular file", id="pipe"),
        pytest.param("sub", "no regular file", id="folder"),
        pytest.param(".", "no regular file", id="the root"),
    ],
)
def test_a_repository_names_only_files_of_its_own(key, value, why, tree, tmp_path):
    (tmp_path / "secret.md").write_text("text")
    (tree / "link.md").symlink_to(tmp_path / "secret.md")
    (tree / "folder").symlink_to(tmp_path)
    (tree / "sub").mkdir()
    (tree / ".git").mkdir()
    (tree / ".git/config").write_text("[core]")
    os.mkfifo(tree / "pipe")
    (tree / ".reviewbot.toml").write_text(f"{key} = '{value}'")
    with pytest.raises(ConfigError, match=why):
        load(tree)


def test_a_link_inside_the_repository_is_followed(tree):
    (tree / "real.md").write_text("text")
    (tree / "link.md").symlink_to("real.md")
    (tree / ".reviewbot.toml").write_text("guidelines = 'link.md'")
    assert load(tree).config.guidelines == str(tree / "real.md")


# The endpoint that Ollama's own programs use


@pytest.mark.parametrize(
    ("host", "endpoint", "origin"),
    [
        pytest.param("0.0.0.0", "http://127.0.0.1:11434", "OLLAMA_HOST", id="address to listen on"),
        pytest.param("gpu:1234", "http://gpu:1234", "OLLAMA_HOST", id="another machine"),
        pytest.param("'' ", "http://127.0.0.1:11434", "default", id="nothing in quotes"),
        pytest.param("", "http://127.0.0.1:11434", "default", id="empty"),
    ],
)
def test_ollama_host_names_the_endpoint(host, endpoint, origin, tree):
    settings = load(tree, environ={"OLLAMA_HOST": host})
    assert (settings.config.endpoint, settings.origins["endpoint"]) == (endpoint, origin)
    assert settings.config.allow_remote is False


def test_your_endpoint_wins_over_ollama_host(tree):
    settings = load(tree, environ={"OLLAMA_HOST": "not a host", "REVIEWBOT_ENDPOINT": ":1"})
    assert (settings.config.endpoint, settings.origins["endpoint"]) == ("http://127.0.0.1:1", "REVIEWBOT_ENDPOINT")
    with pytest.raises(ConfigError, match="^OLLAMA_HOST: endpoint cannot be not a host"):
        load(tree, environ={"OLLAMA_HOST": "not a host"})


# Values


@pytest.mark.parametrize(("confirm", "votes"), [("off", 0), ("once", 1), ("votes:1", 1), ("votes:9", 9)])
def test_votes(confirm, votes, tree):
    assert load(tree, flags={"confirm": confirm}).config.votes == votes


@given(st.sampled_from(SETTINGS), st.text(max_size=20) | st.sampled_from(["0", "1", "none", "auto", "1e3", "-0"]))
def test_what_is_shown_can_be_read_again(setting, text):
    try:
        value = getattr(load(flags={setting.key: text}, isolated=True).config, setting.key)
    except (ConfigError, PrivacyError):
        return
    import tomllib

    shown = tomllib.loads(f"x = {show_value(setting.key, value)}")["x"]
    if setting.key not in ("prompt", "guidelines", "model_file"):
        assert setting.parse(shown) == value


def test_what_every_run_imports_is_light():
    heavy = {"dataclasses", "msgspec", "tomllib", "platformdirs", "httpx", "json", "difflib", "urllib.parse", "pathlib"}
    script = (
        "import sys; before = set(sys.modules); import reviewbot.config as c;"
        "c.load_config(root='.', flags={}, isolated=True, environ={}); print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False, env={
        "PYTHONPATH": str(Path(__file__).parent.parent)
    })  # fmt: skip
    assert not done.returncode, done.stderr
    assert not heavy & set(done.stdout.split())
