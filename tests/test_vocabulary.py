import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import serve_llama, smollm2_gguf, tiny_gguf, vocabulary
from texts import SPECIAL, draw

from reviewbot import bytepair
from reviewbot.gguf import read_metadata
from reviewbot.sentencepiece import SentencePiece, build_pieces
from reviewbot.vocabulary import build_vocabulary, countable, open_vocabulary

TEXTS = [draw(seed) for seed in range(500)]


def counter(path: Path):
    found = open_vocabulary(str(path), None, lambda: read_metadata(path))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights with the 32,000 pieces of Llama 2."""
    return tiny_gguf(tmp_path_factory.mktemp("llama"), "--vocab-from", vocabulary("llama-spm"))


@pytest.fixture(scope="module", params=["own pieces", "Llama 2", "SmolLM2"])
def served(
    request: pytest.FixtureRequest, tiny: Path, tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """A model's file, and the address of a real llama-server that has loaded it."""
    model = {"own pieces": tiny, "Llama 2": tiny_llama, "SmolLM2": smollm2_gguf()}[request.param]
    with serve_llama(model, tmp_path_factory.mktemp("log") / "log") as url:
        yield model, url


def server_count(url: str, text: str) -> int:
    body = {"content": text, "add_special": True, "parse_special": True}
    request = urllib.request.Request(url + "/tokenize", data=json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return len(json.load(answer)["tokens"])


def test_500_texts_count_as_on_a_real_server(served: tuple[Path, str]) -> None:
    path, url = served
    counts = counter(path)
    wrong = [
        (text, ours, theirs)
        for text in TEXTS
        if (ours := counts.count_prompt(text)) != (theirs := server_count(url, text))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["llama-spm", "llama-bpe", "qwen2", "deepseek-coder", "gpt-2"])
def test_llama_cpps_own_vectors(name: str) -> None:
    path = vocabulary(name)
    counts = counter(path)
    texts = path.with_suffix(".gguf.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    lengths = [len(row.split()) for row in path.with_suffix(".gguf.out").read_text().split("\n")]
    begins_with_one = counts.count_prompt("") == 1
    assert len(texts) == 47
    for text, length in zip(texts, lengths, strict=False):
        if text:
            assert counts.count_prompt(text) - begins_with_one == length, text


def test_lines_add_up(tiny_llama: Path) -> None:
    counts = counter(tiny_llama)
    for text in TEXTS[:100]:
        lines = [line + "\n" for line in text.split("\n")]
        assert sum(map(counts.count, lines)) == counts.count("".join(lines))


# --- SentencePiece by hand

PIECES = ["<unk>", "<s>", "</s>", "a", "b", "ab", "aba", "\u2581", "\u2581a", "<0x0A>"]
SCORES = [0.0, 0.0, 0.0, -9.0, -9.0, -1.0, -5.0, -9.0, -3.0, 0.0]
TYPES = [2, 3, 3, 1, 1, 1, 1, 1, 1, 6]


def by_hand(**fields: bool) -> SentencePiece:
    return SentencePiece(build_pieces(PIECES, SCORES, TYPES, **{"space_prefix": True, "bos": True, **fields}))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("ab", 1),
        ("aba", 1),  # ab, then aba
        ("abab", 2),  # two times ab; the leftmost aba is not made, for no ab is left alone
        ("a\n", 2),  # a line end is a byte
        ("\u00e9", 2),  # two bytes
        (" a", 1),
        ("a</s>a", 3),  # a, </s>, and a blank with a: one piece
        ("</s></s>", 2),
    ],
)
def test_sentencepiece_by_hand(text: str, tokens: int) -> None:
    assert by_hand().count(text) == tokens


def test_the_prefix_and_the_beginning_of_a_prompt() -> None:
    assert by_hand().count_prompt("a") == 2  # <s>, blank with a
    assert by_hand(bos=False).count_prompt("a") == 1
    assert by_hand(space_prefix=False).count_prompt("b") == 2
    assert by_hand().count_prompt("b") == 3  # <s>, blank, b
    assert by_hand(bos=False).count_prompt("") == 0


@given(st.text(alphabet="ab \n\u00e9", max_size=40))
def test_words_counted_apart_are_words_counted_together(text: str) -> None:
    pieces = build_pieces(PIECES, SCORES, TYPES, space_prefix=True, bos=True)
    apart = SentencePiece(pieces)
    together = SentencePiece(
        build_pieces([*PIECES, "b\u2581"], [*SCORES, -99.0], [*TYPES, 3], space_prefix=True, bos=True)
    )
    assert pieces.words_apart
    assert not together._pieces.words_apart
    if "b " not in text:
        assert apart.count(text) == together.count(text)


@given(st.text(max_size=60))
def test_no_more_tokens_than_bytes(text: str) -> None:
    assert by_hand().count_prompt(text) <= len(text.encode("utf-8", "replace")) + 2 + len(SPECIAL)


# --- what is kept


def test_a_vocabulary_is_read_once_and_kept(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "vocabularies"
    metadata = read_metadata(tiny)
    first = open_vocabulary("sha256:1", str(folder), lambda: metadata)
    second = open_vocabulary("sha256:1", str(folder), lambda: pytest.fail("read again"))
    assert first is not None and second is not None
    assert [second.count(text) for text in TEXTS[:50]] == [first.count(text) for text in TEXTS[:50]]
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-10])
    third = open_vocabulary("sha256:1", str(folder), lambda: metadata)
    assert third is not None and third.count("def x") == first.count("def x")


def test_a_folder_that_cannot_be_written_is_no_error(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert open_vocabulary("1", str(tmp_path / "file" / "x"), lambda: read_metadata(tiny)) is not None


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"tokenizer.ggml.model": "llama"},
        {"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": None, "tokenizer.ggml.token_type": None},
        {"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": ["a"], "tokenizer.ggml.token_type": [1]},
        {"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": ["a"], "tokenizer.ggml.token_type": [1, 1]},
        {
            "tokenizer.ggml.model": "bert",
            "tokenizer.ggml.tokens": ["a"],
            "tokenizer.ggml.token_type": [1],
            "tokenizer.ggml.merges": ["a b"],
        },
        {
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.pre": "nobody knows",
            "tokenizer.ggml.tokens": ["a"],
            "tokenizer.ggml.token_type": [1],
            "tokenizer.ggml.merges": ["a b"],
        },
    ],
)
def test_what_cannot_be_counted_with(metadata: dict) -> None:
    assert build_vocabulary(metadata) is None
    assert open_vocabulary("x", None, lambda: metadata) is None


def test_byte_level_vocabularies_need_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert countable({"tokenizer.ggml.model": "llama"})
    assert countable({"tokenizer.ggml.model": "gpt2"})
    monkeypatch.setattr(bytepair, "find_spec", lambda name: None)
    assert not countable({"tokenizer.ggml.model": "gpt2"})
    assert not countable({"tokenizer.ggml.model": "bert"})
