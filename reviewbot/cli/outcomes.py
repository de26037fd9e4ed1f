"""The outcomes that this user keeps: where they lie, which model they are of, and when it was last seen."""

import hashlib
import math
import time
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from reviewbot.cli.cachefolder import cache_part
from reviewbot.config import Config
from reviewbot.engines import EngineInfo, ModelFacts
from reviewbot.layers import OUTCOMES
from reviewbot.outcomes import Manners, Outcomes
from reviewbot.reading import Recalled
from reviewbot.review import Options
from reviewbot.store import BUSY_S, Store

SEEN_S = 24 * 3600
"""For so long a model counts as the one that it was when it was last asked."""


class _Seen(Struct, frozen=True):
    """A model as it was when it was last asked."""

    info: EngineInfo
    when: int


class Kept:
    """The outcomes of one way to review."""

    def __init__(self, config: Config, options: Options, store: Store | None = None) -> None:
        self.store = open_store(config, options.deadline) if store is None else store
        self._config = config
        self._options = options

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know of the file that they lie in."""
        return (*self.store.notes, *([self.store.problem] if self.store.problem else []))

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()

    def last_seen(self) -> tuple[EngineInfo, str] | None:
        """The model that would be asked, and when it last was; None when that is too long ago."""
        key = self._seen_key()
        try:
            seen = msgspec.json.decode(self.store.get([key])[key], type=_Seen)
        except (KeyError, msgspec.MsgspecError):
            return None
        if not 0 <= time.time() - seen.when < SEEN_S:
            return None
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(seen.when))
        return seen.info, f"{seen.info.model} was last seen at {when}"

    def recall(self) -> Recalled | None:
        """The outcomes of the model that would be asked."""
        seen = self.last_seen()
        outcomes = self.of(seen[0]) if seen else None
        return Recalled(seen[0], seen[1], outcomes) if seen and outcomes else None

    def see(self, info: EngineInfo | None) -> None:
        """Note which model answered; one without a digest might be another one the next time."""
        if info is not None and _can_be_told(info):
            seen = _Seen(replace(info, facts=ModelFacts()), int(time.time()))
            self.store.put({self._seen_key(): msgspec.json.encode(seen)})

    def of(self, info: EngineInfo) -> Outcomes | None:
        """The outcomes of a model; None where it cannot be told from another one."""
        if not _can_be_told(info):
            return None
        config = self._config
        manners = Manners(
            digest=info.digest or "",
            prompt=self._options.sizing.prompt.sha256,
            temperature=config.temperature,
            seed=config.seed,
            reply_findings=self._options.reply_findings,
        )
        return Outcomes(self.store, manners)

    def _seen_key(self) -> bytes:
        config = self._config
        parts = ("seen", config.engine, config.endpoint, config.model, str(config.model_file))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).digest()


def _can_be_told(info: EngineInfo) -> bool:
    """Whether a model is known from another one of its name; of the demo model nothing is kept."""
    return bool(info.digest) and not info.demo


def open_store(config: Config, deadline: float | None = None) -> Store:
    """The file in the cache folder. Who has a deadline waits for others who write a hundredth of what is left."""
    left = math.inf if deadline is None else max(deadline - time.monotonic(), 0)
    return Store(Path(cache_part(config, OUTCOMES)), config.cache_mib * 1024 * 1024, min(BUSY_S, left / 100))
