"""Commits that went through before all of them was read: which they are, and what is known of them by now."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from reviewbot.cli.cachefolder import cache_file
from reviewbot.cli.join import others_wait
from reviewbot.config import Config, Settings
from reviewbot.errors import ExitCode, RepoError
from reviewbot.files import keep
from reviewbot.gitrun import OF_ONE_COMMAND
from reviewbot.hookscripts import WARM_STAGE
from reviewbot.install import is_installed
from reviewbot.repo import Change, Repository
from reviewbot.reporters.omissions import count_words
from reviewbot.review import Review
from reviewbot.worker import digest_of

FORGET_S = 7 * 24 * 3600
MAX_KEPT = 50
LATEST = 5
QUICK_BYTES = 50_000
"""A commit looks at the latest so many changes, if they are no larger than that; `reviewbot status` at all."""

LOOKED_THROUGH = 1000
"""Commits among which those are looked for, the latest first."""


class _Unread(Struct, frozen=True):
    """A staged change that was not wholly read: the commit that it was based on ("" before the first), the digest of
    its diff, when, and how large the diff is."""

    parent: str
    diff: str
    when: int
    size: int = 0


class Pending(NamedTuple):
    """The commit that it became."""

    commit: str
    change: Change


def follow_up(
    repository: Repository, settings: Settings, changes: Sequence[Change], review: Review, code: int, *, in_time: bool
) -> None:
    """What a hook does at its end: remember what goes on unread, have a worker read it and what other work trees wait
    for, where there is one, and, `in_time`, tell of commits that were read late."""
    wanted = others_wait(repository)
    unread = review.lines_failed or review.unconfirmed
    if unread and code == ExitCode.OK and [change.source.kind for change in changes] == ["staged"]:
        _note_unread(repository, settings.config, changes[0])
        wanted = True
    if wanted and is_installed(WARM_STAGE, repository.hooks_dir, repository.common_dir):
        start_worker(repository)
    for line in tell_settled(repository, settings, everywhere=False) if in_time else ():
        print(f"reviewbot: {line}", file=sys.stderr)


def start_worker(repository: Repository) -> None:
    """Start a review in the background, as git's hook does."""
    environ = {name: value for name, value in os.environ.items() if name not in OF_ONE_COMMAND}
    subprocess.Popen(
        [sys.executable, "-P", "-m", "reviewbot", "hook", WARM_STAGE],
        cwd=repository.root,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _note_unread(repository: Repository, config: Config, change: Change) -> None:
    """Remember a staged change whose commit goes on although it was not wholly read."""
    entry = _Unread(change.source.base or "", digest_of(change.diff), int(time.time()), len(change.diff))
    others = [one for one in _kept(repository, config) if one.diff != entry.diff]
    _keep(repository, config, [*others[1 - MAX_KEPT :], entry])


class Late(NamedTuple):
    """What is remembered: the commits that such changes became, and how many are in no commit as they were, given up,
    amended or rebased since."""

    pending: list[Pending]
    lost: int


def look_back(repository: Repository, config: Config) -> Late:
    """What there is on any branch."""
    found = [pending for _, pending in _matched(repository, config, everywhere=True)]
    return Late([pending for pending in found if pending], found.count(None))


def say_found(review: Review) -> str:
    """How many errors and warnings, in words."""
    counts = [(sum(f.severity.word == word for f in review.findings), word) for word in ("error", "warning")]
    return ", ".join(count_words(count, word) for count, word in counts if count) or "nothing found"


def _take_settled(repository: Repository, settings: Settings, *, everywhere: bool) -> list[tuple[Pending, Review]]:
    """Those of which all is known by now, with their reviews; they are forgotten."""
    left: list[_Unread] = []
    settled: list[tuple[Pending, Review]] = []
    entries = _matched(repository, settings.config, everywhere=everywhere)
    for entry, pending in entries:
        review = _known(repository, settings, pending) if pending else None
        if pending and review:
            settled.append((pending, review))
        else:
            left.append(entry)
    if len(left) < len(entries):
        _keep(repository, settings.config, left)
    return settled


def tell_settled(repository: Repository, settings: Settings, *, everywhere: bool) -> list[str]:
    """A line for each commit that was read late, once; those on the way to HEAD, or `everywhere`."""
    lines = []
    for pending, review in _take_settled(repository, settings, everywhere=everywhere):
        found, name = say_found(review), pending.commit[:7]
        lines.append(f"commit {name} went through unreviewed; now reviewed: {found} (reviewbot show {name})")
    return lines


def _known(repository: Repository, settings: Settings, pending: Pending) -> Review | None:
    from reviewbot.cli.consult import review_options
    from reviewbot.cli.material import select_material
    from reviewbot.cli.outcomes import Kept
    from reviewbot.reading import recall_review

    material = select_material((pending.change,), settings, repository, None)
    asking = review_options(settings.config, deadline=None)
    kept = Kept(settings.config, asking)
    try:
        recalled = kept.recall()
        return recall_review(material, asking, recalled) if recalled else None
    finally:
        kept.close()


def _matched(repository: Repository, config: Config, *, everywhere: bool) -> list[tuple[_Unread, Pending | None]]:
    """All that is remembered, each with its commit, looked for everywhere, or at HEAD as far as that takes no time."""
    entries = _kept(repository, config)
    if not entries:
        return []
    commits = repository.recent(LOOKED_THROUGH if everywhere else MAX_KEPT, everywhere=everywhere)
    wanted = entries if everywhere else [entry for entry in entries[-LATEST:] if entry.size <= QUICK_BYTES]
    return [
        (entry, _commit_of(repository, entry, commits.get(entry.parent, [])) if entry in wanted else None)
        for entry in entries
    ]


def _commit_of(repository: Repository, entry: _Unread, commits: Sequence[str]) -> Pending | None:
    for commit in commits:
        with suppress(RepoError):  # a partial clone may lack parts of a commit
            change = repository.commit(commit)
            if digest_of(change.diff) == entry.diff:
                return Pending(commit, change)
    return None


def _kept(repository: Repository, config: Config) -> list[_Unread]:
    try:
        entries = msgspec.json.decode(_path(repository, config).read_bytes(), type=list[_Unread])
    except (OSError, msgspec.MsgspecError):
        return []
    return [entry for entry in entries if 0 <= time.time() - entry.when < FORGET_S]


def _keep(repository: Repository, config: Config, entries: list[_Unread]) -> None:
    path = _path(repository, config)
    if entries:
        keep(path, msgspec.json.encode(entries))
    else:
        path.unlink(missing_ok=True)


def _path(repository: Repository, config: Config) -> Path:
    return cache_file(config, "late", repository.common_dir)
