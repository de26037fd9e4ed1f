"""Files are there whole or not at all."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from reviewbot.files import keep, replacing


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt(), RuntimeError("bug")])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(type(error)), replacing(path) as file:
        file.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def small_files() -> None:
    """For `preexec_fn`: a disk that is full after 1000 bytes of a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_what_a_full_disk_does_not_hold_is_not_kept(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from reviewbot.files import keep; keep(Path(sys.argv[1]), bytes(%d))"
    path = tmp_path / "cache" / "x"
    for size, there in ((5000, []), (1000, [path]), (5000, [path])):
        subprocess.run([sys.executable, "-c", code % size, path], check=True, preexec_fn=small_files)
        assert list(path.parent.iterdir()) == there
    assert path.stat().st_size == 1000


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep(tmp_path / "file" / "cache" / "x", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
