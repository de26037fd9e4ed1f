"""Counting: never too few tokens, against a real SentencePiece vocabulary."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import tiny_gguf
from values import OPENING

from reviewbot.engines.embedded import EmbeddedEngine, embedded_available
from reviewbot.tokens import BoundCounter, EstimateCounter, counter_for

COUNTERS = [BoundCounter(), EstimateCounter()]


@pytest.mark.parametrize("counter", COUNTERS, ids=["bound", "estimate"])
@given(parts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=8))
def test_the_parts_never_count_less_than_the_bound_of_the_whole_allows(counter, parts: list[str]) -> None:
    whole = counter.count("".join(f"{part}\n" for part in parts))
    if isinstance(counter, BoundCounter):
        assert sum(counter.count(f"{part}\n") for part in parts) == whole
    assert all(counter.count(part) >= 0 for part in parts)


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


def test_this_projects_own_code_is_never_counted_too_low(server: EmbeddedEngine) -> None:
    client = server._start(2048, None)
    for path in sorted((Path(__file__).parent.parent / "reviewbot").rglob("*.py")):
        text = path.read_text()
        for start in range(0, len(text), 4000):
            window = text[start : start + 4000]
            _, answer = client.call_json("/tokenize", {"content": window, "add_special": False})
            tokens = len(answer["tokens"])
            assert tokens <= BoundCounter().count(window) + 1
            lines = sum(EstimateCounter().count(line) for line in window.splitlines(keepends=True))
            assert lines >= EstimateCounter().count(window) - 1
