import struct
from pathlib import Path

import pytest
from gguf import GGUFReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import smollm2_gguf, tiny_gguf

from reviewbot.errors import ConfigError
from reviewbot.gguf import read_metadata


@pytest.mark.parametrize("model", ["tiny", "SmolLM2"])
def test_the_same_as_the_reference_reader(model: str, tmp_path: Path) -> None:
    path = tiny_gguf(tmp_path) if model == "tiny" else smollm2_gguf()
    ours = read_metadata(path)
    theirs = {name: field.contents() for name, field in GGUFReader(path).fields.items() if not name.startswith("GGUF.")}
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert ours[name] == value, name
    assert ours["general.architecture"] == "llama"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"GGUF",
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**50) + b"x",
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"x" + struct.pack("<I", 99),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"x" + struct.pack("<IIQ", 9, 4, 2**40),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"x" + struct.pack("<IIQ", 9, 9, 1),
    ],
)
def test_what_is_no_gguf_file(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="no GGUF file"):
        read_metadata(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_metadata(tmp_path / "none.gguf")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(position=st.integers(0, 2000), value=st.integers(0, 255))
def test_a_damaged_file_is_an_error_or_other_values_but_no_crash(position: int, value: int, tmp_path: Path) -> None:
    path = tmp_path / "damaged.gguf"
    if not path.exists():
        path.write_bytes(tiny_gguf(tmp_path).read_bytes()[:20000])
    whole = bytearray(path.read_bytes())
    whole[position] = value
    other = tmp_path / "other.gguf"
    other.write_bytes(whole)
    with pytest.raises(ConfigError):  # it is cut off within the vocabulary in any case
        read_metadata(other)
