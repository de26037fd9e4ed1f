"""Which engine answers this run."""

import os
from pathlib import Path

from reviewbot.cli.cachefolder import cache_part
from reviewbot.config import Config
from reviewbot.engines import Engine
from reviewbot.engines.ollama import OllamaEngine
from reviewbot.errors import ConfigError, DeadlineReached, EngineDown


def open_engine(config: Config, *, interactive: bool, deadline: float | None) -> Engine:
    """The engine that the settings choose; for `auto`, Ollama when it answers.

    The embedded engine steps in for `auto` only in commands that a person watches (`interactive`), and only when no
    Ollama server answers: a missing model is an error, never a reason to ask another one. Without any engine the
    Ollama one is returned, which says what is wrong when it is asked.
    """
    if config.engine == "embedded":
        engine = embedded_engine(config)
        if engine is None:
            raise ConfigError("engine = embedded needs a model file", "--model-file MODEL.gguf")
        return engine
    if config.engine == "openai":
        return openai_engine(config)
    ollama = ollama_engine(config)
    if config.engine == "ollama" or not interactive:
        return ollama
    try:
        ollama.server.version(deadline)
    except DeadlineReached:  # there is no time left for another one
        return ollama
    except EngineDown:
        ollama.close()
        return embedded_engine(config) or ollama_engine(config)
    return ollama


def ollama_engine(config: Config) -> OllamaEngine:
    """The engine for the configured server; PrivacyError when it is not on this machine."""
    return OllamaEngine(
        endpoint=config.endpoint,
        model=config.model,
        num_ctx=config.num_ctx,
        temperature=config.temperature,
        seed=config.seed,
        keep_alive=config.keep_alive,
        allow_remote=config.allow_remote,
        cache_dir=cache_part(config, "vocabularies"),
    )


def openai_engine(config: Config) -> Engine:
    """The engine for a server that speaks OpenAI's protocol; its key and headers are in the environment."""
    from reviewbot.engines.openai import Access, OpenAIEngine

    pairs = tuple(tuple(text.split("=", 1)) for text in config.headers)
    access = Access(
        key=_secret("api_key_env", config.api_key_env) if config.api_key_env else None,
        headers=tuple((name, _secret("headers", variable)) for name, variable in pairs),
        ca_file=config.ca_file,
    )
    return OpenAIEngine(
        endpoint=config.endpoint,
        model=config.model,
        access=access,
        num_ctx=config.num_ctx,
        temperature=config.temperature,
        seed=config.seed,
        allow_remote=config.allow_remote,
        cache_dir=cache_part(config, "vocabularies"),
    )


def _secret(key: str, variable: str) -> str:
    """What a variable holds, which may stand in a header."""
    text = os.environ.get(variable, "").strip()
    if not text:
        raise ConfigError(f"{key}: the variable {variable} is not set", f"export {variable}=...")
    if not text.isascii() or not text.isprintable():
        raise ConfigError(f"{key}: what {variable} holds cannot stand in a header", f"export {variable}=...")
    return text


def embedded_engine(config: Config) -> Engine | None:
    """The engine for the user's model file, else for the demo model; None when there is neither."""
    from reviewbot.engines.embedded import EmbeddedEngine, embedded_available, find_demo_model

    demo = find_demo_model() if config.model_file is None else None
    path = Path(config.model_file) if config.model_file is not None else demo
    if path is None:
        return None
    if not embedded_available():
        if config.engine == "embedded":
            raise ConfigError("the embedded engine is not installed", "pip install 'reviewbot[embedded]'")
        return None
    return EmbeddedEngine(
        model_file=path,
        demo=demo is not None,
        num_ctx=config.num_ctx,
        temperature=config.temperature,
        seed=config.seed,
        cache_dir=cache_part(config, "vocabularies"),
    )
