"""The checks of `reviewbot doctor` that ask a model's server."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reviewbot.cli.diagnosis import Check, State
from reviewbot.cli.exposure import check_exposure
from reviewbot.errors import EngineError, PrivacyError, ReplyError, ReviewbotError, UsageError

if TYPE_CHECKING:
    from reviewbot.config import Config, Settings
    from reviewbot.engines import Engine, EngineInfo, Loaded
    from reviewbot.window import Sizing, Window

TEST_LIMIT_S = 300.0
"""Loading a large model from a slow disk, and then a first answer on a processor, take minutes."""

METADATA_LIMIT_S = 20.0

TOO_SMALL = "too small to find bugs, and it never blocks"

_TEST_TOKENS = 400
_TEST_SCHEMA = {
    "type": "object",
    "properties": {
        "digits": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 9},
            "minItems": 10,
            "maxItems": 10,
        }
    },
    "required": ["digits"],
    "additionalProperties": False,
}


_SHOWN_CHARS = 80
"""Of an answer that cannot be read."""


class _Digits(Struct):
    """What the test request asks for."""

    digits: list[int]


def check_engine(settings: "Settings") -> Iterator[Check]:
    """The checks from the endpoint to a test request, ended by the first that makes the rest pointless."""
    config = settings.config
    if config.engine == "embedded":
        yield from _check_embedded(config)
        return
    try:
        yield _check_endpoint(config, settings.origins["endpoint"])
        yield from _check_openai(config) if config.engine == "openai" else _check_ollama(config)
    except UsageError as error:
        yield Check("endpoint", State.FAILED, error.message, error.hint)
    except EngineError as error:
        stand_in = config.engine == "auto" and config.model_file is not None
        state = State.NOTE if stand_in else State.FAILED
        otherwise = "--endpoint ADDRESS" if config.engine == "openai" else "ollama serve"
        yield Check("server", state, error.message, _mend(error, otherwise))
        if config.engine == "auto":
            yield from _check_stand_in(config)


def _check_endpoint(config: "Config", origin: str) -> Check:
    from reviewbot.engines.http import local_url

    local_url(config.endpoint, allow_remote=config.allow_remote)
    try:
        local_url(config.endpoint, allow_remote=False)
    except PrivacyError:
        message = f"{config.endpoint} ({origin}) is not this machine: code is sent there, as allow_remote permits"
        return Check("endpoint", State.NOTE, message)
    return Check("endpoint", State.OK, f"{config.endpoint} ({origin}) is loopback: nothing leaves this machine")


def _check_ollama(config: "Config") -> Iterator[Check]:
    """Raises an EngineError when no Ollama server answers."""
    from reviewbot.cli.engine import ollama_engine

    engine = ollama_engine(config)
    try:
        version = engine.server.version(_soon(METADATA_LIMIT_S))
        yield _ollama_server(version)
        yield from check_exposure(engine.server, config.endpoint, version, _soon(METADATA_LIMIT_S))
        try:
            info = engine.describe(_soon(METADATA_LIMIT_S))
            shown = engine.server.show(config.model, _soon(METADATA_LIMIT_S))
            yield _ollama_model(info, shown)
            yield from _own_system(shown)
        except ReviewbotError as error:
            yield Check("model", State.FAILED, error.message, _mend(error, f"ollama show {config.model}"))
            return
        yield from _window(engine, config, info)
        yield _test_request(engine, config, info, f"ollama run {config.model} hello")
    finally:
        engine.close()


def _check_openai(config: "Config") -> Iterator[Check]:
    """Raises an EngineError when no such server answers."""
    from reviewbot.cli.engine import openai_engine

    engine = openai_engine(config)
    try:
        info = engine.describe(_soon(METADATA_LIMIT_S))
        yield Check("server", State.OK, "speaks OpenAI's protocol")
        yield Check("model", State.OK, f"{info.model}, window {info.facts.trained_window}")
        yield from _window(engine, config, info)
        yield _test_request(engine, config, info, f"--model ANOTHER than {info.model}")
    finally:
        engine.close()


def _check_stand_in(config: "Config") -> Iterator[Check]:
    """What `engine = auto` falls back to where no Ollama server answers."""
    if config.model_file is not None:
        yield Check(
            "engine",
            State.NOTE,
            "by hand the embedded engine steps in; in a git hook it does so only when it is named",
            "REVIEWBOT_ENGINE=embedded",
        )
        yield from _check_embedded(config)
        return
    from reviewbot.engines.embedded import embedded_available, find_demo_model

    if find_demo_model() is not None and embedded_available():
        yield Check("demo model", State.NOTE, f"steps in for diff, show and demo; {TOO_SMALL}")


def _check_embedded(config: "Config") -> Iterator[Check]:
    from reviewbot.cli.engine import embedded_engine

    try:
        engine = embedded_engine(config)
    except ReviewbotError as error:
        yield Check("engine", State.FAILED, error.message, error.hint)
        return
    if engine is None:
        yield Check("engine", State.FAILED, "the embedded engine needs a model file", "--model-file MODEL.gguf")
        return
    try:
        info = engine.describe(_soon(METADATA_LIMIT_S))
        yield _embedded_model(info)
        yield from _window(engine, config, info)
        yield _test_request(engine, config, info, "--model-file ANOTHER.gguf")
    except ReviewbotError as error:
        yield Check("model", State.FAILED, error.message, error.hint)
    finally:
        engine.close()


def _ollama_server(version: str) -> Check:
    from reviewbot.engines.ollama_server import SAFE_SINCE, has_known_hole

    if not has_known_hole(version):
        return Check("server", State.OK, f"Ollama {version}")
    safe = ".".join(map(str, SAFE_SINCE))
    message = f"Ollama {version}; before {safe} a crafted model file makes it give away memory (CVE-2026-7482)"
    return Check("server", State.NOTE, message, f"update Ollama to {safe} or newer")


def _own_system(shown: dict[str, Any]) -> Iterator[Check]:
    """A model's own system message is not sent beside another one."""
    system = shown.get("system")
    if isinstance(system, str) and system.strip():
        message = f"the model's own SYSTEM text ({len(system)} characters) is replaced by reviewbot's instructions"
        yield Check("model", State.NOTE, message)


