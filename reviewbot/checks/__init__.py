"""Deterministic findings on added lines: no model, no network. One module for each check."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from reviewbot.checks.conflict_marker import find_conflict_markers
from reviewbot.checks.secret import find_secrets, mask_secrets, scan_secrets
from reviewbot.diff import FileChange
from reviewbot.findings import Finding

Check = Callable[[FileChange], tuple[Finding, ...]]

CHECKS: dict[str, Check] = {"conflict-marker": find_conflict_markers}
"""By the name in the rule, `check/NAME`. The secret check stands apart: it masks what all others see."""


class Checked(Struct, frozen=True):
    """What the checks found, and the changes with every secret masked: no later stage sees one."""

    findings: tuple[Finding, ...]
    changes: tuple[FileChange, ...]


def run_checks(changes: Sequence[FileChange]) -> Checked:
    """Mask the secrets of all changes, and run every check on what remains."""
    scans = [scan_secrets(change) for change in changes]
    masked = mask_secrets(changes, scans)
    found: list[Finding] = []
    for change, scan, shown in zip(changes, scans, masked, strict=True):
        found += find_secrets(change, scan, shown)
        for check in CHECKS.values():
            found += check(shown)
    return Checked(tuple(found), masked)
