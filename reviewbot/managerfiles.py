"""Whether the file in which a manager of hooks is told what to run has it run reviewbot in a stage, as far as can be
told without reading YAML: comments tell nothing, nor does what is said of another stage."""

import re

_NAME = "reviewbot"
_COMMENT = re.compile(r"^[ \t]*#.*\n?", re.MULTILINE)

# What an alias brings is elsewhere in the file.
_ALIAS = re.compile(r"[:\[,-]\s*\*\w")

_ITEM = re.compile(r"^(?=[ \t]*-[ \t]+[{'\"]?\s*\w+['\"]?:)", re.MULTILINE)
_REPOSITORY = re.compile(r"\brepo:\s*\S+")
_STAGES = re.compile(r"\bstages:\s*(\[[^\]]*\]|(?:\s*-[ \t]+\S+)+)")
_BY_HAND = "reviewbot-manual"


def in_script(text: str) -> bool:
    """Of a shell script."""
    return _NAME in _COMMENT.sub("", text)


def in_lefthook(text: str, kind: str, stage: str) -> bool:
    """Of a file of lefthook; `kind` is the end of its name."""
    if kind in ("yml", "yaml"):
        rest = _COMMENT.sub("", text)
        block = re.search(rf"^['\"]?{stage}['\"]?:.*?(?=^\S|\Z)", rest, re.MULTILINE | re.DOTALL)
        return block is not None and _NAME in (rest if _ALIAS.search(block[0]) else block[0])
    return _NAME in repr(_table(text, kind).get(stage))


def in_pre_commit(text: str, stage: str) -> bool:
    """Of a file of pre-commit."""
    items = (_REPOSITORY.sub("", item) for item in _ITEM.split(_COMMENT.sub("", text)))
    return any(_NAME in item and _is_for(item, stage) for item in items)


def _is_for(item: str, stage: str) -> bool:
    stages = _STAGES.search(item)
    if stages is None:
        return _BY_HAND not in item
    return not {stage, stage.removeprefix("pre-")}.isdisjoint(re.findall(r"\w[\w-]*", stages[1]))


def _table(text: str, kind: str) -> dict[str, object]:
    import json
    import tomllib

    try:
        found = tomllib.loads(text) if kind == "toml" else json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
