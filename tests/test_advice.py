"""Which model to take, how large its window may be, and what is said of one that does not fit."""

import pytest
from msgspec.structs import replace
from scripted_engine import INFO

from reviewbot import advice
from reviewbot.advice import Recommendation, largest_window_here, recommend, slow_note
from reviewbot.capacity import KvType, Memory, Place, Speed
from reviewbot.engines import Loaded, ModelFacts
from reviewbot.gpu import Gpu, Probe, Ram

GIB = 2**30
METADATA = {
    "general.architecture": "llama",
    "general.parameter_count": 6738546688,
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.attention.head_count": 32,
    "llama.context_length": 16384,
    "llama.vocab_size": 32016,
    "tokenizer.ggml.model": "llama",
}
SEVEN = replace(INFO, facts=ModelFacts(trained_window=16384, metadata=METADATA, weights_bytes=3_825_000_000))


def card(gib: float, ram_gib: float = 0) -> Memory:
    return Memory((int(gib * GIB),), int(ram_gib * GIB))


# What to take


@pytest.mark.parametrize(
    ("memory", "model", "kv", "window", "place", "speed"),
    [
        pytest.param(card(8), "7b", "f16", 5120, "wholly", "fast", id="8 GiB"),
        pytest.param(card(12), "13b", "f16", 4096, "wholly", "fast", id="12 GiB"),
        pytest.param(card(11), "13b", "q8_0", 6144, "wholly", "fast", id="12 GiB beside a desktop"),
        pytest.param(card(16), "13b", "f16", 9216, "wholly", "fast", id="16 GiB"),
        pytest.param(card(24), "34b", "f16", 16384, "wholly", "fast", id="24 GiB"),
        pytest.param(Memory((24 * GIB,) * 2, 0), "70b", "f16", 4096, "wholly", "fast", id="2x24 GiB"),
        pytest.param(card(80), "70b", "f16", 4096, "wholly", "fast", id="80 GiB"),
        pytest.param(card(6), "7b", "q4_0", 6144, "wholly", "fast", id="only with the smallest cache"),
        pytest.param(card(9.3), "7b", "f16", 8192, "wholly", "fast", id="quality goes before size"),
        pytest.param(card(4, 16), "7b", "f16", 4096, "partly", "slow", id="a small card"),
        pytest.param(Memory((), 64 * GIB), "7b", "f16", 16384, "wholly", "very slow", id="no GPU"),
        pytest.param(Memory((), 6 * GIB), "7b", "q4_0", 6144, "wholly", "very slow", id="no GPU, little memory"),
    ],
)
def test_the_tier_to_take(memory, model, kv, window, place, speed):
    kinds = {kind.label: kind for kind in KvType}
    expected = Recommendation(f"codellama:{model}-instruct", kinds[kv], window, Place(place), Speed(speed))
    assert recommend(memory) == expected


@pytest.mark.parametrize("memory", [Memory((), 4 * GIB), card(2, 2)])
def test_nothing_fits(memory):
    assert recommend(memory) is None


def test_the_commands_to_type():
    made = recommend(card(11))
    assert made is not None and made.commands == (
        "OLLAMA_KV_CACHE_TYPE=q8_0 OLLAMA_FLASH_ATTENTION=1 ollama serve",
        "ollama pull codellama:13b-instruct",
        "reviewbot diff --model codellama:13b-instruct",
    )
    assert made.show_licence == "ollama show codellama:13b-instruct --license"
    plain = recommend(card(12))
    assert plain is not None and plain.commands == made.commands[1:]


