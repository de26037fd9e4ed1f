"""`reviewbot cache`: how much is kept of earlier reviews, and how to get rid of it."""

import argparse
import time

from reviewbot.cli.config import repository_here, settings_here
from reviewbot.cli.outcomes import open_store
from reviewbot.errors import ExitCode, OutputError, UsageError
from reviewbot.text import visible_line

UNUSED_DAYS = 30
"""What was not used for so long is pruned."""


def run(options: argparse.Namespace) -> int:
    """Tell, clear or prune; OutputError when the file cannot be used."""
    action = options.args or ["info"]
    if action not in (["info"], ["clear"], ["prune"]):
        raise UsageError(f"cache cannot do {visible_line(' '.join(action))!r}", "reviewbot cache info|clear|prune")
    store = open_store(settings_here(options, repository_here()[0]).config)
    try:
        before = store.contents().entries
        if action == ["clear"]:
            store.clear()
        elif action == ["prune"]:
            store.prune(UNUSED_DAYS * 24 * 3600)
        held = store.contents()
        if store.problem is not None:
            raise OutputError(store.problem, "reviewbot config")
    finally:
        store.close()
    if action != ["info"]:
        print(f"removed {before - held.entries:,} of {before:,} outcomes")
    else:
        print(f"{visible_line(str(store.path))}: {held.entries:,} outcomes, {held.bytes / 2**20:.1f} MiB")
        if held.oldest is not None:
            print(f"the oldest was last used on {time.strftime('%Y-%m-%d', time.localtime(held.oldest))}")
    return ExitCode.OK
