"""Network namespaces of our own: one that has loopback alone, and one with a way out on which somebody listens."""

import os
import shutil

import pytest

ALONE = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
"""Put before a command: it runs where there is loopback and nothing else."""

WATCHED = [
    *ALONE[:4],
    # Everything that leaves through `out` arrives at `ear`. IPv6 is off, for the kernel itself would speak.
    "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 && ip link set lo up"
    " && ip link add out type veth peer name ear && ip address add 192.0.2.1/24 dev out"
    " && ip link set ear up && ip link set out up && ip neighbor add 192.0.2.2 lladdr 02:00:00:00:00:02 dev out"
    ' && ip route add default via 192.0.2.2 && exec "$@"',
    "sh",
]
"""Put before a command: it runs where a default route leads to the interface `ear`."""


@pytest.fixture
def namespaces() -> None:
    """Only where a namespace can be made: a skip on a developer's machine, a failure in CI."""
    if os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"):
        return
    reason = "needs root, unshare and iproute2 for a network namespace"
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
