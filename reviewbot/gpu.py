"""Say what memory a model can have on this machine: that of its NVIDIA GPUs, and its own. Never fail.

The only importer of pynvml, in a child process. A call that hangs inside the driver cannot be ended: a thread that
waits for it would keep this process from ending too, and git with it. A child can be killed, or left behind when even
that does not help, and a library that crashes takes nobody along.
"""

import json
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple

LIMIT_S = 1.0
"""How long the driver may take for its answer."""

START_S = 10.0
"""How long the child may take before it asks the driver: a busy machine starts processes slowly."""

_READY = b"ready\n"
_NO_GPU = {
    9: "the NVIDIA driver is not loaded",
    12: "no NVIDIA driver (libnvidia-ml.so.1) is found",
}
_SILENT = {
    4: "the NVIDIA driver does not answer this user (no permission)",
    18: "the NVIDIA driver and its library are of different versions; a restart of the machine mends that",
}
_NOT_SUPPORTED = 3


class Gpu(NamedTuple):
    """One NVIDIA GPU and its memory in bytes, as the driver counts it now.

    `number` is the one that the driver gives it. `part` marks an instance of a divided GPU (MIG): a program gets one
    of them, never several.
    """

    name: str
    total_bytes: int
    free_bytes: int
    number: int = 0
    part: bool = False


class Probe(NamedTuple):
    """What the NVIDIA driver told. `why` is said when it told of no GPU; `left_out` names those it cannot read.

    `unclear` means that there may be more than `gpus`: a driver is there, and does not tell.
    """

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    why: str = ""
    left_out: tuple[str, ...] = ()
    unclear: bool = False


class Ram(NamedTuple):
    """The machine's own memory in bytes, and how much of it programs can still have; 0 where that is unknown."""

    total_bytes: int
    free_bytes: int


def probe() -> Probe:
    """The GPUs that the NVIDIA driver of this machine can use, or why there are none."""
    try:
        # -P: the folder of this file has modules that must not stand in for others.
        child = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", __file__],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        return Probe(why=f"no process can be started to ask the NVIDIA driver: {error.strerror}", unclear=True)
    try:
        answer = _hear(child)
        if answer is None:
            return Probe(why=f"the NVIDIA driver gives no answer within {LIMIT_S:g} s", unclear=True)
        return _decode(answer)
    finally:
        _end(child)


def ram() -> Ram:
    """The memory of the machine itself. Where only the whole is known, a quarter of it is taken for in use."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return Ram(0, 0)
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return Ram(total, min(int(line.split()[1]) * 1024, total))
    return Ram(total, total * 3 // 4)


def _hear(child: "subprocess.Popen[bytes]") -> bytes | None:
    """The line that follows the child's sign that it asks now, b"" when it ends without one, None when it hangs."""
    assert child.stdout is not None
    heard = b""
    end = time.monotonic() + START_S
    asks = False
    while select.select([child.stdout], [], [], max(end - time.monotonic(), 0))[0]:
        data = os.read(child.stdout.fileno(), 65536)
        heard += data
        if not asks and _READY in heard:
            asks, end = True, time.monotonic() + LIMIT_S
        answer = heard.partition(_READY)[2]
        if not data or answer.endswith(b"\n"):
            return answer
    return None


def _decode(answer: bytes) -> Probe:
    try:
        gpus, driver, why, left_out, unclear = json.loads(answer)
        return Probe(tuple(Gpu(*gpu) for gpu in gpus), driver, why, tuple(left_out), unclear)
    except (ValueError, TypeError):
        return Probe(why="the process that asked the NVIDIA driver crashed", unclear=True)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the child, and do not wait for one that the kernel cannot end."""
    assert child.stdout is not None
    child.kill()
    child.stdout.close()
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=0.2)


def survey(nvml: Any) -> Probe:
    """What the driver tells through the module pynvml, or one like it."""
    try:
        nvml.nvmlInit()
        driver = _text(nvml.nvmlSystemGetDriverVersion)
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError as error:
        if error.value in _NO_GPU:
            return Probe(why=_NO_GPU[error.value])
        return Probe(why=_SILENT.get(error.value, f"the NVIDIA driver fails: {error}"), unclear=True)
    gpus: list[Gpu] = []
    left_out: list[str] = []
    unclear = False
    for index in range(count):
        name = f"GPU {index}"
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name = f"{name}, {_text(nvml.nvmlDeviceGetName, handle)},"
            found = _divided(nvml, handle, index)
            if found is None:
                found = [_read(nvml, handle, index)]
            elif not found:
                left_out.append(f"{name} is divided (MIG), and its parts cannot be read")
                unclear = True
            gpus += found
        except nvml.NVMLError as error:
            own = error.value != _NOT_SUPPORTED
            left_out.append(f"{name} cannot be read: {error}" if own else f"{name} has no memory of its own")
            unclear = True
    why = "" if gpus else "the NVIDIA driver can read none of its GPUs" if left_out else "the NVIDIA driver has no GPU"
    return Probe(tuple(gpus), driver, why, tuple(left_out), unclear)


def _divided(nvml: Any, handle: Any, index: int) -> list[Gpu] | None:
    """The parts of a divided GPU that can be read, None for a whole one.

    The memory of a divided GPU as such is not what a program can have.
    """
    try:
        if nvml.nvmlDeviceGetMigMode(handle)[0] != 1:
            return None
        slots = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except nvml.NVMLError:
        return None  # most GPUs cannot be divided, and old drivers cannot tell
    parts = []
    for slot in range(slots):
        with suppress(nvml.NVMLError):  # most slots are empty
            part = _read(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, slot), index)
            parts.append(part._replace(part=True))
    return parts


def _read(nvml: Any, handle: Any, index: int) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(_text(nvml.nvmlDeviceGetName, handle), memory.total, memory.free, index)


def _text(function: Any, *arguments: Any) -> str:
    """What a function of pynvml returns; that decodes strictly, though a name can hold any bytes."""
    try:
        return str(function(*arguments))
    except UnicodeDecodeError as error:
        return error.object.decode(errors="replace")


def _answer() -> None:
    """The child: ask, write one line, end. Nothing is closed, for what hangs there would spoil a good answer."""
    try:
        import pynvml
    except ImportError:
        found = Probe(why="the Python package nvidia-ml-py is not installed", unclear=True)
        pynvml = None
    sys.stdout.buffer.write(_READY)
    sys.stdout.flush()
    if pynvml is not None:
        found = survey(pynvml)
    sys.stdout.buffer.write(json.dumps(found).encode() + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _answer()
