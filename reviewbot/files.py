"""Files that are there whole or not at all, whoever else writes them at the same time and whatever goes wrong."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path` to write to, which then takes its place; after an error nothing is left of it.

    Only its owner may read it, unless its mode is set meanwhile. Raises OSError.
    """
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def keep(path: Path, data: bytes) -> None:
    """Write what can be made anew, and the folder that it lies in.

    A full disk or a home that cannot be written is no error: nothing is kept then.
    """
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(data)
