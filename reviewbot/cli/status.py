"""`reviewbot status`: what is being reviewed in the background, what came of the last time, and late findings."""

import argparse
import time

from reviewbot.cli.config import settings_here
from reviewbot.cli.late import look_back, tell_settled
from reviewbot.cli.told import read_told
from reviewbot.errors import ExitCode
from reviewbot.hookscripts import WARM_STAGE
from reviewbot.install import is_installed
from reviewbot.repo import Repository, open_repository
from reviewbot.reporters.omissions import count_words
from reviewbot.text import visible_line
from reviewbot.worker import Work, at_work, last_beat, queue_bytes

SILENT_S = 10.0
"""A worker that has shown no life for so long is stopped, or hangs."""

_PHASES = {
    "waiting": "waiting for the end of git add",
    "reviewing": "reviewing what is staged",
    "making-way": "making way for a commit",
    "catching-up": "reviewing a commit that went through unreviewed",
}


def run(options: argparse.Namespace) -> int:
    """Say what goes on; late findings are told once."""
    repository = open_repository()
    settings = settings_here(options, repository, in_hook=True)
    lines = [f"now: {_now(repository)}"]
    told = read_told(repository, settings.config)
    if told.text:
        lines.append(f"last: {time.strftime('%Y-%m-%d %H:%M', time.localtime(told.when))}: {told.text}")
    lines += [f"late: {line}" for line in tell_settled(repository, settings, everywhere=True)]
    late = look_back(repository, settings.config)
    waiting = [pending.commit[:7] for pending in late.pending]
    if waiting:
        lines.append(f"late: not wholly reviewed yet: {', '.join(waiting)} (reviewbot show {waiting[0]})")
    if late.lost:
        what = count_words(late.lost, "staged change")
        lines.append(f"late: {what} went unread and not into a commit as staged (amended since? try: reviewbot show)")
    if not is_installed(WARM_STAGE, repository.hooks_dir, repository.common_dir):
        lines.append("no hook reviews while you stage (try: reviewbot install --warm)")
    print("\n".join(map(visible_line, lines)))
    return ExitCode.OK


def _now(repository: Repository) -> str:
    work = at_work(repository.common_dir)
    if work is None:
        return "what waits is not being reviewed" if queue_bytes(repository.common_dir) else "nothing is being reviewed"
    silent_s = time.time() - last_beat(repository.common_dir) / 1e9
    stalled = f", which shows no life for {silent_s:.0f} s: kill -9 {work.pid}" if silent_s > SILENT_S else ""
    return f"{_PHASES.get(work.phase, work.phase)}{_where(work, repository)} (process {work.pid}{stalled})"


def _where(work: Work, repository: Repository) -> str:
    return f" in {work.root}" if work.root and work.root != repository.root else ""
