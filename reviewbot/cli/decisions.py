"""What people have decided about findings: comments in the code, and the repository's baseline."""

import os
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from reviewbot.baseline import FILE, MAX_BYTES, Baseline, new_entries, read_baseline, suppress_accepted
from reviewbot.blobs import read_regular_file
from reviewbot.errors import ConfigError
from reviewbot.ignores import Ignore, suppress_ignored
from reviewbot.repo import Change, Repository
from reviewbot.sieves import Sieve, sift


def decide_by(ignores: Sequence[Ignore], baseline: Baseline) -> Sieve:
    """A sieve that takes out what either of them overrules."""
    by_comment = partial(suppress_ignored, ignores=ignores)
    by_baseline = partial(suppress_accepted, baseline=baseline)
    return lambda findings: sift(findings, by_comment, by_baseline)


def read_accepted(repository: Repository | None, changes: Sequence[Change]) -> Baseline:
    """The baseline as the work tree has it; ConfigError when it cannot be read. What the changes themselves add to it
    counts, and is marked as new."""
    baseline = read_work_tree(repository)
    if repository is None or not baseline.entries or not any(FILE.encode() in change.diff for change in changes):
        return baseline
    base = repository.read_at(changes[0].source.base or "HEAD", FILE.encode())
    try:
        before = Baseline() if base is None else read_baseline(base)
    except ConfigError:
        before = Baseline()
    return replace(baseline, new=new_entries(baseline, before))


def read_work_tree(repository: Repository | None) -> Baseline:
    """The baseline at the root of the work tree, an empty one where there is none."""
    if repository is None or repository.root is None:
        return Baseline()
    data = read_regular_file(os.path.join(os.fsencode(repository.root), FILE.encode()), MAX_BYTES + 1)
    return Baseline() if data is None else read_baseline(data)
