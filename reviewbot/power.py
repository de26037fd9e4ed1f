"""Whether the machine has strength to spare for work that nobody waits for."""

import os
import subprocess
import sys
from pathlib import Path

SUPPLIES = Path("/sys/class/power_supply")

LOAD_A_CORE = 2.0
"""A model on the processor makes for a load of one a core by itself; with twice that somebody else is at work too."""


def why_not_now() -> str | None:
    """Why work in the background should wait, in words; None when it need not."""
    if on_battery():
        return "the machine runs on its battery"
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > LOAD_A_CORE * cores:
        return f"the machine is busy (load {load:.1f} on {cores} cores)"
    return None


def on_battery() -> bool:
    """Whether no mains supply is there; False where nothing tells (Linux: sysfs-class-power, macOS: pmset)."""
    if sys.platform == "darwin":
        told = subprocess.run(["pmset", "-g", "batt"], capture_output=True, text=True, check=False)
        return "'Battery Power'" in told.stdout
    supplies = [folder for folder in sorted(SUPPLIES.glob("*")) if _read(folder / "scope") != "Device"]
    mains = [_read(folder / "online") for folder in supplies if _read(folder / "type") in ("Mains", "USB", "Wireless")]
    batteries = [_read(folder / "status") for folder in supplies if _read(folder / "type") == "Battery"]
    return "1" not in mains and "Discharging" in batteries


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
