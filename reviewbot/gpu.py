"""Say what GPU memory there is, or nothing; never fail. The only importer of pynvml."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import ModuleType


class Gpu(NamedTuple):
    """One NVIDIA GPU: its name and its memory in bytes, as the driver counts them now."""

    name: str
    total_bytes: int
    free_bytes: int


def probe() -> tuple[Gpu, ...]:
    """The GPUs that the NVIDIA driver of this machine can use; () without a driver, a library or a GPU.

    A GPU that the driver lists but cannot read (fallen off the bus, no permission) is left out.
    """
    nvml = _load()
    if nvml is None:
        return ()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return ()
    try:
        found = [_read(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return ()
    finally:
        _shut_down(nvml)
    return tuple(gpu for gpu in found if gpu is not None)


def _load() -> "ModuleType | None":
    """The module of nvidia-ml-py; the package called pynvml, if it is there as well, warns on import."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The pynvml package is deprecated", FutureWarning)
        try:
            import pynvml
        except ImportError:
            return None
    return pynvml  # type: ignore[no-any-return]


def _read(nvml: Any, index: int) -> Gpu | None:
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        name = nvml.nvmlDeviceGetName(handle)
    except nvml.NVMLError:
        return None
    return Gpu(name.decode(errors="replace") if isinstance(name, bytes) else name, memory.total, memory.free)


def _shut_down(nvml: Any) -> None:
    try:
        nvml.nvmlShutdown()
    except nvml.NVMLError:
        return  # what was read is good, whatever the driver thinks of the goodbye
