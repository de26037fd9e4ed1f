"""Which files a model should not read: left out by a rule, and listed with its name.

A rule of the repository (an attribute, a mark in a file) counts only if it already held at the base of the change.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import NamedTuple

from msgspec import Struct

from reviewbot.base import AtBase
from reviewbot.diff import SUBMODULE_MODE, SYMLINK_MODE, FileChange, Line, LineKind
from reviewbot.plan import Kind, Omission, omit

LOCK_FILES = frozenset(
    ".terraform.lock.hcl Cargo.lock Cartfile.resolved Chart.lock Gemfile.lock Gopkg.lock MODULE.bazel.lock "
    "Package.resolved Pipfile.lock Podfile.lock buildscript-gradle.lockfile bun.lock composer.lock conan.lock "
    "deno.lock devbox.lock flake.lock gems.locked go.sum go.work.sum gradle.lockfile mix.lock npm-shrinkwrap.json "
    "package-lock.json packages.lock.json paket.lock pdm.lock pixi.lock pnpm-lock.yaml poetry.lock pubspec.lock "
    "pylock.toml rebar.lock stack.yaml.lock uv.lock yarn.lock".split()
)
VENDORED_FOLDERS = ("node_modules/", "third_party/", "vendor/")
GENERATED_NAMES = {"*.map": "source map", "*.snap": "snapshot", "__snapshots__/": "snapshot"}

MARK_LINES = 40
"""A mark of generated files counts in so many first lines."""
LONG_LINE_CHARS = 500
"""Nobody writes lines of this length in a script or a style sheet."""

_MARK = re.compile(
    r"(?i:\W*Code generated\b.*\bDO NOT EDIT\b)"
    r"|\s*(?:#|//|/?\*|--|;|%|<!--|\(\*|\{-|\"\"\"|''').*(?<![\w@.-])@generated\b"
)
_MINIFIED_NAME = re.compile(r".*[.-]min\.(?:js|mjs|cjs|css)")
_MAY_BE_MINIFIED = (".js", ".mjs", ".cjs", ".css")
_COMMENT = re.compile(r"\s*(?://.*|/?\*(?:(?!\*/).)*(?:\*/\s*)?)?")
"""A line that holds nothing but a comment, or a part of one, or nothing at all."""

_LFS_VERSION = "version https://git-lfs.github.com/spec/v1"
_LFS_LINE = re.compile(rf"{re.escape(_LFS_VERSION)}|oid \S+|size \d+|ext-\d-\S+ \S+")


class Rules(Struct, frozen=True):
    """What the settings say: globs over whole paths, and the size from which a file is left out (None: none is).

    `include` brings back whatever has text.
    """

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    max_file_kib: int | None = None


class _Found(NamedTuple):
    """A rule that holds for a file."""

    kind: Kind
    reason: str


def select_files(
    changes: Sequence[FileChange], rules: Rules, base: Mapping[bytes, AtBase] | None = None
) -> tuple[tuple[FileChange, ...], tuple[Omission, ...]]:
    """The changes that a model can and should read, and what is skipped instead.

    `base` tells by raw path what held before the change; where it says nothing, attributes and marks do not count.
    """
    kept = []
    skipped: list[Omission] = []
    for change in changes:
        found = _find_rule(change, rules, (base or {}).get(change.raw_path, AtBase()))
        if found is None:
            kept.append(change)
        else:
            kind, reason = found
            skipped += omit(change, reason, kind) or [Omission(change.path, None, None, 0, reason, kind)]
    return tuple(kept), tuple(skipped)


def depends_on_base(change: FileChange, rules: Rules) -> bool:
    """Whether it matters for a file what held before the change."""
    settled = change.binary or _first_match(change.path, rules.include) or next(_plain_rules(change, rules), None)
    return change.adds and not settled


def matches(path: str, pattern: str) -> bool:
    """Whether a glob names the path, the file's name, or a folder above it (`docs/`, `*.lock`, `src/*.py`)."""
    if pattern.endswith("/"):
        return fnmatchcase(path, pattern + "*") or fnmatchcase(path, "*/" + pattern + "*")
    return fnmatchcase(path, pattern) or ("/" not in pattern and fnmatchcase(path.rsplit("/", 1)[-1], pattern))


def _first_match(path: str, patterns: Sequence[str]) -> str | None:
    return next((pattern for pattern in patterns if matches(path, pattern)), None)


def _find_rule(change: FileChange, rules: Rules, base: AtBase) -> _Found | None:
    if change.binary:
        return _Found(Kind.BINARY, "binary")
    if _first_match(change.path, rules.include):
        return None
    return next(chain(_plain_rules(change, rules), _rules_for_text(change, rules, base)), None)


