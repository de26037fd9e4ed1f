"""When work in the background waits: on battery power and on a busy machine, as far as the system tells."""

import os
from pathlib import Path

import pytest

from reviewbot import power

MAINS = {"type": "Mains", "online": "1"}
UNPLUGGED = {"type": "Mains", "online": "0"}
DISCHARGING = {"type": "Battery", "status": "Discharging"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, False),
        ({"AC": MAINS}, False),
        ({"AC": UNPLUGGED, "BAT0": DISCHARGING}, True),
        ({"AC": MAINS, "BAT0": DISCHARGING}, False),  # the charger is too weak
        ({"BAT0": DISCHARGING}, True),
        ({"BAT0": {"type": "Battery", "status": "Full"}}, False),
        ({"hidpp_battery_0": MOUSE}, False),
        ({"usb": {"type": "USB", "online": "1"}, "BAT0": DISCHARGING}, False),
    ],
)
def test_on_battery(tmp_path: Path, monkeypatch, supplies: dict[str, dict[str, str]], expected: bool) -> None:
    for name, files in supplies.items():
        (tmp_path / name).mkdir()
        for file, content in files.items():
            (tmp_path / name / file).write_text(content + "\n")
    monkeypatch.setattr(power, "SUPPLIES", tmp_path)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    assert power.on_battery() is expected
    assert power.why_not_now() == ("the machine runs on its battery" if expected else None)


def test_a_busy_machine(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(power, "SUPPLIES", tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "getloadavg", lambda: (8.0, 0.0, 0.0))
    assert power.why_not_now() is None
    monkeypatch.setattr(os, "getloadavg", lambda: (8.1, 0.0, 0.0))
    assert power.why_not_now() == "the machine is busy (load 8.1 on 4 cores)"
