"""Which files a model should not read: left out by a rule, and listed with its name."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from reviewbot.diff import SUBMODULE_MODE, SYMLINK_MODE, FileChange
from reviewbot.plan import Omission, omit


class Rules(Struct, frozen=True):
    """Which files are left out: globs over whole paths; `include` brings back what `exclude` drops."""

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


def select_files(changes: Sequence[FileChange], rules: Rules) -> tuple[tuple[FileChange, ...], tuple[Omission, ...]]:
    """The changes that a model can and should read, and what is skipped instead."""
    kept = []
    skipped: list[Omission] = []
    for change in changes:
        reason = _skip_reason(change, rules)
        if reason is None:
            kept.append(change)
        else:
            skipped += omit(change, reason) or [Omission(change.path, None, None, 0, reason)]
    return tuple(kept), tuple(skipped)


def _skip_reason(change: FileChange, rules: Rules) -> str | None:
    if change.binary:
        return "binary"
    if change.mode == SUBMODULE_MODE:
        return "submodule"
    if change.mode == SYMLINK_MODE:
        return "symbolic link"
    added = change.added
    if added and added[0].new == 1 and added[0].text == "version https://git-lfs.github.com/spec/v1":
        return "LFS pointer"
    if added:
        for pattern in rules.exclude:
            if matches(change.path, pattern) and not any(matches(change.path, p) for p in rules.include):
                return f"exclude {pattern}"
    return None


def matches(path: str, pattern: str) -> bool:
    """Whether a glob names the path, the file's name, or a folder above it (`docs/`, `*.lock`, `src/*.py`)."""
    if pattern.endswith("/"):
        return fnmatchcase(path, pattern + "*") or fnmatchcase(path, "*/" + pattern + "*")
    return fnmatchcase(path, pattern) or ("/" not in pattern and fnmatchcase(path.rsplit("/", 1)[-1], pattern))
