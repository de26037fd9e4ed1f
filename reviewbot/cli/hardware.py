"""Which models this machine can hold: lines for people, values for `--format json`."""

import platform
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from reviewbot.address import is_here
from reviewbot.advice import LICENCE, LICENCE_URL, Recommendation, recommend
from reviewbot.capacity import (
    CODE_LLAMA,
    Fit,
    KvType,
    Memory,
    ModelShape,
    fit,
    give_back,
    memory_of,
    shape_of,
)
from reviewbot.cli.diagnosis import Check, State
from reviewbot.cli.engine import ollama_engine
from reviewbot.config import Config
from reviewbot.engines.answers import number, table
from reviewbot.engines.ollama_server import LoadedModel, OllamaServer
from reviewbot.errors import ReviewbotError
from reviewbot.gpu import Probe, Ram, probe, ram
from reviewbot.values import is_cloud_name

ASK_LIMIT_S = 5.0
"""For all questions to the server about its models."""

UNKNOWN = "unknown"
"""The speed where no memory of a GPU is known."""


class Installed(NamedTuple):
    """A model of the server; `shape` is None when it tells too little."""

    name: str
    weights_bytes: int
    shape: ModelShape | None


class Served(NamedTuple):
    """What an Ollama server tells: its models, and those that are loaded."""

    models: tuple[Installed, ...] = ()
    loaded: tuple[tuple[str, LoadedModel], ...] = ()

    @property
    def gpu_bytes(self) -> int:
        """What the loaded models take on GPUs."""
        return sum(model.gpu_bytes for _, model in self.loaded)


class Row(NamedTuple):
    """A model and how it fits; `fit` is None when that cannot be told."""

    name: str
    installed: bool
    weights_bytes: int
    fit: Fit | None


class Hardware(NamedTuple):
    """What models can have here, each tier of Code Llama and each installed model in it, and which one to take.

    `memory` is None when models run on another machine, whose memory nobody tells. What loaded models take counts as
    free in it, for the next one replaces them.
    """

    probe: Probe
    ram: Ram
    served: Served
    memory: Memory | None
    rows: tuple[Row, ...] = ()
    recommendation: Recommendation | None = None

    @property
    def source(self) -> str | None:
        """Where the memory was read: "nvml" (GPUs) or "ram" (the machine's own)."""
        return None if self.memory is None else "nvml" if self.memory.gpu_bytes else "ram"

    def has(self, model: str) -> bool:
        """Whether the server has a model of this name."""
        return any(row.installed and row.name == model for row in self.rows)

    @property
    def other_gpu(self) -> bool:
        """Whether there may be a GPU that NVML does not tell of."""
        apple = sys.platform == "darwin" and platform.machine() == "arm64"
        return not self.probe.gpus and (apple or self.probe.unclear or self.served.gpu_bytes > 0)


def survey_hardware(config: Config | None) -> Hardware:
    """What this machine can hold. Without usable settings no server is asked."""
    found, own = probe(), ram()
    served = Served()
    if config is not None and config.engine in ("auto", "ollama"):
        served = _ask_server(config)
    if config is not None and config.engine != "embedded" and not is_here(config.endpoint):
        return Hardware(found, own, served, None)
    memory = memory_of(give_back(found.gpus, served.gpu_bytes), own)
    return Hardware(found, own, served, memory, _rows(served, memory), recommend(memory))


def _ask_server(config: Config) -> Served:
    """What can be had; that a server is missing is said by its own checks."""
    models: list[Installed] = []
    loaded: tuple[tuple[str, LoadedModel], ...] = ()
    try:
        engine = ollama_engine(config)
    except ReviewbotError:
        return Served()
    try:
        deadline = time.monotonic() + ASK_LIMIT_S
        loaded = tuple(engine.server.all_loaded(deadline))
        for entry in engine.server.models(deadline):
            model = _installed(engine.server, entry, deadline)
            if model is not None:
                models.append(model)
    except ReviewbotError:
        pass
    finally:
        engine.close()
    return Served(tuple(sorted(models, key=lambda model: model.name)), loaded)


