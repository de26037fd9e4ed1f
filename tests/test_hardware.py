"""What `reviewbot doctor` says of memory and models: the whole command, with any GPU and any server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fake_nvml import GIB, gpus, nvml_folder
from fake_server import MODEL, FakeServer

from reviewbot import gpu
from reviewbot.cli import main
from reviewbot.gpu import Probe, Ram

__all__ = ["gpus", "nvml_folder"]  # fixtures

pytestmark = pytest.mark.usefixtures("repo")

NO_GPU = "no NVIDIA driver (libnvidia-ml.so.1) is found"
ALL = [16384, 16384, 16384]
NO = [0, 0, 0]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 GiB of memory, 14 of them free; no server answers."""
    monkeypatch.setattr("reviewbot.cli.hardware.ram", lambda: Ram(16 * GIB, 14 * GIB))
    monkeypatch.setenv("REVIEWBOT_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("REVIEWBOT_ENGINE", "ollama")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr("reviewbot.cli.hardware.probe", lambda: Probe(why=NO_GPU))


class Models(FakeServer):
    """A server with several models: by name, what `/api/show` says, and the size of the file."""

    models: dict[str, tuple[dict[str, Any], int]] = {}

    def facts(self, path: str) -> tuple[int, Any]:
        if path == "/api/tags":
            entries = [
                {"name": name, "model": name, "size": size, "remote_host": shown.get("remote_host")}
                for name, (shown, size) in self.models.items()
            ]
            return 200, {"models": entries}
        if path == "/api/show":
            name = self.requests[-1][1]["model"]
            return (200, self.models[name][0]) if name in self.models else (404, {})
        return super().facts(path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    with Models() as fake:
        monkeypatch.setenv("REVIEWBOT_ENDPOINT", fake.url)
        yield fake


def hardware(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """What the command says in JSON."""
    main(["doctor", "--format", "json", *words])
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)["hardware"]  # type: ignore[no-any-return]


def lines(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[list[str], list[str]]:
    """The lines of the checks on memory, and the table with all that follows."""
    main(["doctor", *words])
    out, err = capsys.readouterr()
    assert err == "" and all(len(line) <= 100 for line in out.partition("\n\n")[2].split("\n"))
    checks, _, rest = out.partition("\n\n")
    return [line for line in checks.split("\n") if re.match(r"\w+ +(GPU|memory) ", line)], rest.splitlines()


def llama(layers: int = 32, **more: object) -> dict[str, Any]:
    info = {
        "general.architecture": "llama",
        "llama.block_count": layers,
        "llama.embedding_length": 4096,
        "llama.attention.head_count": 32,
        "llama.context_length": 16384,
        "tokenizer.ggml.model": "llama",
    }
    return {"model_info": info, **more}


# GPUs


def test_a_card_of_12_gib(gpus, capsys):
    gpus("NVIDIA GeForce RTX 3060:12288:11885")
    checks, table = lines(capsys)
    assert checks == [
        "ok      GPU            NVIDIA GeForce RTX 3060, 11.6 of 12.0 GiB free, driver 550.54.14",
        "ok      memory         what counts is the GPU's own, as the NVIDIA driver tells it (NVML)",
    ]
    assert table == [
        "Which model fits here (11.6 GiB free on the GPU)",
        "",
        "                                                             longest window, by cache",
        "model                                         size  fits       f16    q8_0    q4_0   speed",
        "codellama:7b-instruct                      3.6 GiB  wholly   13312   16384   16384   fast",
        "codellama:13b-instruct                     6.9 GiB  wholly    4096    7168   14336   fast",
        "codellama:34b-instruct                    17.7 GiB  partly       -       -       -   slow",
        "codellama:70b-instruct                    36.2 GiB  no           -       -       -   -",
        "",
        "fits    wholly: on the graphics card. partly: the processor does the rest, several times slower.",
        "window  how many tokens (about 3 characters of code each) a model reads at once: here the most",
        "        with which it fits wholly. A review needs 4096; more means fewer requests.",
        "cache   f16 is what Ollama uses by itself; q8_0 takes half as much memory for the window, q4_0 a",
        "        quarter, at some cost in quality.",
        "",
        "Recommended: codellama:13b-instruct, wholly on the GPU (fast), window up to 4096 tokens",
        "  ollama pull codellama:13b-instruct   # accepts the Llama 2 Community License",
        "  reviewbot diff --model codellama:13b-instruct",
        "Licence: https://ai.meta.com/llama/license/",
        "  ollama show codellama:13b-instruct --license   # once it is there",
    ]


@pytest.mark.parametrize(
    ("items", "windows", "fits", "model", "cache"),
    [
        pytest.param("A:8192:8192", [[5120, 11264, 16384], NO, NO, NO], "wppn", "7b", "f16", id="8 GiB"),
        pytest.param("A:12288:12288", [[13312, *ALL[1:]], [4096, 8192, 16384], NO, NO], "wwpn", "13b", "f16", id="12"),
        pytest.param(
            "A:12288:10956", [[11264, *ALL[1:]], [3072, 5120, 10240], NO, NO], "wwpn", "13b", "q8_0", id="10.7"
        ),
        pytest.param("A:12288:5000", [NO, NO, NO, NO], "ppnn", "7b", "f16", id="most of 12 GiB taken"),
        pytest.param("A:24576:24576", [ALL, ALL, ALL, NO], "wwwn", "34b", "f16", id="24 GiB"),
        pytest.param("A:24576:24576;B:24576:24576", [ALL, ALL, ALL, [4096] * 3], "wwww", "70b", "f16", id="2x24 GiB"),
        pytest.param("A:81920:81920", [ALL, ALL, ALL, [4096] * 3], "wwww", "70b", "f16", id="80 GiB"),
        pytest.param(
            "/A:40960:40960;+A MIG:10240:8192;+A MIG:10240:8192",
            [[5120, 11264, 16384], NO, NO, NO],
            "wppn",
            "7b",
            "f16",
            id="a part of a divided one",
        ),
    ],
)
def test_gpus_of_all_sizes(items, windows, fits, model, cache, gpus, capsys):
    gpus(items)
    found = hardware(capsys)
    assert found["source"] == "nvml" and found["driver"] == "550.54.14"
    assert [list(row["windows"].values()) for row in found["models"]] == windows
    assert "".join(row["fits"][0] for row in found["models"]) == fits
    advice = found["recommendation"]
    assert (advice["model"], advice["cache"]) == (f"codellama:{model}-instruct", cache)


def test_a_smaller_cache_is_recommended_with_its_variables(gpus, capsys):
    gpus("A:12288:10956")
    _, table = lines(capsys)
    row = next(line for line in table if line.startswith("codellama:13b"))
    assert row.endswith("wholly    3072    5120   10240   fast, with q8_0")
    assert "  OLLAMA_KV_CACHE_TYPE=q8_0 OLLAMA_FLASH_ATTENTION=1 ollama serve" in table
    assert hardware(capsys)["recommendation"]["commands"][0] == (
        "OLLAMA_KV_CACHE_TYPE=q8_0 OLLAMA_FLASH_ATTENTION=1 ollama serve"
    )


@pytest.mark.parametrize(
    ("items", "trouble", "expected"),
    [
        pytest.param("", "nvmlInitWithFlags=12", f"{NO_GPU}; on a processor alone a review takes minutes", id="driver"),
        pytest.param("", "", "the NVIDIA driver has no GPU; on a processor alone a review takes minutes", id="none"),
        pytest.param(
            "A:1:1",
            "nvmlInitWithFlags=4",
            "the NVIDIA driver does not answer this user (no permission); no GPU can be counted",
            id="permission",
        ),
        pytest.param(
            "A:1:1",
            "nvmlDeviceGetCount_v2=hang",
            "the NVIDIA driver gives no answer within 0.05 s; no GPU can be counted",
            id="hang",
        ),
    ],
)
def test_without_a_gpu_it_says_why_and_counts_the_memory_of_the_machine(
    items, trouble, expected, gpus, capsys, monkeypatch
):
    monkeypatch.setattr(gpu, "LIMIT_S", 0.05)
    gpus(items, trouble)
    checks, table = lines(capsys)
    assert checks == [
        f"note    GPU            {expected}",
        "ok      memory         what counts is the machine's own, 14.0 of 16.0 GiB free",
    ]
    unclear = "counted" in expected
    assert table[0] == "Which model fits here (14.0 GiB of memory free, without a GPU)"
    row = next(line for line in table if line.startswith("codellama:7b"))
    assert row.endswith("wholly   16384   16384   16384   " + ("unknown" if unclear else "very slow"))
    speed = "" if unclear else " (very slow)"
    assert f"Recommended: codellama:7b-instruct{speed}, window up to 16384 tokens" in table
    assert hardware(capsys)["source"] == "ram"


def test_a_gpu_that_is_lost_is_named(gpus, capsys):
    gpus("A:8192:8192;B:24576:24576", "nvmlDeviceGetMemoryInfo=15@1")
    checks, table = lines(capsys)
    assert checks[:2] == [
        "ok      GPU            A, 8.0 of 8.0 GiB free, driver 550.54.14",
        "note    GPU            GPU 1, B, cannot be read: GPU is lost",
    ]
    assert table[0] == "Which model fits here (8.0 GiB free on the GPU)"


def test_a_gpu_without_room_for_a_model(gpus, capsys):
    gpus("A:8192:1024")
    checks, table = lines(capsys)
    reason = "no GPU has room for a model now, so what counts is the machine's own, 14.0 of 16.0 GiB free"
    assert checks[1] == f"note    memory         {reason}"
    assert "without a GPU" in table[0]


def test_the_program_itself_with_a_name_that_is_no_utf8_and_would_change_the_terminal(gpus):
    gpus(os.fsdecode(b"Qu\xe9bec\x1b[31m:8192:8192"))
    done = subprocess.run([sys.executable, "-m", "reviewbot", "doctor"], capture_output=True, encoding="utf-8")
    assert "GPU            Qu\ufffdbec\\x1b[31m, 8.0 of 8.0 GiB free" in done.stdout and done.stderr == ""


# Models of the server


def test_the_models_of_the_server_are_in_the_table(server, no_gpu, capsys):
    server.models = {
        MODEL: (llama(layers=40), 4 * GIB),
        "qwen2.5-coder:7b": (llama(capabilities=["completion", "tools"]), 5 * GIB),
        "someone/with-a-very-long-name-of-a-model:Q4_K_M": (llama(), GIB),
        "nomic-embed-text:latest": (llama(capabilities=["embedding"]), GIB),
        "mystery:latest": ({"model_info": {}}, GIB),
        "big:671b-cloud": (llama(), GIB),
        "stub:latest": (llama(remote_host="https://example.org"), 300),
        "hidden-stub:latest": (llama(remote_model="x"), 300),
    }
    _, table = lines(capsys)
    assert [line[:42].rstrip() for line in table[4:11]] == [
        "codellama:7b-instruct (installed)",
        "codellama:13b-instruct",
        "codellama:34b-instruct",
        "codellama:70b-instruct",
        "mystery:latest (installed)",
        "qwen2.5-coder:7b (installed)",
        "...ng-name-of-a-model:Q4_K_M (installed)",
    ]
    assert table[8].endswith("1.0 GiB  ?            -       -       -   unknown")
    assert table[11] == ""
    asked = [body["model"] for path, body in server.requests if path == "/api/show"]
    assert "big:671b-cloud" not in asked and "stub:latest" not in asked
    assert not any(line.startswith("  ollama pull") for line in table)


def test_a_tier_that_is_installed_has_the_size_of_its_file(server, no_gpu, capsys):
    server.models = {MODEL: (llama(), 7 * GIB)}
    found = hardware(capsys)
    row = found["models"][0]
    assert (row["model"], row["installed"], row["weights_bytes"]) == (MODEL, True, 7 * GIB)
    assert found["recommendation"]["commands"] == [f"reviewbot diff --model {MODEL}"]
    assert row["windows"]["f16"] == 10240


def test_what_a_loaded_model_takes_counts_as_free(server, gpus, capsys):
    gpus("A:12288:4096")
    server.overrides["/api/ps"] = (200, {"models": [{"name": "other:latest", "size": 8 * GIB, "size_vram": 7 * GIB}]})
    found = hardware(capsys)
    assert found["loaded"] == [{"model": "other:latest", "bytes": 8 * GIB, "gpu_bytes": 7 * GIB}]
    assert found["gpus"][0]["free_bytes"] == 4 * GIB
    assert found["models"][0]["windows"]["f16"] == 11264
    _, table = lines(capsys)
    assert table[0] == "Which model fits here (11.0 GiB free on the GPU, with that of loaded models)"


def test_a_gpu_that_only_the_server_knows_of(server, no_gpu, capsys):
    server.overrides["/api/ps"] = (200, {"models": [{"name": "other:latest", "size": 8 * GIB, "size_vram": 7 * GIB}]})
    checks, table = lines(capsys)
    assert checks[-1] == (
        "note    memory         7.0 GiB of other:latest are on a GPU, whose size cannot be told from here"
    )
    assert any("There may be a GPU that cannot be measured here" in line for line in table)
    assert hardware(capsys)["models"][0]["speed"] == "unknown"


def test_a_mac_has_a_gpu_that_is_not_counted(no_gpu, capsys, monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert hardware(capsys)["models"][0]["speed"] == "unknown"


def test_a_server_on_another_machine(no_gpu, capsys):
    words = ("--endpoint", "http://240.0.0.1:9", "--allow-remote")
    found = hardware(capsys, *words)
    assert (found["source"], found["models"], found["recommendation"]) == (None, [], None)
    checks, table = lines(capsys, *words)
    assert "the server is on another machine" in checks[-1] and table == []


def test_a_server_that_may_not_be_asked_and_one_that_is_no_server(no_gpu, server, capsys):
    assert hardware(capsys, "--endpoint", "http://240.0.0.1:9")["models"] == []
    server.overrides["/api/ps"] = (200, {"models": "many"})
    server.overrides["/api/tags"] = (500, {})
    assert [row["installed"] for row in hardware(capsys)["models"]] == [False] * 4


def test_with_a_broken_configuration_the_machine_is_still_described(no_gpu, server, repo, capsys):
    repo.write(".reviewbot.toml", "modle = 'x'")
    assert hardware(capsys)["recommendation"]["model"] == MODEL and server.requests == []


def test_too_little_memory_for_any_tier(no_gpu, capsys, monkeypatch):
    monkeypatch.setattr("reviewbot.cli.hardware.ram", lambda: Ram(4 * GIB, 3 * GIB))
    _, table = lines(capsys)
    assert table[-1] == "Recommended: a model smaller than any Code Llama, which takes 5.7 GiB at least"
    assert hardware(capsys)["recommendation"] is None


def test_quiet_prints_no_table(no_gpu, capsys):
    assert lines(capsys, "-q") == (
        [f"note    GPU            {NO_GPU}; on a processor alone a review takes minutes"],
        [],
    )


def test_all_of_it_as_json(no_gpu, capsys):
    found = hardware(capsys)
    models = found.pop("models")
    assert models[0] == {
        "model": MODEL,
        "installed": False,
        "weights_bytes": 3_825_000_000,
        "fits": "wholly",
        "cache": "f16",
        "windows": {"f16": 16384, "q8_0": 16384, "q4_0": 16384},
        "speed": "very slow",
    }
    assert found == {
        "source": "ram",
        "driver": None,
        "gpus": [],
        "why_no_gpu": NO_GPU,
        "left_out": [],
        "ram": {"total_bytes": 16 * GIB, "free_bytes": 14 * GIB},
        "loaded": [],
        "recommendation": {
            "model": MODEL,
            "cache": "f16",
            "window": 16384,
            "fits": "wholly",
            "speed": "very slow",
            "commands": [f"ollama pull {MODEL}", f"reviewbot diff --model {MODEL}"],
            "licence": {
                "name": "Llama 2 Community License",
                "url": "https://ai.meta.com/llama/license/",
                "command": f"ollama show {MODEL} --license",
            },
        },
    }
