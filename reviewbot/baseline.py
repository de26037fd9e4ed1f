"""Findings that a team has accepted: `.reviewbot-baseline` at the root of the repository, one line each.

    FINGERPRINT RULE PATH # REASON

Sorted, so that two branches that add lines merge by themselves; lines that begin with `#` are comments, and stay on
top. A finding is known by its fingerprint alone, the rest is for people and for pruning.
"""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from reviewbot.errors import ConfigError
from reviewbot.findings import SECRET, Finding, add_note
from reviewbot.sieves import NEW, Sifted
from reviewbot.text import visible_line

FILE = ".reviewbot-baseline"
MAX_BYTES = 4 * 1024 * 1024

_ENTRY = re.compile(r"([0-9a-f]{16}) (\S+) (.+?) # (.*\S)")
_CONFLICT = re.compile(r"(?:<{7}|\|{7}|={7}|>{7})(?: |$)")
_HEADER = "# Findings accepted here: reviewbot baseline --help"


class Entry(Struct, frozen=True, order=True):
    """One accepted finding; `path` as reports show it."""

    path: str
    rule: str
    fingerprint: str
    reason: str


class Baseline(Struct, frozen=True):
    """All of them by fingerprint; `new` are those that the change under review brings in itself."""

    entries: dict[str, Entry] = {}
    comments: tuple[str, ...] = (_HEADER,)
    new: frozenset[str] = frozenset()


def read_baseline(data: bytes) -> Baseline:
    """The content of a file; ConfigError names the line that is none. One fingerprint twice is no error: the last
    one counts."""
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{FILE} has more than {MAX_BYTES:,} bytes", "reviewbot baseline prune")
    entries: dict[str, Entry] = {}
    comments: list[str] = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        text = line.strip()
        if _CONFLICT.match(text):
            raise ConfigError(
                f"{FILE}:{number} is a marker of a merge conflict", f"keep the lines of both sides of {FILE}"
            )
        if text.startswith("#"):
            comments.append(text)
        elif text:
            match = _ENTRY.fullmatch(text)
            if match is None:
                raise ConfigError(
                    f"{FILE}:{number} is no entry such as FINGERPRINT RULE PATH # REASON: {visible_line(text)[:80]}",
                    "reviewbot baseline add FINGERPRINT --reason 'why'",
                )
            entries[match[1]] = Entry(match[3], match[2], match[1], match[4])
    return Baseline(entries, tuple(dict.fromkeys(comments)) or (_HEADER,))


def write_baseline(baseline: Baseline) -> bytes:
    """The content of its file."""
    rows = (f"{e.fingerprint} {e.rule} {e.path} # {e.reason}" for e in sorted(baseline.entries.values()))
    return "".join(f"{line}\n" for line in (*baseline.comments, *rows)).encode("utf-8", "replace")


def accept(fingerprint: str, rule: str, path: str, reason: str) -> Entry:
    """The line that accepts a finding. ConfigError for a secret."""
    if rule == SECRET:
        raise ConfigError(
            f"{fingerprint} is a secret in {visible_line(path)}, which no baseline accepts",
            "take it out, or end its line with a comment: pragma: allowlist secret, and why",
        )
    return Entry(plain(path).replace(" # ", " \\x23 "), rule, fingerprint, plain(reason))


def plain(text: str) -> str:
    """Text on one line, with single blanks."""
    return " ".join(visible_line(text).split())


def suppress_accepted(findings: tuple[Finding, ...], baseline: Baseline) -> Sifted:
    """Findings without those that the baseline accepts; these say so, and why. A secret is never accepted."""
    kept: list[Finding] = []
    suppressed: list[tuple[Finding, str]] = []
    for finding in findings:
        entry = baseline.entries.get(finding.fingerprint) if finding.rule != SECRET else None
        if entry is None:
            kept.append(finding)
            continue
        new = NEW if entry.fingerprint in baseline.new else ""
        suppressed.append((add_note(finding, f"accepted in {FILE}{new}: {entry.reason}"), "baseline"))
    return Sifted(tuple(kept), tuple(suppressed))


def new_entries(baseline: Baseline, base: Baseline) -> frozenset[str]:
    """The fingerprints that were not accepted before."""
    return frozenset(baseline.entries.keys() - base.entries.keys())


def add(baseline: Baseline, entries: Iterable[Entry]) -> Baseline:
    """The baseline with these entries."""
    return Baseline({**baseline.entries, **{entry.fingerprint: entry for entry in entries}}, baseline.comments)


def without(baseline: Baseline, fingerprints: Sequence[str]) -> Baseline:
    """The baseline without these."""
    gone = set(fingerprints)
    left = {name: entry for name, entry in baseline.entries.items() if name not in gone}
    return Baseline(left, baseline.comments)
