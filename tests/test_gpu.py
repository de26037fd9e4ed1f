"""GPU memory, or nothing."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from reviewbot.gpu import Gpu, probe

GIB = 2**30


class NVMLError(Exception):
    """What the library raises."""


def nvml(monkeypatch: pytest.MonkeyPatch, gpus: list[Gpu | None], *, fails: str = "") -> list[str]:
    """Put a driver with these GPUs in place (None: one that cannot be read); the calls that it gets."""
    calls: list[str] = []
    module = ModuleType("pynvml")

    def function(name, answer):
        def call(*args):
            calls.append(name)
            if name == fails:
                raise NVMLError(name)
            return answer(*args)

        setattr(module, name, call)

    def handle(index):
        if gpus[index] is None:
            raise NVMLError("lost")
        return gpus[index]

    module.NVMLError = NVMLError  # type: ignore[attr-defined]
    function("nvmlInit", lambda: None)
    function("nvmlDeviceGetCount", lambda: len(gpus))
    function("nvmlDeviceGetHandleByIndex", handle)
    function("nvmlDeviceGetMemoryInfo", lambda gpu: SimpleNamespace(total=gpu.total_bytes, free=gpu.free_bytes))
    function("nvmlDeviceGetName", lambda gpu: gpu.name)
    function("nvmlShutdown", lambda: None)
    monkeypatch.setitem(sys.modules, "pynvml", module)
    return calls


def test_every_gpu_with_its_memory(monkeypatch):
    gpus = [Gpu("First", 24 * GIB, 20 * GIB), Gpu("Second", 80 * GIB, 1)]
    calls = nvml(monkeypatch, list(gpus))
    assert probe() == tuple(gpus)
    assert calls[-1] == "nvmlShutdown"


def test_no_gpu(monkeypatch):
    nvml(monkeypatch, [])
    assert probe() == ()


def test_a_gpu_that_cannot_be_read_is_left_out(monkeypatch):
    nvml(monkeypatch, [None, Gpu("Second", 2, 1)])
    assert probe() == (Gpu("Second", 2, 1),)


@pytest.mark.parametrize(
    ("fails", "ended"),
    [
        pytest.param("nvmlInit", False, id="no driver"),
        pytest.param("nvmlDeviceGetCount", True, id="no permission"),
        pytest.param("nvmlDeviceGetMemoryInfo", True, id="no memory counter"),
    ],
)
def test_whatever_fails_there_is_an_answer(fails, ended, monkeypatch):
    calls = nvml(monkeypatch, [Gpu("First", 2, 1)], fails=fails)
    assert probe() == ()
    assert (calls[-1] == "nvmlShutdown") is ended


def test_a_failing_goodbye_loses_nothing(monkeypatch):
    nvml(monkeypatch, [Gpu("First", 2, 1)], fails="nvmlShutdown")
    assert probe() == (Gpu("First", 2, 1),)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert probe() == ()


def test_the_package_of_this_installation_answers():
    for gpu in probe():
        assert gpu.name and 0 <= gpu.free_bytes <= gpu.total_bytes


@pytest.mark.parametrize(
    ("warning", "hidden"),
    [
        pytest.param("'The pynvml package is deprecated. Install nvidia-ml-py.', FutureWarning", True, id="the shim"),
        pytest.param("'something else', FutureWarning", False, id="another warning"),
    ],
)
def test_only_the_warning_of_the_deprecated_package_is_hidden(warning, hidden, tmp_path):
    (tmp_path / "pynvml.py").write_text(f"import warnings\nwarnings.warn({warning})\nraise ImportError\n")
    script = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(Path(__file__).parent.parent)!r}]\n"
    script += "from reviewbot.gpu import probe\nassert probe() == ()"
    done = subprocess.run([sys.executable, "-W", "always", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stderr == "") is hidden
