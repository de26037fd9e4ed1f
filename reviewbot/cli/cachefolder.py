"""Where what is kept between runs lies: a folder in the cache for each kind of it."""

import hashlib
import os
from pathlib import Path

from reviewbot.config import Config
from reviewbot.layers import cache_folder


def cache_file(config: Config, part: str, about: str) -> Path:
    """The file in one of these folders that is about a path, whose name tells nobody which."""
    name = hashlib.sha256(about.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return Path(cache_part(config, part), name)


def cache_part(config: Config, name: str) -> str:
    """The folder in which one kind of thing is kept between runs; it may not exist."""
    return os.path.join(config.cache_dir or cache_folder(), name)