def _installed(server: OllamaServer, entry: dict[str, Any], deadline: float) -> Installed | None:
    """A model of `/api/tags`; None for one that runs elsewhere, or is no language model."""
    name, size = str(entry.get("name") or ""), number(entry.get("size"))
    # Even a question about a model of a cloud goes to that cloud.
    if not name or is_cloud_name(name) or entry.get("remote_host") or entry.get("remote_model"):
        return None
    try:
        shown = server.show(name, deadline)
    except ReviewbotError:
        return None
    capabilities = shown.get("capabilities")
    if isinstance(capabilities, list) and capabilities and "completion" not in capabilities:
        return None
    return Installed(name, size, shape_of(name, table(shown, "model_info"), size))


def _rows(served: Served, memory: Memory) -> tuple[Row, ...]:
    """All tiers, then the other models of the server. A tier that is installed has the shape of its file."""
    there = {model.name: model for model in served.models}
    tiers = [there.get(tier.name) or Installed(tier.name, tier.weights_bytes, tier) for tier in CODE_LLAMA]
    others = [model for model in served.models if model not in tiers]
    return tuple(
        Row(model.name, model.name in there, model.weights_bytes, fit(model.shape, memory) if model.shape else None)
        for model in (*tiers, *others)
    )


def hardware_checks(hardware: Hardware) -> Iterator[Check]:
    """A line for each GPU, or why there is none, and one that says which memory counts."""
    found = hardware.probe
    driver = f", driver {found.driver}" if found.driver else ""
    for gpu in found.gpus:
        size = f"{gib(gpu.free_bytes)} of {gib(gpu.total_bytes)} GiB free"
        yield Check("GPU", State.OK, f"{gpu.name}, {size}{driver}")
    for left_out in found.left_out:
        yield Check("GPU", State.NOTE, left_out)
    if found.why:
        rest = "no GPU can be counted" if found.unclear else "on a processor alone a review takes minutes"
        yield Check("GPU", State.NOTE, f"{found.why}; {rest}")
    own = f"the machine's own, {gib(hardware.ram.free_bytes)} of {gib(hardware.ram.total_bytes)} GiB free"
    if hardware.source is None:
        message = "the server is on another machine, whose memory cannot be seen from here"
        yield Check("memory", State.NOTE, message)
    elif hardware.source == "nvml":
        yield Check("memory", State.OK, "what counts is the GPU's own, as the NVIDIA driver tells it (NVML)")
    elif found.gpus:
        yield Check("memory", State.NOTE, f"no GPU has room for a model now, so what counts is {own}")
    else:
        yield Check("memory", State.OK, f"what counts is {own}")
    if not found.gpus:
        for name, model in hardware.served.loaded:
            if model.gpu_bytes:
                message = f"{gib(model.gpu_bytes)} GiB of {name} are on a GPU, whose size cannot be told from here"
                yield Check("memory", State.NOTE, message)


def hardware_json(hardware: Hardware) -> dict[str, Any]:
    """All of it, in plain values; sizes are bytes and windows tokens, 0 where none fits."""
    found, advice = hardware.probe, hardware.recommendation
    return {
        "source": hardware.source,
        "driver": found.driver or None,
        "gpus": [gpu._asdict() for gpu in found.gpus],
        "why_no_gpu": found.why or None,
        "left_out": list(found.left_out),
        "ram": hardware.ram._asdict(),
        "loaded": [
            {"model": name, "bytes": model.bytes, "gpu_bytes": model.gpu_bytes}
            for name, model in hardware.served.loaded
        ],
        "models": [_model_json(row, hardware.other_gpu) for row in hardware.rows],
        "recommendation": None if advice is None else _advice_json(advice, there=hardware.has(advice.model)),
    }


def _model_json(row: Row, other_gpu: bool) -> dict[str, Any]:
    return {
        "model": row.name,
        "installed": row.installed,
        "weights_bytes": row.weights_bytes,
        "fits": row.fit.place if row.fit else None,
        "cache": row.fit.kv.label if row.fit and row.fit.kv else None,
        "windows": {kv.label: row.fit.windows[kv] for kv in KvType} if row.fit else None,
        "speed": UNKNOWN if row.fit is None or other_gpu else row.fit.speed,
    }


def _advice_json(advice: Recommendation, *, there: bool) -> dict[str, Any]:
    return {
        "model": advice.model,
        "cache": advice.kv.label,
        "window": advice.window,
        "fits": advice.place,
        "speed": advice.speed,
        "commands": [command for command in advice.commands if not (there and command == advice.pull)],
        "licence": {"name": LICENCE, "url": LICENCE_URL, "command": advice.show_licence},
    }


def gib(size: int) -> str:
    """Bytes as GiB with one decimal."""
    return f"{size / 2**30:.1f}"