def _plain_rules(change: FileChange, rules: Rules) -> Iterator[_Found]:
    """What the change and the settings say by themselves."""
    if change.mode == SUBMODULE_MODE:
        yield _Found(Kind.SUBMODULE, "submodule")
    if change.mode == SYMLINK_MODE:
        yield _Found(Kind.SYMLINK, "symbolic link")
    adds = change.adds
    if adds and _is_lfs_pointer(change):
        yield _Found(Kind.LFS_POINTER, "LFS pointer")
    pattern = _first_match(change.path, rules.exclude)
    if adds and pattern:
        yield _Found(Kind.EXCLUDED, f"exclude {pattern}")


def _rules_for_text(change: FileChange, rules: Rules, base: AtBase) -> Iterator[_Found]:
    """The built-in rules. An attribute that says no switches off those that go by the name, as linguist does."""
    added = change.added
    if not added:
        return
    generated, vendored = (_says(base, f"linguist-{word}") for word in ("generated", "vendored"))
    if generated is not False:
        yield from _generated_by_name(change.path)
    folder = _first_match(change.path, VENDORED_FOLDERS)
    if folder and vendored is not False:
        yield _Found(Kind.VENDORED, f"vendored ({folder})")
    if generated:
        yield _Found(Kind.GENERATED, "generated (linguist-generated)")
    if vendored:
        yield _Found(Kind.VENDORED, "vendored (linguist-vendored)")
    if generated is None and _is_marked(change, base):
        yield _Found(Kind.GENERATED, "generated (its first lines say so)")
    if generated is None and _is_minified(change, added, base):
        yield _Found(Kind.MINIFIED, "minified (by the length of its lines)")
    if _says(base, "binary"):
        yield _Found(Kind.MARKED_BINARY, "binary attribute")
    if _says(base, "diff") is False:
        yield _Found(Kind.MARKED_BINARY, "attribute -diff")
    if rules.max_file_kib is not None:
        size = len("\n".join(line.text for line in added).encode("utf-8", "replace")) + 1
        if size > rules.max_file_kib * 1024:
            added_kib = f"{-(-size // 1024):,} KiB added"
            yield _Found(Kind.TOO_LARGE, f"too large ({added_kib}, max_file_kib is {rules.max_file_kib:,})")


def _generated_by_name(path: str) -> Iterator[_Found]:
    name = path.rsplit("/", 1)[-1]
    if name in LOCK_FILES:
        yield _Found(Kind.LOCK, "lock file")
    if _MINIFIED_NAME.fullmatch(name):
        yield _Found(Kind.MINIFIED, "minified")
    if pattern := _first_match(path, tuple(GENERATED_NAMES)):
        yield _Found(Kind.GENERATED, f"generated ({GENERATED_NAMES[pattern]})")


def _says(base: AtBase, attribute: str) -> bool | None:
    """What an attribute says at the base; None when it is not specified there."""
    value = base.attributes.get(attribute, "unspecified")
    return None if value == "unspecified" else value not in ("unset", "false")


def _is_marked(change: FileChange, base: AtBase) -> bool:
    """Whether the file says that it is generated, both at the base and after the change."""
    rows = base.head.decode("utf-8", "replace").split("\n")[:MARK_LINES]
    marked = {number for number, row in enumerate(rows, 1) if _MARK.match(row)}
    if not marked:
        return False
    lines = [line for hunk in change.hunks for line in hunk.lines]
    removed = {line.old for line in lines if line.kind is LineKind.REMOVED}
    return bool(marked - removed) or any(
        line.new is not None and line.new <= MARK_LINES and line.kind is LineKind.ADDED and _MARK.match(line.text)
        for line in lines
    )


def _is_minified(change: FileChange, added: Sequence[Line], base: AtBase) -> bool:
    """Whether a script or a style sheet has long lines alone: all of a new file, or what is added to one that had."""
    if not change.path.endswith(_MAY_BE_MINIFIED):
        return False
    lengths = [len(line.text) for line in added if not _COMMENT.fullmatch(line.text)]
    if not lengths or min(lengths) < LONG_LINE_CHARS:
        return False
    rows = base.head.removesuffix(b"\n").split(b"\n")
    return change.raw_old_path is None or len(base.head) >= LONG_LINE_CHARS * len(rows)


def _is_lfs_pointer(change: FileChange) -> bool:
    """Whether the file begins as a pointer and nothing is added that does not belong into one."""
    begins = any(line.new == 1 and line.text == _LFS_VERSION for hunk in change.hunks for line in hunk.lines)
    return begins and all(_LFS_LINE.fullmatch(line.text) for line in change.added)