# The window of a review


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(Probe((Gpu("A", 8 * GIB, 8 * GIB),)), 5120, id="GPU"),
        pytest.param(Probe((Gpu("A", 8 * GIB, 5 * GIB),)), 4096, id="never less than the default"),
        pytest.param(Probe((Gpu("A", 24 * GIB, 24 * GIB),)), 16384, id="large GPU"),
        pytest.param(Probe((Gpu("A", 8 * GIB, GIB),)), 12288, id="full GPU: the memory of the machine"),
        pytest.param(Probe(why="none"), 12288, id="no GPU"),
        pytest.param(Probe(why="hangs", unclear=True), 4096, id="a GPU that nothing is known of"),
        pytest.param(Probe((Gpu("A", 8 * GIB, 8 * GIB),), unclear=True), 5120, id="one of two is lost"),
    ],
)
def test_the_largest_window_here(found, expected, monkeypatch):
    monkeypatch.setattr(advice, "ram", lambda: Ram(16 * GIB, int(11.5 * GIB)))
    assert largest_window_here(SEVEN, lambda: found) == expected


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(INFO, id="a model that tells nothing"),
        pytest.param(replace(SEVEN, endpoint="http://192.0.2.1:11434"), id="another machine"),
    ],
)
def test_what_is_not_known_gets_the_default_window_and_no_driver_is_asked(info):
    assert largest_window_here(info, None) == 4096


def test_the_embedded_engine_has_the_memory_of_the_machine(monkeypatch):
    monkeypatch.setattr(advice, "ram", lambda: Ram(64 * GIB, 60 * GIB))
    assert largest_window_here(replace(SEVEN, kind="embedded", endpoint="embedded://127.0.0.1"), None) == 16384


# A model that is not wholly on a GPU


def loaded(gib: float, gpu_gib: float, window: int = 16384) -> Loaded:
    return Loaded(window, 0, int(gib * GIB), int(gpu_gib * GIB))


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        pytest.param(
            loaded(11.6, 9.6),
            "17 % of codellama:7b-instruct is on the processor, which makes it several times slower; "
            "a window of 12288 tokens would fit the GPU: --num-ctx 12288",
            id="a smaller window",
        ),
        pytest.param(
            loaded(11.6, 11.59),
            "1 % of codellama:7b-instruct is on the processor, which makes it slower; "
            "a window of 15360 tokens would fit the GPU: --num-ctx 15360",
            id="hardly",
        ),
        pytest.param(
            loaded(5.7, 4.8, 4096),
            "16 % of codellama:7b-instruct is on the processor, which makes it several times slower; with "
            "OLLAMA_KV_CACHE_TYPE=q8_0 OLLAMA_FLASH_ATTENTION=1 set for Ollama a window of 4096 tokens would fit the "
            "GPU",
            id="a smaller cache",
        ),
        pytest.param(
            loaded(5.7, 1, 4096),
            "82 % of codellama:7b-instruct is on the processor, which makes it about as slow as without a GPU; "
            "a smaller model would fit the GPU",
            id="nothing helps",
        ),
    ],
)
def test_part_of_it_is_on_the_processor(sizes, expected):
    assert slow_note(SEVEN, sizes, None) == expected


def test_a_smaller_tier_helps():
    note = slow_note(replace(INFO, model="codellama:34b-instruct"), loaded(19, 10), None)
    assert note is not None and note.endswith(
        "codellama:13b-instruct would fit the GPU: ollama pull codellama:13b-instruct"
    )
    large = replace(SEVEN, facts=replace(SEVEN.facts, weights_bytes=19_000_000_000))
    note = slow_note(large, loaded(20, 7, 4096), None)
    assert note is not None and note.endswith(
        "codellama:7b-instruct would fit the GPU: ollama pull codellama:7b-instruct"
    )


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(loaded(0, 0), id="unknown"),
        pytest.param(loaded(0, 5), id="size is zero without a GPU of NVIDIA's"),
        pytest.param(loaded(7, 7), id="all of it on the GPU"),
    ],
)
def test_nothing_is_said_of_a_model_that_fits(sizes):
    assert slow_note(SEVEN, sizes, None) is None


def test_a_gpu_that_is_not_used():
    note = slow_note(SEVEN, loaded(7, 0), lambda: Probe((Gpu("A", 12 * GIB, 11 * GIB), Gpu("B", 8 * GIB, GIB))))
    assert note is not None and "on the processor alone" in note and "a GPU has 11.0 GiB free" in note


def test_without_a_gpu_there_is_nothing_to_mend():
    assert slow_note(SEVEN, loaded(7, 0), lambda: Probe((Gpu("A", 12 * GIB, 6 * GIB),))) is None
    assert slow_note(SEVEN, loaded(7, 0), Probe) is None
    assert slow_note(replace(SEVEN, endpoint="http://192.0.2.1:1"), loaded(7, 0), None) is None
