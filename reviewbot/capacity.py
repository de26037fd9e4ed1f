"""Which window of which model fits which memory. Arithmetic only; the rules are llama.cpp's, as Ollama applies them."""

from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any

from msgspec import Struct

from reviewbot.gpu import Gpu, Ram

USEFUL_WINDOW = 4096
"""Tokens; with less there is hardly room for code beside the instructions and the answer."""

STEP = 1024
"""Windows are given in whole steps of so many tokens."""

DEVICE_BYTES = 3 * 2**29
"""What each device holds beside the model: half a GiB for the driver, one GiB that Ollama leaves free."""

_BATCH = 512
_VOCABULARY = 152064
"""Tokens of a large vocabulary, where a model does not tell its own."""


class KvType(Enum):
    """How the cache holds the window: the name that Ollama knows it by, and 32nds of a byte for each number.

    f16 is Ollama's default. The others need flash attention; q4_0 costs some quality.
    """

    F16 = "f16", 64
    Q8_0 = "q8_0", 34
    Q4_0 = "q4_0", 18

    def __init__(self, label: str, bytes_by_32: int) -> None:
        self.label = label
        self.bytes_by_32 = bytes_by_32


class ModelShape(Struct, frozen=True):
    """What a model's memory depends on.

    `kv_width` are the numbers that one token adds to the cache, all layers together; `weights_bytes` is the file's
    size, `host_bytes` the part of it that stays in the machine's own memory although a GPU is used.
    """

    name: str
    kv_width: int
    embedding: int
    vocabulary: int
    trained_window: int
    weights_bytes: int
    host_bytes: int = 0


class Memory(Struct, frozen=True):
    """Memory for a model: the free bytes of each GPU that counts, the largest first, and of the machine.

    Without a GPU (`gpu_bytes` is empty) a model runs in the machine's own memory.
    """

    gpu_bytes: tuple[int, ...]
    ram_bytes: int


class Place(StrEnum):
    """Where a model with a useful window ends up."""

    WHOLLY = "wholly"
    PARTLY = "partly"
    NOT = "no"


class Speed(StrEnum):
    """What to expect, in words: real figures depend on the card."""

    FAST = "fast"
    SLOW = "slow"
    VERY_SLOW = "very slow"
    NONE = "none"


class Fit(Struct, frozen=True):
    """How a model fits. `windows` are the largest, in tokens, by the type of the cache; 0 where not even one step fits.

    `kv` is the first type with which a useful window fits, None without one; `place` says WHOLLY if there is one.
    """

    windows: Mapping[KvType, int]
    kv: KvType | None
    place: Place
    speed: Speed


def _code_llama(
    size: str, layers: int, kv_heads: int, embedding: int, vocabulary: int, window: int, weights_bytes: int
) -> ModelShape:
    return ModelShape(
        name=f"codellama:{size}-instruct",
        kv_width=layers * kv_heads * 2 * 128,
        embedding=embedding,
        vocabulary=vocabulary,
        trained_window=window,
        weights_bytes=weights_bytes,
        host_bytes=vocabulary * embedding * 18 // 32,
    )


CODE_LLAMA = (
    _code_llama("7b", 32, 32, 4096, 32016, 16384, 3_825_000_000),
    _code_llama("13b", 40, 40, 5120, 32016, 16384, 7_365_000_000),
    _code_llama("34b", 48, 8, 8192, 32000, 16384, 19_051_000_000),
    _code_llama("70b", 80, 8, 8192, 32016, 4096, 38_872_000_000),
)
"""The tiers that Ollama's library offers, smallest first, in their usual form (Q4_0)."""


