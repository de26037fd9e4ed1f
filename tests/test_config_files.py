"""The files that settings stand in: which are read, and which are refused with one sentence."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from configuration import load, write_user_file
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.errors import ConfigError, PrivacyError
from reviewbot.settings import SETTINGS


def test_the_repository_may_use_pyproject(tree):
    (tree / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.reviewbot]\nseed = 7\n")
    settings = load(tree)
    assert settings.config.seed == 7 and settings.origins["seed"] == "repository file pyproject.toml"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[project]\nname = 'x'\n", id="no table for us"),
        pytest.param("this is [ not TOML", id="broken, but not our part"),
        pytest.param("[tool]\nother = 'reviewbot'\n", id="our name as a value"),
        pytest.param("reviewbot = 1\ntool = 2\n", id="tool is no table"),
    ],
)
def test_a_pyproject_without_our_table_is_no_configuration(text, tree):
    (tree / "pyproject.toml").write_text(text)
    (tree / ".reviewbot.toml").write_text("seed = 1")
    assert load(tree).config.seed == 1


def test_two_files_of_the_repository_are_one_too_many(tree):
    (tree / "pyproject.toml").write_text("[tool.reviewbot]\n")
    (tree / ".reviewbot.toml").write_text("")
    with pytest.raises(ConfigError, match="both .reviewbot.toml and .* pyproject.toml") as error:
        load(tree)
    assert error.value.hint == "move all settings into one of them"


BAD_FILES = [
    pytest.param(b"model = ", "is not valid TOML: Invalid value (at end of document)", id="bad TOML"),
    pytest.param(b"model = 'a'\nmodel = 'b'", "is not valid TOML: Cannot overwrite a value", id="a key twice"),
    pytest.param(b"model = '\xff'", "is not UTF-8 text: see byte 9", id="not UTF-8"),
    pytest.param(b"a = " + b"[" * 100_000, "is nested too deeply", id="nested without end"),
    pytest.param(b"a = " + b"1" * 5000, "is not valid TOML: Exceeds the limit", id="a number without end"),
]


@pytest.mark.parametrize(("data", "expected"), BAD_FILES)
@pytest.mark.parametrize("place", ["user", "repository"])
def test_a_file_that_is_no_configuration(data, expected, place, tree):
    if place == "user":
        name = f"user file {write_user_file(data)}"
    else:
        (tree / ".reviewbot.toml").write_bytes(data)
        name = "repository file .reviewbot.toml"
    with pytest.raises(ConfigError) as error:
        load(tree)
    assert error.value.message.startswith(f"{name} {expected}")


def test_a_broken_pyproject_that_speaks_of_us_is_an_error(tree):
    (tree / "pyproject.toml").write_text("[tool.reviewbot]\nseed = \n")
    with pytest.raises(ConfigError, match="^repository file pyproject.toml is not valid TOML"):
        load(tree)
    (tree / "pyproject.toml").write_text("[tool]\nreviewbot = 3\n")
    with pytest.raises(ConfigError, match="has to be a table"):
        load(tree)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tree):
    (tree / ".reviewbot.toml").write_bytes(b"\xef\xbb\xbfseed = 3\r\n")
    assert load(tree).config.seed == 3


def test_a_folder_or_a_pipe_is_no_file(tree):
    (tree / ".reviewbot.toml").mkdir()
    with pytest.raises(ConfigError, match="^repository file .reviewbot.toml is no regular file$"):
        load(tree)
    (tree / ".reviewbot.toml").rmdir()
    os.mkfifo(tree / ".reviewbot.toml")
    with pytest.raises(ConfigError, match="no regular file"):
        load(tree)


@contextmanager
def nobody(folder: Path) -> Iterator[None]:
    """Not root for a while, who may read every file; the way to `folder` is opened for everybody."""
    if os.geteuid() != 0:
        yield
        return
    for place in (folder, *list(folder.parents)[:3]):
        place.chmod(place.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read(tree):
    (tree / ".reviewbot.toml").write_text("seed = 1")
    (tree / ".reviewbot.toml").chmod(0)
    (tree / "mine.toml").write_text("")
    refused = "^repository file .reviewbot.toml cannot be read: Permission denied$"
    with nobody(tree), pytest.raises(ConfigError, match=refused):
        load(tree, config_file="mine.toml")


def test_a_file_that_the_system_refuses_to_open(tree):
    path = tree / ("x" * 300)
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        load(tree, config_file=str(path))
    with pytest.raises(ConfigError, match="cannot be read: embedded null byte"):
        load(tree, config_file="a\0b")


def test_another_user_file(tree, tmp_path):
    write_user_file("seed = 1")
    (tmp_path / "other.toml").write_text("seed = 2\n")
    settings = load(tree, config_file="../other.toml")
    assert (settings.config.seed, settings.origins["seed"]) == (2, f"user file {tmp_path / 'other.toml'}")
    with pytest.raises(ConfigError, match="^--config: ../missing.toml does not exist$"):
        load(tree, config_file="../missing.toml")


def test_a_current_folder_that_is_gone(tree):
    tree.rmdir()
    with pytest.raises(ConfigError, match="the current folder no longer exists"):
        load()


@given(st.binary(max_size=200) | st.sampled_from(SETTINGS).map(lambda s: f"{s.key} = ".encode()))
def test_any_file_is_read_or_refused_with_one_sentence(tmp_path_factory, data):
    tree = tmp_path_factory.mktemp("any")
    (tree / ".reviewbot.toml").write_bytes(data)
    try:
        load(tree)
    except (ConfigError, PrivacyError) as error:
        assert error.message and "\n" not in error.message
