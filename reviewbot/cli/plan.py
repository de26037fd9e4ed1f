"""`reviewbot plan`: the requests that a review would send, what would be skipped, and how long it may take."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reviewbot.cli.review import load_settings
from reviewbot.cli.selection import select_changes
from reviewbot.errors import ConfigError, EngineError, ExitCode, UsageError

if TYPE_CHECKING:
    from reviewbot.config import Config
    from reviewbot.engines import EngineInfo
    from reviewbot.plan import Plan
    from reviewbot.review import Material, Options
    from reviewbot.vocabulary import Vocabulary
    from reviewbot.window import Window


class Foreseen(NamedTuple):
    """Everything that is printed; `loaded_tokens` is the window that the model would be loaded with, `counted` says in
    words how tokens were counted, `asked` whether a server was."""

    material: "Material"
    options: "Options"
    plan: "Plan"
    window: "Window"
    loaded_tokens: int
    info: "EngineInfo"
    asked: bool
    counted: str
    tokens_per_s: float | None

    @property
    def chunk_tokens(self) -> int:
        """Tokens of code in one request."""
        return self.options.sizing.code_tokens(self.window)


def run(options: argparse.Namespace) -> int:
    """Print the plan. A server that is there is asked for its window and vocabulary, and shown no code."""
    from reviewbot.cli.material import select_material

    number = _request_number(options.show)
    repository, changes = select_changes(options)
    settings = load_settings(options, repository, changes)
    material = select_material(changes, settings, repository, deadline=None)
    foreseen = _foresee(material, settings.config, options.vocab)
    if number is not None:
        print(_show_request(foreseen, settings.config, number, as_json=options.format == "json"))
    else:
        from reviewbot.cli import plan_report

        render = plan_report.render_json if options.format == "json" else plan_report.render_text
        print(render(foreseen, verbose=options.verbose))
    return ExitCode.OK


def _request_number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise UsageError(f"--show takes the number of a request, and {text!r} is none", "reviewbot plan --show 1")
    return int(text)


def _foresee(material: "Material", config: "Config", vocab: str | None) -> Foreseen:
    from reviewbot.cli.cachefolder import cache_part
    from reviewbot.portions import plan_all
    from reviewbot.reading import for_demo
    from reviewbot.speed import recall_speed
    from reviewbot.window import foresee_window

    asked = config.num_ctx is None or vocab is None
    info, vocabulary, why = (
        _server_facts(config, ask_vocabulary=vocab is None) if asked else (_nobody(config), None, "")
    )
    if vocab is not None:
        vocabulary = vocabulary_in(Path(vocab), cache_part(config, "vocabularies"))
    from reviewbot.cli.consult import review_options

    options = review_options(config, deadline=None)
    options = for_demo(options) if info.demo else options
    window, loaded = foresee_window(info, vocabulary, material.changes, options.sizing)
    plan = plan_all(material.changes, options.sizing.budget(window))
    if vocabulary is not None:
        counted = "counted exactly"
    elif info.refuses_long:
        counted = "estimated: the vocabulary of this model cannot be counted with here"
    else:
        counted = f"counted as one a byte, which is the most that there can be: {why}"
    speed = recall_speed(cache_part(config, "speeds"), info)
    return Foreseen(material, options, plan, window, loaded.window_tokens, info, asked, counted, speed)


def _server_facts(config: "Config", *, ask_vocabulary: bool) -> tuple["EngineInfo", "Vocabulary | None", str]:
    """What would answer, its vocabulary, and why that is not known."""
    from reviewbot.cli.engine import open_engine

    engine = open_engine(config, interactive=True, deadline=None)
    try:
        info = engine.describe(None)
        return info, engine.vocabulary(None) if ask_vocabulary else None, "this server cuts long prompts silently"
    except EngineError as error:
        return _nobody(config), None, error.message
    finally:
        engine.close()


def _nobody(config: "Config") -> "EngineInfo":
    """A server of which nothing is known but what the settings say of it."""
    from reviewbot.engines import DEFAULT_WINDOW, EngineInfo, ModelFacts

    facts = ModelFacts(trained_window=config.num_ctx or DEFAULT_WINDOW, asked_window=config.num_ctx)
    return EngineInfo("none", config.model, config.endpoint, 0, refuses_long=False, facts=facts)


def vocabulary_in(path: Path, folder: str) -> "Vocabulary":
    """The vocabulary of the file that `--vocab` names."""
    from reviewbot.vocabulary import vocabulary_of_file

    if not path.is_file():
        raise ConfigError(f"--vocab: there is no file {path}", "--vocab MODEL.gguf")
    found = vocabulary_of_file(path, folder)
    if found is None:
        raise ConfigError(f"--vocab: {path} has no vocabulary that can be counted with", "--vocab MODEL.gguf")
    return found


def _show_request(foreseen: Foreseen, config: "Config", number: int, *, as_json: bool) -> str:
    """One request as it would be sent; as text with its invisible characters shown."""
    import json

    from reviewbot.prompts import render_change
    from reviewbot.replies import reply_schema
    from reviewbot.text import visible

    chunks = foreseen.plan.chunks
    if number > len(chunks):
        there = f"the last is {len(chunks)}" if chunks else "nothing would be sent"
        raise UsageError(f"there is no request {number}: {there}", "reviewbot plan")
    segments = chunks[number - 1].segments
    request: dict[str, Any] = {
        "system": foreseen.window.opening.system,
        "user": render_change(segments, foreseen.options.sizing.prompt.boundary),
        "format": reply_schema(segments, foreseen.options.reply_findings),
        "num_ctx": foreseen.loaded_tokens,
        "num_predict": foreseen.window.reply_tokens,
    }
    if as_json:
        return json.dumps(request, indent=2, ensure_ascii=False)
    return visible(f"--- system\n{request['system']}\n--- user\n{request['user']}".rstrip("\n"))
