"""What a review in the background leaves for `reviewbot status`, and for the next one."""

import time
from pathlib import Path

import msgspec
from msgspec import Struct

from reviewbot.cli.cachefolder import cache_file
from reviewbot.config import Config
from reviewbot.files import keep
from reviewbot.repo import Repository

AGAIN_S = 120
"""What an engine could not read is not put to it again for so long, unless something changes."""


class Told(Struct, frozen=True):
    """What came of the last review of one work tree, and when. `tried` has the time at which an engine was asked about
    a change, by a digest of it and of the settings; `loaded` when the model was last known to be loaded."""

    text: str = ""
    when: int = 0
    tried: dict[str, int] = {}
    loaded: int = 0

    def was_tried(self, digest: str) -> bool:
        """Whether that is not so long ago that it is worth another attempt."""
        return 0 <= time.time() - self.tried.get(digest, 0) < AGAIN_S


def read_told(repository: Repository, config: Config) -> Told:
    """What is known; nothing at first."""
    try:
        return msgspec.json.decode(_path(repository, config).read_bytes(), type=Told)
    except (OSError, msgspec.MsgspecError):
        return Told()


def keep_told(repository: Repository, config: Config, told: Told) -> None:
    """Keep it, but for attempts that are too long ago."""
    recent = {digest: when for digest, when in told.tried.items() if told.was_tried(digest)}
    keep(_path(repository, config), msgspec.json.encode(msgspec.structs.replace(told, tried=recent)))


def _path(repository: Repository, config: Config) -> Path:
    return cache_file(config, "background", repository.git_dir)
