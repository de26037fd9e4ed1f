"""The vocabulary of a model, to count with exactly: read from the model once, then kept on disk by its digest."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from reviewbot.bytepair import BytePair, Merges, build_merges, tokenizers_available
from reviewbot.files import keep
from reviewbot.gguf import read_metadata
from reviewbot.sentencepiece import Pieces, SentencePiece, build_pieces

FORMAT = 1
"""Raised whenever what is kept would be read differently."""

_KEY = "tokenizer.ggml."


class Vocabulary(Protocol):
    """Counts as the model's server does."""

    def count(self, text: str) -> int:
        """Tokens of a text in the middle of a prompt, after a line end."""
        ...

    def count_prompt(self, text: str) -> int:
        """Tokens of a whole prompt, the one that begins it included."""
        ...


def countable(metadata: Mapping[str, Any]) -> bool:
    """Whether the short metadata (without the lists) is of a kind that can be counted with here."""
    kind = metadata.get(_KEY + "model")
    return kind == "llama" or (kind == "gpt2" and tokenizers_available())


def open_vocabulary(key: str, folder: str | None, read: Callable[[], Mapping[str, Any]]) -> Vocabulary | None:
    """The vocabulary kept under `key`, else the one that `read` brings as GGUF metadata with its lists.

    None when the model has none that can be counted with. A folder that cannot be written is no error: the
    vocabulary is then read anew next time.
    """
    path = None if folder is None else Path(folder, f"{hashlib.sha256(key.encode()).hexdigest()}.{FORMAT}.msgpack")
    kept = _kept(path)
    if kept is None:
        kept = build_vocabulary(read())
        if kept is not None and path is not None:
            keep(path, msgspec.msgpack.encode(kept))
    if kept is None:
        return None
    return SentencePiece(kept) if isinstance(kept, Pieces) else BytePair(kept)


def vocabulary_of_file(path: Path, folder: str | None) -> Vocabulary | None:
    """The vocabulary in a GGUF file, kept until the file changes; ConfigError for a file that is none."""
    stat = path.stat()
    key = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    return open_vocabulary(key, folder, lambda: read_metadata(path))


def build_vocabulary(metadata: Mapping[str, Any]) -> Pieces | Merges | None:
    """What is needed to count, of GGUF metadata or of `model_info` in Ollama's `/api/show` (verbose)."""
    texts, types = _list(metadata, "tokens", str), _list(metadata, "token_type", int)
    if not texts or len(texts) != len(types):
        return None
    bos = metadata.get(_KEY + "add_bos_token")
    if metadata.get(_KEY + "model") == "llama":
        scores = _list(metadata, "scores", (int, float))
        if len(scores) != len(texts):
            return None
        prefix = metadata.get(_KEY + "add_space_prefix")
        return build_pieces(texts, scores, types, space_prefix=prefix is not False, bos=bos is not False)
    merges = _list(metadata, "merges", str)
    if metadata.get(_KEY + "model") != "gpt2" or not merges:
        return None
    return build_merges(str(metadata.get(_KEY + "pre")), texts, types, merges, bos=bos is True)


def _list(metadata: Mapping[str, Any], key: str, kind: type | tuple[type, ...]) -> list[Any]:
    """A list of the metadata; empty for anything but a list of that kind alone."""
    value = metadata.get(_KEY + key)
    return value if isinstance(value, list) and all(isinstance(item, kind) for item in value) else []


def _kept(path: Path | None) -> Pieces | Merges | None:
    """What is kept there; None when it is absent, or spoilt and thus to be made anew."""
    if path is None:
        return None
    try:
        found: Pieces | Merges = msgspec.msgpack.decode(path.read_bytes(), type=Pieces | Merges)
    except (OSError, msgspec.DecodeError):
        return None
    return found
