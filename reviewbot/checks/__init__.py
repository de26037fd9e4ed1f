"""Deterministic findings on added lines: no model, no network. One module for each check."""

import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.checks.bidi import find_bidi
from reviewbot.checks.config_change import FIXED_NAMES, Watched, find_config_change
from reviewbot.checks.config_change import RULE as CONFIG_CHANGE
from reviewbot.checks.conflict_marker import find_conflict_markers
from reviewbot.checks.homoglyph import find_homoglyphs
from reviewbot.checks.injection import find_injections
from reviewbot.checks.secret import Scan, find_secrets, mask_of, mask_secrets, scan_secrets
from reviewbot.diff import FileChange
from reviewbot.findings import SECRET, Finding
from reviewbot.masks import NO_MASK, Mask

__all__ = ["CHECKS", "RULES", "Check", "Checked", "Watched", "run_checks"]

Check = Callable[[FileChange], tuple[Finding, ...]]

CHECKS: dict[str, Check] = {
    "conflict-marker": find_conflict_markers,
    "bidi": find_bidi,
    "homoglyph": find_homoglyphs,
    "injection": find_injections,
}
"""By the name in the rule, `check/NAME`. The secret check stands apart, for it masks what all others see, and so does
the one that has to be told which files decide about reviews."""


RULES = (SECRET, *(f"check/{name}" for name in CHECKS), CONFIG_CHANGE)
"""The ids of all checks."""


class Checked(Struct, frozen=True):
    """What the checks found, and the changes with every secret masked: no later stage sees one. `unchecked` are those
    that there was no time for; `mask` has the secrets, for paths and for what is said of the changes."""

    findings: tuple[Finding, ...]
    changes: tuple[FileChange, ...]
    unchecked: tuple[FileChange, ...] = ()
    mask: Mask = NO_MASK


def run_checks(changes: Sequence[FileChange], watched: Watched = FIXED_NAMES, deadline: float | None = None) -> Checked:
    """Mask the secrets of all changes, and run every check on what remains, until `deadline`, a time of
    `time.monotonic()`."""
    scans: list[Scan] = []
    for change in changes:
        if deadline is not None and time.monotonic() >= deadline:
            break
        scans.append(scan_secrets(change))
    names = [scan_secrets(replace(change, hunks=())) for change in changes[len(scans) :]]
    mask = mask_of([*scans, *names])
    masked = mask_secrets(changes[: len(scans)], scans, mask)
    found: list[Finding] = []
    done = 0
    for change, scan, shown in zip(changes, scans, masked, strict=False):
        if deadline is not None and time.monotonic() >= deadline:
            break
        found += find_secrets(change, scan, shown)
        for check in CHECKS.values():
            found += check(shown)
        found += find_config_change(shown, watched)
        done += 1
    return Checked(tuple(found), masked[:done], tuple(changes[done:]), mask)
