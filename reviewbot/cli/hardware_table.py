"""The table of models that `reviewbot doctor` prints, and what it recommends."""

from collections.abc import Iterator

from reviewbot.advice import LICENCE, LICENCE_URL
from reviewbot.capacity import CODE_LLAMA, USEFUL_WINDOW, Fit, KvType, Memory, Place, need_bytes
from reviewbot.cli.hardware import UNKNOWN, Hardware, Row, gib
from reviewbot.text import visible_line

_NAME_WIDTH = 40


def hardware_lines(hardware: Hardware) -> Iterator[str]:
    """The table of models and what to take, for a terminal of 100 columns."""
    memory = hardware.memory
    if memory is None:
        return
    yield f"Which model fits here ({_free(hardware, memory)})"
    yield ""
    labels = "".join(f"{kv.label:>8}" for kv in KvType)
    yield f"{'':{_NAME_WIDTH}}  {'':8}  {'':6}   longest window, by cache"
    yield f"{'model':{_NAME_WIDTH}}  {'size':>8}  {'fits':6}{labels}   speed"
    for row in hardware.rows:
        yield _line(row, hardware.other_gpu)
    yield ""
    yield from _legend(hardware)
    yield ""
    yield from _take(hardware)


def _free(hardware: Hardware, memory: Memory) -> str:
    if not memory.gpu_bytes:
        return f"{gib(memory.ram_bytes)} GiB of memory free, without a GPU"
    where = f"{len(memory.gpu_bytes)} GPUs" if len(memory.gpu_bytes) > 1 else "the GPU"
    loaded = ", with that of loaded models" if hardware.served.gpu_bytes else ""
    return f"{gib(sum(memory.gpu_bytes))} GiB free on {where}{loaded}"


def _line(row: Row, other_gpu: bool) -> str:
    name = visible_line(row.name) + (" (installed)" if row.installed else "")
    if len(name) > _NAME_WIDTH:
        name = f"...{name[3 - _NAME_WIDTH :]}"
    windows = "".join(f"{(row.fit.windows[kv] if row.fit else 0) or '-':>8}" for kv in KvType)
    place = row.fit.place if row.fit else "?"
    return f"{name:{_NAME_WIDTH}}  {gib(row.weights_bytes):>4} GiB  {place:6}{windows}   {_speed(row.fit, other_gpu)}"


def _speed(found: Fit | None, other_gpu: bool) -> str:
    if found is None or (other_gpu and found.place is not Place.NOT):
        return UNKNOWN
    if found.place is Place.NOT:
        return "-"
    smaller = found.kv is not None and found.kv is not KvType.F16
    return f"{found.speed}, with {found.kv.label}" if smaller and found.kv else str(found.speed)


def _legend(hardware: Hardware) -> Iterator[str]:
    if hardware.source == "nvml":
        yield "fits    wholly: on the graphics card. partly: the processor does the rest, several times slower."
    else:
        yield "fits    wholly: in the memory of this machine, where the processor does the work."
    if hardware.other_gpu:
        yield "        There may be a GPU that cannot be measured here; what it holds of a model is much faster."
    yield "window  how many tokens (about 3 characters of code each) a model reads at once: here the most"
    yield f"        with which it fits wholly. A review needs {USEFUL_WINDOW}; more means fewer requests."
    yield "cache   f16 is what Ollama uses by itself; q8_0 takes half as much memory for the window, q4_0 a"
    yield "        quarter, at some cost in quality."


def _take(hardware: Hardware) -> Iterator[str]:
    advice = hardware.recommendation
    if advice is None:
        least = need_bytes(CODE_LLAMA[0], USEFUL_WINDOW, KvType.Q4_0, gpus=0)
        yield f"Recommended: a model smaller than any Code Llama, which takes {gib(least)} GiB at least"
        return
    on_gpu = hardware.source == "nvml"
    where = "" if not on_gpu else ", wholly on the GPU" if advice.place is Place.WHOLLY else ", partly on the GPU"
    speed = "" if hardware.other_gpu else f" ({advice.speed})"
    yield f"Recommended: {advice.model}{where}{speed}, window up to {advice.window} tokens"
    if advice.serve:
        yield "  # a server that runs as a service needs the two variables in its own settings"
        yield f"  {advice.serve}"
    if not hardware.has(advice.model):
        yield f"  {advice.pull}   # accepts the {LICENCE}"
    yield f"  {advice.use}"
    yield f"Licence: {LICENCE_URL}"
    yield f"  {advice.show_licence}   # once it is there"
