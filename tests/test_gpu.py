"""GPU memory, or why there is none: the real pynvml against a driver library of our own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_nvml import GIB, gpus, nvml_folder

from reviewbot import gpu
from reviewbot.gpu import Gpu, Probe, probe, ram, survey

__all__ = ["gpus", "nvml_folder"]  # fixtures

MIB = 2**20
DRIVER = "550.54.14"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param("RTX 3070:8192:8000", [Gpu("RTX 3070", 8 * GIB, 8000 * MIB)], id="8 GiB"),
        pytest.param("RTX 3060:12288:5000", [Gpu("RTX 3060", 12 * GIB, 5000 * MIB)], id="part of it taken"),
        pytest.param("A:24576:24576", [Gpu("A", 24 * GIB, 24 * GIB)], id="24 GiB"),
        pytest.param("A:24576:1;B:24576:2", [Gpu("A", 24 * GIB, MIB), Gpu("B", 24 * GIB, 2 * MIB, 1)], id="2x24 GiB"),
        pytest.param("H100:81920:81920", [Gpu("H100", 80 * GIB, 80 * GIB)], id="80 GiB"),
        pytest.param(b"Qu\xe9bec:1024:1024", [Gpu("Qu\ufffdbec", GIB, GIB)], id="name that is no UTF-8"),
    ],
)
def test_every_gpu_with_its_memory(items, expected, gpus):
    gpus(os.fsdecode(items))
    assert probe() == Probe(tuple(expected), DRIVER)


@pytest.mark.parametrize(
    ("trouble", "why", "unclear"),
    [
        pytest.param("nvmlInitWithFlags=12", "no NVIDIA driver (libnvidia-ml.so.1)", False, id="no library"),
        pytest.param("nvmlInitWithFlags=9", "driver is not loaded", False, id="no driver"),
        pytest.param("nvmlInitWithFlags=4", "no permission", True, id="no permission"),
        pytest.param("nvmlInitWithFlags=18", "different versions", True, id="after an update"),
        pytest.param("nvmlInitWithFlags=999", "fails: Unknown Error", True, id="unknown"),
        pytest.param("nvmlDeviceGetCount_v2=4", "no permission", True, id="no permission to count"),
        pytest.param("nvmlDeviceGetCount_v2=77", "fails: Some Error", True, id="an error of a later library"),
        pytest.param("nvmlDeviceGetMemoryInfo=crash", "crashed", True, id="crash"),
    ],
)
def test_it_says_why_there_is_nothing(trouble, why, unclear, gpus):
    gpus("A:8192:8192", trouble)
    found = probe()
    assert (found.gpus, found.unclear) == ((), unclear) and why in found.why


@pytest.mark.parametrize("function", ["nvmlInitWithFlags", "nvmlDeviceGetMemoryInfo"])
def test_a_call_that_hangs(function, gpus, monkeypatch):
    monkeypatch.setattr(gpu, "LIMIT_S", 0.05)
    children = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **kw: children.append(popen(*args, **kw)) or children[0])
    gpus("A:8192:8192", f"{function}=hang")
    assert probe() == Probe(why="the NVIDIA driver gives no answer within 0.05 s", unclear=True)
    assert children[0].returncode == -9


def test_the_limit_is_a_second():
    assert gpu.LIMIT_S == 1.0


def test_no_gpu(gpus):
    gpus("")
    assert probe() == Probe((), DRIVER, "the NVIDIA driver has no GPU")


@pytest.mark.parametrize("function", ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetMemoryInfo"])
def test_a_gpu_that_falls_off_the_bus_is_left_out(function, gpus):
    gpus("A:1024:1024;B:2048:2048", f"{function}=15@0")
    found = probe()
    assert found.gpus == (Gpu("B", 2 * GIB, 2 * GIB, 1),) and found.unclear and not found.why
    (note,) = found.left_out
    assert note.startswith("GPU 0") and note.endswith("cannot be read: GPU is lost")


def test_the_only_gpu_is_lost(gpus):
    gpus("A:1024:1024", "nvmlDeviceGetMemoryInfo=15")
    assert probe() == Probe(
        (), DRIVER, "the NVIDIA driver can read none of its GPUs", ("GPU 0, A, cannot be read: GPU is lost",), True
    )


def test_a_gpu_that_shares_the_memory_of_the_machine(gpus):
    gpus("GB10:1:1", "nvmlDeviceGetMemoryInfo=3")
    found = probe()
    assert found.left_out == ("GPU 0, GB10, has no memory of its own",) and found.unclear


def test_a_divided_gpu_counts_by_its_parts(gpus):
    gpus("/A100:40960:40000;+A100 MIG 1g:5120:5000;+A100 MIG 2g:10240:10000;RTX:8192:8192")
    assert probe().gpus == (
        Gpu("A100 MIG 1g", 5 * GIB, 5000 * MIB, 0, True),
        Gpu("A100 MIG 2g", 10 * GIB, 10000 * MIB, 0, True),
        Gpu("RTX", 8 * GIB, 8 * GIB, 1),
    )


def test_a_divided_gpu_whose_parts_cannot_be_read_is_left_out(gpus):
    gpus("/A100:40960:40000;+A100 MIG 1g:5120:5000", "nvmlDeviceGetMigDeviceHandleByIndex=4")
    found = probe()
    assert (found.gpus, found.unclear) == ((), True)
    assert found.left_out == ("GPU 0, A100, is divided (MIG), and its parts cannot be read",)


def test_without_a_driver(tmp_path, monkeypatch):
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    found = probe()
    assert found == Probe(why="no NVIDIA driver (libnvidia-ml.so.1) is found")


@pytest.mark.parametrize(
    ("module", "why"),
    [
        pytest.param("raise ImportError", "the Python package nvidia-ml-py is not installed", id="no package"),
        pytest.param("1/0", "the process that asked the NVIDIA driver crashed", id="broken package"),
    ],
)
def test_a_package_that_cannot_be_used(module, why, tmp_path, monkeypatch):
    (tmp_path / "pynvml.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert probe() == Probe(why=why, unclear=True)


def test_the_warning_of_the_deprecated_package_is_not_shown(tmp_path, monkeypatch, capfd):
    shim = "import warnings; warnings.warn('The pynvml package is deprecated', FutureWarning)\nraise ImportError"
    (tmp_path / "pynvml.py").write_text(shim)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert probe().why == "the Python package nvidia-ml-py is not installed"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["pynvml.py", "json.py"])
def test_nothing_of_the_current_folder_is_run(name, tmp_path, monkeypatch):
    (tmp_path / name).write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    probe()
    assert not (tmp_path / "ran").exists()


def test_no_process_can_be_started(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert probe() == Probe(
        why="no process can be started to ask the NVIDIA driver: No such file or directory", unclear=True
    )


class Nvml:
    """A module that is older than pynvml's errors for MIG, for machines without a compiler."""

    class NVMLError(Exception):
        value = 13

    def nvmlInit(self):
        pass

    def nvmlSystemGetDriverVersion(self):
        return "1"

    def nvmlDeviceGetCount(self):
        return 1

    def nvmlDeviceGetHandleByIndex(self, index):
        return "handle"

    def nvmlDeviceGetName(self, handle):
        return b"\xff".decode()

    def nvmlDeviceGetMigMode(self, handle):
        raise self.NVMLError

    def nvmlDeviceGetMemoryInfo(self, handle):
        class Memory:
            total, free = 2, 1

        return Memory


def test_a_driver_that_knows_nothing_of_divided_gpus():
    assert survey(Nvml()) == Probe((Gpu("\ufffd", 2, 1),), "1")


def test_the_memory_of_this_machine():
    found = ram()
    assert 0 < found.free_bytes <= found.total_bytes


def test_a_machine_that_tells_only_its_whole_memory(monkeypatch):
    monkeypatch.setattr("builtins.open", lambda *args, **kwargs: Path("/nowhere").open())
    assert ram().free_bytes == ram().total_bytes * 3 // 4


def test_a_machine_that_does_not_tell_its_memory(monkeypatch):
    def fail(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "sysconf", fail)
    assert ram() == (0, 0)
