"""Counting: never too few tokens, against a real SentencePiece vocabulary."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import tiny_gguf, vocabulary
from texts import CONTROLS, draw
from values import OPENING

from reviewbot.engines.embedded import EmbeddedEngine, embedded_available
from reviewbot.gguf import read_metadata
from reviewbot.tokens import BoundCounter, EstimateCounter, counter_for
from reviewbot.vocabulary import Vocabulary, open_vocabulary

COUNTERS = [BoundCounter(), EstimateCounter()]


@pytest.mark.parametrize("counter", COUNTERS, ids=["bound", "estimate"])
@given(parts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=8))
def test_lines_counted_apart_never_count_less_than_together(counter, parts: list[str]) -> None:
    lines = [f"{part}\n" for part in parts]
    assert sum(map(counter.count, lines)) >= counter.count("".join(lines))
    assert all(counter.at_least(line) <= counter.count(line) for line in lines)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_estimate_lies_between_bytes_by_1_4_and_bytes(text: str) -> None:
    size = len(text.encode())
    assert size / 1.4 <= EstimateCounter().count(text) <= size + 1
    assert BoundCounter().count(text) == size


@pytest.mark.parametrize("text", ["0123456789" * 9, "日本語" * 30, "9f86d081884c7d659a2feaa0c55ad015" * 4, "🦙" * 20])
def test_dense_text_counts_by_bytes(text: str) -> None:
    assert EstimateCounter().count(text) == len(text.encode())


def test_servers_that_cut_get_the_bound() -> None:
    assert isinstance(counter_for(None, refuses_long=False), BoundCounter)
    assert isinstance(counter_for(None, refuses_long=True), EstimateCounter)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    if not embedded_available():
        pytest.skip("needs the extra `embedded`")
    engine = EmbeddedEngine(model_file=tiny_gguf(tmp_path_factory.mktemp("model")), num_ctx=2048)
    engine.load(2048, OPENING, None)
    yield engine
    engine.close()


def windows(lines: int) -> Iterator[str]:
    """This project's own code and documents, so many lines at a time."""
    root = Path(__file__).parent.parent
    for path in sorted([*root.glob("reviewbot/**/*.py"), *root.glob("tests/*.py"), *root.glob("*.md")]):
        parts = path.read_text().split("\n")
        for start in range(0, len(parts), lines):
            yield "\n".join(parts[start : start + lines]) + "\n"


def test_no_text_takes_more_tokens_of_a_real_server_than_the_bound(server: EmbeddedEngine) -> None:
    client = server._start(2048, None)
    for text in [*windows(100), *map(draw, range(100))]:
        _, answer = client.call_json("/tokenize", {"content": text, "add_special": False})
        assert BoundCounter().at_least(text) <= len(answer["tokens"]) <= BoundCounter().count(text) + 1


@pytest.fixture(scope="module")
def llama() -> Vocabulary:
    """The pieces of Llama 2, which Code Llama has too."""
    path = vocabulary("llama-spm")
    found = open_vocabulary("llama-spm", None, lambda: read_metadata(path))
    assert found is not None
    return found


def test_the_estimate_is_never_below_the_tokens_of_code_llama(llama: Vocabulary) -> None:
    texts = [text for text in map(draw, range(500)) if not set(text) & set(CONTROLS) - set("\t\n\r")]
    assert len(texts) > 400
    low = [text for text in [*windows(30), *texts] if EstimateCounter().count(text) < llama.count(text)]
    assert low == []


def test_the_estimate_of_code_is_not_far_above_its_tokens(llama: Vocabulary) -> None:
    code = "".join(windows(1000))
    assert EstimateCounter().count(code) < 3 * llama.count(code)