def _ollama_model(info: "EngineInfo", shown: dict[str, Any]) -> Check:
    """The model with what `/api/show` tells of it."""
    from reviewbot.engines.answers import table

    details = table(shown, "details")
    known = [
        ("digest", (info.digest or "").removeprefix("sha256:")[:12]),
        ("parameters", details.get("parameter_size")),
        ("quantization", details.get("quantization_level")),
        ("trained window", info.facts.trained_window),
    ]
    return Check("model", State.OK, ", ".join([info.model, *(f"{name} {value}" for name, value in known if value)]))


def _embedded_model(info: "EngineInfo") -> Check:
    if info.demo:
        return Check("model", State.FAILED, f"{info.model} is the demo model, {TOO_SMALL}", "--model-file MODEL.gguf")
    return Check("model", State.OK, f"{info.model}, trained window {info.facts.trained_window}")


def _window(engine: "Engine", config: "Config", info: "EngineInfo") -> Iterator[Check]:
    """Load the model: the window in use, how tokens are counted, whether there is room for code, and where it is."""
    from msgspec.structs import replace

    from reviewbot.cli.consult import review_options
    from reviewbot.tokens import counter_for
    from reviewbot.window import load_window

    deadline = _soon(TEST_LIMIT_S)
    try:
        sizing = review_options(config, deadline=None).sizing
        window, loaded = load_window(engine, info, (), sizing, deadline)
        counter = counter_for(engine.vocabulary(deadline), refuses_long=info.refuses_long)
    except ReviewbotError as error:
        yield Check("window", State.FAILED, error.message, error.hint)
        return
    yield _window_in_use(replace(window, counter=counter), sizing, config, info)
    if loaded.bytes:
        yield _placement(info, loaded)


def _window_in_use(window: "Window", sizing: "Sizing", config: "Config", info: "EngineInfo") -> Check:
    used = f"{window.tokens} tokens, of which up to {sizing.code_tokens(window)} for code in each request"
    if not info.refuses_long and not window.counter.exact:
        return Check("window", State.NOTE, f"{used}; this server cuts long prompts silently, so less is sent at once")
    if config.num_ctx is not None and window.tokens < config.num_ctx:
        return Check("window", State.NOTE, f"{used}; the model does not allow the {config.num_ctx} of num_ctx")
    return Check("window", State.OK, f"{used}; tokens are {'counted exactly' if window.counter.exact else 'estimated'}")


def _placement(info: "EngineInfo", loaded: "Loaded") -> Check:
    """Whether the model is on GPUs, as the server tells it."""
    from reviewbot.advice import slow_note
    from reviewbot.gpu import probe

    note = slow_note(info, loaded, probe)
    if note is not None:
        return Check("model memory", State.NOTE, note)
    gib = f"{loaded.bytes / 2**30:.1f} GiB"
    if loaded.gpu_bytes:
        return Check("model memory", State.OK, f"{gib}, all of it on the GPU")
    message = f"{gib}, none of it on a GPU: the processor does the work, which is very slow"
    return Check("model memory", State.NOTE, message)


def _test_request(engine: "Engine", config: "Config", info: "EngineInfo", hint: str) -> Check:
    """Two equal requests: the first is read anew, the second shows how fast the model writes. What both took is kept,
    so that a review can be foreseen. An answer that a review could not read is no answer."""
    from reviewbot.cli.cachefolder import cache_part
    from reviewbot.decoding import decode_reply
    from reviewbot.engines import Request
    from reviewbot.speed import keep_speed

    request = Request("You answer in JSON.", 'Write ten digits: {"digits": [...]}', _TEST_SCHEMA, _TEST_TOKENS)
    deadline = _soon(TEST_LIMIT_S)
    try:
        started = time.monotonic()
        read = engine.ask(request, deadline)
        first = time.monotonic()
        written = engine.ask(request, deadline).completion_tokens
        second = time.monotonic()
    except ReviewbotError as error:
        return Check("test request", State.FAILED, error.message, _mend(error, hint))
    try:
        decode_reply(read.text, _Digits)
    except ReplyError as error:
        message = f"{error.message}; it said {read.text[:_SHOWN_CHARS]!r}"
        return Check("test request", State.FAILED, message, _mend(error, hint))
    tokens = read.prompt_tokens + read.completion_tokens + written
    keep_speed(cache_part(config, "speeds"), info, tokens, second - started)
    speed = f"{written / max(second - first, 1e-6):.0f} tokens per second, " if written else ""
    return Check("test request", State.OK, f"{speed}first answer after {first - started:.1f} s")


def _mend(error: ReviewbotError, otherwise: str) -> str:
    """What to type after an error: its own hint, unless that one sends people here."""
    return error.hint if error.hint and "reviewbot doctor" not in error.hint else otherwise


def _soon(seconds: float) -> float:
    return time.monotonic() + seconds
