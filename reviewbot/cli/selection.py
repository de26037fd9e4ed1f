"""Which change a command line, or a hook, means."""

import argparse
import os
import sys
from collections.abc import Mapping

from reviewbot.errors import RepoError, UsageError
from reviewbot.hookscripts import ALL_STAGES, STAGES
from reviewbot.repo import Change, Repository, Source, open_repository


def means_staged(options: argparse.Namespace) -> bool:
    """Whether the command reviews what is staged, all of it, against HEAD: the case that can be empty at once."""
    if options.command in ("diff", "plan"):
        return bool(options.staged) and not options.args and options.paths is None
    if options.command == "hook":
        pushed = _pre_commit_range(os.environ) or os.environ.get("PRE_COMMIT_REMOTE_NAME")
        return hook_stage(options) == "pre-commit" or (hook_stage(options) is None and not pushed)
    return False


def hook_stage(options: argparse.Namespace) -> str | None:
    """The stage that git's hook names, or None when pre-commit or a person left it out."""
    if not options.args:
        return None
    stage = str(options.args[0])
    if stage not in STAGES:
        raise UsageError(f"reviewbot knows no hook {stage!r}", f"reviewbot hook {'|'.join(ALL_STAGES)}")
    return stage


def select_changes(options: argparse.Namespace) -> tuple[Repository | None, tuple[Change, ...]]:
    """The repository and what to review in it; several changes only for a push of several refs."""
    if options.command in ("diff", "plan") and options.args == ["-"]:
        return _repository_if_any(), (_from_stdin(options),)
    repository = open_repository()
    if options.command == "hook":
        return repository, _for_hook(repository, options, os.environ)
    if options.command == "show":
        if options.paths is not None:
            raise UsageError("show takes no paths", "reviewbot diff REV^..REV -- PATH")
        revision = "HEAD" if options.args == [] else options.args
        return repository, (repository.commit(revision, first_parent=options.first_parent),)
    if options.staged and not options.args and options.paths is None:
        return repository, (repository.merge() or repository.select([], None, staged=True),)
    return repository, (repository.select(options.args, options.paths, staged=options.staged),)


def _from_stdin(options: argparse.Namespace) -> Change:
    if options.staged or options.paths:
        raise UsageError(
            "`-` reads the whole change from stdin, so it goes with no other selection", "reviewbot diff -"
        )
    return Change(Source("stdin"), sys.stdin.buffer.read())


def _repository_if_any() -> Repository | None:
    try:
        return open_repository()
    except RepoError:
        return None


def _for_hook(repository: Repository, options: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Change, ...]:
    """What git is about to record or send. Without a stage, pre-commit's variables and the repository tell."""
    stage = hook_stage(options)
    if stage == "pre-push":
        remote = options.args[1] if len(options.args) > 1 else "origin"
        return repository.push(sys.stdin.buffer.read(), remote)
    span = _pre_commit_range(environ)
    if stage is None and span:
        return (repository.select([span], [], staged=False),)
    if stage is None and environ.get("PRE_COMMIT_REMOTE_NAME"):
        return (repository.whole_history(environ.get("PRE_COMMIT_TO_REF") or "HEAD"),)
    return (repository.merge() or repository.select([], None, staged=True),)


def _pre_commit_range(environ: Mapping[str, str]) -> str | None:
    """`from...to` under `pre-commit run --from-ref --to-ref` and in its pre-push stage."""
    base, head = environ.get("PRE_COMMIT_FROM_REF"), environ.get("PRE_COMMIT_TO_REF")
    return f"{base}...{head}" if base and head else None
