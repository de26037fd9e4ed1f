"""Read files as git has them, many with one process."""

import os
import stat
import tempfile
from collections.abc import Mapping
from io import BytesIO
from typing import BinaryIO, NamedTuple

from reviewbot.gitrun import Runner


class Blob(NamedTuple):
    """The content of a file, as far as it was asked for."""

    oid: str
    content: bytes


def read_blobs(git: Runner, tree: str, limits: Mapping[bytes, int | None]) -> dict[bytes, Blob]:
    """Those of the files that a tree has (`:0` is the index), by name, each up to its limit in bytes (None: whole).

    One process of git, and one more for each name that breaks a line.
    """
    names = sorted(limits)
    words = {name: word for name in names if (word := _object_name(git, tree, name))}
    found = {}
    # Not in memory: `cat-file` prints files whole, and these may be all the large files of a repository.
    with tempfile.TemporaryFile() as output:
        answer = git.run("cat-file", "--batch", stdin=b"".join(word + b"\n" for word in words.values()), output=output)
        if answer.status:
            raise git.error(answer)
        output.seek(0)
        for name in words:
            blob = _next_blob(output, limits[name])
            if blob is not None:
                found[name] = blob
    return found


def read_followed(git: Runner, tree: str, name: bytes) -> bytes | None:
    """A file of a tree, links followed inside the tree; None where there is none, or a link leads out of it."""
    if b"\n" in name:
        return None
    answer = git.run("cat-file", "--batch", "--follow-symlinks", stdin=f"{tree}:".encode() + name + b"\n")
    if answer.status:
        raise git.error(answer)
    blob = _next_blob(BytesIO(answer.stdout), None)
    return None if blob is None else blob.content


def _object_name(git: Runner, tree: str, name: bytes) -> bytes | None:
    """What to call a file in a line of its own; the id of its object where the name would break the line."""
    word = f"{tree}:".encode() + name
    if b"\n" not in name and not name.endswith(b"\r"):
        return word
    answer = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", os.fsdecode(word))
    return answer.stdout.split()[-1] if answer.status == 0 else None


def _next_blob(output: BinaryIO, limit: int | None) -> Blob | None:
    """The next answer of `cat-file --batch`: id, type, size and content, or a line that says what is wrong."""
    fields = output.readline().rstrip(b"\n").rsplit(b" ", 2)
    if len(fields) < 3 or not fields[2].isdigit():
        return None
    start, size = output.tell(), int(fields[2])
    content = output.read(size if limit is None else min(size, limit))
    output.seek(start + size + 1)
    return Blob(fields[0].decode(), content) if fields[1] == b"blob" else None


def read_regular_file(path: bytes, limit: int) -> bytes | None:
    """The beginning of a file of the work tree; None when it is none, or behind a link, or cannot be read."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError:
        return None
