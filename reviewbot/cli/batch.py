"""`reviewbot batch`: requests in a file for `vllm run-batch` on a cluster, and the review by its results."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from reviewbot.cli.cachefolder import cache_part
from reviewbot.cli.consult import review_options
from reviewbot.cli.material import select_material
from reviewbot.cli.plan import vocabulary_in
from reviewbot.cli.publication import outputs, publish
from reviewbot.cli.review import load_settings
from reviewbot.config import Config
from reviewbot.engines.batch import BatchEngine, rows_of
from reviewbot.errors import ExitCode, UsageError
from reviewbot.files import replacing
from reviewbot.reading import run_review
from reviewbot.repo import Change, Repository, open_repository
from reviewbot.reporters.omissions import count_words
from reviewbot.review import Material, Options, Review, tell_idle_ignores
from reviewbot.text import visible_line

EXPORT = "reviewbot batch export A..B --num-ctx 16384 > requests.jsonl"
IMPORT = "reviewbot batch import requests.jsonl results.jsonl --num-ctx 16384"


def run(options: argparse.Namespace) -> int:
    """Write the requests of a range, or review it by their results."""
    action, *words = options.args or [""]
    if action == "export" and words:
        return _export(options, words)
    if action == "import" and len(words) >= 2:
        return _import(options, words[0], words[1:])
    raise UsageError("batch takes `export RANGE`, or `import REQUESTS RESULTS ...`", EXPORT)


def _export(options: argparse.Namespace, words: Sequence[str]) -> int:
    if options.output or options.next:
        raise UsageError("batch export writes its requests to stdout, and no report", EXPORT)
    repository = open_repository()
    change = repository.select(words, None, staged=False)
    material, config, asking, engine = _prepare(options, repository, change, {})
    _ask(material, asking, engine)
    sys.stdout.writelines(_lines(engine))
    left_out = sum(omission.lines for omission in material.skipped)
    requests = count_words(len(engine.requests), "request")
    lines = count_words(sum(len(change.added) for change in material.changes), "added line")
    print(f"reviewbot: {requests} for {lines} ({left_out:,} skipped)", file=sys.stderr)
    return ExitCode.OK


def _import(options: argparse.Namespace, requests: str, results: Sequence[str]) -> int:
    outputs(options)
    asked = {str(row["custom_id"]) for row in _rows(requests)}
    base, head = _range_of(requests, asked)
    answers: dict[str, dict[str, Any] | None] = {}
    for row in (row for name in results for row in _rows(name)):
        answers[row["custom_id"]] = None if row["custom_id"] in answers else row
    repository = open_repository()
    change = repository.between(base, head)
    material, config, asking, engine = _prepare(options, repository, change, answers)
    review = tell_idle_ignores(_ask(material, asking, engine), material)
    if asked and not asked & (engine.used | engine.requests.keys()):
        raise UsageError(
            f"{visible_line(requests)} was made with another prompt, model or setting than those of this command",
            IMPORT,
        )
    usage = replace(review.usage, prompt_tokens=engine.prompt_tokens, completion_tokens=engine.completion_tokens)
    review = replace(review, usage=usage, notes=(*review.notes, *_notes(engine, len(answers.keys() - engine.used))))
    if options.next is not None:
        with replacing(Path(options.next).absolute()) as file:
            file.write("".join(_lines(engine)).encode())
        without = count_words(len(engine.requests), "request")
        print(f"reviewbot: {without} without an answer, in {visible_line(options.next)}", file=sys.stderr)
    return publish(review, config, options)


def _notes(engine: BatchEngine, foreign: int) -> Iterator[str]:
    """What people should know of the results."""
    if engine.failures:
        ((reason, _),) = Counter(engine.failures.values()).most_common(1)
        yield f"{count_words(len(engine.failures), 'row')} of the results cannot be used, as {visible_line(reason)}"
    if foreign:
        yield f"{count_words(foreign, 'row')} of the results answered no request of this review"


def _prepare(
    options: argparse.Namespace, repository: Repository, change: Change, answers: dict[str, dict[str, Any] | None]
) -> tuple[Material, Config, Options, BatchEngine]:
    if change.source.kind != "range":
        raise UsageError("a batch is about the change between two commits", EXPORT)
    settings = load_settings(options, repository, (change,))
    config = settings.config
    if config.num_ctx is None:
        raise UsageError("a batch asks no server, so the window of the model has to be told", "--num-ctx TOKENS")
    vocabulary = None
    if options.vocab is not None:
        vocabulary = vocabulary_in(Path(options.vocab), cache_part(config, "vocabularies"))
    asking = review_options(config, deadline=None)
    engine = BatchEngine(
        answers,
        about=f"{change.source.base}.{change.source.head}",
        boundary=asking.sizing.prompt.boundary,
        model=config.model,
        num_ctx=config.num_ctx,
        vocabulary=vocabulary,
        temperature=config.temperature,
        seed=config.seed,
    )
    return select_material((change,), settings, repository, None), config, asking, engine


def _ask(material: Material, asking: Options, engine: BatchEngine) -> Review:
    return run_review(material, engine, asking, lambda step: None, lambda info: None)


def _lines(engine: BatchEngine) -> list[str]:
    return [f"{json.dumps(row)}\n" for row in engine.requests.values()]


def _rows(name: str) -> list[dict[str, Any]]:
    try:
        with open(name, "rb") as file:
            return list(rows_of(file))
    except OSError as error:
        raise UsageError(f"{visible_line(name)} cannot be read: {error.strerror}", IMPORT) from error
    except ValueError as error:
        raise UsageError(f"{visible_line(name)}: {error}", IMPORT) from error


def _range_of(name: str, asked: set[str]) -> tuple[str, str]:
    """The two commits that the requests are about."""
    ranges = {tuple(custom_id.split(".")[:2]) for custom_id in asked if custom_id.count(".") == 2}
    if len(ranges) != 1:
        raise UsageError(f"{visible_line(name)} has no requests of one change", EXPORT)
    ((base, head),) = ranges
    return base, head
