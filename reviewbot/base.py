"""What already holds at the base of a change, where the change cannot write: attributes, and how files begin.

Attributes are those of the base's own .gitattributes files and of the repository's info/attributes, which is the
user's and in no commit. Neither the work tree, the index nor the attributes of the user's account or of the machine
count.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reviewbot.blobs import Blob, read_blobs
from reviewbot.gitrun import Runner

ATTRIBUTES = ("linguist-generated", "linguist-vendored", "diff", "binary")
HEAD_BYTES = 8192

_ATTRIBUTES_FILE = b".gitattributes"
_WORDS = tuple(attribute.encode() for attribute in ATTRIBUTES)

# An index that is written runs a hook, and can put a part of itself, or trees, into the repository.
_OWN_INDEX = (
    *("-c", "core.attributesFile=/dev/null"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.splitIndex=false"),
    *("-c", "core.sparseCheckout=false"),
    *("-c", "index.sparse=false"),
)


class AtBase(NamedTuple):
    """What held for a file: its first bytes (none if it is new) and its attributes, in the words of git check-attr."""

    head: bytes = b""
    attributes: Mapping[str, str] = {}


def read_base(
    git: Runner, tree: str, files: Sequence[tuple[bytes, bytes | None]], own_attributes: str, up: str
) -> dict[bytes, AtBase]:
    """What held for files, given by their new and old names, in a commit or tree; by new name.

    `own_attributes` is the path of info/attributes, `up` leads from the current folder to the root. One process of
    git, or three where attributes of ours are set at all.
    """
    if not files:
        return {}
    places = {folder + _ATTRIBUTES_FILE for new, _ in files for folder in _folders(new)}
    limits = {**{old: HEAD_BYTES for _, old in files if old is not None}, **dict.fromkeys(places)}
    blobs = read_blobs(git, tree, limits)
    settings = {name: blobs[name] for name in sorted(places & blobs.keys())}
    values = _attributes(git, [new for new, _ in files], settings, _read(own_attributes), up)
    nothing = Blob("", b"")
    return {new: AtBase(blobs.get(old or b"", nothing).content[:HEAD_BYTES], values.get(new, {})) for new, old in files}


def _folders(name: bytes) -> Iterator[bytes]:
    """The root and every folder above a file, each with its slash."""
    yield b""
    parts = name.split(b"/")[:-1]
    for depth in range(len(parts)):
        yield b"/".join(parts[: depth + 1]) + b"/"


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _attributes(
    git: Runner, names: Sequence[bytes], settings: Mapping[bytes, Blob], own: bytes, up: str
) -> dict[bytes, dict[str, str]]:
    """Our attributes of each file; nothing where no file speaks of them.

    git 2.40 can read attributes from a tree, older ones only from an index: so they get one with those files alone.
    """
    if not any(word in text for word in _WORDS for text in (own, *(blob.content for blob in settings.values()))):
        return {}
    with tempfile.TemporaryDirectory(prefix="reviewbot-") as folder:
        env = {"GIT_INDEX_FILE": os.path.join(folder, "index"), "GIT_ATTR_NOSYSTEM": "1"}
        if settings:
            entries = b"".join(f"100644 {blob.oid}\t".encode() + name + b"\0" for name, blob in settings.items())
            git.ask("update-index", "-z", "--index-info", stdin=entries, env=env, switches=_OWN_INDEX)
        stdin = b"".join(up.encode() + name + b"\0" for name in names)
        command = ("check-attr", "--cached", "-z", "--stdin", *ATTRIBUTES)
        fields = git.ask(*command, stdin=stdin, env=env, switches=_OWN_INDEX).split(b"\0")
    values = [value.decode("utf-8", "replace") for value in fields[2::3]]
    rows = [values[start : start + len(ATTRIBUTES)] for start in range(0, len(values), len(ATTRIBUTES))]
    return {name: dict(zip(ATTRIBUTES, row, strict=True)) for name, row in zip(names, rows, strict=True)}
