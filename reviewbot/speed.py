"""How fast a model answers on this machine: kept between runs, so that a long review can be foreseen."""

import hashlib
import math
from pathlib import Path

from reviewbot.engines import EngineInfo
from reviewbot.files import keep

LONG_S = 60.0
"""Whoever waits for longer than this is told before."""


def recall_speed(folder: str, info: EngineInfo) -> float | None:
    """Tokens per second, read and written together, as measured last; None when this model was not asked before."""
    try:
        speed = float(_path(folder, info).read_text())
    except (OSError, ValueError):
        return None
    return speed if math.isfinite(speed) and speed > 0 else None


def keep_speed(folder: str, info: EngineInfo, tokens: int, seconds: float) -> None:
    """Keep what one run measured. A folder that cannot be written is no error: the next run then knows nothing."""
    if tokens > 0 and seconds > 0:
        keep(_path(folder, info), f"{tokens / seconds:.6g}".encode())


def show_duration(seconds: float) -> str:
    """The duration in words, as roughly as an estimate deserves: "40 seconds", "14 minutes", "2.5 hours"."""
    if seconds < 99.5:
        return f"{max(round(seconds), 1)} second{'' if seconds < 1.5 else 's'}"
    if seconds < 99.5 * 60:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def _path(folder: str, info: EngineInfo) -> Path:
    key = f"{info.endpoint} {info.model} {info.digest}"
    return Path(folder, hashlib.sha256(key.encode()).hexdigest())
