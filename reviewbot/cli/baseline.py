"""`reviewbot baseline`: accept findings, each by its fingerprint or all of a range, and forget what is gone."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from reviewbot.baseline import FILE, Baseline, Entry, accept, add, plain, read_baseline, without, write_baseline
from reviewbot.checks.secret import mask_texts
from reviewbot.cli.decisions import read_work_tree
from reviewbot.cli.remembered import recall
from reviewbot.errors import ExitCode, RepoError, UsageError
from reviewbot.findings import SECRET, Finding
from reviewbot.fingerprints import fingerprints_in_hunks, fingerprints_of
from reviewbot.masks import MASK
from reviewbot.output import write_report
from reviewbot.repo import Repository, open_repository
from reviewbot.sieves import Sifted
from reviewbot.text import visible_line

_USAGE = "reviewbot baseline add FINGERPRINT ... --reason 'why' | write REV ... --reason 'why' | prune | list"


def run(options: argparse.Namespace) -> int:
    """Do one of the four; 3 when a range that was to be accepted could not be read whole."""
    repository = open_repository()
    if repository.root is None:
        raise RepoError(f"{repository.git_dir} is bare: a baseline lies in a work tree", "git clone it, and go there")
    action, *rest = options.args or ["list"]
    if action == "add" and rest:
        return _add(repository, options, rest)
    if action == "write":
        return _write(repository, options, rest)
    if action == "prune" and not rest:
        return _prune(repository)
    if action == "list" and not rest:
        sys.stdout.write(write_baseline(read_work_tree(repository)).decode())
        return ExitCode.OK
    raise UsageError(f"baseline cannot do {visible_line(' '.join(options.args))!r}", _USAGE)


def _reason(options: argparse.Namespace) -> str:
    reason = plain(options.reason or "")
    if not reason:
        raise UsageError(
            "an accepted finding needs a reason",
            f"reviewbot baseline {visible_line(' '.join(options.args))} --reason 'why'",
        )
    return reason


def _add(repository: Repository, options: argparse.Namespace, fingerprints: Sequence[str]) -> int:
    from reviewbot.cli.config import settings_here

    reason = _reason(options)
    known = recall(repository, settings_here(options, repository).config)
    entries = []
    for name in fingerprints:
        if name not in known:
            raise UsageError(f"the last review here had no finding {visible_line(name)}", "reviewbot -v")
        entries.append(accept(name, *known[name], reason))
    return _save(repository, entries)


def _write(repository: Repository, options: argparse.Namespace, revisions: Sequence[str]) -> int:
    """Accept all that a review of a range finds, shown or not, each duplicate too. No second look: it would change no
    fingerprint."""
    from reviewbot.cli.consult import Manner, review_material
    from reviewbot.cli.material import select_material
    from reviewbot.cli.review import load_settings
    from reviewbot.cli.selection import select_changes
    from reviewbot.progress import open_progress
    from reviewbot.reporters import Style, summary
    from reviewbot.reporters.omissions import count_words
    from reviewbot.verdict import Policy, decide

    reason = _reason(options)
    asked = argparse.Namespace(**{**vars(options), "command": "diff", "args": list(revisions)})
    _, changes = select_changes(asked)
    settings = load_settings(asked, repository, changes)
    config = settings.config._replace(confirm="off", max_findings=10_000)
    material = select_material(changes, settings, repository, deadline=None)
    said: list[Finding] = []

    def listen(findings: tuple[Finding, ...]) -> Sifted:
        sifted = material.sieve(findings)
        said.extend(sifted.kept)
        return sifted

    progress = partial(open_progress, in_hook=False, quiet=options.quiet)
    manner = Manner(interactive=True, no_model=options.no_model, no_cache=options.no_cache, progress=progress)
    review = review_material(replace(material, sieve=listen), config, manner, deadline=None)
    verdict = decide(review, Policy(block_at=None, block_on_failure=config.on_failure == "block"))
    sys.stderr.write(summary(review, verdict, Style(quiet=options.quiet)))
    found = [finding for finding in (*material.findings, *said) if finding.line is not None]
    accepted = [accept(f.fingerprint, f.rule, f.path, reason) for f in found if f.rule != SECRET]
    secrets = len(found) - len(accepted)
    if secrets:
        print(f"not accepted: {count_words(secrets, 'secret')}")
    _save(repository, accepted)
    return verdict.exit_code


def _prune(repository: Repository) -> int:
    baseline = read_work_tree(repository)
    gone = [entry.fingerprint for entry in baseline.entries.values() if not _stands(repository, entry)]
    if gone:
        _store(repository, without(baseline, gone))
    print(f"{FILE}: removed {len(gone)} of {len(baseline.entries)} entries")
    return ExitCode.OK


def _stands(repository: Repository, entry: Entry) -> bool:
    """Whether the code that it is about is still in its file; an entry whose file is shown by another name stays."""
    if "\\" in entry.path or MASK in entry.path or not entry.path.isprintable():
        return True
    try:
        with open(os.path.join(repository.root or "", entry.path), "rb") as file:
            texts = file.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return False
    masked = mask_texts(entry.path, [text.removesuffix("\r") for text in texts])
    return any(
        entry.fingerprint in known(entry.path, entry.rule, masked) for known in (fingerprints_of, fingerprints_in_hunks)
    )


def _save(repository: Repository, entries: Sequence[Entry]) -> int:
    before = read_work_tree(repository)
    after = add(before, entries)
    if entries:
        _store(repository, after)
    print(f"{FILE}: {len(after.entries) - len(before.entries)} added, {len(before.entries)} there before")
    return ExitCode.OK


def _store(repository: Repository, baseline: Baseline) -> None:
    assert read_baseline(write_baseline(baseline)).entries == baseline.entries
    write_report(os.path.join(repository.root or "", FILE), write_baseline(baseline).decode())
