"""`reviewbot prompts`: the built-in texts, the one in use here as it is sent, and what is wrong with one of yours."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from reviewbot.errors import ExitCode, UsageError
from reviewbot.findings import Severity
from reviewbot.layout import disarm
from reviewbot.prompts import CONFIRM, MAX_PROMPT_BYTES, load_builtin, load_prompt, prompt_names, read_prompt_file
from reviewbot.replies import REPLY_KEYS
from reviewbot.text import visible, visible_line
from reviewbot.tokens import EstimateCounter

_ACTIONS = "reviewbot prompts list | show [NAME] | check FILE"
_PLACEHOLDER = re.compile(r"\{\{?\s*[A-Za-z_]\w*\s*\}\}?|\$\{?[A-Za-z_]\w*\}?|%\([A-Za-z_]\w*\)s")


def run(options: argparse.Namespace) -> int:
    """List, show or check; 2 when a checked file should not be used."""
    match options.args:
        case [] | ["list"]:
            _list()
        case ["show"]:
            _show(options, None)
        case ["show", name]:
            _show(options, name)
        case ["check", name]:
            return _check(Path(name))
        case ["check"]:
            raise UsageError("prompts check needs the file to check", "reviewbot prompts check FILE")
        case _:
            raise UsageError(f"prompts does not know {' '.join(options.args)!r}", _ACTIONS)
    return ExitCode.OK


def _list() -> None:
    print("name      version  bytes  tokens  purpose")
    for name in (*prompt_names(), CONFIRM):
        prompt = load_builtin(name)
        print(f"{name:<10}{prompt.version:>7}{_sizes(prompt.text)}  {prompt.purpose}")


def _sizes(text: str) -> str:
    size = len(text.encode())
    return f"{size:>7}{EstimateCounter().count(text):>8}"


def _show(options: argparse.Namespace, name: str | None) -> None:
    """The instructions as they are sent, with the language and the guidelines that are set here."""
    from reviewbot.cli.config import repository_here, settings_here

    if name == CONFIRM:
        print(load_builtin(CONFIRM).text)
        return
    if name is not None and name not in prompt_names() and not Path(name).exists():
        raise UsageError(
            f"cannot read {name}: no prompt has that name, and there is no such file", "reviewbot prompts list"
        )
    config = settings_here(options, repository_here()[0]).config
    guidelines = Path(config.guidelines) if config.guidelines else None
    prompt = load_prompt(name or config.prompt, language=config.language, guidelines=guidelines)
    print(visible(prompt.system))


def _check(path: Path) -> int:
    if not path.exists():
        raise UsageError(f"cannot read {path}: there is no such file", "reviewbot prompts check FILE")
    text = read_prompt_file(path)
    problems = list(_problems(text))
    for problem in problems:
        print(f"{visible_line(str(path))}: {visible_line(problem)}")
    if problems:
        return ExitCode.USAGE
    tokens = EstimateCounter().count(text)
    print(f"{visible_line(str(path))}: ok, {len(text.encode())} of {MAX_PROMPT_BYTES} bytes, at most {tokens} tokens")
    return ExitCode.OK


def _problems(text: str) -> Iterator[str]:
    """What would make answers unreadable, or the text be taken for something else."""
    missing = [key for key in ("findings", *REPLY_KEYS) if f'"{key}"' not in text]
    if missing:
        yield f"it does not ask for the answer's {', '.join(missing)}; `reviewbot prompts show reviewer` has the shape"
    words = [severity.word for severity in reversed(Severity) if not re.search(rf"\b{severity.word}\b", text)]
    if words:
        yield f"it does not name the severit{'y' if len(words) == 1 else 'ies'} {', '.join(words)}"
    for line in text.splitlines():
        if disarm(line) != line:
            yield f"it holds {line.strip()[:80]!r}, which the template of a model gives a meaning"
    for placeholder in dict.fromkeys(_PLACEHOLDER.findall(text)):
        yield f"it holds {placeholder}, and nothing is filled in"
