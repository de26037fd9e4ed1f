"""Ask git; the only importer of GitPython."""

from typing import NamedTuple


class Source(NamedTuple):
    """What was reviewed. `kind` is staged, worktree, range, commit or stdin; `base` and `head` are object ids."""

    kind: str
    base: str | None = None
    head: str | None = None


class Change(NamedTuple):
    """A diff in git's fixed dialect; `unreadable` names files (git's bytes) that cannot be read safely, and why."""

    source: Source
    diff: bytes
    notes: tuple[str, ...] = ()
    unreadable: tuple[tuple[bytes, str], ...] = ()
