"""The child process that holds the embedded model: a llama.cpp server on loopback, for as long as its parent lives.

Run as a script. It reads one JSON line from stdin (`model`, `n_ctx`, `threads`, `api_key`), prints one with the
server's `address`, and ends when stdin does, which also happens when the parent is killed. llama.cpp aborts the whole
process on some broken models and does not answer Ctrl-C while it generates, so it never runs in the parent.
"""

import json
import os
import sys


def main() -> None:
    """Serve until stdin ends."""
    order = json.loads(sys.stdin.readline())
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    params.n_ctx = order["n_ctx"]
    params.n_parallel = 1
    params.kv_unified = False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order["threads"]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.api_keys = [order["api_key"]]
    params.ui = False
    params.verbosity = 1
    params.cache_ram_mib = 0  # its default would keep up to 8 GiB of old prompts
    server = xllamacpp.Server(params)
    print(json.dumps({"address": server.listening_address}), flush=True)
    sys.stdin.read()
    os._exit(0)  # at once: a generation that is under way must not delay it


if __name__ == "__main__":
    main()
