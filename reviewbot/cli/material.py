"""What there is to review: changes parsed, checked, masked, and without what rules leave out."""

import os
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from reviewbot.baseline import Baseline
from reviewbot.checks import RULES, Watched, run_checks
from reviewbot.cli.decisions import decide_by, read_accepted
from reviewbot.cli.functions import read_functions
from reviewbot.config import Config, Settings
from reviewbot.diff import FileChange, parse_diff
from reviewbot.errors import OUT_OF_TIME
from reviewbot.findings import Finding, Severity, mask_finding
from reviewbot.fingerprints import mark
from reviewbot.functions import unknown
from reviewbot.headings import add_headings, lacking_headings
from reviewbot.ignores import find_ignores
from reviewbot.masks import join_masks, mask_names
from reviewbot.plan import Omission, omit
from reviewbot.repo import Change, Repository, Source
from reviewbot.review import Material
from reviewbot.skips import Rules, depends_on_base, select_files
from reviewbot.text import show_path


class Trust(NamedTuple):
    """Whose word counts about findings: the baseline, whether comments that a change brings in are honoured, the folder
    that has the prompt and the guidelines of the repository, and how much a change of such files matters."""

    baseline: Baseline
    allow_new: bool
    folder: str | None
    severity: Severity


def trust_work_tree(repository: Repository | None, changes: tuple[Change, ...]) -> Trust:
    """The word of whoever works here: the files as they lie in the work tree, and what the change says of itself."""
    folder = None if repository is None else repository.root
    return Trust(read_accepted(repository, changes), allow_new=True, folder=folder, severity=Severity.INFO)


def select_material(
    changes: tuple[Change, ...],
    settings: Settings,
    repository: Repository | None,
    deadline: float | None,
    trust: Trust | None = None,
) -> Material:
    """What there is to review of the changes: parsed, checked, masked and selected. What there is no time for before
    `deadline`, a time of `time.monotonic()`, is failed. Without `trust` the work tree's word counts."""
    trust = trust or trust_work_tree(repository, changes)
    parts = [_select(change, settings.config, repository, trust, deadline) for change in changes]
    ignores = tuple(ignore for part in parts for ignore in part.ignores)
    mask = join_masks([part.mask for part in parts])
    unreadable = [(mask(show_path(path)), reason) for change in changes for path, reason in change.unreadable]
    return Material(
        source=changes[0].source if changes else Source("range"),
        changes=tuple(file for part in parts for file in part.changes),
        findings=tuple(finding for part in parts for finding in part.findings),
        skipped=tuple(omission for part in parts for omission in part.skipped),
        failed=(
            *(Omission(path, None, None, 0, reason) for path, reason in unreadable),
            *(omission for part in parts for omission in part.failed),
        ),
        notes=tuple(note for change in changes for note in change.notes) + settings.notes,
        sieve=decide_by(ignores, trust.baseline),
        suppressed=tuple(pair for part in parts for pair in part.suppressed),
        ignores=ignores,
        functions=partial(read_functions, repository, changes) if repository is not None else unknown,
        mask=mask,
    )


def _select(
    change: Change, config: Config, repository: Repository | None, trust: Trust, deadline: float | None
) -> Material:
    """What one change gives to read, without what is said of it."""
    files = parse_diff(change.diff)
    if repository is not None:
        files = add_headings(files, repository.after(change.source, lacking_headings(files)))
    checked = run_checks(files, _watched(config, trust), deadline)
    rules = Rules(config.exclude, config.include, config.max_file_kib)
    names = [(file.raw_path, file.raw_old_path) for file in checked.changes if depends_on_base(file, rules)]
    base = repository.at_base(change.source, names) if repository is not None else {}
    kept, skipped = select_files(checked.changes, rules, base)
    failed = tuple(entry for file in checked.unchecked for entry in omit(file, OUT_OF_TIME))
    paths = mask_names([file.path for file in files], checked.mask)
    shown = tuple(_rename(file, paths) for file in (*checked.changes, *checked.unchecked))
    found = tuple(_rename(mask_finding(finding, checked.mask), paths) for finding in checked.findings)

    def hide(omission: Omission) -> Omission:
        return replace(_rename(omission, paths), reason=checked.mask(omission.reason))

    ignores = find_ignores(shown, RULES, allow_new=trust.allow_new)
    sifted = decide_by(ignores, trust.baseline)(mark(found, shown))
    return Material(
        source=change.source,
        changes=tuple(_rename(file, paths) for file in kept),
        findings=sifted.kept,
        skipped=tuple(hide(omission) for omission in skipped),
        failed=tuple(hide(omission) for omission in failed),
        suppressed=sifted.suppressed,
        ignores=ignores,
        mask=checked.mask,
    )


_Named = TypeVar("_Named", FileChange, Finding, Omission)


def _rename(value: _Named, paths: Mapping[str, str]) -> _Named:
    """The value with the path that is shown, which rules do not go by."""
    path = paths[value.path]
    return value if path == value.path else replace(value, path=path)


def _watched(config: Config, trust: Trust) -> Watched:
    """The files of the repository that take part in deciding what is said of a change."""
    if trust.folder is None:
        return Watched(severity=trust.severity)
    root = os.path.realpath(trust.folder)
    files = [path for path in (config.prompt, config.guidelines) if path and os.path.isabs(path)]
    return Watched(frozenset(os.path.relpath(os.path.realpath(path), root) for path in files), trust.severity)
