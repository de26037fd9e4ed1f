"""`reviewbot ci`: the change that a job of a CI host is about, by what its base says."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from msgspec.structs import replace

from reviewbot import hosts
from reviewbot.cli.consult import Manner, review_material
from reviewbot.cli.jobs import one_at_a_time, own_server, wait_for_server
from reviewbot.cli.material import select_material
from reviewbot.cli.publication import interrupted, outputs, publish, skipped_by_user
from reviewbot.cli.remembered import remember
from reviewbot.cli.review import SKIP_VARIABLE, deadline_of, streamed
from reviewbot.cli.sharing import share_of
from reviewbot.cli.state import StateFile, change_digest, named_state
from reviewbot.cli.trusted import trust_base
from reviewbot.config import Config
from reviewbot.errors import RepoError, UsageError
from reviewbot.hosts import Host, Job
from reviewbot.progress import open_heartbeat
from reviewbot.repo import Change, Repository, open_repository
from reviewbot.review import Material, Review, tell_idle_ignores
from reviewbot.review import interrupted as before_asking
from reviewbot.text import visible_line


def run(options: argparse.Namespace, *, started: float) -> int:
    """Review the change of this job, print the report in the host's format, and return the verdict's code."""
    host = hosts.host_of(os.environ)
    options.format = options.format or host.format
    outputs(options)  # what is wrong with them is said before anything is read
    reason = os.environ.get(SKIP_VARIABLE)
    if reason and options.allow_skip:
        return skipped_by_user(options, reason)
    if reason:
        print(f"reviewbot: {SKIP_VARIABLE} is ignored in CI without --allow-skip", file=sys.stderr)
    with _ended_by_terminate():
        try:
            return _review(options, host, started)
        except KeyboardInterrupt:
            return interrupted(options)


def _review(options: argparse.Namespace, host: Host, started: float) -> int:
    repository = open_repository()
    job = _job(options, host)
    change = find_change(repository, job, host)
    print(f"reviewbot: {_told(job, host, change)}", file=sys.stderr)
    with trust_base(repository, change.source.base, options, os.environ) as (settings, trust):
        config = settings.config
        deadline = deadline_of(config, started)
        state = named_state(options.state, [change]) or _own_state(repository, change, config, options)
        material = select_material((change,), settings, repository, deadline, trust)
        material, share = share_of(material, options.shard)
        heartbeat = partial(open_heartbeat, quiet=options.quiet)
        manner = Manner(
            interactive=False,
            no_model=options.no_model,
            no_cache=options.no_cache or config.cache_dir is None,
            progress=streamed(options, heartbeat) or heartbeat,
            state=state,
        )
        if options.no_model or not any(file.added for file in material.changes):
            review = review_material(material, config, manner, deadline)
        else:
            review = _ask_in_turn(material, config, manner, options, deadline)
        review = replace(review, share=share) if share else tell_idle_ignores(review, material)
        remember(repository, config, review)
        code = publish(review, config, options)
        if state is not None and state.gives_way and not (review.failed or review.unconfirmed or review.interrupted):
            state.remove()  # its report is written
        return code


def _ask_in_turn(
    material: Material, config: Config, manner: Manner, options: argparse.Namespace, deadline: float | None
) -> Review:
    """What the server says when it is there and no other job asks it; what the checks found, where the job is cancelled
    before that."""
    try:
        with one_at_a_time(config), own_server(config, options.serve) as config:  # one GPU, whoever asks it
            if not options.serve:
                wait_for_server(config, options.wait)
            return review_material(material, config, manner, deadline)
    except KeyboardInterrupt:
        return before_asking(material)


def _own_state(repository: Repository, change: Change, config: Config, options: argparse.Namespace) -> StateFile | None:
    """Where nobody names one, nor a folder in which outcomes are kept: in git's own folder, which hosts leave alone
    when they use a clone again."""
    if options.no_cache or options.no_model or config.cache_dir is not None:
        return None
    return StateFile(Path(repository.git_dir, "reviewbot-state"), change_digest([change]), gives_way=True)


def _job(options: argparse.Namespace, host: Host) -> Job:
    """What was typed, and what the host tells of the rest."""
    if options.base:
        return Job("the given range", options.head or "HEAD", base=options.base)
    job = host.find(os.environ)
    return job._replace(head=options.head) if options.head else job


def find_change(repository: Repository, job: Job, host: Host) -> Change:
    """What the head of a job has that its base lacks, from where the two parted; RepoError where this clone cannot
    tell, UsageError where there is nothing to compare."""
    head = repository.find_commit(job.head)
    if head is None:
        raise _unknown(repository, job.head, host)
    if job.base is None and job.branch is None:
        return repository.whole_history(head)
    base = repository.find_commit(job.base) if job.base else None
    if job.branch and _is_left_behind(repository, job, base, head):
        base = _of_branch(repository, job.branch) or base
    if base is None:
        raise _unknown(repository, job.base or f"origin/{job.branch}", host)
    parted = repository.merge_base(base, head)
    if repository.is_shallow and (parted is None or (parted not in (base, head) and repository.is_cut(base, head))):
        raise RepoError("this clone is too shallow to tell where the change begins", host.deepen)
    if parted is None:
        raise RepoError(f"{_short(base)} and {_short(head)} have no commit in common", hosts.BASE_HINT)
    if parted == head and job.branch and not job.base and not job.about.endswith("request"):
        raise UsageError(f"origin/{job.branch} has all of {_short(head)}, so it tells no change", hosts.BASE_HINT)
    return repository.between(parted, head)


def _is_left_behind(repository: Repository, job: Job, base: str | None, head: str) -> bool:
    """Whether a forced push left behind what was there before, be it still in this clone or not; a shallow clone that
    does not have it cannot tell."""
    if base is None:
        return not (job.base and repository.is_shallow)
    return repository.merge_base(base, head) != base


def _of_branch(repository: Repository, branch: str) -> str | None:
    """The commit of a branch as the remote has it, else as it is here."""
    names = [f"refs/remotes/origin/{branch}", *([] if branch == "HEAD" else [f"refs/heads/{branch}"])]
    return next(filter(None, map(repository.find_commit, names)), None)


def _unknown(repository: Repository, rev: str, host: Host) -> RepoError:
    name = visible_line(rev)
    if repository.is_shallow:
        return RepoError(f"this shallow clone does not have {name}", host.deepen)
    hint = f"git fetch {name.replace('/', ' ', 1)}" if name.startswith("origin/") else f"git fetch origin {name}"
    if name == "origin/HEAD":
        hint = f"git remote set-head origin --auto, or: {hosts.BASE_HINT}"
    return RepoError(f"this clone does not have {name}", hint)


def _told(job: Job, host: Host, change: Change) -> str:
    base, head = change.source.base or "", change.source.head or ""
    since = "all of" if job.base is None and job.branch is None else f"{_short(base)}.."
    return f"{job.about} ({host.name}): {since}{'' if since.endswith('..') else ' '}{_short(head)}"


def _short(oid: str) -> str:
    return oid[:12]


@contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """A job that is cancelled is told so by SIGTERM: it ends as if somebody had typed Ctrl-C, with its report."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
