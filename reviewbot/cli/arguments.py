"""The command line's words: commands, flags and their help."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from reviewbot.cli.commands import ANSWERS, ARGUMENTS, COMMANDS, USES
from reviewbot.errors import UsageError
from reviewbot.settings import SETTINGS

FORMATS = tuple(
    "text json json-lines github sarif gitlab checkstyle junit rdjson rdjsonl markdown html".split()
)  # start-up reads them without loading reporters
LISTS = tuple(setting.key for setting in SETTINGS if setting.kind == "list")
WAIT_S = 60.0
FIRST = "first_"
"""What a repeatable option in front of the command is kept under: argparse would let the ones behind it replace it."""

_DEFAULTS = {
    "quiet": False,
    "verbose": False,
    "format": "text",
    "config": None,
    "isolated": False,
    "no_model": False,
    "no_cache": False,
    "exit_zero": False,
    "state": None,
    "shard": None,
    "show_dropped": False,
}

_DESCRIPTION = """\
Reviews a git change with a language model on your own machine.
Without a command it reviews what is staged.
"""

_EPILOG = """\
exit codes: 0 nothing blocks, 1 blocked, 2 wrong usage, 3 not (wholly) reviewed, 130 interrupted
"""


def _columns() -> int:
    """As COLUMNS or the terminal has it; 80 where neither does. argparse itself would load all compressors to ask."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80 if sys.__stdout__ else 80
    except (ValueError, OSError):
        return 80


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are ours, so that they all look the same."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"{self.prog} --help")

    def print_help(self, file: Any = None) -> None:
        """argparse itself is silent about a help text that it cannot write."""
        stream = sys.stdout if file is None else file
        stream.write(self.format_help())
        stream.flush()


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The options of one call. `settings` holds the raw texts of the flags given, by setting key.

    `paths` is None when no `--` was typed, else what stood behind it.
    """
    words, paths = _split_paths(list(argv))
    _refuse_common_mistakes(words)
    options = _build_parser().parse_args(words)
    if options.command is None:
        options.command, options.staged = "diff", True
    for key in ("output", *LISTS):
        both = [*getattr(options, f"{FIRST}{key}", ()), *getattr(options, key, ())]
        if both or key == "output":
            setattr(options, key, both)
    options.paths = paths
    options.settings = {s.key: getattr(options, s.key) for s in SETTINGS if hasattr(options, s.key)}
    _refuse_useless_options(options)
    return options


def _refuse_useless_options(options: argparse.Namespace) -> None:
    command = options.command
    for name, commands in USES.items():
        if command not in commands and getattr(options, name) != _DEFAULTS.get(name, []):
            if name == "output":
                raise UsageError(f"{command} writes no report", f"reviewbot {command} > FILE")
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} means nothing to {command}", f"reviewbot {command} --help")
    if command in ANSWERS and options.format not in ("text", "json"):
        raise UsageError(f"{command} prints text or json", f"reviewbot {command} --format json")
    if command == "uninstall" and options.settings:
        raise UsageError("uninstall reads no settings", "reviewbot uninstall")


def _split_paths(words: list[str]) -> tuple[list[str], list[str] | None]:
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _refuse_common_mistakes(words: Sequence[str]) -> None:
    if "--fix" in words:
        raise UsageError("reviewbot changes no files, so there is no --fix", "reviewbot diff")
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        if os.path.exists(words[0]):
            raise UsageError("reviewbot reviews changes, not files", f"reviewbot diff -- {words[0]}")
        import difflib

        near = difflib.get_close_matches(words[0], COMMANDS, n=1)
        hint = f"reviewbot {near[0]}" if near else "reviewbot --help"
        raise UsageError(f"there is no command {words[0]!r}", hint)


def _build_parser() -> argparse.ArgumentParser:
    width = _columns() - 2
    parser = _Parser(
        prog="reviewbot",
        usage="reviewbot [COMMAND] [OPTION ...]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=width),
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.set_defaults(
        args=[],
        staged=False,
        check=False,
        everywhere=False,
        show=None,
        vocab=None,
        next=None,
        first_parent=False,
        warm=False,
        warm_only=False,
        reason=None,
        command=None,
        **_DEFAULTS,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    made = {}
    for name, text in COMMANDS.items():
        made[name] = commands.add_parser(
            name,
            prog=f"reviewbot {name}",
            usage=f"reviewbot {name} {ARGUMENTS.get(name, '')}[OPTION ...]",
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            formatter_class=partial(argparse.HelpFormatter, width=width),
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
    _add_words(made)
    _add_options_of_install(made)
    _add_options_of_ci(made["ci"])
    for name, one in made.items():
        _add_common_options(one, name, "")
        _add_settings(one, "", hidden=name in ("install", "uninstall"))
    _add_common_options(parser, "diff", FIRST)
    _add_settings(parser, FIRST, hidden=False)
    return parser


def _add_words(made: Mapping[str, argparse.ArgumentParser]) -> None:
    """What each command takes behind its name, and the options that go with it."""
    for name in ("diff", "plan"):
        made[name].add_argument("--staged", "--cached", action="store_true", help="what is staged")
        made[name].add_argument("args", nargs="*", metavar="REV", help="as for git diff: REV, A..B, A...B, A B, or -")
    made["plan"].add_argument("--show", metavar="N", help="print request N as it would be sent")
    for name in ("plan", "batch"):
        made[name].add_argument("--vocab", metavar="FILE", help="count with the vocabulary of this GGUF file")
    made["batch"].add_argument("args", nargs="*", metavar="ACTION", help="export RANGE, or import REQUESTS RESULTS ...")
    text = "import: write the requests that have no answer yet"
    made["batch"].add_argument("--next", metavar="FILE", help=text)
    made["merge"].add_argument("args", nargs="+", metavar="REPORT", help="a report in JSON, of each share one")
    made["show"].add_argument("args", nargs="?", metavar="REV", help="the commit (default HEAD)")
    made["show"].add_argument("-m", "--first-parent", action="store_true", help="a merge against its first parent")
    made["hook"].add_argument("args", nargs="*", metavar="STAGE", help="pre-commit, pre-merge-commit or pre-push")
    made["prompts"].add_argument("args", nargs="*", metavar="ACTION", help="list (default), show [NAME] or check FILE")
    made["baseline"].add_argument("args", nargs="*", metavar="ACTION", help="what to do (default list)")
    made["baseline"].add_argument("--staged", "--cached", action="store_true", help="write: accept what is staged")
    made["baseline"].add_argument("--reason", metavar="TEXT", help="why the findings are accepted")
    made["cache"].add_argument("args", nargs="*", metavar="ACTION", help="info (default), clear or prune")


def _add_options_of_install(made: Mapping[str, argparse.ArgumentParser]) -> None:
    made["install"].add_argument("--stage", action="append", metavar="STAGE", help="a hook to write (repeatable)")
    made["install"].add_argument("--warm", action="store_true", help="also review while you stage (post-index-change)")
    made["install"].add_argument("--warm-only", action="store_true", help="write no other hook than that one")
    made["install"].add_argument("--check", action="store_true", help="write nothing, say whether they are in order")
    for name in ("install", "uninstall"):
        text = "in all repositories of yours, through git's global configuration"
        made[name].add_argument("--global", dest="everywhere", action="store_true", help=text)


def _add_options_of_ci(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(format=None, base=None, head=None, serve=False, allow_new_ignores=False, allow_skip=False)
    parser.set_defaults(wait=WAIT_S)
    parser.add_argument(
        "--base", metavar="REV", help="what the change is compared with, instead of what the host tells"
    )
    parser.add_argument("--head", metavar="REV", help="the commit to review, instead of what the host tells")
    parser.add_argument("--wait", type=_seconds, metavar="SECONDS", help="for a server that does not answer yet (60)")
    parser.add_argument("--serve", action="store_true", help="start `ollama serve` for this job, and end it")
    text = "honour comments of the change that overrule its own findings"
    parser.add_argument("--allow-new-ignores", action="store_true", help=text)
    parser.add_argument("--allow-skip", action="store_true", help="honour REVIEWBOT_SKIP")


def _seconds(text: str) -> float:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return float(text)


def _add_common_options(parser: argparse.ArgumentParser, command: str, first: str) -> None:
    """All of them, for a better word than argparse has; the help shows those that the command has a use for."""
    printed = parser.add_argument_group("what is printed")
    runs = parser.add_argument_group("how it runs")

    def add(group: argparse._ArgumentGroup, *flags: str, help: str, **options: Any) -> None:
        used = command in USES[flags[-1][2:].replace("-", "_")]
        group.add_argument(*flags, help=help if used else argparse.SUPPRESS, **options)

    add(printed, "-q", "--quiet", action="store_true", help="findings and problems only")
    add(printed, "-v", "--verbose", action="store_true", help="more about the run")
    shown = "{text,json}" if command in ANSWERS else None
    add(printed, "--format", choices=FORMATS, metavar=shown, help="of what goes to stdout (default text)")
    text = "also write a report (repeatable)"
    add(printed, "--output", dest=f"{first}output", action="append", metavar="[FORMAT=]FILE", help=text)
    text = "list what the model said that is not shown, and why"
    add(printed, "--show-dropped", action="store_true", help=text)
    add(runs, "--config", metavar="FILE", help="read this file instead of your own configuration")
    add(runs, "--isolated", action="store_true", help="read no configuration files")
    add(runs, "--no-model", action="store_true", help="deterministic checks only")
    add(runs, "--no-cache", action="store_true", help="ask again what was asked before, and keep nothing")
    add(runs, "--state", metavar="FILE", help="go on from there after a crash or the end of a budget")
    add(runs, "--shard", metavar="K/N", help="review share K of N, for `reviewbot merge`")
    add(runs, "--exit-zero", action="store_true", help="exit 0 even when findings block")


def _add_settings(parser: argparse.ArgumentParser, first: str, *, hidden: bool) -> None:
    group = parser.add_argument_group("settings")
    for setting in SETTINGS:
        text = argparse.SUPPRESS if hidden else f"{setting.help} ({setting.accepts})".replace("%", "%%")
        if setting.kind == "switch":
            group.add_argument(setting.flag, dest=setting.key, action="store_const", const="true", help=text)
            no = f"--no-{setting.flag[2:]}"
            group.add_argument(no, dest=setting.key, action="store_const", const="false", help=argparse.SUPPRESS)
        elif setting.kind == "list":
            entry = "GLOB" if "glob" in setting.accepts else "NAME=VARIABLE"
            group.add_argument(setting.flag, dest=f"{first}{setting.key}", action="append", metavar=entry, help=text)
        else:
            group.add_argument(setting.flag, dest=setting.key, metavar=setting.key.upper(), help=text)