def shape_of(name: str, metadata: Mapping[str, Any], weights_bytes: int) -> ModelShape | None:
    """The shape that GGUF metadata describes (`model_info` of `/api/show`); None where too little is told.

    Lists with a value for each layer come as they are, or as null; null counts as the most that it can be.
    """
    prefix = metadata.get("general.architecture")

    def count(key: str) -> int | None:
        value = metadata.get(f"{prefix}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None

    layers, embedding, heads = count("block_count"), count("embedding_length"), count("attention.head_count")
    window = count("context_length")
    if layers is None or embedding is None or window is None or weights_bytes <= 0:
        return None
    head_width = embedding // heads if heads else 128
    key, value = count("attention.key_length") or head_width, count("attention.value_length") or head_width
    kv_heads = _kv_heads(metadata.get(f"{prefix}.attention.head_count_kv"), layers, heads or max(embedding // 128, 1))
    sentencepiece = metadata.get("tokenizer.ggml.model") == "llama"
    vocabulary = count("vocab_size") or (32016 if sentencepiece else _VOCABULARY)
    # Llama models with such a vocabulary have a matrix of their own for the output, so that the one for the input
    # is not needed on the GPU. Of others that is not known.
    parameters = metadata.get("general.parameter_count")
    host = 0
    if prefix == "llama" and sentencepiece and isinstance(parameters, int) and parameters > 0:
        host = min(vocabulary * embedding * weights_bytes // parameters, weights_bytes)
    return ModelShape(name, kv_heads * (key + value), embedding, vocabulary, window, weights_bytes, host)


def _kv_heads(told: object, layers: int, heads: int) -> int:
    """Of all layers together."""
    if isinstance(told, int) and told > 0:
        return layers * told
    if isinstance(told, Sequence) and not isinstance(told, str) and told:
        return sum(n for n in told if isinstance(n, int) and n > 0)
    return layers * heads


def kv_token_bytes(shape: ModelShape, kv: KvType) -> int:
    """What one token of the window takes in the cache."""
    return -(-shape.kv_width * kv.bytes_by_32 // 32)


def need_bytes(shape: ModelShape, window: int, kv: KvType = KvType.F16, gpus: int = 1) -> int:
    """What a model takes with a window, on so many GPUs (0: in the machine's memory)."""
    cache = kv_token_bytes(shape, kv) * window
    buffers = 4 * _BATCH * (shape.embedding + shape.vocabulary) + 2 * _BATCH * window
    weights = shape.weights_bytes - (shape.host_bytes if gpus else 0)
    return weights + cache + max(gpus, 1) * (buffers + DEVICE_BYTES)


def largest_window(shape: ModelShape, memory: Memory, kv: KvType = KvType.F16) -> int:
    """The largest window with which a model fits wholly; 0 when not even STEP tokens do.

    GPUs with little memory are left out when that gives a larger one: each costs DEVICE_BYTES.
    """
    best = 0
    for gpus in range(1, len(memory.gpu_bytes) + 1) if memory.gpu_bytes else (0,):
        there = sum(memory.gpu_bytes[:gpus]) if gpus else memory.ram_bytes
        left = there - need_bytes(shape, 0, kv, gpus)
        token = kv_token_bytes(shape, kv) + max(gpus, 1) * 2 * _BATCH
        best = max(best, left // token // STEP * STEP)
    return min(best, shape.trained_window)


def fit(shape: ModelShape, memory: Memory) -> Fit:
    """How a model fits: where it ends up, its largest windows, and how fast it will be."""
    windows = {kv: largest_window(shape, memory, kv) for kv in KvType}
    useful = min(USEFUL_WINDOW, shape.trained_window)
    best = next((kv for kv in KvType if windows[kv] >= useful), None)
    gpus = len(memory.gpu_bytes)
    together = sum(memory.gpu_bytes) + memory.ram_bytes
    if best is not None:
        place, speed = Place.WHOLLY, Speed.FAST if gpus else Speed.VERY_SLOW
    elif gpus and need_bytes(shape, useful, KvType.F16, gpus) <= together:
        place, speed = Place.PARTLY, Speed.SLOW
    else:
        place, speed = Place.NOT, Speed.NONE
    return Fit(windows, best, place, speed)


def memory_of(gpus: Sequence[Gpu], ram: Ram) -> Memory:
    """What a model can have: all whole GPUs together, or one part of a divided one, whichever is more.

    A GPU whose free memory would not hold anything of a model does not count.
    """
    whole = sorted((gpu.free_bytes for gpu in gpus if not gpu.part and gpu.free_bytes > DEVICE_BYTES), reverse=True)
    part = max((gpu.free_bytes for gpu in gpus if gpu.part and gpu.free_bytes > DEVICE_BYTES), default=0)
    chosen = (part,) if part > sum(whole) else tuple(whole)
    return Memory(chosen, ram.free_bytes)


def give_back(gpus: Sequence[Gpu], taken_bytes: int) -> tuple[Gpu, ...]:
    """The GPUs as they are when `taken_bytes` are freed, which each of them holds in proportion to what is in use."""
    used = sum(gpu.total_bytes - gpu.free_bytes for gpu in gpus)
    freed = min(taken_bytes, used)
    return tuple(
        gpu._replace(free_bytes=gpu.free_bytes + (gpu.total_bytes - gpu.free_bytes) * freed // used) if used else gpu
        for gpu in gpus
    )
