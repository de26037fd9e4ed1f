"""Count tokens of byte-level BPE vocabularies (Llama 3, Qwen, DeepSeek Coder, SmolLM2, GPT-2).

The joining is done by the library tokenizers (the extra `tokenizers`), its only importer is this module. What a
vocabulary is called in `tokenizer.ggml.pre` says how text is cut into words first; llama.cpp's table of these names
(src/llama-vocab.cpp) is the source of the patterns. For a name that is not in it nothing is counted: a wrong pattern
would count a little wrong without a sign.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from msgspec import Struct

from reviewbot.gguf import whole_pieces

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS: Mapping[str, tuple[str, ...]] = {
    "gpt-2": (_GPT2,),
    "smollm": (r"\p{N}", _GPT2),
    "llama-bpe": (_LLAMA3,),
    "qwen2": (_LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}"),),
    "deepseek-coder": (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+", r"\p{N}"),
}
"""How each family cuts text into words, by its name in `tokenizer.ggml.pre`; applied one after the other."""


class Merges(Struct, frozen=True, tag=True):
    """One vocabulary, in the form in which it is kept on disk: `pre` names its patterns."""

    pre: str
    texts: tuple[str, ...]
    merges: tuple[str, ...]
    special: tuple[str, ...]
    bos: bool = False


def build_merges(
    pre: str, texts: Sequence[str], types: Sequence[int], merges: Sequence[str], *, bos: bool
) -> Merges | None:
    """A vocabulary of the lists that GGUF files hold, or None when it cannot be counted with."""
    if pre not in PATTERNS:
        return None
    return Merges(pre, tuple(texts), tuple(merges), whole_pieces(texts, types), bos)


def tokenizers_available() -> bool:
    """Whether the extra `tokenizers` is installed."""
    return find_spec("tokenizers") is not None


class BytePair:
    """Counts with one vocabulary; needs the library tokenizers."""

    def __init__(self, vocabulary: Merges) -> None:
        self._tokenizer = _tokenizer(vocabulary)
        self._bos = vocabulary.bos

    def count(self, text: str) -> int:
        """Tokens of a text in the middle of a prompt, after a line end."""
        return len(self._tokenizer.encode(text.encode("utf-8", "replace").decode(), add_special_tokens=False).ids)

    def count_prompt(self, text: str) -> int:
        """Tokens of a whole prompt, the one that begins it included."""
        return int(self._bos) + self.count(text)


def _tokenizer(vocabulary: Merges) -> "Tokenizer":
    from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers

    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in vocabulary.merges)]
    ids = {text: index for index, text in enumerate(vocabulary.texts)}
    # Llama 3 takes a word that is a piece as it is, without joining (llama.cpp: ignore_merges).
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=pairs, ignore_merges=vocabulary.pre == "llama-bpe"))
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in PATTERNS[vocabulary.pre]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in vocabulary.special])
    return tokenizer
