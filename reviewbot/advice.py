"""Which model to take for a machine, how large its window can be, and what mends a model that does not fit."""

from collections.abc import Callable

from msgspec import Struct

from reviewbot.address import is_here
from reviewbot.capacity import (
    CODE_LLAMA,
    DEVICE_BYTES,
    STEP,
    USEFUL_WINDOW,
    Fit,
    KvType,
    Memory,
    ModelShape,
    Place,
    Speed,
    fit,
    kv_token_bytes,
    largest_window,
    memory_of,
    need_bytes,
    shape_of,
)
from reviewbot.engines import DEFAULT_WINDOW, EngineInfo, Loaded
from reviewbot.gpu import Probe, ram

LICENCE = "Llama 2 Community License"
LICENCE_URL = "https://ai.meta.com/llama/license/"


class Recommendation(Struct, frozen=True):
    """The tier of Code Llama to take, the type of its cache, and the largest window that it then has."""

    model: str
    kv: KvType
    window: int
    place: Place
    speed: Speed

    @property
    def serve(self) -> str | None:
        """The command that starts Ollama with this cache; None where any Ollama does."""
        return None if self.kv is KvType.F16 else f"{cache_variables(self.kv)} ollama serve"

    @property
    def pull(self) -> str:
        """The command that gets the model; to run it is to accept its licence."""
        return f"ollama pull {self.model}"

    @property
    def use(self) -> str:
        """The command that reviews with it."""
        return f"reviewbot diff --model {self.model}"

    @property
    def show_licence(self) -> str:
        """The command that prints the licence, once the model is there."""
        return f"ollama show {self.model} --license"

    @property
    def commands(self) -> tuple[str, ...]:
        """What to type, in order."""
        return (*([self.serve] if self.serve else []), self.pull, self.use)


def cache_variables(kv: KvType) -> str:
    """The environment of an Ollama server that keeps its cache in this form."""
    return f"OLLAMA_KV_CACHE_TYPE={kv.label} OLLAMA_FLASH_ATTENTION=1"


def recommend(memory: Memory) -> Recommendation | None:
    """The largest tier that fits GPUs wholly with a useful window; else the smallest, if it runs here at all.

    A cache of q4_0 costs quality, so that it is no way to a larger tier. Without a GPU the smallest is slow enough.
    """
    smallest = CODE_LLAMA[0]
    for shape in reversed(CODE_LLAMA if memory.gpu_bytes else CODE_LLAMA[:1]):
        found = fit(shape, memory)
        if found.kv in (KvType.F16, KvType.Q8_0):
            return _take(shape, found, found.kv)
    found = fit(smallest, memory)
    return None if found.place is Place.NOT else _take(smallest, found, found.kv or KvType.F16)


def _take(shape: ModelShape, found: Fit, kv: KvType) -> Recommendation:
    return Recommendation(shape.name, kv, found.windows[kv] or USEFUL_WINDOW, found.place, found.speed)


def largest_window_here(info: EngineInfo, look: Callable[[], Probe]) -> int:
    """The largest window that fits the memory that is free now together with the model; DEFAULT_WINDOW at least.

    That is all that can be said of a server on another machine, a driver that does not tell, an unknown model.
    """
    shape = shape_of(info.model, info.facts.metadata, info.facts.weights_bytes)
    memory = None if shape is None else _memory(info, look)
    return DEFAULT_WINDOW if shape is None or memory is None else max(largest_window(shape, memory), DEFAULT_WINDOW)


def _memory(info: EngineInfo, look: Callable[[], Probe]) -> Memory | None:
    if info.kind == "embedded":
        return Memory((), ram().free_bytes)
    if not is_here(info.endpoint):
        return None
    found = look()
    return None if found.unclear and not found.gpus else memory_of(found.gpus, ram())


def slow_note(info: EngineInfo, loaded: Loaded, look: Callable[[], Probe]) -> str | None:
    """What to say of a model that is not wholly on GPUs, and what mends it; None where that is unknown or no news.

    On a machine without a GPU that has room for it there is nothing to mend.
    """
    if loaded.gpu_bytes >= loaded.bytes:
        return None
    if loaded.gpu_bytes:
        share = 1 - loaded.gpu_bytes / loaded.bytes
        percent = min(max(round(100 * share), 1), 99)
        words = "slower" if share < 0.1 else "several times slower" if share < 0.5 else "about as slow as without a GPU"
        return f"{percent} % of {info.model} is on the processor, which makes it {words}; {_remedy(info, loaded)}"
    gpus = look().gpus if info.kind == "ollama" and is_here(info.endpoint) else ()
    free = max((gpu.free_bytes for gpu in gpus), default=0)
    if free < max(loaded.bytes, 1):
        return None
    return (
        f"{info.model} is on the processor alone, which is very slow, though a GPU has {free / 2**30:.1f} GiB free; "
        f"`ollama stop {info.model}` loads it anew, and the log of Ollama says why the GPU is not used"
    )


def _remedy(info: EngineInfo, loaded: Loaded) -> str:
    """The window or the model with which all of it would be on the GPU."""
    shape = shape_of(info.model, info.facts.metadata, info.facts.weights_bytes)
    if shape is not None:
        window = _fitting_window(shape, loaded, KvType.F16)
        if window >= USEFUL_WINDOW:
            return f"a window of {window} tokens would fit the GPU: --num-ctx {window}"
        window = _fitting_window(shape, loaded, KvType.Q8_0)
        if window >= USEFUL_WINDOW:
            return f"with {cache_variables(KvType.Q8_0)} set for Ollama a window of {window} tokens would fit the GPU"
    for tier in reversed(CODE_LLAMA):
        smaller = shape is None or tier.weights_bytes < 0.9 * shape.weights_bytes  # files of one tier differ a little
        if smaller and need_bytes(tier, USEFUL_WINDOW) - DEVICE_BYTES <= loaded.gpu_bytes:
            return f"{tier.name} would fit the GPU: ollama pull {tier.name}"
    return "a smaller model would fit the GPU"


def _fitting_window(shape: ModelShape, loaded: Loaded, kv: KvType) -> int:
    """The window that makes up for what is not on the GPU; 0 without one. The server's own sizes are the measure."""
    token = kv_token_bytes(shape, kv)
    saved = (kv_token_bytes(shape, KvType.F16) - token) * loaded.window_tokens
    over = max(loaded.bytes - loaded.gpu_bytes - saved, 0)
    return max(loaded.window_tokens - -(-over // token), 0) // STEP * STEP
