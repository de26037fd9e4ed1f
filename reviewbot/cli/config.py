"""`reviewbot config`: each effective setting with the place that it came from."""

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from reviewbot.config import Settings, load_config, show_value
from reviewbot.errors import ExitCode, RepoError
from reviewbot.text import visible_line

if TYPE_CHECKING:
    from reviewbot.repo import Repository


def run(options: argparse.Namespace) -> int:
    """Print the settings as they are in a command typed here, and what differs in a git hook."""
    repository, problem = repository_here()
    if problem is not None:
        print(f"reviewbot: no repository file was read: {visible_line(problem.message)}", file=sys.stderr)
    settings = settings_here(options, repository)
    in_hook = settings_here(options, repository, in_hook=True)
    for note in settings.notes:
        print(f"reviewbot: {visible_line(note)}", file=sys.stderr)
    differing = [key for key in settings.origins if getattr(settings.config, key) != getattr(in_hook.config, key)]
    render = _render_json if options.format == "json" else _render_text
    print(render(settings, in_hook, differing))
    return ExitCode.OK


def repository_here() -> tuple["Repository | None", RepoError | None]:
    """The repository around the current folder, or None and the reason."""
    from reviewbot.repo import open_repository

    try:
        return open_repository(), None
    except RepoError as error:
        return None, error


def settings_here(
    options: argparse.Namespace, repository: "Repository | None", base: str = "HEAD", *, in_hook: bool = False
) -> Settings:
    """The settings of a review here of what is based on a revision: the repository's patterns count as it has them."""
    return load_config(
        root=None if repository is None else repository.root,
        git_dir=None if repository is None else repository.common_dir,
        flags=options.settings,
        in_hook=in_hook,
        config_file=options.config,
        isolated=options.isolated,
        read_base=None if repository is None else partial(repository.read_at, base),
    )


def _render_text(settings: Settings, in_hook: Settings, differing: list[str]) -> str:
    """Lines that may be pasted into a TOML file, each with its place as a comment."""
    shown = {key: show_value(key, getattr(settings.config, key)) for key in settings.origins}
    key_width = max(map(len, shown))
    value_width = min(max(map(len, shown.values())), 40)
    lines = [f"{key:{key_width}} = {value:{value_width}}  # {settings.origins[key]}" for key, value in shown.items()]
    for key in differing:
        value = show_value(key, getattr(in_hook.config, key))
        lines.append(f"# in a git hook: {key} = {value} ({in_hook.origins[key]})")
    return "\n".join(visible_line(line) for line in lines)


def _render_json(settings: Settings, in_hook: Settings, differing: list[str]) -> str:
    import json

    def entry(of: Settings, key: str) -> dict[str, Any]:
        return {"value": json.loads(show_value(key, getattr(of.config, key))), "origin": of.origins[key]}

    answer = {
        "settings": {key: entry(settings, key) for key in settings.origins},
        "in_hook": {key: entry(in_hook, key) for key in differing},
        "notes": list(settings.notes),
    }
    return json.dumps(answer, indent=2)
