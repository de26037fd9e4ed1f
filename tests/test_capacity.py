"""Memory of models: golden numbers, rules of thumb, and properties that hold for all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reviewbot.capacity import (
    CODE_LLAMA,
    DEVICE_BYTES,
    STEP,
    Fit,
    KvType,
    Memory,
    ModelShape,
    Place,
    Speed,
    fit,
    give_back,
    kv_token_bytes,
    largest_window,
    memory_of,
    need_bytes,
    shape_of,
)
from reviewbot.gpu import Gpu, Ram

GIB = 2**30
TIERS = dict(zip(("7b", "13b", "34b", "70b"), CODE_LLAMA, strict=True))
F16, Q8, Q4 = KvType.F16, KvType.Q8_0, KvType.Q4_0


def cards(*gib: float) -> Memory:
    """Free memory of GPUs, and none else."""
    return Memory(tuple(int(size * GIB) for size in gib), 0)


# Golden numbers


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        pytest.param("7b", [524288, 278528, 147456], id="7b"),
        pytest.param("13b", [819200, 435200, 230400], id="13b"),
        pytest.param("34b", [196608, 104448, 55296], id="34b"),
        pytest.param("70b", [327680, 174080, 92160], id="70b"),
    ],
)
def test_bytes_of_a_token(tier, expected):
    assert [kv_token_bytes(TIERS[tier], kv) for kv in (F16, Q8, Q4)] == expected


@pytest.mark.parametrize(("tier", "gib"), [("7b", 8), ("13b", 12.5), ("34b", 3), ("70b", 5)])
def test_the_cache_of_16384_tokens(tier, gib):
    assert kv_token_bytes(TIERS[tier], F16) * 16384 == gib * GIB


@pytest.mark.parametrize(
    ("tier", "kv", "expected"),
    [
        pytest.param("7b", F16, [7.1, 9.1, 13.1], id="7b f16"),
        pytest.param("13b", F16, [11.5, 14.6, 20.9], id="13b f16"),
        pytest.param("34b", F16, [19.9, 20.7, 22.2], id="34b f16"),
        pytest.param("70b", F16, [38.9, 40.1, 42.7], id="70b f16"),
        pytest.param("7b", Q8, [6.1, 7.2, 9.3], id="7b q8_0"),
        pytest.param("13b", Q8, [10.0, 11.7, 15.0], id="13b q8_0"),
        pytest.param("34b", Q8, [19.6, 20.0, 20.8], id="34b q8_0"),
        pytest.param("70b", Q8, [38.3, 39.0, 40.3], id="70b q8_0"),
    ],
)
def test_what_a_model_takes_with_4096_8192_and_16384_tokens(tier, kv, expected):
    needs = [need_bytes(TIERS[tier], window, kv) / GIB for window in (4096, 8192, 16384)]
    assert [round(need, 1) for need in needs] == expected


def test_the_70b_base_model_on_two_cards():
    base = replace(TIERS["70b"], trained_window=16384)
    assert round(need_bytes(base, 16384, F16, gpus=2) / GIB, 1) == 44.2
    assert largest_window(base, cards(24, 24)) == 16384


NO = [0, 0, 0]
ALL = [16384, 16384, 16384]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        pytest.param([8], [[5120, 11264, 16384], NO, NO, NO], id="8 GiB"),
        pytest.param([12], [[13312, 16384, 16384], [4096, 8192, 16384], NO, NO], id="12 GiB"),
        pytest.param([16], [ALL, [9216, 16384, 16384], NO, NO], id="16 GiB"),
        pytest.param([24], [ALL, ALL, ALL, NO], id="24 GiB"),
        pytest.param([24, 24], [ALL, ALL, ALL, [4096, 4096, 4096]], id="2x24 GiB"),
        pytest.param([80], [ALL, ALL, ALL, [4096, 4096, 4096]], id="80 GiB"),
    ],
)
def test_the_largest_windows_of_all_tiers(sizes, expected):
    memory = cards(*sizes)
    assert [[largest_window(shape, memory, kv) for kv in KvType] for shape in CODE_LLAMA] == expected


@pytest.mark.parametrize(("tier", "gigabytes"), [("7b", 7), ("13b", 11), ("34b", 23)])
def test_well_known_rules_of_thumb(tier, gigabytes):
    assert need_bytes(TIERS[tier], 4096) / 1e9 == pytest.approx(gigabytes, rel=0.15)


# Shapes


def llama(**changed: object) -> dict[str, object]:
    """What `/api/show` tells of Code Llama 7B; None takes a key away."""
    metadata = {
        "general.architecture": "llama",
        "general.parameter_count": 6738546688,
        "llama.block_count": 32,
        "llama.embedding_length": 4096,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 32,
        "llama.context_length": 16384,
        "llama.vocab_size": 32016,
        "tokenizer.ggml.model": "llama",
        **{f"llama.{key.replace('__', '.')}": value for key, value in changed.items()},
    }
    return {key: value for key, value in metadata.items() if value is not None}


def test_a_model_of_the_server_equals_the_table():
    shape = shape_of("codellama:7b-instruct", llama(), 3_825_000_000)
    assert shape is not None
    assert replace(shape, host_bytes=0) == replace(TIERS["7b"], host_bytes=0)
    assert shape.host_bytes == pytest.approx(TIERS["7b"].host_bytes, rel=0.02)


@pytest.mark.parametrize(
    ("changed", "kv_width"),
    [
        pytest.param({"attention__head_count_kv": 8}, 32 * 8 * 256, id="grouped queries"),
        pytest.param({"attention__head_count_kv": None}, 32 * 32 * 256, id="not told: one for each head"),
        pytest.param({"attention__head_count_kv": [8, 0, 4], "block_count": 3}, 12 * 256, id="by layer"),
        pytest.param({"attention__key_length": 256, "attention__value_length": 64}, 32 * 32 * 320, id="own widths"),
        pytest.param({"attention__head_count": None, "attention__head_count_kv": None}, 32 * 32 * 256, id="no heads"),
    ],
)
def test_how_wide_the_cache_is(changed, kv_width):
    shape = shape_of("x", llama(**changed), 1)
    assert shape is not None and shape.kv_width == kv_width


def test_a_list_for_each_layer_may_be_null():
    shape = shape_of("x", {**llama(), "llama.attention.head_count_kv": None}, 1)
    assert shape is not None and shape.kv_width == 32 * 32 * 256


@pytest.mark.parametrize(
    ("tokenizer", "vocabulary"), [pytest.param("llama", 32016, id="small"), pytest.param("gpt2", 152064, id="large")]
)
def test_a_vocabulary_that_is_not_told(tokenizer, vocabulary):
    shape = shape_of("x", {**llama(vocab_size=None), "tokenizer.ggml.model": tokenizer}, 10**9)
    assert shape is not None and shape.vocabulary == vocabulary
    assert (shape.host_bytes > 0) is (tokenizer == "llama")


@pytest.mark.parametrize("missing", ["block_count", "embedding_length", "context_length"])
def test_a_model_that_tells_too_little_has_no_shape(missing):
    assert shape_of("x", llama(**{missing: None}), 10**9) is None
    assert shape_of("x", llama(**{missing: "many"}), 10**9) is None
    assert shape_of("x", {}, 10**9) is None and shape_of("x", llama(), 0) is None


# Memory


def test_gpus_add_up_largest_first_and_full_ones_do_not_count():
    gpus = [Gpu("a", 8 * GIB, 4 * GIB), Gpu("b", 24 * GIB, 20 * GIB), Gpu("c", 8 * GIB, GIB)]
    assert memory_of(gpus, Ram(64 * GIB, 32 * GIB)) == Memory((20 * GIB, 4 * GIB), 32 * GIB)


def test_of_a_divided_gpu_a_model_gets_one_part():
    parts = [Gpu("MIG", 20 * GIB, size * GIB, part=True) for size in (5, 10, 10)]
    assert memory_of(parts, Ram(0, 0)).gpu_bytes == (10 * GIB,)
    assert memory_of([*parts, Gpu("whole", 8 * GIB, 8 * GIB)], Ram(0, 0)).gpu_bytes == (10 * GIB,)
    assert memory_of([*parts, Gpu("whole", 12 * GIB, 12 * GIB)], Ram(0, 0)).gpu_bytes == (12 * GIB,)


def test_what_a_loaded_model_takes_is_given_back():
    gpus = [Gpu("a", 12 * GIB, 4 * GIB), Gpu("b", 12 * GIB, 8 * GIB)]
    assert [gpu.free_bytes for gpu in give_back(gpus, 6 * GIB)] == [8 * GIB, 10 * GIB]
    assert [gpu.free_bytes for gpu in give_back(gpus, 99 * GIB)] == [12 * GIB, 12 * GIB]
    assert give_back([Gpu("a", 1, 1)], 5) == (Gpu("a", 1, 1),)


# Fits


@pytest.mark.parametrize(
    ("tier", "memory", "kv", "place", "speed"),
    [
        pytest.param("7b", cards(12), F16, Place.WHOLLY, Speed.FAST, id="wholly"),
        pytest.param("13b", cards(11), Q8, Place.WHOLLY, Speed.FAST, id="with a smaller cache"),
        pytest.param("13b", Memory((8 * GIB,), 16 * GIB), None, Place.PARTLY, Speed.SLOW, id="partly"),
        pytest.param("34b", Memory((8 * GIB,), 8 * GIB), None, Place.NOT, Speed.NONE, id="not even with the rest"),
        pytest.param("7b", Memory((), 16 * GIB), F16, Place.WHOLLY, Speed.VERY_SLOW, id="no GPU"),
        pytest.param("34b", Memory((), 16 * GIB), None, Place.NOT, Speed.NONE, id="no GPU, too little memory"),
    ],
)
def test_where_a_model_ends_up(tier, memory, kv, place, speed):
    found = fit(TIERS[tier], memory)
    assert (found.kv, found.place, found.speed) == (kv, place, speed)


def test_a_model_with_a_small_window_fits_with_all_of_it():
    assert fit(replace(TIERS["7b"], trained_window=2048), cards(12)) == Fit(
        {F16: 2048, Q8: 2048, Q4: 2048}, F16, Place.WHOLLY, Speed.FAST
    )


def test_a_small_second_card_costs_nothing():
    assert largest_window(TIERS["7b"], cards(8, 1.6)) == largest_window(TIERS["7b"], cards(8)) == 5120


def test_in_the_memory_of_the_machine_the_whole_file_counts():
    shape = TIERS["7b"]
    assert need_bytes(shape, 4096, gpus=0) == need_bytes(shape, 4096) + shape.host_bytes


# Properties

shapes = st.builds(
    ModelShape,
    name=st.just("any"),
    kv_width=st.integers(256, 1 << 20),
    embedding=st.integers(64, 16384),
    vocabulary=st.integers(256, 300_000),
    trained_window=st.integers(STEP, 1 << 20),
    weights_bytes=st.integers(1, 80 * GIB),
)
devices = st.lists(st.integers(0, 96 * GIB), max_size=4).map(lambda sizes: tuple(sorted(sizes, reverse=True)))
memories = st.builds(Memory, devices, st.integers(0, 256 * GIB))
types = st.sampled_from(KvType)


@given(shapes, memories, types, st.integers(0, 3), st.integers(0, 16 * GIB))
def test_more_memory_is_never_worse(shape, memory, kv, at, more):
    sizes = list(memory.gpu_bytes)
    if sizes:
        sizes[at % len(sizes)] += more
    larger = Memory(tuple(sorted(sizes, reverse=True)), memory.ram_bytes + more)
    assert largest_window(shape, larger, kv) >= largest_window(shape, memory, kv)


@given(shapes, devices.filter(len), st.integers(0, 96 * GIB))
def test_another_card_is_never_worse(shape, sizes, another):
    more = Memory(tuple(sorted((*sizes, another), reverse=True)), 0)
    assert largest_window(shape, more) >= largest_window(shape, Memory(sizes, 0))


@given(shapes, memories)
def test_a_cheaper_cache_never_gives_a_smaller_window(shape, memory):
    f16, q8, q4 = (largest_window(shape, memory, kv) for kv in KvType)
    assert f16 <= q8 <= q4


@given(shapes, memories, types)
def test_the_largest_window_fits_and_the_next_does_not(shape, memory, kv):
    window = largest_window(shape, memory, kv)
    ways = range(1, len(memory.gpu_bytes) + 1) if memory.gpu_bytes else (0,)

    def fits(tokens: int) -> bool:
        return any(
            need_bytes(shape, tokens, kv, gpus) <= (sum(memory.gpu_bytes[:gpus]) if gpus else memory.ram_bytes)
            for gpus in ways
        )

    assert window == 0 or fits(window)
    assert window == shape.trained_window or (window % STEP == 0 and not fits(window + STEP))


@given(shapes, memories)
def test_a_useful_window_is_a_fit(shape, memory):
    found = fit(shape, memory)
    assert (found.place is Place.WHOLLY) is (max(found.windows.values()) >= min(4096, shape.trained_window))


@given(st.lists(st.integers(0, 96 * GIB), max_size=4), st.integers(0, 99 * GIB))
def test_giving_back_never_invents_memory(free, taken):
    gpus = [Gpu("g", 96 * GIB, size) for size in free]
    after = give_back(gpus, taken)
    assert all(old.free_bytes <= new.free_bytes <= new.total_bytes for old, new in zip(gpus, after, strict=True))
    assert sum(g.free_bytes for g in after) - sum(free) <= taken
    assert all(size > DEVICE_BYTES for size in memory_of(after, Ram(0, 0)).gpu_bytes)
