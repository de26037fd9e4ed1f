"""Everything that an installation of reviewbot needs, for tests without a network."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
"""Read when this module is loaded: the tests change HOME."""


def wheelhouse() -> Path:
    """Everything that an installation needs, downloaded once into a cache folder."""
    folder = Path(os.environ.get("REVIEWBOT_TEST_WHEELHOUSE") or CACHE / "reviewbot-test-wheelhouse")
    ready = folder / "ready"
    wanted = (ROOT / "pyproject.toml").read_text()
    if not ready.exists() or ready.read_text() != wanted:
        command = [sys.executable, "-m", "pip", "download", "-q", "-d", folder, ROOT]
        command += ["hatchling", "editables", "setuptools", "wheel", "pip"]
        for attempt in range(3):  # package indexes time out now and then
            if subprocess.run(command).returncode == 0:
                break
            time.sleep(5 * attempt)
        else:
            reason = "the wheelhouse could not be downloaded"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        ready.write_text(wanted)
    return folder
