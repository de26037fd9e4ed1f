"""Deterministic findings on added lines: no model, no network. One module for each check."""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from reviewbot.checks.bidi import find_bidi
from reviewbot.checks.config_change import FIXED_NAMES, Watched, find_config_change
from reviewbot.checks.config_change import RULE as CONFIG_CHANGE
from reviewbot.checks.conflict_marker import find_conflict_markers
from reviewbot.checks.homoglyph import find_homoglyphs
from reviewbot.checks.injection import find_injections
from reviewbot.checks.secret import find_secrets, mask_of, mask_secrets, scan_secrets
from reviewbot.diff import FileChange
from reviewbot.findings import SECRET, Finding
from reviewbot.masks import NO_MASK, Mask

__all__ = ["CHECKS", "RULES", "Check", "Checked", "Watched", "run_checks"]

Check = Callable[[FileChange], tuple[Finding, ...]]

_BLOCKING: dict[str, Check] = {
    "conflict-marker": find_conflict_markers,
    "bidi": find_bidi,
}
"""Those that are run whatever time there is, as the secret check is: what has to be stopped is not let through by a
change that keeps the others busy."""

_ADVISING: dict[str, Check] = {
    "homoglyph": find_homoglyphs,
    "injection": find_injections,
}

CHECKS = {**_BLOCKING, **_ADVISING}
"""By the name in the rule, `check/NAME`. The secret check stands apart, for it masks what all others see, and so does
the one that has to be told which files decide about reviews."""


CHAR_S = 0.000001
"""What those that only advise take for a character, as long as ENOUGH_CHARS of the change do not tell."""

ENOUGH_CHARS = 50_000

RULES = (SECRET, *(f"check/{name}" for name in CHECKS), CONFIG_CHANGE)
"""The ids of all checks."""


class Checked(Struct, frozen=True):
    """What the checks found, and the changes with every secret masked: no later stage sees one. `unchecked` are those
    that there was no time for, masked as well, of which nothing but what may block was looked for; `mask` has the
    secrets, for paths and for what is said of the changes."""

    findings: tuple[Finding, ...]
    changes: tuple[FileChange, ...]
    unchecked: tuple[FileChange, ...] = ()
    mask: Mask = NO_MASK


def run_checks(changes: Sequence[FileChange], watched: Watched = FIXED_NAMES, deadline: float | None = None) -> Checked:
    """Mask the secrets of all changes, and run every check on what remains; those that only advise until `deadline`, a
    time of `time.monotonic()`."""
    scans = [scan_secrets(change) for change in changes]
    mask = mask_of(scans)
    masked = mask_secrets(changes, scans, mask)
    found: list[Finding] = []
    for change, scan, shown in zip(changes, scans, masked, strict=True):
        found += find_secrets(change, scan, shown)
        for check in _BLOCKING.values():
            found += check(shown)
        found += find_config_change(shown, watched)
    advice = _advise(masked, deadline)
    for about in advice.values():
        found += about
    done = tuple(shown for at, shown in enumerate(masked) if at in advice)
    return Checked(tuple(found), done, tuple(shown for at, shown in enumerate(masked) if at not in advice), mask)


def _advise(changes: Sequence[FileChange], deadline: float | None) -> dict[int, list[Finding]]:
    """What the checks that only advise say, by place; of the files that there is time for, the smallest first. No file
    takes more than half of the time that is left, as far as the files before it tell."""
    sizes = [sum(len(line.text) + 1 for line in change.added) for change in changes]
    said: dict[int, list[Finding]] = {}
    chars, spent = 0, 0.0
    for at in sorted(range(len(changes)), key=sizes.__getitem__):
        started = time.monotonic()
        char_s = spent / chars if chars >= ENOUGH_CHARS else CHAR_S
        if deadline is not None and started + 2 * char_s * sizes[at] >= deadline:
            break
        said[at] = [finding for check in _ADVISING.values() for finding in check(changes[at])]
        chars, spent = chars + sizes[at], spent + time.monotonic() - started
    return said
