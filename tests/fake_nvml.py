"""The real module pynvml against a driver library of our own, which is made of fake_nvml.c."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

GIB = 2**30


@pytest.fixture(scope="session")
def nvml_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the library. Without a compiler the test is skipped, in CI it fails."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("a C compiler (cc) is needed for the tests of GPUs")
        pytest.skip("no C compiler (cc), which makes the stand-in for the NVIDIA driver")
    library = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    source = Path(__file__).with_name("fake_nvml.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source], check=True)
    return library.parent


@pytest.fixture
def gpus(nvml_folder: Path, monkeypatch: pytest.MonkeyPatch) -> "FakeGpus":
    """Set up GPUs for every process that is started from now on."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml_folder))
    return FakeGpus(monkeypatch)


class FakeGpus:
    """See fake_nvml.c for the two texts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, items: str, trouble: str = "") -> None:
        self._monkeypatch.setenv("FAKE_NVML", items)
        self._monkeypatch.setenv("FAKE_NVML_TROUBLE", trouble)
