"""Whether the file in which a manager of hooks is told what to run has it run reviewbot in a stage."""

import re
from collections.abc import Iterator
from typing import Any

_NAME = "reviewbot"
_COMMENT = re.compile(r"^[ \t]*#.*\n?", re.MULTILINE)
_BY_HAND = "reviewbot-manual"


def in_script(text: str) -> bool:
    """Of a shell script."""
    return _NAME in _COMMENT.sub("", text)


def in_lefthook(text: str, kind: str, stage: str) -> bool:
    """Of a file of lefthook; `kind` is the end of its name."""
    return _NAME in repr(_table(text, kind).get(stage))


def in_pre_commit(text: str, stage: str) -> bool:
    """Of a file of pre-commit."""
    config = _table(text, "yaml")
    return any(stages is None or _is_among(stage, stages) for stages in _stages(config))


def _stages(config: dict[str, Any]) -> Iterator[Any]:
    """Those of each hook that runs reviewbot; None for all of them."""
    for repository in _tables(config.get("repos")):
        default = config.get("default_stages") if repository.get("repo") == "local" else None  # others bring theirs
        for hook in _tables(repository.get("hooks")):
            if _NAME in f"{hook.get('id')} {hook.get('entry')}":
                yield hook.get("stages") or (["manual"] if hook.get("id") == _BY_HAND else default)


def _is_among(stage: str, stages: Any) -> bool:
    """By the names of today, or those that pre-commit had before 3.2."""
    return isinstance(stages, list) and (stage in stages or stage.removeprefix("pre-") in stages)


def _tables(found: Any) -> Iterator[dict[str, Any]]:
    return (entry for entry in found if isinstance(entry, dict)) if isinstance(found, list) else iter(())


def _table(text: str, kind: str) -> dict[str, Any]:
    import json
    import tomllib

    import yaml

    try:
        if kind in ("yml", "yaml"):
            found = yaml.safe_load(text)
        else:
            found = tomllib.loads(text) if kind == "toml" else json.loads(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
