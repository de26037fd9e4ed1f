"""The findings of the last review of a repository, so that they can be named by their fingerprints."""

from pathlib import Path

from reviewbot.baseline import plain
from reviewbot.cli.cachefolder import cache_file
from reviewbot.config import Config
from reviewbot.files import keep
from reviewbot.repo import Repository
from reviewbot.review import Review


def remember(repository: Repository, config: Config, review: Review) -> None:
    """Keep fingerprint, rule and path of each finding that can be accepted, shown or not; nothing of its code."""
    hidden = [finding for finding, by in review.suppressed if by == "cap"]
    rows = [f"{f.fingerprint} {f.rule} {plain(f.path)}" for f in (*review.findings, *hidden) if f.line is not None]
    if rows:
        keep(_path(repository, config), "".join(f"{row}\n" for row in rows).encode("utf-8", "replace"))


def recall(repository: Repository, config: Config) -> dict[str, tuple[str, str]]:
    """Rule and path by fingerprint; empty when nothing is known."""
    try:
        rows = _path(repository, config).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    parts = [row.split(" ", 2) for row in rows]
    return {part[0]: (part[1], part[2]) for part in parts if len(part) == 3}


def _path(repository: Repository, config: Config) -> Path:
    return cache_file(config, "findings", repository.common_dir)
